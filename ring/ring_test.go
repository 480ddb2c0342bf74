package ring

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// mustBuild is Build for options that are right.
func mustBuild(tb testing.TB, o Options) *Ring {
	tb.Helper()
	r, err := Build(o)
	if err != nil {
		tb.Fatalf("Build(%+v) = %v", o, err)
	}
	return r
}

// equalServers returns n servers of weight 1, in order, named like TCP servers.
func equalServers(n int) []Server {
	servers := make([]Server, n)
	for i := range servers {
		servers[i] = Server{Name: fmt.Sprintf("10.0.%d.1:6379", 100+i), Weight: 1}
	}
	return servers
}

// binarySearch is continuum.find as twemproxy has it.
func binarySearch(points []point, value uint32) int {
	low, high := 0, len(points)
	for low < high {
		if middle := (low + high) / 2; points[middle].value() < value {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == len(points) {
		low = 0
	}
	return points[low].server()
}

func TestBuildErrors(t *testing.T) {
	lessThan1 := func(name string, weight int) string {
		return fmt.Sprintf("ring: servers: %q: weight %d is less than 1", name, weight)
	}
	ok := Options{Hash: "murmur", HashTag: "{}", Distribution: "ketama", Servers: equalServers(2)}
	cases := []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"nothing wrong", func(*Options) {}, ""},
		{"hash", func(o *Options) { o.Hash = "fnv3" }, `ring: hash: unknown "fnv3"`},
		{"hash is case-sensitive", func(o *Options) { o.Hash = "MD5" }, `ring: hash: unknown "MD5"`},
		{"hash tag of one byte", func(o *Options) { o.HashTag = "{" }, `ring: hash_tag: "{" is not two bytes`},
		{"hash tag of three bytes", func(o *Options) { o.HashTag = "{x}" }, `ring: hash_tag: "{x}" is not two bytes`},
		{"distribution", func(o *Options) { o.Distribution = "rendezvous" }, `ring: distribution: unknown "rendezvous"`},
		{"live too short", func(o *Options) { o.Live = []bool{true} }, `ring: live: 1 entries for 2 servers`},
		{"live too long", func(o *Options) { o.Live = make([]bool, 3) }, `ring: live: 3 entries for 2 servers`},
		{"weight zero", func(o *Options) { o.Servers[1].Weight = 0 }, lessThan1("10.0.101.1:6379", 0)},
		{"weight negative", func(o *Options) { o.Servers[0].Weight = -5 }, lessThan1("10.0.100.1:6379", -5)},
		{"total weight", func(o *Options) {
			o.Servers[0].Weight = math.MaxUint32
		}, `ring: servers: total weight is more than 4294967295`},
		{"total weight wraps 64 bits", func(o *Options) {
			o.Servers[0].Weight, o.Servers[1].Weight = math.MaxInt, math.MaxInt
		}, `ring: servers: total weight is more than 4294967295`},
		{"an ejected server is checked too", func(o *Options) {
			o.Servers[1].Weight, o.Live = 0, []bool{true, false}
		}, lessThan1("10.0.101.1:6379", 0)},
		{"all at once", func(o *Options) {
			o.Hash, o.HashTag, o.Distribution, o.Live = "", "x", "", []bool{}
			o.Servers[0].Weight, o.Servers[1].Weight = 0, -1
		}, `ring: hash: unknown ""
ring: hash_tag: "x" is not two bytes
ring: distribution: unknown ""
ring: live: 0 entries for 2 servers
ring: servers: "10.0.100.1:6379": weight 0 is less than 1
ring: servers: "10.0.101.1:6379": weight -1 is less than 1`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := ok
			o.Servers = slices.Clone(ok.Servers)
			c.change(&o)
			r, err := Build(o)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want || (err == nil) != (r != nil) {
				t.Errorf("Build(%+v) = %v, %q; want %q", o, r, got, c.want)
			}
		})
	}
}

