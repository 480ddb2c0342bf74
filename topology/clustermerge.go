package topology

import (
	"cmp"
	"slices"

	"cashew/codec"
)

// merging is a round of answers as it becomes a map.
type merging struct {
	old     *clusterMap
	answers []answer
	settled bool

	index  map[string]int32 // of nodes, by ID
	nodes  []mergedNode
	to     [][]int32 // of each answer, its nodes' indexes in nodes
	agree  bool      // all answers name the same owner for every slot
	held   int       // slots that their owner keeps though views name another, whose epoch is not higher
	doubts []string  // addresses of those whose word is missing: they keep slots so, or others say that they have them now; a few
	moved  bool      // one of these has slots now by the word of others alone
}

// mergedNode is a node of the map before, or of a view.
type mergedNode struct {
	id      string
	was     int32 // index in old.nodes; -1: none
	asked   int32 // index of the answer that is its own; -1: none
	gone    bool  // it has no slot by its own word, or another answers at its address
	idle    bool  // a view has it as a master without slots
	replica bool  // a view has it as a replica, and none as a master; or it says so itself
	seen    bool  // a view has it
	addr    string
	addrAs  int  // how good addr is
	isOwner bool // in the map that is made
}

// How good an address is.
const (
	addrNone = iota
	addrTold // by another server
	addrOwn  // by the node itself
	addrKept // it is what it was, and a view says so, too
)

// claim is what is said of a slot.
type claim struct {
	node  int32 // -1: nothing
	epoch uint64
	own   bool // by the node itself
}

const maxDoubts = 3

// newMerging knows all nodes of old and of use, and who of them was asked by all, which use is a part of.
func newMerging(old *clusterMap, use, all []answer, settled bool) *merging {
	m := &merging{old: old, answers: use, settled: settled, index: make(map[string]int32), agree: true}
	if old != nil {
		for i := range old.nodes {
			m.nodes[m.node(old.nodes[i].id)].was = int32(i)
		}
	}
	for i := range use {
		m.hear(int32(i), &use[i])
	}
	for i := range use {
		m.demote(int32(i), use[i].view)
	}
	for i := range all {
		self := all[i].view.Self
		if g, known := m.index[self]; known && isEmpty(all[i].view) {
			m.nodes[g].gone = true
		}
		for g := range m.nodes {
			n := &m.nodes[g]
			if n.was >= 0 && n.id != self && self != "" && old.nodes[n.was].addr == all[i].addr {
				n.gone = true
			}
		}
	}
	return m
}

// node is the index of the node that has the ID.
func (m *merging) node(id string) int32 {
	g, known := m.index[id]
	if !known {
		g = int32(len(m.nodes))
		m.index[id] = g
		m.nodes = append(m.nodes, mergedNode{id: id, was: -1, asked: -1})
	}
	return g
}

// hear notes what the i-th answer says of nodes.
func (m *merging) hear(i int32, a *answer) {
	owns := make([]bool, len(a.view.Nodes))
	for _, owner := range a.view.Owners {
		if owner >= 0 {
			owns[owner] = true
		}
	}
	to := make([]int32, len(a.view.Nodes))
	for j := range a.view.Nodes {
		told := &a.view.Nodes[j]
		to[j] = m.node(told.ID)
		n := &m.nodes[to[j]]
		n.seen, n.idle = true, n.idle || !owns[j]
		as := addrTold
		switch {
		case n.was >= 0 && m.old.nodes[n.was].addr == told.Addr:
			as = addrKept
		case told.ID == a.view.Self:
			as = addrOwn
		}
		if as > n.addrAs || as == n.addrAs && told.Addr < n.addr { // of two that are as good always the same
			n.addr, n.addrAs = told.Addr, as
		}
	}
	m.to = append(m.to, to)
	if a.view.Self != "" {
		m.nodes[m.node(a.view.Self)].asked = i
	}
}

// demote notes whom the i-th answer takes for a replica. Servers hear of that one after the other.
func (m *merging) demote(i int32, v *codec.View) {
	for _, id := range v.Replicas {
		if g, known := m.index[id]; known {
			n := &m.nodes[g]
			n.replica = n.replica || !n.seen || n.asked == i
		}
	}
}

// all makes the map.
func (m *merging) all() *clusterMap {
	next := new(clusterMap)
	for s := range next.slots {
		next.slots[s] = m.slot(s)
		if g := next.slots[s].node; g >= 0 {
			m.nodes[g].isOwner = true
		}
	}
	from := make([]int32, 0, len(m.nodes)) // of next.nodes, their indexes in m.nodes
	for g := range m.nodes {
		n := &m.nodes[g]
		if n.isOwner || len(from) < maxServers && m.stays(n) {
			from = append(from, int32(g))
		}
	}
	slices.SortFunc(from, func(a, b int32) int { return cmp.Compare(m.nodes[a].id, m.nodes[b].id) })
	next.copies = m.copies()
	place := make([]int32, len(m.nodes))
	for i, g := range from {
		n := &m.nodes[g]
		place[g] = int32(i)
		next.nodes = append(next.nodes, m.mapped(n))
	}
	for s := range next.slots {
		if g := next.slots[s].node; g >= 0 {
			next.slots[s].node = place[g]
		}
	}
	return next
}

