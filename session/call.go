package session

// The road of a command that calls a script by its name. A server that restarted, or was away, does not have what was loaded, and nor
// has one that the EVAL did not go to. Where a server answers that it lacks a script that the proxy knows (scripts.go), it is loaded,
// and the command goes out again:
//
//	client   EVALSHA name 1 k                                                                          *...
//	server                     EVALSHA name 1 k   NOSCRIPT   SCRIPT LOAD text, EVALSHA name 1 k   name *...
//
// That is only so where nothing newer of the client was sent, which could be executed first. With something newer behind it the client
// gets NOSCRIPT, once, for the script is loaded all the same; and so it is with a transaction, which has been executed by then.

import (
	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

const (
	maxCallBytes = 64 << 10  // of a command that is kept until its server has answered
	maxKeptCalls = 256 << 10 // of those of one client
	maxCalls     = 64        // that a loop keeps for others
)

// call is the Owner of the request of a command that calls scripts, in its session's place, until it is clear that the server has them.
type call struct {
	s       *Session
	conn    *backend.Conn              // on which a script is loaded; nil: on none
	frames  *bytebufferpool.ByteBuffer // the commands
	ends    []uint32                   // of each of them
	within  bool                       // a transaction, whose commands they are
	matched int                        // of the error that a transaction's reply is searched for, so many bytes came last
}

// sendScript is send for a command with Script.
func (s *Session) sendScript(place int, server *topology.Server, cmd *codec.Command) {
	if !s.noteScript(cmd) || len(cmd.Frame) > maxCallBytes || s.keptCalls+len(cmd.Frame) > maxKeptCalls {
		s.send(place, server, cmd)
		return
	}
	if s.patientAt(place) {
		if c, err := s.connsAt(place).Conn(server, s.cl.ID); err == nil {
			s.preloadCall(c, cmd.Frame)
		}
	}
	o := s.local.getCall(s)
	o.keep(cmd.Frame)
	if o.conn = s.send(place, server, cmd); o.conn == nil {
		s.local.putCall(o)
		return
	}
	s.tail.Owner = o
}

// firstKeyDecides says of a command whose keys live on several servers that it goes where its first key is. Scripts do, as with
// twemproxy: what libraries for locks and rate limits pass as keys are often none. A cluster, which has the first at place, does not have them so.
func (s *Session) firstKeyDecides(place int, cmd *codec.Command) bool {
	if !cmd.Script || s.slottedAt(place) {
		return false
	}
	s.pool.Count.CrossScripts.Add(1)
	return !s.pool.opts.RefuseCrossScripts
}

// callWithin has r, which executes t on c, be a call of the scripts of t. They are loaded on a connection that others use, too.
func (s *Session) callWithin(t *transaction, r *backend.Request, c *backend.Conn) {
	if len(t.calls) == 0 {
		return
	}
	o := s.local.getCall(s)
	o.within = true
	if o.conn = c; s.watches.lease != nil {
		o.conn, _ = s.connsAt(t.place).Conn(t.server, s.cl.ID)
	}
	for _, at := range t.calls {
		if n := int(at.end - at.start); len(o.frames.B)+n <= maxCallBytes && s.keptCalls+n <= maxKeptCalls {
			o.keep(t.bb.B[at.start:at.end])
		}
	}
	if len(o.ends) == 0 {
		s.local.putCall(o)
		return
	}
	r.Owner = o
}

// keep keeps a command.
func (o *call) keep(frame []byte) {
	s := o.s
	s.loop.Grow(o.frames, len(frame), 0)
	s.loop.Copies.Add(len(frame))
	o.frames.B = append(o.frames.B, frame...)
	o.ends = append(o.ends, uint32(len(o.frames.B)))
	if s.keptCalls += len(frame); s.holds() >= causeBytes {
		s.local.holders.add(s)
	}
}

// Replied implements backend.Owner.
func (o *call) Replied(r *backend.Request, chunk []byte, last bool) {
	s := o.s
	if o.within {
		o.executed(r, chunk, last)
		return
	}
	if stored(r) > 0 {
		s.store(r, chunk)
		chunk = r.Reply.B
	}
	is, perhaps := s.pool.Protocol.Unloaded(chunk)
	switch {
	case perhaps && !last:
		if stored(r) == 0 {
			s.store(r, chunk)
		}
		return
	case is && o.load(r) && r.Next == nil:
		o.repeat(r)
		return
	}
	held := r.Reply
	r.Reply = nil
	o.leave(r)
	if s.Replied(r, chunk, last); held != nil {
		s.loop.PutBuffer(held)
	}
}

// repeat sends the command of r once more, behind that which loads its script. Should the server lack it again, the client is told so.
func (o *call) repeat(r *backend.Request) {
	s, c := o.s, o.conn
	if r.Reply != nil {
		s.loop.PutBuffer(r.Reply)
		r.Reply = nil
	}
	r.SentAt = 0
	s.pool.Count.Repeats.Add(1)
	c.Touch()
	c.Queue(r)
	s.pastCrowd(c)
	sendPart(s, c, o.frames.B)
	o.leave(r)
}

// executed passes on what a transaction is answered. If it says that a script was not there, all that it called are loaded.
func (o *call) executed(r *backend.Request, chunk []byte, last bool) {
	s, found := o.s, false
	found, o.matched = s.pool.Protocol.FindUnloaded(chunk, o.matched)
	if found {
		o.load(r)
	}
	if found || last {
		o.leave(r)
	}
	s.Replied(r, chunk, last)
}

// Failed implements backend.Owner.
func (o *call) Failed(r *backend.Request, err error) {
	s := o.s
	if s.local.putCall(o); r.Owner != nil { // else a late reply is to be thrown away
		r.Owner = s
	}
	s.Failed(r, err)
}

// leave has r be its session's, as any other.
func (o *call) leave(r *backend.Request) {
	r.Owner = o.s
	o.s.local.putCall(o)
}

// load has the server that lacks scripts which r calls loaded with them; false: it can't be, or none is known.
func (o *call) load(r *backend.Request) (loaded bool) {
	s, c, from := o.s, o.conn, uint32(0)
	if c == nil || !c.Takes() {
		return false
	}
	for _, end := range o.ends {
		name := string(s.pool.Protocol.AppendCalled(nil, o.frames.B[from:end]))
		if body := s.pool.scripts.get(name); body != "" {
			loaded = true
			s.loadOn(c, r, name, body)
		}
		from = end
	}
	return loaded
}

// loading is a script that a connection was sent so that its server has it.
type loading struct {
	conn *backend.Conn
	name string
	at   int64 // Loop.Now
}

// loadOn has the server of c loaded with a script that it lacked when it answered r. Of those that were on their way then, as in a
// pipeline, only the first has it loaded.
func (s *Session) loadOn(c *backend.Conn, r *backend.Request, name, body string) {
	l := s.local
	for i := range l.loaded {
		if e := &l.loaded[i]; e.conn == c && e.name == name && r.QueuedAt() < e.at {
			return
		}
	}
	l.loaded[l.nextLoaded] = loading{conn: c, name: name, at: s.loop.Now}
	l.nextLoaded = (l.nextLoaded + 1) % len(l.loaded)
	s.load(c, body)
}

// load sends c a script.
func (s *Session) load(c *backend.Conn, body string) {
	l, p := s.local, s.pool.Protocol
	s.pool.Count.Loads.Add(1)
	q := l.servers.NewRequest(unawaited{})
	q.Op = p.LoadOp()
	c.Touch()
	c.Queue(q)
	c.Out().SetBatch(p.AppendLoad(c.Out().Batch(s.loop), []byte(body)))
	l.servers.Unref(q)
}

// dropCalls forgets what r, or a fragment of it, calls, what its reply is compared with, and what is asked for it: nobody waits for it.
func (l *Local) dropCalls(r *backend.Request) {
	switch o := r.Owner.(type) {
	case *call:
		o.leave(r)
	case *side:
		o.leave(r)
	case *asking:
		o.leave()
	}
	for _, f := range r.Fragments {
		l.dropCalls(f)
	}
}

// getCall returns a call of s without commands.
func (l *Local) getCall(s *Session) *call {
	var o *call
	if n := len(l.calls); n > 0 {
		o = l.calls[n-1]
		l.calls = l.calls[:n-1]
	} else {
		o = new(call)
	}
	o.s, o.frames = s, l.loop.GetBuffer()
	return o
}

// putCall lets go of o.
func (l *Local) putCall(o *call) {
	o.s.keptCalls -= len(o.frames.B)
	l.loop.PutBuffer(o.frames)
	*o = call{ends: o.ends[:0]}
	if len(l.calls) < maxCalls {
		l.calls = append(l.calls, o)
	}
}
