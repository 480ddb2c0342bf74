package world

import (
	"net"

	"golang.org/x/sys/unix"
)

// Acknowledge has the kernel tell the peer of nc at once what has come from it, where it would wait for an answer to go along. A peer that
// has sent something small and has more to send may wait for just that (Nagle), for 40 ms. Source: tcp(7), TCP_QUICKACK.
func Acknowledge(nc net.Conn) {
	t, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}
