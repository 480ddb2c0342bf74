package session

// How what servers say of a command's fragments becomes its one reply.

import "cashew/backend"

// lastOf says that r is the last fragment of the command whose turn it is, and that nothing of its reply was kept before.
func (s *Session) lastOf(r *backend.Request) bool {
	return r.Parent != nil && r.Parent == s.head && r.Parent.Pending == 1 && r.Reply == nil
}

// joinLast is store and allStored for a reply that is joined with the others at once, from where it was read. Its server connection still
// holds r afterwards.
func (s *Session) joinLast(r *backend.Request, reply []byte) {
	s.local.lastReply.B = reply
	r.Reply = &s.local.lastReply
	defer s.takeBack(r) // after a panic, too: it would become a spare
	s.allStored(r)
}

// takeBack forgets what joinLast lent r.
func (s *Session) takeBack(r *backend.Request) {
	r.Reply, s.local.lastReply.B = nil, nil
}

// fragmentDone takes note that a fragment of a command is answered, or lost.
func (s *Session) fragmentDone(f *backend.Request) {
	whole := f.Parent
	f.Done = true
	if whole.Way&wayFollowed != 0 {
		s.notePart(whole, f)
	}
	if whole.Pending--; whole.Pending == 0 {
		whole.Done = true
		if s.expecting != 0 {
			s.settle(whole)
		}
		s.passDue()
	}
}

// writeGathered appends the one reply to a scattered command whose fragments are all answered to out.
func (s *Session) writeGathered(whole *backend.Request) {
	p, g := s.pool.Protocol, whole.Gather
	if s.selected != nil {
		s.follow(whole)
	}
	if s.before != nil {
		s.unsay(whole)
	}
	if whole.Quiet != 0 && p.Suppress(whole.Quiet, nil) {
		return
	}
	if whole.Err != nil && !spared(whole) {
		s.pool.Count.ForwardError.Add(1)
		s.out.SetBatch(s.appendError(s.out.Batch(s.loop), whole.Mark, whole.Err))
		return
	}
	size := 0
	for _, f := range whole.Fragments {
		if stored(f) == 0 {
			continue // spared says that there are others
		}
		if g.Subscribers != nil {
			g.Part = append(g.Part, f.Server)
		}
		g.Replies = append(g.Replies, f.Reply.B)
		g.Cursor = append(g.Cursor, 0)
		size += len(f.Reply.B)
	}
	s.loop.Copies.Add(size)
	if size < throughBytes {
		s.out.SetBatch(p.AppendCoalesced(s.out.Room(s.loop, size+64), g))
		return
	}
	bb := s.loop.GetBuffer()
	s.loop.Grow(bb, size+64, 0)
	bb.B = p.AppendCoalesced(bb.B, g)
	s.out.Hand(s.loop, bb, len(bb.B))
}
