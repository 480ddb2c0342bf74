package admin

import (
	"context"
	"sync"
	"time"

	"cashew/codec/work"
	"cashew/stats"
)

// history is what the pools did in the last ten minutes, so that who opens the dashboard when something has happened sees it. A goroutine looks
// each historyStep, as a page does that somebody has open.
type history struct {
	mu      sync.Mutex
	last    *stats.Snapshot
	samples []sample // oldest first

	ended context.CancelFunc // of the goroutine; nil: there is none; under Server.pages
	over  chan struct{}
}

const (
	historyStep = 5 * time.Second
	historySpan = 10 * time.Minute
	// trafficSpan is how long the requests of each server are kept; its figures are many.
	trafficSpan = time.Minute
)

// sample is what happened between two looks, by pool.
type sample struct {
	At    time.Time              `json:"at"`
	Busy  []float64              `json:"busy"` // by loop: the share of its time that it was at work
	Pools map[string]*poolSample `json:"pools"`
}

// poolSample are rates by the second.
type poolSample struct {
	Requests  float64               `json:"requests"`
	Failures  float64               `json:"failures"` // of servers
	Errors    float64               `json:"errors"`   // to clients
	Local     float64               `json:"local"`
	In        float64               `json:"in"` // bytes
	Out       float64               `json:"out"`
	Hits      float64               `json:"hits"`
	Misses    float64               `json:"misses"`
	Classes   [work.Classes]float64 `json:"classes"` // replies: read, write, other
	Queue     *percentiles          `json:"queue"`   // null: there were none
	Server    *percentiles          `json:"server"`
	WriteBack *percentiles          `json:"write_back"`
	Live      int                   `json:"live"`
	Servers   map[string]float64    `json:"servers,omitempty"` // requests of each, by name, in the last minute
}

// percentiles are in microseconds.
type percentiles struct {
	P50 int64 `json:"p50"`
	P90 int64 `json:"p90"`
	P99 int64 `json:"p99"`
}

// start has a goroutine look from now on, if none does. s.pages is locked.
func (h *history) start(s *Server) {
	if h.ended != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.ended, h.over = cancel, make(chan struct{})
	go func() {
		defer close(h.over)
		h.look(ctx, s)
	}()
}

// stop ends it.
func (h *history) stop() {
	if h.ended != nil {
		h.ended()
		<-h.over
	}
}

func (h *history) look(ctx context.Context, s *Server) {
	ticks := time.NewTicker(historyStep)
	defer ticks.Stop()
	for {
		if snap, err := s.snapshot(ctx); err == nil {
			h.add(snap)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// add compares a snapshot with the one before. Of a pool or a server that was not there then nothing is said, nor of one that counts anew.
func (h *history) add(snap *stats.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.last
	if was != nil && !snap.At.After(was.At) {
		return // a page has asked at the same moment, and both got the same
	}
	h.last = snap
	if was == nil {
		return
	}
	seconds := snap.At.Sub(was.At).Seconds()
	next := sample{At: snap.At, Pools: make(map[string]*poolSample)}
	for i, us := range snap.Worked {
		if i < len(was.Worked) {
			next.Busy = append(next.Busy, min(float64(us-was.Worked[i])/1e6/seconds, 1))
		}
	}
	before := make(map[string]*stats.Pool)
	for i := range was.Pools {
		before[was.Pools[i].Name] = &was.Pools[i]
	}
	for i := range snap.Pools {
		if p := &snap.Pools[i]; before[p.Name] != nil {
			next.Pools[p.Name] = samplePool(p, before[p.Name], seconds)
		}
	}
	h.samples = append(h.samples, next)
	for h.samples[0].At.Before(snap.At.Add(-historySpan)) {
		h.samples = h.samples[1:]
	}
	for i := range h.samples {
		if h.samples[i].At.Before(snap.At.Add(-trafficSpan)) {
			h.samples[i].forgetServers()
		}
	}
}

// forgetServers drops what is kept for a minute. Who was told of it may still read it, so it gets others in its place.
func (s *sample) forgetServers() {
	pools := make(map[string]*poolSample, len(s.Pools))
	for name, p := range s.Pools {
		if p.Servers == nil {
			return // it was done
		}
		q := *p
		q.Servers = nil
		pools[name] = &q
	}
	s.Pools = pools
}

func samplePool(p, was *stats.Pool, seconds float64) *poolSample {
	rate := func(now, before int64) float64 { return float64(max(now-before, 0)) / seconds }
	next := &poolSample{
		Errors: rate(p.ForwardError, was.ForwardError), Local: rate(p.LocalCommands, was.LocalCommands), In: rate(p.RequestBytesFromClients, was.RequestBytesFromClients),
		Out: rate(p.ReplyBytesToClients, was.ReplyBytesToClients), Live: p.Live, Servers: make(map[string]float64),
	}
	before := make(map[string]*stats.Server)
	for i := range was.Servers {
		before[was.Servers[i].Name] = &was.Servers[i]
	}
	var queue, server stats.Histogram
	for i := range p.Servers {
		s := &p.Servers[i]
		b := before[s.Name]
		if b == nil || s.Requests < b.Requests {
			continue
		}
		next.Servers[s.Name] = rate(s.Requests, b.Requests)
		next.Requests += next.Servers[s.Name]
		next.Failures += rate(s.ServerErr+s.TimedoutConnections+s.ServerEOF, b.ServerErr+b.TimedoutConnections+b.ServerEOF)
		next.Hits += rate(s.KeyspaceHits, b.KeyspaceHits)
		next.Misses += rate(s.KeyspaceMisses, b.KeyspaceMisses)
		for c := range s.Latency {
			n := addGrown(&server, &s.Latency[c].Server, &b.Latency[c].Server)
			addGrown(&queue, &s.Latency[c].Queue, &b.Latency[c].Queue)
			next.Classes[c] += float64(n) / seconds
		}
	}
	var back stats.Histogram
	addGrown(&back, &p.WriteBack, &was.WriteBack)
	next.Queue, next.Server, next.WriteBack = percentilesOf(&queue), percentilesOf(&server), percentilesOf(&back)
	return next
}

// addGrown adds to sum what now counts more than before did, and returns how much that is.
func addGrown(sum, now, before *stats.Histogram) (grown int64) {
	more := now.Clone()
	if more.Counts == nil {
		return 0 // a pool that was removed and added again counts anew
	}
	for i, n := range before.Counts {
		more.Counts[i] = max(more.Counts[i]-n, 0)
	}
	sum.Merge(&more)
	return more.Count()
}

func percentilesOf(h *stats.Histogram) *percentiles {
	if h.Count() == 0 {
		return nil
	}
	return &percentiles{micros(h, 0.5), micros(h, 0.9), micros(h, 0.99)}
}

// toldHistory is the answer of /history.
type toldHistory struct {
	Step    float64  `json:"step_seconds"`
	Samples []sample `json:"samples"` // oldest first
}

// told is what there is of a pool; of all for "".
func (h *history) told(pool string) toldHistory {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := toldHistory{historyStep.Seconds(), make([]sample, 0, len(h.samples))}
	for _, s := range h.samples {
		if pool != "" {
			of := s.Pools[pool]
			if s.Pools = map[string]*poolSample{}; of != nil {
				s.Pools[pool] = of
			}
		}
		t.Samples = append(t.Samples, s)
	}
	return t
}
