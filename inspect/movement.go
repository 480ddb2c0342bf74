package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"cashew/engine"
	"cashew/ring"
	"cashew/topology"
)

// placement is a pool as far as it decides where keys go.
type placement struct {
	opts *engine.PoolOptions
	ring *ring.Ring
}

func newPlacement(o *engine.PoolOptions) (*placement, error) {
	r, err := topology.BuildRing(&o.Options, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("pool %s: %w", o.Name, err)
	}
	return &placement{o, r}, nil
}

// pname is the server as configured.
func (p *placement) pname(server int) string { return p.opts.Servers[server].PName }

// isSame says whether a key that was on server a of p is at home on server b of q. The data is where the address is,
// whatever the server is called.
func (p *placement) isSame(a int, q *placement, b int) bool {
	x, y := &p.opts.Servers[a], &q.opts.Servers[b]
	return x.Network == y.Network && x.Addr == y.Addr
}

// movement is what moves from one placement to another.
type movement struct {
	Share  float64 `json:"share"`  // of all keys, 0 to 1
	Method string  `json:"method"` // how it was found
	Flows  []flow  `json:"flows"`  // the largest first
	Note   string  `json:"note,omitempty"`
}

type flow struct {
	From  string  `json:"from"`
	To    string  `json:"to"`
	Share float64 `json:"share"` // of all keys
}

const (
	methodExact   = "exact: the whole hash space was compared"
	methodSampled = "an estimate from 100000 random keys"
	methodNone    = "none"
	sampledKeys   = 100_000
)

// compare finds the share of keys that move from server to server between two placements.
func compare(p, q *placement) movement {
	m := movement{Method: methodSampled}
	if p.opts.HashTag != q.opts.HashTag {
		m.Note = "hash_tag differs: keys with tags in them move more than this says"
	}
	counts := make(map[[2]int]uint64)
	var total uint64
	switch {
	case p.opts.Cluster || q.opts.Cluster:
		m.Method, m.Note = methodNone, "where a cluster has its keys only its servers can say"
		return m
	case placeless(p) || placeless(q):
		m.Method, m.Note = methodNone, "distribution random has no place for a key"
		return m
	}
	if limit, times, ok := sweepable(p, q); ok {
		m.Method = methodExact
		space := ring.HashSpace(p.opts.Hash)
		sweep(p, q, limit, times, space%limit, func(n uint64, a, b int) { counts[[2]int{a, b}] += n })
		total = space
	} else {
		sample(p, q, func(a, b int) { counts[[2]int{a, b}]++ })
		total = sampledKeys
	}
	flows := make(map[[2]string]uint64) // two servers may have one address
	var moved uint64
	for ab, n := range counts {
		if !p.isSame(ab[0], q, ab[1]) {
			flows[[2]string{p.pname(ab[0]), q.pname(ab[1])}] += n
			moved += n
		}
	}
	m.Share = float64(moved) / float64(total)
	for _, names := range slices.SortedFunc(maps.Keys(flows), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(flows[b], flows[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		m.Flows = append(m.Flows, flow{names[0], names[1], float64(flows[names]) / float64(total)})
	}
	return m
}

// placeless says that no file tells where a key is.
func placeless(p *placement) bool { return p.opts.Distribution == "random" || p.opts.Cluster }

// maxSteps bounds a sweep, which takes some nanoseconds a step.
const maxSteps = 1 << 28

// sweepable says whether a sweep from hash 0 to limit, repeated times times and then once more in part, covers the hash
// space of both placements in reasonable time.
func sweepable(p, q *placement) (limit, times uint64, ok bool) {
	if p.opts.Hash != q.opts.Hash || p.opts.HashTag != q.opts.HashTag {
		return 0, 0, false
	}
	space := ring.HashSpace(p.opts.Hash)
	if space == 0 {
		return 0, 0, false
	}
	a, b := newSteps(p), newSteps(q)
	limit = space
	if a.period < space && b.period < space {
		limit = min(space, a.period/gcd(a.period, b.period)*b.period)
	}
	expected := float64(limit) * (float64(len(a.ends))/float64(a.period) + float64(len(b.ends))/float64(b.period))
	return limit, space / limit, expected <= maxSteps
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// sweep goes through the hashes from 0 to limit and visits each stretch that has one server in p and one in q. n is how
// often one of its hashes occurs when the sweep is repeated times times and once more up to rest.
func sweep(p, q *placement, limit, times, rest uint64, visit func(n uint64, a, b int)) {
	a, b := newSteps(p), newSteps(q)
	for at := uint64(0); at < limit; {
		end := min(a.end(), b.end(), limit)
		if end > at {
			visit((end-at)*times+min(end, max(rest, at))-at, a.server(), b.server())
			at = end
		}
		a.pass(at)
		b.pass(at)
	}
}

// steps goes through a ring in the order of hashes: a step function that repeats itself after period.
type steps struct {
	ends    []uint64 // exclusive, ascending; the last one is period
	servers []int
	period  uint64

	i    int
	base uint64 // of this repetition
}

func newSteps(p *placement) *steps {
	s := &steps{}
	for value, server := range p.ring.Points() {
		s.ends, s.servers = append(s.ends, uint64(value)+1), append(s.servers, server)
	}
	if p.opts.Distribution == "modula" {
		s.period = s.ends[len(s.ends)-1]
		return s
	}
	s.period = 1 << 32
	s.ends, s.servers = append(s.ends, s.period), append(s.servers, s.servers[0]) // past the last point comes the first
	return s
}

func (s *steps) end() uint64 { return s.base + s.ends[s.i] }
func (s *steps) server() int { return s.servers[s.i] }

// pass goes on while the step ends at or before at.
func (s *steps) pass(at uint64) {
	for s.end() <= at {
		if s.i++; s.i == len(s.ends) {
			s.i = 0
			s.base += s.period
		}
	}
}

// sample visits random keys, the same ones each time. They have no hash tags.
func sample(p, q *placement, visit func(a, b int)) {
	random := rand.New(rand.NewPCG(1, 2))
	for range sampledKeys {
		key := fmt.Appendf(nil, "%016x", random.Uint64())
		visit(p.ring.Dispatch(key), q.ring.Dispatch(key))
	}
}
