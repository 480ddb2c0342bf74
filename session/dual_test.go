package session

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/session/sessiontest"
	"cashew/stats"
	"cashew/topology"
)

// dualSim is a loop with the pool sim, before so many servers, which writes to the pool users as well, before u0 and perhaps others.
func dualSim(t testing.TB, answer Answer, n int, others ...string) *sim {
	s := newSimOf(t, n, resp.Options{Learn: true, Commands: "+@all"}, func(_ *Limits, o *ClientOptions) {
		o.Dual = DualOptions{Pool: "users", Answer: answer}
	})
	s.addPool(t, "users", append([]string{"u0"}, others...)...)
	return s
}

// doubled is what is counted of writes to both.
func (s *sim) doubled() stats.Dual {
	d := *s.local.shards[0].tally.Dual
	return d
}

// TestDualAnswers: by each rule, what the client is told, and when, of what both pools answer, in either order.
func TestDualAnswers(t *testing.T) {
	const good, bad, other, hangUp = ":5\r\n", "-OOM no room\r\n", ":7\r\n", "hang up"
	const (
		ownDid  = "-ERR dual_write: pool 'users' did not acknowledge it: OOM no room; pool 'sim' did\r\n"
		itDid   = "-ERR dual_write: pool 'sim' did not acknowledge it: OOM no room; pool 'users' did\r\n"
		ownLost = "-ERR dual_write: pool 'sim' did not acknowledge it: ERR Connection reset by peer; pool 'users' did\r\n"
		itLost  = "-ERR dual_write: pool 'users' did not acknowledge it: ERR Connection reset by peer; pool 'sim' did\r\n"
		reset   = "-ERR Connection reset by peer\r\n"
	)
	for _, tt := range []struct {
		name, own, its string
		both, mine     string // what the client gets by the rules both and own
		any            [2]string
		counts         stats.Dual
	}{
		{"both do", good, good, good, good, [2]string{good, good}, stats.Dual{Both: 1}},
		{"they differ", good, other, good, good, [2]string{good, other}, stats.Dual{Both: 1, Different: 1}},
		{"own alone", good, bad, ownDid, good, [2]string{good, good}, stats.Dual{OwnOnly: 1}},
		{"other alone", bad, good, itDid, bad, [2]string{good, good}, stats.Dual{OtherOnly: 1}},
		{"neither", bad, "-ERR other\r\n", bad, bad, [2]string{bad, bad}, stats.Dual{Neither: 1}},
		{"other hangs up", good, hangUp, itLost, good, [2]string{good, good}, stats.Dual{OwnOnly: 1}},
		{"own hangs up", hangUp, good, ownLost, reset, [2]string{good, good}, stats.Dual{OtherOnly: 1}},
		{"both hang up", hangUp, hangUp, reset, reset, [2]string{reset, reset}, stats.Dual{Neither: 1}},
	} {
		for answer := AnswerBoth; answer <= AnswerAny; answer++ {
			for first := range 2 {
				t.Run(tt.name+", "+answer.String()+", first the "+[]string{"own", "other"}[first], func(t *testing.T) {
					s := dualSim(t, answer, 1)
					c := s.connect()
					c.Send(array("INCR", "a"))
					s.Settle()
					replies := [2]string{tt.own, tt.its}
					wants := []string{tt.both, tt.mine, tt.any[first]}
					for n, i := range []int{first, 1 - first} {
						if v := s.Servers[i]; replies[i] == hangUp {
							v.HangUp()
						} else {
							got(t, v, array("INCR", "a"))
							v.Reply(replies[i])
						}
						s.Settle()
						early := answer == AnswerOwn && i == own || answer == AnswerAny && replies[i][0] == ':'
						if n == 0 && !early {
							c.has(t, "")
						} else if n == 0 {
							c.has(t, wants[answer])
							wants[answer] = ""
						}
					}
					c.has(t, wants[answer])
					if d := s.doubled(); d != tt.counts {
						t.Errorf("counted %+v; want %+v", d, tt.counts)
					}
					if c.session.doubling != 0 || len(s.local.pairs) != 1 {
						t.Errorf("%d writes are not over, %d pairs are free", c.session.doubling, len(s.local.pairs))
					}
				})
			}
		}
	}
}

