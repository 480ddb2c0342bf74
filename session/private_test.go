package session

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/session/sessiontest"
)

const (
	saysThree = "%1\r\n$5\r\nproto\r\n:3\r\n"
	forget    = ">2\r\n$10\r\ninvalidate\r\n_\r\n"
	toldOfB   = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nb\r\n"
	optedOut  = "*4\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n$6\r\nOPTOUT\r\n"
)

// tracks returns a client that tracks keys by CLIENT TRACKING with those words, and the servers of two keys, "a" and "b".
func tracks(t *testing.T, words ...string) (s *sim, c *simClient, a, b *sessiontest.Server) {
	t.Helper()
	return tracksIn(t, resp.Options{Private: true}, nil, words...)
}

// tracksIn is tracks in a pool with these options.
func tracksIn(t *testing.T, o resp.Options, edit func(*Limits, *ClientOptions), words ...string) (s *sim, c *simClient, a, b *sessiontest.Server) {
	t.Helper()
	s = newSimWith(t, 2, o, nil, edit)
	c = s.connect()
	c.Send(array("HELLO", "3"))
	s.Settle()
	for _, v := range s.Servers {
		v.Three.Reply(saysThree)
	}
	s.Settle()
	c.Sock.Take()
	c.Send(array(append([]string{"CLIENT", "TRACKING", "ON"}, words...)...))
	s.Settle()
	c.has(t, "+OK\r\n")
	of := func(key string) *sessiontest.Server {
		_, server := s.pool.Router().Route([]byte(key))
		return s.Server(server.Addr)
	}
	if a, b = of("a"), of("b"); a == b {
		t.Fatal("both keys are on one server")
	}
	return s, c, a, b
}

// TestPrivate: what a client that tracks keys reads comes over connections of its own, and what servers tell it stands behind the reply that it is
// about, also if that has to wait.
func TestPrivate(t *testing.T) {
	s, c, a, b := tracks(t)
	c.Send(array("GET", "a") + array("GET", "b"))
	s.Settle()
	for _, v := range s.Servers {
		v.Three.Reply(saysThree)
	}
	s.Settle()
	on := array("HELLO", "3") + array("CLIENT", "TRACKING", "ON")
	wants(t, a.Three, on+array("GET", "a"))
	wants(t, b.Three, on+array("GET", "b"))
	b.Three.Reply("+OK\r\n$1\r\n1\r\n" + toldOfB)
	s.Settle()
	c.has(t, "")
	a.Three.Reply("+OK\r\n$1\r\n0\r\n")
	s.Settle()
	c.has(t, "$1\r\n0\r\n$1\r\n1\r\n"+toldOfB)
	b.Three.Reply(toldOfB[:10])
	b.Three.Reply(toldOfB[10:] + ">2\r\n$7\r\nunknown\r\n$1\r\nx\r\n")
	s.Settle()
	c.has(t, toldOfB)
	b.Three.HangUp()
	s.Settle()
	c.has(t, forget)
	c.Send(array("CLIENT", "TRACKING", "OFF"))
	s.Settle()
	c.has(t, "+OK\r\n")
	if c.session.own != nil || !a.Three.Conn.Closed {
		t.Error("it still has connections of its own")
	}
}

// TestPrivateRefused: a client whose server does not do what it was told first is closed, since it would not be told of what changes.
func TestPrivateRefused(t *testing.T) {
	s, c, a, _ := tracks(t)
	c.Send(array("GET", "a"))
	s.Settle()
	a.Three.Reply(saysThree)
	s.Settle()
	a.Three.Reply("-ERR unknown subcommand 'TRACKING'. Try CLIENT HELP.\r\n$1\r\n0\r\n")
	s.Settle()
	if c.session.life != closed {
		t.Errorf("it is not closed, and has %q", c.Sock.Take())
	}
}

// TestPrivateLater: a client whose server is busy when it is told so is told to forget all, and the server is told again.
func TestPrivateLater(t *testing.T) {
	s, c, a, _ := tracks(t)
	for _, reply := range []string{"-BUSY Redis is busy running a script.\r\n", "+OK\r\n"} {
		c.Send(array("GET", "a"))
		s.Settle()
		a.Three.Reply(saysThree)
		s.Settle()
		a.Three.Reply(reply + "$1\r\n0\r\n")
		s.Settle()
		want := "$1\r\n0\r\n"
		if reply[0] == '-' {
			want += forget
		}
		c.has(t, want)
	}
}

