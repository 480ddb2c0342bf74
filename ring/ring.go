// Package ring decides which server of a pool has a key. For the same names, weights, hash, hash tag and ejections it
// picks the server that twemproxy picks, so a fleet can change proxies without moving a key.
//
//	key          user:{42}:name
//	  hash tag   "42"                    hashtag.go   the whole key if there is no tag in it
//	  key hash   0xb4b19223 (fnv1a_64)   hash.go      32 bits; one file for each family of hashes
//	  dispatch   ketama | modula | random
//
//	    ketama.go    0 ...--o--------o--x--------->o--...  2^32-1    the first point at or after the hash, clockwise;
//	                        B        A  hash       B                 past the last point comes the first
//	    modula.go    |A|B|B|C|C|C|   weight slots for each server, the slot is hash mod 6
//	    random.go    any live server, whatever the key
//	    slots.go     a Redis Cluster: who has the key's slot, by what the cluster says
//
//	  index into Options.Servers, or -1 when no server is live
//
// A [Ring] is immutable once built. A topology.Pool keeps a Router, which has the current one, behind an atomic pointer; when a server
// is ejected or rejoins, one goroutine builds a new Ring and swaps its Router in, while any number of event loops go on with the old.
package ring

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Server is one entry of a pool's servers list, as far as placement is concerned.
type Server struct {
	Name   string // ring name: the configured name, else host:port, and so on; ketama hashes it
	Weight int    // share of the keys relative to the other servers; at least 1
}

// Options are what decides where keys go. Build keeps none of the slices.
type Options struct {
	Hash         string // one of HashNames
	HashTag      string // the two bytes around the part of a key that is hashed, such as "{}"; "" for none
	Distribution string // one of Distributions

	// Servers stand in the order of SortServers, which is twemproxy's. The order decides modula's slots and ketama's
	// ties, so another order is another placement. Build takes the order as it is; Dispatch returns indexes into it.
	Servers []Server

	// Live says for each server whether it takes keys: an ejected one is false. nil: all do.
	Live []bool

	// IntN gives chance to the distribution random: a number from 0 to n-1, on any goroutine. nil: the Go runtime's.
	IntN func(n int) int
}

// Distributions returns the names that Options.Distribution accepts, as a new slice.
//
// Source: twemproxy src/hashkit/nc_hashkit.h, DIST_CODEC.
func Distributions() []string {
	return []string{distKetama, distModula, distRandom}
}

const (
	distKetama = "ketama"
	distModula = "modula"
	distRandom = "random"
)

// A method is how Dispatch picks. The zero value makes the zero Ring one without servers.
type method uint8

const (
	pickNone   method = iota // no server is live
	pickOne                  // one server is live: no hashing
	pickKetama               // hash, then the continuum
	pickModula               // hash mod total weight, then the continuum
	pickRandom               // no hashing
	pickSlots                // the owner of the key's hash slot
)

// Ring maps keys to servers. It is immutable: any goroutine may call any method at any time, without locks. The zero
// Ring has no servers.
type Ring struct {
	method   method
	hasTag   bool
	tagLeft  byte
	tagRight byte
	total    uint32 // pickModula: weight of the live servers together
	only     int    // pickOne: that server
	sum      HashFunc
	continuum
	slots *Slots // pickSlots
	live  []int  // indexes of the live servers, ascending
	intN  func(n int) int
}

// Build makes the Ring for o. Errors are joined; each names the option at fault and its value. A list without servers, or
// without live ones, is no error: the Ring then answers -1. What is checked does not depend on Live apart from its
// length, so a pool that was built once can always be built again after an ejection.
//
// It takes about 0.1 ms for ten ketama servers and 2 ms for a hundred; call it outside the event loops.
func Build(o Options) (*Ring, error) {
	r, err := o.begin()
	if err != nil {
		return nil, err
	}
	for i := range o.Servers {
		if o.Live == nil || o.Live[i] {
			r.live = append(r.live, i)
		}
	}
	if len(r.live) == 0 {
		return r, nil
	}
	switch o.Distribution {
	case distKetama:
		r.method = pickKetama
		r.continuum = ketama(o.Servers, r.live)
	case distModula:
		r.method = pickModula
		r.continuum, r.total = modula(o.Servers, r.live)
	case distRandom:
		r.method, r.intN = pickRandom, o.IntN
		if r.intN == nil {
			r.intN = rand.IntN //nolint:forbidigo // for whoever has no World, as ring's own tests
		}
		r.continuum = random(r.live)
	}
	if len(r.live) == 1 {
		// Every point is this server's. twemproxy takes the short cut for one configured server only; with one that is
		// left of several the answer is the same.
		r.method, r.only = pickOne, r.live[0]
	}
	return r, nil
}

