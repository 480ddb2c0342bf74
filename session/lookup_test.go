package session

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/session/sessiontest"
)

// info is what a server says of a command whose key is its first argument, or that has none.
func info(name string, key int) string {
	return fmt.Sprintf("*1\r\n*7\r\n%s:-1\r\n*1\r\n+readonly\r\n:%d\r\n:%d\r\n:%d\r\n*1\r\n+@read\r\n", bulk(name), key, key, key)
}

// missing is what a server says that has no such command.
const missing = "*1\r\n*-1\r\n"

func asks(name string) string { return array("COMMAND", "INFO", name) }

// sentTo wants the next bytes that a server, or a client, is sent.
func sentTo(t *testing.T, sock *sessiontest.Socket, want string) {
	t.Helper()
	if sock == nil && want == "" {
		return
	}
	if sent := sock.Take(); sent != want {
		t.Fatalf("sent %q; want %q", sent, want)
	}
}

// TestLookup: a command that nobody knows waits, with all behind it, while all servers are asked; those who wait for the same name
// share the question. The first that knows it decides, and what it said is used for all who come later.
func TestLookup(t *testing.T) {
	s := newSim(t, 3, nil)
	one, two := s.connect(), s.connect()
	one.Send(array("PING") + array("M.X", "k") + array("PING"))
	two.Send(array("m.x", "k"))
	s.Settle()
	for _, v := range s.Servers {
		sentTo(t, v.Sock, asks("m.x"))
	}
	sentTo(t, one.Sock, "+PONG\r\n")
	s.Servers[1].Reply(missing)
	s.Settle()
	sentTo(t, one.Sock, "")
	s.Servers[0].Reply(info("m.x", 1)[:20])
	s.Settle()
	sentTo(t, one.Sock, "")
	s.Servers[0].Reply(info("m.x", 1)[20:])
	s.Settle()
	_, server := s.pool.Router().Route([]byte("k"))
	for i, v := range s.Servers {
		if s.pool.Servers()[i] == server {
			sentTo(t, v.Sock, array("M.X", "k")+array("m.x", "k"))
			if i == 2 {
				v.Reply(missing) // late: it is known by now
			}
			v.Reply(bulk("1") + bulk("2"))
		} else {
			sentTo(t, v.Sock, "")
		}
	}
	s.Settle()
	sentTo(t, one.Sock, bulk("1")+"+PONG\r\n")
	sentTo(t, two.Sock, bulk("2"))
	if n := s.pool.Lessons(); n != 1 {
		t.Errorf("%d commands are known", n)
	}
	one.Send(array("M.x", "k"))
	s.Settle()
	for i, v := range s.Servers {
		if want := map[bool]string{true: array("M.x", "k")}[s.pool.Servers()[i] == server]; v.Sock.Take() != want {
			t.Errorf("server %d is asked again", i)
		}
	}
}

// TestLookupNobody: a name that no server has is refused, and forwarded to the only server of a pool; for a second it is not asked for.
func TestLookupNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{1, 3} {
			s := newSim(t, n, nil)
			c := s.connect()
			call := array("nosuch", "k")
			for range 2 {
				c.Send(call + array("PING"))
				s.Settle()
				for _, v := range s.Servers {
					sentTo(t, v.Sock, asks("nosuch"))
					sentTo(t, c.Sock, "")
					v.Reply(missing)
					s.Settle()
				}
				refused := "-ERR unknown command 'nosuch', with args beginning with: 'k' \r\n"
				if n == 1 {
					refused = "-ERR its own words\r\n"
					sentTo(t, s.Servers[0].Sock, call)
					s.Servers[0].Reply(refused)
					s.Settle()
				}
				sentTo(t, c.Sock, refused+"+PONG\r\n")
				c.Send(array("MULTI") + array("NOSUCH") + array("EXEC"))
				s.Settle()
				sentTo(t, c.Sock, "+OK\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n-EXECABORT Transaction discarded because of previous errors.\r\n")
				for _, v := range s.Servers {
					sentTo(t, v.Sock, "")
				}
				s.Passes(missingTime)
			}
		}
	})
}

