//go:build unix

package loop

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cashew/world"
)

// echo answers each client with what it says.
type echo struct {
	sock Socket
}

func (e *echo) Opened(s Socket) bool { e.sock = s; return true }
func (e *echo) Data(buf []byte)      { _, _ = e.sock.Write(buf) }
func (*echo) Ended(error) bool       { return false }
func (*echo) Writable()              {}
func (e *echo) Abandon(error)        { e.sock.Close() }

// doorway has loops accept from a listener, as an engine does.
type doorway struct {
	t       *testing.T
	reactor *gnetReactor
	ln      world.Listener

	mu     sync.Mutex
	closed bool // next returns nil
	came   []net.Conn
	over   chan struct{}
}

func newDoorway(t *testing.T, loops int, network, addr string) *doorway {
	t.Helper()
	w := world.New(time.Now())
	r, err := startGnet(loops, 4<<10, w, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	ln, err := w.Listen(network, addr, world.ListenOptions{Backlog: 100, Keepalive: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return &doorway{t: t, reactor: r, ln: ln, over: make(chan struct{}, 1)}
}

// accept has the first loop accept, and the last one have the clients.
func (d *doorway) accept() (end func()) {
	d.t.Helper()
	first, last := d.reactor.loops[0], d.reactor.loops[len(d.reactor.loops)-1]
	end, err := first.Accept(d.ln, func() func(net.Conn) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.closed {
			return nil
		}
		return func(nc net.Conn) {
			d.mu.Lock()
			d.came = append(d.came, nc)
			d.mu.Unlock()
			open := func() {
				if err := last.Open(nc, new(echo)); err != nil {
					d.t.Error(err)
				}
			}
			if first == last {
				open()
			} else {
				last.Execute(open)
			}
		}
	}, func() { d.over <- struct{}{} })
	if err != nil {
		d.t.Fatal(err)
	}
	return end
}

// ask connects, and says whether a loop answers.
func (d *doorway) ask() (nc net.Conn) {
	d.t.Helper()
	nc, err := net.Dial(d.ln.Addr().Network(), d.ln.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(nc, "hello"); err != nil {
		d.t.Fatal(err)
	}
	return nc
}

func (d *doorway) answered(nc net.Conn) {
	d.t.Helper()
	got := make([]byte, len("hello"))
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != "hello" {
		d.t.Fatalf("%q, %v", got, err)
	}
}

// TestAccept: a loop accepts clients, and hands them to whichever loop is to have them, with their addresses and what their sockets are
// to have; it does so until it is told to end, and another that takes its place has who came meanwhile.
func TestAccept(t *testing.T) {
	for _, c := range []struct {
		name, network, addr string
		loops               int
	}{
		{"one loop", "tcp", "127.0.0.1:0", 1},
		{"two loops", "tcp", "127.0.0.1:0", 2},
		{"all interfaces", "tcp", "0.0.0.0:0", 1},
		{"IPv6", "tcp", "[::1]:0", 1},
		{"all interfaces, IPv6 and IPv4", "tcp", "[::]:0", 1},
		{"unix", "unix", filepath.Join(t.TempDir(), "s"), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDoorway(t, c.loops, c.network, c.addr)
			end := d.accept()
			for range 2 * acceptAtOnce {
				d.answered(d.ask())
			}
			nc := d.ask()
			d.answered(nc)
			d.mu.Lock()
			came := d.came[len(d.came)-1].(*accepted)
			d.mu.Unlock()
			if local, remote := came.LocalAddr().String(), came.RemoteAddr().String(); c.network != "unix" &&
				(local != nc.RemoteAddr().String() || remote != nc.LocalAddr().String()) {
				t.Errorf("a client from %s to %s has come from %s to %s", nc.LocalAddr(), nc.RemoteAddr(), remote, local)
			}
			if c.network != "unix" {
				for name, option := range map[string][2]int{
					"TCP_NODELAY": {unix.IPPROTO_TCP, unix.TCP_NODELAY}, "SO_KEEPALIVE": {unix.SOL_SOCKET, unix.SO_KEEPALIVE},
				} {
					if v, err := unix.GetsockoptInt(int(came.fdSocket), option[0], option[1]); err != nil || v == 0 {
						t.Errorf("%s: %d, %v", name, v, err)
					}
				}
			} else if came.RemoteAddr().Network() != "unix" {
				t.Errorf("its address is %#v", came.RemoteAddr())
			}
			end()
			late := d.ask() // the kernel has it
			end = d.accept()
			d.answered(late)
			end()
		})
	}
}

// TestAcceptNoMore: a loop for whose clients nobody is there stops accepting and says so; they stay in the queue.
func TestAcceptNoMore(t *testing.T) {
	d := newDoorway(t, 1, "tcp", "127.0.0.1:0")
	end := d.accept()
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	nc := d.ask()
	<-d.over
	other, err := d.ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.RemoteAddr().String() != nc.LocalAddr().String() {
		t.Errorf("%s waits in the queue; want %s", other.RemoteAddr(), nc.LocalAddr())
	}
	end()
	if len(d.came) > 0 {
		t.Error("the loop accepted it")
	}
}

// TestAcceptFails: nor does a loop accept once that fails.
func TestAcceptFails(t *testing.T) {
	d := newDoorway(t, 1, "tcp", "127.0.0.1:0")
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	b := d.reactor.bases[0]
	a := &acceptor{fdSocket: fdSocket(fds[0]), base: b, over: func() { d.over <- struct{}{} }} // a socket that does not listen
	a.next = func() func(net.Conn) { return func(net.Conn) { t.Error("a client of a socket that does not listen") } }
	if err := b.call(func() error { return b.poll(fds[0], a) }); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fds[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	<-d.over
	if err := b.call(func() error {
		if !a.gone || b.at(fds[0]) != nil {
			return errors.New("it goes on")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestAcceptElsewhere: a loop accepts only what it can.
func TestAcceptElsewhere(t *testing.T) {
	over := func() { t.Error("over") }
	if _, err := newTestLoop().Accept(nil, nil, over); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a loop that can't: %v", err)
	}
	d := newDoorway(t, 1, "tcp", "127.0.0.1:0")
	_ = d.ln.Close()
	if _, err := d.reactor.loops[0].Accept(d.ln, nil, over); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that is closed: %v", err)
	}
	d.reactor.Stop()
	if err := d.reactor.bases[0].call(func() error { return nil }); !errors.Is(err, errStopped) {
		t.Errorf("a loop that has stopped: %v", err)
	}
}

// TestClosedShared: a connection of which there is another descriptor is not polled any more once it is closed.
func TestClosedShared(t *testing.T) {
	s, peer, _ := newPlainSocket(t, 1<<10)
	other, err := s.Dup()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	s.Close()
	if _, err := unix.Write(peer, []byte("x")); err != nil {
		t.Fatal(err)
	}
	fds := []unix.PollFd{{Fd: int32(s.base.set.fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 0); n != 0 || err != nil {
		t.Errorf("the poller still tells of it: %d, %v", n, err)
	}
}

// TestClosedEnrolled: nor is a connection that was enrolled, of which the process that it came from has a descriptor yet.
func TestClosedEnrolled(t *testing.T) {
	d := newDoorway(t, 1, "tcp", "127.0.0.1:0")
	peer := d.ask()
	nc, err := d.ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := descriptorOf(nc)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(theirs)
	h, b := new(echo), d.reactor.bases[0]
	if err := d.reactor.loops[0].Enroll(nc, h); err != nil {
		t.Fatal(err)
	}
	d.answered(peer)
	if err := b.call(func() error {
		h.sock.Close()
		_, _ = io.WriteString(peer, "x")
		fds := []unix.PollFd{{Fd: int32(theirs), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, 60_000); err != nil {
			return err
		}
		fds[0].Fd = int32(b.set.fd)
		if n, err := unix.Poll(fds, 0); n != 0 || err != nil {
			t.Errorf("the poller still tells of it: %d, %v", n, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
