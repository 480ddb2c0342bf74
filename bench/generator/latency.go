package generator

import (
	"math"
	"math/bits"
	"time"
)

// A histogram counts latencies in buckets that are at most a thousandth as wide as what they hold, as HdrHistogram's with three
// significant digits: up to 2,048 ns one for each nanosecond, and then 1,024 for each power of two.
//
//	 ns    0 ... 2047 | 2048 2050 ... 4094 | 4096 4100 ... 8188 | ...
//	index  0 ... 2047 | 2048 2049 ... 3071 | 3072 3073 ... 4095 | ...
type histogram struct {
	counts []int64
	count  int64
}

// fine is how many buckets a power of two has.
const fine = 1024

func newHistogram() *histogram {
	return &histogram{counts: make([]int64, bucketOf(int64(maxLatency))+1)}
}

// bucketOf is the bucket that holds ns, which is not negative.
func bucketOf(ns int64) int {
	shift := max(0, bits.Len64(uint64(ns))-bits.Len64(2*fine-1))
	return shift*fine + int(ns>>shift)
}

// topOf is the longest that bucket i holds.
func topOf(i int) int64 {
	if i < 2*fine {
		return int64(i)
	}
	shift := i/fine - 1
	return (int64(i-shift*fine)+1)<<shift - 1
}

// add counts d n times; what takes longer than maxLatency counts as that.
func (h *histogram) add(d time.Duration, n int) {
	h.counts[bucketOf(int64(max(0, min(d, maxLatency))))] += int64(n)
	h.count += int64(n)
}

// percentile is what p of a hundred latencies did not exceed.
func (h *histogram) percentile(p float64) time.Duration {
	rank := max(1, int64(math.Ceil(p/100*float64(h.count))))
	for i, n := range h.counts {
		if rank -= n; rank <= 0 {
			return time.Duration(topOf(i))
		}
	}
	return 0
}
