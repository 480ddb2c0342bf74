package ring

// AtOnce is how many keys DispatchAll takes.
const AtOnce = 8

// DispatchAll is Dispatch for up to AtOnce keys, of each the same index in servers. All of them are hashed before one is looked up: a look-up
// that goes another way than the processor guessed is found out once its hash is there, and what was done of the next hash is lost.
func (r *Ring) DispatchAll(keys [][]byte, servers *[AtOnce]int) {
	keys = keys[:min(len(keys), AtOnce)]
	if r.method != pickKetama && r.method != pickModula {
		for i, key := range keys {
			servers[i] = r.Dispatch(key)
		}
		return
	}
	var hashes [AtOnce]uint32
	for i, key := range keys {
		hashes[i] = r.Hash(key)
	}
	for i, hash := range hashes[:len(keys)] {
		if r.method == pickModula {
			hash %= r.total
		}
		servers[i] = r.find(hash)
	}
}
