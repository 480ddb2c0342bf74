package session

import (
	"errors"
	"io"
	"net"
	"time"

	"cashew/codec"
	"cashew/codec/acl"
	"cashew/loop"
)

// life is how far a session is. It only goes on, never back.
//
//	live --leave--> leaving --all that had come is taken--> quitting --all that is owed is written--> lingering --> closed
//	  '------------------------quit----------------------------^
//
// A client that breaks the rules, or reads nothing, is closed at once from wherever it is.
type life uint8

const (
	live      life = iota // takes commands
	leaving               // its pool is removed, or the proxy drains: it takes what had come before, up to a boundary between commands
	quitting              // takes no more input
	lingering             // all is written, our side is shut; the client has a second to hang up
	closed
)

// Besides that, a session may find its pool replaced (moved), be given to another process (part, or goesOn if that
// does not want it: see parting.go), and live on without the reactor when the client half-closed (detach).

// transit is what a reload, the end of the proxy, or an upgrade asks of a session, and how far that is.
type transit struct {
	moving   bool   // it was told that it is to go, and leaves later
	stays    bool   // it cannot be given away: the other process refused it, or its descriptor could not be duplicated
	unread   int    // bytes that had come when it was told to leave, less what was taken since
	handed   []byte // input that another process had taken from it
	restored bool   // it came from another process
	unsure   bool   // another process had lost what this client knows, see doubts

	hurried bool // the timer of hurry runs
}

// New returns a client of p, which is counted in and on its way to l: Enroll puts it there, or GiveUp counts it out. Any
// goroutine may call it.
func New(l *Local, p *Pool, id uint64, addr string) *Session {
	l.clients.Add(1)
	s := &Session{loop: l.loop, local: l, from: p, cl: codec.Client{ID: id, DB: p.Protocol.Home(), Addr: addr}}
	p.Protocol.Welcome(&s.cl)
	return s
}

// CameThrough tells of s, which is not enrolled yet, what only those know who let it in: the address that the client connected to,
// as CLIENT LIST shows it, "" for its socket's; and whom to tell when it is counted out, once, on any goroutine, nil for nobody.
func (s *Session) CameThrough(laddr string, left func()) {
	s.cl.LAddr, s.left = laddr, left
}

// Enroll puts s on its loop; nc is used up. An error is logged, and s counted out.
func (s *Session) Enroll(nc net.Conn) error {
	p := s.about(nc)
	return s.enrolled(p, s.loop.Enroll(nc, s))
}

// Open is Enroll for nc that a loop has accepted; it is called on s's loop, and does not wait.
func (s *Session) Open(nc net.Conn) {
	p := s.about(nc)
	_ = s.enrolled(p, s.loop.Open(nc, s))
}

// about tells s of nc, which it is to have, and returns its pool, of which it knows no more once it is open.
func (s *Session) about(nc net.Conn) *Pool {
	if s.cl.LAddr == "" {
		if s.cl.LAddr = "unix"; s.cl.Addr != "unix" {
			s.cl.LAddr = nc.LocalAddr().String()
		}
	}
	if s.cl.Known && !s.restored {
		s.auditKnown(s.from)
	}
	return s.from
}

// enrolled takes note of what came of it.
func (s *Session) enrolled(p *Pool, err error) error {
	if err != nil {
		s.loop.Log.Error("client dropped", "pool", p.Name, "client", s.cl.Addr, "err", err)
		s.local.countOut(s, p)
	}
	return err
}

// Certified says what s's certificate has: the common name of its subject, and alternative names; before Enroll.
func (s *Session) Certified(commonName string, sans []string) {
	s.cl.Cert = &acl.Certificate{CommonName: commonName, Names: sans}
	s.from.Protocol.Welcome(&s.cl)
}

// Begin says what the client has sent already, before Enroll.
func (s *Session) Begin(input []byte) { s.handed = input }

