//go:build unix

package discovery

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cashew/tests/processtest"
	"cashew/tests/zonetest"
)

// services is the name whose SRV records are asked for.
const services = "_redis._tcp.test."

// srv is a record of a server.
func srv(port, name string) string { return fmt.Sprintf("1 1 %s %s.test.", port, name) }

// TestSRV: targets of SRV records are names, whose addresses and ports change by TTL; the resolver may be away, and tell nonsense.
func TestSRV(t *testing.T) {
	processtest.Beside(t)
	z, s := zonetest.Start(t), startServers(t, 3)
	for _, name := range []string{"a", "b", "c"} {
		z.Set(name+".test.", "A", 1, "127.0.0.1")
	}
	set := func(servers ...string) { z.Set(services, "SRV", 1, servers...) }
	set(srv(s[0], "a"), srv(s[1], "b"))
	p := startProxy(t, "discovery: srv _redis._tcp.test", "discovery_from: "+z.Addr, "on_membership: apply", "discovery_settle_msecs: 200", "discovery_cache: DIR/kept")
	p.want(t, s[0], s[1])
	l := startLoad(t, p, 2)
	set(srv(s[2], "a"), srv(s[1], "b"))
	p.await(t, s[2], s[1])
	set(srv(s[2], "a"), srv(s[1], "b"), srv(s[0], "c"))
	p.await(t, s[0], s[1], s[2])
	set(srv(s[1], "b"), srv(s[0], "c"))
	p.await(t, s[0], s[1])
	set()
	p.awaitDoubt(t, 2)
	p.want(t, s[0], s[1])
	z.Down()
	p.awaitMetric(t, "discovery_up", func(n float64) bool { return n == 0 })
	p.want(t, s[0], s[1])
	l.end(t)
	if kept := p.page(t, http.MethodGet, "/pools"); !strings.Contains(kept, `"source":"srv _redis._tcp.test"`) {
		t.Errorf("/pools does not say what is asked")
	}
	p.end(t)
	p.run(t)
	p.want(t, s[0], s[1])
	set(srv(s[1], "b"), srv(s[2], "c"))
	z.Up(t)
	p.await(t, s[1], s[2])
}

// TestAddresses: a name's addresses are servers, each by its address.
func TestAddresses(t *testing.T) {
	processtest.Beside(t)
	z, s := zonetest.Start(t), startServers(t, 1)
	z.Set("redis.test.", "A", 1, "127.0.0.1")
	p := startProxy(t, "discovery: dns redis.test:"+s[0], "discovery_from: "+z.Addr)
	p.want(t, s[0])
	z.Set("redis.test.", "A", 1, "127.0.0.1", "127.0.0.2")
	p.awaitMetric(t, "discovery_waiting_servers", func(n float64) bool { return n == 1 })
	p.want(t, s[0])
}
