//go:build unix

package loop

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"cashew/world"
)

// handClock is a World whose time passes only as a test says.
type handClock struct {
	world.World
	now atomic.Int64
}

func (c *handClock) Nanos() int64 { return c.now.Load() }

// TestWorked: a loop knows about how long it was at work, whichever callbacks take how long, and what it waited or napped is none of it.
func TestWorked(t *testing.T) {
	w := &handClock{World: world.New(time.Now())}
	r, err := startGnet(1, 4<<10, w, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r.Stop() // so that nothing else runs on the loop, and tasks are run here
	l, b := r.loops[0], r.bases[0]
	l.Worked = 0
	var work time.Duration
	for i := range 40 * measureEvery {
		took := []time.Duration{3, 50, 7}[i%3] * time.Microsecond // in turns, as those of clients and servers are
		_ = b.runTask(func() {
			w.now.Add(int64(took))
			if i%2 == 0 {
				b.meter.napped += time.Millisecond // as Nap does
				w.now.Add(int64(time.Millisecond))
			}
		})
		work += took
		w.now.Add(int64(time.Second)) // it waits
	}
	if l.Worked < work*9/10 || l.Worked > work*11/10 {
		t.Errorf("it says that it worked for %v; it did for %v", l.Worked, work)
	}
}

// TestNap: a nap is known as such.
func TestNap(t *testing.T) {
	r, err := startGnet(1, 4<<10, world.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	done := make(chan time.Duration)
	r.loops[0].Execute(func() {
		r.bases[0].Nap(10 * time.Microsecond)
		done <- r.bases[0].meter.napped
	})
	if napped := <-done; napped < 10*time.Microsecond {
		t.Errorf("it napped for %v", napped)
	}
}
