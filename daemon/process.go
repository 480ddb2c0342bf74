package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cashew/configs"
	"cashew/daemon/logging"
	"cashew/engine"
	"cashew/engine/admin"
	"cashew/otlp"
	"cashew/upgrade"
)

// process is the running program: what signals and reloads change.
type process struct {
	cli         *cliOptions
	version     string
	log         *slog.Logger // without a limit: the process's own lines are few
	lines       *logging.Handler
	recent      *logging.Recent // what they said lately
	level       slog.LevelVar
	out         *logging.File
	stderr      io.Writer
	tellsStderr bool // the log is elsewhere: why the process ends goes to stderr, too
	pid         *pidFile
	upgrader    *upgrade.Upgrader
	replaced    chan *upgrade.Successor // who took over
	verbose     int                     // only the goroutine that handles signals uses it
	fleet       *fleet                  // nil but for the demo
	proxy       *engine.Proxy
	service     *service
	logs        logs                   // none until the proxy is made
	exporter    *otlp.Exporter         // of traces; likewise
	found       atomic.Pointer[finder] // where pools' servers are looked for; nil: nowhere

	reloading sync.Mutex    // one at a time: one may also be asked for over the network
	warnings  []string      // about the options in force, which proxy has; under reloading
	loaded    *configs.File // whose options these are; nil for the demo; under reloading
}

func newProcess(o *cliOptions, version string, out *logging.File, stderr io.Writer) *process {
	p := &process{cli: o, version: version, out: out, stderr: stderr, verbose: o.verbose}
	p.level.Set(logging.Level(o.verbose))
	p.lines = logging.NewHandler(out, &p.level)
	p.recent = logging.NewRecent(p.lines)
	p.log = slog.New(p.recent)
	return p
}

// limited is a log for what others can make happen as often as they like.
func (p *process) limited() *slog.Logger { return slog.New(logging.NewLimiter(p.recent)) }

// always logs a line at every log level.
func (p *process) always(text string) { p.log.Log(context.Background(), logging.LevelAlways, text) }

// fail logs why the process ends, also to stderr if the log is elsewhere, and returns the exit status.
func (p *process) fail(reasons ...string) int {
	for _, text := range reasons {
		p.always(text)
		if p.tellsStderr {
			fmt.Fprintf(p.stderr, "%s: %s\n", program, text)
		}
	}
	return 1
}

// failConf is fail for what load returned.
func (p *process) failConf(err error) int {
	status := p.fail(lines(err)...)
	if !p.cli.demo {
		fmt.Fprintf(p.stderr, "%s: configuration file '%s' syntax is invalid\n", program, p.cli.confFile)
	}
	if !p.cli.given["conf-file"] && errors.Is(err, fs.ErrNotExist) && program != nutcracker {
		fmt.Fprintln(p.stderr, "cashew: -c names another file; \"cashew demo\" is a proxy to try out, without a file")
	}
	return status
}

// load reads the options to start with: from the configuration file or, for the demo, those of the embedded default, whose
// servers it starts. The log has their format from here on. Where servers are looked for elsewhere, they are by now; state is what a
// predecessor left.
func (p *process) load(state []byte) (o engine.Options, err error) {
	if p.cli.demo {
		if p.fleet, err = startFleet(); err != nil {
			return o, err
		}
		o = p.fleet.options(p.cli.embeddedPort)
	} else {
		f, err := configs.Load(p.cli.confFile)
		if err != nil {
			return o, err
		}
		o, p.warnings, p.loaded = f.Options, f.Warnings, f
	}
	p.complete(&o, p.loaded)
	p.lines.SetFormat(o.LogFormat)
	found, err := p.found.Load().prepare(&o, discoveredIn(state), p.limited())
	if err == nil {
		p.found.Store(found)
	}
	return o, err
}

// complete has o say what only the process knows.
func (p *process) complete(o *engine.Options, f *configs.File) {
	o.Version = p.version
	if f == nil || !f.Has("drain_delay") {
		o.DrainDelay = p.cli.drainDelay
	}
}

// warn logs what there is to say about the options.
func (p *process) warn() {
	for _, w := range p.warnings {
		p.log.Warn(w)
	}
}

// errNoFile is why the embedded default cannot be loaded anew.
var errNoFile = errors.New("there is no configuration file to load: this is the demo")

// reload reads the configuration file again and has the proxy go on with it. It logs what has changed or, on error, all
// that is wrong; then nothing has changed. Any goroutine may call it.
func (p *process) reload() (engine.Changes, error) {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	p.tell(upgrade.NotifyReloading())
	changes, err := p.reloadFile()
	p.tell(upgrade.NotifyReady())
	if err != nil {
		p.audit("reload", "failed")
		p.log.Error("configuration not reloaded, nothing has changed", "file", p.cli.confFile)
		for _, line := range lines(err) {
			p.log.Error(line)
		}
		return changes, err
	}
	p.audit("reload", strings.Join(append([]string{changes.String()}, changes.Notes...), "; "))
	p.log.Info("configuration reloaded: "+changes.String(), "file", p.cli.confFile)
	p.warn()
	for _, note := range changes.Notes {
		p.log.Info(note)
	}
	return changes, nil
}

