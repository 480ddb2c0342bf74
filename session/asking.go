package session

// The road of a read that may be asked of the next tier, see tier.go: it is sent as any other, with an asking in its session's place, which
//
//	Replied    looks whether the pool's own server says that there is none
//	ask        sends it to the next tier then
//	heard      has bytes of what that replies, and keeps them until it is clear what they are
//	fill       has the own server keep a value that is not too long
//	pass       gives the client its reply, and is the end of it

import (
	"bytes"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/stats"
)

// maxAskFrame is how long a command may be that is kept until it is clear that it need not be asked again.
const maxAskFrame = 4 << 10

// maxBehind is through how many commands behind a read one looks for those that could be about its key; behind more there is no fill.
const maxBehind = 4096

// fillRoom is more than a fill has beside its key and the reply.
const fillRoom = 128

// asking is a read, and the Owner of what is asked for it: of the pool itself, then of the next tier.
type asking struct {
	of     *tier
	s      *Session
	number uint64           // another one each time that it is used
	read   *backend.Request // in the client's order
	next   *backend.Request // of the next tier; nil: it is not asked, or has answered
	conn   *backend.Conn    // that the read went over
	era    int              // of conn
	silent int              // of s

	hops       int // of what is asked, from server to server of a cluster
	frame, key []byte
	kept       int // bytes, as s has them in keptCalls
	op         uint16
	miss       []byte                     // what a server that has no value replies
	value      *bytebufferpool.ByteBuffer // of the next tier's reply, so far; nil: nothing
	through    bool                       // it goes to the client as it comes
}

// begin keeps cmd, which s is about to send to the server at place, if the next tier is to be asked should that have nothing; nil: it is not.
func (t *tier) begin(s *Session, place int, cmd *codec.Command) *asking {
	if t == nil || place < 0 || len(cmd.Keys) > 0 || cmd.NoReply || cmd.Quiet != 0 || cmd.Mark != 0 || len(cmd.Frame) > maxAskFrame ||
		!s.pool.Protocol.Fills(cmd.Op) || s.routes.at(place).shard != s.shard {
		return nil
	}
	o := t.local.getAsking()
	o.of, o.s, o.op, o.silent = t, s, cmd.Op, s.silent
	o.frame, o.key = append(o.frame[:0], cmd.Frame...), append(o.key[:0], cmd.Key...)
	o.miss, _ = s.pool.Protocol.AppendMiss(o.miss[:0], s.cl.Profile, 0, cmd.Op, 1)
	o.keep(len(o.frame))
	return o
}

// awaits has o see the reply to the command that its session has just sent over c; nil: it was not sent.
func (o *asking) awaits(c *backend.Conn) {
	if c == nil {
		o.s.local.putAsking(o)
		return
	}
	o.conn, o.era, o.read = c, c.Era(), o.s.tail
	o.read.Owner = o
}

// Replied implements backend.Owner.
func (o *asking) Replied(r *backend.Request, chunk []byte, last bool) {
	if r != o.read {
		o.heard(chunk, last)
		return
	}
	if stored(r) > 0 {
		o.s.store(r, chunk)
		chunk = r.Reply.B
	}
	switch {
	case !last && len(chunk) < len(o.miss) && bytes.HasPrefix(o.miss, chunk):
		if stored(r) == 0 {
			o.s.store(r, chunk)
		}
	case !last || !bytes.Equal(chunk, o.miss) || !o.ask():
		o.pass(chunk, last)
	}
}

// anew has o see the reply to its read from its beginning: the read is sent again, over c.
func (o *asking) anew(c *backend.Conn) {
	o.conn, o.era = c, c.Era()
	if bb := o.read.Reply; bb != nil {
		o.read.Reply = nil
		o.s.loop.PutBuffer(bb)
	}
}

