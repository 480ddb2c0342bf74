package loop

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"cashew/world"
)

// napBase is a Base that keeps tasks, and notes naps.
type napBase struct {
	testBase
	tasks []func()
	naps  []time.Duration
}

func (b *napBase) Run(f func()) bool   { b.tasks = append(b.tasks, f); return true }
func (b *napBase) Nap(d time.Duration) { b.naps = append(b.naps, d) }

// clockWorld has a clock that a test sets.
type clockWorld struct {
	world.World
	now time.Duration
}

func (w *clockWorld) Nanos() int64 { return int64(w.now) }

// TestCrowd: while many clients come, stay for a moment and go, passes end with a nap of a sixteenth of what they stay, also such in
// which nothing is to be written; not if they are few, or few beside others who wait or are answered, and not once they are gone.
func TestCrowd(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration // one leaves
		stay  time.Duration
		busy  int // who wait for replies
		got   int // replies, for each that leaves
		pause time.Duration
		most  time.Duration // Coalesce
		want  time.Duration // 0: no nap
	}{
		{"a crowd", 100 * time.Microsecond, 1600 * time.Microsecond, 4, 1, 0, time.Second, 100 * time.Microsecond},
		{"as long as allowed", 100 * time.Microsecond, 16 * time.Millisecond, 4, 1, 0, 200 * time.Microsecond, 200 * time.Microsecond},
		{"not allowed", 100 * time.Microsecond, 1600 * time.Microsecond, 4, 1, 0, 0, 0},
		{"few", 400 * time.Microsecond, 1600 * time.Microsecond, 1, 1, 0, time.Second, 0},
		{"one after the other", 160 * time.Microsecond, 160 * time.Microsecond, 1, 1, 0, time.Second, 0},
		{"who stayed for long", 100 * time.Microsecond, time.Minute, 4, 1, 0, time.Second, 0},
		{"others wait", 100 * time.Microsecond, 1600 * time.Microsecond, 33, 1, 0, time.Second, 0},
		{"others are answered", 100 * time.Microsecond, 1600 * time.Microsecond, 4, 5, 0, time.Second, 0},
		{"it is over", 100 * time.Microsecond, 1600 * time.Microsecond, 4, 1, 20 * time.Millisecond, time.Second, 0},
	} {
		b, w := new(napBase), &clockWorld{World: world.New(time.Now()), now: time.Hour}
		l := NewLoop(b, w, slog.New(slog.DiscardHandler))
		l.Coalesce, l.Busy = c.most, c.busy
		for end := w.now + 50*time.Millisecond; w.now < end; w.now += c.every {
			l.Tick()
			l.Pass.Answered = c.got
			l.EndPass()
			l.Left(l.Now - int64(c.stay))
		}
		w.now += c.pause
		b.naps, b.tasks = nil, nil
		l.Data(new(taker), []byte("x"))
		l.Data(new(taker), []byte("x"))
		for _, f := range b.tasks {
			f()
		}
		var want []time.Duration
		if c.want > 0 {
			want = append(want, c.want)
		}
		if !slices.Equal(b.naps, want) {
			t.Errorf("%s: naps of %v; want %v", c.name, b.naps, want)
		}
		if len(b.tasks) != len(want) {
			t.Errorf("%s: %d tasks; want one for each nap: there is nothing to be written", c.name, len(b.tasks))
		}
	}
}

// TestNapGains: a pass that moved little of what is awaited ends with a nap of a sixteenth of what replies take if two of them are
// expected to come meanwhile, and not if there is less to gain.
func TestNapGains(t *testing.T) {
	for _, c := range []struct {
		awaited int
		took    time.Duration
		most    time.Duration // Coalesce
		want    time.Duration // 0: no nap
	}{
		{32, 1600 * time.Microsecond, time.Second, 100 * time.Microsecond},
		{31, 1600 * time.Microsecond, time.Second, 0},
		{1000, 64 * time.Microsecond, time.Second, 0}, // it would be over before it had begun
		{100, 10 * time.Millisecond, 200 * time.Microsecond, 200 * time.Microsecond},
		{99, 10 * time.Millisecond, 200 * time.Microsecond, 0},
		{1000, 10 * time.Millisecond, 0, 0},
	} {
		b := new(napBase)
		l := NewLoop(b, world.New(time.Now()), slog.New(slog.DiscardHandler))
		l.Coalesce = c.most
		l.Pass = Pass{Answered: 1, Awaited: c.awaited, Took: int64(c.took)}
		l.EndPass()
		var want []time.Duration
		if c.want > 0 {
			want = append(want, c.want)
		}
		if !slices.Equal(b.naps, want) {
			t.Errorf("%d awaited, %v for one: naps of %v; want %v", c.awaited, c.took, b.naps, want)
		}
	}
}

// TestCrowdNapsOnce: in a crowd a pass ends with one nap, however many clients come in it by a task each, as those do that another loop
// has accepted.
func TestCrowdNapsOnce(t *testing.T) {
	b, w := new(napBase), &clockWorld{World: world.New(time.Now()), now: time.Hour}
	l := NewLoop(b, w, slog.New(slog.DiscardHandler))
	l.Coalesce = time.Second
	for end := w.now + 50*time.Millisecond; w.now < end; w.now += 100 * time.Microsecond {
		l.Tick()
		l.Left(l.Now - int64(1600*time.Microsecond))
	}
	for pass := range 2 {
		b.naps = nil
		for range 5 {
			l.Execute(func() { l.Data(new(taker), []byte("x")) })
		}
		for len(b.tasks) > 0 {
			f := b.tasks[0]
			b.tasks = b.tasks[1:]
			f()
		}
		if len(b.naps) != 1 {
			t.Errorf("pass %d: naps of %v; want one", pass, b.naps)
		}
	}
}
