package loop

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// plainSocket is a Socket that a gnetBase reads from.
type plainSocket struct {
	fdSocket
	base    *gnetBase
	handler Handler
	remote  net.Addr

	gone   bool // it is closed, or about to be
	paused bool
	shared bool // there may be other descriptors of it
}

// told implements polled.
func (s *plainSocket) told(readable bool) {
	switch {
	case !readable:
		s.toldOfEnd()
	case !s.paused: // since the poller looked; what is there comes once it goes on
		s.read(s.base.buffer)
	}
}

// read hands over what one read brings, and says whether there may be more.
func (s *plainSocket) read(buf []byte) (more bool) {
	switch n, err := unix.Read(int(s.fdSocket), buf); {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return false
	case err != nil:
		s.end(os.NewSyscallError("read", err))
	case n == 0:
		s.end(io.EOF)
	default:
		s.base.loop.Data(s.handler, buf[:n])
	}
	return !s.gone && !s.paused
}

// toldOfEnd is for an event that tells of the peer's end alone, as of a socket that is paused. That may have let it go on since, and
// then what the kernel has comes first; or the event is of what had its descriptor before, and there is no end.
func (s *plainSocket) toldOfEnd() {
	if !s.paused {
		for s.read(s.base.buffer) {
		}
	} else if hungUp(int(s.fdSocket)) {
		s.end(io.EOF)
	}
}

// end implements polled.
func (s *plainSocket) end(err error) {
	if !s.gone {
		s.gone = true
		s.base.loop.Ended(s.handler, err)
		s.base.close(int(s.fdSocket), s.shared)
	}
}

// lost implements polled.
func (*plainSocket) lost() {}

// Close implements Socket.
func (s *plainSocket) Close() {
	if !s.gone {
		s.gone = true
		s.base.close(int(s.fdSocket), s.shared)
	}
}

// Pause implements Socket.
func (s *plainSocket) Pause() {
	if !s.gone {
		s.paused = true
		s.base.set.setRead(int(s.fdSocket), false)
	}
}

// Resume implements Socket.
func (s *plainSocket) Resume() {
	if !s.gone {
		s.paused = false
		s.base.set.setRead(int(s.fdSocket), true)
	}
}

func (s *plainSocket) Await(ready func()) error { return s.base.Watch(int(s.fdSocket), ready) }
func (s *plainSocket) Forget()                  { s.base.Cancel(int(s.fdSocket)) }

func (s *plainSocket) Unread() int          { return unread(int(s.fdSocket)) }
func (s *plainSocket) RemoteAddr() net.Addr { return s.remote }

// Dup implements Socket.
func (s *plainSocket) Dup() (int, error) {
	s.shared = true
	return s.fdSocket.Dup()
}

// Detach implements Socket.
func (s *plainSocket) Detach() (Socket, error) {
	fd, err := s.Dup()
	if err != nil {
		return nil, err
	}
	return ownSocket{fdSocket(fd), s.base.Watcher, s.remote}, nil
}
