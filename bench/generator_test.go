package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"cashew/embedded"
)

func TestGenerate(t *testing.T) {
	servers, err := embedded.StartMemcached(1)
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Stop()
	addr := servers.Addrs()[0]
	if err := prefill(t.Context(), memcached{}, addr, 100, 10); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ test, clients, requests, pipeline string }{
		{"set", "1", "1", "1"},
		{"set", "3", "1000", "16"},
		{"get", "3", "1000", "1"},
		{"get", "10", "1001", "7"},
		{"get100", "2", "50", "1"},
		{"get", "10", "3", "16"}, // fewer requests than connections
	} {
		args := []string{"-addr", addr, "-test", tt.test, "-clients", tt.clients, "-requests", tt.requests, "-pipeline", tt.pipeline, "-keys", "100", "-size", "10"}
		var out bytes.Buffer
		if err := generate(args, &out); err != nil {
			t.Errorf("generate(%v): %v", args, err)
			continue
		}
		var g generated
		if err := json.Unmarshal(out.Bytes(), &g); err != nil {
			t.Errorf("generate(%v) prints %q: %v", args, out.String(), err)
		}
		if !(g.RPS > 0) || g.P50 > g.P95 || g.P95 > g.P99 || g.P99 > g.Max || g.Max > 60_000 {
			t.Errorf("generate(%v) = %+v", args, g)
		}
		l, err := memcached{}.parseLoad(ourself, strings.NewReader(out.String()))
		if err != nil || l.rps != g.RPS || l.p50 != g.P50 || l.p99 != g.P99 {
			t.Errorf("parseLoad(%q) = %+v, %v", out.String(), l, err)
		}
	}
	for _, bad := range [][]string{{}, {"-addr", addr, "-clients", "0"}, {"-addr", addr, "-test", "get", "-requests", "0"}, {"-nonsense"}} {
		if err := generate(bad, &bytes.Buffer{}); err == nil {
			t.Errorf("generate(%v): no error", bad)
		}
	}
}

// The generator must run exactly the requests that it was told to, and give up at the first wrong reply.
func TestGenerateCounts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan int)
	answers := []string{"END\r\n", "SERVER_ERROR busy\r\n", "STORED\r\n"}
	go func() {
		for _, answer := range answers {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n, buf := 0, make([]byte, 4096)
			for {
				m, err := c.Read(buf)
				requests := bytes.Count(buf[:m], []byte("\n"))
				n += requests
				if err != nil {
					break
				}
				fmt.Fprint(c, strings.Repeat(answer, requests))
			}
			c.Close()
			got <- n
		}
	}()
	for i, want := range []string{"", "answered \"SERVER_ERROR busy", "answered \"STORED"} {
		err := generate([]string{"-addr", l.Addr().String(), "-requests", "103", "-pipeline", "10"}, &bytes.Buffer{})
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("answers %q: %v; want %q", answers[i], err, want)
		}
		if n := <-got; i == 0 && n != 103 {
			t.Errorf("%d requests; want 103", n)
		}
	}
}

func TestHistogram(t *testing.T) {
	h := new(histogram)
	for i := 1; i <= 100; i++ {
		h.add(time.Duration(i) * time.Millisecond)
	}
	for q, want := range map[float64]float64{0.5: 50, 0.95: 95, 0.99: 99, 1: 100} {
		if got := h.quantile(q); got != want {
			t.Errorf("quantile(%v) = %v; want %v", q, got, want)
		}
	}
	h.add(time.Hour)
	if got := h.quantile(1); got != 1000 {
		t.Errorf("quantile(1) = %v; want 1000, the most it can tell", got)
	}
	if got := new(histogram).quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing = %v", got)
	}
}
