package session

import (
	"fmt"
	"io"
	"slices"
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

// cluster is a loop before n servers that share the slots of a cluster in equal parts. The servers' addresses are their names.
func cluster(t testing.TB, n int, edit func(*topology.Options)) *sim {
	t.Helper()
	return newSimWith(t, n, resp.Options{Learn: true, Cluster: true}, func(o *topology.Options) {
		o.Cluster, o.Slots = true, new(ring.Slots)
		for slot := range o.Slots {
			o.Slots[slot] = uint16(slot * n / ring.SlotCount)
		}
		if edit != nil {
			edit(o)
		}
	}, nil)
}

// keyOf is a key whose slot the server at place has, of n that share them; i tells those of one apart.
func keyOf(place, n, i int) string {
	for k := 0; ; k++ {
		key := fmt.Sprintf("k%d.%d", i, k)
		if ring.SlotOf([]byte(key))*n/ring.SlotCount == place {
			return key
		}
	}
}

// clusterClient is a client that has sent something to each server.
func clusterClient(t testing.TB, s *sim, n int) *simClient {
	t.Helper()
	c := s.connect()
	for i := range n {
		c.Send(array("GET", keyOf(i, n, 0)))
		s.Settle()
		s.Servers[i].Sock.Take()
		s.Servers[i].Reply("$-1\r\n")
		s.Settle()
	}
	c.Sock.Take()
	return c
}

func moved(key string, to *sessiontest.Server) string {
	return fmt.Sprintf("-MOVED %d %s\r\n", ring.SlotOf([]byte(key)), to.Name)
}

// TestMoved: a command goes where MOVED says, however its error is cut, with those behind it in order and what is new behind all of them.
func TestMoved(t *testing.T) {
	key := keyOf(0, 2, 1)
	first, second, third := array("SET", key, "1"), array("SET", key, "2"), array("SET", key, "3")
	for cut := range len(moved(key, &sessiontest.Server{Name: "s1"})) {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		c.Send(first + second)
		s.Settle()
		if got := s.Servers[0].Sock.Take(); got != first+second {
			t.Fatalf("the first server has %q", got)
		}
		says := moved(key, s.Servers[1])
		s.Servers[0].Reply(says[:cut])
		s.Settle()
		s.Servers[0].Reply(says[cut:])
		s.Settle()
		c.Send(third)
		s.Settle()
		if got := s.Servers[1].Sock.Take(); got != first {
			t.Fatalf("cut at %d: the second server has %q", cut, got)
		}
		s.Servers[0].Reply(says)
		s.Servers[1].Reply("+OK\r\n")
		s.Settle()
		if got := s.Servers[1].Sock.Take() + s.Servers[0].Sock.Take(); got != second {
			t.Fatalf("cut at %d: the servers have %q; the third is to wait", cut, got)
		}
		s.Servers[1].Reply("+OK\r\n")
		s.Settle()
		if got := s.Servers[0].Sock.Take(); got != third { // nobody has told the pool of another map
			t.Fatalf("cut at %d: the third command went elsewhere, there is %q", cut, got)
		}
		if got := c.Sock.Take(); got != "+OK\r\n+OK\r\n" {
			t.Errorf("cut at %d: the client has %q", cut, got)
		}
	}
}

// TestAsk: ASKING goes before the command, and its reply to nobody.
func TestAsk(t *testing.T) {
	s := cluster(t, 2, nil)
	c := clusterClient(t, s, 2)
	key := keyOf(0, 2, 1)
	get := array("GET", key)
	c.Send(get)
	s.Settle()
	s.Servers[0].Sock.Take()
	s.Servers[0].Reply(strings.Replace(moved(key, s.Servers[1]), "MOVED", "ASK", 1))
	s.Settle()
	if got, want := s.Servers[1].Sock.Take(), array("ASKING")+get; got != want {
		t.Errorf("the second server has %q; want %q", got, want)
	}
	s.Servers[1].Reply("+OK\r\n" + bulk("v"))
	s.Settle()
	if got, want := c.Sock.Take(), bulk("v"); got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
}

// TestAskedAgain: ASK is followed however often it comes.
func TestAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		key := keyOf(0, 2, 1)
		get, asks := array("MGET", key, key), strings.Replace(moved(key, s.Servers[1]), "MOVED", "ASK", 1)
		c.Send(get)
		s.Settle()
		for range 2 * hopsAtOnce {
			wants(t, s.Servers[0], get)
			s.replies(0, asks)
			s.Passes(2 * parkedTick)
			wants(t, s.Servers[1], array("ASKING")+get)
			s.replies(1, "+OK\r\n-TRYAGAIN Multiple keys request during rehashing of slot\r\n")
			s.Passes(2 * parkedTick)
		}
		wants(t, s.Servers[0], get)
		s.replies(0, "*2\r\n$-1\r\n$-1\r\n")
		c.has(t, "*2\r\n$-1\r\n$-1\r\n")
	})
}

