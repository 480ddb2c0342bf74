package engine

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session"
	"cashew/session/sessiontest"
	"cashew/topology"
	"cashew/world"
)

// foundOf is a cluster of these servers, in the order of their names, which share the slots in turn: slot 0 is the first's, slot 1 the next's.
func foundOf(addrs ...string) *topology.Found {
	f := &topology.Found{Slots: new(ring.Slots)}
	for _, a := range addrs {
		f.Servers = append(f.Servers, topology.ServerOptions{Name: a, PName: a + ":1", Network: "tcp", Addr: a, Weight: 1})
	}
	for s := range f.Slots {
		f.Slots[s] = uint16(s % len(addrs))
	}
	return f
}

// clustered makes a pool a cluster.
func clustered(_ *Options, po *PoolOptions) {
	po.Cluster, po.Seeds, po.Protocol = true, po.Servers, resp.New(resp.Options{Cluster: true})
}

// TestDiscovered: what a cluster says comes into force for its pool, is no reload, and outlives one.
func TestDiscovered(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := startProxy(t, ln, clustered)
	place := func() Place { return p.Explain("real", []byte("{foo}bar"))[0] } // slot 12182
	if at := place(); at.Server != "" || at.Hash != 12182 || !strings.Contains(at.Reason, "a running proxy asks") {
		t.Errorf("before anything is known: %+v", at)
	}
	c, err := net.Dial("tcp", p.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	old := p.pools()[0]
	p.discovered(old, foundOf("a:1", "b:1", "c:1"))
	if at := place(); at.Addr != "c:1" || at.Hashed != "foo" || at.HashName != "crc16" || at.Distribution != "slots" || !strings.Contains(at.Reason, "slot 12182, which c:1 has") {
		t.Errorf("three servers: %+v", at)
	}
	if n := len(p.Options().Pools[0].Servers); n != 3 || p.Options().Pools[0].Slots == nil || p.pools()[0] == old || p.ReloadStatus().Succeeded != 0 {
		t.Errorf("%d servers are in force, reloads: %+v", n, p.ReloadStatus())
	}
	p.discovered(old, foundOf("d:1"))
	if at := place(); at.Addr != "c:1" {
		t.Errorf("whoever followed a pool that is gone changed the one in force: %+v", at)
	}
	if _, err := c.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	pong := make([]byte, 7)
	if n, err := c.Read(pong); err != nil || string(pong[:n]) != "+PONG\r\n" {
		t.Errorf("a client from before is told %q, %v", pong[:n], err)
	}

	o := *p.Options()
	po := o.Pools[0]
	po.Seeds = []topology.ServerOptions{sessiontest.ServerNamed("e:1")}
	po.Servers, po.Slots = po.Seeds, nil // as a file has it
	o.Pools = []PoolOptions{po}
	changes, err := p.Reload(o)
	if err != nil {
		t.Fatal(err)
	}
	if at := place(); at.Addr != "c:1" || len(changes.Changed) != 1 || strings.Join(changes.Notes, "\n") != "pool real: changed: Seeds" {
		t.Errorf("behind a reload with other seeds: %+v, %+v", at, changes)
	}
	if st := p.Snapshot().Pools[0]; st.Cluster == nil || st.Cluster.Applied != 1 || st.Cluster.Unowned != 0 || st.Servers[0].Share < 0.33 || st.Servers[0].Share > 0.34 {
		t.Errorf("figures %+v", st.Cluster)
	}
	o = *p.Options()
	po = o.Pools[0]
	po.Cluster, po.Seeds, po.Slots, po.Servers = false, nil, nil, po.Seeds
	o.Pools = []PoolOptions{po}
	if _, err := p.Reload(o); err != nil || p.Snapshot().Pools[0].Cluster != nil || len(p.Options().Pools[0].Servers) != 1 {
		t.Errorf("a pool that is no cluster any more: %v, %+v", err, p.Options().Pools[0].Servers)
	}
}

// TestDiscoveredOrder: a client that is owed replies as slots move sends nothing more before it has them; whoever had the key may still be
// about to do what it was told.
func TestDiscoveredOrder(t *testing.T) {
	s := newSim(t, 2, func(o *Options, po *PoolOptions) {
		clustered(o, po)
		po.Slots = foundOf("s0", "s1").Slots
	})
	s.AcceptAll()
	c, idle := s.connect(), s.connect()
	key := "foo" // slot 12182, so at s0
	c.Send(array("INCR", key))
	s.Settle()
	s.Servers[0].Accept()
	s.Servers[0].Sock.Take()
	now := foundOf("s0", "s1")
	now.Slots[12182] = 1
	next, err := s.proxy.remapped(s.pool, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	next.Adopt(s.pool.Pool)
	s.Loop.Execute(func() {
		s.local.Apply(&session.Change{Limits: s.proxy.now.Load().limits(), Replaced: []session.Replaced{{Old: s.pool.Pool, New: next.Pool}}})
	})
	s.Settle()
	c.Send(array("INCR", key))
	s.Settle()
	if s.Servers[1].Dialing != nil {
		t.Error("the next command leaves before the reply to the first")
	}
	idle.Send(array("INCR", key))
	s.Settle()
	s.Servers[1].Accept()
	if got := strings.Count(s.Servers[1].Sock.Take(), "INCR"); got != 1 {
		t.Errorf("the new owner got %d commands; want that of the client that is owed nothing", got)
	}
	s.Servers[0].Reply(":1\r\n")
	s.Settle()
	if got := strings.Count(s.Servers[1].Sock.Take(), "INCR"); got != 1 {
		t.Errorf("the new owner got %d commands; want one", got)
	}
}

// BenchmarkDiscovered moves one slot of a cluster of 500 masters back and forth.
func BenchmarkDiscovered(b *testing.B) {
	var addrs []string
	for i := range 500 {
		addrs = append(addrs, fmt.Sprintf("127.0.%d.%d:1", 100+i/100, 100+i%100))
	}
	f := foundOf(addrs...)
	o := withPools(2)
	po := DefaultPool("real")
	po.Cluster, po.Protocol, po.Listen = true, resp.New(resp.Options{Cluster: true}), Listen{Text: "127.0.0.1:0", Network: "tcp", Addr: "127.0.0.1:0"}
	po.Servers, po.Seeds, po.Slots, po.ClusterRefresh = f.Servers, f.Servers[:1], f.Slots, 0
	o.Pools = []PoolOptions{po}
	p, err := New(o, world.New(time.Now()), slog.New(slog.DiscardHandler))
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer p.Stop()
	for i := uint16(0); b.Loop(); i++ {
		moved := *f.Slots
		moved[7] = i % 2
		p.discovered(p.pools()[0], &topology.Found{Servers: f.Servers, Slots: &moved, Moved: 1})
	}
}

// BenchmarkSetServers has one of 500 servers have another address: rings are built off the loops.
func BenchmarkSetServers(b *testing.B) {
	o := withPools(2)
	po := DefaultPool("real")
	po.Protocol, po.Listen, po.Discovery = resp.New(resp.Options{}), Listen{Text: "127.0.0.1:0", Network: "tcp", Addr: "127.0.0.1:0"}, "file x"
	for i := range 500 {
		addr := fmt.Sprintf("127.0.%d.%d:1", 100+i/100, 100+i%100)
		po.Servers = append(po.Servers, topology.ServerOptions{Name: fmt.Sprintf("n%03d", i), PName: addr + ":1", Network: "tcp", Addr: addr, Weight: 1})
	}
	o.Pools = []PoolOptions{po}
	p, err := New(o, world.New(time.Now()), slog.New(slog.DiscardHandler))
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer p.Stop()
	for i := 0; b.Loop(); i++ {
		list := slices.Clone(po.Servers)
		list[7].Addr = fmt.Sprintf("127.0.0.1:%d", 1+i%2)
		if err := p.SetServers("real", &po.DiscoveryOptions, list); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSetServers: what is discovered comes into force for its pool alone, is no reload, and outlives one that leaves the settings by which it was found
// as they are; with others it means nothing.
func TestSetServers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := startProxy(t, ln, func(_ *Options, po *PoolOptions) {
		po.Discovery, po.Begin = "file x", po.Servers
		po.Servers = topology.Nowhere()
	})
	of := p.Options().Pools[0].DiscoveryOptions
	if at := p.Explain("real", []byte("k"))[0]; at.Addr != "" {
		t.Errorf("before anything is known: %+v", at)
	}
	c, err := net.Dial("tcp", p.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := told(t, c, "GET k"); got != "-ERR nobody has told yet where the server is\r\n" {
		t.Errorf("before anything is known a client is told %q", got)
	}
	server := func(name, addr string) topology.ServerOptions {
		return topology.ServerOptions{Name: name, PName: addr + ":1", Network: "tcp", Addr: addr, Weight: 1}
	}
	list := []topology.ServerOptions{server("a", ln.Addr().String()), server("b", "127.0.0.1:2")}
	if err := p.SetServers("real", &of, list); err != nil {
		t.Fatal(err)
	}
	kept := p.pools()[0].Servers()[0]
	if err := p.SetServers("real", &of, []topology.ServerOptions{server("a", "127.0.0.1:3"), list[0]}); err == nil {
		if p.pools()[0].Servers()[1] != kept {
			t.Error("the server whose address stays is another")
		}
	} else {
		t.Fatal(err)
	}
	if err := p.SetServers("real", &of, []topology.ServerOptions{{Name: "a", PName: "a", Network: "tcp", Addr: "a:1", Weight: 1 << 33}}); err == nil {
		t.Error("a list of which there is no ring is taken")
	}
	if err := p.SetServers("other", &of, list); err == nil {
		t.Error("a pool that is not there has servers")
	}
	reload := func(change func(*PoolOptions)) {
		t.Helper()
		o := *p.Options()
		po := o.Pools[0]
		po.Servers = po.Begin // as a file has it
		change(&po)
		o.Pools = []PoolOptions{po}
		if _, err := p.Reload(o); err != nil {
			t.Fatal(err)
		}
	}
	reload(func(po *PoolOptions) { po.Timeout = time.Second })
	if s := p.Options().Pools[0].Servers; len(s) != 2 || s[0].Addr != "127.0.0.1:3" {
		t.Errorf("after a reload servers are %v", s)
	}
	reload(func(po *PoolOptions) { po.Discovery = "file y" })
	if s := p.Options().Pools[0].Servers; len(s) != len(of.Begin) {
		t.Errorf("after a reload with another source servers are %v", s)
	}
	if err := p.SetServers("real", &of, list); err == nil {
		t.Error("what was found by settings that are no more comes into force")
	}
}

// told sends an inline command, and returns what comes.
func told(t *testing.T, c net.Conn, command string) string {
	t.Helper()
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 256)
	n, err := c.Read(reply)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply[:n])
}
