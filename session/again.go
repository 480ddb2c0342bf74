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

// retries are those of a loop: of clients of any pool, about keys of any that is a cluster, or has sentinels, or replicas. A client's keys may
// be other pools' (routes.go), and all that it sends again has one order.
type retries struct {
	of     map[*backend.Request]*retry // not answered yet
	parked []*parking                  // oldest first
	ticks  bool                        // unpark will be called
	begun  uint64                      // how many came onto this road
}

// retry is what is known of a command that is sent again.
type retry struct {
	home   *shard // whose servers it is for: its session's, or one that routes lead to
	hops   int
	began  int64            // when it was sent first, as Loop.Now
	number uint64           // in the order in which they came onto this road
	about  int              // what it keeps its order in, in home: its slot; or -1 less the place of its server
	at     *topology.Server // that it was sent to again, which has not answered yet; nil: none
}

// follow has h send commands again if its pool is a cluster, or has sentinels, or replicas.
func (h *shard) follow(l *Local) {
	if o := h.pool.Options(); (o.Follows() || o.Reads()) && h.group.Again == nil {
		h.group.Again = func(r *backend.Request, frame *bytebufferpool.ByteBuffer, e backend.Elsewhere) bool {
			return h.again(l, r, frame, e)
		}
	}
}

// again is backend.Group's: frame is ours if it returns true, and else nobody's.
func (h *shard) again(l *Local, r *backend.Request, frame *bytebufferpool.ByteBuffer, e backend.Elsewhere) bool {
	s := waitsFor(r)
	if e.Why != verdict.Asked {
		h.pool.Stale()
	} else {
		h.pool.Moves(e.Slot)
	}
	switch o := r.Owner.(type) {
	case *flight:
		o.again(h, frame, e)
		return true
	case *asking:
		if r == o.next {
			return o.redirected(h, frame, e)
		}
	case *side:
		if o.owed.of != nil {
			l.loop.PutBuffer(frame)
			o.elsewhere()
			return true
		}
	}
	goesOn := s != nil && s.life != closed && !h.group.Left()
	if goesOn && e.Apart {
		answered := false
		if goesOn, answered = h.astray(s, r, frame); answered {
			return true
		}
	}
	if !goesOn || !h.mayGoAgain(s, r, e) {
		l.loop.PutBuffer(frame)
		return s != nil && h.redirected(r, e)
	}
	p := &parking{home: h, r: r, frame: frame, to: h.aimAgain(s, r, frame.B, e), apart: e.Apart, from: l.loop.Now, err: e.Err}
	y := l.retries.of[r]
	y.settle(&p.to, r)
	if e.Replica && e.Server == nil && !h.divided(s, p) {
		e.Server = h.readsAgain(s, p, h.serverOf(s, p.r, &p.to))
	}
	if e.Replica && e.Server == nil && !h.pool.patient {
		l.loop.PutBuffer(frame)
		return false
	}
	if e.Server != nil && s.parked == 0 && y.hops <= hopsAtOnce && h.send(s, p, e.Server, e.Why == verdict.Asked) {
		return true
	}
	if e.Why == verdict.Asked && e.Server != nil {
		p.asked = e.Server.Addr
	}
	if e.Why != verdict.Fine {
		p.from += int64(parkedTick)
	}
	if e.Why == verdict.Again || e.Why == verdict.Halved {
		p.reply = append(p.reply, e.Reply...)
	}
	s.park(p)
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
		if r == o.read {
			return o.s
		}
	}
	return nil
}

// mayGoAgain notes that r goes on this road, once more; false: it has been on it for long enough.
func (h *shard) mayGoAgain(s *Session, r *backend.Request, e backend.Elsewhere) bool {
	y := s.local.retries.of[r]
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
	all := &s.local.retries
	all.begun++
	y := &retry{home: h, began: at, number: all.begun}
	if all.of == nil {
		all.of = make(map[*backend.Request]*retry)
	}
	all.of[r] = y
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
	all := s.local.retries.of
	if _, is := all[r]; !is {
		return
	}
	delete(all, r)
	s.expecting--
	if s.retrying--; s.retrying == 0 {
		s.waitsFor &^= behindRetry
		s.sentAgain = sentAgain{}
		s.unblock()
	}
}

// forgetRetries is for a session that ends.
func (s *Session) forgetRetries() {
	all := s.local.retries.of
	for r := s.head; r != nil; r = r.Next {
		delete(all, r)
		for _, f := range r.Fragments {
			delete(all, f)
		}
	}
	s.expecting -= s.retrying
	s.retrying, s.sentAgain = 0, sentAgain{}
}

// resend sends r to server; false: that can't be reached just now.
func (h *shard) resend(s *Session, r *backend.Request, server *topology.Server, frame *bytebufferpool.ByteBuffer, ask bool) bool {
	conns := s.connsOf(h)
	c, err := conns.Conn(server, s.cl.ID)
	if err != nil {
		c, err = conns.Despite(err, server, s.cl.ID, r.Op)
	}
	if err != nil {
		return false
	}
	s.commandsOf(frame.B, func(cmd *codec.Command) bool {
		s.preload(c, cmd)
		return true
	})
	c.Touch()
	if ask {
		c.Before(h.pool.Protocol.Asking())
	}
	r.Server = uint16(s.baseOf(h) + h.pool.Place(server))
	switch o := r.Owner.(type) {
	case *call:
		o.conn = c
	case *asking:
		o.anew(c)
	}
	rest := frame.B
	if r.Op == h.pool.Protocol.ExecOp() {
		rest = s.queueBefore(c, r, rest)
	}
	c.Queue(r)
	c.Out().Append(s.loop, rest)
	s.loop.PutBuffer(frame)
	s.pastCrowd(c)
	return true
}

// commandsOf calls do with each of the whole commands of frame, as s sent them: one, or a transaction. It ends early where do says so.
func (s *Session) commandsOf(frame []byte, do func(cmd *codec.Command) (goOn bool)) {
	p, cmd := s.pool.Protocol, codec.Command{}
	for len(frame) > 0 {
		cl, scan := codec.Client{Authed: true}, codec.Scan{}
		cmd.Keys, cmd.Key = cmd.Keys[:0], nil
		n, err := p.ParseCommand(&cl, &scan, frame, &cmd)
		if err == nil && cmd.Kind == codec.Unknown {
			if is := s.pool.lessons.last(p.AppendUnknown(nil, &cmd)); is != nil {
				p.Apply(&cl, &cmd, is)
			}
		}
		if err != nil || n == 0 || !do(&cmd) {
			return
		}
		frame = frame[n:]
	}
}

// queueBefore sends the commands of a transaction but its EXEC, which it returns.
func (s *Session) queueBefore(c *backend.Conn, r *backend.Request, frame []byte) (exec []byte) {
	l, exec := s.local, frame
	s.commandsOf(frame, func(cmd *codec.Command) bool {
		if len(cmd.Frame) == len(exec) {
			return false
		}
		q := l.servers.NewRequest(unawaited{})
		q.Op, q.Server = s.pool.Protocol.BeginOp(), r.Server
		c.Queue(q)
		l.servers.Unref(q)
		c.Out().Append(l.loop, cmd.Frame)
		exec = exec[len(cmd.Frame):]
		return true
	})
	r.Lead = uint32(len(frame) - len(exec))
	return exec
}
