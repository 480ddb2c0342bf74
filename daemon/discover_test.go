package daemon

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"cashew/discovery"
	"cashew/engine"
	"cashew/topology"
	"cashew/world"
)

// TestStateOfDiscovery: what a successor is told beside the tickets of TLS takes nothing from these, and a predecessor that told of tickets alone is understood.
func TestStateOfDiscovery(t *testing.T) {
	const tickets = `{"Secrets":["c2VjcmV0"],"Turned":"2026-01-02T03:04:05Z"}`
	kept := map[string]*discovery.Kept{"p": {Source: "file x", Lines: []string{"127.0.0.1:1:1 a"}}}
	state := withDiscovered([]byte(tickets), kept)
	if got := discoveredIn(state); len(got) != 1 || got["p"].Lines[0] != kept["p"].Lines[0] {
		t.Errorf("told is %v", got)
	}
	if got := string(withDiscovered([]byte(tickets), nil)); got != tickets {
		t.Errorf("with nothing to tell it is %s", got)
	}
	for _, old := range []string{tickets, "", "garbage"} {
		if got := discoveredIn([]byte(old)); len(got) > 0 {
			t.Errorf("%q tells of %v", old, got)
		}
	}
	o := engine.DefaultOptions()
	o.Tickets = state
	p, err := engine.New(o, world.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if got := string(p.Tickets()); !strings.Contains(got, "c2VjcmV0") {
		t.Errorf("the tickets are %s", got)
	}
}

// TestReloadThatFails: what a reload that comes to nothing would have had looked for is looked for no more, and what was is.
func TestReloadThatFails(t *testing.T) {
	in := startInstance(t, fromList("audit_log", "DIR/audit"))
	before := in.found.Load()
	list := func(port string) {
		t.Helper()
		if err := os.WriteFile(in.dir+"/list", []byte(in.servers[0]+":1 s0\n127.0.0.1:"+port+":1 s1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		in.await("an address to change", func() bool { return in.proxy.Options().Pools[0].Servers[1].Addr == "127.0.0.1:"+port })
	}
	list("1")
	in.wantAudited(`"event":"servers","result":"pool p has 2: `)
	in.set("listen", in.dir+"/nowhere/p")
	in.set("on_membership", "apply")
	in.write()
	if _, err := in.reload(); err == nil {
		t.Fatal("a pool listens nowhere")
	}
	if in.found.Load() != before {
		t.Error("others are looked for")
	}
	list("2")
	in.set("listen", in.dir+"/p")
	in.reloadWith("on_membership", "warn")
	if in.found.Load().followers["p"] != before.followers["p"] {
		t.Error("a reload that changes nothing has others looked for")
	}
	in.reloadWith("discovery_settle_msecs", "77")
	if in.found.Load().followers["p"] == before.followers["p"] {
		t.Error("a reload that changes a setting has the same looked for")
	}
	list("3")
	if err := in.acceptDiscovered("q"); err == nil {
		t.Error("a pool that is not there goes on with what was discovered")
	}
	if err := in.acceptDiscovered("p"); err != nil {
		t.Error(err)
	}
}

// TestUnknownKind: what no source looks for is an error of the reload, and nothing has changed.
func TestUnknownKind(t *testing.T) {
	o := engine.Options{Pools: []engine.PoolOptions{{Options: topology.Options{Name: "p", DiscoveryOptions: topology.DiscoveryOptions{Discovery: "tea leaves"}}}}}
	if _, err := (*finder)(nil).prepare(&o, nil, slog.New(slog.NewTextHandler(io.Discard, nil))); err == nil {
		t.Error("servers are looked for in tea leaves")
	}
}