// TestPrivateNext: CLIENT CACHING goes ahead of the next command, to each server that this goes to, and no further.
func TestPrivateNext(t *testing.T) {
	s, c, a, b := tracks(t, "OPTOUT")
	c.Send(array("CLIENT", "CACHING", "NO") + array("MGET", "a", "b") + array("GET", "a"))
	s.Settle()
	for _, v := range s.Servers {
		v.Three.Reply(saysThree)
	}
	s.Settle()
	no := array("CLIENT", "CACHING", "NO")
	wants(t, a.Three, array("HELLO", "3")+optedOut+no+array("mget", "a")+array("GET", "a"))
	wants(t, b.Three, array("HELLO", "3")+optedOut+no+array("mget", "b"))
}

// TestPrivateNextKept: what CLIENT CACHING said is of the next command that is none of CLIENT's.
func TestPrivateNextKept(t *testing.T) {
	s, c, a, _ := tracks(t, "OPTOUT")
	no, on := array("CLIENT", "CACHING", "NO"), array("HELLO", "3")+optedOut
	c.Send(no + array("CLIENT", "GETNAME") + array("CLIENT", "ID") + array("GET", "a") + no + array("PING") + array("GET", "a") + no + array("CLIENT", "nosuch") + array("GET", "a"))
	s.Settle()
	a.Three.Reply(saysThree)
	s.Settle()
	wants(t, a.Three, on+no+array("GET", "a")+array("GET", "a")+array("GET", "a"))
}

// TestPrivateTelling: a client that is to be told of all keys is told to forget all whenever a server begins to tell; one that is told of what it reads
// is not, since it reads behind that.
func TestPrivateTelling(t *testing.T) {
	for _, words := range [][]string{{"BCAST"}, {"BCAST", "PREFIX", "a"}, {"NOLOOP"}} {
		s, c, a, _ := tracks(t, words...)
		c.Send(array("GET", "a"))
		want := ""
		if words[0] == "BCAST" {
			want = forget
		}
		for range 2 {
			s.Settle()
			a.Three.Reply(saysThree)
			s.Settle()
			c.has(t, "")
			a.Three.Reply("+OK\r\n$1\r\n0\r\n")
			s.Settle()
			c.has(t, "$1\r\n0\r\n"+want)
			a.Three.HangUp()
			s.Settle()
			c.has(t, forget)
			c.Send(array("GET", "a"))
		}
	}
}

// TestPrivateAgain: a client that tracks keys anew is told to forget what it read when it did before.
func TestPrivateAgain(t *testing.T) {
	const ok = "+OK\r\n"
	on, off := array("CLIENT", "TRACKING", "ON"), array("CLIENT", "TRACKING", "OFF")
	s, c, _, _ := tracks(t)
	for _, step := range [][2]string{{off, ok}, {on, ok + forget}, {array("RESET"), "+RESET\r\n"}} {
		c.Send(step[0])
		s.Settle()
		if got := c.Sock.Take(); !strings.HasSuffix(got, step[1]) {
			t.Errorf("%q: it has %q", step[0], got)
		}
	}
}

// TestPrivateNextApart: CLIENT CACHING that is about a command which goes over another connection, or to one server alone, says nothing of the command
// behind that.
func TestPrivateNextApart(t *testing.T) {
	const ok = "+OK\r\n"
	for name, tt := range map[string]struct{ sent, got, reply, told string }{
		"blocks":         {array("BLPOP", "a", "1"), array("BLPOP", "a", "1"), "*-1\r\n", forget},
		"watches":        {array("WATCH", "a"), array("WATCH", "a"), ok, ""},
		"goes elsewhere": {array("MULTI") + array("SELECT", "1") + array("SELECT", "0") + array("EXEC"), array("MULTI") + array("SELECT", "1") + array("SELECT", "0") + array("EXEC"), ok + "+QUEUED\r\n+QUEUED\r\n*2\r\n" + ok + ok, forget},
	} { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			s, c, a, _ := tracksIn(t, resp.Options{Private: true, Databases: 2}, nil, "OPTOUT")
			c.Send(array("GET", "a"))
			s.Settle()
			a.Three.Reply(saysThree)
			s.Settle()
			a.Three.Reply(ok + "$-1\r\n")
			s.Settle()
			wants(t, a.Three, array("HELLO", "3")+optedOut+array("GET", "a"))
			c.has(t, "$-1\r\n")
			mine := a.Three.Sock
			c.Send(array("CLIENT", "CACHING", "NO") + tt.sent)
			s.Settle()
			if a.Three.Sock == mine {
				t.Fatal("it has no other connection")
			}
			a.Three.Reply(saysThree)
			s.Settle()
			wants(t, a.Three, array("HELLO", "3")+tt.got)
			a.Three.Reply(tt.reply)
			s.Settle()
			if got := c.Sock.Take(); !strings.HasSuffix(got, tt.reply+tt.told) {
				t.Errorf("the client has %q", got)
			}
			c.Send(array("GET", "a"))
			s.Settle()
			if got := mine.Take(); got != array("GET", "a") {
				t.Errorf("the server has %q", got)
			}
		})
	}
}