// TestLookupFails: if no server says anything, the client is told why, as of any other command; its transaction is not executed, and the
// next time they are asked again.
func TestLookupFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 2, nil)
		c := s.connect()
		fails := func(how func(), want string) {
			t.Helper()
			c.Send(array("m.x", "k") + array("PING"))
			s.Settle()
			how()
			s.Settle()
			sentTo(t, c.Sock, want+"+PONG\r\n")
			c.Send(array("MULTI") + array("m.x", "k") + array("EXEC"))
			s.Settle()
			how()
			s.Settle()
			sentTo(t, c.Sock, "+OK\r\n"+want+"-EXECABORT Transaction discarded because of previous errors.\r\n")
		}
		each := func(f func(*sessiontest.Server)) func() {
			return func() {
				for _, v := range s.Servers {
					sentTo(t, v.Sock, asks("m.x"))
					f(v)
				}
			}
		}
		loading := "-LOADING Redis is loading the dataset in memory\r\n"
		fails(each(func(v *sessiontest.Server) { v.Reply(loading) }), loading)
		fails(each((*sessiontest.Server).HangUp), "-ERR Connection reset by peer\r\n")
		fails(func() {
			for _, v := range s.Servers {
				sentTo(t, v.Sock, asks("m.x"))
			}
			s.Passes(s.pool.AskPatience())
		}, "-ERR Connection timed out\r\n")
		for _, v := range s.Servers {
			v.HangUp()
		}
		s.Settle()
		s.Redial = func(v *sessiontest.Server) { s.Tasks = append(s.Tasks, func() { v.Refuse(syscall.ECONNREFUSED) }) }
		fails(func() {}, "-ERR Connection refused\r\n")
		fails(func() {}, "-ERR Connection refused\r\n") // it is known at once that they can't be reached
		s.AcceptAll()
		s.Passes(time.Minute)
		c.Send(array("m.x", "k"))
		s.Settle()
		each(func(v *sessiontest.Server) { v.Reply(info("m.x", 1)) })()
		s.Settle()
		_, server := s.pool.Router().Route([]byte("k"))
		for i, v := range s.Servers {
			if s.pool.Servers()[i] == server {
				sentTo(t, v.Sock, array("m.x", "k"))
			}
		}
		if len(c.session.lookups) != 0 || c.session.lookup != nil {
			t.Error("something is still looked up")
		}
	})
}

// TestLookupAgain: what is known is asked for again, while it is used in the background and else before the command goes; and at once if a
// connection to a server was lost, or a server answers that it does not have the command.
func TestLookupAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, nil)
		c, v := s.connect(), s.Servers[0]
		call := func(asked bool) {
			t.Helper()
			c.Send(array("m.x", "k"))
			s.Settle()
			if asked {
				sentTo(t, v.Sock, asks("m.x"))
				v.Reply(info("m.x", 1))
				s.Settle()
			}
			sentTo(t, v.Sock, array("m.x", "k"))
			v.Reply("+1\r\n")
			s.Settle()
			sentTo(t, c.Sock, "+1\r\n")
		}
		call(true)
		s.Passes(freshTime - 10*time.Millisecond)
		v.Sock.Take() // a canary, perhaps
		call(false)
		for range 3 {
			s.Passes(20 * time.Millisecond)
			c.Send(array("m.x", "k"))
			s.Settle()
			sentTo(t, v.Sock, asks("m.x")+array("m.x", "k"))
			call := array("m.x", "l", "k")
			c.Send(call)
			s.Settle()
			sentTo(t, v.Sock, call)
			v.Reply(info("m.x", 2) + "+1\r\n+2\r\n")
			s.Settle()
			sentTo(t, c.Sock, "+1\r\n+2\r\n")
			s.Passes(freshTime - 10*time.Millisecond)
			v.Sock.Take()
		}
		s.Passes(knownTime - freshTime + 20*time.Millisecond)
		v.Sock.Take()
		call(true)
		call(false)
		for _, unknown := range []string{"'M.X', with args beginning with: 'k' \r\n", "`m.x`, with args beginning with: `k`, \r\n"} {
			c.Send(array("M.X", "k"))
			s.Settle()
			sentTo(t, v.Sock, array("M.X", "k"))
			v.Reply("-ERR unknown command " + unknown)
			s.Settle()
			sentTo(t, c.Sock, "-ERR unknown command "+unknown)
			call(true)
			call(false)
		}
		c.Send(array("MULTI") + array("m.x", "k") + array("EXEC"))
		s.Settle()
		sentTo(t, v.Sock, array("MULTI")+array("m.x", "k")+array("EXEC"))
		v.Reply("+OK\r\n-ERR unknown command 'm.x', with args beginning with: 'k' \r\n-EXECABORT Transaction discarded because of previous errors.\r\n")
		s.Settle()
		sentTo(t, c.Sock, "+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of previous errors.\r\n")
		call(true)
		v.HangUp()
		s.Passes(time.Second)
		call(true)
		call(false)
	})
}

