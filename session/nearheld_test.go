package session

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/topology"
)

// TestNearOrder: what is given stands behind what its client is owed.
func TestNearOrder(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		other := array("GET", "b")
		n.want(c, other+get, other)
		n.replies(c, "")
		n.answer(bulk("b"))
		n.replies(c, bulk("b")+bulk("v"))
	})
}

// TestNearVersions: a reply is kept for one version of the protocol.
func TestNearVersions(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		c.Send(hello3)
		n.Settle()
		n.server.Three.Reply(saysThree)
		n.Settle()
		n.server.Three.Sock.Take()
		c.Sock.Take()
		n.want(c, get, "")
		n.replies(c, "")
		if got := n.server.Three.Sock.Take(); got != get+pttl {
			n.t.Errorf("the server has %q", got)
		}
	})
}

// TestNearWhich: a key that is named without a star is kept, what begins with it is not, and neither is what is asked by a long command.
func TestNearWhich(t *testing.T) {
	playNear(t, "", func(o *NearOptions) { o.Patterns = []string{"k"} }, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		for _, command := range []string{array("GET", "kk"), array("HGET", "k", strings.Repeat("f", maxNearFrame))} {
			n.want(c, command, command)
			n.answer(bulk("w"))
			n.replies(c, bulk("w"))
		}
	})
}

// TestNearStale: where that is wished for, what is kept is given although its server fails, but never what was written since.
func TestNearStale(t *testing.T) {
	playNear(t, "", func(o *NearOptions) { patterns(o); o.Life, o.Stale = time.Second, 10*time.Second }, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		n.Passes(time.Second)
		c.Send(get)
		n.Settle()
		n.server.HangUp()
		n.Settle()
		n.replies(c, bulk("v"))
		if n.tally().Stale != 1 {
			n.t.Errorf("%+v", n.tally())
		}
		set := array("SET", "k", "w")
		c.Send(set)
		n.Settle()
		n.server.Sock.Take()
		n.answer("+OK\r\n")
		n.replies(c, "+OK\r\n")
		c.Send(get)
		n.Settle()
		n.server.HangUp()
		n.Settle()
		if got := c.Sock.Take(); !strings.HasPrefix(got, "-") {
			n.t.Errorf("behind a write %q is given", got)
		}
	})
}

// TestNearChecks: of what is given the server is asked; what it has otherwise, though it tells of no write, is counted and given no more.
func TestNearChecks(t *testing.T) {
	for _, told := range []bool{false, true} {
		playNear(t, "", func(o *NearOptions) { patterns(o); o.Check = ring.Whole }, func(n *nearSim, c *simClient) {
			n.want(c, get, get+pttl)
			n.answer(bulk("v") + ":-1\r\n")
			n.replies(c, bulk("v"))
			for n.server.Sock.Take() != get {
				c.Send(get)
				n.Settle()
				n.replies(c, bulk("v"))
			}
			n.answer(bulk("w"))
			if told {
				n.tells(wroteK)
			}
			n.Passes(toldWithin + time.Millisecond)
			wrong := int64(1)
			if told {
				wrong = 0
			}
			if y := n.tally(); y.Checked != 1 || y.Wrong != wrong {
				n.t.Errorf("told %t: %+v", told, y)
			}
			n.want(c, get, get+pttl)
		})
	}
}

// TestNearPrivate: a client that tracks keys reads at the server, which is to tell it.
func TestNearPrivate(t *testing.T) {
	s := newSimWith(t, 1, resp.Options{Private: true}, nil, func(_ *Limits, o *ClientOptions) { o.Near.Bytes, o.Near.Patterns = 1<<20, []string{"k*"} })
	c, v := s.connect(), s.Servers[0]
	c.Send(array("HELLO", "3"))
	s.Settle()
	v.Three.Reply(saysThree)
	s.Settle()
	c.Send(array("CLIENT", "TRACKING", "ON"))
	s.Settle()
	c.Send(get)
	s.Settle()
	v.Three.Reply(saysThree)
	s.Settle()
	wants(t, v.Three, array("HELLO", "3")+array("CLIENT", "TRACKING", "ON")+get)
	if y := s.local.shards[0].near.tally; y.Misses != 0 {
		t.Errorf("%+v", y)
	}
}

// TestNearLeft: of a write whose client is gone before it is answered nobody says when it was done: what was read meanwhile is given no more in the end.
func TestNearLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNear(t, func(o *NearOptions) { patterns(o); o.Untold = time.Minute })
		n.feed(hello3, "-ERR unknown command 'HELLO'\r\n")
		c, other := n.connect(), n.connect()
		set := array("SET", "k", "w")
		n.want(c, set, set)
		c.HangUp(io.EOF)
		n.Settle()
		n.want(other, get, get+pttl)
		n.answer("+OK\r\n" + bulk("v") + ":-1\r\n")
		n.replies(other, bulk("v"))
		n.given(other, "v")
		n.Passes(time.Duration(silentFor) + 1100*time.Millisecond)
		n.asked(other, "w")
	})
}

// TestNearMoved: what was kept before servers had other keys is given no more.
func TestNearMoved(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		n.local.shards[0].near.router = new(topology.Router)
		n.asked(c, "w")
	})
}
