//go:build invariants

package engine

import (
	"strings"
	"testing"
)

// TestCopies holds how often a byte of a request and of a reply is copied on its way, in user space, where nothing is
// late: a small one once, into the batch that it leaves with; a large one as little as it can be known to be large.
// gnet copies nothing beside: all that it read is taken in the callback, and no byte is written through it.
func TestCopies(t *testing.T) {
	const mib = 1 << 20
	large := strings.Repeat("x", mib)
	set, get := array("SET", "a", large), array("GET", "a")
	for _, c := range []struct {
		name      string
		in, reply string
		in1       float64 // how often a byte of the request is copied, at most
		out1      float64 // and one of the reply
		room      int     // what the client takes at a time; 0: all
	}{
		{"get", get, bulk(hotValue), 1, 1, 0},
		{"set", array("SET", "a", hotValue), "+OK\r\n", 1, 1, 0},
		{"get pipelined by 16", strings.Repeat(get, 16), strings.Repeat(bulk(hotValue), 16), 1, 1, 0},
		// What comes before it is whole is kept, in a buffer that grows fourfold and is handed on as it is.
		{"set of 1 MiB", set, "+OK\r\n", 1.35, 1, 0},
		// The first 256 KiB are kept, as that buffer grows; the rest goes through.
		{"get of 1 MiB", get, bulk(large), 1, 0.45, 0},
		// What a slow client does not take is kept.
		{"get of 1 MiB, read in parts", get, bulk(large), 1, 1.2, 20_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, cl := steady(t, 1)
			if c.room > 0 {
				cl.Sock.Room = c.room
			}
			v := s.Servers[0]
			play := func() (in, out float64) {
				start := s.Loop.Copies
				for p := range pieces(c.in) {
					cl.Send(p)
					s.Settle()
				}
				if got := v.Sock.Take(); got != c.in {
					t.Fatalf("the server gets %d bytes; want %d", len(got), len(c.in))
				}
				sent := s.Loop.Copies
				got := ""
				for p := range pieces(c.reply) {
					v.Reply(p)
					s.Settle()
					got += cl.Sock.Take()
					if c.room > 0 {
						s.DrainRoom(cl.Sock, c.room)
					}
				}
				for i := 0; len(got)+len(cl.Sock.Got) < len(c.reply) && i < 1000; i++ {
					s.DrainRoom(cl.Sock, c.room)
				}
				if got += cl.Sock.Take(); got != c.reply {
					t.Fatalf("the client gets %d bytes; want %d", len(got), len(c.reply))
				}
				return float64(sent-start) / float64(len(c.in)), float64(s.Loop.Copies-sent) / float64(len(c.reply))
			}
			for i := range 3 { // the first has no buffers from others
				in, out := play()
				t.Logf("request %.2f, reply %.2f", in, out)
				if in > c.in1 || out > c.out1 {
					t.Errorf("round %d: a byte of the request is copied %.2f times, of the reply %.2f; want %v and %v at most",
						i, in, out, c.in1, c.out1)
				}
			}
		})
	}
}

// TestCopiesGathered: the parts of a reply are kept until all have come, and then put together.
func TestCopiesGathered(t *testing.T) {
	for _, r := range rounds() {
		if r.servers == 1 || r.mc || !strings.HasPrefix(r.name, "mget") {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			g := newStage(t, r)
			start := g.sim.Loop.Copies
			n := len(g.play())
			most := len(r.in) + 2*n + 64 + grown(n) + 4*grown(len(r.in)/4)
			if got := int(g.sim.Loop.Copies - start); got > most {
				t.Errorf("%d bytes are copied for a request of %d and a reply of %d; want %d at most", got, len(r.in), n, most)
			}
		})
	}
}

// grown is what batches hold of n bytes when they must become longer ones: 2 KiB, and then 16 KiB of each full one.
func grown(n int) int {
	switch {
	case n <= 2<<10:
		return 0
	case n <= 16<<10:
		return 2 << 10
	}
	return (n>>16 + 1) * 18 << 10
}

// pieces cuts what a peer sends as gnet reads it.
func pieces(stream string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(stream) > 0 {
			n := min(len(stream), 64<<10)
			if !yield(stream[:n]) {
				return
			}
			stream = stream[n:]
		}
	}
}
