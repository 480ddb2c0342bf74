package session

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/session/sessiontest"
)

// confirmed is what RESP2 says of n subscriptions once one has begun or ended.
func confirmed(word, name string, n int) string {
	return fmt.Sprintf("*3\r\n%s%s:%d\r\n", bulk(word), bulk(name), n)
}

func messageOf(channel, text string) string {
	return "*3\r\n" + bulk("message") + bulk(channel) + bulk(text)
}

// heard is steady with a client that is subscribed to a.
func heard(t testing.TB, servers int) (*sim, *simClient) {
	t.Helper()
	s, c := steady(t, servers)
	c.Send(array("SUBSCRIBE", "a"))
	s.Settle()
	s.confirmAll()
	if got, want := c.Sock.Take(), confirmed("subscribe", "a", 1); got != want {
		t.Fatalf("the client has %q; want %q", got, want)
	}
	return s, c
}

// confirmAll has all servers say that what they were asked is in force, or is so no more.
func (s *sim) confirmAll() {
	for _, v := range s.Servers {
		if v.Feed.Sock != nil {
			for lines := strings.Split(v.Feed.Sock.Take(), "\r\n"); len(lines) >= 5; lines = lines[5:] {
				v.Feed.Reply(confirmed(strings.ToLower(lines[2]), lines[4], 1))
			}
		}
	}
	s.Settle()
}

// feed is that of the server which has a name.
func (s *sim) feed(name string) *sessiontest.Server {
	_, server := s.pool.Router().Route([]byte(name))
	return s.Server(server.Addr).Feed
}

// TestSubscribe: for two clients of a loop there is one subscription, each has the messages in its own version, and with the last of
// them the subscription goes.
func TestSubscribe(t *testing.T) {
	s, c := heard(t, 2)
	v, three := s.feed("a"), s.connect()
	three.Send(array("HELLO", "3"))
	s.Settle()
	for _, v := range s.Servers {
		v.Three.Reply("%1\r\n$5\r\nproto\r\n:3\r\n")
	}
	s.Settle()
	three.Sock.Take()
	three.Send(array("SUBSCRIBE", "a", "a") + array("PING"))
	s.Settle()
	if got, want := three.Sock.Take(), strings.Repeat(">"+confirmed("subscribe", "a", 1)[1:], 2)+"+PONG\r\n"; got != want {
		t.Errorf("the second has %q; want %q", got, want)
	}
	if got := v.Sock.Take(); got != "" {
		t.Errorf("for the second the server was sent %q", got)
	}
	half := messageOf("a", strings.Repeat("x", 2000))
	v.Reply(messageOf("a", "one") + half[:1000])
	v.Reply(half[1000:] + messageOf("nobody", "two"))
	s.Settle()
	if got, want := c.Sock.Take(), messageOf("a", "one")+half; got != want {
		t.Errorf("in RESP2 it hears %q", got)
	}
	if got, want := three.Sock.Take(), ">"+messageOf("a", "one")[1:]+">"+half[1:]; got != want {
		t.Errorf("in RESP3 it hears %q", got)
	}
	c.Send(array("UNSUBSCRIBE"))
	three.HangUp(nil)
	s.Settle()
	if got, want := c.Sock.Take(), confirmed("unsubscribe", "a", 0); got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if got, want := v.Sock.Take(), array("unsubscribe", "a"); got != want {
		t.Errorf("the server was sent %q; want %q", got, want)
	}
	v.Reply(messageOf("a", "late") + confirmed("unsubscribe", "a", 0))
	s.Settle()
	if h := c.session.hub; h.all.first != nil || s.pool.census.any() || len(h.topics[0]) != 0 || v.Up == nil {
		t.Errorf("%v is left of it, %v; the feed is %v", h.all.first, s.pool.census.any(), v.Up)
	}
}

