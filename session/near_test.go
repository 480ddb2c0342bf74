package session

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/near"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// nearSim is a loop before one server, of whose replies some are kept. Time passes in it.
type nearSim struct {
	*sim
	t      *testing.T
	server *sessiontest.Server
}

// What goes over connections besides commands of clients.
var (
	hello3     = array("HELLO", "3")
	clientID   = array("CLIENT", "ID")
	trackWith  = array("CLIENT", "TRACKING", "ON", "REDIRECT", "7", "OPTIN")
	cachingYes = array("CLIENT", "CACHING", "YES")
	pttl       = array("PTTL", "k")
	stay       = array("PING")
)

// playNear runs f in a bubble, with a tracker that is open.
func playNear(t *testing.T, name string, edit func(*NearOptions), f func(n *nearSim, c *simClient)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNear(t, edit)
			n.feed(hello3, "%1\r\n+proto\r\n:3\r\n")
			if n.local.shards[0].near.sketch == nil {
				n.feed(array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k"), "+OK\r\n")
			} else {
				n.feed(clientID, ":7\r\n")
			}
			f(n, n.connect())
		})
	})
}

func newNear(t *testing.T, edit func(*NearOptions)) *nearSim {
	t.Helper()
	s := newSimWith(t, 1, resp.Options{Learn: true, Databases: 2}, nil, func(_ *Limits, o *ClientOptions) {
		o.Near.Bytes, o.Near.Check = 1<<20, 0 // what chance has checked is sent besides
		if edit != nil {
			edit(&o.Near)
		}
	})
	s.local.Track(s.pool)
	s.Settle()
	return &nearSim{s, t, s.Servers[0]}
}

// patterns has all keys be kept at the first read.
func patterns(o *NearOptions) { o.Patterns = []string{"k*"} }

// feed wants the tracker to have sent something, and answers it.
func (n *nearSim) feed(want, reply string) {
	n.t.Helper()
	if got := n.server.Feed.Sock.Take(); got != want {
		n.t.Fatalf("the tracker has sent %q; want %q", got, want)
	}
	n.server.Feed.Reply(reply)
	n.Settle()
}

// tells has the server tell the tracker something.
func (n *nearSim) tells(push string) {
	n.server.Feed.Reply(push)
	n.Settle()
}

const wroteK = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"

// want sends commands of a client and wants the server to have these by then.
func (n *nearSim) want(c *simClient, sent, want string) {
	n.t.Helper()
	c.Send(sent)
	n.Settle()
	got := ""
	if n.server.Sock != nil {
		got = n.server.Sock.Take()
	}
	if got != want {
		n.t.Errorf("behind %q the server has %q; want %q", sent, got, want)
	}
}

// answer has the server send something.
func (n *nearSim) answer(reply string) {
	n.server.Reply(reply)
	n.Settle()
}

// replies wants the client to have these.
func (n *nearSim) replies(c *simClient, want string) {
	n.t.Helper()
	if got := c.Sock.Take(); got != want {
		n.t.Errorf("the client has %.300q; want %.300q", got, want)
	}
}

// keeps has the reply to a GET of k be kept, with a pool of patterns.
func (n *nearSim) keeps(c *simClient, value string) {
	n.t.Helper()
	n.want(c, get, get+pttl)
	n.answer(bulk(value) + ":-1\r\n")
	n.replies(c, bulk(value))
	n.given(c, value)
}

// given wants k to be given from what is kept.
func (n *nearSim) given(c *simClient, value string) {
	n.t.Helper()
	n.want(c, get, "")
	n.replies(c, bulk(value))
}

// asked wants k to be asked for, and answers.
func (n *nearSim) asked(c *simClient, value string) {
	n.t.Helper()
	c.Send(get)
	n.Settle()
	switch got := n.server.Sock.Take(); got {
	case get:
		n.answer(bulk(value))
	case get + pttl:
		n.answer(bulk(value) + ":-1\r\n")
	default:
		n.t.Errorf("the server has %q; want a GET", got)
	}
	n.replies(c, bulk(value))
}

func (n *nearSim) tally() near.Tally {
	t := *n.local.shards[0].near.tally
	t.Add(n.pool.NearFigures())
	return t
}