// TestDualOrder: replies come in the order of the client's commands, whichever pool is late, and reads go to the own pool alone.
func TestDualOrder(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	c.Send(array("SET", "a", "1") + array("GET", "a") + array("INCR", "a") + array("PING"))
	s.Settle()
	got(t, mine, array("SET", "a", "1"), array("GET", "a"), array("INCR", "a"))
	got(t, its, array("SET", "a", "1"), array("INCR", "a"))
	mine.Reply("+OK\r\n" + bulk("1") + ":2\r\n")
	s.Settle()
	c.has(t, "")
	its.Reply("+OK\r\n")
	s.Settle()
	c.has(t, "+OK\r\n"+bulk("1"))
	its.Reply(":2\r\n")
	s.Settle()
	c.has(t, ":2\r\n+PONG\r\n")
}

// TestDualScatter: what is split goes to the servers of each pool as that has them, and the client gets one reply.
func TestDualScatter(t *testing.T) {
	for answer, want := range []string{":2\r\n", ":2\r\n", ":3\r\n"} {
		s := dualSim(t, Answer(answer), 2, "u1")
		c := s.connect()
		for _, v := range s.Servers {
			defer v.HangUp()
		}
		c.Send(array("DEL", "a", "b", "c") + array("MSET", "a", "1", "b", "2"))
		s.Settle()
		sent := ""
		for i, v := range s.Servers {
			text := v.Sock.Take()
			if sent += text; strings.Count(text, "del") != 1 || strings.Count(text, "mset") != 1 {
				t.Errorf("server %d got %q", i, text)
			}
		}
		if strings.Count(sent, "$1\r\na\r\n") != 4 || strings.Count(sent, "$1\r\nc\r\n") != 2 {
			t.Errorf("servers got %q; want each key at one server of each pool, each time", sent)
		}
		s.Servers[2].Reply(":1\r\n+OK\r\n")
		s.Servers[3].Reply(":2\r\n+OK\r\n")
		s.Settle()
		s.Servers[0].Reply(":1\r\n+OK\r\n")
		s.Servers[1].Reply(":1\r\n+OK\r\n")
		s.Settle()
		c.has(t, want+"+OK\r\n")
		if d := s.doubled(); d.Both != 2 || d.Different != 1 {
			t.Errorf("counted %+v", d)
		}
	}
}

// TestDualEverywhere: FLUSHALL goes to all servers of both pools, though the own one has a single server.
func TestDualEverywhere(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1, "u1")
	c := s.connect()
	c.Send(array("FLUSHALL"))
	s.Settle()
	for _, v := range s.Servers {
		got(t, v, array("FLUSHALL"))
	}
	s.Servers[0].Reply("+OK\r\n")
	s.Servers[1].Reply("+OK\r\n")
	s.Servers[2].Reply("-ERR busy\r\n")
	s.Settle()
	c.has(t, "-ERR dual_write: pool 'users' did not acknowledge it: ERR busy; pool 'sim' did\r\n")
}

// TestDualUnsent: a pool that nobody can connect to: both refuses before the other is sent anything, own needs the own pool, any has one do.
func TestDualUnsent(t *testing.T) {
	const not = "-ERR dual_write: not sent to any pool: pool '"
	for name, tt := range map[string]struct {
		answer  Answer
		refused int
		want    string // the client's, "" if the write goes to the one that is there
	}{
		"both, own":   {AnswerBoth, own, not + "sim': Connection refused\r\n"},
		"both, other": {AnswerBoth, other, not + "users': Connection refused\r\n"},
		"own, own":    {AnswerOwn, own, not + "sim': Connection refused\r\n"},
		"own, other":  {AnswerOwn, other, ""},
		"any, own":    {AnswerAny, own, ""},
		"any, other":  {AnswerAny, other, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := dualSim(t, tt.answer, 1)
				s.Redial = func(v *sessiontest.Server) {
					if v == s.Servers[tt.refused] {
						s.Tasks = append(s.Tasks, func() { v.Refuse(syscall.ECONNREFUSED) })
					} else {
						s.Tasks = append(s.Tasks, v.Accept)
					}
				}
				c, up := s.connect(), s.Servers[1-tt.refused]
				c.Send(array("SET", "a", "1"))
				s.Settle()
				got(t, up, array("SET", "a", "1"))
				up.Reply("+OK\r\n")
				s.Settle()
				if told := c.Sock.Take(); tt.answer == AnswerAny && told != "+OK\r\n" || tt.answer == AnswerBoth && !strings.Contains(told, "did not acknowledge it: ERR Connection refused") {
					t.Errorf("the client is told %q of what one was sent", told)
				}
				c.Send(array("SET", "a", "2"))
				s.Settle()
				if tt.want == "" {
					got(t, up, array("SET", "a", "2"))
					up.Reply("+OK\r\n")
					s.Settle()
					c.has(t, "+OK\r\n")
					return
				}
				got(t, up)
				c.has(t, tt.want)
				if d := s.doubled(); d.Unsent != 1 {
					t.Errorf("counted %+v; want one that was not sent", d)
				}
			})
		})
	}
}

