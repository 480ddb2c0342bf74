package session

import (
	"encoding/json"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/session/sessiontest"
)

const outOfRange = "-ERR DB index is out of range\r\n"

// sixteen is a pool of sixteen databases before n servers that accept connections, and a client of it.
func sixteen(t testing.TB, n int) (*sim, *simClient) {
	s := newSimOf(t, n, resp.Options{Databases: 16}, nil)
	return s, s.connect()
}

// got checks what a server was sent.
func got(t *testing.T, v *sessiontest.Server, want ...string) {
	t.Helper()
	have := ""
	if v.Sock != nil {
		have = v.Sock.Take()
	}
	if have != strings.Join(want, "") {
		t.Errorf("server %s got %q; want %q", v.Name, have, want)
	}
}

// has checks what a client was sent.
func (c *simClient) has(t *testing.T, want string) {
	t.Helper()
	if have := c.Sock.Take(); have != want {
		t.Errorf("the client has %q; want %q", have, want)
	}
}

// TestSelect: SELECT of the database that a client is in does not wait, nor does one that is wrong; another waits for the replies to what
// came before, and what follows goes over a connection that is there. Who stays is not touched.
func TestSelect(t *testing.T) {
	s, c := sixteen(t, 1)
	v, other := s.Servers[0], s.connect()
	c.Send(array("GET", "a") + array("SELECT", "0") + array("SELECT", "16") + array("SELECT", "x") + array("GET", "b") + array("SELECT", "3") + array("GET", "c"))
	s.Settle()
	got(t, v, array("GET", "a"), array("GET", "b"))
	if v.In(3).Up != nil {
		t.Error("a connection to database 3 is opened before the replies to what came before")
	}
	v.Reply(bulk("A") + bulk("B"))
	s.Settle()
	got(t, v.In(3), array("SELECT", "3"))
	c.has(t, bulk("A")+"+OK\r\n"+outOfRange+"-ERR value is not an integer or out of range\r\n"+bulk("B"))
	v.In(3).Reply("+OK\r\n")
	s.Settle()
	other.Send(array("GET", "c"))
	s.Settle()
	got(t, v, array("GET", "c"))
	got(t, v.In(3), array("GET", "c"))
	v.In(3).Reply(bulk("3"))
	v.Reply(bulk("0"))
	s.Settle()
	c.has(t, "+OK\r\n"+bulk("3"))
	other.has(t, bulk("0"))
	c.Send(array("RESET") + array("GET", "d"))
	s.Settle()
	got(t, v, array("GET", "d"))
}

// TestSelectRefused: a server that does not have the database says so, and the client stays where it is, as directly.
func TestSelectRefused(t *testing.T) {
	s, c := sixteen(t, 1)
	v := s.Servers[0]
	c.Send(array("SELECT", "9") + array("GET", "a"))
	s.Settle()
	got(t, v.In(9), array("SELECT", "9"))
	v.In(9).Reply(outOfRange)
	s.Settle()
	got(t, v, array("GET", "a"))
	v.Reply(bulk("A"))
	s.Settle()
	c.has(t, outOfRange+bulk("A"))
	if f := s.local.shardOf(s.pool).group.Figures(s.pool.Servers()[0]); f.Err != 0 {
		t.Errorf("%d failures of the server are counted", f.Err)
	}
}

// TestSelectOfNobody: where no server says whether it has a database, nothing is carried out in another.
func TestSelectOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := sixteen(t, 1)
		v := s.Servers[0]
		s.Redial = nil
		c.Send(array("SELECT", "9") + array("SET", "a", "1"))
		s.Settle()
		v.In(9).Refuse(syscall.ECONNREFUSED)
		s.Settle()
		c.has(t, "+OK\r\n-ERR Connection refused\r\n")
		if v.Dialing != nil {
			t.Error("database 0 is asked")
		}
		s.Passes(time.Second)
		c.Send(array("SET", "a", "2"))
		s.Settle()
		v.In(9).Accept()
		v.In(9).Reply("+OK\r\n")
		s.Settle()
		got(t, v.In(9), array("SELECT", "9"), array("SET", "a", "2"))
	})
}

