package engine

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
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
		{"slow replies", 200 * time.Microsecond, time.Second, false, 20, 1, 200 * time.Microsecond},
		{"fast replies", time.Millisecond, 79 * time.Microsecond, false, 20, 1, 0},
		{"off", 0, 1600 * time.Microsecond, false, 20, 1, 0},
		{"two replies of 10 beside a silent server", time.Millisecond, 1600 * time.Microsecond, true, 20, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, 2, func(o *Options, _ *PoolOptions) { o.Coalesce = c.bound })
			var naps []time.Duration
			s.loop.nap = func(d time.Duration) { naps = append(naps, d.Round(time.Microsecond)) }
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
			const many = 1 << 30 // of replies: the few that come weigh nothing
			naps, s.loop.latency = nil, latency{took: int64(c.take) * many, replies: many}
			s.servers[1].reply(strings.Repeat("$-1\r\n", c.replies))
			s.settle()
			if want := []time.Duration{c.naps}; c.naps == 0 && len(naps) > 0 || c.naps > 0 && !slices.Equal(naps, want) {
				t.Errorf("naps %v, want %v", naps, want)
			}
		})
	}
}

// TestYield: a loop that is always busy passes through Go's scheduler every few milliseconds, not more often.
func TestYield(t *testing.T) {
	s := newSim(t, 1, nil)
	yields := 0
	s.loop.gosched = func() { yields++ }
	c := s.connect()
	s.loop.Tick()
	yields, s.loop.yieldedAt = 0, s.loop.Now-int64(time.Hour)
	if c.send(array("PING")); yields == 0 {
		t.Error("no yield in a callback after an hour")
	}
	yields, s.loop.yieldedAt = 0, s.loop.Now
	for range 2*yieldEvery/time.Millisecond + 1 {
		s.loop.yield()
		s.loop.Now += int64(time.Millisecond)
	}
	if yields != 2 {
		t.Errorf("%d yields in twice yieldEvery, want 2", yields)
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