// TestLater: what a server does not do just now it is asked again, until the pool's timeout is over.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, says := range []string{"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", "-CLUSTERDOWN The cluster is down\r\n", "-LOADING Redis is loading the dataset in memory\r\n"} {
			s := cluster(t, 2, func(o *topology.Options) { o.Timeout = time.Second })
			c := clusterClient(t, s, 2)
			get := array("GET", keyOf(0, 2, 1))
			c.Send(get)
			s.Settle()
			for range 3 {
				if got := s.Servers[0].Sock.Take(); got != get {
					t.Fatalf("%q: the server has %q", says, got)
				}
				s.Servers[0].Reply(says)
				s.Settle()
				if got := c.Sock.Take(); got != "" {
					t.Fatalf("%q: the client has %q", says, got)
				}
				s.Passes(2 * parkedTick)
			}
			s.Servers[0].Sock.Take()
			s.Servers[0].Reply(bulk("v"))
			s.Settle()
			if got := c.Sock.Take(); got != bulk("v") {
				t.Errorf("%q: the client has %q", says, got)
			}
			c.Send(get)
			s.Settle()
			for begun := s.Loop.Now; s.Loop.Now-begun < int64(2*time.Second) && len(c.Sock.Got) == 0; s.Passes(2 * parkedTick) {
				if s.Servers[0].Sock.Take() == get {
					s.Servers[0].Reply(says)
					s.Settle()
				}
			}
			if got := c.Sock.Take(); got != says {
				t.Errorf("%q: at last the client has %q", says, got)
			}
		}
	})
}

// TestNobodyHasSlot: a command whose slot nobody has waits until somebody does.
func TestNobodyHasSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, func(o *topology.Options) {
			for slot := range o.Slots[:ring.SlotCount/2] {
				o.Slots[slot] = ring.NoServer
			}
		})
		c := s.connect()
		a, b := keyOf(0, 2, 1), keyOf(1, 2, 1)
		c.Send(array("MULTI") + array("SET", a, "0") + array("EXEC") + array("SET", a, "1") + array("GET", b) + array("MGET", a, b))
		s.Settle()
		s.Passes(5 * parkedTick)
		for _, v := range s.Servers {
			if v.Up != nil && v.Sock.Take() != "" {
				t.Errorf("server %s has got something", v.Name)
			}
		}
		s.remap(t, func(slots *ring.Slots) {
			for slot := range slots[:ring.SlotCount/2] {
				slots[slot] = 1
			}
		})
		if got, want := s.Servers[1].Sock.Take(), array("MULTI")+array("SET", a, "0")+array("EXEC"); got != want {
			t.Fatalf("the second server has %q; want %q", got, want)
		}
		s.Servers[1].Reply("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
		s.Settle()
		if got, want := c.Sock.Take(), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"; got != want {
			t.Fatalf("the client has %q; want %q", got, want)
		}
		if got, want := s.Servers[1].Sock.Take(), array("SET", a, "1")+array("GET", b)+"*2\r\n$4\r\nmget\r\n"+bulk(a)+"*2\r\n$4\r\nmget\r\n"+bulk(b); got != want {
			t.Fatalf("the second server has %q; want %q", got, want)
		}
		s.Servers[1].Reply("+OK\r\n")
		s.Servers[1].Reply(bulk("B") + "*1\r\n" + bulk("A") + "*1\r\n" + bulk("B"))
		s.Settle()
		if got, want := c.Sock.Take(), "+OK\r\n"+bulk("B")+"*2\r\n"+bulk("A")+bulk("B"); got != want {
			t.Errorf("the client has %q; want %q", got, want)
		}
	})
}

// remap has the pool of s replaced by one with other slots.
func (s *sim) remap(t testing.TB, change func(*ring.Slots)) {
	t.Helper()
	slots := *s.pool.Options().Slots
	change(&slots)
	s.remapTo(t, &slots)
}

