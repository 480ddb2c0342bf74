package engine

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"math/rand/v2"
	"slices"
)

// sampleEvery is how many keys there are for each that the sketch of hot keys gets, on average.
const sampleEvery = 64

// nextSample is how many keys later the next is sampled: chance decides, lest a client's habits do.
func (l *Loop) nextSample() int { return 1 + rand.IntN(2*sampleEvery-1) }

// sketch counts the keys that come most often, or are largest, in a bounded space. It belongs to one Loop and allocates
// nothing after its first key.
type sketch struct {
	hash    []uint64 // of each entry: looked through first
	entries []sketchEntry
	seed    maphash.Seed
}

type sketchEntry struct {
	opts   *PoolOptions // its pool's, as in slowRecord
	server int
	count  int64 // of the key, and of those that had the entry before
	over   int64 // at most so much of count is others'
	bytes  int64 // of the key's requests and replies together, or of the largest
	keyLen uint8
	key    [maxShownKey]byte
}

// sketchKeys is how many keys a sketch holds.
const sketchKeys = 128

// find returns the index of p's key, -1 if there is none, and its hash.
func (k *sketch) find(p *pool, key []byte) (i int, hash uint64) {
	if k.entries == nil {
		k.hash, k.entries = make([]uint64, 0, sketchKeys), make([]sketchEntry, 0, sketchKeys)
		k.seed = maphash.MakeSeed()
	}
	hash = maphash.Bytes(k.seed, key)
	for i, h := range k.hash {
		if h == hash && k.entries[i].opts == p.opts && bytes.Equal(k.entries[i].shown(), key) {
			return i, hash
		}
	}
	return -1, hash
}

func (e *sketchEntry) shown() []byte { return e.key[:e.keyLen] }

// enter puts a new key in a free entry, or in entry i.
func (k *sketch) enter(i int, e sketchEntry, key []byte, hash uint64) {
	e.keyLen = uint8(copy(e.key[:], key))
	if len(k.entries) < sketchKeys {
		k.hash, k.entries = append(k.hash, hash), append(k.entries, e)
		return
	}
	k.hash[i], k.entries[i] = hash, e
}

// count counts a key, by the Space-Saving algorithm: one that is new takes the place of the rarest, and its count.
//
// Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005.
func (k *sketch) count(p *pool, server int, key []byte, size int) {
	i, hash := k.find(p, key)
	if i >= 0 {
		e := &k.entries[i]
		e.count++
		e.bytes += int64(size)
		e.server = server
		return
	}
	rarest, least := 0, int64(0)
	if len(k.entries) == sketchKeys {
		least = k.entries[0].count
		for i := range k.entries {
			if c := k.entries[i].count; c < least {
				rarest, least = i, c
			}
		}
	}
	k.enter(rarest, sketchEntry{opts: p.opts, server: server, count: least + 1, over: least, bytes: int64(size)}, key, hash)
}

// addBytes adds to a key's bytes, if it is still there.
func (k *sketch) addBytes(p *pool, key []byte, size int) {
	if i, _ := k.find(p, key); i >= 0 {
		k.entries[i].bytes += int64(size)
	}
}

// note keeps the largest size of a key that is one of the largest.
func (k *sketch) note(p *pool, server int, key []byte, size int) {
	i, hash := k.find(p, key)
	if i >= 0 {
		e := &k.entries[i]
		e.count++
		e.bytes = max(e.bytes, int64(size))
		e.server = server
		return
	}
	smallest, least := 0, int64(-1)
	if len(k.entries) == sketchKeys {
		least = k.entries[0].bytes
		for i := range k.entries {
			if b := k.entries[i].bytes; b < least {
				smallest, least = i, b
			}
		}
	}
	if int64(size) > least {
		k.enter(smallest, sketchEntry{opts: p.opts, server: server, count: 1, bytes: int64(size)}, key, hash)
	}
}

// decay halves the counts, and the bytes if they are sums, so that a key that nobody asks for any more leaves.
func (k *sketch) decay(sums bool) {
	kept := 0
	for i := range k.entries {
		e := k.entries[i]
		e.count /= 2
		e.over /= 2
		if sums {
			e.bytes /= 2
		}
		if e.count > 0 {
			k.entries[kept], k.hash[kept] = e, k.hash[i]
			kept++
		}
	}
	clear(k.entries[kept:])
	k.entries, k.hash = k.entries[:kept], k.hash[:kept]
}

// HotKeys are the n keys that most requests are for, most first. It may be called from any goroutine.
func (p *Proxy) HotKeys(n int) []HotKey {
	entries := askLoops(p, func(l *Loop) []sketchEntry { return slices.Clone(l.hot.entries) })
	return mergeKeys(entries, n, sampleEvery, func(to *HotKey, e *HotKey) { to.Bytes += e.Bytes },
		func(a, b HotKey) int { return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Key, b.Key)) })
}

// BigKeys are the n keys with the largest requests or replies, largest first. It may be called from any goroutine.
func (p *Proxy) BigKeys(n int) []HotKey {
	entries := askLoops(p, func(l *Loop) []sketchEntry { return slices.Clone(l.big.entries) })
	return mergeKeys(entries, n, 1, func(to *HotKey, e *HotKey) { to.Bytes = max(to.Bytes, e.Bytes) },
		func(a, b HotKey) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Key, b.Key)) })
}

// mergeKeys makes one list of the loops' entries, of which each stands for scale requests.
func mergeKeys(loops [][]sketchEntry, n int, scale int64, merge func(to, e *HotKey), order func(a, b HotKey) int) []HotKey {
	type id struct{ pool, key string }
	at := make(map[id]int)
	var list []HotKey
	for _, entries := range loops {
		for i := range entries {
			e := &entries[i]
			if e.count <= e.over {
				continue // nothing of it is known to be this key's
			}
			k := HotKey{Pool: e.opts.Name, Key: string(e.shown()), Requests: (e.count - e.over) * scale, Bytes: e.bytes * scale}
			if e.server >= 0 {
				k.Server = e.opts.serverName(e.server)
			}
			if j, ok := at[id{k.Pool, k.Key}]; ok {
				list[j].Requests += k.Requests
				merge(&list[j], &k)
				continue
			}
			at[id{k.Pool, k.Key}] = len(list)
			list = append(list, k)
		}
	}
	slices.SortFunc(list, order)
	return list[:min(max(n, 0), len(list))]
}
