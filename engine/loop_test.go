package engine

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCoalesce: a loop lets more come in after a pass for next to nothing while much is in flight, and only then.
// What a silent server owes is not much in flight.
func TestCoalesce(t *testing.T) {
	for _, c := range []struct {
		name     string
		usecs    int
		silent   bool // what is in flight is another server's
		commands int  // of each of ten clients
		replies  int  // that come at once
		naps     bool
	}{
		{"one reply of 210", 100, false, 20, 1, true},
		{"three replies of 210", 100, false, 20, 3, true},
		{"four replies of 210", 100, false, 20, 4, false},
		{"one reply of 60", 100, false, 5, 1, false},
		{"off", 0, false, 20, 1, false},
		{"one reply beside a silent server", 100, true, 20, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := time.Duration(c.usecs) * time.Microsecond
			s := newSim(t, 2, func(o *Options, _ *PoolOptions) { o.Coalesce = want })
			var naps []time.Duration
			s.loop.nap = func(d time.Duration) { naps = append(naps, d) }
			far, near := keyOn(t, s, 0), keyOn(t, s, 1)
			busy := near
			if c.silent {
				busy = far
			}
			for range 10 {
				s.connect().send(strings.Repeat(array("GET", busy), c.commands) + array("GET", near))
			}
			s.settle()
			for _, v := range s.servers {
				v.accept()
			}
			s.settle()
			naps = nil
			s.servers[1].reply(strings.Repeat("$-1\r\n", c.replies))
			s.settle()
			if got := len(naps) == 1 && naps[0] == want; got != c.naps || len(naps) > 1 {
				t.Errorf("naps %v; want one of %v: %v", naps, want, c.naps)
			}
		})
	}
}

// keyOn finds a key that lives on a server.
func keyOn(t *testing.T, s *sim, server int) string {
	for i := range 100 {
		if key := "k" + strconv.Itoa(i); s.pool.Ring().Dispatch([]byte(key)) == server {
			return key
		}
	}
	t.Fatalf("no key lives on server %d", server)
	return ""
}
