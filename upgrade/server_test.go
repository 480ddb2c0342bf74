package upgrade

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The environment of the test binary as a server.
const (
	serverDir     = "UPGRADE_TEST_DIR"     // where its pid file is, and the file mode, which says how a successor behaves
	serverTimeout = "UPGRADE_TEST_TIMEOUT" // Options.Timeout
	serverDies    = "UPGRADE_TEST_DIES"    // the first process dies instead of Commit
)

// server answers each line with its pid and the line. It hands its clients to its successor.
type server struct {
	dir     string
	nl      *net.TCPListener
	mu      sync.Mutex
	clients map[*net.TCPConn]bool
	given   *net.UnixConn // clients go there from now on
	wg      sync.WaitGroup

	replaced bool
}

func (s *server) pidFile() string { return filepath.Join(s.dir, "pid") }

func (s *server) writePid() error {
	return os.WriteFile(s.pidFile(), []byte(strconv.Itoa(os.Getpid())), 0o600)
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runServer is the process.
func runServer(dir string) {
	pred, err := Inherit()
	must(err)
	if pred != nil {
		misbehave(dir, pred)
	}
	exe, _ := os.Executable()
	say("program %s", filepath.Base(exe))
	var timeout time.Duration
	if text := os.Getenv(serverTimeout); text != "" {
		timeout, err = time.ParseDuration(text)
		must(err)
	}

	s := &server{dir: dir, clients: make(map[*net.TCPConn]bool)}
	inherited, err := pred.Listeners("pool ")
	must(err)
	nl := inherited["main"]
	if nl == nil {
		nl, err = net.Listen("tcp", "127.0.0.1:0")
		must(err)
	}
	s.nl = nl.(*net.TCPListener)
	up, err := New(Options{Timeout: timeout, Files: func() (map[string]*os.File, error) {
		f, err := ListenerFile(s.nl)
		return map[string]*os.File{"pool main": f}, err
	}})
	must(err)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR2)
	signal.Ignore(syscall.SIGPIPE)
	s.wg.Go(s.accept)
	must(pred.Ready())
	must(s.writePid())
	if pred == nil {
		must(NotifyReady())
	} else {
		say("%d took over", os.Getpid())
		s.take(pred.Conn)
	}
	say("listening %s", s.nl.Addr())
	s.run(up, signals)
	if !s.replaced {
		must(os.Remove(s.pidFile()))
	}
	say("%d ends", os.Getpid())
}

// misbehave does what the file mode says a successor shall do.
func misbehave(dir string, pred *Predecessor) {
	mode, err := os.ReadFile(filepath.Join(dir, "mode"))
	must(err)
	switch string(mode) {
	case "exit":
		fmt.Fprintln(os.Stderr, "there is a mistake in my configuration")
		os.Exit(3)
	case "panic":
		panic("not my day")
	case "hang":
		fmt.Fprintln(os.Stderr, "I am about to do nothing")
		time.Sleep(time.Hour)
	case "close":
		fmt.Fprintln(os.Stderr, "closed it all")
		_ = pred.control.Close()
		os.Exit(4)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "wait":
		waits := dir + "/waits"
		must(os.WriteFile(waits, nil, 0o600))
		for _, err := os.Stat(waits); err == nil; _, err = os.Stat(waits) {
			time.Sleep(time.Millisecond)
		}
	}
}

// run handles signals until one ends the process.
func (s *server) run(up *Upgrader, signals <-chan os.Signal) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	upgraded := make(chan *Successor)
	upgrading := sync.WaitGroup{}
	defer upgrading.Wait()
	defer cancel() // before that wait
	for {
		select {
		case sig := <-signals:
			if sig == syscall.SIGTERM {
				must(NotifyStopping())
				_ = s.nl.Close()
				return
			}
			upgrading.Go(func() {
				if next := s.upgrade(ctx, up); next != nil {
					upgraded <- next
				}
			})
		case next := <-upgraded:
			s.replaced = true
			_ = s.nl.Close()
			n := s.hand(next.Conn)
			say("%d replaced by %d, which got %d clients", os.Getpid(), next.Pid, n)
			next.Close()
			return
		}
	}
}

func (s *server) upgrade(ctx context.Context, up *Upgrader) *Successor {
	must(NotifyReloading())
	next, err := up.Start(ctx)
	if os.Getenv(serverDies) != "" && err == nil {
		_ = os.Unsetenv(serverDies)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	if err == nil {
		err = next.Commit()
	}
	if err == nil {
		must(NotifyReplaced(next.Pid))
		return next
	}
	say("failed: %v", err)
	var f *Failure
	if errors.As(err, &f) {
		for line := range strings.Lines(f.Output) {
			say("output: %s", strings.TrimSpace(line))
		}
		if f.Output == "" {
			say("output: ")
		}
	}
	if !errors.Is(err, ErrBusy) {
		must(NotifyReady())
		if ctx.Err() == nil {
			must(s.writePid())
		}
	}
	return nil
}

func (s *server) accept() {
	for {
		c, err := s.nl.AcceptTCP()
		if err != nil {
			return
		}
		s.serve(c)
	}
}

// serve answers c's lines until it leaves, or goes to the successor between two of them.
func (s *server) serve(c *net.TCPConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c] = true
	if s.given != nil {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
	s.wg.Go(func() {
		defer c.Close()
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if errors.Is(err, os.ErrDeadlineExceeded) {
				if s.give(c, line) {
					return
				}
				continue
			}
			if err != nil {
				s.mu.Lock()
				delete(s.clients, c)
				s.mu.Unlock()
				return
			}
			fmt.Fprintf(c, "%d %s", os.Getpid(), line)
		}
	})
}

// give sends a client and what it has said so far.
func (s *server) give(c *net.TCPConn, kept string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = c.SetReadDeadline(time.Time{})
	rc, err := c.SyscallConn()
	must(err)
	must(rc.Control(func(fd uintptr) {
		_, _, err = s.given.WriteMsgUnix([]byte{byte(len(kept))}, unix.UnixRights(int(fd)), nil)
		if err == nil {
			_, err = io.WriteString(s.given, kept)
		}
	}))
	return err == nil
}

// hand gives all clients to the successor, and returns how many there were.
func (s *server) hand(to *net.UnixConn) (n int) {
	s.mu.Lock()
	s.given = to
	n = len(s.clients)
	for c := range s.clients {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
	s.mu.Unlock()
	s.wg.Wait()
	return n
}

// take is the other end of hand.
func (s *server) take(from *net.UnixConn) {
	defer from.Close()
	for {
		b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
		n, oobn, _, _, err := from.ReadMsgUnix(b, oob)
		if n == 0 || err != nil {
			return
		}
		if b[0] != 0 {
			must(errors.New("the clients of this test send whole lines"))
		}
		messages, err := unix.ParseSocketControlMessage(oob[:oobn])
		must(err)
		fds, err := unix.ParseUnixRights(&messages[0])
		must(err)
		f := os.NewFile(uintptr(fds[0]), "client")
		c, err := net.FileConn(f)
		must(err)
		_ = f.Close()
		s.serve(c.(*net.TCPConn))
	}
}
