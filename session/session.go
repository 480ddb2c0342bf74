// Package session is one client: it takes commands from the input, sends each to the servers that have its keys, and gives the client
// the replies in the commands' order, whatever server answers first.
//
// The road of a GET is in two files, and their functions stand in its order. route.go has the command:
//
//	Data       the loop has bytes for the client
//	consume    takes one whole command after the other from them, unless the client has to wait (wait.go)
//	handle     decides what becomes of a command that is not just forwarded: answered here, split, a question, a barrier
//	forward    asks the ring which server has the key
//	send       finds the connection to that server and puts the request and the command's bytes there
//	push       enters the request at the end of the client's order
//
// reply.go has the reply:
//
//	Replied    the server's connection has bytes of the reply
//	passesOn   says whether they are due now, or kept until it is the client's turn
//	pass       appends them to what the client is to be sent
//	pop        takes the request from the front of the client's order, whose next reply may be there already
//	Flush      writes to the client, once for all replies of the loop's pass, and lets it go on if it waited
//
// Read session.go, route.go, reply.go and wait.go first, scatter.go for commands that go to several servers, several.go for those without a key, then local.go, shard.go, pool.go and options.go for what sessions share;
// lifetime.go for how one opens and ends, idle.go for those that nothing comes from, logins.go for logins that fail and those that wait, parting.go for how it goes to another process; budget.go for what it may be owed; switch.go,
// databases.go, transaction.go, anew.go, watch.go, blocking.go, question.go, scripts.go and call.go for commands that are more, or less, than a request to a
// server; lookup.go and lessons.go for those that the protocol does not know; moving.go for clients that ask to be told before they are left; pubsub.go, hub.go, topic.go, link.go, fanout.go and census.go
// for what clients are subscribed to; dual.go, twice.go and pair.go for what two pools are written; tally.go and told.go for figures, and list.go for a loop's lists; users.go for who a client is; limits.go for how much it may ask for. verify.go and verify_hub.go, in builds with -tags invariants, have what must hold between two
// callbacks.
//
// A Session and all that hangs on it belongs to one loop and takes no lock. Local is what sessions have on their loop, a shard what
// those of one pool have there, and Pool what all loops share of a pool. Of the proxy around them they know only Host.
package session

import (
	"context"
	"errors"
	"log/slog"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/loop"
)

// Session is one client: it takes commands from the input, sends them on their way, and keeps the replies in the
// commands' order, whatever server answers first. It belongs to one Loop.
//
// A session that is attached has a connection that its loop polls; lifetime.go says how it loses that, how it changes its pool, and how it
// ends. Here are its fields, input that is kept, and what is answered without a server.
//
// What every command and reply touches stands first: with hundreds of clients each cache line of a session is fetched anew.
type Session struct {
	loop   *loop.Loop
	local  *Local
	*shard              // nil before it opened
	conns  *backend.Set // of group, for the client's profile and database

	in         *bytebufferpool.ByteBuffer // input not taken yet; nil if none
	head, tail *backend.Request           // commands whose replies are owed, in order
	inFlight   int

	replySize int // what a reply to this client has lately had, in bytes
	allowed   int // what the replies owed to it may have, in bytes; see budget.go
	reports   int // of those in flight, answered off the loop

	waitsFor causes // the causes that the session was told of; the other rows of waits are read from its counters
	life     life
	blocked  bool // it waits: no more input is taken
	paused   bool // the reactor does not read from it
	dirty    bool // it is to be flushed
	resuming bool // it is to be resumed
	lastOp   uint16

	commands   int64
	lastAt     int64 // when it last sent something, as Loop.Now
	dueReplies int64 // replies appended to out since it was last empty
	dueAt      int64 // when the first of them was

	out     loop.Out
	counted int   // bytes of out that the tally has
	wroteAt int64 // when out was last empty again

	unreadBytes int // of out, as the process's budget knows it

	scan codec.Scan
	cl   codec.Client

	sock     loop.Socket // nil before it opened and when closed
	from     *Pool       // whose listener accepted it; nil once it opened
	left     func()      // see CameThrough
	openedAt int64
	granted  int // of what it is allowed, what came from the process's budget
	links    [lists]links
	eof      bool // the client sent all it will send
	detached bool // sock is not the reactor's any more
	rest     bool // the kernel may hold input that the reactor had not read when the client hung up; takeRest reads it
	broken   bool // must be closed at once
	spoiled  bool // it sent what is no command, and is told to go
	tracked  bool // it tracks keys, or has

	reading
	transit
	limiting
	switching
	loggingIn
	transaction *transaction // what is queued since MULTI; nil: nothing
	watches     watching
	before      *said       // what the client said of itself before the transaction that is under way; nil: none changes it
	selected    []selection // what the transaction that is under way has for SELECT; nil: nothing, or there is none
	blocks      blocking
	expecting   int              // writes that are not answered, what replicas were asked for, and what is sent again: whether a reply means more than itself
	retrying    int              // commands of it, or fragments, that are sent again; see again.go
	parked      int              // of those, the ones that wait to be sent
	parkedBytes int              // that they have
	sentAgain   sentAgain        // and those that do not
	lookup      *lookup          // what it waits for, or waited for in vain; nil: nothing
	standing    backend.Standing // of the server, when the client came or was told that it is another
	subscriber  *subscriber      // what it is subscribed to; nil: nothing, ever
	keptCalls   int              // bytes that are kept of commands until it is clear that their servers have the scripts, or a value; see call.go and asking.go
	silent      int              // commands that were sent and have no reply
	wroteSlots  uint64           // of writes that are not answered, in a pool with a near cache: a bit for each slot, by its last six bits
	own         *private         // server connections of its own, since it tracks keys; nil: none
	unproved    int              // writes without a reply of which nobody has said yet that they are done
	silentTill  int64            // when others must have been done, as Loop.Now
	doubling    int              // writes to two pools of which one has not answered; the client may have its reply
}

