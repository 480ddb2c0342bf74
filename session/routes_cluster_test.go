package session

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// clusterOf is what makes of a pool's settings those of a cluster whose slots its servers share in equal parts.
func clusterOf(o *topology.Options) {
	o.Protocol = resp.New(resp.Options{Learn: true, Cluster: true})
	o.Cluster, o.Slots = true, new(ring.Slots)
	for slot := range o.Slots {
		o.Slots[slot] = uint16(slot * len(o.Servers) / ring.SlotCount)
	}
}

// toCluster is a loop with the plain pool sim, before s0 and s1, whose keys with u: are the cluster's users, before u0 and u1.
func toCluster(t testing.TB) (s *sim, users *Pool, c *simClient) {
	t.Helper()
	s = newSim(t, 2, func(_ *Limits, o *ClientOptions) { o.Routes = []ring.Route{{Prefix: "u:", Pool: "users"}} })
	users = s.addPoolWith(t, "users", clusterOf, "u0", "u1")
	return s, users, s.warm(t, userKey(0, 0), userKey(1, 0), "a", "b", "c", "d")
}

// fromCluster is a loop with the cluster sim, before s0 and s1, whose keys with r: are the plain pool's rest, before r0.
func fromCluster(t testing.TB) (s *sim, c *simClient) {
	t.Helper()
	s = newSimWith(t, 2, resp.Options{Learn: true, Cluster: true}, clusterOf, func(_ *Limits, o *ClientOptions) {
		o.Routes = []ring.Route{{Prefix: "r:", Pool: "rest"}}
	})
	s.addPool(t, "rest", "r0")
	return s, s.warm(t, keyOf(0, 2, 0), keyOf(1, 2, 0), "r:0")
}

// warm is a client that has read these keys.
func (s *sim) warm(t testing.TB, keys ...string) *simClient {
	t.Helper()
	c := s.connect()
	for _, key := range keys {
		c.Send(array("GET", key))
		s.Settle()
		for _, v := range s.Servers {
			if v.Sock != nil && v.Sock.Take() != "" {
				v.Reply("$-1\r\n")
			}
		}
		s.Settle()
	}
	if got, want := c.Sock.Take(), strings.Repeat("$-1\r\n", len(keys)); got != want {
		t.Fatalf("the client has %q; want %q", got, want)
	}
	return c
}

// userKey is a key with u: whose slot the server at place has, of two.
func userKey(place, i int) string {
	for k := 0; ; k++ {
		if key := fmt.Sprintf("u:%d.%d", i, k); ring.SlotOf([]byte(key))*2/ring.SlotCount == place {
			return key
		}
	}
}

// replaced has a pool that is not s's own replaced by one with other options.
func (s *sim) replaced(t testing.TB, p *Pool, edit func(*topology.Options)) *Pool {
	t.Helper()
	o := *p.Options()
	edit(&o)
	bp, err := p.Successor(o)
	if err != nil {
		t.Fatal(err)
	}
	next := NewPool(bp, p.opts, alone{})
	next.Adopt(p)
	s.Loop.Execute(func() { s.local.Apply(&Change{Limits: s.local.limits, Replaced: []Replaced{{p, next}}}) })
	s.Settle()
	return next
}

// withSlots has all slots be a server's.
func withSlots(owner uint16) func(*topology.Options) {
	return func(o *topology.Options) {
		o.Slots = new(ring.Slots)
		fill(o.Slots, owner)
	}
}

// TestRoutedMoved: what a cluster that routes lead to does not do is sent where it says, in order, with what is new behind it: of whichever pool that is.
func TestRoutedMoved(t *testing.T) {
	s, _, c := toCluster(t)
	u0, u1, key := s.Server("u0"), s.Server("u1"), userKey(0, 1)
	first, second := array("SET", key, "1"), array("SET", key, "2")
	c.Send(first + second)
	s.Settle()
	wants(t, u0, first+second)
	u0.Reply(moved(key, u1))
	s.Settle()
	c.Send(array("GET", "a") + array("GET", key))
	s.Settle()
	wants(t, u1, first)
	u0.Reply(moved(key, u1))
	u1.Reply("+OK\r\n")
	s.Settle()
	wants(t, u1, second)
	for _, v := range []*sessiontest.Server{u0, s.Servers[0], s.Servers[1]} {
		wants(t, v, "")
	}
	u1.Reply("+OK\r\n")
	s.Settle()
	c.has(t, "+OK\r\n+OK\r\n")
	wants(t, u0, array("GET", key)) // nobody has told the pool of another map
	u0.Reply(strings.Replace(moved(key, u1), "MOVED", "ASK", 1))
	s.Settle()
	wants(t, u1, array("ASKING")+array("GET", key))
	u1.Reply("+OK\r\n" + bulk("2"))
	for _, v := range s.Servers[:2] {
		v.Reply(bulk("A"))
	}
	s.Settle()
	c.has(t, bulk("A")+bulk("2"))
}

