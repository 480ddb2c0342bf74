package loop

import (
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"cashew/world/worldtest"
)

// testBase is a Base for a test: tasks are run by hand, and naps and yields counted.
type testBase struct {
	tasks   []func()
	yields  int
	stopped bool
}

func (b *testBase) Run(f func()) bool {
	if !b.stopped {
		b.tasks = append(b.tasks, f)
	}
	return !b.stopped
}
func (*testBase) Enroll(*Loop, net.Conn, Handler) error { panic("enrolled in a test") }
func (*testBase) Nap(time.Duration)                     {}
func (b *testBase) Yield()                              { b.yields++ }

func newTestLoop() *Loop {
	return NewLoop(new(testBase), worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
}

// TestYield: a loop that is always busy passes through Go's scheduler every few milliseconds, not more often.
func TestYield(t *testing.T) {
	base := new(testBase)
	l := NewLoop(base, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
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

// stage is one connection, or client, that is to be flushed: it notes its turn in order.
type stage struct {
	name  string
	order *[]string
	then  func() // what it leaves for the flush that it is in
	left  error
}

func (s *stage) turn() {
	*s.order = append(*s.order, s.name)
	if f := s.then; f != nil {
		s.then = nil
		f()
	}
}

func (s *stage) Flush()            { s.turn() }
func (s *stage) Resume()           { s.turn() }
func (s *stage) Abandon(err error) { s.left = err }

// TestFlushSoon: while one client or two wait, what a callback left is written at its end; with more, in one task.
func TestFlushSoon(t *testing.T) {
	base := new(testBase)
	l := NewLoop(base, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	var order []string
	one := &stage{name: "one", order: &order}
	enter := []func(){func() { l.TouchClient(one) }, func() { l.TouchServer(one) }, func() { l.Resume(one) }}
	for l.Busy = range loneClients + 2 {
		for i, f := range enter {
			order = nil
			f()
			l.flushSoon()
			l.flushSoon()
			if later := l.Busy > loneClients; l.scheduled != later || (len(base.tasks) == 1) != later || (len(order) == 0) != later {
				t.Errorf("%d busy, stage %d: scheduled %v, %d tasks, %q", l.Busy, i, l.scheduled, len(base.tasks), order)
			}
			for _, f := range base.tasks {
				f()
			}
			base.tasks = nil
			if l.scheduled || len(order) != 1 {
				t.Errorf("%d busy, stage %d: scheduled %v after the task; %q", l.Busy, i, l.scheduled, order)
			}
		}
		if l.flushSoon(); len(base.tasks) != 0 {
			t.Errorf("%d busy: a task for nothing", l.Busy)
		}
	}
	l.Busy = loneClients + 1
	base.stopped = true
	l.TouchClient(one)
	if l.flushSoon(); len(order) != 2 || l.scheduled {
		t.Errorf("a loop that stops: %q, scheduled %v", order, l.scheduled)
	}
}

// TestFlushOrder: who waits for input, then servers, then clients, and again until nothing is left.
func TestFlushOrder(t *testing.T) {
	l := newTestLoop()
	var order []string
	named := func(name string) *stage { return &stage{name: name, order: &order} }
	client, server, resume, late := named("client"), named("server"), named("resume"), named("late")
	client.then = func() { l.Resume(late); l.Flush() } // a flush in a flush is none
	late.then = func() { l.TouchServer(server) }
	l.TouchClient(client)
	l.TouchServer(server)
	l.Resume(resume)
	l.Flush()
	if want := []string{"resume", "server", "client", "late", "server"}; !slices.Equal(order, want) {
		t.Errorf("%q; want %q", order, want)
	}
	if len(l.resume)+len(l.servers)+len(l.clients) != 0 || l.current != nil || l.flushing {
		t.Errorf("left: %+v", l.stages)
	}
}

// TestFlushSurvives: after a panic in a stage of the flush the others still have their turn, once each, and those that had it before
// have none again.
func TestFlushSurvives(t *testing.T) {
	for _, enter := range []struct {
		name  string
		touch func(l *Loop, s *stage)
		lost  int // of the two that wait behind the one that panics, those that are abandoned: servers that were written to
	}{
		{"clients", func(l *Loop, s *stage) { l.TouchClient(s) }, 0},
		{"servers", func(l *Loop, s *stage) { l.TouchServer(s) }, 2},
		{"resume", func(l *Loop, s *stage) { l.Resume(s) }, 0},
	} {
		l := newTestLoop()
		var order []string
		named := func(name string) *stage { return &stage{name: name, order: &order} }
		before, bad, behind, last := named("before"), named("bad"), named("behind"), named("last")
		bad.then = func() { panic("asked for") }
		for _, s := range []*stage{before, bad, behind, last} {
			enter.touch(l, s)
		}
		l.Execute(func() {})
		l.base.(*testBase).tasks[0]()
		want := []string{"before", "bad", "behind", "last"}[:4-enter.lost]
		if !slices.Equal(order, want) || bad.left == nil || (behind.left != nil) != (enter.lost > 0) || l.Panics.Load() != 1 {
			t.Errorf("%s: %q; want %q; abandoned: %v, %v; %d panics", enter.name, order, want, bad.left, behind.left, l.Panics.Load())
		}
	}
}