// begin checks o and makes the Ring that hashes as o says, without a server.
func (o *Options) begin() (*Ring, error) {
	var errs []error
	r := &Ring{}
	var err error
	if r.sum, err = ParseHash(o.Hash); err != nil {
		errs = append(errs, err)
	}
	switch len(o.HashTag) {
	case 0:
	case 2:
		r.hasTag, r.tagLeft, r.tagRight = true, o.HashTag[0], o.HashTag[1]
	default:
		errs = append(errs, fmt.Errorf("ring: hash_tag: %q is not two bytes", o.HashTag))
	}
	if !slices.Contains(Distributions(), o.Distribution) {
		errs = append(errs, fmt.Errorf("ring: distribution: unknown %q", o.Distribution))
	}
	if o.Live != nil && len(o.Live) != len(o.Servers) {
		errs = append(errs, fmt.Errorf("ring: live: %d entries for %d servers", len(o.Live), len(o.Servers)))
	}
	var total uint64
	for _, s := range o.Servers {
		if s.Weight < 1 {
			errs = append(errs, fmt.Errorf("ring: servers: %q: weight %d is less than 1", s.Name, s.Weight))
			continue
		}
		total += min(uint64(s.Weight), math.MaxUint32+1) // capped, so that the sum cannot wrap
	}
	if total > math.MaxUint32 {
		errs = append(errs, fmt.Errorf("ring: servers: total weight is more than %d", uint32(math.MaxUint32)))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return r, nil
}

// Dispatch returns the index in Options.Servers of the server that has key, or -1 if no server is live. It reads key
// during the call only. It does not allocate and does not lock; beyond the hash it costs a few nanoseconds.
//
// Source: twemproxy src/nc_server.c, server_pool_idx.
func (r *Ring) Dispatch(key []byte) int {
	switch r.method {
	case pickKetama:
		return r.find(r.Hash(key))
	case pickModula:
		return r.find(r.Hash(key) % r.total)
	case pickRandom:
		return r.draw()
	case pickOne:
		return r.only
	case pickSlots:
		return r.Owner(SlotOf(key))
	default:
		return -1
	}
}

// Hash returns the key hash that ketama and modula place key by: of the part inside the hash tag if there is one, else of
// the whole key. An empty key has hash 0 without asking the hash function, which matters for those that do not map "" to
// 0. Dispatch skips the hash where it cannot matter; Hash never does. The zero Ring has no hash function: Hash panics.
//
// Source: twemproxy src/nc_server.c, server_pool_hash.
func (r *Ring) Hash(key []byte) uint32 {
	if r.hasTag {
		key = tagged(key, r.tagLeft, r.tagRight)
	}
	if len(key) == 0 {
		return 0
	}
	return r.sum(key)
}

// Live returns how many servers take keys.
func (r *Ring) Live() int { return len(r.live) }

// Points yields the continuum as (value, index in Options.Servers), in ascending order of value.
//
//   - ketama: the server has the hashes from just above the point before, up to and including value. The first point
//     also has those above the last.
//   - modula: one point for each live server. It has the slots (hash mod total weight) from just above the point before,
//     up to and including value.
//   - random: one point for each live server; value counts them from 0.
func (r *Ring) Points() iter.Seq2[uint32, int] {
	return func(yield func(uint32, int) bool) {
		for _, p := range r.points {
			if !yield(p.value(), p.server()) {
				return
			}
		}
	}
}

// SortServers sorts servers into the order that Options.Servers wants, in place. name returns a server's ring name.
// Equal names, which a pool may not have, keep their order.
func SortServers[S any](servers []S, name func(S) string) {
	slices.SortStableFunc(servers, func(a, b S) int { return compare(name(a), name(b)) })
}

// compare orders names: shorter ones first, equal lengths by bytes.
//
// Source: twemproxy src/nc_string.c, string_compare.
func compare(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
