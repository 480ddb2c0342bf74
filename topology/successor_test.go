package topology

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cashew/world/worldtest"
)

func TestMatch(t *testing.T) {
	s := func(name, addr string) ServerOptions {
		return ServerOptions{Name: name, PName: addr, Network: "tcp", Addr: addr, Weight: 1}
	}
	for _, c := range []struct {
		name     string
		old, new []ServerOptions
		want     []int
	}{
		{"the same", []ServerOptions{s("a", "1"), s("b", "2")}, []ServerOptions{s("a", "1"), s("b", "2")}, []int{0, 1}},
		{"another order", []ServerOptions{s("a", "1"), s("b", "2")}, []ServerOptions{s("b", "2"), s("a", "1")}, []int{1, 0}},
		{"one more", []ServerOptions{s("b", "2")}, []ServerOptions{s("a", "1"), s("b", "2")}, []int{-1, 0}},
		{"another name", []ServerOptions{s("a", "1")}, []ServerOptions{s("c", "1")}, []int{0}},
		{"another address", []ServerOptions{s("a", "1")}, []ServerOptions{s("a", "2")}, []int{-1}},
		{"names swapped", []ServerOptions{s("a", "1"), s("b", "2")}, []ServerOptions{s("b", "1"), s("a", "2")}, []int{0, 1}},
		{"two at one address, one with another name", []ServerOptions{s("a", "1"), s("b", "1")}, []ServerOptions{s("a", "1"), s("c", "1")}, []int{0, 1}},
		{"two at one address", []ServerOptions{s("a", "1"), s("b", "1")}, []ServerOptions{s("b", "1"), s("c", "1"), s("d", "1")}, []int{1, 0, -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := match(c.new, c.old); !slices.Equal(got, c.want) {
				t.Errorf("match = %v; want %v", got, c.want)
			}
		})
	}
}

// successor is old's with n servers, s0 and so on, before it counts.
func successor(t *testing.T, old *Pool, n int, edit func(*Options)) *Pool {
	t.Helper()
	p, err := old.Successor(testOptions(n, edit))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSuccessor: a server that stays is the same *Server in its slot, and a new one gets the lowest slot that is free. Nothing has
// changed before Adopt.
func TestSuccessor(t *testing.T) {
	list := func(names string) func(*Options) {
		return func(o *Options) {
			for _, c := range names {
				o.Servers = append(o.Servers, ServerOptions{Name: string(c), PName: "p" + string(c), Network: "tcp", Addr: string(c), Weight: 1})
			}
		}
	}
	p := newTestPool(t, 0, list("abc"))
	for _, c := range []struct {
		names string
		slots []int
		want  int // slots that tables need
	}{
		{"abc", []int{0, 1, 2}, 3},
		{"abcd", []int{0, 1, 2, 3}, 4},
		{"dba", []int{3, 1, 0}, 4},
		{"eafg", []int{1, 0, 2, 3}, 4}, // b and d went, as c had
		{"g", []int{3}, 4},
		{"hi", []int{0, 1}, 2},
	} {
		before := make(map[string]*Server)
		for _, s := range p.Servers() {
			before[s.Addr] = s
		}
		next := successor(t, p, 0, list(c.names))
		var slots []int
		for place, s := range next.Servers() {
			slots = append(slots, s.Slot())
			if was := before[s.Addr]; was != nil && was != s {
				t.Errorf("%s: server %s is another", c.names, s.Addr)
			}
			if next.Entry(s) != &next.opts.Servers[place] {
				t.Errorf("%s: the entry of %s is %+v", c.names, s.Addr, next.Entry(s))
			}
		}
		if !slices.Equal(slots, c.slots) || next.Slots() != c.want {
			t.Errorf("%s: slots %v of %d; want %v of %d", c.names, slots, next.Slots(), c.slots, c.want)
		}
		if len(p.Servers()) != len(before) || p.health.stopped.Load() {
			t.Errorf("%s: its predecessor has changed", c.names)
		}
		next.Adopt(p)
		p = next
	}
	if _, err := p.Successor(testOptions(2, func(o *Options) { o.Hash = "nosuch" })); err == nil {
		t.Error("Successor accepts an unknown hash")
	}
	if other := newTestPool(t, 0, list("hi")); other.Servers()[0] == p.Servers()[0] {
		t.Error("two pools share a server")
	}
}

// TestAdoptHealth: an ejected server comes back when the pool that it was ejected from would have had it back, to the one
// that took its place, and nothing happens in the former any more.
func TestAdoptHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newTestPool(t, 2, nil)
		var asked atomic.Int32
		old.opts.Probe = func(*ServerOptions) error { asked.Add(1); return nil }
		old.Failure(old.servers[0], "it failed")
		old.Failure(old.servers[0], "it failed")
		time.Sleep(20 * time.Second)
		var well atomic.Bool
		p := successor(t, old, 3, func(o *Options) {
			o.Probe = func(*ServerOptions) error {
				if !well.Load() {
					return errors.New("not yet")
				}
				return nil
			}
		})
		p.Adopt(old)
		if p.Live() != 2 || p.Router().Live() != 2 || !p.servers[0].Down() || p.Ejections() != 1 {
			t.Fatalf("live %d, in the ring %d, ejections %d", p.Live(), p.Router().Live(), p.Ejections())
		}
		if _, at := p.servers[0].State(); at == 0 {
			t.Error("when it was ejected is forgotten")
		}
		time.Sleep(9 * time.Second)
		well.Store(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if p.Live() != 3 || p.Router().Live() != 3 || asked.Load() != 0 {
			t.Errorf("30 s after the ejection: live %d, in the ring %d, the former pool asked %d times", p.Live(), p.Router().Live(), asked.Load())
		}
		off := successor(t, p, 3, func(o *Options) { o.AutoEjectHosts = false })
		p.Failure(p.servers[1], "it failed")
		p.Failure(p.servers[1], "it failed")
		off.Adopt(p)
		state, at := off.servers[1].State()
		if off.Live() != 3 || off.Router().Live() != 3 || state != "live" || at == 0 {
			t.Errorf("a pool that ejects nobody: live %d, in the ring %d; %s, ejected at %d", off.Live(), off.Router().Live(), state, at)
		}
		on := successor(t, off, 3, nil)
		on.Adopt(off)
		on.Failure(on.servers[1], "it failed")
		time.Sleep(time.Minute)
		if on.Live() != 3 || on.Router().Live() != 3 {
			t.Errorf("a pool that ejects again: live %d, in the ring %d", on.Live(), on.Router().Live())
		}
	})
}