// remapTo has it replaced by one with these.
func (s *sim) remapTo(t testing.TB, slots *ring.Slots) {
	t.Helper()
	s.remapWith(t, func(o *topology.Options) { o.Slots = slots })
}

// remapWith has it replaced by one with other options.
func (s *sim) remapWith(t testing.TB, edit func(*topology.Options)) {
	t.Helper()
	o := *s.pool.Options()
	edit(&o)
	bp, err := s.pool.Successor(o)
	if err != nil {
		t.Fatal(err)
	}
	next := NewPool(bp, s.pool.opts, alone{})
	next.Adopt(s.pool)
	change := &Change{Limits: s.local.limits, Replaced: []Replaced{{s.pool, next}}}
	s.Loop.Execute(func() { s.local.Apply(change) })
	s.Settle()
	s.pool = next
}

// TestServerGone: of what a server that ended had not answered, reads and what was not written are sent again, and writes fail.
func TestServerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		key := keyOf(0, 2, 1)
		c.Send(array("GET", key) + array("SET", key, "1") + array("GET", key))
		s.Settle()
		s.Servers[0].Sock.Take()
		s.Servers[0].HangUp()
		s.Passes(2 * parkedTick)
		if got, want := s.Servers[0].Sock.Take(), array("GET", key)+array("GET", key); got != want {
			t.Fatalf("the server has %q; want %q", got, want)
		}
		s.Servers[0].Reply(bulk("a") + bulk("b"))
		s.Settle()
		if got, want := c.Sock.Take(), bulk("a")+"-ERR Connection reset by peer\r\n"+bulk("b"); got != want {
			t.Errorf("the client has %q; want %q", got, want)
		}
	})
}

// TestOvertaken: what a server did not do, as it was loading, is not sent again if it did something behind it of the same key, where one of both
// writes; else it is. What it has not answered yet is waited for.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const loading = "-LOADING Redis is loading the dataset in memory\r\n"
		key, other := keyOf(0, 2, 1), keyOf(0, 2, 2)
		set, get := array("SET", key, "1"), array("GET", key)
		for _, test := range []struct{ name, first, second, then, again string }{
			{"a write behind a write", set, set, "+OK\r\n", ""},
			{"a read behind a write", set, get, bulk("a"), ""},
			{"a write behind a read", get, set, "+OK\r\n", ""},
			{"a read behind a read", get, get, bulk("a"), get},
			{"another key", set, array("SET", other, "1"), "+OK\r\n", set},
			{"several keys", set, array("MSET", key, "1", key, "2"), "+OK\r\n", ""},
			{"neither done", set, get, loading, set + get},
		} {
			s := cluster(t, 2, nil)
			c := clusterClient(t, s, 2)
			c.Send(test.first + test.second)
			s.Settle()
			wants(t, s.Servers[0], test.first+test.second)
			s.replies(0, loading)
			s.Passes(3 * parkedTick)
			if test.again != test.first {
				wants(t, s.Servers[0], "")
			} else {
				wants(t, s.Servers[0], test.again)
			}
			s.replies(0, test.then)
			s.Passes(3 * parkedTick)
			switch got := c.Sock.Take(); {
			case test.again == "" && got != loading+test.then:
				t.Errorf("%s: the client has %q", test.name, got)
			case test.again != "" && got != "":
				t.Errorf("%s: the client has %q, and the first has no reply", test.name, got)
			case test.again != "" && test.again != test.first:
				wants(t, s.Servers[0], test.again)
			}
		}
	})
}

