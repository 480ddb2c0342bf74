//go:build unix

package cluster

import (
	"strings"
	"testing"

	"cashew/ring"
	"cashew/tests/processtest"
)

// TestLeasesFollow: what a client has a connection of its own for goes on when its slot moves, and when its master steps down.
func TestLeasesFollow(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 1, "--cluster-node-timeout", "2000")
	p := startProxy(t, seeds(c.Nodes[0]), "cluster_refresh_interval: 600000")
	m := newMover(t, c, 3)
	at := func(tag string) *processtest.ClusterNode { return m.masters[m.at[ring.SlotOf([]byte(tag))]] }
	push := func(tag, value string) {
		t.Helper()
		if got := ask(p.addr, "RPUSH", "q"+tag, value); got != ":1" && got != ":2" {
			t.Errorf("RPUSH = %q", got)
		}
	}
	waits := func(tag string) {
		t.Helper()
		processtest.Await(t, patience, "a client is blocked", func() bool {
			return strings.Contains(ask(c.Owner(t, ring.SlotOf([]byte(tag))).Addr, "INFO", "clients"), "blocked_clients:1\r\n")
		})
	}
	q := newClient(t, p.addr)

	// the map is old
	m.move(t, "{a}")
	q.send("BLPOP", "q{a}", "0")
	waits("{a}")
	push("{a}", "1")
	q.reads("(q{a},1)")

	// it waits as the slot goes, of which one key is there
	push("{b}", "0")
	q.want("(q{b},0)", "BRPOP", "q{b}", "0")
	q.send("BLPOP", "q{b}", "0")
	waits("{b}")
	m.move(t, "{b}")
	waits("{b}")
	push("{b}", "2")
	q.reads("(q{b},2)")

	// half of the slot has gone
	slot := ring.SlotOf([]byte("{c}"))
	from, to := at("{c}"), m.masters[(m.at[slot]+1)%3]
	m.BeginMove(t, slot, from, to)
	q.want("+OK", "WATCH", "w{c}")
	q.want("+OK", "MULTI")
	q.want("+QUEUED", "SET", "w{c}", "1")
	q.want("(+OK)", "EXEC")
	q.want("1", "GET", "w{c}")
	q.send("BLPOP", "q{c}", "0")
	processtest.Await(t, patience, "a client is blocked where the slot goes", func() bool {
		return strings.Contains(ask(to.Addr, "INFO", "clients"), "blocked_clients:1\r\n")
	})
	push("{c}", "3")
	q.reads("(q{c},3)")
	m.MoveKeys(t, slot, from, to, -1)
	m.EndMove(t, slot, from, to)
	m.at[slot] = (m.at[slot] + 1) % 3

	// WATCH with an old map
	m.move(t, "{d}")
	q.want("+OK", "WATCH", "w{d}")
	q.want("+OK", "MULTI")
	q.want("+QUEUED", "SET", "w{d}", "1")
	q.want("(+OK)", "EXEC")

	// what is watched moves
	q.want("+OK", "WATCH", "w{d}")
	m.move(t, "{d}")
	q.want("+OK", "MULTI")
	q.want("+QUEUED", "SET", "w{d}", "2")
	q.want("", "EXEC")
	q.want("1", "GET", "w{d}")

	// its master steps down
	q.send("BLPOP", "q{e}", "0")
	waits("{e}")
	c.Failover(t, c.ReplicaOf(t, c.Owner(t, ring.SlotOf([]byte("{e}")))))
	waits("{e}")
	push("{e}", "4")
	q.reads("(q{e},4)")
}
