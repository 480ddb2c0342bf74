package loop

import (
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/panjf2000/gnet/v2/pkg/socket"
	"golang.org/x/sys/unix"

	"cashew/world"
)

// accepter is a Base that accepts clients itself. A client of Accept's has one descriptor, and no goroutine: Enroll is for those
// that something was to be asked before.
type accepter interface {
	Accept(ln world.Listener, next func() func(net.Conn), over func()) (end func(), err error)
	Open(nc net.Conn, h Handler) error
}

// Accept has l accept clients of ln, which rests, until end is called, which waits and is called once, off the loops. Each time that there are some,
// l asks next for who takes them: a function that passes each to Open, now or later, or closes it. next may be nil, or accept fail:
// then l accepts no more, and over is called, on l. An error says that l can't accept from ln.
func (l *Loop) Accept(ln world.Listener, next func() func(net.Conn), over func()) (end func(), err error) {
	b, ok := l.base.(accepter)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return b.Accept(ln, next, over)
}

// Open is Enroll for nc that a loop has accepted. It is called on l, and does not wait.
func (l *Loop) Open(nc net.Conn, h Handler) error { return l.base.(accepter).Open(nc, h) }

// Came is a callback: a client was accepted, and take is to have it.
func (l *Loop) Came(nc net.Conn, take func(net.Conn)) {
	defer l.survive(nil)
	l.Tick()
	take(nc)
	l.flushSoon()
}

// acceptAtOnce is how many clients a loop accepts before it looks what else there is to do.
const acceptAtOnce = 16

// acceptor is a listening socket of which a gnetBase accepts clients, by a descriptor of its own.
type acceptor struct {
	fdSocket
	base *gnetBase
	addr net.Addr // that clients have connected to; nil: each has another
	next func() func(net.Conn)
	over func()
	gone bool
}

// Accept implements accepter.
func (b *gnetBase) Accept(ln world.Listener, next func() func(net.Conn), over func()) (end func(), err error) {
	has, ok := ln.(interface{ Descriptor() (int, error) })
	if !ok {
		return nil, errors.ErrUnsupported
	}
	fd, err := has.Descriptor()
	if err != nil {
		return nil, err
	}
	a := &acceptor{fdSocket: fdSocket(fd), base: b, addr: ln.Addr(), next: next, over: over}
	if t, ok := a.addr.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		a.addr = nil
	}
	if err := b.call(func() error { return b.poll(fd, a) }); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return func() { _ = b.call(func() error { a.end(nil); return nil }) }, nil
}

// told implements polled.
func (a *acceptor) told(bool) {
	take := a.next()
	for range acceptAtOnce {
		if take == nil {
			break
		}
		switch fd, remote, err := accept(int(a.fdSocket)); {
		case err == nil:
			a.base.loop.Came(&accepted{fdSocket: fdSocket(fd), addr: a.addr, remote: remote}, take)
		case errors.Is(err, syscall.EAGAIN):
			return
		case !errors.Is(err, syscall.EINTR) && !errors.Is(err, syscall.ECONNABORTED):
			take = nil // who accepts in our place finds out
		}
	}
	if take == nil {
		a.end(nil)
		a.over()
	}
}

// end implements polled.
func (a *acceptor) end(error) {
	if !a.gone {
		a.gone = true
		a.base.close(int(a.fdSocket), true)
	}
}

// lost implements polled: somebody else is to accept.
func (a *acceptor) lost() { a.over() }

// accepted is a client until Open, for those who decide what becomes of it: they ask for its addresses, may tell it why it is refused,
// and close it.
type accepted struct {
	fdSocket
	addr, remote net.Addr
}

var _ net.Conn = (*accepted)(nil)

// LocalAddr implements net.Conn.
func (c *accepted) LocalAddr() net.Addr {
	if c.addr == nil {
		sa, err := unix.Getsockname(int(c.fdSocket))
		if err != nil {
			return &net.TCPAddr{}
		}
		c.addr = socket.SockaddrToTCPOrUnixAddr(sa)
	}
	return c.addr
}

func (c *accepted) RemoteAddr() net.Addr           { return c.remote }
func (c *accepted) Close() error                   { return unix.Close(int(c.fdSocket)) }
func (*accepted) SetDeadline(time.Time) error      { return nil } // nothing waits
func (*accepted) SetReadDeadline(time.Time) error  { return nil }
func (*accepted) SetWriteDeadline(time.Time) error { return nil }

// Open implements accepter.
func (b *gnetBase) Open(nc net.Conn, h Handler) error {
	c, ok := nc.(*accepted)
	if !ok {
		return errors.ErrUnsupported
	}
	return b.open(int(c.fdSocket), c.remote, h, false)
}