const (
	// streamBytes is from where a reply that is not whole yet goes to the client as it comes. A shorter one is kept
	// until it is whole, so that a server that dies in the middle of it costs the client an error, not the connection.
	streamBytes = 256 << 10
	// throughBytes is from where bytes are written at once rather than copied into a batch first.
	throughBytes = 16 << 10
	// crowdBytes of replies don't wait for the flush either: they are written while they are in the processor's cache.
	crowdBytes = 64 << 10
	// fillBytes of a large command are made room for, and maxFills times read, at most, before other clients have a turn.
	fillBytes = 256 << 10
	maxFills  = 8
)

// keep appends input that can't be taken yet.
func (s *Session) keep(p []byte) {
	if s.in == nil {
		s.in = s.loop.GetBuffer()
	}
	s.room(len(p))
	s.loop.Copies.Add(len(p))
	s.in.B = append(s.in.B, p...)
}

// room makes room for n more bytes of input.
func (s *Session) room(n int) {
	s.loop.Grow(s.in, n, s.scan.Need)
	if cap(s.in.B) >= causeBytes {
		s.local.holders.add(s)
	}
}

// goOn takes input that was kept, as far as now possible, and lets the loop read again if none of it had to wait.
func (s *Session) goOn() {
	s.setBlocked(false)
	s.takeKept()
	for s.rest && !s.blocked && s.life < quitting {
		s.takeRest()
	}
	if s.blocked || s.life == closed {
		return
	}
	if s.eof {
		s.quit() // what is left can never become a command
	}
	if s.paused {
		s.paused = false
		s.sock.Resume()
	}
}

// takeKept takes input that was kept, as far as now possible.
func (s *Session) takeKept() {
	for s.in != nil && s.life != closed && !s.blocked {
		bb := s.in
		n := s.consume(bb.B)
		if s.in != bb {
			continue // it was handed to a server connection, and what came after the command kept anew
		}
		switch {
		case n == len(bb.B) || s.life >= quitting:
			s.in = nil
			s.loop.PutBuffer(bb)
		case n > 0:
			bb.B = bb.B[:copy(bb.B, bb.B[n:])]
			s.loop.Copies.Add(len(bb.B))
		}
		break
	}
}

// takeRest takes the next of what the kernel had, unread, when the client hung up while it waited.
func (s *Session) takeRest() {
	if s.in == nil {
		s.in = s.loop.GetBuffer()
	}
	s.room(fillBytes)
	kept := len(s.in.B)
	n, err := s.out.Read(s.in.B[kept:cap(s.in.B)])
	if s.rest = n > 0 && err == nil; s.rest {
		s.tally.BytesIn += int64(n)
		s.in.B = s.in.B[:kept+n]
	}
	s.takeKept()
}