// TestRoutedFromCluster: what a cluster's routes lead away is at its pool, and what stays follows the cluster.
func TestRoutedFromCluster(t *testing.T) {
	s, c := fromCluster(t)
	s0, s1, r0, key := s.Servers[0], s.Servers[1], s.Server("r0"), keyOf(0, 2, 1)
	same := "r:{" + key + "}"
	c.Send(array("SET", key, "1") + array("GET", same) + array("MGET", same, key, "r:2"))
	s.Settle()
	wants(t, s0, array("SET", key, "1")+array("mget", key))
	wants(t, r0, array("GET", same)+array("mget", same, "r:2"))
	s0.Reply(moved(key, s1) + moved(key, s1))
	s.Settle()
	wants(t, s1, array("SET", key, "1")+array("mget", key))
	r0.Reply(bulk("R") + "*2\r\n" + bulk("R") + bulk("R2"))
	s1.Reply("+OK\r\n*1\r\n" + bulk("1"))
	s.Settle()
	c.has(t, "+OK\r\n"+bulk("R")+"*3\r\n"+bulk("R")+bulk("1")+bulk("R2"))
	c.Send(array("MSETNX", key, "1", same, "2") + array("RENAME", "r:2", "r:3") + array("CLUSTER", "COUNTKEYSINSLOT", "0"))
	s.Settle()
	wants(t, r0, array("RENAME", "r:2", "r:3"))
	wants(t, s0, array("CLUSTER", "COUNTKEYSINSLOT", "0"))
	r0.Reply("+OK\r\n")
	s0.Reply(":4\r\n")
	s.Settle()
	c.has(t, "-CROSSSLOT Keys in request don't hash to the same slot\r\n+OK\r\n:4\r\n")
	s.reroute(t, new(Change), ring.Route{Prefix: "", Pool: "rest"})
	c.Send(array("CLUSTER", "COUNTKEYSINSLOT", "0") + array("GET", key))
	s.Settle()
	wants(t, s0, array("CLUSTER", "COUNTKEYSINSLOT", "0")) // it has no key
	wants(t, r0, array("GET", key))
}

// TestRoutedApart: where the keys of a command are in a cluster they have to be in one slot, in another pool at one server, and never in two
// pools; what is split is split by slots there and by servers here.
func TestRoutedApart(t *testing.T) {
	s, _, c := toCluster(t)
	u0, u1 := s.Server("u0"), s.Server("u1")
	x, y, z := userKey(0, 1), userKey(0, 2), userKey(1, 1)
	c.Send(array("MGET", x, "a", y, z, "b", "u:{"+x+"}", "c"))
	s.Settle()
	wants(t, u0, array("mget", x, "u:{"+x+"}")+array("mget", y))
	wants(t, u1, array("mget", z))
	u1.Reply("*1\r\n" + bulk("Z"))
	u0.Reply("*2\r\n" + bulk("X") + bulk("U") + "*1\r\n" + bulk("Y"))
	own := map[string]string{}
	for _, v := range s.Servers[:2] {
		got := v.Sock.Take()
		reply := ""
		for _, key := range []string{"a", "b", "c"} {
			if strings.Contains(got, bulk(key)) {
				reply += bulk(strings.ToUpper(key))
				own[key] = v.Name
			}
		}
		v.Reply(fmt.Sprintf("*%d\r\n", strings.Count(reply, "$")) + reply)
	}
	s.Settle()
	c.has(t, "*7\r\n"+bulk("X")+bulk("A")+bulk("Y")+bulk("Z")+bulk("B")+bulk("U")+bulk("C"))
	for _, tt := range []struct{ want, cmd string }{
		{fmt.Sprintf("'%s' is on u0, slot %d, '%s' on u0, slot %d", x, ring.SlotOf([]byte(x)), y, ring.SlotOf([]byte(y))), array("MSETNX", x, "1", y, "1")},
		{fmt.Sprintf("'%s' is on u0, '%s' on u1", x, z), array("RENAME", x, z)},
		{fmt.Sprintf("'%s' is on u0, 'a' on %s", x, own["a"]), array("RENAME", x, "a")},
		{fmt.Sprintf("'a' is on %s, '%s' on u0", own["a"], x), array("RENAME", "a", x)},
		{fmt.Sprintf("'%s' is on u0, 'a' on %s", x, own["a"]), array("EVAL", "return 1", "2", x, "a")},
		{fmt.Sprintf("'%s' is on u0, 'a' on %s", x, own["a"]), array("BLPOP", x, "a", "0")},
		{fmt.Sprintf("'%s' is on u0, 'a' on %s", x, own["a"]), array("WATCH", x, "a")},
	} {
		c.Send(tt.cmd)
		s.Settle()
		if got := c.Sock.Take(); !strings.HasPrefix(got, "-CROSSSLOT") || !strings.Contains(got, tt.want) {
			t.Errorf("%q: %q; want %q in it", tt.cmd, got, tt.want)
		}
	}
	c.Send(array("DISCARD") + array("MSETNX", "u:{t}1", "1", "u:{t}2", "2"))
	s.Settle()
	got := u0.Sock.Take() + u1.Sock.Take()
	if want := array("MSETNX", "u:{t}1", "1", "u:{t}2", "2"); got != want {
		t.Errorf("the cluster has %q; want %q", got, want)
	}
}