// TestNearAuto: what came three times is tracked, and kept.
func TestNearAuto(t *testing.T) {
	playNear(t, "", nil, func(n *nearSim, c *simClient) {
		for range 2 {
			n.want(c, get, get)
			n.answer(bulk("v"))
			n.replies(c, bulk("v"))
		}
		n.want(c, get, trackWith+cachingYes+get+pttl)
		n.answer("+OK\r\n+OK\r\n" + bulk("v"))
		n.replies(c, bulk("v")) // before PTTL is answered
		n.want(c, get, cachingYes+get+pttl)
		n.answer(":100\r\n+OK\r\n" + bulk("v") + ":50\r\n")
		n.replies(c, bulk("v"))
		n.given(c, "v")
		other := n.connect()
		n.given(other, "v")
		n.Passes(60 * time.Millisecond)
		n.asked2(c, "w")
	})
}

// asked2 is asked where a read is tracked.
func (n *nearSim) asked2(c *simClient, value string) {
	n.t.Helper()
	n.want(c, get, cachingYes+get+pttl)
	n.answer("+OK\r\n" + bulk(value) + ":-1\r\n")
	n.replies(c, bulk(value))
}

// TestNearRefused: a server that does not tell of writes has its replies kept for a shorter time; one that does not say how long a key has,
// not at all.
func TestNearRefused(t *testing.T) {
	untold := func(t *testing.T, n *nearSim, c *simClient) {
		t.Helper()
		n.want(c, get, get+pttl)
		n.answer(bulk("v") + ":-1\r\n")
		n.replies(c, bulk("v"))
		n.given(c, "v")
		n.Passes(990 * time.Millisecond)
		n.given(c, "v")
		n.Passes(20 * time.Millisecond)
		n.asked(c, "w")
	}
	hot := func(n *nearSim, c *simClient) {
		for range 2 {
			n.asked(c, "v")
		}
	}
	t.Run("CLIENT ID", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNear(t, nil)
			n.feed(hello3, "%1\r\n+proto\r\n:3\r\n")
			n.feed(clientID, "-ERR unknown command 'CLIENT'\r\n")
			c := n.connect()
			hot(n, c)
			untold(t, n, c)
		})
	})
	playNear(t, "CLIENT TRACKING", nil, func(n *nearSim, c *simClient) {
		hot(n, c)
		n.want(c, get, trackWith+cachingYes+get+pttl)
		n.answer("-NOPERM\r\n-ERR CLIENT CACHING can be called only when ...\r\n" + bulk("v") + ":-1\r\n")
		n.replies(c, bulk("v"))
		untold(t, n, c)
	})
	playNear(t, "PTTL", nil, func(n *nearSim, c *simClient) {
		hot(n, c)
		n.want(c, get, trackWith+cachingYes+get+pttl)
		n.answer("+OK\r\n+OK\r\n" + bulk("v") + "-NOPERM\r\n")
		n.replies(c, bulk("v"))
		n.asked2(c, "w")
	})
	t.Run("HELLO 3", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNear(t, nil)
			n.feed(hello3, "-ERR unknown command 'HELLO'\r\n")
			c := n.connect()
			hot(n, c)
			untold(t, n, c)
		})
	})
}

// TestNearLater: a server that is busy when it is to tell of writes, or loads, is asked again at once, not taken for one that refuses to.
func TestNearLater(t *testing.T) {
	for _, busy := range []string{"-BUSY Redis is busy running a script.\r\n", "-LOADING Redis is loading the dataset in memory\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			n := newNear(t, patterns)
			tracks := array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k")
			n.feed(hello3, "%1\r\n+proto\r\n:3\r\n")
			n.feed(tracks, busy)
			c := n.connect()
			n.asked(c, "v")
			n.asked(c, "v")
			n.Passes(mendTime + 10*time.Millisecond)
			n.feed(tracks, "+OK\r\n")
			if got := n.pool.Tracking(n.pool.Servers()[0]); got != "on" {
				t.Errorf("behind %q: %s", busy, got)
			}
		})
	}
}