// TestOvertakenHalved: so it is of a command with several keys whose slot moves. None fails for that once it is known that the slot moves.
func TestOvertakenHalved(t *testing.T) {
	const halved = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		tag := keyOf(0, 2, 1)
		one, other := "{"+tag+"}1", "{"+tag+"}2"
		set := array("SET", one, "1")
		c.Send(array("MGET", one, other) + array("SET", "{"+tag+"}3", "1")) // which is another key
		s.Settle()
		s.Servers[0].Sock.Take()
		s.replies(0, "-LOADING Redis is loading the dataset in memory\r\n+OK\r\n")
		s.Passes(3 * parkedTick)
		wants(t, s.Servers[0], array("MGET", one, other))
		s.replies(0, "*2\r\n$-1\r\n$-1\r\n")
		c.has(t, "*2\r\n$-1\r\n$-1\r\n+OK\r\n")
		for _, test := range []struct{ name, several, reply string }{
			{"keys", array("DEL", one, other), ":1\r\n"},
			{"other keys", array("SUNION", one, other), "*0\r\n"},
			{"script", array("EVAL", "return 1", "2", one, other), ":1\r\n"},
			{"transaction", array("MULTI") + array("LMOVE", one, other, "LEFT", "LEFT") + array("EXEC"), "+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n"},
		} {
			c.Send(test.several + set)
			s.Settle()
			if test.name == "keys" { // nobody has said yet that the slot moves
				wants(t, s.Servers[0], test.several+set)
				s.replies(0, halved+"+OK\r\n")
				s.Passes(3 * parkedTick)
				wants(t, s.Servers[0], "")
				c.has(t, halved+"+OK\r\n")
				c.Send(test.several + set)
				s.Settle()
			}
			wants(t, s.Servers[0], test.several)
			if test.name == "transaction" {
				s.replies(0, "+OK\r\n"+halved+"-EXECABORT Transaction discarded because of previous errors.\r\n")
			} else {
				s.replies(0, halved)
			}
			s.Passes(3 * parkedTick)
			wants(t, s.Servers[0], test.several)
			s.replies(0, test.reply)
			wants(t, s.Servers[0], set)
			s.replies(0, "+OK\r\n")
			c.has(t, test.reply+"+OK\r\n")
		}
	})
}

// TestOvertakenAgain: so it is if both were sent again, and the server that they went to then takes its time for the second.
func TestOvertakenAgain(t *testing.T) {
	const halved = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
	for name, test := range map[string]struct{ second, has string }{
		"done":     {"+OK\r\n", halved + "+OK\r\n"},
		"not done": {halved, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := cluster(t, 2, nil)
				c := clusterClient(t, s, 2)
				tag := keyOf(0, 2, 1)
				del, set := array("DEL", "{"+tag+"}1", "{"+tag+"}2"), array("MSET", "{"+tag+"}1", "1", "{"+tag+"}2", "1")
				c.Send(del + set)
				s.Settle()
				wants(t, s.Servers[0], del+set)
				says := moved(tag, s.Servers[1])
				s.replies(0, says+says)
				wants(t, s.Servers[1], del+set)
				s.replies(1, halved)
				s.Passes(3 * parkedTick)
				wants(t, s.Servers[1], "")
				wants(t, s.Servers[0], "")
				s.replies(1, test.second)
				s.Passes(3 * parkedTick)
				c.has(t, test.has)
				if test.has == "" {
					wants(t, s.Servers[0], del+set)
				}
			})
		})
	}
}

// TestAllWait: a command for all servers waits for what its client is owed: what of that has to be sent again would else be done behind it.
func TestAllWait(t *testing.T) {
	key := keyOf(0, 2, 1)
	set := array("SET", key, "1")
	for name, test := range map[string]struct {
		says  string
		again int // the server that it is sent to again
	}{
		"not here":     {moved(key, &sessiontest.Server{Name: "s1"}), 1},
		"not here yet": {strings.Replace(moved(key, &sessiontest.Server{Name: "s1"}), "MOVED", "ASK", 1), 1},
		"not now":      {"-CLUSTERDOWN Hash slot not served\r\n", 0},
		"in two parts": {"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", 0},
	} {
		for _, all := range []string{"FLUSHALL", "DBSIZE"} {
			t.Run(name+", "+all, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSimWith(t, 2, resp.Options{Cluster: true, Commands: "+@all"}, func(o *topology.Options) {
						o.Cluster, o.Slots = true, new(ring.Slots)
						for slot := range o.Slots {
							o.Slots[slot] = uint16(slot * 2 / ring.SlotCount)
						}
					}, nil)
					c := clusterClient(t, s, 2)
					c.Send(set + array(all) + array("GET", key))
					s.Settle()
					wants(t, s.Servers[0], set)
					wants(t, s.Servers[1], "")
					s.replies(0, test.says)
					s.Passes(3 * parkedTick)
					asking, ok := "", "+OK\r\n"
					if strings.HasPrefix(test.says, "-ASK") {
						asking, ok = array("ASKING"), "+OK\r\n+OK\r\n"
					}
					wants(t, s.Servers[test.again], asking+set)
					wants(t, s.Servers[1-test.again], "")
					s.replies(test.again, ok)
					c.has(t, "+OK\r\n")
					wants(t, s.Servers[0], array(all)+array("GET", key))
					wants(t, s.Servers[1], array(all))
				})
			})
		}
	}
}