// TestReplacedPool: what a loop that has the former pool yet, or a connection that a reload retired, says of a server that stayed
// is no matter of the pool that is in force.
func TestReplacedPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan error)
		old := newTestPool(t, 2, func(o *Options) { o.Probe = func(*ServerOptions) error { return <-answer } })
		s := old.servers[0]
		old.Suspect(s)
		old.Suspect(s)
		synctest.Wait()
		p := successor(t, old, 2, func(o *Options) { o.Probe = func(*ServerOptions) error { return <-answer } })
		p.Adopt(old)
		p.Suspect(s)
		synctest.Wait()
		answer <- errRefused
		answer <- errRefused
		synctest.Wait()
		if n := s.failures.Load(); n != 1 {
			t.Errorf("%d failures are counted; want the one that the pool in force heard of", n)
		}
		old.Success(s)
		old.Failure(s, "it failed")
		old.Suspect(s)
		synctest.Wait()
		if n := s.failures.Load(); n != 1 || s.Down() || p.Ejections() != 0 {
			t.Errorf("%d failures, ejected %v %d times", n, s.Down(), p.Ejections())
		}
	})
}

// TestRingIsKept: the ring is built of names and weights; where these stay the same, the pool that takes another's place has its ring, and its own servers.
func TestRingIsKept(t *testing.T) {
	o := DefaultOptions("p")
	for i, name := range []string{"a", "b", "c"} {
		addr := fmt.Sprintf("127.0.0.%d:1", i+1)
		o.Servers = append(o.Servers, ServerOptions{Name: name, PName: addr + ":1", Network: "tcp", Addr: addr, Weight: 1})
	}
	p, err := NewPool(o, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for change, kept := range map[string]bool{"addr": true, "weight": false, "name": false, "fewer": false, "hash": false, "tag": false, "distribution": false} {
		n := o
		n.Servers = slices.Clone(o.Servers)
		switch change {
		case "addr":
			n.Servers[1].Addr = "127.0.0.9:1"
		case "weight":
			n.Servers[1].Weight = 2
		case "name":
			n.Servers[1].Name = "d"
		case "fewer":
			n.Servers = n.Servers[:2]
		case "hash":
			n.Hash = "md5"
		case "tag":
			n.HashTag = "{}"
		case "distribution":
			n.Distribution = "modula"
		}
		next, err := p.Successor(n)
		if err != nil {
			t.Fatal(err)
		}
		if (next.whole.ring == p.whole.ring) != kept {
			t.Errorf("%s: the ring is kept: %v", change, !kept)
		}
		for i := range 100 {
			place, s := next.Router().Route(fmt.Appendf(nil, "key%d", i))
			if s != next.Servers()[place] {
				t.Fatalf("%s: key%d is at a server of before", change, i)
			}
		}
		fresh, err := BuildRing(&n, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			key := fmt.Appendf(nil, "key%d", i)
			if want := fresh.Dispatch(key); next.Router().Place(key) != want {
				t.Fatalf("%s: %s is elsewhere than by a ring that is built anew", change, key)
			}
		}
	}
}