func TestDispatchFewServers(t *testing.T) {
	one, three := equalServers(1), equalServers(3)
	cases := []struct {
		name    string
		servers []Server
		live    []bool
		want    int
		count   int
	}{
		{"no servers", nil, nil, -1, 0},
		{"no servers, empty live", nil, []bool{}, -1, 0},
		{"one", one, nil, 0, 1},
		{"one, live", one, []bool{true}, 0, 1},
		{"one, ejected", one, []bool{false}, -1, 0},
		{"all ejected", three, []bool{false, false, false}, -1, 0},
		{"first left", three, []bool{true, false, false}, 0, 1},
		{"last left", three, []bool{false, false, true}, 2, 1},
	}
	for _, distribution := range Distributions() {
		for _, c := range cases {
			t.Run(distribution+"/"+c.name, func(t *testing.T) {
				r := mustBuild(t, Options{Hash: "md5", Distribution: distribution, Servers: c.servers, Live: c.live})
				if got := r.Live(); got != c.count {
					t.Errorf("Live() = %d; want %d", got, c.count)
				}
				for _, key := range []string{"", "a", "apple", "key:1", "key:2", "key:3", "key:4"} {
					if got := r.Dispatch([]byte(key)); got != c.want {
						t.Errorf("Dispatch(%q) = %d; want %d", key, got, c.want)
					}
				}
				for value, server := range r.Points() {
					if server != c.want {
						t.Fatalf("Points() yields %d, %d; want server %d only", value, server, c.want)
					}
				}
			})
		}
	}
}

func TestZeroRing(t *testing.T) {
	var r Ring
	if got := r.Dispatch([]byte("apple")); got != -1 {
		t.Errorf("Dispatch() = %d; want -1", got)
	}
	if got := r.Live(); got != 0 {
		t.Errorf("Live() = %d; want 0", got)
	}
	for value, server := range r.Points() {
		t.Errorf("Points() yields %d, %d; want nothing", value, server)
	}
}

func TestRingHash(t *testing.T) {
	cases := []struct {
		name, hash, tag, key string
		want                 uint32
	}{
		{"whole key", "jenkins", "", "apple", 1442444624},
		{"tag", "jenkins", "{}", "x{apple}y", 1442444624},
		{"no tag in the key", "jenkins", "{}", "apple", 1442444624},
		{"tag characters without the option", "md5", "", "server1-8", 3853726576},
		{"empty key: 0, whatever the hash says", "jenkins", "", "", 0},
		{"empty key with a tag", "fnv1a_64", "{}", "", 0},
		{"the zero byte is not empty", "jenkins", "", "\x00", 2231611923},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// One server: Dispatch does not hash, Hash does.
			for _, n := range []int{1, 2} {
				r := mustBuild(t, Options{Hash: c.hash, HashTag: c.tag, Distribution: "ketama", Servers: equalServers(n)})
				if got := r.Hash([]byte(c.key)); got != c.want {
					t.Errorf("%d servers: Hash(%q) = %d; want %d", n, c.key, got, c.want)
				}
			}
		})
	}
}

func TestBuildKeepsNoSlices(t *testing.T) {
	servers, live := equalServers(3), []bool{true, true, false}
	r := mustBuild(t, Options{Hash: "murmur", Distribution: "ketama", Servers: servers, Live: live})
	before := placement(r)
	for i := range servers {
		servers[i], live[i] = Server{}, false
	}
	if after := placement(r); !slices.Equal(before, after) {
		t.Errorf("placement changed with the options: %v, then %v", before, after)
	}
}

func TestDispatchConcurrently(t *testing.T) {
	for _, distribution := range Distributions() {
		r := mustBuild(t, Options{Hash: "murmur", Distribution: distribution, Servers: equalServers(5)})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for _, server := range placement(r) {
					if server < 0 || server > 4 {
						t.Errorf("%s: Dispatch() = %d; want 0 to 4", distribution, server)
					}
				}
			})
		}
		group.Wait()
	}
}

// placement returns where 200 keys go.
func placement(r *Ring) []int {
	var got []int
	for i := range 200 {
		got = append(got, r.Dispatch(fmt.Appendf(nil, "key:%d", i)))
	}
	return got
}

func TestPointsStops(t *testing.T) {
	r := mustBuild(t, Options{Hash: "murmur", Distribution: "ketama", Servers: equalServers(3)})
	n := 0
	for range r.Points() {
		if n++; n == 5 {
			break
		}
	}
	if n != 5 {
		t.Errorf("Points() yielded %d times; want 5", n)
	}
}

