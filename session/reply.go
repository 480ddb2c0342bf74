package session

// The road of a reply. What a server sends comes to Replied, in pieces, cut anywhere; each reply is then
//
//	passed on    it is the client's turn and the reply is whole, or longer than streamBytes         passesOn, pass
//	kept         it is not the client's turn yet, or the reply is short and not whole               store, allStored, passDue
//	joined       it is a fragment: once the last is whole, they become one reply                    joinLast, fragmentDone, writeGathered
//	swallowed    it answers a quiet command and says what was asked to be left out                   allStored
//
// A reply that does not come, or not whole, comes to Failed.

import (
	"cmp"
	"errors"
	"slices"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// Replied implements backend.Owner.
func (s *Session) Replied(r *backend.Request, chunk []byte, last bool) {
	r.Size += len(chunk)
	if last {
		if s.expecting != 0 {
			s.came(r)
		}
		if r.Way&wayBeside != 0 {
			s.noted(r, chunk)
		}
		s.answered(r)
		if s.blocks.lease != nil {
			s.unblocked()
		}
	}
	if s.passesOn(r, len(chunk), last) {
		s.pass(r, chunk, last)
		return
	}
	if last && s.lastOf(r) {
		s.joinLast(r, chunk)
		return
	}
	s.store(r, chunk)
	switch {
	case last:
		s.allStored(r)
	case r.Quiet == 0 || stored(r) < streamBytes:
	case s.pool.Protocol.Suppress(r.Quiet, r.Reply.B):
		r.Reply.B = r.Reply.B[:0] // and so will the rest be
	default:
		r.Quiet = 0 // from here on it is a reply like any other
	}
}

// passesOn says that the next n bytes of r's reply go to the client now: it is the client's turn to have it, nobody has to see it
// whole (it is joined with others, or may be swallowed), and it is whole or long.
func (s *Session) passesOn(r *backend.Request, n int, last bool) bool {
	return r == s.head && r.Quiet == 0 && (last || r.Streaming || stored(r)+n >= streamBytes)
}

// pass writes the next bytes of the reply whose turn it is, behind those that were kept of it.
func (s *Session) pass(r *backend.Request, chunk []byte, last bool) {
	if r.Reply != nil {
		s.writeStored(r)
	}
	if len(chunk) >= throughBytes || s.out.Pending()+len(chunk) >= crowdBytes {
		s.out.Through(s.loop, chunk, s)
	} else {
		s.out.Append(s.loop, chunk)
	}
	if !last {
		r.Streaming = true
		if s.out.Pending() > 0 || s.out.Err() != nil {
			s.touch()
		} else {
			s.account() // there is nothing to flush
		}
		return
	}
	s.touch()
	s.pop()
	s.passDue()
	if s.subscriber != nil {
		s.passHeld()
	}
}

// pop releases the head of the client's order, whose reply stands in out, written or not.
func (s *Session) pop() {
	r := s.head
	s.replySize += (r.Size - s.replySize) / 8
	s.head = r.Next
	if s.head == nil {
		s.tail = nil
		if s.inFlight != 1 {
			s.disordered()
		}
	}
	r.Next = nil
	if s.limiter != nil {
		s.owe(r)
	}
	s.replyDue()
	s.tally.InFlight--
	if s.inFlight--; s.inFlight == 0 {
		s.loop.Busy--
		if s.head != nil {
			s.disordered()
		}
	}
	s.letGo(r)
}

// disordered has s closed by the next flush: what it is owed is not what it should be, and it could get another client's reply. Nothing
// of the list is let go of, for it may be that client's; its places are lost.
func (s *Session) disordered() {
	s.loop.Broken("client's order of replies is lost; closing it", "pool", s.pool.Name, "client", s.cl.Addr, "in_flight", s.inFlight)
	s.head, s.tail, s.broken = nil, nil, true
	s.touch()
}

// mine says that r, which is in the order of s, is owed to s and to nobody else.
func (s *Session) mine(r *backend.Request) bool {
	return (r.Owner == nil || r.Owner == s) && (r.Gather == nil || hasFragments(r))
}

// hasFragments says that the fragments of whole are of no other command.
func hasFragments(whole *backend.Request) bool {
	for _, f := range whole.Fragments {
		if f.Parent != whole {
			return false
		}
	}
	return true
}

// replyDue notes that a whole reply is in out.
func (s *Session) replyDue() {
	if s.dueReplies == 0 {
		s.dueAt = s.loop.Now
	}
	s.dueReplies++
}

// letGo lets go of r and its fragments; replies that still come are thrown away.
func (s *Session) letGo(r *backend.Request) {
	if r.Way&wayFollowed != 0 {
		s.untie(r)
	}
	if r.Gather != nil {
		for i, f := range r.Fragments {
			f.Owner, f.Parent = nil, nil
			s.local.servers.Unref(f)
			r.Fragments[i] = nil
		}
		s.local.putGather(r.Gather)
	}
	r.Owner = nil
	s.local.servers.Unref(r)
}

// touch has the next flush look at s.
func (s *Session) touch() {
	if !s.dirty {
		s.dirty = true
		s.loop.TouchClient(s)
	}
}

// Flush implements loop.Flusher: it writes what is due and closes s if that was the last.
func (s *Session) Flush() {
	s.dirty = false
	s.flush()
}

func (s *Session) flush() {
	if s.life == closed {
		return
	}
	s.out.Flush(s.loop, s)
	s.account()
	if s.local.access.unwritten != 0 {
		s.written()
	}
	if s.out.Pending() > 0 {
		s.local.holders.add(s) // its socket is full
		s.noteUnread()
	} else if s.unreadBytes > 0 {
		s.noteUnread()
	}
	if s.local.overfull {
		s.local.relieveOutput()
	}
	switch {
	case s.life == closed:
	case s.broken || s.out.Err() != nil:
		s.close()
	case s.life >= quitting && s.owedNothing() && s.out.Pending() == 0:
		s.finish()
	default:
		s.unblock()
	}
}

// store keeps bytes of a reply whose turn has not come.
func (s *Session) store(r *backend.Request, p []byte) {
	if r.Reply == nil {
		r.Reply = s.loop.GetBuffer()
	}
	s.loop.Grow(r.Reply, len(p), 0)
	s.loop.Copies.Add(len(p))
	r.Reply.B = append(r.Reply.B, p...)
}

func stored(r *backend.Request) int {
	if r.Reply == nil {
		return 0
	}
	return len(r.Reply.B)
}

// allStored decides about r's reply, all of which is stored: a fragment's is joined with the others once all are there, a quiet
// command's is swallowed if its protocol says so, and any other waits for its turn.
func (s *Session) allStored(r *backend.Request) {
	switch {
	case r.Parent != nil:
		r.Parent.Size += r.Size
		s.fragmentDone(r)
		return
	case r.Quiet != 0 && s.pool.Protocol.Suppress(r.Quiet, r.Reply.B):
		r.Reply.B = r.Reply.B[:0]
	}
	r.Done = true
	s.passDue()
}

// passDue appends the replies whose turn it is to out; the next flush writes them.
func (s *Session) passDue() {
	for s.head != nil && s.head.Done {
		if !s.mine(s.head) {
			s.disordered()
			return
		}
		if s.head.Gather != nil {
			s.writeGathered(s.head)
		} else {
			s.writeStored(s.head)
		}
		s.pop()
		s.touch()
	}
}

func (s *Session) writeStored(r *backend.Request) {
	s.out.Hand(s.loop, r.Reply, len(r.Reply.B))
	r.Reply = nil
}

// Failed implements backend.Owner.
func (s *Session) Failed(r *backend.Request, err error) {
	if s.pool.opts.SlowerThan >= 0 && errors.Is(err, backend.ErrTimeout) {
		s.slow(r)
	}
	if whole := cmp.Or(r.Parent, r); whole.Way&wayFollowed != 0 {
		s.noteFailure(r, err)
	}
	if s.blocks.lease != nil { // it is late: what it would still pop would be lost
		s.endBlocking().Cancel(err)
	}
	s.unanswered(r)
	if s.expecting != 0 {
		s.came(r)
	}
	switch {
	case r.Parent != nil:
		s.lost(r, err)
		s.fragmentDone(r)
	case r.Streaming:
		// Part of the reply is with the client: no error can follow it, only the end.
		s.loop.Log.Warn("server failed in the middle of a reply; closing the client", "pool", s.pool.Name,
			"client", s.cl.Addr, "err", err)
		s.broken = true
		s.touch()
	default:
		if r.Reply == nil {
			r.Reply = s.loop.GetBuffer()
		}
		r.Reply.B = s.appendFailure(r.Reply.B[:0], err, r.Mark, r.Op, int(r.Keys), r.Quiet)
		r.Done = true
		s.passDue()
	}
}

// appendFailure appends what a client gets in place of a reply that its server failed to give: an error, or a miss where
// the pool's policy is that and the command only reads.
func (s *Session) appendFailure(dst []byte, err error, m codec.Mark, op uint16, keys int, quiet uint16) []byte {
	start := len(dst)
	dst = s.appendInstead(dst, err, m, op, keys)
	if quiet != 0 && s.pool.Protocol.Suppress(quiet, dst[start:]) {
		dst = dst[:start]
	}
	return dst
}

// appendInstead is appendFailure for a command that is not quiet.
func (s *Session) appendInstead(dst []byte, err error, m codec.Mark, op uint16, keys int) []byte {
	p := s.pool.Protocol
	if why, is := backend.Unblocks(err); is {
		return p.AppendUnblocked(dst, s.cl.Profile, op, why)
	}
	if s.pool.Options().OnServerFailure == topology.Miss && !backend.Unable(err) {
		if dst, ok := p.AppendMiss(dst, s.cl.Profile, m, op, keys); ok {
			s.pool.Count.Misses.Add(1)
			return dst
		}
	}
	s.pool.Count.ForwardError.Add(1)
	return s.appendError(dst, m, err)
}

// appendError appends what a client is told of err.
func (s *Session) appendError(dst []byte, m codec.Mark, err error) []byte {
	p := s.pool.Protocol
	if s.pool.slotted && backend.Unserved(err) {
		return p.AppendUnserved(dst, s.pool.Options().Slots != nil)
	}
	return p.AppendFailure(dst, s.cl.Profile, m, backend.Text(err))
}

// lost ends a fragment whose server failed: either its keys are left out of the reply, where the pool allows that and the
// command only reads, or the whole command fails.
func (s *Session) lost(f *backend.Request, err error) {
	whole := f.Parent
	if (s.pool.opts.PartialResults || s.pool.Options().OnServerFailure == topology.Miss) && !backend.Unable(err) {
		if f.Reply == nil {
			f.Reply = s.loop.GetBuffer()
		}
		out, ok := s.pool.Protocol.AppendMiss(f.Reply.B[:0], s.cl.Profile, whole.Mark, whole.Gather.Op, int(f.Keys))
		if f.Reply.B = out; ok {
			s.pool.Count.LostKeys.Add(int64(f.Keys))
			return
		}
	}
	if whole.Gather.Some && f.Reply != nil {
		f.Reply.B = f.Reply.B[:0] // what came of it says nothing
	}
	if whole.Err == nil || backend.Unable(err) {
		whole.Err = err
	}
}

// spared says that whole, of which fragments are lost, is answered by what the others say. A server that can be reached, and does not
// speak as the client does, is not passed over.
func spared(whole *backend.Request) bool {
	return whole.Gather.Some && !backend.Unable(whole.Err) && slices.ContainsFunc(whole.Fragments, func(f *backend.Request) bool { return stored(f) > 0 })
}
