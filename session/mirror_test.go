package session

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
)

// mirrorSim is a loop with the pool sim, before s0, whose mirror is the pool users, before u0.
func mirrorSim(t testing.TB, edit func(*MirrorOptions)) (s *sim, own, mirror *sessiontest.Server) {
	s = newSimOf(t, 1, resp.Options{Learn: true, Commands: "+@all"}, func(_ *Limits, o *ClientOptions) {
		o.Mirror = MirrorOptions{Pool: "users", Share: ring.Whole, Reads: true, Writes: true, Budget: 1 << 20, Compare: true, MaxDifferences: 10}
		if edit != nil {
			edit(&o.Mirror)
		}
	})
	s.addPool(t, "users", "u0")
	return s, s.Servers[0], s.Servers[1]
}

// tally is what is counted of the mirror.
func (s *sim) mirrored() (outstanding, copies int64) {
	m := s.local.shards[0].tally.Mirror
	return m.Outstanding, m.Copies
}

// TestMirrorEnds: whichever side of a comparison ends otherwise than by its reply, the client gets what is its own, and nothing is left.
func TestMirrorEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(c *simClient, own, mirror *sessiontest.Server)
		want string // of the client
	}{
		"both answer":     {func(_ *simClient, own, mirror *sessiontest.Server) { own.Reply(bulk("A")); mirror.Reply(bulk("A")) }, bulk("A")},
		"mirror first":    {func(_ *simClient, own, mirror *sessiontest.Server) { mirror.Reply(bulk("A")); own.Reply(bulk("A")) }, bulk("A")},
		"mirror hangs up": {func(_ *simClient, own, mirror *sessiontest.Server) { mirror.HangUp(); own.Reply(bulk("A")) }, bulk("A")},
		"pool hangs up":   {func(_ *simClient, own, mirror *sessiontest.Server) { own.HangUp(); mirror.Reply(bulk("A")) }, "-ERR Connection reset by peer\r\n"},
		"client hangs up": {func(c *simClient, own, mirror *sessiontest.Server) {
			c.HangUp(syscall.ECONNRESET)
			own.Reply(bulk("A"))
			mirror.Reply(bulk("A"))
		}, ""},
		"in the middle": {func(c *simClient, own, mirror *sessiontest.Server) {
			own.Reply("$1\r\n")
			c.HangUp(syscall.ECONNRESET)
			own.Reply("A\r\n")
			mirror.HangUp()
		}, ""},
		"both are errors": {func(_ *simClient, own, mirror *sessiontest.Server) {
			own.Reply("-ERR a\r\n")
			mirror.Reply("-ERR b\r\n")
		}, "-ERR a\r\n"},
		"all hang up": {func(c *simClient, own, mirror *sessiontest.Server) {
			c.HangUp(syscall.ECONNRESET)
			mirror.HangUp()
			own.HangUp()
		}, ""},
		"reply is cut off": {func(_ *simClient, own, mirror *sessiontest.Server) {
			own.Reply("$1\r\nA")
			own.Reply("\r\n")
			mirror.HangUp()
		}, bulk("A")},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, mirror := mirrorSim(t, nil)
			c := s.connect()
			c.Send(array("GET", "a"))
			s.Settle()
			got(t, own, array("GET", "a"))
			got(t, mirror, array("GET", "a"))
			tt.end(c, own, mirror)
			s.Settle()
			c.has(t, tt.want)
			if bytes, n := s.mirrored(); bytes != 0 || n != 1 {
				t.Errorf("%d bytes of %d copies are outstanding; want none of one", bytes, n)
			}
			if len(s.local.twins) != 1 || s.local.comparing != 0 {
				t.Errorf("%d comparisons are free, %d asked again; want the one to have ended", len(s.local.twins), s.local.comparing)
			}
		})
	}
}

// TestMirrorAsksAgain: replies that differ are asked for again three times; they are different only if they stay as they are.
func TestMirrorAsksAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		replies                           [4][2]string // each time, of both
		settled, different, unsettled, at int64
	}{
		"settled":   {[4][2]string{{"A", "B"}, {"A", "B"}, {"A", "A"}}, 1, 0, 0, 3},
		"different": {[4][2]string{{"A", "B"}, {"A", "C"}, {"A", "D"}, {"A", "D"}}, 0, 1, 0, 4},
		"unsettled": {[4][2]string{{"A", "B"}, {"A", "B"}, {"A", "B"}, {"A", "C"}}, 0, 0, 1, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, own, mirror := mirrorSim(t, nil)
				c := s.connect()
				c.Send(array("GET", "a"))
				s.Settle()
				for _, r := range tt.replies[:tt.at] {
					got(t, own, array("GET", "a"))
					got(t, mirror, array("GET", "a"))
					own.Reply(bulk(r[0]))
					mirror.Reply(bulk(r[1]))
					s.Settle()
					s.Passes(2 * time.Second)
				}
				c.has(t, bulk("A"))
				got(t, own)
				m := s.local.shards[0].tally.Mirror.Compared
				if m.Settled != tt.settled || m.Different != tt.different || m.Unsettled != tt.unsettled {
					t.Errorf("%+v; want %d settled, %d different, %d unsettled", m, tt.settled, tt.different, tt.unsettled)
				}
			})
		})
	}
}

