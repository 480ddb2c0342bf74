package inspect

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"cashew/engine"
)

// Where pools have routes, keys move as well when a prefix becomes another pool's. What moves is told prefix by prefix, for of the keys of a
// pool nobody knows which share has which.

// placements are those of a file, by pool.
type placements map[string]*placement

// home is the placement that a key of a pool's clients has: the pool's own, or where a route leads.
func (all placements) home(pool, key string) *placement {
	p := all[pool]
	if r, ok := p.opts.Lead().Find([]byte(key)); ok && all[r.Pool] != nil {
		return all[r.Pool]
	}
	return p
}

// routedMovement is what moves of the keys with a prefix that no longer prefix of either file has.
type routedMovement struct {
	Prefix string `json:"prefix"`
	Was    string `json:"was"` // pool
	Is     string `json:"is"`  // pool
	movement
}

// routedMovements are those of the prefixes that a pool has routes for in one of two files.
func routedMovements(was, is placements, pool string) (list []routedMovement) {
	for _, prefix := range routedPrefixes(was[pool].opts, is[pool].opts) {
		p, q := was.home(pool, prefix), is.home(pool, prefix)
		list = append(list, routedMovement{prefix, p.opts.Name, q.opts.Name, compare(p, q)})
	}
	return list
}

// routedPrefixes are those of two pools' routes but the empty one, sorted.
func routedPrefixes(a, b *engine.PoolOptions) (prefixes []string) {
	for _, o := range []*engine.PoolOptions{a, b} {
		for _, r := range o.Routes {
			if r.Prefix != "" {
				prefixes = append(prefixes, r.Prefix)
			}
		}
	}
	slices.SortFunc(prefixes, cmp.Compare)
	return slices.Compact(prefixes)
}

// print shows one prefix.
func (m *routedMovement) print(w io.Writer) {
	pools := "pool " + m.Was
	if m.Was != m.Is {
		pools += " before and " + m.Is + " now"
	}
	switch {
	case m.Method == methodNone:
		fmt.Fprintf(w, "  keys with %q (%s): %s\n", m.Prefix, pools, m.Note)
		return
	case m.Share == 0:
		fmt.Fprintf(w, "  keys with %q (%s): none moves\n", m.Prefix, pools)
		return
	}
	fmt.Fprintf(w, "  keys with %q (%s): %s move (%s)\n", m.Prefix, pools, percent(m.Share), m.Method)
	printFlows(w, m.Flows)
}
