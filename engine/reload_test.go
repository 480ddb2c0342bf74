package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/session/sessiontest"
	"cashew/topology"
	"cashew/world/worldtest"
)

// TestReloadSim plays reloads between the events of a client that is in the middle of something.
func TestReloadSim(t *testing.T) {
	add := func(name string) func(*Options, *PoolOptions) {
		return func(_ *Options, po *PoolOptions) { po.Servers = append(po.Servers, sessiontest.ServerNamed(name)) }
	}
	drop := func(_ *Options, po *PoolOptions) { po.Servers = po.Servers[1:] }
	for _, c := range []struct {
		name string
		edit func(*Options, *PoolOptions)
		play func(t *testing.T, s *sim)
	}{
		{"a server that stays keeps its connection and what is outstanding on it", nil, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send(array("GET", "a"))
			s.Settle()
			v := s.Servers[0]
			v.Accept()
			s.reload(add("s1"))
			if v.Conn.Closed || v.Up == nil {
				t.Fatal("the connection is closed")
			}
			v.Reply(bulk("A"))
			s.Settle()
			if got := c.Sock.Take(); got != bulk("A") {
				t.Errorf("the client gets %q", got)
			}
			if v.Up.Server() != s.pool.Servers()[0] {
				t.Error("the connection belongs to the old pool")
			}
		}},
		{"a removed server answers what it was asked, and is left", nil, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send(array("GET", "a"))
			s.Settle()
			old := s.Servers[0]
			s.reload(func(o *Options, po *PoolOptions) { add("s1")(o, po); drop(o, po) })
			old.Accept() // it was still being connected to
			s.Settle()
			c.Send(array("GET", "b"))
			s.Settle()
			if got := s.Servers[1].Dialing; got != nil {
				t.Error("the next command leaves before the reply to the first: servers may answer in any order")
			}
			old.Reply(bulk("A"))
			s.Settle()
			if !old.Conn.Closed {
				t.Error("the removed server is still connected")
			}
			s.Servers[1].Accept()
			s.Servers[1].Reply(bulk("B"))
			s.Settle()
			if got := c.Sock.Take(); got != bulk("A")+bulk("B") {
				t.Errorf("the client gets %q", got)
			}
		}},
		{"an idle removed server is left at once, without a failure", func(_ *Options, po *PoolOptions) {
			po.AutoEjectHosts, po.ServerFailureLimit, po.ServerRetryTimeout = true, 1, time.Hour
		}, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send(array("GET", "a"))
			s.Settle()
			old := s.Servers[0]
			old.Accept()
			old.Reply(bulk("A"))
			s.Settle()
			was := s.pool
			s.reload(func(o *Options, po *PoolOptions) { add("s1")(o, po); drop(o, po) })
			if !old.Conn.Closed || was.Ejections() != 0 {
				t.Errorf("closed %v, ejections %d; want true, 0", old.Conn.Closed, was.Ejections())
			}
		}},
		{"a pipeline in one read, with the reload while it waits", func(o *Options, _ *PoolOptions) {
			o.MaxPipeline = 1
		}, func(t *testing.T, s *sim) {
			s.AcceptAll()
			c := s.connect()
			c.Send(array("GET", "a") + array("GET", "b") + array("GET", "c"))
			s.Settle()
			s.reload(add("s1"))
			var want string
			for _, k := range []string{"a", "b", "c"} {
				want += bulk(k)
				for _, v := range s.Servers {
					if v.Sock != nil && v.Sock.Take() == array("GET", k) {
						v.Reply(bulk(k))
					}
				}
				s.Settle()
			}
			if got := c.Sock.Take(); got != want {
				t.Errorf("the client gets %q; want %q", got, want)
			}
		}},
		{"another number of connections: nothing overtakes", nil, func(t *testing.T, s *sim) {
			c, idle := s.connect(), s.connect() // by their numbers they would have another connection each
			c.Send(array("GET", "a"))
			s.Settle()
			v := s.Servers[0]
			v.Accept()
			first := v.Sock
			s.reload(func(_ *Options, po *PoolOptions) { po.ServerConnections = 2 })
			c.Send(array("GET", "b"))
			idle.Send(array("GET", "c"))
			s.Settle()
			if got := first.Take(); got != array("GET", "a")+array("GET", "c") {
				t.Errorf("the connection that stays gets %q", got)
			}
			if v.Dialing != nil {
				t.Error("the second connection is opened although the first owes the client a reply")
			}
			v.Reply(bulk("A") + bulk("C"))
			s.Settle()
			if v.Dialing == nil {
				t.Error("the client's next command does not leave")
			}
			v.Accept()
			v.Reply(bulk("B"))
			s.Settle()
			if got := c.Sock.Take(); got != bulk("A")+bulk("B") {
				t.Errorf("the client gets %q", got)
			}
		}},
		{"another password for the server: a new connection, after the last reply on the old", nil, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send(array("GET", "a"))
			s.Settle()
			v := s.Servers[0]
			v.Accept()
			old := v.Conn
			s.reload(func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(resp.Options{Password: "secret"}) })
			c.Send(array("GET", "b"))
			s.Settle()
			if old.Closed || v.Dialing != nil {
				t.Errorf("before the reply: closed %v, another opened %v", old.Closed, v.Dialing != nil)
			}
			v.Reply(bulk("A"))
			s.Settle()
			if !old.Closed || v.Dialing == nil {
				t.Fatalf("after the reply: closed %v, another opened %v", old.Closed, v.Dialing != nil)
			}
			v.Accept()
			if got := v.Sock.Take(); !strings.Contains(got, "secret") || strings.Contains(got, "GET") {
				t.Errorf("the new connection gets %q first", got)
			}
			v.Reply("+OK\r\n")
			v.Reply(bulk("B"))
			s.Settle()
			if got := c.Sock.Take(); got != bulk("A")+bulk("B") {
				t.Errorf("the client gets %q", got)
			}
		}},
		{"who leaves with commands kept gets all of them, and no more", func(o *Options, _ *PoolOptions) {
			o.MaxPipeline = 1
		}, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send(array("GET", "a") + array("GET", "b") + array("GET", "c")[:9])
			s.Settle()
			v := s.Servers[0]
			v.Accept()
			s.Loop.Execute(func() { s.local.Drain(30 * time.Second) })
			s.Settle()
			c.Send(array("GET", "c")[9:] + array("GET", "d") + array("GET", "e")[:5])
			for _, k := range []string{"a", "b", "c"} {
				s.Settle()
				if got := v.Sock.Take(); got != array("GET", k) {
					t.Errorf("the server gets %q", got)
				}
				v.Reply(bulk(k))
			}
			s.Settle()
			if got := c.Sock.Take(); got != bulk("a")+bulk("b")+bulk("c") || !c.Sock.Shut {
				t.Errorf("the client gets %q, the end: %v", got, c.Sock.Shut)
			}
			if got := v.Sock.Take(); got != "" {
				t.Errorf("the server gets %q", got)
			}
		}},
		{"a removed server gets what expects no reply, too", func(_ *Options, po *PoolOptions) {
			po.Protocol = memcached.New(memcached.Options{})
		}, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send("get a\r\n")
			s.Settle()
			old := s.Servers[0]
			old.Accept()
			old.Reply("END\r\n")
			s.Settle()
			old.Sock.Take()
			old.Sock.Room = 3
			const set = "set a 0 0 1 noreply\r\nx\r\n"
			c.Send(set)
			s.Settle()
			s.reload(func(o *Options, po *PoolOptions) { add("s1")(o, po); drop(o, po) })
			if old.Conn.Closed {
				t.Fatal("the connection is closed with bytes unwritten")
			}
			s.DrainRoom(old.Sock, -1)
			if got := old.Sock.Take(); got != set || !old.Conn.Closed {
				t.Errorf("the server gets %q, closed: %v", got, old.Conn.Closed)
			}
		}},
		{"a shorter timeout counts from the reload on", nil, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send(array("GET", "a"))
			s.Settle()
			s.Servers[0].Accept()
			s.Passes(time.Second)
			s.reload(func(_ *Options, po *PoolOptions) { po.Timeout = 100 * time.Millisecond })
			s.Passes(50 * time.Millisecond)
			if got := c.Sock.Take(); got != "" {
				t.Fatalf("before the new timeout the client gets %q", got)
			}
			s.Passes(100 * time.Millisecond)
			if got := c.Sock.Take(); got != "-ERR Connection timed out\r\n" {
				t.Fatalf("after the new timeout the client gets %q", got)
			}
		}},
		{"an ejected server stays ejected", func(_ *Options, po *PoolOptions) {
			po.AutoEjectHosts, po.ServerFailureLimit, po.ServerRetryTimeout = true, 1, time.Hour
		}, func(t *testing.T, s *sim) {
			c := s.connect()
			c.Send(array("GET", "a"))
			s.Settle()
			s.Servers[0].Refuse(errors.New("refused"))
			s.Settle()
			s.reload(add("s1"))
			if s.pool.Live() != 1 || s.pool.Router().Live() != 1 || s.pool.Ejections() != 1 {
				t.Errorf("live %d, in the ring %d, ejections %d; want 1 of each", s.pool.Live(), s.pool.Router().Live(), s.pool.Ejections())
			}
		}},
		{"who has logged in stays so, and who needed no password too", nil, func(t *testing.T, s *sim) {
			c := s.connect()
			guarded := func(password string) {
				s.reload(func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(resp.Options{Password: password}) })
			}
			for _, password := range []string{"one", "two"} {
				guarded(password)
				d := s.connect()
				for _, x := range []*simClient{c, d} {
					x.Send(array("ECHO", "hello"))
					s.Settle()
				}
				if got := c.Sock.Take(); got != bulk("hello") {
					t.Errorf("who was there before gets %q", got)
				}
				if got := d.Sock.Take(); !strings.HasPrefix(got, "-NOAUTH") {
					t.Errorf("who came after gets %q", got)
				}
				d.Send(array("AUTH", password))
				s.Settle()
				if got := d.Sock.Take(); got != "+OK\r\n" {
					t.Errorf("the new password gets %q", got)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.play(t, newSim(t, 1, c.edit)) })
		})
	}
}

