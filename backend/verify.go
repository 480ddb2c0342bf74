//go:build invariants

package backend

import (
	"fmt"
	"math"
	"slices"
	"time"

	"cashew/loop"
	"cashew/topology"
)

// Audit is what must hold of all server connections of a loop, between two callbacks, and what whoever stands above needs to know
// for the same of clients. The first that does not hold stands in Err of Claims.
type Audit struct {
	*loop.Claims

	// Queued are the requests of all outqs.
	Queued []*Request

	local  *Local
	queued map[*Request]*Conn
	told   map[*Group]map[Waiter]bool // who is to be told when there is room
}

// Audit looks at all groups of o.
func (o *Local) Audit() *Audit {
	a := &Audit{Claims: o.loop.Claims(), local: o, queued: make(map[*Request]*Conn), told: make(map[*Group]map[Waiter]bool)}
	late := o.timerAt != math.MaxInt64 && o.loop.World.Nanos()-o.timerAt > int64(time.Second)
	a.Check(!late, o, "the timer for late requests should have fired a second ago")
	for _, g := range o.groups {
		a.group(g)
	}
	return a
}

// String names o.
func (o *Local) String() string { return "backend" }

// String names g.
func (g *Group) String() string { return "pool " + g.pool.Options().Name }

// String names c.
func (c *Conn) String() string {
	return fmt.Sprintf("connection to %s, %s", c.server.Addr, [...]string{"closed", "dialing", "handshaking", "open"}[c.state])
}

// group: each connection stands where its server does, and figures say how many there are.
func (a *Audit) group(g *Group) {
	a.told[g] = make(map[Waiter]bool)
	n := g.pool.Options().ServerConnections
	for _, s := range g.sets {
		a.Check(g.pool.Options().Protocol.Serves(s.db), g, "it has connections to database %d, which is not served", s.db)
		for i, c := range s.conns {
			if c == nil {
				continue
			}
			l := &g.lanes[i/n]
			a.Check(!c.retired && c.pool == g.pool && c.profile == s.profile && c.db == s.db, c, "it is retired, or of another pool, profile or database, and still gets requests")
			a.Check(c.server == l.server && c.figures == l.figures, c, "it stands where another server does")
			a.conn(c)
		}
	}
	a.leases(g)
	for _, c := range g.feeds {
		a.Check(c.feed != nil && c.feed.by != nil && !c.retired, c, "it is among the feeds, and is none, or shut")
		if c.feed.part != nil {
			a.Buffer(c.feed.part.B, c)
		}
		a.conn(c)
	}
	for _, c := range g.retired {
		a.Check(c.retired, c, "it is among the retired and is not")
		idle := c.spent() && c.state != closed && !c.dirty && c.doubt == nil
		a.Check(!idle, c, "it is retired and owes nothing, and is not closed")
		a.conn(c)
	}
	for i := range g.lanes {
		if l := &g.lanes[i]; l.server != nil {
			n := g.connected(l)
			a.Check(n == l.figures.Connections, g, "%d connections to %s, and %d are counted", n, l.server.Addr, l.figures.Connections)
		}
	}
}

// connected counts the connections that a lane has.
func (g *Group) connected(l *lane) (n int64) {
	count := func(c *Conn) {
		if c.figures == l.figures && (c.state == handshaking || c.state == open) {
			n++
		}
	}
	for c := range g.all {
		count(c)
	}
	for _, c := range g.leased {
		if c.leases != nil {
			count(c)
		}
	}
	for _, c := range g.feeds {
		count(c)
	}
	for _, c := range g.retired {
		count(c)
	}
	return n
}

// leases: each leased connection stands where its server does, and is idle or somebody's; and whoever waits for one will be told.
func (a *Audit) leases(g *Group) {
	counted := make(map[*leases]int)
	for _, c := range g.leased {
		l := c.leases
		if l == nil {
			continue
		}
		counted[l]++
		a.Check(!c.retired && c.pool == g.pool && c.state != closed, c, "it is retired, closed, or of another pool, and still leased")
		a.Check(slices.Contains(g.lanes[c.server.Slot()].leases[:], l), c, "it stands where another server does")
		idle := slices.Contains(l.idle, c)
		a.Check(idle == (c.lessee == nil), c, "it is idle: %v, and is leased: %v", idle, c.lessee != nil)
		a.conn(c)
	}
	for i := range g.lanes {
		for _, l := range g.lanes[i].leases {
			if l != nil {
				a.leasesOf(g, l, counted[l])
			}
		}
	}
}

// leasesOf: as many are leased as are counted, and whoever waits for one will be told.
func (a *Audit) leasesOf(g *Group, l *leases, n int) {
	a.Check(n == l.n, g, "%d connections are leased or idle, and %d are counted", n, l.n)
	a.Check(len(l.waiters) == 0 || len(l.idle) == 0 && l.n > 0, g, "%d clients wait for a lease that there is", len(l.waiters))
	for _, w := range l.waiters {
		a.told[g][w] = true
	}
}

// Leases says that c is leased to by.
func (a *Audit) Leases(c *Conn, by Lessee) bool { return c.leases != nil && c.lessee == by }