// TestPrivateWaits: what a client is told behind a reply that does not come is bounded, and what does not wait any more does not count.
func TestPrivateWaits(t *testing.T) {
	const most = 64 << 10
	s, c, a, _ := tracksIn(t, resp.Options{Private: true}, func(_ *Limits, o *ClientOptions) { o.ClientOutputBuffer = most }, "BCAST")
	for _, v := range s.Servers {
		v.Three.Reply(saysThree)
	}
	s.Settle()
	a.Three.Reply("+OK\r\n")
	s.Settle()
	conn, up := a.Three.Conn, a.Three.Up
	c.Send(array("GET", "a"))
	for range 3 * most / len(toldOfB) { // it is always owed something
		c.Send(array("GET", "a"))
		s.Settle()
		a.Three.Reply(toldOfB + "$-1\r\n")
		s.Settle()
		if c.Sock.Take() == "" {
			t.Fatal("it has nothing")
		}
	}
	a.Three.Reply("$-1\r\n")
	s.Settle()
	c.has(t, "$-1\r\n"+toldOfB)
	c.Send(array("BLPOP", "a", "0"))
	s.Settle()
	a.Three.Conn, a.Three.Up = conn, up             // that of BLPOP has its place
	for range (most - len(forget)) / len(toldOfB) { // it is told to forget behind BLPOP
		a.Three.Reply(toldOfB)
	}
	s.Settle()
	c.has(t, "")
	if c.session.life == closed {
		t.Fatal("it is closed early")
	}
	a.Three.Reply(toldOfB + toldOfB)
	s.Settle()
	if c.session.life != closed {
		t.Error("what it is told waits without bound")
	}
}

// TestPrivateReload: behind a reload a client that tracks keys has to forget all; it is closed if its pool has no clients that do any more, for it would
// not be told of all that it reads.
func TestPrivateReload(t *testing.T) {
	for _, may := range []bool{true, false} {
		s, c, _, _ := tracks(t)
		servers := *s.pool.Options()
		servers.Protocol = resp.New(resp.Options{Private: may})
		bp, err := s.pool.Successor(servers)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(bp.Close)
		next := NewPool(bp, s.pool.opts, alone{})
		next.Adopt(s.pool)
		s.Loop.Execute(func() { s.local.Apply(&Change{Limits: s.local.limits, Replaced: []Replaced{{s.pool, next}}}) })
		s.Settle()
		if may {
			c.has(t, forget)
		}
		if gone := c.session.life == closed; gone == may {
			t.Errorf("%v: closed is %v", may, gone)
		}
	}
}

// TestPrivateForgets: a client that tracks keys is told to forget all when keys may have another server, and behind what went over another
// connection, as a command that blocks.
func TestPrivateForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, a, _ := tracks(t)
		c.Send(array("GET", "a"))
		s.Settle()
		a.Three.Reply(saysThree)
		s.Settle()
		a.Three.Reply("+OK\r\n$1\r\n0\r\n")
		s.Settle()
		c.has(t, "$1\r\n0\r\n")
		c.session.own.router = nil // the ring changes
		s.Passes(time.Second)
		c.has(t, forget)
		c.Send(array("BLPOP", "a", "0"))
		s.Settle()
		a.Three.Reply(saysThree)
		s.Settle()
		a.Three.Reply("*2\r\n$1\r\na\r\n$1\r\n1\r\n")
		s.Settle()
		c.has(t, "*2\r\n$1\r\na\r\n$1\r\n1\r\n"+forget)
	})
}