// TestNothingLeft: after many reloads a loop knows of one group, and of the connections to servers that are there.
func TestNothingLeft(t *testing.T) {
	s := newSim(t, 2, nil)
	s.AcceptAll()
	c := s.connect()
	for i := range 100 {
		s.reload(func(_ *Options, po *PoolOptions) {
			po.Servers = append(po.Servers[:2], sessiontest.ServerNamed(fmt.Sprintf("n%d", i)))
		})
		for k := range 10 {
			c.Send(array("GET", fmt.Sprint(k)))
			s.Settle()
			for _, v := range s.Servers {
				if v.Sock != nil && v.Sock.Take() != "" {
					v.Reply(bulk("x"))
				}
			}
			s.Settle()
		}
	}
	if got := c.Sock.Take(); got != strings.Repeat(bulk("x"), 1000) {
		t.Errorf("%d bytes of replies", len(got))
	}
	s.Loop.Execute(s.local.Tidy)
	s.Settle()
	open := 0
	for _, v := range s.Servers {
		if v.Conn != nil && !v.Conn.Closed {
			open++
		}
	}
	if n := s.Local.Groups(); n != 1 || open > 3 {
		t.Errorf("%d groups, %d connections; want 1 and 3 at most", n, open)
	}
}

// TestNothingLeftOfPools: what slow requests and hot keys are remembered by does not keep the pools alive that were replaced.
func TestNothingLeftOfPools(t *testing.T) {
	s := newSim(t, 1, func(_ *Options, po *PoolOptions) { po.SlowerThan = 0 })
	s.AcceptAll()
	c := s.connect()
	first := weak.Make(s.pool)
	for i := range 3 {
		for slow := len(s.local.SlowRecords(false)); len(s.local.SlowRecords(false)) == slow || len(s.local.HotKeys()) == 0; {
			c.Send(array("GET", "a"))
			s.Settle()
			s.Servers[0].Reply(bulk("x"))
		}
		s.reload(func(o *Options, po *PoolOptions) { po.Backlog++; o.MaxPipeline += i })
	}
	runtime.GC()
	if first.Value() != nil {
		t.Error("the first pool is still there")
	}
	runtime.KeepAlive(s)
}

