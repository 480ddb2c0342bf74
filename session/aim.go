package session

// Where a command belongs that waits to be sent, see again.go: it may be another server by then.

import (
	"slices"

	"cashew/backend"
	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/ring"
	"cashew/topology"
)

// aim is where a parked command belongs, whichever server that is by then. Any will do if there is none of it.
type aim struct {
	slot   int    // of its keys, in a cluster; -1: none
	key    []byte // its first, in other pools, within the frame; nil: none
	server string // its name: the command goes to each server, or to one after the other
	of     *Pool  // that had the server
}

// aimOf is where a whole command belongs, or a transaction, which is where the first key is that one of its commands has. It was sent to
// the server called from, or would have been.
func (h *shard) aimOf(s *Session, r *backend.Request, frame []byte, from string) aim {
	to := aim{slot: -1}
	if r.Parent != nil && r.Op != h.pool.Protocol.ExecOp() {
		to.server, to.of = from, h.pool
		if h.before != nil && placeOf(h.pool, from) < 0 {
			to.of = h.before
		}
	}
	s.commandsOf(frame, func(cmd *codec.Command) bool {
		key := cmd.Key
		if len(cmd.Keys) > 0 {
			key = cmd.KeyAt(0)
		}
		switch {
		case cmd.Kind == codec.Fanout || cmd.Kind == codec.Walk || cmd.Kind == codec.Anywhere || len(key) == 0:
			return true
		case h.pool.slotted:
			to = aim{slot: ring.SlotOf(key)}
		default:
			to = aim{slot: -1, key: key}
		}
		return false
	})
	return to
}

// aimAgain is where a command belongs that came back. If it did as its keys are with two servers, its slot moves.
func (h *shard) aimAgain(s *Session, r *backend.Request, frame []byte, e backend.Elsewhere) aim {
	if e.Slot >= 0 {
		return aim{slot: e.Slot}
	}
	to := h.aimOf(s, r, frame, e.From)
	if e.Why == verdict.Halved {
		h.pool.Moves(to.slot)
	}
	return to
}

// serverOf is the server that r is meant for now; nil: nobody is.
func (h *shard) serverOf(s *Session, r *backend.Request, to *aim) (server *topology.Server) {
	switch {
	case to.slot >= 0:
		_, server = h.pool.Router().Owner(to.slot)
	case to.key != nil:
		_, server = h.pool.Router().Route(to.key)
	case to.server != "":
		if i := placeOf(h.pool, to.server); i >= 0 {
			server = h.pool.Servers()[i]
		} else if h.pool.slotted {
			server, _ = h.heirOf(r, to)
		}
	case h == s.shard:
		_, server = s.anyServer(nil)
	}
	return server
}

// heirOf is the server that has the place of one that left the cluster: a slot that was its, though it had none before, for a slot may have moved
// to another master meanwhile. One that was a master without slots has a part of r already, if r is not the only one. nil: there is no heir,
// and if all slots have an owner there will be none: others answer for them as well.
func (h *shard) heirOf(r *backend.Request, to *aim) (heir *topology.Server, never bool) {
	was, place := to.of.Options(), placeOf(to.of, to.server)
	if h.pool.Options().Slots == nil || was.Slots == nil {
		return nil, false
	}
	owners := make([]bool, len(was.Servers))
	for _, owner := range was.Slots {
		if owner != ring.NoServer {
			owners[owner] = true
		}
	}
	alone := len(r.Parent.Fragments) == 1
	for slot, owner := range was.Slots {
		if int(owner) != place {
			continue
		}
		_, heir := h.pool.Router().Owner(slot)
		if heir == nil {
			return nil, false
		}
		if before := placeOf(to.of, h.pool.Entry(heir).Name); before < 0 || !owners[before] && alone {
			return heir, false
		}
	}
	return nil, true
}

// orphaned says that p is for a server that left the cluster, and has no heir.
func (h *shard) orphaned(p *parking) bool {
	if p.to.server == "" || !h.pool.slotted || placeOf(h.pool, p.to.server) >= 0 {
		return false
	}
	_, never := h.heirOf(p.r, &p.to)
	return never
}

// divided says that p has several keys, for one server, and that several have them by now: a reload has put them elsewhere. A script goes
// where its first is.
func (h *shard) divided(s *Session, p *parking) (is bool) {
	if p.to.key == nil || p.r.Keys <= 1 || h.pool.random {
		return false
	}
	r := h.pool.Router()
	place := r.Place(p.to.key)
	s.commandsOf(p.frame.B, func(cmd *codec.Command) bool {
		if cmd.Kind != codec.Forward && cmd.Kind != codec.Scatter || cmd.Script {
			return true
		}
		is = is || len(cmd.Keys) == 0 && len(cmd.Key) > 0 && r.Place(cmd.Key) != place
		for i := range cmd.Keys {
			is = is || r.Place(cmd.KeyAt(i)) != place
		}
		return !is
	})
	return is
}

// placeOf is the place of the server of a name in p; -1: it has none.
func placeOf(p *Pool, name string) int {
	return slices.IndexFunc(p.Options().Servers, func(e topology.ServerOptions) bool { return e.Name == name })
}
