package engine

import (
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

	"cashew/backend"
	"cashew/codec/resp"
	"cashew/loop"
	"cashew/topology"
	"cashew/world/worldtest"
)

// sim is one loop without sockets: clients and servers are scripts, and time stands still unless a test moves it. It
// drives sessions and server connections exactly as Proxy does from gnet's callbacks.
type sim struct {
	t     testing.TB
	proxy *Proxy
	loop  *loop.Loop
	local *Local
	pool  *pool
	mu    sync.Mutex // timers call Execute
	tasks []func()   // what Execute queued

	naps   []time.Duration
	yields int

	clients []*simClient
	servers []*simServer
	stalled map[int]func() // what the Watcher waits for
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
	*fakeConn
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

// fakeConn is what a connection is besides its bytes.
type fakeConn struct {
	fd     int
	addr   net.Addr
	closed bool       // by us, or by the peer
	server *simServer // whose it is, if it is a server's
}

func (f *fakeConn) Close() {
	f.closed = true
	if v := f.server; v != nil && v.conn == f {
		v.up = nil
	}
}

var errNoDescriptors = errors.New("no descriptors in a simulation")

func (f *fakeConn) RemoteAddr() net.Addr         { return f.addr }
func (f *fakeConn) Fd() int                      { return f.fd }
func (f *fakeConn) Pause()                       {}
func (f *fakeConn) Resume()                      {}
func (f *fakeConn) Unread() int                  { return 0 }
func (f *fakeConn) Dup() (int, error)            { return -1, errNoDescriptors }
func (f *fakeConn) Detach() (loop.Socket, error) { return nil, errNoDescriptors }

// Enroll implements loop.Base, as the next five do: nobody dials or accepts here.
func (*sim) Enroll(*loop.Loop, net.Conn, loop.Handler) error { panic("enrolled in a simulation") }

func (s *sim) Run(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, f)
	return true
}

func (s *sim) Nap(d time.Duration) { s.naps = append(s.naps, d.Round(time.Microsecond)) }
func (s *sim) Yield()              { s.yields++ }

func (s *sim) Watch(fd int, f func()) error { s.stalled[fd] = f; return nil }
func (s *sim) Cancel(fd int)                { delete(s.stalled, fd) }

// newSim builds a loop before n servers; edit may change the options.
func newSim(t testing.TB, n int, edit func(*Options, *PoolOptions)) *sim {
	t.Helper()
	po := PoolOptions{Options: topology.Options{
		Name: "sim", Protocol: resp.New(resp.Options{}), Hash: "fnv1a_64", Distribution: "modula", ServerConnections: 1,
	}, SlowerThan: 10 * time.Millisecond, SlowMaxLen: 128}
	for i := range n {
		name := "s" + strconv.Itoa(i)
		po.Servers = append(po.Servers, simServerNamed(name))
	}
	o := withPools(1)
	var s *sim
	po.Probe = func(v *topology.ServerOptions) error { return s.probe(v.Name) }
	if edit != nil {
		edit(&o, &po)
	}
	o.Pools = []PoolOptions{po}
	log := slog.New(slog.DiscardHandler)
	w := worldtest.New(time.Now())
	p, err := New(o, w, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.pools()[0].Close)
	s = &sim{t: t, proxy: p, pool: p.pools()[0], stalled: map[int]func(){}}
	s.loop = loop.NewLoop(s, w, log)
	servers := backend.NewLocal(s.loop)
	s.local = newLocal(0, s.loop, servers, p.now.Load(), &p.pressure)
	p.loops, p.patience = []*Local{s.local}, time.Minute
	tokens := 0
	servers.Token = func() string { tokens++; return strconv.Itoa(tokens) }
	servers.Connect = func(c *backend.Conn) {
		sv := s.server(c.Server().Addr)
		if c.Profile() == resp.RESP3 {
			sv = sv.three
		}
		sv.dialing = c
		sv.attempt++
		if s.redial != nil {
			s.redial(sv)
		}
	}
	s.pool.makeGroups(p.loops)
	s.local.addShard(s.pool)
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
		if !slices.ContainsFunc(had, func(h topology.ServerOptions) bool { return h.Addr == v.Addr }) {
			s.addServer(v.Name)
		}
	}
	s.proxy.now.Store(c.next)
	s.t.Cleanup(c.next.pools[0].Close)
	s.loop.Execute(func() { s.local.apply(c) })
	s.settle()
	s.pool = c.next.pools[0]
}

func simServerNamed(name string) topology.ServerOptions {
	return topology.ServerOptions{Name: name, PName: name, Network: "tcp", Addr: name, Weight: 1}
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
		r()
	}
}

func (s *sim) newConn() (*fakeConn, *fakeSocket) {
	s.fds++
	f := &fakeConn{fd: s.fds}
	return f, &fakeSocket{fakeConn: f, room: -1}
}

func (s *sim) connect() *simClient {
	c := &simClient{sim: s}
	c.session = newSession(s.local, s.pool, uint64(len(s.clients)+1), "client")
	c.conn, c.sock = s.newConn()
	s.loop.Opened(c.session, c.sock)
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
		c.sim.loop.Data(c.session, buf)
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
		c.sim.loop.Ended(c.session, err)
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
	v.conn.server, v.up = v, c
	if !v.sim.loop.Opened(c, v.sock) { // given up meanwhile; the reactor closes it
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
	v.sim.loop.Flush()
}

func (v *simServer) reply(p string) {
	if v.up == nil || v.conn.closed {
		return
	}
	buf := []byte(p)
	v.sim.loop.Data(v.up, buf)
	for i := range buf {
		buf[i] = 0xCC
	}
}

func (v *simServer) hangUp() {
	if v.up != nil && !v.conn.closed {
		up := v.up
		v.conn.Close()
		v.sim.loop.Ended(up, io.EOF)
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
			s.loop.Execute(s.local.tidy)
		}
		s.settle()
	}
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
	s.redial = func(v *simServer) { s.tasks = append(s.tasks, v.accept) }
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
