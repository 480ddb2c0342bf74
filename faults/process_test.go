//go:build unix

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// process is one child, in a process group of its own. It may be started again after it ended.
type process struct {
	name string
	path string
	args []string
	log  string // file with all that it printed
	dump int    // where in it a dump of goroutines begins, if there is one

	cmd  *exec.Cmd
	done chan struct{} // closed once the child was reaped
}

// newProcess describes a child; start starts it. It is ended with the test at the latest.
func newProcess(t testing.TB, name, path string, args ...string) *process {
	t.Helper()
	p := &process{name: name, path: path, args: args, log: filepath.Join(t.TempDir(), "log")}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() && p.path == cashew { // what the servers print says little
			t.Logf("%s %s printed:\n%s", p.name, strings.Join(p.args, " "), tail(p.said(), 1<<20))
		}
	})
	return p
}

func (p *process) start() error {
	f, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		cmd.Wait() // how it ended is in cmd.ProcessState
		close(done)
	}()
	return nil
}

// signal sends sig to the child and everything it started.
func (p *process) signal(sig syscall.Signal) {
	if !p.ended() {
		syscall.Kill(-p.cmd.Process.Pid, sig) // fails only if the child has just ended
	}
}

// kill ends the child at once, stopped or not, and waits until it is gone.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// printed is all the child's output so far.
func (p *process) printed() []byte {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// said is what the child printed by itself.
func (p *process) said() []byte {
	b := p.printed()
	if p.dump > 0 {
		b = b[:p.dump]
	}
	return b
}

func tail(b []byte, n int) []byte {
	if len(b) > n {
		return append([]byte("..."), b[len(b)-n:]...)
	}
	return b
}

// status reads a number of /proc/PID/status; those with a unit are in KiB. -1: there is no /proc, or no such process.
func (p *process) status(field string) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
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

// descriptors counts the child's open files; -1: there is no /proc.
func (p *process) descriptors() int {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		return -1
	}
	return len(all)
}

// freePort is a loopback port for a child to listen on. On Linux it stays reserved until the test ends: a socket that is
// bound but never listens keeps the kernel from giving the port away while the child is down, and does not hinder a child
// that listens with SO_REUSEADDR.
func freePort(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		t.Cleanup(func() { syscall.Close(fd) })
	} else {
		syscall.Close(fd) // elsewhere it would be in the way of the child
	}
	return strconv.Itoa(sa.(*syscall.SockaddrInet4).Port)
}

// lookPath finds a program that a test cannot do without.
func lookPath(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not in PATH, and CI=true", name)
	}
	t.Skipf("%s is not in PATH", name)
	return ""
}

// poll waits until cond holds and reports whether it did in time.
func poll(limit time.Duration, cond func() bool) bool {
	end := time.Now().Add(limit)
	for wait := time.Millisecond; !cond(); wait = min(2*wait, 20*time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(wait)
	}
	return true
}

// await fails the test if cond does not hold in time.
func await(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	if !poll(limit, cond) {
		t.Fatalf("waited %v in vain: %s", limit, what)
	}
}
