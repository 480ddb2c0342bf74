package stats

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strings"
)

// sampleEvery is how many keys there are for each that the sketch of hot keys gets, on average.
const sampleEvery = 64

// NextSample is how many keys later the next is sampled: chance decides, lest a client's habits do.
func NextSample(chance interface{ IntN(n int) int }) int { return 1 + chance.IntN(2*sampleEvery-1) }

// Sketch counts the keys that come most often, or are largest, in a bounded space. It belongs to one loop and allocates
// nothing after its first key.
type Sketch struct {
	hash    []uint64 // of each entry: looked through first
	entries []SketchEntry
	seed    maphash.Seed
}

// SketchEntry is one key that a Sketch holds.
type SketchEntry struct {
	origin *Origin
	server int
	count  int64 // of the key, and of those that had the entry before
	over   int64 // at most so much of count is others'
	bytes  int64 // of the key's requests and replies together, or of the largest
	writes int64 // of count
	near   int64 // of count, those that were answered with what is kept near
	askers askers
	keyLen uint8
	key    [MaxShownKey]byte
}

// SketchKeys is how many keys a Sketch holds.
const SketchKeys = 128

// find returns the index of a key of from, -1 if there is none, and its hash.
func (k *Sketch) find(from *Origin, key []byte) (i int, hash uint64) {
	if k.entries == nil {
		k.hash, k.entries = make([]uint64, 0, SketchKeys), make([]SketchEntry, 0, SketchKeys)
		k.seed = maphash.MakeSeed()
	}
	hash = maphash.Bytes(k.seed, key)
	for i, h := range k.hash {
		if h == hash && k.entries[i].origin == from && bytes.Equal(k.entries[i].shown(), key) {
			return i, hash
		}
	}
	return -1, hash
}

func (e *SketchEntry) shown() []byte { return e.key[:e.keyLen] }

// enter puts a new key in a free entry, or in entry i.
func (k *Sketch) enter(i int, e SketchEntry, key []byte, hash uint64) *SketchEntry {
	e.keyLen = uint8(copy(e.key[:], key))
	if len(k.entries) < SketchKeys {
		k.hash, k.entries = append(k.hash, hash), append(k.entries, e)
		return &k.entries[len(k.entries)-1]
	}
	k.hash[i], k.entries[i] = hash, e
	return &k.entries[i]
}

// Count counts a key, by the Space-Saving algorithm: one that is new takes the place of the rarest, and its count.
//
// Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005.
func (k *Sketch) Count(from *Origin, server int, key []byte, size int) *SketchEntry {
	i, hash := k.find(from, key)
	if i >= 0 {
		e := &k.entries[i]
		e.count++
		e.bytes += int64(size)
		e.server = server
		return e
	}
	rarest, least := 0, int64(0)
	if len(k.entries) == SketchKeys {
		least = k.entries[0].count
		for i := range k.entries {
			if c := k.entries[i].count; c < least {
				rarest, least = i, c
			}
		}
	}
	return k.enter(rarest, SketchEntry{origin: from, server: server, count: least + 1, over: least, bytes: int64(size)}, key, hash)
}

// By notes of the request that was just counted whose it is, by its client's address, whether it writes, and whether it was answered with what is
// kept near.
func (e *SketchEntry) By(addr string, writes, near bool) {
	if writes {
		e.writes++
	}
	if near {
		e.near++
	}
	e.askers.add(addr)
}

// askers are the hosts that most requests of a key come from, by the algorithm for frequent elements of Misra and Gries: whoever has a third of them is
// among them.
type askers [2]struct {
	host  string
	count int64
}

func (a *askers) add(addr string) {
	host := addr
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		host = addr[:i]
	}
	free := -1
	for i := range a {
		switch {
		case a[i].host == host:
			a[i].count++
			return
		case a[i].count == 0:
			free = i
		}
	}
	if free >= 0 {
		a[free].host, a[free].count = host, 1
		return
	}
	for i := range a {
		a[i].count--
	}
}

// list is the hosts, most first.
func (a *askers) list() (hosts []string) {
	first, second := a[0], a[1]
	if second.count > first.count {
		first, second = second, first
	}
	if first.count > 0 {
		hosts = append(hosts, first.host)
	}
	if second.count > 0 {
		hosts = append(hosts, second.host)
	}
	return hosts
}

// AddBytes adds to a key's bytes, if it is still there.
func (k *Sketch) AddBytes(from *Origin, key []byte, size int) {
	if i, _ := k.find(from, key); i >= 0 {
		k.entries[i].bytes += int64(size)
	}
}

