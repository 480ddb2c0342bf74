package topology

import (
	"strconv"
	"testing"
)

// TestRouter: place and server belong together, whichever slots the servers have, and none is live where none is.
func TestRouter(t *testing.T) {
	old := newTestPool(t, 3, nil)
	p := successor(t, old, 3, func(o *Options) { o.Servers[0].Addr = "elsewhere" })
	p.Adopt(old)
	p = successor(t, p, 4, nil) // s0 is new, in the slot of the one elsewhere
	seen := make(map[int]bool)
	for i := range 100 {
		key := []byte("k" + strconv.Itoa(i))
		place, s := p.Router().Route(key)
		if _, _, _, at := p.Router().Locate(key); p.Router().Place(key) != place || at != place {
			t.Errorf("%s: place %d, and without a server %d, and with its hash %d", key, place, p.Router().Place(key), at)
		}
		if s != p.Servers()[place] || s.Addr != "s"+strconv.Itoa(place) {
			t.Errorf("%s: place %d, server %s", key, place, s.Addr)
		}
		seen[place] = true
	}
	if shares := p.Router().Shares(); len(seen) != 4 || len(shares) != 4 || p.Router().Live() != 4 {
		t.Errorf("%d servers get keys, %d are live, shares %v", len(seen), p.Router().Live(), shares)
	}
	p.swapRouter(make([]bool, 4))
	if place, s := p.Router().Route([]byte("k")); place >= 0 || s != nil || p.Whole().Live() != 4 {
		t.Errorf("with no server live: place %d, %v; in the whole ring %d", place, s, p.Whole().Live())
	}
}

// TestBuildRing: an ejected server's keys move only where the policy is that.
func TestBuildRing(t *testing.T) {
	for name, policy := range FailurePolicies {
		o := testOptions(3, func(o *Options) { o.OnServerFailure = policy })
		r, err := BuildRing(&o, []bool{true, false, true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := 3
		if policy == Rehash {
			want = 2
		}
		if r.Live() != want {
			t.Errorf("%s: %d servers have keys; want %d", name, r.Live(), want)
		}
	}
}
