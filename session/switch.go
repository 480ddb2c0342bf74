package session

import (
	"errors"
	"time"

	"cashew/backend"
	"cashew/codec"
)

// A command of Kind Switch (HELLO, RESET) changes the profile of the server connections that a client's commands take. It is a
// barrier: it is not taken from the input before all is answered that came before it, and, if the client wants more than
// the plain profile, before it is known whether the servers speak it.
//
//	consume --> ready? --replies are owed-------------> blocked until settled --+
//	              |    --servers are being asked------> blocked until Roomy ----+--> consume finds it again
//	              +--yes--> handle --> change --> answered by the proxy, or with a server's refusal

// switching is how far a session is with such a command.
type switching struct {
	asked bool // servers are being asked whether they speak what it wants
	late  bool // it has waited long enough: what is not known by now does not count
	wait  int  // which of its waits this is: the end of another's time is none of its
}

// ready says that cmd can be taken now; if not, the session is blocked until it may be looked at again.
func (s *Session) ready(cmd *codec.Command) bool {
	if s.head != nil {
		s.waitsFor |= behindOrder
		s.block()
		return false
	}
	to := s.pool.Protocol.Target(&s.cl, cmd)
	if to == s.cl.Profile {
		return true // nothing changes, or it fails, and no server has to be asked
	}
	_, wait, _ := s.group.Speaks(to, s.cl.ID, s, s.late)
	if wait {
		s.askUntil(s.pool.AskPatience())
	}
	return !wait
}

// change carries out a command that is ready.
func (s *Session) change(cmd *codec.Command) {
	to := s.pool.Protocol.Target(&s.cl, cmd)
	var refusal []byte
	var err error
	if to != s.cl.Profile {
		refusal, _, err = s.group.Speaks(to, s.cl.ID, s, true)
	}
	s.asksNoMore()
	switch {
	case refusal == nil && err == nil:
		s.tally.Profiles[s.cl.Profile]--
		before := s.cl.Profile
		s.answerLocal(cmd)
		s.tally.Profiles[s.cl.Profile]++
		if s.cl.Profile != before {
			lost := s.watches.on()
			s.unwatch(false) // its reply would come in the other version
			s.watches.lost = lost
		}
		if s.pool.Protocol.Forgets(cmd) {
			s.dropTransaction()
			s.unwatch(false)
			s.leaveTopics()
		}
		s.conns = s.group.Set(s.cl.Profile)
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
	s.conns = s.group.Set(s.cl.Profile)
	return true
}

// askUntil has s wait until it is told that it may look again, for so long at most.
func (s *Session) askUntil(patience time.Duration) {
	s.waitsFor |= behindServer
	if !s.asked {
		s.asked = true
		n := s.wait
		s.loop.After(patience, func() {
			if s.asked && s.wait == n {
				s.late = true
				s.Roomy()
			}
		})
	}
	s.block()
}

// asksNoMore ends a wait.
func (s *Session) asksNoMore() { s.switching = switching{wait: s.wait + 1} }

var _ backend.Waiter = (*Session)(nil)