// Note keeps the largest size of a key that is one of the largest.
func (k *Sketch) Note(from *Origin, server int, key []byte, size int) {
	i, hash := k.find(from, key)
	if i >= 0 {
		e := &k.entries[i]
		e.count++
		e.bytes = max(e.bytes, int64(size))
		e.server = server
		return
	}
	smallest, least := 0, int64(-1)
	if len(k.entries) == SketchKeys {
		least = k.entries[0].bytes
		for i := range k.entries {
			if b := k.entries[i].bytes; b < least {
				smallest, least = i, b
			}
		}
	}
	if int64(size) > least {
		k.enter(smallest, SketchEntry{origin: from, server: server, count: 1, bytes: int64(size)}, key, hash)
	}
}

// Decay halves the counts, and the bytes if they are sums, so that a key that nobody asks for any more leaves.
func (k *Sketch) Decay(sums bool) {
	kept := 0
	for i := range k.entries {
		e := k.entries[i]
		e.count /= 2
		e.over /= 2
		e.writes /= 2
		e.near /= 2
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

// Entries is a copy of what k holds.
func (k *Sketch) Entries() []SketchEntry { return slices.Clone(k.entries) }

// HotKeys are the n keys that most requests are for, most first, of the entries of several sketches that counted samples. A key of which so few were
// sampled that chance alone may have done it is left out: with its error, twice the square root of how many there were, it may as well have none.
func HotKeys(entries [][]SketchEntry, n int) []HotKey {
	keys := mergeKeys(entries, (*HotKey).add)
	kept := keys[:0]
	for _, k := range keys {
		samples, over := k.Requests, k.Error
		k.Error = (int64(math.Ceil(2*math.Sqrt(float64(samples)))) + over) * sampleEvery
		if k.scale(sampleEvery); k.Requests > k.Error {
			kept = append(kept, k)
		}
	}
	return greatest(kept, n, func(k *HotKey) int64 { return k.Requests })
}

// scale makes of what was sampled what that stands for.
func (k *HotKey) scale(by int64) {
	k.Requests, k.Bytes, k.Writes, k.Near = k.Requests*by, k.Bytes*by, k.Writes*by, k.Near*by
}

// add adds what another loop has of the key.
func (k *HotKey) add(o *HotKey) {
	k.Error += o.Error
	k.Bytes += o.Bytes
	k.Writes += o.Writes
	k.Near += o.Near
	for _, host := range o.Clients {
		if len(k.Clients) < maxAskers && !slices.Contains(k.Clients, host) {
			k.Clients = append(k.Clients, host)
		}
	}
}

// maxAskers is how many hosts are told of a key.
const maxAskers = 4

// BigKeys are the n keys with the largest requests or replies, largest first, of the entries of several sketches that noted all.
func BigKeys(entries [][]SketchEntry, n int) []HotKey {
	keys := mergeKeys(entries, func(to *HotKey, e *HotKey) { to.Bytes = max(to.Bytes, e.Bytes) })
	return greatest(keys, n, func(k *HotKey) int64 { return k.Bytes })
}

// greatest are the n keys with the most of a figure, those with the most first.
func greatest(list []HotKey, n int, figure func(*HotKey) int64) []HotKey {
	slices.SortFunc(list, func(a, b HotKey) int { return cmp.Or(cmp.Compare(figure(&b), figure(&a)), cmp.Compare(a.Key, b.Key)) })
	return list[:min(max(n, 0), len(list))]
}

// mergeKeys makes one list of the loops' entries, with figures as they were counted; Error is how many of a key's count may have been others'.
func mergeKeys(loops [][]SketchEntry, merge func(to, e *HotKey)) []HotKey {
	type id struct{ pool, key string }
	at := make(map[id]int)
	var list []HotKey
	for _, entries := range loops {
		for i := range entries {
			e := &entries[i]
			if e.count <= e.over {
				continue // nothing of it is known to be this key's
			}
			k := HotKey{Pool: e.origin.Pool, Key: string(e.shown()), Requests: e.count - e.over, Error: e.over, Bytes: e.bytes}
			k.Server, k.Addr = e.origin.Server(e.server), e.origin.Addr(e.server)
			k.Writes, k.Near, k.Clients = e.writes, e.near, e.askers.list()
			if j, ok := at[id{k.Pool, k.Key}]; ok {
				list[j].Requests += k.Requests
				merge(&list[j], &k)
				continue
			}
			at[id{k.Pool, k.Key}] = len(list)
			list = append(list, k)
		}
	}
	return list
}
