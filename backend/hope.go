package backend

import (
	"math"
	"time"

	"cashew/topology"
)

// A server that is killed refuses connections, and one that hangs takes them, and all that is sent: nothing ends, and each request is late.
// So who may ask any server asks one that has answered.

// hesitation is how long a server may owe a reply and send nothing until another is asked first that would do as well.
const hesitation = 100 * time.Millisecond

// Failing is since when server does not answer over the connection that Conn would give, as far as the loop knows, as Loop.Now: 0 if it does,
// or was never asked; math.MaxInt64 if it is ejected, or can't be connected to now.
func (s *Set) Failing(server *topology.Server, client uint64) int64 {
	g := s.group
	n := g.pool.Options().ServerConnections
	c, at := s.conns[server.Slot()*n+int(client%uint64(n))], g.late(server)
	switch {
	case server.Down():
		return math.MaxInt64
	case c == nil:
	case c.lastErr != nil && g.loop.Now < c.retryAt:
		return math.MaxInt64
	case c.lastErr != nil:
		return max(at, c.dialledAt)
	case c.hesitates():
		return g.loop.Now
	}
	return at
}

// Silence is for how long c has owed something and nothing has come.
func (c *Conn) Silence() int64 {
	if c.head == nil {
		return 0
	}
	return c.loop.Now - max(c.began(c.head), c.heardAt, c.since)
}

// hesitates says that c has owed a reply for longer than a server that is well takes, and nothing has come.
func (c *Conn) hesitates() bool {
	return c.Silence() >= int64(hesitation)
}

// late is when a request to server was last late, if nothing has come from it since, over any connection; 0: none was.
func (g *Group) late(server *topology.Server) int64 {
	l := &g.lanes[server.Slot()]
	if l.lateAt == 0 {
		return 0
	}
	for c := range g.all {
		if c.server == server && c.heardAt > l.lateAt {
			l.lateAt = 0
			return 0
		}
	}
	return l.lateAt
}

// tooLate notes that a request on c is late.
func (c *Conn) tooLate() {
	if c.group.has(c.server) {
		c.group.lanes[c.server.Slot()].lateAt = c.loop.Now
	}
}
