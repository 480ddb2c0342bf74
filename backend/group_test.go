package backend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/topology"
)

// TestGroup: which connection a request takes, and when connections end that get no more of them.
func TestGroup(t *testing.T) {
	play := func(name string, servers int, edit func(*topology.Options), f func(*testing.T, *rig)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, newRig(t, servers, edit)) }) })
	}
	two := func(o *topology.Options) { o.ServerConnections = 2 }
	play("a client's requests to a server take the same connection", 2, two, func(t *testing.T, g *rig) {
		var conns []*Conn
		for server := range 2 {
			for client := range uint64(6) {
				c := g.conn(server, client)
				if c != g.conn(server, client+2) || c.Server().Addr != "s"+strconv.Itoa(server) || c.Profile() != 0 || c.loop != g.loop {
					t.Errorf("client %d, server %d: connection to %s", client, server, c.Server().Addr)
				}
				if !slices.Contains(conns, c) {
					conns = append(conns, c)
				}
			}
		}
		if len(conns) != 4 || len(g.dialing) != 4 {
			t.Errorf("%d connections, %d attempts to connect; want 4 each", len(conns), len(g.dialing))
		}
	})
	play("one to each server beforehand", 3, two, func(t *testing.T, g *rig) {
		g.group.Preconnect()
		if len(g.dialing) != 3 || g.dialing[2].Server().Addr != "s2" {
			t.Errorf("%d attempts to connect; want 3", len(g.dialing))
		}
	})
	play("no server is live", 1, nil, func(t *testing.T, g *rig) {
		if _, err := g.group.home.Conn(nil, 1); err != ErrEjected { //nolint:errorlint // it is that error
			t.Errorf("Conn(nil) says %v", err)
		}
	})
	play("an ejected server whose keys do not move", 1, func(o *topology.Options) {
		o.AutoEjectHosts, o.OnServerFailure = true, topology.FailFast
	}, func(t *testing.T, g *rig) {
		g.conn(0, 1)
		g.pool.Failure(g.server(0), "it failed")
		g.pool.Failure(g.server(0), "it failed")
		if _, err := g.group.home.Conn(g.server(0), 1); err != ErrEjected { //nolint:errorlint // it is that error
			t.Errorf("Conn says %v", err)
		}
	})
	play("its name leads elsewhere", 2, two, func(t *testing.T, g *rig) {
		var lines []*line
		for server := range 2 {
			for client := range uint64(2) {
				g.conn(server, client)
				lines = append(lines, g.accept())
			}
		}
		g.get(g.conn(1, 0), "a")
		g.settle()
		g.group.Moved(g.server(1), []string{"10.0.0.1", "10.0.0.9"})
		for _, v := range lines {
			if v.closed {
				t.Fatal("a connection to one of its addresses is closed")
			}
		}
		g.group.Moved(g.server(1), []string{"10.0.0.9"})
		g.settle()
		if lines[0].closed || lines[1].closed || lines[2].closed || !lines[3].closed {
			t.Error("want closed what is idle and leads to no address any more")
		}
		if c := g.conn(1, 0); c == lines[2].conn {
			t.Error("the old connection gets requests")
		}
		lines[2].says("$-1\r\n")
		g.are("$-1\r\n")
		if !lines[2].closed {
			t.Error("the old connection lives on after its last reply")
		}
	})
	play("a set that nobody uses", 1, nil, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		plain := g.accept()
		plain.says("$-1\r\n")
		_, v := g.three(0)
		g.passes(idleSet - time.Second)
		if v.closed {
			t.Fatal("closed too soon")
		}
		g.passes(2 * time.Second)
		if !v.closed || plain.closed {
			t.Errorf("closed %v, the plain one %v", v.closed, plain.closed)
		}
	})
}

// crowd counts what a Waiter is told.
type crowd struct{ told int }

func (w *crowd) Roomy() { w.told++ }

// TestConnCrowded: waiters are told once that half of what was too much is gone, or all of it with the connection.
func TestConnCrowded(t *testing.T) {
	full := func(g *rig) (*Conn, *line, *crowd) {
		c := g.conn(0, 1)
		w := &crowd{}
		for range maxOutstanding {
			if c.Crowded(w) {
				t.Fatal("crowded too soon")
			}
			g.get(c, "a")
		}
		if !c.Crowded(w) {
			t.Fatal("not crowded")
		}
		return c, g.accept(), w
	}
	on(t, "requests", nil, func(t *testing.T, g *rig) {
		_, v, w := full(g)
		v.says(strings.Repeat("$-1\r\n", maxOutstanding/2-1))
		if w.told != 0 {
			t.Error("told too soon")
		}
		v.says("$-1\r\n")
		v.says("$-1\r\n")
		if w.told != 1 {
			t.Errorf("told %d times; want once", w.told)
		}
	})
	on(t, "the connection ends", nil, func(t *testing.T, g *rig) {
		_, v, w := full(g)
		v.hangsUp()
		if w.told != 1 {
			t.Errorf("told %d times; want once", w.told)
		}
	})
	on(t, "bytes", nil, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		v := g.accept()
		v.room = 0
		w := &crowd{}
		c.Touch()
		c.Out().Append(g.loop, make([]byte, maxOutstandingBytes-1))
		if c.Crowded(w) {
			t.Error("crowded too soon")
		}
		c.Out().Append(g.loop, []byte("x"))
		if !c.Crowded(w) {
			t.Fatal("not crowded")
		}
		g.settle()
		v.takes(maxOutstandingBytes/2 - 1)
		if w.told != 0 {
			t.Error("told too soon")
		}
		v.takes(1)
		if w.told != 1 {
			t.Errorf("told %d times; want once", w.told)
		}
		c.Abandon(ErrClosed)
	})
}

