package inspect

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"cashew/engine"
	"cashew/ring"
	"cashew/topology"
)

type testServer struct {
	name, addr string
	weight     int
}

func servers(addrs ...string) []testServer {
	var list []testServer
	for _, a := range addrs {
		list = append(list, testServer{a, a, 1})
	}
	return list
}

func testPlacement(t *testing.T, hash, tag, distribution string, servers []testServer) *placement {
	t.Helper()
	o := &engine.PoolOptions{Options: topology.Options{Name: "p", Hash: hash, HashTag: tag, Distribution: distribution}}
	for _, s := range servers {
		o.Servers = append(o.Servers, topology.ServerOptions{
			Name: s.name, Addr: s.addr, Network: "tcp", Weight: s.weight, PName: s.addr + ":" + strconv.Itoa(s.weight),
		})
	}
	ring.SortServers(o.Servers, func(s topology.ServerOptions) string { return s.Name })
	p, err := newPlacement(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Cases whose answer is known.
func TestCompare(t *testing.T) {
	ab, abc := servers("a", "b"), servers("a", "b", "c")
	tests := []struct {
		name   string
		p, q   *placement
		want   float64
		flows  []flow
		method string
		hasTag bool // a note
	}{
		{
			name: "nothing", p: testPlacement(t, "md5", "", "ketama", abc), q: testPlacement(t, "md5", "", "ketama", abc),
			method: methodExact,
		},
		{
			name: "modula, one more", p: testPlacement(t, "fnv1a_64", "", "modula", ab),
			q: testPlacement(t, "fnv1a_64", "", "modula", abc), method: methodExact,
			// hash mod 6: 0 a a, 1 b b, 2 a c, 3 b a, 4 a b, 5 b c
			want: 4.0 / 6, flows: []flow{{"a:1", "b:1", 1.0 / 6}, {"a:1", "c:1", 1.0 / 6}, {"b:1", "a:1", 1.0 / 6}, {"b:1", "c:1", 1.0 / 6}},
		},
		{
			name: "modula, weight", p: testPlacement(t, "md5", "", "modula", ab),
			q: testPlacement(t, "md5", "", "modula", []testServer{{"a", "a", 1}, {"b", "b", 3}}), method: methodExact,
			want: 1.0 / 4, flows: []flow{{"a:1", "b:3", 1.0 / 4}}, // mod 4: a a, b b, a b, b b
		},
		{
			name: "all to another", p: testPlacement(t, "crc32", "", "ketama", servers("a")),
			q: testPlacement(t, "crc32", "", "ketama", servers("b")), method: methodExact,
			want: 1, flows: []flow{{"a:1", "b:1", 1}},
		},
		{
			name: "a name kept, an address changed", p: testPlacement(t, "murmur", "", "modula", []testServer{{"one", "a", 1}, {"two", "b", 1}}),
			q:    testPlacement(t, "murmur", "", "modula", []testServer{{"one", "a", 1}, {"two", "c", 1}}),
			want: 0.5, flows: []flow{{"b:1", "c:1", 0.5}}, method: methodExact,
		},
		{
			name: "a name changed without an effect on the order", p: testPlacement(t, "murmur", "", "modula", []testServer{{"one", "a", 1}, {"two", "b", 1}}),
			q: testPlacement(t, "murmur", "", "modula", []testServer{{"one", "a", 1}, {"zwo", "b", 1}}), method: methodExact,
		},
		{
			name: "random", p: testPlacement(t, "md5", "", "random", ab), q: testPlacement(t, "md5", "", "random", abc),
			method: methodNone, hasTag: true,
		},
		{
			name: "another hash, one server", p: testPlacement(t, "md5", "", "ketama", servers("a")),
			q: testPlacement(t, "crc32", "", "ketama", servers("a")), method: methodSampled,
		},
		{
			name: "another tag, one server", p: testPlacement(t, "md5", "", "ketama", servers("a")),
			q: testPlacement(t, "md5", "{}", "ketama", servers("a")), method: methodSampled, hasTag: true,
		},
		{
			name: "steps beyond all patience", p: testPlacement(t, "md5", "", "ketama", servers("a", "b")),
			q: testPlacement(t, "md5", "", "modula", servers("a")), method: methodSampled,
			want: math.NaN(),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compare(tt.p, tt.q)
			if got.Method != tt.method || (got.Note != "") != tt.hasTag {
				t.Errorf("method %q, note %q; want method %q, a note: %t", got.Method, got.Note, tt.method, tt.hasTag)
			}
			if math.IsNaN(tt.want) {
				return
			}
			near := gocmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-8 })
			if !gocmp.Equal(got.Share, tt.want, near) {
				t.Errorf("share = %v; want %v", got.Share, tt.want)
			}
			slices.SortFunc(got.Flows, func(a, b flow) int { return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To)) })
			if diff := gocmp.Diff(tt.flows, got.Flows, near); diff != "" {
				t.Errorf("flows, -want +got:\n%s", diff)
			}
		})
	}
}

