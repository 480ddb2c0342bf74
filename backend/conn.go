package backend

import (
	"github.com/valyala/bytebufferpool"

	"cashew/codec"
	"cashew/codec/work"
	"cashew/loop"
	"cashew/stats"
	"cashew/topology"
)

// state of a Conn.
//
//	closed --Set.Conn--> dialing --connected--> handshaking --last reply--> open
//	  ^                     |                        |                       |
//	  +------- failed ------+------- refused --------+--- EOF, error, fail --+
type state uint8

const (
	closed      state = iota
	dialing           // a goroutine dials; requests wait in the batch
	handshaking       // AUTH, SELECT: each sent alone and awaited, before any user traffic
	open
)

// inside says in the middle of what the last read from a server ended.
type inside uint8

const (
	between inside = iota // what comes next is the first byte of a reply, or of a push
	inReply               // of the oldest request
	inPush
)

// Conn is one connection to a server, of one loop. It connects, and connects anew after a failure, when a request needs it. It
// lives as long as it stands in a Set; once it is retired, it stands in none, gets no more requests, and is forgotten when it has
// closed.
type Conn struct {
	loop    *loop.Loop
	local   *Local
	group   *Group
	pool    *topology.Pool
	server  *topology.Server
	profile codec.Profile

	figures *stats.ServerTally // its server's, in its Group
	classes []work.Class       // by Op, as times are counted: see lookups

	state state
	sock  loop.Socket // nil unless handshaking or open
	out   loop.Out
	dirty bool // it is to be flushed

	head, tail  *Request // outq: requests that await a reply, oldest first
	nextLate    *Request // oldest of outq that was not expired yet
	firstUnsent *Request // oldest of outq of which no byte was written yet
	unsent      int      // how many there are from queued on
	marks       marks
	repliedAt   int64 // when its last reply was whole, as Loop.Now; 0: there was none
	heardAt     int64 // when the server last sent something on this connection, as Loop.Now; never: it has not
	since       int64 // from when on the server took what was sent: it opened, or a full socket took bytes again
	scan        codec.ReplyScan
	inside      inside
	astray      *Elsewhere                 // why a command of the transaction that is being answered was not queued; nil: all were, or that is no matter of this
	push        *push                      // that goes on; nil unless inPush
	cut         *bytebufferpool.ByteBuffer // the beginning of an error reply, the end of which has not come; nil: none

	step      int                        // of the handshake
	attempts  codec.Attempt              // with which credentials it logs in; see login
	handshake *bytebufferpool.ByteBuffer // the reply to step, so far

	canary    canary
	probing   bool   // the server is being probed, since nothing has come for long
	doubt     *doubt // the connection is being proved; nil: it is not
	ailing    int64  // when the server first said, with no good reply since, that it is not ready, as Loop.Now; 0: it has not
	demoted   bool   // it has said that it is no master
	reads     bool   // its server is a replica
	blamed    bool   // the coming end is not the server's failure: the server announced it, or a canary proved nothing
	outOfStep bool   // a canary's reply was wrong
	retired   bool   // gets no more requests; closes once nothing is outstanding

	replacedAt int64 // when another took its server's place, as Loop.Now; 0: none did

	db   int   // the database that it works in
	feed *feed // nil: it is none

	tracked *tracks                    // nil: what is read over it is told to nobody
	private *private                   // of its Set; nil: it is nobody's own
	pushing *bytebufferpool.ByteBuffer // the beginning of a push for whom it is of; nil: none

	leases  *leases // of its server, if it is leased or was; see lease.go
	lessee  Lessee  // nil: idle
	apart   bool    // it was made to be leased: what goes over it goes over no other
	idleAt  int64   // since when, as Loop.Now
	blocks  int64   // how long its server may let a command wait, in nanoseconds; math.MaxInt64: for ever
	strayed bool    // its lessee had it go over to another database, or it logged in otherwise than it would now

	hurried   int64 // in place of the pool's timeout, for one that is retired; 0: the pool's
	restarted int64 // when a reload changed the timeout, which runs from then on for what was queued before; 0: never

	entered  uint32   // order of the next request that is entered into outq
	answered uint32   // order of the request that the next reply is for
	most     int      // outstanding, at most
	waiters  []Waiter // who sent nothing more because c was crowded

	dialledAt int64 // when the last attempt to connect began, as Loop.Now
	mutedAt   int64 // when it last ended since nothing came, as Loop.Now; 0: never

	attempt  int   // number of the last attempt to connect
	emptied  int   // how often all that was queued was given back, see giveBack
	failures int   // failed attempts to connect since the last success
	unheard  int   // connections in a row that the server ended and had sent nothing on
	spoke    bool  // there was one on which it had
	retryAt  int64 // no attempt before; as Loop.Now
	lastErr  error // of the last failed attempt

	loggedAt int64 // when a failure was last logged, as Loop.Now
	unlogged int   // failures since then that were not: one line a second is enough
}

// Queue enters r into outq: its reply is the next after those queued before. The caller appends the request's bytes to
// Out at once. r stays held by the Conn until its reply came, or the Conn failed. A request that expects no reply is not
// queued; its bytes are just appended.
func (c *Conn) Queue(r *Request) {
	c.figures.Requests++
	c.enter(r)
}

