package session

// A client that watches keys has a server connection for itself, the lease, from WATCH to EXEC, DISCARD or UNWATCH. On it go only
// WATCH and the transaction; what the client asks in between takes the connection that all share. So that nothing overtakes anything,
// nothing else of the client is under way while one of these two is:
//
//	WATCH a    waits until nothing is owed to the client, takes a lease, and the next command waits for its reply
//	GET a      on the shared connection
//	MULTI ...  is kept
//	EXEC       waits until nothing is owed, goes over the lease, and the next command waits for its reply
//
// A lease that is lost, with its server or by a reload, a WATCH that got no reply in time, and a key that has become another server's count
// as a change of what was watched: EXEC answers null.

import (
	"encoding/binary"
	"errors"
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// watching is what a client watches.
type watching struct {
	lease  *backend.Conn // nil: it watches nothing, or lost it
	router ways          // by which the keys are at place
	place  int
	server *topology.Server // of the keys, as the pool said; the lease may lead to another, which a server named
	asks   bool             // that has the slot not yet, and has to be told that one knows
	keys   []byte           // all that is watched, each behind its length in four bytes
	op     uint16           // WATCH's
	lost   bool             // EXEC will not be executed
	none   bool             // lost, since nothing could be watched: the next WATCH may be better
}

// stale gives up what is watched if a key of it is another server's by now.
func (s *Session) stale() {
	w, router := &s.watches, s.ways()
	if w.lease == nil || router.stands(w.router) {
		return
	}
	w.router = router
	for keys := w.keys; len(keys) > 0 && !s.pool.random; {
		n := binary.BigEndian.Uint32(keys)
		if _, server := router.Route(keys[4 : 4+n]); server != w.server && server != w.lease.Server() {
			s.unwatch(false)
			w.lost = true
			return
		}
		keys = keys[4+n:]
	}
	w.place, w.server = router.Route(w.first())
}

// on says that the client watches something, or lost it.
func (w *watching) on() bool { return w.lease != nil || w.lost }

// count is how many keys are watched.
func (w *watching) count() int {
	seen := make(map[string]struct{}) // looked up, and never walked over
	for keys := w.keys; len(keys) > 0; {
		n := binary.BigEndian.Uint32(keys)
		seen[string(keys[4:4+n])] = struct{}{}
		keys = keys[4+n:]
	}
	return len(seen)
}

// alone says that nothing is owed to s; if something is, s is blocked until it may look at its next command again.
func (s *Session) alone() bool {
	if s.owedNothing() {
		return true
	}
	s.waitsFor |= behindOrder
	s.block()
	return false
}

// watch sends a WATCH over a lease, or answers why it can't. It returns false if the command has to wait.
func (s *Session) watch(cmd *codec.Command) (taken bool) {
	if !s.alone() {
		return false
	}
	s.stale()
	w, router := &s.watches, s.ways()
	place, server := router.Route(cmd.KeyAt(0))
	if w.lease == nil && (!w.lost || w.none) && s.together(router, place, cmd) {
		c, wait, err := s.lease(backend.Transactions, place, server)
		if wait {
			return false
		}
		if err != nil {
			s.count(cmd)
			w.lost, w.none = true, true // nobody looks whether its key changes
			s.unleased(place, cmd, err)
			return true
		}
		*w = watching{lease: c, router: router, place: place, server: server, keys: w.keys[:0]}
	}
	s.count(cmd)
	switch {
	case !s.together(router, place, cmd), w.lease != nil && server != w.server && !s.pool.random:
		s.apartFrom(router, w.first(), cmd)
		none := w.none || !w.on()
		s.unwatch(false)
		w.lost, w.none = true, none
	case w.lost:
		s.answerLocal(cmd)
	case len(w.keys)+len(cmd.Frame) > s.local.limits.MaxRequestBytes:
		s.countRefusal(cmd)
		s.answerWith(s.pool.Protocol.AppendTooLarge)
		s.unwatch(false)
		w.lost = true
	default:
		w.keys = appendWatched(w.keys, cmd)
		w.op = cmd.Op
		s.sendOver(w.lease, w.place, cmd)
	}
	return true
}

// first is the first key that is watched; nil: none.
func (w *watching) first() []byte {
	if len(w.keys) < 4 {
		return nil
	}
	return w.keys[4 : 4+binary.BigEndian.Uint32(w.keys)]
}

// sendOver sends cmd over a lease; the next command waits for its reply.
func (s *Session) sendOver(c *backend.Conn, place int, cmd *codec.Command) {
	r := s.local.servers.NewRequest(s)
	r.Op, r.Keys, r.Server, r.Frame = cmd.Op, uint32(len(cmd.Keys)), uint16(place), uint32(len(cmd.Frame))
	r.Quiet = cmd.Quiet
	r.SetKey(firstKey(cmd))
	s.push(r)
	_ = s.toward(place)
	c.Touch()
	c.Queue(r)
	sendPart(s, c, cmd.Frame)
	s.waitsFor |= behindOrder
}

// unleased answers a command for a lease to a server that can't be reached, for that is err, or has it wait until that has changed.
func (s *Session) unleased(place int, cmd *codec.Command, err error) {
	if s.patientAt(place) && len(cmd.Keys) > 0 && !errors.Is(err, backend.ErrLeases) && !errors.Is(err, backend.ErrBlocked) {
		s.hold(place, cmd, err)
		s.waitsFor |= behindOrder
	} else {
		s.refuse(cmd, err)
	}
}

// leaseTime is how long a client waits for a lease where its pool has no timeout.
const leaseTime = time.Second

// lease gives s a connection to server for itself; wait: it has to wait for one, and the command is looked at again.
func (s *Session) lease(kind backend.LeaseKind, place int, server *topology.Server) (c *backend.Conn, wait bool, err error) {
	if c, wait, err = s.connsAt(place).Lease(kind, server, s, s.cl.ID, s.late); wait {
		s.waitForLease()
		return nil, true, nil
	}
	s.asksNoMore()
	return c, false, err
}

// waitForLease has s wait until a lease may be free, or it has waited for long enough.
func (s *Session) waitForLease() {
	patience := s.pool.Options().Timeout
	if patience == 0 {
		patience = leaseTime
	}
	s.askUntil(behindServer, patience)
}

// unwatch gives the lease back, after a command that made its server forget what was watched, or with one that will.
func (s *Session) unwatch(forgotten bool) {
	c := s.watches.lease
	s.watches = watching{keys: s.watches.keys[:0]}
	if c == nil {
		return
	}
	if !forgotten {
		c.Clean(s.pool.Protocol.AppendUnwatch(nil), s.pool.Protocol.BeginOp())
	}
	c.Return()
}

// unanswered gives up what is watched if r, which failed, was a WATCH: the server may carry it out yet, and what changed before then
// nobody saw.
func (s *Session) unanswered(r *backend.Request) {
	if w := &s.watches; w.lease != nil && r.Op == w.op {
		s.unwatch(false)
		w.lost = true
	}
}

// LeaseLost implements backend.Lessee.
func (s *Session) LeaseLost(c *backend.Conn) {
	if s.watches.lease == c {
		s.watches.lease, s.watches.lost = nil, true
	}
	if s.blocks.lease == c {
		why := backend.ErrUnblocked
		if s.pool.patient {
			why = backend.ErrElsewhere
		}
		s.endBlocking().Cancel(why) // unless it is closed by now, which fails the command for its own reason
	}
}

var _ backend.Lessee = (*Session)(nil)
