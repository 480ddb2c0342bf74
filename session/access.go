package session

// What becomes of some of the commands, one of so many, for the access log and for traces (package access):
//
//	count --> look --its turn--> observe -+--the proxy answers it, or it has no reply--> told
//	                                      '--taking--> tie --Replied, Failed--> servers noted --letGo--> untie --flush--> told
//
// A Request of a command that is followed has wayFollowed. What is known of it stands in Local.followed until its reply is written or its
// client is gone. Where nothing is followed a command costs one look at limits, which stands there for the audit log anyway, one at
// Local.access as it was taken, and one at Way as its Request is let go of. No value comes here: of a command its name and, by
// choice, its first key, and no key of one that is the proxy's own, which may be a login.

import (
	"math"
	"slices"

	"cashew/access"
	"cashew/backend"
	"cashew/codec"
)

// AccessSamples are how many commands there are for each that is followed; 0: none is.
type AccessSamples struct {
	Lines, Spans int
	Keys         bool // somebody wants them
	Context      bool // clients say what is to be a trace, see codec.Trace
}

// Any says that something is followed.
func (a *AccessSamples) Any() bool { return a.Lines != 0 || a.Spans != 0 }

// maxFollowed is how many commands a loop follows at once.
const maxFollowed = 512

// followed is a command that is followed.
type followed struct {
	access.Entry
	s      *Session
	before *backend.Request // in the client's order, as it was taken
	r      *backend.Request // its own there; nil: not yet, or no more
}

// accessing is what a loop follows.
type accessing struct {
	taking    *followed   // the command that is being taken, if it is followed
	unwritten int         // of list, those whose reply stands in their client's out
	list      []*followed // that have, or had, a Request
	spare     []*followed // not in use
	number    uint64      // of the last

	in, drew       int // commands until one is to be followed, and how many there were
	lineIn, spanIn int // likewise for each, as they were when that was drawn
}

// forget has chance decide anew, since the samples are others.
func (a *accessing) forget() { a.in, a.drew, a.lineIn, a.spanIn = 0, 0, 0, 0 }

// look has cmd, which was taken, be kept by whom it is to be kept.
func (s *Session) look(cmd *codec.Command) {
	l := s.local
	if l.limits.AuditSample != 0 {
		s.auditCommand(cmd)
	}
	if l.access.in--; l.access.in <= 0 || l.limits.Access.Context && s.cl.Trace.Given { // in this order: few look at what clients say
		s.observe(cmd)
	}
}

// turn says who is to have the command that was just taken.
func (l *Local) turn(cl *codec.Client) (lines, spans bool) {
	a, o := &l.access, &l.limits.Access
	if a.drew == 0 { // the first, which chance has not drawn
		a.lineIn, a.drew = l.draw(o.Lines), a.in+1
		if a.spanIn = a.lineIn; o.Spans != o.Lines {
			a.spanIn = l.draw(o.Spans)
		}
	}
	passed := a.drew - a.in
	a.lineIn -= passed
	a.spanIn -= passed
	lines, spans = o.Lines != 0 && a.lineIn <= 0, o.Spans != 0 && a.spanIn <= 0
	if lines {
		a.lineIn = l.draw(o.Lines)
	}
	switch {
	case spans && lines && o.Spans == o.Lines:
		a.spanIn = a.lineIn // so that lines have traces
	case spans:
		a.spanIn = l.draw(o.Spans)
	}
	a.drew = math.MaxInt
	if o.Lines != 0 {
		a.drew = min(a.drew, a.lineIn)
	}
	if o.Spans != 0 {
		a.drew = min(a.drew, a.spanIn)
	}
	a.in = a.drew
	if o.Context && cl.Trace.Given && o.Spans != 0 {
		spans = cl.Trace.Sampled
	}
	return lines, spans
}

// draw is in how many commands the next is that is one of so many, on average.
func (l *Local) draw(many int) int { return 1 + l.loop.World.IntN(max(2*many-1, 1)) }