// TestSubscribeFails: a client is subscribed to all that it asks for or to nothing, and is told why.
func TestSubscribeFails(t *testing.T) {
	s, c := steady(t, 2)
	names := []string{"a", "b"} // of both servers
	if s.feed("a") == s.feed("b") {
		t.Fatal("the names live on one server")
	}
	fails := func(why string, fail func(v *sessiontest.Server)) {
		t.Helper()
		c.Send(array("SUBSCRIBE", "a", "b"))
		s.Settle()
		v := s.feed("a")
		v.Sock.Take()
		v.Reply(confirmed("subscribe", "a", 1))
		s.Settle()
		if got := c.Sock.Take(); got != "" {
			t.Errorf("with one of %v it has %q", names, got)
		}
		fail(s.feed("b"))
		s.Settle()
		if got := c.Sock.Take(); !strings.Contains(got, why) || strings.Count(got, "\r\n") != 1 {
			t.Errorf("it has %q; want %q, once", got, why)
		}
		if got := v.Sock.Take(); got != array("unsubscribe", "a") {
			t.Errorf("of the other the server was sent %q", got)
		}
		v.Reply(confirmed("unsubscribe", "a", 0))
		if c.session.subscribes() || s.pool.census.any() {
			t.Error("it is subscribed")
		}
		c.Send(array("PING"))
		s.Settle()
		if got := c.Sock.Take(); got != "+PONG\r\n" {
			t.Errorf("PING has %q", got)
		}
	}
	fails("-NOPERM no", func(v *sessiontest.Server) { v.Sock.Take(); v.Reply("-NOPERM no\r\n") })
	fails("reset by peer", func(v *sessiontest.Server) { v.HangUp() })
	fails("Invalid argument", func(v *sessiontest.Server) { v.Reply("+OK\r\n") }) // no answer to that
	for _, size := range []string{"1073741825", "2305843009213693951"} {
		fails("Invalid argument", func(v *sessiontest.Server) { v.Reply("*3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$" + size + "\r\nx") })
	}
	s.Redial = nil
	s.feed("b").HangUp()
	s.Settle()
	fails("refused", func(v *sessiontest.Server) { v.Refuse(syscall.ECONNREFUSED) })
}

// TestResubscribe: what is lost with its feed is asked for again, and nobody has to know.
func TestResubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := heard(t, 1)
		c.Send(array("PSUBSCRIBE", "x*"))
		s.Settle()
		s.confirmAll()
		c.Sock.Take()
		v := s.Servers[0].Feed
		s.Redial = nil
		v.HangUp()
		s.Passes(300 * time.Millisecond)
		v.Refuse(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
		if n := s.local.Figures(s.pool).Servers[0].Subscriptions; n != 0 {
			t.Errorf("%d subscriptions are in force without a feed", n)
		}
		s.AcceptAll()
		s.Passes(2 * time.Second)
		if got, want := v.Sock.Take(), array("subscribe", "a")+array("psubscribe", "x*"); got != want {
			t.Fatalf("once it is back the server is sent %q; want %q", got, want)
		}
		v.Reply(confirmed("subscribe", "a", 1) + confirmed("psubscribe", "x*", 2) + messageOf("a", "again"))
		s.Settle()
		if got, want := c.Sock.Take(), messageOf("a", "again"); got != want {
			t.Errorf("it hears %q; want %q", got, want)
		}
		f := s.local.Figures(s.pool)
		if n := f.Servers[0]; n.Resubscribed != 2 || n.Subscriptions != 2 || n.Messages != 1 || f.Clients.Subscriptions != 2 || f.Clients.Messages != 1 {
			t.Errorf("figures %+v, %+v", n, f.Clients)
		}
	})
}

