package topology

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec"
	"cashew/ring"
)

// replicated is a pool of one master and replicas, each in the zone of its letter: "ab" are two, in a and in b.
func replicated(t *testing.T, zones string, edit func(*Options)) *Pool {
	t.Helper()
	return newTestPool(t, 1, func(o *Options) {
		o.Servers[0].Zone = "m"
		for i, zone := range zones {
			r := ServerAt("r" + string(rune('0'+i)) + ":1")
			r.Of, r.Zone = o.Servers[0].Name, string(zone)
			o.Replicas = append(o.Replicas, r)
		}
		o.Zone = "a"
		if edit != nil {
			edit(o)
		}
	})
}

// answering is a loop to which all servers answer but these.
type answering []*Server

func (a answering) Failing(s *Server, _ uint64) int64 {
	if slices.Contains(a, s) {
		return 1
	}
	return 0
}

// shares are where of so many clients each reads, by the server's place; -1 is nowhere.
func shares(p *Pool, policy ReadPolicy, written int64, loop Usable) map[int]int {
	counts := map[int]int{}
	for client := range uint64(1000) {
		if s := p.Reader(0, policy, client, written, loop); s != nil {
			counts[p.Place(s)]++
		} else {
			counts[-1]++
		}
	}
	return counts
}

// TestReader: where clients read, by the policy and by who is well.
func TestReader(t *testing.T) {
	for _, tt := range []struct {
		name, zones string // of replicas
		well        string // of each + or -, or f if the loop knows that it does not answer, b if it did not before
		policy      ReadPolicy
		want        map[int]int // place to clients of a thousand, roughly
	}{
		{"none is well", "aa", "--", PreferReplica, map[int]int{0: 1000}},
		{"none is well, and only they may answer", "aa", "--", FromReplica, map[int]int{-1: 1000}},
		{"one is", "aa", "-+", PreferReplica, map[int]int{2: 1000}},
		{"one that does not answer", "aa", "+f", FromReplica, map[int]int{1: 1000}},
		{"one that did not answer before it was found well", "aa", "+b", FromReplica, map[int]int{1: 500, 2: 500}},
		{"three share", "aaa", "+++", PreferReplica, map[int]int{1: 333, 2: 333, 3: 333}},
		{"what one had two share", "aaa", "+-+", PreferReplica, map[int]int{1: 500, 3: 500}},
		{"the master, too", "aaa", "++-", FromAny, map[int]int{0: 333, 1: 333, 2: 333}},
		{"those near", "abab", "++++", NearestZone, map[int]int{1: 500, 3: 500}},
		{"half of those near", "aabb", "+-++", NearestZone, map[int]int{1: 1000}},
		{"a third of those near", "aaab", "+--+", NearestZone, map[int]int{1: 666, 0: 167, 4: 167}},
		{"none near, so the others and the master", "ab", "-+", NearestZone, map[int]int{0: 500, 2: 500}},
		{"nobody is near", "bb", "++", NearestZone, map[int]int{0: 333, 1: 333, 2: 333}},
		{"the master is near", "bm", "++", NearestZone, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := replicated(t, tt.zones, func(o *Options) {
				if tt.want == nil {
					o.Zone, tt.want = "m", map[int]int{0: 500, 2: 500}
				}
			})
			var fails answering
			for i, is := range tt.well {
				s := p.Replicas()[i]
				s.well.Store(is != '-')
				s.freshTo.Store(10)
				if is == 'f' || is == 'b' {
					fails = append(fails, s)
				}
				if is == 'b' {
					s.seenAt.Store(2)
				}
			}
			got := shares(p, tt.policy, 0, fails)
			for place := -1; place <= len(tt.zones); place++ {
				if d := got[place] - tt.want[place]; d < -60 || d > 60 {
					t.Errorf("they read at %v; want %v", got, tt.want)
					break
				}
			}
			if got := shares(p, tt.policy, 10, fails); got[0]+got[-1] != 1000 || tt.policy != FromReplica && got[-1] > 0 {
				t.Errorf("what no replica has is read at %v", got)
			}
		})
	}
}