// TestOvertakenByPart: so it is if what was done is a part of a command for several servers, whether the others have answered or not.
func TestOvertakenByPart(t *testing.T) {
	const loading = "-LOADING Redis is loading the dataset in memory\r\n"
	for name, all := range map[string]bool{"all have": true, "the other has not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := cluster(t, 2, nil)
				c := clusterClient(t, s, 2)
				key, other := keyOf(0, 2, 1), keyOf(1, 2, 1)
				c.Send(array("SET", key, "1") + array("MGET", key, other))
				s.Settle()
				s.Servers[0].Sock.Take()
				s.replies(0, loading+"*1\r\n"+bulk("a"))
				if all {
					s.replies(1, "*1\r\n"+bulk("b"))
				}
				s.Passes(3 * parkedTick)
				wants(t, s.Servers[0], "")
				if !all {
					c.has(t, loading)
					s.replies(1, "*1\r\n"+bulk("b"))
					c.has(t, "*2\r\n"+bulk("a")+bulk("b"))
					return
				}
				c.has(t, loading+"*2\r\n"+bulk("a")+bulk("b"))
			})
		})
	}
}

// TestServerRefuses: while its server can't be reached a command waits, once, and goes to whoever has the slot then.
func TestServerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c := s.connect()
		s.Redial = func(v *sessiontest.Server) {
			if v == s.Servers[0] {
				s.Tasks = append(s.Tasks, func() { v.Refuse(syscall.ECONNREFUSED) })
				return
			}
			s.Tasks = append(s.Tasks, v.Accept)
		}
		key := keyOf(0, 2, 1)
		c.Send(array("SET", key, "1") + array("SET", key, "2"))
		s.Settle()
		s.Passes(20 * parkedTick)
		if got := c.Sock.Take(); got != "" {
			t.Fatalf("the client has %q", got)
		}
		s.remap(t, func(slots *ring.Slots) { *slots = ring.Slots{}; fill(slots, 1) })
		s.Passes(2 * parkedTick)
		wants(t, s.Servers[1], array("SET", key, "1")+array("SET", key, "2"))
		s.replies(1, "+OK\r\n+OK\r\n")
		c.has(t, "+OK\r\n+OK\r\n")
	})
}

// TestMasterLeaves: a command for all masters that waits for one which has left goes to its successor, unless that had a part of it, as other
// masters that have its slots now: then it fails at once, since it would be done twice there.
func TestMasterLeaves(t *testing.T) {
	for name, joins := range map[string]bool{"a successor": true, "the other master": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := cluster(t, 2, nil)
				s.Redial = func(v *sessiontest.Server) {
					if v == s.Servers[0] {
						s.Tasks = append(s.Tasks, func() { v.Refuse(syscall.ECONNREFUSED) })
						return
					}
					s.Tasks = append(s.Tasks, v.Accept)
				}
				c := s.connect()
				c.Send(array("DBSIZE"))
				s.Settle()
				s.Passes(3 * parkedTick)
				wants(t, s.Servers[1], array("DBSIZE"))
				s.replies(1, ":1\r\n")
				s.AddServer("s2")
				s.remapWith(t, func(o *topology.Options) {
					o.Servers, o.Slots = o.Servers[1:], new(ring.Slots) // all slots are the first's
					if joins {
						o.Servers = append(slices.Clone(o.Servers), sessiontest.ServerNamed("s2"))
						fill(o.Slots, 1)
					}
				})
				s.Passes(3 * parkedTick)
				if !joins {
					wants(t, s.Servers[1], "")
					c.has(t, "-ERR Connection refused\r\n")
					return
				}
				wants(t, s.Servers[2], array("DBSIZE"))
				s.replies(2, ":2\r\n")
				c.has(t, ":3\r\n")
			})
		})
	}
}