// TestNothingLeftOfNames: after reloads that each rename the pool, a loop has a group under the last name only.
func TestNothingLeftOfNames(t *testing.T) {
	server := startKeyServer(t, "s")
	p := startPools(t, withPools(2, poolBefore("p", server)))
	for i := range 10 {
		if _, err := p.Reload(withPools(2, poolBefore(fmt.Sprintf("p%d", i), server))); err != nil {
			t.Fatal(err)
		}
		p.Snapshot()
	}
	p.patience = time.Minute
	for len(p.leavingPools()) > 0 {
		p.sweep()
	}
	for _, n := range askLoops(p, func(r *rooms) int { r.servers.Tidy(); return r.servers.Groups() }) {
		if n != 1 {
			t.Errorf("a loop has groups of %d names; want 1", n)
		}
	}
}

// TestDescriptorsOfLeavingPools: descriptors are kept back for the servers of a removed pool as long as it has clients, over
// other reloads, and no longer.
func TestDescriptorsOfLeavingPools(t *testing.T) {
	server := startKeyServer(t, "s")
	one, two := poolBefore("one", server), poolBefore("two", server)
	p := startPools(t, withPools(0, one, two))
	both := p.clientLimit.Load()
	reload := func(pools ...PoolOptions) {
		t.Helper()
		if _, err := p.Reload(withPools(0, pools...)); err != nil {
			t.Fatal(err)
		}
	}
	if both == math.MaxInt64 {
		t.Skip("there is no limit on descriptors here")
	}
	c, err := net.Dial("tcp", p.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, "PING\r\n*1\r\n") // the second one is half a command
	if _, err := io.ReadFull(c, make([]byte, len("+PONG\r\n"))); err != nil {
		t.Fatal(err)
	}
	reload(one)
	one.Backlog++
	reload(one)
	p.sweep()
	if n := p.clientLimit.Load(); n != both {
		t.Errorf("while a removed pool has a client there may be %d clients; want %d", n, both)
	}
	_ = c.Close()
	for len(p.leavingPools()) > 0 {
		p.sweep()
	}
	if n := p.clientLimit.Load(); n <= both {
		t.Errorf("once the pool is gone there may be %d clients; want more than %d", n, both)
	}
}

