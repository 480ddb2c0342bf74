package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// count is what was seen of a proxy in runs that are not timed, because counting slows it.
type count struct {
	Workload     string         `json:"workload"`
	Test         string         `json:"test"`
	Contender    string         `json:"contender"`
	Requests     int            `json:"requests"`
	Calls        map[string]int `json:"calls,omitempty"`        // system calls
	PerRequest   float64        `json:"per_request"`            // of them, without connectionCalls
	Instructions float64        `json:"instructions,omitempty"` // outside the kernel, for each request
}

// connectionCalls open, set up and close connections. They come once for each client of a run and would blur a figure
// for each request.
var connectionCalls = map[string]bool{
	"accept": true, "accept4": true, "bind": true, "close": true, "connect": true, "fcntl": true, "getsockname": true,
	"getsockopt": true, "ioctl": true, "setsockopt": true, "shutdown": true, "socket": true,
}

// countSyscalls runs a load with strace attached to the proxy. strace slows the proxy, so more requests are ready at each
// turn of its loop than in a timed run: the count is a lower bound. Where strace can't be had, this is logged, once.
func (b *bench) countSyscalls(ctx context.Context, w workload, test string, r runner, c *count) error {
	t := &tracer{summary: filepath.Join(b.procs.dir, "strace.txt"), pid: r.proxy.pid()}
	defer func() { _ = t.detach() }() // again, if the load failed
	var unable error
	_, err := runLoad(ctx, b.procs, w, test, r.target(w), window{
		begin: func() error { unable = t.attach(ctx, b.strace); return unable },
		end:   t.detach,
	})
	if unable != nil && ctx.Err() == nil && r.proxy.alive() {
		b.logf("  system calls are not counted: %v", unable)
		b.strace = ""
		return nil
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(t.summary)
	if err != nil {
		return err
	}
	if c.Calls, err = parseStrace(text); err != nil {
		return err
	}
	n := 0
	for name, calls := range c.Calls {
		if !connectionCalls[name] {
			n += calls
		}
	}
	c.PerRequest = float64(n) / float64(w.Requests)
	b.logf("  %-8s strace   %-10s %.2f system calls per request", test, r.name, c.PerRequest)
	return nil
}

// countInstructions runs a load with the machine's counter on the proxy, see countEvent.
func (b *bench) countInstructions(ctx context.Context, w workload, test string, r runner, c *count) error {
	var stop func() int64
	_, err := runLoad(ctx, b.procs, w, test, r.target(w), window{
		begin: func() (err error) { stop, err = countInstructions(r.proxy.pid()); return err },
		end:   func() error { c.Instructions = float64(stop()) / float64(w.Requests); return nil },
	})
	return err
}

// tracer is strace at work on one process.
type tracer struct {
	summary string // file that it writes at the end
	pid     int
	cmd     *exec.Cmd
	done    chan error // how strace ended
}

// attach returns when all threads are traced.
func (t *tracer) attach(ctx context.Context, strace string) error {
	var stderr bytes.Buffer
	t.cmd = exec.Command(strace, "-c", "-f", "-o", t.summary, "-p", strconv.Itoa(t.pid))
	t.cmd.Stderr = &stderr
	t.cmd.SysProcAttr = ownGroup()
	t.cmd.WaitDelay = time.Second
	if err := t.cmd.Start(); err != nil {
		return err
	}
	t.done = make(chan error, 1)
	go func() { t.done <- t.cmd.Wait() }()
	for deadline := time.Now().Add(5 * time.Second); !traced(t.pid); {
		select {
		case err := <-t.done:
			t.done = nil
			return fmt.Errorf("strace: %w: %s", err, strings.TrimSpace(stderr.String()))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.New("strace did not attach within 5s")
		}
	}
	return nil
}

// detach has strace write its summary, which it does on SIGINT. It may be called again.
func (t *tracer) detach() error {
	if t.done == nil {
		return nil
	}
	signalGroup(t.cmd.Process.Pid, syscall.SIGINT)
	var err error
	select {
	case err = <-t.done:
	case <-time.After(stopTimeout):
		signalGroup(t.cmd.Process.Pid, syscall.SIGKILL)
		err = <-t.done
	}
	t.done = nil
	var exit *exec.ExitError // it passes on the signal that ended it
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("strace: %w", err)
	}
	return nil
}

// parseStrace reads the table that strace -c prints: calls by name. The errors column may be blank, and the last line,
// a total, is not trusted to have the columns of the others.
//
//	% time     seconds  usecs/call     calls    errors syscall
//	------ ----------- ----------- --------- --------- ----------------
//	 60.01    0.012345          12      1000           write
//	 39.99    0.008227          16       500        10 read
//	------ ----------- ----------- --------- --------- ----------------
//	100.00    0.020572          13      1500        10 total
func parseStrace(text []byte) (map[string]int, error) {
	calls := map[string]int{}
	sc := bufio.NewScanner(bytes.NewReader(text))
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) < 5 || f[len(f)-1] == "total" {
			continue
		}
		if _, err := strconv.ParseFloat(f[0], 64); err != nil {
			continue // a heading or a rule
		}
		n, err := strconv.Atoi(f[3])
		if err != nil {
			return nil, fmt.Errorf("strace's summary: %q: %w", sc.Text(), err)
		}
		calls[f[len(f)-1]] += n
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("strace's summary %q holds no calls", text)
	}
	return calls, nil
}