// TestRoutedScattered: the parts of a command go to their keys, in the order of these, whichever pools they are of; a slot that nobody has waits,
// and only that.
func TestRoutedScattered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, users, c := toCluster(t)
		u0, u1 := s.Server("u0"), s.Server("u1")
		users = s.replaced(t, users, func(o *topology.Options) {
			slots := *o.Slots
			for slot := range slots[:ring.SlotCount/2] {
				slots[slot] = ring.NoServer
			}
			o.Slots = &slots
		})
		x, z := userKey(0, 1), userKey(1, 1)
		c.Send(array("MSET", x, "1", "a", "2", z, "3"))
		s.Settle()
		wants(t, u1, "*3\r\n$4\r\nmset\r\n"+bulk(z)+bulk("3"))
		u1.Reply("+OK\r\n")
		if got := s.Servers[0].Sock.Take() + s.Servers[1].Sock.Take(); got != "*3\r\n$4\r\nmset\r\n"+bulk("a")+bulk("2") {
			t.Fatalf("the pool's own servers have %q", got)
		}
		s.Servers[0].Reply("+OK\r\n")
		s.Servers[1].Reply("+OK\r\n")
		c.Send(array("SET", x, "4"))
		s.Passes(5 * parkedTick)
		c.has(t, "")
		users = s.replaced(t, users, withSlots(1))
		wants(t, u1, "*3\r\n$4\r\nmset\r\n"+bulk(x)+bulk("1"))
		u1.Reply("+OK\r\n")
		s.Settle()
		c.has(t, "+OK\r\n")
		wants(t, u1, array("SET", x, "4"))
		wants(t, u0, "")
		u1.Reply("+OK\r\n")
		s.Settle()
		c.has(t, "+OK\r\n")
		users = s.replaced(t, users, withSlots(ring.NoServer))
		body := array("MULTI") + array("SET", x, "6") + array("EXEC")
		c.Send(body + array("SET", x, "7"))
		s.Passes(5 * parkedTick)
		for _, v := range s.Servers {
			wants(t, v, "")
		}
		s.replaced(t, users, withSlots(1))
		wants(t, u1, body)
	})
}

// TestRoutedTransaction: a transaction is one pool's. In a cluster it goes where its slot is, and again as a whole where that moved; what is
// watched there counts as changed then.
func TestRoutedTransaction(t *testing.T) {
	s, _, c := toCluster(t)
	u0, u1, x := s.Server("u0"), s.Server("u1"), userKey(0, 1)
	body := array("MULTI") + array("INCR", x) + array("EXEC")
	c.Send(body)
	s.Settle()
	wants(t, u0, body)
	u0.Reply("+OK\r\n" + moved(x, u1) + "-EXECABORT Transaction discarded because of previous errors.\r\n")
	s.Settle()
	wants(t, u1, body)
	u1.Reply("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	s.Settle()
	c.has(t, "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")

	for _, pair := range [][2]string{{x, "a"}, {"a", x}, {x, userKey(1, 1)}, {userKey(0, 2), x}} {
		c.Send(array("MULTI") + array("INCR", pair[0]) + array("INCR", pair[1]) + array("EXEC"))
		s.Settle()
		got := c.Sock.Take()
		over := pair[0] == "a" || pair[1] == "a" // pools, and not slots alone, which EXEC says
		if !strings.HasPrefix(got, "+OK\r\n+QUEUED\r\n") || !strings.Contains(got, "-CROSSSLOT") || over != strings.Contains(got, "-EXECABORT") {
			t.Errorf("a transaction over %q: %q", pair, got)
		}
		for _, v := range s.Servers {
			wants(t, v, "")
		}
	}

	c.Send(array("WATCH", x))
	s.Settle()
	wants(t, u0, array("WATCH", x))
	u0.Reply(moved(x, u1))
	s.Settle()
	wants(t, u1, array("WATCH", x))
	u1.Reply("+OK\r\n")
	s.Settle()
	c.Send(body)
	s.Settle()
	wants(t, u1, body)
	u1.Reply("+OK\r\n+QUEUED\r\n*1\r\n:2\r\n")
	s.Settle()
	c.has(t, "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n:2\r\n")
}

// TestRoutedBlocking: what waits for a key in a cluster is sent where that is once it is another server's.
func TestRoutedBlocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, users, c := toCluster(t)
		u0, u1, x := s.Server("u0"), s.Server("u1"), userKey(0, 1)
		c.Send(array("BLPOP", x, "0"))
		s.Settle()
		wants(t, u0, array("BLPOP", x, "0"))
		s.replaced(t, users, withSlots(1))
		s.Passes(1100 * time.Millisecond)
		wants(t, u1, array("BLPOP", x, "0"))
		u1.Reply("*2\r\n" + bulk(x) + bulk("v"))
		s.Settle()
		c.has(t, "*2\r\n"+bulk(x)+bulk("v"))
	})
}

