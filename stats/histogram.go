package stats

import (
	"encoding/json"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Latency splits the time of a request to a server.
type Latency struct {
	Queue  Histogram `json:"queue"`  // from taking the command to writing it to the server
	Server Histogram `json:"server"` // from writing it to the last byte of the reply
}

// Histogram counts durations in buckets that grow by a quarter of a power of two from one microsecond on. The zero value
// is empty and ready.
type Histogram struct {
	Counts []int64 // of durations up to HistogramBound(i); nil: none
	Sum    time.Duration
}

// histogramBuckets is the number of buckets: up to a minute, and one for all beyond.
const histogramBuckets = 26*4 + 1

// HistogramBound is the upper bound of bucket i, inclusive; the last has none.
func HistogramBound(i int) time.Duration {
	if i >= histogramBuckets-1 {
		return math.MaxInt64
	}
	if i < 4 {
		return time.Duration(i+1) * time.Microsecond
	}
	octave, quarter := i/4+1, i%4
	return time.Duration((4+quarter+1)<<(octave-2)) * time.Microsecond
}

// histogramBucket is the bucket of d.
func histogramBucket(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	us := uint64(d-1) / uint64(time.Microsecond) // whole microseconds below it: bounds are inclusive
	if us < 4 {
		return int(us)
	}
	octave := bits.Len64(us) - 1 // 2 or more
	i := (octave-1)*4 + int(us>>(octave-2))&3
	return min(i, histogramBuckets-1)
}

// Add counts d n times.
func (h *Histogram) Add(d time.Duration, n int64) {
	if h.Counts == nil {
		h.Counts = make([]int64, histogramBuckets)
	}
	h.Counts[histogramBucket(d)] += n
	h.Sum += d * time.Duration(n)
}

// Clone is a copy that shares nothing with h.
func (h *Histogram) Clone() Histogram { return Histogram{Counts: slices.Clone(h.Counts), Sum: h.Sum} }

// Merge adds what o counted.
func (h *Histogram) Merge(o *Histogram) {
	if o.Counts == nil {
		return
	}
	if h.Counts == nil {
		h.Counts = make([]int64, histogramBuckets)
	}
	for i, n := range o.Counts {
		h.Counts[i] += n
	}
	h.Sum += o.Sum
}

// Count is how many durations were counted.
func (h *Histogram) Count() (n int64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile is the bound of the bucket that the share q of durations does not go beyond; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.Count())))
	for i, c := range h.Counts {
		if rank -= c; rank <= 0 && c > 0 {
			return HistogramBound(min(i, histogramBuckets-2))
		}
	}
	return 0
}

// MarshalJSON is the count, the sum and the usual quantiles, in microseconds, and the buckets that are not empty as pairs
// of bound and count. What is beyond all bounds counts to the last.
func (h Histogram) MarshalJSON() ([]byte, error) {
	var buckets [][2]int64
	for i, n := range h.Counts {
		switch {
		case n == 0:
		case i == histogramBuckets-1 && h.Counts[i-1] > 0:
			buckets[len(buckets)-1][1] += n
		default:
			buckets = append(buckets, [2]int64{HistogramBound(min(i, histogramBuckets-2)).Microseconds(), n})
		}
	}
	us := func(q float64) int64 { return h.Quantile(q).Microseconds() }
	return json.Marshal(struct {
		Count   int64      `json:"count"`
		Sum     int64      `json:"sum_us"`
		P50     int64      `json:"p50_us"`
		P90     int64      `json:"p90_us"`
		P99     int64      `json:"p99_us"`
		P999    int64      `json:"p999_us"`
		Buckets [][2]int64 `json:"buckets,omitempty"`
	}{h.Count(), h.Sum.Microseconds(), us(0.5), us(0.9), us(0.99), us(0.999), buckets})
}
