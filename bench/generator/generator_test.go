package generator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serve lets handle serve each connection on a goroutine of its own, until it returns or the test ends.
func serve(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	return serveAt(t, "127.0.0.1:0", handle)
}

func serveAt(t *testing.T, at string, handle func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen(networkOf(at), at)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	var running sync.WaitGroup
	handlers := new(sync.WaitGroup)
	served.Store(l.Addr().String(), handlers)
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			handlers.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
		handlers.Wait()
	})
	return l.Addr().String()
}

// served has, by address, what waits until a server has done with its connections.
var served sync.Map

// figures runs a command line against addr, and returns when the server has seen all connections end.
func figures(t *testing.T, addr, args string) (Figures, error) {
	t.Helper()
	var out bytes.Buffer
	err := Run(append([]string{"-addr", addr}, strings.Fields(args)...), strings.NewReader(""), &out)
	if handlers, ok := served.Load(addr); ok {
		handlers.(*sync.WaitGroup).Wait()
	}
	var f Figures
	if err == nil {
		if err := json.Unmarshal(out.Bytes(), &f); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("Run(%s) prints %q: %v", args, out.String(), err)
		}
	}
	return f, err
}

// connected returns a generator that has not begun.
func connected(t *testing.T, args string) *generator {
	t.Helper()
	o, err := parse(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	g := newGenerator(o)
	t.Cleanup(g.close)
	if err := g.connect(); err != nil {
		t.Fatal(err)
	}
	return g
}

// A lineServer is a memcached for gets alone, which finds nothing, or what answer says. It counts the lines that it reads,
// apart from pings.
type lineServer struct {
	answer string
	before func(lines, total int) // is called before lines are answered, one call at a time

	mu    sync.Mutex
	conns int
	total int
}

func (s *lineServer) handle(c net.Conn) {
	s.mu.Lock()
	s.conns++
	s.mu.Unlock()
	for buf := make([]byte, 64<<10); ; {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if string(buf[:n]) == "version\r\n" {
			fmt.Fprint(c, "VERSION 1\r\n")
			continue
		}
		lines := bytes.Count(buf[:n], []byte("\n"))
		s.mu.Lock()
		s.total += lines
		if s.before != nil {
			s.before(lines, s.total)
		}
		s.mu.Unlock()
		fmt.Fprint(c, strings.Repeat(s.answer, lines))
	}
}

func TestRunCounts(t *testing.T) {
	for _, args := range []string{
		"-requests 1",
		"-requests 103 -pipeline 10",
		"-requests 3 -clients 10 -pipeline 16", // fewer requests than connections
		"-requests 1001 -clients 10 -pipeline 7",
		"-requests 1001 -clients 10 -pipeline 7 -rate 100000",
		"-requests 5 -clients 2 -pipeline 10 -rate 1000",
		"-requests 2000 -clients 3 -rate 1000000000", // more than any server can
	} {
		s := &lineServer{answer: "END\r\n"}
		f, err := figures(t, serve(t, s.handle), "-protocol memcached -keys 10 "+args)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if f.Requests != s.total || f.Misses != s.total || f.Hits != 0 {
			t.Errorf("%s: %+v; the server counts %d requests", args, f, s.total)
		}
		var asked int
		if _, err := fmt.Sscanf(args, "-requests %d", &asked); err != nil || f.Requests != asked {
			t.Errorf("%s: %d requests", args, f.Requests)
		}
		if !(f.RPS > 0 && f.Elapsed > 0 && f.P50 > 0 && f.P50 <= f.P90 && f.P90 <= f.P95 && f.P95 <= f.P99 && f.P99 <= f.P999 && f.P999 <= f.Max) {
			t.Errorf("%s: %+v", args, f)
		}
	}
}

// TestUnixSocket: an address that is a path.
func TestUnixSocket(t *testing.T) {
	s := &lineServer{answer: "END\r\n"}
	f, err := figures(t, serveAt(t, t.TempDir()+"/s", s.handle), "-protocol memcached -keys 10 -requests 103 -pipeline 10 -clients 2")
	if err != nil || f.Requests != 103 {
		t.Errorf("%+v, %v", f, err)
	}
}

// A server that stalls once, for 300 ms of a run of about a second, must show in the latencies of all requests that came
// due meanwhile. A closed loop meets the same stall with one request of each connection.
func TestCoordinatedOmission(t *testing.T) {
	const (
		stall = 300 * time.Millisecond
		load  = "-protocol memcached -clients 10 -requests 2000 -keys 10"
	)
	run := func(args string) (f Figures, atOnce int) {
		stalled := false
		s := &lineServer{answer: "END\r\n", before: func(lines, total int) {
			atOnce = max(atOnce, lines)
			if total >= 200 && !stalled {
				stalled = true
				time.Sleep(stall) // with the server's lock, so that no connection is answered
			}
		}}
		f, err := figures(t, serve(t, s.handle), args)
		if err != nil {
			t.Fatal(err)
		}
		return f, atOnce
	}
	ms := float64(stall.Milliseconds())

	// 600 requests are due in 300 ms: the first waits all of that time and the last none of it, so that 300 of 2,000, or
	// 15 %, wait more than half of it.
	open, atOnce := run(load + " -rate 2000")
	if open.P90 < ms/2 || open.Max < ms*0.99 {
		t.Errorf("at a rate: %+v; want p90 above half of the stall of %v ms, and a maximum of all of it", open, ms)
	}
	if atOnce < 10 {
		t.Errorf("the server reads %d requests at most at once; those of a connection that are due in a stall, 60, must be sent in it", atOnce)
	}
	closed, _ := run(load)
	if closed.P90 >= ms/2 || closed.Max < ms*0.99 {
		t.Errorf("a closed loop: %+v; want 10 requests of 2000 in the stall", closed)
	}
}

// However long nothing is answered, a connection has no more than maxOutstanding requests on their way; all are sent in
// the end.
func TestOutstandingIsBounded(t *testing.T) {
	const requests = 5000
	var most int
	addr := serve(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		read, answered := 0, 0
		for read < requests {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "version\r\n" {
				fmt.Fprint(c, "VERSION 1\r\n")
				continue
			}
			read++
			most = max(most, read-answered)
			if read-answered == maxOutstanding || read == requests {
				fmt.Fprint(c, strings.Repeat("END\r\n", read-answered))
				answered = read
			}
		}
	})
	f, err := figures(t, addr, fmt.Sprintf("-protocol memcached -rate 1000000 -requests %d", requests))
	if err != nil || f.Requests != requests {
		t.Fatalf("%+v, %v", f, err)
	}
	if most > maxOutstanding {
		t.Errorf("%d requests were on their way; want at most %d", most, maxOutstanding)
	}
}