// TestRoutedServerGone: of what a server of a cluster that routes lead to had not answered, reads are sent again, and writes fail; of a plain
// pool all fails, also of a cluster's client.
func TestRoutedServerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, c := toCluster(t)
		u0, x := s.Server("u0"), userKey(0, 1)
		c.Send(array("GET", x) + array("SET", x, "1"))
		s.Settle()
		wants(t, u0, array("GET", x)+array("SET", x, "1"))
		u0.HangUp()
		s.Passes(2 * parkedTick)
		wants(t, u0, array("GET", x))
		u0.Reply(bulk("v"))
		s.Settle()
		if got := c.Sock.Take(); !strings.HasPrefix(got, bulk("v")+"-ERR") {
			t.Errorf("the client has %q", got)
		}

		s, c = fromCluster(t)
		s.Redial = func(v *sessiontest.Server) { s.Tasks = append(s.Tasks, func() { v.Refuse(io.EOF) }) }
		s.Server("r0").HangUp()
		c.Send(array("GET", "r:1") + array("MGET", "r:1", keyOf(0, 2, 1)) + array("MULTI") + array("GET", "r:1") + array("EXEC") + array("WATCH", "r:1"))
		s.Settle()
		wants(t, s.Servers[0], array("mget", keyOf(0, 2, 1)))
		s.Servers[0].Reply("*1\r\n" + bulk("v"))
		s.Settle()
		if got := c.Sock.Take(); strings.Count(got, "\r\n") != 6 || strings.Count(got, "-") != 4 || c.session.parked != 0 {
			t.Errorf("the client has %q, and %d commands are parked", got, c.session.parked)
		}
		key := keyOf(0, 2, 1)
		c.Send(array("DISCARD") + array("MGET", "r:1", key) + array("MSET", key, "1", "r:1", "2")) // now it is known that nobody can connect
		s.Settle()
		wants(t, s.Servers[0], array("mget", key)+"*3\r\n$4\r\nmset\r\n"+bulk(key)+bulk("1"))
		s.Servers[0].Reply("*1\r\n" + bulk("v") + "+OK\r\n")
		s.Settle()
		if got := c.Sock.Take(); strings.Count(got, "\r\n") != 3 || strings.Count(got, "-ERR") != 3 || c.session.parked != 0 {
			t.Errorf("the client has %q, and %d commands are parked", got, c.session.parked)
		}
	})
}

// TestRoutedMapChanges: as the map of a cluster that routes lead to changes, who is owed replies gets these before more is sent; with the pool
// gone, what waited for it fails.
func TestRoutedMapChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, users, c := toCluster(t)
		u0, u1, x := s.Server("u0"), s.Server("u1"), userKey(0, 1)
		idle := s.connect()
		c.Send(array("SET", x, "1"))
		s.Settle()
		wants(t, u0, array("SET", x, "1"))
		users = s.replaced(t, users, withSlots(1))
		c.Send(array("GET", x))
		idle.Send(array("GET", x))
		s.Settle()
		wants(t, u1, array("GET", x)) // of the idle one
		u0.Reply("+OK\r\n")
		s.Settle()
		wants(t, u1, array("GET", x))
		u1.Reply(bulk("0") + bulk("1"))
		s.Settle()
		c.has(t, "+OK\r\n"+bulk("1"))
		idle.has(t, bulk("0"))

		users = s.replaced(t, users, withSlots(ring.NoServer))
		c.Send(array("SET", x, "2"))
		s.Passes(2 * parkedTick)
		s.reroute(t, &Change{Removed: []*Pool{users}})
		s.local.Forget(users)
		s.Passes(2 * parkedTick)
		if got := c.Sock.Take(); !strings.HasPrefix(got, "-ERR") {
			t.Errorf("the client has %q", got)
		}
		c.Send(array("GET", x))
		s.Settle()
		if got := s.Servers[0].Sock.Take() + s.Servers[1].Sock.Take(); got != array("GET", x) {
			t.Errorf("the pool's own servers have %q", got)
		}

		s, users, c = toCluster(t)
		u0, u1 = s.Server("u0"), s.Server("u1")
		c.Send(array("GET", x) + array("GET", x))
		s.Settle()
		wants(t, u0, array("GET", x)+array("GET", x))
		s.reroute(t, &Change{Removed: []*Pool{users}})
		s.local.Forget(users)
		u0.Reply(bulk("v") + moved(x, u1))
		s.Settle()
		if got := c.Sock.Take(); !strings.HasPrefix(got, bulk("v")+"-ERR") || u1.Up != nil {
			t.Errorf("the client has %q; a pool that is gone is sent nothing", got)
		}
	})
}

