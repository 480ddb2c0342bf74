package session

import (
	"time"

	"cashew/codec"
)

// Once too many logins of an address have failed (Host), a login from there is judged only when its turn has come, on whichever
// connection: so it does not help who guesses that he has many. A client that waited before it was let in has had its turn already, for its
// first login, if that comes at once. A login that fails is the last of its connection then.
//
//	handle --HoldLogin: now------------------------> answered as any
//	          |       --in a second-> blocked until the timer --> consume finds it again, and its turn has come
//	          +-------too many wait-> an error, unjudged; who has not logged in is closed behind it

// loggingIn is how far a session is with a login.
type loggingIn struct {
	waited bool  // it waited at the door, and has sent no login yet
	turnOf int64 // the command, counted from 1, that waits for its turn or has it; 0: none did
}

// unjudged is the Kind of a login that is refused so. No protocol finds one.
const unjudged = over - 1

// turnTime is how long a turn that came at the door may be kept: or somebody could gather them.
const turnTime = time.Second

// WaitedToLogIn says, before Enroll, that s waited for a login's turn before it was let in.
func (s *Session) WaitedToLogIn() { s.waited = true }

// mayLogIn says that the login which is about to be taken may be judged now. Else s waits for that, unless too many do.
func (s *Session) mayLogIn() bool {
	if s.turnOf == s.commands+1 {
		return true
	}
	fresh := s.waited && s.loop.Now-s.openedAt < int64(turnTime)
	if s.waited = false; fresh {
		return true
	}
	wait, done := s.pool.host.HoldLogin(s.cl.Addr)
	if wait == 0 {
		return true
	}
	if done != nil {
		s.turnOf = s.commands + 1
		s.waitsFor |= behindLogin
		s.loop.After(wait, func() {
			done()
			s.waitsFor &^= behindLogin
			if s.life != closed {
				s.unblock()
			}
		})
		s.block()
	}
	return false
}

// refuseLogin refuses a login unjudged. It is taken.
func (s *Session) refuseLogin(cmd *codec.Command) (taken bool) {
	cmd.Kind = unjudged
	s.count(cmd)
	s.countRefusal(cmd)
	bb := s.loop.GetBuffer()
	bb.B = s.pool.Protocol.AppendFailure(bb.B, s.cl.Profile, cmd.Mark, TooManyLogins)
	s.answer(bb)
	if !s.cl.Authed {
		s.quit()
	}
	return true
}

// TooManyLogins is what a client is told whose login is refused for those of its address that have failed.
const TooManyLogins = "too many failed logins from your address; try again later"

// loginFailed counts a login of s that failed; one too many of its address is the last that s tries.
func (s *Session) loginFailed() {
	s.cl.LoginFailed = false
	s.auditLogin(true)
	if s.pool.host.LoginFailed(s.cl.Addr) {
		s.quit()
	}
}
