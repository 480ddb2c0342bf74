package near

import "math/bits"

// Later counts writes once more of which nobody will say when they were done, when they must have been. However many they are, it has a bit for each slot
// and round. It belongs to one loop.
type Later struct {
	rounds []*round // oldest first; the last takes what comes until the next Count
	spare  []*round
}

// round is what came between two Counts.
type round struct {
	slots [epochs / 64]uint64
	any   bool
	open  bool  // it has not ended
	over  int64 // when it did
}

// Add takes note of a write of the keys of a slot that was sent.
func (l *Later) Add(slot uint32) { l.last().slots[slot/64] |= 1 << (slot % 64) }

// AddAny takes note of one of keys that nobody knows.
func (l *Later) AddAny() { l.last().any = true }

// last is the round that takes what comes.
func (l *Later) last() *round {
	if n := len(l.rounds); n > 0 && l.rounds[n-1].open {
		return l.rounds[n-1]
	}
	r := new(round)
	if n := len(l.spare); n > 0 {
		r, l.spare = l.spare[n-1], l.spare[:n-1]
	}
	r.open = true
	l.rounds = append(l.rounds, r)
	return r
}

// Count ends a round at now, in nanoseconds, and counts in c what was sent in those that ended so long ago that it must have been done.
func (l *Later) Count(c *Cache, now, within int64) {
	i := 0
	for ; i < len(l.rounds) && !l.rounds[i].open && now-l.rounds[i].over >= within; i++ {
		r := l.rounds[i]
		r.count(c)
		*r = round{}
		l.spare = append(l.spare, r)
	}
	l.rounds = append(l.rounds[:0], l.rounds[i:]...)
	if n := len(l.rounds); n > 0 && l.rounds[n-1].open {
		l.rounds[n-1].open, l.rounds[n-1].over = false, now
	}
}

// count counts the writes of r.
func (r *round) count(c *Cache) {
	if r.any {
		c.WroteAny()
	}
	for i, word := range r.slots {
		for ; word != 0; word &= word - 1 {
			c.Wrote(uint32(i*64 + bits.TrailingZeros64(word)))
		}
	}
}
