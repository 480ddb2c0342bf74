package ring

// Slots say which server has each of a Redis Cluster's hash slots, by its index in Options.Servers, or NoServer.
type Slots [SlotCount]uint16

const (
	// SlotCount is how many hash slots there are.
	SlotCount = 16384
	// NoServer is the owner of a slot that nobody has.
	NoServer = 1<<16 - 1
)

// SlotOf is the hash slot of a key: CRC16 of what is between the first { and the first } behind it, if that is something, else of all.
//
// Source: Redis Cluster specification, "Hash tags"; redis 7.0 cluster.c, keyHashSlot.
func SlotOf(key []byte) int {
	return int(hashCRC16(tagged(key, '{', '}')) & (SlotCount - 1))
}

// BuildSlots makes the Ring of a Redis Cluster whose servers are so many. It keeps s, which may not change any more.
func BuildSlots(s *Slots, servers int) *Ring {
	r := &Ring{method: pickSlots, sum: func(key []byte) uint32 { return hashCRC16(key) & (SlotCount - 1) }, hasTag: true, tagLeft: '{', tagRight: '}', slots: s}
	has := make([]bool, servers)
	for _, owner := range s {
		if int(owner) < servers {
			has[owner] = true
		}
	}
	for i := range has {
		if has[i] {
			r.live = append(r.live, i)
		}
	}
	return r
}

// Owner returns the index of the server that has a slot, or -1. r is one of BuildSlots.
func (r *Ring) Owner(slot int) int {
	if owner := r.slots[slot]; owner != NoServer {
		return int(owner)
	}
	return -1
}
