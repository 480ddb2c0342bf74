package dns

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a server of DNS whose records a test changes.
type zone struct {
	addr string

	mu      sync.Mutex
	records map[string][]string // by "name type", as in a zone file
	rcode   int
	asked   map[string]int // questions, by protocol
}

// startZone starts a server for UDP and TCP, on one port.
func startZone(t *testing.T) *zone {
	t.Helper()
	z := &zone{records: make(map[string][]string), asked: make(map[string]int)}
	for range 10 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", pc.LocalAddr().String())
		if err != nil { // somebody else has that port
			_ = pc.Close()
			continue
		}
		z.addr = pc.LocalAddr().String()
		for _, s := range []*dns.Server{{PacketConn: pc, Handler: z.handler("udp")}, {Listener: ln, Handler: z.handler("tcp")}} {
			ready := make(chan struct{})
			s.NotifyStartedFunc = func() { close(ready) }
			go func() { _ = s.ActivateAndServe() }()
			<-ready
			t.Cleanup(func() { _ = s.Shutdown() })
		}
		return z
	}
	t.Fatal("no port is free for both protocols")
	return nil
}

func (z *zone) handler(protocol string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		z.mu.Lock()
		defer z.mu.Unlock()
		z.asked[protocol]++
		r := new(dns.Msg)
		r.SetRcode(q, z.rcode)
		known := false
		for name, lines := range z.records {
			if owner, kind, _ := strings.Cut(name, " "); owner == q.Question[0].Name {
				known = true
				if kind == dns.TypeToString[q.Question[0].Qtype] {
					for _, line := range lines {
						rr, err := dns.NewRR(line)
						if err != nil {
							panic(err)
						}
						r.Answer = append(r.Answer, rr)
					}
				}
			}
		}
		if !known && z.rcode == dns.RcodeSuccess {
			r.Rcode = dns.RcodeNameError
		}
		if protocol == "udp" {
			r.Truncate(1232)
		}
		_ = w.WriteMsg(r)
	}
}

// set replaces the records of a name and type.
func (z *zone) set(name, kind string, ttl int, data ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	key := name + " " + kind
	z.records[key] = nil
	for _, d := range data {
		z.records[key] = append(z.records[key], fmt.Sprintf("%s %d IN %s %s", name, ttl, kind, d))
	}
}

func (z *zone) answer(rcode int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rcode = rcode
}

// TestAddresses: all addresses are servers, sorted, and for as long as their TTL says; what can't be had is an error, and what there is not is an empty list.
func TestAddresses(t *testing.T) {
	z := startZone(t)
	z.set("redis.test.", "A", 30, "10.0.0.2", "10.0.0.1", "10.0.0.2")
	z.set("redis.test.", "AAAA", 20, "2001:db8::1")
	s, err := Addresses("redis.test:6379", []string{z.addr})
	if err != nil {
		t.Fatal(err)
	}
	look := func(want string, wantTTL time.Duration) {
		t.Helper()
		lines, ttl, err := s.(*addresses).look(t.Context())
		if got := strings.Join(lines, ", "); err != nil || got != want || ttl != wantTTL {
			t.Errorf("told %q for %v, %v; want %q for %v", got, ttl, err, want, wantTTL)
		}
	}
	look("10.0.0.1:6379:1, 10.0.0.2:6379:1, 2001:db8::1:6379:1", 20*time.Second)
	z.set("redis.test.", "AAAA", 0)
	look("10.0.0.1:6379:1, 10.0.0.2:6379:1", 30*time.Second)
	z.set("redis.test.", "A", 0)
	look("", unheard)
	var many []string
	for i := range 500 {
		many = append(many, fmt.Sprintf("10.0.%d.%d", i/250, i%250))
	}
	z.set("redis.test.", "A", 7, many...)
	lines, ttl, err := s.(*addresses).look(t.Context())
	z.mu.Lock()
	byTCP := z.asked["tcp"]
	z.mu.Unlock()
	if err != nil || len(lines) != 500 || ttl != 7*time.Second || byTCP == 0 {
		t.Errorf("of 500 addresses %d are told for %v, %v; by TCP: %d", len(lines), ttl, err, byTCP)
	}
	z.answer(dns.RcodeServerFailure)
	if _, _, err := s.(*addresses).look(t.Context()); err == nil || !strings.Contains(err.Error(), "SERVFAIL") {
		t.Errorf("a failure is told as %v", err)
	}
	z.answer(dns.RcodeSuccess)
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	two, err := Addresses("nobody.test:6379", []string{dead.LocalAddr().String(), z.addr})
	if err != nil {
		t.Fatal(err)
	}
	if lines, _, err := two.(*addresses).look(t.Context()); err != nil || len(lines) != 0 {
		t.Errorf("of a name that is not there: %v, %v", lines, err)
	}
	if _, err := Addresses("redis.test", nil); err == nil {
		t.Error("no port is asked for")
	}
}

