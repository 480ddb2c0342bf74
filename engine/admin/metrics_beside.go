package admin

import "cashew/stats"

// Metrics of pools that others stand beside: a next tier, one that is written to as well, and a mirror.

var missMetrics = []metric[stats.Tier]{
	counter(describe("miss_asked_total", "Misses for which the next tier was to be asked.", "pool"), "", func(m *stats.Tier) int64 { return m.Asked }),
	counter(describe("miss_found_total", "Misses for which the next tier had a value.", "pool"), "", func(m *stats.Tier) int64 { return m.Found }),
	counter(describe("miss_filled_total", "Values of the next tier that the pool has stored.", "pool"), "", func(m *stats.Tier) int64 { return m.Filled }),
	counter(descMissUnfilled, "too_large", func(m *stats.Tier) int64 { return m.TooLarge }),
	counter(descMissUnfilled, "overtaken", func(m *stats.Tier) int64 { return m.Overtaken }),
	counter(descMissFailed, "ask", func(m *stats.Tier) int64 { return m.AskFailed }),
	counter(descMissFailed, "fill", func(m *stats.Tier) int64 { return m.FillFailed }),
}

var dualMetrics = []metric[stats.Dual]{
	counter(descDual, "both", func(m *stats.Dual) int64 { return m.Both }),
	counter(descDual, "own_only", func(m *stats.Dual) int64 { return m.OwnOnly }),
	counter(descDual, "other_only", func(m *stats.Dual) int64 { return m.OtherOnly }),
	counter(descDual, "neither", func(m *stats.Dual) int64 { return m.Neither }),
	counter(descDual, "unsent", func(m *stats.Dual) int64 { return m.Unsent }),
	counter(descDual, "unheard", func(m *stats.Dual) int64 { return m.Unheard }),
	counter(describe("dual_write_different_total", "Writes that both pools have acknowledged, with replies that differ.", "pool"), "", func(m *stats.Dual) int64 { return m.Different }),
	gauge(describe("dual_write_outstanding", "Writes to two pools of which one has not answered yet.", "pool"), func(m *stats.Dual) float64 { return float64(m.Outstanding) }),
}

var mirrorMetrics = []metric[stats.PoolMirror]{
	counter(describe("mirror_copies_total", "Requests that were copied to the pool's mirror.", "pool"), "", func(m *stats.PoolMirror) int64 { return m.Copies }),
	counter(describe("mirror_errors_total", "Copies that the mirror answered with an error.", "pool"), "", func(m *stats.PoolMirror) int64 { return m.Errors }),
	counter(describe("mirror_lost_total", "Copies that were sent and got no answer.", "pool"), "", func(m *stats.PoolMirror) int64 { return m.Lost }),
	counter(descCompared, "same", func(m *stats.PoolMirror) int64 { return m.Compared.Same }),
	counter(descCompared, "different", func(m *stats.PoolMirror) int64 { return m.Compared.Different }),
	counter(descCompared, "unsettled", func(m *stats.PoolMirror) int64 { return m.Compared.Unsettled }),
	counter(descCompared, "unchecked", func(m *stats.PoolMirror) int64 { return m.Compared.Unchecked }),
	counter(descCompared, "unanswered", func(m *stats.PoolMirror) int64 { return m.Compared.Unanswered }),
	gauge(describe("mirror_ramp_ratio", "Share of the keys whose reads the mirror answers, now.", "pool"), func(m *stats.PoolMirror) float64 { return m.Ramp }),
	counter(describe("mirror_backs_total", "Times that reads went back from the mirror to the pool by themselves.", "pool"), "", func(m *stats.PoolMirror) int64 { return m.Backs }),
	gauge(describe("mirror_outstanding_bytes", "Bytes of copies that are not answered yet, of the budget.", "pool"), func(m *stats.PoolMirror) float64 { return float64(m.Outstanding) }),
}
