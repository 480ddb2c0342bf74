package session

// The road of a command that a server of a Redis Cluster did not do, or whose server nobody knows, or which sentinels say that another is
// about to replace: it is sent again, and the client does not hear of it.
//
//	again    a server names another (MOVED, ASK): there, at once; it says later (TRYAGAIN, CLUSTERDOWN), or is gone: parked
//	hold     nobody has the key's slot, or who has the key can't be reached, or is held: parked before it was ever sent
//	unpark   with each tick, and as the pool has another map, or a master is elsewhere: where the key is by now
//
// Nothing overtakes: a client that has a command on this road sends no new ones (behindRetry), and what of it is on the road stays in order,
// see order.go.
// What perhaps was done is not sent again unless it only reads; package backend sees to that. But for what waits in a BLPOP or its like as its
// server loses the key: what that popped in the last moment is lost, and it pops again elsewhere. All of it ends, after so many servers or
// at the pool's timeout, with what the server said last, unless that is where to.

import (
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/topology"
)

const (
	hopsAtOnce  = 3                     // from server to server, as they name one another; then each after parkedTick, as they are at odds
	maxHops     = 500                   // of one command
	parkedTick  = 10 * time.Millisecond // between looks at what is parked
	longestWait = 30 * time.Second      // of a pool without a timeout
)

// retries are those of a shard whose pool is a cluster, or has sentinels.
type retries struct {
	local  *Local
	of     map[*backend.Request]*retry // not answered yet
	parked []*parking                  // oldest first
	ticks  bool                        // unpark will be called
	begun  uint64                      // how many came onto this road

	preloads preloads
}

// retry is what is known of a command that is sent again.
type retry struct {
	hops   int
	began  int64            // when it was sent first, as Loop.Now
	number uint64           // in the order in which they came onto this road
	about  int              // what it keeps its order in: its slot; or -1 less the place of its server
	at     *topology.Server // that it was sent to again, which has not answered yet; nil: none
}

// parking is a command that waits to be sent.
type parking struct {
	r     *backend.Request // held
	frame *bytebufferpool.ByteBuffer
	to    aim
	apart bool  // it needs a lease
	from  int64 // not before, as Loop.Now
	until int64
	err   error  // why it fails then
	reply []byte // or what the client gets; nil: the error

	halved bool // its keys are with two servers: what is behind it of its client may be done first
}

// follow has h send commands again if its pool is a cluster, or has sentinels, or replicas.
func (h *shard) follow(l *Local) {
	if o := h.pool.Options(); (o.Follows() || o.Reads()) && h.retries == nil {
		h.retries = &retries{local: l, of: make(map[*backend.Request]*retry)}
		h.group.Again = h.again
	}
}

// again is backend.Group's: frame is ours if it returns true, and else nobody's.
func (h *shard) again(r *backend.Request, frame *bytebufferpool.ByteBuffer, e backend.Elsewhere) bool {
	s := waitsFor(r)
	if e.Why != verdict.Asked {
		h.pool.Stale()
	} else if h.pool.reads != nil {
		h.pool.Moves(e.Slot)
	}
	goesOn := s != nil && s.life != closed
	if goesOn && e.Apart {
		answered := false
		if goesOn, answered = h.astray(s, r, frame); answered {
			return true
		}
	}
	if !goesOn || !h.mayGoAgain(s, r, e) {
		h.retries.local.loop.PutBuffer(frame)
		return s != nil && h.redirected(r, e)
	}
	p := &parking{r: r, frame: frame, to: aim{slot: e.Slot}, apart: e.Apart, from: s.loop.Now, err: e.Err}
	if e.Slot < 0 {
		p.to = h.aimOf(r, frame.B, e.From)
	}
	y := h.retries.of[r]
	y.settle(&p.to, r)
	if e.Replica && e.Server == nil {
		e.Server = h.readsAgain(s, p, h.serverOf(s, p.r, &p.to))
	}
	if e.Replica && e.Server == nil && !h.pool.patient {
		h.retries.local.loop.PutBuffer(frame)
		return false
	}
	if e.Server != nil && s.parked == 0 && y.hops <= hopsAtOnce && h.send(s, p, e.Server, e.Why == verdict.Asked) {
		return true
	}
	if e.Why != verdict.Fine {
		p.from += int64(parkedTick)
	}
	if e.Why == verdict.Again || e.Why == verdict.Halved {
		p.reply, p.halved = append(p.reply, e.Reply...), e.Why == verdict.Halved
	}
	h.park(s, p)
	return true
}

