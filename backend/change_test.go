package backend

import (
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/topology"
)

// change has the rig go over to a pool whose servers are at those addresses.
func (g *rig) change(edit func(*topology.Options), addrs ...string) (inOrder bool) {
	g.t.Helper()
	o := *g.pool.Options()
	o.Servers = nil
	for _, a := range addrs {
		o.Servers = append(o.Servers, topology.ServerOptions{Name: a, PName: a, Network: "tcp", Addr: a, Weight: 1})
	}
	if edit != nil {
		edit(&o)
	}
	next, err := g.pool.Successor(o)
	if err != nil {
		g.t.Fatal(err)
	}
	next.Adopt(g.pool)
	g.pool = next
	g.t.Cleanup(next.Close)
	inOrder = g.group.Change(next)
	g.settle()
	return inOrder
}

// TestGroupChange: what a group keeps when its pool is replaced.
func TestGroupChange(t *testing.T) {
	play := func(name string, servers int, f func(*testing.T, *rig)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, newRig(t, servers, nil)) }) })
	}
	play("a server that stays keeps its connection and figures in any order", 3, func(t *testing.T, g *rig) {
		c := g.conn(2, 1)
		g.get(c, "a")
		v := g.accept()
		if !g.change(nil, "s9", "s2", "s0") {
			t.Error("order is lost although all connections stay")
		}
		if g.conn(1, 1) != c || c.pool != g.pool {
			t.Error("the connection to s2 is another, or of the former pool")
		}
		v.says("$1\r\nA\r\n")
		g.are("$1\r\nA\r\n")
		if f := g.group.Figures(g.server(1)); f.Responses != 1 || f.Connections != 1 {
			t.Errorf("s2 has %d responses, %d connections", f.Responses, f.Connections)
		}
	})
	play("a new server in the slot of one that went has nothing of it", 2, func(t *testing.T, g *rig) {
		c, gone := g.conn(1, 1), g.server(1)
		g.get(c, "a")
		v := g.accept()
		if g.change(nil, "s0", "s9") {
			t.Error("a client may go on although a reply from the former server is owed")
		}
		if g.server(1).Slot() != gone.Slot() {
			t.Errorf("slot %d; want the free one, %d", g.server(1).Slot(), gone.Slot())
		}
		other := g.conn(1, 1)
		if other == c || other.Server().Addr != "s9" {
			t.Errorf("requests for s9 go to %s", other.Server().Addr)
		}
		if f := g.group.Figures(g.server(1)); f.Requests != 0 || f.OutQueue != 0 {
			t.Errorf("s9 has %d requests, %d in its out queue", f.Requests, f.OutQueue)
		}
		v.says("$1\r\nA\r\n")
		g.are("$1\r\nA\r\n")
		if !v.closed {
			t.Error("the connection to a server that went is kept")
		}
	})
	play("a retired connection gives no other up", 2, func(t *testing.T, g *rig) {
		c := g.conn(1, 1)
		g.ask(c, "SET", "a", "1")
		g.get(c, "b")
		v := g.accept()
		g.change(nil, "s0")
		g.conn(0, 1)
		kept := g.accept()
		v.says("-READONLY You can't write against a read only replica.\r\n")
		g.change(nil, "s0", "s9")
		g.conn(1, 1)
		new := g.accept()
		v.says("$1\r\nB\r\n")
		if kept.closed || new.closed || !v.closed {
			t.Errorf("closed: s0 %v, s9 %v, the retired one %v", kept.closed, new.closed, v.closed)
		}
	})
	play("fewer connections to each server", 2, func(t *testing.T, g *rig) {
		g.change(func(o *topology.Options) { o.ServerConnections = 3 }, "s0", "s1")
		var conns []*Conn
		for client := range uint64(3) {
			conns = append(conns, g.conn(1, client))
			g.accept()
		}
		if g.change(func(o *topology.Options) { o.ServerConnections = 2 }, "s0", "s1") {
			t.Error("clients that have another connection now may go on at once")
		}
		if g.conn(1, 0) != conns[0] || g.conn(1, 1) != conns[1] || conns[2].state != closed || !conns[2].retired {
			t.Error("of three connections not the first two are kept")
		}
	})
	play("another password", 1, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		v := g.accept()
		g.get(c, "a")
		inOrder := g.change(func(o *topology.Options) { o.Protocol = resp.New(resp.Options{Password: "p"}) }, "s0")
		if inOrder || g.conn(0, 1) == c {
			t.Error("a connection is kept that logged in otherwise")
		}
		v.says("$1\r\nA\r\n")
		g.are("$1\r\nA\r\n")
		if f := g.group.Figures(g.server(0)); f.Responses != 1 || f.Connections != 0 {
			t.Errorf("%d responses, %d connections", f.Responses, f.Connections)
		}
	})
	play("a shorter timeout runs from the change on", 2, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "stays")
		g.accept()
		g.get(g.conn(1, 1), "goes")
		g.accept()
		g.passes(time.Second)
		g.change(func(o *topology.Options) { o.Timeout = 100 * time.Millisecond }, "s0")
		g.passes(90 * time.Millisecond)
		g.are("waits", "waits")
		g.passes(20 * time.Millisecond)
		g.are(late, late)
	})
}