// GiveUp is in place of Enroll for a client that is not to come after all.
func (s *Session) GiveUp(nc net.Conn) {
	s.local.countOut(s, s.from)
	_ = nc.Close()
}

// Opened implements loop.Handler.
func (s *Session) Opened(sock loop.Socket) bool {
	if s.shard = s.local.shardOf(s.from); s.shard == nil { // the pool was removed meanwhile, and its last client has left
		s.shard = &shard{pool: s.from, group: s.from.groups[s.local.index], removed: true}
	}
	from := s.from
	s.from, s.sock = nil, sock // it may be replaced, and must not be kept
	s.openedAt, s.lastAt = s.loop.Now, s.loop.Now
	s.allowFirst()
	s.replySize = s.allowed / firstReplies
	s.resettle(from)
	s.limiter = s.limits
	if !s.unsure {
		s.standing = s.group.Standing()
	}
	s.tally.Profiles[s.cl.Profile]++
	s.local.sessions.add(s)
	s.out.Open(sock)
	if from != s.pool && !s.rejoin(s.userName()) {
		s.quit()
	}
	s.catchUp()
	return true
}

// attached says that the reactor reads from s's socket.
func (s *Session) attached() bool { return s.sock != nil && !s.detached }

// catchUp is for a session that opens: another process may have handed input over, and the pool may be gone.
func (s *Session) catchUp() {
	if s.handed != nil {
		s.keep(s.handed)
		s.handed = nil
		s.setBlocked(true)
		s.unblock()
	}
	if s.local.draining || s.removed {
		s.leave()
	}
}

// moved takes note that s's shard has another pool in the place of old.
func (s *Session) moved(old *Pool) {
	s.resettle(old)
	s.relimit()
	if !s.rejoin(s.userName()) {
		s.close()
		return
	}
	s.stale()
	if s.waitsFor&behindMap != 0 {
		s.looksAgain()
	}
	s.lookup = s.lookup.underWay() // what came of one that is over was for the other pool
	s.allowFirst()                 // the bounds may be others now
}

// owedNothing says that all commands of s are answered, whoever has been.
func (s *Session) owedNothing() bool { return s.head == nil && s.doubling == 0 }

// settled clears behindOrder once nothing is owed to s, and says whether it is clear: then the next command of s may take other
// connections than those before.
func (s *Session) settled() bool {
	if s.owedNothing() {
		s.waitsFor &^= behindOrder
	}
	return s.waitsFor&behindOrder == 0
}

// leave has s end at its next boundary behind what has come so far: that was sent before, and is still answered.
func (s *Session) leave() {
	if s.life != live || s.tellMoving() {
		return
	}
	s.life = leaving
	if s.attached() || s.rest {
		s.unread = s.sock.Unread()
	}
	if s.in != nil {
		s.unread += len(s.in.B)
	}
	if s.leaveIfDone(); s.life == leaving && s.holdsOn() || s.blocks.lease != nil {
		s.hurry()
	}
}

// hurry gives s, which is to leave, a moment for its EXEC, or to be answered what it waits for.
func (s *Session) hurry() {
	if s.hurried {
		return
	}
	s.hurried = true
	grace := s.local.grace()
	if s.moving {
		grace = 0 // it had longer
	}
	s.loop.After(grace, func() {
		s.hurried = false
		switch {
		case s.life != leaving && s.life != quitting:
		case s.blocks.lease != nil:
			s.hurry() // what came behind it is taken yet
			s.interrupt()
		case s.life == leaving && s.holdsOn():
			s.quit()
		}
	})
}

// leaveIfDone ends the input of a session that is to leave if all is taken that had come.
func (s *Session) leaveIfDone() {
	if s.life == leaving && s.unread <= 0 && s.between() {
		s.quit()
	}
}

// between says that s's next byte of input is the first of a command, and that nothing hangs on its connection: no
// transaction, nothing watched.
func (s *Session) between() bool {
	c := &s.scan
	return !s.holdsOn() && c.Need == 0 && c.Pos == 0 && c.Left == 0 && c.Index == 0 && c.Op == 0
}