// TestDualRefused: what can't be written to both is written to neither.
func TestDualRefused(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1, "u1")
	c := s.connect()
	const p = "-ERR dual_write: "
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"WATCH", "a"}, p + "WATCH can't be about two pools\r\n"},
		{[]string{"BLPOP", "a", "1"}, p + "a command that may block can't wait at two pools\r\n"},
		{[]string{"XREADGROUP", "GROUP", "g", "c", "BLOCK", "1", "STREAMS", "a", ">"}, p + "a command that may block can't wait at two pools\r\n"},
		{[]string{"MIGRATE", "h", "1", "a", "0", "1"}, p + "MIGRATE takes a key away from one server\r\n"},
		{[]string{"RENAME", "a", "b"}, p + "its keys live on different servers of pool 'users'\r\n"},
		{[]string{"EVALSHA", strings.Repeat("0", 40), "1", "a"}, "-NOSCRIPT No matching script. Please use EVAL.\r\n"},
		{[]string{"EVAL", "return 1", "0"}, "-ERR "},
	} {
		c.Send(array(tt.args...))
		s.Settle()
		if told := c.Sock.Take(); !strings.HasPrefix(told, tt.want) {
			t.Errorf("%v is answered %q; want %q", tt.args, told, tt.want)
		}
	}
	c.Send(array("MULTI") + array("MIGRATE", "h", "1", "a", "0", "1") + array("EXEC"))
	s.Settle()
	c.has(t, "+OK\r\n"+p+"MIGRATE takes a key away from one server\r\n-EXECABORT Transaction discarded because of previous errors.\r\n")
	c.Send(array("MULTI") + array("SET", "a", "1") + array("SET", "b", "1") + array("EXEC"))
	s.Settle()
	c.has(t, "+OK\r\n+QUEUED\r\n+QUEUED\r\n"+p+"the keys of the transaction live on different servers of pool 'users'\r\n")
	for _, v := range s.Servers {
		got(t, v)
	}
}