// TestRoutedClusters: two clusters follow each its own map, though their slots have the same numbers.
func TestRoutedClusters(t *testing.T) {
	s := newSimWith(t, 2, resp.Options{Learn: true, Cluster: true}, clusterOf, func(_ *Limits, o *ClientOptions) {
		o.Routes = []ring.Route{{Prefix: "u:", Pool: "users"}}
	})
	s.addPoolWith(t, "users", clusterOf, "u0", "u1")
	x := userKey(0, 1)
	own := "{" + x + "}"
	c := s.warm(t, own, keyOf(1, 2, 0), x, userKey(1, 0))
	u0, u1 := s.Server("u0"), s.Server("u1")
	c.Send(array("INCR", x) + array("INCR", own) + array("MGET", own, x))
	s.Settle()
	wants(t, u0, array("INCR", x)+array("mget", x))
	wants(t, s.Servers[0], array("INCR", own)+array("mget", own))
	u0.Reply(moved(x, u1))
	s.Settle()
	wants(t, u1, array("INCR", x))
	s.Servers[0].Reply(moved(x, s.Servers[1]))
	s.Settle()
	wants(t, s.Servers[1], array("INCR", own))
	u0.Reply(moved(x, u1))
	s.Servers[0].Reply(moved(x, s.Servers[1]))
	s.Settle()
	wants(t, u1, array("mget", x))
	wants(t, s.Servers[1], array("mget", own))
	s.Servers[1].Reply(":7\r\n*1\r\n" + bulk("7"))
	u1.Reply(":1\r\n*1\r\n" + bulk("1"))
	s.Settle()
	c.has(t, ":1\r\n:7\r\n*2\r\n"+bulk("7")+bulk("1"))
}

// TestRoutedPreload: each connection to a cluster that routes lead to is sent a script ahead of the first call, from the pool of the client.
func TestRoutedPreload(t *testing.T) {
	s, _, c := toCluster(t)
	u0, u1, x := s.Server("u0"), s.Server("u1"), userKey(0, 1)
	const sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" // of return 1
	load := array("SCRIPT", "LOAD", "return 1")
	c.Send(load)
	s.Settle()
	for _, v := range s.Servers {
		wants(t, v, load)
		v.Reply(bulk(sha))
	}
	s.Settle()
	c.has(t, bulk(sha))
	call := array("EVALSHA", sha, "1", x)
	c.Send(call)
	s.Settle()
	wants(t, u0, load+call)
	u0.Reply(bulk(sha) + moved(x, u1))
	s.Settle()
	wants(t, u1, load+call)
	u1.Reply(bulk(sha) + ":1\r\n")
	s.Settle()
	c.has(t, ":1\r\n")
	body, other := array("MULTI")+array("EVALSHA", sha, "1", x)+array("EXEC"), s.warm(t)
	u0.HangUp() // it may be another server then
	other.Send(body)
	s.Settle()
	wants(t, u0, load+body)
}

// TestRoutedNowhere: keys of a pool that is not there are nowhere, and not the client's own pool's: what has them beside others is not done at all.
func TestRoutedNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimWith(t, 2, resp.Options{Learn: true, Cluster: true}, clusterOf, func(_ *Limits, o *ClientOptions) {
			o.Routes = []ring.Route{{Prefix: "g:", Pool: "gone"}, {Prefix: "r:", Pool: "rest"}}
		})
		s.addPool(t, "rest", "r0")
		plain := newSim(t, 2, func(_ *Limits, o *ClientOptions) {
			o.Routes = []ring.Route{{Prefix: "g:", Pool: "gone"}, {Prefix: "r:", Pool: "rest"}}
		})
		plain.addPool(t, "rest", "r0")
		for _, s := range []*sim{s, plain} {
			c := s.warm(t, keyOf(0, 2, 0), keyOf(1, 2, 0), "a", "b", "c", "d", "r:0")
			for _, cmd := range []string{array("GET", "g:1"), array("MSET", "g:1", "1", "r:1", "2", "a", "3", "b", "4"), array("MGET", "g:1", "g:2"), array("RENAME", "g:1", "g:2"), array("WATCH", "g:1")} {
				c.Send(cmd)
				s.Passes(2 * parkedTick)
				if got := c.Sock.Take(); !strings.HasPrefix(got, "-") || strings.Count(got, "\r\n") != 1 {
					t.Errorf("%q: %q", cmd, got)
				}
				for _, v := range s.Servers {
					wants(t, v, "")
				}
			}
		}
	})
}

