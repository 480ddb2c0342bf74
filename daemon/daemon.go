// Package daemon has the process: its command line, start, signals, reload, drain and successor, and what it tells others.
// A run goes through this file from top to bottom: log file, signals, pid file, configuration, proxy, and then signals until
// one ends it.
//
//	cashew -c F    configs.Load --> engine.New --> Start ... signal ... Drain, Stop
//	cashew demo    startFleet --> engine.New --> Start ... signal ... Drain, Stop
//	cashew -d      the same in a child, see detach.go
//
// What the command line means is in cli.go, what signals do in process.go, what a successor gets in succession.go, the stats
// port and the admin pages in service.go. Only package main imports this one, and hands it what only that knows: Build.
package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"cashew/configs"
	"cashew/daemon/logging"
	"cashew/engine"
	"cashew/engine/admin"
	"cashew/upgrade"
	"cashew/world"
)

// Build is what the program is put together of, as far as only package main knows it.
type Build struct {
	Version string // empty: what the Go tool has recorded

	// Commands are the names of all subcommands. The demo is one of them, and the only one that Run is for.
	Commands     []string
	ListCommands func(w io.Writer) // writes a line for each
	HelpDemo     func(w io.Writer)
}

// program is what the process calls itself: nutcracker if that is the name it was started by.
var program = programName(os.Args[0])

func programName(argv0 string) string {
	if filepath.Base(argv0) == nutcracker {
		return nutcracker
	}
	return "cashew"
}

const nutcracker = "nutcracker"

// Run is the whole process but for its subcommands; it returns the exit status.
//
// Source: twemproxy 0.5.0 main: the informational options win over -t, and -t over a normal run.
func (b Build) Run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && isWord(args[0]) && !slices.Contains(b.Commands, args[0]) && program != nutcracker {
		fmt.Fprintf(stderr, "%s: %v\n", program, new(cliOptions).refuseWord(args[0], b.Commands))
		return 1
	}
	o, err := parseArgs(args)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", program, err)
		b.printUsage(stderr)
		return 1
	}
	if err := o.check(b.Commands); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", program, err)
		return 1
	}
	switch {
	case o.demo && o.help:
		b.HelpDemo(stdout)
		return 0
	case o.informs():
		b.printVersion(stderr)
		if o.help {
			b.printUsage(stderr)
		}
		if o.describeStats {
			admin.Describe(stderr)
		}
		return 0
	case o.testConf:
		return testConf(o.confFile, stderr)
	}
	ready := readyPipe()
	pred, err := upgrade.Inherit()
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", program, err)
		return 1
	}
	if o.daemonize && ready == nil && pred == nil {
		return daemonize(stderr)
	}
	return b.serve(o, stdout, stderr, ready, pred)
}

// isWord reports whether an argument is neither an option nor empty.
func isWord(arg string) bool { return arg != "" && !strings.HasPrefix(arg, "-") }

// testConf is -t. Unlike nutcracker it says what is wrong, one mistake a line.
func testConf(path string, stderr io.Writer) int {
	f, err := configs.Load(path)
	if err != nil {
		for _, line := range lines(err) {
			fmt.Fprintf(stderr, "%s: %s\n", program, line)
		}
		fmt.Fprintf(stderr, "%s: configuration file '%s' syntax is invalid\n", program, path)
		return 1
	}
	for _, w := range f.Warnings {
		fmt.Fprintf(stderr, "%s: warning: %s\n", program, w)
	}
	fmt.Fprintf(stderr, "%s: configuration file '%s' syntax is ok\n", program, path)
	return 0
}