// conn: what c has fits its state, and somebody looks after all that it owes.
func (a *Audit) conn(c *Conn) {
	connected := c.state == handshaking || c.state == open
	a.Check((c.sock != nil) == connected, c, "its state and its socket do not fit")
	a.Check(c.handshake == nil || c.state == handshaking, c, "it has a reply to a handshake")
	a.Check(c.doubt == nil || c.state == open, c, "it is being proved")
	a.Check((c.push != nil) == (c.inside == inPush), c, "a push goes on, or does not")
	a.Check(c.state != closed || c.head == nil && c.out.Pending() == 0, c, "it has requests")
	a.Out(&c.out, c.sock, c.dirty || c.state != open, c)
	if _, n, _ := a.Flushes(c); n > 1 || (n == 1) != c.dirty {
		a.Check(false, c, "dirty is %v, and the next flush looks at it %d times", c.dirty, n)
	}
	if c.handshake != nil {
		a.Buffer(c.handshake.B, c)
	}
	if c.doubt != nil {
		a.Buffer(c.doubt.held.B, c)
	}
	a.outq(c)
	a.unsent(c)
	a.wakeUps(c)
}

// outq: it is in order, and as long as is counted; its pointers point into it.
func (a *Audit) outq(c *Conn) {
	n, from, at, late, sings := 0, -1, int64(0), c.nextLate == nil, false
	var tail *Request
	for r := c.head; r != nil; r = r.link {
		a.Check(r.order == c.answered+uint32(n), c, "request %d of outq has order %d, and is the %d-th", n, r.order-c.answered, n)
		a.Check(r.refs > 0, c, "request %d of outq is free", n)
		a.Check(r.from > from && r.at >= at, c, "request %d of outq begins before the one in front of it", n)
		other := a.queued[r]
		a.Check(other == nil, c, "request %d of outq is also in that of %v", n, other)
		if a.Err != nil {
			return
		}
		a.queued[r] = c
		a.Queued = append(a.Queued, r)
		from, at, tail = r.from, r.at, r
		late = late || r == c.nextLate
		sings = sings || r.Owner == Owner(&c.canary)
		n++
	}
	a.Check(n == c.outstanding(), c, "%d requests are in outq, and %d are owed", n, c.outstanding())
	a.Check(tail == c.tail, c, "the tail of outq is not its last")
	a.Check(late, c, "the next request to be late is not in outq")
	a.Check(c.canary.want == nil || sings, c, "a canary is awaited that is not in outq")
}

// unsent: what waits and what is sent is what is owed.
func (a *Audit) unsent(c *Conn) {
	r, n := c.head, 0
	for r != nil && r.from < c.out.Taken() {
		r = r.link
	}
	a.Check(r == c.firstUnsent, c, "the first request that is not sent is not known")
	for ; r != nil; r = r.link {
		n++
	}
	a.Check(n == c.unsent, c, "%d requests are not sent, and %d are counted", n, c.unsent)
}

// wakeUps: whoever waits for c will be told, and the timer fires before a request of it is late.
func (a *Audit) wakeUps(c *Conn) {
	for _, w := range c.waiters {
		a.told[c.group][w] = true
	}
	roomy := c.outstanding() <= maxOutstanding/2 && c.out.Pending() <= maxOutstandingBytes/2
	over := c.state == closed || c.state == open && roomy && !c.dirty && c.doubt == nil
	a.Check(len(c.waiters) == 0 || !over, c, "%d clients wait for room that there is", len(c.waiters))
	if t := c.timeout(); t > 0 && c.head != nil {
		due := c.began(c.head) + 2*t
		if c.nextLate != nil {
			due = min(due, c.began(c.nextLate)+t)
		}
		a.Check(a.local.timerAt <= due, c, "nobody looks when its requests are late")
	}
}

// InQueue says that a reply to r is awaited from a server.
func (a *Audit) InQueue(r *Request) bool { return a.queued[r] != nil }

// Told says that w will be told when a connection of g has room; known: g is looked at.
func (a *Audit) Told(g *Group, w Waiter) (told, known bool) {
	waiters, known := a.told[g]
	return waiters[w], known
}

// Server is the server that owes a reply to r, which is in an outq.
func (a *Audit) Server(r *Request) *topology.Server { return a.queued[r].server }

// Overtaken says of two requests of one client that are in different outqs whether the server may execute the younger one first
// although the client was not made to wait for the older one's reply. That a connection was given up, as to a server that is no
// master any more or has moved, excuses that; a reload does not.
func (a *Audit) Overtaken(r, s *Request) bool {
	c, d := a.queued[r], a.queued[s]
	if c == nil || d == nil || c == d || c.server != d.server {
		return false
	}
	if !c.retired && !d.retired {
		return true // requests that wait for a connection to open are sent once it is
	}
	if c.state != open || d.state != open || c.sock.RemoteAddr().String() != d.sock.RemoteAddr().String() {
		return false
	}
	for i := range c.group.lanes {
		if l := &c.group.lanes[i]; l.server == c.server && l.redialAt != 0 && l.redialAt >= min(r.at, s.at) {
			return false
		}
	}
	return true
}

// Refs is by how many r is held.
func (a *Audit) Refs(r *Request) int { return int(r.refs) }

// InUse is how many requests are held on the loop, as that counts them.
func (a *Audit) InUse() int { return a.local.requests.inUse }