// TestRoutedUnmapped: what is for all servers that are to be alike waits until the cluster says which there are, also if that is another pool's.
func TestRoutedUnmapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.Routes = []ring.Route{{Prefix: "u:", Pool: "users"}} })
		users := s.addPoolWith(t, "users", func(o *topology.Options) {
			clusterOf(o)
			o.Servers, o.Slots, o.Seeds = nil, nil, o.Servers
		}, "u0")
		c := s.connect()
		load := array("FUNCTION", "LOAD", "f")
		c.Send(array("DBSIZE") + load)
		s.Settle()
		wants(t, s.Servers[0], array("DBSIZE"))
		s.Servers[0].Reply(":1\r\n")
		s.Settle()
		c.has(t, ":1\r\n")
		s.replaced(t, users, func(o *topology.Options) {
			o.Servers = o.Seeds
			withSlots(0)(o)
		})
		wants(t, s.Servers[0], load)
		wants(t, s.Server("u0"), load)
		s.Servers[0].Reply("+f\r\n")
		s.Server("u0").Reply("+f\r\n")
		s.Settle()
		c.has(t, "+f\r\n")

		s = newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.Routes = []ring.Route{{Prefix: "u:", Pool: "users"}} })
		s.addPoolWith(t, "users", func(o *topology.Options) {
			clusterOf(o)
			o.Servers, o.Slots, o.Seeds, o.Timeout = nil, nil, o.Servers, time.Second
		}, "u0")
		c = s.connect()
		c.Send(load)
		s.Passes(2 * time.Second)
		if got := c.Sock.Take(); !strings.HasPrefix(got, "-CLUSTERDOWN") || s.Servers[0].Up != nil {
			t.Errorf("%q, and the pool's own server was asked: %v", got, s.Servers[0].Up != nil)
		}
	})
}

// TestMissOfCluster: a next tier that is a cluster is asked where it says, three times at most; what it does not say is a miss.
func TestMissOfCluster(t *testing.T) {
	for name, tt := range map[string]struct {
		says  []func(to *sessiontest.Server) string // of the servers in turn, but the last
		asks  string                                // what the last gets
		gives string
		want  string
	}{
		"moved":         {[]func(*sessiontest.Server) string{movedK}, array("GET", "k"), bulk("A"), bulk("A")},
		"asked":         {[]func(*sessiontest.Server) string{askedK}, array("ASKING") + array("GET", "k"), "+OK\r\n" + bulk("A"), bulk("A")},
		"in a circle":   {[]func(*sessiontest.Server) string{movedK, movedK, movedK}, array("GET", "k"), movedK(&sessiontest.Server{Name: "u1"}), miss},
		"it is nowhere": {[]func(*sessiontest.Server) string{movedK}, array("GET", "k"), miss, miss},
		"unreachable":   {nil, array("GET", "k"), "-CLUSTERDOWN The cluster is down\r\n", miss},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, 1, func(_ *Limits, o *ClientOptions) {
				o.Miss = MissOptions{Pool: "users", Seconds: 60, MaxBytes: 1 << 10}
			})
			s.addPoolWith(t, "users", clusterOf, "u0", "u1")
			own, both := s.Servers[0], []*sessiontest.Server{s.Server("u0"), s.Server("u1")}
			at := ring.SlotOf([]byte("k")) * 2 / ring.SlotCount
			c := s.connect()
			c.Send(array("GET", "k"))
			s.Settle()
			wants(t, own, array("GET", "k"))
			own.Reply(miss)
			s.Settle()
			for i, says := range tt.says {
				if i > 0 {
					wants(t, both[at], array("GET", "k"))
				} else if got := both[at].Sock.Take(); got != array("GET", "k") {
					t.Fatalf("the next tier has %q", got)
				}
				both[at].Reply(says(both[1-at]))
				s.Settle()
				at = 1 - at
			}
			wants(t, both[at], tt.asks)
			both[at].Reply(tt.gives)
			s.Settle()
			c.has(t, tt.want)
			if tt.want == miss {
				wants(t, own, "")
			} else {
				wants(t, own, fillOf("k", "A"))
				own.Reply("+OK\r\n")
			}
			c.Send(array("GET", "k"))
			s.Settle()
			wants(t, own, array("GET", "k"))
			own.Reply(bulk("A"))
			s.Settle()
			c.has(t, bulk("A"))
		})
	}
}

