package session

// A pool may have another to fail over to: what can't be sent to a key's server just now, since that is ejected and its keys do not move, or
// nobody can connect there, is sent to the spare pool. Commands of which a byte was written are never sent elsewhere. As soon as the
// server can be reached again, its keys are there again: nothing is brought back from the spare. That may be a Redis Cluster: what it got is
// sent on there as its cluster says (again.go).

import (
	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// FailoverOptions are of a pool's spare.
type FailoverOptions struct {
	Pool   string // "": there is none
	Writes bool   // not only commands that only read are sent there
}

// spare is what a shard has of its pool's.
type spare struct {
	to     *shard
	base   int // the place of its first server
	writes bool
}

// instead is the spare's place for a key whose server, at place, can't be sent to; it is place itself where that can, the command is not for
// the spare, or that can't be reached either.
func (s *Session) instead(place int, server *topology.Server, key []byte, op uint16) (int, *topology.Server) {
	f := s.routes.spare
	if f == nil || f.to == nil || !f.writes && !s.group.Reads(op) || s.routes.target(key).shard != s.shard || reaches(s.conns, server, s.cl.ID) {
		return place, server
	}
	at, other := f.to.pool.Router().Route(key)
	if other == nil || !reaches(s.connsOf(f.to), other, s.cl.ID) {
		return place, server
	}
	return f.base + at, other
}

// reaches says that something can be sent to server, as far as is known.
func reaches(conns *backend.Set, server *topology.Server, client uint64) bool {
	_, err := conns.Conn(server, client)
	return err == nil
}

// insteadOf is instead for all keys of cmd, which are together: they have to be together there, too.
func (s *Session) insteadOf(place int, server *topology.Server, cmd *codec.Command) (int, *topology.Server) {
	if len(cmd.Keys) == 0 {
		return s.instead(place, server, cmd.Key, cmd.Op)
	}
	at, other := s.instead(place, server, cmd.KeyAt(0), cmd.Op)
	if at == place {
		return place, server
	}
	if s.slottedAt(at) && !sameSlot(cmd) {
		return place, server
	}
	for i := 1; i < len(cmd.Keys); i++ {
		if s.routes.spare.to.pool.Router().Place(cmd.KeyAt(i))+s.routes.spare.base != at {
			return place, server
		}
	}
	return at, other
}
