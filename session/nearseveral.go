package session

// A read of several keys is answered with what is kept of each of them, if all are: as if each had been asked for by itself, and what was said
// become one reply as always. Else it is sent as any other. What of it is worth keeping and is not kept is asked for besides, key by key, so that
// who asks next finds it; nobody waits for that.

import (
	"cashew/codec"
	"cashew/near"
	"cashew/topology"
)

const (
	// nearMisses is how many keys of a command are looked at that are not kept; with the last of them it is sent.
	nearMisses = 8
	// mostNearKeys is how many keys it may have.
	mostNearKeys = 1024
)

// nearlyAll answers cmd, which reads several keys, with what is kept of them; false: it is to be sent as any other, the way that it would go.
func (s *Session) nearlyAll(cmd *codec.Command, way uint8) bool {
	n := s.near
	n.look()
	n.found = n.found[:0]
	n.one = s.pool.Protocol.AppendFragment(n.one[:0], cmd, 1)
	head := len(n.one)
	for i, misses := 0, 0; i < len(cmd.Keys) && misses < nearMisses; i++ {
		c, key := n.oneOf(s, cmd, i, head), cmd.KeyAt(i)
		e := n.cache.Get(&c, s.loop.Now)
		if e != nil && !s.wroteTo(e.Slot) {
			n.found = append(n.found, e)
			continue
		}
		misses++
		if e != nil || way == wayReplica && s.reads.policies[cmd.Op] == topology.FromReplica || !n.fetch(s, cmd.Op, key, &c) {
			break // all of them will not be there soon
		}
	}
	all := len(n.found) == len(cmd.Keys)
	if all {
		s.giveAll(cmd, n.found)
		n.tally.Hits++
	} else {
		n.tally.Misses++
	}
	clear(n.found)
	return all
}

// oneOf is the command that asks for key i of cmd alone, as what is kept is found by it. It stands in n.one, which has the first head bytes of it.
func (n *nearby) oneOf(s *Session, cmd *codec.Command, i, head int) near.Command {
	k := &cmd.Keys[i]
	n.one = append(n.one[:head], cmd.Frame[k.Start:k.End]...)
	n.one = s.pool.Protocol.AppendFragmentEnd(n.one, cmd)
	return s.nearForm(n.one)
}

// fetch has c, which asks for a key, be asked on behalf of nobody if its reply is worth keeping; false: that will not be kept for now.
func (n *nearby) fetch(s *Session, op uint16, key []byte, c *near.Command) bool {
	if len(c.Frame) > maxNearFrame {
		return false
	}
	if !n.wants(key, c.Hash) {
		return n.sketch != nil
	}
	mark := n.cache.Mark(near.Slot(key)) // first: see fly
	at := &n.flights[c.Hash%flights]
	if *at != nil {
		return true
	}
	place, server := s.pool.Router().Route(key)
	conn, err := s.conns.Conn(server, s.cl.ID)
	if err != nil || conn.Full() || s.wroteTo(mark.Slot) || n.tracks && server.Told().Number() == 0 || s.loop.Now < n.from {
		return false
	}
	one := codec.Command{Op: op, Key: key, Frame: c.Frame}
	f := n.launch(s, &one, c, mark, place, server, conn, true)
	f.fetches, *at = true, f
	return true
}

// giveAll answers cmd with what is kept of each of its keys.
func (s *Session) giveAll(cmd *codec.Command, found []*near.Entry) {
	l, n := s.local, s.near
	if n.checkIn--; n.checkIn == 0 {
		i := l.loop.World.IntN(len(found))
		n.check(s, cmd.Op, cmd.KeyAt(i), found[i])
	}
	s.count(cmd)
	p, g, size := s.pool.Protocol, l.getGather(), 0
	defer l.putGather(g)
	g.Op, g.Keys, l.parts = cmd.Op, p.AppendKeys(g.Keys, cmd), l.parts[:0]
	for i, e := range found {
		g.Part, g.Replies, g.Cursor = append(g.Part, uint16(i)), append(g.Replies, e.Reply), append(g.Cursor, 0)
		l.parts = append(l.parts, uint16(e.Place))
		size += len(e.Reply)
	}
	if l.sampleIn -= len(found); l.sampleIn <= 0 {
		l.near = true
		s.sample(cmd, nil, 0, l.parts)
		l.near = false
	}
	switch {
	case s.head != nil || s.limiter != nil:
		r := s.done(size)
		r.Reply.B = p.AppendCoalesced(r.Reply.B, g)
		r.Size = len(r.Reply.B)
		s.push(r)
		s.passDue()
		return
	case size < throughBytes:
		l.loop.Copies.Add(size)
		s.out.SetBatch(p.AppendCoalesced(s.out.Room(s.loop, size+64), g))
	default:
		bb := s.loop.GetBuffer()
		s.loop.Grow(bb, size+64, 0)
		l.loop.Copies.Add(size)
		bb.B = p.AppendCoalesced(bb.B, g)
		s.out.Hand(s.loop, bb, len(bb.B))
	}
	s.replyDue()
	s.touch()
}