// redirected has what is asked of a cluster, whose bytes are in frame, be asked of the server that another names; false: it is answered with an
// error, or not at all, hence a miss.
func (o *asking) redirected(h *shard, frame *bytebufferpool.ByteBuffer, e backend.Elsewhere) bool {
	s := o.s
	defer s.loop.PutBuffer(frame)
	if o.hops++; e.Server == nil || o.hops > hopsAtOnce || h.group.Left() {
		return false
	}
	c, err := s.connsOf(h).Conn(e.Server, s.cl.ID)
	if err != nil || c.Full() {
		return false
	}
	c.Touch()
	if e.Why == verdict.Asked {
		c.Before(h.pool.Protocol.Asking())
	}
	c.Queue(o.next)
	c.Out().Append(s.loop, frame.B)
	return true
}

// Failed implements backend.Owner.
func (o *asking) Failed(r *backend.Request, err error) {
	if r != o.read {
		o.next = nil
		o.fails(err)
		return
	}
	s := o.s
	if s.local.putAsking(o); r.Owner != nil { // else a late reply is to be thrown away
		r.Owner = s
	}
	s.Failed(r, err)
}

// pass gives the client the next bytes of its reply, in place of what was kept of it. Nothing more comes by way of o.
func (o *asking) pass(chunk []byte, last bool) {
	s, r := o.s, o.read
	held, value := r.Reply, o.value
	r.Reply, o.value = nil, nil
	o.leave()
	s.Replied(r, chunk, last)
	for _, bb := range [...]*bytebufferpool.ByteBuffer{held, value} { // chunk may be in one of them
		if bb != nil {
			s.loop.PutBuffer(bb)
		}
	}
}

// leave has the read be its session's alone; what the next tier may still say is thrown away.
func (o *asking) leave() {
	if o.next != nil {
		o.next.Owner, o.next = nil, nil
	}
	o.read.Owner = o.s
	o.s.local.putAsking(o)
}

// ask asks the next tier; false: it can't be.
func (o *asking) ask() bool {
	t, s := o.of, o.s
	t.tally.Asked++
	c := o.door()
	if c == nil {
		t.tally.AskFailed++
		return false
	}
	if bb := o.read.Reply; bb != nil {
		o.read.Reply = nil
		s.loop.PutBuffer(bb)
	}
	l := t.local
	q := l.servers.NewRequest(o)
	q.Op, q.Keys, q.Frame = o.op, 1, uint32(len(o.frame))
	c.Touch()
	c.Queue(q)
	l.servers.Unref(q)
	c.Out().Append(s.loop, o.frame)
	o.next = q
	t.await(o)
	return true
}

// door is the connection to the server of the next tier that has the key; nil: there is none that takes more.
func (o *asking) door() *backend.Conn {
	h := o.of.to
	if h == nil || h.group.Left() {
		return nil
	}
	_, server := h.pool.Router().Route(o.key)
	if server == nil {
		return nil
	}
	c, err := o.s.connsOf(h).Conn(server, o.s.cl.ID)
	if err != nil || c.Full() {
		return nil
	}
	return c
}

// heard takes the next bytes of what the next tier replies.
func (o *asking) heard(chunk []byte, last bool) {
	if last {
		o.next = nil
	}
	if o.through {
		o.relay(chunk, last)
		return
	}
	if !last || o.value != nil {
		o.hold(chunk)
		chunk = o.value.B
	}
	t := o.of
	fits := len(chunk) <= t.opts.MaxBytes
	switch {
	case !last && fits:
	case t.to.pool.Protocol.IsError(chunk):
		o.fails(nil)
	case bytes.Equal(chunk, o.miss):
		o.pass(chunk, true)
	case fits:
		t.tally.Found++
		o.fill(chunk) // first: what the client sends when it has the reply is behind that
		o.pass(chunk, true)
	default:
		t.tally.Found++
		t.tally.TooLarge++
		o.through = true
		value := o.value
		o.value = nil
		if o.relay(chunk, last); value != nil {
			t.local.loop.PutBuffer(value)
		}
	}
}

