package session

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// wants checks what a server was sent over the connection that it accepted last.
func wants(t *testing.T, v *sessiontest.Server, want string) {
	t.Helper()
	if got := v.Sock.Take(); got != want {
		t.Fatalf("server %s has %q; want %q", v.Name, got, want)
	}
}

// replies has a server answer and settles.
func (s *sim) replies(i int, text string) {
	s.Servers[i].Reply(text)
	s.Settle()
}

// TestMovedBlocking: a command that blocks goes over a lease where MOVED says, or ASK, and waits there, also if that is said late.
func TestMovedBlocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, says := range []string{"-MOVED", "-ASK", "-UNBLOCKED"} {
			s := cluster(t, 2, nil)
			c := clusterClient(t, s, 2)
			shared := [2]*sessiontest.Socket{s.Servers[0].Sock, s.Servers[1].Sock}
			key := keyOf(0, 2, 1)
			pop := array("BLPOP", key, "0")
			c.Send(pop)
			s.Settle()
			wants(t, s.Servers[0], pop)
			s.Passes(100 * parkedTick)
			before := ""
			switch says {
			case "-UNBLOCKED":
				s.replies(0, "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n")
				s.remap(t, func(slots *ring.Slots) { fill(slots, 1) })
				s.Passes(3 * parkedTick)
			case "-ASK":
				before = array("ASKING")
				fallthrough
			default:
				s.replies(0, strings.Replace(moved(key, s.Servers[1]), "-MOVED", says, 1))
			}
			wants(t, s.Servers[1], before+pop)
			if s.Servers[1].Sock == shared[1] || shared[0].Take()+shared[1].Take() != "" {
				t.Fatalf("%s: it went over a shared connection", says)
			}
			if before != "" {
				s.replies(1, "+OK\r\n")
			}
			lease := s.Servers[1].Sock
			s.Passes(150 * parkedTick) // whether its key is elsewhere is looked at each second
			s.remap(t, func(slots *ring.Slots) { fill(slots, 1); slots[0] = 0 })
			s.Passes(150 * parkedTick)
			if c.has(t, ""); s.Servers[1].Sock != lease {
				t.Errorf("%s: it was sent anew", says)
			}
			s.replies(1, "*2\r\n"+bulk(key)+bulk("v"))
			c.has(t, "*2\r\n"+bulk(key)+bulk("v"))
			c.Send(array("GET", key))
			s.Settle()
			if got := shared[0].Take() + shared[1].Take(); got != array("GET", key) {
				t.Fatalf("%s: the next command is %q", says, got)
			}
			if n := s.local.blocked.n; n != 0 || s.pool.groups[0].Figures(s.pool.Servers()[1]).Leased != 0 {
				t.Errorf("%s: %d clients may be blocked, and a connection is leased", says, n)
			}
		}
	})
}

// TestBlockingWaitsForServer: while its server refuses connections a command that blocks waits, and no other connection is blocked by it.
func TestBlockingWaitsForServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		key := keyOf(0, 2, 1)
		pop := array("BLPOP", key, "0")
		up := false
		s.Redial = func(v *sessiontest.Server) {
			if v == s.Servers[0] && !up {
				c := v.Dialing // a lease's first attempt
				v.Dialing = nil
				s.Tasks = append(s.Tasks, func() { c.DialFailed(1, syscall.ECONNREFUSED) })
				return
			}
			s.Tasks = append(s.Tasks, v.Accept)
		}
		shared := s.Servers[0].Sock
		c.Send(pop)
		s.Settle()
		s.Passes(20 * parkedTick)
		c.has(t, "")
		up = true
		s.Passes(100 * parkedTick)
		wants(t, s.Servers[0], pop)
		if shared.Take() != "" {
			t.Fatal("it went over the shared connection")
		}
		s.remap(t, func(slots *ring.Slots) { fill(slots, 1) }) // its server stays, without slots
		s.Passes(300 * parkedTick)
		wants(t, s.Servers[1], pop)
		s.replies(1, "*-1\r\n")
		c.has(t, "*-1\r\n")
	})
}

// TestMovedWatch: a WATCH goes where MOVED says, or ASK, and so does its EXEC, before the map says the same and behind it.
func TestMovedWatch(t *testing.T) {
	for _, tt := range []struct{ says, asking, ok string }{{"-MOVED", "", ""}, {"-ASK", array("ASKING"), "+OK\r\n"}} {
		for _, late := range []bool{false, true} {
			movedWatch(t, tt.says, tt.asking, tt.ok, late)
		}
	}
}

