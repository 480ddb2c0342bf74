package backend

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/valyala/bytebufferpool"

	"cashew/codec/resp"
	"cashew/topology"
)

// rotate has the rig go over to a pool with another password.
func (g *rig) rotate(password string) (inOrder bool) {
	g.t.Helper()
	return g.change(func(o *topology.Options) {
		o.Protocol = resp.New(resp.Options{Password: password}).After(o.Protocol)
	}, "s0")
}

func secured(o *topology.Options) {
	o.Protocol, o.TransactionConnections = resp.New(resp.Options{Password: "old"}), 1
}

// holder has a lease.
type holder struct {
	roomy bool
	lost  []*Conn
}

func (h *holder) Roomy()            { h.roomy = true }
func (h *holder) LeaseLost(c *Conn) { h.lost = append(h.lost, c) }

// TestFormerLogin: a server that refuses the password gets the one before, once, and what waits goes out then.
func TestFormerLogin(t *testing.T) {
	auth := func(password string) string { return commandOf("AUTH", password) }
	const refusal = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	count := func(g *rig, text string) int { return strings.Count(g.log.String(), text) }
	const warning, good = "server refuses the credentials, and took those before", "server takes the credentials"
	on(t, "both", secured, func(t *testing.T, g *rig) {
		g.rotate("new")
		for range 2 { // the log says it once
			g.get(g.conn(0, 1), "a")
			v := g.accept()
			for _, c := range []struct{ heard, says string }{
				{auth("new"), refusal}, {auth("old"), "+OK\r\n"}, {commandOf("GET", "a"), "$1\r\nA\r\n"},
			} {
				if got := v.heard(); got != c.heard {
					t.Errorf("before it says %q the server got %q; want %q", c.says, got, c.heard)
				}
				v.says(c.says)
			}
			g.are("$1\r\nA\r\n")
			v.hangsUp()
		}
		g.conn(0, 1)
		v := g.accept()
		v.says("+OK\r\n")
		if got := v.heard(); got != auth("new") {
			t.Errorf("the next connection begins with %q", got)
		}
		if count(g, warning) != 1 || count(g, good) != 1 || strings.Contains(g.log.String(), "server connection failed") {
			t.Errorf("log: %s", g.log.String())
		}
	})
	on(t, "neither", secured, func(t *testing.T, g *rig) {
		g.rotate("new")
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says(refusal)
		v.says(refusal)
		g.are("server refused the connection: AUTH was refused: WRONGPASS invalid username-password pair or user is disabled.")
		if got := v.heard(); got != auth("new")+auth("old") || !v.closed {
			t.Errorf("closed %v, the server got %q", v.closed, got)
		}
		if count(g, warning) != 0 {
			t.Errorf("log: %s", g.log.String())
		}
	})
	on(t, "another refusal", secured, func(t *testing.T, g *rig) {
		g.rotate("new")
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says("-ERR max number of clients reached\r\n")
		g.are("server refused the connection: AUTH was refused: ERR max number of clients reached")
		if got := v.heard(); got != auth("new") {
			t.Errorf("the server got %q", got)
		}
	})
	on(t, "bytes behind a refusal", secured, func(t *testing.T, g *rig) {
		g.rotate("new")
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says(refusal + "+OK\r\n")
		g.are(invalid)
	})
	on(t, "RESP3", secured, func(t *testing.T, g *rig) {
		g.rotate("new")
		if _, err := g.group.Set(resp.RESP3, 0).Conn(g.server(0), 1); err != nil {
			t.Fatal(err)
		}
		v := g.accept()
		v.says(refusal)
		v.says("+OK\r\n")
		if got, want := v.heard(), auth("new")+auth("old")+commandOf("HELLO", "3"); got != want {
			t.Errorf("the server got %q; want %q", got, want)
		}
	})
}