// What a sweep finds is what random keys find, for every hash: for those of few bits too, whose keys lie at the bottom of
// the continuum.
func TestCompareAgreesWithKeys(t *testing.T) {
	few, more := servers("10.0.0.1", "10.0.0.2", "10.0.0.3"), servers("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
	more[3].weight = 2
	for _, hash := range ring.HashNames() {
		for _, distribution := range []string{"ketama", "modula"} {
			t.Run(hash+" "+distribution, func(t *testing.T) {
				p, q := testPlacement(t, hash, "", distribution, few), testPlacement(t, hash, "", distribution, more)
				m := compare(p, q)
				if isExact := m.Method == methodExact; isExact != (hash != "crc16") {
					t.Fatalf("method %q", m.Method)
				}
				moved := 0
				sample(p, q, func(a, b int) {
					if !p.isSame(a, q, b) {
						moved++
					}
				})
				const deviations = 6 // of a sample's mean: further off is no chance
				sampled, tolerance := float64(moved)/sampledKeys, deviations*0.5/math.Sqrt(sampledKeys)
				if math.Abs(m.Share-sampled) > tolerance {
					t.Errorf("a share of %.4f moves; of random keys it is %.4f", m.Share, sampled)
				}
			})
		}
	}
}

// A sweep over the whole space of a small hash is what asking for each hash gives.
func TestSweepIsExact(t *testing.T) {
	weights := func(w ...int) (list []testServer) {
		for i, n := range w {
			list = append(list, testServer{fmt.Sprint("s", i), fmt.Sprint("s", i), n})
		}
		return list
	}
	tests := []struct {
		name string
		p, q *placement
	}{
		{"ketama", testPlacement(t, "crc32", "", "ketama", weights(1, 2, 3)), testPlacement(t, "crc32", "", "ketama", weights(3, 2, 1, 1))},
		{"modula", testPlacement(t, "crc32", "", "modula", weights(1, 2, 4)), testPlacement(t, "crc32", "", "modula", weights(2, 3, 6))},
		{"modula, equal totals", testPlacement(t, "crc32", "", "modula", weights(1, 3)), testPlacement(t, "crc32", "", "modula", weights(2, 2))},
		{"modula, totals beyond the space", testPlacement(t, "crc32", "", "modula", weights(20000, 20001)), testPlacement(t, "crc32", "", "modula", weights(7, 9))},
		{"both", testPlacement(t, "crc32", "", "ketama", weights(1, 1)), testPlacement(t, "crc32", "", "modula", weights(1, 2))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limit, times, ok := sweepable(tt.p, tt.q)
			if !ok {
				t.Fatal("not sweepable")
			}
			space := ring.HashSpace(tt.p.opts.Hash)
			got, want := make(map[[2]int]uint64), make(map[[2]int]uint64)
			sweep(tt.p, tt.q, limit, times, space%limit, func(n uint64, a, b int) { got[[2]int{a, b}] += n })
			for h := range space {
				want[[2]int{serverOf(tt.p, uint32(h)), serverOf(tt.q, uint32(h))}]++
			}
			for pair, n := range got {
				if n == 0 {
					delete(got, pair)
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("hashes by servers, -want +got:\n%s", diff)
			}
		})
	}
}

// serverOf goes by the documentation of ring.Ring.Points.
func serverOf(p *placement, hash uint32) int {
	first := -1
	last := uint32(0)
	for value := range p.ring.Points() {
		last = value
	}
	if p.opts.Distribution == "modula" {
		hash %= last + 1
	}
	for value, server := range p.ring.Points() {
		if first < 0 {
			first = server
		}
		if hash <= value {
			return server
		}
	}
	return first
}
