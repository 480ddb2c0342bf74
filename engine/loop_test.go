package engine

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/loop"
)

// TestCoalesce: a loop lets more come in after a pass for little while much is in flight, and only then, for a part of what
// replies take. What a silent server owes is not much in flight.
func TestCoalesce(t *testing.T) {
	for _, c := range []struct {
		name     string
		bound    time.Duration
		take     time.Duration // what replies have taken lately
		silent   bool          // what is in flight is another server's
		commands int           // of each of ten clients
		replies  int           // that come at once
		naps     time.Duration // 0: none
	}{
		{"one reply of 210", time.Millisecond, 1600 * time.Microsecond, false, 20, 1, 100 * time.Microsecond},
		{"23 replies of 210", time.Millisecond, 1600 * time.Microsecond, false, 20, 23, 100 * time.Microsecond},
		{"24 replies of 210", time.Millisecond, 1600 * time.Microsecond, false, 20, 24, 0},
		{"slow replies", 200 * time.Microsecond, 20 * time.Millisecond, false, 20, 1, 200 * time.Microsecond},
		{"replies so slow that none comes meanwhile", 200 * time.Microsecond, time.Second, false, 20, 1, 0},
		{"fast replies", time.Millisecond, 79 * time.Microsecond, false, 20, 1, 0},
		{"off", 0, 1600 * time.Microsecond, false, 20, 1, 0},
		{"two replies of 10 beside a silent server", time.Millisecond, 1600 * time.Microsecond, true, 20, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, 2, func(o *Options, _ *PoolOptions) { o.Coalesce = c.bound })
			far, near := keyOn(t, s, 0), keyOn(t, s, 1)
			busy := near
			if c.silent {
				busy = far
			}
			for range 10 {
				s.connect().Send(strings.Repeat(array("GET", busy), c.commands) + array("GET", near))
			}
			s.Settle()
			for _, v := range s.Servers {
				v.Accept()
			}
			s.Settle()
			const many = 1 << 30 // of replies: the few that come weigh nothing
			s.Loop.Pass = loop.Pass{Took: int64(c.take) * many, Answered: many}
			s.Loop.EndPass()
			s.Naps = nil
			s.Servers[1].Reply(strings.Repeat("$-1\r\n", c.replies))
			s.Settle()
			if want := []time.Duration{c.naps}; c.naps == 0 && len(s.Naps) > 0 || c.naps > 0 && !slices.Equal(s.Naps, want) {
				t.Errorf("naps %v, want %v", s.Naps, want)
			}
		})
	}
}

// home is the place of the server that has a key.
func (s *sim) home(key string) int { return s.pool.Router().Place([]byte(key)) }

// keyOn finds a key that lives on a server.
func keyOn(t *testing.T, s *sim, server int) string {
	for i := range 100 {
		if key := "k" + strconv.Itoa(i); s.home(key) == server {
			return key
		}
	}
	t.Fatalf("no key lives on server %d", server)
	return ""
}