// waitsFor is the session that awaits r's reply, nil if none does.
func waitsFor(r *backend.Request) *Session {
	switch o := r.Owner.(type) {
	case *Session:
		return o
	case *call:
		return o.s
	case *side:
		return o.s
	case *asking:
		return o.s
	}
	return nil
}

// mayGoAgain notes that r goes on this road, once more; false: it has been on it for long enough.
func (h *shard) mayGoAgain(s *Session, r *backend.Request, e backend.Elsewhere) bool {
	y := h.retries.of[r]
	if y == nil {
		y = h.begin(s, r, r.QueuedAt())
	}
	if e.Why == verdict.Moved || e.Why == verdict.Asked || e.Replica {
		y.hops++
	}
	return y.hops <= maxHops && s.loop.Now < h.patience(y)
}

// begin has s send nothing new until r is answered.
func (h *shard) begin(s *Session, r *backend.Request, at int64) *retry {
	h.retries.begun++
	y := &retry{began: at, number: h.retries.begun}
	h.retries.of[r] = y
	s.retrying++
	s.expecting++
	s.waitsFor |= behindRetry
	return y
}

// patience is until when a command may be on this road.
func (h *shard) patience(y *retry) int64 {
	return y.began + int64(h.pool.patience())
}

// patience is for how long a command may be on this road.
func (p *Pool) patience() time.Duration {
	if t := p.Options().Timeout; t > 0 {
		return t
	}
	return longestWait
}

// arrived takes r, which is answered or failed, off this road.
func (s *Session) arrived(r *backend.Request) {
	if _, is := s.retries.of[r]; !is {
		return
	}
	delete(s.retries.of, r)
	s.expecting--
	if s.retrying--; s.retrying == 0 {
		s.waitsFor &^= behindRetry
		s.sentAgain = sentAgain{}
		s.unblock()
	}
}

// forgetRetries is for a session that ends.
func (s *Session) forgetRetries() {
	for r := s.head; r != nil; r = r.Next {
		delete(s.retries.of, r)
		for _, f := range r.Fragments {
			delete(s.retries.of, f)
		}
	}
	s.expecting -= s.retrying
	s.retrying, s.sentAgain = 0, sentAgain{}
}

// resend sends r to server; false: that can't be reached just now.
func (h *shard) resend(s *Session, r *backend.Request, server *topology.Server, frame *bytebufferpool.ByteBuffer, ask bool) bool {
	c, err := s.conns.Conn(server, s.cl.ID)
	if err != nil {
		c, err = s.conns.Despite(err, server, s.cl.ID, r.Op)
	}
	if err != nil {
		return false
	}
	h.commands(frame.B, func(cmd *codec.Command) bool {
		h.preload(s, c, cmd)
		return true
	})
	c.Touch()
	if ask {
		c.Before(h.pool.Protocol.Asking())
	}
	r.Server = uint16(h.pool.Place(server))
	if o, is := r.Owner.(*call); is {
		o.conn = c
	}
	rest := frame.B
	if r.Op == h.pool.Protocol.ExecOp() {
		rest = h.queueBefore(c, r, rest)
	}
	c.Queue(r)
	c.Out().Append(s.loop, rest)
	s.loop.PutBuffer(frame)
	s.pastCrowd(c)
	return true
}