// TestReaderStays: a client reads where it did as long as that is well, whatever becomes of others.
func TestReaderStays(t *testing.T) {
	p := replicated(t, "aaa", nil)
	for _, s := range p.Replicas() {
		s.well.Store(true)
		s.freshTo.Store(1)
	}
	for client := range uint64(100) {
		first := p.Reader(0, PreferReplica, client, 0, answering{})
		for _, s := range p.Replicas() {
			if s != first {
				s.well.Store(false)
				if p.Reader(0, PreferReplica, client, 0, answering{}) != first {
					t.Errorf("client %d goes elsewhere", client)
				}
				s.well.Store(true)
			}
		}
	}
}

// TestReplicaSaid: what a replica says makes it well or not, and tells how far it is behind.
func TestReplicaSaid(t *testing.T) {
	const second = int64(time.Second)
	said := func(offset int64) codec.Replication {
		return codec.Replication{History: "h", Offset: offset, Linked: true}
	}
	with := func(r codec.Replication, change func(*codec.Replication)) codec.Replication {
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name  string
		said  codec.Replication
		fresh int64         // seconds
		lag   time.Duration // below 0: not known
		why   string        // "": it is well
	}{
		{"it has all", said(30), 3, 0, ""},
		{"it has more than was known", said(99), 3, 0, ""},
		{"it is behind", said(29), 2, time.Second, ""},
		{"it is too far behind", said(10), 1, 2 * time.Second, "it is 2s behind"},
		{"it was behind all that is known", said(9), 0, -1, "how far it is behind is not known"},
		{"it loads", with(said(30), func(r *codec.Replication) { r.Loading = true }), 3, 0, "it is loading"},
		{"it is given all", with(said(30), func(r *codec.Replication) { r.Syncing, r.Linked = true, false }), 3, 0, "it is being given all that its master has"},
		{"it is a master", with(said(30), func(r *codec.Replication) { r.IsMaster = true }), 3, 0, "it is no replica, but a master"},
		{"it is another's", with(said(30), func(r *codec.Replication) { r.History = "x" }), 0, -1, "it is a replica of another master than "},
		{"it lost its master", with(said(20), func(r *codec.Replication) { r.Linked = false }), 2, time.Second, ""},
		{"it never had one", codec.Replication{History: "x"}, 0, -1, "how far it is behind is not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := replicated(t, "a", func(o *Options) { o.MaxLag = 1500 * time.Millisecond })
			for at := int64(1); at <= 3; at++ {
				p.MasterSaid(p.Servers()[0], at*second, &codec.Replication{IsMaster: true, History: "h", Offset: at * 10})
			}
			r := p.Replicas()[0]
			p.ReplicaSaid(r, 3*second, &tt.said)
			state := p.ReplicaState(r)
			if state.Well != (tt.why == "") || !strings.HasPrefix(state.Why, tt.why) || max(state.Lag, -1) != tt.lag || r.freshTo.Load() != tt.fresh*second {
				t.Errorf("%+v, fresh to %v", state, time.Duration(r.freshTo.Load()))
			}
		})
	}
}

// TestHistory: what a master was before it began anew, or was none, says nothing.
func TestHistory(t *testing.T) {
	p := replicated(t, "a", nil)
	m := p.Servers()[0]
	p.MasterSaid(m, 1, &codec.Replication{IsMaster: true, History: "h", Offset: 10})
	p.MasterSaid(m, 2, &codec.Replication{History: "h", Offset: 5}) // a replica
	if at, _ := m.history.reached("h", 7); at != 0 {
		t.Errorf("reached %d", at)
	}
	p.MasterSaid(m, 3, &codec.Replication{IsMaster: true, History: "i", Offset: 1})
	if at, same := m.history.reached("h", 10); at != 0 || same {
		t.Errorf("of another history %d is reached", at)
	}
	const times = 100_000
	for at := range int64(times) {
		p.MasterSaid(m, 10+at, &codec.Replication{IsMaster: true, History: "i", Offset: 100 + at})
	}
	if n := len(m.history.list); n > maxHistory {
		t.Errorf("%d moments are kept", n)
	}
	for _, behind := range []int64{0, 50, 1000, 50_000, 99_000} { // known at least to a half more
		if at, same := m.history.reached("i", 100+times-1-behind); !same || at > 10+times-1-behind || at < 10+times-1-behind-behind/2-1 {
			t.Errorf("%d behind, %d is reached", behind, at)
		}
	}
	p.MasterSaid(m, 2*times, &codec.Replication{IsMaster: true, History: "i", Offset: 100 + times - 1})
	if at, _ := m.history.reached("i", 100+times-1); at != 2*times {
		t.Errorf("nothing is written, and %d is reached", at)
	}
}

