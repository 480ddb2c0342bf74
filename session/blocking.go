package session

// A command that may block, such as BLPOP, goes over a lease as well: on a shared connection it would hold up all who stand behind it.
// Nothing else of its client is under way beside it, and it ends with the first of these:
//
//	its reply, also the one that says that nothing came in time     the lease is given back
//	the client hangs up, or half-closes, as Redis takes it          the lease is closed, which the server notices
//	its key is another server's by now, or the process drains       the same, and the client gets UNBLOCKED, as from a server that
//	                                                                is no master any more
//
// What the server popped before it noticed is lost, as it is with a client of its own that dies.

import (
	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// blocking is the command of a client that may block, on its way.
type blocking struct {
	lease  *backend.Conn // nil: there is none
	key    []byte        // its first
	server *topology.Server
}

// blockOn sends a command that may block over a lease, or answers why it can't. It returns false if the command has to wait.
func (s *Session) blockOn(cmd *codec.Command) (taken bool) {
	if !s.alone() {
		return false
	}
	router := s.pool.Router()
	place, server := router.Route(cmd.KeyAt(0))
	if !s.together(router, place, cmd) {
		s.count(cmd)
		s.countRefusal(cmd)
		s.answerWith(s.pool.Protocol.AppendApart)
		return true
	}
	c, wait, err := s.conns.Lease(backend.Blocking, server, s, s.cl.ID, s.late)
	if wait {
		s.waitForLease()
		return false
	}
	s.switching = switching{}
	s.count(cmd)
	if err != nil {
		s.refuse(cmd, err)
		return true
	}
	s.blocks = blocking{lease: c, key: append(s.blocks.key[:0], cmd.KeyAt(0)...), server: server}
	s.local.blocked.add(s)
	c.Blocks(cmd.Wait)
	s.sendOver(c, place, cmd)
	return true
}

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

// endBlocking forgets the command that blocks, and returns its connection.
func (s *Session) endBlocking() *backend.Conn {
	c := s.blocks.lease
	s.blocks.lease, s.blocks.server = nil, nil
	s.local.blocked.remove(s)
	return c
}

// recall interrupts those whose key is another server's by now: what they wait for is written there. It is called each second.
func (l *Local) recall() {
	for s := range l.blocked.all {
		if _, server := s.pool.Router().Route(s.blocks.key); server != s.blocks.server && !s.pool.random {
			s.interrupt()
		}
	}
}
