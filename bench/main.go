// Bench loads Redis and memcached servers directly, through cashew and through nutcracker, in turn, and prints what a
// request cost each of the three processes that it met:
//
//	load generator ---------------------------> server       direct
//	load generator ---> cashew ---------------> server(s)
//	load generator ---> nutcracker -v 4 ------> server(s)
//	load generator ---> echo, one gnet loop                  the least that a hop costs
//	load generator, TLS ---> stunnel ---> cashew ---> server for TLS without a proxy that has it
//	load generator ---> whatever CASHEW_BENCH_PROXIES names ---> server(s)
//
// The load generator is redis-benchmark for Redis; for memcached it is memtier_benchmark where that is installed. For all
// that they can't do it is the bench itself, in a process of its own (package generator): mixtures and keys by Zipf's law, whole hashes, transactions, and
// messages to many subscribers. nutcracker and echo have no part in the last two; whoever CASHEW_BENCH_PROXIES names has.
//
// A machine's speed drifts by more than the contenders differ, so they run in turn (direct, cashew, nutcracker, direct,
// ...) and every ratio is taken inside one round: 40 bursts of a third of a second each, of whose ratios the table shows the mean with two standard
// errors; of fewer rounds, the median and the spread.
//
//	go run ./bench                         what goals.go asks for, bursts in turn, about an hour
//	go run ./bench -rounds 3               the same in whole runs, about ten minutes: a first look
//	go run ./bench -set matrix             every payload, pipeline, number of clients and servers, command, protocol
//	go run ./bench -set scale              from 1 to 10,000 clients and to 100 servers, on pinned CPUs
//	go run ./bench -quick                  every workload with few requests: does it work at all?
//	go run ./bench -run '^mc' -rounds 9    some workloads of the set
//	go run ./bench -show results/x.json    print the tables of a kept result again; with -pages, into README.md and docs
//	CASHEW_BENCH_PROXIES=cashew-base=old/cashew go run ./bench -contenders direct,cashew,cashew-base
//
// It starts all servers itself, on loopback and on ports that the kernel picks, and ends them when it ends. One goroutine
// does everything; each started process has another that waits for it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	set        string
	generator  string
	goals      bool
	rounds     int
	scale      float64
	quick      bool
	keys       int
	run        string
	contenders string
	cashew     string
	nutcracker string
	loops      int
	pin        bool
	syscalls   bool
	out        string
	name       string
	show       string
	pages      bool
	list       bool
}