// TestNearWrites: a write ends what is kept of its key from when it is sent on; its client reads it at the server, behind it.
func TestNearWrites(t *testing.T) {
	for name, write := range map[string]struct{ command, sent, reply string }{
		"SET":   {set, set, "+OK\r\n"},
		"DEL":   {array("DEL", "k"), array("DEL", "k"), ":1\r\n"},
		"MSET":  {array("MSET", "a", "1", "k", "2"), array("MSET", "a", "1", "k", "2"), "+OK\r\n"},
		"EVAL":  {array("EVAL", "return 1", "0"), array("EVAL", "return 1", "0"), ":1\r\n"},
		"MULTI": {array("MULTI") + set + array("EXEC"), array("MULTI") + set + array("EXEC"), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"},
	} { // in no order: each is a test of its own
		playNear(t, name, patterns, func(n *nearSim, c *simClient) {
			n.keeps(c, "v")
			other := n.connect()
			n.want(c, write.command, write.sent)
			n.want(other, get, get+pttl) // it may have either, and is not kept
			n.answer(write.reply + bulk("either") + ":-1\r\n")
			n.replies(c, write.reply)
			n.replies(other, bulk("either"))
			n.asked(c, "new")
			n.given(other, "new")
		})
		playNear(t, name+", read behind", patterns, func(n *nearSim, c *simClient) {
			n.keeps(c, "v")
			c.Send(write.command + get)
			n.Settle()
			got := n.server.Sock.Take()
			if !strings.HasPrefix(got, write.sent+get) {
				n.t.Fatalf("the server has %q", got)
			}
			n.answer(write.reply + bulk("new") + strings.Repeat(":-1\r\n", strings.Count(got, pttl)))
			if got := c.Sock.Take(); !strings.HasSuffix(got, bulk("new")) {
				n.t.Errorf("the client has %q", got)
			}
		})
	}
}

// TestNearForeign: what the server tells of is asked for anew; what was on its way then is not kept.
func TestNearForeign(t *testing.T) {
	for name, push := range map[string]string{
		"k":        wroteK,
		"several":  ">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nk\r\n",
		"all":      ">2\r\n$10\r\ninvalidate\r\n_\r\n",
		"unknown":  ">2\r\n$5\r\nwhat?\r\n*1\r\n$1\r\nz\r\n",
		"redirect": ">1\r\n$20\r\ntracking-redir-broken\r\n",
	} { // in no order: each is a test of its own
		playNear(t, name, patterns, func(n *nearSim, c *simClient) {
			if name == "redirect" {
				push = ">2\r\n$21\r\ntracking-redir-broken\r\n:7\r\n"
			}
			n.keeps(c, "v")
			n.tells(push)
			n.want(c, get, get+pttl)
			n.tells(push)
			n.answer(bulk("w") + ":-1\r\n")
			n.replies(c, bulk("w"))
			n.keeps(c, "x")
		})
	}
	playNear(t, "cut anywhere", patterns, func(n *nearSim, c *simClient) {
		for cut := 1; cut < len(wroteK); cut++ {
			n.keeps(c, "v")
			n.tells(wroteK[:cut])
			n.tells(wroteK[cut:])
		}
		n.asked(c, "w")
	})
}

// TestNearJoin: who asks for the same before the reply begins gets that.
func TestNearJoin(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		a, b, late := n.connect(), n.connect(), n.connect()
		n.want(c, get, get+pttl)
		n.want(a, get, "")
		n.want(b, get+array("GET", "k2"), array("GET", "k2")+array("PTTL", "k2"))
		n.answer("$3\r\nl")
		n.want(late, get, get)
		n.answer("ow\r\n" + ":-1\r\n" + bulk("2") + ":-1\r\n" + bulk("low"))
		n.replies(c, bulk("low"))
		n.replies(a, bulk("low"))
		n.replies(b, bulk("low")+bulk("2"))
		n.replies(late, bulk("low"))
		n.given(late, "low")
		if f := n.tally(); f.Joined != 2 || f.Misses != 5 || f.Hits != 1 || f.Kept != 2 {
			n.t.Errorf("%+v", f)
		}
	})
	playNear(t, "not behind a write", patterns, func(n *nearSim, c *simClient) {
		a, b := n.connect(), n.connect()
		n.want(c, get, get+pttl)
		n.want(a, set, set)
		n.want(b, get, get)
		n.answer(bulk("old") + ":-1\r\n+OK\r\n" + bulk("v"))
		n.replies(c, bulk("old"))
		n.replies(b, bulk("v"))
		n.asked(c, "v")
	})
	playNear(t, "an error is everybody's, and not kept", patterns, func(n *nearSim, c *simClient) {
		a := n.connect()
		n.want(c, get, get+pttl)
		n.want(a, get, "")
		n.answer("-WRONGTYPE\r\n:-1\r\n")
		n.replies(c, "-WRONGTYPE\r\n")
		n.replies(a, "-WRONGTYPE\r\n")
		n.asked(a, "v")
	})
	playNear(t, "one leaves", patterns, func(n *nearSim, c *simClient) {
		a, b := n.connect(), n.connect()
		n.want(c, get, get+pttl)
		n.want(a, get, "")
		n.want(b, get, "")
		c.HangUp(io.EOF)
		b.HangUp(io.ErrUnexpectedEOF)
		n.Settle()
		n.answer(bulk("v") + ":-1\r\n")
		n.replies(a, bulk("v"))
		n.given(a, "v")
	})
	playNear(t, "all leave", patterns, func(n *nearSim, c *simClient) {
		n.want(c, get, get+pttl)
		c.HangUp(io.ErrUnexpectedEOF)
		n.Settle()
		n.answer(bulk("v") + ":-1\r\n")
		n.given(n.connect(), "v")
	})
	playNear(t, "the server dies", patterns, func(n *nearSim, c *simClient) {
		all := []*simClient{c}
		for range 100 {
			all = append(all, n.connect())
		}
		for _, c := range all {
			c.Send(get)
		}
		n.Settle()
		n.server.HangUp()
		n.Settle()
		for _, c := range all {
			if got := c.Sock.Take(); !strings.HasPrefix(got, "-ERR") || strings.Count(got, "\r\n") != 1 {
				n.t.Fatalf("%q", got)
			}
		}
		n.asked(c, "v")
	})
	playNear(t, "the server dies in the middle", patterns, func(n *nearSim, c *simClient) {
		a := n.connect()
		n.want(c, get, get+pttl)
		n.want(a, get, "")
		n.answer("$5\r\nhel")
		n.server.HangUp()
		n.Settle()
		for _, c := range []*simClient{c, a} {
			if got := c.Sock.Take(); !strings.HasPrefix(got, "-ERR") {
				n.t.Errorf("%q", got)
			}
		}
		n.asked(c, "v")
	})
}

