package session

import (
	"strings"
	"testing"
	"time"
)

const (
	queued  = "+QUEUED\r\n"
	aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n"
	apart   = "-CROSSSLOT Keys in request don't hash to the same server: 'a' is on s0, 'b' on s1\r\n"
)

// TestTransaction: the server gets a transaction in one piece, and its client one reply for each command, whatever is under way before
// and behind it.
func TestTransaction(t *testing.T) {
	s, c := steady(t, 1)
	v, other := s.Servers[0], s.connect()
	c.Send(array("GET", "a") + array("MULTI") + array("SET", "a", "1") + array("CLIENT", "GETNAME") + array("PING"))
	other.Send(array("GET", "x"))
	c.Send(array("EXEC") + array("GET", "b"))
	s.Settle()
	multi := array("MULTI") + array("SET", "a", "1") + array("PING") + array("EXEC")
	if got, want := v.Sock.Take(), array("GET", "a")+array("GET", "x")+multi+array("GET", "b"); got != want {
		t.Errorf("the server got %q; want %q", got, want)
	}
	v.Reply(bulk("A") + bulk("X") + "+OK\r\n" + queued + queued)
	s.Settle()
	if got, want := c.Sock.Take(), bulk("A")+"+OK\r\n"+queued+queued+queued; got != want {
		t.Errorf("before EXEC the client has %q; want %q", got, want)
	}
	v.Reply("*2\r\n+OK\r\n+PONG\r\n" + bulk("B"))
	s.Settle()
	if got, want := c.Sock.Take(), "*3\r\n+OK\r\n$-1\r\n+PONG\r\n"+bulk("B"); got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if got := other.Sock.Take(); got != bulk("X") {
		t.Errorf("the other has %q", got)
	}
}

// TestTransactionApart: of a transaction whose keys live on two servers neither gets anything, and the next one works.
func TestTransactionApart(t *testing.T) {
	s, c := steady(t, 2)
	c.Send(array("MULTI") + array("SET", "a", "1") + array("SET", "b", "2") + array("MGET", "a", "b") + array("SET", "a", "3") + array("EXEC"))
	s.Settle()
	if got, want := c.Sock.Take(), "+OK\r\n"+queued+apart+apart+queued+aborted; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	c.Send(array("MULTI") + array("EXEC") + array("MULTI") + array("SET", "a", "1") + array("DISCARD") + array("EXEC"))
	s.Settle()
	if got, want := c.Sock.Take(), "+OK\r\n*0\r\n+OK\r\n"+queued+"+OK\r\n-ERR EXEC without MULTI\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	for _, v := range s.Servers {
		if got := v.Sock.Take(); got != "" {
			t.Errorf("a server got %q", got)
		}
	}
}

// TestTransactionTooLarge: what is queued may have as much as one command.
func TestTransactionTooLarge(t *testing.T) {
	s := newSim(t, 1, func(l *Limits, _ *ClientOptions) { l.MaxRequestBytes = 1 << 10 })
	c := s.connect()
	c.Send(array("MULTI") + array("SET", "a", strings.Repeat("x", 600)) + array("SET", "a", strings.Repeat("x", 600)) + array("EXEC"))
	s.Settle()
	if got, want := c.Sock.Take(), "+OK\r\n"+queued+"-ERR transaction too large\r\n"+aborted; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	c.Send(array("MULTI") + strings.Repeat(array("CLIENT", "ID"), 20) + array("EXEC"))
	s.Settle()
	if got := c.Sock.Take(); !strings.Contains(got, "transaction too large") || !strings.HasSuffix(got, aborted) {
		t.Errorf("20 commands that the proxy answers, of 128 bytes and more each, have %q; want no room for them", got)
	}
}

// TestTransactionFails: where the server ends in the middle, or can't be reached, EXEC is answered with an error, once.
func TestTransactionFails(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	c.Send(array("MULTI") + array("SET", "a", "1") + array("CLIENT", "ID") + array("EXEC"))
	s.Settle()
	v.Reply("+OK\r\n" + queued)
	v.HangUp()
	s.Settle()
	if got, want := c.Sock.Take(), "+OK\r\n"+queued+queued+"-ERR Connection reset by peer\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if n := len(c.session.local.transactions); n != 1 || c.session.transaction != nil {
		t.Errorf("%d transactions are kept for others, the client's is %v", n, c.session.transaction)
	}
}

// TestTransactionLeaves: a client that is told to go in the middle of one has a moment for its EXEC, and takes nothing along.
func TestTransactionLeaves(t *testing.T) {
	s, c := steady(t, 1)
	c.Send(array("MULTI") + array("SET", "a", "1"))
	s.local.Drain(30 * time.Second)
	s.Settle()
	if c.session.life != leaving {
		t.Fatalf("life %d; want it to wait for EXEC", c.session.life)
	}
	c.Send(array("EXEC"))
	s.Settle()
	s.Servers[0].Reply("+OK\r\n" + queued + "*1\r\n+OK\r\n")
	s.Settle()
	if got := c.Sock.Take(); !strings.HasSuffix(got, "*1\r\n+OK\r\n") || c.session.life < lingering {
		t.Errorf("it has %q, life %d; want the reply, and the end", got, c.session.life)
	}
}

// TestAllocsTransaction: a transaction of ten commands allocates nothing.
func TestAllocsTransaction(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	in := array("MULTI") + strings.Repeat(array("SET", "a", "1"), 10) + array("EXEC")
	replies := []byte("+OK\r\n" + strings.Repeat(queued, 10) + "*10\r\n" + strings.Repeat("+OK\r\n", 10))
	buf, back := make([]byte, len(in)), make([]byte, len(replies))
	play := func() {
		copy(buf, in)
		s.Loop.Data(c.session, buf)
		s.Settle()
		copy(back, replies)
		s.Loop.Data(v.Up, back)
		s.Settle()
		c.Sock.Got, v.Sock.Got = c.Sock.Got[:0], v.Sock.Got[:0]
	}
	play()
	v.Sock.Writes = 0
	if n := testing.AllocsPerRun(100, play); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if n := v.Sock.Writes; n > 101 {
		t.Errorf("%d writes to the server for 101 transactions", n)
	}
}
