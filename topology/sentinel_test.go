package topology

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec"
	"cashew/ring"
)

// TestMasterLearns: which of what sentinels say of a master is believed.
func TestMasterLearns(t *testing.T) {
	at := func(addr string, epoch uint64) codec.Master { return codec.Master{Name: "m", Addr: addr, Epoch: epoch} }
	type said = []codec.Master
	rounds := func(n int, of said) (all []said) {
		for range n {
			all = append(all, of)
		}
		return all
	}
	for name, c := range map[string]struct {
		was    master
		rounds []said
		want   string
	}{
		"the first":                         {master{}, []said{{at("a", 0)}}, "a"},
		"most of the first":                 {master{}, []said{{at("a", 0), at("b", 0), at("b", 0)}}, "b"},
		"the newest of the first":           {master{}, []said{{at("a", 2), at("b", 1), at("b", 1)}}, "a"},
		"a newer one, of one":               {master{addr: "a", epoch: 1}, []said{{at("a", 1), at("b", 2), at("a", 1)}}, "b"},
		"an older one":                      {master{addr: "a", epoch: 2}, rounds(settledAfter-1, said{at("b", 1), at("b", 1)}), "a"},
		"an older one, of one, for long":    {master{addr: "a", epoch: 2}, rounds(50, said{at("b", 1)}), "a"},
		"an older one, of most, for long":   {master{addr: "a", epoch: 2}, rounds(settledAfter, said{at("b", 1), at("b", 1)}), "b"},
		"the same epoch, elsewhere":         {master{addr: "a", epoch: 2}, []said{{at("b", 2)}}, "a"},
		"an older one, not of all":          {master{addr: "a", epoch: 2}, rounds(50, said{at("b", 1), at("b", 1), at("a", 2)}), "a"},
		"other sentinels":                   {master{addr: "a", epoch: 9, foreign: true}, []said{{at("b", 1)}}, "b"},
		"early, before sentinels know":      {master{addr: "b", epoch: 1, early: 100}, rounds(50, said{at("a", 1), at("a", 1)}), "b"},
		"early, and sentinels say so":       {master{addr: "b", epoch: 1, early: 100}, []said{{at("b", 2)}, {at("a", 1)}}, "b"},
		"early, and nothing came of it":     {master{addr: "b", epoch: 1, early: 5}, []said{{at("a", 1)}}, "a"},
		"early, and another is the newest":  {master{addr: "b", epoch: 1, early: 100}, []said{{at("c", 2)}}, "c"},
		"nobody is asked for what is known": {master{addr: "a", epoch: 1}, nil, "a"},
	} {
		k := c.was
		for _, r := range c.rounds {
			k.learn(r, 2, 10)
		}
		if k.addr != c.want {
			t.Errorf("%s: it is at %s; want %s", name, k.addr, c.want)
		}
	}
}

// TestEarly: a master that is one by its own word has no epoch until a sentinel tells of it, and none is told.
func TestEarly(t *testing.T) {
	p := newTestPool(t, 1, func(o *Options) {
		o.Sentinels, o.Servers[0].Master, o.Servers[0].Addr = []ServerOptions{ServerAt("s:1")}, "m", "a:1"
	})
	m := &p.registry.masters
	m.follow(p)
	m.of["m"].epoch = 2
	if f := p.moves(); f != nil {
		t.Errorf("nothing is new, and yet %+v", f)
	}
	m.promoted(p, "m", "b:1")
	if f := p.moves(); f == nil || !f.Early || f.Epoch != 0 || f.Servers[0].Addr != "b:1" {
		t.Errorf("by its own word: %+v", f)
	}
	m.of["m"].learn([]codec.Master{{Name: "m", Addr: "b:1", Epoch: 3}}, 1, 10)
	if f := p.moves(); f == nil || f.Early || f.Epoch != 3 {
		t.Errorf("by a sentinel's: %+v", f)
	}
}

// TestForgetCluster: a pool that was a cluster, and has sentinels now, asks them as often as any other, and them alone.
func TestForgetCluster(t *testing.T) {
	p := newTestPool(t, 1, func(o *Options) { o.Cluster = true })
	d := &p.registry.discovery
	d.follow([]ServerOptions{ServerAt("a:1")})
	d.choose(nil, p.world)
	d.answered("a:1", nil)
	d.mu.Lock()
	d.known, d.doubts = merge(nil, []answer{viewOf(t, "a: a=1:0-9")}, false).next, []string{"a:1"}
	d.mu.Unlock()
	p.opts.Cluster, p.opts.Sentinels = false, []ServerOptions{ServerAt("s:1")}
	d.forgetCluster()
	d.follow(p.opts.Sentinels)
	if asked := d.choose(nil, p.world); len(asked) != 1 || asked[0].Addr != "s:1" {
		t.Errorf("%v are asked", asked)
	}
	if wait := p.untilRound(); wait < sentinelRefresh*8/10 {
		t.Errorf("the next round is due in %v; want %v, give or take a tenth", wait, sentinelRefresh)
	}
}

