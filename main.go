// Command cashew is a proxy before fleets of Redis and memcached servers: a drop-in replacement of twemproxy.
//
// This file is the wiring. A run goes through it from top to bottom: log file, signals, pid file, configuration, proxy,
// and then signals until one ends it. What the command line means is in cli.go, what a log line looks like in
// logging.go.
//
//	cashew -c F     configs.Load --> engine.New --> Start ... signal ... Stop
//	cashew          embedded.Start --> engine.New --> Start ... signal ... Stop
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cashew/backend"
	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/configs"
	"cashew/embedded"
	"cashew/engine"
)

// version is set by the Makefile, through the linker.
var version string

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole process; it returns the exit status.
//
// Source: twemproxy 0.5.0 main: the informational options win over -t, and -t over a normal run.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseArgs(args)
	if err != nil {
		fmt.Fprintf(stderr, "cashew: %v\n", err)
		printUsage(stderr)
		return 1
	}
	switch {
	case o.help || o.version || o.describeStats:
		printVersion(stderr)
		if o.help {
			printUsage(stderr)
		}
		if o.describeStats {
			fmt.Fprintln(stderr, "cashew: option -D has no effect yet: no statistics are served")
		}
		return 0
	case o.testConf:
		return testConf(o.confFile, stderr)
	}
	return serve(o, stdout, stderr)
}

// testConf is -t. Unlike nutcracker it says what is wrong, one mistake a line.
func testConf(path string, stderr io.Writer) int {
	f, err := configs.Load(path)
	if err != nil {
		for _, line := range lines(err) {
			fmt.Fprintf(stderr, "cashew: %s\n", line)
		}
		fmt.Fprintf(stderr, "cashew: configuration file '%s' syntax is invalid\n", path)
		return 1
	}
	for _, w := range f.Warnings {
		fmt.Fprintf(stderr, "cashew: warning: %s\n", w)
	}
	fmt.Fprintf(stderr, "cashew: configuration file '%s' syntax is ok\n", path)
	return 0
}

// serve runs the proxy until a signal ends it.
//
// Source: twemproxy 0.5.0 nc_pre_run and nc_run, for the order of the steps.
func serve(o *cliOptions, stdout, stderr io.Writer) int {
	out, err := openLog(o.output)
	if err != nil {
		fmt.Fprintf(stderr, "opening log file '%s' failed: %v\n", o.output, err)
		return 1
	}
	p := process{out: out, verbose: o.verbose, stderr: stderr}
	p.level.Set(slogLevel(o.verbose))
	p.log = slog.New(newLineHandler(out, &p.level))

	signals := make(chan os.Signal, 8)
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTTIN, syscall.SIGTTOU,
		syscall.SIGUSR1, syscall.SIGUSR2)

	if o.pidFile != "" {
		if err := writePid(o.pidFile); err != nil {
			return p.fail(fmt.Sprintf("opening pid file '%s' failed: %v", o.pidFile, err))
		}
		defer p.removePid(o.pidFile)
	}

	p.always(fmt.Sprintf("cashew-%s built for %s %s %s started on pid %d",
		programVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version(), os.Getpid()))
	for _, line := range o.noEffect {
		p.log.Warn(line)
	}

	opts, servers, status := p.options(o)
	defer servers.Stop()
	if opts == nil {
		return status
	}
	proxy, err := engine.New(*opts, p.log)
	if err != nil {
		return p.fail(lines(err)...)
	}
	defer proxy.Stop()
	p.logFileLimit()
	if err := proxy.Start(); err != nil {
		status := p.fail(lines(err)...)
		if servers != nil && errors.Is(err, syscall.EADDRINUSE) {
			fmt.Fprintf(stderr, "cashew: port %d or %d is taken, perhaps by another cashew or nutcracker; choose others: "+
				"cashew --embedded-port=22131, or make run PORT=22131\n", embeddedPort(o), memcachedPort(embeddedPort(o)))
		}
		return status
	}
	addrs := proxy.Addrs()
	for i, addr := range addrs {
		p.log.Info("listening", "pool", opts.Pools[i].Name, "addr", addr)
	}
	if servers != nil {
		servers.describe(stdout, addrs)
	}

	for sig := range signals {
		if p.signalled(sig.(syscall.Signal)) {
			break
		}
	}
	signal.Reset(syscall.SIGINT, syscall.SIGTERM) // whoever is in a hurry sends it twice
	return 0
}

