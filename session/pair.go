package session

// The road of the replies to a command that two pools are sent, see dual.go. The client is owed one, for which a Request without a server stands
// in its order; the pair sees those of both pools:
//
//	Replied   of a half: bytes of a reply from one server of its pool, which are kept
//	Failed    it does not come
//	came      a half has all: by the rule for answers the client may be told, and once both have, what became of it is counted
//	tell      gives the client its reply
//
// A pair outlives its client, and what the client was told: until both have all.

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
)

// pair is a command that two pools were sent.
type pair struct {
	of      *dual
	s       *Session
	answer  Answer
	r       *backend.Request // in the client's order; nil: it is told
	op      uint16
	mark    codec.Mark
	quiet   uint16
	profile codec.Profile
	numbers bool // the replies are not compared: they tell of who hears something
	halves  [2]half
}

// half is one pool's part of it, and the Owner of the requests to its servers.
type half struct {
	of     *pair
	parts  []*backend.Request
	left   int           // of those, the ones that are not answered
	gather *codec.Gather // of several, or of a transaction with replies of ours; nil: the only one is the reply
	bad    bool          // a server answered with an error, or not at all, or could not be sent to
	err    error         // why it was not sent
	why    error         // why a server did not answer
	cut    bool          // not all of the reply is kept
}

// maxTwinReply is how much of a reply is kept that no client gets.
const maxTwinReply = 64 << 10

// pair enters cmd, which is about to be sent to both pools, into the client's order.
func (s *Session) pair(d *dual, cmd *codec.Command) *pair {
	p := s.local.getPair()
	p.of, p.s, p.answer, p.op, p.mark, p.quiet, p.profile = d, s, d.opts.Answer, cmd.Op, cmd.Mark, cmd.Quiet, s.cl.Profile
	p.r = s.local.servers.NewRequest(s)
	p.r.Op, p.r.Keys, p.r.Mark = cmd.Op, uint32(max(len(cmd.Keys), 1)), cmd.Mark
	p.r.Ref()
	s.push(p.r)
	s.doubling++
	d.tally.Outstanding++
	for i := range p.halves {
		h := &p.halves[i]
		*h = half{of: p, parts: h.parts[:0]}
	}
	if cmd.Kind == codec.Publish {
		p.counts(cmd)
	}
	return p
}

// counts has the reply be how many clients of the own pool hear what cmd publishes, whenever the other answers.
func (p *pair) counts(cmd *codec.Command) {
	s := p.s
	if p.numbers = true; p.answer == AnswerAny {
		p.answer = AnswerOwn
	}
	if s.pool.census.any() {
		g := s.local.getGather()
		g.Op, g.Mark = cmd.Op, cmd.Mark
		s.asksCensus(g, cmd)
		p.halves[own].gather = g
	}
}

// queue enters a request to the server of t into what its connection awaits; the caller appends the bytes.
func (h *half) queue(s *Session, t *leg, cmd *codec.Command) {
	f := s.local.servers.NewRequest(h)
	f.Op, f.Keys, f.Server, f.Frame = cmd.Op, uint32(t.keys), h.place(t.place), uint32(len(cmd.Frame))
	f.SetKey(cmd.Key)
	if cmd.Mark != 0 {
		f.Mark = cmd.Mark
	}
	h.add(f, t.conn)
}

// place is how figures number the server at a place of h's pool.
func (h *half) place(place int) uint16 {
	if place = max(place, 0); h == &h.of.halves[other] {
		place += h.of.of.base
		*h.of.s.routes.at(place).requests++
	}
	return uint16(place)
}

// add enters f into what c awaits.
func (h *half) add(f *backend.Request, c *backend.Conn) {
	h.parts = append(h.parts, f)
	h.left++
	c.Queue(f)
}

// unsent notes that nothing of the command can be sent to h's pool, for that is err.
func (h *half) unsent(err error) { h.bad, h.err = true, err }