// holdsOn says that more hangs on s's connection than bytes: a transaction, or what it watches.
func (s *Session) holdsOn() bool { return s.inTransaction() || s.watches.on() }

// quit ends the input: later bytes are read and dropped, and flush closes once nothing is owed.
func (s *Session) quit() {
	s.life = max(s.life, quitting)
	s.touch()
}

// lingerTime is how long a client that was told to go may take to read its last reply and to hang up.
const lingerTime = time.Second

// grace is lingerTime, or less where there is little time to drain: what is said one after the other, to go, that nothing comes, and
// good-bye, is to end before it is over.
func (l *Local) grace() time.Duration { return min(lingerTime, l.limits.DrainTimeout/8) }

// finish closes towards the client, in a way that lets it read the last reply: to close while input is unread, or comes
// yet, would reset the connection and could take the reply along. A client that has been idle had that time before.
func (s *Session) finish() {
	if !s.attached() {
		s.close()
		return
	}
	if s.life == lingering {
		return
	}
	s.life = lingering
	linger := lingerTime
	if s.local.draining || s.removed {
		linger = s.local.grace()
	}
	idle := time.Duration(s.loop.Now - max(s.lastAt, s.wroteAt))
	if idle >= linger || s.out.CloseWrite() != nil {
		s.close()
		return
	}
	s.loop.After(linger-idle, s.close)
}

// Ended implements loop.Handler: the client closed or half-closed (io.EOF), or reading failed, or the reactor stops (nil).
func (s *Session) Ended(err error) bool {
	owed := s.head != nil || s.out.Pending() > 0 || s.blocked // what it sent and we did not take, too
	s.eof = s.eof || errors.Is(err, io.EOF)
	if !owed || s.life == lingering || !errors.Is(err, io.EOF) || !s.detach() {
		s.close()
	} else if s.blocks.lease != nil {
		s.callLast()
	}
	return true
}

// detach lives on without the reactor until all that is owed is delivered: the reactor closes a connection as soon as the client sends
// no more, but that client may still be reading. Nothing is read from it behind what the kernel had: that such a client is gone
// altogether shows only by a write that fails.
func (s *Session) detach() bool {
	sock, err := s.sock.Detach()
	if err != nil {
		return false
	}
	s.rest = s.paused
	s.sock, s.detached, s.eof, s.paused = sock, true, true, false
	s.out.Move(s.loop, sock, s)
	s.waitsNoMore()
	if !s.blocked {
		s.quit() // what is left can never become a command
	}
	return true
}

// close ends s at once; what servers still owe it will be thrown away as it comes.
func (s *Session) close() {
	if s.life == closed {
		return
	}
	if s.links[inAll].in { // it opened
		s.local.sessions.remove(s)
		s.account()
		s.countLeft()
		s.loop.Left(s.openedAt)
	}
	s.life = closed
	if s.retrying > 0 {
		s.forgetRetries()
	}
	if s.inFlight > 0 {
		s.loop.Busy--
	}
	for r := s.head; r != nil; {
		next := r.Next
		r.Next = nil
		s.near.leaves(r)
		s.local.dropCalls(r)
		s.letGo(r)
		r = next
	}
	s.head, s.tail, s.inFlight, s.reports = nil, nil, 0, 0
	s.followsNoMore()
	s.out.Close(s.loop)
	s.noteUnread()
	if s.in != nil {
		s.loop.PutBuffer(s.in)
		s.in = nil
	}
	if sock := s.sock; sock != nil {
		s.sock = nil
		sock.Close()
	}
	s.dropTransaction()
	s.unwatch(false)
	s.interrupt()
	s.leaveTopics()
	s.leaveOwn()
	s.forgetLimit()
	s.lookup = nil
	s.allowFirst()
	s.local.holders.remove(s)
	s.local.countOut(s, s.pool)
}
