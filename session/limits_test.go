package session

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/quota"
)

// limited is a loop before one server, whose pool has those limits.
func limited(t testing.TB, lines ...string) (*sim, *simClient) {
	t.Helper()
	users, wrong := resp.Users([]string{"default on nopass ~* &* +@all", "etl on >x ~* &* +@all"}, "")
	if len(wrong) > 0 {
		t.Fatal(wrong[0])
	}
	s := newSimOf(t, 1, resp.Options{Users: users}, func(_ *Limits, o *ClientOptions) {
		for _, line := range lines {
			r, err := quota.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			o.RateLimits = append(o.RateLimits, r)
		}
	})
	return s, s.connect()
}

const overA = "-ERR rate limit 'a' exceeded\r\n"

// TestLimitRefuses: what is past a limit is refused in its turn, between replies that servers owe; what the proxy answers itself is free.
func TestLimitRefuses(t *testing.T) {
	s, c := limited(t, "a requests=2")
	v := s.Servers[0]
	get := array("GET", "k")
	c.Send(array("PING") + get + get + get + array("PING") + get)
	s.Settle()
	if got := v.Sock.Take(); got != get+get {
		t.Errorf("the server got %q", got)
	}
	v.Reply(bulk("1") + bulk("2"))
	s.Settle()
	if got, want := c.Sock.Take(), "+PONG\r\n"+bulk("1")+bulk("2")+overA+"+PONG\r\n"+overA; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if l := s.pool.RateLimits(); len(l) != 1 || l[0].Rule != "a" || l[0].Past != "error" || l[0].Times != 2 {
		t.Errorf("figures %+v", l)
	}
	if n := c.session.tally.Refused["get"]; n != 2 {
		t.Errorf("%d refusals are counted", n)
	}
}

// TestLimitUnits: a command of many keys costs as much as as many commands, for a rule of a prefix the keys that have it; a user's rule
// is the user's alone.
func TestLimitUnits(t *testing.T) {
	s, c := limited(t, "a requests=10 prefix=p:", "w class=write requests=1", "u user=etl requests=1")
	v := s.Servers[0]
	ask := func(reply, want string, args ...string) {
		t.Helper()
		c.Send(array(args...))
		s.Settle()
		if v.Sock != nil && v.Sock.Take() != "" {
			v.Reply(reply)
		}
		s.Settle()
		if got := c.Sock.Take(); got != want {
			t.Errorf("%q: %q; want %q", args, got, want)
		}
	}
	ask("*0\r\n", "*0\r\n", "MGET", "p:1", "p:2", "p:3", "p:4", "p:5", "q:1", "q:2", "q:3", "q:4", "q:5", "q:6")
	ask("*0\r\n", "*0\r\n", "MGET", "p:1", "p:2", "p:3", "p:4")
	ask("", overA, "MGET", "p:1", "p:2")
	ask(bulk("x"), bulk("x"), "GET", "p:1")
	ask("", overA, "GET", "p:1")
	ask("+OK\r\n", "+OK\r\n", "SET", "q", "1")
	ask("", "-ERR rate limit 'w' exceeded\r\n", "SET", "q", "1")
	ask("", "+OK\r\n", "AUTH", "etl", "x")
	ask(bulk("x"), bulk("x"), "GET", "q")
	ask("", "-ERR rate limit 'u' exceeded\r\n", "GET", "q")
	ask("", "+OK\r\n", "AUTH", "default", "any")
	ask(bulk("x"), bulk("x"), "GET", "q")
}