// TestNearLarge: a long reply is passed on as it comes, to all, and one that is too long is not kept.
func TestNearLarge(t *testing.T) {
	for _, size := range []int{100, 300 << 10, maxNearReply + 1, 128 << 10} {
		bytes := 64 << 20
		if size == 128<<10 {
			bytes = 8 * size // of which an eighth is too little for what it has besides
		}
		playNear(t, fmt.Sprint(size), func(o *NearOptions) { patterns(o); o.Bytes = bytes }, func(n *nearSim, c *simClient) {
			a := n.connect()
			n.want(c, get, get+pttl)
			n.want(a, get, "")
			value := strings.Repeat("x", size)
			reply := bulk(value)
			for ; len(reply) > 10000; reply = reply[10000:] {
				n.answer(reply[:10000])
			}
			n.answer(reply + ":-1\r\n")
			n.replies(c, bulk(value))
			n.replies(a, bulk(value))
			if size > maxNearReply || size == bytes/8 {
				n.want(c, get, get+pttl)
				if n.tally().TooLarge != 1 || n.tally().Overtaken != 0 {
					n.t.Errorf("%+v", n.tally())
				}
				return
			}
			n.given(c, value)
			n.want(c, get+get+get, "")
			n.replies(c, bulk(value)+bulk(value)+bulk(value))
		})
	}
}

// TestNearUnread: a client that asks for much and reads nothing is owed no more than any other.
func TestNearUnread(t *testing.T) {
	playNear(t, "", func(o *NearOptions) { patterns(o); o.Bytes = 64 << 20 }, func(n *nearSim, c *simClient) {
		n.keeps(c, strings.Repeat("x", 1<<20-100))
		n.pool.opts.ClientOutputBuffer = 16 << 20
		c.Sock.Room = 0
		for range 100 {
			c.Send(get)
			n.Settle()
		}
		if pending := c.session.out.Pending(); pending > 17<<20 {
			n.t.Errorf("%d bytes are owed", pending)
		}
	})
	playNear(t, "in one breath", func(o *NearOptions) { patterns(o); o.Bytes = 64 << 20 }, func(n *nearSim, c *simClient) {
		n.keeps(c, strings.Repeat("x", 1<<20-100))
		n.pool.opts.ClientOutputBuffer = 16 << 20
		c.Sock.Room = 0
		c.Send(strings.Repeat(get, 200))
		n.Settle()
		if pending := c.session.out.Pending(); pending > 17<<20 {
			n.t.Errorf("%d bytes are owed", pending)
		}
	})
}

