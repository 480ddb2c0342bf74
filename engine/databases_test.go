package engine

import (
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/codec/resp"
	"cashew/session"
	"cashew/world"
)

// TestReloadDatabases: a client stays in its database where there are several, whatever redis_db says by then; one whose database is
// gone is told so until it selects another, and nothing of it is carried out anywhere else.
func TestReloadDatabases(t *testing.T) {
	const (
		gone   = "-ERR database 3, which was selected, is not served any more: this pool serves databases 0 to 1\r\n"
		only   = "-ERR database 3, which was selected, is not served any more: this pool serves database 0 only\r\n"
		queued = "+QUEUED\r\n"
	)
	for _, tt := range []struct {
		name     string
		from, to resp.Options
		play     func(t *testing.T, s *sim, here, there *simClient, say func(c *simClient, want string, commands ...string))
	}{
		{"another to begin in", resp.Options{Databases: 16}, resp.Options{DB: 1, Databases: 16}, func(t *testing.T, s *sim, here, there *simClient, say func(c *simClient, want string, commands ...string)) {
			v := s.Servers[0]
			say(here, bulk("0"), "GET", "a")
			say(there, bulk("3"), "GET", "a")
			newer := s.connect()
			say(newer, bulk("1"), "GET", "a")
			say(here, "+RESET\r\n", "RESET")
			say(here, bulk("1"), "GET", "a")
			if v.Conn.Closed || v.In(3).Conn.Closed {
				t.Error("connections that are as they should be were closed")
			}
		}},
		{"fewer", resp.Options{Databases: 16}, resp.Options{Databases: 2}, func(t *testing.T, s *sim, here, there *simClient, say func(c *simClient, want string, commands ...string)) {
			say(here, bulk("0"), "GET", "a")
			say(there, gone, "GET", "a")
			say(there, "-ERR DB index is out of range\r\n", "SELECT", "3")
			say(there, "+OK\r\n", "SELECT", "1")
			say(there, bulk("1"), "GET", "a")
			if !s.Servers[0].In(3).Conn.Closed {
				t.Error("the connection to the database that is gone is open")
			}
		}},
		{"one", resp.Options{Databases: 16}, resp.Options{}, func(t *testing.T, _ *sim, here, there *simClient, say func(c *simClient, want string, commands ...string)) {
			say(here, bulk("0"), "GET", "a")
			say(there, only, "GET", "a")
			say(there, "+RESET\r\n", "RESET")
			say(there, bulk("0"), "GET", "a")
		}},
		{"one, then all again", resp.Options{Databases: 16}, resp.Options{}, func(_ *testing.T, s *sim, _, there *simClient, say func(c *simClient, want string, commands ...string)) {
			s.reload(func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(resp.Options{Databases: 16}) })
			say(there, "-ERR an earlier SELECT was refused: this pool serves databases 0 to 15\r\n", "GET", "a")
			say(there, "+OK\r\n", "SELECT", "3")
			say(there, bulk("3"), "GET", "a")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(t, 1, func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(tt.from) })
			s.AcceptAll()
			say := func(c *simClient, want string, words ...string) {
				t.Helper()
				c.Send(array(words...))
				s.Settle()
				s.answer()
				if got := c.Sock.Take(); got != want {
					t.Errorf("%q: %q; want %q", words, got, want)
				}
			}
			here, there := s.connect(), s.connect()
			say(here, bulk("0"), "GET", "a")
			say(there, "+OK\r\n", "SELECT", "3")
			say(there, bulk("3"), "GET", "a")
			there.Send(array("GET", "late"))
			s.Settle()
			s.reload(func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(tt.to) })
			s.answer()
			if got := there.Sock.Take(); got != bulk("3") {
				t.Errorf("what was under way is answered %q", got)
			}
			tt.play(t, s, here, there, say)
		})
	}
	t.Run("a transaction", func(t *testing.T) {
		s := newSim(t, 1, func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(resp.Options{Databases: 16}) })
		s.AcceptAll()
		c := s.connect()
		c.Send(array("SELECT", "3"))
		s.Settle()
		s.answer()
		c.Send(array("MULTI") + array("SET", "a", "1"))
		s.reload(func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(resp.Options{Databases: 2}) })
		c.Send(array("EXEC") + array("GET", "a"))
		s.Settle()
		want := "+OK\r\n+OK\r\n" + queued + "-EXECABORT Transaction discarded because of previous errors.\r\n" + gone
		if got := c.Sock.Take(); got != want {
			t.Errorf("the client has %q; want %q", got, want)
		}
	})
}

// answer has the server answer each GET with the number of the database, and all else with OK.
func (s *sim) answer() {
	for range 3 { // handshakes, and what waits behind them
		for db := range 16 {
			v := s.Servers[0]
			if db > 0 {
				v = v.In(db)
			}
			if v.Sock == nil || v.Conn.Closed {
				continue
			}
			got := v.Sock.Take()
			v.Reply(strings.Repeat("+OK\r\n", strings.Count(got, "SELECT")) + strings.Repeat(bulk(string(rune('0'+db))), strings.Count(got, "GET")))
			s.Settle()
		}
	}
}

// TestTakeOverDatabase: a client is not taken over that is in a database which is not served here.
func TestTakeOverDatabase(t *testing.T) {
	server := startKeyServer(t, "s")
	for _, tt := range []struct {
		options resp.Options
		db      int
		takes   bool
	}{
		{resp.Options{Databases: 4}, 3, true},
		{resp.Options{Databases: 4}, 4, false},
		{resp.Options{Databases: 4, DB: 1}, 0, true},
		{resp.Options{DB: 3}, 3, true},
		{resp.Options{DB: 1}, 0, false},
	} {
		po := poolBefore("main", server)
		po.Protocol = resp.New(tt.options)
		p := startPools(t, withPools(1, po))
		a, b := socketPair(t)
		f, err := b.File()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		s, nc, err := p.restore(session.Parted{State: session.State{Selected: "main", DB: &tt.db, Authed: true}, FD: fd}, false)
		if (err == nil) != tt.takes || err != nil && !strings.Contains(err.Error(), "has no database") {
			t.Errorf("%+v: a client in database %d: %v", tt.options, tt.db, err)
		}
		if err == nil {
			s.GiveUp(nc)
		}
		_ = a.Close()
		_ = f.Close()
	}
}

// TestDescriptorsOfDatabases: descriptors are kept back for the connections to further databases, and a quarter of all at most.
func TestDescriptorsOfDatabases(t *testing.T) {
	server := startKeyServer(t, "s")
	limit := func(databases int) int64 {
		po := poolBefore("main", server)
		po.Protocol = resp.New(resp.Options{Databases: databases})
		return startPools(t, withPools(2, po)).clientLimit.Load()
	}
	one := limit(0)
	if one == math.MaxInt64 {
		t.Skip("there is no limit on descriptors here")
	}
	if got, want := limit(3), one-2*2*2; got != want { // loops, versions, databases besides the first
		t.Errorf("with three databases there may be %d clients; want %d", got, want)
	}
	all := world.New(time.Now()).Descriptors()
	if got, want := limit(1<<20), one-all/4; got != want {
		t.Errorf("with as many databases as anybody likes there may be %d clients; want %d", got, want)
	}
}
