package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// bytesUnread is the ioctl that says how many bytes wait in a socket.
const bytesUnread = unix.TIOCINQ

// nap has the thread sleep, d and what the kernel's timers are late, some 50 µs. Go's own timers would have it give up its
// processor first, and cost more than is gained.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}

// setRead changes what gnet's epoll set waits for on fd.
func (p poller) setRead(fd int, on bool) {
	ev := unix.EpollEvent{Fd: int32(fd)}
	if on {
		ev.Events = unix.EPOLLIN | unix.EPOLLPRI
	}
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &ev)
}