// TestNearWatch: who watches keys is given nothing that is kept.
func TestNearWatch(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		shared, other, watch := n.server.Sock, n.connect(), array("WATCH", "k")
		n.want(c, watch, watch) // over a connection of its own
		n.answer("+OK\r\n")
		n.replies(c, "+OK\r\n")
		n.given(other, "v") // nothing was written
		n.want(c, get, "")
		if got := shared.Take(); got != get {
			n.t.Errorf("the server has %q; want a GET", got)
		}
		n.replies(c, "")
	})
}

// TestNearTracker: when the tracker is lost, or late, nothing that was kept is given, and nothing is kept before there is another.
func TestNearTracker(t *testing.T) {
	again := func(n *nearSim, c *simClient) {
		n.t.Helper()
		n.want(c, get, get) // nothing would tell
		n.answer(bulk("w"))
		n.replies(c, bulk("w"))
		n.Passes(2 * time.Second)
		n.feed(hello3, "%1\r\n+proto\r\n:3\r\n")
		n.feed(array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k"), "+OK\r\n")
		n.keeps(c, "x")
		if n.tally().Dropped != 1 {
			n.t.Errorf("%+v", n.tally())
		}
	}
	playNear(t, "lost", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		n.server.Feed.HangUp()
		n.Settle()
		again(n, c)
	})
	playNear(t, "late", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		n.Passes(1010 * time.Millisecond)
		n.feed(stay, "+PONG\r\n")
		n.given(c, "v")
		n.Passes(time.Second)
		if got := n.server.Feed.Sock.Take(); got != stay {
			n.t.Errorf("%q", got)
		}
		n.given(c, "v")
		n.Passes(time.Second)
		again(n, c)
	})
	playNear(t, "a fill is on its way", patterns, func(n *nearSim, c *simClient) {
		n.want(c, get, get+pttl)
		n.server.Feed.HangUp()
		n.Settle()
		n.answer(bulk("v") + ":-1\r\n")
		n.replies(c, bulk("v"))
		n.asked(c, "w")
	})
}

// TestNearTimeout: all who wait for one reply are told that it is late, and it is given to nobody when it comes.
func TestNearTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimWith(t, 1, resp.Options{Learn: true}, func(o *topology.Options) { o.Timeout = 100 * time.Millisecond }, func(_ *Limits, o *ClientOptions) {
			o.Near.Bytes, o.Near.Check = 1<<20, 0
			patterns(&o.Near)
		})
		s.local.Track(s.pool)
		s.Settle()
		n := &nearSim{s, t, s.Servers[0]}
		n.feed(hello3, "%1\r\n+proto\r\n:3\r\n")
		n.feed(array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k"), "+OK\r\n")
		c, a := n.connect(), n.connect()
		n.want(c, get, get+pttl)
		n.Passes(60 * time.Millisecond)
		n.want(a, get, "")
		n.Passes(60 * time.Millisecond)
		for _, c := range []*simClient{c, a} { // whoever joins waits no longer than who was first
			if got := c.Sock.Take(); !strings.HasPrefix(got, "-ERR") {
				n.t.Errorf("%q", got)
			}
		}
		n.want(a, get, get+pttl)
		n.answer(bulk("old") + ":-1\r\n" + bulk("new") + ":-1\r\n")
		n.replies(c, "")
		n.replies(a, bulk("new"))
		n.given(c, "new")
	})
}