// NoReply counts a request that is not queued, as it expects no reply.
func (c *Conn) NoReply() {
	c.figures.Requests++
	c.figures.NoReply++
	c.out.Begin()
}

// enter is Queue for any request, a canary included, and counts it in no figure.
func (c *Conn) enter(r *Request) {
	c.loop.Pass.Queued++
	c.unsent++
	r.Ref()
	r.at, r.from = c.loop.Now, c.out.Place()
	c.out.Begin()
	r.order = c.entered
	c.entered++
	if c.tail == nil {
		c.head = r
	} else {
		c.tail.link = r
	}
	c.tail = r
	if c.nextLate == nil {
		c.nextLate = r
	}
	if c.firstUnsent == nil {
		c.firstUnsent = r
	}
	if t := c.pool.Options().Timeout; t > 0 {
		c.local.want(r.at + int64(t))
	}
}

// outstanding is how many requests are in outq.
func (c *Conn) outstanding() int { return int(c.entered - c.answered) }

// Through sends what waits and p, the bytes or the last bytes of a large request, without waiting for the next flush: they
// are not copied, and still in the processor's cache. An error is left to the flush. Call Touch before.
func (c *Conn) Through(p []byte) {
	if c.state != open {
		c.out.Append(c.loop, p)
		return
	}
	taken := c.out.Taken()
	c.out.Through(c.loop, p, c)
	if c.out.Taken() > taken && c.head != nil {
		c.wrote()
	}
}

// Out is where the bytes of requests are appended to, after Touch.
func (c *Conn) Out() *loop.Out { return &c.out }

// Touch has the next flush write what was appended to Out.
func (c *Conn) Touch() {
	if !c.dirty {
		c.dirty = true
		c.loop.TouchServer(c)
	}
}

// Flush implements Flusher.
func (c *Conn) Flush() {
	c.dirty = false
	c.flush()
}

func (c *Conn) flush() {
	if c.state != open {
		return // nextStep flushes once the handshake is done
	}
	taken := c.out.Taken()
	c.out.Flush(c.loop, c)
	if err := c.out.Err(); err != nil {
		c.fail(err)
		return
	}
	if c.out.Taken() > taken && c.head != nil {
		c.wrote()
	}
	if c.retired && c.spent() {
		c.fail(ErrClosed)
		return
	}
	c.tellWaiters()
}

// spent says that nothing is outstanding on c, written or not.
func (c *Conn) spent() bool { return c.head == nil && c.out.Pending() == 0 }

// wrote notes what reached the wire, and when.
func (c *Conn) wrote() {
	c.marks.add(c.out.Taken(), c.loop.Now)
	if c.out.Keeps() {
		c.bound()
	}
	if c.out.Pending() == 0 {
		c.firstUnsent, c.unsent = nil, 0
		return
	}
	for c.firstUnsent != nil && c.firstUnsent.from < c.out.Taken() {
		c.firstUnsent = c.firstUnsent.link
		c.unsent--
	}
}

// Writable implements Writer.
func (c *Conn) Writable() {
	c.since = c.loop.Now
	c.flush()
}

// What one server connection may have outstanding before those who send to it have to wait.
const (
	maxOutstanding      = 32 << 10
	maxOutstandingBytes = 32 << 20
)

// Waiter is a session that waits for room on a Conn.
type Waiter interface {
	// Roomy says that there is room again, or that the connection is gone.
	Roomy()
}

// Crowded says that c has as much outstanding as it may; then w is told once that has halved.
func (c *Conn) Crowded(w Waiter) bool {
	if c.outstanding() < c.most && c.out.Pending() < maxOutstandingBytes {
		return false
	}
	c.waiters = append(c.waiters, w)
	return true
}

// Full says that c has more outstanding than what is not awaited may add to.
func (c *Conn) Full() bool {
	return c.outstanding() >= c.most/2 || c.out.Pending() >= maxOutstandingBytes/2
}

// tellWaiters tells the waiters, if there is room.
func (c *Conn) tellWaiters() {
	if len(c.waiters) == 0 || c.outstanding() > c.most/2 || c.out.Pending() > maxOutstandingBytes/2 {
		return
	}
	w := c.waiters
	c.waiters = nil
	for _, w := range w {
		w.Roomy()
	}
}

// Takes says that c, which has answered, may get requests of whoever had that answer.
func (c *Conn) Takes() bool { return c.state == open && !c.retired && c.doubt == nil }

// Profile is what c speaks.
func (c *Conn) Profile() codec.Profile { return c.profile }

// Database is the database that c works in.
func (c *Conn) Database() int { return c.db }

// Era is another number once what was queued on c before may not have reached the server that gets what is queued now.
func (c *Conn) Era() int { return c.attempt + c.emptied }

// Server is the server that c connects to.
func (c *Conn) Server() *topology.Server { return c.server }

// name is how errors name c's server.
func (c *Conn) name() string { return c.pool.Entry(c.server).Name }

// About is what log lines say of whom they are about.
func (c *Conn) About() []any { return c.pool.About(c.server) }
