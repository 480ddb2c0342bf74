package engine

import (
	"sync"

	"cashew/session"
	"cashew/stats"
)

// This file answers clients that ask about the proxy as a whole (codec.Report), on goroutines off the loops:
//
//	Session.report -> pool.Ask -> reporter.ask -> work, off the loop -> Report.Answer -> Session.reported

const (
	// maxReporters is how many reports are made at a time; maxWaitingReports how many more may wait their turn.
	maxReporters      = 8
	maxWaitingReports = 1 << 10
)

// sight is a Proxy, as far as reports ask it, or a test's.
type sight interface {
	Snapshot() *stats.Snapshot
	Clients() []stats.Client
	Kill(match func(*stats.Client) bool) int
	Unblock(pool string, id uint64, failing bool) bool
	SlowLog(n int) []stats.SlowEntry
}

// reporter has the reports of all clients made.
type reporter struct {
	proxy *Proxy
	sight sight

	mu      sync.Mutex
	running int // goroutines that make reports
	waiting []*job
}

// job is a report under way, or about to be.
type job struct {
	*session.Report
	pool *pool // the client's as it asked: a reload may give it another
}

// Ask implements Host.
func (p *pool) Ask(r *session.Report) bool { return p.reports.ask(&job{r, p}) }

// ask has j made, soon; false: too many are waiting.
func (rp *reporter) ask(j *job) bool {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	switch {
	case rp.running < maxReporters:
		rp.running++
		rp.proxy.world.Go(func() { rp.work(j) })
	case len(rp.waiting) < maxWaitingReports:
		rp.waiting = append(rp.waiting, j)
	default:
		return false
	}
	return true
}

// work makes reports while any wait.
func (rp *reporter) work(j *job) {
	for ; j != nil; j = rp.next() {
		j.Answer(&view{rp: rp, pool: j.pool, asker: j.Client})
	}
}

// next is the report that has waited longest. nil: none waits, and the caller is no longer counted.
func (rp *reporter) next() *job {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if len(rp.waiting) == 0 {
		rp.waiting = nil
		rp.running--
		return nil
	}
	j := rp.waiting[0]
	rp.waiting[0] = nil
	rp.waiting = rp.waiting[1:]
	return j
}