func TestSortServers(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"shorter first", "zz b aaa", "b zz aaa"},
		{"equal lengths by bytes", "b a C \xff 1", "1 C a b \xff"},
		{"numbers", "10.0.0.10:1 10.0.0.9:1 9.0.0.10:1", "10.0.0.9:1 9.0.0.10:1 10.0.0.10:1"},
		{"one", "a", "a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var servers []Server
			for _, name := range strings.Fields(c.in) {
				servers = append(servers, Server{Name: name})
			}
			SortServers(servers, func(s Server) string { return s.Name })
			want := strings.Fields(c.want)
			for i, s := range servers {
				if s.Name != want[i] {
					t.Fatalf("SortServers(%q) = %v; want %q", c.in, servers, want)
				}
			}
		})
	}
}

// TestFindTable is for continua too odd to come out of Build.
func TestFindTable(t *testing.T) {
	const top = math.MaxUint32
	cases := []struct {
		name   string
		points []point
		want   map[uint32]int
	}{
		{"one point", []point{newPoint(1000, 7)}, map[uint32]int{0: 7, 999: 7, 1000: 7, 1001: 7, top: 7}},
		{
			"past the last comes the first",
			[]point{newPoint(20, 2), newPoint(10, 1)},
			map[uint32]int{0: 1, 10: 1, 11: 2, 20: 2, 21: 1, top: 1},
		},
		{"points at both ends", []point{newPoint(0, 0), newPoint(top, 1)}, map[uint32]int{0: 0, 1: 1, top - 1: 1, top: 1}},
		{
			"of equal values the first server's",
			[]point{newPoint(50, 3), newPoint(50, 1), newPoint(60, 0), newPoint(50, 2)},
			map[uint32]int{0: 1, 49: 1, 50: 1, 51: 0, 61: 1},
		},
		{
			"equal values at the top",
			[]point{newPoint(top, 4), newPoint(top, 5), newPoint(9, 6)},
			map[uint32]int{9: 6, 10: 4, top: 4},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			continuum := newContinuum(slices.Clone(c.points), top)
			for value, want := range c.want {
				if got := continuum.find(value); got != want {
					t.Errorf("find(%d) = %d; want %d", value, got, want)
				}
			}
			checkFind(t, continuum, top)
		})
	}
}

// TestFind compares the index with the binary search on random rings, at every point and at every edge of a bucket.
func TestFind(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 7))
	for range 60 {
		servers := make([]Server, 1+r.IntN(40))
		live := make([]bool, len(servers))
		scale := 1 << r.IntN(20)
		for i := range servers {
			servers[i] = Server{Name: fmt.Sprintf("server-%x", r.Uint64()), Weight: 1 + r.IntN(scale)}
			live[i] = r.IntN(5) > 0
		}
		for _, distribution := range []string{distKetama, distModula} {
			ring := mustBuild(t, Options{Hash: "murmur", Distribution: distribution, Servers: servers, Live: live})
			if ring.Live() == 0 {
				continue
			}
			top := uint32(math.MaxUint32)
			if distribution == distModula {
				top = ring.total - 1
			}
			checkFind(t, ring.continuum, top)
			for range 100 {
				value := uint32(r.Uint64N(uint64(top) + 1))
				if got, want := ring.find(value), binarySearch(ring.points, value); got != want {
					t.Fatalf("%s of %d: find(%d) = %d; want %d", distribution, len(servers), value, got, want)
				}
			}
		}
	}
}

// checkFind compares find with binarySearch at and beside all values where find could go wrong, none above top.
func checkFind(t *testing.T, c continuum, top uint32) {
	t.Helper()
	values := []uint32{0, top}
	for _, p := range c.points {
		values = append(values, p.value())
	}
	for b := range c.starts {
		values = append(values, uint32(b)<<c.shift)
	}
	for _, middle := range values {
		for _, value := range []uint32{middle - 1, middle, middle + 1} {
			if value > top {
				continue
			}
			if got, want := c.find(value), binarySearch(c.points, value); got != want {
				t.Fatalf("%d points: find(%d) = %d; want %d", len(c.points), value, got, want)
			}
		}
	}
}
