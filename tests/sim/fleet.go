package sim

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"cashew/ring"
)

// A fleet is a Redis Cluster: shards of a master and a replica, of which one takes the other's place, and slots that move from shard to shard
// key by key. What a replica has of its master's is always all; what a server knows of the others it hears a little later.
//
//	move      importing there, migrating here, each key, SETSLOT there, SETSLOT here, then the others hear of it
//	failover  the master stops, or is gone; the replica has its place, its slots and a higher epoch; then the others hear of it
//
// Source: redis 7.0 cluster.c; a failover in the middle of a move leaves that as it is, as valkey 8 has it.
type fleet struct {
	sim    *Sim
	shards []*fleetShard
	nodes  []*Server
	epoch  uint64
	slots  []int16        // the shard that has each
	moving map[int]bool   // slots
	counts map[string]int // what happened, for tests
}

// fleetShard is one shard.
type fleetShard struct {
	nodes   [2]*Server
	lead    int
	failing bool // another is about to lead
}

func (h *fleetShard) master() *Server { return h.nodes[h.lead] }

// member is what a server of a fleet knows of it, by the servers' indices and the shards'.
type member struct {
	*fleet
	index, shard         int
	owners               []int16     // of slots
	heard                []uint64    // of slots: with which epoch the owner has it
	epochs               []uint64    // of servers
	migrating, importing map[int]int // slots, and the shards that they go to or come from
}

// newFleet makes a fleet of so many shards, whose slots are theirs in turn. add makes a server.
func newFleet(s *Sim, shards int, add func() *Server) *fleet {
	f := &fleet{sim: s, slots: make([]int16, ring.SlotCount), moving: make(map[int]bool), counts: make(map[string]int)}
	for i := range shards {
		h := &fleetShard{}
		for k := range h.nodes {
			v := add()
			v.member = &member{fleet: f, index: len(f.nodes), shard: i, migrating: make(map[int]int), importing: make(map[int]int)}
			h.nodes[k] = v
			f.nodes = append(f.nodes, v)
		}
		f.shards = append(f.shards, h)
	}
	for slot := range f.slots {
		f.slots[slot] = int16(slot * shards / ring.SlotCount)
	}
	f.epoch = uint64(shards)
	for _, v := range f.nodes {
		v.owners, v.heard, v.epochs = make([]int16, ring.SlotCount), make([]uint64, ring.SlotCount), make([]uint64, len(f.nodes))
		for slot, shard := range f.slots {
			v.owners[slot] = int16(f.shards[shard].master().index)
		}
		for i, h := range f.shards {
			v.epochs[h.master().index] = uint64(i + 1)
		}
	}
	return f
}

// id is the name that a server has in its cluster.
func (m *member) id() string { return fmt.Sprintf("%040x", m.index+1) }

// hear has a server know that slots have another owner, unless it has heard of a later one.
func (m *member) hear(slots []int, owner int, epoch uint64) {
	for _, slot := range slots {
		if epoch > m.heard[slot] {
			m.owners[slot], m.heard[slot] = int16(owner), epoch
		}
	}
	m.epochs[owner] = max(m.epochs[owner], epoch)
}

// tell has all servers but some hear so, each when its turn comes.
func (f *fleet) tell(slots []int, owner *Server, epoch uint64, but ...*Server) {
	for _, v := range f.nodes {
		if !slices.Contains(but, v) {
			f.soon(60*time.Millisecond, func() { v.hear(slots, owner.index, epoch) })
		}
	}
}

// soon does something within some time.
func (f *fleet) soon(d time.Duration, do func()) {
	f.sim.once(1+time.Duration(f.sim.rnd.Int64N(int64(d))), do)
}

// works says that somebody who administers a cluster can have a server do something.
func (v *Server) works() bool {
	return !v.sim.hosts[v.Addr].refuses && !v.sim.hosts[v.Addr].silent && !v.Stopped && !v.Loading
}