// change has a reload make the pool another.
func (n *nearSim) change(edit func(*NearOptions)) {
	n.t.Helper()
	clients := *n.pool.opts
	edit(&clients.Near)
	bp, err := n.pool.Successor(*n.pool.Options())
	if err != nil {
		n.t.Fatal(err)
	}
	next := NewPool(bp, &clients, alone{})
	next.Adopt(n.pool)
	if frame, old := []byte(get), n.pool.cache; old != nil {
		if e := old.Get(&near.Command{Hash: near.Hash(frame, 0), Frame: frame}, 0); e != nil {
			n.t.Errorf("loops that have not gone over are given %q", e.Reply)
		}
	}
	n.local.Apply(&Change{Limits: n.local.limits, Replaced: []Replaced{{Old: n.pool, New: next}}})
	n.pool = next
	n.Settle()
}

// TestNearReload: what was kept, or on its way, before the pool became another is not given afterwards.
func TestNearReload(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		n.want(c, array("GET", "k2"), array("GET", "k2")+array("PTTL", "k2"))
		old := n.pool.cache
		n.change(func(o *NearOptions) { o.Life = time.Hour })
		n.answer(bulk("old") + ":-1\r\n")
		n.replies(c, bulk("old"))
		if entries, _ := n.pool.cache.Size(); entries != 0 || n.pool.cache == old {
			t.Errorf("%d entries are kept", entries)
		}
		n.keeps(c, "w")
		dropped := n.tally().Dropped
		n.Passes(time.Second)
		n.change(func(*NearOptions) {}) // while the tracker is asked whether it is well
		n.change(func(*NearOptions) {})
		n.feed(stay, "+PONG\r\n")
		if n.tally().Dropped != dropped {
			t.Error("a tracker is given up that is not late")
		}
		n.keeps(c, "x")
	})
	playNear(t, "patterns", patterns, func(n *nearSim, c *simClient) {
		n.change(func(o *NearOptions) { o.Patterns = []string{"k*", "x"} })
		n.feed(hello3, "%1\r\n+proto\r\n:3\r\n")
		n.want(c, get, get) // nothing would tell
		n.answer(bulk("w"))
		n.replies(c, bulk("w"))
		n.Passes(time.Second)
		n.feed(array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k", "PREFIX", "x"), "+OK\r\n")
		n.keeps(c, "w")
	})
}

// TestNearBegins: where near_cache is added, other loops may not count yet what they write: for two seconds nothing is kept, and nobody joins.
func TestNearBegins(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		n.change(func(o *NearOptions) { o.Bytes = 0 })
		n.want(c, get, get)
		n.answer(bulk("v"))
		n.change(func(o *NearOptions) { o.Bytes = 1 << 20 })
		n.Passes(100 * time.Millisecond)
		n.server.Feed.Sock.Take()
		n.tells("%1\r\n+proto\r\n:3\r\n")
		n.feed(array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k"), "+OK\r\n")
		c.Sock.Take()
		a := n.connect()
		n.want(c, get, get+pttl)
		n.want(a, get, get)
		n.answer(bulk("v") + ":-1\r\n" + bulk("v"))
		n.replies(c, bulk("v"))
		n.replies(a, bulk("v"))
		n.asked(c, "v")
		for range 2 {
			n.Passes(time.Second)
			if n.server.Feed.Sock.Take() == stay {
				n.tells("+PONG\r\n")
			}
		}
		n.keeps(c, "w")
	})
}

// TestNearOwnWrite: a client whose write is not answered is not given what another loop has kept since that was sent.
func TestNearOwnWrite(t *testing.T) {
	playNear(t, "", patterns, func(n *nearSim, c *simClient) {
		n.keeps(c, "v")
		n.want(c, set, set)
		frame := []byte(get)
		n.pool.cache.Keep(&near.Command{Hash: near.Hash(frame, 0), Frame: frame}, n.pool.cache.Mark(near.Slot([]byte("k"))), []byte(bulk("old")), 0, near.Times{Until: n.Loop.Now + int64(time.Hour), Ends: math.MaxInt64})
		n.given(n.connect(), "old")
		n.want(c, get, get)
		n.answer("+OK\r\n" + bulk("new"))
		n.replies(c, "+OK\r\n"+bulk("new"))
		n.asked(n.connect(), "new")
	})
}

