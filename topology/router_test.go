package topology

import (
	"strconv"
	"testing"

	"cashew/codec"
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
	for n := range 10 { // none, one, and more than are found at once
		cmd := &codec.Command{Frame: []byte("k0k1k2k3k4k5k6k7k8k9")}
		for i := range n {
			cmd.Keys = append(cmd.Keys, codec.Key{Off: uint32(2 * i), Len: 2})
		}
		places, ok := p.Router().Places([]uint16{7}, cmd)
		if !ok || len(places) != 1+n || places[0] != 7 {
			t.Errorf("%d keys have places %d, %t", n, places, ok)
			continue
		}
		for i, place := range places[1:] {
			if want := p.Router().Place(cmd.KeyAt(i)); int(place) != want {
				t.Errorf("%s is one of %d keys, and at %d; want %d", cmd.KeyAt(i), n, place, want)
			}
		}
	}
	if shares := p.Router().Shares(); len(seen) != 4 || len(shares) != 4 || p.Router().Live() != 4 {
		t.Errorf("%d servers get keys, %d are live, shares %v", len(seen), p.Router().Live(), shares)
	}
	p.swapRouter(make([]bool, 4))
	if place, s := p.Router().Route([]byte("k")); place >= 0 || s != nil || p.Whole().Live() != 4 {
		t.Errorf("with no server live: place %d, %v; in the whole ring %d", place, s, p.Whole().Live())
	}
	for n := 1; n < 10; n += 4 {
		if places, ok := p.Router().Places(nil, &codec.Command{Keys: make([]codec.Key, n)}); ok {
			t.Errorf("with no server live, %d keys have places %d", n, places)
		}
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