// Replied implements backend.Owner.
func (h *half) Replied(f *backend.Request, chunk []byte, last bool) {
	p := h.of
	l := p.s.loop
	if f.Reply == nil {
		f.Reply = l.GetBuffer()
	}
	f.Size += len(chunk)
	if f.Size > maxTwinReply && h.unread() {
		h.cut = true
	} else {
		l.Grow(f.Reply, len(chunk), 0)
		l.Copies.Add(len(chunk))
		f.Reply.B = append(f.Reply.B, chunk...)
	}
	if !last {
		return
	}
	h.bad = h.bad || p.s.pool.Protocol.IsError(f.Reply.B)
	if p.s.life != closed {
		if f.Way&wayBeside != 0 {
			p.s.noted(f, nil)
		}
		if p.r != nil && p.r.Way&wayFollowed != 0 {
			p.s.notePart(p.r, f)
		}
		p.s.answered(f)
	}
	h.ended()
}

// Failed implements backend.Owner.
func (h *half) Failed(f *backend.Request, err error) {
	p := h.of
	if f.Reply == nil {
		f.Reply = p.s.loop.GetBuffer()
	}
	f.Reply.B = p.s.pool.Protocol.AppendFailure(f.Reply.B[:0], p.profile, p.mark, backend.Text(err))
	h.bad, h.why = true, err
	if p.r != nil && p.r.Way&wayFollowed != 0 {
		if e := p.s.local.access.of(p.r); e != nil {
			e.asked(p.s, f, backend.Text(err))
		}
	}
	if s := p.s; s.life != closed && s.pool.opts.SlowerThan >= 0 && errors.Is(err, backend.ErrTimeout) {
		s.slow(f)
	}
	h.ended()
}

// ended notes that nothing more comes of one of h's requests.
func (h *half) ended() {
	if h.left--; h.left == 0 {
		h.of.came(h)
	}
}

// came is called once h has all: it has the client be told, if it may be, and p end, if both have all.
func (p *pair) came(h *half) {
	a, b := &p.halves[own], &p.halves[other]
	all := a.left == 0 && b.left == 0
	switch {
	case p.r == nil:
	case all && p.answer == AnswerBoth && a.bad != b.bad:
		p.tellWhich(b.bad)
	case all, p.answer == AnswerOwn && h == a, p.answer == AnswerAny && !h.bad:
		p.tell(h)
	}
	switch {
	case all:
		p.end()
	case p.unheard():
		h.shed()
	}
}

// unread says that no client gets h's reply any more.
func (h *half) unread() bool {
	p := h.of
	return p.unheard() || h == &p.halves[other] && p.answer != AnswerAny
}

// unheard says that the client is told, or gone.
func (p *pair) unheard() bool { return p.r == nil || p.r.Owner == nil }

// shed lets go of a long reply that no client waits for: many may be there until the other pool says something.
func (h *half) shed() {
	for _, f := range h.parts {
		if stored(f) > maxTwinReply {
			h.of.s.loop.PutBuffer(f.Reply)
			f.Reply, h.cut = nil, true
		}
	}
}

// tell gives the client the reply of the own pool, unless the rule has it be the first that is no error, which is h's.
func (p *pair) tell(h *half) {
	a := &p.halves[own]
	if p.answer == AnswerAny && !h.bad {
		a = h
	}
	p.s.noteTold(p.r, a.bad, cmp.Or(a.err, a.why))
	p.give(func(dst []byte) []byte { return a.append(dst) })
}

// tellWhich gives the client an error that names which of both has not acknowledged the command, and why.
func (p *pair) tellWhich(second bool) {
	s, not, did := p.s, own, other
	if second {
		not, did = other, own
	}
	if s.life != closed {
		s.pool.Count.ForwardError.Add(1)
	}
	r := p.r
	p.give(func(dst []byte) []byte {
		start := len(dst)
		dst = p.halves[not].append(dst)
		text := "dual_write: pool '" + p.of.names[not] + "' did not acknowledge it: " + reason(dst[start:]) + "; pool '" + p.of.names[did] + "' did"
		s.noteTold(r, true, errors.New(text))
		return s.pool.Protocol.AppendFailure(dst[:start], p.profile, p.mark, text)
	})
}

