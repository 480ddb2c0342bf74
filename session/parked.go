package session

// What waits to be sent, see again.go: how it gets in line, and how it leaves.

import (
	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// parking is a command that waits to be sent.
type parking struct {
	home  *shard
	r     *backend.Request // held
	frame *bytebufferpool.ByteBuffer
	to    aim
	asked string // the address of the server that has its key just now, as the slot's owner said; "": it goes where the slot is
	apart bool   // it needs a lease
	from  int64  // not before, as Loop.Now
	until int64
	err   error  // why it fails then
	reply []byte // or what the client gets; nil: the error
}

// hold parks a command whose server can't be reached, for that is err.
func (s *Session) hold(place int, cmd *codec.Command, err error) {
	r := s.local.servers.NewRequest(s)
	r.Quiet, r.Op, r.Keys = cmd.Quiet, cmd.Op, uint32(max(len(cmd.Keys), 1))
	r.Server, r.Frame = uint16(max(place, 0)), uint32(len(cmd.Frame))
	key := cmd.Key
	if key == nil {
		key = firstKey(cmd)
	}
	r.SetKey(key)
	s.push(r)
	frame := s.loop.GetBuffer()
	s.loop.Grow(frame, len(cmd.Frame), 0)
	frame.B = append(frame.B, cmd.Frame...)
	s.holdRequest(r, &parking{home: s.shardAt(place), frame: frame, apart: cmd.Kind == codec.Lease, err: err})
}

// holdFrame parks a fragment that is the command as it is.
func (s *Session) holdFrame(t *target, frame []byte) {
	bb := s.loop.GetBuffer()
	s.loop.Grow(bb, len(frame), 0)
	bb.B = append(bb.B, frame...)
	s.holdRequest(t.request, &parking{home: t.home, frame: bb, err: t.err})
}

// holdRequest parks a request that was never sent.
func (s *Session) holdRequest(r *backend.Request, p *parking) {
	h := p.home
	y := h.begin(s, r, s.loop.Now)
	h.pool.Stale()
	from := ""
	if e := s.entryAt(int(r.Server)); e != nil { // else nobody has it
		from = e.Name
	}
	p.r, p.from, p.to = r, s.loop.Now, h.aimOf(s, r, p.frame.B, from)
	y.settle(&p.to, r)
	s.park(p)
}

// park has p wait, behind what is parked.
func (s *Session) park(p *parking) {
	p.until = p.home.patience(s.local.retries.of[p.r])
	p.r.Ref()
	s.lineUp(p)
	s.parked++
	if s.parkedBytes += cap(p.frame.B); s.holds() >= causeBytes {
		s.local.holders.add(s)
	}
	s.local.tick()
}

// tick has unpark called soon.
func (l *Local) tick() {
	if l.retries.ticks || len(l.retries.parked) == 0 {
		return
	}
	l.retries.ticks = true
	l.loop.After(parkedTick, func() {
		l.retries.ticks = false
		l.unpark()
	})
}

// unpark sends what is parked and can be sent, each client's in order, and fails what has waited for too long.
func (l *Local) unpark() {
	y := &l.retries
	if len(y.parked) == 0 {
		return
	}
	waiting := y.parked
	y.parked = nil
	stuck := make(map[*Session]bool) // looked up alone
	for _, p := range waiting {
		h, s, bytes := p.home, waitsFor(p.r), cap(p.frame.B)
		switch {
		case s == nil: // it is gone
			l.loop.PutBuffer(p.frame)
			l.servers.Unref(p.r)
			continue
		case !stuck[s] && h.sent(s, p):
		case l.loop.Now >= p.until, h.group.Left(), h.overtaken(s, p), h.orphaned(p), h.divided(s, p):
			h.expire(s, p)
		default:
			stuck[s] = true
			y.parked = append(y.parked, p)
			continue
		}
		s.parked--
		s.parkedBytes -= bytes
		l.servers.Unref(p.r)
	}
	for _, p := range y.parked {
		p.home.pool.Stale()
	}
	l.tick()
}

// sent sends p if it belongs to a server that can be reached.
func (h *shard) sent(s *Session, p *parking) bool {
	if s.loop.Now < p.from || h.group.Left() || p.reply != nil && h.behind(s, p) != nothingFollows || h.divided(s, p) {
		return false
	}
	if p.asked != "" {
		to := h.pool.At([]byte(p.asked))
		if p.asked = ""; to != nil && h.send(s, p, to, true) { // else the owner says anew who has the key
			return true
		}
	}
	server := h.readsAgain(s, p, h.serverOf(s, p.r, &p.to))
	return server != nil && h.send(s, p, server, false)
}

// send sends p to server, behind an ASKING if ask says so; false: not yet.
func (h *shard) send(s *Session, p *parking, server *topology.Server, ask bool) bool {
	send := h.resend
	if p.apart {
		send = h.sendApart
	}
	y := s.local.retries.of[p.r]
	if s.overtakes(y, server) || !send(s, p.r, server, p.frame, ask) {
		return false
	}
	s.sentTo(y, server)
	return true
}

// expire ends the wait of p in vain.
func (h *shard) expire(s *Session, p *parking) {
	s.loop.PutBuffer(p.frame)
	if p.reply != nil {
		p.r.Owner.Replied(p.r, p.reply, true)
		return
	}
	err := p.err
	if err == nil {
		err = backend.ErrTimeout
	}
	p.r.Owner.Failed(p.r, err)
}
