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
	"cashew/codec"
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
// The first SET fails then. So does a command with several keys of a slot that moves (TRYAGAIN). As soon as it is known that one does, nothing
// of its client is sent behind such a command until that is answered: see aloneLast. Where a connection ended it is otherwise: a read is sent
// again though a write of its key that was sent behind it may be done, and is seen by it; that write has an error, so that its client knows
// nothing else.
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
	nothingFollows following = iota // or what does waits on this road as well
	maybeFollows                    // it may be done, or not
	follows                         // it is answered
)

// behind looks for what s sent behind p.
func (h *shard) behind(s *Session, p *parking) (f following) {
	r := p.r
	look := func(q *backend.Request) {
		z := s.local.retries.of[q]
		switch {
		case q.Keys == 0, z != nil && z.at == nil, h.group.Reads(q.Op) && h.group.Reads(r.Op), !h.sameKey(q, r), !s.mayName(p, q):
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

// aloneLast has nothing be sent behind what is sent next if that has several keys, of the slot that key has, at a place, and the slot moves.
func (s *Session) aloneLast(place, keys int, key []byte) {
	if keys > 1 && s.slottedAt(place) && s.shardAt(place).pool.Halves(key) {
		s.waitsFor |= behindOrder
	}
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

// mayName says that p, if it has several keys, has the one of q, unless that has several as well, or is not known to its end.
func (s *Session) mayName(p *parking, q *backend.Request) (is bool) {
	key := q.Key()
	if p.r.Keys <= 1 || q.Keys != 1 || len(key) == 0 || len(key) >= stats.MaxShownKey {
		return true
	}
	s.commandsOf(p.frame.B, func(cmd *codec.Command) bool {
		is = is || len(cmd.Keys) == 0 && (len(cmd.Key) == 0 || bytes.Equal(cmd.Key, key))
		for i := range cmd.Keys {
			is = is || bytes.Equal(cmd.KeyAt(i), key)
		}
		return !is
	})
	return is
}

// overtaken says that p's server has not done it, and something that came behind it.
func (h *shard) overtaken(s *Session, p *parking) bool {
	return p.reply != nil && h.behind(s, p) == follows
}
