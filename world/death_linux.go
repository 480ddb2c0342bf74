package world

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// noticeDeath has the kernel give up a connection whose peer has not acknowledged what was sent for t: a firewall that forgot
// it drops all packets, and says nothing.
func noticeDeath(nc net.Conn, t time.Duration) error {
	c, ok := nc.(*net.TCPConn)
	if !ok || t == 0 {
		return nil
	}
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return rc.Control(func(fd uintptr) {
		// Without it the kernel's own time-outs hold, which is no reason to do without the server.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(t.Milliseconds()))
	})
}
