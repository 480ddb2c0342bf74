package session

// What is sent again, see again.go, keeps its client's order. Two commands about a slot were sent to one server, in order, and came onto the
// road in that order; there the second may come to be ahead of the first:
//
//	server A   "SET k 1": not here; "SET k 2": not here      both are parked
//	tick       "SET k 1" goes to A once more                 the other is not due yet, or A had not answered it until now
//	map        the slot is B's                               "SET k 2" has to wait until A has turned the first away,
//	           A: not here                                   which then stands in line before it

import (
	"slices"

	"cashew/backend"
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
	if y.at, y.about = nil, to.slot; to.slot < 0 {
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
func (h *shard) overtakes(s *Session, y *retry, server *topology.Server) bool {
	if a := &s.sentAgain; a.to == nil || a.to == server && !a.others {
		return false
	}
	ahead := func(q *backend.Request) bool {
		z := h.retries.of[q]
		return z != nil && z.at != nil && z.at != server && z.about == y.about && z.number < y.number
	}
	for q := s.head; q != nil; q = q.Next {
		if ahead(q) || slices.ContainsFunc(q.Fragments, ahead) {
			return true
		}
	}
	return false
}

// lineUp has p stand in line: behind all, or before those of its client that came onto the road later.
func (h *shard) lineUp(s *Session, p *parking) {
	all, number := h.retries.parked, h.retries.of[p.r].number
	at := len(all)
	if s.parked > 0 && number < s.sentAgain.newest {
		later := func(q *parking) bool {
			z := h.retries.of[q.r]
			return z != nil && z.number > number && waitsFor(q.r) == s
		}
		if i := slices.IndexFunc(all, later); i >= 0 {
			at = i
		}
	}
	s.sentAgain.newest = max(s.sentAgain.newest, number)
	h.retries.parked = slices.Insert(all, at, p)
}
