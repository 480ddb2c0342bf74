//go:build !race

package engine

import (
	"math"
	"testing"

	"cashew/stats"
)

// playedAllocs is how many allocations f makes when it is called so often, not rounded down as the average is that
// testing.AllocsPerRun gives: what allocates at every hundredth request allocates. What else runs in the process
// allocates as well, now and then, so the least of ten counts.
func playedAllocs(n int, f func()) float64 {
	least := math.Inf(1)
	for range 10 { // on a busy machine a figure may find a larger place now and then
		least = min(least, testing.AllocsPerRun(1, func() {
			for range n {
				f()
			}
		}))
		if least == 0 {
			break
		}
	}
	return least
}

// TestAllocs holds every hot command of both protocols to no allocation.
func TestAllocs(t *testing.T) {
	for _, r := range rounds() {
		t.Run(r.name, func(t *testing.T) {
			g := newStage(t, r)
			if n := playedAllocs(300, func() { g.play() }); n != 0 {
				t.Errorf("%v allocations in 300 rounds; want 0", n)
			}
		})
	}
}

// TestAllocsSight: nor does it allocate to log every command as slow, and to put a new key in the place of another.
func TestAllocsSight(t *testing.T) {
	r := round{servers: 1, in: array("GET", hotKey), want: bulk(hotValue)}
	g := newStage(t, r, func(_ *Options, po *PoolOptions) { po.SlowerThan, po.SlowMaxLen = 0, 4 })
	l, key, n := g.sim.local, []byte("key:00000000"), 0
	play := func() {
		for i := range key[4:] { // the next
			if key[4+i]++; key[4+i] <= '9' {
				break
			}
			key[4+i] = '0'
		}
		l.hot.Count(g.sim.pool.origin, 0, key, 1)
		l.big.Note(g.sim.pool.origin, 0, key, bigBytes+n)
		n++
		if got := g.play(); string(got) != r.want {
			t.Fatalf("the client gets %q; want %q", got, r.want)
		}
	}
	for range 2 * stats.SketchKeys {
		play()
	}
	if n := playedAllocs(1000, play); n != 0 {
		t.Errorf("%v allocations in 1,000 rounds; want 0", n)
	}
}

// TestAllocsCrowd: nor does it allocate when many clients share a flush.
func TestAllocsCrowd(t *testing.T) {
	c := newCrowd(t, 16)
	if n := playedAllocs(300, c.play); n != 0 {
		t.Errorf("%v allocations in 300 rounds; want 0", n)
	}
}

// TestAllocsGathering: nor when many clients have a command under way whose fragments, long and short, have to be kept.
func TestAllocsGathering(t *testing.T) {
	g := newGathering(t, 100)
	if n := playedAllocs(100, g.play); n != 0 {
		t.Errorf("%v allocations in 100 rounds of 100 MGETs; want 0", n)
	}
}
