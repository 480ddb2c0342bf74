package session

// What is sent again, see again.go, keeps its client's order. Two commands about a slot were sent to one server, in order, and came onto the
// road in that order; there the second may come to be ahead of the first:
//
//	server A   "SET k 1": not here; "SET k 2": not here      both are parked
//	tick       "SET k 1" goes to A once more                 the other is not due yet, or A had not answered it until now
//	map        the slot is B's                               "SET k 2" has to wait until A has turned the first away,
//	           A: not here                                   which then stands in line before it

import (
	"bytes"
	"slices"

	"cashew/backend"
	"cashew/ring"
	"cashew/stats"
	"cashew/topology"
)

// sentAgain is what a session has lately sent again, as long as it has anything on the road: where to, and the last that was parked.
type sentAgain struct {
	to     *topology.Server // nil: nowhere
	others bool             // not to that one alone
	newest uint64           // the highest number of what was parked
}

// settle notes what r, which is with nobody just now, keeps its order in.
func (y *retry) settle(to *aim, r *backend.Request) {
	switch y.at, y.about = nil, to.slot; {
	case to.slot >= 0:
	case to.key != nil && !y.home.pool.random:
		y.about = -1 - y.home.pool.Router().Place(to.key)
	default:
		y.about = -1 - int(r.Server)
	}
}

// sentTo notes that what y is about was sent to a server again.
func (s *Session) sentTo(y *retry, server *topology.Server) {
	y.at = server
	a := &s.sentAgain
	a.others = a.others || a.to != nil && a.to != server
	a.to = server
}

// overtakes says that what y is about, sent to server, would be ahead of what came onto the road before it, is about the same, and was sent to
// another server.
func (s *Session) overtakes(y *retry, server *topology.Server) bool {
	if a := &s.sentAgain; a.to == nil || a.to == server && !a.others {
		return false
	}
	ahead := func(q *backend.Request) bool {
		z := s.local.retries.of[q]
		return z != nil && z.home == y.home && z.at != nil && z.at != server && z.about == y.about && z.number < y.number
	}
	for q := s.head; q != nil; q = q.Next {
		if ahead(q) || slices.ContainsFunc(q.Fragments, ahead) {
			return true
		}
	}
	return false
}

// lineUp has p stand in line: behind all, or before those of its client that came onto the road later.
func (s *Session) lineUp(p *parking) {
	y := &s.local.retries
	all, number := y.parked, y.of[p.r].number
	at := len(all)
	if s.parked > 0 && number < s.sentAgain.newest {
		later := func(q *parking) bool {
			z := y.of[q.r]
			return z != nil && z.number > number && waitsFor(q.r) == s
		}
		if i := slices.IndexFunc(all, later); i >= 0 {
			at = i
		}
	}
	s.sentAgain.newest = max(s.sentAgain.newest, number)
	y.parked = slices.Insert(all, at, p)
}

// What a server did not do, and did of what came behind it, is not sent again: the later would have been done first.
//
//	client   SET k 1                SET k 2
//	server           -LOADING ...           +OK
//
// The first SET fails then. Where a connection ended it is otherwise: a read is sent again though a write of its key that was sent behind it
// may be done, and is seen by it; that write has an error, so that its client knows nothing else.
//
// A command for all servers, FLUSHALL for one, waits until its client is owed nothing: whatever were sent again would come behind a part of it.

// resends says that what s is owed may have to be sent again.
func (s *Session) resends() bool {
	for h := range s.shards {
		if h.pool.patient || h.pool.reads != nil {
			return true
		}
	}
	return false
}

// following is what a client sent behind a command of the same key, where one of both writes.
type following uint8

const (
	nothingFollows following = iota // or what does is on this road as well
	maybeFollows                    // it may be done, or not
	follows                         // it is answered
)

// behind looks for what the client of r sent behind it.
func (h *shard) behind(s *Session, r *backend.Request) (f following) {
	look := func(q *backend.Request) {
		switch {
		case q.Keys == 0, s.local.retries.of[q] != nil, h.group.Reads(q.Op) && h.group.Reads(r.Op), !h.sameKey(q, r):
		case q.Done:
			f = follows
		default:
			f = max(f, maybeFollows)
		}
	}
	first := r
	if r.Parent != nil {
		first = r.Parent
	}
	for q := first.Next; q != nil; q = q.Next {
		if q.Gather == nil {
			look(q)
		}
		for _, part := range q.Fragments {
			look(part)
		}
	}
	return f
}

// sameKey says that q and r have a key in common, as far as is known of their keys: of several that is the first.
func (h *shard) sameKey(q, r *backend.Request) bool {
	a, b := q.Key(), r.Key()
	switch {
	case len(a) == 0 || len(b) == 0:
		return true
	case q.Keys <= 1 && r.Keys <= 1:
		return bytes.Equal(a, b)
	case h.pool.slotted && len(a) < stats.MaxShownKey && len(b) < stats.MaxShownKey:
		return ring.SlotOf(a) == ring.SlotOf(b)
	}
	return true
}

// overtaken says that p's server has not done it, and something that came behind it.
func (h *shard) overtaken(s *Session, p *parking) bool {
	return p.reply != nil && !p.halved && h.behind(s, p.r) == follows
}
