package generator

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Buckets follow one another without a gap, and none is wider than a thousandth of what it holds.
func TestBuckets(t *testing.T) {
	next := int64(0)
	for i := range len(newHistogram().counts) {
		top := topOf(i)
		if bucketOf(next) != i || bucketOf(top) != i {
			t.Fatalf("bucket %d is for %d to %d ns; these are in %d and %d", i, next, top, bucketOf(next), bucketOf(top))
		}
		if (top-next)*1000 > next {
			t.Fatalf("bucket %d, from %d to %d ns, is too wide", i, next, top)
		}
		next = top + 1
	}
	if next <= int64(maxLatency) {
		t.Errorf("buckets end at %v; want %v", time.Duration(next), maxLatency)
	}
}

// Percentiles are those of the sorted latencies, but for a thousandth.
func TestPercentiles(t *testing.T) {
	h, random := newHistogram(), rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 9999 {
		d := time.Duration(1) << random.IntN(36)
		d += time.Duration(random.Int64N(int64(d)))
		all = append(all, d)
		h.add(d, 1)
	}
	slices.Sort(all)
	for p, at := range map[float64]int{0: 0, 50: 4999, 90: 8999, 99: 9899, 99.9: 9989, 100: 9998} {
		if got, want := h.percentile(p), all[at]; got < want || got > want+want/1000 {
			t.Errorf("percentile(%g) = %v; want %v", p, got, want)
		}
	}
	h.add(2*maxLatency, 1)
	if got := h.percentile(100); got < maxLatency || got > maxLatency+maxLatency/1000 {
		t.Errorf("what took longer than %v counts as %v", maxLatency, got)
	}
	if got := newHistogram().percentile(50); got != 0 {
		t.Errorf("percentile(50) of nothing = %v; want 0", got)
	}
}
