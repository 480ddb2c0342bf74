package loop

import (
	"fmt"
	"sync"
)

// Watcher tells when stalled sockets take bytes again. gnet's pollers are not asked for that, so the stalled few are kept in an
// epoll set (kqueue) of their own, which one goroutine waits on for the whole process.
type Watcher struct {
	set  writeSet
	mu   sync.Mutex
	wait map[int]func() // by descriptor
}

// NewWatcher starts a Watcher; it lives until the process ends.
func NewWatcher() (*Watcher, error) {
	set, err := newWriteSet()
	if err != nil {
		return nil, fmt.Errorf("loop: %w", err)
	}
	w := &Watcher{set: set, wait: make(map[int]func())}
	go w.run()
	return w, nil
}

// Watch calls f once, on the Watcher's goroutine, when fd takes bytes or is broken.
func (w *Watcher) Watch(fd int, f func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait[fd] = f
	if err := w.set.add(fd); err != nil {
		delete(w.wait, fd)
		return fmt.Errorf("loop: %w", err)
	}
	return nil
}

// Cancel forgets fd, which its owner is about to close. A call of f that is already under way is not stopped.
func (w *Watcher) Cancel(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wait, fd)
	w.set.remove(fd)
}

func (w *Watcher) run() {
	var ready []int
	for {
		ready = w.set.await(ready[:0])
		for _, fd := range ready {
			w.fire(fd)
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
