package backend

import (
	"errors"
	"slices"

	"cashew/codec"
	"cashew/topology"
)

// A private Set is one client's own, since its servers are to tell that client what its commands have them remember. Each connection of it is
// told so first of all, and what it then says unasked is the client's:
//
//	client --GET a--> private Set --CLIENT TRACKING ON, GET a--> server
//	       <-------------------------------- reply, invalidate --
type private struct {
	by    Told
	first []byte // what each connection is sent first
}

// Told is whom the servers of a private Set tell something. Its methods run on the Set's loop.
type Told interface {
	// Pushed hands over what a server said unasked, whole; frame dies when it returns.
	Pushed(frame []byte)

	// Telling says that a server tells from now on.
	Telling()

	// Untold says that a connection ended, or did not come about as it should: what its server was to remember, it does not.
	Untold(err error)
}

// ErrUntracked is why a connection is closed whose server refuses what was to come first.
var ErrUntracked = errors.New("server refuses CLIENT TRACKING")

// PrivateSet makes a Set of a client's own; first is a whole command. It is there until Close.
func (g *Group) PrivateSet(pr codec.Profile, db int, first []byte, by Told) *Set {
	s := &Set{group: g, profile: pr, db: db, conns: g.newConns(), private: &private{by: by, first: first}}
	g.sets = append(g.sets, s)
	return s
}

// Close ends a private Set. What is outstanding is still awaited.
func (s *Set) Close() {
	g := s.group
	s.private.by = nil
	g.sets = slices.DeleteFunc(g.sets, func(o *Set) bool { return o == s })
	g.retireAll(s.conns)
}

// Closed says that no connection of s may be had any more, since its pool has no such database.
func (s *Set) Closed() bool { return !slices.Contains(s.group.sets, s) }

// OpenAll has a connection to each server, and says whether each may be had.
func (s *Set) OpenAll(servers []*topology.Server) (all bool) {
	all = true
	for _, server := range servers {
		if _, err := s.Conn(server, 0); err != nil {
			all = false
		}
	}
	return all
}

// greet sends what a connection of a private Set is sent first. It is about to be dialled, so nothing stands before.
func (c *Conn) greet() {
	if c.private != nil && c.private.by != nil {
		c.enterOwn(&greeting{conn: c}, c.private.first)
	}
}

// greeting is the Owner of the answer.
type greeting struct {
	conn *Conn
	said []byte
}

// Replied implements Owner.
func (w *greeting) Replied(_ *Request, chunk []byte, last bool) {
	w.said = append(w.said, chunk...)
	by, p := w.conn.private.by, w.conn.pool.Options().Protocol
	switch {
	case !last || by == nil:
	case p.Tracks(w.said):
		by.Telling()
	case p.Later(w.said):
		c, attempt := w.conn, w.conn.attempt
		c.loop.Execute(func() {
			if c.attempt == attempt {
				c.renew() // what it reads it does not track
			}
		})
	default:
		by.Untold(ErrUntracked)
	}
}

// Failed implements Owner.
func (*greeting) Failed(*Request, error) {}

// tellPrivate hands over the next bytes of a push to whom it is for; last: it is whole.
func (c *Conn) tellPrivate(p []byte, last bool) {
	if c.pushing == nil {
		c.pushing = c.loop.GetBuffer()
	}
	c.loop.Grow(c.pushing, len(p), 0)
	c.pushing.B = append(c.pushing.B, p...)
	if len(c.pushing.B) > maxPrivatePush {
		c.fail(errors.Join(ErrBadReply, errMessageSize))
		return
	}
	if !last {
		return
	}
	bb := c.pushing
	c.pushing = nil
	if by := c.private.by; by != nil {
		by.Pushed(bb.B)
	}
	c.loop.PutBuffer(bb)
}

// maxPrivatePush is the most that such a push may have: some keys at once.
const maxPrivatePush = 64 << 20

// privateEnded tells whom c was for that it has ended.
func (c *Conn) privateEnded(err error) {
	if c.pushing != nil {
		c.loop.PutBuffer(c.pushing)
		c.pushing = nil
	}
	if by := c.private.by; by != nil {
		by.Untold(err)
	}
}

// Profile is what s speaks.
func (s *Set) Profile() codec.Profile { return s.profile }
