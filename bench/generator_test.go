package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

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
		})
	}
}

func testGenerate(t *testing.T, p protocol, addr string, tests []string) {
	if err := prefill(t.Context(), p, addr, 100, 10); err != nil {
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
