package engine

import (
	"context"

	"golang.org/x/sys/unix"
)

// Draining says that the proxy takes no more clients: Drain or HandOver was called.
func (p *Proxy) Draining() bool { return p.draining.Load() }

// Drain stops accepting, answers every command that was sent before, and closes each client at its next boundary between
// two commands, after its last reply. A client in the middle of a command may finish it. Drain returns nil when no client
// is left, or ctx's error; either way Stop is what ends the proxy.
func (p *Proxy) Drain(ctx context.Context) error {
	p.changing.Lock()
	p.draining.Store(true)
	p.stopAccepting()
	p.changing.Unlock()
	p.onLoops(func(l *Loop) {
		l.draining = true
		for _, s := range l.sessions {
			s.leave()
		}
	})
	for p.clients.Load() > 0 {
		select {
		case <-p.emptied:
		case <-ctx.Done():
			return ctx.Err()
		case <-p.running.Done():
			return errStopping
		}
	}
	return nil
}

// stopAccepting closes all listeners and returns when the last client that they accepted is counted.
func (p *Proxy) stopAccepting() {
	for _, ln := range p.listeners() {
		_ = ln.nl.Close()
	}
	p.accepting.Wait()
}

// leave has s end at its next boundary behind what has come so far: that was sent before, and is still answered.
func (s *Session) leave() {
	if s.leaving || s.closed {
		return
	}
	s.leaving = true
	if s.gc != nil {
		s.unread = s.loop.unread(s.gc.Fd())
	}
	if s.in != nil {
		s.unread += len(s.in.B)
	}
	s.leaveIfDone()
}

// leaveIfDone ends the input of a session that is to leave if all is taken that had come.
func (s *Session) leaveIfDone() {
	if !s.quitting && s.unread <= 0 && s.between() {
		s.quit()
	}
}

// between says that s's next byte of input is the first of a command.
func (s *Session) between() bool {
	c := &s.scan
	return c.Need == 0 && c.Pos == 0 && c.Left == 0 && c.Index == 0 && c.Op == 0
}

// unreadBytes is how many bytes wait in a socket.
func unreadBytes(fd int) int {
	n, err := unix.IoctlGetInt(fd, bytesUnread)
	if err != nil {
		return 0
	}
	return n
}