// TestOtherMasters: what happens to masters that a pool does not have is not its matter.
func TestOtherMasters(t *testing.T) {
	p := newTestPool(t, 1, func(o *Options) { o.Sentinels, o.Servers[0].Master = []ServerOptions{ServerAt("s:1")}, "m" })
	p.registry.masters.follow(p)
	for _, c := range []struct {
		master string
		calls  bool
	}{{"other", false}, {"m", true}, {"", true}} {
		p.registry.discovery.told.Store(false)
		for _, kind := range []codec.EventKind{codec.Changed, codec.Settled} {
			p.registry.masters.happened(codec.Event{Kind: kind, Master: c.master})
		}
		if got := p.registry.discovery.told.Load(); got != c.calls {
			t.Errorf("%q: a round is called for: %v", c.master, got)
		}
	}
}

// TestForgetMasters: a reload that takes the sentinels away has nobody listen to them, nor hold what is written.
func TestForgetMasters(t *testing.T) {
	p := newTestPool(t, 1, func(o *Options) { o.Sentinels, o.Servers[0].Master = []ServerOptions{ServerAt("s:1")}, "m" })
	m := &p.registry.masters
	m.follow(p)
	m.happened(codec.Event{Kind: codec.Promoting, Master: "m"})
	if !p.Servers()[0].Held() || !m.hears("s:1") {
		t.Fatal("nothing is held, or nobody is heard")
	}
	o := *p.Options()
	o.Sentinels, o.Servers = nil, []ServerOptions{ServerAt(o.Servers[0].Addr)}
	o.Servers[0].Name = p.Options().Servers[0].Name
	next, err := p.Successor(o)
	if err != nil {
		t.Fatal(err)
	}
	next.Adopt(p)
	if m.hears("s:1") {
		t.Error("somebody listens")
	}
	m.happened(codec.Event{Kind: codec.Promoting, Master: "m"})
	if next.Servers()[0] != p.Servers()[0] || next.Servers()[0].Held() {
		t.Errorf("the same server: %v; held: %v", next.Servers()[0] == p.Servers()[0], next.Servers()[0].Held())
	}
}

// TestMovesAfterReload: a pool that a reload makes a cluster knows which of its slots move.
func TestMovesAfterReload(t *testing.T) {
	p := newTestPool(t, 1, nil)
	p.Moves(5)
	o := *p.Options()
	o.Cluster, o.Slots = true, new(ring.Slots)
	next, err := p.Successor(o)
	if err != nil {
		t.Fatal(err)
	}
	next.Adopt(p)
	if next.MovingSlot(0, 5) {
		t.Error("a slot moves that nobody asked for")
	}
	if next.Moves(5); !next.MovingSlot(0, 5) || p.MovingSlot(0, 5) {
		t.Error("a slot that moves is not known to, or is in a pool that is no cluster")
	}
}

// TestHeardInSilence: a sentinel that has nothing to say is asked for a word over the connection on which it is heard, and that stays: what it
// published while there is none would be missed.
func TestHeardInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 1, func(o *Options) {
			o.Sentinels, o.Servers[0].Master, o.Servers[0].Addr = []ServerOptions{ServerAt("s:1")}, "m", "a:1"
		})
		p.registry.masters.follow(p)
		ours, theirs := net.Pipe()
		over := make(chan struct{})
		go func() {
			p.hear(ours, "s:1")
			_ = ours.Close()
			close(over)
		}()
		for i := range 4 {
			_ = theirs.SetDeadline(time.Now().Add(2 * pingTicks * listenTick))
			asked := make([]byte, len(p.opts.Protocol.Probe()))
			if _, err := io.ReadFull(theirs, asked); err != nil {
				t.Fatalf("it is not asked the %d. time: %v", i+1, err)
			}
			if _, err := io.WriteString(theirs, "*2\r\n$4\r\npong\r\n$0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		_ = theirs.Close()
		<-over
	})
}
