//go:build unix

package difftest

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"cashew/tests/processtest"

	"github.com/google/go-cmp/cmp"
)

// mcKeys are those of placementKeys that memcached takes.
func mcKeys() []string {
	var keys []string
	for _, k := range placementKeys() {
		if k != "" && !strings.ContainsAny(k, "\x00\r\n ") {
			keys = append(keys, k)
		}
	}
	return keys
}

func (p placement) memcachedPool(servers []*mcServer) pool {
	var lines []string
	for i, s := range servers {
		lines = append(lines, s.entry(p.weight(i), p.nameOf(i)))
	}
	return pool{name: p.name, settings: p.settings, servers: lines, memcached: true}
}

// TestMemcachedPlacement writes through one proxy, looks at the servers directly, and reads through the other.
func TestMemcachedPlacement(t *testing.T) {
	t.Parallel()
	notRaced(t)
	servers := startMemcacheds(t, 4)
	mcComparePlacements(t, servers, placements)
}

// TestMemcachedPlacementPort11211: a server on memcached's own port is hashed by its address alone.
func TestMemcachedPlacementPort11211(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the other addresses of 127/8 are Linux's")
	}
	var servers []*mcServer
	for range 4 {
		// An address that is nobody else's, since the port is reserved for this test.
		port, err := strconv.Atoi(processtest.FreePort(t))
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, startMemcachedAt(t, fmt.Sprintf("127.1.%d.%d", port>>8, port&0xff), "11211"))
	}
	mcComparePlacements(t, servers, []placement{
		{name: "ketama"},
		{name: "ketama-weights", weights: []int{1, 2, 3, 10}},
		{name: "ketama-md5", settings: []string{"hash: md5"}},
		{name: "modula", settings: []string{"distribution: modula"}},
		{name: "names", names: []string{"alpha", "b", "gamma-long-name", "dd"}},
	})
}

func mcComparePlacements(t *testing.T, servers []*mcServer, placements []placement) {
	t.Helper()
	var pools []pool
	for _, p := range placements {
		pools = append(pools, p.memcachedPool(servers))
	}
	ours, upstream := startProxy(t, pools...), nutcracker.start(t, 0, pools...)
	keys := mcKeys()
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			mcFlush(t, servers...)
			mcSetAll(t, upstream.addr(p.name), keys)
			want := mcWhereabouts(t, servers, keys)
			if len(want) != len(keys) {
				t.Fatalf("nutcracker placed %d keys, want %d", len(want), len(keys))
			}
			mcGetAll(t, ours.addr(p.name), keys)
			c := dial(t, ours.addr(p.name))
			all := ""
			for _, k := range keys {
				all += mcBlock(k, mcValue(k))
			}
			c.expectAll(all+"END\r\n", mcGet(keys...))
			mcFlush(t, servers...)
			mcSetAll(t, ours.addr(p.name), keys)
			if diff := cmp.Diff(want, mcWhereabouts(t, servers, keys)); diff != "" {
				t.Fatalf("keys sit on other servers than with nutcracker (-want +got):\n%s", diff)
			}
			mcGetAll(t, upstream.addr(p.name), keys)
			if underTest.name != "cashew" {
				return
			}
			mcFlush(t, servers...)
			text := ""
			for _, k := range keys {
				text += fmt.Sprintf("ms %s 1 q\r\nx\r\n", k)
			}
			c.expectAll("MN\r\n", text+"mn\r\n")
			if diff := cmp.Diff(want, mcWhereabouts(t, servers, keys)); diff != "" {
				t.Fatalf("ms puts keys on other servers than set (-want +got):\n%s", diff)
			}
		})
	}
}
