//go:build !race

package session

import (
	"strings"
	"testing"
	"time"

	"cashew/stats"
	"cashew/topology"
)

// TestAllocsSight: it does not allocate to log every command as slow, and to put a new key in the place of another.
func TestAllocsSight(t *testing.T) {
	s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.SlowerThan, o.SlowMaxLen = 0, 4 })
	c, l, key, n := s.connect(), s.local, []byte("key:00000000"), 0
	get, reply, buf := []byte(array("GET", "a")), []byte(bulk("value")), make([]byte, 100)
	play := func() {
		for i := range key[4:] { // the next
			if key[4+i]++; key[4+i] <= '9' {
				break
			}
			key[4+i] = '0'
		}
		l.hot.Count(s.pool.origin, 0, key, 1)
		l.big.Note(s.pool.origin, 0, key, bigBytes+n)
		n++
		s.Loop.Data(c.session, buf[:copy(buf, get)])
		s.Settle()
		v := s.Servers[0]
		s.Loop.Data(v.Up, buf[:copy(buf, reply)])
		s.Settle()
		v.Sock.Got, c.Sock.Got = v.Sock.Got[:0], c.Sock.Got[:0]
	}
	for range 2 * stats.SketchKeys {
		play()
	}
	if n := testing.AllocsPerRun(1000, play); n != 0 {
		t.Errorf("%v allocations in a round; want 0", n)
	}
}

// TestAllocsLearned: a command that was looked up allocates as little as any other.
func TestAllocsLearned(t *testing.T) {
	s, c := steady(t, 1)
	v, in, buf := s.Servers[0], []byte(array("M.X", "k", "v")), make([]byte, 1000)
	c.Send(string(in))
	s.Settle()
	v.Reply(info("m.x", 1))
	s.Settle()
	play := func() {
		s.Loop.Data(c.session, buf[:copy(buf, in)])
		s.Settle()
		s.Loop.Data(v.Up, buf[:copy(buf, "+1\r\n")])
		s.Settle()
		v.Sock.Got, c.Sock.Got = v.Sock.Got[:0], c.Sock.Got[:0]
	}
	v.Reply("+1\r\n")
	s.Settle()
	play()
	if n := testing.AllocsPerRun(1000, play); n != 0 {
		t.Errorf("%v allocations in a round; want 0", n)
	}
}

// TestAllocsScripts: it allocates nothing to see a script that was seen before, and to call one.
func TestAllocsScripts(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	in, buf := []byte(array("EVAL", "return 1", "1", "k")+array("EVALSHA", sha, "1", "k")), make([]byte, 1000)
	play := func() {
		s.Loop.Data(c.session, buf[:copy(buf, in)])
		s.Settle()
		s.Loop.Data(v.Up, buf[:copy(buf, ":1\r\n:1\r\n")])
		s.Settle()
		v.Sock.Got, c.Sock.Got = v.Sock.Got[:0], c.Sock.Got[:0]
	}
	play()
	if n := testing.AllocsPerRun(1000, play); n != 0 {
		t.Errorf("%v allocations in a round; want 0", n)
	}
}

// TestAllocsMirrored: a command that is routed, or mirrored and compared, allocates nothing.
func TestAllocsMirrored(t *testing.T) {
	s, own, mirror := mirrorSim(t, nil)
	c := s.connect()
	get, reply, buf := []byte(array("GET", "a")), []byte(bulk("value")), make([]byte, 100)
	play := func() {
		s.Loop.Data(c.session, buf[:copy(buf, get)])
		s.Settle()
		s.Loop.Data(own.Up, buf[:copy(buf, reply)])
		s.Loop.Data(mirror.Up, buf[:copy(buf, reply)])
		s.Settle()
		own.Sock.Got, mirror.Sock.Got, c.Sock.Got = own.Sock.Got[:0], mirror.Sock.Got[:0], c.Sock.Got[:0]
	}
	c.Send(string(get))
	s.Settle()
	own.Reply(string(reply))
	mirror.Reply(string(reply))
	s.Settle()
	for range 10 {
		play()
	}
	if n := testing.AllocsPerRun(1000, play); n != 0 {
		t.Errorf("%v allocations in a round; want 0", n)
	}
}

// TestAllocsMissed: a read that the next tier answers, and what the pool is filled with, allocate nothing, however long that is.
func TestAllocsMissed(t *testing.T) {
	for _, size := range []int{5, 200, 1000, 10_000, 60_000} {
		value := []byte(bulk(strings.Repeat("v", size)))
		s, own, next := tierSim(t, func(o *topology.Options) { o.Timeout = time.Hour })
		s.pool.opts.Miss.MaxBytes = 64 << 10
		c := s.connect()
		get, buf := []byte(array("GET", "a")), make([]byte, 100_000)
		play := func() {
			s.Loop.Data(c.session, buf[:copy(buf, get)])
			s.Settle()
			s.Loop.Data(own.Up, buf[:copy(buf, miss)])
			s.Settle()
			s.Loop.Data(next.Up, buf[:copy(buf, value)])
			s.Settle()
			s.Loop.Data(own.Up, buf[:copy(buf, "+OK\r\n")])
			s.Settle()
			own.Sock.Got, next.Sock.Got, c.Sock.Got = own.Sock.Got[:0], next.Sock.Got[:0], c.Sock.Got[:0]
		}
		c.Send(string(get))
		s.Settle()
		own.Reply(miss)
		s.Settle()
		next.Reply(string(value))
		s.Settle()
		own.Reply("+OK\r\n")
		s.Settle()
		for range 10 {
			play()
		}
		if n := testing.AllocsPerRun(100, play); n != 0 {
			t.Errorf("a value of %d bytes: %v allocations in a round; want 0", size, n)
		}
		if m := s.local.shards[0].tally.Tier; m.Filled != m.Asked {
			t.Errorf("a value of %d bytes: counted %+v; want all to be filled in", size, *m)
		}
	}
}

// TestAllocsDual: a command that is written to two pools allocates nothing, by any rule.
func TestAllocsDual(t *testing.T) {
	for answer := AnswerBoth; answer <= AnswerAny; answer++ {
		s := dualSim(t, answer, 1)
		mine, its := s.Servers[0], s.Servers[1]
		c := s.connect()
		set, buf := []byte(array("SET", "a", "1")+array("DEL", "a", "b")), make([]byte, 100)
		play := func() {
			s.Loop.Data(c.session, buf[:copy(buf, set)])
			s.Settle()
			s.Loop.Data(mine.Up, buf[:copy(buf, "+OK\r\n:1\r\n")])
			s.Loop.Data(its.Up, buf[:copy(buf, "+OK\r\n:1\r\n")])
			s.Settle()
			mine.Sock.Got, its.Sock.Got, c.Sock.Got = mine.Sock.Got[:0], its.Sock.Got[:0], c.Sock.Got[:0]
		}
		c.Send(string(set))
		s.Settle()
		mine.Reply("+OK\r\n:1\r\n")
		its.Reply("+OK\r\n:1\r\n")
		s.Settle()
		for range 10 {
			play()
		}
		if n := testing.AllocsPerRun(1000, play); n != 0 {
			t.Errorf("%v: %v allocations in a round; want 0", answer, n)
		}
	}
}