// TestNoMap: what is for all servers, or asks what they can, waits until it is known which there are, or is refused in the end.
func TestNoMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const refusal = "-CLUSTERDOWN no node has told yet which servers the cluster has\r\n"
		commands := map[string]string{array("DBSIZE"): ":2\r\n", array("SCAN", "0"): "*2\r\n", array("HELLO", "3"): "%7\r\n"}
		for command, want := range commands { // in no order: three tests
			for comes, want := range map[bool]string{false: refusal, true: want} { // likewise
				s := cluster(t, 2, func(o *topology.Options) { o.Slots, o.Timeout = nil, time.Second })
				c := s.connect()
				c.Send(command + array("PING"))
				s.Settle()
				s.Passes(time.Second / 2)
				if got := c.Sock.Take(); got != "" {
					t.Errorf("%q is answered %q, and nobody has told which servers there are", command, got)
				}
				if comes {
					slots := new(ring.Slots)
					fill(slots, 1)
					s.remapTo(t, slots)
					s.Passes(2 * parkedTick)
				} else {
					s.Passes(time.Second)
				}
				s.replyToAll(map[string]string{
					"DBSIZE": ":1\r\n", "SCAN": "*2\r\n$1\r\n0\r\n*0\r\n", "HELLO": "%1\r\n+proto\r\n:3\r\n",
				})
				s.Settle()
				if got := c.Sock.Take(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "+PONG\r\n") {
					t.Errorf("%q, and a map comes: %v: it is answered %q", command, comes, got)
				}
			}
		}
	})
}

// replyToAll has servers reply to what they got, by a word in it, in either version of the protocol.
func (s *sim) replyToAll(replies map[string]string) {
	for _, server := range s.Servers {
		for _, v := range []*sessiontest.Server{server, server.Three} {
			if v.Up == nil {
				continue
			}
			got := v.Sock.Take()
			for word, reply := range replies { // in no order: one is in it
				if strings.Contains(got, word) {
					v.Reply(reply)
				}
			}
		}
	}
}

// TestSeed: before it is known which servers the cluster has nothing is sent to a seed, which may be another's store; then what waited goes
// where it belongs.
func TestSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 1, func(o *topology.Options) { o.Slots, o.Timeout = nil, time.Second })
		c, other := s.connect(), s.connect()
		eval := array("EVAL", "return 1", "0")
		c.Send(eval)
		other.Send(array("DBSIZE"))
		s.Settle()
		s.Passes(3 * parkedTick)
		if v := s.Servers[0]; v.Up != nil {
			t.Fatalf("the seed got %q", v.Sock.Take())
		}
		if got := other.Sock.Take(); got != "" {
			t.Errorf("the other client has %q", got)
		}
		other.HangUp(io.EOF)
		slots := new(ring.Slots)
		fill(slots, 0)
		s.remapTo(t, slots)
		s.Passes(2 * parkedTick)
		if got := s.Servers[0].Sock.Take(); got != eval {
			t.Fatalf("the master has %q; want %q", got, eval)
		}
		s.Servers[0].Reply(":1\r\n")
		s.Settle()
		if got := c.Sock.Take(); got != ":1\r\n" {
			t.Errorf("the client has %q", got)
		}
	})
}

// TestUnserved: a command whose slot nobody has fails at the timeout, in a cluster's words.
func TestUnserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for mapped, want := range map[bool]string{
			true: "-CLUSTERDOWN Hash slot not served\r\n", false: "-CLUSTERDOWN no node has told yet which servers the cluster has\r\n",
		} { // in no order: two tests
			s := cluster(t, 2, func(o *topology.Options) {
				o.Timeout = time.Second
				if fill(o.Slots, ring.NoServer); !mapped {
					o.Slots = nil
				}
			})
			a, b := keyOf(0, 2, 1), keyOf(1, 2, 1)
			for _, command := range []string{array("GET", a), array("MGET", a, b), array("SUBSCRIBE", a), array("MULTI") + array("GET", a) + array("EXEC")} {
				c := s.connect()
				c.Send(command)
				s.Settle()
				s.Passes(time.Second + 5*parkedTick)
				if got := c.Sock.Take(); !strings.HasSuffix(got, want) {
					t.Errorf("%q, with a map: %v: %q; want %q", command, mapped, got, want)
				}
			}
		}
	})
}

func fill(slots *ring.Slots, owner uint16) {
	for i := range slots {
		slots[i] = owner
	}
}

