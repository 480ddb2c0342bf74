package session

import "time"

// closeIdle closes clients that sent nothing for their pool's client_idle_timeout, as redis.conf's timeout has it: not those that
// are subscribed to something, wait for what may block, or are owed a reply.
//
// Source: redis 7.0 timeout.c, clientsCronHandleTimeout.
func (l *Local) closeIdle() {
	least := time.Duration(0)
	for _, h := range l.shards {
		if t := h.pool.opts.ClientIdleTimeout; t > 0 && (least == 0 || t < least) {
			least = t
		}
	}
	if least == 0 || l.loop.Now < l.idleFrom {
		return
	}
	// Whoever sends something, or comes, cannot be idle for too long before that: all are walked over only when the first may be.
	l.idleFrom = l.loop.Now + int64(least)
	for s := range l.sessions.all {
		t := int64(s.pool.opts.ClientIdleTimeout)
		if t == 0 || s.busy() {
			continue
		}
		since := max(s.lastAt, s.wroteAt)
		if l.loop.Now-since < t {
			l.idleFrom = min(l.idleFrom, since+t)
			continue
		}
		l.loop.Log.Debug("closing an idle client", "pool", s.pool.Name, "client", s.cl.Addr, "idle", time.Duration(l.loop.Now-since))
		s.pool.Count.Idle.Add(1)
		s.close()
	}
}

// busy says that nobody expects s to send anything now, or that its end is near already.
func (s *Session) busy() bool {
	return s.life != live || s.head != nil || s.out.Pending() > 0 || s.blocked || s.blocks.lease != nil || s.subscribes()
}
