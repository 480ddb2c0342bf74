package session

// Rate limits: a command that costs something is charged to the rules of its pool (package quota) before anything is done about it. Past
// one that refuses it is answered with an error, in its turn; past one that delays, its client waits, and the command is taken once the
// time that it was charged has come:
//
//	consume --> admit --within the rules---------------> as in a pool without rules
//	              |    --past one that refuses---------> over --> overLimit
//	              +--past one that delays--> blocked until the timer --> consume finds it again, and admit knows that it was charged
//
// A client that hung up, or shut its half, does not wait: it is refused what is past any rule.
//
// What a server replies is charged as it is passed on, to the rules that its command came under: nobody knew how long it would be, so
// that is a debt, which the next commands under these rules pay.
//
// What the proxy answers itself is free: AUTH, HELLO, RESET, QUIT, PING, and MULTI, EXEC and DISCARD. The commands in a transaction are
// charged as they are queued.

import (
	"math"
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/codec/acl"
	"cashew/quota"
)

// over is the Kind of a command that is past a limit and refused. No protocol finds one.
const over codec.Kind = math.MaxUint8

// limiting is how far a session is with its pool's rules.
type limiting struct {
	limiter *quota.Local // of its shard; nil: there are no rules, and nothing was rewritten

	charged quota.Set // rules that the command came under that is taken now; its request has them in Rules
	queued  quota.Set // those of what is queued since MULTI

	ruled bool      // rules are those for user
	user  *acl.User // whose rules these are
	rules quota.Set

	paid   int64       // the command, counted from 1, that was charged when it was looked at before
	paidTo quota.Set   // the rules that it was charged to
	held   *quota.Held // what a command that waits was charged; nil: none does
	turn   int         // which of its waits this is: the timer of another is none of its
	muted  int64       // the command, counted from 1, that is quiet in a way that the protocol has taken out of its frame
	quiet  uint16      // its Quiet
	bears  codec.Mark  // its Mark, which has the opcode that the client sent
}

// admit says whether cmd, which has n bytes and is at the front of the input, may be taken now. One that is refused becomes a command of
// Kind over; if one has to wait, the session is blocked.
func (s *Session) admit(cmd *codec.Command, n int) bool {
	if s.muted == s.commands+1 {
		cmd.Quiet, cmd.Mark = s.quiet, s.bears
	}
	l := s.limits
	if s.charged = 0; l == nil {
		s.limiter = nil // it was there for cmd.Quiet
		return true
	}
	if s.paid == s.commands+1 {
		s.charged, s.held = s.paidTo, nil
		return true
	}
	switch {
	case cmd.Kind == codec.Exec:
		s.charged, s.queued = s.queued, 0
		return true
	case cmd.Kind == codec.Discard:
		s.queued = 0
		return true
	case s.isFree(cmd):
		return true
	}
	if !s.ruled || s.user != s.cl.User {
		s.ruled, s.user, s.rules = true, s.cl.User, l.For(s.userName())
	}
	if s.rules == 0 {
		return true
	}
	_, class := s.pool.Protocol.Describe(cmd.Op)
	v := l.Take(s.rules, &quota.Claim{Class: class, Key: cmd.Key, Keys: cmd, N: len(cmd.Keys), Bytes: n, Now: s.eof}, s.loop.Now)
	if v.Past != nil {
		s.pastLimit(cmd, v)
	}
	if v.Past == nil || v.Wait > 0 {
		s.paid, s.paidTo, s.charged = s.commands+1, v.Rules, v.Rules
	}
	if cmd.Kind == codec.Queue || cmd.Kind == codec.Unknown {
		s.queued |= v.Rules
	}
	if v.Wait > 0 {
		s.awaitLimit(l.Hold(v), v.Wait, cmd)
		return false
	}
	return true
}

// isFree says that cmd is not for a server, nor about all of the proxy.
func (s *Session) isFree(cmd *codec.Command) bool {
	switch cmd.Kind {
	case codec.Ignore, codec.Switch, codec.Quit:
		return true
	case codec.Local, codec.Refuse:
		return !cmd.Sole || !s.pool.single()
	case codec.Queue:
		return cmd.Own
	}
	return false
}

// pastLimit counts and tells that cmd is past a limit, and has it refused if it need not wait.
func (s *Session) pastLimit(cmd *codec.Command, v quota.Verdict) {
	v.Past.Times.Add(1)
	if v.Wait > 0 {
		v.Past.Waits.Add(v.Wait)
	} else {
		cmd.Kind, s.local.past = over, v.Past
	}
	if v.Past.ToTell(s.loop.Now) {
		s.loop.Log.Warn("past a rate limit", "pool", s.pool.Name, "rule", v.Past.Name, "past", v.Past.Past(), "client", s.cl.Addr,
			"user", s.userName(), "command", s.pool.Protocol.CommandName(cmd), "wait", time.Duration(v.Wait))
	}
}

// awaitLimit has s wait for so many nanoseconds with a command that was charged.
func (s *Session) awaitLimit(held *quota.Held, wait int64, cmd *codec.Command) {
	s.held = held
	if s.quiet, s.bears = cmd.Quiet, cmd.Mark; cmd.Quiet != 0 {
		s.muted = s.commands + 1
	}
	s.turn++
	turn := s.turn
	s.waitsFor |= behindLimit
	s.loop.After(time.Duration(wait), func() {
		if s.turn == turn && s.waitsFor&behindLimit != 0 {
			s.waitsFor &^= behindLimit
			s.unblock()
		}
	})
	s.block()
}

// overLimit refuses a command that is past a limit.
func (s *Session) overLimit(cmd *codec.Command) {
	s.count(cmd)
	s.countRefusal(cmd)
	s.pool.Protocol.Spoil(&s.cl)
	if cmd.NoReply {
		return
	}
	bb := s.loop.GetBuffer()
	bb.B = s.pool.Protocol.AppendFailure(bb.B, s.cl.Profile, cmd.Mark, s.local.past.Text)
	s.answer(bb)
}

// owe charges the reply to r, which its client has, or is about to have.
func (s *Session) owe(r *backend.Request) {
	if r.Rules != 0 && r.Size > 0 {
		s.limiter.Owe(quota.Set(r.Rules), r.Size, s.loop.Now)
	}
}

// waitsNoMore has s, whose client sends no more, and may be gone, wait for no limit: what would have to is refused, so that it keeps neither its
// place, for those behind it, nor its connection.
func (s *Session) waitsNoMore() {
	if s.waitsFor&behindLimit == 0 {
		return
	}
	s.giveBack()
	s.paid = 0
	s.unblock()
}

// giveBack ends the wait for a limit, and gives back what was charged.
func (s *Session) giveBack() {
	if s.held != nil {
		s.held.GiveBack()
		s.held = nil
	}
	s.waitsFor &^= behindLimit
	s.turn++
}

// relimit has s come under the rules that its shard has now.
func (s *Session) relimit() {
	if s.limiter == s.limits {
		return
	}
	s.forgetLimit()
	if s.limiter = s.limits; s.limiter == nil && s.muted == s.commands+1 {
		s.limiter = new(quota.Local)
	}
	for r := s.head; r != nil; r = r.Next {
		r.Rules = 0 // of the others
	}
}

// forgetLimit ends the wait for a limit, and gives back what was charged for what has not been sent.
func (s *Session) forgetLimit() {
	s.giveBack()
	s.charged, s.queued, s.ruled, s.paid = 0, 0, false, 0
}

// rewritten says that the front of the input is not what the client sent, and that only s knows what it was.
func (s *Session) rewritten() bool { return s.muted == s.commands+1 }
