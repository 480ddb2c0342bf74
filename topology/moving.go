package topology

import (
	"sync/atomic"
	"time"

	"cashew/ring"
)

// While a slot of a Redis Cluster moves, its keys go over to the new owner one by one. The former owner names that one (ASK) for a key that it
// does not have; its replicas do not know of the move, and say that the key is nowhere. So reads go to masters:
//
//	of a slot of which a server said ASK, until it has another owner  a client that wrote a key there reads it back
//	of all slots of a master that migrates keys, and a while longer   as it is looked at, see replication.go
//
// A command with several keys of such a slot, of which one has moved, neither of both does (TRYAGAIN): see session/order.go.
type moving struct {
	some  atomic.Bool // a slot is, or was
	slots [ring.SlotCount / 32]atomic.Uint32
}

// movesTime is how long a master counts as one that migrates keys after it was last seen to.
const movesTime = 10 * time.Second

// Moves notes that a slot is about to have another owner.
func (p *Pool) Moves(slot int) {
	if m := &p.registry.moving; p.opts.Cluster && slot >= 0 && slot < ring.SlotCount {
		m.slots[slot/32].Or(1 << (slot % 32))
		m.some.Store(true)
	}
}

// Moving says that no replica may be asked for a key of p, whose server is at a place.
func (p *Pool) Moving(place int, key []byte) bool {
	return p.opts.Cluster && (p.migrates(place) || p.Halves(key))
}

// Halves says that the slot of a key of p, which is a cluster, is about to have another owner, as far as servers have said: its keys are with
// two servers.
func (p *Pool) Halves(key []byte) bool {
	m := &p.registry.moving
	return m.some.Load() && m.has(ring.SlotOf(key))
}

// MovingSlot is Moving for a key of a slot.
func (p *Pool) MovingSlot(place, slot int) bool {
	return p.opts.Cluster && (p.migrates(place) || p.registry.moving.has(slot))
}

// migrates says that the server at a place migrates keys.
func (p *Pool) migrates(place int) bool {
	until := p.servers[place].migrates.Load()
	return until != 0 && p.world.Nanos() < until
}

func (m *moving) has(slot int) bool { return m.slots[slot/32].Load()&(1<<(slot%32)) != 0 }

// moved forgets slots that have another owner in p than in old.
func (m *moving) moved(p, old *Pool) {
	if !m.some.Load() || p.opts.Slots == nil || old.opts.Slots == nil {
		return
	}
	m.some.Store(false) // first: another may begin to move meanwhile
	some := false
	owner := func(p *Pool, slot int) string {
		if at := p.opts.Slots[slot]; at != ring.NoServer {
			return p.opts.Servers[at].Addr
		}
		return ""
	}
	for slot := range ring.SlotCount {
		word, bit := &m.slots[slot/32], uint32(1)<<(slot%32)
		switch {
		case word.Load()&bit == 0:
		case owner(p, slot) != owner(old, slot):
			word.And(^bit)
		default:
			some = true
		}
	}
	if some {
		m.some.Store(true)
	}
}

// migrated takes how many keys a master has migrated in its life, at a time in nanoseconds of the World.
func (s *Server) migrated(times, at int64) {
	if was := s.migrations.Swap(times); was != times && was >= 0 {
		s.migrates.Store(at + int64(movesTime))
	}
}
