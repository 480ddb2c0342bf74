//go:build unix

package cluster

import (
	"testing"
	"time"

	"cashew/ring"
	"cashew/tests/processtest"
)

// mover moves the slots of tags from master to master, over and over.
type mover struct {
	*processtest.Cluster
	masters []*processtest.ClusterNode
	at      map[int]int // of each slot, its master's index
	moves   int
}

func newMover(t *testing.T, c *processtest.Cluster, masters int) *mover {
	t.Helper()
	m := &mover{Cluster: c, masters: c.Nodes[:masters], at: map[int]int{}}
	for _, tag := range tags {
		slot := ring.SlotOf([]byte(tag))
		owner := c.Owner(t, slot)
		for i, n := range m.masters {
			if n == owner {
				m.at[slot] = i
			}
		}
	}
	return m
}

// move moves the slot of a tag to the next master, in pieces: half of its keys are elsewhere for a while.
func (m *mover) move(t *testing.T, tag string) {
	t.Helper()
	slot := ring.SlotOf([]byte(tag))
	from, to := m.masters[m.at[slot]], m.masters[(m.at[slot]+1)%len(m.masters)]
	m.BeginMove(t, slot, from, to)
	for m.MoveKeys(t, slot, from, to, 5) > 0 {
	}
	m.EndMove(t, slot, from, to)
	m.at[slot] = (m.at[slot] + 1) % len(m.masters)
	m.moves++
}

// halved ends the one error that a client may see where slots move: of several keys that its server did not have all, and did something behind.
const halved = " -TRYAGAIN Multiple keys request during rehashing of slot"

// wantHalved fails the test if a client has seen another error, or that more often than chance brings about, which is next to never.
func (l *load) wantHalved(t *testing.T, moves int) {
	t.Helper()
	l.wantSome(t, halved)
	all := 0
	for _, n := range l.errors { // in no order: added up
		all += n
	}
	if all > 2+moves/10 {
		t.Errorf("%d commands failed while %d slots moved", all, moves)
	}
}

// TestSlotsMove: no client sees that slots move back and forth, but for that.
func TestSlotsMove(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 0)
	p := startProxy(t, seeds(c.Nodes[0]))
	l := startLoad(t, p.addr, 8, 6)
	m := newMover(t, c, 3)
	for end := time.Now().Add(lasts(3 * time.Second)); time.Now().Before(end); {
		m.move(t, tags[m.moves%len(tags)])
	}
	l.end(t)
	l.wantHalved(t, m.moves)
	t.Logf("%d slots moved", m.moves)
}
