//go:build unix

package discovery

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"cashew/tests/processtest"

	"github.com/miekg/dns"
)

// zone is a small server of DNS, whose records a test changes.
type zone struct {
	addr   string
	server *dns.Server

	mu      sync.Mutex
	records []string // as in a zone file
}

func startZone(t *testing.T) *zone {
	t.Helper()
	z := new(zone)
	z.up(t, "127.0.0.1:0")
	t.Cleanup(z.down)
	return z
}

// up begins to answer, at an address.
func (z *zone) up(t *testing.T, addr string) {
	t.Helper()
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	z.addr = pc.LocalAddr().String()
	ready := make(chan struct{})
	z.server = &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(z.answer), NotifyStartedFunc: func() { close(ready) }}
	go func() { _ = z.server.ActivateAndServe() }()
	<-ready
}

// down answers no more.
func (z *zone) down() { _ = z.server.Shutdown() }

func (z *zone) answer(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	r := new(dns.Msg)
	r.SetReply(q)
	for _, text := range z.records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		if h := rr.Header(); h.Name == q.Question[0].Name && h.Rrtype == q.Question[0].Qtype {
			r.Answer = append(r.Answer, rr)
		}
	}
	_ = w.WriteMsg(r)
}

func (z *zone) set(records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = slices.Clone(records)
}

// srv are the records of a server.
func srv(port, name string) []string {
	return []string{fmt.Sprintf("_redis._tcp.test. 1 IN SRV 1 1 %s %s.test.", port, name), name + ".test. 1 IN A 127.0.0.1"}
}

// TestSRV: targets of SRV records are names, whose addresses and ports change by TTL; the resolver may be away, and tell nonsense.
func TestSRV(t *testing.T) {
	processtest.Beside(t)
	z, s := startZone(t), startServers(t, 3)
	z.set(slices.Concat(srv(s[0], "a"), srv(s[1], "b"))...)
	p := startProxy(t, "discovery: srv _redis._tcp.test", "discovery_from: "+z.addr, "on_membership: apply", "discovery_settle_msecs: 200", "discovery_cache: DIR/kept")
	p.want(t, s[0], s[1])
	l := startLoad(t, p, 2)
	z.set(slices.Concat(srv(s[2], "a"), srv(s[1], "b"))...)
	p.await(t, s[2], s[1])
	z.set(slices.Concat(srv(s[2], "a"), srv(s[1], "b"), srv(s[0], "c"))...)
	p.await(t, s[0], s[1], s[2])
	z.set(slices.Concat(srv(s[1], "b"), srv(s[0], "c"))...)
	p.await(t, s[0], s[1])
	z.set()
	p.awaitMetric(t, "discovery_waiting_servers", func(n float64) bool { return n == 2 })
	p.want(t, s[0], s[1])
	z.down()
	p.awaitMetric(t, "discovery_up", func(n float64) bool { return n == 0 })
	p.want(t, s[0], s[1])
	l.end(t)
	if kept := p.page(t, "/pools"); !strings.Contains(kept, `"source":"srv _redis._tcp.test"`) {
		t.Errorf("/pools does not say what is asked")
	}
	p.end(t)
	p.run(t)
	p.want(t, s[0], s[1])
	z.set(slices.Concat(srv(s[1], "b"), srv(s[2], "c"))...)
	z.up(t, z.addr)
	p.await(t, s[1], s[2])
}

// TestAddresses: a name's addresses are servers, each by its address.
func TestAddresses(t *testing.T) {
	processtest.Beside(t)
	z, s := startZone(t), startServers(t, 1)
	z.set("redis.test. 1 IN A 127.0.0.1")
	p := startProxy(t, "discovery: dns redis.test:"+s[0], "discovery_from: "+z.addr)
	p.want(t, s[0])
	z.set("redis.test. 1 IN A 127.0.0.1", "redis.test. 1 IN A 127.0.0.2")
	p.awaitMetric(t, "discovery_waiting_servers", func(n float64) bool { return n == 1 })
	p.want(t, s[0])
}
