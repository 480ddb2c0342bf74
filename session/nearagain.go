package session

// In a pool whose servers change places a flight may not be answered where it was sent (see again.go): its server names another, says later, or is
// gone. Then each of its readers goes that road for itself, in the order of its own client, and what it gets in the end is not kept:
//
//	client 1 --\              server A: "MOVED 5 B"      client 1 --GET a--> B
//	client 2 ---+--> flight --GET a-->              ==>  client 2 --GET a--> B
//
// What is kept is thus read from the server that the pool's map names, and that has answered for the key itself: it tells of each write until it is the
// key's server no more, and then
//
//	the key moved    with MIGRATE: it is deleted there, which is told
//	it has none      it may be written elsewhere as soon as its slot moves, and nobody tells: see untold
//	another map      has all be given up: see nearbyOf

import (
	"cmp"
	"time"

	"cashew/backend"

	"github.com/valyala/bytebufferpool"
)

// again has the readers of f, which h's server has not done, see backend.Elsewhere, go on each by itself. No reply of f's will be whole.
func (f *flight) again(h *shard, frame *bytebufferpool.ByteBuffer, e backend.Elsewhere) {
	l := f.n.local
	for _, w := range f.readers {
		if w.r.Owner == nil || e.Reply == nil && f.stale(w) {
			continue
		}
		own := l.loop.GetBuffer()
		own.B = append(own.B, frame.B...)
		if h.again(l, w.r, own, e) {
			continue
		}
		if e.Reply != nil {
			w.s.Replied(w.r, e.Reply, true)
		} else {
			w.s.Failed(w.r, cmp.Or(e.Err, backend.ErrClosed))
		}
	}
	l.loop.PutBuffer(frame)
	f.landed()
}

// noKey is how long a key has that is not there, by codec.Tracked's Life.
const noKey = -2

// untold is for how long a reply is kept of whose key its server may not tell that it is written: of a cluster's, one that has no such key. Once the key's slot
// begins to move, others write it at the next server, and the one before says nothing: it never had it.
func (f *flight) untold(most time.Duration) time.Duration {
	if f.n.shard.pool.slotted && f.life == noKey {
		return min(most, f.n.opts.Untold)
	}
	return most
}

// holdGuest has the command of g, for which err is that its server can't be reached, wait as any other does in such a pool.
func (s *Session) holdGuest(g *guest, err error) {
	frame := s.loop.GetBuffer()
	frame.B = append(frame.B, g.frame.B...)
	s.holdRequest(g.r, &parking{home: s.shard, frame: frame, err: err})
}
