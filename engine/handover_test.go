package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/world"
)

// TestDrain: what was sent before is answered, then comes the end; a command that is only half there may be finished.
func TestDrain(t *testing.T) {
	ln, open := gatedServer(t)
	p := startProxy(t, ln, nil)
	idle, busy, half := dial(t, p), dial(t, p), dial(t, p)
	for _, c := range []net.Conn{idle, busy, half} { // all are enrolled
		_, _ = io.WriteString(c, "PING\r\n")
		if _, err := io.ReadFull(c, make([]byte, len("+PONG\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	const n = 5000 // more than one client may have in flight
	_, _ = io.WriteString(busy, strings.Repeat(array("GET", "a"), n))
	_, _ = io.WriteString(half, array("GET", "a")[:10])
	drained := make(chan error, 1)
	go func() { drained <- p.Drain(t.Context()) }()
	if rest, err := io.ReadAll(idle); err != nil || len(rest) > 0 {
		t.Errorf("an idle client gets %q, %v; want its end", rest, err)
	}
	if !p.Draining() {
		t.Error("Draining: false")
	}
	if c, err := net.Dial("tcp", p.Addrs()[0].String()); err == nil {
		_ = c.Close()
		t.Error("a client is accepted while draining")
	}
	open()
	if rest, err := io.ReadAll(busy); err != nil || string(rest) != strings.Repeat("$-1\r\n", n) {
		t.Errorf("a busy client gets %d bytes, %v; want %d", len(rest), err, n*len("$-1\r\n"))
	}
	select {
	case err := <-drained:
		t.Fatalf("Drain: %v, with a client in the middle of a command", err)
	default:
	}
	_, _ = io.WriteString(half, array("GET", "a")[10:])
	if rest, err := io.ReadAll(half); err != nil || string(rest) != "$-1\r\n" {
		t.Errorf("who finished its command gets %q, %v", rest, err)
	}
	for _, c := range []net.Conn{idle, busy, half} {
		_ = c.Close()
	}
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
	if _, err := p.Reload(*p.Options()); !errors.Is(err, errStopping) {
		t.Errorf("Reload after Drain: %v", err)
	}
}

// TestLinger: a client that is told to go has a second from its last sign of life, or from its last reply if that was
// later, before its connection is closed, and no second more.
func TestLinger(t *testing.T) {
	for _, c := range []struct {
		name  string
		quiet time.Duration // from the client's last command to its reply
		idle  time.Duration // from there until it is told to go
		want  time.Duration // until it is closed
	}{
		{"just had a reply", 0, 0, time.Second},
		{"idle for a while", 0, 400 * time.Millisecond, 600 * time.Millisecond},
		{"idle for long", 0, time.Second, 0},
		{"a reply that took long", 2 * time.Second, 300 * time.Millisecond, 700 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, client := steady(t, 1)
				client.Send(array("GET", "a"))
				s.Settle()
				s.Passes(c.quiet)
				s.Servers[0].Reply("$-1\r\n")
				s.Settle()
				s.Passes(c.idle)
				s.Loop.Execute(func() { s.local.Drain(30 * time.Second) })
				s.Settle()
				told := time.Now()
				for !client.Conn.Closed && time.Since(told) < time.Minute {
					if !client.Sock.Shut {
						t.Fatal("it does not see the end")
					}
					s.Passes(time.Millisecond)
				}
				if took := time.Since(told); took != c.want {
					t.Errorf("closed after %v; want %v", took, c.want)
				}
			})
		})
	}
}

// TestDrainTimeUp: a client that never finishes its command does not hold the process up for longer than ctx.
func TestDrainTimeUp(t *testing.T) {
	ln, open := gatedServer(t)
	open()
	p := startProxy(t, ln, nil)
	c := dial(t, p)
	_, _ = io.WriteString(c, array("GET", "a")+"*2\r\n")
	if _, err := io.ReadFull(c, make([]byte, len("$-1\r\n"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain: %v", err)
	}
}

// TestDrainUnderLoad: each client that is told the end has a reply to every command that it had sent whole before the
// drain began.
func TestDrainUnderLoad(t *testing.T) {
	server := startKeyServer(t, "s")
	p := startPools(t, withPools(2, poolBefore("main", server)))
	var all, sent sync.WaitGroup
	begin := make(chan struct{})
	for i := range 20 {
		c := dial(t, p)
		sent.Add(1)
		all.Go(func() {
			defer c.Close()
			r := bufio.NewReader(c)
			ask := func(n int) bool {
				_, err := io.WriteString(c, strings.Repeat(array("GET", "k"), n))
				return err == nil
			}
			_ = ask(1)
			if _, err := readBulk(r); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
			n := 100 * (1 + i)
			_ = ask(n)
			sent.Done()
			<-begin
			go func() { // what comes after may be answered or not
				for range 1000 {
					if !ask(1) {
						return
					}
				}
			}()
			got := 0
			for {
				v, err := readBulk(r)
				if err != nil {
					break
				}
				if v != "s:k" {
					t.Errorf("client %d: %q", i, v)
				}
				got++
			}
			if got < n {
				t.Errorf("client %d: %d replies to %d commands", i, got, n)
			}
		})
	}
	sent.Wait()
	close(begin)
	if err := p.Drain(t.Context()); err != nil {
		t.Errorf("Drain: %v", err)
	}
	all.Wait()
}

// socketPair is a pair of connected unix sockets.
func socketPair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	x, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	y, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = x.Close(), y.Close() })
	return x.(*net.UnixConn), y.(*net.UnixConn)
}