// move begins to move a slot to a shard.
func (f *fleet) move(slot, to int) (begun bool) {
	from := int(f.slots[slot])
	if from == to || f.moving[slot] {
		return false
	}
	f.moving[slot] = true
	source := func() *Server { return f.shards[from].master() }
	target := func() *Server { return f.shards[to].master() }
	f.steps([]func() bool{
		func() bool { target().importing[slot] = from; return true },
		func() bool { source().migrating[slot] = to; return true },
		func() bool { return f.moveKeys(slot, source(), target()) },
		func() bool {
			if !f.moveKeys(slot, source(), target()) { // one was written before its slot was migrating
				return false
			}
			f.epoch++
			f.slots[slot] = int16(to)
			delete(target().importing, slot)
			target().hear([]int{slot}, target().index, f.epoch)
			return true
		},
		func() bool {
			delete(source().migrating, slot)
			m := target().member
			source().hear([]int{slot}, m.index, m.epochs[m.index])
			f.tell([]int{slot}, target(), m.epochs[m.index])
			delete(f.moving, slot)
			f.counts["moves"]++
			return true
		},
	}, source, target)
	return true
}

// steps does one thing after the other, each as often as it takes, while both servers can be told to.
func (f *fleet) steps(list []func() bool, source, target func() *Server) {
	if len(list) == 0 {
		return
	}
	f.soon(20*time.Millisecond, func() {
		if source().works() && target().works() && list[0]() {
			list = list[1:]
		}
		f.steps(list, source, target)
	})
}