// reason is the first line of an error, or what a client may be told of it.
func reason(reply []byte) string {
	if len(reply) > 0 && reply[0] == '!' { // RESP3's with a length of its own
		_, reply, _ = bytes.Cut(reply, []byte("\r\n"))
	}
	line, _, _ := bytes.Cut(reply, []byte("\r\n"))
	line = bytes.TrimPrefix(line, []byte("-"))
	const most = 200
	text := make([]byte, 0, most)
	for _, c := range line[:min(len(line), most)] {
		if c < ' ' || c == 0x7f {
			c = '?'
		}
		text = append(text, c)
	}
	return string(text)
}

// give gives the client what reply makes, in its turn.
func (p *pair) give(reply func(dst []byte) []byte) {
	s, r := p.s, p.r
	p.r = nil
	if r.Owner != nil { // else its client is gone
		r.Reply = s.loop.GetBuffer()
		r.Reply.B = reply(r.Reply.B)
		if r.Size = len(r.Reply.B); p.quiet != 0 && s.pool.Protocol.Suppress(p.quiet, r.Reply.B) {
			r.Reply.B = r.Reply.B[:0]
		}
		r.Done = true
		s.passDue()
	}
	s.local.servers.Unref(r)
}

// append appends the reply of h, all of which has come.
func (h *half) append(dst []byte) []byte {
	p, g := h.of, h.gather
	switch {
	case h.err != nil:
		return p.s.pool.Protocol.AppendFailure(dst, p.profile, p.mark, backend.Text(h.err))
	case g == nil:
		return append(dst, h.parts[0].Reply.B...)
	}
	g.Replies, g.Cursor = g.Replies[:0], g.Cursor[:0]
	for _, f := range h.parts {
		if g.Replies, g.Cursor = append(g.Replies, f.Reply.B), append(g.Cursor, 0); g.Subscribers != nil {
			g.Part = append(g.Part[:0], f.Server)
		}
	}
	return p.s.pool.Protocol.AppendCoalesced(dst, g)
}

// end counts what became of p, all of which has come, and lets go of it.
func (p *pair) end() {
	a, b, t, s := &p.halves[own], &p.halves[other], p.of.tally, p.s
	switch {
	case a.bad && b.bad:
		t.Neither++
	case a.bad:
		t.OtherOnly++
	case b.bad:
		t.OwnOnly++
	default:
		if t.Both++; p.differ() {
			t.Different++
		}
	}
	t.Outstanding--
	s.local.putPair(p)
	if s.doubling--; s.doubling > 0 || s.life == closed {
		return
	}
	if s.unblock(); s.life >= quitting {
		s.touch() // it has waited for that to end
	}
}

// differ says that both pools have done p, and replied otherwise. What bears a mark has a number of its server as well.
func (p *pair) differ() bool {
	a, b := &p.halves[own], &p.halves[other]
	if a.cut || b.cut || p.numbers || p.mark != 0 {
		return false
	}
	if a.gather == nil && b.gather == nil {
		return !bytes.Equal(a.parts[0].Reply.B, b.parts[0].Reply.B)
	}
	l := p.s.loop
	x, y := l.GetBuffer(), l.GetBuffer()
	x.B, y.B = a.append(x.B), b.append(y.B)
	differ := !bytes.Equal(x.B, y.B)
	for _, bb := range [...]*bytebufferpool.ByteBuffer{x, y} {
		l.PutBuffer(bb)
	}
	return differ
}

// getPair returns one that is not in use.
func (l *Local) getPair() *pair {
	n := len(l.pairs)
	if n == 0 {
		return new(pair)
	}
	p := l.pairs[n-1]
	l.pairs = l.pairs[:n-1]
	return p
}

// putPair lets go of p.
func (l *Local) putPair(p *pair) {
	wide := false
	for i := range p.halves {
		h := &p.halves[i]
		for _, f := range h.parts {
			f.Owner = nil
			l.servers.Unref(f)
		}
		if h.gather != nil {
			l.putGather(h.gather)
		}
		wide = wide || cap(h.parts) > maxPairParts
		clear(h.parts)
		*h = half{parts: h.parts[:0]}
	}
	p.of, p.s, p.r, p.numbers = nil, nil, nil, false
	if len(l.pairs) < maxCopies && !wide {
		l.pairs = append(l.pairs, p)
	}
}

// maxPairParts is how many servers each half of a pair may have had that is kept.
const maxPairParts = 16
