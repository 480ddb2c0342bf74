package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panjf2000/gnet/v2"

	"cashew/backend"
	"cashew/codec/resp"
)

// sim is one loop without sockets: clients and servers are scripts, and time stands still unless a test moves it. It
// drives sessions and server connections exactly as Proxy does from gnet's callbacks.
type sim struct {
	t     testing.TB
	proxy *Proxy
	loop  *Loop
	pool  *pool
	mu    sync.Mutex      // timers call Execute
	tasks []gnet.Runnable // what Execute queued

	clients []*simClient
	servers []*simServer
	conns   map[*fakeConn]any // whose connection it is
	stalled map[int]func()    // what the Watcher waits for
	fds     int
	redial  func(*simServer) // what becomes of a connection attempt; nil: it waits for accept or refuse
}

// simClient is one client: what it was sent is got.
type simClient struct {
	sim     *sim
	session *Session
	conn    *fakeConn
	sock    *fakeSocket
}

// simServer is one server's side of the loop's only connection to it of one profile.
type simServer struct {
	three   *simServer // the same server's side of the connection of RESP3; nil if this is that
	sim     *sim
	name    string
	dialing *backend.Conn // an attempt to connect that was not decided
	attempt int           // its number
	up      *backend.Conn // the open connection
	conn    *fakeConn
	sock    *fakeSocket
	sick    bool // answers no probe
}

// fakeSocket takes room bytes and then reports a full buffer.
type fakeSocket struct {
	fd     int
	came   []byte // to be read
	got    []byte
	room   int // < 0: without limit
	shut   bool
	err    error
	writes int
}

func (f *fakeSocket) Write(p []byte) (int, error) {
	f.writes++
	if f.err != nil {
		return 0, f.err
	}
	n := len(p)
	if f.room >= 0 {
		n = min(n, f.room)
		f.room -= n
	}
	f.got = append(f.got, p[:n]...)
	return n, nil
}

func (f *fakeSocket) Writev(bufs [][]byte) (int, error) {
	sum := 0
	writes := f.writes
	for _, b := range bufs {
		n, err := f.Write(b)
		sum += n
		if err != nil {
			return sum, err
		}
		if n < len(b) {
			break
		}
	}
	f.writes = writes + 1
	return sum, nil
}

// Read takes at most half of what came, so that a caller that wants more has to come again.
func (f *fakeSocket) Read(p []byte) (int, error) {
	n := copy(p, f.came[:(len(f.came)+1)/2])
	f.came = f.came[n:]
	return n, nil
}

func (f *fakeSocket) CloseWrite() error { f.shut = true; return nil }
func (f *fakeSocket) Fd() int           { return f.fd }

// fakeConn is the little of a gnet connection that we use.
type fakeConn struct {
	gnet.Conn
	fd     int
	addr   net.Addr
	closed bool
}

func (f *fakeConn) RemoteAddr() net.Addr { return f.addr }

func (f *fakeConn) Fd() int           { return f.fd }
func (f *fakeConn) Dup() (int, error) { return -1, errors.New("no descriptors in a simulation") }

// fakeEL is the loop's gnet.EventLoop.
type fakeEL struct {
	gnet.EventLoop
	sim *sim
}

func (e fakeEL) Execute(_ context.Context, r gnet.Runnable) error {
	e.sim.mu.Lock()
	defer e.sim.mu.Unlock()
	e.sim.tasks = append(e.sim.tasks, r)
	return nil
}

func (e fakeEL) Close(c gnet.Conn) error {
	f := c.(*fakeConn)
	if !f.closed {
		f.closed = true
		e.sim.onClose(f, nil)
	}
	return nil
}

func (s *sim) Watch(fd int, f func()) error { s.stalled[fd] = f; return nil }
func (s *sim) Cancel(fd int)                { delete(s.stalled, fd) }

