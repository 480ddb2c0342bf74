package admin

import (
	"github.com/prometheus/client_golang/prometheus"

	"cashew/near"
	"cashew/stats"
)

var (
	descNearUnkept = describe("near_cache_unkept_total", "Replies that were to be kept and were not, by reason: the key was written meanwhile, or could have been (overtaken), or they are too large.", "pool", "reason")
	descTracking   = describe("near_cache_tracking", "Always 1; the state says whether the server tells of writes: on, off (nothing is kept of it for now), refused, or none (of memcached).", "pool", "server", "state")
)

var nearMetrics = []metric[near.Tally]{
	counter(describe("near_cache_hits_total", "Commands answered with a reply that was kept.", "pool"), "", func(n *near.Tally) int64 { return n.Hits }),
	counter(describe("near_cache_misses_total", "Commands that could have been, and were not.", "pool"), "", func(n *near.Tally) int64 { return n.Misses }),
	counter(describe("near_cache_joined_total", "Misses that got the reply to the same command of another client, which was on its way.", "pool"), "", func(n *near.Tally) int64 { return n.Joined }),
	counter(describe("near_cache_kept_total", "Replies that were kept.", "pool"), "", func(n *near.Tally) int64 { return n.Kept }),
	counter(descNearUnkept, "overtaken", func(n *near.Tally) int64 { return n.Overtaken }),
	counter(descNearUnkept, "too_large", func(n *near.Tally) int64 { return n.TooLarge }),
	counter(describe("near_cache_invalidated_total", "Keys of which servers told that they were written.", "pool"), "", func(n *near.Tally) int64 { return n.Invalidated }),
	counter(describe("near_cache_dropped_total", "Times that all replies of a server were given up, since it may not have told of a write.", "pool"), "", func(n *near.Tally) int64 { return n.Dropped }),
	counter(describe("near_cache_stale_total", "Replies that were given although their server could not be asked.", "pool"), "", func(n *near.Tally) int64 { return n.Stale }),
	counter(describe("near_cache_checked_total", "Replies that were given, and asked for all the same.", "pool"), "", func(n *near.Tally) int64 { return n.Checked }),
	counter(describe("near_cache_wrong_total", "Of those, the ones that the server had otherwise, though it had not told of a write in a tenth of a second.", "pool"), "", func(n *near.Tally) int64 { return n.Wrong }),
	gauge(describe("near_cache_entries", "Replies that are kept.", "pool"), func(n *near.Tally) float64 { return float64(n.Entries) }),
	gauge(describe("near_cache_bytes", "Bytes of them, of their commands, and of what is noted of each.", "pool"), func(n *near.Tally) float64 { return float64(n.Bytes) }),
	gauge(describe("near_cache_max_bytes", "Bytes that they may have: near_cache.", "pool"), func(n *near.Tally) float64 { return float64(n.Most) }),
}

// collectNear sends what is kept of a pool's replies, and which servers tell of writes.
func collectNear(out chan<- prometheus.Metric, p *stats.Pool, pool string) {
	collect(out, nearMetrics, p.Near, pool)
	for i := range p.Servers {
		s := &p.Servers[i]
		if s.Tracking != "" {
			out <- prometheus.MustNewConstMetric(descTracking, prometheus.GaugeValue, 1, pool, label(s.Name), s.Tracking)
		}
	}
}
