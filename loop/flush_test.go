package loop

import (
	"log/slog"
	"testing"
	"time"
)

// testBase is a Base for a test: tasks are run by hand, and naps and yields counted.
type testBase struct {
	SocketWatcher
	tasks  []func()
	yields int
}

func (b *testBase) Run(f func()) bool { b.tasks = append(b.tasks, f); return true }
func (*testBase) Nap(time.Duration)   {}
func (b *testBase) Yield()            { b.yields++ }

// newTestLoop returns a Loop that w watches sockets for; nil: nobody does.
func newTestLoop(w SocketWatcher) *Loop {
	return NewLoop(&testBase{SocketWatcher: w}, slog.New(slog.DiscardHandler))
}

// TestYield: a loop that is always busy passes through Go's scheduler every few milliseconds, not more often.
func TestYield(t *testing.T) {
	base := new(testBase)
	l := NewLoop(base, slog.New(slog.DiscardHandler))
	l.Now = int64(time.Hour)
	if l.flushSoon(); base.yields == 0 {
		t.Error("no yield in a callback after an hour")
	}
	base.yields = 0
	for range 2*yieldEvery/time.Millisecond + 1 {
		l.flushSoon()
		l.Now += int64(time.Millisecond)
	}
	if base.yields != 2 {
		t.Errorf("%d yields in twice yieldEvery, want 2", base.yields)
	}
}

// TestLatency: what replies take follows them, each by its weight.
func TestLatency(t *testing.T) {
	var l latency
	if got := l.mean(); got != 0 {
		t.Errorf("of no replies: %v", got)
	}
	l.add(0, 0)
	l.add(int64(300*time.Microsecond), 3)
	if got := l.mean(); got != 100*time.Microsecond {
		t.Errorf("of three replies: %v", got)
	}
	for range 50 {
		l.add(int64(100*time.Second), 100)
	}
	if got := l.mean().Round(10 * time.Millisecond); got != time.Second {
		t.Errorf("after many slow ones: %v", got)
	}
	for range 5 {
		l.add(0, 100)
	}
	if got := l.mean(); got < 450*time.Millisecond || got > 550*time.Millisecond {
		t.Errorf("after five passes of fast ones: %v", got)
	}
}
