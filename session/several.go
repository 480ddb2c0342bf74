package session

// Commands without a key. In a pool of one server most go there as they are; where there are several, it depends on the command:
//
//	sole           sends it to the only server
//	sendAnywhere   to one of several that would all answer the same
//	walk           to one after the other, from call to call
//	fanOut         to all, in scatter.go
//	Refuse         none of them could answer for the others

import (
	"fmt"
	"math"

	"cashew/codec"
	"cashew/codec/walk"
	"cashew/ring"
	"cashew/topology"
)

// sole sends a command as it is to the only server of the pool; false: there are several, or its cursor is of a time when there were, or it is for
// other pools as well.
func (s *Session) sole(cmd *codec.Command) bool {
	if !s.pool.single() || cmd.Kind == codec.Walk && s.pool.Walked() || cmd.Alike && s.routes != nil && s.routes.leads || !s.solely(cmd) {
		return false
	}
	if s.inTransaction() {
		if cmd.Kind != codec.Refuse {
			cmd.Own = false
		}
		cmd.Err = "" // it was of several servers, or is the server's to say
		cmd.Kind, cmd.Keys = codec.Queue, cmd.Keys[:0]
		s.queue(cmd)
		return true
	}
	s.keyless(cmd)
	s.unname(cmd)
	place, server := s.pool.Router().Route(nil)
	if cmd.Script {
		s.sendScript(place, server, cmd)
	} else {
		s.send(place, server, cmd)
	}
	return true
}

// unname takes from cmd what stands for its key, for it has none: figures would have that for one. In a pool whose servers change places the
// road of again.go goes by it.
func (s *Session) unname(cmd *codec.Command) {
	if !s.pool.patient {
		cmd.Key = nil
	}
}

// sendAnywhere sends a command as it is to a server that answers.
func (s *Session) sendAnywhere(cmd *codec.Command) {
	s.keyless(cmd)
	place, server := s.anyServer(cmd.Key)
	s.unname(cmd)
	if cmd.Script {
		s.sendScript(place, server, cmd)
	} else {
		s.send(place, server, cmd)
	}
}

// anyServer is the server that has key, or if that does not answer the first that does, as far as is known; if none does, the one that has
// not answered for longest: it may by now, and so each has its turn.
func (s *Session) anyServer(key []byte) (place int, server *topology.Server) {
	since := int64(math.MaxInt64)
	if place, server = s.pool.Router().Route(key); server != nil {
		since = s.conns.Failing(server, s.cl.ID)
	}
	if since == 0 {
		return place, server
	}
	for i, other := range s.pool.Servers() {
		if at := s.conns.Failing(other, s.cl.ID); at < since {
			place, server, since = i, other, at
		}
	}
	return place, server
}

// walk sends a command to the server that its cursor names.
func (s *Session) walk(cmd *codec.Command) {
	p := s.pool.Protocol
	at, ok := p.Cursor(cmd)
	if !ok {
		s.sendAnywhere(cmd) // what is wrong with it a server will say
		return
	}
	stop, next, there, known := s.pool.Stop(at.Stop)
	if at.Stop == 0 && at.Own != 0 {
		known = false
	}
	switch {
	case !known:
		s.answerWith(func(dst []byte, _ *codec.Client) []byte {
			return p.AppendError(dst, "invalid cursor: it names no server that this pool has or had; begin again with 0")
		})
		s.countRefusal(cmd)
		return
	case stop == nil:
		s.answerWith(func(dst []byte, _ *codec.Client) []byte { return p.AppendWalked(dst) })
		return
	case !there:
		at.Own = 0 // of a server that is gone
	}
	whole := s.gather(cmd)
	whole.Gather.Step = walk.Step{Stop: stop.ID, Next: next}
	if t := s.fragment(whole, stop.Place, s.pool.Servers()[stop.Place], 0); t.conn != nil {
		t.conn.Out().SetBatch(p.AppendWalk(t.conn.Out().Batch(s.loop), cmd, at.Own))
	} else if t.err != nil {
		s.holdFrame(&t, p.AppendWalk(nil, cmd, at.Own))
	}
	s.launched(whole)
}

// apart answers a command whose keys live on different servers by r, in its turn.
func (s *Session) apart(r ways, cmd *codec.Command) {
	s.countRefusal(cmd)
	s.answerWith(func(dst []byte, cl *codec.Client) []byte {
		keys, servers := s.twoOf(r, len(cmd.Keys), cmd.KeyAt)
		return s.pool.Protocol.AppendApart(dst, cl, keys, servers)
	})
}

// apartFrom answers a command whose keys live on another server than earlier ones, whose first is key.
func (s *Session) apartFrom(r ways, key []byte, cmd *codec.Command) {
	if !s.together(r, r.Place(cmd.KeyAt(0)), cmd) {
		s.apart(r, cmd)
		return
	}
	s.countRefusal(cmd)
	s.answerWith(func(dst []byte, cl *codec.Client) []byte {
		both := [2][]byte{key, cmd.KeyAt(0)}
		keys, servers := s.twoOf(r, 2, func(i int) []byte { return both[i] })
		return s.pool.Protocol.AppendApart(dst, cl, keys, servers)
	})
}

// twoOf are two of n keys that live on different servers by r, with the names of those: the first, and the first that is not where that is.
func (s *Session) twoOf(r ways, n int, key func(i int) []byte) (keys [2][]byte, servers [2]string) {
	first := r.Place(key(0))
	other, at := first, 0
	for i := 1; i < n && other == first; i++ {
		other, at = r.Place(key(i)), i
	}
	if names := [2]string{s.nameAt(first), s.nameAt(other)}; other != first || !s.slottedAt(first) {
		return [2][]byte{key(0), key(at)}, names
	}
	return s.twoSlots(n, key, s.nameAt(first))
}

// twoSlots is twoOf for keys that one server of a cluster has, in several slots.
func (s *Session) twoSlots(n int, key func(i int) []byte, server string) (keys [2][]byte, servers [2]string) {
	first, at := ring.SlotOf(key(0)), 0
	for i := 1; i < n && at == 0; i++ {
		if ring.SlotOf(key(i)) != first {
			at = i
		}
	}
	for i, k := range [2][]byte{key(0), key(at)} {
		keys[i], servers[i] = k, fmt.Sprintf("%s, slot %d", server, ring.SlotOf(k))
	}
	return keys, servers
}

// nameAt is the name of the server at a place.
func (s *Session) nameAt(place int) string {
	if at := s.entryAt(place); at != nil {
		return at.Name
	}
	return "no server"
}

// entryAt describes the server at a place; nil: there is none.
func (s *Session) entryAt(place int) *topology.ServerOptions {
	p := s.pool
	if s.routes != nil && place >= 0 {
		t := s.routes.at(place)
		if t.shard == nil {
			return nil
		}
		p, place = t.shard.pool, place-t.base
	}
	return p.AtPlace(place)
}