// moveKeys moves a few of a slot's keys, and says that none is left.
func (f *fleet) moveKeys(slot int, from, to *Server) (none bool) {
	var names []string
	for name := range from.values { // in no order: sorted
		if ring.SlotOf([]byte(name)) == slot {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	few := min(len(names), 1+f.sim.rnd.IntN(3))
	for _, name := range names[:few] {
		to.values[name] = from.values[name]
		delete(from.values, name)
		from.changedKey(name)
		to.changedKey(name)
	}
	from.broadcast()
	to.broadcast()
	return few == len(names)
}

// has is the server that somebody gets to who looks for a key: the master of its slot, or the one that this sends him to.
func (f *fleet) has(name string) *Server {
	slot := ring.SlotOf([]byte(name))
	v := f.shards[f.slots[slot]].master()
	if to, migrates := v.migrating[slot]; migrates && v.values[name].kind == 0 {
		return f.shards[to].master()
	}
	return v
}

// failoverTime is longer than any failover takes.
const failoverTime = time.Second

// failover has the replica of a shard lead it: the master stops before, or ends, if hard.
func (f *fleet) failover(shard int, hard bool) (begun bool) {
	h := f.shards[shard]
	old, next := h.master(), h.nodes[1-h.lead]
	if h.failing || !next.works() || !hard && !old.works() {
		return false
	}
	h.failing = true
	most := failoverTime / 10
	if old.Stopped = !hard; hard {
		old.Down(true)
		most = failoverTime / 2
	}
	f.soon(most, func() { f.lead(shard, old, next) })
	return true
}

// lead has next be master in place of old.
func (f *fleet) lead(shard int, old, next *Server) {
	h := f.shards[shard]
	f.epoch++
	var slots []int
	for slot, has := range f.slots {
		if int(has) == shard {
			slots = append(slots, slot)
		}
	}
	f.catchUp(h)
	next.values, old.values = old.values, make(db)
	next.migrating, old.migrating = maps.Clone(old.migrating), make(map[int]int)
	next.importing, old.importing = maps.Clone(old.importing), make(map[int]int)
	for _, v := range h.nodes {
		v.hear(slots, next.index, f.epoch)
	}
	f.tell(slots, next, f.epoch, h.nodes[:]...)
	h.lead, h.failing = 1-h.lead, false
	f.counts["failovers"]++
	old.Stopped = false
	for _, c := range old.conns {
		c.soon()
	}
}

// catchUp has a shard that is about to have another master know which of its slots others have by now: no master votes for who claims one of
// those.
func (f *fleet) catchUp(h *fleetShard) {
	for slot, has := range f.slots {
		to := f.shards[has]
		for _, v := range h.nodes {
			if to != h && f.nodes[v.owners[slot]].shard == v.shard {
				m := to.master().member
				v.hear([]int{slot}, m.index, m.epochs[m.index])
			}
		}
	}
}

// clustered answers what a server of a cluster is asked besides, and what is not its own. false: it is to be carried out here.
func (c *session) clustered(x *request) bool {
	asking := c.asking
	switch string(x.args[0]) {
	case "CLUSTER":
		c.tellCluster(string(x.args[1]))
		return true
	case "ASKING":
		c.asking = true
		c.out = append(c.out, "+OK\r\n"...)
		return true
	case "MULTI": // what is queued is asked for, too
	default:
		c.asking = c.asking && c.multi
	}
	why := c.elsewhere(c.keysOf(x), asking)
	if why == "" {
		return false
	}
	c.counts[why[:3]]++
	c.out = append(append(append(c.out, '-'), why...), "\r\n"...)
	switch {
	case string(x.args[0]) == "EXEC":
		c.transacting = transacting{}
	case c.multi:
		c.spoiled = true
	}
	return true
}

func (m *member) redirect(kind string, slot int, to *Server) string {
	return kind + " " + strconv.Itoa(slot) + " " + to.Addr
}

// elsewhere is what a server says that is not to carry out a command about keys; "": it is.
func (c *session) elsewhere(keys [][]byte, asking bool) string {
	if len(keys) == 0 {
		return ""
	}
	slot := ring.SlotOf(keys[0])
	there := 0
	for _, k := range keys {
		if ring.SlotOf(k) != slot {
			return "CROSSSLOT Keys in request don't hash to the same slot"
		}
		if c.values[string(k)].kind != 0 {
			there++
		}
	}
	missing := there < len(keys)
	mine := int(c.owners[slot]) == c.index
	to, migrates := c.migrating[slot]
	_, imports := c.importing[slot]
	switch {
	case mine && migrates && missing && there > 0, !mine && imports && asking && missing && len(keys) > 1:
		return "TRYAGAIN Multiple keys request during rehashing of slot"
	case mine && migrates && missing:
		return c.redirect("ASK", slot, c.shards[to].master())
	case mine, imports && asking:
		return ""
	}
	return c.redirect("MOVED", slot, c.nodes[c.owners[slot]])
}

// tellCluster answers CLUSTER SLOTS, NODES and INFO.
func (c *session) tellCluster(what string) {
	switch what {
	case "SLOTS":
		c.tellSlots()
	case "NODES":
		var text []byte
		for i, v := range c.nodes {
			flags, of := "slave", c.shards[v.shard].nodes[0].id()
			if c.isMaster(i) {
				flags, of = "master", "-"
			}
			if i == c.index {
				flags = "myself," + flags
			}
			text = fmt.Appendf(text, "%s %s@16379 %s %s 0 0 %d connected\n", v.id(), v.Addr, flags, of, c.epochs[i])
		}
		c.out = appendBulk(c.out, text)
	case "INFO":
		c.out = appendBulk(c.out, []byte("cluster_enabled:1\r\ncluster_state:ok\r\n"))
	default:
		panic("sim: the proxy sent CLUSTER " + what)
	}
}

// isMaster says that a server is one as far as this one has heard: the other of its shard has the lower epoch.
func (m *member) isMaster(i int) bool {
	pair := m.shards[m.nodes[i].shard].nodes
	return m.epochs[i] > m.epochs[pair[0].index+pair[1].index-i]
}

// tellSlots is CLUSTER SLOTS.
func (c *session) tellSlots() {
	n := 0
	var text []byte
	for first := 0; first < ring.SlotCount; n++ {
		owner, last := c.owners[first], first
		for last+1 < ring.SlotCount && c.owners[last+1] == owner {
			last++
		}
		v := c.nodes[owner]
		host, port, _ := net.SplitHostPort(v.Addr)
		text = fmt.Appendf(text, "*3\r\n:%d\r\n:%d\r\n*3\r\n$%d\r\n%s\r\n:%s\r\n$40\r\n%s\r\n", first, last, len(host), host, port, v.id())
		first = last + 1
	}
	c.out = append(fmt.Appendf(c.out, "*%d\r\n", n), text...)
}