// fill reads the rest of a large command, as far as it has come, straight to where it is kept: through the loop's buffer it
// would be copied once more.
func (s *Session) fill() {
	for range maxFills {
		if s.in == nil || s.paused || s.life == closed || !s.attached() {
			return
		}
		left := s.scan.Need - len(s.in.B)
		if left < throughBytes {
			return
		}
		s.room(min(left, fillBytes))
		kept := len(s.in.B)
		n, err := s.out.Read(s.in.B[kept:min(cap(s.in.B), s.scan.Need)])
		if err != nil || n == 0 {
			return // the reactor finds the same
		}
		s.tally.BytesIn += int64(n)
		s.in.B = s.in.B[:kept+n]
		s.goOn()
	}
}

// answerLocal answers a command here, in its turn.
func (s *Session) answerLocal(cmd *codec.Command) {
	if cmd.Kind == codec.Refuse || cmd.Kind == codec.Discard && cmd.Err != "" { // or an EXEC that discards because it is refused
		s.countRefusal(cmd)
	} else {
		s.tally.Local++
	}
	if s.head == nil {
		s.replyDue()
		s.out.SetBatch(s.pool.Protocol.AppendLocal(s.out.Batch(s.loop), &s.cl, cmd))
		s.touch()
	} else {
		bb := s.loop.GetBuffer()
		bb.B = s.pool.Protocol.AppendLocal(bb.B, &s.cl, cmd)
		s.answer(bb)
	}
	if s.cl.LoggedIn {
		s.cl.LoggedIn = false
		s.auditLogin(false)
	}
	if s.cl.LoginFailed {
		s.loginFailed()
	}
	if s.cl.Denied != nil {
		s.noteDenial()
	}
}

// answerWith is answerLocal for a reply that append makes.
func (s *Session) answerWith(append func(dst []byte, cl *codec.Client) []byte) {
	bb := s.loop.GetBuffer()
	bb.B = append(bb.B, &s.cl)
	s.answer(bb)
}

// answer enters a reply to the command that is being taken, already whole, behind those that are owed; one that a quiet command does not
// get is empty.
func (s *Session) answer(bb *bytebufferpool.ByteBuffer) {
	if quiet := s.local.cmd.Quiet; quiet != 0 && len(bb.B) > 0 && s.pool.Protocol.Suppress(quiet, bb.B) {
		bb.B = bb.B[:0]
	}
	s.tell(bb)
}

// tell is answer for what the client gets, quiet or not.
func (s *Session) tell(bb *bytebufferpool.ByteBuffer) {
	r := s.local.servers.NewRequest(nil)
	r.Reply, r.Done = bb, true
	s.push(r)
	s.passDue()
}

// refuse answers a command whose server can't be reached, in its turn.
func (s *Session) refuse(cmd *codec.Command, err error) {
	s.noteRefusal(err)
	bb := s.loop.GetBuffer()
	bb.B = s.appendFailure(bb.B, err, cmd.Mark, cmd.Op, max(len(cmd.Keys), 1), cmd.Quiet)
	s.answer(bb)
}

// malformed tells a client whose framing is lost why it is closed, once all that is owed to it is delivered.
// m is the mark of its last frame, if that has one.
func (s *Session) malformed(err error, m codec.Mark) {
	s.pool.Count.Malformed.Add(1)
	level := slog.LevelDebug
	if errors.Is(err, codec.ErrForeign) && s.pool.Count.Foreign.Add(1) == 1 {
		level = slog.LevelInfo // the first; how many there are is in the figures
	}
	s.loop.Log.Log(context.Background(), level, "malformed request; closing the client",
		"pool", s.pool.Name, "client", s.cl.Addr, "err", err)
	bb := s.loop.GetBuffer()
	bb.B = s.pool.Protocol.AppendMalformed(bb.B, s.cl.Profile, m, err)
	s.answer(bb)
	s.spoiled = true
	s.quit()
}

// Writable implements loop.Handler.
func (s *Session) Writable() { s.flush() }

// Abandon implements loop.Handler.
func (s *Session) Abandon(error) { s.close() }