// TestMessageWithinReply: a message comes between whole replies, though it came in the middle of one.
func TestMessageWithinReply(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	c.Send(array("HELLO", "3"))
	s.Settle()
	v.Three.Reply("%1\r\n$5\r\nproto\r\n:3\r\n")
	s.Settle()
	c.Send(array("SUBSCRIBE", "a"))
	s.Settle()
	s.confirmAll()
	c.Sock.Take()
	long := bulk(strings.Repeat("x", 2*streamBytes))
	c.Send(array("GET", "a") + array("GET", "b"))
	s.Settle()
	v.Three.Reply(long[:streamBytes+100])
	s.Settle()
	v.Feed.Reply(messageOf("a", "one") + messageOf("a", strings.Repeat("y", shareBytes)))
	s.Settle()
	if got := c.Sock.Take(); got != long[:streamBytes+100] {
		t.Errorf("in the middle of the reply it has %d bytes; want %d", len(got), streamBytes+100)
	}
	v.Three.Reply(long[streamBytes+100:] + bulk("B"))
	s.Settle()
	want := long[streamBytes+100:] + ">" + messageOf("a", "one")[1:] + ">" + messageOf("a", strings.Repeat("y", shareBytes))[1:] + bulk("B")
	if got := c.Sock.Take(); got != want {
		t.Errorf("behind it are %q", got[len(got)-min(len(got), 700):])
	}
}

// TestSlowSubscriber: one that does not read is closed once it has as much before it as it may, and the others hear on.
func TestSlowSubscriber(t *testing.T) {
	s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.ClientOutputBuffer = 64 << 10 })
	slow, well := s.connect(), s.connect()
	for _, c := range []*simClient{slow, well} {
		c.Send(array("SUBSCRIBE", "a"))
		s.Settle()
		s.confirmAll()
		c.Sock.Take()
	}
	slow.Sock.Room = 0
	text := messageOf("a", strings.Repeat("x", 20<<10))
	for i := range 5 {
		s.Servers[0].Feed.Reply(text)
		s.Settle()
		if got := well.Sock.Take(); got != text {
			t.Fatalf("message %d: the other hears %d bytes; want %d", i, len(got), len(text))
		}
	}
	if n := s.pool.Count.SlowSubscribers.Load(); n != 1 || !slow.Conn.Closed {
		t.Errorf("%d are closed for it, %v", n, slow.Conn.Closed)
	}
	if n := s.local.Figures(s.pool).Clients.Subscriptions; n != 1 {
		t.Errorf("%d subscriptions; want that of the other", n)
	}
}

// TestFanOut: thousands hear a message in portions, each all of them and in their order; there is one copy of it.
func TestFanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 3*portion + 10
		s := newSim(t, 1, nil)
		clients := make([]*simClient, n)
		for i := range clients {
			c := s.connect()
			clients[i] = c
			c.Send(array("SUBSCRIBE", "a") + array("SUBSCRIBE", "b"))
			s.Settle()
			s.confirmAll()
			c.Sock.Take()
		}
		clients[0].Send(array("UNSUBSCRIBE", "b")) // fewer hear that than the other
		for _, c := range clients[portion:] {
			c.Send(array("UNSUBSCRIBE", "b"))
		}
		s.Settle()
		for _, c := range clients {
			c.Sock.Take()
		}
		feed := s.Servers[0].Feed
		one, two, three := messageOf("a", strings.Repeat("1", 1000)), messageOf("a", "2"), messageOf("b", "3")
		full := clients[1]
		full.Sock.Room = 100
		feed.Reply(one)
		wrote := func() (k int) {
			for _, c := range clients {
				if len(c.Sock.Got) > 0 {
					k++
				}
			}
			return k
		}
		if k := wrote(); k != portion {
			t.Errorf("%d are written to at once; want %d", k, portion)
		}
		if out := &full.session.out; out.Pending() != len(one)-100 || out.Own() != 0 {
			t.Errorf("of a message that its socket has no room for a client has %d bytes waiting, %d of them for itself", out.Pending(), out.Own())
		}
		s.DrainRoom(full.Sock, -1)
		clients[n-1].HangUp(nil)
		feed.Reply(two + three)
		s.Passes(10 * time.Millisecond)
		for i, c := range clients[:n-1] {
			want := one + two
			if i > 0 && i < portion {
				want += three
			}
			if got := c.Sock.Take(); got != want {
				t.Fatalf("client %d hears %q; want %q", i, got, want)
			}
		}
		h := clients[0].session.hub
		if len(h.walking) > 0 || len(h.topics[0]["a"].log) > 0 {
			t.Errorf("%d topics go on, %d messages are kept", len(h.walking), len(h.topics[0]["a"].log))
		}
	})
}

