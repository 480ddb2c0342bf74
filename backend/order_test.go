package backend

import (
	"strings"
	"testing"
	"testing/synctest"
)

// TestOrder: whatever went wrong with outq, a reply goes to no request but its own, and no other connection's requests suffer.
func TestOrder(t *testing.T) {
	const internal = "internal error of the proxy"
	for _, c := range []struct {
		name  string
		spoil func(g *rig, c, other *Conn)
		want  []string // a, b and c of the connection, d of the other
	}{
		{"the oldest is forgotten", func(_ *rig, c, _ *Conn) { c.head = c.head.link }, []string{"waits", internal, internal, "waits"}},
		{"one is answered that was not", func(_ *rig, c, _ *Conn) { c.answered++ }, []string{internal, internal, internal, "waits"}},
		{"one is not counted", func(_ *rig, c, _ *Conn) { c.answered-- }, []string{internal, internal, internal, "waits"}},
		{"another connection's stands first", func(_ *rig, c, other *Conn) { c.head = other.head }, []string{"waits", "waits", "waits", "waits"}},
		{"it is free", func(_ *rig, c, _ *Conn) { c.head.plain = plain{} }, []string{"waits", "waits", "waits", "waits"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, 2, nil)
				conn, other := g.conn(0, 1), g.conn(1, 1)
				for _, key := range []string{"a", "b", "c"} {
					g.get(conn, key)
				}
				g.get(other, "d")
				v, w := g.accept(), g.accept()
				c.spoil(g, conn, other)
				v.says("$6\r\nsecret\r\n")
				g.are(c.want...)
				if conn.state != closed || !v.closed || other.state != open {
					t.Errorf("the connection is in state %d, the other one in %d", conn.state, other.state)
				}
				if n := strings.Count(g.log.String(), "broken invariant: server connection out of order"); n != 1 {
					t.Errorf("%d lines in the log say so; want 1:\n%s", n, g.log.String())
				}
				if g.loop.Panics.Load() != 1 || g.pool.OutOfSteps() != 1 {
					t.Errorf("counted as %d panics and %d connections out of step; want 1 and 1", g.loop.Panics.Load(), g.pool.OutOfSteps())
				}
				w.says("$1\r\nD\r\n")
				g.get(g.conn(0, 1), "again")
				v = g.accept()
				v.says("$1\r\nA\r\n")
				if got := g.asked[len(g.asked)-1].is(); got != "$1\r\nA\r\n" {
					t.Errorf("the next connection answers %q", got)
				}
				g.loop.Panics.Store(0) // it is what was wanted
			})
		})
	}
}

// TestOrderOfFailed: as a connection ends, requests that strayed into its outq do not fail with it.
func TestOrderOfFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, 2, nil)
		conn, other := g.conn(0, 1), g.conn(1, 1)
		g.get(conn, "a")
		g.get(other, "b")
		v, w := g.accept(), g.accept()
		conn.head.link = other.head
		v.hangsUp()
		g.are(reset, "waits")
		w.says("$1\r\nB\r\n")
		g.are("$1\r\nB\r\n")
	})
}
