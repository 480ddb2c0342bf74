package session

import (
	"strings"
	"testing"
	"testing/synctest"
)

const unwatch = "*1\r\n$7\r\nUNWATCH\r\n"

// TestLastCall: a client that half-closes while it may be blocked gets what its server had for it, and else its command is given up as
// soon as it is clear that there was nothing; also if it had gone before the command was sent.
func TestLastCall(t *testing.T) {
	pop := array("BLPOP", "q", "0")
	for _, tt := range []struct {
		name, before, reply string
		answersAt           int // so many times the shared connection has answered by then
		want                string
	}{
		{"nothing", "", "", lastCalls, ""},
		{"an element", "", "*2\r\n" + bulk("q") + bulk("v"), 0, "*2\r\n" + bulk("q") + bulk("v")},
		{"an element, read late", "", "*2\r\n" + bulk("q") + bulk("v"), lastCalls - 1, "*2\r\n" + bulk("q") + bulk("v")},
		{"gone before", array("WATCH", "w"), "", lastCalls, "+OK\r\n"},
		{"gone before, an element", array("WATCH", "w"), "*2\r\n" + bulk("q") + bulk("v"), 1, "+OK\r\n*2\r\n" + bulk("q") + bulk("v")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := steady(t, 1)
				v := s.Servers[0]
				shared, asked := v.Up, v.Sock
				c.Send(tt.before + pop)
				s.Settle()
				if tt.before == "" {
					c.HalfClose()
				} else {
					if got := v.Sock.Take(); got != tt.before {
						t.Fatalf("the server got %q before it answered WATCH", got)
					}
					c.HalfClose()
					s.Settle()
					v.Reply("+OK\r\n")
				}
				s.Settle()
				s.Passes(2 * openEvery) // its lease had to be dialled
				if got := v.Sock.Take(); got != pop {
					t.Fatalf("the server got %q; want the BLPOP", got)
				}
				for range tt.answersAt {
					if got := asked.Take(); got != unwatch {
						t.Fatalf("over the shared connection the server got %q; want UNWATCH", got)
					}
					if c.session.life == closed || v.Conn.Closed {
						t.Fatal("it was given up too early")
					}
					s.Loop.Data(shared, []byte("+OK\r\n"))
					s.Settle()
				}
				if tt.reply != "" {
					v.Reply(tt.reply)
					s.Settle()
				}
				if got := c.Sock.Take(); got != tt.want {
					t.Errorf("the client has %q; want %q", got, tt.want)
				}
				if c.session.life != closed || v.Conn.Closed != (tt.reply == "") {
					t.Errorf("life %d; the lease is closed: %v", c.session.life, v.Conn.Closed)
				}
				if f := s.pool.groups[0].Figures(s.pool.Servers()[0]); f.Err != 0 || f.EOF != 0 || f.Timedout != 0 {
					t.Errorf("of the server %d errors, %d ends, %d timeouts are counted, and it did nothing wrong", f.Err, f.EOF, f.Timedout)
				}
				s.Loop.Data(shared, []byte("+OK\r\n")) // what was asked yet
				s.Settle()
				if n := s.local.blocked.n; n != 0 || s.pool.groups[0].Figures(s.pool.Servers()[0]).Leased != 0 {
					t.Errorf("%d clients may be blocked, and a connection is leased", n)
				}
			})
		})
	}
}

// TestWatchBound: the keys that a client watches have, together, as much room as one command; past that it watches none, and its
// transaction is not executed.
func TestWatchBound(t *testing.T) {
	s := newSim(t, 1, func(l *Limits, _ *ClientOptions) { l.MaxRequestBytes = 1 << 10 })
	c := s.connect()
	for i := range 3 {
		c.Send(array("WATCH", strings.Repeat("k", 400)))
		s.Settle()
		if v := s.Servers[0]; i < 2 {
			v.Reply("+OK\r\n")
			s.Settle()
		}
	}
	if got, want := c.Sock.Take(), "+OK\r\n+OK\r\n-ERR transaction too large\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if n := len(c.session.watches.keys); n != 0 || !c.session.watches.lost {
		t.Errorf("%d bytes of keys are kept", n)
	}
	c.Send(array("MULTI") + array("SET", "a", "1") + array("EXEC") + array("WATCH", "a"))
	s.Settle()
	if got, want := c.Sock.Take(), "+OK\r\n"+queued+"*-1\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if !strings.HasSuffix(s.Servers[0].Sock.Take(), unwatch+array("WATCH", "a")) {
		t.Error("the next WATCH was not sent behind UNWATCH")
	}
}

// TestBlockingIsNotSlow: how long a command waits for what others do is in no figure of how long replies take, and the loop neither hurries
// nor naps because of it.
func TestBlockingIsNotSlow(t *testing.T) {
	s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.SlowerThan = 0 }) // all is slow
	c, v := s.connect(), s.Servers[0]
	timed := func() (n int64) {
		f := s.pool.groups[0].Figures(s.pool.Servers()[0])
		for i := range f.Latency {
			n += f.Latency[i].Server.Count()
		}
		return n
	}
	c.Send(array("GET", "a"))
	s.Settle()
	v.Reply("$-1\r\n")
	s.Settle()
	if n, slow := timed(), len(s.local.shards[0].slowLog.Records(false)); n != 1 || slow != 1 {
		t.Fatalf("of GET %d times are known, and %d are in the slow log", n, slow)
	}
	for _, reply := range []string{"*-1\r\n", "*2\r\n" + bulk("q") + bulk("v")} {
		c.Send(array("BLPOP", "q", "1"))
		s.Settle()
		if s.Loop.Busy != 0 || c.session.inFlight != 1 {
			t.Errorf("%d clients are busy, %d commands in flight", s.Loop.Busy, c.session.inFlight)
		}
		v.Reply(reply)
		s.Settle()
		if n, slow := timed(), len(s.local.shards[0].slowLog.Records(false)); n != 1 || slow != 1 || s.Loop.Busy != 0 {
			t.Errorf("with BLPOP %d times are known, and %d are in the slow log; %d clients are busy", n, slow, s.Loop.Busy)
		}
	}
	c.Send(array("BLPOP", "q", "0"))
	s.Settle()
	c.session.close()
	if s.Settle(); s.Loop.Busy != 0 {
		t.Errorf("%d clients are busy", s.Loop.Busy)
	}
}
