package session

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/backend"
	"cashew/session/sessiontest"
)

// TestTransactionOwn: what the proxy answers itself within a transaction stands where it was asked, also behind another such answer, and
// nothing of one transaction is left for the next.
func TestTransactionOwn(t *testing.T) {
	s, c := steady(t, 1)
	v, own := s.Servers[0], array("CLIENT", "GETNAME")
	call := array("EVALSHA", strings.Repeat("a", 40), "1", "a")
	for _, tt := range []struct{ queued, reply, want string }{
		{own + own + array("SET", "a", "1"), "*1\r\n+OK\r\n", "*3\r\n$-1\r\n$-1\r\n+OK\r\n"},
		{array("SET", "a", "1") + own + own, "*1\r\n+OK\r\n", "*3\r\n+OK\r\n$-1\r\n$-1\r\n"},
		{own + call + own, "*1\r\n+OK\r\n", "*3\r\n$-1\r\n+OK\r\n$-1\r\n"},
		{own + array("GET", "a") + own, "*1\r\n+OK\r\n", "*3\r\n$-1\r\n+OK\r\n$-1\r\n"},
	} {
		c.Send(array("MULTI") + tt.queued + array("EXEC"))
		s.Settle()
		if n := c.session.keptCalls; n > 0 != strings.Contains(tt.queued, "EVALSHA") {
			t.Errorf("%q: %d bytes of calls are kept", tt.queued, n)
		}
		v.Reply("+OK\r\n" + queued + tt.reply)
		s.Settle()
		if got := c.Sock.Take(); !strings.HasSuffix(got, queued+tt.want) {
			t.Errorf("%q: the client has %q; want %q", tt.queued, got, tt.want)
		}
	}
}

// TestCallsInTransaction: each script is loaded that a transaction calls and its server lacks.
func TestCallsInTransaction(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	const other = "7f923f79fe76194c868d7e1d0820de36700eb649" // of return 2
	c.Send(array("EVAL", "return 1", "1", "k") + array("EVAL", "return 2", "1", "k"))
	s.Settle()
	v.Reply(":1\r\n:2\r\n")
	s.Settle()
	c.Send(array("MULTI") + array("EVALSHA", sha, "1", "k") + array("EVALSHA", other, "1", "k") + array("EXEC"))
	s.Settle()
	v.Sock.Take()
	v.Reply("+OK\r\n" + queued + queued + "*2\r\n" + noScript + noScript)
	s.Settle()
	if got, want := v.Sock.Take(), array("SCRIPT", "LOAD", "return 1")+array("SCRIPT", "LOAD", "return 2"); got != want {
		t.Errorf("the server got %q; want %q", got, want)
	}
}

// TestWatchIsLost: with the connection on which a key is watched ends what is known of it, so that EXEC answers null.
func TestWatchIsLost(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	c.Send(array("WATCH", "a"))
	s.Settle()
	v.Reply("+OK\r\n")
	s.Settle()
	v.HangUp()
	s.Settle()
	c.Send(array("MULTI") + array("SET", "a", "1") + array("EXEC"))
	s.Settle()
	if got, want := c.Sock.Take(), "+OK\r\n+OK\r\n"+queued+"*-1\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
}

// TestWaitIsMarked: the connection on which a server counts who has acknowledged what has to be one that has written.
func TestWaitIsMarked(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	c.Send(array("WAIT", "1", "100"))
	s.Settle()
	mark, _ := s.pool.Protocol.AppendMark(nil)
	if got, want := v.Sock.Take(), string(mark)+array("WAIT", "1", "100"); got != want {
		t.Fatalf("the server got %q; want %q", got, want)
	}
	v.Reply("+PONG\r\n:0\r\n:1\r\n")
	s.Settle()
	if got := c.Sock.Take(); got != ":1\r\n" {
		t.Errorf("the client has %q", got)
	}
}

// TestFeedIsAsked: a feed over which nothing comes is asked whether it is still one; and what had come of a message when it ended is no
// part of the next.
func TestFeedIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := heard(t, 1)
		v, stay := s.Servers[0].Feed, array("PING")
		for range 13 {
			s.Passes(time.Second)
			s.local.Tidy()
		}
		if got := v.Sock.Take(); got != stay {
			t.Errorf("after 13 seconds the server is sent %q; want %q", got, stay)
		}
		v.Reply("*2\r\n$4\r\npong\r\n$0\r\n\r\n" + messageOf("a", "hello")[:20])
		s.Settle()
		v.HangUp()
		s.Passes(2 * time.Second)
		s.AcceptAll()
		s.Passes(time.Second)
		s.confirmAll()
		v.Reply(messageOf("a", "again"))
		s.Settle()
		if got, want := c.Sock.Take(), messageOf("a", "again"); got != want {
			t.Errorf("it hears %q; want %q", got, want)
		}
	})
}

