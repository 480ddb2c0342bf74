package session

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// owe has a client that reads nothing be owed n bytes.
func (c *simClient) owe(n int) {
	c.Sock.Room = 0
	c.session.out.Append(c.session.loop, make([]byte, n))
	c.session.touch()
	c.session.loop.Flush()
}

// budgeted is a sim with 32 MiB of memory: a client is allowed 1 MiB first, 8 MiB in all, and all together 16 MiB more.
func budgeted(t *testing.T) *sim {
	return newSim(t, 1, func(o *Limits, _ *ClientOptions) { o.MaxMemoryBytes = 32 << 20 })
}

const mib = 1 << 20

func TestBudget(t *testing.T) {
	var b outputBudget
	if !b.grant(6, 10) || !b.grant(4, 10) || b.grant(1, 10) || b.granted.Load() != 10 {
		t.Errorf("of 10 bytes %d are granted after 6, 4 and 1 were asked for", b.granted.Load())
	}
}

// TestAllowMore: what a client is allowed doubles as far as it leaves unread, as far as its pool and all clients together
// may go, and comes back with the first once it has caught up.
func TestAllowMore(t *testing.T) {
	s := budgeted(t)
	c := s.connect()
	allowed := func(want int, ok bool) {
		t.Helper()
		if got := c.session.allowMore(); got != ok || c.session.allowed != want || c.session.granted != want-mib {
			t.Errorf("%v: allowed %d, granted %d; want %v, %d, %d", got, c.session.allowed, c.session.granted, ok, want, want-mib)
		}
		if n := s.local.pressure.output.granted.Load(); n != int64(c.session.granted) {
			t.Errorf("%d bytes of the budget are granted", n)
		}
	}
	if c.session.allowed != mib || c.session.replySize != mib/firstReplies {
		t.Fatalf("a client is allowed %d first, and its replies expected to have %d", c.session.allowed, c.session.replySize)
	}
	c.session.inFlight = firstReplies
	allowed(mib, false) // none of it came yet
	c.session.inFlight = 0
	c.owe(mib - 1)
	allowed(mib, true)
	s.local.pressure.Level.Store(High)
	c.owe(1)
	allowed(mib, false)
	s.local.pressure.Level.Store(Calm)
	s.local.holders.remove(c.session)
	allowed(2*mib, true)
	if !c.session.links[inHolders].in {
		t.Error("who was allowed more is not looked at again")
	}
	c.owe(3 * mib)
	allowed(8*mib, true)
	c.owe(4 * mib)
	allowed(8*mib, false)
	s.DrainRoom(c.Sock, 8*mib-mib/2-1)
	if c.session.caughtUp() || c.session.allowed != 8*mib {
		t.Errorf("with %d bytes owed it has caught up", c.session.owed())
	}
	s.DrainRoom(c.Sock, 1)
	if !c.session.caughtUp() {
		t.Errorf("with %d bytes owed it has not caught up", c.session.owed())
	}
	allowed(mib, true)
	c.HangUp(io.ErrUnexpectedEOF)
	if n := s.local.pressure.output.granted.Load() + s.local.pressure.output.unread.Load(); n != 0 {
		t.Errorf("%d bytes are granted or unread with no client left", n)
	}
}

// TestAllBudget: all clients together are allowed half of the memory beyond their first.
func TestAllBudget(t *testing.T) {
	s := budgeted(t)
	for i := range 3 {
		c := s.connect()
		s.local.pressure.output.unread.Store(-1 << 40)
		c.session.unreadBytes = 0
		c.owe(8*mib - 1)
		want := []bool{true, true, false}[i]
		if got := c.session.allowMore(); got != want {
			t.Errorf("client %d of three is allowed 8 MiB: %v; want %v", i+1, got, want)
		}
	}
	if n := s.local.pressure.output.granted.Load(); n > 16*mib {
		t.Errorf("%d bytes are granted", n)
	}
}

// TestUnread: clients that together leave more than six tenths of the memory unread are closed, those with most first.
func TestUnread(t *testing.T) {
	var log strings.Builder
	s := budgeted(t)
	s.Loop.Log = slog.New(slog.NewTextHandler(&log, nil))
	limit := int(s.local.mayBeUnread())
	if limit < 19*mib || limit > 20*mib {
		t.Fatalf("%d bytes may be unread", limit)
	}
	small, large, middle := s.connect(), s.connect(), s.connect()
	small.owe(3 * mib)
	large.owe(9 * mib)
	middle.owe(limit - 12*mib)
	if small.Conn.Closed || large.Conn.Closed || middle.Conn.Closed {
		t.Fatal("a client is closed although no more is unread than may be")
	}
	small.owe(1)
	if small.Conn.Closed || !large.Conn.Closed || middle.Conn.Closed {
		t.Errorf("closed: small %v, large %v, middle %v; want the large one", small.Conn.Closed, large.Conn.Closed, middle.Conn.Closed)
	}
	if got, want := s.local.pressure.output.unread.Load(), int64(limit-9*mib+1); got != want || s.local.overfull {
		t.Errorf("%d bytes are unread, overfull %v; want %d", got, s.local.overfull, want)
	}
	if n := s.pool.Count.OverMemory.Load(); n != 1 || strings.Count(log.String(), "holds most memory") != 1 {
		t.Errorf("%d are counted", n)
	}
	s.DrainRoom(small.Sock, -1)
	if got := s.local.pressure.output.unread.Load(); got != int64(limit-12*mib) {
		t.Errorf("%d bytes are unread after one client read all", got)
	}
}