func main() {
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	var err error
	switch command {
	case generateCommand:
		runtime.GOMAXPROCS(1) // one CPU, as redis-benchmark has
		err = generate(os.Args[2:], os.Stdout)
	case handshakesCommand:
		err = handshake(os.Args[2:], os.Stdin, os.Stdout)
	case echoCommand:
		err = serveEcho(os.Args[2:])
	default:
		ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// Bursts in turn are how contenders are compared if nothing else is asked for: 40 rounds in which each of them has a third of a second. What else the
// machine does meanwhile meets all alike, and so many ratios have a mean that says something.
const (
	bursts = 40
	burst  = 1.0 / 3
)

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.set, "set", setGoals, "workloads: "+setNames())
	fs.StringVar(&o.generator, "generator", "", "\""+ourself+"\": our own load generator for all; else it is the workload's choice")
	fs.BoolVar(&o.goals, "goals", false, "print what became of the goals, without the tables")
	fs.IntVar(&o.rounds, "rounds", bursts, "how often every contender runs every workload, all in turn")
	fs.Float64Var(&o.scale, "n", burst, "factor on the number of requests of each workload, of which 1 takes direct about a second")
	fs.BoolVar(&o.quick, "quick", false, "smoke run of about a minute: 2 rounds, few requests, few keys; its numbers mean nothing")
	fs.IntVar(&o.keys, "keys", 100_000, "keys in the servers, all prefilled (large values: at most 1,000)")
	fs.StringVar(&o.run, "run", "", "run only workloads of the set whose name matches this regexp (see -list), such as near-, multi, fanout, unix, tls, resp3, cluster, mc-")
	fs.StringVar(&o.contenders, "contenders", "", "who takes part, in this order (default direct,cashew,nutcracker,echo,stunnel and those that "+proxiesEnv+" names)")
	fs.StringVar(&o.cashew, "cashew", filepath.Join("bin", "cashew"), "cashew's binary")
	fs.StringVar(&o.nutcracker, "nutcracker", "nutcracker", "nutcracker's binary, looked up in PATH")
	fs.IntVar(&o.loops, "loops", 0, "cashew's event loops; 0 leaves them to the workload")
	fs.BoolVar(&o.pin, "pin", false, "taskset: the load generator on one CPU, proxy and servers on another")
	fs.BoolVar(&o.syscalls, "syscalls", true, "count the proxies' system calls with strace, and instructions where the machine does, in extra runs that are not timed")
	fs.StringVar(&o.out, "out", filepath.Join("bench", "results"), "directory for the result")
	fs.StringVar(&o.name, "name", "", "keep the result as NAME.json; without it the file is local-TIME.json, which git ignores")
	fs.StringVar(&o.show, "show", "", "print the tables of this result file and end")
	fs.BoolVar(&o.pages, "pages", false, "with -show: write its figures into "+strings.Join(pages, " and ")+", and end")
	fs.BoolVar(&o.list, "list", false, "print the workloads and end")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if set["rounds"] && o.rounds < manyRounds && !set["n"] {
		o.scale = 1
	}
	if o.quick {
		if !set["rounds"] {
			o.rounds = 2
		}
		if !set["n"] {
			o.scale = 0.01
		}
		if !set["keys"] {
			o.keys = 2_000
		}
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.rounds < 1 || o.rounds > 1000:
		return o, fmt.Errorf("-rounds %d: want 1 to 1000", o.rounds)
	case !(o.scale > 0 && o.scale <= 1000):
		return o, fmt.Errorf("-n %v: want more than 0, at most 1000", o.scale)
	case o.keys < 1 || o.keys > 10_000_000:
		return o, fmt.Errorf("-keys %d: want 1 to 10000000", o.keys)
	case o.pages && o.show == "":
		return o, errors.New("-pages: want -show, a result that git keeps")
	case o.loops < 0:
		return o, fmt.Errorf("-loops %d: want 0 or more", o.loops)
	case sets[o.set] == nil:
		return o, fmt.Errorf("-set %q: want one of %s", o.set, setNames())
	case o.generator != "" && o.generator != ourself:
		return o, fmt.Errorf("-generator %q: want nothing or %q", o.generator, ourself)
	case strings.ContainsAny(o.name, `/\`):
		return o, fmt.Errorf("-name %q: want a file name without directory", o.name)
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if o.show != "" {
		res, err := readResult(o.show)
		if err != nil {
			return err
		}
		if o.pages {
			return res.writePages(".")
		}
		return res.write(stdout, o.goals)
	}
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	if o.list {
		for _, w := range chosen {
			fmt.Fprintf(stdout, "%-16s %s\n", w.Name, w.describe())
		}
		return nil
	}
	chosen, err = runnable(chosen, stderr)
	if err != nil {
		return err
	}
	cs, err := findContenders(o, stderr)
	if err != nil {
		return err
	}
	raiseFileLimit()

	dir, err := os.MkdirTemp("", "cashew-bench-")
	if err != nil {
		return err
	}
	keepDir := false
	defer func() {
		if !keepDir {
			_ = os.RemoveAll(dir)
		}
	}()
	procs := &processes{dir: dir}
	defer procs.stopAll() // also when what follows panics
	if o.pin {
		if procs.place, err = pinPlacement(); err != nil {
			return fmt.Errorf("-pin: %w", err)
		}
	}

	b := &bench{
		procs: procs, contenders: cs, rounds: o.rounds, progress: stderr,
		result: newResult(ctx, o, cs, chosen, procs),
	}
	if o.syscalls {
		if stop, err := countInstructions(os.Getpid()); err == nil {
			stop()
			b.counter = true
		}
		if b.strace, err = exec.LookPath("strace"); err != nil {
			fmt.Fprintln(stderr, "bench: strace is not in PATH; system calls are not counted")
		}
	}
	failed := b.run(ctx, chosen)
	if failed != nil {
		b.result.warnf("not complete: %v", failed)
		if ctx.Err() == nil {
			keepDir = true
			procs.printLogs(stderr)
			fmt.Fprintf(stderr, "bench: all logs and configuration files are left in %s\n", dir)
		}
	}
	if len(b.result.Samples) > 0 {
		if err := b.result.write(stdout, o.goals); err != nil {
			return errors.Join(failed, err)
		}
		file, err := b.result.save(o.out, o.name)
		if err != nil {
			return errors.Join(failed, err)
		}
		fmt.Fprintf(stderr, "bench: took %v; all samples are in %s\n", time.Since(b.result.Started).Round(time.Second), file)
	}
	return failed
}

// choose returns the workloads of -set that -run matches, as the other flags want them.
func choose(o options) ([]workload, error) {
	filter, err := regexp.Compile(o.run)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	var chosen []workload
	for _, w := range sets[o.set] {
		if !filter.MatchString(w.Name) {
			continue
		}
		w = w.scaled(o.scale, o.keys)
		if o.loops > 0 {
			w.Loops = o.loops
		}
		if o.generator != "" {
			w.Generator = o.generator
		}
		chosen = append(chosen, w)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-run %q matches no workload of -set %s; -list prints them", o.run, o.set)
	}
	return chosen, nil
}

// runnable leaves out the workloads whose servers or load generators are missing, with a line on stderr.
func runnable(ws []workload, stderr io.Writer) ([]workload, error) {
	for _, p := range protocols {
		for _, bin := range p.binaries() {
			if _, err := exec.LookPath(bin); err != nil {
				fmt.Fprintf(stderr, "bench: the %s workloads are left out: no %s in PATH (make servers)\n", p.name(), bin)
				ws = slices.DeleteFunc(ws, func(w workload) bool { return w.Protocol == p.name() })
				break
			}
		}
	}
	if len(ws) == 0 {
		return nil, errors.New("nothing to measure: no workload can run here")
	}
	return ws, nil
}
