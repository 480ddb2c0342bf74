//go:build darwin || freebsd

package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// bytesUnread is the ioctl that says how many bytes wait in a socket: FIONREAD of sys/filio.h.
const bytesUnread = 0x4004667f

// nap has the thread sleep for d.
func nap(d time.Duration) {
	tv := unix.NsecToTimeval(int64(d))
	_, _ = unix.Select(0, nil, nil, nil, &tv)
}

// setRead enables or disables gnet's read filter on fd. While it is disabled, the peer's end is not told either.
func (p poller) setRead(fd int, on bool) {
	flags := unix.EV_DISABLE
	if on {
		flags = unix.EV_ENABLE
	}
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, unix.EVFILT_READ, flags)
	_, _ = unix.Kevent(p.fd, []unix.Kevent_t{ev}, nil, nil)
}
