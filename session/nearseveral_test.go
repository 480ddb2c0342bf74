package session

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/near"
	"cashew/topology"
)

// one is how a key of several is asked for by itself.
func one(key string) string { return array("mget", key) + array("PTTL", key) }

// keepsAll has what is kept of keys be these values, in a pool of patterns.
func (n *nearSim) keepsAll(c *simClient, mget string, keys, values []string) {
	n.t.Helper()
	sent, answers := "", ""
	for i, key := range keys {
		sent += one(key)
		answers += "*1\r\n" + values[i] + ":-1\r\n"
	}
	whole := fmt.Sprintf("*%d\r\n%s", len(keys), strings.Join(values, ""))
	n.want(c, mget, sent+mget)
	n.answer(answers + whole)
	n.replies(c, whole)
	n.want(c, mget, "")
	n.replies(c, whole)
}

// keepsAllBehind has replies that were read before a write was done be in the cache while that is under way, as from another connection.
func (n *nearSim) keepsAllBehind(c *simClient, mget string) {
	n.t.Helper()
	for _, key := range []string{"k", "k2"} {
		frame := []byte(array("mget", key))
		n.pool.cache.Keep(&near.Command{Hash: near.Hash(frame, 0), Frame: frame}, n.pool.cache.Mark(near.Slot([]byte(key))), []byte("*1\r\n"+bulk("v")), 0, near.Times{Until: n.Loop.Now + int64(time.Hour), Ends: math.MaxInt64})
	}
	n.want(c, mget, "")
	n.replies(c, "*2\r\n"+bulk("v")+bulk("v"))
}