// TestLookupLeft: a client that leaves while servers are asked is nobody's any more, and the others who wait are told.
func TestLookupLeft(t *testing.T) {
	s := newSim(t, 1, nil)
	leaves, stays, half := s.connect(), s.connect(), s.connect()
	leaves.Send(array("m.x", "k"))
	stays.Send(array("m.x", "l"))
	half.Send(array("m.x", "m"))
	s.Settle()
	leaves.HangUp(syscall.ECONNRESET)
	half.HalfClose()
	s.Settle()
	sentTo(t, s.Servers[0].Sock, asks("m.x"))
	if s.local.Part(9); !stays.session.atBoundary() || leaves.session.life != closed {
		t.Error("who waits can't be given away, or who left did not leave")
	}
	s.local.Stay()
	s.Servers[0].Reply(info("m.x", 1))
	s.Settle()
	sentTo(t, s.Servers[0].Sock, array("m.x", "l")+array("m.x", "m"))
	s.Servers[0].Reply("+1\r\n+2\r\n")
	s.Settle()
	sentTo(t, stays.Sock, "+1\r\n")
	sentTo(t, half.Sock, "+2\r\n")
	if half.session.life != closed {
		t.Error("who half-closed is still there")
	}
}

// TestLookupKinds: a command without a key goes to the only server, also in a transaction; one that may block has a connection for itself.
func TestLookupKinds(t *testing.T) {
	s := newSim(t, 1, nil)
	c, v := s.connect(), s.Servers[0]
	blocking := func(name string, key int) string { return strings.Replace(info(name, key), "readonly", "blocking", 1) }
	for _, tt := range []struct {
		name, info string
		leased     bool
	}{{"m.none", info("m.none", 0), false}, {"m.wait", blocking("m.wait", 1), true}, {"m.await", blocking("m.await", 0), true}} {
		c.Send(array(tt.name, "k"))
		s.Settle()
		sentTo(t, v.Sock, asks(tt.name))
		shared := v.Up
		v.Reply(tt.info)
		s.Settle()
		sentTo(t, v.Sock, array(tt.name, "k"))
		if leased := c.session.blocks.lease != nil; leased != tt.leased || leased != (shared != v.Up) {
			t.Errorf("%s goes over a lease: %v", tt.name, leased)
		}
		v.Reply("+1\r\n")
		s.Settle()
		sentTo(t, c.Sock, "+1\r\n")
		if tt.leased {
			v.HangUp() // the scripted server has one connection at a time
			v.Up = nil
			shared.Abandon(syscall.ECONNRESET)
			s.Settle()
		}
	}
	c.Send(array("MULTI") + array("m.none"))
	s.Settle()
	sentTo(t, v.Sock, asks("m.none"))
	v.Reply(info("m.none", 0))
	c.Send(array("EXEC"))
	s.Settle()
	sentTo(t, v.Sock, array("MULTI")+array("m.none")+array("EXEC"))
}

// TestLessons: as many are kept as there is room for, of each kind; what the servers do not know any more is forgotten, and what they
// have learned by now is not missing.
func TestLessons(t *testing.T) {
	p := &Pool{lessons: new(lessons)}
	l := p.lessons
	find := func(name string, now int64, want any) {
		t.Helper()
		if is, ok, _ := l.find([]byte(name), now); ok != (want != nil) || ok && is != want {
			t.Errorf("%s at %d: %v, %v; want %v", name, now, is, ok, want)
		}
	}
	second := int64(missingTime)
	if !l.add("a", "A", true, second) || l.add("a", "B", true, second) || l.add("b", "no", false, second) {
		t.Error("it is not said which command is new")
	}
	find("a", second, "B")
	find("b", 2*second-1, "no")
	find("b", 2*second, nil)
	find("c", second, nil)
	l.add("b", "C", true, 2*second)
	find("b", 3*second, "C")
	l.outdate(3 * second)
	find("b", 3*second, nil)
	l.add("b", "C", true, 3*second)
	for _, c := range []struct {
		at  int64
		due bool
	}{{4*second - 1, false}, {4 * second, true}, {4 * second, false}, {4*second + 1, false}} {
		if _, ok, due := l.find([]byte("b"), c.at); !ok || due != c.due {
			t.Errorf("to ask again is due at %d: %v, %v", c.at, due, ok)
		}
	}
	l.drop([]byte("nosuch"))
	find("b", 3*second, "C")
	l.drop([]byte("b"))
	find("b", 3*second, nil)
	l.add("b", "no", false, 3*second)
	find("b", 3*second, "no")
	for _, known := range []bool{true, false} {
		for i := range maxLessons + 1 {
			l.add(fmt.Sprint("x", known, i), i+1, known, 3*second)
		}
		find(fmt.Sprint("x", known, maxLessons), 3*second, maxLessons+1)
		find(fmt.Sprint("x", known, 0), 3*second, nil)
	}
	if n := p.Lessons(); n != 2 || len(l.missing) != 2 {
		t.Errorf("%d are known, and %d missing; want what came last of each", n, len(l.missing))
	}
	name := []byte("nosuch")
	if n := testing.AllocsPerRun(100, func() { l.find(name, 0) }); n != 0 {
		t.Errorf("to look allocates %v times", n)
	}
}