// stays says that a node without slots is a server.
func (m *merging) stays(n *mergedNode) bool {
	if n.replica || n.gone && !n.idle {
		return false
	}
	if n.seen || n.was < 0 {
		return n.idle
	}
	was := &m.old.nodes[n.was]
	return !was.isOwner && was.absent < maxAbsent
}

// mapped is n as the next map has it.
func (m *merging) mapped(n *mergedNode) mapNode {
	to := mapNode{id: n.id, addr: n.addr, isOwner: n.isOwner}
	if n.addrAs == addrNone {
		to.addr = m.old.nodes[n.was].addr // no view has it, so it was there before
	}
	if !n.seen {
		to.absent = m.old.nodes[n.was].absent + 1
	}
	return to
}

// slot decides who has a slot.
func (m *merging) slot(s int) slotOwner {
	best, denied, same := claim{node: -1}, claim{node: -1}, true
	had := claim{node: -1}
	if m.old != nil && m.old.slots[s].node >= 0 {
		had = claim{node: m.index[m.old.nodes[m.old.slots[s].node].id], epoch: m.old.slots[s].epoch}
	}
	denies := had.node >= 0 && m.denies(had.node, s)
	for i := range m.answers {
		c := m.said(i, s)
		same = same && c.node == m.said(0, s).node
		switch {
		case c.node < 0:
		case !m.denies(c.node, s):
			if best.node < 0 || m.better(c, best) {
				best = c
			}
		case denied.node < 0, had.node >= 0 && m.nodes[had.node].asked == int32(i):
			denied = c
		}
	}
	m.agree = m.agree && same
	switch {
	case had.node < 0 && best.node < 0:
		return denied.plain()
	case had.node < 0:
		return best.plain()
	case best.node == had.node:
		if !best.own {
			best.epoch = max(best.epoch, had.epoch)
		}
		return best.plain()
	case best.node < 0 && !denies:
		return had.plain()
	case best.node < 0 && (denied.node < 0 || m.nodes[had.node].asked >= 0):
		return denied.plain()
	case best.node < 0:
		return had.plain()
	case best.epoch > had.epoch || denies || m.settled:
		m.moved = m.doubt(best.node) || m.moved
		return best.plain()
	}
	m.held++
	m.doubt(had.node)
	return had.plain()
}

func (c claim) plain() slotOwner { return slotOwner{c.node, c.epoch} }

// said is what the i-th answer says of a slot.
func (m *merging) said(i, s int) claim {
	v := m.answers[i].view
	owner := v.Owners[s]
	if owner < 0 {
		return claim{node: -1}
	}
	g := m.to[i][owner]
	return claim{g, v.Nodes[owner].Epoch, m.nodes[g].asked == int32(i)}
}

// denies says that a node does not have the slot by its own word.
func (m *merging) denies(g int32, s int) bool {
	n := &m.nodes[g]
	return n.gone || n.asked >= 0 && m.said(int(n.asked), s).node != g
}

// better says that c goes before d. Of two masters with the same epoch one is about to have another: that with the smaller ID keeps its.
func (m *merging) better(c, d claim) bool {
	switch {
	case c.epoch != d.epoch:
		return c.epoch > d.epoch
	case c.node == d.node:
		return c.own
	}
	return m.nodes[c.node].id < m.nodes[d.node].id
}

// doubt notes that a node's own word would help; false: it was heard.
func (m *merging) doubt(g int32) bool {
	n := &m.nodes[g]
	if n.asked >= 0 {
		return false
	}
	addr := n.addr
	if n.addrAs == addrNone {
		addr = m.old.nodes[n.was].addr
	}
	if len(m.doubts) < maxDoubts && !slices.Contains(m.doubts, addr) {
		m.doubts = append(m.doubts, addr)
	}
	return true
}

// copies are the replicas of which views tell, each of the master that it names itself, or else the first view. One that a view has as a
// master by its own word is none.
func (m *merging) copies() (all []codec.Copy) {
	known := make(map[string]int) // indexes of all, by ID
	for i := range m.answers {
		v := m.answers[i].view
		for _, c := range v.Copies {
			at, has := known[c.ID]
			switch {
			case !has && len(all) < maxServers:
				known[c.ID] = len(all)
				all = append(all, c)
			case has && c.ID == v.Self:
				all[at] = c
			}
		}
	}
	all = slices.DeleteFunc(all, func(c codec.Copy) bool {
		g, has := m.index[c.ID]
		return has && m.nodes[g].isOwner
	})
	slices.SortFunc(all, func(a, b codec.Copy) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
