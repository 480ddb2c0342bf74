package session

import (
	"errors"
	"slices"
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// A command of Kind Switch (HELLO, SELECT, RESET) changes the profile, or the database, of the server connections that a client's
// commands take. It is a barrier: it is not taken from the input before all is answered that came before it, and, if the client wants
// more than the plain profile, or another database than the pool's own, before it is known whether the servers have that. A SELECT of
// the database that the client is in is none: it is answered in its turn.
//
//	consume --> ready? --replies are owed-------------> blocked until settled --+
//	              |    --servers are being asked------> blocked until Roomy ----+--> consume finds it again
//	              +--yes--> handle --> change --> answered by the proxy, or with a server's refusal
//
// Where no server can be reached that says whether it has a database, a SELECT is carried out: a client of the server's own would have
// lost its connection, and must not go on in the database before. What it sends then fails, or does not, by itself.

// switching is how far a session is with such a command.
type switching struct {
	asked bool // servers are being asked whether they speak what it wants
	late  bool // it has waited long enough: what is not known by now does not count
	wait  int  // which of its waits this is: the end of another's time is none of its
}

// ready says that cmd can be taken now; if not, the session is blocked until it may be looked at again.
func (s *Session) ready(cmd *codec.Command) bool {
	pr, db, waits := s.pool.Protocol.Target(&s.cl, cmd)
	if !waits {
		return true
	}
	if s.awaitsReplies() || s.awaitsServers(false) {
		return false
	}
	_, wait, _ := s.asks(pr, db, s.late)
	if wait {
		s.askUntil(behindServer, s.pool.AskPatience())
	}
	return !wait
}

// awaitsReplies has s wait while it is owed a reply.
func (s *Session) awaitsReplies() bool {
	if s.owedNothing() {
		return false
	}
	s.waitsFor |= behindOrder
	s.block()
	return true
}

// awaitsServers has s wait, as long as commands do that are sent again, if nobody has said yet where any server is, or of which servers the
// cluster is; all: also of a pool that routes lead to.
func (s *Session) awaitsServers(all bool) bool {
	if s.late {
		return false
	}
	for h := range s.shards {
		switch p := h.pool; {
		case h != s.shard && !all:
			return false
		case p.patient && !slices.ContainsFunc(p.Servers(), func(v *topology.Server) bool { return !v.Unknown() }):
			p.Stale()
			s.askUntil(behindMap, p.patience())
			return true
		}
	}
	return false
}

// asks says whether the servers have what s does not have yet; if nothing changes, or the command fails, they are not asked.
func (s *Session) asks(pr codec.Profile, db int, last bool) (refusal []byte, wait bool, err error) {
	able := false
	for h := range s.shards {
		no, later, why := s.asksAt(h, pr, db, last)
		switch {
		case no != nil:
			return no, false, nil
		case later:
			wait = true
		case why == nil:
			able = true
		default:
			err = why
		}
	}
	if wait || able {
		err = nil
	}
	return nil, wait, err
}

// asksAt is asks for the servers of h, one of the shards that s reaches.
func (s *Session) asksAt(h *shard, pr codec.Profile, db int, last bool) (refusal []byte, wait bool, err error) {
	switch {
	case pr != s.cl.Profile:
		return h.group.Speaks(pr, s.cl.ID, s, last)
	case db != s.cl.DB && (h == s.shard || s.pool.Protocol.Databases() > 0):
		refusal, wait, _ = h.group.Has(pr, db, s.cl.ID, s, last)
	}
	return refusal, wait, nil
}

// change carries out a command that is ready.
func (s *Session) change(cmd *codec.Command) {
	pr, db, _ := s.pool.Protocol.Target(&s.cl, cmd)
	refusal, _, err := s.asks(pr, db, true)
	s.asksNoMore()
	switch {
	case refusal == nil && err == nil:
		s.tally.Profiles[s.cl.Profile]--
		was, in := s.cl.Profile, s.cl.DB
		s.answerLocal(cmd)
		s.tally.Profiles[s.cl.Profile]++
		if s.cl.Profile != was {
			lost := s.watches.on()
			s.unwatch(false) // its reply would come in the other version
			s.watches.lost = lost
		}
		if s.pool.Protocol.Forgets(cmd) {
			s.dropTransaction()
			s.unwatch(false)
			s.leaveTopics()
		}
		if s.cl.DB != in {
			s.leadLease()
		}
		s.enter(s.cl.DB)
	case err != nil:
		s.refuse(cmd, err)
	default:
		s.countRefusal(cmd)
		bb := s.loop.GetBuffer()
		bb.B = append(bb.B, refusal...)
		s.answer(bb)
	}
}

// speaks says whether err, of ParseCommand, is that the client begins as one of another profile does, which it has from here on.
// Nothing of it is under way on connections of the profile before. No server is asked whether it speaks that: the client can't do
// otherwise, and is told with its first command to a server that can't.
func (s *Session) speaks(err error) bool {
	var begins *codec.ProfileError
	if s.commands > 0 || !errors.As(err, &begins) {
		return false
	}
	s.tally.Profiles[s.cl.Profile]--
	s.cl.Profile = begins.Profile
	s.tally.Profiles[s.cl.Profile]++
	s.conns = s.group.Set(s.cl.Profile, s.cl.DB)
	return true
}

// askUntil has s wait behind cause until it is told that it may look again, for so long at most.
func (s *Session) askUntil(cause causes, patience time.Duration) {
	s.waitsFor |= cause
	if !s.asked {
		s.asked = true
		n := s.wait
		s.loop.After(patience, func() {
			if s.asked && s.wait == n {
				s.late = true
				s.waitsFor &^= cause
				s.unblock()
			}
		})
	}
	s.block()
}

// asksNoMore ends a wait.
func (s *Session) asksNoMore() { s.switching = switching{wait: s.wait + 1} }

// looksAgain ends the wait for a map: there is another.
func (s *Session) looksAgain() {
	s.asksNoMore()
	s.waitsFor &^= behindMap
}

var _ backend.Waiter = (*Session)(nil)