// What the generator sends too late counts, and what a server held up does not.
func TestLate(t *testing.T) {
	s := &lineServer{answer: "END\r\n"}
	addr := serve(t, s.handle)
	for _, tt := range []struct {
		held bool
		want int
	}{{false, 100}, {true, 0}} {
		g := connected(t, "-protocol memcached -rate 1000 -clients 2 -requests 100 -addr "+addr)
		g.start = time.Now().Add(-time.Second) // where 100 requests are due in a tenth of it
		g.conns[0].held, g.conns[1].held = tt.held, tt.held
		if err := g.pass(); err != nil {
			t.Fatal(err)
		}
		if g.sent != 100 || g.late != tt.want {
			t.Errorf("held by the server: %v: %d requests sent, %d late; want 100, %d", tt.held, g.sent, g.late, tt.want)
		}
	}
}

func TestLimit(t *testing.T) {
	s := &lineServer{answer: "END\r\n"}
	f, err := figures(t, serve(t, s.handle), "-protocol memcached -rate 1000 -requests 1000000 -limit 100ms")
	if err != nil || f.Requests < 1 || f.Requests > 101 || f.Requests != s.total {
		t.Errorf("1000 requests a second for 100 ms: %+v, %v", f, err)
	}

	// A lost reply must not hang.
	silent := serve(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		if line, _ := r.ReadString('\n'); line == "version\r\n" {
			fmt.Fprint(c, "VERSION 1\r\n")
		}
		_, _ = io.Copy(io.Discard, r)
	})
	g := connected(t, "-protocol memcached -limit 10ms -addr "+silent)
	g.grace = 10 * time.Millisecond
	if _, err := g.run(); err == nil || !strings.Contains(err.Error(), "1 of 1 requests are not answered") {
		t.Errorf("a server that answers nothing: %v", err)
	}
}

func TestIdle(t *testing.T) {
	s := &lineServer{answer: "END\r\n"}
	f, err := figures(t, serve(t, s.handle), "-protocol memcached -clients 3 -idle 300 -requests 10")
	if err != nil || f.Requests != 10 || s.total != 10 {
		t.Errorf("%+v, %v; the server has %d requests", f, err, s.total)
	}
	if pings := 3; s.conns != 303+pings {
		t.Errorf("%d connections; want 303, and %d that wait until those are accepted", s.conns, pings)
	}

	// A server that gets rid of idle connections does not serve as many as it seems to.
	closing := serve(t, func(c net.Conn) {
		b := make([]byte, 100)
		n, _ := c.Read(b)
		if string(b[:n]) == "version\r\n" {
			fmt.Fprint(c, "VERSION 1\r\n")
		}
	})
	g := connected(t, "-protocol memcached -idle 1 -rate 0.001 -requests 2 -addr "+closing)
	if err := unix.Shutdown(g.idle[0], unix.SHUT_WR); err != nil { // upon which the server closes
		t.Fatal(err)
	}
	g.conns[0].due, g.bursts = 1, 1 // nothing to send
	g.conns[0].next = 1
	if _, err := g.run(); err == nil || !strings.Contains(err.Error(), "idle connection was") {
		t.Errorf("an idle connection is closed: %v", err)
	}
}

