package ring

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestLead: the longest prefix wins, whatever prefixes there are and whatever lies between them.
func TestLead(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(most int) string {
		b := make([]byte, rng.IntN(most+1))
		for i := range b {
			b[i] = "ab\xff"[rng.IntN(3)]
		}
		return string(b)
	}
	for range 2000 {
		var routes []Route
		for range rng.IntN(12) {
			if p := word(5); !slices.ContainsFunc(routes, func(r Route) bool { return r.Prefix == p }) {
				routes = append(routes, Route{p, "pool of " + p})
			}
		}
		l := NewLead(routes)
		for range 50 {
			key, best := word(8), -1
			for i, r := range routes {
				if strings.HasPrefix(key, r.Prefix) && (best < 0 || len(r.Prefix) > len(routes[best].Prefix)) {
					best = i
				}
			}
			r, ok := l.Find([]byte(key))
			if ok != (best >= 0) || ok && r != routes[best] {
				t.Fatalf("key %q has route %q; want %d of %q", key, r, best, routes)
			}
		}
	}
}