// hold keeps bytes of a reply of which it is not clear yet what it is.
func (o *asking) hold(chunk []byte) {
	s := o.s
	if o.value == nil {
		o.value = s.loop.GetBuffer()
	}
	s.loop.Grow(o.value, len(chunk), 0)
	s.loop.Copies.Add(len(chunk))
	o.value.B = append(o.value.B, chunk...)
	o.keep(len(chunk))
}

// keep counts so many bytes as held for the client.
func (o *asking) keep(n int) {
	s := o.s
	o.kept += n
	if s.keptCalls += n; s.holds() >= causeBytes {
		s.local.holders.add(s)
	}
}

// relay gives the client the next bytes of a long reply.
func (o *asking) relay(chunk []byte, last bool) {
	s, r := o.s, o.read
	if last {
		o.leave()
	}
	s.Replied(r, chunk, last)
}

// fails gives the client a miss, for the next tier has none for it, or the end, if it has a part of the reply.
func (o *asking) fails(err error) {
	o.of.tally.AskFailed++
	if o.read.Streaming {
		s, r := o.s, o.read
		o.leave()
		s.Failed(r, err)
		return
	}
	o.pass(o.miss, true)
}

// fill has the pool's own server keep what the next tier replied, unless something came between.
func (o *asking) fill(reply []byte) {
	s, t, c := o.s, o.of, o.conn
	if s.silent != o.silent || !c.Takes() || c.Era() != o.era || s.wroteBehind(o.read, o.key) {
		t.tally.Overtaken++
		return
	}
	bb := s.loop.GetBuffer()
	s.loop.Grow(bb, len(o.key)+len(reply)+fillRoom, 0)
	frame, ok := s.pool.Protocol.AppendFill(bb.B, o.key, reply, t.opts.Seconds)
	bb.B = frame
	if ok && !c.Full() {
		l := t.local
		f := l.servers.NewRequest(t)
		f.Op, f.Keys, f.Frame = s.pool.Protocol.FillOp(), 1, uint32(len(frame))
		c.Touch()
		c.Queue(f)
		l.servers.Unref(f)
		c.Out().Hand(s.loop, bb, len(frame))
	} else {
		t.tally.FillFailed++
		s.loop.PutBuffer(bb)
	}
}

// wroteBehind says that s may have sent something that changes key since it sent r. What has no reply is counted by silent.
func (s *Session) wroteBehind(r *backend.Request, key []byte) bool {
	key = key[:min(len(key), stats.MaxShownKey)]
	n := 0
	for x := r.Next; x != nil; x = x.Next {
		if n++; n > maxBehind || s.mayWrite(x, key) {
			return true
		}
	}
	return false
}

// mayWrite says that x may change the key that begins so.
func (s *Session) mayWrite(x *backend.Request, key []byte) bool {
	switch {
	case x.Gather != nil:
		return !s.group.Reads(x.Gather.Op)
	case s.pool.Protocol.Fills(x.Op):
		return false
	case x.Keys > 1:
		return !s.group.Reads(x.Op)
	case x.Keys == 0 || len(x.Key()) == 0:
		return true // nobody knows
	}
	return bytes.Equal(x.Key(), key) || !s.group.Reads(x.Op) && !s.group.Writes(x.Op)
}

// getAsking returns one that is not in use.
func (l *Local) getAsking() *asking {
	n := len(l.askings)
	if n == 0 {
		return new(asking)
	}
	o := l.askings[n-1]
	l.askings = l.askings[:n-1]
	return o
}

// putAsking lets go of o.
func (l *Local) putAsking(o *asking) {
	o.s.keptCalls -= o.kept
	if o.value != nil {
		l.loop.PutBuffer(o.value)
	}
	*o = asking{number: o.number + 1, frame: o.frame[:0], key: o.key[:0], miss: o.miss[:0]}
	if len(l.askings) < maxCopies && cap(o.frame)+cap(o.key) <= maxSpareKey {
		l.askings = append(l.askings, o)
	}
}