// TestServices: the names of servers are the targets', which stay while their addresses change.
func TestServices(t *testing.T) {
	z := startZone(t)
	const name = "_redis._tcp.test."
	z.set(name, "SRV", 30, "1 5 6379 Redis-0.test.", "1 0 6379 redis-1.test.", "2 1 6379 spare.test.", "1 1 6380 redis-2.test.", "1 1 6381 redis-2.test.")
	z.set("Redis-0.test.", "A", 10, "10.0.0.1")
	z.set("redis-1.test.", "A", 15, "10.0.0.3", "10.0.0.2")
	z.set("redis-2.test.", "AAAA", 15, "2001:db8::2")
	s := Services(strings.TrimSuffix(name, "."), []string{z.addr}).(*services)
	look := func(want string, wantTTL time.Duration) {
		t.Helper()
		lines, ttl, err := s.look(t.Context())
		slices.Sort(lines)
		if got := strings.Join(lines, ", "); err != nil || got != want || ttl != wantTTL {
			t.Errorf("told %q for %v, %v; want %q for %v", got, ttl, err, want, wantTTL)
		}
	}
	look("10.0.0.1:6379:5 redis-0.test, 10.0.0.2:6379:1 redis-1.test, 2001:db8::2:6380:1 redis-2.test:6380, 2001:db8::2:6381:1 redis-2.test:6381", 10*time.Second)
	z.set("Redis-0.test.", "A", 3, "10.0.0.9")
	z.set("redis-1.test.", "A", 15, "10.0.0.2", "10.0.0.1") // the one that was told is still there
	z.set(name, "SRV", 30, "1 5 6379 Redis-0.test.", "1 0 6379 redis-1.test.")
	look("10.0.0.2:6379:1 redis-1.test, 10.0.0.9:6379:5 redis-0.test", 3*time.Second)
	z.set("redis-1.test.", "A", 15)
	if lines, _, err := s.look(t.Context()); err == nil {
		t.Errorf("with a target that has no address: %v", lines)
	}
	z.set(name, "SRV", 30, "0 0 0 .")
	look("", 30*time.Second)
}

// TestWatch: it asks again once the TTL is over, and soon after a failure.
func TestWatch(t *testing.T) {
	z := startZone(t)
	z.set("redis.test.", "A", 1, "10.0.0.1")
	s, err := Addresses("redis.test:1", []string{z.addr})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(ended)
		s.Watch(ctx, func(lines []string, err error) {
			if err != nil {
				lines = []string{"error"}
			}
			heard <- strings.Join(lines, ",")
		})
	}()
	want := func(want string) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case got := <-heard:
				if got == want {
					return
				}
			case <-deadline:
				t.Fatalf("%s is not told", want)
			}
		}
	}
	want("10.0.0.1:1:1")
	z.set("redis.test.", "A", 1, "10.0.0.2")
	want("10.0.0.2:1:1")
	z.answer(dns.RcodeRefused)
	want("error")
	z.answer(dns.RcodeSuccess)
	want("10.0.0.2:1:1")
	cancel()
	<-ended
}
