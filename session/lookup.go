package session

// The road of a command that the protocol does not know (codec.Unknown), as one of next year's version, or of a module that was loaded
// yesterday. Servers know it: they are asked, its client waits, and what they say is kept for all clients of the pool (lessons.go).
//
//	consume --> unknown --known, or lately nobody knew it--> what the lesson makes of it, as if the protocol had known
//	              |
//	              '--look up--> blocked until all servers have answered, or one knew it --> consume finds it again
//
// All servers are asked, over the connections that clients share: a module may be loaded into one after the other. On each loop one
// client's question is that of all who wait for the same name.

import (
	"cashew/backend"
	"cashew/codec"
	"cashew/loop"
)

// lookup is what servers are being asked about one name.
type lookup struct {
	loop    *loop.Loop
	shard   *shard
	pool    *Pool // the shard's when it began
	name    string
	waiting []*Session
	pending int // servers that have not answered
	over    bool
	learned bool // what they said is kept; once it is over, false: nobody said anything

	missing any    // what is to be known of a name that no server has; nil: none said so
	err     error  // why a server could not be asked
	words   []byte // what a server answered that has no answer to anything for now
}

// unknown has a command be what servers say of it. It returns false if the command has to wait.
func (s *Session) unknown(cmd *codec.Command) (taken bool) {
	p, now := s.pool.Protocol, s.loop.Now
	if n := s.group.Losses(); n != s.losses {
		s.losses = n
		s.pool.lessons.outdate(now)
	}
	s.local.name = p.AppendUnknown(s.local.name[:0], cmd)
	lesson, ok, due := s.pool.lessons.find(s.local.name, now)
	failed := s.lookup
	s.lookup = nil
	switch {
	case due:
		s.lookAgain(string(s.local.name))
	case ok:
	case failed == nil:
		s.lookUp(string(s.local.name))
		return false
	default:
		s.count(cmd)
		s.untold(cmd, failed)
		return true
	}
	p.Apply(&s.cl, cmd, lesson)
	if cmd.Kind != codec.Forward {
		return s.handle(cmd)
	}
	s.count(cmd)
	s.forward(cmd)
	return true
}

// untold answers a command of which no server told anything: as one that can't be reached would have it. A transaction is not executed
// without it.
func (s *Session) untold(cmd *codec.Command, of *lookup) {
	s.pool.Protocol.Spoil(&s.cl)
	if of.words == nil {
		s.refuse(cmd, of.err)
		return
	}
	bb := s.loop.GetBuffer()
	bb.B = append(bb.B, of.words...)
	s.answer(bb)
}

// lookUp has s wait for what servers say of a name.
func (s *Session) lookUp(name string) {
	o := s.lookups[name]
	if o == nil {
		o = s.newLookup(name)
		defer o.ask(s)
	}
	o.waiting = append(o.waiting, s)
	s.lookup = o
	s.waitsFor |= behindLesson
	s.block()
}

// lookAgain asks servers about a name that is known, and nobody waits for what they say.
func (s *Session) lookAgain(name string) {
	if s.lookups[name] == nil {
		s.newLookup(name).ask(s)
	}
}

// newLookup is the beginning of one.
func (s *Session) newLookup(name string) *lookup {
	o := &lookup{loop: s.loop, shard: s.shard, pool: s.pool, name: name, pending: 1, err: backend.ErrEjected}
	if s.lookups == nil {
		s.lookups = make(map[string]*lookup)
	}
	s.lookups[name] = o
	return o
}

// ask asks all servers that can be reached, over the connections that s has.
func (o *lookup) ask(s *Session) {
	p := o.pool.Protocol
	for place, server := range o.pool.Servers() {
		c, err := s.conns.Conn(server, s.cl.ID)
		if err != nil {
			o.err = err
			continue
		}
		o.pending++
		c.Touch()
		r := s.local.servers.NewRequest(&inquiry{of: o})
		r.Op, r.Server = p.AskOp(), uint16(place)
		c.Queue(r)
		c.Out().SetBatch(p.AppendAsk(c.Out().Batch(s.loop), o.name))
		s.local.servers.Unref(r)
	}
	s.loop.After(o.pool.AskPatience(), func() {
		if !o.over {
			o.err = backend.ErrTimeout
			o.end()
		}
	})
	o.answered() // all are asked
}

// maxAnswer is from where no more of an answer is kept: it is none then.
const maxAnswer = 1 << 20

// inquiry is the Owner of the request to one server.
type inquiry struct {
	of    *lookup
	reply []byte
}

// Replied implements backend.Owner.
func (a *inquiry) Replied(_ *backend.Request, chunk []byte, last bool) {
	if len(a.reply) <= maxAnswer {
		a.reply = append(a.reply, chunk...)
	}
	if o := a.of; last && !o.over {
		o.heard(a.reply)
	}
}

// Failed implements backend.Owner.
func (a *inquiry) Failed(_ *backend.Request, err error) {
	if o := a.of; !o.over {
		o.err = err
		o.answered()
	}
}

// heard takes what one server answered.
func (o *lookup) heard(reply []byte) {
	is, known, said := o.pool.Protocol.Learn(o.name, reply)
	switch {
	case known:
		o.keep(is, true)
		o.end()
		return
	case said && o.missing == nil:
		o.missing = is
	case !said:
		o.words = reply
	}
	o.answered()
}

// answered notes that one server less is to answer.
func (o *lookup) answered() {
	if o.pending--; o.pending == 0 {
		o.end()
	}
}

// keep keeps what was learned.
func (o *lookup) keep(is any, known bool) {
	o.learned = true
	if o.pool.lessons.add(o.name, is, known, o.loop.Now) {
		o.loop.Log.Info("learned a command from a server", "pool", o.pool.Name, "command", o.name)
	}
}

// end tells those who wait.
func (o *lookup) end() {
	if !o.learned && o.missing != nil {
		o.keep(o.missing, false)
	}
	o.over = true
	delete(o.shard.lookups, o.name)
	for _, s := range o.waiting {
		if s.lookup != o {
			continue // it is closed
		}
		if o.learned {
			s.lookup = nil
		}
		s.waitsFor &^= behindLesson
		s.unblock()
	}
	o.waiting = nil
}

// underWay is o, or nil if it is over.
func (o *lookup) underWay() *lookup {
	if o == nil || o.over {
		return nil
	}
	return o
}