func TestHold(t *testing.T) {
	s := &lineServer{answer: "END\r\n"}
	addr := serve(t, s.handle)
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Run(strings.Fields("-protocol memcached -hold -idle 2 -requests 5 -addr "+addr), inR, outW)
	}()
	lines := bufio.NewReader(outR)
	if line, err := lines.ReadString('\n'); err != nil || line != "{\"connected\":3}\n" {
		t.Fatalf("%q, %v", line, err)
	}
	s.mu.Lock()
	if s.total != 0 {
		t.Errorf("%d requests before the line on stdin", s.total)
	}
	s.mu.Unlock()
	fmt.Fprintln(inW)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, `"requests":5,`) {
		t.Errorf("%q, %v", line, err)
	}
	select {
	case err := <-ended:
		t.Errorf("Run ends before stdin does: %v", err)
	default:
	}
	inW.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The socket takes a batch in pieces; the server must get it whole, with what was built again after each piece.
func TestPartialWrites(t *testing.T) {
	const size, requests = 1_000_000, 20
	for _, args := range []string{"-pipeline 1", "-pipeline 5", "-pipeline 5 -rate 100000", "-rate 100000"} {
		var sets atomic.Int64
		addr := serve(t, func(c net.Conn) {
			r := bufio.NewReader(c)
			value := make([]byte, size+2)
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == "version\r\n" {
					fmt.Fprint(c, "VERSION 1\r\n")
					continue
				}
				var key, length int
				if n, err := fmt.Sscanf(line, "set key:%d 0 0 %d\r\n", &key, &length); n != 2 || err != nil || key >= 1000 || length != size {
					t.Errorf("a request is %.100q", line)
					return
				}
				if _, err := io.ReadFull(r, value); err != nil || string(value) != strings.Repeat("x", size)+"\r\n" {
					t.Errorf("a value is %.10q...%q, %v", value, value[size-10:], err)
					return
				}
				sets.Add(1)
				fmt.Fprint(c, "STORED\r\n")
			}
		})
		g := connected(t, fmt.Sprintf("-addr %s -protocol memcached -test set -keys 1000 -size %d -requests %d %s", addr, size, requests, args))
		if err := unix.SetsockoptInt(g.conns[0].fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 128<<10); err != nil {
			t.Fatal(err)
		}
		blocked := false
		for g.start = time.Now(); g.done < g.target; blocked = blocked || g.conns[0].blocked {
			if g.rate == 0 {
				g.enqueue(&g.conns[0])
			}
			if err := g.pass(); err != nil {
				t.Fatal(err)
			}
		}
		if !blocked || sets.Load() != requests {
			t.Errorf("%s: a write was partial: %v; the server has %d sets; want %d", args, blocked, sets.Load(), requests)
		}
	}
}

func TestClosedByServer(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		if line, _ := bufio.NewReader(c).ReadString('\n'); line == "version\r\n" {
			fmt.Fprint(c, "VERSION 1\r\n")
		}
	})
	if _, err := figures(t, addr, "-protocol memcached"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the server closes: %v; want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestParse(t *testing.T) {
	o, err := parse(strings.Fields("-addr a:1 -protocol redis -test mget10 -clients 2 -idle 3 -requests 4 -pipeline 5 -keys 6 -size 7 -rate 8 -limit 9s"))
	if err != nil || o.addr != "a:1" || o.protocolName != "redis" || o.test != (test{name: "mget10", keys: 10, multi: true}) ||
		o.clients != 2 || o.idleClients != 3 || o.requests != 4 || o.pipeline != 5 || o.keys != 6 || o.size != 7 || o.rate != 8 || o.limit != 9*time.Second {
		t.Errorf("parse = %+v, %v", o, err)
	}
	for _, bad := range []string{
		"", "-protocol http", "-protocol redis more", "-protocol redis -test get10", "-protocol memcached -test mget10", "-protocol redis -test mget0",
		"-protocol redis -test mget", "-protocol redis -test del", "-protocol memcached -test mset3", "-protocol redis -clients 0", "-protocol redis -requests 0",
		"-protocol redis -pipeline 0", "-protocol redis -keys 0", "-protocol redis -size -1", "-protocol redis -idle -1", "-protocol redis -rate -1",
		"-protocol redis -test hgetall", "-protocol memcached -test hgetall3", "-protocol memcached -test multi", "-protocol memcached -test publish", "-protocol redis -test publish -idle 1",
		"-protocol redis -rate NaN", "-protocol redis -limit 0s",
	} {
		if o, err := parse(strings.Fields(bad)); err == nil {
			t.Errorf("parse(%s) = %+v; want an error", bad, o)
		}
	}
}
