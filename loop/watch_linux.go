package loop

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeSet is an epoll set of sockets that are waited for once each, until they take bytes or are broken.
type writeSet struct {
	fd     int
	conn   syscall.RawConn   // of fd, whose owner it keeps
	events []unix.EpollEvent // await's
}

func newWriteSet() (writeSet, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return writeSet{}, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for NewFile to hand it to Go's poller
		_ = unix.Close(fd)
		return writeSet{}, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	conn, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return writeSet{}, err
	}
	return writeSet{fd: fd, conn: conn, events: make([]unix.EpollEvent, 128)}, nil
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

// await appends those that are ready to dst, as soon as there are any. Go's own epoll set waits for this one: a goroutine that
// waited in a system call would keep a processor of Go's, and while none is idle sysmon takes them away from event loops.
func (s *writeSet) await(dst []int) []int {
	n := 0
	err := s.conn.Read(func(uintptr) bool {
		var err error
		n, err = unix.EpollWait(s.fd, s.events, 0)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic("loop: epoll_wait: " + err.Error())
		}
		return n > 0 || err != nil
	})
	if err != nil {
		panic("loop: waiting for sockets to take bytes: " + err.Error())
	}
	for i := range max(n, 0) {
		dst = append(dst, int(s.events[i].Fd))
	}
	return dst
}
