package sim

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"cashew/loop"
	"cashew/world"
)

// reactor is what gnet is to the product: loops that poll their connections, as gnet 2.9 does.
//
//   - a pass reads from each connection that has something, once, 256 KiB at most, in any order; what is left is for the next
//   - then tasks run until none is left, those among them that tasks added
//   - Close ends a connection inside the call
//   - a connection that is not read from is still told that it is broken
//   - a loop accepts clients of a listener, some in a pass
type reactor struct {
	sim     *Sim
	loops   []*loop.Loop
	bases   []*base
	own     []*end // that were detached
	stopped bool
}

// StartReactor has loop.StartReactor make loops of this world.
func (s *Sim) StartReactor(n, readBuffer int, log *slog.Logger) (loop.Reactor, error) {
	r := &reactor{sim: s}
	s.reactors = append(s.reactors, r)
	for range n {
		b := &base{reactor: r, sim: s, buffer: make([]byte, readBuffer)}
		b.loop = loop.NewLoop(b, s, log)
		r.bases = append(r.bases, b)
		r.loops = append(r.loops, b.loop)
	}
	return r, nil
}

// Loops implements loop.Reactor.
func (r *reactor) Loops() []*loop.Loop { return r.loops }

// Stop implements loop.Reactor: all connections are closed, and nothing runs on a loop any more. One that was about to be polled
// ends, and whoever enrolled it is told.
func (r *reactor) Stop() {
	for _, b := range r.bases {
		for b.first != nil {
			b.first.end(nil)
		}
		for _, t := range b.tasks {
			if t.never != nil {
				t.never()
			}
		}
		b.tasks = nil
	}
	r.stopped = true
}

// exit is the end of the process, behind Stop: no connection is left that its loops had.
func (r *reactor) exit() {
	for _, e := range r.own {
		e.close(true)
	}
}

// base is one of its loops: a loop.Base.
type base struct {
	reactor *reactor
	sim     *Sim
	loop    *loop.Loop
	buffer  []byte

	tasks    []queued
	active   []*plain // that have something to be told
	first    *plain   // of all
	awaiting bool     // its pass is to come
	accepts  []*acceptor
	layers   uint64 // that were put beneath connections, ever
}

// queued is a function that a loop is to run; never, if there is one, is called if the loop ends before that.
type queued struct{ f, never func() }

var _ loop.Base = (*base)(nil)

func (b *base) soon() {
	if !b.awaiting {
		b.awaiting = true
		b.sim.ready = append(b.sim.ready, b)
	}
}

// Run implements loop.Base.
func (b *base) Run(f func()) bool { return b.queue(queued{f: f}) }

func (b *base) queue(t queued) bool {
	if b.reactor.stopped {
		return false
	}
	b.tasks = append(b.tasks, t)
	b.soon()
	return true
}

// Nap implements loop.Base: the clock goes on meanwhile.
func (b *base) Nap(d time.Duration) {
	if !b.sim.Still {
		b.sim.now += int64(d)
	}
}

// Yield implements loop.Base.
func (*base) Yield() {}

// Enroll implements loop.Base.
func (b *base) Enroll(l *loop.Loop, nc net.Conn, h loop.Handler) error {
	e := endOf(nc)
	e.readable, e.writable = nil, nil
	opened := world.NewGroup(b.sim)
	opened.Add(1)
	var err error
	end := func() {
		e.release()
		err = errors.New("sim: the reactor has stopped")
	}
	if !b.queue(queued{func() { b.register(e, h); opened.Done() }, func() { end(); opened.Done() }}) {
		end()
		return err
	}
	_ = opened.Wait(noEnd)
	return err
}

func endOf(nc net.Conn) *end {
	switch c := nc.(type) {
	case tcp:
		return c.end
	case *conn:
		return c.end
	}
	panic(fmt.Sprintf("sim: enrolled a %T", nc))
}

// acceptor is a listener of which a loop accepts, by a descriptor of its own.
type acceptor struct {
	base *base
	from *socket
	next func() func(net.Conn)
	over func()
}

// Accept is what loop.Loop's asks of a Base that accepts clients itself.
func (b *base) Accept(ln world.Listener, next func() func(net.Conn), over func()) (end func(), err error) {
	l, ok := ln.(*listener)
	if !ok || l.closed || b.reactor.stopped {
		return nil, net.ErrClosed
	}
	l.refs++
	a := &acceptor{base: b, from: l.socket, next: next, over: over}
	b.accepts = append(b.accepts, a)
	l.acceptors = append(l.acceptors, a)
	a.come()
	return a.end, nil
}

// Open is what loop.Loop's asks of such a Base.
func (b *base) Open(nc net.Conn, h loop.Handler) error {
	e := endOf(nc)
	e.readable, e.writable = nil, nil
	b.register(e, h)
	return nil
}

// come has the next pass of the loop look at a.
func (a *acceptor) come() {
	if len(a.from.queue) > 0 {
		a.base.soon()
	}
}

// accept is what a pass does: it accepts some of who waits.
func (a *acceptor) accept() {
	take := a.next()
	for range 1 + a.base.sim.rnd.IntN(3) {
		if take == nil || len(a.from.queue) == 0 {
			break
		}
		e := a.from.queue[0]
		a.from.queue = a.from.queue[1:]
		a.base.loop.Came(a.base.sim.conn(e), take)
	}
	if take == nil {
		a.end()
		a.over()
	}
}

// end accepts no more.
func (a *acceptor) end() {
	i := slices.Index(a.base.accepts, a)
	if i < 0 {
		return
	}
	a.base.accepts = slices.Delete(a.base.accepts, i, i+1)
	a.from.acceptors = slices.DeleteFunc(a.from.acceptors, func(other *acceptor) bool { return other == a })
	a.from.release()
}

