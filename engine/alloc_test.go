//go:build !race

package engine

import (
	"math"
	"testing"
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
