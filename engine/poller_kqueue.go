//go:build darwin || freebsd

package engine

import "golang.org/x/sys/unix"

// setRead enables or disables gnet's read filter on fd.
func (p poller) setRead(fd int, on bool) {
	flags := unix.EV_DISABLE
	if on {
		flags = unix.EV_ENABLE
	}
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, unix.EVFILT_READ, flags)
	_, _ = unix.Kevent(p.fd, []unix.Kevent_t{ev}, nil, nil)
}
