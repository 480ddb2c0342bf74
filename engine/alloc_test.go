//go:build !race

package engine

import (
	"testing"
)

// steady is a client and its servers, connected and warm.
func steady(t testing.TB, servers int) (*sim, *simClient) {
	return steadyWith(t, servers, nil)
}

func steadyWith(t testing.TB, servers int, edit func(*Options, *PoolOptions)) (*sim, *simClient) {
	s := newSim(t, servers, edit)
	s.redial = func(v *simServer) { s.tasks = append(s.tasks, task(v.accept)) }
	c := s.connect()
	for _, k := range []string{"a", "b", "c", "d", "e", "f"} {
		c.send(array("GET", k))
		s.settle()
		for _, v := range s.servers {
			if v.sock != nil && v.sock.take() != "" {
				v.reply("$-1\r\n")
			}
		}
	}
	c.sock.take()
	return s, c
}

// round is one command sent and answered, as gnet's callbacks would bring it.
type round struct {
	name    string
	servers int
	in      string
	replies []string // by server
	want    int      // bytes that the client gets
}

func rounds() []round {
	mget := []string{"MGET", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	value := "$64\r\n" + string(make([]byte, 64)) + "\r\n"
	five := "*5\r\n" + value + value + value + value + value
	ten := "*10\r\n" + five[4:] + five[4:]
	pipeline, replies := "", ""
	for range 16 {
		pipeline += array("GET", "key:000000000001")
		replies += value
	}
	return []round{
		{"get", 1, array("GET", "key:000000000001"), []string{value}, len(value)},
		{"set", 1, array("SET", "key:000000000001", string(make([]byte, 64))), []string{"+OK\r\n"}, 5},
		{"get-pipeline-16", 1, pipeline, []string{replies}, len(replies)},
		{"mget-10-one-server", 1, array(mget...), []string{ten}, len(ten)},
		{"mget-10-two-servers", 2, array(mget...), []string{five, five}, len(ten)},
		{"del-10-two-servers", 2, array(append([]string{"DEL"}, mget[1:]...)...), []string{":5\r\n", ":5\r\n"}, 5},
		{"ping", 1, array("PING"), nil, 7},
	}
}

// play plays r once; the input is copied first, as what gnet reads is new each time.
func (r *round) play(c *simClient, in []byte, out [][]byte) int {
	c.sim.loop.Tick()
	copy(in, r.in)
	c.session.onData(in)
	c.sim.loop.flushSoon()
	for i, v := range c.sim.servers {
		if i < len(r.replies) {
			v.sock.got = v.sock.got[:0]
			copy(out[i], r.replies[i])
			v.up.OnData(out[i])
		}
	}
	c.sim.loop.flushSoon()
	n := len(c.sock.got)
	c.sock.got = c.sock.got[:0]
	return n
}

func (r *round) buffers() (in []byte, out [][]byte) {
	for _, p := range r.replies {
		out = append(out, make([]byte, len(p)))
	}
	return make([]byte, len(r.in)), out
}

// TestAllocs holds the hot path to no allocation for each request.
func TestAllocs(t *testing.T) {
	for _, r := range rounds() {
		t.Run(r.name, func(t *testing.T) {
			_, c := steady(t, r.servers)
			in, out := r.buffers()
			if n := r.play(c, in, out); n != r.want {
				t.Fatalf("the client gets %d bytes; want %d", n, r.want)
			}
			if n := testing.AllocsPerRun(1000, func() { r.play(c, in, out) }); n != 0 {
				t.Errorf("%v allocations a round; want 0", n)
			}
		})
	}
}

// TestAllocsSight: nor does it allocate to log every command as slow, and to put a new key in the place of another.
func TestAllocsSight(t *testing.T) {
	_, c := steadyWith(t, 1, func(_ *Options, po *PoolOptions) { po.SlowerThan, po.SlowMaxLen = 0, 4 })
	r := round{in: array("GET", "key:000000000001"), replies: []string{bulk("x")}, want: 7}
	in, out := r.buffers()
	k, key, n := &c.sim.loop.hot, []byte("key:00000000"), 0
	play := func() {
		for i := range key[4:] { // the next
			if key[4+i]++; key[4+i] <= '9' {
				break
			}
			key[4+i] = '0'
		}
		k.count(c.sim.pool, 0, key, 1)
		c.sim.loop.big.note(c.sim.pool, 0, key, bigBytes+n)
		n++
		if got := r.play(c, in, out); got != r.want {
			t.Fatalf("the client gets %d bytes; want %d", got, r.want)
		}
	}
	for range 2 * sketchKeys {
		play()
	}
	if n := testing.AllocsPerRun(1000, play); n != 0 {
		t.Errorf("%v allocations a round; want 0", n)
	}
}

// BenchmarkRound is the whole of user code for one round, without system calls.
func BenchmarkRound(b *testing.B) {
	for _, r := range rounds() {
		b.Run(r.name, func(b *testing.B) {
			_, c := steady(b, r.servers)
			in, out := r.buffers()
			b.ReportAllocs()
			for b.Loop() {
				r.play(c, in, out)
			}
		})
	}
}
