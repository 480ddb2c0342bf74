package session

import (
	"strings"
	"testing"
)

// TestCrowdedServer: who sends to a server connection that has as much outstanding as it may waits until half of that is gone.
func TestCrowdedServer(t *testing.T) {
	const most = 32 << 10
	s, c := steady(t, 1)
	s.local.limits.MaxPipeline = 1 << 20
	v := s.Servers[0]
	for range 200 { // so that it is known how small the replies are
		c.Send(array("GET", "a"))
		s.Settle()
		v.Reply("$-1\r\n")
	}
	v.Sock.Take()
	c.Send(strings.Repeat(array("GET", "a"), most) + array("GET", "last"))
	s.Settle()
	if n := strings.Count(v.Sock.Take(), "GET"); n != most {
		t.Fatalf("%d requests are with the server; want %d", n, most)
	}
	v.Reply(strings.Repeat("$-1\r\n", most/2-1))
	s.Settle()
	if got := v.Sock.Take(); got != "" {
		t.Errorf("with more than half of them outstanding the server got %q", got)
	}
	v.Reply("$-1\r\n")
	s.Settle()
	if got, want := v.Sock.Take(), array("GET", "last"); got != want {
		t.Errorf("with half of them outstanding the server got %q; want %q", got, want)
	}
}

// TestCrowdedBytes is TestCrowdedServer for a server that does not read: what counts are the bytes.
func TestCrowdedBytes(t *testing.T) {
	const most = 32 << 20
	s, c := steady(t, 1)
	s.local.limits.MaxPipeline = 1 << 20
	v := s.Servers[0]
	v.Sock.Room = 0
	set := array("SET", "a", strings.Repeat("v", 1<<20))
	for range 40 {
		c.Send(set)
		s.Settle()
	}
	pending := func() int { return v.Up.Out().Pending() }
	if n := pending(); n < most || n > most+2*len(set) {
		t.Fatalf("%d bytes wait for the server; want about %d", n, most)
	}
	before := c.session.commands
	s.DrainRoom(v.Sock, pending()-most/2-1)
	if c.session.commands != before || pending() != most/2+1 {
		t.Errorf("with half of the bytes gone but one, %d commands more were taken; %d bytes wait", c.session.commands-before, pending())
	}
	s.DrainRoom(v.Sock, 1)
	if c.session.commands == before {
		t.Error("with half of the bytes gone no command was taken")
	}
}