func movedK(to *sessiontest.Server) string { return moved("k", to) }

func askedK(to *sessiontest.Server) string {
	return strings.Replace(moved("k", to), "MOVED", "ASK", 1)
}

// TestMissInCluster: a cluster that lacks something is filled where the read was answered in the end.
func TestMissInCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimWith(t, 2, resp.Options{Learn: true, Cluster: true}, clusterOf, func(_ *Limits, o *ClientOptions) {
			o.Miss = MissOptions{Pool: "users", Seconds: 60, MaxBytes: 1 << 10}
		})
		s.addPool(t, "users", "u0")
		c, key, s0, s1, u0 := s.connect(), keyOf(0, 2, 1), s.Servers[0], s.Servers[1], s.Server("u0")
		get := array("GET", key)
		c.Send(get)
		s.Settle()
		wants(t, s0, get)
		s0.Reply("$-")
		s0.HangUp() // it is read again, from the reply's beginning
		s.Passes(2 * parkedTick)
		wants(t, s0, get)
		s0.Reply(moved(key, s1))
		s.Settle()
		wants(t, s1, get)
		s1.Reply("$-1\r\n")
		s.Settle()
		wants(t, u0, get)
		u0.Reply(bulk("A"))
		s.Settle()
		c.has(t, bulk("A"))
		wants(t, s1, fillOf(key, "A"))
		wants(t, s0, "")
	})
}

// toSpare is a loop with the pool sim, before s0, which is gone, whose cluster users, before u0 and u1, is its spare.
func toSpare(t testing.TB) (s *sim, users *Pool) {
	t.Helper()
	s = newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.Failover = FailoverOptions{Pool: "users", Writes: true} })
	users = s.addPoolWith(t, "users", clusterOf, "u0", "u1")
	s.Redial = func(v *sessiontest.Server) {
		if v.Name == "s0" {
			s.Tasks = append(s.Tasks, func() { v.Refuse(io.EOF) })
		} else {
			s.Tasks = append(s.Tasks, v.Accept)
		}
	}
	return s, users
}

// spared is a client by which s found out that its server is gone.
func (s *sim) spared(key string) *simClient {
	c := s.connect()
	c.Send(array("GET", key))
	s.Settle()
	c.Sock.Take()
	return c
}

// TestSpareCluster: what fails over to a cluster goes by its slots, and on where it says.
func TestSpareCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := toSpare(t)
		u0, u1 := s.Server("u0"), s.Server("u1")
		x, y, z := keyOf(0, 2, 1), keyOf(0, 2, 2), keyOf(1, 2, 1)
		c := s.spared(x)
		c.Send(array("SET", x, "1") + array("MGET", x, y, z) + array("RENAME", x, y) + array("RENAME", x, z) + array("RENAME", "{"+x+"}1", x))
		s.Settle()
		wants(t, u0, array("SET", x, "1")+array("mget", x)+array("mget", y)+array("RENAME", "{"+x+"}1", x))
		wants(t, u1, array("mget", z))
		u0.Reply(moved(x, u1) + "*1\r\n" + bulk("X") + "*1\r\n" + bulk("Y") + "+OK\r\n")
		u1.Reply("*1\r\n" + bulk("Z"))
		s.Settle()
		wants(t, u1, array("SET", x, "1"))
		c.has(t, "")
		u1.Reply("+OK\r\n")
		s.Settle()
		got := c.Sock.Take()
		if !strings.HasPrefix(got, "+OK\r\n*3\r\n"+bulk("X")+bulk("Y")+bulk("Z")+"-ERR ") || !strings.HasSuffix(got, "\r\n+OK\r\n") || strings.Count(got, "-ERR") != 2 {
			t.Errorf("the client has %q", got)
		}
	})
}