// newSim builds a loop before n servers; edit may change the options.
func newSim(t testing.TB, n int, edit func(*Options, *PoolOptions)) *sim {
	t.Helper()
	po := PoolOptions{Options: backend.Options{
		Name: "sim", Protocol: resp.New(resp.Options{}), Hash: "fnv1a_64", Distribution: "modula", ServerConnections: 1,
	}, SlowerThan: 10 * time.Millisecond, SlowMaxLen: 128}
	for i := range n {
		name := "s" + strconv.Itoa(i)
		po.Servers = append(po.Servers, simServerNamed(name))
	}
	o := withPools(1)
	var s *sim
	po.Probe = func(v *backend.Server) error { return s.probe(v.Name) }
	if edit != nil {
		edit(&o, &po)
	}
	o.Pools = []PoolOptions{po}
	log := slog.New(slog.DiscardHandler)
	p, err := New(o, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.pools()[0].Close)
	s = &sim{t: t, proxy: p, pool: p.pools()[0], conns: map[*fakeConn]any{}, stalled: map[int]func(){}}
	s.loop = newLoop(p.now.Load(), &p.pressure)
	p.loops, p.patience = []*Loop{s.loop}, time.Minute
	s.loop.EL, s.loop.Log, s.loop.Watcher = fakeEL{sim: s}, log, s
	tokens := 0
	s.loop.Token = func() string { tokens++; return strconv.Itoa(tokens) }
	s.loop.unread, s.loop.nap = func(int) int { return 0 }, func(time.Duration) {}
	s.loop.Connect = func(c *backend.Conn) {
		sv := s.server(c.Server().Name)
		if c.Profile() == resp.RESP3 {
			sv = sv.three
		}
		sv.dialing = c
		sv.attempt++
		if s.redial != nil {
			s.redial(sv)
		}
	}
	s.pool.groups[s.loop] = backend.NewGroup(&s.loop.Loop, s.pool.Pool)
	for _, v := range po.Servers {
		s.addServer(v.Name)
	}
	return s
}

// probe asks a server on a connection of its own; it runs beside the loop.
func (s *sim) probe(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server(name).sick {
		return syscall.ECONNREFUSED
	}
	return nil
}

func (s *sim) addServer(name string) {
	s.servers = append(s.servers, &simServer{sim: s, name: name, three: &simServer{sim: s, name: name}})
}

// server is the latest of that name: one that a reload removed and added again is another.
func (s *sim) server(name string) *simServer {
	for _, v := range slices.Backward(s.servers) {
		if v.name == name {
			return v
		}
	}
	panic("unknown server")
}

