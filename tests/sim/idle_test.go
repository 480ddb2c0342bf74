package sim

import (
	"log/slog"
	"testing"
	"time"
)

// TestIdle: where little happens the clock runs ahead: six hours of a proxy with idle clients, whose server is asked how it is and
// proved in step, and whose names are looked up, take a second.
func TestIdle(t *testing.T) {
	const quarter = 6 * time.Hour
	length := quarter
	if testing.Short() || underRace {
		length = time.Hour
	}
	c := newScript(7, 0)
	c.Pools[0].Named = true
	c.Pools[0].Settings.Integrity = time.Second
	for i := range c.Clients {
		c.Clients[i].Commands = 3
	}
	r := newRun(c, slog.New(slog.DiscardHandler))
	began := time.Now()
	r.begin()
	r.steps(length)
	took := time.Since(began)
	r.end()
	if r.Failure != "" || r.Answered == 0 {
		t.Fatalf("%d replies: %s\n%s", r.Answered, r.Failure, r.Lines(10))
	}
	t.Logf("%v with %d clients in %v: %.0f times as fast", length, len(r.clients), took, float64(length)/float64(took))
}
