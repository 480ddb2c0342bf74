package engine

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/stats"
)

// This file answers clients that ask about the proxy as a whole (codec.Report). No loop knows that, and to ask all of them
// takes time, so the answer is made on a goroutine off the loops, and comes back as a server's reply would:
//
//	Session.report -> reporter.ask -> report.run, off the loop -> Loop.Execute -> Session.reported

const (
	// maxReporters is how many reports are made at a time; maxWaitingReports how many more may wait their turn.
	maxReporters      = 8
	maxWaitingReports = 1 << 10
	// maxClientReports of one client may be under way, until no more of its commands are taken.
	maxClientReports = 4
)

// sight is a Proxy, as far as reports ask it, or a test's.
type sight interface {
	Snapshot() *stats.Snapshot
	Clients() []stats.Client
	Kill(match func(*stats.Client) bool) int
	SlowLog(n int) []stats.SlowEntry
}

// reporter has the reports of all clients made.
type reporter struct {
	proxy *Proxy
	sight sight

	mu      sync.Mutex
	running int // goroutines that make reports
	waiting []*report
}

// report is one under way. Only the session's loop touches request, and of session all that is not fixed at its beginning.
type report struct {
	session *Session
	pool    *pool            // the session's as it asked: a reload may give it another
	request *backend.Request // its place in the client's order
	client  codec.Client     // as the command found it
	op      uint16
	frame   []byte
}

// report sends a command to be answered off the loop.
func (s *Session) report(cmd *codec.Command) {
	r := s.local.servers.NewRequest(s)
	r.Op = cmd.Op
	j := &report{session: s, pool: s.pool, request: r, client: s.cl, op: cmd.Op, frame: bytes.Clone(cmd.Frame)}
	if !s.pool.reports.ask(j) {
		s.local.servers.Unref(r)
		s.countRefusal(cmd)
		bb := s.loop.GetBuffer()
		bb.B = s.pool.protocol.AppendError(bb.B, "too many clients ask about the proxy")
		s.answer(bb)
		return
	}
	s.tally.Local++
	r.Ref() // the report's
	s.push(r)
	s.reports++
}

// reported takes the reply to what report asked; last: the client is closed once it has it.
func (s *Session) reported(r *backend.Request, reply []byte, last bool) {
	if r.Owner != nil { // else the client has left
		s.reports--
		r.Reply, r.Size, r.Done = &bytebufferpool.ByteBuffer{B: reply}, len(reply), true
		if last {
			s.quit()
		}
		s.drain()
	}
	s.local.servers.Unref(r)
}

// ask has j made, soon; false: too many are waiting.
func (rp *reporter) ask(j *report) bool {
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
func (rp *reporter) work(j *report) {
	for ; j != nil; j = rp.next() {
		s, r := j.session, j.request
		reply, last := j.run(rp)
		s.loop.Execute(func() { s.reported(r, reply, last) })
	}
}

// next is the report that has waited longest. nil: none waits, and the caller is no longer counted.
func (rp *reporter) next() *report {
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

// run makes the reply. A panic costs an error, not the process.
func (j *report) run(rp *reporter) (reply []byte, last bool) {
	l, p := j.session.loop, j.pool
	defer func() {
		if r := recover(); r != nil {
			l.Panics.Add(1)
			l.Log.Error("panic in a report", "pool", p.name, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			reply, last = p.protocol.AppendError(nil, "the proxy could not tell"), false
		}
	}()
	return p.protocol.AppendReport(nil, j.client, j.op, j.frame, &about{rp: rp, pool: p, asker: j.client.ID})
}