// TestDualTransaction: a transaction goes to both in one piece.
func TestDualTransaction(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	c.Send(array("MULTI") + array("INCR", "a") + array("CLIENT", "SETNAME", "x") + array("EXEC"))
	s.Settle()
	const multi = "*1\r\n$5\r\nMULTI\r\n"
	for _, v := range []*sessiontest.Server{mine, its} {
		got(t, v, multi, array("INCR", "a"), array("EXEC"))
	}
	mine.Reply("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	s.Settle()
	c.has(t, "+OK\r\n+QUEUED\r\n+QUEUED\r\n")
	its.Reply("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	s.Settle()
	c.has(t, "*2\r\n:1\r\n+OK\r\n")
	if d := s.doubled(); d.Both != 1 || d.Different != 0 {
		t.Errorf("counted %+v", d)
	}
}

// TestDualScript: a script that is called by name is brought to both first.
func TestDualScript(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	const body = "return redis.call('INCR', KEYS[1])"
	c.Send(array("EVAL", body, "1", "a"))
	s.Settle()
	name := s.pool.Protocol.ScriptName([]byte(body))
	c.Send(array("EVALSHA", name, "1", "a") + array("EVALSHA", name, "1", "a"))
	s.Settle()
	for _, v := range []*sessiontest.Server{mine, its} {
		got(t, v, array("EVAL", body, "1", "a"), array("SCRIPT", "LOAD", body), array("EVALSHA", name, "1", "a"), array("EVALSHA", name, "1", "a"))
		v.Reply(":1\r\n" + bulk(name) + ":2\r\n:3\r\n")
	}
	s.Settle()
	c.has(t, ":1\r\n:2\r\n:3\r\n")
}

// TestDualSampled: a key that is written to both is counted at the server of the own pool that has it.
func TestDualSampled(t *testing.T) {
	for _, cmd := range []string{array("INCR", "a"), array("INCR", "b"), array("DEL", "a", "b")} {
		s := dualSim(t, AnswerBoth, 2, "u1")
		c := s.connect()
		for range 20 {
			s.local.sampleIn = 1
			c.Send(cmd)
			s.Settle()
		}
		keys := stats.HotKeys([][]stats.SketchEntry{s.local.HotKeys()}, 3)
		for _, e := range keys {
			if want := s.pool.Options().Servers[s.pool.Router().Place([]byte(e.Key))].Name; e.Server != want {
				t.Errorf("%q: %q is counted at %q; want %q", cmd, e.Key, e.Server, want)
			}
		}
		if len(keys) == 0 {
			t.Errorf("%q: nothing is counted", cmd)
		}
	}
}

// TestDualLongReply: a long reply that the client has, or has not waited for, is not kept until the other pool has answered, nor is one that
// comes later.
func TestDualLongReply(t *testing.T) {
	long := bulk(strings.Repeat("v", 3*maxTwinReply))
	for answer := AnswerBoth; answer <= AnswerAny; answer++ {
		s := dualSim(t, answer, 1)
		p := new(pair)
		s.local.pairs = append(s.local.pairs, p)
		c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
		c.Send(array("GETSET", "a", "b"))
		s.Settle()
		kept := func() (n int) {
			for i := range p.halves {
				for _, f := range p.halves[i].parts {
					n += stored(f)
				}
			}
			return n
		}
		if answer == AnswerBoth {
			c.HangUp(syscall.ECONNRESET)
		}
		mine.Reply(long)
		s.Settle()
		if answer != AnswerBoth {
			c.has(t, long)
		}
		if n := kept(); n > maxTwinReply {
			t.Errorf("%v: %d bytes are kept of a reply that the client has", answer, n)
		}
		its.Reply(long[:2*maxTwinReply])
		s.Settle()
		if n := kept(); n > maxTwinReply {
			t.Errorf("%v: %d bytes are kept of a reply that nobody gets", answer, n)
		}
		its.Reply(long[2*maxTwinReply:])
		s.Settle()
		if d := s.doubled(); d.Both != 1 || d.Outstanding != 0 || c.session.doubling != 0 {
			t.Errorf("%v: counted %+v, %d writes are not over", answer, d, c.session.doubling)
		}
	}
}

// TestDualClientLeaves: a client that hangs up leaves nothing behind, whatever its writes are answered.
func TestDualClientLeaves(t *testing.T) {
	for answer := AnswerBoth; answer <= AnswerAny; answer++ {
		s := dualSim(t, answer, 1)
		c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
		c.Send(array("SET", "a", "1") + array("SET", "a", "2"))
		s.Settle()
		mine.Reply("+OK\r\n+O")
		s.Settle()
		c.HangUp(syscall.ECONNRESET)
		mine.Reply("K\r\n")
		its.Reply("+OK\r\n")
		s.Settle()
		its.HangUp()
		s.Settle()
		if d := s.doubled(); d.Both != 1 || d.OwnOnly != 1 || d.Outstanding != 0 {
			t.Errorf("%v: counted %+v", answer, d)
		}
	}
}

// TestDualOtherConnection: a client that has its reply waits until the other pool has answered before its commands take another connection there.
func TestDualOtherConnection(t *testing.T) {
	s := dualSim(t, AnswerOwn, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	c.Send(array("SET", "a", "1"))
	s.Settle()
	mine.Reply("+OK\r\n")
	s.Settle()
	c.has(t, "+OK\r\n")
	if c.session.atBoundary() {
		t.Error("it could be given to another process, whose connections are others")
	}
	c.Send(array("HELLO", "3"))
	s.Settle()
	c.has(t, "")
	if !c.session.blocked || c.session.waitsFor&behindOrder == 0 {
		t.Error("it does not wait")
	}
	its.Reply("+OK\r\n")
	s.Settle()
	if c.session.waitsFor&behindOrder != 0 || !c.session.atBoundary() && c.session.in == nil {
		t.Error("it waits, and nothing is owed")
	}
}

// TestDualTimeout: a pool that says nothing is given up after its timeout, and what it says later is nobody's.
func TestDualTimeout(t *testing.T) {
	for answer, want := range []string{"-ERR dual_write: pool 'users' did not acknowledge it: ERR Connection timed out; pool 'sim' did\r\n", "+OK\r\n", "+OK\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimWith(t, 1, resp.Options{}, nil, func(_ *Limits, o *ClientOptions) { o.Dual = DualOptions{Pool: "users", Answer: Answer(answer)} })
			s.addPoolWith(t, "users", func(o *topology.Options) { o.Timeout = time.Second }, "u0")
			c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
			c.Send(array("SET", "a", "1"))
			s.Settle()
			mine.Reply("+OK\r\n")
			s.Passes(1500 * time.Millisecond)
			c.has(t, want)
			c.Send(array("SET", "a", "2"))
			s.Settle()
			its.Reply("-ERR late\r\n+OK\r\n")
			mine.Reply("+OK\r\n")
			s.Settle()
			c.has(t, "+OK\r\n")
			if d := s.doubled(); d.OwnOnly != 1 || d.Both != 1 {
				t.Errorf("%v: counted %+v", Answer(answer), d)
			}
		})
	}
}

// TestDualLeaves: a client that is told to go stays until the other pool has what it wrote: a process that ends would take that along.
func TestDualLeaves(t *testing.T) {
	s := dualSim(t, AnswerOwn, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	c.Send(array("SET", "a", "1"))
	s.Settle()
	mine.Reply("+OK\r\n")
	s.Settle()
	s.local.Drain(time.Minute)
	s.Settle()
	if c.session.life != quitting {
		t.Errorf("its life is %v; want it to wait for the other pool", c.session.life)
	}
	its.Reply("+OK\r\n")
	s.Settle()
	if c.session.life < lingering {
		t.Errorf("its life is %v; want it to go", c.session.life)
	}
}

// TestDualScriptApart: a script whose keys are together in the own pool is refused where they are apart in the other, which it would write in the
// wrong place; one whose keys are apart here goes where the first is, in both.
func TestDualScriptApart(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1, "u1")
	c := s.connect()
	c.Send(array("EVAL", "return 1", "2", "a", "b"))
	s.Settle()
	c.has(t, "-ERR dual_write: its keys live on different servers of pool 'users'\r\n")
	s = dualSim(t, AnswerBoth, 2, "u1")
	c = s.connect()
	c.Send(array("EVAL", "return 1", "2", "a", "b"))
	s.Settle()
	got(t, s.Servers[0], array("EVAL", "return 1", "2", "a", "b"))
	got(t, s.Servers[2], array("EVAL", "return 1", "2", "a", "b"))
}

// TestDualPublish: what is published is published in both; the client is told how many of its own pool's clients hear it.
func TestDualPublish(t *testing.T) {
	for answer := AnswerBoth; answer <= AnswerAny; answer++ {
		s := dualSim(t, answer, 1)
		c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
		c.Send(array("PUBLISH", "ch", "m"))
		s.Settle()
		got(t, mine, array("PUBLISH", "ch", "m"))
		got(t, its, array("PUBLISH", "ch", "m"))
		its.Reply(":7\r\n")
		s.Settle()
		c.has(t, "")
		mine.Reply(":5\r\n")
		s.Settle()
		c.has(t, ":5\r\n")
		if d := s.doubled(); d.Both != 1 || d.Different != 0 {
			t.Errorf("counted %+v", d)
		}
	}
}

// TestDualCrowded: a pool that takes nothing holds its client up by any rule, rather than that anything is dropped.
func TestDualCrowded(t *testing.T) {
	s := dualSim(t, AnswerOwn, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	value, n := strings.Repeat("v", 1<<20), 0
	for ; n < 100 && !c.session.blocked; n++ {
		if c.Send(array("SET", "a", value)); n == 0 {
			s.Settle()
			its.Sock.Room = 0
		}
		s.Settle()
		mine.Reply("+OK\r\n")
		s.Settle()
	}
	if n == 100 || c.session.waitsFor&behindServer == 0 {
		t.Fatalf("it does not wait for the other pool, which has %d MiB outstanding", n)
	}
	s.DrainRoom(its.Sock, its.Up.Out().Pending())
	if c.session.blocked {
		t.Error("it waits, and there is room")
	}
}

// TestDualReload: a reload that has writes go to two pools: what was watched before, and what was queued that only one server can do, is not done
// by one pool alone.
func TestDualReload(t *testing.T) {
	s := newSimOf(t, 1, resp.Options{Learn: true, Commands: "+@all"}, nil)
	s.addPool(t, "users", "u0", "u1")
	watches, queues, mine := s.connect(), s.connect(), s.Servers[0]
	watches.Send(array("WATCH", "a"))
	s.Settle()
	mine.Reply("+OK\r\n") // on a connection of its own, which is the only one yet
	s.Settle()
	watches.has(t, "+OK\r\n")
	watches.Send(array("MULTI") + array("SET", "a", "1"))
	queues.Send(array("MULTI") + array("SET", "a", "1") + array("FLUSHALL"))
	s.Settle()
	watches.Sock.Take()
	queues.Sock.Take()
	s.reset(t, new(Change), func(o *ClientOptions) { o.Dual = DualOptions{Pool: "users"} })
	watches.Send(array("EXEC"))
	queues.Send(array("EXEC"))
	s.Settle()
	watches.has(t, "-ERR dual_write: what was watched before there were two pools can't decide for both\r\n")
	if told := queues.Sock.Take(); !strings.HasPrefix(told, "-EXECABORT") {
		t.Errorf("a transaction with FLUSHALL is answered %q", told)
	}
}

// TestDualEnds: a reload that has writes go to one pool again: what is on its way keeps its rule, and what its client sends then is behind it.
func TestDualEnds(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	c.Send(array("SET", "a", "2"))
	s.Settle()
	s.reset(t, new(Change), func(o *ClientOptions) { o.Dual = DualOptions{} })
	c.Send(array("SET", "a", "3"))
	s.Settle()
	got(t, mine, array("SET", "a", "2"))
	got(t, its, array("SET", "a", "2"))
	mine.Reply("+OK\r\n")
	its.Reply("-ERR no\r\n")
	s.Settle()
	c.has(t, "-ERR dual_write: pool 'users' did not acknowledge it: ERR no; pool 'sim' did\r\n")
	got(t, mine, array("SET", "a", "3"))
	got(t, its)
}

// TestDualUnknown: a command that a server told of goes to both, unless it only reads; without a key, and if nobody knows whether it writes, to neither.
func TestDualUnknown(t *testing.T) {
	s := dualSim(t, AnswerBoth, 1)
	c, mine, its := s.connect(), s.Servers[0], s.Servers[1]
	for _, tt := range []struct {
		name, flag string
		key        int
		mine, its  bool
	}{
		{"m.read", "readonly", 1, true, false},
		{"m.write", "write", 1, true, true},
		{"m.other", "fast", 1, true, true},
		{"m.keyless", "fast", 0, false, false},
		{"m.makes", "write", 0, false, false},
		{"m.tells", "readonly", 0, true, false},
	} {
		command := array(tt.name, "a")
		c.Send(command)
		s.Settle()
		mine.Sock.Take()
		mine.Reply(strings.Replace(info(tt.name, tt.key), "+readonly", "+"+tt.flag, 1))
		s.Settle()
		for v, gets := range map[*sessiontest.Server]bool{mine: tt.mine, its: tt.its} {
			if !gets {
				got(t, v)
				continue
			}
			got(t, v, command)
			v.Reply("+OK\r\n")
		}
		s.Settle()
		if told := c.Sock.Take(); tt.mine != (told == "+OK\r\n") {
			t.Errorf("%s is answered %q", tt.name, told)
		}
	}
}
