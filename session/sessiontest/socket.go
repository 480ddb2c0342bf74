package sessiontest

import (
	"errors"
	"net"

	"cashew/loop"
)

// Socket takes Room bytes and then reports a full buffer.
type Socket struct {
	*Conn
	Got    []byte // what was written to it
	Room   int    // < 0: without limit
	Shut   bool   // CloseWrite was called
	Err    error  // of each write, if not nil
	Writes int    // system calls

	came  []byte // to be read
	ready func() // of whoever waits for room
	half  bool   // its peer sends no more, and reads yet
}

// Await implements loop.Socket: Sim.DrainRoom calls ready.
func (f *Socket) Await(ready func()) error { f.ready = ready; return nil }

// Forget implements loop.Socket.
func (f *Socket) Forget() { f.ready = nil }

// Write implements loop.Socket.
func (f *Socket) Write(p []byte) (int, error) {
	f.Writes++
	if f.Err != nil {
		return 0, f.Err
	}
	n := len(p)
	if f.Room >= 0 {
		n = min(n, f.Room)
		f.Room -= n
	}
	f.Got = append(f.Got, p[:n]...)
	return n, nil
}

// Writev implements loop.Socket: it is one system call.
func (f *Socket) Writev(bufs [][]byte) (int, error) {
	sum := 0
	writes := f.Writes
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
	f.Writes = writes + 1
	return sum, nil
}

// Read takes at most half of what came, so that a caller that wants more has to come again.
func (f *Socket) Read(p []byte) (int, error) {
	n := copy(p, f.came[:(len(f.came)+1)/2])
	f.came = f.came[n:]
	return n, nil
}

// CloseWrite implements loop.Socket.
func (f *Socket) CloseWrite() error { f.Shut = true; return nil }

// Conn is what a connection is besides its bytes.
type Conn struct {
	Addr   net.Addr
	Closed bool // by us, or by the peer

	server *Server // whose it is, if it is a server's
}

// Close implements loop.Socket.
func (f *Conn) Close() {
	f.Closed = true
	if v := f.server; v != nil && v.Conn == f {
		v.Up = nil
	}
}

var errNoDescriptors = errors.New("no descriptors in a simulation")

// RemoteAddr returns Addr.
func (f *Conn) RemoteAddr() net.Addr { return f.Addr }

// Pause does nothing: the client decides what it sends.
func (f *Conn) Pause() {}

// Resume does nothing.
func (f *Conn) Resume() {}

// Unread says that all that came was read.
func (f *Conn) Unread() int { return 0 }

// Dup fails.
func (f *Conn) Dup() (int, error) { return -1, errNoDescriptors }

// Detach fails.
func (f *Conn) Detach() (loop.Socket, error) { return nil, errNoDescriptors }

// Detach fails, too, but for a client that half-closes.
func (f *Socket) Detach() (loop.Socket, error) {
	if f.half {
		return f, nil
	}
	return f.Conn.Detach()
}

// Take returns what was written since the last call.
func (f *Socket) Take() string {
	p := string(f.Got)
	f.Got = f.Got[:0]
	return p
}