// TestLimitBytes: bytes are those of commands, and of their replies, which the next commands pay for.
func TestLimitBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limited(t, "a bytes=1000")
		v := s.Servers[0]
		get := array("GET", "k")
		for range 2 {
			c.Send(get)
			s.Settle()
			if got := v.Sock.Take(); got != get {
				t.Fatalf("the server got %q", got)
			}
			v.Reply(bulk(strings.Repeat("x", 3000)))
			s.Settle()
			if got := c.Sock.Take(); len(got) < 3000 {
				t.Fatalf("the client has %q", got)
			}
			c.Send(get)
			s.Settle()
			if got := c.Sock.Take(); got != overA {
				t.Errorf("behind 3,000 bytes: %q", got)
			}
			s.Passes(1900 * time.Millisecond)
			c.Send(get)
			s.Settle()
			if got := c.Sock.Take(); got != overA {
				t.Errorf("1.9 seconds later: %q", got)
			}
			s.Passes(1200 * time.Millisecond)
		}
		s.Passes(time.Second)
		c.Send(array("SET", "k", strings.Repeat("x", 990)) + get)
		s.Settle()
		if got := v.Sock.Take(); len(got) < 990 || strings.Contains(got, "GET") {
			t.Errorf("the server got %q", got)
		}
	})
}

// TestLimitMulti: a command in a transaction that is past a limit spoils it, and EXEC and DISCARD are free; what EXEC is answered is
// charged to the rules that its commands came under.
func TestLimitMulti(t *testing.T) {
	s, c := limited(t, "a requests=1 bytes=500")
	v := s.Servers[0]
	c.Send(array("MULTI") + array("SET", "k", "1") + array("SET", "k", "2") + array("EXEC") + array("MULTI") + array("DISCARD"))
	s.Settle()
	if got, want := c.Sock.Take(), "+OK\r\n"+queued+overA+aborted+"+OK\r\n+OK\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if v.Sock != nil && v.Sock.Take() != "" {
		t.Error("the server got something")
	}
	s, c = limited(t, "a class=read bytes=500")
	v = s.Servers[0]
	c.Send(array("MULTI") + array("GET", "k") + array("EXEC"))
	s.Settle()
	v.Reply("+OK\r\n" + queued + "*1\r\n" + bulk(strings.Repeat("x", 1000)))
	s.Settle()
	c.Sock.Take()
	c.Send(array("GET", "k"))
	s.Settle()
	if got := c.Sock.Take(); got != overA {
		t.Errorf("behind the transaction's reply: %q", got)
	}
}

// TestLimitDelays: a client past a limit waits, in order, and others go on.
func TestLimitDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limited(t, "a prefix=p requests=10 burst=1 past=delay")
		v, other := s.Servers[0], s.connect()
		c.Send(array("GET", "p1") + array("GET", "p2") + array("GET", "q") + array("MGET", "p3", "p4"))
		other.Send(array("GET", "q"))
		s.Settle()
		if got, want := v.Sock.Take(), array("GET", "p1")+array("GET", "q"); got != want {
			t.Errorf("at once the server got %q; want %q", got, want)
		}
		if !c.session.blocked || other.session.blocked {
			t.Errorf("blocked: %v, and the other %v", c.session.blocked, other.session.blocked)
		}
		s.Passes(90 * time.Millisecond)
		if got := v.Sock.Take(); got != "" {
			t.Errorf("too early the server got %q", got)
		}
		s.Passes(20 * time.Millisecond)
		if got, want := v.Sock.Take(), array("GET", "p2")+array("GET", "q"); got != want {
			t.Errorf("then the server got %q; want %q", got, want)
		}
		s.Passes(200 * time.Millisecond) // one wider than the burst passes, and is paid for behind it
		if got, want := v.Sock.Take(), array("MGET", "p3", "p4"); got != want {
			t.Errorf("at last the server got %q; want %q", got, want)
		}
		if l := s.pool.RateLimits()[0]; l.Times != 2 || l.Waited < 0.15 || l.Waited > 0.3 || l.Past != "delay" {
			t.Errorf("figures %+v", l)
		}
	})
}

