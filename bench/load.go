package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load is what one run of a load generator says of itself. Latencies are in milliseconds; 0 for one that it does not say.
type load struct {
	command                       string
	rps, p50, p95, p99, p999, max float64
	cpu                           time.Duration // user and system time of the load generator
	late                          int           // requests that it sent too late, at a rate
}

// ourself is the program of a command line that runs this one, see generate.
const ourself = "bench"

// ours reports whether a test needs our own generator: redis-benchmark can hold no rate, has no idle clients and no
// mixture, its latencies come in steps of 8 µs, too coarse for a client that nobody keeps waiting, and its only client leaves
// too early where requests are pipelined.
func (w workload) ours(test string) bool {
	return w.Generator == ourself || w.Rate > 0 || w.Idle > 0 || w.Clients == 1 || w.Zipf > 0 || w.Fields > 0 || test == mixed || test == transaction || test == fanOut
}

func ourArgv(w workload, test, addr string) []string {
	argv := []string{
		ourself, generateCommand, "-hold", "-addr", addr, "-protocol", w.Protocol, "-test", test,
		"-clients", strconv.Itoa(w.Clients), "-requests", strconv.Itoa(w.Requests), "-pipeline", strconv.Itoa(w.Pipeline),
		"-keys", strconv.Itoa(w.Keys), "-size", strconv.Itoa(w.ValueBytes),
	}
	if w.Idle > 0 {
		argv = append(argv, "-idle", strconv.Itoa(w.Idle))
	}
	if w.Zipf > 0 {
		argv = append(argv, "-zipf", strconv.FormatFloat(w.Zipf, 'f', -1, 64))
	}
	if w.Writes > 0 {
		argv = append(argv, "-writes", strconv.FormatFloat(w.Writes, 'f', -1, 64))
	}
	if w.Rate > 0 {
		argv = append(argv, "-rate", strconv.FormatFloat(w.Rate, 'f', 0, 64))
	}
	return argv
}

// window is what surrounds the requests of a load. With our own generator, connecting and closing lie outside.
type window struct{ begin, end func() error }

// runLoad runs a load generator to its end, or kills it when ctx ends or when it takes as long as 2,000 requests a second
// would (a proxy that lost a reply leaves it waiting forever).
func runLoad(ctx context.Context, ps *processes, w workload, test, addr string, around window) (load, error) {
	timeout := time.Minute + time.Duration(w.Requests)*500*time.Microsecond
	if w.Rate > 0 {
		timeout += time.Duration(float64(w.Requests) / w.Rate * float64(time.Second))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done after %v", timeout))
	defer cancel()
	argv := w.protocol().loadArgv(w, test, addr)
	if w.TLS {
		argv = append(argv[:1:1], append([]string{"--tls", "--cacert", ps.tls.cert}, argv[1:]...)...)
	}
	command, program := strings.Join(argv, " "), argv[0]
	if program == ourself {
		self, err := os.Executable()
		if err != nil {
			return load{command: command}, err
		}
		argv[0] = self
	}
	full := pinned(ps.place.client, argv)
	cmd := exec.CommandContext(ctx, full[0], full[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	run := runTheirs
	if program == ourself {
		run = runOurs
	}
	l, err := run(cmd, w, around)
	l.command = command
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		said := strings.TrimSpace(stderr.String())
		return l, fmt.Errorf("%s, %s: %w: %s", program, test, err, said[max(0, len(said)-400):])
	}
	return l, nil
}

// runTheirs runs a generator that knows nothing of us: all that it does is in the window.
func runTheirs(cmd *exec.Cmd, w workload, around window) (load, error) {
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := around.begin(); err != nil {
		return load{}, err
	}
	ran := cmd.Run()
	if err := errors.Join(ran, around.end()); err != nil {
		said := strings.TrimSpace(stdout.String())
		return load{}, fmt.Errorf("%w: %s", err, said[max(0, len(said)-400):])
	}
	l, err := w.protocol().parseLoad(&stdout)
	l.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return l, err
}

// runOurs opens the window when all connections are open, and closes it before they are closed.
func runOurs(cmd *exec.Cmd, _ workload, around window) (l load, err error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return l, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return l, err
	}
	if err := cmd.Start(); err != nil {
		return l, err
	}
	defer func() {
		closeQuietly(stdin)
		err = errors.Join(cmd.Wait(), err)
	}()
	lines := bufio.NewReader(stdout)
	if _, err := lines.ReadString('\n'); err != nil { // it is connected
		return l, fmt.Errorf("connecting: %w", err)
	}
	if err := around.begin(); err != nil {
		return l, err
	}
	if _, err := io.WriteString(stdin, "\n"); err != nil {
		return l, err
	}
	text, err := lines.ReadBytes('\n')
	if err := errors.Join(err, around.end()); err != nil {
		return l, err
	}
	return parseOurs(text)
}

// parseOurs reads the line that our own generator prints.
func parseOurs(text []byte) (load, error) {
	var g generated
	if err := json.Unmarshal(text, &g); err != nil {
		return load{}, fmt.Errorf("its output %q: %w", text, err)
	}
	if !(g.RPS > 0) {
		return load{}, fmt.Errorf("its output %q: no requests", text)
	}
	return load{
		rps: g.RPS, p50: g.P50, p95: g.P95, p99: g.P99, p999: g.P999, max: g.Max, late: g.Late,
		cpu: time.Duration(g.CPU * float64(g.Requests) * float64(time.Microsecond)),
	}, nil
}
