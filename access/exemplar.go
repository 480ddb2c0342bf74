package access

import (
	"math/bits"
	"sync"
	"time"
)

// Histogram is which of the proxy's histograms a time is counted in.
type Histogram uint8

// The histograms.
const (
	QueueTime  Histogram = iota // of a server and a class
	ServerTime                  // likewise
	WriteTime                   // of a pool
)

// Series is one histogram of that kind.
type Series struct {
	Of                  Histogram
	Pool, Server, Class string
}

// Exemplar is a trace that stands for a time in a histogram.
type Exemplar struct {
	Took  time.Duration
	Trace [16]byte
	At    time.Time
}

const (
	// maxSeries is of how many histograms there are exemplars.
	maxSeries = 4096
	// least and exemplarBuckets are those of the metrics: each bound is twice the one before.
	least           = 10 * time.Microsecond
	exemplarBuckets = 21
)

// Exemplars are the latest trace in each bucket of each histogram. Any goroutine may call any method.
type Exemplars struct {
	mu sync.Mutex
	of map[Series]*[exemplarBuckets]Exemplar
}

// Note has e stand for its bucket, unless there are too many histograms.
func (x *Exemplars) Note(s Series, e Exemplar) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of == nil {
		x.of = make(map[Series]*[exemplarBuckets]Exemplar)
	}
	to := x.of[s]
	if to == nil {
		if len(x.of) >= maxSeries {
			return
		}
		to = new([exemplarBuckets]Exemplar)
		x.of[s] = to
	}
	to[bucketOf(e.Took)] = e
}

// bucketOf is the first bucket whose bound d is not above.
func bucketOf(d time.Duration) int {
	return min(bits.Len64(uint64(max(d-1, 0)/least)), exemplarBuckets-1)
}

// Of are the exemplars of a histogram, by their times.
func (x *Exemplars) Of(s Series) (list []Exemplar) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if of := x.of[s]; of != nil {
		for _, e := range of {
			if !e.At.IsZero() {
				list = append(list, e)
			}
		}
	}
	return list
}

// Forget drops all, as no traces are told of any more.
func (x *Exemplars) Forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.of)
}
