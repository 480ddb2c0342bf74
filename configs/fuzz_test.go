package configs

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cashew/engine"
	"cashew/topology"
)

func FuzzParse(f *testing.F) {
	for _, s := range slices.Concat(validSamples, wrongSamples) {
		f.Add([]byte(s.file))
	}
	f.Add([]byte(manyMistakes))
	examples, err := filepath.Glob("*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range examples {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse(testFile, data, testLookup)
		if err == nil {
			checkInvariants(t, file)
			return
		}
		var ps Problems
		if file != nil || !errors.As(err, &ps) {
			t.Fatalf("Parse(%q) = %v, %v; want Problems", data, file, err)
		}
		checkProblems(t, string(data), ps)
	})
}

// checkInvariants checks what holds for any valid file.
func checkInvariants(t *testing.T, f *File) {
	t.Helper()
	o := &f.Options
	if o.Loops < 0 || o.ReadBufferBytes <= 0 || o.ReadBufferBytes&(o.ReadBufferBytes-1) != 0 || o.MaxPipeline <= 0 || o.MaxRequestBytes <= 0 {
		t.Errorf("global options are %+v", o)
	}
	if len(o.Pools) == 0 {
		t.Error("no pools")
	}
	listens := make(map[string]bool)
	for i, p := range o.Pools {
		if p.Name == "" || i > 0 && !before(o.Pools[i-1].Name, p.Name) {
			t.Errorf("pool %q is out of order", p.Name)
		}
		if p.Protocol == nil {
			t.Errorf("pool %q has no protocol", p.Name)
		}
		if p.Listen.Text == "" && !slices.ContainsFunc(o.Pools, func(q engine.PoolOptions) bool { return q.Name != p.Name && q.LeadsTo(p.Name) }) {
			t.Errorf("pool %q does not listen, and none leads to it", p.Name)
		}
		if p.Listen.Text != "" && listens[p.Listen.Text] {
			t.Errorf("pool %q: listen %q twice", p.Name, p.Listen.Text)
		}
		listens[p.Listen.Text] = true
		if p.Listen.Text != "" {
			checkAddr(t, p.Listen.Network, p.Listen.Addr)
		}
		if p.Listen.Mode > 0o777 {
			t.Errorf("pool %q: mode %o", p.Name, p.Listen.Mode)
		}
		if p.ServerConnections < 1 || p.ServerFailureLimit < 0 || p.Backlog < 0 || p.ClientConnections < 0 || p.Timeout < 0 || p.ServerRetryTimeout < 0 {
			t.Errorf("pool %q: numbers are %+v", p.Name, p)
		}
		if len(p.HashTag) != 0 && len(p.HashTag) != 2 {
			t.Errorf("pool %q: hash tag %q", p.Name, p.HashTag)
		}
		for j, s := range p.Servers {
			if s.Weight < 1 || s.PName == "" || j > 0 && !before(p.Servers[j-1].Name, s.Name) {
				t.Errorf("pool %q: server %+v", p.Name, s)
			}
			if s.Master == "" { // else sentinels say where it is
				checkAddr(t, s.Network, s.Addr)
			}
		}
		if len(p.Servers) == 0 {
			t.Errorf("pool %q has no servers", p.Name)
		}
		if _, err := topology.BuildRing(&p.Options, nil, nil); err != nil {
			t.Errorf("pool %q: %v", p.Name, err)
		}
	}
	for _, w := range f.Warnings {
		if strings.ContainsAny(w, "\r\n") {
			t.Errorf("warning %q is not one line", w)
		}
	}
}

func checkAddr(t *testing.T, network, addr string) {
	t.Helper()
	switch network {
	case "unix":
		if !strings.HasPrefix(addr, "/") {
			t.Errorf("unix socket %q", addr)
		}
	case "tcp":
		i := strings.LastIndexByte(addr, ':')
		port, err := strconv.Atoi(addr[i+1:])
		if err != nil || port < 1 || port > 65535 {
			t.Errorf("address %q has no port", addr)
		}
		if host, _, err := net.SplitHostPort(addr); err == nil && host == "" {
			t.Errorf("address %q has no host", addr)
		}
	default:
		t.Errorf("network %q", network)
	}
}

// before says that twemproxy sorts the name a before b, among pools and among a pool's servers: shorter ones first.
func before(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }
