package ring

// Locate says how Dispatch comes to its answer: hashed is the part of key that is hashed, hash its hash, point the value of
// the continuum's point that has it (see Points), or the hash slot, server the index in Options.Servers. Where Dispatch needs no hash, for
// one server is live or the distribution is random, point is 0; for random, and when no server is live, server is -1. It
// reads key during the call only, hashed is part of it. It takes longer than Dispatch; it is for people.
func (r *Ring) Locate(key []byte) (hashed []byte, hash, point uint32, server int) {
	hashed = key
	if r.hasTag {
		hashed = tagged(key, r.tagLeft, r.tagRight)
	}
	if r.sum != nil {
		hash = r.Hash(key)
	}
	slot := hash
	switch r.method {
	case pickKetama:
	case pickModula:
		slot %= r.total
	case pickOne:
		return hashed, hash, 0, r.only
	case pickSlots:
		return hashed, hash, hash, r.Owner(SlotOf(key))
	default:
		return hashed, hash, 0, -1
	}
	at := r.points[0] // past the last point comes the first
	for _, p := range r.points {
		if p.value() >= slot {
			at = p
			break
		}
	}
	return hashed, hash, at.value(), at.server()
}

// Shares returns for each of so many servers its share of all keys: of the hash space, or for random of the servers. They
// add up to 1 unless no server is live.
func (r *Ring) Shares(servers int) []float64 {
	shares := make([]float64, servers)
	switch r.method {
	case pickOne:
		shares[r.only] = 1
	case pickSlots:
		for _, owner := range r.slots {
			if int(owner) < servers {
				shares[owner] += 1.0 / SlotCount
			}
		}
	case pickRandom:
		for _, s := range r.live {
			shares[s] = 1 / float64(len(r.live))
		}
	case pickKetama, pickModula:
		space := float64(r.total)
		if r.method == pickKetama {
			space = 1 << 32
		}
		before := -1.0 // the last slot of the point before
		for value, s := range r.Points() {
			shares[s] += (float64(value) - before) / space
			before = float64(value)
		}
		shares[r.points[0].server()] += (space - 1 - before) / space
	}
	return shares
}
