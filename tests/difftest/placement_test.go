//go:build unix

package difftest

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// placements are pools whose keys must be on the same server under nutcracker and under cashew.
var placements = func() []placement {
	named := []string{"alpha", "b", "gamma-long-name", "dd"}
	all := []placement{
		{name: "defaults"},
		{name: "weights", weights: []int{1, 2, 3, 10}},
		{name: "names", names: named},
		{name: "names-weights", names: named, weights: []int{5, 1, 1, 2}},
		{name: "modula", settings: []string{"distribution: modula"}},
		{name: "modula-weights", settings: []string{"distribution: modula", "hash: crc32"}, weights: []int{3, 1, 1, 2}},
		{name: "modula-names", settings: []string{"distribution: modula", "hash: md5"}, names: named},
		{name: "hashtag-braces", settings: []string{`hash_tag: "{}"`, "hash: murmur"}, names: named},
		{name: "hashtag-same", settings: []string{`hash_tag: "::"`, "distribution: modula"}, names: named},
		{name: "light-server", settings: []string{"hash: md5"}, weights: []int{1000, 1, 1000, 1000}},
	}
	for _, h := range []string{
		"one_at_a_time", "md5", "crc16", "crc32", "crc32a", "fnv1_64", "fnv1a_64", "fnv1_32",
		"fnv1a_32", "hsieh", "murmur", "jenkins",
	} {
		all = append(all,
			placement{name: "ketama-" + h, settings: []string{"hash: " + h}, names: named},
			placement{name: "modula-" + h, settings: []string{"hash: " + h, "distribution: modula"}})
	}
	return all
}()

type placement struct {
	name     string
	settings []string
	weights  []int    // of the four servers; nil: all 1
	names    []string // nil: none
}

func (p placement) pool(servers []*redisServer) pool {
	var lines []string
	for i, s := range servers {
		lines = append(lines, s.entry(p.weight(i), p.nameOf(i)))
	}
	return pool{name: p.name, settings: p.settings, servers: lines}
}

func (p placement) weight(server int) int {
	if p.weights == nil {
		return 1
	}
	return p.weights[server]
}

func (p placement) nameOf(server int) string {
	if p.names == nil {
		return ""
	}
	return p.names[server]
}

// placementKeys are keys of many shapes: plain, with hash tags, empty, binary, with bytes above 127.
func placementKeys() []string {
	keys := []string{"", "{", "}", "{}", "a{}b", "::", ":", "\x00", "\xff\xfe\xfd", "\r\n"}
	for i := range 490 {
		n := strconv.Itoa(i)
		keys = append(keys, []string{
			"key:" + n,
			"user:{" + n + "}:profile",
			"a:" + n + ":b",
			n,
			"\xff\x80" + n,
			"{" + n,
			fmt.Sprintf("%0200d", i),
		}[i%7])
	}
	return keys
}

// TestPlacement writes through one proxy, looks at the servers directly, and reads through the other.
func TestPlacement(t *testing.T) {
	t.Parallel()
	notRaced(t)
	servers := startRedises(t, 4)
	var pools []pool
	for _, p := range placements {
		pools = append(pools, p.pool(servers))
	}
	ours, upstream := startProxy(t, pools...), nutcracker.start(t, 0, pools...)
	keys := placementKeys()
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			flush(t, servers...)
			setAll(t, upstream.addr(p.name), keys, "by nutcracker")
			want := whereabouts(t, servers, 0)
			if len(want) != len(keys) {
				t.Fatalf("nutcracker placed %d keys, want %d", len(want), len(keys))
			}
			getAll(t, ours.addr(p.name), keys, "by nutcracker")
			flush(t, servers...)
			setAll(t, ours.addr(p.name), keys, "by us")
			got := whereabouts(t, servers, 0)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("keys sit on other servers than with nutcracker (-want +got):\n%s", diff)
			}
			getAll(t, upstream.addr(p.name), keys, "by us")

			flush(t, servers...)
			mset := []string{"MSET"}
			for _, k := range keys {
				mset = append(mset, k, "by MSET")
			}
			c := dial(t, ours.addr(p.name))
			c.want("+OK\r\n", mset...)
			if diff := cmp.Diff(want, whereabouts(t, servers, 0)); diff != "" {
				t.Fatalf("MSET puts keys on other servers than SET (-want +got):\n%s", diff)
			}
		})
	}
}

// setAll sets all keys to value, pipelined.
func setAll(t testing.TB, addr string, keys []string, value string) {
	t.Helper()
	var commands [][]string
	for _, k := range keys {
		commands = append(commands, []string{"SET", k, value})
	}
	wantAll(t, addr, commands, "+OK\r\n")
}

// getAll checks that all keys have the value.
func getAll(t testing.TB, addr string, keys []string, value string) {
	t.Helper()
	var commands [][]string
	for _, k := range keys {
		commands = append(commands, []string{"GET", k})
	}
	wantAll(t, addr, commands, bulk(value))
}

// wantAll pipelines the commands and checks that each reply is want.
func wantAll(t testing.TB, addr string, commands [][]string, want string) {
	t.Helper()
	wants := make([]string, len(commands))
	for i := range wants {
		wants[i] = want
	}
	if diff := diffReplies(commands, wants, exchange(t, addr, commands, whole, nil)); diff != "" {
		t.Fatalf("through %s:\n%s", addr, diff)
	}
}

// TestRandomDistribution: keys go anywhere, whatever their weights; each server gets some.
func TestRandomDistribution(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	random := placement{name: "p", settings: []string{"distribution: random"}, weights: []int{1, 1, 1, 9}}
	p := startProxy(t, random.pool(servers))
	var keys []string
	for i := range 400 {
		keys = append(keys, fmt.Sprint("key:", i))
	}
	setAll(t, p.addr("p"), keys, "x")
	counts := make([]int, len(servers))
	for _, server := range whereabouts(t, servers, 0) {
		counts[server]++
	}
	for _, n := range counts {
		if n < 50 {
			t.Fatalf("the servers have %d keys", counts)
		}
	}
}
