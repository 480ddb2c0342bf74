package topology

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// health counts each server's consecutive failures, over all loops, and takes a server that has too many out of the ring.
// It does nothing in a pool without AutoEjectHosts. Success costs two atomic loads; only failure and rejoining lock. What it counts
// stands in each Server; that it acts on it, and by which limits, is the matter of the one pool that is in force.
//
//	live --ServerFailureLimit failures--> ejected --ServerRetryTimeout, then a probe is answered--> on trial
//	  ^                                      ^                                                         |
//	  +------- trialReplies good replies ----+------------------ one failure -------------------------+
//
// A server that is ejected again soon after it came back stays out twice as long each time, up to maxPenalty times.
//
// Source: twemproxy 0.5.0 nc_server.c, server_failure and server_pool_update, which let a server back unprobed.
type health struct {
	live    atomic.Int64 // servers that are not out
	stopped atomic.Bool  // another pool took this one's place, or it is closed: nothing that is said to it counts

	wanted   []bool // servers of the router that is to be built next, by place; nil: none is; under registry.mu
	building bool   // a goroutine runs build; under registry.mu
}

const (
	trialReplies  = 5
	maxPenalty    = 8
	probeInterval = time.Second // between probes of a server that does not answer, or ServerRetryTimeout if shorter
)

// Success says that s answered something.
func (p *Pool) Success(s *Server) {
	if s.failures.Load() != 0 || s.trial.Load() > 0 {
		p.recovered(s)
	}
}

// recovered is Success for a server that had failed.
func (p *Pool) recovered(s *Server) {
	if p.health.stopped.Load() {
		return
	}
	s.failures.Store(0)
	if s.trial.Load() > 0 && s.trial.Add(-1) == 0 {
		p.log.Info("server has passed its trial", p.About(s)...)
	}
}

// Suspect says that s ended an open connection. A server that dies does so, but also one that is well and was asked for too
// much: for a reply larger than its client-output-buffer-limit, for example, which closes the connection without a word. No
// client may have a server ejected, so a probe tells.
func (p *Pool) Suspect(s *Server) {
	if p.IsReplica(s) {
		p.doubt(s, "it ended a connection")
		return
	}
	if !p.opts.AutoEjectHosts || p.health.stopped.Load() || s.suspects.Add(1) > 1 {
		return
	}
	p.world.Go(func() {
		err := p.Probe(s)
		for ended := p.suspected(s); ended > 0 && err != nil; ended-- {
			p.Failure(s, "it ended a connection, and a probe says: "+err.Error())
		}
	})
}

// suspected takes how many connections s ended since the last call. What the pool that took p's place counts is that one's.
func (p *Pool) suspected(s *Server) int32 {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	if p.health.stopped.Load() {
		return 0
	}
	return s.suspects.Swap(0)
}

// Failure says that s did not answer, could not be reached, or reported that it is not well, and which of these. A replica gets no more reads
// then until it is found well.
func (p *Pool) Failure(s *Server, why string) {
	if p.IsReplica(s) {
		p.doubt(s, "it failed")
		return
	}
	if !p.opts.AutoEjectHosts || p.health.stopped.Load() {
		return
	}
	limit := max(p.opts.ServerFailureLimit, 1)
	if s.trial.Load() > 0 {
		limit = 1
	}
	if int(s.failures.Add(1)) < limit {
		return
	}
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	if p.health.stopped.Load() {
		return
	}
	s.failures.Store(0)
	s.trial.Store(0)
	if !s.out { // else these are requests that were under way when it was ejected
		if limit > 1 {
			why = fmt.Sprintf("%s; %d failures in a row", why, limit)
		}
		p.ejectLocked(s, why)
	}
}