// observe has cmd followed, if it is its turn.
func (s *Session) observe(cmd *codec.Command) {
	l := s.local
	lines, spans := l.turn(&s.cl)
	log := s.pool.host.Access()
	lines, spans = lines && !log.Lines.Full(s.loop.Now), spans && !log.Spans.Full(s.loop.Now)
	if !lines && !spans {
		return
	}
	l.takenBefore()
	a := &l.access
	if len(a.list) >= maxFollowed {
		log.Lose(lines, spans)
		return
	}
	f := s.begin(cmd)
	if f.Lines, f.Spans = lines, spans; lines {
		f.Sample = l.limits.Access.Lines
	}
	if spans && l.limits.Access.Context && s.cl.Trace.Given {
		f.Parent = access.Parent{Trace: s.cl.Trace.Trace, Span: s.cl.Trace.Span, Given: true}
	}
	switch cmd.Kind {
	case codec.Local, codec.Report, codec.Switch, codec.Quit, codec.Discard, codec.Queue, codec.Subscribe, codec.Ignore:
		s.told(f, access.Local)
	case codec.Refuse, over, unjudged:
		s.told(f, access.Refused)
	default:
		s.noteKey(f, cmd)
		if cmd.NoReply {
			s.told(f, access.NoReply)
			return
		}
		a.taking = f
	}
}

// begin is what is known of cmd as it is taken.
func (s *Session) begin(cmd *codec.Command) *followed {
	a := &s.local.access
	var f *followed
	if n := len(a.spare); n > 0 {
		f, a.spare = a.spare[n-1], a.spare[:n-1]
	} else {
		f = new(followed)
	}
	a.number++
	p := s.pool.Protocol
	f.Begin() // it has room for servers, which a literal would write twice
	f.s, f.before = s, s.tail
	f.Number, f.Taken = uint64(s.local.index)<<48|a.number, s.loop.Now
	f.Pool, f.System, f.Client, f.ID = s.pool.Name, p.Name(), s.cl.Addr, s.cl.ID
	f.User, f.ClientName, f.Command, f.BytesIn = s.userName(), s.cl.Name, p.CommandName(cmd), len(cmd.Frame)
	return f
}

// noteKey notes which key cmd has, and how many.
func (s *Session) noteKey(f *followed, cmd *codec.Command) {
	key := cmd.Key
	if f.KeysTotal = len(cmd.Keys); f.KeysTotal > 0 {
		key = cmd.KeyAt(0)
	} else if key != nil {
		f.KeysTotal = 1
	}
	if s.local.limits.Access.Keys {
		f.SetKey(key)
	}
}

// told ends f: what is known of it is told.
func (s *Session) told(f *followed, what access.Result) {
	if f.Ended = s.loop.Now; f.Result == access.OK {
		f.Result = what
	}
	s.pool.host.Access().Record(&f.Entry)
	a := &s.local.access
	f.s, f.r, f.before = nil, nil, nil
	a.spare = append(a.spare, f)
}

// takenBefore ends the command that was taken and has no Request: the proxy has answered it at once.
func (l *Local) takenBefore() {
	if f := l.access.taking; f != nil {
		l.access.taking = nil
		f.s.told(f, access.Local)
	}
}

// tie has the Request that the command which was taken has entered into the order of s, if any, be that of what is followed.
func (s *Session) tie() {
	a := &s.local.access
	f, r := a.taking, s.tail
	if f.s != s || r == nil || r == f.before {
		s.local.takenBefore()
		return
	}
	a.taking = nil
	f.r, f.before = r, nil
	r.Way |= wayFollowed
	a.list = append(a.list, f)
}

// of is the command that has r; nil: it is none that is followed.
func (a *accessing) of(r *backend.Request) *followed {
	for _, f := range a.list {
		if f.r == r {
			return f
		}
	}
	return nil
}

// noteReply notes the server that answered r; reply is what there is of that, from its beginning, or nothing.
func (s *Session) noteReply(r *backend.Request, reply []byte) {
	if f := s.local.access.of(r); f != nil {
		f.asked(s, r, "")
		f.BytesOut = r.Size
		if len(reply) > 0 && s.pool.Protocol.IsError(reply) {
			f.Result = access.Error
		}
	}
}

