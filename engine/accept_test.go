package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cashew/world"
)

// TestAcceptingWays: a loop accepts as long as a pool has nothing to ask of who comes. With a reload that gives it something to ask,
// a goroutine does, from the next client on, and a loop again once that is over.
func TestAcceptingWays(t *testing.T) {
	for _, loops := range []int{1, 3} {
		po := poolBefore("main", startKeyServer(t, "s"))
		p := startPools(t, withPools(loops, po))
		denied := po
		denied.DenyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		for round := range 3 {
			for range 3 {
				if got := says(t, p); got != "+PONG" {
					t.Fatalf("%d loops, round %d: a client reads %q", loops, round, got)
				}
			}
			if got, want := p.acceptors.Load(), uint64(round+1); got != want {
				t.Errorf("%d loops, round %d: a loop began to accept %d times", loops, round, got)
			}
			if _, err := p.Reload(withPools(loops, denied)); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if got := says(t, p); !strings.HasPrefix(got, "-ERR clients from 127.0.0.1 are not allowed") {
					t.Fatalf("%d loops, round %d: a client that is not allowed reads %q", loops, round, got)
				}
			}
			if _, err := p.Reload(withPools(loops, po)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// says connects and returns what a PING is answered.
func says(t *testing.T, p *Proxy) string {
	t.Helper()
	c := dial(t, p)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, "PING\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// TestAcceptingSpreads: clients that one loop accepts are dealt to the one that has the fewest.
func TestAcceptingSpreads(t *testing.T) {
	p := startPools(t, withPools(3, poolBefore("main", startKeyServer(t, "s"))))
	for range 9 {
		c := dial(t, p)
		_, _ = io.WriteString(c, "PING\r\n")
		if _, err := io.ReadFull(c, make([]byte, len("+PONG\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range p.loops {
		if n := r.sessions.Clients(); n != 3 {
			t.Errorf("loop %d has %d clients", i, n)
		}
	}
}

// TestRemovedListenerRefuses: once a reload that takes a pool away has returned, nobody accepts at its address any more.
func TestRemovedListenerRefuses(t *testing.T) {
	server := startKeyServer(t, "s")
	a, b := poolBefore("a", server), poolBefore("b", server)
	p := startPools(t, withPools(2, a, b))
	addr := p.Addrs()[1].String()
	if _, err := p.Reload(withPools(2, a)); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("a client may connect to a pool that is gone")
	}
}

// TestStopWhileAccepting: a proxy that stops has no loop accept any more, however many clients come.
func TestStopWhileAccepting(t *testing.T) {
	p := startPools(t, withPools(2, poolBefore("main", startKeyServer(t, "s"))))
	addr := p.Addrs()[0].String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if c, err := net.Dial("tcp", addr); err == nil {
				_ = c.Close()
			}
		}
	}()
	for says(t, p) != "+PONG" {
	}
	p.Stop()
	cancel()
	<-done
	eventually(t, "clients that were on their way are counted out", func() bool { return p.clients.Load() == 0 })
}

// TestPolledOnce: while a loop accepts, the listening socket and its clients are each in one epoll set, the loop's: in Go's, each client
// would wake a thread.
func TestPolledOnce(t *testing.T) {
	if _, err := os.Stat("/proc/self/fdinfo"); err != nil {
		t.Skip("no /proc here")
	}
	p := startPools(t, withPools(1, poolBefore("main", startKeyServer(t, "s"))))
	c := dial(t, p)
	_, _ = io.WriteString(c, "PING\r\n")
	if _, err := io.ReadFull(c, make([]byte, len("+PONG\r\n"))); err != nil {
		t.Fatal(err)
	}
	socket, err := p.listeners()[0].nl.(interface{ Descriptor() (int, error) }).Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	for name, fd := range map[string]int{"the listening socket": socket, "a client's": peerOf(t, c)} {
		var s unix.Stat_t
		if err := unix.Fstat(fd, &s); err != nil {
			t.Fatal(err)
		}
		if sets := pollersOf(t, s.Ino); len(sets) != 1 {
			t.Errorf("%s is in the epoll sets %v; want one", name, sets)
		}
	}
}

// pollersOf are the epoll sets of this process that have the socket with that inode.
func pollersOf(t *testing.T, ino uint64) (sets []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // Glob's own
		}
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "tfd:") && strings.Contains(line, fmt.Sprintf(" ino:%x ", ino)) {
				sets = append(sets, filepath.Base(name))
			}
		}
	}
	return sets
}

// TestListenerDescriptors: as many descriptors are kept back for a listener as it has.
func TestListenerDescriptors(t *testing.T) {
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(files) == 0 {
		t.Skip("no /proc here")
	}
	p := startPools(t, withPools(1, poolBefore("main", startKeyServer(t, "s"))))
	if says(t, p); p.clientLimit.Load() == math.MaxInt64 {
		t.Skip("there is no limit on descriptors here")
	}
	nl := p.listeners()[0].nl
	fd, err := nl.(interface{ Descriptor() (int, error) }).Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	self, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	has := int64(-1) // that one
	files, _ = filepath.Glob("/proc/self/fd/*")
	for _, name := range files {
		if to, err := os.Readlink(name); err == nil && to == self {
			has++
		}
	}
	p.limitClients()
	without := p.clientLimit.Load()
	opts := *p.pools()[0].opts
	opts.Servers = nil
	p.limitClients([]*pool{{Pool: p.pools()[0].Pool, opts: &opts}})
	if kept := without - p.clientLimit.Load(); kept != has {
		t.Errorf("%d descriptors are kept back for a listener that has %d", kept, has)
	}
}

// barrenListener is one for which there are no descriptors, neither for clients nor to wait for them.
type barrenListener struct {
	world.Listener
	tried chan struct{}
}

func (*barrenListener) Rest() error        { return nil }
func (*barrenListener) AcceptBy(time.Time) {}
func (l *barrenListener) Accept() (net.Conn, error) {
	select {
	case l.tried <- struct{}{}:
	default:
	}
	return nil, syscall.EMFILE
}

// TestStopWithoutDescriptors: a listener that is to stop does not wait for descriptors that nobody may give back before it has.
func TestStopWithoutDescriptors(t *testing.T) {
	p := startPools(t, withPools(1, poolBefore("main", startKeyServer(t, "s"))))
	nl := &barrenListener{tried: make(chan struct{}, 1)}
	ln := p.newListener("", nl, false)
	ln.pool.Store(p.pools()[0])
	p.accept(ln)
	<-nl.tried
	ln.stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := ln.ended.Wait(ctx); err != nil {
		t.Error("it goes on")
	}
}
