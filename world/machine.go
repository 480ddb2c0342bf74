package world

import (
	"context"
	"crypto/rand"
	random "math/rand/v2"
	"sync"
	"time"
)

// Machine is the World that there is.
type Machine struct {
	began time.Time
	zero  int64 // nanotime then
	machineNetwork
	machineMemory
}

var _ World = (*Machine)(nil)

// New returns the machine. Nanos count from when it began: in a process, from now; a test may have it begin earlier, since some
// times are 0 for never.
func New(began time.Time) *Machine {
	return &Machine{began: began, zero: nanotime() - int64(time.Since(began))}
}

// Now implements Clock.
func (*Machine) Now() time.Time { return time.Now() }

// Nanos implements Clock.
func (m *Machine) Nanos() int64 { return nanotime() - m.zero }

// Time implements Clock.
func (m *Machine) Time(nanos int64) time.Time { return m.began.Add(time.Duration(nanos)) }

// AfterFunc implements Clock.
func (*Machine) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Go implements Tasks.
func (*Machine) Go(f func()) { go f() }

// Sleep implements Tasks.
func (*Machine) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// NewSignal implements Tasks.
func (*Machine) NewSignal() Signal { return make(signal, 1) }

// signal holds an element while it is set and nobody has waited.
type signal chan struct{}

// Set implements Signal.
func (s signal) Set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Wait implements Signal.
func (s signal) Wait(ctx context.Context) error {
	select {
	case <-s:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// NewLock implements Tasks.
func (*Machine) NewLock() Lock { return new(sync.Mutex) }

// WithCancel implements Tasks.
func (*Machine) WithCancel(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

// WithTimeout implements Tasks.
func (*Machine) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// Both implements Tasks.
func (*Machine) Both(a, b context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(a)
	stop := context.AfterFunc(b, cancel)
	return ctx, func() { stop(); cancel() }
}

// IntN implements Chance.
func (*Machine) IntN(n int) int { return random.IntN(n) }

// Token implements Chance.
func (*Machine) Token() string { return rand.Text() }
