package session

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/codec/about"
)

// A client may ask about the proxy as a whole (codec.Report). No loop knows that, and to ask all of them takes time, so the
// answer is made on a goroutine off the loops. The client's order has a place for it meanwhile, and it comes back as a server's
// reply would:
//
//	Session.report -> Host.Ask -> Report.Answer, off the loop -> Loop.Execute -> Session.reported
//
// One that may end its client, as CLIENT KILL, has the next command wait: nothing that a client sent behind its end is carried out.

// maxClientReports of one client may be under way, until no more of its commands are taken.
const maxClientReports = 4

// Report is such a question on its way. Only the session's loop touches request, and of session all that is not fixed at its
// beginning.
type Report struct {
	Client uint64 // the number of the client that asks

	session *Session
	pool    *Pool            // the session's as it asked: a reload may give it another
	request *backend.Request // its place in the client's order
	client  codec.Client     // as the command found it
	mark    codec.Mark
	op      uint16
	frame   []byte
}

// report sends a command to be answered off the loop.
func (s *Session) report(cmd *codec.Command) {
	r := s.local.servers.NewRequest(s)
	r.Op, r.Quiet = cmd.Op, cmd.Quiet
	j := &Report{
		Client: s.cl.ID, session: s, pool: s.pool, request: r, client: s.cl, mark: cmd.Mark, op: cmd.Op, frame: bytes.Clone(cmd.Frame),
	}
	if !s.pool.host.Ask(j) {
		s.local.servers.Unref(r)
		s.countRefusal(cmd)
		bb := s.loop.GetBuffer()
		bb.B = s.pool.Protocol.AppendFailure(bb.B, s.cl.Profile, cmd.Mark, "too many clients ask about the proxy")
		s.answer(bb)
		return
	}
	s.tally.Local++
	r.Ref() // the report's
	s.push(r)
	s.reports++
	s.local.reports++
	if cmd.Own {
		s.waitsFor |= behindOrder
	}
}

// Answer makes the reply of what a tells, off the loops, and has the client's loop take it.
func (j *Report) Answer(a about.Proxy) {
	s, r := j.session, j.request
	reply, last := j.run(a)
	s.loop.Execute(func() { s.reported(r, reply, last) })
}

// run makes the reply. A panic costs an error, not the process.
func (j *Report) run(a about.Proxy) (reply []byte, last bool) {
	l, p := j.session.loop, j.pool
	defer func() {
		if r := recover(); r != nil {
			l.Panics.Add(1)
			l.Log.Error("panic in a report", "pool", p.Name, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			reply, last = p.Protocol.AppendFailure(nil, j.client.Profile, j.mark, "the proxy could not tell"), false
		}
	}()
	return p.Protocol.AppendReport(nil, j.client, j.op, j.frame, a)
}

// reported takes the reply to what report asked; last: the client is closed once it has it.
func (s *Session) reported(r *backend.Request, reply []byte, last bool) {
	s.local.reports--
	if r.Owner != nil { // else the client has left
		s.reports--
		if r.Quiet != 0 && s.pool.Protocol.Suppress(r.Quiet, reply) {
			reply = nil
		}
		r.Reply, r.Size, r.Done = &bytebufferpool.ByteBuffer{B: reply}, len(reply), true
		if last {
			s.quit()
		}
		s.passDue()
		s.unblock() // it may have waited for that, and be owed others first
	}
	s.local.servers.Unref(r)
}