// TestReplicasOverReloads: what is known of a replica stays with it as long as its master does.
func TestReplicasOverReloads(t *testing.T) {
	p := replicated(t, "ab", nil)
	for _, s := range p.Replicas() {
		s.well.Store(true)
		s.freshTo.Store(7)
	}
	r0, r1 := p.Replicas()[0], p.Replicas()[1]
	next := func(edit func(*Options)) *Pool {
		o := *p.Options()
		o.Servers, o.Replicas = slices.Clone(o.Servers), slices.Clone(o.Replicas)
		edit(&o)
		n, err := p.Successor(o)
		if err != nil {
			t.Fatal(err)
		}
		n.Adopt(p)
		p = n
		return n
	}
	n := next(func(o *Options) { o.Zone = "b" })
	if n.Replicas()[0] != r0 || !r0.Well() || r0.freshTo.Load() != 7 || !n.IsReplica(r0) || n.IsReplica(n.Servers()[0]) {
		t.Error("a replica is another, or forgotten, though its master stays")
	}
	was := n.Servers()[0]
	n = next(func(o *Options) { // r0 takes the master's place
		o.Servers[0].Addr, o.Replicas[0].Addr = o.Replicas[0].Addr, o.Servers[0].Addr
	})
	if n.Servers()[0] != r0 || n.Replicas()[0] != was || n.IsReplica(r0) || !n.IsReplica(was) {
		t.Error("those that change places are others")
	}
	if was.Well() || r1.Well() || r1.freshTo.Load() != 0 {
		t.Error("a replica of another master than before gets reads before it was looked at")
	}
	r1.well.Store(true)
	n.Failure(r1, "it failed")
	if r1.Well() || n.ReplicaState(r1).Why != "it failed" || n.Ejections() != 0 {
		t.Errorf("a replica that failed is %+v", n.ReplicaState(r1))
	}
}

// TestZones: the most specific of what the file says tells where a server is.
func TestZones(t *testing.T) {
	o := Options{ReadOptions: ReadOptions{Zones: []ZoneRule{
		{Of: "10.0.0.0/8", Net: netip.MustParsePrefix("10.0.0.0/8"), Zone: "a"},
		{Of: "10.1.0.0/16", Net: netip.MustParsePrefix("10.1.0.0/16"), Zone: "b"},
		{Of: "10.1.0.1", Zone: "c"},
		{Of: "10.1.0.1:7", Zone: "d"},
		{Of: "host", Zone: "e"},
		{Of: "/tmp/s", Zone: "f"},
	}}}
	for addr, want := range map[string]string{
		"10.9.9.9:1": "a", "10.1.9.9:1": "b", "10.1.0.1:1": "c", "10.1.0.1:7": "d", "host:1": "e", "/tmp/s": "f", "11.0.0.1:1": "", "other:1": "",
	} {
		if got := o.zoneOf(&ServerOptions{Addr: addr}); got != want {
			t.Errorf("%s is in %q; want %q", addr, got, want)
		}
	}
	if got := o.zoneOf(&ServerOptions{Addr: "10.1.0.1:7", Zone: "own"}); got != "own" {
		t.Errorf("a server with a zone of its own is in %q", got)
	}
}

