package session

import (
	"testing"
	"testing/synctest"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// TestRampCluster: a cluster that answers reads is asked by its slots; what it has not done the pool answers, or it fails where something behind
// it was done, and reads go back: also as keys have other servers there.
func TestRampCluster(t *testing.T) {
	x := keyOf(0, 2, 1)
	get, set, late := array("GET", x), array("SET", x, "1"), "-ERR Connection timed out\r\n"
	for name, tt := range map[string]struct {
		send, own string
		mirror    func(s *sim, users *Pool, u0, u1 *sessiontest.Server)
		again     string // what the pool gets then
		after     string // what it replies
		want      string
		backs     int64
	}{
		"it answers": {get, bulk("A"), func(_ *sim, _ *Pool, u0, _ *sessiontest.Server) { u0.Reply(bulk("A")) }, "", "", bulk("A"), 0},
		"moved":      {get, bulk("A"), func(_ *sim, _ *Pool, u0, u1 *sessiontest.Server) { u0.Reply(moved(x, u1)) }, get, bulk("A"), bulk("A"), 1},
		"behind a write": {
			set + get, "+OK\r\n" + bulk("1"), func(_ *sim, _ *Pool, u0, u1 *sessiontest.Server) { u0.Reply(moved(x, u1) + moved(x, u1)) },
			get, bulk("1"), "+OK\r\n" + bulk("1"), 1,
		},
		"before a write": {
			get + set, bulk("A") + "+OK\r\n", func(_ *sim, _ *Pool, u0, u1 *sessiontest.Server) { u0.Reply(moved(x, u1) + moved(x, u1)) },
			"", "", late + "+OK\r\n", 1,
		},
		"it is down":  {get, bulk("A"), func(_ *sim, _ *Pool, u0, _ *sessiontest.Server) { u0.Reply("-CLUSTERDOWN The cluster is down\r\n") }, get, bulk("A"), bulk("A"), 1},
		"it hangs up": {get + get, bulk("A") + bulk("A"), func(_ *sim, _ *Pool, u0, _ *sessiontest.Server) { u0.HangUp() }, get + get, bulk("A") + bulk("B"), bulk("A") + bulk("B"), 1},
		"another map": {
			set, "+OK\r\n", func(s *sim, users *Pool, _, _ *sessiontest.Server) { s.replaced(t, users, withSlots(1)) },
			"", "", "+OK\r\n", 1,
		},
		"another timeout": {
			set, "+OK\r\n", func(s *sim, users *Pool, _, _ *sessiontest.Server) {
				s.replaced(t, users, func(o *topology.Options) { o.Timeout = 1e9 })
			},
			"", "", "+OK\r\n", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimOf(t, 1, resp.Options{Learn: true}, func(_ *Limits, o *ClientOptions) {
					o.Mirror = MirrorOptions{Pool: "users", Share: ring.Whole, Reads: true, Writes: true, Budget: 1 << 20, Compare: true, MaxDifferences: 10, Ramp: ring.Whole}
				})
				users := s.addPoolWith(t, "users", clusterOf, "u0", "u1")
				own, u0, u1 := s.Servers[0], s.Server("u0"), s.Server("u1")
				c := s.connect()
				c.Send(array("GET", keyOf(1, 2, 1)))
				s.Settle()
				wants(t, u1, array("GET", keyOf(1, 2, 1)))
				u1.Reply(miss)
				own.Reply(miss)
				own.Sock.Take()
				s.Settle()
				c.has(t, miss)

				c.Send(tt.send)
				s.Settle()
				wants(t, u0, tt.send)
				wants(t, own, tt.send)
				own.Reply(tt.own)
				s.Settle()
				tt.mirror(s, users, u0, u1)
				s.Settle()
				wants(t, own, tt.again)
				own.Reply(tt.after)
				s.Settle()
				c.has(t, tt.want)
				wants(t, u1, "")
				if _, backs, why := s.pool.RampState(); backs != tt.backs {
					t.Errorf("reads went back %d times, as %q; want %d", backs, why, tt.backs)
				}
				c.Send(get)
				s.Settle()
				if got := own.Sock.Take(); got != get {
					t.Errorf("the pool has %q", got)
				}
				if own.Reply(bulk("C")); tt.backs == 0 {
					s.Settle()
					c.has(t, "")
					if tt.send == set {
						u0.Reply("+OK\r\n")
					}
					u0.Reply(bulk("C"))
				}
				s.Settle()
				c.has(t, bulk("C"))
			})
		})
	}
}

// TestRampFirstMap: the first map of a mirror's cluster moves nothing.
func TestRampFirstMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimOf(t, 1, resp.Options{Learn: true}, func(_ *Limits, o *ClientOptions) {
			o.Mirror = MirrorOptions{Pool: "users", Share: ring.Whole, Reads: true, Writes: true, Budget: 1 << 20, Compare: true, MaxDifferences: 10, Ramp: ring.Whole}
		})
		users := s.addPoolWith(t, "users", func(o *topology.Options) {
			clusterOf(o)
			o.Slots, o.Seeds = nil, o.Servers
		}, "u0")
		users = s.replaced(t, users, withSlots(0))
		if _, backs, why := s.pool.RampState(); backs != 0 {
			t.Errorf("reads went back, as %q", why)
		}
		s.replaced(t, users, withSlots(0))
		if _, backs, _ := s.pool.RampState(); backs != 1 {
			t.Error("reads did not go back with another map")
		}
	})
}
