package sim

import (
	"context"
	"iter"
	"time"

	"cashew/world"
)

// task is a goroutine of the product, as a coroutine: it runs until it waits, and goes on when it is woken and its turn comes. One
// that has ended serves the next Go.
type task struct {
	sim   *Sim
	f     func()
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	waits int  // how often it has waited: a wake for an earlier time is late
	waked bool // since it waits
}

// Go implements world.Tasks.
func (s *Sim) Go(f func()) {
	s.tasks++
	var t *task
	if n := len(s.idle); n > 0 {
		t, s.idle = s.idle[n-1], s.idle[:n-1]
		t.f = f
	} else {
		t = &task{sim: s, f: f}
		t.next, t.stop = iter.Pull(t.serve)
	}
	s.ready = append(s.ready, t)
}

// Close ends the coroutines that serve nobody. In a world that has come to its end there are no others.
func (s *Sim) Close() {
	for _, t := range s.idle {
		t.stop()
	}
	s.idle = nil
}

func (t *task) serve(yield func(struct{}) bool) {
	t.yield = yield
	for {
		t.f()
		t.f = nil
		t.sim.tasks--
		t.sim.idle = append(t.sim.idle, t)
		if !yield(struct{}{}) {
			return
		}
	}
}

func (t *task) run() {
	t.sim.current = t
	t.next()
	t.sim.current = nil
}

// wake has t, if it still waits as it did when it was the given number of times, go on.
func (t *task) wake(waits int) {
	if t.waits == waits && !t.waked {
		t.waked = true
		t.sim.ready = append(t.sim.ready, t)
	}
}

// waiter is a task that waits for something.
type waiter struct {
	task  *task
	waits int
}

func (w waiter) wake() { w.task.wake(w.waits) }

// begins says that the task that runs is about to wait.
func (s *Sim) begins() waiter {
	t := s.current
	if t == nil {
		panic("sim: a loop waits")
	}
	t.waits++
	t.waked = false
	return waiter{t, t.waits}
}

// wait is left when somebody wakes the task.
func (s *Sim) wait(w waiter) {
	s.current = nil
	if !w.task.yield(struct{}{}) {
		panic("sim: the world has ended")
	}
}

// waitIn waits until somebody in the list is woken, ctx ends, or the time comes, which is 0 for never.
func (s *Sim) waitIn(ctx context.Context, until int64, list *[]waiter) {
	w := s.begins()
	if list != nil {
		*list = append(*list, w)
	}
	if c, ok := ctx.(*simContext); ok {
		c.waiters = append(c.waiters, w)
	}
	var t *timer
	if until > 0 {
		t = s.after(time.Duration(until-s.now), w.wake)
	}
	s.wait(w)
	if t != nil {
		t.Stop()
	}
	if c, ok := ctx.(*simContext); ok {
		c.waiters = without(c.waiters, w)
	}
	if list != nil {
		*list = without(*list, w)
	}
}

func without(list []waiter, w waiter) []waiter {
	for i := range list {
		if list[i] == w {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// wakeAll wakes all in a list.
func wakeAll(list []waiter) {
	for _, w := range list {
		w.wake()
	}
}

// AfterFunc implements world.Clock.
func (s *Sim) AfterFunc(d time.Duration, f func()) world.Timer {
	return s.after(d, func() { s.Go(f) })
}

// Sleep implements world.Tasks.
func (s *Sim) Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() == nil {
		s.waitIn(ctx, s.now+max(int64(d), 1), nil)
	}
	return ctx.Err()
}

// simSignal implements world.Signal.
type simSignal struct {
	sim     *Sim
	set     bool
	waiters []waiter
}

// NewSignal implements world.Tasks.
func (s *Sim) NewSignal() world.Signal { return &simSignal{sim: s} }

// Set implements world.Signal.
func (g *simSignal) Set() {
	g.set = true
	wakeAll(g.waiters)
}

// Wait implements world.Signal.
func (g *simSignal) Wait(ctx context.Context) error {
	for !g.set {
		if err := ctx.Err(); err != nil {
			return err
		}
		g.sim.waitIn(ctx, 0, &g.waiters)
	}
	g.set = false
	return nil
}

// simLock implements world.Lock.
type simLock struct {
	sim     *Sim
	held    bool
	waiters []waiter
}

// NewLock implements world.Tasks.
func (s *Sim) NewLock() world.Lock { return &simLock{sim: s} }

// Lock implements world.Lock.
func (k *simLock) Lock() {
	for k.held {
		k.sim.waitIn(context.Background(), 0, &k.waiters)
	}
	k.held = true
}

// TryLock implements world.Lock.
func (k *simLock) TryLock() bool {
	if k.held {
		return false
	}
	k.held = true
	return true
}

// Unlock implements world.Lock.
func (k *simLock) Unlock() {
	if !k.held {
		panic("sim: unlock of a lock that nobody holds")
	}
	k.held = false
	wakeAll(k.waiters)
}

// simContext is a context whose end wakes tasks.
type simContext struct {
	context.Context // its parent, for values
	sim             *Sim
	done            chan struct{}
	err             error
	until           time.Time
	timer           *timer
	children        []*simContext
	waiters         []waiter
}

// Deadline implements context.Context.
func (c *simContext) Deadline() (time.Time, bool) {
	if !c.until.IsZero() {
		return c.until, true
	}
	return c.Context.Deadline()
}

// Done implements context.Context.
func (c *simContext) Done() <-chan struct{} { return c.done }

// Err implements context.Context.
func (c *simContext) Err() error { return c.err }

func (s *Sim) newContext(parents ...context.Context) *simContext {
	c := &simContext{Context: parents[0], sim: s, done: make(chan struct{})}
	for _, p := range parents {
		if parent, ok := p.(*simContext); ok {
			if parent.err != nil {
				c.end(parent.err)
			} else {
				parent.children = append(parent.children, c)
			}
		}
	}
	return c
}

func (c *simContext) end(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	if c.timer != nil {
		c.timer.Stop()
	}
	wakeAll(c.waiters)
	for _, child := range c.children {
		child.end(err)
	}
	c.children = nil
}

// WithCancel implements world.Tasks.
func (s *Sim) WithCancel(ctx context.Context) (context.Context, context.CancelFunc) {
	return s.Both(ctx, ctx)
}

// Both implements world.Tasks.
func (s *Sim) Both(a, b context.Context) (context.Context, context.CancelFunc) {
	c := s.newContext(a, b)
	return c, func() { c.cancel(a, b) }
}

// cancel ends c and has its parents forget it.
func (c *simContext) cancel(parents ...context.Context) {
	c.end(context.Canceled)
	for _, p := range parents {
		if parent, ok := p.(*simContext); ok {
			for i, child := range parent.children {
				if child == c {
					parent.children = append(parent.children[:i], parent.children[i+1:]...)
					break
				}
			}
		}
	}
}

// WithTimeout implements world.Tasks.
func (s *Sim) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	c := s.newContext(ctx)
	if c.err == nil {
		c.until = s.Time(s.now + int64(d))
		if at, ok := ctx.Deadline(); ok && at.Before(c.until) {
			c.until = at
		}
		c.timer = s.after(c.until.Sub(s.Now()), func() { c.end(context.DeadlineExceeded) })
	}
	return c, func() { c.cancel(ctx) }
}

// noEnd is a context that does not end.
var noEnd = context.Background()