// TestNearUnanswered: a write without a reply is counted when it is done, which its server says behind it, or must have been, if it says nothing any more;
// until then its client is given nothing that is kept.
func TestNearUnanswered(t *testing.T) {
	for _, ends := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimWith(t, 1, resp.Options{}, func(o *topology.Options) { o.Protocol = memcached.New(memcached.Options{}) }, func(_ *Limits, o *ClientOptions) {
				o.Near = NearOptions{Bytes: 1 << 20, Patterns: []string{"k"}, Untold: time.Minute}
			})
			n := &nearSim{s, t, s.Servers[0]}
			c, other := n.connect(), n.connect()
			const get, value = "get k\r\n", "VALUE k 0 3\r\nold\r\nEND\r\n"
			n.want(c, "get x\r\nset k 0 0 3 noreply\r\nnew\r\n", "get x\r\nset k 0 0 3 noreply\r\nnew\r\nmn\r\n")
			frame := []byte(get)
			n.pool.cache.Keep(&near.Command{Hash: near.Hash(frame, 0), Frame: frame}, n.pool.cache.Mark(near.Slot([]byte("k"))), []byte(value), 0,
				near.Times{Until: n.Loop.Now + int64(time.Hour), Ends: math.MaxInt64}) // another loop has read it before that was done
			n.answer("END\r\n")
			n.replies(c, "END\r\n")
			for range 4 {
				n.Passes(time.Second)
			}
			n.want(other, get, "")
			n.replies(other, value)
			if ends {
				n.server.HangUp()
				n.Settle()
				n.want(other, get, "")
				n.replies(other, value)
				n.want(c, get, get)
				n.answer("END\r\n")
				n.replies(c, "END\r\n")
				n.Passes(2100 * time.Millisecond) // it is not counted again yet
				n.want(c, get, get)
				n.answer("END\r\n")
				n.replies(c, "END\r\n")
				for range 4 {
					n.Passes(time.Second)
				}
			} else {
				n.want(c, get, get)
				n.answer("MN\r\n" + strings.Replace(value, "old", "new", 1))
				n.replies(c, strings.Replace(value, "old", "new", 1))
			}
			n.want(other, get, get)
		})
	}
}

// TestNearTouches: a read that changes its item besides is a write to what is kept.
func TestNearTouches(t *testing.T) {
	const get, value = "get k\r\n", "VALUE k 0 3\r\nold\r\nEND\r\n"
	const (
		gat      = "\x80\x1d\x00\x01\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x01k"
		gatReply = "\x81\x1d\x00\x00\x04\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + "\x00\x00\x00\x00old"
	)
	for _, touch := range []struct{ command, reply string }{
		{"gat -1 k\r\n", value},
		{"gats -1 k\r\n", "VALUE k 0 3 7\r\nold\r\nEND\r\n"},
		{"gat -1 j k\r\n", value},
		{"mg k T-1\r\n", "HD\r\n"},
		{"mg k v N30\r\n", "VA 3\r\nold\r\n"},
		{"mg k s R30\r\n", "HD s3\r\n"},
		{gat, gatReply},
		{"mg k v\r\n", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimWith(t, 1, resp.Options{}, func(o *topology.Options) { o.Protocol = memcached.New(memcached.Options{}) }, func(_ *Limits, o *ClientOptions) {
				o.Near = NearOptions{Bytes: 1 << 20, Patterns: []string{"k"}, Untold: time.Minute}
			})
			n := &nearSim{s, t, s.Servers[0]}
			c, other := n.connect(), n.connect()
			n.want(other, get, get)
			n.answer(value)
			n.replies(other, value)
			n.want(other, get, "")
			n.replies(other, value)
			if touch.reply == "" { // it only reads
				n.want(c, touch.command, touch.command)
				n.answer("VA 3\r\nold\r\n")
				n.replies(c, "VA 3\r\nold\r\n")
				n.want(other, get, "")
				return
			}
			if touch.command == gat {
				const noop = "\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				n.server = s.Servers[0].Three
				n.want(n.connect(), gat, "\x80"+noop) // the first of a connection says whether the server speaks it
				n.answer("\x81" + noop)
				n.server.Sock.Take()
				n.answer(touch.reply)
				n.server = s.Servers[0]
				n.want(other, get, get)
				n.answer(value)
				n.replies(other, value)
				n.server = s.Servers[0].Three
			}
			n.want(c, touch.command, touch.command)
			n.answer(touch.reply)
			n.replies(c, touch.reply)
			n.server = s.Servers[0]
			n.want(other, get, get)
		})
	}
}
