package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cashew/embedded"
)

// The generator asks for the keys that prefill has written, on servers inside this process and on real ones.
func TestGenerate(t *testing.T) {
	tests := map[string][]string{
		"redis":     {"get", "mget3", "mixed", "set", "mset3", "get"},
		"memcached": {"get", "get3", "mixed", "set", "get"},
	}
	for _, p := range protocols {
		t.Run(p.name()+" embedded", func(t *testing.T) {
			start := embedded.Start
			if !p.redis() {
				start = embedded.StartMemcached
			}
			servers, err := start(1)
			if err != nil {
				t.Fatal(err)
			}
			defer servers.Stop()
			testGenerate(t, p, servers.Addrs()[0], tests[p.name()])
		})
		t.Run(p.name(), func(t *testing.T) {
			if _, err := exec.LookPath(p.binaries()[0]); err != nil {
				t.Skip(err)
			}
			ps := &processes{dir: t.TempDir()}
			defer ps.stopAll()
			servers, err := ps.startServers(t.Context(), p, 1, 100)
			if err != nil {
				t.Fatal(err)
			}
			testGenerate(t, p, servers[0].addr, tests[p.name()])
			if p.name() == "redis" {
				testForms(t, p, servers[0].addr)
			}
		})
	}
}

// testForms is testGenerate for what is neither a set nor a get.
func testForms(t *testing.T, p protocol, addr string) {
	if err := talk(t.Context(), addr, time.Minute, p.flushAll); err != nil {
		t.Fatal(err)
	}
	if err := prefill(t.Context(), workload{Protocol: p.name(), Keys: 10, ValueBytes: 3, Fields: 7}, addr); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args           string
		requests, hits int
	}{
		{"-test hgetall7 -clients 3 -pipeline 5 -requests 100 -keys 10 -size 3", 100, 100},
		{"-test multi -clients 3 -pipeline 5 -requests 100 -keys 10 -size 3", 100, 100},
		{"-test publish -clients 30 -pipeline 1 -requests 100 -size 3", 90, 0},
		{"-test publish -clients 30 -pipeline 16 -requests 1000 -size 3000", 960, 0},
	} {
		var out bytes.Buffer
		if err := generate(strings.Fields("-protocol redis -addr "+addr+" "+c.args), &out); err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		var g generated
		if err := json.Unmarshal(out.Bytes(), &g); err != nil || g.Requests != c.requests || g.Hits != c.hits || g.Misses != 0 || !(g.P50 > 0) || !(g.RPS > 0) {
			t.Errorf("%s: %s, %v", c.args, out.String(), err)
		}
	}
	var out bytes.Buffer
	if err := generate(strings.Fields("-protocol redis -test hgetall8 -keys 10 -size 3 -addr "+addr), &out); err == nil {
		t.Error("a hash with other fields than it is to have is taken for one")
	}
}

func testGenerate(t *testing.T, p protocol, addr string, tests []string) {
	w := workload{Protocol: p.name(), Keys: 100, ValueBytes: 10}
	if err := prefill(t.Context(), w, addr); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		for _, more := range []string{"-clients 3 -pipeline 16", "-clients 10 -rate 10000"} {
			args := "-addr " + addr + " -protocol " + p.name() + " -test " + test + " -requests 1000 -keys 100 -size 10 " + more
			var out bytes.Buffer
			if err := generate(strings.Fields(args), &out); err != nil {
				t.Errorf("generate(%s): %v", args, err)
				continue
			}
			var g generated
			if err := json.Unmarshal(out.Bytes(), &g); err != nil {
				t.Fatalf("generate(%s) prints %q: %v", args, out.String(), err)
			}
			found := g.Hits > 0
			if strings.Contains(test, "set") {
				found = g.Hits == 0
			}
			if g.Requests != 1000 || g.Misses != 0 || !found {
				t.Errorf("generate(%s) = %+v", args, g)
			}
		}
	}
}
