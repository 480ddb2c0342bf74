package quota

import (
	"sync/atomic"
	"time"
)

const (
	// portions are how many a second's worth is taken in, by each loop.
	portions = 64
	// maxDebt is how far ahead a bucket may be taken: what a reply or a wide command costs beyond that is forgiven.
	maxDebt = int64(time.Hour)
)

// bucket is what all loops share of one amount of a rule. A nil bucket has no bounds.
type bucket struct {
	fullAt  atomic.Int64 // when it would be full, if nothing more were taken
	perUnit float64      // nanoseconds in which one comes
	burst   int64        // nanoseconds in which a full one comes
	portion int64
}

// newBucket returns a full one; nil: rate is 0, and there is no limit.
func newBucket(rate, burst int64) *bucket {
	if rate == 0 {
		return nil
	}
	b := &bucket{perUnit: float64(time.Second) / float64(rate), portion: min(max(rate/portions, 1), burst)}
	b.burst = max(b.nanos(burst), 1)
	return b
}

// nanos is how long it takes for n to come.
func (b *bucket) nanos(n int64) int64 { return int64(min(float64(n)*b.perUnit, float64(2*maxDebt))) }

// room is how much of b, in nanoseconds, can be had now, where at is when it would be full. It is negative if b is in debt.
func (b *bucket) room(at, now int64) int64 { return b.burst - (max(at, now) - now) }

// mode is what becomes of a cost that b does not have.
type mode int

const (
	ask     mode = iota // it is not taken
	reserve             // it is taken, and whoever takes it waits until it has come
	owe                 // it is taken
)

// take takes n from b, of which own has what the loop had taken before, and says whether it did; and how long, in nanoseconds, to wait.
// Of what is more than the burst only so much has to be there: the rest is a debt.
func (b *bucket) take(own *int64, n, now int64, m mode) (wait int64, ok bool) {
	if b == nil {
		return 0, true
	}
	if *own >= n {
		*own -= n
		return 0, true
	}
	need := n - *own
	for {
		at := b.fullAt.Load()
		room, cost := b.room(at, now), b.nanos(need)
		least, more := min(cost, b.burst), int64(0)
		switch {
		case need < b.portion && b.nanos(b.portion) <= room:
			more = b.portion - need
			cost = b.nanos(b.portion)
		case least <= room, m == owe:
		case m == ask:
			return 0, false
		default:
			wait = min(least-room, maxDebt)
		}
		if b.fullAt.CompareAndSwap(at, min(max(at, now)+cost, max(at, now+maxDebt+b.burst))) {
			*own = more
			return max(wait, 0), true
		}
		wait = 0
	}
}

// giveBack gives back n that was taken and that nobody used.
func (b *bucket) giveBack(n int64) {
	if b != nil {
		b.fullAt.Add(-b.nanos(n))
	}
}
