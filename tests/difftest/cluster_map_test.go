//go:build unix

package difftest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// clusterService is a proxy with a pool before a cluster.
type clusterService struct {
	*service
	listen string
}

// startClusterService starts a proxy whose pool c has these seeds, and waits until it knows who has which slot.
func startClusterService(t *testing.T, seeds []string, settings ...string) *clusterService {
	t.Helper()
	s := &clusterService{newService(t), "127.0.0.1:" + processtest.FreePort(t)}
	s.configure(t, s.pool(seeds, settings...))
	s.start(t)
	s.await(t, "the proxy knows who has which slot", func() bool { return s.unowned(t) == 0 })
	return s
}

func (s *clusterService) pool(seeds []string, settings ...string) string {
	text := "c:\n  listen: " + s.listen + "\n  redis: true\n  cluster: true\n"
	for _, line := range settings {
		text += "  " + line + "\n"
	}
	return text + "  servers:\n   - " + strings.Join(seeds, "\n   - ") + "\n"
}

func (s *clusterService) await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	await(t, what, func() bool {
		s.WantAlive(t)
		return cond()
	})
}

// unowned is how many slots nobody has, as far as the proxy knows; -1: its pages do not answer yet.
func (s *clusterService) unowned(t *testing.T) int {
	t.Helper()
	_, _, err := s.page("GET", "/healthz")
	if err != nil {
		return -1
	}
	n, ok := s.metrics(t)[`cashew_cluster_slots_unowned{pool="c"}`]
	if !ok {
		t.Fatal("no cashew_cluster_slots_unowned in /metrics")
	}
	return int(n)
}

// owner is the address of the server that has the key, and the slot, as the proxy says.
func (s *clusterService) owner(t *testing.T, key string) (slot int, addr string) {
	t.Helper()
	var places []struct {
		Hash int
		Addr string
	}
	if err := json.Unmarshal([]byte(s.wantPage(t, "GET", "/explain?pool=c&key="+url.QueryEscape(key), 200)), &places); err != nil || len(places) != 1 {
		t.Fatalf("/explain: %v, %v", places, err)
	}
	return places[0].Hash, places[0].Addr
}

// TestClusterMap: a proxy that was told of one server of a cluster finds all masters, puts keys where they belong, hears of slots that
// move, and keeps what it knows over a reload with another seed.
func TestClusterMap(t *testing.T) {
	notRaced(t)
	long(t)
	wantCashew(t, "it knows no clusters")
	c := startCluster(t, 3, 0)
	dead := "127.0.0.1:" + processtest.FreePort(t)
	s := startClusterService(t, []string{dead, c.servers[1].addr}, "cluster_refresh_interval: 200")

	t.Run("keys", func(t *testing.T) {
		conn := dial(t, s.listen)
		defer conn.close()
		for i := range 1000 {
			key := fmt.Sprint("key:", i)
			conn.want("+OK\r\n", "SET", key, fmt.Sprint(i))
			conn.want(bulk(fmt.Sprint(i)), "GET", key)
		}
		if where := whereabouts(t, c.servers, 0); len(where) != 1000 { // a server refuses what is another's
			t.Errorf("%d keys are there; want 1000", len(where))
		}
	})
	t.Run("move", func(t *testing.T) {
		const key, slot = "foo", 12182
		if at, addr := s.owner(t, key); at != slot || addr != c.servers[2].addr {
			t.Fatalf("slot %d is at %s", at, addr)
		}
		c.MoveSlot(t, slot, c.Nodes[2], c.Nodes[0])
		s.await(t, "the proxy has heard of the move", func() bool {
			_, addr := s.owner(t, key)
			return addr == c.servers[0].addr
		})
		if n := s.metrics(t)[`cashew_cluster_epoch{pool="c"}`]; n < 4 { // the masters began with 1 to 3
			t.Errorf("the epoch is %v behind a move", n)
		}
	})
	t.Run("reload", func(t *testing.T) {
		applied := s.metrics(t)[`cashew_cluster_maps_applied_total{pool="c"}`]
		s.configure(t, s.pool([]string{c.servers[2].addr}, "cluster_refresh_interval: 250"))
		was, _ := s.reloads(t)
		s.Signal(syscall.SIGHUP)
		s.await(t, "the proxy reloads", func() bool { n, _ := s.reloads(t); return n > was })
		if n := s.unowned(t); n != 0 {
			t.Errorf("%d slots have no owner behind a reload", n)
		}
		if n := s.metrics(t)[`cashew_cluster_maps_applied_total{pool="c"}`]; n != applied {
			t.Errorf("%v maps were applied before the reload, and %v behind it", applied, n)
		}
	})
}