func (p *Proxy) leavingPools() []*pool {
	p.changing.Lock()
	defer p.changing.Unlock()
	return p.leaving
}

// TestBlockedClientLeaves: a client that leaves while it waits for room at a server is counted out once, though the server
// connection tells it of the room afterwards.
func TestBlockedClientLeaves(t *testing.T) {
	s := newSim(t, 1, nil)
	c := s.connect()
	c.Send(array("SET", "a", strings.Repeat("x", 33<<20)) + array("GET", "a") + array("GET", "a"))
	s.Settle()
	if n := s.snapshot().ClientBlocked; n != 1 {
		t.Fatalf("%d clients are blocked; want 1", n)
	}
	c.HangUp(io.ErrUnexpectedEOF)
	s.Servers[0].Accept()
	s.Settle()
	if n := s.snapshot().ClientBlocked; n != 0 {
		t.Errorf("%d clients are blocked; want 0", n)
	}
}

// keyServer is a server that answers GET k with "its name:k".
type keyServer struct {
	net.Listener
	name  string
	holds atomic.Int64 // connections
}

func startKeyServer(t *testing.T, name string) *keyServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	k := &keyServer{Listener: ln, name: name}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			k.holds.Add(1)
			go func() {
				defer k.holds.Add(-1)
				defer c.Close()
				r, w := bufio.NewReader(c), bufio.NewWriter(c)
				for {
					args, err := readArray(r)
					if err != nil {
						return
					}
					fmt.Fprint(w, bulk(name+":"+args[1]))
					if r.Buffered() == 0 && w.Flush() != nil {
						return
					}
				}
			}()
		}
	}()
	return k
}

func (k *keyServer) server() topology.ServerOptions {
	a := k.Addr().String()
	return topology.ServerOptions{Name: k.name, PName: a + ":1", Network: "tcp", Addr: a, Weight: 1}
}

func readArray(r *bufio.Reader) (args []string, err error) {
	var n int
	if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
		return nil, err
	}
	for range n {
		s, err := readBulk(r)
		if err != nil {
			return nil, err
		}
		args = append(args, s)
	}
	return args, nil
}

func readBulk(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	var size int
	if _, err := fmt.Sscanf(line, "$%d", &size); err != nil {
		return "", fmt.Errorf("%w: %q", err, line)
	}
	body := make([]byte, size+2)
	_, err = io.ReadFull(r, body)
	return string(body[:size]), err
}

// poolBefore are the settings of a pool before those servers.
func poolBefore(name string, servers ...*keyServer) PoolOptions {
	po := DefaultPool(name)
	po.Protocol, po.Listen = resp.New(resp.Options{}), Listen{Text: "127.0.0.1:0", Network: "tcp", Addr: "127.0.0.1:0"}
	for _, k := range servers {
		po.Servers = append(po.Servers, k.server())
	}
	return po
}

