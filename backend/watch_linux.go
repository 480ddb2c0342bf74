package backend

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// writeSet is an epoll set of sockets that are waited for once each, until they take bytes or are broken.
type writeSet struct {
	fd     int
	events []unix.EpollEvent // await's
}

func newWriteSet() (writeSet, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return writeSet{fd: fd, events: make([]unix.EpollEvent, 128)}, os.NewSyscallError("epoll_create1", err)
}

func (s *writeSet) add(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLONESHOT, Fd: int32(fd)}
	err := unix.EpollCtl(s.fd, unix.EPOLL_CTL_MOD, fd, &ev)
	if errors.Is(err, unix.ENOENT) {
		err = unix.EpollCtl(s.fd, unix.EPOLL_CTL_ADD, fd, &ev)
	}
	return os.NewSyscallError("epoll_ctl", err)
}

func (s *writeSet) remove(fd int) { _ = unix.EpollCtl(s.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// await appends those that are ready to dst, as soon as there are any, or a signal came.
func (s *writeSet) await(dst []int) []int {
	n, err := unix.EpollWait(s.fd, s.events, -1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic("backend: epoll_wait: " + err.Error())
	}
	for i := range max(n, 0) {
		dst = append(dst, int(s.events[i].Fd))
	}
	return dst
}