// TestRotation: what a group does with its connections once the password is another.
func TestRotation(t *testing.T) {
	on(t, "a lease stays with its lessee, and nobody gets it after", secured, func(t *testing.T, g *rig) {
		h := new(holder)
		c, _, err := g.group.home.Lease(Transactions, g.server(0), h, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		g.accept().says("+OK\r\n") // the shared one
		v := g.accept()
		v.says("+OK\r\n")
		g.rotate("new")
		g.ask(c, "GET", "a")
		g.loop.Flush()
		v.says("$1\r\nA\r\n")
		g.are("$1\r\nA\r\n")
		if len(h.lost) != 0 || v.closed {
			t.Errorf("lost %v, closed %v", h.lost, v.closed)
		}
		c.Return()
		if !v.closed {
			t.Error("a connection that logged in otherwise is kept for the next")
		}
	})
	on(t, "an idle lease is closed", secured, func(t *testing.T, g *rig) {
		c, _, err := g.group.home.Lease(Transactions, g.server(0), new(holder), 1, true)
		if err != nil {
			t.Fatal(err)
		}
		g.accept().says("+OK\r\n")
		v := g.accept()
		v.says("+OK\r\n")
		c.Return()
		if g.rotate("new"); !v.closed {
			t.Error("it is kept")
		}
	})
	on(t, "a lease that logs in is lost", secured, func(t *testing.T, g *rig) {
		h := new(holder)
		if _, _, err := g.group.home.Lease(Transactions, g.server(0), h, 1, true); err != nil {
			t.Fatal(err)
		}
		g.accept().says("+OK\r\n")
		v := g.accept()
		if g.rotate("new"); len(h.lost) != 1 || !v.closed {
			t.Errorf("lost %v, closed %v", h.lost, v.closed)
		}
	})
	on(t, "the same password again changes nothing", secured, func(t *testing.T, g *rig) {
		g.rotate("new")
		c := g.conn(0, 1)
		v := g.accept()
		v.says("+OK\r\n")
		if !g.rotate("new") || g.conn(0, 1) != c || v.closed {
			t.Error("its connection is another")
		}
	})
	t.Run("only the servers that it is about", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, 2, secured)
			a, b := g.conn(0, 1), g.conn(1, 1)
			for range 2 {
				g.accept().says("+OK\r\n")
			}
			g.change(func(o *topology.Options) {
				o.Protocol = resp.New(resp.Options{Password: "old", Logins: map[string]resp.Login{"s1": {User: "bob", Password: "x"}}}).After(o.Protocol)
			}, "s0", "s1")
			if g.conn(0, 1) != a || g.conn(1, 1) == b {
				t.Error("s0 has another connection, or s1 has not")
			}
			v := g.accept()
			if got := v.heard(); got != commandOf("AUTH", "bob", "x") {
				t.Errorf("s1 gets %q", got)
			}
		})
	})
}

// TestFeedRotation: a feed that is open stays; one that logs in connects anew.
func TestFeedRotation(t *testing.T) {
	on(t, "open", secured, func(t *testing.T, g *rig) {
		c, v := g.feed()
		v.says("+OK\r\n")
		if g.rotate("new"); v.closed || c.state != open {
			t.Error("it is closed")
		}
	})
	on(t, "logs in", secured, func(t *testing.T, g *rig) {
		c, v := g.feed()
		if g.rotate("new"); !v.closed {
			t.Error("it goes on")
		}
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		if got := g.accept().heard(); got != commandOf("AUTH", "new") {
			t.Errorf("the server got %q", got)
		}
	})
}

// feed is a feed from the only server, which was asked to log in.
func (g *rig) feed() (*Conn, *line) {
	c := g.group.NewFeed(g.server(0), deaf{})
	if err := c.Open(); err != nil {
		g.t.Fatal(err)
	}
	return c, g.accept()
}

// deaf is a Hearer to whom nothing is said.
type deaf struct{}

func (deaf) Heard(*Conn, int, []byte, []byte, *bytebufferpool.ByteBuffer) bool { return false }
func (deaf) FeedLost(*Conn, error)                                             {}
func (deaf) Dropped(*Conn, int, []byte) bool                                   { return false }