// register begins to poll e.
func (b *base) register(e *end, h loop.Handler) {
	if b.sim.Layered {
		h = b.layer(h)
	}
	p := &plain{base: b, conn: e, handler: h}
	if p.next = b.first; p.next != nil {
		p.next.prev = p
	}
	b.first = p
	e.readable = p.activate
	if !b.loop.Opened(h, p) {
		p.gone = true
		p.close()
		return
	}
	p.activate()
}

// run is a pass.
func (b *base) run() {
	b.awaiting = false
	if b.reactor.stopped {
		return
	}
	for _, a := range slices.Clone(b.accepts) {
		a.accept()
	}
	now := b.active
	b.active = nil
	rnd := b.sim.rnd
	for len(now) > 0 {
		i, last := rnd.IntN(len(now)), len(now)-1
		p := now[i]
		now[i], now[last] = now[last], nil
		now = now[:last]
		p.active = false
		p.poll()
	}
	if b.active == nil {
		b.active = now[:0]
	}
	for i := 0; i < len(b.tasks); i++ {
		t := b.tasks[i]
		b.tasks[i] = queued{}
		t.f()
	}
	b.tasks = b.tasks[:0]
	for _, a := range b.accepts {
		a.come()
	}
	for _, p := range b.active {
		if p.told() {
			b.soon()
			return
		}
	}
}

// plain is a connection that a loop polls: a loop.Socket.
type plain struct {
	base       *base
	conn       *end
	handler    loop.Handler
	next, prev *plain
	active     bool // in base.active
	paused     bool
	gone       bool // closed, or being closed
}

// activate has the next pass look at p.
func (p *plain) activate() {
	if p.gone || !p.told() {
		return
	}
	if !p.active {
		p.active = true
		p.base.active = append(p.base.active, p)
	}
	p.base.soon()
}

// told says that epoll would tell of p.
func (p *plain) told() bool {
	e := p.conn
	if p.paused {
		return e.reset || e.fin // EPOLLRDHUP, EPOLLHUP
	}
	return e.reset || e.fin || e.unread() > 0
}

// poll does what a plainSocket of package loop does that is told.
func (p *plain) poll() {
	if p.gone || !p.told() {
		return
	}
	e, b := p.conn, p.base
	if p.paused {
		p.end(io.EOF)
		return
	}
	n, err := e.read(b.buffer)
	switch {
	case errors.Is(err, io.EOF):
		p.end(err)
		return
	case err != nil:
		p.end(os.NewSyscallError("read", err))
		return
	}
	if n > 0 {
		b.loop.Data(p.handler, b.buffer[:n:n])
	}
	if !p.gone {
		p.activate()
	}
}

// end is that of a plainSocket: the handler hears of it, and then the descriptor is closed.
func (p *plain) end(err error) {
	if p.gone {
		return
	}
	p.gone = true
	p.base.loop.Ended(p.handler, err)
	p.close()
}

// close lets go of the descriptor.
func (p *plain) close() {
	b := p.base
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		b.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	}
	p.conn.readable = nil
	p.conn.release()
}

// Read implements loop.Socket.
func (p *plain) Read(q []byte) (int, error) { return read(p.conn, q) }

func read(e *end, q []byte) (int, error) {
	n, err := e.read(q)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Write implements loop.Socket.
func (p *plain) Write(q []byte) (int, error) { return p.conn.write(q) }

// Writev implements loop.Socket.
func (p *plain) Writev(bufs [][]byte) (int, error) { return writev(p.conn, bufs) }

func writev(e *end, bufs [][]byte) (n int, err error) {
	for _, q := range bufs {
		k, err := e.write(q)
		if n += k; err != nil {
			return n, err
		}
		if k < len(q) {
			break
		}
	}
	return n, nil
}

func (p *plain) CloseWrite() error        { return p.conn.closeWrite() }
func (p *plain) Await(ready func()) error { p.conn.await(ready); return nil }
func (p *plain) Forget()                  { p.conn.writable = nil }
func (p *plain) Pause()                   { p.paused = true; p.activate() }
func (p *plain) Resume()                  { p.paused = false; p.activate() }
func (p *plain) Unread() int              { return p.conn.unread() }
func (p *plain) Dup() (int, error)        { return p.base.sim.file(p.conn), nil }
func (p *plain) RemoteAddr() net.Addr     { return p.conn.remote }

// Detach implements loop.Socket.
func (p *plain) Detach() (loop.Socket, error) {
	p.conn.refs++
	p.base.reactor.own = append(p.base.reactor.own, p.conn)
	return own{p.base.sim, p.conn}, nil
}

// Close implements loop.Socket.
func (p *plain) Close() {
	if !p.gone {
		p.gone = true
		p.close()
	}
}

// own is a connection that no loop polls.
type own struct {
	sim *Sim
	e   *end
}

func (o own) Read(q []byte) (int, error)        { return read(o.e, q) }
func (o own) Write(q []byte) (int, error)       { return o.e.write(q) }
func (o own) Writev(bufs [][]byte) (int, error) { return writev(o.e, bufs) }
func (o own) CloseWrite() error                 { return o.e.closeWrite() }
func (o own) Await(ready func()) error          { o.e.await(ready); return nil }
func (o own) Forget()                           { o.e.writable = nil }
func (o own) Pause()                            {}
func (o own) Resume()                           {}
func (o own) Unread() int                       { return o.e.unread() }
func (o own) Dup() (int, error)                 { return o.sim.file(o.e), nil }
func (o own) Detach() (loop.Socket, error)      { return o, nil }
func (o own) RemoteAddr() net.Addr              { return o.e.remote }
func (o own) Close()                            { o.e.release() }