// TestCloseGreatest closes nobody who holds little.
func TestCloseGreatest(t *testing.T) {
	s := budgeted(t)
	a, b := s.connect(), s.connect()
	a.owe(causeBytes - 1)
	b.owe(causeBytes - 2)
	if s.local.closeGreatest() {
		t.Error("a client that holds little is closed")
	}
	a.owe(1)
	s.local.Relieve(High)
	if a.Conn.Closed {
		t.Error("closed before the level is critical")
	}
	s.local.Relieve(Critical)
	if !a.Conn.Closed || b.Conn.Closed {
		t.Errorf("closed %v, the one with less %v", a.Conn.Closed, b.Conn.Closed)
	}
}

// TestPressureBlocks: while memory is short, nothing is taken from clients that hold some of it; from others all is.
func TestPressureBlocks(t *testing.T) {
	s := budgeted(t)
	a, b := s.connect(), s.connect()
	a.owe(causeBytes)
	b.owe(causeBytes - 1)
	for _, level := range []int32{Calm, High, Critical} {
		s.local.pressure.Level.Store(level)
		for _, c := range []*simClient{a, b} {
			had := c.session.commands
			c.Send(array("PING"))
			s.Settle()
			if took, want := c.session.commands > had, level == Calm || c == b; took != want {
				t.Errorf("level %d, %d bytes held: taken %v; want %v", level, c.session.holds(), took, want)
			}
			c.session.out.Close(s.Loop)
			c.session.out.Open(c.Sock)
			c.owe(map[*simClient]int{a: causeBytes, b: causeBytes - 1}[c])
		}
	}
	s.local.gathers = append(s.local.gathers, nil)
	s.local.Relieve(High)
	if s.Settle(); !a.session.blocked || s.local.gathers != nil {
		t.Errorf("blocked %v while memory is short; %d gathers kept", a.session.blocked, len(s.local.gathers))
	}
	s.local.pressure.Level.Store(Calm)
	s.local.Relieve(Calm)
	s.Loop.Flush()
	if a.session.blocked || a.session.paused {
		t.Error("it still waits")
	}
}

// TestCloseSlow: a client that takes nothing for client_write_timeout is closed; who holds nothing is not looked at any more.
func TestCloseSlow(t *testing.T) {
	for _, timeout := range []time.Duration{0, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.ClientWriteTimeout = timeout })
			c := s.connect()
			c.owe(causeBytes)
			s.Passes(2500 * time.Millisecond)
			s.DrainRoom(c.Sock, 1) // and stalls anew
			s.Passes(2500 * time.Millisecond)
			if c.Conn.Closed {
				t.Fatal("closed too soon")
			}
			s.Passes(2 * time.Second)
			if c.Conn.Closed != (timeout > 0) || s.pool.Count.Slow.Load() == 0 == (timeout > 0) {
				t.Errorf("timeout %v: closed %v, counted %d", timeout, c.Conn.Closed, s.pool.Count.Slow.Load())
			}
			if timeout > 0 {
				return
			}
			if !c.session.links[inHolders].in {
				t.Error("a client whose socket is full is forgotten")
			}
			s.DrainRoom(c.Sock, -1)
			c.session.keep(make([]byte, causeBytes))
			s.local.Tidy()
			if !c.session.links[inHolders].in {
				t.Error("a client that holds input is forgotten")
			}
			c.session.in = nil
			s.local.Tidy()
			if c.session.links[inHolders].in {
				t.Error("a client that holds nothing is kept in mind")
			}
		})
	}
}

// TestMemoryOfConnected: what a client may be owed at first follows max_memory, for those that are there, too.
func TestMemoryOfConnected(t *testing.T) {
	s := newSim(t, 1, func(o *Limits, _ *ClientOptions) { o.MaxMemoryBytes = 1 << 30 })
	c := s.connect()
	if c.session.allowed != firstAllowed {
		t.Errorf("a client may be owed %d bytes; want %d", c.session.allowed, firstAllowed)
	}
	less := s.local.limits
	less.MaxMemoryBytes = 32 << 20
	s.local.Apply(&Change{Limits: less})
	if c.session.allowed != 1<<20 {
		t.Errorf("with less memory it may be owed %d bytes; want %d", c.session.allowed, 1<<20)
	}
}
