package sim

import (
	"io"
	"net"
	"syscall"
	"time"
)

// end is one end of a TCP connection. What one end writes comes to the other later, in pieces, in order; how late, the network
// says. The other end's window is what it may have under way and unread.
type end struct {
	sim  *Sim
	peer *end
	pipe string // "tcp" or "unix"

	local, remote net.Addr

	in     []byte // that came and was not read
	at     int    // of in: what was read
	flight []segment
	landed int    // of flight: what has come
	next   func() // has the next of flight come
	lands  int64  // when the last of flight comes
	moving int    // bytes in flight
	room   int    // bytes that in and flight may have

	fin    bool // the peer sends no more
	reset  bool // the connection is broken
	shut   bool // we send no more
	closed bool // by all who had it
	refs   int

	readable func() // is called when something came: bytes, the peer's end, a reset
	writable func() // once, when the peer's window is open again, or the connection broken; see await
}

// segment is on its way to an end.
type segment struct {
	p     []byte
	fin   bool
	reset bool
}

// connection makes both ends of a connection.
func (s *Sim) connection(pipe string, from, to net.Addr) (client, server *end) {
	a := &end{sim: s, pipe: pipe, local: from, remote: to, refs: 1}
	b := &end{sim: s, pipe: pipe, local: to, remote: from, refs: 1}
	a.peer, b.peer = b, a
	a.room, b.room = s.window(), s.window()
	s.open += 2
	return a, b
}

// unread is what waits to be read.
func (e *end) unread() int { return len(e.in) - e.at }

// write gives the network as much of p as the peer's window has room for.
func (e *end) write(p []byte) (int, error) {
	switch {
	case e.reset:
		return 0, syscall.EPIPE
	case e.shut, e.closed:
		return 0, syscall.EPIPE
	}
	to := e.peer
	n := min(len(p), to.room-to.unread()-to.moving)
	if n <= 0 {
		return 0, nil
	}
	if delay := e.sim.delay(to); delay > 0 || len(to.flight) > 0 {
		to.fly(segment{p: append(e.sim.piece(), p[:n]...)}, delay)
	} else {
		to.take(p[:n])
	}
	return n, nil
}

// send puts a segment on its way to e, which may come at once.
func (e *end) send(g segment) {
	if delay := e.sim.delay(e); delay > 0 || len(e.flight) > 0 {
		e.fly(g, delay)
	} else {
		e.land(g)
	}
}

// fly has a segment come to e after a delay, and behind all that is on its way.
func (e *end) fly(g segment, delay time.Duration) {
	s := e.sim
	if e.next == nil {
		e.next = e.landFirst
	}
	if e.landed > 8 && e.landed > len(e.flight)/2 {
		n := copy(e.flight, e.flight[e.landed:])
		clear(e.flight[n:])
		e.flight, e.landed = e.flight[:n], 0
	}
	e.moving += len(g.p)
	e.flight = append(e.flight, g)
	e.lands = max(e.lands, s.now+int64(delay))
	s.once(time.Duration(e.lands-s.now), e.next)
}

// landFirst has the oldest segment in flight come.
func (e *end) landFirst() {
	g := e.flight[e.landed]
	e.flight[e.landed] = segment{}
	if e.landed++; e.landed == len(e.flight) {
		e.flight, e.landed = e.flight[:0], 0
	}
	e.moving -= len(g.p)
	e.land(g)
}

// land has a segment come.
func (e *end) land(g segment) {
	switch {
	case g.reset:
		e.broken()
	case g.fin:
		if !e.closed {
			e.fin = true
			e.tell()
		}
	case len(e.in) == 0 && !e.closed: // the piece is what has come
		e.in, g.p = g.p, e.in
		e.sim.pieces = append(e.sim.pieces, g.p)
		e.tell()
	default:
		e.take(g.p)
		e.sim.pieces = append(e.sim.pieces, g.p[:0])
	}
}

// take has bytes come.
func (e *end) take(p []byte) {
	if e.closed {
		if !e.reset {
			e.reset = true
			e.peer.send(segment{reset: true})
		}
		return
	}
	if e.at > 0 && len(e.in)+len(p) > cap(e.in) {
		e.in = e.in[:copy(e.in, e.in[e.at:])]
		e.at = 0
	}
	e.in = append(e.in, p...)
	e.tell()
}

// tell has whoever reads from e know that something came.
func (e *end) tell() {
	if e.readable != nil {
		e.readable()
	}
}

func (e *end) broken() {
	if e.reset {
		return
	}
	e.reset = true
	e.wakeWriter()
	if !e.closed {
		e.tell()
	}
}

// read takes what has come. io.EOF: the peer sends no more.
func (e *end) read(p []byte) (int, error) {
	n := copy(p, e.in[e.at:])
	return n, e.took(n)
}

// readTo appends to p what has come, up to most bytes.
func (e *end) readTo(p []byte, most int) ([]byte, error) {
	n := min(most, e.unread())
	p = append(p, e.in[e.at:e.at+n]...)
	return p, e.took(n)
}

// took takes note that n bytes were read; none: it says why.
func (e *end) took(n int) error {
	switch {
	case n > 0:
		e.at += n
		if e.at == len(e.in) {
			e.in, e.at = e.in[:0], 0
		}
		e.peer.wakeWriter()
	case e.reset:
		return syscall.ECONNRESET
	case e.fin:
		return io.EOF
	}
	return nil
}

// await has ready called, once, when the peer has room again.
func (e *end) await(ready func()) {
	if e.writable = ready; e.reset || e.peer.room-e.peer.unread()-e.peer.moving > 0 {
		e.wakeWriter()
	}
}

func (e *end) wakeWriter() {
	if f := e.writable; f != nil {
		e.writable = nil
		e.sim.ready = append(e.sim.ready, call(f))
	}
}

// call is a runner that runs a function.
type call func()

func (f call) run() { f() }

// closeWrite sends the end.
func (e *end) closeWrite() error {
	if e.reset {
		return syscall.ENOTCONN
	}
	if !e.shut && !e.closed {
		e.shut = true
		e.peer.send(segment{fin: true})
	}
	return nil
}

// release lets go of one of the descriptors that lead to e.
func (e *end) release() {
	if e.refs--; e.refs > 0 {
		return
	}
	if e.refs < 0 {
		panic("sim: a descriptor is closed twice")
	}
	e.close(false)
}

// close ends e: with a reset if something is unread or the owner wants that.
func (e *end) close(hard bool) {
	if e.closed {
		return
	}
	e.closed = true
	e.sim.open--
	e.readable, e.writable = nil, nil
	switch {
	case e.reset:
	case hard || e.unread() > 0:
		e.reset = true
		e.peer.send(segment{reset: true})
	case !e.shut:
		e.shut = true
		e.peer.send(segment{fin: true})
	}
	e.in, e.at = nil, 0
}
