package engine

import (
	"strings"
	"testing"
	"time"
)

// TestCoalesce: a loop lets more come in after a pass for next to nothing while much is in flight, and only then.
func TestCoalesce(t *testing.T) {
	for _, c := range []struct {
		name     string
		usecs    int
		commands int // of each of ten clients
		replies  int // that come at once
		naps     bool
	}{
		{"one reply of 200", 100, 20, 1, true},
		{"three replies of 200", 100, 20, 3, true},
		{"four replies of 200", 100, 20, 4, false},
		{"one reply of 60", 100, 6, 1, false},
		{"off", 0, 20, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := time.Duration(c.usecs) * time.Microsecond
			s := newSim(t, 1, func(o *Options, _ *PoolOptions) { o.Coalesce = want })
			var naps []time.Duration
			s.loop.nap = func(d time.Duration) { naps = append(naps, d) }
			for range 10 {
				s.connect().send(strings.Repeat(array("GET", "a"), c.commands))
			}
			s.settle()
			s.servers[0].accept()
			s.settle()
			naps = nil
			s.servers[0].reply(strings.Repeat("$-1\r\n", c.replies))
			s.settle()
			if got := len(naps) == 1 && naps[0] == want; got != c.naps || len(naps) > 1 {
				t.Errorf("naps %v; want one of %v: %v", naps, want, c.naps)
			}
		})
	}
}
