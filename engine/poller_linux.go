package engine

import "golang.org/x/sys/unix"

// bytesUnread is the ioctl that says how many bytes wait in a socket.
const bytesUnread = unix.TIOCINQ

// setRead changes what gnet's epoll set waits for on fd.
func (p poller) setRead(fd int, on bool) {
	ev := unix.EpollEvent{Fd: int32(fd)}
	if on {
		ev.Events = unix.EPOLLIN | unix.EPOLLPRI
	}
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &ev)
}