// TestNearSeveral: a command of several keys is answered with what is kept of each, or sent whole.
func TestNearSeveral(t *testing.T) {
	mget, del := array("MGET", "k", "k2", "k"), array("DEL", "k2")
	playNear(t, "MGET", patterns, func(n *nearSim, c *simClient) {
		two := array("MGET", "k", "k2")
		n.keepsAll(c, two, []string{"k", "k2"}, []string{bulk("v"), "$-1\r\n"})
		n.want(c, mget, "")
		n.replies(c, "*3\r\n"+bulk("v")+"$-1\r\n"+bulk("v"))
		n.want(c, array("mget", "k"), "") // the very command that was asked
		n.replies(c, "*1\r\n"+bulk("v"))
		n.want(c, get+two, get+pttl) // in its order
		n.replies(c, "")
		n.answer(bulk("v") + ":-1\r\n")
		n.replies(c, bulk("v")+"*2\r\n"+bulk("v")+"$-1\r\n")
		n.want(c, array("MGET", "k", "other"), array("MGET", "k", "other")) // which no pattern has
		n.answer("*2\r\n" + bulk("v") + "$-1\r\n")
		n.replies(c, "*2\r\n"+bulk("v")+"$-1\r\n")
		if f := n.tally(); f.Hits != 4 || f.Kept != 3 || f.Misses != 3 {
			n.t.Errorf("%+v", f)
		}
	})
	for name, wrote := range map[string]func(n *nearSim, c *simClient){
		"written by its client": func(n *nearSim, c *simClient) {
			n.want(c, del+mget, del+mget)
			n.answer(":1\r\n*3\r\n" + bulk("v") + "$-1\r\n" + bulk("v"))
			n.replies(c, ":1\r\n*3\r\n"+bulk("v")+"$-1\r\n"+bulk("v"))
		},
		"written by another": func(n *nearSim, _ *simClient) {
			o := n.connect()
			n.want(o, del, del)
			n.answer(":1\r\n")
		},
		"written by a stranger": func(n *nearSim, _ *simClient) { n.tells(">2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\nk2\r\n") },
	} { // in no order: each is a test of its own
		playNear(t, name, patterns, func(n *nearSim, c *simClient) {
			n.keepsAll(c, array("MGET", "k", "k2"), []string{"k", "k2"}, []string{bulk("v"), bulk("old")})
			c.Sock.Take()
			wrote(n, c)
			n.want(c, mget, one("k2")+mget)
			n.answer("*1\r\n$-1\r\n:-2\r\n*3\r\n" + bulk("v") + "$-1\r\n" + bulk("v"))
			n.replies(c, "*3\r\n"+bulk("v")+"$-1\r\n"+bulk("v"))
			n.want(c, mget, "")
			n.replies(c, "*3\r\n"+bulk("v")+"$-1\r\n"+bulk("v"))
		})
	}
	playNear(t, "kept while its client writes", patterns, func(n *nearSim, c *simClient) {
		two, o := array("MGET", "k", "k2"), n.connect()
		n.want(c, del, del)
		n.keepsAllBehind(o, two)
		n.want(c, two, two) // behind its DEL
		n.answer(":1\r\n*2\r\n" + bulk("v") + "$-1\r\n")
		n.replies(c, ":1\r\n*2\r\n"+bulk("v")+"$-1\r\n")
	})
	playNear(t, "what is gone", patterns, func(n *nearSim, c *simClient) {
		two := array("MGET", "k", "k2")
		n.want(c, two, one("k")+one("k2")+two)
		n.answer("*1\r\n" + bulk("v") + ":50\r\n*1\r\n" + bulk("w") + ":-1\r\n*2\r\n" + bulk("v") + bulk("w"))
		n.want(c, two, "")
		n.replies(c, strings.Repeat("*2\r\n"+bulk("v")+bulk("w"), 2))
		n.Passes(60 * time.Millisecond)
		n.want(c, two, one("k")+two)
	})
	playNear(t, "what fails", patterns, func(n *nearSim, c *simClient) {
		two := array("MGET", "k", "k2")
		n.want(c, two, one("k")+one("k2")+two)
		n.answer("-LOADING\r\n:-1\r\n*1\r\n" + bulk("w") + "-NOPERM\r\n-LOADING\r\n")
		n.replies(c, "-LOADING\r\n")
		n.want(c, two, one("k")+one("k2")+two) // neither is kept
	})
	playNear(t, "while the server does not tell", patterns, func(n *nearSim, c *simClient) {
		n.server.Feed.HangUp()
		n.Settle()
		n.want(c, mget, mget)
	})
	playNear(t, "EXISTS", patterns, func(n *nearSim, c *simClient) {
		exists := array("EXISTS", "k", "k2")
		n.want(c, exists, array("exists", "k")+pttl+array("exists", "k2")+array("PTTL", "k2")+exists)
		n.answer(":1\r\n:-1\r\n:0\r\n:-2\r\n:1\r\n")
		n.want(c, exists, "")
		n.replies(c, ":1\r\n:1\r\n")
	})
	playNear(t, "RESP3", patterns, func(n *nearSim, c *simClient) {
		two := array("MGET", "k", "k2")
		n.keepsAll(c, two, []string{"k", "k2"}, []string{bulk("v"), "$-1\r\n"})
		c.Send(hello3)
		n.Settle()
		c.Sock.Take()
		n.want(c, two, "") // over a connection of its own: nothing of RESP2 is given
		if got := c.Sock.Take(); got != "" {
			n.t.Errorf("a client of RESP3 has %q", got)
		}
	})
}

