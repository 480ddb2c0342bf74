//go:build darwin || freebsd

package backend

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Watcher tells when stalled sockets take bytes again. gnet has no callback for that, so the stalled few are kept in a
// kqueue of their own, which one goroutine waits on for the whole process.
type Watcher struct {
	kq   int
	mu   sync.Mutex
	wait map[int]func() // by descriptor
}

// NewWatcher starts a Watcher; it lives until the process ends.
func NewWatcher() (*Watcher, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("backend: kqueue: %w", err)
	}
	unix.CloseOnExec(kq)
	w := &Watcher{kq: kq, wait: make(map[int]func())}
	go w.run()
	return w, nil
}

// Watch calls f once, on the Watcher's goroutine, when fd takes bytes or is broken.
func (w *Watcher) Watch(fd int, f func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait[fd] = f
	if err := w.change(fd, unix.EV_ADD|unix.EV_ONESHOT); err != nil {
		delete(w.wait, fd)
		return fmt.Errorf("backend: kevent: %w", err)
	}
	return nil
}

// Cancel forgets fd, which its owner is about to close. A call of f that is already under way is not stopped.
func (w *Watcher) Cancel(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wait, fd)
	_ = w.change(fd, unix.EV_DELETE)
}

func (w *Watcher) change(fd, flags int) error {
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, unix.EVFILT_WRITE, flags)
	_, err := unix.Kevent(w.kq, []unix.Kevent_t{ev}, nil, nil)
	return err
}

func (w *Watcher) run() {
	events := make([]unix.Kevent_t, 128)
	for {
		n, err := unix.Kevent(w.kq, nil, events, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic("backend: kevent: " + err.Error())
		}
		for i := range max(n, 0) {
			w.fire(int(events[i].Ident))
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