// process is what the steps of serve share. Only serve's goroutine uses it.
type process struct {
	log     *slog.Logger
	level   slog.LevelVar
	out     *logFile
	verbose int
	stderr  io.Writer
}

// always logs a line at every log level.
func (p *process) always(text string) { p.log.Log(context.Background(), levelAlways, text) }

// fail logs why the process ends, also to stderr if the log is a file, and returns the exit status.
func (p *process) fail(reasons ...string) int {
	for _, text := range reasons {
		p.always(text)
		if p.out.path != "" {
			fmt.Fprintf(p.stderr, "cashew: %s\n", text)
		}
	}
	return 1
}

// options come from the configuration file or, where there is none and none was asked for, from the embedded default,
// whose servers it starts and returns. Without options the process ends with status.
func (p *process) options(o *cliOptions) (opts *engine.Options, servers *fleet, status int) {
	if useEmbedded(o) {
		servers, err := startFleet()
		if err != nil {
			return nil, nil, p.fail(err.Error())
		}
		if o.embeddedPort < 0 {
			p.always("no configuration file given and no " + defaultConfFile + " here: starting the embedded default")
		}
		return servers.options(embeddedPort(o)), servers, 0
	}

	f, err := configs.Load(o.confFile)
	if err != nil {
		status := p.fail(lines(err)...)
		fmt.Fprintf(p.stderr, "cashew: configuration file '%s' syntax is invalid\n", o.confFile)
		return nil, nil, status
	}
	for _, w := range f.Warnings {
		p.log.Warn(w)
	}
	f.Options.Version = programVersion()
	return &f.Options, nil, 0
}

// useEmbedded reports whether the user asked for the embedded default, or for nothing in a place that has nothing.
func useEmbedded(o *cliOptions) bool {
	if o.embeddedPort >= 0 || o.confGiven {
		return !o.confGiven
	}
	_, err := os.Stat(defaultConfFile)
	return errors.Is(err, fs.ErrNotExist)
}

func embeddedPort(o *cliOptions) int {
	if o.embeddedPort >= 0 {
		return o.embeddedPort
	}
	return defaultEmbeddedPort
}

// fleet is the embedded default: in-memory servers of both kinds.
type fleet struct{ redis, memcached *embedded.Servers }

// startFleet starts three servers of each kind.
func startFleet() (f *fleet, err error) {
	f = &fleet{}
	if f.redis, err = embedded.Start(3); err != nil {
		return nil, err
	}
	if f.memcached, err = embedded.StartMemcached(3); err != nil {
		f.Stop()
		return nil, err
	}
	return f, nil
}

// Stop may be called on nil.
func (f *fleet) Stop() {
	if f != nil {
		f.redis.Stop()
		f.memcached.Stop()
	}
}

// options are one pool for each kind of server, with a configuration file's defaults.
func (f *fleet) options(port int) *engine.Options {
	return &engine.Options{Version: programVersion(), Pools: []engine.PoolOptions{
		embeddedPool("redis", resp.New(resp.Options{}), port, f.redis.Addrs()),
		embeddedPool("memcached", memcached.New(memcached.Options{Admin: true}), memcachedPort(port), f.memcached.Addrs()),
	}}
}

// memcachedPort is the next after the one for Redis, or one that the kernel chooses, too.
func memcachedPort(port int) int {
	if port == 0 {
		return 0
	}
	return port + 1
}

