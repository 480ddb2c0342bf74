// Package zonetest is a server of DNS for tests, on loopback, whose records a test changes:
//
//	Start --> answers --Down--> is silent --Up--> answers, where it was
package zonetest

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"cashew/tests/processtest"

	"github.com/miekg/dns"
)

// Zone is such a server, for UDP and TCP, on one port.
type Zone struct {
	Addr string // host:port

	servers []*dns.Server

	mu      sync.Mutex
	records map[string][]string // by "name type", as in a zone file
	rcode   int
	asked   map[string]int // questions, by protocol
}

// Start starts a server without records. It ends with the test.
func Start(t *testing.T) *Zone {
	t.Helper()
	z := &Zone{records: make(map[string][]string), asked: make(map[string]int)}
	t.Cleanup(z.Down)
	for range 10 {
		z.Addr = "127.0.0.1:" + processtest.FreePort(t) // which nobody else gets while it is down
		if z.listen() == nil {                          // else somebody has that port for UDP
			return z
		}
	}
	t.Fatal("no port is free for both protocols")
	return nil
}

// Down has it answer no more.
func (z *Zone) Down() {
	for _, s := range z.servers {
		_ = s.Shutdown() // it fails if it is down
	}
}

// Up has it answer again, at its address.
func (z *Zone) Up(t *testing.T) {
	t.Helper()
	if err := z.listen(); err != nil {
		t.Fatal(err)
	}
}

func (z *Zone) listen() error {
	pc, err := net.ListenPacket("udp", z.Addr)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", pc.LocalAddr().String())
	if err != nil {
		_ = pc.Close()
		return err
	}
	z.Addr = pc.LocalAddr().String()
	z.servers = []*dns.Server{{PacketConn: pc, Handler: z.handler("udp")}, {Listener: ln, Handler: z.handler("tcp")}}
	for _, s := range z.servers {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { _ = s.ActivateAndServe() }()
		<-ready
	}
	return nil
}

func (z *Zone) handler(protocol string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		z.mu.Lock()
		defer z.mu.Unlock()
		z.asked[protocol]++
		r := new(dns.Msg)
		r.SetRcode(q, z.rcode)
		known := false
		for name, lines := range z.records {
			owner, kind, _ := strings.Cut(name, " ")
			if owner != q.Question[0].Name {
				continue
			}
			known = true
			if kind == dns.TypeToString[q.Question[0].Qtype] {
				r.Answer = append(r.Answer, parsed(lines)...)
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

func parsed(lines []string) (records []dns.RR) {
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic(err)
		}
		records = append(records, rr)
	}
	return records
}

// Set replaces the records of a name and type. A name whose records are all taken away is still one that there is.
func (z *Zone) Set(name, kind string, ttl int, data ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	key := name + " " + kind
	z.records[key] = nil
	for _, d := range data {
		z.records[key] = append(z.records[key], fmt.Sprintf("%s %d IN %s %s", name, ttl, kind, d))
	}
}

// Answer has it answer everything with a code, beside what there is.
func (z *Zone) Answer(rcode int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rcode = rcode
}

// Asked is how many questions came by a protocol, udp or tcp.
func (z *Zone) Asked(protocol string) int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked[protocol]
}
