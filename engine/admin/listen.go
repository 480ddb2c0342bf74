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
)

// Listen binds the admin address: "host:port", or a path for a unix socket.
func Listen(addr string) (net.Listener, error) {
	if !strings.HasPrefix(addr, "/") {
		return net.Listen("tcp", addr)
	}
	return listenUnix(&net.ListenConfig{}, addr)
}

// ListenStats binds the stats port; an addr that starts with "/" is a unix socket, and port does not matter. As in
// twemproxy several proxies may share a port, and the kernel gives each its part of the connections. The error's text is
// twemproxy's.
//
// Source: twemproxy 0.5.0 nc_stats.c, stats_listen.
func ListenStats(addr string, port int) (net.Listener, error) {
	fd := -1
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		if e := rc.Control(func(s uintptr) {
			fd = int(s)
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}); e != nil {
			return e
		}
		return ignoreUnsupported(err)
	}}
	var ln net.Listener
	var err error
	if strings.HasPrefix(addr, "/") {
		ln, err = listenUnix(&lc, addr)
	} else {
		addr = net.JoinHostPort(addr, strconv.Itoa(port))
		ln, err = lc.Listen(context.Background(), "tcp", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("bind on m %d to stats server addr '%s' failed: %w", fd, addr, systemError(err))
	}
	return ln, nil
}

// ignoreUnsupported: unix sockets share no addresses, and newer kernels say so.
func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
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