// withPools are a process's settings, with so many loops (0: as many as it likes) and these pools.
func withPools(loops int, pools ...PoolOptions) Options {
	o := DefaultOptions()
	o.Loops, o.DrainTimeout, o.Pools = loops, time.Minute, pools
	o.SettingNames = map[string]string{"Loops": "loops", "ReusePort": "reuseport", "Timeout": "timeout"}
	return o
}

func startPools(t *testing.T, o Options) *Proxy {
	t.Helper()
	p, err := New(o, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// hammer has n clients ask for keys in pipelines, until stop, and calls check for each reply. It returns how to stop, which
// reports how many replies came.
func hammer(t *testing.T, addr net.Addr, n int, check func(key, value string) bool) (stop func() int64) {
	t.Helper()
	var replies atomic.Int64
	var all sync.WaitGroup
	done := make(chan struct{})
	for i := range n {
		c, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
			r := bufio.NewReader(c)
			for round := 0; ; round++ {
				select {
				case <-done:
					return
				default:
				}
				var out string
				pipeline := 1 + (i+round)%5
				for j := range pipeline {
					out += array("GET", fmt.Sprintf("k%d", (i+7*round+j)%500))
				}
				if _, err := io.WriteString(c, out); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				for j := range pipeline {
					key := fmt.Sprintf("k%d", (i+7*round+j)%500)
					if v, err := readBulk(r); err != nil || !check(key, v) {
						t.Errorf("client %d: GET %s gets %q, %v", i, key, v, err)
						return
					}
					replies.Add(1)
				}
			}
		})
	}
	return sync.OnceValue(func() int64 { close(done); all.Wait(); return replies.Load() })
}

// TestReloadUnderLoad adds and removes servers and pools while clients ask: none sees an error, each value is its key's,
// and nothing piles up.
func TestReloadUnderLoad(t *testing.T) {
	var servers []*keyServer
	for i := range 4 {
		servers = append(servers, startKeyServer(t, fmt.Sprintf("s%d", i)))
	}
	before := func(n int) PoolOptions {
		po := poolBefore("main", servers[:n]...)
		po.Hash = "murmur" // by the usual one, s1 of four has none of these keys
		return po
	}
	p := startPools(t, withPools(2, before(2)))
	addr := p.Addrs()[0]
	owners := make(map[string]bool) // "server:key" as one of the configurations has it
	for n := 2; n <= 4; n++ {
		bp, err := topology.NewPool(before(n).Options, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			key := fmt.Sprintf("k%d", i)
			_, owner := bp.Router().Route([]byte(key))
			owners[bp.Entry(owner).Name+":"+key] = true
		}
	}
	stop := hammer(t, addr, 8, func(key, value string) bool { return strings.HasSuffix(value, ":"+key) && owners[value] })
	defer stop()

	reload := func(i int) {
		t.Helper()
		o := withPools(2, before(2+i%3))
		if i%2 == 1 {
			o.Pools = append(o.Pools, poolBefore("other", servers[3]))
		}
		if _, err := p.Reload(o); err != nil {
			t.Fatal(err)
		}
		if a := p.Addrs(); a[0].String() != addr.String() || len(a) != len(o.Pools) {
			t.Fatalf("listening on %v", a)
		}
	}
	connected := func() bool { // all loops to all servers, and no more than that; and all clients
		return p.clients.Load() == 8 && !slices.ContainsFunc(servers, func(k *keyServer) bool { return k.holds.Load() != 2 })
	}
	for i := range 6 {
		reload(i)
	}
	eventually(t, "every loop is connected to every server", connected) // else what the first clients bring looks like a leak
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for i := range 102 {
		reload(i)
	}
	eventually(t, "every loop has one connection to every server again", connected)
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > goroutines+5 || openFiles(t) > files+5; {
		if time.Now().After(end) {
			t.Fatalf("goroutines %d, were %d; descriptors %d, were %d", runtime.NumGoroutine(), goroutines, openFiles(t), files)
		}
		runtime.Gosched()
	}
	if n := stop(); n == 0 {
		t.Error("no replies")
	}
	if s := p.ReloadStatus(); s.Succeeded != 108 || s.Failed != 0 || s.At.IsZero() {
		t.Errorf("status %+v", s)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if d, err := os.ReadDir(dir); err == nil {
			return len(d)
		}
	}
	return 0
}

