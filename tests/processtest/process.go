//go:build unix

// Package processtest runs real programs as children of a test: servers, proxies. Each is in a process group of its own,
// prints into a file whose end is shown if the test fails, and is ended with its test at the latest (on Linux also if the
// test binary dies). Only processes that were started here are ever signalled.
//
//	New --Start--> runs --Signal, Pause--> runs --ends by itself, Kill--> reaped --Start--> runs again
//
// Nothing here waits for a time: conditions are polled (Await), within Patience.
package processtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Process is one child. Start, Kill and Pause are for one goroutine at a time.
type Process struct {
	Name  string
	Shown int // bytes of its output that are shown if the test fails, the last ones

	path string
	args []string
	log  string // file with all that it printed
	cmd  *exec.Cmd
	done chan struct{} // closed once the child was reaped
}

// New describes a child; Start starts it. It is ended with the test at the latest.
func New(t testing.TB, path string, args ...string) *Process {
	t.Helper()
	name := filepath.Base(path)
	p := &Process{Name: name, Shown: 2 << 10, path: path, args: args, log: filepath.Join(TempDir(t), name+".log")}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s %s printed:\n%s", p.Name, strings.Join(p.args, " "), p.Tail(p.Shown))
		}
	})
	return p
}

// Run starts a child and fails the test if that does not succeed.
func Run(t testing.TB, path string, args ...string) *Process {
	t.Helper()
	p := New(t, path, args...)
	if err := p.Start(); err != nil {
		t.Fatalf("start %s: %v", p.Name, err)
	}
	return p
}

// Start starts the child, again if it has ended. What it prints is appended to what it printed before.
func (p *Process) Start() error {
	f, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // the child has its own descriptor
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(done)
	}()
	return nil
}

// Signal sends sig to the child and everything it started.
func (p *Process) Signal(sig syscall.Signal) {
	if !p.Ended() {
		_ = syscall.Kill(-p.Pid(), sig) // fails only if the child has just ended
	}
}

// Pause stops the child and, where that can be seen, waits until none of its threads runs. SIGCONT lets it go on.
func (p *Process) Pause(t testing.TB) {
	t.Helper()
	p.Signal(syscall.SIGSTOP)
	Await(t, Patience, p.Name+" has stopped", func() bool {
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.Pid())) // none elsewhere than on Linux
		for _, name := range stats {
			b, err := os.ReadFile(name)
			if i := bytes.LastIndexByte(b, ')'); err == nil && !bytes.HasPrefix(b[i+1:], []byte(" T")) {
				return false
			}
		}
		return true
	})
}

// Kill ends the child at once, stopped or not, and waits until it is gone.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks a proxy to end, and fails the test if it had ended by itself, goes on, or has printed what none does that is well.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	if p.Ended() {
		t.Errorf("%s ended before its test did: %v", p.Name, p.State())
	}
	p.Signal(syscall.SIGTERM)
	if !Poll(Patience, p.Ended) {
		t.Errorf("%s goes on after SIGTERM", p.Name)
	}
	for _, bad := range []string{"panic", "fatal error:", "DATA RACE", "level=ERROR"} {
		if bytes.Contains(p.Printed(), []byte(bad)) {
			t.Errorf("%s printed %q:\n%s", p.Name, bad, p.Tail(8192))
		}
	}
}

// Ended says that the child was started and has ended since.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// WantAlive fails the test if the child has ended.
func (p *Process) WantAlive(t testing.TB) {
	t.Helper()
	if p.Ended() {
		t.Fatalf("%s ended: %v", p.Name, p.State())
	}
}

// Pid is the process id of the child that was started last.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// State is how the child ended; valid once it has.
func (p *Process) State() *os.ProcessState { return p.cmd.ProcessState }

// Printed is all the child's output so far.
func (p *Process) Printed() []byte {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// Tail is the last n bytes of the output.
func (p *Process) Tail(n int) string {
	b := p.Printed()
	if len(b) > n {
		b = append([]byte("..."), b[len(b)-n:]...)
	}
	return string(b)
}

// Status reads a number of /proc/PID/status; those with a unit are in KiB: VmRSS is what is resident now, VmHWM the most
// there ever was. -1: there is no /proc, or no such process or field.
func (p *Process) Status(field string) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
	if err != nil {
		return -1
	}
	for line := range bytes.Lines(b) {
		name, rest, ok := strings.Cut(string(line), ":")
		if !ok || name != field {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB")); err == nil {
			return n
		}
	}
	return -1
}

// Memory is Status of a size, in bytes. It skips the test where there is no /proc.
func (p *Process) Memory(t testing.TB, field string) int64 {
	t.Helper()
	n := p.Status(field)
	if n < 0 && runtime.GOOS != "linux" {
		t.Skip("no /proc here")
	}
	if n < 0 {
		t.Fatalf("no %s in /proc/%d/status", field, p.Pid())
	}
	return int64(n) << 10
}

// Descriptors counts the child's open files; -1: there is no /proc, or no such process.
func (p *Process) Descriptors() int {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Pid()))
	if err != nil {
		return -1
	}
	return len(all)
}
