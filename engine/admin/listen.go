package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cashew/world"
)

// Listen binds the admin address: "host:port", or a path for a unix socket. Those in leaving are about to be closed, and may
// have an address that overlaps with it, as 127.0.0.1:P does with 0.0.0.0:P. No other process may have it: then it is an error.
func Listen(addr string, leaving ...net.Listener) (net.Listener, error) {
	var lc net.ListenConfig
	if strings.HasPrefix(addr, "/") {
		return listenUnix(&lc, addr)
	}
	var others []world.Listener
	for _, ln := range leaving {
		others = append(others, world.ListenerOf(ln))
	}
	return world.Beside(others, addr, false, func(reusePort bool) (world.Listener, error) {
		if reusePort {
			lc.Control = func(_, _ string, rc syscall.RawConn) error {
				return control(rc, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
			}
		}
		ln, err := lc.Listen(context.Background(), world.SocketNetwork("tcp", addr), addr)
		if err != nil {
			return nil, err
		}
		return world.ListenerOf(ln), nil
	})
}

// ListenStats binds the stats port; an addr that starts with "/" is a unix socket, and port does not matter. Where another
// process has it this fails as twemproxy does, in its words: of two that shared it each would get a part of the questions.
//
// Source: twemproxy 0.5.0 nc_stats.c, stats_listen.
func ListenStats(addr string, port int) (net.Listener, error) {
	fd := -1
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return control(rc, func(s int) error { fd = s; return nil })
	}}
	var ln net.Listener
	var err error
	if strings.HasPrefix(addr, "/") {
		ln, err = listenUnix(&lc, addr)
	} else {
		addr = net.JoinHostPort(addr, strconv.Itoa(port))
		ln, err = lc.Listen(context.Background(), world.SocketNetwork("tcp", addr), addr)
	}
	if err != nil {
		return nil, fmt.Errorf("bind on m %d to stats server addr '%s' failed: %w", fd, addr, systemError(err))
	}
	return ln, nil
}

func control(rc syscall.RawConn, f func(fd int) error) error {
	var err error
	if e := rc.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

// systemError is the system's own part of err, if there is one: the rest repeats the address.
func systemError(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// listenUnix takes the place of a socket that nobody listens on any more. The file stays when the listener is closed: by
// then another process may have taken the place.
func listenUnix(lc *net.ListenConfig, path string) (net.Listener, error) {
	fi, err := os.Lstat(path)
	if err == nil && fi.Mode()&fs.ModeSocket != 0 {
		nc, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			_ = nc.Close()
			return nil, syscall.EADDRINUSE
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		}
	}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	return ln, nil
}