func movedWatch(t *testing.T, says, asking, ok string, late bool) {
	t.Helper()
	s := cluster(t, 2, nil)
	c := clusterClient(t, s, 2)
	key := keyOf(0, 2, 1)
	watch, body := array("WATCH", key), array("MULTI")+array("SET", key, "1")+array("EXEC")
	c.Send(watch)
	s.Settle()
	wants(t, s.Servers[0], watch)
	s.replies(0, strings.Replace(moved(key, s.Servers[1]), "-MOVED", says, 1))
	wants(t, s.Servers[1], asking+watch)
	s.replies(1, ok+"+OK\r\n")
	if !late {
		s.remap(t, func(slots *ring.Slots) { fill(slots, 1) })
	}
	c.Send(body)
	s.Settle()
	wants(t, s.Servers[1], asking+body)
	s.replies(1, ok+"+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
	c.has(t, "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
}

// TestMovedWatched: where something was seen before the move, the transaction is answered as if it had changed.
func TestMovedWatched(t *testing.T) {
	key, other := keyOf(0, 2, 1), keyOf(0, 2, 2)
	body := array("MULTI") + array("SET", key, "1") + array("EXEC")
	aborted := "+OK\r\n%s-EXECABORT Transaction discarded because of previous errors.\r\n"
	for name, test := range map[string]func(s *sim, c *simClient){
		"a second WATCH": func(s *sim, c *simClient) {
			c.Send(array("WATCH", other))
			s.Settle()
			s.replies(0, moved(key, s.Servers[1]))
			s.Servers[0].Sock.Take()
			s.replies(0, "+OK\r\n") // to UNWATCH
			c.Send(body)
			s.Settle()
		},
		"a command": func(s *sim, c *simClient) {
			c.Send(body)
			s.Settle()
			wants(t, s.Servers[0], body)
			s.replies(0, fmt.Sprintf(aborted, moved(key, s.Servers[1])))
		},
		"EXEC": func(s *sim, c *simClient) {
			c.Send(body)
			s.Settle()
			wants(t, s.Servers[0], body)
			s.replies(0, "+OK\r\n+QUEUED\r\n"+moved(key, s.Servers[1]))
		},
		"a script": func(s *sim, c *simClient) {
			c.Send(array("MULTI") + array("EVALSHA", "abc", "1", key) + array("EXEC"))
			s.Settle()
			s.replies(0, fmt.Sprintf(aborted, moved(key, s.Servers[1])))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := cluster(t, 2, nil)
			c := clusterClient(t, s, 2)
			c.Send(array("WATCH", key))
			s.Settle()
			s.Servers[0].Sock.Take()
			s.replies(0, "+OK\r\n")
			test(s, c)
			if got := c.Sock.Take(); !strings.HasSuffix(got, "*-1\r\n") || strings.Contains(got, "-MOVED") {
				t.Errorf("the client has %q", got)
			}
			if s.Servers[1].Sock.Take() != "" {
				t.Error("the other server was sent something")
			}
		})
	}
}

// TestPreload: a server is sent a script ahead of the first call of it on each connection, also of one that was sent elsewhere, or that is
// within a transaction.
func TestPreload(t *testing.T) {
	const text = "return 1"
	name := resp.New(resp.Options{}).ScriptName([]byte(text))
	s := cluster(t, 2, nil)
	c := clusterClient(t, s, 2)
	key, other := keyOf(0, 2, 1), keyOf(1, 2, 1)
	call, load := array("EVALSHA", name, "1", key), array("SCRIPT", "LOAD", text)
	c.Send(array("EVAL", text, "1", key))
	s.Settle()
	s.Servers[0].Sock.Take()
	s.replies(0, ":1\r\n")
	c.Send(call + call)
	s.Settle()
	wants(t, s.Servers[0], load+call+call)
	s.replies(0, bulk(name)+moved(key, s.Servers[1])) // the second is yet to be answered
	wants(t, s.Servers[1], load+call)
	s.replies(1, bulk(name)+":2\r\n")
	s.replies(0, ":3\r\n")
	c.has(t, ":1\r\n:2\r\n:3\r\n")
	c.Send(array("MULTI") + array("EVALSHA", name, "1", other) + array("EXEC"))
	s.Settle()
	wants(t, s.Servers[1], array("MULTI")+array("EVALSHA", name, "1", other)+array("EXEC"))
	s.Servers[1].HangUp()
	c.Sock.Take()
	body := array("MULTI") + array("EVALSHA", name, "1", other) + array("EXEC")
	c.Send(body)
	s.Settle()
	wants(t, s.Servers[1], load+body)
}

// TestGivenBack: what waits in a connection that does not open goes, in order, where another map says, and only that.
func TestGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c, d := s.connect(), s.connect()
		s.Redial = func(v *sessiontest.Server) {
			if v == s.Servers[1] {
				s.Tasks = append(s.Tasks, v.Accept)
			}
		}
		key, stays := keyOf(0, 2, 1), keyOf(0, 2, 2)
		first := array("SET", key, "1")
		body := array("MULTI") + array("SET", key, "2") + array("EXEC")
		c.Send(first + body)
		d.Send(array("GET", stays))
		s.Settle()
		s.remap(t, func(slots *ring.Slots) { slots[ring.SlotOf([]byte(key))] = 1 })
		wants(t, s.Servers[1], first+body)
		s.replies(1, "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
		c.has(t, "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
		s.Servers[0].Accept()
		s.Settle()
		wants(t, s.Servers[0], array("GET", stays))
		s.replies(0, bulk("v"))
		d.has(t, bulk("v"))
	})
}

