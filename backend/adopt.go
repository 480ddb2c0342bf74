package backend

import (
	"bytes"
	"slices"
	"time"

	"cashew/codec"
	"cashew/stats"
)

// A reload never changes a Pool. It builds another, which adopts from the one it replaces whatever stays the same: what
// health knows of each server, the names' last good addresses and, loop by loop, the connections.
//
//	Pool.Adopt            any goroutine, before a loop knows the new pool
//	MakeGroup             any goroutine, one for each loop
//	Group.Adopt           on the loop: from now on requests take the new ring
//	Conn.fail(ErrClosed)  on the loop: a connection that nobody adopted, once its last reply came

// Adopt has p, which no loop uses yet, go on where old stands, and stops old's timers. A server is the same if it is
// reached at the same address, whatever its name and weight: if it was ejected it stays so, until old's time is up.
func (p *Pool) Adopt(old *Pool) {
	p.resolver = old.resolver
	p.outOfSteps.Store(old.outOfSteps.Load())
	old.oddities.Range(func(k, v any) bool { p.oddities.Store(k, v); return true })
	from := p.match(old)
	p.health.adopt(&old.health, from)
	for i, j := range from {
		if j >= 0 {
			p.abilities.adopt(i, &old.abilities, j)
		}
	}
}

// match finds for each server of p the one of old that it is, by index, or -1.
func (p *Pool) match(old *Pool) []int {
	type address struct{ network, addr, name string }
	at := make(map[address][]int)
	for i, s := range old.opts.Servers {
		at[address{s.Network, s.Addr, s.Name}] = []int{i}
	}
	from := make([]int, len(p.opts.Servers))
	used := make([]bool, len(old.opts.Servers))
	for i, s := range p.opts.Servers {
		from[i] = -1
		if j := at[address{s.Network, s.Addr, s.Name}]; len(j) > 0 {
			from[i] = j[0]
			used[j[0]] = true
		}
	}
	for i, s := range old.opts.Servers { // those that had another name: any at the address will do
		if !used[i] {
			a := address{s.Network, s.Addr, ""}
			at[a] = append(at[a], i)
		}
	}
	for i, s := range p.opts.Servers {
		a := address{s.Network, s.Addr, ""}
		if j := at[a]; from[i] < 0 && len(j) > 0 {
			from[i], at[a] = j[0], j[1:]
		}
	}
	return from
}

// adopt copies what old knows of the servers, by their index there, and goes on with its timers. old stops.
func (h *health) adopt(old *health, from []int) {
	old.close()
	h.ejections.Store(old.ejections.Load())
	for i, j := range from {
		if j >= 0 {
			h.ejected[i].Store(old.ejected[j].Load())
		}
	}
	if !h.pool.opts.AutoEjectHosts {
		return
	}
	old.mu.Lock()
	servers := slices.Clone(old.servers)
	old.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, j := range from {
		if j < 0 {
			continue
		}
		h.failures[i].Store(old.failures[j].Load())
		h.trial[i].Store(old.trial[j].Load())
		h.servers[i] = servers[j]
		if servers[j].out {
			h.down[i].Store(true)
			h.retryInLocked(i, max(servers[j].retryAt.Sub(h.world.Now()), 0), false)
		}
	}
	if live, _ := h.liveLocked(); h.pool.opts.OnServerFailure == Rehash {
		h.pool.swapRing(live) // at once: the loops are about to use it
	}
}

// MakeGroup makes o's group for p, on any goroutine; the loop does not know it before Join or Adopt.
func MakeGroup(o *Local, p *Pool) *Group {
	g := &Group{loop: o.loop, local: o, pool: p}
	g.Set(0)
	for range p.opts.Servers {
		g.figures = append(g.figures, new(stats.ServerTally))
	}
	g.redialAt = make([]int64, len(p.opts.Servers))
	for op := range p.opts.Protocol.Ops() {
		_, class := p.opts.Protocol.Describe(uint16(op))
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
	n, m := g.pool.opts.ServerConnections, old.pool.opts.ServerConnections
	inOrder = n == m
	from := g.pool.match(old.pool)
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
	old.Hurry(g.pool.opts.Timeout)
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
	a, b := g.pool.opts.Protocol, old.pool.opts.Protocol
	return slices.EqualFunc(a.Handshake(pr), b.Handshake(pr), bytes.Equal)
}

// adoptConns moves the connections of was, where each server had so many, to now. from says which server was which.
func (g *Group) adoptConns(now, was []*Conn, from []int, had int) {
	n := g.pool.opts.ServerConnections
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
	t := int64(p.opts.Timeout)
	if t != int64(c.pool.opts.Timeout) {
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
