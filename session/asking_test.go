package session

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/session/sessiontest"
	"cashew/stats"
	"cashew/topology"
)

// tierSim is a loop with the pool sim, before s0, whose next tier is the pool users, before u0.
func tierSim(t testing.TB, servers func(*topology.Options)) (s *sim, own, next *sessiontest.Server) {
	s = newSimWith(t, 1, resp.Options{Learn: true, Commands: "+@all"}, servers, func(_ *Limits, o *ClientOptions) {
		o.Miss = MissOptions{Pool: "users", Seconds: 60, MaxBytes: 1 << 10}
	})
	s.addPool(t, "users", "u0")
	return s, s.Servers[0], s.Servers[1]
}

const (
	miss  = "$-1\r\n"
	reset = "-ERR Connection reset by peer\r\n"
)

// fillOf is what a pool is filled with.
func fillOf(key, value string) string { return array("SET", key, value, "EX", "60", "NX") }

// counted fails unless so much is counted of the next tier.
func (s *sim) counted(t *testing.T, want stats.Tier) {
	t.Helper()
	if m := *s.local.shards[0].tally.Tier; m != want {
		t.Errorf("counted %+v; want %+v", m, want)
	}
	if len(s.local.askings) == 0 {
		t.Error("what asked has not ended")
	}
	for c := range s.local.sessions.all {
		if c.keptCalls != 0 || c.head != nil {
			t.Errorf("a client is owed something: %v, and %d bytes are kept for it; want nothing", c.head != nil, c.keptCalls)
		}
	}
}

// TestMissFills: the client gets what the next tier has, and the pool is filled with it.
func TestMissFills(t *testing.T) {
	for name, tt := range map[string]struct {
		own, next []string // replies, in pieces
		want      string
		fill      string // what the own server gets; "": nothing
		filled    string // what that replies
		count     stats.Tier
	}{
		"hit":             {own: []string{bulk("A")}, want: bulk("A")},
		"error":           {own: []string{"-WRONGTYPE no\r\n"}, want: "-WRONGTYPE no\r\n"},
		"found":           {[]string{miss}, []string{bulk("A")}, bulk("A"), fillOf("k", "A"), "+OK\r\n", stats.Tier{Asked: 1, Found: 1, Filled: 1}},
		"in pieces":       {[]string{"$", "-1\r", "\n"}, []string{"$", "1\r\nA", "\r\n"}, bulk("A"), fillOf("k", "A"), "+OK\r\n", stats.Tier{Asked: 1, Found: 1, Filled: 1}},
		"like a miss":     {own: []string{"$", "1\r\nA", "\r\n"}, want: bulk("A")},
		"empty":           {[]string{miss}, []string{bulk("")}, bulk(""), fillOf("k", ""), "+OK\r\n", stats.Tier{Asked: 1, Found: 1, Filled: 1}},
		"there meanwhile": {[]string{miss}, []string{bulk("A")}, bulk("A"), fillOf("k", "A"), miss, stats.Tier{Asked: 1, Found: 1, Overtaken: 1}},
		"not taken":       {[]string{miss}, []string{bulk("A")}, bulk("A"), fillOf("k", "A"), "-OOM no\r\n", stats.Tier{Asked: 1, Found: 1, FillFailed: 1}},
		"nowhere":         {[]string{miss}, []string{"$-", "1\r\n"}, miss, "", "", stats.Tier{Asked: 1}},
		"an error there":  {[]string{miss}, []string{"-ERR no\r\n"}, miss, "", "", stats.Tier{Asked: 1, AskFailed: 1}},
		"too large":       {[]string{miss}, []string{bulk(strings.Repeat("A", 2000))}, bulk(strings.Repeat("A", 2000)), "", "", stats.Tier{Asked: 1, Found: 1, TooLarge: 1}},
		"too large, in pieces": {
			[]string{miss},
			[]string{"$4000\r\n" + strings.Repeat("A", 2000), strings.Repeat("A", 2000), "\r\n"},
			bulk(strings.Repeat("A", 4000)), "", "",
			stats.Tier{Asked: 1, Found: 1, TooLarge: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, next := tierSim(t, nil)
			c := s.connect()
			c.Send(array("GET", "k"))
			s.Settle()
			got(t, own, array("GET", "k"))
			got(t, next)
			for _, piece := range tt.own {
				own.Reply(piece)
				s.Settle()
			}
			if tt.next != nil {
				got(t, next, array("GET", "k"))
			}
			for _, piece := range tt.next {
				c.has(t, "")
				next.Reply(piece)
				s.Settle()
			}
			c.has(t, tt.want)
			if tt.fill == "" {
				got(t, own)
			} else {
				got(t, own, tt.fill)
				own.Reply(tt.filled)
				s.Settle()
			}
			c.has(t, "")
			s.counted(t, tt.count)
		})
	}
}