// TestSelectLater: a server that comes when a database was selected, and does not have it, fails what goes there, and says why.
func TestSelectLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := sixteen(t, 2)
		s.Redial = nil
		c.Send(array("SELECT", "9"))
		s.Settle()
		up, down := s.Servers[0].In(9), s.Servers[1].In(9)
		up.Accept()
		up.Reply("+OK\r\n")
		down.Refuse(syscall.ECONNREFUSED)
		s.Settle()
		c.has(t, "+OK\r\n")
		s.AcceptAll()
		s.Passes(time.Second)
		c.Send(array("GET", "a") + array("GET", "b"))
		s.Settle()
		up.Reply(bulk("X"))
		down.Reply(outOfRange)
		s.Settle()
		if have := c.Sock.Take(); strings.Count(have, bulk("X")) != 1 || strings.Count(have, "-ERR server s1 has no database 9, which the client chose: ERR DB index is out of range\r\n") != 1 {
			t.Errorf("the client has %q", have)
		}
		other := s.connect()
		other.Send(array("SELECT", "9"))
		s.Settle()
		other.has(t, outOfRange) // it is known by now
	})
}

// TestTransactionSelects: a transaction with SELECT goes over a connection of its own, which nobody gets afterwards; the client is where
// the server says that it went.
func TestTransactionSelects(t *testing.T) {
	for _, tt := range []struct {
		name, reply, want string
		in                int
	}{
		{"carried out", "*3\r\n+OK\r\n+OK\r\n$1\r\nx\r\n", "*4\r\n+OK\r\n" + outOfRange + "+OK\r\n$1\r\nx\r\n", 5},
		{"the second refused", "*3\r\n+OK\r\n" + outOfRange + "$1\r\nx\r\n", "*4\r\n+OK\r\n" + outOfRange + outOfRange + "$1\r\nx\r\n", 3},
		{"not executed", "-EXECABORT no\r\n", "-EXECABORT no\r\n", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := sixteen(t, 1)
			v, other := s.Servers[0], s.connect()
			other.Send(array("GET", "o"))
			s.Settle()
			home := *v
			home.Reply("$-1\r\n")
			c.Send(array("MULTI") + array("SELECT", "3") + array("SELECT", "16") + array("SELECT", "5") + array("GET", "a") + array("EXEC") + array("GET", "b"))
			s.Settle()
			got(t, v, array("MULTI"), array("SELECT", "3"), array("SELECT", "5"), array("GET", "a"), array("EXEC"))
			other.Send(array("GET", "o"))
			s.Settle()
			got(t, v)
			got(t, &home, array("GET", "o"), array("GET", "o"))
			v.Reply("+OK\r\n" + queued + queued + queued + tt.reply)
			s.Settle()
			c.has(t, "+OK\r\n"+queued+queued+queued+queued+tt.want)
			if !v.Conn.Closed {
				t.Error("the connection stays open")
			}
			w := &home
			if tt.in != 0 {
				w = v.In(tt.in)
				got(t, w, array("SELECT", strconv.Itoa(tt.in)))
				w.Reply("+OK\r\n")
			}
			s.Settle()
			if got(t, w, array("GET", "b")); c.session.cl.DB != tt.in {
				t.Errorf("the client is in database %d; want %d", c.session.cl.DB, tt.in)
			}
		})
	}
}

// TestTransactionSelectsAndFails: nobody knows where a client is whose transaction got no reply: it is closed. Of one that was not sent it
// is known.
func TestTransactionSelectsAndFails(t *testing.T) {
	in := array("MULTI") + array("SELECT", "3") + array("EXEC") + array("PING")
	s, c := sixteen(t, 1)
	c.Send(in)
	s.Settle()
	s.Servers[0].HangUp()
	s.Settle()
	c.has(t, "+OK\r\n"+queued+"-ERR Connection reset by peer\r\n")
	if c.session.life < quitting {
		t.Error("it is not closed")
	}
	s, c = sixteen(t, 1)
	v := s.Servers[0].In(5)
	c.Send(array("SELECT", "5"))
	s.Settle()
	v.Reply("+OK\r\n")
	s.Settle()
	c.Send(in)
	s.Settle()
	got(t, v, array("SELECT", "5")) // of the lease
	v.HangUp()
	s.Settle()
	c.has(t, "+OK\r\n+OK\r\n"+queued+"-ERR Connection reset by peer\r\n+PONG\r\n")
	if c.session.cl.DB != 5 {
		t.Errorf("it is in database %d", c.session.cl.DB)
	}
}

