package backend

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// health counts each server's consecutive failures, over all loops, and takes a server that has too many out of the
// ring for ServerRetryTimeout. It does nothing in a pool without AutoEjectHosts. Success costs one atomic load; only
// failure and rejoining lock.
//
// Source: twemproxy 0.5.0 nc_server.c, server_failure and server_pool_update.
type health struct {
	pool     *Pool
	failures []atomic.Int32 // since the last reply; a server with none is well

	mu      sync.Mutex
	live    []bool
	timers  []*time.Timer // of ejected servers
	stopped bool
}

func (h *health) init(p *Pool) {
	h.pool = p
	h.failures = make([]atomic.Int32, len(p.opts.Servers))
	h.timers = make([]*time.Timer, len(p.opts.Servers))
	h.live = make([]bool, len(p.opts.Servers))
	for i := range h.live {
		h.live[i] = true
	}
}

// success says that server answered something.
func (h *health) success(server int) {
	if h.failures[server].Load() != 0 {
		h.failures[server].Store(0)
	}
}

// failure says that server did not answer, or could not be reached.
func (h *health) failure(server int, log *slog.Logger) {
	if !h.pool.opts.AutoEjectHosts {
		return
	}
	if int(h.failures[server].Add(1)) < max(h.pool.opts.ServerFailureLimit, 1) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures[server].Store(0)
	if h.stopped || !h.live[server] {
		return // requests that were under way when it was ejected
	}
	h.live[server] = false
	h.rebuildLocked()
	h.pool.logEject(log, server, h.live)
	h.timers[server] = time.AfterFunc(h.pool.opts.ServerRetryTimeout, func() { h.rejoin(server, log) })
}

// rejoin takes server back into the ring: it has to fail ServerFailureLimit times anew to be ejected again.
func (h *health) rejoin(server int, log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped || h.live[server] {
		return
	}
	h.live[server] = true
	h.failures[server].Store(0)
	h.rebuildLocked()
	log.Info("server rejoined", "pool", h.pool.opts.Name, "server", h.pool.opts.Servers[server].PName)
}

func (h *health) rebuildLocked() {
	r, err := h.pool.build(h.live)
	if err != nil {
		panic("backend: a ring that was built once can't be rebuilt: " + err.Error())
	}
	h.pool.live.Store(r)
}

func (h *health) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, t := range h.timers {
		if t != nil {
			t.Stop()
		}
	}
}
