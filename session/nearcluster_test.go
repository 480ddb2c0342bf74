package session

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/near"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// nearCluster is a loop before two servers of a cluster that tell of writes to all keys with k, and a key of the first.
type nearCluster struct {
	*sim
	t    *testing.T
	a, b *sessiontest.Server
	key  string
	get  string
	ask  string // what its server is sent for that
}

// playNearCluster runs f in a bubble.
func playNearCluster(t *testing.T, edit func(*NearOptions), f func(n *nearCluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		key := keyOf(0, 2, 1)
		s := newSimWith(t, 2, resp.Options{Learn: true, Cluster: true}, clusterOf, func(_ *Limits, o *ClientOptions) {
			o.Near.Bytes, o.Near.Check, o.Near.Patterns = 1<<20, 0, []string{"k*"}
			if edit != nil {
				edit(&o.Near)
			}
		})
		s.local.Track(s.pool)
		s.Settle()
		n := &nearCluster{s, t, s.Servers[0], s.Servers[1], key, array("GET", key), array("GET", key) + array("PTTL", key)}
		n.tells(n.a)
		n.tells(n.b)
		f(n)
	})
}

// tells has the tracker of a server be open.
func (n *nearCluster) tells(v *sessiontest.Server) {
	n.t.Helper()
	for _, step := range [][2]string{{hello3, "%1\r\n+proto\r\n:3\r\n"}, {array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k"), "+OK\r\n"}} {
		if got := v.Feed.Sock.Take(); got != step[0] {
			n.t.Fatalf("the tracker of %s sent %q; want %q", v.Name, got, step[0])
		}
		v.Feed.Reply(step[1])
		n.Settle()
	}
}

// sends has a client send something, which a server has by then.
func (n *nearCluster) sends(c *simClient, text string, v *sessiontest.Server, want string) {
	n.t.Helper()
	c.Send(text)
	n.Settle()
	got := ""
	if v.Sock != nil {
		got = v.Sock.Take()
	}
	if got != want {
		n.t.Fatalf("behind %q %s has %q; want %q", text, v.Name, got, want)
	}
}

// says has a server reply.
func (n *nearCluster) says(v *sessiontest.Server, text string) {
	v.Reply(text)
	n.Settle()
}

// keeps has the reply to GET of the key be kept.
func (n *nearCluster) keeps(c *simClient, value string) {
	n.t.Helper()
	n.sends(c, n.get, n.a, n.ask)
	n.says(n.a, bulk(value)+":-1\r\n")
	c.has(n.t, bulk(value))
	n.sends(c, n.get, n.a, "")
	c.has(n.t, bulk(value))
}

// kept is how many replies were.
func (n *nearCluster) kept() int64 { return n.local.shards[0].near.tally.Kept }

// TestNearElsewhere: a read that its server has not done goes, for each who waits for it, where it belongs by then; what it is answered there is not kept.
func TestNearElsewhere(t *testing.T) {
	for name, tt := range map[string]struct {
		ends  func(n *nearCluster)
		at    func(n *nearCluster) *sessiontest.Server // who is asked then
		wants string
	}{
		"moved": {
			func(n *nearCluster) { n.says(n.a, moved(n.key, n.b)+"-MOVED\r\n") },
			func(n *nearCluster) *sessiontest.Server { return n.b }, "GG",
		},
		"asked": {
			func(n *nearCluster) { n.says(n.a, strings.Replace(moved(n.key, n.b), "-MOVED", "-ASK", 1)+"-ASK\r\n") },
			func(n *nearCluster) *sessiontest.Server { return n.b }, "AGAG",
		},
		"later": {
			func(n *nearCluster) {
				n.says(n.a, "-CLUSTERDOWN The cluster is down\r\n-CLUSTERDOWN The cluster is down\r\n")
				n.Passes(3 * parkedTick)
			},
			func(n *nearCluster) *sessiontest.Server { return n.a }, "GG",
		},
		"ended": {
			func(n *nearCluster) { n.a.HangUp(); n.Passes(3 * parkedTick) },
			func(n *nearCluster) *sessiontest.Server { return n.a }, "GG",
		},
		"another map": {
			func(n *nearCluster) {
				n.says(n.a, "-CLUSTERDOWN The cluster is down\r\n-CLUSTERDOWN The cluster is down\r\n")
				n.remap(n.t, func(slots *ring.Slots) { fill(slots, 1) })
				n.Passes(3 * parkedTick)
			},
			func(n *nearCluster) *sessiontest.Server { return n.b }, "GG",
		},
	} {
		t.Run(name, func(t *testing.T) {
			playNearCluster(t, nil, func(n *nearCluster) {
				c, other, gone := n.connect(), n.connect(), n.connect()
				set := array("SET", keyOf(0, 2, 2), "1")
				n.sends(c, n.get, n.a, n.ask)
				n.sends(other, n.get+set, n.a, set) // the first joins
				n.sends(gone, n.get, n.a, "")
				gone.HangUp(syscall.ECONNRESET)
				n.Settle()
				if y := n.local.shards[0].near.tally; y.Joined != 2 {
					t.Fatalf("%+v", y)
				}
				tt.ends(n)
				if name != "ended" {
					n.says(n.a, "+OK\r\n")
				}
				v := tt.at(n)
				if got, want := v.Sock.Take(), strings.NewReplacer("A", array("ASKING"), "G", n.get).Replace(tt.wants); got != want {
					t.Fatalf("%s has %q; want %q", v.Name, got, want)
				}
				for _, value := range []string{"v", "w"} {
					if name == "asked" {
						v.Reply("+OK\r\n")
					}
					n.says(v, bulk(value))
				}
				c.has(t, bulk("v"))
				if got := other.Sock.Take(); !strings.HasPrefix(got, bulk("w")) {
					t.Errorf("the other client has %q", got)
				}
				if n.kept() != 0 {
					t.Error("it is kept")
				}
			})
		})
	}
}

// TestNearElsewhereBegun: what a reply has begun to be nobody is sent again.
func TestNearElsewhereBegun(t *testing.T) {
	playNearCluster(t, nil, func(n *nearCluster) {
		c, other := n.connect(), n.connect()
		n.sends(c, n.get, n.a, n.ask)
		n.sends(other, n.get, n.a, "")
		n.says(n.a, "$400000\r\n"+strings.Repeat("v", 300000))
		n.a.HangUp()
		n.Passes(3 * parkedTick)
		if n.a.Sock.Take() != "" {
			t.Error("it is sent again")
		}
		for _, c := range []*simClient{c, other} {
			if got := c.Sock.Take(); !c.Conn.Closed && !strings.HasPrefix(got, "-") {
				t.Errorf("the client has %.20q, and is connected", got)
			}
		}
	})
}

// TestNearElsewhereInVain: what nobody does in time has an error, for each who waits.
func TestNearElsewhereInVain(t *testing.T) {
	playNearCluster(t, nil, func(n *nearCluster) {
		const down = "-CLUSTERDOWN The cluster is down\r\n"
		c, other := n.connect(), n.connect()
		n.sends(c, n.get, n.a, n.ask)
		n.sends(other, n.get, n.a, "")
		n.says(n.a, down+down)
		for range int(longestWait/parkedTick) + 10 {
			n.Passes(parkedTick)
			n.says(n.a, strings.Repeat(down, strings.Count(n.a.Sock.Take(), n.get)))
		}
		c.has(t, down)
		other.has(t, down)
		n.sends(c, n.get, n.a, n.ask)
		n.says(n.a, bulk("v")+":-1\r\n")
		c.has(t, bulk("v"))
	})
}

// TestNearElsewhereLate: what comes too late to be sent again is passed on as it is.
func TestNearElsewhereLate(t *testing.T) {
	const down = "-CLUSTERDOWN The cluster is down\r\n"
	for _, ends := range []bool{false, true} {
		playNearCluster(t, nil, func(n *nearCluster) {
			c := n.connect()
			n.sends(c, n.get, n.a, n.ask)
			n.Passes(longestWait + time.Second)
			if ends {
				n.a.HangUp()
			} else {
				n.a.Reply(down + down)
			}
			n.Settle()
			if got := c.Sock.Take(); ends && !strings.HasPrefix(got, "-ERR ") || !ends && got != down {
				t.Errorf("the client has %q", got)
			}
		})
	}
}

// TestNearMap: once a slot has another owner nothing is given of what was kept, or was on its way, and the next owner's replies are kept.
func TestNearMap(t *testing.T) {
	playNearCluster(t, nil, func(n *nearCluster) {
		c, other := n.connect(), n.connect()
		n.keeps(c, "v")
		late := keyOf(0, 2, 2)
		n.sends(other, array("GET", late), n.a, array("GET", late)+array("PTTL", late))
		n.remap(t, func(slots *ring.Slots) { slots[ring.SlotOf([]byte(n.key))], slots[ring.SlotOf([]byte(late))] = 1, 1 })
		kept := n.kept()
		n.says(n.a, bulk("late")+":-1\r\n")
		other.has(t, bulk("late"))
		if n.kept() != kept {
			t.Error("what was on its way is kept")
		}
		n.sends(c, n.get, n.b, n.ask)
		n.says(n.b, bulk("w")+":-1\r\n")
		c.has(t, bulk("w"))
		n.sends(c, n.get, n.b, "")
		c.has(t, bulk("w"))
		n.b.Feed.Reply(fmt.Sprintf(">2\r\n$10\r\ninvalidate\r\n*1\r\n%s", bulk(n.key)))
		n.Settle()
		n.sends(c, n.get, n.b, n.ask)
	})
}

// TestNearMasterGone: of a server that is no master any more nothing more is heard, and of the one in its place there is.
func TestNearMasterGone(t *testing.T) {
	playNearCluster(t, nil, func(n *nearCluster) {
		c := n.connect()
		n.keeps(c, "v")
		n.AddServer("s9")
		next := n.Server("s9")
		feed := n.a.Feed
		n.remapWith(t, func(o *topology.Options) {
			o.Servers = []topology.ServerOptions{sessiontest.ServerNamed("s9"), o.Servers[1]}
		})
		if feed.Up != nil && !feed.Conn.Closed {
			t.Error("the tracker of a server that has left is open")
		}
		n.tells(next)
		n.sends(c, n.get, next, n.ask)
		n.says(next, bulk("w")+":-1\r\n")
		c.has(t, bulk("w"))
		n.sends(c, n.get, next, "")
	})
}

// TestNearNoKey: that a cluster has no such key is kept for a moment alone, for it may be written elsewhere when its slot moves.
func TestNearNoKey(t *testing.T) {
	for life, stays := range map[string]bool{":-2\r\n": false, ":-1\r\n": true, ":5000\r\n": true} {
		playNearCluster(t, func(o *NearOptions) { o.Untold = 500 * time.Millisecond }, func(n *nearCluster) {
			c := n.connect()
			n.sends(c, n.get, n.a, n.ask)
			n.says(n.a, miss+life)
			n.sends(c, n.get, n.a, "")
			n.Passes(510 * time.Millisecond)
			want := n.ask
			if stays {
				want = ""
			}
			n.sends(c, n.get, n.a, want)
		})
	}
	playNear(t, "no cluster", func(o *NearOptions) { patterns(o); o.Untold = time.Millisecond }, func(n *nearSim, c *simClient) {
		n.want(c, get, get+pttl)
		n.answer(miss + ":-2\r\n")
		n.Passes(100 * time.Millisecond)
		n.want(c, get, "")
	})
}

// TestNearClusterStale: where that is wished for, what is kept is given in place of what a server had begun to wait for.
func TestNearClusterStale(t *testing.T) {
	playNearCluster(t, func(o *NearOptions) { o.Life, o.Stale = time.Second, 10*time.Second }, func(n *nearCluster) {
		c := n.connect()
		n.keeps(c, "v")
		n.Passes(time.Second)
		n.sends(c, n.get, n.a, n.ask)
		n.says(n.a, moved(n.key, n.b)+"-MOVED\r\n")
		if got := n.b.Sock.Take(); got != n.get {
			t.Errorf("where it has moved to %q is asked", got)
		}
		n.says(n.b, bulk("w"))
		c.has(t, bulk("w"))
		n.sends(c, n.get, n.a, n.ask)
		n.a.HangUp()
		n.Settle()
		c.has(t, bulk("v"))
	})
}

// TestNearGuest: who waits for what another loop reads, which comes to nothing, waits for its server as any other.
func TestNearGuest(t *testing.T) {
	for _, reachable := range []bool{true, false} {
		playNearCluster(t, nil, func(n *nearCluster) {
			c := n.connect()
			n.sends(c, array("GET", keyOf(0, 2, 2)), n.a, array("GET", keyOf(0, 2, 2))+array("PTTL", keyOf(0, 2, 2)))
			n.says(n.a, bulk("")+":-1\r\n")
			c.Sock.Take()
			l := n.local.shards[0].near
			l.several = true
			f := &near.Flying{Command: near.Command{Hash: near.Hash([]byte(n.get), 0), Frame: []byte(n.get)}, Mark: l.cache.Mark(near.Slot([]byte(n.key)))}
			if !l.cache.Launch(f) {
				t.Fatal("another is on its way")
			}
			n.sends(c, n.get, n.a, "")
			if !reachable {
				n.Redial = nil
				n.a.HangUp()
				n.Settle()
				n.connect().Send(array("GET", keyOf(0, 2, 3)))
				n.Settle()
				n.a.Refuse(syscall.ECONNREFUSED)
				n.Settle()
				if _, err := c.session.conns.Conn(n.pool.Servers()[0], 0); err == nil {
					t.Fatal("the server can be reached")
				}
			}
			l.cache.Land(f, nil)
			n.Settle()
			c.has(t, "")
			if !reachable {
				n.AcceptAll()
				for range 200 {
					n.Passes(parkedTick)
					n.a.Accept()
				}
				n.Settle()
			}
			want, reply := n.ask, bulk("v")+":-1\r\n" // it is a flight of this loop
			if !reachable {
				want, reply = n.get, bulk("v")
			}
			if got := n.a.Sock.Take(); !strings.HasSuffix(got, want) {
				t.Fatalf("the server has %q", got)
			}
			if !reachable {
				n.a.Reply(bulk("other"))
			}
			n.says(n.a, reply)
			c.has(t, bulk("v"))
		})
	}
}
