//go:build darwin || freebsd

package loop

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// writeSet is a kqueue of sockets that are waited for once each, until they take bytes or are broken.
type writeSet struct {
	fd     int
	events []unix.Kevent_t // await's
}

func newWriteSet() (writeSet, error) {
	fd, err := unix.Kqueue()
	if err == nil {
		unix.CloseOnExec(fd)
	}
	return writeSet{fd: fd, events: make([]unix.Kevent_t, 128)}, os.NewSyscallError("kqueue", err)
}

func (s *writeSet) add(fd int) error { return s.change(fd, unix.EV_ADD|unix.EV_ONESHOT) }
func (s *writeSet) remove(fd int)    { _ = s.change(fd, unix.EV_DELETE) }

func (s *writeSet) change(fd, flags int) error {
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, unix.EVFILT_WRITE, flags)
	_, err := unix.Kevent(s.fd, []unix.Kevent_t{ev}, nil, nil)
	return os.NewSyscallError("kevent", err)
}

// await appends those that are ready to dst, as soon as there are any, or a signal came.
func (s *writeSet) await(dst []int) []int {
	n, err := unix.Kevent(s.fd, nil, s.events, nil)
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic("loop: kevent: " + err.Error())
	}
	for i := range max(n, 0) {
		dst = append(dst, int(s.events[i].Ident))
	}
	return dst
}
