package ring

import (
	"fmt"
	"math"
	"testing"
)

// TestLocate: Locate's server is Dispatch's, and its point and hashed part are those that lead there.
func TestLocate(t *testing.T) {
	servers := []Server{{"a", 1}, {"b", 3}, {"c", 2}}
	for _, dist := range Distributions() {
		for _, live := range [][]bool{nil, {true, false, true}, {false, true, false}, {false, false, false}} {
			t.Run(fmt.Sprint(dist, live), func(t *testing.T) {
				r, err := Build(Options{Hash: "fnv1a_64", HashTag: "{}", Distribution: dist, Servers: servers, Live: live})
				if err != nil {
					t.Fatal(err)
				}
				of := map[uint32]int{}
				for v, s := range r.Points() {
					of[v] = s
				}
				for i := range 2000 {
					key := fmt.Appendf(nil, "x{k%d}y", i)
					hashed, hash, point, server := r.Locate(key)
					if want := fmt.Sprintf("k%d", i); string(hashed) != want {
						t.Fatalf("Locate(%q): hashed %q; want %q", key, hashed, want)
					}
					if want := r.Hash(key); hash != want {
						t.Fatalf("Locate(%q): hash %d; want %d", key, hash, want)
					}
					if r.method == pickRandom {
						if server != -1 {
							t.Fatalf("Locate(%q): server %d for random", key, server)
						}
						continue
					}
					if want := r.Dispatch(key); server != want {
						t.Fatalf("Locate(%q): server %d; want %d", key, server, want)
					}
					if owner, ok := of[point]; r.method != pickOne && r.method != pickNone && (!ok || owner != server) {
						t.Fatalf("Locate(%q): point %d is of server %d, %v; want %d", key, point, owner, ok, server)
					}
				}
			})
		}
	}
	if _, _, _, server := new(Ring).Locate([]byte("k")); server != -1 {
		t.Errorf("the zero Ring has server %d", server)
	}
}

// TestShares holds Shares against counting where keys go.
func TestShares(t *testing.T) {
	servers := []Server{{"a", 1}, {"b", 3}, {"c", 2}, {"d", 2}}
	for _, dist := range Distributions() {
		for _, live := range [][]bool{nil, {true, true, false, true}, {false, true, false, false}} {
			r, err := Build(Options{Hash: "md5", Distribution: dist, Servers: servers, Live: live})
			if err != nil {
				t.Fatal(err)
			}
			const keys = 200_000
			counts := make([]float64, len(servers))
			for i := range keys {
				counts[r.Dispatch(fmt.Appendf(nil, "key:%d", i))]++
			}
			sum := 0.0
			for s, share := range r.Shares(len(servers)) {
				sum += share
				if got := counts[s] / keys; math.Abs(got-share) > 0.01 {
					t.Errorf("%s %v: server %d has a share of %.4f and %.4f of the keys", dist, live, s, share, got)
				}
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("%s %v: shares add up to %v", dist, live, sum)
			}
		}
	}
	for _, s := range new(Ring).Shares(2) {
		if s != 0 {
			t.Error("the zero Ring's servers have shares")
		}
	}
}
