package topology

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cashew/world"
)

// health counts each server's consecutive failures, over all loops, and takes a server that has too many out of the ring.
// It does nothing in a pool without AutoEjectHosts. Success costs one atomic load; only failure and rejoining lock.
//
//	live --ServerFailureLimit failures--> ejected --ServerRetryTimeout, then a probe is answered--> on trial
//	  ^                                      ^                                                         |
//	  +------- trialReplies good replies ----+------------------ one failure -------------------------+
//
// A server that is ejected again soon after it came back stays out twice as long each time, up to maxPenalty times.
//
// Source: twemproxy 0.5.0 nc_server.c, server_failure and server_pool_update, which let a server back unprobed.
type health struct {
	pool     *Pool
	world    world.World
	log      *slog.Logger
	failures []atomic.Int32 // since the last reply; a server with none is well
	suspects []atomic.Int32 // connections that it ended, while a probe asks why
	trial    []atomic.Int32 // good replies that a server on trial still has to give
	down     []atomic.Bool  // ejected
	ejected  []atomic.Int64 // microseconds since 1970 of the last ejection; 0: never

	ejections atomic.Int64
	live      atomic.Int64 // servers that are not out

	mu       sync.Mutex
	servers  []ejection
	wanted   []bool // servers of the ring that is to be built next; nil: none is
	building bool   // a goroutine runs build
	stopped  bool
}

// ejection is what health knows of one server beyond the counts.
type ejection struct {
	out      bool
	retryAt  time.Time // when out: the next probe
	timer    world.Timer
	penalty  int       // how many times ServerRetryTimeout it was out the last time
	rejoined time.Time // the last time
}

const (
	trialReplies  = 5
	maxPenalty    = 8
	probeInterval = time.Second // between probes of a server that does not answer, or ServerRetryTimeout if shorter
)

func (h *health) init(p *Pool, log *slog.Logger) {
	n := len(p.opts.Servers)
	h.pool, h.world, h.log = p, p.world, log
	h.failures, h.suspects = make([]atomic.Int32, n), make([]atomic.Int32, n)
	h.trial, h.down = make([]atomic.Int32, n), make([]atomic.Bool, n)
	h.ejected = make([]atomic.Int64, n)
	h.servers = make([]ejection, n)
	h.live.Store(int64(n))
}

// success says that server answered something.
func (h *health) success(server int) {
	if h.failures[server].Load() != 0 {
		h.failures[server].Store(0)
	}
	if h.trial[server].Load() > 0 && h.trial[server].Add(-1) == 0 {
		h.log.Info("server is well", "pool", h.pool.opts.Name, "server", h.pool.opts.Servers[server].PName)
	}
}

// suspect says that server ended an open connection. A server that dies does so, but also one that is well and was asked for too
// much: for a reply larger than its client-output-buffer-limit, for example, which closes the connection without a word. No
// client may have a server ejected, so a probe tells.
func (h *health) suspect(server int) {
	if !h.pool.opts.AutoEjectHosts || h.suspects[server].Add(1) > 1 {
		return
	}
	h.world.Go(func() {
		err := h.pool.Probe(&h.pool.opts.Servers[server])
		for ended := h.suspects[server].Swap(0); ended > 0 && err != nil; ended-- {
			h.failure(server)
		}
	})
}