// TestRoutedHalved: nothing is sent behind several keys of a slot that moves, where routes lead to its cluster, or what fails over goes there.
func TestRoutedHalved(t *testing.T) {
	const halved = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
	tag := "u:{" + userKey(0, 1) + "}"
	for name, begin := range map[string]func(t *testing.T) (*sim, *Pool, *simClient){
		"route": func(t *testing.T) (*sim, *Pool, *simClient) { return toCluster(t) },
		"spare": func(t *testing.T) (*sim, *Pool, *simClient) { s, users := toSpare(t); return s, users, s.spared("a") },
	} {
		for _, several := range []string{"DEL", "LMOVE", "EVAL"} {
			t.Run(name+", "+several, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, users, c := begin(t)
					u0, cmd, reply := s.Server("u0"), array("DEL", tag+"1", tag+"2"), ":1\r\n"
					switch several {
					case "LMOVE":
						cmd, reply = array("LMOVE", tag+"1", tag+"2", "LEFT", "LEFT"), "$-1\r\n"
					case "EVAL":
						cmd = array("EVAL", "return 1", "2", tag+"1", tag+"2")
					}
					set := array("SET", tag+"1", "1")
					if name == "spare" { // whose pool has other clients
						users.Moves(ring.SlotOf([]byte(tag)))
					} else {
						c.Send(cmd + set)
						s.Settle()
						wants(t, u0, cmd+set)
						u0.Reply(halved + "+OK\r\n")
						s.Passes(3 * parkedTick)
						c.has(t, halved+"+OK\r\n")
					}
					c.Send(cmd + set)
					s.Settle()
					wants(t, u0, cmd)
					if name == "route" { // else the pool's own server is tried again meanwhile
						u0.Reply(halved)
						s.Passes(3 * parkedTick)
						wants(t, u0, cmd)
					}
					u0.Reply(reply)
					s.Settle()
					wants(t, u0, set)
					u0.Reply("+OK\r\n")
					s.Settle()
					c.has(t, reply+"+OK\r\n")
				})
			})
		}
	}
}

// TestRoutedSentinels: a master that sentinels know, and that routes lead to, is written to once it is not held any more, or where another is; nothing
// of its client overtakes that.
func TestRoutedSentinels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.Routes = []ring.Route{{Prefix: "u:", Pool: "users"}} })
		masters := func(o *topology.Options) {
			o.Protocol = resp.New(resp.Options{Learn: true, Sentinels: true})
			o.Sentinels = []topology.ServerOptions{sessiontest.ServerNamed("w")}
			for i := range o.Servers {
				o.Servers[i].Master = o.Servers[i].Name
			}
		}
		users := s.addPoolWith(t, "users", masters, "u0", "u1")
		s.AddServer("u2")
		s.Greetings = map[string]string{array("ROLE"): "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"}
		var x string
		for i := 0; x == ""; i++ {
			if place, _ := users.Router().Route([]byte(fmt.Sprint("u:", i))); place == 1 {
				x = fmt.Sprint("u:", i)
			}
		}
		c, own, u1 := s.warm(t, "a", x), s.Servers[0], s.Server("u1")
		c.Send(array("SET", x, "1") + array("SET", x, "2"))
		s.Settle()
		wants(t, u1, array("SET", x, "1")+array("SET", x, "2"))
		u1.Reply("-READONLY You can't write against a read only replica.\r\n-READONLY You can't write against a read only replica.\r\n")
		s.Settle()
		c.has(t, "")
		c.Send(array("GET", "a") + array("MGET", x, "a"))
		s.Settle()
		wants(t, u1, "")
		wants(t, own, "")
		s.replaced(t, users, func(o *topology.Options) {
			servers := append([]topology.ServerOptions(nil), o.Servers...)
			servers[1].Addr = "u2"
			o.Servers = servers
		})
		s.Passes(5 * parkedTick)
		u2 := s.Server("u2")
		wants(t, u2, array("SET", x, "1")+array("SET", x, "2"))
		u2.Reply("+OK\r\n+OK\r\n")
		s.Settle()
		c.has(t, "+OK\r\n+OK\r\n")
		wants(t, u2, array("mget", x))
		wants(t, own, array("GET", "a")+array("mget", "a"))
		u2.Reply("*1\r\n" + bulk("2"))
		own.Reply(bulk("A") + "*1\r\n" + bulk("A"))
		s.Settle()
		c.has(t, bulk("A")+"*2\r\n"+bulk("2")+bulk("A"))
	})
}

// TestAlikeUnknown: masters of which no sentinel has told are none the same, though all have no address.
func TestAlikeUnknown(t *testing.T) {
	s := newSim(t, 1, func(_ *Limits, o *ClientOptions) {
		o.Routes = []ring.Route{{Prefix: "u:", Pool: "users"}, {Prefix: "r:", Pool: "rest"}}
	})
	for _, name := range []string{"users", "rest"} {
		s.addPoolWith(t, name, func(o *topology.Options) {
			o.Sentinels = []topology.ServerOptions{sessiontest.ServerNamed("w")}
			o.Servers[0].Master, o.Servers[0].Addr = name, ""
		}, name)
	}
	n := 0
	for _, server := range s.local.shards[0].routes.alike {
		if server != nil {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d servers are to be alike; want 3", n)
	}
}
