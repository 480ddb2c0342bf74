package backend

import (
	"slices"

	"cashew/codec"
	"cashew/topology"
)

// What a client begins with some commands needs a connection of its own until it ends: WATCH is about the connection that it is sent
// on. Such a connection is leased, used, and given back clean; then it waits a while for the next:
//
//	Set.Lease --> dialing, or one that was idle --> the lessee queues on it --> Return --> idle --> closed when long unused
//	                                                     '--> it ends: Lessee.LeaseLost
//
// Requests on it are as on any other connection; so what is queued before Return is answered, or fails, as always.

// Lessee is who has a connection for itself.
type Lessee interface {
	Waiter

	// LeaseLost says that the connection is no more the lessee's: it ended, or its server is no longer of the pool. What was
	// outstanding on it has failed, or fails yet.
	LeaseLost(c *Conn)
}

// LeaseKind is what a lease is for.
type LeaseKind uint8

// The kinds, each with a bound of its own.
const (
	Transactions LeaseKind = iota // from WATCH to EXEC
	Blocking                      // until the reply to a command that may block
	leaseKinds
)

// leases are the leased connections of a kind to one server, of one loop.
type leases struct {
	n       int      // leased or idle
	idle    []*Conn  // the last used last
	waiters []Waiter // for one to be given back
}

// Lease returns a connection to server for by alone, which gives it back with Return. wait: as many as there may be are leased, by is
// told when that has changed, and asks again; last: it does not wait, and gets an error.
func (s *Set) Lease(kind LeaseKind, server *topology.Server, by Lessee, client uint64, last bool) (c *Conn, wait bool, err error) {
	g := s.group
	shared, err := s.Conn(server, client) // says whether the server can be reached
	if err != nil {
		return nil, false, err
	}
	lane := &g.lanes[server.Slot()]
	l := lane.leases[kind]
	if c = l.pop(s.profile, s.db); c != nil {
		c.lessee = by
		return c, false, nil
	}
	most, full := g.pool.Options().TransactionConnections, ErrLeases
	if kind == Blocking {
		most, full = g.pool.Options().BlockingConnections, ErrBlocked
	}
	if l.n >= most && !l.dropOne() {
		if last {
			lane.figures.LeaseRefusals++
			return nil, false, full
		}
		lane.figures.LeaseWaits++
		l.waiters = append(l.waiters, by)
		return nil, true, nil
	}
	c = s.newConn(shared.server)
	c.leases, c.lessee, c.apart, c.private = l, by, true, nil // others may have it later
	l.n++
	g.leased = append(g.leased, c)
	return c, false, c.redial()
}

// Clean has c, which is about to be given back, be sent a command that leaves nothing of its lessee on it; the reply is judged by op. A
// server that refuses that has c closed.
func (c *Conn) Clean(command []byte, op uint16) {
	c.Touch()
	r := c.local.NewRequest((*cleaning)(c))
	r.Op = op
	c.Queue(r)
	c.local.Unref(r)
	c.out.Append(c.loop, command)
}

// cleaning is a Conn as the Owner of that.
type cleaning Conn

// Replied implements Owner.
func (c *cleaning) Replied(_ *Request, chunk []byte, _ bool) {
	if chunk[0] == '-' {
		c.outOfStep = true // closed before another byte
	}
}

// Failed implements Owner.
func (*cleaning) Failed(*Request, error) {}

// Select has c, which is leased, go over to another database with a command; the reply is judged by op. A server that refuses that has c
// closed.
func (c *Conn) Select(db int, command []byte, op uint16) {
	c.db = db
	c.Stray()
	c.Clean(command, op)
}

// Stray notes that c may not be in the database any more in which it opened: nobody gets it after its lessee.
func (c *Conn) Stray() { c.strayed = true }

// Return gives c back, on which nothing stands any more that the next lessee must not find once what is queued is answered.
func (c *Conn) Return() {
	c.lessee, c.blocks = nil, 0
	switch l := c.leases; {
	case l == nil:
	case c.strayed:
		c.group.retireLease(c)
	default:
		l.idle = append(l.idle, c)
		c.idleAt = c.loop.Now
		l.tell()
	}
}

// Blocks says that the server may take so long, in nanoseconds, to answer what is queued next on c, which is leased.
func (c *Conn) Blocks(wait int64) { c.blocks = wait }

// IsOpen says that c is connected, so that what was queued on it is sent by the end of the pass.
func (c *Conn) IsOpen() bool { return c.state == open }

// Cancel closes c, on which a command may block: its server notices, and carries it out no more. Whoever waits for it gets err.
func (c *Conn) Cancel(err error) {
	c.retired, c.blamed = true, true // it is nobody's failure
	c.fail(err)
}

// pop takes an idle connection.
func (l *leases) pop(pr codec.Profile, db int) *Conn {
	for i, c := range slices.Backward(l.idle) {
		if c.profile == pr && c.db == db {
			l.idle = slices.Delete(l.idle, i, i+1)
			return c
		}
	}
	return nil
}

// dropOne makes room by closing an idle connection of another profile, or to another database.
func (l *leases) dropOne() bool {
	if len(l.idle) == 0 {
		return false
	}
	c := l.idle[0]
	c.group.retireLease(c)
	return true
}

// tell has all who wait ask again.
func (l *leases) tell() {
	w := l.waiters
	l.waiters = nil
	for _, w := range w {
		w.Roomy()
	}
}

// unlease takes c out of what is leased or idle, and returns whose it was.
func (c *Conn) unlease() (by Lessee) {
	l := c.leases
	if l == nil {
		return nil
	}
	by, c.leases, c.lessee = c.lessee, nil, nil
	l.n--
	if i := slices.Index(l.idle, c); i >= 0 {
		l.idle = slices.Delete(l.idle, i, i+1)
	}
	l.tell()
	return by
}

// retireLease has c close once nothing is outstanding on it; its lessee has lost it.
func (g *Group) retireLease(c *Conn) {
	by := c.unlease()
	if c.state != closed {
		g.retire(c)
	}
	if by != nil {
		by.LeaseLost(c)
	}
}

// retireLeases retires all leased connections that gone says.
func (g *Group) retireLeases(gone func(c *Conn) bool) {
	for _, c := range slices.Clone(g.leased) {
		if c.leases != nil && gone(c) {
			g.retireLease(c)
		}
	}
}

// tidyLeases retires connections that are idle for long, and forgets those that are no more.
func (g *Group) tidyLeases() {
	g.retireLeases(func(c *Conn) bool { return c.lessee == nil && g.loop.Now-c.idleAt >= int64(idleSet) })
	g.leased = slices.DeleteFunc(g.leased, func(c *Conn) bool { return c.leases == nil })
}

// inUse is how many are leased at the moment.
func (l *leases) inUse() int { return l.n - len(l.idle) }