// TestTransactionWaits: a transaction whose server refuses connections waits, and so does what is published.
func TestTransactionWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, func(o *topology.Options) {
			for slot := range o.Slots[:ring.SlotCount/2] {
				o.Slots[slot] = ring.NoServer
			}
		})
		c := s.connect()
		key := keyOf(0, 2, 1)
		body := array("MULTI") + array("SET", key, "2") + array("EXEC")
		c.Send(body)
		s.Settle()
		s.Passes(5 * parkedTick)
		c.has(t, "+OK\r\n+QUEUED\r\n")
		hears := s.connect()
		channel := keyOf(1, 2, 1)
		hears.Send(array("SUBSCRIBE", channel))
		s.Settle()
		s.Servers[1].Feed.Reply("*3\r\n" + bulk("subscribe") + bulk(channel) + ":1\r\n")
		d := s.connect()
		d.Send(array("PUBLISH", key, "x"))
		s.Settle()
		s.Passes(5 * parkedTick)
		d.has(t, "")
		s.remap(t, func(slots *ring.Slots) { fill(slots, 1) })
		wants(t, s.Servers[1], body+array("PUBLISH", key, "x"))
		s.replies(1, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n:0\r\n")
		c.has(t, "*1\r\n+OK\r\n")
		d.has(t, ":0\r\n")
	})
}

// TestSilentServer: a server that has no slot any more and does not answer is given up: what reads goes to who has them, and the rest fails.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		key := keyOf(0, 2, 1)
		c.Send(array("SET", key, "1") + array("GET", key))
		s.Settle()
		wants(t, s.Servers[0], array("SET", key, "1")+array("GET", key))
		s.Passes(500 * parkedTick)
		c.has(t, "")
		s.remap(t, func(slots *ring.Slots) { fill(slots, 1) })
		s.Passes(3 * parkedTick)
		wants(t, s.Servers[1], array("GET", key))
		s.replies(1, bulk("v"))
		c.has(t, "-ERR Connection reset by peer\r\n"+bulk("v"))
	})
}

// TestSilentAgain: one that was silent before, until what it owed was late, is given up sooner.
func TestSilentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, func(o *topology.Options) { o.Timeout = 10 * time.Second })
		c := clusterClient(t, s, 2)
		get := array("GET", keyOf(0, 2, 1))
		c.Send(get)
		s.Settle()
		s.Passes(21 * time.Second)
		c.has(t, "-ERR Connection timed out\r\n")
		c.Send(get)
		s.Settle()
		s.Passes(300 * time.Millisecond)
		wants(t, s.Servers[0], get)
		s.Loop.Tick()
		s.remap(t, func(slots *ring.Slots) { fill(slots, 1) })
		s.Passes(3 * parkedTick)
		wants(t, s.Servers[1], get)
	})
}
