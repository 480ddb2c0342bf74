package dns

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/tests/zonetest"

	"github.com/miekg/dns"
)

// TestAddresses: all addresses are servers, sorted, and for as long as their TTL says; what can't be had is an error, and what there is not is an empty list.
func TestAddresses(t *testing.T) {
	z := zonetest.Start(t)
	z.Set("redis.test.", "A", 30, "10.0.0.2", "10.0.0.1", "10.0.0.2")
	z.Set("redis.test.", "AAAA", 20, "2001:db8::1")
	s, err := Addresses("redis.test:6379", []string{z.Addr})
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
	z.Set("redis.test.", "AAAA", 0)
	look("10.0.0.1:6379:1, 10.0.0.2:6379:1", 30*time.Second)
	z.Set("redis.test.", "A", 0)
	look("", unheard)
	var many []string
	for i := range 500 {
		many = append(many, fmt.Sprintf("10.0.%d.%d", i/250, i%250))
	}
	z.Set("redis.test.", "A", 7, many...)
	lines, ttl, err := s.(*addresses).look(t.Context())
	byTCP := z.Asked("tcp")
	if err != nil || len(lines) != 500 || ttl != 7*time.Second || byTCP == 0 {
		t.Errorf("of 500 addresses %d are told for %v, %v; by TCP: %d", len(lines), ttl, err, byTCP)
	}
	z.Answer(dns.RcodeServerFailure)
	if _, _, err := s.(*addresses).look(t.Context()); err == nil || !strings.Contains(err.Error(), "SERVFAIL") {
		t.Errorf("a failure is told as %v", err)
	}
	z.Answer(dns.RcodeSuccess)
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	two, err := Addresses("nobody.test:6379", []string{dead.LocalAddr().String(), z.Addr})
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
	z := zonetest.Start(t)
	const name = "_redis._tcp.test."
	z.Set(name, "SRV", 30, "1 5 6379 Redis-0.test.", "1 0 6379 redis-1.test.", "2 1 6379 spare.test.", "1 1 6380 redis-2.test.", "1 1 6381 redis-2.test.")
	z.Set("Redis-0.test.", "A", 10, "10.0.0.1")
	z.Set("redis-1.test.", "A", 15, "10.0.0.3", "10.0.0.2")
	z.Set("redis-2.test.", "AAAA", 15, "2001:db8::2")
	s := Services(strings.TrimSuffix(name, "."), []string{z.Addr}).(*services)
	look := func(want string, wantTTL time.Duration) {
		t.Helper()
		lines, ttl, err := s.look(t.Context())
		slices.Sort(lines)
		if got := strings.Join(lines, ", "); err != nil || got != want || ttl != wantTTL {
			t.Errorf("told %q for %v, %v; want %q for %v", got, ttl, err, want, wantTTL)
		}
	}
	look("10.0.0.1:6379:5 redis-0.test, 10.0.0.2:6379:1 redis-1.test, 2001:db8::2:6380:1 redis-2.test:6380, 2001:db8::2:6381:1 redis-2.test:6381", 10*time.Second)
	z.Set("Redis-0.test.", "A", 3, "10.0.0.9")
	z.Set("redis-1.test.", "A", 15, "10.0.0.2", "10.0.0.1") // the one that was told is still there
	z.Set(name, "SRV", 30, "1 5 6379 Redis-0.test.", "1 0 6379 redis-1.test.")
	look("10.0.0.2:6379:1 redis-1.test, 10.0.0.9:6379:5 redis-0.test", 3*time.Second)
	z.Set("redis-1.test.", "A", 15)
	if lines, _, err := s.look(t.Context()); err == nil {
		t.Errorf("with a target that has no address: %v", lines)
	}
	z.Set(name, "SRV", 30, "0 0 0 .")
	look("", 30*time.Second)
}

// TestWatch: it asks again once the TTL is over, and soon after a failure.
func TestWatch(t *testing.T) {
	z := zonetest.Start(t)
	z.Set("redis.test.", "A", 1, "10.0.0.1")
	s, err := Addresses("redis.test:1", []string{z.Addr})
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
	z.Set("redis.test.", "A", 1, "10.0.0.2")
	want("10.0.0.2:1:1")
	z.Answer(dns.RcodeRefused)
	want("error")
	z.Answer(dns.RcodeSuccess)
	want("10.0.0.2:1:1")
	cancel()
	<-ended
}
