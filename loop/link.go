package loop

import (
	"errors"
	"net"
	"syscall"

	gio "github.com/panjf2000/gnet/v2/pkg/io"
	"golang.org/x/sys/unix"
)

// Handler owns a connection of a Loop: a client's session, or a connection to a server. Its methods run on the loop.
type Handler interface {
	// Opened says that the connection is there. false: the handler does not want it any more, and it is closed.
	Opened(s Socket) bool

	// Data hands over bytes that have come; buf dies when Data returns.
	Data(buf []byte)

	// Ended says that the peer closed the connection or its half of it (io.EOF), that reading failed (any other error), or that
	// the reactor stops (nil). A peer that resets a connection which is paused is io.EOF, too: no more is known of it. The socket is
	// closed behind it, unless the handler took another descriptor of it (Socket.Detach). It is not called for a socket that the
	// handler closed itself. false: nothing is to be flushed.
	Ended(err error) bool

	// Writable says that a stalled socket takes bytes again.
	Writable()

	// Abandon ends the connection at once: a panic happened while it was dealt with.
	Abandon(err error)
}

// Socket is one connection as the loop's reactor has it, or as a test has it, or a layer over either: see Keeper. Reads and
// writes never block: a short count without an error means that the kernel has, or takes, no more for now.
type Socket interface {
	Read(p []byte) (n int, err error) // past the reactor; 0 also at the end, which the reactor then finds
	Write(p []byte) (n int, err error)
	Writev(bufs [][]byte) (n int, err error)
	CloseWrite() error // shutdown(2) of our half

	// Await calls ready once, on any goroutine, when the socket takes bytes again or is broken. Forget has it not called, unless
	// the call is under way.
	Await(ready func()) error
	Forget()

	// Pause has the reactor read no more from it, and the kernel makes the peer wait. On Linux, Ended still comes if the peer
	// hangs up, and then there may be bytes that only Read gives, once the Socket is detached. On macOS and FreeBSD kqueue's
	// filter is disabled and tells nothing: Ended comes after Resume, behind the bytes.
	Pause()
	Resume()     // it reads again
	Unread() int // bytes that came and were not read, as far as the kernel tells

	// Detach returns the same connection on a descriptor of its own, which the reactor does not know: nothing is read from
	// it. The former socket has to be closed nevertheless.
	Detach() (Socket, error)
	Dup() (fd int, err error) // one more descriptor of it, which the caller owns

	RemoteAddr() net.Addr
	Close() // once; its handler hears nothing of it
}

// Keeper is a Socket that takes bytes which the kernel has not yet, as a layer does that puts them into records of its own. Such
// a layer is a Handler, too: it stands between the loop and the Handler whose bytes it changes, and hands that one itself as the
// Socket. It may write while it reads, hand over Data within Opened, and say Ended when the peer's last record came; then it
// closes the Socket below, unless its Handler detached. Ready of Await is called once nothing is unsent.
type Keeper interface {
	Socket
	Unsent() int // bytes that Write has taken and the kernel has not
}

// ownSocket is a Socket on a descriptor that no reactor knows.
type ownSocket struct {
	fdSocket
	watcher *Watcher
	remote  net.Addr
}

func (s ownSocket) Await(ready func()) error { return s.watcher.Watch(int(s.fdSocket), ready) }
func (s ownSocket) Forget()                  { s.watcher.Cancel(int(s.fdSocket)) }

func (s ownSocket) Pause()                  {}
func (s ownSocket) Resume()                 {}
func (s ownSocket) Unread() int             { return unread(int(s.fdSocket)) }
func (s ownSocket) Detach() (Socket, error) { return s, nil }
func (s ownSocket) RemoteAddr() net.Addr    { return s.remote }
func (s ownSocket) Close()                  { _ = unix.Close(int(s.fdSocket)) }

// fdSocket reads from and writes to a non-blocking file descriptor.
type fdSocket int

func (s fdSocket) CloseWrite() error { return unix.Shutdown(int(s), unix.SHUT_WR) }

func (s fdSocket) Dup() (int, error) { return unix.FcntlInt(uintptr(s), unix.F_DUPFD_CLOEXEC, 0) }

func (s fdSocket) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), p)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return 0, lasting(err)
		}
	}
}

func (s fdSocket) Write(p []byte) (int, error) {
	for {
		n, err := unix.Write(int(s), p)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return 0, lasting(err)
		}
	}
}

func (s fdSocket) Writev(bufs [][]byte) (int, error) {
	for {
		n, err := gio.Writev(int(s), bufs)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return 0, lasting(err)
		}
	}
}

// lasting drops the error of a full or empty buffer: a short count says it.
func lasting(err error) error {
	if errors.Is(err, syscall.EAGAIN) {
		return nil
	}
	return err
}

// unread is how many bytes wait in a socket.
func unread(fd int) int {
	n, err := unix.IoctlGetInt(fd, bytesUnread)
	if err != nil {
		return 0
	}
	return n
}