func (p *process) reloadFile() (engine.Changes, error) {
	if p.cli.demo {
		return engine.Changes{}, errNoFile
	}
	f, err := configs.Load(p.cli.confFile)
	if err != nil {
		p.proxy.ReloadFailed(err)
		return engine.Changes{}, err
	}
	if err := admin.Check(&f.Options); err != nil {
		p.proxy.ReloadFailed(err)
		return engine.Changes{}, err
	}
	file, err := openLogs(&f.Options)
	if err != nil {
		p.proxy.ReloadFailed(err)
		return engine.Changes{}, err
	}
	changes, err := p.goOnWith(f)
	if err != nil {
		file.close()
		return changes, err
	}
	p.logs.use(file)
	p.exporter.Use(p.collector())
	p.lines.SetFormat(f.Options.LogFormat)
	if err := p.service.move(f.Options.Admin); err != nil {
		changes.Notes = append(changes.Notes, fmt.Sprintf("the admin pages stay where they are: %v", err))
	}
	return changes, nil
}

// goOnWith has the proxy go on with a file's options.
func (p *process) goOnWith(f *configs.File) (engine.Changes, error) {
	p.complete(&f.Options, f)
	was := p.found.Load()
	found, err := was.prepare(&f.Options, nil, p.limited())
	if err != nil {
		p.proxy.ReloadFailed(err)
		return engine.Changes{}, err
	}
	changes, err := p.proxy.Reload(f.Options)
	if err != nil {
		found.discard(was)
		return changes, err
	}
	p.warnings, p.loaded = f.Warnings, f
	p.found.Store(found)
	found.run(was, p)
	return changes, nil
}

// handle does what signals ask for, until one has ended the process in an orderly way: at SIGTERM or SIGINT what is in
// flight is answered, for drain_timeout at most, once drain_delay is over; a second one ends that at once.
//
// Source: twemproxy 0.5.0 nc_signal.c.
func (p *process) handle(signals <-chan os.Signal, pred *upgrade.Predecessor) {
	drain, cancel := context.WithCancel(context.Background())
	upgrading, giveUp := context.WithCancel(drain)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	tasks.Go(func() {
		upgrade.Watchdog(drain, p.isAlive, func(err error) { p.log.Error(err.Error()) })
	})
	tasks.Go(func() { p.watchSecrets(drain) })
	if pred != nil {
		tasks.Go(func() { p.inherit(upgrading, pred) })
	}
	end := func(f func(context.Context) error) chan error {
		giveUp()
		drained := make(chan error, 1)
		go func() {
			drained <- f(drain)
		}()
		return drained
	}
	var drained chan error // nil until it drains
	for {
		select {
		case err := <-drained:
			if err != nil {
				p.always("not all that was in flight was answered: " + err.Error())
			}
			return
		case sig := <-signals:
			if sig == syscall.SIGUSR2 && drained == nil {
				tasks.Go(func() { p.upgrade(upgrading) })
			}
			if !p.signalled(sig.(syscall.Signal)) {
				continue
			}
			if drained != nil {
				return
			}
			p.tell(upgrade.NotifyStopping())
			p.audit("drain", unix.SignalName(sig.(syscall.Signal)))
			drained = end(p.drain)
		case next := <-p.replaced:
			if drained == nil {
				drained = end(func(ctx context.Context) error { return p.yield(ctx, next) })
			}
		}
	}
}

// drain ends the proxy in order. For drain_delay it goes on to accept, and says already that it is not ready: who asks it every few
// seconds where to send clients has looked away when the ports close.
func (p *process) drain(ctx context.Context) error {
	o := p.proxy.Options()
	p.proxy.Leave()
	if o.DrainDelay > 0 {
		p.log.Info("not ready any more, still accepting", "for", o.DrainDelay)
		select {
		case <-time.After(o.DrainDelay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ctx, cancel := p.forDrain(ctx)
	defer cancel()
	return p.proxy.Drain(ctx)
}

// forDrain bounds how long what is in flight is waited for.
func (p *process) forDrain(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, p.proxy.Options().DrainTimeout)
}

// signalled handles one signal and reports whether the process is to end.
func (p *process) signalled(sig syscall.Signal) (end bool) {
	text := fmt.Sprintf("signal %d (%s) received", int(sig), unix.SignalName(sig))
	switch sig {
	case syscall.SIGINT, syscall.SIGTERM:
		p.always(text + ", exiting")
		return true
	case syscall.SIGHUP:
		p.always(text + ", reopening log file")
		if err := p.out.Reopen(); err != nil {
			p.log.Error(fmt.Sprintf("opening log file '%s' failed: %v", p.cli.output, err))
		}
		p.reopenLogs()
		go p.reload() //nolint:errcheck // it has logged what is wrong
	case syscall.SIGUSR1:
		p.always(text + ", reloading configuration")
		go p.reload() //nolint:errcheck // the same
	case syscall.SIGTTIN:
		p.always(text + ", up logging level")
		p.setVerbose("up", p.verbose+1)
	case syscall.SIGTTOU:
		p.always(text + ", down logging level")
		p.setVerbose("down", p.verbose-1)
	default:
		p.always(text)
	}
	return false
}

// setVerbose changes the log level and says so, if there is such a level.
func (p *process) setVerbose(way string, n int) {
	if n < 0 || n > logging.MaxVerbose {
		return
	}
	p.verbose = n
	p.level.Set(logging.Level(n))
	p.always(fmt.Sprintf("%s log level to %d", way, n))
}

// keepCrashes has the reason of a crash in the log.
func (p *process) keepCrashes() {
	if err := p.out.TakeStderr(upgrade.SetStderr); err != nil {
		p.log.Warn("the reason of a crash will not be in the log", "error", err)
	}
}

// logFileLimit says how many files and connections the process may have open. Package os has raised the soft limit to
// the hard one before main began.
func (p *process) logFileLimit() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		p.log.Warn("reading RLIMIT_NOFILE failed", "error", err)
		return
	}
	p.log.Info("open files are limited, soft limit raised to the hard one", "soft", limit.Cur, "hard", limit.Max)
}