// TestMastersReplicas: the replicas that sentinels tell of are those of who says where the master is.
func TestMastersReplicas(t *testing.T) {
	p := newTestPool(t, 1, func(o *Options) {
		o.Sentinels, o.Servers[0].Master, o.Servers[0].Addr = []ServerOptions{ServerAt("s:1")}, "m", "a:1"
		o.ReadsByOp = []ReadPolicy{FromAny}
	})
	m := &p.registry.masters
	m.follow(p)
	tell := func(addr string, replicas ...string) codec.Master {
		return codec.Master{Name: "m", Addr: addr, Epoch: 1, Replicas: replicas}
	}
	p.learnMasters([]answer{{masters: []codec.Master{tell("a:1", "c:1", "b:1")}}, {masters: []codec.Master{tell("z:1", "y:1")}}, {masters: []codec.Master{tell("a:1", "b:1", "a:1")}}})
	f := p.moves()
	if f == nil || len(f.Replicas) != 2 || f.Replicas[0].Addr != "b:1" || f.Replicas[1].Addr != "c:1" || f.Replicas[0].Of != p.opts.Servers[0].Name {
		t.Fatalf("found %+v", f)
	}
	p, err := p.Discovered(f)
	if err != nil {
		t.Fatal(err)
	}
	if f := p.moves(); f != nil {
		t.Errorf("nothing is new, and yet %+v", f)
	}
}

// TestCopies: a replica is its master's by its own word, or else by another's, and none that has slots.
func TestCopies(t *testing.T) {
	a, b := viewOf(t, "a: a=1:0-4 b=2:5-9 r= q="), viewOf(t, "r: a=1:0-4 b=2:5-9 r= q=")
	a.view.Copies = []codec.Copy{{ID: "r", Addr: "r:1", Of: "a"}, {ID: "q", Addr: "q:1", Of: "a"}, {ID: "x", Addr: "x:1", Of: "nobody"}, {ID: "b", Addr: "b:1", Of: "a"}}
	b.view.Copies = []codec.Copy{{ID: "r", Addr: "r:1", Of: "b"}}
	m := merge(nil, []answer{a, b}, false).next
	servers, _ := m.lineup()
	got := ""
	for _, r := range m.replicas(servers) {
		got += r.Addr + ">" + r.Of + " "
	}
	if got != "q:1>a:1 r:1>b:1 " {
		t.Errorf("replicas are %q", got)
	}
}

// TestSlotsMoved: what came to a master with a slot, its replicas have to have before they are asked.
func TestSlotsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 2, func(o *Options) {
			o.Cluster, o.Slots, o.AutoEjectHosts = true, new(ring.Slots), false
			r := ServerAt("r:1")
			r.Of = o.Servers[0].Name
			o.Replicas = append(o.Replicas, r)
		})
		fresh := func() {
			at := p.world.Nanos()
			p.MasterSaid(p.Servers()[0], at, &codec.Replication{IsMaster: true, History: "h", Offset: at})
			p.ReplicaSaid(p.Replicas()[0], at, &codec.Replication{History: "h", Offset: at, Linked: true})
		}
		asks := func(want bool) {
			t.Helper()
			if got := p.Reader(0, PreferReplica, 1, 0, answering{}) != p.Servers()[0]; got != want {
				t.Errorf("the replica is asked: %v; want %v", got, want)
			}
		}
		change := func(f *Found) {
			f.Servers, f.Replicas = p.opts.Servers, p.opts.Replicas
			next, err := p.Discovered(f)
			if err != nil {
				t.Fatal(err)
			}
			next.Adopt(p)
			p = next
		}
		time.Sleep(time.Second)
		fresh()
		asks(true)
		change(&Found{Slots: p.opts.Slots})
		asks(true)
		time.Sleep(time.Second)
		change(&Found{Slots: p.opts.Slots, Moved: 1})
		asks(false)
		time.Sleep(time.Millisecond)
		fresh()
		asks(true)
	})
}

// TestToldZone: where nothing is configured a server is where it says itself.
func TestToldZone(t *testing.T) {
	p := replicated(t, "bb", func(o *Options) { o.Replicas[1].Zone = "" })
	far, near := p.Replicas()[0], p.Replicas()[1]
	p.MasterSaid(p.Servers()[0], 1, &codec.Replication{IsMaster: true, History: "h"})
	for _, s := range []*Server{far, near} {
		p.ReplicaSaid(s, 1, &codec.Replication{History: "h", Linked: true, Zone: "a"})
	}
	if got := p.ReplicaState(near).Zone + p.ReplicaState(far).Zone; got != "ab" {
		t.Errorf("they are in %q", got)
	}
	for client := range uint64(50) {
		if p.Reader(0, NearestZone, client, 0, answering{}) != near {
			t.Fatalf("client %d reads elsewhere", client)
		}
	}
}
