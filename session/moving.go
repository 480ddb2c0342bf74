package session

import "time"

// A client that has asked for it is told before the proxy leaves it, and served on until it has gone to another proxy, or has had its
// time. So it makes a new connection first, and loses no command with the old one.

// movingTime is how long it has at most. Where it is to connect to the same name again, it does so after half of that.
const movingTime = 4 * time.Second

// movingSeconds is how long clients have, in whole seconds: half of the time to drain at most. 0: it is too short.
func (l *Local) movingSeconds() int {
	return int(min(movingTime, l.limits.DrainTimeout/2) / time.Second)
}

// tellMoving tells s that it is to go, and has it leave later; false: it has not asked for that, or can't be told now.
func (s *Session) tellMoving() bool {
	if s.cl.Moves == 0 || s.moving || !s.local.draining || s.head != nil && s.head.Streaming {
		return false
	}
	seconds := s.local.movingSeconds()
	if seconds == 0 {
		return false
	}
	number, before := int(s.local.pressure.moves.Add(1)), s.out.Pending()
	s.out.SetBatch(s.pool.Protocol.AppendMoving(s.out.Batch(s.loop), &s.cl, number, seconds, s.pool.opts.MovingEndpoint))
	if s.out.Pending() == before {
		return false
	}
	s.moving = true
	s.tally.Moves++
	s.touch()
	s.loop.After(time.Duration(seconds)*time.Second, s.leave)
	return true
}
