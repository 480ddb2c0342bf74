package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// bytesUnread is the ioctl that says how many bytes wait in a socket.
const bytesUnread = unix.TIOCINQ

// napSlack is by how many nanoseconds a nap may be late, in place of the kernel's usual 50 µs.
const napSlack = 1000

// nap has the thread sleep for d. Go's own timers would have it give up its processor first, and cost more than is gained.
func nap(d time.Duration) {
	// The slack is the thread's, and a loop has not always the same thread.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, napSlack, 0, 0, 0)
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}

// setRead changes what gnet's epoll set waits for on fd: in any case for the peer's end, of which gnet tells as of any other.
func (p poller) setRead(fd int, on bool) {
	ev := unix.EpollEvent{Fd: int32(fd), Events: unix.EPOLLRDHUP}
	if on {
		ev.Events = unix.EPOLLIN | unix.EPOLLPRI
	}
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &ev)
}
