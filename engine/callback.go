package engine

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/panjf2000/gnet/v2"

	"cashew/backend"
)

// These are gnet's callbacks for one connection each, on its loop. A panic in one ends what it was about, not the loop.

func clientOpened(s *Session, gc gnet.Conn, sock backend.Socket) {
	l := s.loop
	defer l.survive(s)
	l.Tick()
	s.opened(gc, sock)
	l.flushSoon()
}

func clientData(s *Session, buf []byte) {
	l := s.loop
	defer l.survive(s)
	l.Tick()
	s.onData(buf)
	poison(buf)
	l.flushSoon()
}

func clientClosed(s *Session, gc gnet.Conn, err error) {
	l := s.loop
	defer l.survive(s)
	l.Tick()
	if s.onClose(gc, err) {
		l.flushSoon()
	}
}

func serverOpened(c *backend.Conn, gc gnet.Conn, sock backend.Socket) (ok bool) {
	l := c.Loop()
	defer l.Survive(c)
	l.Tick()
	ok = c.Opened(gc, sock)
	l.FlushSoon()
	return ok
}

func serverData(c *backend.Conn, buf []byte) {
	l := c.Loop()
	defer l.Survive(c)
	l.Tick()
	c.OnData(buf)
	poison(buf)
	l.FlushSoon()
}

func serverClosed(c *backend.Conn, gc gnet.Conn, err error) {
	l := c.Loop()
	defer l.Survive(c)
	l.Tick()
	if c.OnClosed(gc, err) {
		l.FlushSoon()
	}
}

// survive is deferred by every callback. After a panic it closes the session or server connection that the callback was
// about, and every server connection that was written to since the last flush: a half-made request may stand in its batch,
// and a wrong reply would be worse than an error. Then the loop goes on.
func (l *Loop) survive(s *Session) {
	if r := recover(); r != nil {
		l.recovered(r, s, nil)
	}
}

// surviveServer is survive for a callback about a server connection, or about none.
func (l *Loop) surviveServer(c *backend.Conn) {
	if r := recover(); r != nil {
		l.recovered(r, nil, c)
	}
}

func (l *Loop) recovered(r any, s *Session, c *backend.Conn) {
	l.panics.Add(1)
	l.Log.Error("panic; going on without the connections concerned", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	l.flushing, l.scheduled = true, false // closing connections must not flush before all is cleaned up
	for _, s := range []*Session{s, l.current} {
		if s != nil {
			l.attempt(s.close)
		}
	}
	l.current = nil
	if c != nil {
		l.attempt(func() { c.Abandon(backend.ErrPanic) })
	}
	l.attempt(func() { l.AbandonDirty(backend.ErrPanic) })
	l.dirty = slices.DeleteFunc(l.dirty, func(s *Session) bool { return s == nil }) // what a flush had done already
	l.resume = slices.DeleteFunc(l.resume, func(s *Session) bool { return s == nil })
	l.flushing = false
	l.attempt(l.flush)
	l.flushing = false // should it have failed, too
}

// attempt runs f while cleaning up after a panic: a second one is not worth more than a line.
func (l *Loop) attempt(f func()) {
	defer func() {
		if r := recover(); r != nil {
			l.Log.Error("panic while cleaning up", "panic", fmt.Sprint(r))
		}
	}()
	f()
}