// heir starts a proxy with p's listeners, as another process would.
func heir(t *testing.T, p *Proxy, o Options) *Proxy {
	t.Helper()
	files, err := p.ListenerFiles()
	if err != nil {
		t.Fatal(err)
	}
	o.Inherited = make(map[string]net.Listener)
	for key, f := range files {
		f.Fd() // as os/exec does
		if o.Inherited[key], err = net.FileListener(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return startPools(t, o)
}

// TestHandOver moves clients between proxies under load, several times: no request fails, and the connections stay.
func TestHandOver(t *testing.T) {
	server := startKeyServer(t, "s")
	o := withPools(2, poolBefore("main", server))
	p := startPools(t, o)
	addr := p.Addrs()[0]
	const clients = 200
	stop := hammer(t, addr, clients, func(key, value string) bool { return value == "s:"+key })
	defer stop()
	half := dial(t, p) // in the middle of a command all the while
	_, _ = io.WriteString(half, array("GET", "half")[:12])
	for p.clients.Load() <= clients { // the heir accepts, too
		runtime.Gosched()
	}
	for round := range 5 {
		q := heir(t, p, o)
		if got := q.Addrs()[0].String(); got != addr.String() {
			t.Fatalf("the new proxy listens on %s; want %s", got, addr)
		}
		here, there := socketPair(t)
		type result struct {
			n   int
			err error
		}
		taken := make(chan result, 1)
		go func() {
			n, err := q.TakeOver(t.Context(), world.NewChannel(there))
			taken <- result{n, err}
		}()
		moved, err := p.HandOver(t.Context(), world.NewChannel(here))
		if got := <-taken; moved != clients+1 || err != nil || got.n != moved || got.err != nil {
			t.Errorf("round %d: HandOver = %d, %v; TakeOver = %d, %v; want %d clients", round, moved, err, got.n, got.err, clients+1)
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Errorf("Drain: %v", err)
		}
		p.Stop()
		p = q
	}
	_, _ = io.WriteString(half, array("GET", "half")[12:])
	if v, err := readBulk(bufio.NewReader(half)); v != "s:half" || err != nil {
		t.Errorf("who was in the middle of a command gets %q, %v", v, err)
	}
	if n := stop(); n < clients {
		t.Errorf("%d replies", n)
	}
}

// TestHandOverState: what a client has said of itself goes with it, and a client whose pool the other does not have stays.
func TestHandOverState(t *testing.T) {
	server := startKeyServer(t, "s")
	guarded := poolBefore("guarded", server)
	guarded.Protocol = resp.New(resp.Options{Password: "secret"})
	guarded.Listen.Network, guarded.Listen.Addr = "unix", filepath.Join(t.TempDir(), "g")
	mc := poolBefore("mc", server)
	mc.Protocol = memcached.New(memcached.Options{})
	p := startPools(t, withPools(1, guarded, mc))
	c := dial(t, p)
	r := bufio.NewReader(c)
	say := func(what, want string) {
		t.Helper()
		_, _ = io.WriteString(c, what)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
			t.Errorf("%q gets %q, %v; want %q", what, got, err, want)
		}
	}
	say(array("AUTH", "secret"), "+OK\r\n")
	say(array("CLIENT", "SETNAME", "me"), "+OK\r\n")
	other, err := net.Dial("tcp", p.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	// A data block that no server gets is under way: no boundary for a while.
	_, _ = io.WriteString(other, "mn\r\nset k 0 0 1073741824\r\n"+strings.Repeat("x", 1000))
	line := "SERVER_ERROR object too large for cache\r\n"
	got := make([]byte, len("MN\r\n")+len(line))
	if _, err := io.ReadFull(other, got); err != nil || string(got) != "MN\r\n"+line {
		t.Fatalf("%q, %v", got, err)
	}
	q := heir(t, p, withPools(1, guarded))
	here, there := socketPair(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, _ = q.TakeOver(t.Context(), world.NewChannel(there))
		cancel()
	}()
	handed := make(chan struct{})
	go func() {
		defer close(handed)
		if n, err := p.HandOver(ctx, world.NewChannel(here)); n != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("HandOver = %d, %v; want 1, %v", n, err, context.Canceled)
		}
	}()
	for q.clients.Load() == 0 {
		say(array("ECHO", "x"), bulk("x")) // on its way, or there
	}
	cancel()
	<-handed
	say(array("CLIENT", "GETNAME"), bulk("me"))
	_, _ = io.WriteString(other, "xx")
	if p.clients.Load() != 1 || !p.Draining() {
		t.Errorf("the old proxy has %d clients, draining %v; want 1, true", p.clients.Load(), p.Draining())
	}
}

// TestHandOverFails: the other process goes away in the middle, and the old one goes on with all clients.
func TestHandOverFails(t *testing.T) {
	server := startKeyServer(t, "s")
	o := withPools(2, poolBefore("main", server))
	p := startPools(t, o)
	stop := hammer(t, p.Addrs()[0], 50, func(key, value string) bool { return value == "s:"+key })
	defer stop()
	until(t, "all clients are in", func() bool { return len(p.Clients()) == 50 })
	here, there := socketPair(t)
	go func() {
		_, _ = there.Write([]byte{ready})
		c, _, err := p.receive(t.Context(), world.NewChannel(there))
		if err == nil {
			f := os.NewFile(uintptr(c.FD), "client")
			_ = f.Close()
		}
		_ = there.Close()
	}()
	if n, err := p.HandOver(t.Context(), world.NewChannel(here)); n != 0 || err == nil {
		t.Errorf("HandOver = %d, %v; want 0 and an error", n, err)
	}
	if p.Draining() {
		t.Error("still draining")
	}
	for i := range 3 {
		c := dial(t, p)
		_, _ = io.WriteString(c, array("GET", fmt.Sprint(i)))
		if v, err := readBulk(bufio.NewReader(c)); v != fmt.Sprintf("s:%d", i) {
			t.Errorf("a new client gets %q, %v", v, err)
		}
	}
	if _, err := p.Reload(o); err != nil {
		t.Errorf("Reload: %v", err)
	}
	q := heir(t, p, o)
	old, young := socketPair(t)
	go func() { _, _ = q.TakeOver(t.Context(), world.NewChannel(young)) }()
	if n, err := p.HandOver(t.Context(), world.NewChannel(old)); n < 50 || err != nil {
		t.Errorf("the second time HandOver = %d, %v; want all clients", n, err)
	}
	if n := stop(); n < 50 {
		t.Errorf("%d replies", n)
	}
}

// TestHandOverHalfClosed: clients that have said all, in part after they were stopped for the other process to have them,
// get all replies.
func TestHandOverHalfClosed(t *testing.T) {
	ln, open := gatedServer(t)
	p := startProxy(t, ln, nil)
	const n = 20
	var clients []*net.TCPConn
	for range n {
		c := dial(t, p).(*net.TCPConn)
		_, _ = io.WriteString(c, array("GET", "a"))
		clients = append(clients, c)
	}
	dial(t, p)                                      // which is given away at once
	for inFlight(p) < n || len(p.Clients()) < n+1 { // else others would be, too
		runtime.Gosched()
	}
	q := heir(t, p, withPools(1, *p.pools()[0].opts))
	here, there := socketPair(t)
	handed, taken := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := q.TakeOver(t.Context(), world.NewChannel(there))
		taken <- err
	}()
	go func() {
		_, err := p.HandOver(t.Context(), world.NewChannel(here))
		handed <- err
	}()
	for len(q.Clients()) < 1 { // when the one is there, all others were told to stop
		runtime.Gosched()
	}
	for _, c := range clients {
		_, _ = io.WriteString(c, array("GET", "b"))
		_ = c.CloseWrite()
	}
	open()
	for i, c := range clients {
		if got, err := io.ReadAll(c); string(got) != "$-1\r\n$-1\r\n" || err != nil {
			t.Errorf("client %d gets %q, %v", i, got, err)
		}
	}
	if err := errors.Join(<-handed, <-taken); err != nil {
		t.Error(err)
	}
	if err := p.Drain(t.Context()); err != nil {
		t.Errorf("Drain: %v", err)
	}
}