// TestMirrorUnchecked: of replies that differ, those that are not asked again, as many others are, are counted as that: nobody knows of them.
func TestMirrorUnchecked(t *testing.T) {
	s, own, mirror := mirrorSim(t, nil)
	c := s.connect()
	for range maxAsked + 10 {
		c.Send(array("GET", "a"))
		s.Settle()
		own.Reply(bulk("A"))
		mirror.Reply(bulk("B"))
		s.Settle()
	}
	if m := s.local.shards[0].tally.Mirror.Compared; m.Unchecked != 10 || m.Unsettled != 0 || s.local.comparing != maxAsked {
		t.Errorf("%+v, %d asked again; want 10 unchecked and none unsettled", m, s.local.comparing)
	}
}

// TestMirrorBudget: past its budget, or half of what a connection may owe, a copy is dropped, and takes reads back where the mirror answers some.
func TestMirrorBudget(t *testing.T) {
	s, own, mirror := mirrorSim(t, func(o *MirrorOptions) { o.Budget, o.Ramp = 3*copyCost, ring.Whole })
	c := s.connect()
	c.Send(array("GET", "a"))
	s.Settle()
	mirror.Reply(bulk("M"))
	own.Reply(bulk("M"))
	s.Settle()
	c.has(t, bulk("M"))
	c.Send(array("SET", "a", "1") + array("SET", "a", "2"))
	s.Settle()
	own.Sock.Take()
	c.Send(array("SET", "a", "3") + array("GET", "a"))
	s.Settle()
	got(t, own, array("SET", "a", "3"), array("GET", "a"))
	own.Reply("+OK\r\n+OK\r\n+OK\r\n" + bulk("3"))
	s.Settle()
	c.has(t, "+OK\r\n+OK\r\n+OK\r\n"+bulk("3"))
	if share, backs, why := s.pool.RampState(); share != 0 || backs != 1 || why == "" {
		t.Errorf("share %v, went back %d times as %q; want it to be back", share, backs, why)
	}
	mirror.Reply("+OK\r\n+OK\r\n")
	s.Settle()
	if bytes, _ := s.mirrored(); bytes != 0 {
		t.Errorf("%d bytes are outstanding; want none", bytes)
	}
	if !s.pool.ResumeReads() || s.pool.ResumeReads() {
		t.Error("reads that went back can't go on, or can twice")
	}
	c.Send(array("GET", "a"))
	s.Settle()
	mirror.Sock.Take()
	mirror.Reply(bulk("M"))
	s.Settle()
	c.has(t, bulk("M"))
}

// TestRampForgets: once somebody lets reads go on that went back, as many replies may differ as from the beginning.
func TestRampForgets(t *testing.T) {
	s, _, _ := mirrorSim(t, func(o *MirrorOptions) { o.Ramp = ring.Whole })
	m := s.connect().session.routes.mirror
	for i := range 3 {
		for range 100 {
			m.compared(false)
		}
		m.compared(true)
		if _, backs, _ := s.pool.RampState(); backs != int64(i) {
			t.Fatalf("round %d: reads went back %d times; 1 of 1,000 may differ", i, backs)
		}
		for range 5 { // also while they are back
			m.compared(true)
		}
		if _, backs, _ := s.pool.RampState(); backs != int64(i+1) {
			t.Fatalf("round %d: reads went back %d times", i, backs)
		}
		s.pool.ResumeReads()
	}
}

// TestMirrorGone: where the mirror's pool is removed with the line, all goes on without.
func TestMirrorGone(t *testing.T) {
	s, own, mirror := mirrorSim(t, nil)
	c := s.connect()
	c.Send(array("GET", "a"))
	s.Settle()
	users := s.local.shards[1].pool
	s.pool.opts.Mirror = MirrorOptions{}
	s.reroute(t, &Change{Removed: []*Pool{users}})
	s.local.Forget(users)
	own.Reply(bulk("A"))
	mirror.Reply(bulk("B"))
	s.Settle()
	c.Send(array("GET", "a"))
	s.Settle()
	got(t, own, array("GET", "a"), array("GET", "a"))
	own.Reply(bulk("A"))
	s.Settle()
	c.has(t, bulk("A")+bulk("A"))
}

// TestMirrorKeyless: what has no key and may write is counted, and takes reads back where the mirror answers some; what does not write does not.
func TestMirrorKeyless(t *testing.T) {
	s, own, mirror := mirrorSim(t, func(o *MirrorOptions) { o.Ramp = ring.Whole })
	c := s.connect()
	c.Send(array("DBSIZE") + array("TIME"))
	s.Settle()
	if _, backs, _ := s.pool.RampState(); backs != 0 {
		t.Error("reads went back for what does not write")
	}
	for i, args := range [][]string{{"EVAL", "return 1", "0"}, {"FLUSHALL"}} {
		c.Send(array(args...))
		s.Settle()
		if _, backs, _ := s.pool.RampState(); backs != int64(i+1) || s.local.shards[0].tally.Mirror.Skips.Keyless != int64(i+1) {
			t.Errorf("after %v reads went back %d times", args, backs)
		}
		s.pool.ResumeReads()
	}
	if own.Sock == nil || mirror.Sock != nil {
		t.Error("the pool has nothing of it, or the mirror has something")
	}
}
