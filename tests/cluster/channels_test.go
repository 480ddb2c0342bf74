//go:build unix

package cluster

import (
	"testing"

	"cashew/ring"
	"cashew/tests/processtest"
)

// TestChannelsFollow: what is published is heard once by each who asked for it, and goes on when the slot of a channel, or of a pattern, has
// moved.
func TestChannelsFollow(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 0, "--notify-keyspace-events", "KA")
	p := startProxy(t, seeds(c.Nodes[0]), "cluster_refresh_interval: 600000")
	m := newMover(t, c, 3)
	t.Run("shard", func(t *testing.T) { shardChannelsFollow(t, m, p) })
	t.Run("pattern", func(t *testing.T) { patternsFollow(t, m, p) })
	t.Run("events", func(t *testing.T) { eventsComeFromAll(t, m, p) })
}

func shardChannelsFollow(t *testing.T, m *mover, p *proxy) {
	hears, says := newClient(t, p.addr), newClient(t, p.addr)
	m.move(t, "{a}")
	hears.want("(ssubscribe,ch{a},:1)", "SSUBSCRIBE", "ch{a}")
	heard := func(text string) {
		t.Helper()
		processtest.Await(t, patience, "somebody hears", func() bool {
			says.send("SPUBLISH", "ch{a}", text)
			n, err := says.Reply()
			return err == nil && n == ":1"
		})
		hears.reads("(smessage,ch{a}," + text + ")")
	}
	heard("1")
	m.move(t, "{a}")
	heard("2")
}

// patternsFollow: a pattern stands at the master that has its slot, and nowhere else, for what is published comes to all masters.
func patternsFollow(t *testing.T, m *mover, p *proxy) {
	const pattern = "{a}*"
	hears, says := newClient(t, p.addr), newClient(t, p.addr)
	hears.want("(psubscribe,{a}*,:1)", "PSUBSCRIBE", pattern)
	for range 2 {
		owner := m.masters[m.at[ring.SlotOf([]byte(pattern))]]
		processtest.Await(t, patience, "the pattern stands at the master of its slot alone", func() bool {
			for _, n := range m.masters {
				if want := map[bool]string{true: ":1", false: ":0"}[n == owner]; ask(n.Addr, "PUBSUB", "NUMPAT") != want {
					return false
				}
			}
			return true
		})
		for _, tag := range tags { // through the proxy, at the master of each slot; and there
			channel := "{a}" + tag
			says.send("PUBLISH", channel, "1")
			if _, err := says.Reply(); err != nil {
				t.Fatal(err)
			}
			hears.reads("(pmessage,{a}*," + channel + ",1)")
		}
		for _, n := range m.masters {
			n.Want(t, ":", "PUBLISH", "{a}there", n.Addr)
			hears.reads("(pmessage,{a}*,{a}there," + n.Addr + ")")
		}
		m.move(t, "{a}")
		says.want("", "GET", pattern) // which shows the proxy that it has
	}
	hears.want("(punsubscribe,{a}*,:0)", "PUNSUBSCRIBE", pattern)
}

// eventsComeFromAll: each master tells of its own keys alone.
func eventsComeFromAll(t *testing.T, m *mover, p *proxy) {
	const pattern = "__keyspace@0__:*"
	hears, says := newClient(t, p.addr), newClient(t, p.addr)
	hears.want("(psubscribe,"+pattern+",:1)", "PSUBSCRIBE", pattern)
	of := make(map[int]bool)
	for _, tag := range tags {
		says.want("+OK", "SET", "k"+tag, "v")
		hears.reads("(pmessage," + pattern + ",__keyspace@0__:k" + tag + ",set)")
		of[m.at[ring.SlotOf([]byte(tag))]] = true
	}
	if len(of) != len(m.masters) {
		t.Errorf("the keys were at %d of %d masters", len(of), len(m.masters))
	}
}
