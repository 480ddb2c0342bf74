package engine

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/codec/work"
	"cashew/embedded"
	"cashew/stats"
	"cashew/topology"
	"cashew/world/worldtest"
)

// sightProxy runs a Proxy with a Redis and a memcached pool before embedded servers.
func sightProxy(t *testing.T) *Proxy {
	t.Helper()
	pool := func(name string, proto codec.Protocol, addrs []string) PoolOptions {
		po := DefaultPool(name)
		po.Protocol, po.HashTag, po.ServerConnections = proto, "{}", 2
		po.Listen = Listen{Text: "127.0.0.1:0", Network: "tcp", Addr: "127.0.0.1:0"}
		po.SlowerThan, po.SlowMaxLen = 0, 20
		for i, a := range addrs {
			po.Servers = append(po.Servers, topology.ServerOptions{
				Name: fmt.Sprint(name, i), PName: a + ":1", Network: "tcp", Addr: a, Weight: 1,
			})
		}
		return po
	}
	redis, err := embedded.Start(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Stop)
	mc, err := embedded.StartMemcached(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mc.Stop)
	o := withPools(2, pool("redis", resp.New(resp.Options{}), redis.Addrs()), pool("mc", memcached.New(memcached.Options{}), mc.Addrs()))
	o.Version = "1.2.3"
	p, err := New(o, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p.patience = time.Minute
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// talk sends commands and reads so many lines of replies.
func talk(t *testing.T, p *Proxy, pool int, commands string, lines int) net.Conn {
	t.Helper()
	a := p.Addrs()[pool]
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(c, commands)
	r := bufio.NewReader(c)
	for range lines {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// until waits for what happens soon.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestSight asks a Proxy all that it tells, while clients work and after.
func TestSight(t *testing.T) {
	p := sightProxy(t)
	const clients, rounds = 8, 100
	var busy sync.WaitGroup
	for i := range clients {
		busy.Go(func() {
			redis := strings.Repeat(array("SET", "k", "value")+array("GET", "k")+array("MGET", "k", "a", "b", "c")+array("PING"), rounds)
			defer talk(t, p, 0, redis, rounds*(1+2+6+1)).Close()
			mc := strings.Repeat("set k 0 0 1\r\nv\r\nget k a b c\r\n", rounds)
			c := talk(t, p, 1, mc+"nosuch\r\n", rounds*(1+3)+1)
			if i == 0 {
				fmt.Fprint(c, "quit\r\n")
			}
			c.Close()
		})
	}
	for range 20 {
		p.Snapshot()
		p.HotKeys(10)
		p.SlowLog(-1)
		p.Clients()
	}
	busy.Wait()
	until(t, "clients are gone", func() bool {
		s := p.Snapshot()
		return s.Pools[0].ClientEOF+s.Pools[0].ClientErr == clients && s.Pools[1].ClientEOF+s.Pools[1].ClientErr == clients
	})

	s := p.Snapshot()
	if s.Version != "1.2.3" || s.Loops != 2 || len(s.Pools) != 2 || s.Panics != 0 {
		t.Fatalf("%+v", s)
	}
	conns := int64(0)
	for i, st := range s.Pools {
		keys, share := int64(0), 0.0
		reads, writes := int64(0), int64(0)
		for _, v := range st.Servers {
			if v.Requests != v.Responses || v.InQueue != 0 || v.OutQueue != 0 || v.InQueueBytes != 0 || v.OutQueueBytes != 0 {
				t.Errorf("%s: %+v", v.Name, counts(v))
			}
			conns += v.ServerConnections
			keys += v.Requests
			share += v.Share
			reads += v.Latency[work.Read].Server.Count()
			writes += v.Latency[work.Write].Server.Count()
		}
		if share < 0.999 || share > 1.001 {
			t.Errorf("%s: shares add up to %v", st.Name, share)
		}
		if writes != clients*rounds || reads+writes != keys || reads < clients*rounds {
			t.Errorf("%s: %d reads, %d writes of %d requests", st.Name, reads, writes, keys)
		}
		if st.ClientEOF != clients || st.ClientConnections != 0 || st.ClientsAccepted != clients || st.InFlight != 0 || st.Live != 2 {
			t.Errorf("%s: %+v", st.Name, st)
		}
		replies := int64(clients * rounds * [2]int{4, 2}[i])
		if i == 1 {
			replies += clients + 1 // refused, and quit that is said nothing to
		}
		if n := st.WriteBack.Count(); n != replies {
			t.Errorf("%s: %d replies; want %d", st.Name, n, replies)
		}
	}
	if s.CurrConnections != conns+2 || s.TotalConnections != conns+2+2*clients {
		t.Errorf("curr_connections %d, total_connections %d; want %d and %d for %d to servers, two listeners, %d clients",
			s.CurrConnections, s.TotalConnections, conns+2, conns+2+2*clients, conns, 2*clients)
	}
	if n := s.Pools[0].LocalCommands; n != clients*rounds {
		t.Errorf("%d local commands; want the PINGs, %d", n, clients*rounds)
	}
	if n := s.Pools[1].Refused[stats.OtherCommand]; n != clients {
		t.Errorf("what is no command was refused %d times; want %d", n, clients)
	}

	for _, pool := range []string{"redis", "mc"} {
		places := p.Explain(pool, []byte("k"))
		if len(places) != 1 {
			t.Fatalf("Explain(%s) = %v", pool, places)
		}
		want := places[0].Name
		hot := p.HotKeys(100)
		i := slices.IndexFunc(hot, func(k stats.HotKey) bool { return k.Pool == pool && k.Key == "k" })
		if i < 0 || hot[i].Server != want {
			t.Errorf("%s: hot keys %+v; want k at %s", pool, hot, want)
		}
	}
	log := p.SlowLog(-1)
	if len(log) != 40 || p.SlowLogLen() != 40 {
		t.Fatalf("%d entries in the slow log; want 20 of each pool", len(log))
	}
	for i, e := range log {
		if i > 0 && e.ID >= log[i-1].ID || e.Server == "" || e.Client == "" || e.Command == "" || time.Since(e.At) > time.Minute {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
}

// TestKillClients closes some clients, on whatever loop they are.
func TestKillClients(t *testing.T) {
	p := sightProxy(t)
	var conns []net.Conn
	for i := range 6 {
		conns = append(conns, talk(t, p, 0, array("CLIENT", "SETNAME", fmt.Sprint("c", i%2)), 1))
	}
	list := p.Clients()
	if len(list) != 6 || !slices.IsSortedFunc(list, func(a, b stats.Client) int { return int(a.ID) - int(b.ID) }) {
		t.Fatalf("clients %+v; want six", list)
	}
	for i, c := range list {
		if c.Pool != "redis" || c.Addr != conns[i].LocalAddr().String() || c.Name != fmt.Sprint("c", i%2) || c.Commands != 1 {
			t.Errorf("client %+v; want the one from %v", c, conns[i].LocalAddr())
		}
	}
	if n := p.Kill(func(c *stats.Client) bool { return c.Name == "c1" }); n != 3 {
		t.Errorf("Kill = %d; want 3", n)
	}
	for i, c := range conns {
		if i%2 == 1 {
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Errorf("client %d still gets something", i)
			}
			continue
		}
		fmt.Fprint(c, array("PING"))
		if line, err := bufio.NewReader(c).ReadString('\n'); line != "+PONG\r\n" {
			t.Errorf("client %d gets %q, %v", i, line, err)
		}
	}
	if st := p.Snapshot().Pools[0]; st.ClientConnections != 3 || st.ClientErr != 3 {
		t.Errorf("client_connections %d, client_err %d; want 3, 3", st.ClientConnections, st.ClientErr)
	}
}

// TestStuckLoop: who asks does not wait for a loop that is stuck, and is told what it last said.
func TestStuckLoop(t *testing.T) {
	p := sightProxy(t)
	for range 4 {
		talk(t, p, 0, array("PING"), 1)
	}
	before := p.Snapshot().Pools[0].LocalCommands
	gate, stuck := make(chan struct{}), make(chan struct{})
	p.loops[0].loop.Execute(func() { close(stuck); <-gate })
	<-stuck
	p.patience = 10 * time.Millisecond
	done := make(chan int64, 1)
	go func() { done <- p.Snapshot().Pools[0].LocalCommands }()
	select {
	case n := <-done:
		if n != before || before != 4 {
			t.Errorf("%d local commands, %d before; want 4", n, before)
		}
	case <-time.After(time.Minute):
		t.Error("Snapshot waits for a loop that is stuck")
	}
	if n := len(p.Clients()); n >= 4 {
		t.Errorf("%d clients; want none of the loop that is stuck", n)
	}
	close(gate)
}