// reload has the pool go on with other settings; servers that it did not have appear behind the others. The loop applies
// it when it settles.
func (s *sim) reload(edit func(*Options, *PoolOptions)) {
	s.t.Helper()
	o := *s.proxy.Options()
	po := o.Pools[0]
	po.Servers = slices.Clone(po.Servers)
	had := slices.Clone(po.Servers)
	edit(&o, &po)
	o.Pools = []PoolOptions{po}
	c, err := s.proxy.plan(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.proxy.adopt(c)
	for _, v := range po.Servers {
		if !slices.ContainsFunc(had, func(h backend.Server) bool { return h.Addr == v.Addr }) {
			s.addServer(v.Name)
		}
	}
	s.proxy.now.Store(c.next)
	s.t.Cleanup(c.next.pools[0].Close)
	s.loop.Execute(func() { s.loop.apply(c) })
	s.settle()
	s.pool = c.next.pools[0]
}

func simServerNamed(name string) backend.Server {
	return backend.Server{Name: name, PName: name, Network: "tcp", Addr: name, Weight: 1}
}

func (s *sim) onClose(f *fakeConn, err error) {
	switch v := s.conns[f].(type) {
	case *simClient:
		clientClosed(v.session, f, err)
	case *simServer:
		if v.up != nil && v.conn == f {
			up := v.up
			v.up = nil
			serverClosed(up, f, err)
		}
	}
}

// settle runs what callbacks left for later, until nothing is left.
func (s *sim) settle() {
	for {
		s.mu.Lock()
		if len(s.tasks) == 0 {
			s.mu.Unlock()
			return
		}
		r := s.tasks[0]
		s.tasks = slices.Delete(s.tasks, 0, 1) // and not s.tasks[1:], which would have the next append allocate
		s.mu.Unlock()
		_ = r.Run(context.Background())
	}
}

func (s *sim) newConn() (*fakeConn, *fakeSocket) {
	s.fds++
	return &fakeConn{fd: s.fds}, &fakeSocket{fd: s.fds, room: -1}
}

func (s *sim) connect() *simClient {
	c := &simClient{sim: s}
	c.session = newSession(s.loop, s.pool, uint64(len(s.clients)+1), "client")
	c.conn, c.sock = s.newConn()
	s.conns[c.conn] = c
	c.session.opened(c.conn, c.sock)
	s.clients = append(s.clients, c)
	return c
}

// send is one OnTraffic. The bytes are overwritten afterwards, as gnet's read buffer is.
func (c *simClient) send(p string) {
	if c.conn.closed {
		return
	}
	for c.sock.came = []byte(p); len(c.sock.came) > 0 && !c.conn.closed; {
		n := min(len(c.sock.came), simReadBytes)
		buf := c.sock.came[:n:n]
		c.sock.came = c.sock.came[n:]
		clientData(c.session, buf)
		for i := range buf {
			buf[i] = 0xCC
		}
	}
}

// simReadBytes is what the simulation's gnet reads at once: of a large command only the beginning.
const simReadBytes = 8 << 10

func (c *simClient) hangUp(err error) {
	if !c.conn.closed {
		c.conn.closed = true
		c.sim.onClose(c.conn, err)
	}
}

// take returns what c was sent since the last call.
func (f *fakeSocket) take() string {
	p := string(f.got)
	f.got = f.got[:0]
	return p
}

func (v *simServer) accept() {
	c := v.dialing
	if c == nil {
		return
	}
	v.dialing = nil
	v.conn, v.sock = v.sim.newConn()
	v.up = c
	v.sim.conns[v.conn] = v
	if !serverOpened(c, v.conn, v.sock) { // given up meanwhile; gnet closes it
		v.up, v.conn.closed = nil, true
	}
}

func (v *simServer) refuse(err error) {
	c := v.dialing
	if c == nil {
		return
	}
	v.dialing = nil
	v.sim.loop.Tick()
	c.DialFailed(v.attempt, &net.OpError{Op: "dial", Err: err})
	v.sim.loop.flushSoon()
}

func (v *simServer) reply(p string) {
	if v.up == nil {
		return
	}
	buf := []byte(p)
	serverData(v.up, buf)
	for i := range buf {
		buf[i] = 0xCC
	}
}

func (v *simServer) hangUp() {
	if v.up != nil && !v.conn.closed {
		v.conn.closed = true
		v.sim.onClose(v.conn, io.EOF)
	}
}

// drainRoom lets a full socket take n more bytes and tells the loop.
func (s *sim) drainRoom(f *fakeSocket, n int) {
	f.room = n
	if w := s.stalled[f.fd]; w != nil {
		delete(s.stalled, f.fd)
		w()
	}
	s.settle()
}

// passes lets time pass; only in a synctest bubble. Every second of it the loop is tidied, as keepHouse has it.
func (s *sim) passes(d time.Duration) {
	tidy := time.Now().Add(time.Second)
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !time.Now().Before(tidy) {
			tidy = tidy.Add(time.Second)
			s.loop.Execute(s.loop.tidy)
		}
		s.settle()
	}
}

func task(f func()) gnet.Runnable {
	return gnet.RunnableFunc(func(context.Context) error { f(); return nil })
}

// array is the command of args as clients send it.
func array(args ...string) string {
	out := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		out += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	return out
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// steady is a client and its servers, connected and warm.
func steady(t testing.TB, servers int) (*sim, *simClient) {
	s := newSim(t, servers, nil)
	s.redial = func(v *simServer) { s.tasks = append(s.tasks, task(v.accept)) }
	c := s.connect()
	for _, k := range []string{"a", "b", "c", "d", "e", "f"} {
		c.send(array("GET", k))
		s.settle()
		for _, v := range s.servers {
			if v.sock != nil && v.sock.take() != "" {
				v.reply("$-1\r\n")
			}
		}
	}
	c.sock.take()
	return s, c
}
