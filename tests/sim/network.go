package sim

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"cashew/world"
)

// network is what connects the proxies, their servers and their clients.
type network struct {
	sim    *Sim
	hosts  map[string]*host // by address
	names  map[string][]string
	files  map[int]*end // descriptors outside of any loop
	nextFD int
	port   int
	open   int      // ends that are not closed
	pieces [][]byte // not in use

	// Slow is the longest that bytes are on their way. It may change at any time.
	Slow time.Duration
}

// host is what an address leads to.
type host struct {
	addr     net.Addr
	accept   func(*end)                  // of a model; it has the connection
	listener *socket                     // of a proxy
	decide   func(context.Context) error // of a script: it waits until that says what becomes of an attempt to connect
	refuses  bool                        // nobody listens
	silent   bool                        // a firewall drops all
}

func (n *network) init(s *Sim) {
	n.sim = s
	n.hosts, n.names, n.files = make(map[string]*host), make(map[string][]string), make(map[int]*end)
	n.nextFD, n.port = 100, 20000
	n.Slow = 200 * time.Microsecond
}

// piece is room for the bytes of a segment.
func (n *network) piece() []byte {
	if k := len(n.pieces); k > 0 {
		p := n.pieces[k-1]
		n.pieces = n.pieces[:k-1]
		return p
	}
	return make([]byte, 0, 512)
}

// window is how many bytes an end takes that nobody reads.
func (n *network) window() int {
	if n.sim.Still {
		return math.MaxInt
	}
	return 4<<10 + n.sim.rnd.IntN(60<<10)
}

// delay is how long the next segment to e takes. Half of all come at once.
func (n *network) delay(*end) time.Duration {
	r := n.sim.rnd.Uint64()
	if r&1 == 0 {
		return 0
	}
	return time.Duration(r >> 1 % uint64(n.Slow+1))
}

// addr is a TCP address.
func addr(text string) net.Addr {
	h, p, err := net.SplitHostPort(text)
	if err != nil {
		return &net.UnixAddr{Name: text, Net: "unix"}
	}
	port, _ := strconv.Atoi(p)
	return &net.TCPAddr{IP: net.ParseIP(h), Port: port}
}

// Name has a name lead to addresses.
func (n *network) Name(name string, addrs ...string) { n.names[name] = addrs }