// TestBadReload: what can't be done changes nothing, and what it had opened is closed again.
func TestBadReload(t *testing.T) {
	server := startKeyServer(t, "s0")
	p := startPools(t, withPools(1, poolBefore("main", server)))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	for _, c := range []struct {
		name string
		edit func(*Options)
		want string
	}{
		{"taken", func(o *Options) {
			more := poolBefore("more", server)
			more.Listen = Listen{Text: addr, Network: "tcp", Addr: addr}
			taken := poolBefore("taken", server)
			taken.Listen = Listen{Text: "there", Network: "tcp", Addr: server.Addr().String()}
			o.Pools = append(o.Pools, more, taken)
		}, "bind to addr 'there' failed"},
		{"hash", func(o *Options) { o.Pools[0].Hash = "fnv3" }, "fnv3"},
		{"twice", func(o *Options) { o.Pools = append(o.Pools, o.Pools[0]) }, "two of that name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := p.now.Load()
			o := withPools(1, poolBefore("main", server))
			c.edit(&o)
			if _, err := p.Reload(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Reload: %v; want %q in it", err, c.want)
			}
			if p.now.Load() != was {
				t.Error("something has changed")
			}
			if s := p.ReloadStatus(); !strings.Contains(s.Err, c.want) {
				t.Errorf("status %+v", s)
			}
			again, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatalf("what was opened is not closed: %v", err)
			}
			_ = again.Close()
			client := dial(t, p)
			_, _ = io.WriteString(client, array("GET", "a"))
			if v, err := readBulk(bufio.NewReader(client)); v != "s0:a" {
				t.Errorf("GET a: %q, %v", v, err)
			}
		})
	}
}

// TestReloadChanges: what Reload says, and a listener that goes from one pool to another.
func TestReloadChanges(t *testing.T) {
	server := startKeyServer(t, "s0")
	fixed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := fixed.Addr().String()
	_ = fixed.Close()
	at := func(name string) PoolOptions {
		po := poolBefore(name, server)
		po.Listen = Listen{Text: addr, Network: "tcp", Addr: addr}
		return po
	}
	p := startPools(t, withPools(1, at("a"), poolBefore("same", server)))
	idle := dial(t, p)
	_, _ = io.WriteString(idle, "PING\r\n")
	if line, err := bufio.NewReader(idle).ReadString('\n'); line != "+PONG\r\n" {
		t.Fatal(line, err)
	}
	mc := at("a")
	mc.Protocol = memcached.New(memcached.Options{})
	ch, err := p.Reload(withPools(2, mc, poolBefore("same", server)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ch.String(), `pools added ["a"], removed ["a"], changed [], unchanged 1`; got != want {
		t.Errorf("changes: %s; want %s", got, want)
	}
	if got := strings.Join(ch.Notes, "; "); !strings.Contains(got, "loops: stays 1") {
		t.Errorf("notes: %s", got)
	}
	if rest, err := io.ReadAll(idle); err != nil || len(rest) > 0 {
		t.Errorf("a client of the removed pool gets %q, %v; want its end", rest, err)
	}
	c := dial(t, p)
	_, _ = io.WriteString(c, "mn\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(line, "MN") {
		t.Errorf("the pool that has its address now: %q, %v", line, err)
	}
	if ch, err = p.Reload(withPools(1, mc)); err != nil || ch.Removed[0] != "same" {
		t.Errorf("%v, %v", ch, err)
	}
	slow := mc
	slow.Timeout, slow.Backlog = time.Second, 16
	if ch, err = p.Reload(withPools(1, slow)); err != nil || len(ch.Notes) != 1 ||
		ch.Notes[0] != "pool a: changed: timeout, Backlog" {
		t.Errorf("%v, %v", ch.Notes, err)
	}
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		p.changing.Lock()
		left := len(p.leaving)
		p.changing.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the removed pools are still there")
		}
	}
}

// TestRetiredTimeout: what is under way at a server that a reload removes ends by the new timeout, too.
func TestRetiredTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, nil)
		c := s.connect()
		c.Send(array("GET", "a"))
		s.Settle()
		s.Servers[0].Accept()
		s.reload(func(_ *Options, po *PoolOptions) {
			po.Timeout = 100 * time.Millisecond
			po.Servers = append(po.Servers[1:], sessiontest.ServerNamed("s1"))
		})
		s.Passes(time.Second)
		if got := c.Sock.Take(); got == "" {
			t.Error("no timeout for what was under way at the removed server")
		}
	})
}
