package session

// A mirror may answer reads: those that are compared, if the key is of the ramp's share, which is within what is mirrored. Then the copy goes to the pool
// itself, and what the two say is compared as before. As a client's write is mirrored over the connection that its read takes later, it
// reads what it wrote.
//
// Reads go back to the pool by themselves, on all loops at once, when the replies differ too often, and as soon as the mirror may lack
// something: a write was not mirrored, or not answered well, or keys have other servers in a mirror that is a Redis Cluster. They stay there until
// somebody lets them go on.

import (
	"sync/atomic"

	"cashew/backend"
	"cashew/codec"
	"cashew/ring"
)

// ramp is what all loops know of it.
type ramp struct {
	back  atomic.Bool // reads went back
	backs atomic.Int64
	why   atomic.Pointer[string]
}

// window is what was compared lately on a loop; so many are looked at together.
type window struct{ compared, different int }

const windowSize = 1000

// goBack has the pool itself answer, for that reason.
func (m *mirror) goBack(why string) {
	if m.opts.Ramp == 0 || !m.ramp.back.CompareAndSwap(false, true) {
		return
	}
	m.ramp.why.Store(&why)
	m.ramp.backs.Add(1)
	m.local.loop.Log.Warn("reads go back from the mirror to the pool", "pool", m.from.pool.Name, "mirror", m.opts.Pool, "why", why)
}

// remapped has reads go back if the mirror is a cluster, other servers of which have keys now: copies of writes may still be with those that
// had them, which do not carry them out any more.
func (m *mirror) remapped() {
	if h := m.to; h.pool.slotted && h.before != nil && h.before.Options().Slots != nil {
		m.goBack("keys have other servers in the mirror's cluster")
	}
}

// elsewhere has the read that v awaits of a mirror that is a cluster, which has not done it, be answered by the pool, or fail. It is not sent where the cluster says, for copies of
// writes are not either: the mirror may lack what the client wrote.
func (v *side) elsewhere() {
	m := v.owed.of
	m.goBack("the mirror's cluster has not answered a read")
	m.withdraw(v.s, v.owed.conn)
}

// compared notes the outcome of a comparison. What led back, and what differs until reads go on, does not count once they do.
func (m *mirror) compared(different bool) {
	w := &m.from.window
	if w.compared++; different {
		if w.different++; w.different*ring.Whole > m.opts.MaxDifferences*windowSize {
			m.goBack("replies differ too often")
		}
	}
	if w.compared == windowSize || m.ramp.back.Load() {
		*w = window{}
	}
}

// answers says that the mirror is to answer cmd: a read to which it gives the pool's own reply, so that what a server counts for itself, as
// memcached's CAS uniques and cursors, never comes from another than the one that is asked next.
func (m *mirror) answers(s *Session, cmd *codec.Command) bool {
	return m.opts.Ramp > 0 && !m.ramp.back.Load() && m.to != nil && m.mayCompare(s, cmd) &&
		ring.Share(cmd.Key) < m.opts.Ramp
}

// ask has the mirror answer cmd; false: it can't just now. The pool's own server gets a copy if the two are to be compared.
func (m *mirror) ask(s *Session, cmd *codec.Command) bool {
	place, server := m.to.pool.Router().Route(cmd.Key)
	if server == nil {
		m.goBack("the mirror has no server")
		return false
	}
	if _, err := s.connsOf(m.to).Conn(server, s.cl.ID); err != nil {
		m.goBack("the mirror can't be reached: " + backend.Text(err))
		return false
	}
	t := m.compares(s, cmd)
	if t == nil {
		return false
	}
	_, own := s.pool.Router().Route(cmd.Key)
	if c, ok := m.open(s, s.shard, own, cmd.Op, len(cmd.Frame)); ok && own != nil {
		m.begin(s, c, cmd, len(cmd.Frame)).side = &t.sides[0]
		sendPart(s, c, cmd.Frame)
	} else {
		t.sides[0].lost()
	}
	other := &t.sides[1]
	c := s.send(m.base+place, server, cmd)
	if other.awaits(s, c != nil); c != nil {
		m.awaits(&other.owed, c, other, s.tail)
	}
	return true
}

// ResumeReads lets the mirror of p answer reads again that went back; false: it has none, or they did not.
func (p *Pool) ResumeReads() bool {
	return p.opts.Mirror.Ramp > 0 && p.ramp.back.CompareAndSwap(true, false)
}

// RampState is which share of the keys has reads that the mirror of p answers, how often they went back, and why they have.
func (p *Pool) RampState() (share float64, backs int64, why string) {
	share, backs = float64(p.opts.Mirror.Ramp)/ring.Whole, p.ramp.backs.Load()
	if text := p.ramp.why.Load(); text != nil && p.ramp.back.Load() {
		share, why = 0, *text
	}
	return share, backs, why
}
