package backend

import (
	"slices"
	"time"

	"cashew/topology"
)

// A Group survives reloads, and goes over to the pool that takes the place of its own between two callbacks:
//
//	slot:        0    1    2    3
//	old pool     A    B    C              B goes: its connections are retired, and close once nothing is outstanding on them
//	new pool     A    E    C    D         E and D are new: they have figures of their own, and connections when there are requests
//
// A and C keep figures, connections and all that is outstanding there. That another server has a slot shows by its pointer.

// Change has g go on with p, the successor of its pool, whose users route by p from now on, too. The connections to servers that
// stay are kept only if p logs in there like its predecessor, and only as many as p has for each server; the others are retired. One
// that is leased, or a feed, logged in before and goes on until it is given back, or ends.
//
// inOrder says that whatever a client has under way it can have on the connections that its next requests take. If not, a
// client must not send more before it has its replies, or a server could execute its commands in another order than it
// sent them.
func (g *Group) Change(p *topology.Pool) (inOrder bool) {
	n, had := p.Options().ServerConnections, g.pool.Options().ServerConnections
	old, lanes := g.pool, g.lanes
	g.pool, g.lanes = p, g.lanesFor(p)
	var gone []*Conn // retired only when all has its new place: that wakes clients, who send
	sets := g.sets
	g.sets = nil
	for _, set := range sets {
		was, serves := set.conns, p.Options().Protocol.Serves(set.db)
		if set.conns = g.newConns(); serves {
			g.sets = append(g.sets, set)
		}
		for i, c := range was {
			slot, k := i/had, i%had
			switch {
			case c == nil:
			case serves && k < n && g.has(c.server) && sameHandshake(old, p, c.server, set.profile, set.db):
				set.conns[slot*n+k] = c
				c.change(p)
			default:
				gone = append(gone, c)
			}
		}
	}
	g.home = g.Set(0, p.Options().Protocol.Home())
	g.retireLeases(func(c *Conn) bool {
		if !g.has(c.server) || !p.Options().Protocol.Serves(c.db) {
			return true
		}
		if !sameHandshake(old, p, c.server, c.profile, c.db) {
			if c.lessee == nil || c.state == handshaking {
				return true
			}
			c.Stray() // its lessee keeps it, who would lose what it watches, or waits for
		}
		c.change(p)
		return false
	})
	halfway := g.changeFeeds(p)
	tellLeases(lanes)
	for _, c := range halfway {
		c.renew()
	}
	g.giveBack(gone)
	for _, c := range slices.Clone(g.leased) {
		c.leaveSoon()
	}
	inOrder = n == had
	for _, c := range gone {
		if c.out.Keeps() && !g.has(c.server) {
			c.replacedAt = g.loop.Now
		}
		inOrder = g.retire(c) && inOrder
	}
	g.Hurry(p.Options().Timeout)
	return inOrder
}

// has says that s is a server of g's pool.
func (g *Group) has(s *topology.Server) bool {
	slot := s.Slot()
	return slot < len(g.lanes) && g.lanes[slot].server == s
}

// change has c, which is kept, go by the settings of p.
func (c *Conn) change(p *topology.Pool) {
	if t := int64(p.Options().Timeout); t != int64(c.pool.Options().Timeout) {
		c.restarted = c.loop.Now
		if t > 0 && c.head != nil {
			c.local.want(c.loop.Now + t)
		}
	}
	c.pool, c.reads = p, p.IsReplica(c.server)
}

// Leave retires all connections of g, which gets no more requests.
func (g *Group) Leave() {
	for _, s := range g.sets {
		g.retireAll(s.conns)
	}
	g.retireLeases(func(*Conn) bool { return true })
	for _, c := range g.feedList() {
		c.Shut()
	}
	g.left = true
}

// Hurry has retired connections wait no longer than timeout for what is outstanding on them, should they wait longer.
func (g *Group) Hurry(timeout time.Duration) {
	for _, c := range g.retired {
		if t := int64(timeout); t > 0 && (c.timeout() == 0 || t < c.timeout()) {
			c.hurried, c.restarted = t, c.loop.Now
			c.local.want(c.loop.Now + t)
		}
	}
}

// tellLeases tells who waits for a lease that there may be more of them now, or none.
func tellLeases(lanes []lane) {
	for i := range lanes {
		for _, l := range lanes[i].leases {
			if l != nil {
				l.tell()
			}
		}
	}
}

// giveBack has what waits in connections, those of g and gone, sent where it belongs by now: in those that are still opening, or whose
// server is silent since it lost its slots.
func (g *Group) giveBack(gone []*Conn) {
	for c := range g.all {
		c.giveBack()
		c.endSilence()
	}
	for _, c := range gone {
		c.giveBack()
		c.endSilence()
	}
}
