package session

// A command that may block, such as BLPOP, goes over a lease as well: on a shared connection it would hold up all who stand behind it.
// Nothing else of its client is under way beside it, and it ends with the first of these:
//
//	its reply, also the one that says that nothing came in time     the lease is given back
//	the client hangs up, or half-closes, as Redis takes it,         the lease is closed, which the server notices
//	and the server has not answered by then: see callLast
//	its key is another server's by now, or the process drains       the same, and the client gets UNBLOCKED, as from a server that
//	                                                                is no master any more
//
// WAIT and WAITAOF are such commands, without a key; they have to be about all that the client has written, and its writes took other
// connections: see mark. If those were lost meanwhile, so may be what was written: a client of the server's own would have lost its
// connection, and ours is told once in place of an answer: see doubts.
//
// What the server popped before it noticed is lost, as it is with a client of its own that dies.

import (
	"errors"
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// blocking is the command of a client that may block, on its way.
type blocking struct {
	lease  *backend.Conn    // nil: there is none
	at     *shard           // that the lease is of
	key    []byte           // its first
	server *topology.Server // who has that, as the pool said; the lease may lead to another, which a server named. nil: it has no key
	last   *lastCall        // under way, since the client sends no more

	brief bool // it does not block: it has the lease to get past those that are held up
}

// blockOn sends a command that may block over a lease, or answers why it can't. It returns false if the command has to wait.
func (s *Session) blockOn(cmd *codec.Command) (taken bool) {
	if !s.alone() {
		return false
	}
	router := s.ways()
	key := firstKey(cmd)
	place, server := router.Route(key)
	if !s.together(router, place, cmd) {
		s.count(cmd)
		s.apart(router, cmd)
		return true
	}
	if cmd.Own && s.doubts() {
		s.count(cmd)
		s.refuse(cmd, backend.ErrUnsure)
		return true
	}
	c, wait, err := s.lease(backend.Blocking, place, server)
	if wait {
		return false
	}
	s.count(cmd)
	if err != nil {
		s.unleased(place, cmd, err)
		return true
	}
	s.unmirrored().Blocking++
	s.blockOver(c, s.shardAt(place), server, cmd)
	if cmd.Own {
		s.mark(c)
	}
	s.sendOver(c, place, cmd)
	s.nowBlocks()
	return true
}

// blockOver notes that cmd, which may block, is to go over a lease; server is who has its key.
func (s *Session) blockOver(c *backend.Conn, at *shard, server *topology.Server, cmd *codec.Command) {
	s.blocks = blocking{lease: c, at: at, key: append(s.blocks.key[:0], firstKey(cmd)...), server: server, brief: cmd.Apart && !cmd.Own}
	s.local.blocked.add(s)
	s.tally.Waiting++
	c.Blocks(cmd.Wait)
	if len(cmd.Keys) == 0 {
		s.blocks.server = nil
	}
}

// nowBlocks is called once that is on its way.
func (s *Session) nowBlocks() {
	s.loop.Busy-- // others need not hurry, or wait, because of it
	if s.eof {
		s.callLast()
	}
	if s.life == leaving {
		s.hurry()
	}
}

// firstKey is the first key of a command for a lease; nil: it has none.
func firstKey(cmd *codec.Command) []byte {
	if len(cmd.Keys) == 0 {
		return nil
	}
	return cmd.KeyAt(0)
}

// doubts says that what s wrote may be lost, and that it was not told so before.
func (s *Session) doubts() bool {
	now := s.group.Standing()
	doubts := s.unsure || now != s.standing
	s.unsure, s.standing = false, now
	return doubts
}

// mark has c be as if all that s has written had gone over it.
func (s *Session) mark(c *backend.Conn) {
	c.Touch()
	out, ops := s.pool.Protocol.AppendMark(c.Out().Batch(s.loop))
	for i, op := range ops {
		r := s.local.servers.NewRequest(unawaited{})
		if r.Op = op; i == len(ops)-1 {
			r.Owner = &marking{s: s}
		}
		c.Queue(r)
		s.local.servers.Unref(r)
	}
	c.Out().SetBatch(out)
}

// marking is the Owner of the request that says whether a lease was marked.
type marking struct {
	s     *Session // which has the lease as long as a reply can come
	reply []byte
}

// Replied implements backend.Owner.
func (m *marking) Replied(_ *backend.Request, chunk []byte, last bool) {
	if m.reply = append(m.reply, chunk...); !last {
		return
	}
	if why := m.s.pool.Protocol.Unmarked(m.reply); why != "" {
		m.s.endBlocking().Cancel(errors.New(why))
	} else if m.s.doubts() { // that they were lost may have come after this one was opened
		m.s.endBlocking().Cancel(backend.ErrUnsure)
	}
}

// Failed implements backend.Owner: the command behind it fails as well.
func (m *marking) Failed(*backend.Request, error) {}

// unblocked gives the lease back whose reply is whole.
func (s *Session) unblocked() {
	c := s.endBlocking()
	c.Return()
}

// interrupt ends the command that blocks before its reply; whoever waits for that gets an error.
func (s *Session) interrupt() {
	if s.blocks.lease != nil {
		s.endBlocking().Cancel(backend.ErrUnblocked)
	}
}

// Unblock ends the command with which the client of an id waits at a server, if it is one of the pool of that name.
func (l *Local) Unblock(pool string, id uint64, failing bool) (unblocked bool) {
	for s := range l.blocked.all {
		if s.cl.ID != id || s.pool.Name != pool || s.blocks.lease == nil || s.blocks.brief {
			continue
		}
		why := backend.ErrElapsed
		if failing {
			why = backend.ErrAsked
		}
		s.endBlocking().Cancel(why)
		return true
	}
	return false
}

// endBlocking forgets the command that blocks, and returns its connection.
func (s *Session) endBlocking() *backend.Conn {
	c := s.blocks.lease
	s.blocks.lease, s.blocks.at, s.blocks.server, s.blocks.last = nil, nil, nil, nil
	s.local.blocked.remove(s)
	s.tally.Waiting--
	s.loop.Busy++
	return c
}

// lastCall is how the end of a client that may be blocked is held against what its server does: had there been an answer at once,
// the server would have given it before it answers this, which it is sent later, over the connection that all share. It is asked
// lastCalls times, since of what comes over two connections at one time the server reads any first, and writes any answer first, and
// we read any first.
//
//	lease      BLPOP q 0                                            *2 ...     or nothing: it is closed
//	shared                UNWATCH  +OK UNWATCH  +OK UNWATCH  +OK ...
type lastCall struct {
	s    *Session
	left int // times to ask yet
}

const lastCalls = 4

// openEvery is how often it is looked whether a lease that is being dialled is open.
const openEvery = time.Millisecond

// callLast ends the command that blocks, and with it s, unless its reply is on its way: the client sends no more.
func (s *Session) callLast() {
	o := &lastCall{s: s, left: lastCalls}
	s.blocks.last = o
	o.ask()
}

// ask asks once more, or ends s.
func (o *lastCall) ask() {
	s := o.s
	if s.blocks.last != o {
		return // it is answered, or ended otherwise
	}
	switch {
	case o.left == 0:
		s.close()
		return
	case !s.blocks.lease.IsOpen(): // the server has not been asked
		s.loop.After(openEvery, o.ask)
		return
	}
	o.left--
	c, err := s.connsOf(s.blocks.at).Conn(s.blocks.lease.Server(), s.cl.ID)
	if err != nil {
		s.close()
		return
	}
	r := s.local.servers.NewRequest(o)
	r.Op = s.pool.Protocol.BeginOp()
	c.Touch()
	c.Queue(r)
	c.Out().SetBatch(s.pool.Protocol.AppendUnwatch(c.Out().Batch(s.loop)))
	s.local.servers.Unref(r)
}

// Replied implements backend.Owner.
func (o *lastCall) Replied(_ *backend.Request, _ []byte, last bool) {
	if last {
		o.ask()
	}
}

// Failed implements backend.Owner.
func (o *lastCall) Failed(*backend.Request, error) {
	o.left = 0
	o.ask()
}

// recall interrupts those whose key is another server's by now: what they wait for is written there. It is called each second.
func (l *Local) recall() {
	for s := range l.blocked.all {
		if s.blocks.server == nil || s.pool.random {
			continue
		}
		switch _, server := s.ways().Route(s.blocks.key); {
		case server == s.blocks.server, server == s.blocks.lease.Server():
		case s.blocks.at.pool.patient:
			s.endBlocking().Cancel(backend.ErrElsewhere)
		default:
			s.interrupt()
		}
	}
}