// ejectLocked takes s out of the ring, and has it probed when its time is up.
func (p *Pool) ejectLocked(s *Server, why string) {
	retry := p.opts.ServerRetryTimeout
	if !s.rejoined.IsZero() && p.world.Now().Sub(s.rejoined) < 2*retry {
		s.penalty = min(2*s.penalty, maxPenalty)
	} else {
		s.penalty = 1
	}
	s.out, s.cause, s.probeErr = true, why, nil
	s.set(ejectedBit, true)
	s.ejected.Store(p.world.Now().UnixMicro())
	p.registry.ejections.Add(1)
	live := p.rebuildLocked()
	if !p.opts.OnServerFailure.MovesKeys() {
		retry = min(retry, probeInterval) // no key can move, so the server is wanted back as soon as it answers
	}
	wait := retry * time.Duration(s.penalty)
	p.log.Warn("server ejected", append(p.About(s), "why", why, "live", live, "retry_after", wait)...)
	p.retryInLocked(s, wait, false)
	if live == 0 {
		p.hurryLocked()
	}
}

// hurryLocked has all servers probed within probeInterval: none is live, so no key can move whichever comes back first.
func (p *Pool) hurryLocked() {
	for _, s := range p.servers {
		if s.out && s.retryAt.Sub(p.world.Now()) > probeInterval && s.timer.Stop() {
			p.retryInLocked(s, probeInterval, false)
		}
	}
}

// retryInLocked has an ejected server probed after wait.
func (p *Pool) retryInLocked(s *Server, wait time.Duration, again bool) {
	s.retryAt = p.world.Now().Add(wait)
	s.timer = p.world.AfterFunc(wait, func() { p.retry(s, again) })
}

// retry probes an ejected server, again and again until it answers, and takes it back into the ring on trial. It runs on
// a timer's goroutine.
func (p *Pool) retry(s *Server, again bool) {
	err := p.Probe(s)
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	if p.health.stopped.Load() {
		return
	}
	if s.probeErr = err; err != nil {
		if !again {
			p.log.Warn("server stays ejected until it answers", append(p.About(s), "err", err)...)
		}
		p.retryInLocked(s, min(probeInterval, max(p.opts.ServerRetryTimeout, time.Millisecond)), true)
		return
	}
	s.out, s.rejoined = false, p.world.Now()
	s.set(ejectedBit, false)
	s.failures.Store(0)
	s.trial.Store(trialReplies)
	live := p.rebuildLocked()
	p.log.Info("server answers again and is back in the ring, on trial", append(p.About(s), "live", live)...)
}

// liveLocked says of each server, by place, whether it is in the ring, and how many are.
func (p *Pool) liveLocked() (live []bool, n int) {
	live = make([]bool, len(p.servers))
	for place, s := range p.servers {
		if live[place] = !s.out; live[place] {
			n++
		}
	}
	p.health.live.Store(int64(n))
	return live, n
}

// rebuildLocked has the router of the servers that are not out swapped in, soon, unless the pool's policy is to move no keys; it
// returns their number. A ring of a hundred servers takes 2 ms, which is too long for an event loop: a goroutine builds it, one
// at a time, and again if servers went or came meanwhile. Until then requests find an ejected server and fail there.
func (p *Pool) rebuildLocked() int {
	live, n := p.liveLocked()
	if !p.opts.OnServerFailure.MovesKeys() {
		return n
	}
	if p.health.wanted = live; !p.health.building {
		p.health.building = true
		p.world.Go(p.build)
	}
	return n
}

// build builds routers until the one in use is that which was wanted last.
func (p *Pool) build() {
	for {
		p.registry.mu.Lock()
		live := p.health.wanted
		p.health.wanted = nil
		if live == nil || p.health.stopped.Load() {
			p.health.building = false
			p.registry.mu.Unlock()
			return
		}
		p.registry.mu.Unlock()
		p.swapRouter(live)
	}
}

// Ejection says why s is ejected, and when it will be probed next; ok is false if it is not ejected. It may be called from any goroutine.
func (p *Pool) Ejection(s *Server) (why string, next time.Time, ok bool) {
	if !s.Down() {
		return "", time.Time{}, false
	}
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	why = s.cause
	if s.probeErr != nil && !strings.Contains(why, s.probeErr.Error()) {
		why += "; the last probe says: " + s.probeErr.Error()
	}
	return why, s.retryAt, s.out
}

// stopLocked ends what p's health does of itself.
func (p *Pool) stopLocked() {
	p.health.stopped.Store(true)
	for _, s := range p.servers {
		if s.timer != nil {
			s.timer.Stop()
		}
	}
}