// TestLimitHangUp: who hangs up while it waits gives back what it was charged, and its connection. So does one that sends no more, which may be
// gone as well: it is told that it is past the limit, and those behind it need not wait for its turn.
func TestLimitHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limited(t, "a requests=1 past=delay")
		v := s.Servers[0]
		c.Send(array("GET", "1"))
		s.Settle()
		v.Reply(bulk("1"))
		s.Settle()
		var left []*simClient
		for i := range 20 {
			w := s.connect()
			w.Send(array("GET", "2") + array("PING") + array("GET", "2"))
			s.Settle()
			if left = append(left, w); i%2 == 0 {
				w.HangUp(syscall.ECONNRESET)
			} else {
				w.HalfClose()
			}
			s.Settle()
		}
		for i, w := range left {
			if want := overA + "+PONG\r\n" + overA; i%2 == 1 && (w.Sock.Take() != want || !w.Conn.Closed) {
				t.Errorf("who half-closed has something else than %q, or is not closed: %v", want, w.Conn.Closed)
			}
			if w.session.life != closed {
				t.Errorf("client %d is not closed", i)
			}
		}
		next := s.connect()
		next.Send(array("GET", "3"))
		s.Settle()
		v.Sock.Take()
		s.Passes(1100 * time.Millisecond)
		if got := v.Sock.Take(); got != array("GET", "3") {
			t.Errorf("after one second the server got %q", got)
		}
	})
}

// TestLimitHalfClosed: of what a client sent before it half-closed, what is within the limit is carried out, also what it had sent while it waited, and what
// is not is refused; a transaction of which a part was refused is not executed.
func TestLimitHalfClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limited(t, "a prefix=p requests=10 burst=1 past=delay")
		v := s.Servers[0]
		c.Send(array("GET", "p") + array("GET", "q"))
		c.Send(array("MULTI") + array("SET", "p", "1") + array("EXEC") + array("GET", "q"))
		s.Settle()
		c.HalfClose()
		s.Settle()
		if got := v.Sock.Take(); got != array("GET", "p")+array("GET", "q")+array("GET", "q") {
			t.Errorf("the server got %q", got)
		}
		v.Reply(bulk("1") + bulk("2") + bulk("3"))
		s.Settle()
		if got, want := c.Sock.Take(), bulk("1")+bulk("2")+"+OK\r\n"+overA+aborted+bulk("3"); got != want || !c.Conn.Closed {
			t.Errorf("the client has %q, closed %v; want %q", got, c.Conn.Closed, want)
		}
	})
}

// TestLimitDrain: a client that waits for a limit as the proxy drains is answered before it leaves.
func TestLimitDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limited(t, "a requests=1 past=delay")
		v := s.Servers[0]
		c.Send(array("GET", "1") + array("GET", "2"))
		s.Settle()
		v.Sock.Take()
		v.Reply(bulk("1"))
		s.Local.Loop().Execute(func() { s.local.Drain(30 * time.Second) })
		s.Settle()
		if c.Conn.Closed {
			t.Fatal("it is closed before its second reply")
		}
		s.Passes(1100 * time.Millisecond)
		if got := v.Sock.Take(); got != array("GET", "2") {
			t.Errorf("the server got %q", got)
		}
		v.Reply(bulk("2"))
		s.Settle()
		s.Passes(2 * time.Second)
		if got := c.Sock.Take(); got != bulk("1")+bulk("2") || !c.Conn.Closed {
			t.Errorf("the client has %q, closed %v", got, c.Conn.Closed)
		}
	})
}

// TestLimitReply: CLIENT REPLY SKIP holds for the command behind it, also if that has to wait, or is refused.
func TestLimitReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limited(t, "a prefix=1 requests=1 past=delay", "b prefix=b requests=1")
		v := s.Servers[0]
		skip := array("CLIENT", "REPLY", "SKIP")
		c.Send(array("GET", "1") + skip + array("GET", "1b") + array("GET", "b") + skip + array("GET", "b") + array("GET", "3"))
		s.Settle()
		s.Passes(4 * time.Second)
		if got, want := v.Sock.Take(), array("GET", "1")+array("GET", "1b")+array("GET", "b")+array("GET", "3"); got != want {
			t.Errorf("the server got %q; want %q", got, want)
		}
		v.Reply(bulk("1") + bulk("2") + bulk("b") + bulk("3"))
		s.Settle()
		if got, want := c.Sock.Take(), bulk("1")+bulk("b")+bulk("3"); got != want {
			t.Errorf("the client has %q; want %q", got, want)
		}
	})
}
