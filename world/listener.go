package world

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Listener accepts clients at one address.
type Listener interface {
	net.Listener

	AcceptBy(t time.Time) // Accept waits no longer; the zero time: it waits for ever

	// Rest has nobody wait for clients before the next Accept, which is not under way: an event loop does, on a Descriptor.
	Rest() error
	Prepare(o ListenOptions) error

	SharePort(on bool) (was bool, err error) // sets SO_REUSEPORT, which may change while a socket listens
	SharesPort() bool

	Dup() (Listener, error)  // the same socket
	File() (*os.File, error) // the same socket, for another process
}

// ListenOptions are what a listening socket has besides its address.
type ListenOptions struct {
	ReusePort bool        // SO_REUSEPORT, which a unix socket has not
	Backlog   int         // of listen(2)
	Mode      fs.FileMode // of a unix socket; 0: leave it
	Keepalive bool        // of those who connect, at the system's intervals
}

// Listen implements Network. At the path of a unix socket it removes what a former process left.
func (machineNetwork) Listen(network, addr string, o ListenOptions) (Listener, error) {
	if network == "unix" {
		if err := removeSocket(addr); err != nil {
			return nil, err
		}
	}
	lc := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, rc syscall.RawConn) error {
		if !o.ReusePort || network == "unix" {
			return nil
		}
		return control(rc, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	}}
	lc.SetMultipathTCP(false)
	nl, err := lc.Listen(context.Background(), SocketNetwork(network, addr), addr)
	if err != nil {
		return nil, err
	}
	ln := ListenerOf(nl)
	if err := ln.Prepare(o); err != nil {
		_ = nl.Close()
		return nil, err
	}
	return ln, nil
}

// SocketNetwork is network, but tcp4 for an IPv4 address: to package net a tcp socket on 0.0.0.0 is one on ::, which clients
// reach by IPv6, too.
func SocketNetwork(network, addr string) string {
	if ap, err := netip.ParseAddrPort(addr); err == nil && network == "tcp" && ap.Addr().Is4() {
		return "tcp4"
	}
	return network
}

// removeSocket removes what a former process left at path; anything but a socket is somebody's file and stays.
func removeSocket(path string) error {
	switch fi, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case fi.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("listen '%s': exists and is not a socket", path)
	}
	return os.Remove(path)
}

// ListenerOf is nl, which the process listens on already.
func ListenerOf(nl net.Listener) Listener {
	if ln, ok := nl.(Listener); ok {
		return ln
	}
	return &machineListener{addr: nl.Addr(), nl: nl}
}

// machineListener is one of package net's, or its socket alone while it rests: one of package net's is in Go's poller, which would
// wake a thread for each client.
type machineListener struct {
	addr net.Addr

	mu     sync.Mutex
	nl     net.Listener // nil: it rests
	fd     int          // while it rests
	by     time.Time    // see AcceptBy
	closed bool
}

// Addr implements net.Listener.
func (l *machineListener) Addr() net.Addr { return l.addr }

// Accept implements net.Listener.
func (l *machineListener) Accept() (net.Conn, error) {
	nl, err := l.awake()
	if err != nil {
		return nil, err
	}
	return nl.Accept()
}

// awake returns package net's listener.
func (l *machineListener) awake() (net.Listener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	if l.nl != nil {
		return l.nl, nil
	}
	nl, err := listenerOn(l.fd)
	if err != nil {
		return nil, err
	}
	_ = unix.Close(l.fd)
	l.nl = nl
	l.setDeadline()
	return nl, nil
}

// listenerOn returns a listener of package net with a descriptor of its own.
func listenerOn(fd int) (net.Listener, error) {
	dup, err := duplicate(fd)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(dup), "listener")
	defer f.Close() //nolint:errcheck // FileListener has its own descriptor
	return net.FileListener(f)
}

func duplicate(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0) }

// Rest implements Listener.
func (l *machineListener) Rest() error {
	fd, err := l.Descriptor()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.nl == nil {
		return unix.Close(fd)
	}
	_ = l.nl.Close()
	l.nl, l.fd = nil, fd
	return nil
}

// Close implements net.Listener.
func (l *machineListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return net.ErrClosed
	case l.nl != nil:
		l.closed = true
		return l.nl.Close()
	}
	l.closed = true
	return unix.Close(l.fd)
}

