package session

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"cashew/ring"
	"cashew/session/sessiontest"
)

// TestSpare: what can't be sent to a server that nobody can connect to goes to the spare, if it only reads; what a route has elsewhere, and what is
// written, gets its error.
func TestSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, func(_ *Limits, o *ClientOptions) {
			o.Failover.Pool, o.Routes = "users", []ring.Route{{Prefix: "r", Pool: "rest"}}
		})
		s.addPool(t, "users", "u0")
		s.addPool(t, "rest", "r0")
		u0, r0 := s.Servers[1], s.Servers[2]
		refused := true
		s.Redial = func(v *sessiontest.Server) {
			if refused && v != u0 {
				s.Tasks = append(s.Tasks, func() { v.Refuse(syscall.ECONNREFUSED) })
			} else {
				s.Tasks = append(s.Tasks, v.Accept)
			}
		}
		c := s.connect()
		const no = "-ERR Connection refused\r\n"
		c.Send(array("GET", "a") + array("GET", "r1"))
		s.Settle()
		c.has(t, no+no) // they found out
		c.Send(array("GET", "a") + array("MGET", "a", "b") + array("SET", "a", "1") + array("GET", "r1") + array("RENAME", "a", "b"))
		s.Settle()
		got(t, u0, array("GET", "a"), array("MGET", "a", "b"))
		u0.Reply(bulk("U") + "*2\r\n" + bulk("U") + bulk("V"))
		s.Settle()
		c.has(t, bulk("U")+"*2\r\n"+bulk("U")+bulk("V")+no+no+no)
		refused = false
		s.Passes(1e9)
		c.Send(array("GET", "a") + array("GET", "r1"))
		s.Settle()
		got(t, s.Servers[0], array("GET", "a"))
		got(t, r0, array("GET", "r1"))
		got(t, u0)
	})
}

// TestRampShare: the mirror answers reads of the ramp's keys alone, and of those only what has one key.
func TestRampShare(t *testing.T) {
	s, own, mirror := mirrorSim(t, func(o *MirrorOptions) { o.Ramp = ring.Whole / 2 })
	c := s.connect()
	in, out := "", ""
	for _, key := range strings.Fields("a b c d e f g h") {
		if ring.Share([]byte(key)) < ring.Whole/2 {
			in = key
		} else {
			out = key
		}
	}
	c.Send(array("GET", in) + array("GET", out) + array("MGET", in, out))
	s.Settle()
	got(t, own, array("GET", in), array("GET", out), array("MGET", in, out))
	got(t, mirror, array("GET", in), array("GET", out), array("mget", in, out))
	own.Reply(bulk("A") + bulk("A") + "*2\r\n" + bulk("A") + bulk("A"))
	mirror.Reply(bulk("M"))
	s.Settle()
	c.has(t, bulk("M")+bulk("A")+"*2\r\n"+bulk("A")+bulk("A"))
}

// TestMirrorFull: a copy is dropped before the mirror's connection owes so much that its own clients would have to wait.
func TestMirrorFull(t *testing.T) {
	s, own, _ := mirrorSim(t, func(o *MirrorOptions) { o.Budget = 1 << 30 })
	s.local.limits.MaxPipeline = 1 << 20
	c := s.connect()
	const n = 20_000 // more than half of what a connection may owe
	for range n {
		c.Send(array("GET", "a"))
		s.Settle()
		own.Reply(bulk("A"))
		c.Sock.Take()
		own.Sock.Take()
	}
	if m := s.local.shards[0].tally.Mirror; m.Copies != 16<<10 || m.OverBudget != n-16<<10 {
		t.Errorf("%d copies, and %d dropped; want %d and the rest", m.Copies, m.OverBudget, 16<<10)
	}
}

// TestRouteToRenewed: of a pool that is removed and one that takes its name at once, a route means the new one; clients of a removed pool mean the
// one that they knew.
func TestRouteToRenewed(t *testing.T) {
	s := routedSim(t, ring.Route{Prefix: "u:", Pool: "users"})
	c := s.connect()
	users := s.local.shards[1].pool
	s.local.Apply(&Change{Limits: s.local.limits, Removed: []*Pool{users}})
	s.addPool(t, "users", "n0")
	c.Send(array("GET", "u:a"))
	s.Settle()
	got(t, s.Servers[4], array("GET", "u:a"))
}
