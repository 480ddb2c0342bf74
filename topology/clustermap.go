package topology

import (
	"cmp"
	"slices"

	"cashew/codec"
	"cashew/ring"
)

// clusterMap is who has which slot of a Redis Cluster, by what its servers said so far. It does not change.
//
//	views of a round --merge--> clusterMap --lineup--> Options.Servers, Options.Slots
//	    clusterMap before --^
//
// Servers learn of a change one after the other, so views differ. Of two masters that are said to have a slot it is the one with the
// higher configuration epoch, and a slot never goes back to a lower one than it had:
//
//	said by                                        of a slot that O has with epoch E
//	anybody: X has it, with an epoch above E       X has it
//	anybody: X has it, with one of E or below      O keeps it, unless O was asked itself and says that it has it not
//	anybody: X has it, which was asked itself      does not count, unless nothing else is said of the slot
//	  and says that it has it not
//	nobody: that anybody has it                    O keeps it, unless O was asked itself
//	all that answer, who are well, several rounds  as they say (settled): CLUSTER RESET and a new cluster begin at epoch 0
//
// A master without slots stays for maxAbsent rounds in which no view has it, and leaves at once that is a replica now.
//
// A view without any slot, of a server that is alone, says nothing, and neither does that of another cluster, which has no server in
// common with the map, unless no other view comes for several rounds.
type clusterMap struct {
	nodes  []mapNode // by ID
	slots  [ring.SlotCount]slotOwner
	copies []codec.Copy // replicas, by ID
}

type mapNode struct {
	id, addr string
	isOwner  bool // of a slot; a master that has none is a server as well: an ASK may lead to it before it gets its first
	absent   int  // rounds in a row in which no view had it
}

// slotOwner is an index of nodes, -1 for nobody, and the epoch with which that got the slot.
type slotOwner struct {
	node  int32
	epoch uint64
}

// answer is what a server of a cluster, or a sentinel, said in a round.
type answer struct {
	addr    string // of who was asked
	view    *codec.View
	masters []codec.Master // of a sentinel
}

const (
	maxAbsent  = 3       // rounds after which a master without slots that no view has any more is no server
	maxServers = 1 << 15 // of a map: no answer makes it larger
)

// merged is what a round came to.
type merged struct {
	next   *clusterMap
	lower  bool     // the map before stands against what all say who answered, all of them well: if that stays so, it is settled
	doubts []string // addresses of those to ask next
	soon   bool     // who has a slot now has it by the word of others alone
}

// merge makes a map of old, which may be nil, and of what answers say; settled: several rounds in a row said the same, and it was lower. The
// map stays where they say nothing.
func merge(old *clusterMap, answers []answer, settled bool) merged {
	use := slices.DeleteFunc(slices.Clone(answers), func(a answer) bool { return isEmpty(a.view) })
	if old != nil {
		ours := slices.DeleteFunc(slices.Clone(use), func(a answer) bool { return !old.knows(a.view) })
		if len(ours) == 0 && len(use) > 0 {
			foreign := newMerging(nil, use, use, false)
			if next := foreign.all(); settled {
				return merged{next: next}
			}
			return merged{next: old, lower: foreign.agree && allWell(use)}
		}
		use = ours
	}
	if len(use) == 0 {
		return merged{next: old}
	}
	m := newMerging(old, use, answers, settled)
	return merged{next: m.all(), lower: m.held > 0 && m.agree && allWell(use), doubts: m.doubts, soon: m.moved}
}

func allWell(answers []answer) bool {
	return !slices.ContainsFunc(answers, func(a answer) bool { return !a.view.Well })
}

// isEmpty says that v has no owner for any slot.
func isEmpty(v *codec.View) bool {
	return !slices.ContainsFunc(v.Owners, func(owner int32) bool { return owner >= 0 })
}

// knows says that a node of v is one of m's.
func (m *clusterMap) knows(v *codec.View) bool {
	return slices.ContainsFunc(v.Nodes, func(n codec.Node) bool { return m.find(n.ID) >= 0 }) || v.Self != "" && m.find(v.Self) >= 0
}

// find is the index of a node; -1: m has it not.
func (m *clusterMap) find(id string) int {
	i, has := slices.BinarySearchFunc(m.nodes, id, func(n mapNode, id string) int { return cmp.Compare(n.id, id) })
	if !has {
		return -1
	}
	return i
}

// lineup is m as Options have it: the servers by their addresses, which two nodes may share of which one is gone.
func (m *clusterMap) lineup() (servers []ServerOptions, slots *ring.Slots) {
	for _, n := range m.nodes {
		servers = append(servers, ServerAt(n.addr))
	}
	ring.SortServers(servers, func(s ServerOptions) string { return s.Name })
	servers = slices.CompactFunc(servers, func(a, b ServerOptions) bool { return a.Addr == b.Addr })
	at := make(map[string]uint16, len(servers))
	for i, s := range servers {
		at[s.Addr] = uint16(i)
	}
	places := make([]uint16, len(m.nodes))
	for i, n := range m.nodes {
		places[i] = at[n.addr]
	}
	slots = new(ring.Slots)
	for i, s := range m.slots {
		if slots[i] = ring.NoServer; s.node >= 0 {
			slots[i] = places[s.node]
		}
	}
	return servers, slots
}

// epoch is the highest with which a slot is had.
func (m *clusterMap) epoch() (highest uint64) {
	for i := range m.slots {
		highest = max(highest, m.slots[i].epoch)
	}
	return highest
}

// replicas are those of m, as Options have them: of servers that m has.
func (m *clusterMap) replicas(servers []ServerOptions) (list []ServerOptions) {
	taken := make(map[string]bool, len(servers))
	for i := range servers {
		taken[servers[i].Addr] = true
	}
	for _, c := range m.copies {
		at := m.find(c.Of)
		if at < 0 || taken[c.Addr] {
			continue
		}
		taken[c.Addr] = true
		r := ServerAt(c.Addr)
		r.Of = m.nodes[at].addr
		list = append(list, r)
	}
	return list
}
