package stats

import (
	"encoding/json"
	"testing"
	"time"
)

// TestHistogramBuckets: every duration lies in the first bucket whose bound it does not exceed, and buckets are never wider
// than a quarter of what they count.
func TestHistogramBuckets(t *testing.T) {
	for i := 1; i < histogramBuckets-1; i++ {
		low, high := HistogramBound(i-1), HistogramBound(i)
		if high <= low || i > 4 && float64(high) > 1.25*float64(low) {
			t.Errorf("HistogramBound(%d) = %v after %v", i, high, low)
		}
		for d, want := range map[time.Duration]int{low + 1: i, high: i, high + 1: i + 1} {
			if got := histogramBucket(d); got != want {
				t.Errorf("histogramBucket(%v) = %d; want %d", d, got, want)
			}
		}
	}
	for d, want := range map[time.Duration]int{-1: 0, 0: 0, 1: 0, time.Microsecond: 0, time.Hour: histogramBuckets - 1} {
		if got := histogramBucket(d); got != want {
			t.Errorf("histogramBucket(%v) = %d; want %d", d, got, want)
		}
	}
}

func TestHistogramQuantile(t *testing.T) {
	var h, all Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("Quantile of nothing = %v; want 0", got)
	}
	h.Add(10*time.Microsecond, 98)
	h.Add(time.Millisecond, 2)
	all.Merge(&h)
	for q, want := range map[float64]time.Duration{0.5: 10 * time.Microsecond, 0.98: 10 * time.Microsecond, 0.99: 1024 * time.Microsecond} {
		if got := all.Quantile(q); got != want {
			t.Errorf("Quantile(%v) = %v; want %v", q, got, want)
		}
	}
	if all.Count() != 100 || all.Sum != 2980*time.Microsecond {
		t.Errorf("Count, Sum = %d, %v; want 100, 2.98ms", all.Count(), all.Sum)
	}
}

func TestHistogramJSON(t *testing.T) {
	var h Histogram
	h.Add(5*time.Microsecond, 2)
	h.Add(HistogramBound(histogramBuckets-2), 3)
	h.Add(time.Hour, 4) // beyond all bounds
	h.Sum = 7 * time.Millisecond
	got, err := json.Marshal(h)
	const want = `{"count":9,"sum_us":7000,"p50_us":134217728,"p90_us":134217728,"p99_us":134217728,"p999_us":134217728,` +
		`"buckets":[[5,2],[134217728,7]]}`
	if err != nil || string(got) != want {
		t.Errorf("Histogram = %s, %v; want %s", got, err, want)
	}
	const none = `{"count":0,"sum_us":0,"p50_us":0,"p90_us":0,"p99_us":0,"p999_us":0}`
	if got, err := json.Marshal(Histogram{}); err != nil || string(got) != none {
		t.Errorf("no Histogram = %s, %v; want %s", got, err, none)
	}
}
