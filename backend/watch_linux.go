package backend

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Watcher tells when stalled sockets take bytes again. gnet has no callback for that, so the stalled few are kept in an
// epoll set of their own, which one goroutine waits on for the whole process.
type Watcher struct {
	ep   int
	mu   sync.Mutex
	wait map[int]func() // by descriptor
}

// NewWatcher starts a Watcher; it lives until the process ends.
func NewWatcher() (*Watcher, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("backend: epoll_create1: %w", err)
	}
	w := &Watcher{ep: ep, wait: make(map[int]func())}
	go w.run()
	return w, nil
}

// Watch calls f once, on the Watcher's goroutine, when fd takes bytes or is broken.
func (w *Watcher) Watch(fd int, f func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait[fd] = f
	ev := unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLONESHOT, Fd: int32(fd)}
	err := unix.EpollCtl(w.ep, unix.EPOLL_CTL_MOD, fd, &ev)
	if errors.Is(err, unix.ENOENT) {
		err = unix.EpollCtl(w.ep, unix.EPOLL_CTL_ADD, fd, &ev)
	}
	if err != nil {
		delete(w.wait, fd)
		return fmt.Errorf("backend: epoll_ctl: %w", err)
	}
	return nil
}

// Cancel forgets fd, which its owner is about to close. A call of f that is already under way is not stopped.
func (w *Watcher) Cancel(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wait, fd)
	_ = unix.EpollCtl(w.ep, unix.EPOLL_CTL_DEL, fd, nil)
}

func (w *Watcher) run() {
	events := make([]unix.EpollEvent, 128)
	for {
		n, err := unix.EpollWait(w.ep, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic("backend: epoll_wait: " + err.Error())
		}
		for i := range max(n, 0) {
			w.fire(int(events[i].Fd))
		}
	}
}

func (w *Watcher) fire(fd int) {
	w.mu.Lock()
	f := w.wait[fd]
	delete(w.wait, fd)
	w.mu.Unlock()
	if f != nil {
		f()
	}
}
