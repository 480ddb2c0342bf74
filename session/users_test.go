package session

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"cashew/codec/acl"
	"cashew/stats"
)

// TestDenials: the same refusal within a minute is one entry, the newest stand first, and there is a bound.
func TestDenials(t *testing.T) {
	var l Denials
	key := func(i int) *acl.Refusal {
		return &acl.Refusal{Reason: acl.Key, Object: fmt.Sprint("k", i), User: "u"}
	}
	for i := range 2 * maxDenials {
		l.add(key(i), stats.Client{ID: uint64(i)}, time.Duration(i)*time.Millisecond)
	}
	list := l.Newest(1000)
	if len(list) != maxDenials || list[0].Object != fmt.Sprint("k", 2*maxDenials-1) || list[maxDenials-1].Object != fmt.Sprint("k", maxDenials) {
		t.Fatalf("%d entries from %q to %q", len(list), list[0].Object, list[len(list)-1].Object)
	}
	again := 2*maxDenials - 5
	l.add(key(again), stats.Client{ID: 7}, time.Second)
	if list = l.Newest(2); list[0].Object != fmt.Sprint("k", again) || list[0].Count != 2 || list[0].Client.ID != 7 || list[1].Count != 1 {
		t.Errorf("the same again: %+v", list)
	}
	seen := make(map[string]int)
	for _, e := range l.Newest(1000) {
		if seen[e.Object]++; seen[e.Object] > 1 {
			t.Errorf("%s stands there twice", e.Object)
		}
	}
	l.add(key(again), stats.Client{}, time.Second+sameDenial)
	if list = l.Newest(1); list[0].Count != 1 {
		t.Errorf("a minute later: %+v", list)
	}
	if l.Reset(); len(l.Newest(1)) != 0 {
		t.Error("Reset forgets nothing")
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 100 {
				l.add(key(i), stats.Client{}, 0)
			}
		})
	}
	all.Wait()
	if list = l.Newest(10); len(list) != 4 || list[0].Count+list[1].Count+list[2].Count+list[3].Count != 400 {
		t.Errorf("from four loops: %+v", list)
	}
}

// TestStateOfUser: a program that knows nothing of users finds no pool for a client that has one.
func TestStateOfUser(t *testing.T) {
	c := State{Member: "p", User: "alice"}
	if c.In() != "p" || c.Pool != "" || c.Switched != "" || c.Selected != "" {
		t.Errorf("%+v is in %q", c, c.In())
	}
}
