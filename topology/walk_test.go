package topology

import (
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"cashew/world/worldtest"
)

// walked are the servers that a walk from id on comes to.
func walked(p *Pool, id uint16) (addrs []string) {
	for {
		stop, next, _, known := p.Stop(id)
		if !known {
			return []string{"unknown"}
		}
		if stop == nil {
			return addrs
		}
		addrs = append(addrs, p.servers[stop.Place].Addr)
		if id = next; id == 0 {
			return addrs
		}
	}
}

// TestWalk: a walk comes to each server once, by numbers that do not depend on the servers' order; a server that is gone is passed over, one
// that came back has its number again, and a number that nobody had is known to be none.
func TestWalk(t *testing.T) {
	options := func(addrs ...string) Options {
		o := testOptions(len(addrs), nil)
		for i, a := range addrs {
			o.Servers[i].Addr, o.Servers[i].Name = a, fmt.Sprint(a, i)
		}
		return o
	}
	pool := func(addrs ...string) *Pool {
		p, err := NewPool(options(addrs...), worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	next := func(p *Pool, addrs ...string) *Pool {
		p, err := p.Successor(options(addrs...))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := pool("a:1", "b:1", "c:1", "d:1")
	order := walked(p, 0)
	if len(order) != 4 || fmt.Sprint(walked(pool("d:1", "c:1", "b:1", "a:1"), 0)) != fmt.Sprint(order) {
		t.Fatalf("a walk comes to %v, of the same servers in another order to %v", order, walked(pool("d:1", "c:1", "b:1", "a:1"), 0))
	}
	if twice := walked(pool("a:1", "b:1", "a:1"), 0); len(twice) != 3 {
		t.Errorf("of an address that stands twice a walk comes to %v", twice)
	}
	ids := map[string]uint16{}
	for _, s := range p.stops.list {
		ids[p.servers[s.Place].Addr] = s.ID
	}
	first := order[0]
	var others []string
	for _, a := range []string{"a:1", "b:1", "c:1", "d:1"} {
		if a != first {
			others = append(others, a)
		}
	}
	less := next(p, others...)
	stop, _, at, known := less.Stop(ids[first])
	if !known || at || less.servers[stop.Place].Addr != order[1] {
		t.Errorf("where %s was the walk goes on with %v, %v, %v", first, stop, at, known)
	}
	if fmt.Sprint(walked(less, 12345)) != "[unknown]" {
		t.Error("a number that nobody had is one")
	}
	again := next(less, append(others, first)...)
	if stop, _, at, _ := again.Stop(ids[first]); !at || again.servers[stop.Place].Addr != first {
		t.Error("a server that came back has another number")
	}
	if pool("a:1").Walked() || !p.Walked() || !next(p, "a:1").Walked() {
		t.Error("the cursors of a pool that never had two servers are that server's own, and of no other")
	}
}

// TestStopsAreForgotten: a pool whose servers come and go does not run out of numbers; those of servers that are there stay.
func TestStopsAreForgotten(t *testing.T) {
	o := testOptions(3, nil)
	had := map[uint16]string{}
	for id := range uint16(math.MaxUint16) {
		had[id+1] = "gone"
	}
	s := stopsOf(&o, stops{had: had})
	if fresh := stopsOf(&o, stops{}); len(s.had) != 3 || fmt.Sprint(s.list) != fmt.Sprint(fresh.list) {
		t.Errorf("%d numbers are known, and the servers have %v; want %v", len(s.had), s.list, fresh.list)
	}
}