// TestMovedTransaction: all of a transaction goes where a command of it belongs, or its EXEC.
func TestMovedTransaction(t *testing.T) {
	key := keyOf(0, 2, 1)
	body := array("MULTI") + array("SET", key, "1") + array("INCR", key) + array("EXEC")
	for name, says := range map[string]string{
		"a command":    "+OK\r\n%[1]s%[1]s-EXECABORT Transaction discarded because of previous errors.\r\n",
		"the last one": "+OK\r\n+QUEUED\r\n%[1]s-EXECABORT Transaction discarded because of previous errors.\r\n",
		"EXEC":         "+OK\r\n+QUEUED\r\n+QUEUED\r\n%[1]s",
	} {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		c.Send(body)
		s.Settle()
		if got := s.Servers[0].Sock.Take(); got != body {
			t.Fatalf("%s: the first server has %q", name, got)
		}
		s.Servers[0].Reply(fmt.Sprintf(says, moved(key, s.Servers[1])))
		s.Settle()
		if got := s.Servers[1].Sock.Take(); got != body {
			t.Fatalf("%s: the second server has %q", name, got)
		}
		s.Servers[1].Reply("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:2\r\n")
		s.Settle()
		if got, want := c.Sock.Take(), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:2\r\n"; got != want {
			t.Errorf("%s: the client has %q; want %q", name, got, want)
		}
	}
}

// TestAgainInOrder: what waits to be sent again is not overtaken by what its client sent behind it, whenever the map changes: be it sent
// earlier, and turned away again, or first turned away later.
func TestAgainInOrder(t *testing.T) {
	key := keyOf(0, 2, 1)
	first, second := array("SET", key, "1"), array("GET", key)
	elsewhere := fmt.Sprintf("-ASK %d 192.0.2.1:1\r\n", ring.SlotOf([]byte(key))) // which the pool does not have
	turned := map[string]func(s *sim){                                            // the first is with its server again, and the second is not
		"the second is not due yet": func(s *sim) {
			s.Servers[0].Reply(elsewhere)
			s.Passes(parkedTick / 2)
			s.Servers[0].Reply(elsewhere)
			s.Passes(parkedTick * 6 / 10)
		},
		"the second was not answered yet": func(s *sim) {
			s.Servers[0].Reply(elsewhere)
			s.Passes(parkedTick * 11 / 10)
			s.replies(0, elsewhere)
		},
		"the second is sent on": func(s *sim) {
			s.Servers[0].Reply(elsewhere)
			s.Passes(parkedTick * 11 / 10)
			s.replies(0, moved(key, s.Servers[1]))
		},
	}
	for name, turn := range turned {
		for when, before := range map[string]bool{"the map changes first": true, "the map changes last": false} {
			t.Run(name+", "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := cluster(t, 2, nil)
					c := clusterClient(t, s, 2)
					c.Send(first + second)
					s.Settle()
					wants(t, s.Servers[0], first+second)
					turn(s)
					wants(t, s.Servers[0], first)
					change := func() {
						s.remap(t, func(slots *ring.Slots) { fill(slots, 1) })
						s.Passes(2 * parkedTick)
					}
					if before {
						change()
					}
					s.replies(0, moved(key, s.Servers[1]))
					if !before {
						change()
					}
					s.Passes(2 * parkedTick)
					wants(t, s.Servers[1], first+second)
					s.replies(1, "+OK\r\n"+bulk("1"))
					c.has(t, "+OK\r\n"+bulk("1"))
				})
			})
		}
	}
}

// TestSlowMaster: a master that sentinels know may take as long as it likes to answer; so may a replica that is well.
func TestSlowMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimWith(t, 1, resp.Options{Sentinels: true}, func(o *topology.Options) {
			o.Sentinels, o.Servers[0].Master = []topology.ServerOptions{sessiontest.ServerNamed("w")}, "m"
		}, nil)
		c := s.connect()
		c.Send(array("GET", "k"))
		s.Settle()
		s.Servers[0].Reply("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
		s.Settle()
		s.Servers[0].Sock.Take()
		s.Servers[0].Reply(bulk("v"))
		c.Send(array("EVAL", "while true do end", "1", "k"))
		s.Passes(5 * time.Second)
		s.Servers[0].Reply(":1\r\n")
		s.Settle()
		if got := c.Sock.Take(); got != bulk("v")+":1\r\n" {
			t.Errorf("the client has %q", got)
		}
	})
	play(t, "a replica", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, get, "", get, "")
		r.Passes(5 * time.Second)
		r.answer(r.r0, bulk("v"))
		r.replies(c, bulk("v"))
	})
	play(t, "a replica that does not say how it is", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, get, "", get, "")
		r.pool.Unwell(r.pool.Replicas()[0], "it is silent")
		r.Passes(3 * time.Second)
		r.want(c, "", get, "", "")
		r.answer(r.master, bulk("v"))
		r.replies(c, bulk("v"))
	})
}