// inFlight is how many requests of all clients are.
func inFlight(p *Proxy) (n int) {
	for _, c := range p.Clients() {
		n += c.InFlight
	}
	return n
}

// TestHandOverLimited: the new process takes no more clients than it may have; the others stay until they are drained.
func TestHandOverLimited(t *testing.T) {
	server := startKeyServer(t, "s")
	o := withPools(1, poolBefore("main", server))
	p := startPools(t, o)
	for range 3 {
		dial(t, p)
	}
	for len(p.Clients()) < 3 { // the heir accepts, too
		runtime.Gosched()
	}
	o.Pools = slices.Clone(o.Pools)
	o.Pools[0].ClientConnections = 2
	q := heir(t, p, o)
	here, there := socketPair(t)
	taken := make(chan int, 1)
	go func() {
		n, err := q.TakeOver(t.Context(), world.NewChannel(there))
		if err != nil {
			t.Errorf("TakeOver: %v", err)
		}
		taken <- n
	}()
	moved, err := p.HandOver(t.Context(), world.NewChannel(here))
	if n := <-taken; moved != 2 || n != 2 || err != nil {
		t.Errorf("HandOver = %d, %v; TakeOver = %d; want 2 of 3 clients", moved, err, n)
	}
	if err := p.Drain(t.Context()); err != nil {
		t.Errorf("Drain: %v", err)
	}
}