// TestPublish: its reply counts clients, whatever the server counts.
func TestPublish(t *testing.T) {
	s, c := heard(t, 1)
	v := s.Servers[0]
	other := s.connect()
	other.Send(array("SUBSCRIBE", "a"))
	s.Settle()
	other.Sock.Take()
	pub := s.connect()
	pub.Send(array("PUBLISH", "a", "x") + array("PUBSUB", "NUMSUB", "a") + array("MULTI") + array("PUBLISH", "a", "y") + array("EXEC"))
	s.Settle()
	v.Reply(":1\r\n*2\r\n" + bulk("a") + ":1\r\n+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	s.Settle()
	if got, want := pub.Sock.Take(), ":2\r\n*2\r\n"+bulk("a")+":2\r\n+OK\r\n+QUEUED\r\n*1\r\n:1\r\n"; got != want {
		t.Errorf("it has %q; want %q", got, want)
	}
	c.HangUp(nil)
	other.HangUp(nil)
	pub.Send(array("PUBLISH", "a", "x"))
	s.Settle()
	v.Reply(":0\r\n")
	s.Settle()
	if got := pub.Sock.Take(); got != ":0\r\n" {
		t.Errorf("with nobody left it has %q", got)
	}
}

// TestPublishBefore: a server that has a pattern in force counts the loop, and the client does not hear before all servers have it.
func TestPublishBefore(t *testing.T) {
	s, c := steady(t, 2)
	pub := s.connect()
	pub.Send(array("PUBLISH", "warm", "x")) // it has a connection to each server
	s.Settle()
	for _, v := range s.Servers {
		v.Reply(":0\r\n")
	}
	s.Settle()
	pub.Sock.Take()
	c.Send(array("PSUBSCRIBE", "a*"))
	s.Settle()
	pub.Send(array("PUBLISH", "a", "x"))
	s.Settle()
	_, server := s.pool.Router().Route([]byte("a"))
	v := s.Server(server.Addr)
	v.Feed.Reply(confirmed("psubscribe", "a*", 1) + "*4\r\n" + bulk("pmessage") + bulk("a*") + bulk("a") + bulk("x"))
	s.Settle()
	v.Reply(":1\r\n")
	s.Settle()
	if got := c.Sock.Take() + pub.Sock.Take(); got != ":0\r\n" {
		t.Errorf("the two have %q", got)
	}
	s.confirmAll()
	if got, want := c.Sock.Take(), confirmed("psubscribe", "a*", 1); got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
}

// TestSubscriberLeaves: at each point of a subscription its client may go, or reset, and nothing is left of it.
func TestSubscriberLeaves(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(s *sim, c *simClient)
	}{
		{"asked for", func(_ *sim, c *simClient) { c.Send(array("SUBSCRIBE", "b", "c")); c.HangUp(nil) }},
		{"in force", func(_ *sim, c *simClient) { c.HangUp(nil) }},
		{"RESET", func(_ *sim, c *simClient) { c.Send(array("RESET")) }},
		{"QUIT", func(_ *sim, c *simClient) { c.Send(array("QUIT")) }},
		{"drain", func(s *sim, _ *simClient) { s.local.Drain(30 * time.Second) }},
		{"killed", func(s *sim, c *simClient) { s.local.Kill([]uint64{c.session.cl.ID}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := heard(t, 2)
			c.Send(array("PSUBSCRIBE", "a*"))
			s.Settle()
			s.confirmAll()
			if !s.pool.census.any() {
				t.Fatal("nothing is subscribed to")
			}
			tt.do(s, c)
			s.Settle()
			s.confirmAll()
			c.HangUp(nil)
			s.confirmAll()
			if h := s.local.shards[0].hub; h.all.first != nil || s.pool.census.any() || s.local.shards[0].tally.Subscriptions != 0 {
				t.Errorf("left: %v, %v, %d", h.all.first, s.pool.census.any(), s.local.shards[0].tally.Subscriptions)
			}
		})
	}
}