// TestMissBehind: what the client sent behind the read, and could be about its key, is not undone by a fill, and what could not be hinders none.
func TestMissBehind(t *testing.T) {
	for behind, fills := range map[string]bool{
		array("DEL", "k"):                                  false,
		array("SET", "k", "v"):                             false,
		array("MSET", "a", "1", "b", "2"):                  false, // whose keys are not known any more
		array("EVAL", "return 1", "1", "a"):                false,
		array("FLUSHALL"):                                  false,
		array("MULTI") + array("DEL", "k") + array("EXEC"): false,
		array("DEL", "a"):                                  true,
		array("GET", "k"):                                  true,
		array("MGET", "k", "a"):                            true,
		array("STRLEN", "a"):                               true,
	} {
		t.Run(strings.ReplaceAll(behind, "\r\n", " "), func(t *testing.T) {
			s, own, next := tierSim(t, nil)
			c := s.connect()
			c.Send(array("GET", "k") + behind)
			s.Settle()
			own.Sock.Take()
			own.Reply(miss)
			s.Settle()
			next.Reply(bulk("A"))
			s.Settle()
			if fills {
				got(t, own, fillOf("k", "A"))
			} else {
				got(t, own)
			}
			if s := string(c.Sock.Take()); !strings.HasPrefix(s, bulk("A")) {
				t.Errorf("the client has %q; want the value first", s)
			}
		})
	}
}

// TestMissOrder: replies come in the order of the commands, whoever answers first.
func TestMissOrder(t *testing.T) {
	s, own, next := tierSim(t, nil)
	c := s.connect()
	c.Send(array("GET", "a") + array("GET", "b") + array("GET", "c"))
	s.Settle()
	own.Reply(miss + bulk("B") + miss)
	s.Settle()
	got(t, next, array("GET", "a"), array("GET", "c"))
	c.has(t, "")
	next.Reply(bulk("A"))
	s.Settle()
	c.has(t, bulk("A")+bulk("B"))
	next.Reply(miss)
	s.Settle()
	c.has(t, miss)
	own.Sock.Take()
	own.Reply("+OK\r\n")
	s.Settle()
	s.counted(t, stats.Tier{Asked: 2, Found: 1, Filled: 1})
}