// commands calls do with each of the whole commands of frame: one, or a transaction. It ends early where do says so.
func (h *shard) commands(frame []byte, do func(cmd *codec.Command) (goOn bool)) {
	var cmd codec.Command
	for len(frame) > 0 {
		cl, scan := codec.Client{Authed: true}, codec.Scan{}
		cmd.Keys, cmd.Key = cmd.Keys[:0], nil
		n, err := h.pool.Protocol.ParseCommand(&cl, &scan, frame, &cmd)
		if err == nil && cmd.Kind == codec.Unknown {
			if is := h.pool.lessons.last(h.pool.Protocol.AppendUnknown(nil, &cmd)); is != nil {
				h.pool.Protocol.Apply(&cl, &cmd, is)
			}
		}
		if err != nil || n == 0 || !do(&cmd) {
			return
		}
		frame = frame[n:]
	}
}

// queueBefore sends the commands of a transaction but its EXEC, which it returns.
func (h *shard) queueBefore(c *backend.Conn, r *backend.Request, frame []byte) (exec []byte) {
	l, exec := h.retries.local, frame
	h.commands(frame, func(cmd *codec.Command) bool {
		if len(cmd.Frame) == len(exec) {
			return false
		}
		q := l.servers.NewRequest(unawaited{})
		q.Op, q.Server = h.pool.Protocol.BeginOp(), r.Server
		c.Queue(q)
		l.servers.Unref(q)
		c.Out().Append(l.loop, cmd.Frame)
		exec = exec[len(cmd.Frame):]
		return true
	})
	r.Lead = uint32(len(frame) - len(exec))
	return exec
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
	s.holdRequest(r, &parking{frame: frame, apart: cmd.Kind == codec.Lease, err: err})
}

// holdFrame parks a fragment that is the command as it is.
func (s *Session) holdFrame(t *target, frame []byte) {
	bb := s.loop.GetBuffer()
	s.loop.Grow(bb, len(frame), 0)
	bb.B = append(bb.B, frame...)
	s.holdRequest(t.request, &parking{frame: bb, err: t.err})
}

// holdRequest parks a request that was never sent.
func (s *Session) holdRequest(r *backend.Request, p *parking) {
	s.begin(s, r, s.loop.Now)
	s.pool.Stale()
	place, from := int(r.Server), ""
	if s.pool.AtPlace(place) != nil { // else nobody has it
		from = s.nameAt(place)
	}
	p.r, p.from, p.to = r, s.loop.Now, s.aimOf(r, p.frame.B, from)
	s.retries.of[r].settle(&p.to, r)
	s.park(s, p)
}

// park has p wait, behind what is parked.
func (h *shard) park(s *Session, p *parking) {
	p.until = h.patience(h.retries.of[p.r])
	p.r.Ref()
	h.lineUp(s, p)
	s.parked++
	if s.parkedBytes += cap(p.frame.B); s.holds() >= causeBytes {
		s.local.holders.add(s)
	}
	h.tick()
}

// tick has unpark called soon.
func (h *shard) tick() {
	if h.retries.ticks || len(h.retries.parked) == 0 {
		return
	}
	h.retries.ticks = true
	h.retries.local.loop.After(parkedTick, func() {
		h.retries.ticks = false
		h.unpark()
	})
}

// unpark sends what is parked and can be sent, each client's in order, and fails what has waited for too long.
func (h *shard) unpark() {
	y := h.retries
	if y == nil || len(y.parked) == 0 {
		return
	}
	l := y.local
	waiting := y.parked
	y.parked = nil
	stuck := make(map[*Session]bool) // looked up alone
	for _, p := range waiting {
		s, bytes := waitsFor(p.r), cap(p.frame.B)
		switch {
		case s == nil: // it is gone
			l.loop.PutBuffer(p.frame)
			l.servers.Unref(p.r)
			continue
		case !stuck[s] && h.sent(s, p):
		case l.loop.Now >= p.until, h.overtaken(p), h.orphaned(p):
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
	if len(y.parked) > 0 {
		h.pool.Stale()
		h.tick()
	}
}

// sent sends p if it belongs to a server that can be reached.
func (h *shard) sent(s *Session, p *parking) bool {
	if s.loop.Now < p.from || p.reply != nil && !p.halved && h.behind(p.r) != nothingFollows {
		return false
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
	y := h.retries.of[p.r]
	if h.overtakes(s, y, server) || !send(s, p.r, server, p.frame, ask) {
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
