package session

// A client that has nothing under way may also wait for a flight of another loop. No more is taken from it until that has landed: what it sent
// could be done first, over another connection. If there is no reply to be had then, its command is sent as any other.

import (
	"slices"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/near"
)

// guest is a command that waits for the flight of another loop.
type guest struct {
	s     *Session
	r     *backend.Request
	frame *bytebufferpool.ByteBuffer
	key   []byte
}

// awaitOther has s, which sent cmd and is owed nothing, get the reply to the same command that another loop has sent; false: none has.
func (n *nearby) awaitOther(s *Session, cmd *codec.Command, c *near.Command, place int) bool {
	g := &guest{s: s, key: slices.Clone(cmd.Key)}
	if !n.cache.Await(c, n.from, func(reply []byte) { n.local.loop.Execute(func() { n.land(g, reply) }) }) {
		return false
	}
	n.tally.Joined++
	s.count(cmd)
	g.frame = s.loop.GetBuffer()
	g.frame.B = append(g.frame.B, cmd.Frame...)
	g.r = s.expect(cmd, place)
	g.r.Ref()
	n.local.joined++
	s.waitsFor |= behindFlight
	return true
}

// expect enters a Request for cmd, which is queued on no Conn, at the end of the client's order.
func (s *Session) expect(cmd *codec.Command, place int) *backend.Request {
	r := s.local.servers.NewRequest(s)
	r.Op, r.Keys, r.Server, r.Frame = cmd.Op, 1, uint16(place), uint32(len(cmd.Frame))
	r.SetKey(cmd.Key)
	r.Joins(s.loop.Now)
	s.push(r)
	if s.local.sampleIn--; s.local.sampleIn <= 0 {
		s.sample(cmd, r, place, nil)
	}
	r.Way |= wayRead // else a write behind it that nobody answers would be taken for it
	return r
}

// land gives g its reply, or has its command sent.
func (n *nearby) land(g *guest, reply []byte) {
	n.local.joined--
	s, r := g.s, g.r
	if r.Owner != nil { // else its client is gone
		s.waitsFor &^= behindFlight
		if reply != nil {
			s.Replied(r, reply, true)
		} else {
			n.sendGuest(g)
		}
		s.unblock()
	}
	n.local.servers.Unref(r)
	n.local.loop.PutBuffer(g.frame)
}

// sendGuest has the command of g, which is all that its client is owed, be answered as any other read is.
func (n *nearby) sendGuest(g *guest) {
	s := g.s
	if s.near != n { // its pool keeps nothing any more
		s.sendGuest(g)
		return
	}
	n.look()
	c, mark := s.nearForm(g.frame.B), n.cache.Mark(near.Slot(g.key)) // first: see fly
	place, server := s.pool.Router().Route(g.key)
	g.r.Server = uint16(max(place, 0))
	conn, err := s.conns.Conn(server, s.cl.ID)
	if err != nil {
		if e := n.stale(&c); e != nil {
			s.Replied(g.r, e.Reply, true)
		} else {
			s.sendGuest(g)
		}
		return
	}
	at := &n.flights[c.Hash%flights]
	f := *at
	if f == nil || !f.takes(&c, conn) {
		cmd := codec.Command{Op: g.r.Op, Key: g.key, Frame: g.frame.B}
		f = n.launch(s, &cmd, &c, mark, place, server, conn, n.wants(g.key, c.Hash))
		if *at == nil {
			*at = f
			n.announce(f)
		}
	}
	f.takeAboard(s, g.r)
}

// sendGuest sends the command of g.
func (s *Session) sendGuest(g *guest) {
	place, server := s.pool.Router().Route(g.key)
	g.r.Server = uint16(max(place, 0))
	c, err := s.conns.Conn(server, s.cl.ID)
	if err != nil && s.pool.patient {
		c, err = s.conns.Despite(err, server, s.cl.ID, g.r.Op)
	}
	switch {
	case err != nil && s.pool.patient:
		s.holdGuest(g, err)
		return
	case err != nil:
		s.Failed(g.r, err)
		return
	}
	c.Touch()
	c.Queue(g.r)
	s.pastCrowd(c)
	c.Out().Append(s.loop, g.frame.B)
}