// notePart is noteReply for a part of whole.
func (s *Session) notePart(whole, part *backend.Request) {
	f := s.local.access.of(whole)
	if f == nil || part.Way&wayFollowed != 0 { // it failed, and was noted
		return
	}
	f.asked(s, part, "")
	if part.Reply != nil && len(part.Reply.B) > 0 && s.pool.Protocol.IsError(part.Reply.B) {
		f.Result = access.Error
	}
}

// noteFailure notes that the server of r, or of a part of it, did not answer.
func (s *Session) noteFailure(r *backend.Request, err error) {
	whole := r
	if r.Parent != nil {
		whole = r.Parent
	}
	f := s.local.access.of(whole)
	if f == nil {
		return
	}
	text := backend.Text(err)
	f.asked(s, r, text)
	if whole == r {
		f.Result, f.Failure = access.Failed, text
		return
	}
	r.Way |= wayFollowed
}

// noteRefusal notes that the command that is being taken can't be sent.
func (s *Session) noteRefusal(err error) {
	if f := s.local.access.taking; f != nil && f.s == s {
		f.Result, f.Failure = access.Failed, backend.Text(err)
	}
}

// asked notes a server that was.
func (f *followed) asked(s *Session, r *backend.Request, failure string) {
	if v := f.Ask(); v != nil {
		*v = access.Asked{Name: s.origin().Server(int(r.Server)), Addr: s.origin().Addr(int(r.Server)), Queued: r.QueuedAt(), Sent: r.SentAt, Bytes: r.Size, Failure: failure}
		if failure == "" {
			v.Replied = s.loop.Now
		}
		_, class := s.pool.Protocol.Describe(r.Op)
		f.Class = class.String()
	}
}

// untie takes note that r is out of the order of s: its reply is in out, or s is closed.
func (s *Session) untie(r *backend.Request) {
	r.Way &^= wayFollowed
	a := &s.local.access
	f := a.of(r)
	if f == nil {
		return
	}
	f.r = nil
	if s.life == closed {
		a.leaves(f)
		s.told(f, access.Left)
		return
	}
	if r.Gather != nil && r.Err != nil && !spared(r) {
		f.Result, f.Failure = access.Failed, backend.Text(r.Err)
	}
	if f.AskedTotal == 0 && f.Result == access.OK {
		f.Result = access.Local
	}
	f.Due, f.BytesOut = s.loop.Now, r.Size
	a.unwritten++
}

// instead has another Request of the same command take the place of r, as the copy that it is.
func (a *accessing) instead(r, other *backend.Request) {
	r.Way &^= wayFollowed
	if f := a.of(r); f != nil {
		f.r = other
	}
}

// written tells of commands of s whose replies are written.
func (s *Session) written() {
	if s.out.Pending() > 0 || s.out.Err() != nil {
		return
	}
	a := &s.local.access
	for i := 0; i < len(a.list); {
		f := a.list[i]
		if f.s != s || f.r != nil {
			i++
			continue
		}
		a.unwritten--
		a.list = slices.Delete(a.list, i, i+1)
		s.told(f, access.OK)
	}
}

// leaves takes f out of the list.
func (a *accessing) leaves(f *followed) {
	if i := slices.Index(a.list, f); i >= 0 {
		a.list = slices.Delete(a.list, i, i+1)
	}
}

// followsNoMore is for a session that is closed: its replies are let go of by now.
func (s *Session) followsNoMore() {
	a := &s.local.access
	if f := a.taking; f != nil && f.s == s {
		s.local.takenBefore()
	}
	for i := 0; i < len(a.list); {
		f := a.list[i]
		if f.s != s {
			i++
			continue
		}
		if f.r == nil {
			a.unwritten--
		}
		a.list = slices.Delete(a.list, i, i+1)
		s.told(f, access.Left)
	}
}

// noteTold notes what the client of r, which both pools were sent, is told: an error of a server, or err.
func (s *Session) noteTold(r *backend.Request, bad bool, err error) {
	if r.Way&wayFollowed == 0 {
		return
	}
	f := s.local.access.of(r)
	switch {
	case f == nil:
	case err != nil:
		f.Result, f.Failure = access.Failed, backend.Text(err)
	case bad:
		f.Result = access.Error
	default:
		f.Result = access.OK
	}
}
