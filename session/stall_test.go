package session

import (
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// rampSim is mirrorSim where the mirror answers all reads; the pool has this timeout.
func rampSim(t testing.TB, timeout time.Duration) (s *sim, own, mirror *sessiontest.Server) {
	s = newSimWith(t, 1, resp.Options{Learn: true, Commands: "+@all"}, func(o *topology.Options) { o.Timeout = timeout }, func(_ *Limits, o *ClientOptions) {
		o.Mirror = MirrorOptions{Pool: "users", Share: ring.Whole, Reads: true, Writes: true, Budget: 1 << 20, Compare: true, MaxDifferences: 10, Ramp: ring.Whole}
	})
	s.addPool(t, "users", "u0")
	return s, s.Servers[0], s.Servers[1]
}

// TestRampHangs: a mirror that takes commands and says nothing holds nobody up: what its clients wait for is answered by the pool, or fails, and
// reads go back; what a client has had done since is never seen by a read that came before it.
func TestRampHangs(t *testing.T) {
	late := "-ERR Connection timed out\r\n"
	for name, tt := range map[string]struct {
		timeout time.Duration // of the pool
		send    []string
		own     string // what the pool replies before the mirror hangs
		begun   string // what the mirror has said
		again   []string
		after   string // what the pool replies then
		want    string // of the client, in the end
	}{
		"a read":             {send: []string{array("GET", "a")}, own: bulk("A"), again: []string{array("GET", "a")}, after: bulk("A"), want: bulk("A")},
		"several":            {send: []string{array("GET", "a"), array("GET", "b")}, own: bulk("A") + bulk("B"), again: []string{array("GET", "a"), array("GET", "b")}, after: bulk("A") + bulk("B"), want: bulk("A") + bulk("B")},
		"behind a write":     {send: []string{array("SET", "a", "1"), array("GET", "a")}, own: "+OK\r\n" + bulk("1"), again: []string{array("GET", "a")}, after: bulk("1"), want: "+OK\r\n" + bulk("1")},
		"before a write":     {send: []string{array("GET", "a"), array("SET", "a", "1")}, own: bulk("A") + "+OK\r\n", want: late + "+OK\r\n"},
		"around a write":     {send: []string{array("GET", "a"), array("SET", "a", "1"), array("GET", "a")}, own: bulk("A") + "+OK\r\n" + bulk("1"), again: []string{array("GET", "a")}, after: bulk("1"), want: late + "+OK\r\n" + bulk("1")},
		"before a PING":      {send: []string{array("GET", "a"), array("PING")}, own: bulk("A"), again: []string{array("GET", "a")}, after: bulk("A"), want: bulk("A") + "+PONG\r\n"},
		"a part of a reply":  {send: []string{array("GET", "a")}, own: bulk("A"), begun: "$1\r\n", want: late},
		"the pool's timeout": {timeout: 300 * time.Millisecond, send: []string{array("GET", "a"), array("GET", "b")}, own: bulk("A") + bulk("B"), want: late + late},
		"a copy":             {send: []string{array("SET", "a", "1")}, own: "+OK\r\n", want: "+OK\r\n"},
		"a copy in parts":    {send: []string{array("MSET", "a", "1", "b", "2")}, own: "+OK\r\n", want: "+OK\r\n"},
		"a copy, by timeout": {timeout: 300 * time.Millisecond, send: []string{array("SET", "a", "1")}, own: "+OK\r\n", want: "+OK\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, own, mirror := rampSim(t, tt.timeout)
				c := s.connect()
				for _, command := range tt.send {
					c.Send(command)
				}
				s.Settle()
				own.Sock.Take()
				own.Reply(tt.own)
				mirror.Reply(tt.begun)
				s.Settle()
				s.Passes(200 * time.Millisecond)
				if _, backs, _ := s.pool.RampState(); backs != 0 {
					t.Fatal("reads went back at once")
				}
				s.Passes(900 * time.Millisecond)
				got(t, own, tt.again...)
				own.Reply(tt.after)
				s.Settle()
				c.has(t, tt.want)
				if share, backs, why := s.pool.RampState(); share != 0 || backs != 1 || why == "" {
					t.Errorf("share %v, went back %d times as %q; want it to be back", share, backs, why)
				}
				c.Send(array("GET", "z"))
				s.Settle()
				own.Reply(bulk("Z"))
				s.Settle()
				c.has(t, bulk("Z"))
				mirror.HangUp()
				s.Settle()
				if m := s.local.shards[0].routes.mirror; m.owes.first != nil || m.tally.Outstanding != 0 || s.Loop.Busy != 0 {
					t.Errorf("%+v is owed, %d bytes are outstanding, %d clients are busy; want nothing", m.owes.first, m.tally.Outstanding, s.Loop.Busy)
				}
			})
		})
	}
}

// TestRampSlow: a mirror that goes on talking has all the time that it wants, and where time is up its late reply is no other's.
func TestRampSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, own, mirror := rampSim(t, 0)
		c := s.connect()
		c.Send(array("GET", "a") + array("GET", "b"))
		s.Settle()
		own.Reply(bulk("aaaa") + bulk("b"))
		for _, piece := range []string{"$4\r\n", "a", "a", "a"} {
			s.Passes(600 * time.Millisecond)
			mirror.Reply(piece)
		}
		if _, backs, why := s.pool.RampState(); backs != 0 {
			t.Fatalf("reads went back, since %s", why)
		}
		s.Passes(1100 * time.Millisecond)
		got(t, own, array("GET", "a"), array("GET", "b"), array("GET", "b")) // the first has begun
		mirror.Reply("a\r\n" + bulk("late"))
		own.Reply(bulk("b"))
		s.Settle()
		c.has(t, "-ERR Connection timed out\r\n"+bulk("b"))
	})
}
