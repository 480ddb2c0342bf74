//go:build unix

package near

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// clustered is a Redis Cluster, and a proxy that keeps its replies for longer than a test lasts.
type clustered struct {
	*processtest.Cluster
	*proxy
	reader *client
}

func newClustered(t *testing.T, replicas int, keys string) *clustered {
	t.Helper()
	c := &clustered{Cluster: processtest.StartCluster(t, 3, replicas, "--cluster-node-timeout", "1000")}
	c.proxy = runProxy(t, []string{c.Nodes[0].Addr, c.Nodes[1].Addr}, "redis: true", "cluster: true", "near_cache: 4mb", "near_cache_keys: "+keys, "near_cache_msecs: 600000", "timeout: 15000")
	c.reader = dial(t, c.addr)
	return c
}

// set writes a key at a node of the cluster, which may import its slot.
func set(t *testing.T, n *processtest.ClusterNode, key, v string) {
	t.Helper()
	w := dial(t, n.Addr)
	w.ask(t, "ASKING")
	if reply := w.ask(t, "SET", key, v); reply != "+OK" {
		t.Fatalf("SET %s at %s: %q", key, n.Addr, reply)
	}
}

// sees waits until a key has a value by the proxy, and tells how long that took.
func (c *clustered) sees(t *testing.T, what, key, want string) {
	t.Helper()
	began := time.Now()
	c.reader.await(t, want, "GET", key)
	t.Logf("%s: seen after %v", what, time.Since(began).Round(time.Millisecond))
}

// keeps has the value of a key be given from what is kept.
func (c *clustered) keeps(t *testing.T, key, v string) {
	t.Helper()
	c.reader.await(t, v, "GET", key)
	c.heat(t, c.reader, "GET", key)
}

// TestClusterForeign: what is written at servers of a cluster is seen, wherever the key's slot is by then, and on its way.
func TestClusterForeign(t *testing.T) {
	processtest.Beside(t)
	for name, keys := range both { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClustered(t, 1, keys)
			const key, none, late = "k{t}", "k{t}none", "k{t}late"
			slot := c.slot(t, "t")
			from := c.Owner(t, slot)
			to := c.another(t, from)
			set(t, from, key, "1")
			c.keeps(t, key, "1")
			set(t, from, key, "2")
			c.sees(t, "at its server", key, "2")

			c.keeps(t, key, "2")
			c.keeps(t, none, "")
			c.keeps(t, late, "")
			c.BeginMove(t, slot, from, to)
			set(t, to, none, "1")
			c.sees(t, "none was there, and its slot moves", none, "1")
			c.keeps(t, key, "2")
			c.MoveKeys(t, slot, from, to, -1)
			set(t, to, key, "3")
			c.sees(t, "it has moved", key, "3")
			c.EndMove(t, slot, from, to)
			set(t, to, late, "1")
			c.sees(t, "none was there, and its slot has moved", late, "1")

			c.keeps(t, key, "3")
			set(t, to, key, "4")
			c.sees(t, "at its next server", key, "4")

			c.keeps(t, key, "4")
			replica := c.ReplicaOf(t, to)
			c.Failover(t, replica)
			set(t, replica, key, "5")
			c.sees(t, "its replica is the master", key, "5")

			c.keeps(t, key, "5")
			by := c.another(t, replica)
			c.takes(t, slot, replica, by)
			set(t, by, key, "6")
			c.sees(t, "another took its slot, with all that was there", key, "6")

			c.AwaitAgreement(t)
			c.keeps(t, key, "6")
			replica = c.ReplicaOf(t, by)
			by.Kill()
			processtest.Await(t, patience, "another has its place", func() bool {
				reply, err := processtest.Ask(replica.Addr, "SET", key, "7")
				return err == nil && reply == "+OK"
			})
			c.sees(t, "its master has died", key, "7")
		})
	}
}

// takes has a node say that a slot is its own, though its master has keys there: these are deleted, of which nobody is told (Redis 7.0).
func (c *clustered) takes(t *testing.T, slot int, from, by *processtest.ClusterNode) {
	t.Helper()
	by.Want(t, "+", "CLUSTER", "BUMPEPOCH")
	by.Want(t, "+OK", "CLUSTER", "SETSLOT", strconv.Itoa(slot), "IMPORTING", from.ID)
	by.Want(t, "+OK", "CLUSTER", "SETSLOT", strconv.Itoa(slot), "NODE", by.ID)
}

// slot is that of a key.
func (c *clustered) slot(t *testing.T, key string) int {
	t.Helper()
	n, err := strconv.Atoi(c.Nodes[0].Want(t, ":", "CLUSTER", "KEYSLOT", key)[1:])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// another is another master than n.
func (c *clustered) another(t *testing.T, n *processtest.ClusterNode) *processtest.ClusterNode {
	t.Helper()
	if to := c.Owner(t, 0); to != n {
		return to
	}
	return c.Owner(t, processtest.ClusterSlots-1)
}

// TestClusterFresh: as TestFresh, while slots move and replicas take their masters' places.
func TestClusterFresh(t *testing.T) {
	processtest.Beside(t)
	c := newClustered(t, 1, "auto")
	f := &fresh{addr: c.addr, moving: true, cluster: true}
	end := f.start(4, 12)
	moves := 0
	for begun := time.Now(); moves < 6 || time.Since(begun) < min(*forFlag, time.Hour); moves++ {
		slot := c.slot(t, fmt.Sprint(moves%2, ".", moves/2%4))
		from := c.Owner(t, slot)
		if moves%3 == 2 {
			c.Failover(t, c.ReplicaOf(t, from))
		} else {
			c.MoveSlot(t, slot, from, c.another(t, from))
		}
		reads := f.reads.Load()
		processtest.Await(t, patience, "reads", func() bool { return f.reads.Load() > reads+2000 || f.stop.Load() })
	}
	end(t)
	n := c.figures(t)
	t.Logf("%d reads and %d writes, while %d times slots moved or a replica became the master: %+v", f.reads.Load(), f.wrote.Load(), moves, n)
	if n.Hits == 0 || n.Joined == 0 || n.Kept == 0 || n.Invalidated == 0 {
		t.Errorf("nothing was tried: %+v", n)
	}
}