// LookupHost implements world.Network.
func (n *network) LookupHost(ctx context.Context, name string) ([]string, error) {
	if err := n.sim.Sleep(ctx, time.Duration(n.sim.rnd.IntN(int(time.Millisecond)))); err != nil {
		return nil, err
	}
	if addrs := n.names[name]; len(addrs) > 0 {
		return slices.Clone(addrs), nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// Dial implements world.Network.
func (n *network) Dial(ctx context.Context, pipe, to string, _ world.DialOptions) (net.Conn, error) {
	fail := func(err error) error { return &net.OpError{Op: "dial", Net: pipe, Addr: addr(to), Err: err} }
	h := n.hosts[to]
	if h != nil && h.decide != nil {
		if err := h.decide(ctx); err != nil {
			return nil, fail(err)
		}
		return n.conn(n.connect(h, pipe)), nil
	}
	if err := n.sim.Sleep(ctx, time.Duration(1+n.sim.rnd.Int64N(int64(n.Slow)+1))); err != nil {
		return nil, fail(err)
	}
	h = n.hosts[to]
	if h != nil && h.silent {
		_ = n.sim.Sleep(ctx, time.Hour)
		return nil, fail(syscall.ETIMEDOUT)
	}
	if h == nil || h.refuses || h.accept == nil && (h.listener == nil || h.listener.closed) {
		return nil, fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	return n.conn(n.connect(h, pipe)), nil
}

// connect makes a connection to h, and returns the end of whoever asked for it.
func (n *network) connect(h *host, pipe string) *end {
	n.port++
	client, server := n.sim.connection(pipe, &net.TCPAddr{IP: net.IPv4(10, 9, 0, 1), Port: 1024 + n.port%60000}, h.addr)
	if h.listener != nil {
		h.listener.come(server)
	} else {
		h.accept(server)
	}
	return client
}

// Adopt implements world.Network.
func (n *network) Adopt(fd int) (net.Conn, error) {
	e := n.files[fd]
	if e == nil {
		return nil, syscall.EBADF
	}
	delete(n.files, fd)
	return n.conn(e), nil
}

// Drop implements world.Network.
func (n *network) Drop(fd int) {
	if e := n.files[fd]; e != nil {
		delete(n.files, fd)
		e.release()
	}
}

// file is one more descriptor of e.
func (n *network) file(e *end) int {
	e.refs++
	n.nextFD++
	n.files[n.nextFD] = e
	return n.nextFD
}

// Descriptors implements world.Network.
func (*network) Descriptors() int64 { return math.MaxInt64 }

// conn is a connection as a task has it: its reads and writes wait.
type conn struct {
	*end
	readers []waiter
	until   int64 // its deadline
}

// tcp is a conn that can keep alive.
type tcp struct{ *conn }

// SetKeepAlive is that of *net.TCPConn.
func (tcp) SetKeepAlive(bool) error { return nil }

func (n *network) conn(e *end) net.Conn {
	c := &conn{end: e}
	e.readable = func() { wakeAll(c.readers) }
	if e.pipe == "unix" {
		return c
	}
	return tcp{c}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.read(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if c.until > 0 && c.sim.now >= c.until {
			return 0, os.ErrDeadlineExceeded
		}
		c.sim.waitIn(context.Background(), c.until, &c.readers)
	}
}

// Write implements net.Conn. What a task writes is short, and so it never waits.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.write(p)
	if err == nil && n < len(p) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error { c.release(); return nil }

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	c.until = 0
	if !t.IsZero() {
		c.until = int64(t.Sub(c.sim.began))
	}
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.SetDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }

// socket is a listening socket, which may be had by several.
type socket struct {
	sim     *Sim
	host    *host
	queue   []*end
	waiters []waiter
	refs    int

	acceptors []*acceptor // of loops
	closed    bool
}

// come has a client stand in the queue.
func (k *socket) come(e *end) {
	k.queue = append(k.queue, e)
	wakeAll(k.waiters)
	for _, a := range k.acceptors {
		a.come()
	}
}

// release lets go of a descriptor. With the last one all who wait in the queue are reset.
func (k *socket) release() {
	if k.refs--; k.refs == 0 {
		k.closed = true
		for _, e := range k.queue {
			e.close(true)
		}
		k.queue = nil
	}
}

// listener is one descriptor of a socket.
type listener struct {
	*socket
	until  int64
	closed bool
}

var _ world.Listener = (*listener)(nil)

// Listen implements world.Network.
func (n *network) Listen(pipe, at string, _ world.ListenOptions) (world.Listener, error) {
	if h := n.hosts[at]; h != nil && h.listener != nil && !h.listener.closed {
		return nil, &net.OpError{Op: "listen", Net: pipe, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	h := &host{addr: addr(at)}
	h.listener = &socket{sim: n.sim, host: h, refs: 1}
	n.hosts[at] = h
	return &listener{socket: h.listener}, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		switch {
		case l.closed:
			return nil, net.ErrClosed
		case len(l.queue) > 0:
			e := l.queue[0]
			l.queue = l.queue[1:]
			return l.sim.conn(e), nil
		case l.until > 0 && l.sim.now >= l.until:
			return nil, os.ErrDeadlineExceeded
		}
		l.sim.waitIn(context.Background(), l.until, &l.waiters)
	}
}

// AcceptBy implements world.Listener.
func (l *listener) AcceptBy(t time.Time) {
	l.until = 0
	if !t.IsZero() {
		l.until = max(int64(t.Sub(l.sim.began)), 1)
	}
	wakeAll(l.waiters)
}

// Close implements net.Listener.
func (l *listener) Close() error {
	if l.closed {
		return net.ErrClosed
	}
	l.closed = true
	wakeAll(l.waiters)
	l.release()
	return nil
}

func (l *listener) Rest() error                          { return nil }
func (l *listener) Addr() net.Addr                       { return l.host.addr }
func (l *listener) Prepare(world.ListenOptions) error    { return nil }
func (l *listener) SharePort(bool) (was bool, err error) { return false, nil }
func (l *listener) SharesPort() bool                     { return false }
func (l *listener) File() (*os.File, error)              { return nil, errors.ErrUnsupported }

// Dup implements world.Listener.
func (l *listener) Dup() (world.Listener, error) {
	l.refs++
	return &listener{socket: l.socket}, nil
}

// memory is how much of it the world's process has.
type memory struct {
	// Heap is what objects have. It may change at any time.
	Heap uint64
}

func (*memory) MachineBytes() uint64        { return 1 << 30 }
func (m *memory) HeapBytes() uint64         { return m.Heap }
func (*memory) Collect()                    {}
func (*memory) LimitHeap(int)               {}
func (*memory) Held() (bytes, count uint64) { return 64 << 20, 1 }
func (*memory) GiveBack()                   {}

var _ world.World = (*Sim)(nil)
