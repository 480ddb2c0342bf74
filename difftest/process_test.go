//go:build unix

package difftest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
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

// process is one child of the test, in a process group of its own. It is ended with the test at the latest.
type process struct {
	cmd  *exec.Cmd
	name string
	log  string        // file with what it printed
	done chan struct{} // closed once the child was reaped
}

// startProcess starts path with args; its output goes to a file, whose end is shown if the test fails.
func startProcess(t testing.TB, path string, args ...string) *process {
	t.Helper()
	p := &process{
		name: filepath.Base(path),
		done: make(chan struct{}),
	}
	f, err := os.CreateTemp(tempDir(t), p.name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.log = f.Name()
	p.cmd = exec.Command(path, args...)
	p.cmd.Stdout, p.cmd.Stderr = f, f
	p.cmd.SysProcAttr = childAttr()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		p.cmd.Wait() // the way it ended is in p.cmd.ProcessState
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %s printed:\n%s", p.name, strings.Join(args, " "), p.tail(2048))
		}
	})
	return p
}

// signal sends sig to the child and everything it started.
func (p *process) signal(sig syscall.Signal) {
	if p.ended() {
		return
	}
	syscall.Kill(-p.cmd.Process.Pid, sig) // fails only if the child has just ended
}

// pause stops the child and, where that can be seen, waits until none of its threads runs. SIGCONT lets it go on.
func (p *process) pause(t testing.TB) {
	t.Helper()
	p.signal(syscall.SIGSTOP)
	await(t, p.name+" has stopped", func() bool {
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid)) // none elsewhere than on Linux
		for _, name := range stats {
			b, err := os.ReadFile(name)
			if i := bytes.LastIndexByte(b, ')'); err == nil && !bytes.HasPrefix(b[i+1:], []byte(" T")) {
				return false
			}
		}
		return true
	})
}

// kill ends the child at once and waits until it is gone.
func (p *process) kill() {
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

func (p *process) tail(n int) string {
	b := p.printed()
	if len(b) > n {
		b = append([]byte("..."), b[len(b)-n:]...)
	}
	return string(b)
}

// memory reads a field of /proc/PID/status, in bytes: VmRSS is what is resident now, VmHWM the most there ever was. It
// skips the test where there is no /proc.
func (p *process) memory(t testing.TB, field string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if errors.Is(err, os.ErrNotExist) && runtime.GOOS != "linux" {
		t.Skip("no /proc here")
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		name, rest, ok := strings.Cut(string(line), ":")
		if !ok || name != field {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return kb << 10
	}
	t.Fatalf("no %s in /proc/%d/status", field, p.cmd.Process.Pid)
	return 0
}

// wantAlive fails the test if the child has ended.
func (p *process) wantAlive(t testing.TB) {
	t.Helper()
	if p.ended() {
		t.Fatalf("%s ended: %v", p.name, p.cmd.ProcessState)
	}
}

// tempDir is a new directory with a short name, since a unix socket's path has 107 bytes at most.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dt-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// freePort is a loopback port for a child to listen on. The port stays reserved until the test ends: a socket that is
// bound but never listens keeps the kernel from giving the port away while the child is down, and does not hinder a
// child that listens with SO_REUSEADDR, which all of ours do.
func freePort(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
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

// network is "unix" for a path and "tcp" for host:port.
func network(addr string) string {
	if strings.HasPrefix(addr, "/") {
		return "unix"
	}
	return "tcp"
}

// await waits until cond holds, and fails the test if it does not in time.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	awaitFor(t, patience, what, cond)
}

func awaitFor(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	end := time.Now().Add(limit)
	for wait := time.Millisecond; !cond(); wait = min(2*wait, 50*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", limit, what)
		}
		time.Sleep(wait)
	}
}

// answers reports whether whoever listens on addr answers a PING, be it with an error.
func answers(addr string) bool { return answersTo(addr, "*1\r\n$4\r\nPING\r\n", "+-") }

// mcAnswers is answers for memcached.
func mcAnswers(addr string) bool { return answersTo(addr, "version\r\n", "VS") }

// answersTo reports whether the reply to request begins with one of the bytes of first.
func answersTo(addr, request, first string) bool {
	conn, err := net.DialTimeout(network(addr), addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		return false
	}
	var b [1]byte
	_, err = conn.Read(b[:])
	return err == nil && strings.IndexByte(first, b[0]) >= 0
}
