package engine

import (
	"strings"
	"testing"
)

// TestCrowdedServer: who sends to a server connection that has as much outstanding as it may waits until half of that is gone.
func TestCrowdedServer(t *testing.T) {
	const most = 32 << 10
	s, c := steady(t, 1)
	s.local.limits.MaxPipeline = 1 << 20
	v := s.servers[0]
	for range 200 { // so that it is known how small the replies are
		c.send(array("GET", "a"))
		s.settle()
		v.reply("$-1\r\n")
	}
	v.sock.take()
	c.send(strings.Repeat(array("GET", "a"), most) + array("GET", "last"))
	s.settle()
	if n := strings.Count(v.sock.take(), "GET"); n != most {
		t.Fatalf("%d requests are with the server; want %d", n, most)
	}
	v.reply(strings.Repeat("$-1\r\n", most/2-1))
	s.settle()
	if got := v.sock.take(); got != "" {
		t.Errorf("with more than half of them outstanding the server got %q", got)
	}
	v.reply("$-1\r\n")
	s.settle()
	if got, want := v.sock.take(), array("GET", "last"); got != want {
		t.Errorf("with half of them outstanding the server got %q; want %q", got, want)
	}
}

// TestCrowdedBytes is TestCrowdedServer for a server that does not read: what counts are the bytes.
func TestCrowdedBytes(t *testing.T) {
	const most = 32 << 20
	s, c := steady(t, 1)
	s.local.limits.MaxPipeline = 1 << 20
	v := s.servers[0]
	v.sock.room = 0
	set := array("SET", "a", strings.Repeat("v", 1<<20))
	for range 40 {
		c.send(set)
		s.settle()
	}
	pending := func() int { return v.up.Out().Pending() }
	if n := pending(); n < most || n > most+2*len(set) {
		t.Fatalf("%d bytes wait for the server; want about %d", n, most)
	}
	before := c.session.commands
	s.drainRoom(v.sock, pending()-most/2-1)
	if c.session.commands != before || pending() != most/2+1 {
		t.Errorf("with half of the bytes gone but one, %d commands more were taken; %d bytes wait", c.session.commands-before, pending())
	}
	s.drainRoom(v.sock, 1)
	if c.session.commands == before {
		t.Error("with half of the bytes gone no command was taken")
	}
}
