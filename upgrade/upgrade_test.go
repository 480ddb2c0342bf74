package upgrade

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a condition; only a failing test uses it up.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverDir); dir != "" {
		runServer(dir)
		return
	}
	os.Exit(m.Run())
}

// process is a running server (see server_test.go) and whatever succeeded it.
type process struct {
	t    *testing.T
	dir  string
	addr string
	cmd  *exec.Cmd
	ends chan struct{} // closed when no process has the log open any more

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed when lines grow
}

// start starts the program at path, a test binary.
func start(t *testing.T, path string, env ...string) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{t: t, dir: dir, ends: make(chan struct{}), more: make(chan struct{})}
	p.mode("well")
	p.cmd = exec.Command(path)
	p.cmd.Env = append(append(os.Environ(), serverDir+"="+dir), env...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go p.read(r)
	t.Cleanup(func() {
		if p.running() {
			if pid, _, err := readPid(p.pidFile()); err == nil && pid > 1 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			_ = p.cmd.Process.Kill()
		}
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("the servers' log:\n%s", strings.Join(p.log(), "\n"))
		}
	})
	p.addr = strings.TrimPrefix(p.await("listening "), "listening ")
	return p
}

func (p *process) pidFile() string { return filepath.Join(p.dir, "pid") }

// mode says how the next successor behaves.
func (p *process) mode(mode string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "mode"), []byte(mode), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) read(r *os.File) {
	defer close(p.ends)
	defer r.Close()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) running() bool {
	select {
	case <-p.ends:
		return false
	default:
		return true
	}
}

func (p *process) log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// await waits for a line that contains text, and returns it.
func (p *process) await(text string) string {
	p.t.Helper()
	for deadline := time.After(patience); ; {
		p.mu.Lock()
		more := p.more
		for _, line := range p.lines {
			if strings.Contains(line, text) {
				p.mu.Unlock()
				return line
			}
		}
		p.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			p.t.Fatalf("still waiting for %q in the log", text)
		}
	}
}

// awaitEnd waits until all processes have ended.
func (p *process) awaitEnd() {
	p.t.Helper()
	select {
	case <-p.ends:
	case <-time.After(patience):
		p.t.Fatal("still waiting for all processes to end")
	}
}

// request upgrades.
func (p *process) request() (before, after int, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return Request(ctx, p.pidFile())
}

// load is clients that ask all the time.
type load struct {
	done, fresh, kept atomic.Int64 // requests answered; of new connections, of connections that stay
	failed            chan error
	end               context.CancelFunc
	wg                sync.WaitGroup
}

// drive starts clients that connect for each request and others that keep their connection.
func (p *process) drive(fresh, kept int) *load {
	ctx, cancel := context.WithCancel(p.t.Context())
	l := &load{failed: make(chan error, fresh+kept), end: cancel}
	for range fresh {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				if err := l.client(ctx, p.addr, 1); err != nil {
					l.failed <- err
					return
				}
				l.fresh.Add(1)
			}
		})
	}
	for range kept {
		l.wg.Go(func() {
			if err := l.client(ctx, p.addr, -1); err != nil {
				l.failed <- err
			}
		})
	}
	return l
}

// client connects, asks n times (-1: until ctx ends) and checks each answer.
func (l *load) client(ctx context.Context, addr string, n int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(4 * patience))
	r := bufio.NewReader(c)
	for i := 0; i != n && ctx.Err() == nil; i++ {
		if _, err := fmt.Fprintf(c, "%d\n", i); err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
		answer, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("answer %d: %w", i, err)
		}
		if got := strings.Fields(answer); len(got) != 2 || got[1] != strconv.Itoa(i) {
			return fmt.Errorf("answer %d is %q", i, answer)
		}
		l.done.Add(1)
		if n < 0 {
			l.kept.Add(1)
		}
	}
	return nil
}

// goesOn waits until both kinds of clients got n more answers each.
func (l *load) goesOn(t *testing.T, n int64) {
	t.Helper()
	fresh, kept := l.fresh.Load()+n, l.kept.Load()+n
	for deadline := time.Now().Add(patience); l.fresh.Load() < fresh || l.kept.Load() < kept; time.Sleep(time.Millisecond) {
		select {
		case err := <-l.failed:
			t.Fatalf("a request failed: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the clients get no answers")
		}
	}
}

// stop ends the clients and wants no failure.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.end()
	l.wg.Wait()
	close(l.failed)
	for err := range l.failed {
		t.Errorf("a request failed: %v", err)
	}
	t.Logf("%d requests, none failed", l.done.Load())
}

// who asks the server for its pid on a new connection.
func (p *process) who() int {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "who\n")
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.Fields(answer)[0])
	return pid
}

func (p *process) terminate() {
	p.t.Helper()
	pid, _, err := readPid(p.pidFile())
	for deadline := time.Now().Add(patience); err != nil || pid != p.who(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) { // a successor may serve a moment before it is in the file
			p.t.Fatalf("the pid file says %d, %v; process %d answers", pid, err, p.who())
		}
		pid, _, err = readPid(p.pidFile())
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	p.awaitEnd()
	if _, err := os.Stat(p.pidFile()); !errors.Is(err, os.ErrNotExist) {
		p.t.Errorf("the pid file is there after the end: %v", err)
	}
}