// TestWatchSelects: what is watched goes along to another database, and the connection to nobody.
func TestWatchSelects(t *testing.T) {
	s, c := sixteen(t, 1)
	v := s.Servers[0]
	c.Send(array("WATCH", "a") + array("SELECT", "3"))
	s.Settle()
	got(t, v, array("WATCH", "a"))
	v.Reply("+OK\r\n")
	s.Settle()
	lease := v.Conn
	v.In(3).Reply("+OK\r\n")
	s.Settle()
	got(t, v, array("SELECT", "3"))
	c.Send(array("MULTI") + array("GET", "a") + array("EXEC"))
	s.Settle()
	got(t, v, array("MULTI"), array("GET", "a"), array("EXEC"))
	v.Reply("+OK\r\n+OK\r\n" + queued + "*1\r\n$-1\r\n")
	s.Settle()
	c.has(t, "+OK\r\n+OK\r\n+OK\r\n"+queued+"*1\r\n$-1\r\n")
	if !lease.Closed {
		t.Error("the connection is kept for others")
	}
}

// TestWatchSelectIsRefused: if the connection does not get to the database, what is watched is lost with it.
func TestWatchSelectIsRefused(t *testing.T) {
	s, c := sixteen(t, 1)
	v := s.Servers[0]
	c.Send(array("WATCH", "a") + array("SELECT", "3"))
	s.Settle()
	v.Reply("+OK\r\n")
	s.Settle()
	v.In(3).Reply("+OK\r\n")
	s.Settle()
	v.Reply(outOfRange)
	s.Settle()
	c.Sock.Take()
	c.Send(array("MULTI") + array("GET", "a") + array("EXEC"))
	s.Settle()
	c.has(t, "+OK\r\n"+queued+"*-1\r\n")
}

// TestLeaseOfDatabase: who blocks does so in his database, and an idle connection of another is none for him.
func TestLeaseOfDatabase(t *testing.T) {
	s, c := sixteen(t, 1)
	v := s.Servers[0]
	c.Send(array("BLPOP", "a", "0"))
	s.Settle()
	v.Reply("*-1\r\n")
	s.Settle()
	c.Send(array("SELECT", "3"))
	s.Settle()
	v.In(3).Reply("+OK\r\n")
	s.Settle()
	v.In(3).Sock.Take()
	c.Send(array("BLPOP", "a", "0"))
	s.Settle()
	got(t, v.In(3), array("SELECT", "3"))
	v.In(3).Reply("+OK\r\n")
	s.Settle()
	got(t, v.In(3), array("BLPOP", "a", "0"))
}

// TestIdleDatabase: connections to a database that nobody uses are given back, and opened anew for who is still in it.
func TestIdleDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := sixteen(t, 1)
		v := s.Servers[0].In(3)
		c.Send(array("SELECT", "3"))
		s.Settle()
		v.Reply("+OK\r\n")
		s.Settle()
		first := v.Conn
		s.Passes(62 * time.Second)
		if !first.Closed {
			t.Error("it is still open")
		}
		c.Send(array("GET", "a"))
		s.Settle()
		got(t, v, array("SELECT", "3"))
	})
}

// TestHandOverOfDatabase: a program that knows nothing of databases finds no pool for a client that has left the one that it began in.
func TestHandOverOfDatabase(t *testing.T) {
	s, c := sixteen(t, 1)
	for _, tt := range []struct {
		db        int
		bar       uint16
		old, then string // the pool that programs find who know nothing of databases
	}{{0, 0, "sim", ""}, {3, 0, "", ""}, {3, 4, "", ""}, {0, 4, "", "sim"}} {
		c.session.cl.DB, c.session.cl.Bar = tt.db, tt.bar
		text, err := json.Marshal(c.session.state(0))
		if err != nil {
			t.Fatal(err)
		}
		var old struct{ Pool, Switched string }
		var state State
		if err := json.Unmarshal(text, &old); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &state); err != nil {
			t.Fatal(err)
		}
		if old.Pool != tt.old || old.Switched != tt.then || state.In() != "sim" || state.DB == nil || *state.DB != tt.db {
			t.Errorf("%s: an old program finds %+v, a new one pool %q", text, old, state.In())
		}
		if r := Restore(s.local, s.pool, 9, Parted{State: state}, false); r.cl.DB != tt.db {
			t.Errorf("%s: restored in database %d", text, r.cl.DB)
		}
	}
	c.session.cl.DB, c.session.cl.Bar = 0, 0
	one := newSim(t, 1, nil).connect()
	if text, err := json.Marshal(one.session.state(0)); err != nil || strings.Contains(string(text), "DB") {
		t.Errorf("of a pool with one database it is told: %s, %v", text, err)
	}
}
