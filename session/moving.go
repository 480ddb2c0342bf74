package session

import "time"

// A client that has asked for it is told before the proxy leaves it, and served on until it has gone to another proxy, or has had its
// time. So it makes a new connection first, and loses no command with the old one.

const (
	// movingTime is how long it has. Where it is to connect to the same name again, it does so after half of that.
	movingTime    = movingSeconds * time.Second
	movingSeconds = 4
)

// tellMoving tells s that it is to go, and has it leave later; false: it has not asked for that, or can't be told now.
func (s *Session) tellMoving() bool {
	if s.cl.Moves == 0 || s.moving || !s.local.draining || s.head != nil && s.head.Streaming {
		return false
	}
	number, before := int(s.local.pressure.moves.Add(1)), s.out.Pending()
	s.out.SetBatch(s.pool.Protocol.AppendMoving(s.out.Batch(s.loop), &s.cl, number, movingSeconds, s.pool.opts.MovingEndpoint))
	if s.out.Pending() == before {
		return false
	}
	s.moving = true
	s.tally.Moves++
	s.touch()
	s.loop.After(movingTime, s.leave)
	return true
}
