package sim

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestReplay: one seed does the same twice, in every step and in every line of the product's log.
func TestReplay(t *testing.T) {
	if underRace {
		t.Skip("no goroutine runs beside another: there is nothing to find")
	}
	play := func() (*Run, string) {
		var log strings.Builder
		noTime := func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
		r := newRun(newScript(*seed, 8*time.Second), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: noTime})))
		r.play()
		return r, log.String()
	}
	a, logA := play()
	b, logB := play()
	if a.Trace != b.Trace || a.Answered != b.Answered || a.sim.Steps != b.sim.Steps {
		t.Errorf("%d and %d replies in %d and %d steps;\n%s\nand\n%s", a.Answered, b.Answered, a.sim.Steps, b.sim.Steps, a.Trace, b.Trace)
	}
	if logA != logB {
		t.Errorf("two logs:\n%s\nand\n%s", logA, logB)
	}
}