// AcceptBy implements Listener.
func (l *machineListener) AcceptBy(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.by = t
	l.setDeadline()
}

// setDeadline has package net know of by.
func (l *machineListener) setDeadline() {
	if d, ok := l.nl.(interface{ SetDeadline(t time.Time) error }); ok {
		_ = d.SetDeadline(l.by)
	}
}

// Prepare implements Listener. It sets what package net has no option for: the backlog, by a second listen(2) on the socket, which
// only changes that; the socket's mode; that the socket's file outlives us, as another process may have taken its place by then; and
// what sockets that are accepted inherit.
func (l *machineListener) Prepare(o ListenOptions) error {
	if err := l.control(func(fd int) error { return unix.Listen(fd, o.Backlog) }); err != nil {
		return err
	}
	if _, ok := l.Addr().(*net.TCPAddr); ok {
		return l.control(func(fd int) error { return bequeath(fd, o.Keepalive) })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if ul, ok := l.nl.(*net.UnixListener); ok {
		ul.SetUnlinkOnClose(false)
	}
	if o.Mode != 0 {
		return os.Chmod(l.addr.String(), o.Mode)
	}
	return nil
}

// bequeath sets what a listening socket's connections have from the beginning: no delay, and whether they are kept alive.
func bequeath(fd int, keepalive bool) error {
	on := 0
	if keepalive {
		on = 1
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

// SharePort implements Listener.
func (l *machineListener) SharePort(on bool) (was bool, err error) {
	err = l.control(func(fd int) error {
		v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
		if err != nil {
			return err
		}
		was, v = v != 0, 0
		if on {
			v = 1
		}
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, v)
	})
	return was, err
}

// SharesPort implements Listener.
func (l *machineListener) SharesPort() (yes bool) {
	_ = l.control(func(fd int) error {
		v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
		yes = err == nil && v != 0
		return nil
	})
	return yes
}

// Dup implements Listener.
func (l *machineListener) Dup() (dup Listener, err error) {
	err = l.control(func(fd int) error {
		nl, err := listenerOn(fd)
		if err == nil {
			dup = &machineListener{addr: l.addr, nl: nl}
		}
		return err
	})
	return dup, err
}

// File implements Listener. File of package net has a result that turns the socket, which they share, into a blocking one when it is
// given to another process: then a loop that accepts would wait.
func (l *machineListener) File() (*os.File, error) {
	fd, err := l.Descriptor()
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), l.addr.String()), nil
}

// Descriptor returns another descriptor of the socket, which the caller closes.
func (l *machineListener) Descriptor() (dup int, err error) {
	err = l.control(func(fd int) (err error) {
		dup, err = duplicate(fd)
		return err
	})
	return dup, err
}

// control calls f with the socket.
func (l *machineListener) control(f func(fd int) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return net.ErrClosed
	case l.nl == nil:
		return f(l.fd)
	}
	rc, err := l.nl.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	return control(rc, f)
}

func control(rc syscall.RawConn, f func(fd int) error) error {
	var err error
	if e := rc.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

// Beside calls bind, which listens on addr, with SO_REUSEPORT if it is told so. Where that fails because the address overlaps
// those of others, which have the same port, it is told so, and these have the option for as long as that takes; the new one
// keeps it if shared.
func Beside(others []Listener, addr string, shared bool, bind func(reusePort bool) (Listener, error)) (Listener, error) {
	nl, err := bind(shared)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return nl, err
	}
	if others = samePort(others, addr); len(others) == 0 {
		return nil, err // another process has it
	}
	for _, other := range others {
		was, err := other.SharePort(true)
		if err != nil {
			return nil, err
		}
		defer other.SharePort(was) //nolint:errcheck // it could be set a moment ago
	}
	if nl, err = bind(true); err != nil || shared {
		return nl, err
	}
	if _, err := nl.SharePort(false); err != nil {
		_ = nl.Close()
		return nil, err
	}
	return nl, nil
}

// samePort are those of listeners that have the port of addr.
func samePort(listeners []Listener, addr string) (same []Listener) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil // a path
	}
	for _, ln := range listeners {
		if t, ok := ln.Addr().(*net.TCPAddr); ok && strconv.Itoa(t.Port) == port {
			same = append(same, ln)
		}
	}
	return same
}
