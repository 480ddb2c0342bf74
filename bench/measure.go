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

// meter is what processes have used since they started.
type meter struct {
	cpu time.Duration // user and system
	io  int64         // system calls that read or write
}

func (m meter) minus(n meter) meter { return meter{cpu: m.cpu - n.cpu, io: m.io - n.io} }

// readMeter adds up the meters of processes; a nil process and a meter that the system lacks count 0.
func readMeter(ps ...*process) meter {
	var sum meter
	for _, p := range ps {
		if p == nil {
			continue
		}
		sum.cpu += cpuTime(p.pid())
		sum.io += ioCalls(p.pid())
	}
	return sum
}

// parseProcNumber finds "name: 123 ..." in a file like /proc/PID/status or /proc/PID/io.
func parseProcNumber(text []byte, name string) (int64, bool) {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte(name+":"))
		if !ok {
			continue
		}
		f := bytes.Fields(rest)
		if len(f) == 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(string(f[0]), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// syscallCount is what strace saw of a proxy during one run.
type syscallCount struct {
	Workload   string         `json:"workload"`
	Test       string         `json:"test"`
	Contender  string         `json:"contender"`
	Requests   int            `json:"requests"`
	Calls      map[string]int `json:"calls"`
	PerRequest float64        `json:"per_request"` // without connectionCalls
}

// connectionCalls open, set up and close connections. They come once for each client of a run and would blur a figure
// for each request.
var connectionCalls = map[string]bool{
	"accept": true, "accept4": true, "bind": true, "close": true, "connect": true, "fcntl": true, "getsockname": true,
	"getsockopt": true, "ioctl": true, "setsockopt": true, "shutdown": true, "socket": true,
}

// countSyscalls runs a shorter load with strace attached to the proxy. strace slows the proxy, so more requests are
// ready at each turn of its loop than in a timed run: the count is a lower bound. An error while the proxy lives means
// that strace cannot be had here.
func (b *bench) countSyscalls(ctx context.Context, w workload, test string, r runner) (syscallCount, error) {
	w.Requests = w.straceRequests()
	c := syscallCount{Workload: w.Name, Test: test, Contender: r.name, Requests: w.Requests}
	summary := filepath.Join(b.procs.dir, "strace.txt")
	pid := r.proxy.pid()
	var stderr bytes.Buffer
	cmd := exec.Command(b.strace, "-c", "-f", "-o", summary, "-p", strconv.Itoa(pid))
	cmd.Stderr = &stderr
	cmd.SysProcAttr = ownGroup()
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return c, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ended := false
	end := func(sig syscall.Signal) error { // strace detaches on SIGINT and then writes its summary
		if ended {
			return nil
		}
		ended = true
		signalGroup(cmd.Process.Pid, sig)
		select {
		case err := <-done:
			return err
		case <-time.After(stopTimeout):
			signalGroup(cmd.Process.Pid, syscall.SIGKILL)
			return <-done
		}
	}
	defer func() { _ = end(syscall.SIGINT) }()

	for deadline := time.Now().Add(5 * time.Second); !traced(pid); {
		select {
		case err := <-done:
			ended = true
			return c, fmt.Errorf("strace: %w: %s", err, strings.TrimSpace(stderr.String()))
		case <-ctx.Done():
			return c, context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return c, errors.New("strace did not attach within 5s")
		}
	}
	if _, err := runLoad(ctx, b.procs, w, test, r.addr); err != nil {
		return c, err
	}
	if err := end(syscall.SIGINT); err != nil {
		var exit *exec.ExitError // it passes on the signal that ended it
		if !errors.As(err, &exit) {
			return c, fmt.Errorf("strace: %w", err)
		}
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		return c, err
	}
	if c.Calls, err = parseStrace(text); err != nil {
		return c, err
	}
	n := 0
	for name, calls := range c.Calls {
		if !connectionCalls[name] {
			n += calls
		}
	}
	c.PerRequest = float64(n) / float64(w.Requests)
	return c, nil
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
