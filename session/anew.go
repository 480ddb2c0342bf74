package session

import (
	"github.com/valyala/bytebufferpool"

	"cashew/codec"
)

// The commands of a transaction are judged as they are queued: by the rules, the databases and the number of servers of the pool that there
// is then. If a reload has put another in its place by EXEC, they are judged anew; one that the other would not have queued, or not for its
// server, discards all. Where their keys live by now stillTogether looks.

// stillQueued says that s's pool would queue all of t, as the one did that there was then. If not, the EXEC is answered.
func (s *Session) stillQueued(t *transaction) bool {
	if t.pool == s.pool || t.pool == nil {
		return true
	}
	from := t.ends[0]
	for _, end := range t.ends[1:] {
		if !s.queuesAnew(t.bb.B[from:end], false) {
			return false
		}
		from = end
	}
	for i := range t.own {
		if !s.queuesAnew(t.own[i].frame, true) {
			return false
		}
	}
	return true
}

// queuesAnew is stillQueued for one command; own: it is one that the proxy answers.
func (s *Session) queuesAnew(frame []byte, own bool) bool {
	p, cl := s.pool.Protocol, s.cl
	var scan codec.Scan
	var cmd codec.Command
	if n, err := p.ParseCommand(&cl, &scan, frame, &cmd); err == nil && n == len(frame) && s.wouldQueue(&cl, &cmd, own) {
		return true
	}
	bb := s.loop.GetBuffer()
	bb.B = p.AppendAborted(bb.B, &cl, &cmd)
	s.answerAborted(bb)
	return false
}

// wouldQueue says that cmd, which is within a transaction, would be queued for its server; own: by the proxy, for itself.
func (s *Session) wouldQueue(cl *codec.Client, cmd *codec.Command, own bool) bool {
	p := s.pool.Protocol
	if cmd.Kind == codec.Unknown {
		lesson, known, _ := s.pool.lessons.find(p.AppendUnknown(nil, cmd), s.loop.Now)
		if !known {
			return false
		}
		p.Apply(cl, cmd, lesson)
	}
	if s.dual() != nil {
		if _, why := p.Doubles(cmd); why != "" {
			return false
		}
	}
	if cmd.Sole && s.pool.single() && s.solely(cmd) {
		return true
	}
	if own || !cmd.Own {
		return cmd.Kind == codec.Queue
	}
	as := *cl
	as.DB = -1 // none
	_, db, _ := p.Target(&as, cmd)
	return cmd.Kind == codec.Queue && db != as.DB // a SELECT goes to the server, although the proxy would answer it
}

// answerAborted answers an EXEC, which executes nothing.
func (s *Session) answerAborted(bb *bytebufferpool.ByteBuffer) {
	s.answer(bb)
	s.pool.Protocol.EndTransaction(&s.cl)
	s.unwatch(false)
}