// TestLateSubscriber: who subscribes while messages are on their way to others hears those that come from then on.
func TestLateSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := heard(t, 1)
		for range portion + 10 {
			other := s.connect()
			other.Send(array("SUBSCRIBE", "a"))
			s.Settle()
			other.Sock.Take()
		}
		feed := s.Servers[0].Feed
		feed.Reply(messageOf("a", "1"))
		late := s.connect()
		late.Send(array("SUBSCRIBE", "a"))
		s.Settle()
		feed.Reply(messageOf("a", "2"))
		s.Passes(10 * time.Millisecond)
		if got, want := late.Sock.Take(), confirmed("subscribe", "a", 1)+messageOf("a", "2"); got != want {
			t.Errorf("it hears %q; want %q", got, want)
		}
		if got, want := c.Sock.Take(), messageOf("a", "1")+messageOf("a", "2"); got != want {
			t.Errorf("another hears %q; want %q", got, want)
		}
	})
}

// TestWaitInDoubt: who wrote before connections to the server were lost is told so, once, in place of how many replicas have it; who came
// later is not.
func TestWaitInDoubt(t *testing.T) {
	unsure := "-ERR " + backend.ErrUnsure.Error() + "\r\n"
	for _, tt := range []struct {
		name string
		lose func(*sim)
	}{
		{"the server hangs up", func(s *sim) { s.Servers[0].HangUp() }},
		{"its name leads elsewhere", func(s *sim) { moveServer(s, s.Servers[0].Conn) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := steady(t, 1)
			v := s.Servers[0]
			c.Send(array("SET", "a", "1"))
			s.Settle()
			v.Reply("+OK\r\n")
			s.Settle()
			tt.lose(s)
			s.Settle()
			s.AcceptAll()
			s.Settle()
			c.Sock.Take()
			v.Sock.Take()
			c.Send(array("WAIT", "1", "100"))
			s.Settle()
			if got := c.Sock.Take(); got != unsure {
				t.Errorf("the client has %q; want %q", got, unsure)
			}
			for _, c := range []*simClient{c, s.connect()} {
				c.Send(array("WAIT", "1", "100"))
				s.Settle()
				s.AcceptAll()
				v.Sock.Take()
				v.Reply("+PONG\r\n:0\r\n:1\r\n")
				s.Settle()
				if got := c.Sock.Take(); got != ":1\r\n" {
					t.Errorf("asked again, or by another client: %q", got)
				}
			}
		})
	}
	t.Run("between the asking and the answer", func(t *testing.T) {
		s, c := steady(t, 1)
		v := s.Servers[0]
		shared := *v
		c.Send(array("WAIT", "1", "100"))
		s.Settle()
		v.Conn.Addr = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1} // that was connected later
		moveServer(s, shared.Conn)
		v.Reply("+PONG\r\n:0\r\n:1\r\n")
		s.Settle()
		if got := c.Sock.Take(); got != unsure {
			t.Errorf("the client has %q; want %q", got, unsure)
		}
	})
}

// moveServer has the first server's name lead to another address than that of c.
func moveServer(s *sim, c *sessiontest.Conn) {
	c.Addr = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}
	s.local.Moved(s.pool, s.pool.Servers()[0], []string{"10.0.0.2"})
}

// TestWaitAfterRest: a server of which nothing was heard for a while, as its connections were given back, is doubted once, and not each
// second anew.
func TestWaitAfterRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := steady(t, 1)
		v := s.Servers[0]
		c.Send(array("HELLO", "3"))
		s.Settle()
		v.Three.Reply("%1\r\n$5\r\nproto\r\n:3\r\n")
		s.Settle()
		v.HangUp() // that of RESP2
		s.Passes(2 * time.Minute)
		s.local.Tidy()
		before := c.session.group.Standing()
		for range 5 {
			s.Passes(time.Second)
			s.local.Tidy()
		}
		if c.session.group.Standing() != before {
			t.Error("the server is doubted with each look")
		}
	})
}
