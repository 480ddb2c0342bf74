package session

import (
	"strings"
	"testing"

	"cashew/codec"
)

// TestFlushSoon: while one client or two wait, requests leave at once; those of more leave together in one write.
func TestFlushSoon(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	clients := []*simClient{c, s.connect(), s.connect(), s.connect()}
	const lone = 2 // what loop has as loneClients
	v.Sock.Writes = 0
	for i, c := range clients {
		c.Send(array("GET", "a"))
		if at, want := v.Sock.Writes, min(i+1, lone); at != want {
			t.Errorf("%d writes after %d clients sent something; want %d", at, i+1, want)
		}
	}
	if len(s.Tasks) != 1 {
		t.Errorf("%d tasks; want the one flush", len(s.Tasks))
	}
	s.Settle()
	if v.Sock.Writes != lone+1 || strings.Count(v.Sock.Take(), "GET") != 4 {
		t.Errorf("%d writes; want one for the rest", v.Sock.Writes)
	}
	for _, c := range clients {
		c.Sock.Writes = 0
	}
	v.Reply(strings.Repeat("$-1\r\n", 4))
	s.Settle()
	for i, c := range clients {
		if c.Sock.Writes != 1 || c.Sock.Take() != "$-1\r\n" {
			t.Errorf("client %d: %d writes", i+1, c.Sock.Writes)
		}
	}
	if len(s.Tasks) != 0 || s.Loop.Busy != 0 {
		t.Errorf("%d tasks, %d busy with nothing to do", len(s.Tasks), s.Loop.Busy)
	}
}

// TestReplySizes: from where a reply streams, and from where it is written before the flush.
func TestReplySizes(t *testing.T) {
	for _, c := range []struct {
		size, part int // of the value, and what comes first of the reply
		early      int // bytes with the client before the rest comes
	}{
		{streamBytes, streamBytes - 1, 0},
		{streamBytes, streamBytes, streamBytes},
		{streamBytes + 100, streamBytes + 50, streamBytes + 50},
		{1000, 900, 0},
	} {
		s, cl := steady(t, 1)
		v := s.Servers[0]
		cl.Send(array("GET", "a"))
		reply := bulk(strings.Repeat("v", c.size))
		v.Reply(reply[:c.part])
		if got := len(cl.Sock.Got); got != c.early {
			t.Errorf("%d of %d bytes came: the client has %d; want %d", c.part, len(reply), got, c.early)
		}
		if streams := cl.session.head.Streaming; streams != (c.early > 0) {
			t.Errorf("%d of %d bytes came: streaming %v", c.part, len(reply), streams)
		}
		v.Reply(reply[c.part:])
		s.Settle()
		if cl.Sock.Take() != reply {
			t.Errorf("%d bytes: the client got something else", len(reply))
		}
	}
}

// TestStreamFails: what fails in the middle of a reply that streams costs the client its connection; before that, an error.
func TestStreamFails(t *testing.T) {
	for _, part := range []int{streamBytes - 1, streamBytes} {
		s, c := steady(t, 1)
		c.Send(array("GET", "a"))
		s.Servers[0].Reply(bulk(strings.Repeat("v", 2*streamBytes))[:part])
		s.Servers[0].HangUp()
		s.Settle()
		streamed := part == streamBytes
		if got := c.Sock.Take(); c.Conn.Closed != streamed || !streamed && got != "-ERR Connection reset by peer\r\n" {
			t.Errorf("%d bytes came: closed %v, %d bytes of reply", part, c.Conn.Closed, len(got))
		}
	}
}

// TestScratch: what only very wide commands needed is dropped a second later, and gathers that nobody needed.
func TestScratch(t *testing.T) {
	l := newSim(t, 1, func(o *Limits, _ *ClientOptions) { o.MaxMemoryBytes = 1 << 30 }).local
	for range 3 {
		l.putGather(new(codec.Gather))
	}
	l.Tidy() // learns how many there are
	g := l.getGather()
	l.putGather(g)
	if l.Tidy(); len(l.gathers) != 1 {
		t.Errorf("%d gathers kept of 3 with one in use; want 1", len(l.gathers))
	}
	if again := l.getGather(); again != g || len(l.gathers) != 0 || l.getGather() == g {
		t.Error("a gather is given to two, or not again")
	}
	g.Op, g.Part, g.Keys = 3, append(g.Part, 1), append(g.Keys, 'k')
	g.Replies, g.Cursor = append(g.Replies, []byte("r")), append(g.Cursor, 1)
	l.putGather(g)
	if g.Op != 0 || len(g.Part)+len(g.Keys)+len(g.Replies)+len(g.Cursor) != 0 || g.Replies[:1][0] != nil {
		t.Errorf("left in a gather: %+v", g)
	}
	l.putGather(&codec.Gather{Part: make([]uint16, 0, maxGatherKeys+1)})
	if len(l.gathers) != 1 {
		t.Error("a very wide gather is kept")
	}
	l.putGather(&codec.Gather{Part: make([]uint16, 0, maxGatherKeys)})
	if len(l.gathers) != 2 {
		t.Error("a wide gather is not kept")
	}
	for range 2 * maxGathers {
		l.putGather(new(codec.Gather))
	}
	if len(l.gathers) != maxGathers {
		t.Errorf("%d gathers kept; want %d", len(l.gathers), maxGathers)
	}
	l.gathers = l.gathers[:16]
	l.putGather(&codec.Gather{Part: make([]uint16, 0, maxGatherKeys)})
	l.putGather(&codec.Gather{Part: make([]uint16, 0, maxGatherKeys)})
	if len(l.gathers) != 17 {
		t.Errorf("%d gathers kept, the last wide ones; want 17", len(l.gathers))
	}
	for _, n := range []int{maxGatherKeys, maxGatherKeys + 1} {
		l.cmd.Keys, l.parts = make([]codec.Key, 0, n), make([]uint16, 0, n)
		l.Tidy()
		if kept := n == maxGatherKeys; (l.cmd.Keys != nil) != kept || (l.parts != nil) != kept {
			t.Errorf("room for %d keys: kept %v, %v; want %v", n, l.cmd.Keys != nil, l.parts != nil, kept)
		}
	}
}
