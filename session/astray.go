package session

// The road of a command that a client has a connection of its own for, in a cluster whose slots move. It goes on no other connection, so it
// is not sent again as others are:
//
//	WATCH     over another lease, if nothing was watched before; else it is answered, and its EXEC will not be executed
//	EXEC      is answered as if a watched key had changed: whether one has, nobody knows who saw the move
//	BLPOP     over another lease, also if it waits when its slot goes. Its own timeout begins anew then.
//
// Order and patience are those of again.go. The map may say yet that the slot is where it was: see watching.server and blocking.server.

import (
	"encoding/binary"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// astray prepares r, which came back from a lease, or got none, for the next. answered: that is not to be, and r has its reply.
func (h *shard) astray(s *Session, r *backend.Request, frame *bytebufferpool.ByteBuffer) (goesOn, answered bool) {
	p := h.pool.Protocol
	if r.Op == p.ExecOp() {
		s.answerFor(r, frame, p.AppendUnexecuted(nil, &s.cl))
		return false, true
	}
	s.commandsOf(frame.B, func(cmd *codec.Command) bool {
		switch goesOn = len(cmd.Keys) > 0; {
		case !goesOn:
		case cmd.Wait != 0 && s.blocks.lease != nil:
			s.endBlocking().Return()
		case cmd.Wait != 0:
		case len(s.watches.keys) > len(appendWatched(nil, cmd)):
			s.unwatch(false)
			s.watches.lost, answered, goesOn = true, true, false
			s.answerFor(r, frame, p.AppendLocal(nil, &s.cl, cmd))
		default:
			s.unwatch(false)
			s.watches.lost, s.watches.none = true, true // unless it gets another lease
		}
		return false
	})
	if y := s.local.retries.of[r]; y != nil {
		y.began = s.loop.Now // it may have blocked for long
	} else if goesOn {
		h.begin(s, r, s.loop.Now)
	}
	return goesOn, answered
}

// answerFor gives r, whose bytes are not needed any more, a reply.
func (s *Session) answerFor(r *backend.Request, frame *bytebufferpool.ByteBuffer, reply []byte) {
	r.Owner.Replied(r, reply, true)
	s.loop.PutBuffer(frame)
}

// appendWatched appends the keys of a WATCH as watching keeps them.
func appendWatched(dst []byte, cmd *codec.Command) []byte {
	for i := range cmd.Keys {
		k := cmd.KeyAt(i)
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(k))), k...)
	}
	return dst
}

// sendApart is resend for what needs a lease.
func (h *shard) sendApart(s *Session, r *backend.Request, server *topology.Server, frame *bytebufferpool.ByteBuffer, ask bool) (sent bool) {
	s.commandsOf(frame.B, func(cmd *codec.Command) bool {
		kind := backend.Transactions
		if cmd.Wait != 0 {
			kind = backend.Blocking
		}
		c, _, err := s.connsOf(h).Lease(kind, server, s, s.cl.ID, true)
		if err != nil {
			return false
		}
		router := s.ways()
		place, owner := router.Route(cmd.KeyAt(0))
		c.Touch()
		if ask {
			c.Before(h.pool.Protocol.Asking())
		}
		if r.Server = uint16(max(place, 0)); cmd.Wait != 0 {
			s.blockOver(c, h, owner, cmd)
		} else {
			s.watches = watching{
				lease: c, router: router, place: place, server: owner, asks: ask, op: cmd.Op, keys: appendWatched(s.watches.keys[:0], cmd),
			}
		}
		c.Queue(r)
		sendPart(s, c, frame.B)
		sent = true
		return false
	})
	if !sent {
		return false
	}
	s.loop.PutBuffer(frame)
	if s.waitsFor |= behindOrder; s.blocks.lease != nil {
		s.nowBlocks()
	}
	return true
}
