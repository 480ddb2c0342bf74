//go:build invariants

package session

// near: each flight of n has readers, unless it is for nobody, or has landed, and what it waits for is on its way; what is noted of writes is of such that are owed an answer; what
// is kept is as much as is counted.
func (a *checker) near(n *nearby) {
	for r := range n.slots { // in no order: the first that is wrong is as good as another
		a.Check(a.owed[r] != nil, a.local, "slots are noted of a write that nobody is owed an answer to")
	}
	if n.local.index == 0 {
		entries, bytes, right := n.cache.Counted()
		a.Check(right, a.local, "%d replies of %d bytes are kept, which is not what is counted, or more than may be", entries, bytes)
	}
	for _, f := range n.flights {
		if f == nil {
			continue
		}
		a.Check(f.parts > 0 && (len(f.readers) > 0 || f.fetches), a.local, "a flight waits for %d replies, and %d for it", f.parts, len(f.readers))
		for _, w := range f.readers {
			a.Check(w.r.Owner == nil || w.r.Owner == w.s && a.owed[w.r] == w.s, w.s, "a flight has a request that is not in its order")
		}
	}
}