func embeddedPool(name string, p codec.Protocol, port int, servers []string) engine.PoolOptions {
	listen := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	pool := engine.PoolOptions{
		Options: backend.Options{
			Name:               name,
			Protocol:           p,
			Hash:               "fnv1a_64",
			Distribution:       "ketama",
			ServerConnections:  1,
			ServerRetryTimeout: 30 * time.Second,
			ServerFailureLimit: 2,
		},
		Listen:  engine.Listen{Text: listen, Network: "tcp", Addr: listen},
		Backlog: 512,
	}
	for i, addr := range servers {
		pool.Servers = append(pool.Servers, backend.Server{
			Name:    fmt.Sprintf("%s%d", name, i+1), // by name, so that keys stay where they are whatever the ports
			PName:   addr + ":1",
			Network: "tcp",
			Addr:    addr,
			Weight:  1,
		})
	}
	return pool
}

// describe tells a newcomer what is running and what to type next. addrs are those of the pools in options.
func (f *fleet) describe(w io.Writer, addrs []net.Addr) {
	const line = "cashew listens on %s, before %d in-memory %s servers that forget everything at the end:\n"
	fmt.Fprintf(w, line, addrs[0], len(f.redis.Addrs()), "Redis")
	for i, addr := range f.redis.Addrs() {
		fmt.Fprintf(w, "  redis%d  %s\n", i+1, addr)
	}
	fmt.Fprintf(w, line, addrs[1], len(f.memcached.Addrs()), "memcached")
	for i, addr := range f.memcached.Addrs() {
		fmt.Fprintf(w, "  memcached%d  %s\n", i+1, addr)
	}
	_, redis, _ := net.SplitHostPort(addrs[0].String())
	_, mc, _ := net.SplitHostPort(addrs[1].String())
	fmt.Fprintf(w, "Try:\n  redis-cli -p %s set hello world\n  redis-cli -p %s get hello\n"+
		"  printf 'set hello 0 0 5\\r\\nworld\\r\\nget hello\\r\\nquit\\r\\n' | nc 127.0.0.1 %s\nCtrl-C ends it.\n", redis, redis, mc)
}

// signalled handles one signal and reports whether it ends the process. Unlike nutcracker's, that end is an orderly one.
//
// Source: twemproxy 0.5.0 nc_signal.c.
func (p *process) signalled(sig syscall.Signal) (end bool) {
	text := fmt.Sprintf("signal %d (%s) received", int(sig), unix.SignalName(sig))
	switch sig {
	case syscall.SIGINT, syscall.SIGTERM:
		p.always(text + ", exiting")
		return true
	case syscall.SIGHUP:
		p.always(text + ", reopening log file")
		if err := p.out.Reopen(); err != nil {
			p.log.Error(fmt.Sprintf("opening log file '%s' failed: %v", p.out.path, err))
		}
	case syscall.SIGTTIN:
		p.always(text + ", up logging level")
		if p.verbose < maxVerbose {
			p.setVerbose(p.verbose + 1)
			p.always(fmt.Sprintf("up log level to %d", p.verbose))
		}
	case syscall.SIGTTOU:
		p.always(text + ", down logging level")
		if p.verbose > 0 {
			p.setVerbose(p.verbose - 1)
			p.always(fmt.Sprintf("down log level to %d", p.verbose))
		}
	default:
		p.always(text)
	}
	return false
}

func (p *process) setVerbose(n int) {
	p.verbose = n
	p.level.Set(slogLevel(n))
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

// writePid writes the decimal pid, without a newline. The error is the system's alone, without the path.
func writePid(path string) error {
	return systemError(os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o644))
}

func (p *process) removePid(path string) {
	if err := os.Remove(path); err != nil {
		p.log.Warn(fmt.Sprintf("removing pid file '%s' failed: %v", path, systemError(err)))
	}
}

// lines are the single errors of a joined one.
func lines(err error) []string { return strings.Split(err.Error(), "\n") }

// programVersion is the Makefile's, else what the Go tool has recorded, without its v.
func programVersion() string {
	if version != "" {
		return version
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