// failure says that server did not answer, could not be reached, or reported that it is not well.
func (h *health) failure(server int) {
	if !h.pool.opts.AutoEjectHosts {
		return
	}
	limit := max(h.pool.opts.ServerFailureLimit, 1)
	if h.trial[server].Load() > 0 {
		limit = 1
	}
	if int(h.failures[server].Add(1)) < limit {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures[server].Store(0)
	h.trial[server].Store(0)
	e := &h.servers[server]
	if h.stopped || e.out {
		return // requests that were under way when it was ejected
	}
	retry := h.pool.opts.ServerRetryTimeout
	if !e.rejoined.IsZero() && h.world.Now().Sub(e.rejoined) < 2*retry {
		e.penalty = min(2*e.penalty, maxPenalty)
	} else {
		e.penalty = 1
	}
	e.out = true
	h.down[server].Store(true)
	h.ejected[server].Store(h.world.Now().UnixMicro())
	h.ejections.Add(1)
	live := h.rebuildLocked()
	if !h.pool.opts.OnServerFailure.MovesKeys() {
		retry = min(retry, probeInterval) // no key can move, so the server is wanted back as soon as it answers
	}
	wait := retry * time.Duration(e.penalty)
	h.log.Warn("server ejected", "pool", h.pool.opts.Name, "server", h.pool.opts.Servers[server].PName,
		"live", live, "retry_after", wait)
	h.retryInLocked(server, wait, false)
	if live == 0 {
		h.hurryLocked()
	}
}

// hurryLocked has all servers probed within probeInterval: none is live, so no key can move whichever comes back first.
func (h *health) hurryLocked() {
	for i := range h.servers {
		if e := &h.servers[i]; e.out && e.retryAt.Sub(h.world.Now()) > probeInterval && e.timer.Stop() {
			h.retryInLocked(i, probeInterval, false)
		}
	}
}

// retryInLocked has an ejected server probed after wait.
func (h *health) retryInLocked(server int, wait time.Duration, again bool) {
	e := &h.servers[server]
	e.retryAt = h.world.Now().Add(wait)
	e.timer = h.world.AfterFunc(wait, func() { h.retry(server, again) })
}

// retry probes an ejected server, again and again until it answers, and takes it back into the ring on trial. It runs on
// a timer's goroutine.
func (h *health) retry(server int, again bool) {
	s := &h.pool.opts.Servers[server]
	err := h.pool.Probe(s)
	h.mu.Lock()
	defer h.mu.Unlock()
	e := &h.servers[server]
	if h.stopped {
		return
	}
	if err != nil {
		if !again {
			h.log.Warn("server stays ejected until it answers", "pool", h.pool.opts.Name, "server", s.PName, "err", err)
		}
		h.retryInLocked(server, min(probeInterval, max(h.pool.opts.ServerRetryTimeout, time.Millisecond)), true)
		return
	}
	e.out, e.rejoined = false, h.world.Now()
	h.down[server].Store(false)
	h.failures[server].Store(0)
	h.trial[server].Store(trialReplies)
	live := h.rebuildLocked()
	h.log.Info("server rejoined", "pool", h.pool.opts.Name, "server", s.PName, "live", live)
}

// liveLocked says of each server whether it is in the ring, and how many are.
func (h *health) liveLocked() (live []bool, n int) {
	live = make([]bool, len(h.servers))
	for i := range h.servers {
		if live[i] = !h.servers[i].out; live[i] {
			n++
		}
	}
	h.live.Store(int64(n))
	return live, n
}

// rebuildLocked has the ring of the servers that are not out swapped in, soon, unless the pool's policy is to move no keys; it
// returns their number. A ring of a hundred servers takes 2 ms, which is too long for an event loop: a goroutine builds it, one
// at a time, and again if servers went or came meanwhile. Until then requests find an ejected server and fail there.
func (h *health) rebuildLocked() int {
	live, n := h.liveLocked()
	if !h.pool.opts.OnServerFailure.MovesKeys() {
		return n
	}
	if h.wanted = live; !h.building {
		h.building = true
		h.world.Go(h.build)
	}
	return n
}

// build builds rings until the one in use is that which was wanted last.
func (h *health) build() {
	for {
		h.mu.Lock()
		live := h.wanted
		h.wanted = nil
		if live == nil || h.stopped {
			h.building = false
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		h.pool.swapRing(live)
	}
}

func (h *health) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for i := range h.servers {
		if t := h.servers[i].timer; t != nil {
			t.Stop()
		}
	}
}
