package sim

import (
	"flag"
	"log/slog"
	"strings"
	"testing"
	"time"
)

var (
	duration = flag.Duration("sim.duration", 20*time.Second, "of simulated time, in runs of 20 seconds")
	seed     = flag.Uint64("sim.seed", 1, "of the first run")
	wall     = flag.Duration("sim.wall", 0, "no run begins later, by the clock on the wall; 0: whenever")
)

// runTime is how long the world of one seed lasts, by its own clock.
const runTime = 20 * time.Second

// TestSim plays one seed after the other. What must not happen is named with its seed, which shows it again.
func TestSim(t *testing.T) {
	began := time.Now()
	var answered, steps int64
	length := min(*duration, runTime)
	if underRace {
		length = min(length, runTime/10)
		*duration = min(*duration, length)
	}
	for i := range int(*duration / length) {
		if *wall > 0 && time.Since(began) > *wall {
			break
		}
		var log strings.Builder
		r := NewRun(*seed+uint64(i), slog.New(slog.NewTextHandler(&log, nil)))
		ok := r.Play(length)
		answered += r.Answered
		steps += r.sim.Steps
		if !ok {
			l := log.String()
			t.Fatalf("seed %d, after %d replies: %s\n%s\nlog:\n%s", *seed+uint64(i), answered, r.Failure, r.Lines(30), l[max(0, len(l)-3000):])
		}
	}
	took := time.Since(began)
	t.Logf("%d replies checked in %d steps, %v: %.0f a second", answered, steps, took.Round(time.Millisecond), float64(answered)/took.Seconds())
}
