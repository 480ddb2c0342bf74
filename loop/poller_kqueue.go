//go:build darwin || freebsd

package loop

import (
	"net"
	"time"

	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/panjf2000/gnet/v2/pkg/socket"
	"golang.org/x/sys/unix"
)

// bytesUnread is the ioctl that says how many bytes wait in a socket: FIONREAD of sys/filio.h.
const bytesUnread = 0x4004667f

// nap has the thread sleep for d.
func nap(d time.Duration) {
	tv := unix.NsecToTimeval(int64(d))
	_, _ = unix.Select(0, nil, nil, nil, &tv)
}

// readable says whether an event tells of more than the peer's end: kqueue's read filter tells of that as of bytes.
func readable(netpoll.IOEvent) bool { return true }

// hungUp is for events that there are none of.
func hungUp(int) bool { return true }

// accept accepts a client.
func accept(fd int) (client int, remote net.Addr, err error) {
	client, sa, err := socket.Accept(fd)
	if err != nil {
		return -1, nil, err
	}
	return client, socket.SockaddrToTCPOrUnixAddr(sa), nil
}

// setRead enables or disables gnet's read filter on fd. While it is disabled, the peer's end is not told either.
func (p interests) setRead(fd int, on bool) {
	flags := unix.EV_DISABLE
	if on {
		flags = unix.EV_ENABLE
	}
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, unix.EVFILT_READ, flags)
	_, _ = unix.Kevent(p.fd, []unix.Kevent_t{ev}, nil, nil)
}