// serve runs the proxy until a signal ends it. A daemon says on ready, which is nil for others, that it has started or
// why it has not.
//
// Source: twemproxy 0.5.0 nc_pre_run and nc_run, for the order of the steps.
func (b Build) serve(o *cliOptions, stdout, stderr io.Writer, ready *os.File, pred *upgrade.Predecessor) int {
	if ready != nil {
		defer ready.Close() //nolint:errcheck // whoever waits sees the end of it
		stderr = ready
	}
	out, err := logging.Open(o.output)
	if err != nil {
		fmt.Fprintf(stderr, "opening log file '%s' failed: %v\n", o.output, err)
		return 1
	}
	p := newProcess(o, b.version(), out, stderr)
	p.tellsStderr = o.output != "" || ready != nil
	if ready != nil {
		p.keepCrashes() // a daemon's own stderr leads nowhere
	}

	signals := make(chan os.Signal, 8)
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTTIN, syscall.SIGTTOU,
		syscall.SIGUSR1, syscall.SIGUSR2)

	if p.pid, err = openPid(o.pidFile); err != nil {
		return p.fail(fmt.Sprintf("opening pid file '%s' failed: %v", o.pidFile, err))
	}
	defer func() {
		if err := p.pid.remove(); err != nil {
			p.log.Warn(fmt.Sprintf("removing pid file '%s' failed: %v", o.pidFile, err))
		}
	}()
	defer p.stop()
	if status := p.start(pred); status != 0 {
		return status
	}
	if err := p.pid.write(); err != nil {
		return p.fail(fmt.Sprintf("writing pid file '%s' failed: %v", o.pidFile, err))
	}
	p.describe(stdout)
	if ready != nil {
		tellReady(ready)
	}
	if ready == nil {
		p.keepCrashes() // not before: up to here reasons of a failure are told on stderr
	}
	if pred == nil {
		p.tell(upgrade.NotifyReady()) // else the predecessor has said so
	}
	p.handle(signals, pred)
	return 0
}

// start has the proxy serve, with the predecessor's listeners if there is one. It returns the exit status: if it is not 0
// the log says why. What has started by then is for stop to end.
func (p *process) start(pred *upgrade.Predecessor) int {
	var state []byte
	if pred != nil {
		state = pred.State
	}
	opts, err := p.load(state)
	p.always(fmt.Sprintf("%s-%s built for %s %s %s started on pid %d",
		program, p.version, runtime.GOOS, runtime.GOARCH, runtime.Version(), os.Getpid()))
	if err != nil {
		return p.failConf(err)
	}
	p.warn()

	limited := p.limited()
	if err := errors.Join(p.newUpgrader(), inherit(&opts, pred)); err != nil {
		return p.fail(lines(err)...)
	}
	file, err := openLogs(&opts)
	if err != nil {
		return p.fail(err.Error())
	}
	if p.proxy, err = engine.New(opts, world.New(time.Now()), limited); err != nil {
		return p.fail(lines(err)...)
	}
	p.beginLogs(file)
	p.logFileLimit()
	if p.service, err = newService(p, limited, pred); err != nil {
		return p.fail(lines(err)...)
	}
	if err := p.proxy.Start(); err != nil {
		status := p.fail(lines(err)...)
		if p.fleet != nil && errors.Is(err, syscall.EADDRINUSE) {
			port := p.cli.embeddedPort
			memcached, _, _ := configs.DemoPorts(port)
			fmt.Fprintf(p.stderr, "%s: port %d or %d is taken, perhaps by another cashew or nutcracker; choose others: "+
				"cashew demo --embedded-port=22131, or make run PORT=22131\n", program, port, memcached)
		}
		return status
	}
	p.found.Load().run(nil, p) // before anybody can ask for a reload
	p.service.run()
	if err := pred.Ready(); err != nil {
		return p.fail(err.Error())
	}
	return 0
}

// stop ends what start has started.
func (p *process) stop() {
	if p.service != nil {
		p.service.close()
	}
	p.found.Load().stop()
	if p.proxy != nil {
		p.proxy.Stop()
	}
	p.logs.close()
	p.exporter.Close()
	p.fleet.Stop()
}

// describe says where the pools listen: in the log and, for the demo, on stdout.
func (p *process) describe(stdout io.Writer) {
	addrs := p.proxy.Addrs()
	for i, addr := range addrs {
		if addr != nil {
			p.log.Info("listening", "pool", p.proxy.Options().Pools[i].Name, "addr", addr.String())
		}
	}
	if p.fleet != nil {
		p.fleet.describe(stdout, addrs, p.service)
	}
}

// lines are the single errors of a joined one.
func lines(err error) []string { return strings.Split(err.Error(), "\n") }

// version is the Makefile's, else what the Go tool has recorded, without its v.
func (b Build) version() string {
	if b.Version != "" {
		return b.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "devel"
}

// eventBackend is what gnet's event loops wait with.
func eventBackend() string {
	if runtime.GOOS == "linux" {
		return "epoll"
	}
	return "kqueue"
}