// TestMissEnds: whatever ends a read, or what is asked for it, costs the client no more than a miss, and nothing is left.
func TestMissEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		end   func(s *sim, c *simClient, own, next *sessiontest.Server)
		want  string
		count stats.Tier
	}{
		"own server hangs up": {func(_ *sim, _ *simClient, own, _ *sessiontest.Server) { own.HangUp() }, reset, stats.Tier{}},
		"in the middle":       {func(_ *sim, _ *simClient, own, _ *sessiontest.Server) { own.Reply("$-"); own.HangUp() }, reset, stats.Tier{}},
		"next tier hangs up":  {func(s *sim, _ *simClient, own, next *sessiontest.Server) { own.Reply(miss); s.Settle(); next.HangUp() }, miss, stats.Tier{Asked: 1, AskFailed: 1}},
		"in the middle of it": {func(s *sim, _ *simClient, own, next *sessiontest.Server) {
			own.Reply(miss)
			s.Settle()
			next.Reply("$1\r\nA")
			next.HangUp()
		}, miss, stats.Tier{Asked: 1, AskFailed: 1}},
		"in the middle of a long one": {func(s *sim, _ *simClient, own, next *sessiontest.Server) {
			own.Reply(miss)
			s.Settle()
			next.Reply("$4000\r\n" + strings.Repeat("A", 2000))
			next.HangUp()
		}, miss, stats.Tier{Asked: 1, Found: 1, TooLarge: 1, AskFailed: 1}},
		"in the middle of one that the client has a part of": {func(s *sim, _ *simClient, own, next *sessiontest.Server) {
			own.Reply(miss)
			s.Settle()
			next.Reply("$400000\r\n" + strings.Repeat("A", 300_000))
			s.Settle()
			next.HangUp()
		}, "$400000\r\n" + strings.Repeat("A", 300_000), stats.Tier{Asked: 1, Found: 1, TooLarge: 1, AskFailed: 1}},
		"client hangs up": {func(s *sim, c *simClient, own, next *sessiontest.Server) {
			own.Reply(miss)
			s.Settle()
			c.HangUp(syscall.ECONNRESET)
			next.Reply(bulk("A"))
		}, "", stats.Tier{Asked: 1}},
		"client hangs up before": {func(_ *sim, c *simClient, own, _ *sessiontest.Server) {
			c.HangUp(syscall.ECONNRESET)
			own.Reply(miss)
		}, "", stats.Tier{}},
		"own server hangs up meanwhile": {func(s *sim, _ *simClient, own, next *sessiontest.Server) {
			own.Reply(miss)
			s.Settle()
			own.HangUp()
			next.Reply(bulk("A"))
		}, bulk("A"), stats.Tier{Asked: 1, Found: 1, Overtaken: 1}},
		"own server hangs up when filled": {func(s *sim, _ *simClient, own, next *sessiontest.Server) {
			own.Reply(miss)
			s.Settle()
			next.Reply(bulk("A"))
			s.Settle()
			own.HangUp()
		}, bulk("A"), stats.Tier{Asked: 1, Found: 1, FillFailed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, next := tierSim(t, nil)
			c := s.connect()
			c.Send(array("GET", "k"))
			s.Settle()
			tt.end(s, c, own, next)
			s.Settle()
			c.has(t, tt.want)
			s.counted(t, tt.count)
		})
	}
}

// TestMissUnreachable: what can't be asked of the next tier is a miss at once.
func TestMissUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, own, next := tierSim(t, nil)
		s.Redial = func(v *sessiontest.Server) {
			if v == next {
				s.Tasks = append(s.Tasks, func() { v.Refuse(syscall.ECONNREFUSED) })
			} else {
				s.Tasks = append(s.Tasks, v.Accept)
			}
		}
		c := s.connect()
		for range 2 {
			c.Send(array("GET", "k"))
			s.Settle()
			own.Reply(miss)
			s.Settle()
			c.has(t, miss)
		}
		s.counted(t, stats.Tier{Asked: 2, AskFailed: 2})
	})
}

// TestMissInTime: a next tier that says nothing costs the pool's own timeout, or a second where nobody has one; what it says later is nobody's.
func TestMissInTime(t *testing.T) {
	for _, timeout := range []time.Duration{0, 300 * time.Millisecond} {
		t.Run(timeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, own, next := tierSim(t, func(o *topology.Options) { o.Timeout = timeout })
				wait := timeout
				if wait == 0 {
					wait = time.Second
				}
				c := s.connect()
				c.Send(array("GET", "k") + array("GET", "l"))
				s.Settle()
				own.Reply(miss + miss)
				s.Settle()
				next.Reply(bulk("K")[:4])
				s.Settle()
				s.Passes(wait - 2*time.Millisecond)
				s.Settle()
				c.has(t, "")
				s.Passes(4 * time.Millisecond)
				s.Settle()
				c.has(t, miss+miss)
				next.Reply(bulk("K")[4:] + bulk("L"))
				c.Send(array("GET", "m"))
				s.Settle()
				own.Reply(miss)
				s.Settle()
				next.Reply(bulk("M"))
				s.Settle()
				c.has(t, bulk("M"))
				own.Reply("+OK\r\n")
				s.Settle()
				s.counted(t, stats.Tier{Asked: 3, Found: 1, Filled: 1, AskFailed: 2})
			})
		})
	}
}
