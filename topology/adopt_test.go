package topology

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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
		{"two at one address", []ServerOptions{s("a", "1"), s("b", "1")}, []ServerOptions{s("b", "1"), s("c", "1"), s("d", "1")}, []int{1, 0, -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := newTestPool(t, 0, func(o *Options) { o.Servers = c.old })
			p := newTestPool(t, 0, func(o *Options) { o.Servers = c.new })
			if got := p.Match(old); !slices.Equal(got, c.want) {
				t.Errorf("match = %v; want %v", got, c.want)
			}
		})
	}
}

// TestAdoptHealth: an ejected server comes back when the pool that it was ejected from would have had it back, to the one
// that took its place, and nothing happens in the former any more.
func TestAdoptHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		address := func(o *Options) {
			for i := range o.Servers {
				o.Servers[i].Addr = o.Servers[i].Name
			}
		}
		old := newTestPool(t, 2, address)
		var asked atomic.Int32
		old.opts.Probe = func(*ServerOptions) error { asked.Add(1); return nil }
		old.health.failure(0)
		old.health.failure(0)
		time.Sleep(20 * time.Second)
		p := newTestPool(t, 3, address)
		var well atomic.Bool
		p.opts.Probe = func(*ServerOptions) error {
			if !well.Load() {
				return errors.New("not yet")
			}
			return nil
		}
		p.Adopt(old)
		if p.Live() != 2 || p.Ring().Live() != 2 || !p.health.down[0].Load() || p.Ejections() != 1 {
			t.Fatalf("live %d, in the ring %d, ejections %d", p.Live(), p.Ring().Live(), p.Ejections())
		}
		_, at := p.State(0)
		if _, want := old.State(0); at != want || at == 0 {
			t.Errorf("ejected at %d; in the former pool at %d", at, want)
		}
		time.Sleep(9 * time.Second)
		well.Store(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if p.Live() != 3 || p.Ring().Live() != 3 || asked.Load() != 0 {
			t.Errorf("30 s after the ejection: live %d, in the ring %d, the former pool asked %d times", p.Live(), p.Ring().Live(), asked.Load())
		}
		off := newTestPool(t, 3, func(o *Options) { address(o); o.AutoEjectHosts = false })
		p.health.failure(1)
		p.health.failure(1)
		off.Adopt(p)
		if off.Live() != 3 || off.Ring().Live() != 3 {
			t.Errorf("a pool that ejects nobody: live %d, in the ring %d", off.Live(), off.Ring().Live())
		}
	})
}