// TestConnRandom plays random events on the connections to some servers: each request hears of its own reply, or of one error,
// and the figures add up. The reply to GET k is k.
func TestConnRandom(t *testing.T) {
	for seed := range 40 {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playConns(t, rand.New(rand.NewPCG(uint64(seed), 3))) })
		})
	}
}

func playConns(t *testing.T, rnd *rand.Rand) {
	broken := rnd.IntN(2) == 0
	g := newRig(t, 2, func(o *topology.Options) {
		o.ServerConnections = 1 + rnd.IntN(2)
		if rnd.IntN(2) == 0 {
			o.Timeout = 50 * time.Millisecond
		}
		if rnd.IntN(2) == 0 {
			o.IntegrityInterval = 10 * time.Millisecond
		}
	})
	var keys []string
	owed := make(map[*line]string) // replies that the server has still to send
	unread := make(map[*line]string)
	answer := func(v *line, n int) {
		unread[v] += v.heard()
		for {
			cmd, rest, ok := cutCommand(unread[v])
			if !ok {
				break
			}
			unread[v] = rest
			owed[v] += bulkOf(cmd)
		}
		n = min(n, len(owed[v]))
		p := owed[v][:n]
		owed[v] = owed[v][n:]
		v.says(p)
	}
	step := func() {
		switch k := rnd.IntN(12); {
		case k < 4:
			for range 1 + rnd.IntN(6) {
				c, err := g.group.home.Conn(g.server(rnd.IntN(2)), rnd.Uint64N(4))
				if err != nil {
					continue
				}
				keys = append(keys, fmt.Sprintf("k%d-%s", len(keys), strings.Repeat("x", rnd.IntN(1+rnd.IntN(3000)))))
				a := g.get(c, keys[len(keys)-1])
				if rnd.IntN(20) == 0 && !a.ended { // the client leaves
					a.end()
				}
			}
		case k < 5:
			if len(g.dialing) > 0 {
				g.accept().room = []int{1 << 30, rnd.IntN(3000)}[rnd.IntN(2)]
			}
		case k < 9:
			for _, v := range g.lines {
				answer(v, 1+rnd.IntN(1+rnd.IntN(5000)))
			}
		case k < 10:
			if len(g.lines) > 0 {
				g.lines[rnd.IntN(len(g.lines))].takes(1 << 30)
			}
		case broken && rnd.IntN(3) == 0 && len(g.lines) > 0:
			if v := g.lines[rnd.IntN(len(g.lines))]; !v.closed {
				v.ends()
			}
		default:
			g.passes(time.Duration(rnd.IntN(15)) * time.Millisecond)
		}
		if rnd.IntN(2) == 0 {
			g.settle()
		}
	}
	for range 300 {
		step()
	}
	for range 10 {
		for len(g.dialing) > 0 {
			g.accept()
		}
		for _, v := range g.lines {
			v.takes(1 << 30)
			answer(v, 1<<30)
		}
		g.settle()
	}
	expired := g.pool.Options().Timeout > 0
	for i, a := range g.asked {
		switch got := a.is(); {
		case got == bulkOf(keys[i]), got == "waits" && a.ended:
		case a.err != nil && (broken || expired) && strings.HasPrefix(bulkOf(keys[i]), a.reply):
		case a.ended && a.err == nil && strings.HasPrefix(bulkOf(keys[i]), got): // its client left
		default:
			t.Errorf("request %d: %.50q; want %.50q", i, got, bulkOf(keys[i]))
		}
	}
	for server := range 2 {
		g.adds(server)
	}
	if n := g.local.requests.inUse; n != 0 {
		t.Errorf("%d requests are held by nobody", n)
	}
}

// cutCommand takes a command of two words from the front of s, and returns the second.
func cutCommand(s string) (arg, rest string, ok bool) {
	f := strings.SplitN(s, "\r\n", 6)
	if len(f) < 6 {
		return "", s, false
	}
	return f[4], f[5], true
}
