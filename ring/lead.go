package ring

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Route has the keys with a prefix be a pool's.
type Route struct{ Prefix, Pool string }

// Lead finds keys' routes. It does not change.
type Lead struct {
	routes []Route // by prefix
	outer  []int   // of each route the longest other that its prefix begins with; -1: none
}

// NewLead is for these routes, whose prefixes differ.
func NewLead(routes []Route) *Lead {
	l := &Lead{routes: slices.Clone(routes)}
	slices.SortFunc(l.routes, func(a, b Route) int { return cmp.Compare(a.Prefix, b.Prefix) })
	for i := range l.routes {
		j := i - 1
		for j >= 0 && !strings.HasPrefix(l.routes[i].Prefix, l.routes[j].Prefix) {
			j = l.outer[j]
		}
		l.outer = append(l.outer, j)
	}
	return l
}

// Find is the route of a key: that of the longest prefix that it begins with.
func (l *Lead) Find(key []byte) (r Route, ok bool) {
	if i := l.Of(key); i >= 0 {
		return l.routes[i], true
	}
	return Route{}, false
}

// Of is Find by an index of Routes; negative: there is none.
func (l *Lead) Of(key []byte) int {
	low, high := 0, len(l.routes)
	for low < high {
		if mid := int(uint(low+high) >> 1); l.routes[mid].Prefix <= string(key) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	i := low - 1 // what key begins with is this prefix, or begins it
	for i >= 0 && !strings.HasPrefix(string(key), l.routes[i].Prefix) {
		i = l.outer[i]
	}
	return i
}

// Routes are all of them, by prefix; none of nil.
func (l *Lead) Routes() []Route {
	if l == nil {
		return nil
	}
	return l.routes
}

// Whole is the share that has all keys.
const Whole = 10_000

// Share says which share of the keys, in hundredths of a percent, key is within: all that are more than what it returns. It is the same
// everywhere and always, and has nothing to do with where a key is.
func Share(key []byte) int { return int(xxhash.Sum64(key) * 0x9E3779B97F4A7C15 >> 32 % Whole) }
