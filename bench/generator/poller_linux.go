package generator

import (
	"errors"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller is an epoll set, to be used and closed by the goroutine that opened it. Its timeouts are to the microsecond, for
// which epoll_wait's millisecond is too coarse.
type poller struct {
	fd      int
	events  [512]unix.EpollEvent
	ready   []event
	timeout unix.Timespec // a field, since what a system call points to would else be allocated each time
}

// event is a connection, by the number it was added with, that can be read from (or is closed) or written to.
type event struct {
	id                 int
	readable, writable bool
}

func (p *poller) open() (err error) {
	// The kernel may let a thread sleep 50 µs longer than it asked for, which would count as latency. Ours may not.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	p.ready = make([]event, 0, len(p.events))
	p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return os.NewSyscallError("epoll_create1", err)
}

func (p *poller) close() {
	if p.fd > 0 {
		_ = unix.Close(p.fd)
	}
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // as it was; the thread may be put to other use
	runtime.UnlockOSThread()
}

func (p *poller) add(fd, id int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(id)}))
}

// wantWrite says whether wait tells when fd can be written to.
func (p *poller) wantWrite(fd, id int, on bool) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(id)}
	if on {
		e.Events |= unix.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &e))
}

// wait returns what is ready, perhaps nothing, after d at the latest. The events are valid until the next call.
//
// Source: epoll_pwait2(2), Linux 5.11.
func (p *poller) wait(d time.Duration) ([]event, error) {
	p.timeout = unix.NsecToTimespec(int64(d))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), uintptr(unsafe.Pointer(&p.timeout)), 0, 0)
	if errno != 0 {
		if errors.Is(errno, unix.EINTR) {
			return nil, nil
		}
		return nil, os.NewSyscallError("epoll_pwait2", errno)
	}
	p.ready = p.ready[:0]
	for _, e := range p.events[:n] {
		p.ready = append(p.ready, event{
			id:       int(e.Fd),
			readable: e.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0,
			writable: e.Events&unix.EPOLLOUT != 0,
		})
	}
	return p.ready, nil
}
