package session

// A mirror that answers reads is watched: a server of it that takes commands and says nothing any more would keep clients waiting that nobody
// has ever told of a mirror. What it owes stands in a list, oldest first:
//
//	the pool has a timeout      a read fails at that, as any other of the pool does
//	the mirror's pool has one   its connections see to it
//	neither has                 silent for a second: what is owed over that connection is asked of the pool
//
// Reads go back in each case, and also as copies have not been answered for that long. A read is not asked again if something of its client
// came behind it that does not only read, for that has been done by now; it fails.

import (
	"math"
	"time"

	"cashew/backend"
)

// stallPatience is how long a mirror may owe something and say nothing, where no timeout says so.
const stallPatience = time.Second

// owed is what a mirror owes: the reply to a read that it is to answer, or to a copy.
type owed struct {
	of         *mirror // in whose list it is; nil: in none
	prev, next *owed
	conn       *backend.Conn
	at         int64            // since when, as Loop.Now
	read       *side            // nil: it is a copy's
	r          *backend.Request // the read's
}

// debts are all that a mirror owes, oldest first.
type debts struct {
	first, last *owed
	ticks       bool // stalled will be called
}

// awaits has m be looked at if what it owes does not come over c. read and r are nil for a copy.
func (m *mirror) awaits(e *owed, c *backend.Conn, read *side, r *backend.Request) {
	*e = owed{of: m, prev: m.owes.last, conn: c, at: m.local.loop.Now, read: read, r: r}
	if e.prev == nil {
		m.owes.first = e
	} else {
		e.prev.next = e
	}
	m.owes.last = e
	m.watch()
}

// expects is awaits for a copy, which has no owner if it has no reply.
func (m *mirror) expects(o *copied, c *backend.Conn) {
	if o != nil && m.opts.Ramp > 0 && !m.ramp.back.Load() {
		m.awaits(&o.owed, c, nil, nil)
	}
}

// came takes e off its list.
func (e *owed) came() {
	if e.of == nil {
		return
	}
	l := &e.of.owes
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	*e = owed{}
}

// patience is how long m may owe something; whole: whatever it says meanwhile.
func (m *mirror) patience() (limit int64, whole bool) {
	switch t := m.from.pool.Options().Timeout; {
	case t > 0:
		return int64(t), true
	case m.to.pool.Options().Timeout > 0:
		return math.MaxInt64, false
	}
	return int64(stallPatience), false
}

// watch has stalled be called when the oldest has been owed for too long.
func (m *mirror) watch() {
	if m.owes.first == nil || m.owes.ticks {
		return
	}
	limit, _ := m.patience()
	limit = min(limit, int64(time.Minute)) // a reload may change it
	m.owes.ticks = true
	m.local.loop.After(time.Duration(max(m.owes.first.at+limit-m.local.loop.Now, limit/16)), func() {
		m.owes.ticks = false
		m.stalled()
		m.watch()
	})
}

// stalled ends the wait for what has been owed for too long.
func (m *mirror) stalled() {
	limit, whole := m.patience()
	for e := m.owes.first; e != nil && m.local.loop.Now-e.at >= limit; {
		if silent := e.conn.Silence() >= limit; !silent && (!whole || e.read == nil) {
			e = e.next
			continue
		}
		m.goBack("the mirror has not answered for " + time.Duration(limit).String())
		switch {
		case e.read == nil:
			e.came()
		case whole:
			e.read.giveUp(e.r)
		default:
			m.withdraw(e.read.s, e.conn)
		}
		e = m.owes.first // whatever else has ended with it
	}
}

// withdraw has what m owes s over c be answered by the pool, or fail.
func (m *mirror) withdraw(s *Session, c *backend.Conn) {
	again := s.expecting == 0
	var past *backend.Request // the last that does not only read
	for r := s.head; r != nil; r = r.Next {
		if !s.onlyReads(r) {
			past = r
		}
	}
	var before *backend.Request
	for r := s.head; r != nil; {
		if v := m.owing(r, c); v != nil && again && past == nil && r.Size == 0 {
			if n := s.askOwn(r, before, v.twin); n != nil {
				v.leave(r)
				s.letGo(r)
				r = n
			}
		}
		if r == past {
			past = nil
		}
		before, r = r, r.Next
	}
	for r := s.head; r != nil; {
		if v := m.owing(r, c); v != nil {
			v.giveUp(r)
			r = s.head // what was done is gone
			continue
		}
		r = r.Next
	}
}

// owing is the side that awaits the reply to r over c, which m owes; nil: it does not.
func (m *mirror) owing(r *backend.Request, c *backend.Conn) *side {
	if v, ok := r.Owner.(*side); ok && v.owed.of == m && v.owed.conn == c {
		return v
	}
	return nil
}

// onlyReads says that r, which is in the order of s, changes nothing.
func (s *Session) onlyReads(r *backend.Request) bool {
	if r.Gather == nil {
		return s.group.Reads(r.Op) || r.Done && r.Op == 0 && r.Frame == 0 // the proxy answered it
	}
	return len(r.Fragments) == 0 || s.group.Reads(r.Gather.Op)
}

// askOwn sends the command of t, which r has in the order of s behind another, to the pool, and has the request for it take the place of r; nil: that can't be
// reached.
func (s *Session) askOwn(r, before *backend.Request, t *twin) *backend.Request {
	place, server := s.pool.Router().Route(t.key)
	c, err := s.conns.Conn(server, s.cl.ID)
	if err != nil {
		return nil
	}
	n := s.local.servers.NewRequest(s)
	n.Op, n.Keys, n.Frame, n.Server, n.Way, n.Rules, n.Mark = r.Op, r.Keys, r.Frame, uint16(place), r.Way, r.Rules, r.Mark
	n.SetKey(t.key)
	if n.Next = r.Next; s.tail == r {
		s.tail = n
	}
	if r.Next = nil; before == nil {
		s.head = n
	} else {
		before.Next = n
	}
	if r.Way&wayFollowed != 0 {
		s.local.access.instead(r, n)
	}
	c.Touch()
	c.Queue(n)
	c.Out().Append(s.loop, t.frame.B)
	s.pastCrowd(c)
	return n
}

// giveUp has the client of r be told that its time is up. What still comes is thrown away, and nobody waits for room there.
func (v *side) giveUp(r *backend.Request) {
	s := v.s
	r.Owner = nil
	if v.Failed(r, backend.ErrTimeout); s.waitsFor&behindServer != 0 {
		s.Roomy()
	}
}
