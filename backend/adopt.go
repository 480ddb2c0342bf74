package backend

import (
	"bytes"
	"slices"
	"time"

	"cashew/codec"
	"cashew/stats"
	"cashew/topology"
)

// A reload never changes a Pool. It builds another, which adopts from the one it replaces whatever stays the same: what
// health knows of each server, the names' last good addresses and, loop by loop, the connections.
//
//	Pool.Adopt            any goroutine, before a loop knows the new pool
//	MakeGroup             any goroutine, one for each loop
//	Group.Adopt           on the loop: from now on requests take the new ring
//	Conn.fail(ErrClosed)  on the loop: a connection that nobody adopted, once its last reply came

// MakeGroup makes o's group for p, on any goroutine; the loop does not know it before Join or Adopt.
func MakeGroup(o *Local, p *topology.Pool) *Group {
	g := &Group{loop: o.loop, local: o, pool: p}
	g.Set(0)
	for range p.Options().Servers {
		g.figures = append(g.figures, new(stats.ServerTally))
	}
	g.redialAt = make([]int64, len(p.Options().Servers))
	for op := range p.Options().Protocol.Ops() {
		_, class := p.Options().Protocol.Describe(uint16(op))
		g.classes = append(g.classes, class)
	}
	return g
}

// Join makes g known to its loop, which looks after its deadlines from then on.
func (g *Group) Join() { g.local.groups = append(g.local.groups, g) }

// Adopt makes g known to its loop in the place of old. The figures of servers that stay, and the connections to them with
// all that is outstanding there, are g's from then on, the connections only if g's pool logs in like old's; the others are
// retired.
//
// inOrder says that whatever a client has under way it can have on the connections that its next requests take. If not, a
// client must not send more before it has its replies, or a server could execute its commands in another order than it
// sent them.
func (g *Group) Adopt(old *Group) (inOrder bool) {
	n, m := g.pool.Options().ServerConnections, old.pool.Options().ServerConnections
	inOrder = n == m
	from := g.pool.Match(old.pool)
	for i, j := range from {
		if j >= 0 {
			g.figures[i] = old.figures[j]
		}
	}
	for pr := range g.sets {
		if now, was := &g.sets[pr], &old.sets[pr]; was.conns != nil && g.sameHandshake(old, codec.Profile(pr)) {
			g.Set(codec.Profile(pr)).usedAt = was.usedAt
			g.adoptConns(now.conns, was.conns, from, m)
		}
	}
	inOrder = old.Leave() && inOrder
	old.Hurry(g.pool.Options().Timeout)
	g.retired, old.retired = old.retired, nil
	g.local.groups = slices.DeleteFunc(g.local.groups, func(o *Group) bool { return o == old })
	g.Join()
	return inOrder
}

// Leave retires all connections of g, which gets no more requests. idle says that nothing was outstanding on them.
func (g *Group) Leave() (idle bool) {
	idle = true
	for pr := range g.sets {
		idle = g.retireAll(g.sets[pr].conns) && idle
	}
	g.left = true
	return idle
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

// Left says that g gets no more requests.
func (g *Group) Left() bool { return g.left }

// retireAll retires all connections of a set. idle says that nothing was outstanding on them.
func (g *Group) retireAll(conns []*Conn) (idle bool) {
	idle = true
	for i, c := range conns {
		if c != nil {
			conns[i] = nil
			idle = g.retire(c) && idle
		}
	}
	return idle
}

// retire has c, which is in no set of g any more, close once nothing is outstanding on it, which is at once if idle.
func (g *Group) retire(c *Conn) (idle bool) {
	c.retired = true
	if c.spent() {
		c.fail(ErrClosed)
		return true
	}
	g.retired = append(g.retired, c)
	return false
}

func (g *Group) sameHandshake(old *Group, pr codec.Profile) bool {
	a, b := g.pool.Options().Protocol, old.pool.Options().Protocol
	return slices.EqualFunc(a.Handshake(pr), b.Handshake(pr), bytes.Equal)
}

// adoptConns moves the connections of was, where each server had so many, to now. from says which server was which.
func (g *Group) adoptConns(now, was []*Conn, from []int, had int) {
	n := g.pool.Options().ServerConnections
	for i, j := range from {
		if j < 0 {
			continue
		}
		for k := range min(n, had) {
			if c := was[j*had+k]; c != nil {
				was[j*had+k] = nil
				now[i*n+k] = c
				c.join(g, i)
			}
		}
	}
}

// join makes c g's connection to a server of its pool, by its index there.
func (c *Conn) join(g *Group, server int) {
	p := g.pool
	t := int64(p.Options().Timeout)
	if t != int64(c.pool.Options().Timeout) {
		c.restarted = c.loop.Now
		if t > 0 && c.head != nil {
			c.local.want(c.loop.Now + t)
		}
	}
	c.group, c.pool, c.server = g, p, server
}

// spent says that nothing is outstanding on c, written or not.
func (c *Conn) spent() bool { return c.head == nil && c.out.Pending() == 0 }

// Groups is how many groups o looks after: one for each pool, and those of removed pools whose last replies are awaited.
func (o *Local) Groups() int { return len(o.groups) }
