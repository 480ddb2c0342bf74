package session

import (
	"slices"
	"strings"
	"testing"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// routedSim is a loop with the pool sim, before s0, and pools users before u0 and u1 and rest before r0.
func routedSim(t testing.TB, routes ...ring.Route) *sim {
	s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.Routes = routes })
	s.addPool(t, "users", "u0", "u1")
	s.addPool(t, "rest", "r0")
	return s
}

// addPool adds a pool that nobody's clients are of.
func (s *sim) addPool(t testing.TB, name string, servers ...string) *Pool {
	t.Helper()
	return s.addPoolWith(t, name, nil, servers...)
}

// addPoolWith is addPool for one with other settings.
func (s *sim) addPoolWith(t testing.TB, name string, edit func(*topology.Options), servers ...string) *Pool {
	t.Helper()
	o := topology.Options{
		Name: name, Protocol: resp.New(resp.Options{Learn: true}), Hash: "fnv1a_64", Distribution: "modula", ServerConnections: 1,
		TransactionConnections: 8, BlockingConnections: 8,
	}
	for _, v := range servers {
		o.Servers = append(o.Servers, sessiontest.ServerNamed(v))
		s.AddServer(v)
	}
	if edit != nil {
		edit(&o)
	}
	bp, err := topology.NewPool(o, s.Loop.World, s.Loop.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bp.Close)
	clients := DefaultClientOptions()
	p := NewPool(bp, &clients, alone{})
	p.MakeGroups([]*Local{s.local})
	s.local.Add(p)
	return p
}

// reroute has the pool sim have other routes.
func (s *sim) reroute(t testing.TB, change *Change, routes ...ring.Route) {
	t.Helper()
	s.reset(t, change, func(o *ClientOptions) { o.Routes = routes })
}

// reset has the pool sim have other settings towards clients.
func (s *sim) reset(t testing.TB, change *Change, edit func(o *ClientOptions)) {
	t.Helper()
	bp, err := s.pool.Successor(*s.pool.Options())
	if err != nil {
		t.Fatal(err)
	}
	opts := *s.pool.opts
	edit(&opts)
	next := NewPool(bp, &opts, alone{})
	next.Adopt(s.pool)
	change.Limits, change.Replaced = s.local.limits, append(change.Replaced, Replaced{s.pool, next})
	s.local.Apply(change)
	s.pool = next
}

// users are the servers of pool users.
func (s *sim) users() (u0, u1, r0 *sessiontest.Server) {
	return s.Servers[1], s.Servers[2], s.Servers[3]
}

// TestRouted: each key goes to its pool's server, what is scattered goes to servers of several, and replies come in order.
func TestRouted(t *testing.T) {
	s := routedSim(t, ring.Route{Prefix: "u:", Pool: "users"}, ring.Route{Prefix: "u:own:", Pool: "sim"}, ring.Route{Prefix: "r", Pool: "rest"})
	u0, u1, r0 := s.users()
	c := s.connect()
	c.Send(array("GET", "a") + array("GET", "r1") + array("GET", "u:own:1") + array("MGET", "r2", "u:a", "b", "u:b", "u:own:2"))
	s.Settle()
	got(t, r0, array("GET", "r1"), array("mget", "r2"))
	got(t, s.Servers[0], array("GET", "a"), array("GET", "u:own:1"), array("mget", "b", "u:own:2"))
	got(t, u0, array("mget", "u:b"))
	got(t, u1, array("mget", "u:a"))
	r0.Reply(bulk("R1") + "*1\r\n" + bulk("R2"))
	u0.Reply("*1\r\n" + bulk("UB"))
	u1.Reply("*1\r\n" + bulk("UA"))
	s.Settle()
	c.has(t, "")
	s.Servers[0].Reply(bulk("A") + bulk("OWN1") + "*2\r\n" + bulk("B") + bulk("OWN2"))
	s.Settle()
	c.has(t, bulk("A")+bulk("R1")+bulk("OWN1")+"*5\r\n"+bulk("R2")+bulk("UA")+bulk("B")+bulk("UB")+bulk("OWN2"))

	c.Send(array("RENAME", "r1", "u:a"))
	s.Settle()
	if have := c.Sock.Take(); !strings.HasPrefix(have, "-CROSSSLOT") || !strings.Contains(have, "r0") || !strings.Contains(have, "u1") {
		t.Errorf("RENAME over pools: %q", have)
	}
	u0.HangUp()
	c.Send(array("GET", "u:b") + array("GET", "u:a") + array("DBSIZE"))
	s.Settle()
	got(t, u1, array("GET", "u:a"))
	got(t, s.Servers[0], array("DBSIZE"))
	if have, want := strings.Join(strings.Fields(strings.Join(s.local.shards[0].routes.origin.Servers, " ")), " "), "s0 r0 u0 u1"; have != want {
		t.Errorf("places are those of %q; want %q", have, want)
	}
}

