//go:build unix

package processtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// Load is steady traffic of several clients, each of whom sends batches of commands and judges what is replied.
type Load struct {
	Ahead int // batches that a client has under way at most; 0: one

	stop    atomic.Bool
	running sync.WaitGroup
	batches []atomic.Int64 // answered, by client

	mu    sync.Mutex
	wrong []string
}

// Start has each of so many clients run, until Goes is false, and waits until all are answered. They end with the test at the latest.
func (l *Load) Start(t *testing.T, clients int, run func(client int)) {
	t.Helper()
	l.batches = make([]atomic.Int64, clients)
	for i := range clients {
		l.running.Go(func() { run(i) })
	}
	t.Cleanup(func() {
		l.stop.Store(true)
		l.mu.Lock()
		defer l.mu.Unlock()
		if t.Failed() { // perhaps before End told it
			t.Logf("clients have %.1000q", l.wrong)
		}
	})
	l.More(t)
}

// Goes says that clients are to go on.
func (l *Load) Goes() bool { return !l.stop.Load() }

// Answered notes that a client had a batch answered.
func (l *Load) Answered(client int) { l.batches[client].Add(1) }

// Report notes what is wrong.
func (l *Load) Report(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// More waits until each client has had another batch answered that it had not sent before, or something is wrong.
func (l *Load) More(t *testing.T) {
	t.Helper()
	from := make([]int64, len(l.batches))
	for i := range l.batches {
		from[i] = l.batches[i].Load()
	}
	Await(t, 2*Patience, "each client is answered", func() bool {
		l.mu.Lock()
		failed := len(l.wrong) > 0
		l.mu.Unlock()
		for i := range l.batches {
			if l.batches[i].Load() <= from[i]+int64(max(l.Ahead, 1)) {
				return failed
			}
		}
		return true
	})
}

// Stop has the clients end, once each had another batch answered, and waits for them.
func (l *Load) Stop(t *testing.T) {
	t.Helper()
	l.More(t)
	l.stop.Store(true)
	l.running.Wait()
}

// Tell fails the test if something was wrong, and returns how much.
func (l *Load) Tell(t *testing.T) (wrong int) {
	t.Helper()
	for _, text := range l.wrong[:min(len(l.wrong), 10)] {
		t.Error(text)
	}
	return len(l.wrong)
}