// Two upgrades in a row, under load: nothing is refused and nothing fails, and clients move to the new process.
func TestUpgrade(t *testing.T) {
	p := start(t, os.Args[0])
	l := p.drive(4, 8)
	l.goesOn(t, 50)

	for range 2 {
		before, after, err := p.request()
		if err != nil || before == after {
			t.Fatalf("Request() = %d, %d, %v", before, after, err)
		}
		p.await(fmt.Sprintf("%d replaced by %d", before, after))
		p.await(fmt.Sprintf("%d ends", before))
		if pid := p.who(); pid != after {
			t.Errorf("process %d answers; want %d", pid, after)
		}
		l.goesOn(t, 50)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the first process ended with %v", err)
	}
	l.stop(t)
	p.terminate()
}

// A successor that fails leaves the process as it was, the reason is known, and the next may succeed.
func TestSuccessorFails(t *testing.T) {
	tests := []struct{ name, mode, reason, output string }{
		{"exits", "exit", "exit status 3", "there is a mistake in my configuration"},
		{"panics", "panic", "exit status 2", "panic: not my day"},
		{"never ready", "hang", "not ready after 500ms", "I am about to do nothing"},
		{"lets go", "close", "exit status 4", "closed it all"},
		{"killed", "kill", "signal: killed", ""},
	}
	p := start(t, os.Args[0], serverTimeout+"=500ms")
	l := p.drive(2, 2)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.mode(tt.mode)
			if before, after, err := p.request(); !errors.Is(err, ErrNotReplaced) || before != after {
				t.Fatalf("Request() = %d, %d, %v; want %v", before, after, err, ErrNotReplaced)
			}
			p.await("failed: upgrade: the new process failed: " + tt.reason)
			p.await("output: " + tt.output)
			if pid := p.who(); pid != p.cmd.Process.Pid {
				t.Errorf("process %d answers; want the old one, %d", pid, p.cmd.Process.Pid)
			}
			l.goesOn(t, 20)
		})
	}

	p.mode("well")
	// The limit above is too low for a busy machine, so try until it was met.
	for deadline := time.Now().Add(patience); ; {
		before, after, err := p.request()
		if err == nil && before != after {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("Request() = %d, %d, %v", before, after, err)
		}
	}
	l.goesOn(t, 20)
	l.stop(t)
	p.terminate()
}

func TestSecondUpgradeIsRefused(t *testing.T) {
	p := start(t, os.Args[0])
	p.mode("wait")
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	waits := p.dir + "/waits"
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(waits); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("still waiting for the successor")
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.await("failed: " + ErrBusy.Error())
	p.mode("well")
	if err := os.Remove(waits); err != nil {
		t.Fatal(err)
	}
	p.await("replaced by")
	p.await(fmt.Sprintf("%d ends", p.cmd.Process.Pid))
	if pid := p.who(); pid == p.cmd.Process.Pid {
		t.Error("the old process answers")
	}
	p.terminate()
}

// An upgrade ends with the process that wanted it: there is no successor that nobody knows.
func TestTerminatedWhileUpgrading(t *testing.T) {
	p := start(t, os.Args[0])
	p.mode("wait")
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(p.dir + "/waits"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("still waiting for the successor")
		}
	}
	p.terminate()
}

// What stands where the program was found is what is started: behind a link that was turned, or a file that was replaced.
func TestNewFile(t *testing.T) {
	dir := t.TempDir()
	copyOf := func(name string) string {
		path := filepath.Join(dir, name)
		if err := copyFile(path, os.Args[0]); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(copyOf("first"), link); err != nil {
		t.Fatal(err)
	}
	p := start(t, link)
	p.await("program first")

	turned := filepath.Join(dir, "turned")
	if err := os.Symlink(copyOf("second"), turned); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(turned, link); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.request(); err != nil {
		t.Fatal(err)
	}
	p.await("program second")

	if err := os.WriteFile(filepath.Join(dir, "third"), []byte("#!/bin/sh\necho I am another program >&2\nexit 9\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "third"), filepath.Join(dir, "second")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.request(); !errors.Is(err, ErrNotReplaced) {
		t.Fatalf("Request() = %v; want %v", err, ErrNotReplaced)
	}
	p.await("exit status 9")
	p.await("output: I am another program")

	if err := os.Remove(filepath.Join(dir, "second")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.request(); !errors.Is(err, ErrNotReplaced) {
		t.Fatalf("Request() = %v; want %v", err, ErrNotReplaced)
	}
	p.await("no such file or directory")
	p.terminate()
}

func copyFile(to, from string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o700)
}

// A process that dies after its successor is ready, and before it says so, leaves it alone in charge.
func TestPredecessorDies(t *testing.T) {
	p := start(t, os.Args[0], serverDies+"=1")
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	p.await("took over")
	if pid := p.who(); pid == p.cmd.Process.Pid {
		t.Error("the dead answers")
	}
	p.terminate()
}

func TestNoPredecessor(t *testing.T) {
	p, err := Inherit()
	if p != nil || err != nil {
		t.Fatalf("Inherit() = %v, %v; want nil, nil", p, err)
	}
	if nl, err := p.Listener("any"); nl != nil || err != nil {
		t.Errorf("Listener = %v, %v; want nil, nil", nl, err)
	}
	if all, err := p.Listeners(""); len(all) != 0 || err != nil {
		t.Errorf("Listeners = %v, %v; want none", all, err)
	}
	if err := p.Ready(); err != nil {
		t.Errorf("Ready = %v", err)
	}
}