// TestRoutedScripts: what loads scripts and functions goes to all servers that the client's keys may be at, once to each, and the replies are one; what else has
// no key goes to the pool's own.
func TestRoutedScripts(t *testing.T) {
	s := routedSim(t, ring.Route{Prefix: "u:", Pool: "users"}, ring.Route{Prefix: "t:", Pool: "twin"})
	s.addPool(t, "twin", "u0")
	s.reroute(t, new(Change), ring.Route{Prefix: "u:", Pool: "users"}, ring.Route{Prefix: "t:", Pool: "twin"})
	_, u1, r0 := s.users()
	u0 := s.Server("u0") // which both pools have
	c := s.connect()
	for _, load := range []string{array("FUNCTION", "LOAD", "f"), array("SCRIPT", "LOAD", "return 1"), array("SCRIPT", "FLUSH")} {
		c.Send(load)
		s.Settle()
		for _, v := range []*sessiontest.Server{s.Servers[0], u0, u1} {
			got(t, v, load)
			c.has(t, "")
			v.Reply("+f\r\n")
			s.Settle()
		}
		c.has(t, "+f\r\n")
	}
	if known, _ := s.pool.ScriptCounts(); known != 0 {
		t.Errorf("after SCRIPT FLUSH %d scripts are known", known)
	}
	c.Send(array("FUNCTION", "DELETE", "f") + array("DBSIZE"))
	s.Settle()
	got(t, s.Servers[0], array("FUNCTION", "DELETE", "f"), array("DBSIZE"))
	s.Servers[0].Reply("+OK\r\n:1\r\n")
	u0.Reply("+OK\r\n")
	u1.Reply("-ERR Library not found\r\n")
	s.Settle()
	c.has(t, "-ERR Library not found\r\n:1\r\n")
	c.Send(array("MULTI") + array("FUNCTION", "LOAD", "g"))
	s.Settle()
	if have := c.Sock.Take(); !strings.HasPrefix(have, "+OK\r\n-ERR Command not allowed inside a transaction") {
		t.Errorf("FUNCTION LOAD in a transaction: %q; want it to be refused", have)
	}
	if r0.Sock != nil {
		t.Error("a pool that no route leads to was sent something")
	}
}

// TestReroute: a client whose keys are another pool's after a reload, and that is owed replies, gets these before it sends more; one that is
// owed nothing goes on. What was sent to a pool that is gone is answered.
func TestReroute(t *testing.T) {
	s := routedSim(t, ring.Route{Prefix: "u:", Pool: "users"})
	_, u1, r0 := s.users()
	c, idle := s.connect(), s.connect()
	c.Send(array("INCR", "u:a"))
	s.Settle()
	got(t, u1, array("INCR", "u:a"))
	users := s.local.shards[1].pool
	s.reroute(t, &Change{Removed: []*Pool{users}}, ring.Route{Prefix: "u:", Pool: "rest"})
	s.local.Forget(users)
	c.Send(array("INCR", "u:a"))
	idle.Send(array("GET", "u:a"))
	s.Settle()
	got(t, r0, array("GET", "u:a"))
	u1.Reply(":1\r\n")
	s.Settle()
	got(t, r0, array("INCR", "u:a"))
	r0.Reply(bulk("R") + ":7\r\n")
	s.Settle()
	c.has(t, ":1\r\n:7\r\n")
	idle.has(t, bulk("R"))
	s.reroute(t, new(Change))
	c.Send(array("GET", "u:a"))
	s.Settle()
	got(t, s.Servers[0], array("GET", "u:a"))
}

// TestTargetGrows: a pool that others route to has more servers after a reload; their clients' places are its new ones, and those behind it
// move up.
func TestTargetGrows(t *testing.T) {
	s := routedSim(t, ring.Route{Prefix: "u:", Pool: "users"}, ring.Route{Prefix: "r", Pool: "rest"})
	_, _, r0 := s.users()
	c := s.connect()
	users := s.local.shards[1].pool
	o := *users.Options()
	o.Servers = append(slices.Clone(o.Servers), sessiontest.ServerNamed("u2"))
	s.AddServer("u2")
	bp, err := users.Successor(o)
	if err != nil {
		t.Fatal(err)
	}
	next := NewPool(bp, users.opts, alone{})
	next.Adopt(users)
	s.local.Apply(&Change{Limits: s.local.limits, Replaced: []Replaced{{users, next}}})
	c.Send(array("MGET", "r1", "u:a", "u:bb", "u:ccc", "u:1dd", "u:2e", "u:33f", "u:444g", "x"))
	s.Settle()
	got(t, r0, array("mget", "r1"))
	got(t, s.Servers[0], array("mget", "x"))
	for _, v := range []*sessiontest.Server{s.Servers[1], s.Servers[2], s.Servers[4]} {
		if v.Sock == nil || !strings.Contains(v.Sock.Take(), "mget") {
			t.Errorf("server %s of the pool has none of seven keys", v.Name)
		}
	}
}