// TestNearSeveralAuto: keys that came three times are asked for besides, a few with each command.
func TestNearSeveralAuto(t *testing.T) {
	var keys, values []string
	for i := range 2 * nearMisses {
		keys, values = append(keys, fmt.Sprint("k", i)), append(values, bulk("v"))
	}
	mget := array(append([]string{"MGET"}, keys...)...)
	whole := fmt.Sprintf("*%d\r\n%s", len(keys), strings.Join(values, ""))
	playNear(t, "", nil, func(n *nearSim, c *simClient) {
		asked := 0
		for range 100 {
			c.Send(mget)
			n.Settle()
			got := n.server.Sock.Take()
			if got == "" {
				break
			}
			answers := strings.Repeat("+OK\r\n", strings.Count(got, trackWith))
			fills := strings.Count(got, cachingYes)
			if fills > nearMisses || strings.Count(got, "PTTL") != fills || !strings.HasSuffix(got, mget) {
				n.t.Fatalf("the server has %q", got)
			}
			asked += fills
			n.answer(answers + strings.Repeat("+OK\r\n*1\r\n"+bulk("v")+":-1\r\n", fills) + whole)
			n.replies(c, whole)
		}
		n.replies(c, whole)
		if f := n.tally(); asked != len(keys) || f.Hits != 1 || int(f.Kept) != len(keys) {
			n.t.Errorf("%d keys were asked for: %+v", asked, f)
		}
	})
}

// TestNearMemcached: get and gets of several keys, and mg of the item alone.
func TestNearMemcached(t *testing.T) {
	play := func(name string, f func(n *nearSim, c *simClient)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimWith(t, 1, resp.Options{}, func(o *topology.Options) { o.Protocol = memcached.New(memcached.Options{}) }, func(_ *Limits, o *ClientOptions) {
					o.Near = NearOptions{Bytes: 1 << 20, Patterns: []string{"k*"}, Untold: time.Second}
				})
				n := &nearSim{s, t, s.Servers[0]}
				f(n, n.connect())
			})
		})
	}
	play("get", func(n *nearSim, c *simClient) {
		const get = "get k k2 k3\r\n"
		n.want(c, get, "get k\r\nget k2\r\nget k3\r\n"+get)
		n.answer("VALUE k 1 1\r\nv\r\nEND\r\nEND\r\nVALUE k3 0 1\r\nw\r\nEND\r\nVALUE k 1 1\r\nv\r\nVALUE k3 0 1\r\nw\r\nEND\r\n")
		n.want(c, get, "")
		n.want(c, "get k3 k\r\nget k2\r\n", "")
		n.replies(c, strings.Repeat("VALUE k 1 1\r\nv\r\nVALUE k3 0 1\r\nw\r\nEND\r\n", 2)+"VALUE k3 0 1\r\nw\r\nVALUE k 1 1\r\nv\r\nEND\r\nEND\r\n")
		n.want(c, "set k2 0 0 1\r\nx\r\n"+get, "set k2 0 0 1\r\nx\r\n"+get)
		n.Passes(2 * time.Second)
	})
	play("mg", func(n *nearSim, c *simClient) {
		for _, mg := range []string{"mg k v c f k s\r\n", "mg k\r\n", "mg  k   v\r\n", "mg azI= b v\r\n"} {
			n.want(c, mg, mg)
			n.answer("HD\r\n")
			n.want(c, mg, "")
			n.replies(c, "HD\r\nHD\r\n")
		}
		for _, mg := range []string{"mg k t\r\n", "mg k h v\r\n", "mg k l\r\n", "mg k v O1\r\n", "mg k N30 v\r\n", "mg k R30 v\r\n", "mg k v T0\r\n", "mg k v E5\r\n", "mg k vv\r\n", "mg k q v\r\n"} {
			for range 2 {
				c.Send(mg)
				n.Settle()
				if got := n.server.Sock.Take(); got == "" {
					n.t.Errorf("%q is kept", mg)
				}
				n.answer("HD\r\n")
			}
		}
	})
	play("mg of what is stale", func(n *nearSim, c *simClient) {
		other := n.connect()
		const mg = "mg k v\r\n"
		for _, first := range []string{"VA 1 W X\r\nv\r\n", "VA 1 X Z\r\nv\r\n", "EN\r\n"} {
			n.want(c, mg, mg)
			n.want(other, mg, mg) // whoever is first is to renew it, and the other is not
			n.answer(first + "VA 1 X Z\r\nv\r\n")
			n.replies(c, first)
			n.replies(other, "VA 1 X Z\r\nv\r\n")
		}
		n.want(c, mg, "")
		n.replies(c, "EN\r\n")
	})
}
