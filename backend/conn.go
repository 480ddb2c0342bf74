package backend

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/codec"
	"cashew/loop"
	"cashew/stats"
)

// state of a Conn.
//
//	closed --Queue--> dialing --connected--> handshaking --last reply--> open
//	  ^                  |                        |                       |
//	  +----- failed -----+------- refused --------+--- EOF, error, fail --+
type state uint8

const (
	closed      state = iota
	dialing           // a goroutine dials; requests wait in the batch
	handshaking       // AUTH, SELECT: each sent alone and awaited, before any user traffic
	open
)

// place is where the bytes from a server are, between two reads.
type place uint8

const (
	between place = iota // what comes next is the first byte of a reply, or of a push
	inReply              // of the oldest request
	inPush
)

// Conn is one connection to a server, of one loop. It lives as long as its Group and reconnects when a request needs it.
type Conn struct {
	loop    *loop.Loop
	local   *Local
	group   *Group
	pool    *Pool
	server  int // index in Options.Servers
	profile codec.Profile

	figures *stats.ServerTally // its server's, in its Group
	classes []codec.Class      // by Op

	state state
	sock  loop.Socket // nil unless handshaking or open
	out   loop.Out
	dirty bool // it is to be flushed

	head, tail *Request // outq: requests that await a reply, oldest first
	due        *Request // oldest of outq that was not expired yet
	queued     *Request // oldest of outq of which no byte was written yet
	unsent     int      // how many there are from queued on
	marks      marks
	heardAt    int64 // when the server last sent something, as Loop.Now
	since      int64 // from when on the server took what was sent: it opened, or a full socket took bytes again
	scan       codec.ReplyScan
	place      place
	push       *push // that goes on; nil unless inPush

	step      int                        // of the handshake
	handshake *bytebufferpool.ByteBuffer // the reply to step, so far

	canary    canary
	asked     bool   // the server is being probed, since nothing has come for long
	doubt     *doubt // the connection is being proved; nil: it is not
	ailing    int64  // since when the server has said to all that it is not ready, as Loop.Now; 0: it is
	demoted   bool   // it has said that it is no master
	blamed    bool   // it has said that it closes the connection for a request that it can't take
	outOfStep bool   // a canary's reply was wrong
	retired   bool   // gets no more requests; closes once nothing is outstanding

	hurried   int64 // in place of the pool's timeout, for one that is retired; 0: the pool's
	restarted int64 // when a reload changed the timeout, which runs from then on for what was queued before; 0: never

	outstanding int      // requests in outq
	waiters     []Waiter // who sent nothing more because c was crowded

	dialledAt int64 // when the last attempt to connect began, as Loop.Now

	attempt  int   // number of the last attempt to connect
	failures int   // failed attempts to connect since the last success
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
}

// enter is Queue for any request, also our own.
func (c *Conn) enter(r *Request) {
	c.outstanding++
	c.loop.Pass.Queued++
	c.unsent++
	r.Ref()
	r.at, r.from = c.loop.Now, c.out.Place()
	if c.tail == nil {
		c.head = r
	} else {
		c.tail.link = r
	}
	c.tail = r
	if c.due == nil {
		c.due = r
	}
	if c.queued == nil {
		c.queued = r
	}
	if t := c.pool.opts.Timeout; t > 0 {
		c.local.want(r.at + int64(t))
	}
}

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
		return // opened flushes
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
	c.release()
}

// wrote notes what reached the wire, and when.
func (c *Conn) wrote() {
	c.marks.add(c.out.Taken(), c.loop.Now)
	if c.out.Pending() == 0 {
		c.queued, c.unsent = nil, 0
		return
	}
	for c.queued != nil && c.queued.from < c.out.Taken() {
		c.queued = c.queued.link
		c.unsent--
	}
}

// Writable implements Writer.
func (c *Conn) Writable() {
	c.since = c.loop.Now
	c.flush()
}

// Opened implements Handler: it takes the connected socket, unless the Conn does not want it any more.
func (c *Conn) Opened(sock loop.Socket) bool {
	if c.state != dialing {
		return false
	}
	c.sock, c.scan, c.place = sock, codec.ReplyScan{}, between
	c.figures.Connects++
	c.figures.Connections++
	c.out.Open(sock)
	c.state, c.step = handshaking, -1
	c.nextStep()
	return c.state != closed
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
	if c.outstanding < maxOutstanding && c.out.Pending() < maxOutstandingBytes {
		return false
	}
	c.waiters = append(c.waiters, w)
	return true
}

// release tells the waiters, if there is room.
func (c *Conn) release() {
	if len(c.waiters) == 0 || c.outstanding > maxOutstanding/2 || c.out.Pending() > maxOutstandingBytes/2 {
		return
	}
	w := c.waiters
	c.waiters = nil
	for _, w := range w {
		w.Roomy()
	}
}

// Abandon closes c, in which something is not as it should be, and fails all that wait on it.
func (c *Conn) Abandon(err error) { c.fail(err) }

// DialFailed says that an attempt to connect failed: the one with that number, which may have been given up already.
func (c *Conn) DialFailed(attempt int, err error) {
	if c.state == dialing && attempt == c.attempt {
		c.fail(err)
	}
}

// greeted gives c up if the server has not answered the handshake for too long: twice the pool's timeout; without one, as long
// as an attempt to connect may take, unless requests wait, which then have all the time.
func (c *Conn) greeted() {
	limit := 2 * c.timeout()
	if limit == 0 && c.spent() {
		limit = int64(dialTimeout)
	}
	if c.state == handshaking && limit > 0 && c.loop.Now-c.dialledAt >= limit {
		c.fail(ErrTimeout)
	}
}

// nextStep sends the handshake's next command past the batch, in which user requests may wait already.
func (c *Conn) nextStep() {
	steps := c.pool.opts.Protocol.Handshake(c.profile)
	if c.step++; c.step < len(steps) {
		p := steps[c.step]
		if n, err := c.sock.Write(p); err != nil || n < len(p) {
			c.fail(errors.Join(err, ErrClosed))
		}
		return
	}
	if c.failures > 0 && !Unable(c.lastErr) {
		c.loop.Log.Info("server is back", "pool", c.pool.opts.Name, "server", c.Server().PName)
	}
	c.state, c.failures, c.lastErr, c.since = open, 0, nil, c.loop.Now
	c.mastered()
	c.flush()
}

// Loop is the loop that c belongs to.
func (c *Conn) Loop() *loop.Loop { return c.loop }

// Profile is what c speaks.
func (c *Conn) Profile() codec.Profile { return c.profile }

// Server is the server that c connects to.
func (c *Conn) Server() *Server { return &c.pool.opts.Servers[c.server] }

// Data implements Handler: it takes what the server sent.
func (c *Conn) Data(buf []byte) {
	if c.state == handshaking {
		buf = c.onHandshake(buf)
	}
	c.heardAt = c.loop.Now
	c.loop.Pass.Bytes += len(buf)
	if c.doubt != nil {
		c.held(buf)
		return
	}
	p := c.pool.opts.Protocol
	answered, ailing := false, false
	var alike run
	defer alike.add()
	for len(buf) > 0 && c.state == open {
		r := c.head
		if r == nil {
			if buf = c.unasked(buf); c.state != open {
				return
			}
			continue
		}
		n, done, err := p.ScanReply(&c.scan, buf)
		if err != nil {
			c.fail(errors.Join(ErrBadReply, err))
			return
		}
		reply := buf[:n]
		if c.canary.want != nil { // rarely; in one condition with the rest it costs each reply more
			if done && !r.ours && string(reply) == string(c.canary.want) {
				c.fail(ErrUnfit) // a canary's reply comes for another request: one is missing
				return
			}
		}
		if c.place != inReply {
			v := codec.Push
			if c.place == between {
				v = p.Judge(c.profile, r.Op, reply)
			}
			switch v {
			case codec.Fine, codec.Busy:
			case codec.Ailing:
				ailing = true
			case codec.Demoted:
				c.demoted = true
			case codec.Last:
				c.blamed = true
			case codec.Push:
				if c.pushed(reply, done); c.state != open {
					return
				}
				buf = buf[n:]
				continue
			case codec.Unfit:
				if !c.odd(r, buf[0]) {
					c.doubtful(r, buf)
					return
				}
			}
		}
		if done {
			c.place = between
			c.observe(r, &alike)
			c.pop(r)
			if !ailing {
				answered = true
			}
		} else {
			c.place = inReply
		}
		if o := r.Owner; o != nil {
			if !r.ours {
				c.figures.ResponseBytes += int64(n)
			}
			o.Replied(r, reply, done)
		}
		if done {
			c.local.Unref(r)
		}
		if c.outOfStep {
			c.fail(ErrUnfit)
			return
		}
		buf = buf[n:]
	}
	c.loop.Pass.Awaited += c.outstanding
	if c.retired && c.spent() {
		c.fail(ErrClosed)
		return
	}
	c.release()
	if answered {
		c.ailing = 0
		c.pool.health.success(c.server)
	}
	if ailing || c.demoted {
		if ailing {
			c.pool.health.failure(c.server)
		}
		c.unsuited(ailing)
	}
}

// ailingTime is how long a server may say that it is loading, or has lost its master, until its connections are given up.
const ailingTime = 2 * time.Second

// unsuited gives the connections to c's server up once it has said that it is no master, or for long that it is not ready:
// requests then connect anew, by a name that may lead elsewhere by now. An old connection leads to it for ever.
func (c *Conn) unsuited(ailing bool) {
	now := c.loop.Now
	if ailing && c.ailing == 0 {
		c.ailing = now
	}
	if c.demoted || c.ailing != 0 && now-c.ailing >= int64(ailingTime) {
		c.demoted = false
		c.group.giveUp(c.server)
	}
}

// observe counts a request whose reply is whole; its times are in alike, which the caller adds.
func (c *Conn) observe(r *Request, alike *run) {
	now, f := c.loop.Now, c.figures
	r.SentAt = c.marks.of(r.from, now)
	switch {
	case r.ours:
		return
	case r.Owner != nil:
		f.Responses++
	default:
		f.Dropped++
	}
	l := &f.Latency[c.classes[r.Op]]
	if l != alike.of || r.at != alike.at || r.SentAt != alike.sent {
		alike.add()
		*alike = run{of: l, at: r.at, sent: r.SentAt, now: now}
	}
	alike.n++
}

func (c *Conn) pop(r *Request) {
	c.outstanding--
	c.loop.Pass.Answered++
	c.loop.Pass.Took += c.loop.Now - r.at
	c.head = r.link
	if c.head == nil {
		c.tail = nil
		c.marks.clear()
	}
	if c.due == r {
		c.due = c.head
	}
	if c.queued == r { // a server that answers what it was not asked
		c.queued = c.head
		c.unsent--
	}
	r.link = nil
}

// onHandshake collects the reply to one step and checks it. It returns what is left of buf, which is nothing from a
// server that behaves.
func (c *Conn) onHandshake(buf []byte) []byte {
	p := c.pool.opts.Protocol
	for len(buf) > 0 && c.state == handshaking {
		if c.place == inPush || c.handshake == nil && p.Judge(c.profile, 0, buf) == codec.Push {
			buf = c.unasked(buf)
			continue
		}
		n, done, err := p.ScanReply(&c.scan, buf)
		if err != nil {
			c.fail(errors.Join(ErrBadReply, err))
			return nil
		}
		if c.handshake == nil {
			c.handshake = c.loop.GetBuffer()
		}
		c.handshake.B = append(c.handshake.B, buf[:n]...)
		buf = buf[n:]
		if !done {
			continue
		}
		err = p.CheckHandshake(c.profile, c.step, c.handshake.B)
		c.loop.PutBuffer(c.handshake)
		c.handshake = nil
		if err != nil && !c.remarked(err) {
			c.fail(c.handshakeFailed(err))
			return nil
		}
		for len(buf) > 0 && c.state == handshaking {
			buf = c.unasked(buf) // nothing was asked yet
		}
		if c.state == handshaking {
			c.nextStep()
		}
	}
	return buf
}

// Ended implements Handler: the server closed the connection, or reading failed.
func (c *Conn) Ended(err error) bool {
	c.sock = nil
	if err == nil || errors.Is(err, io.EOF) {
		err = ErrClosed
	}
	c.fail(err)
	return true
}

// fail closes the connection and fails all that wait on it, each once, in order. With nothing outstanding an open connection
// may end as it likes, and a retired one by us: that is no failure, and the next request dials anew.
//
// What waits and the bytes of it go together and first: whatever fail calls then may queue requests for the next
// connection, and those must neither fail with this one nor find bytes of its requests before theirs.
func (c *Conn) fail(err error) {
	was := c.state
	if was == closed {
		return
	}
	idle := (was == open || c.retired) && c.spent()
	blamed := c.blamed
	c.state, c.outOfStep, c.ailing, c.demoted, c.blamed = closed, false, 0, false, false
	if errors.Is(err, ErrUnfit) || errors.Is(err, ErrBadReply) {
		c.pool.outOfSteps.Add(1)
	}
	c.countEnd(err)
	if was != dialing {
		c.figures.Connections--
	}
	c.figures.RequestBytes += int64(c.out.Place())
	sock, r, taken, written := c.sock, c.head, c.out.Taken(), c.marks
	c.sock, c.head, c.tail, c.due, c.outstanding = nil, nil, nil, nil, 0
	c.queued, c.unsent, c.marks = nil, 0, marks{}
	c.out.Close(c.loop)
	c.place, c.push = between, nil
	if c.handshake != nil {
		c.loop.PutBuffer(c.handshake)
		c.handshake = nil
	}
	if c.doubt != nil {
		c.loop.PutBuffer(c.doubt.held)
		c.doubt = nil
	}
	if !blamed && (!idle || strayed(err)) {
		c.failed(was, err)
	}
	c.release()
	for r != nil {
		next := r.link
		r.link = nil
		if r.from < taken {
			r.SentAt = written.of(r.from, c.loop.Now)
		}
		if !r.ours {
			c.figures.Failed++
		}
		if o := r.Owner; o != nil {
			if !r.ours && timedOut(err) {
				c.figures.Expired++
			}
			o.Failed(r, err)
		}
		c.local.Unref(r)
		r = next
	}
	if sock != nil {
		sock.Close()
	}
}

// strayed says that the server sent what nobody had asked for; any other end of an idle connection, by the server, a firewall
// or us, is nobody's failure.
func strayed(err error) bool { return errors.Is(err, ErrUnfit) || errors.Is(err, ErrBadReply) }

// failed counts a failure for health, and for the pause before the next attempt if the connection never opened.
func (c *Conn) failed(was state, err error) {
	if was != open {
		c.failures++
		c.lastErr = err
		c.retryAt = c.loop.Now + int64(pause(c.failures))
	}
	if errors.Is(err, loop.ErrPanic) || Unable(err) {
		return // not the server's doing, or none that makes it worse
	}
	switch {
	case was != open && c.failures > 1: // said when it began
	case c.loop.Now-c.loggedAt < int64(time.Second) && c.loggedAt != 0:
		c.unlogged++
	default:
		c.loop.Log.Warn("server connection failed", "pool", c.pool.opts.Name, "server", c.Server().PName, "err", err,
			"unlogged", c.unlogged)
		c.loggedAt, c.unlogged = c.loop.Now, 0
	}
	if errors.Is(err, ErrSilent) {
		return // the server answers on other connections
	}
	if was == handshaking && c.profile != 0 {
		return // one client asked for that; the server's plain connections, and the next dial, show how it is
	}
	if was == open && !strayed(err) && !errors.Is(err, ErrTimeout) {
		c.pool.health.suspect(c.server)
		return
	}
	c.pool.health.failure(c.server)
}

// pause is how long to leave a server alone after n failed attempts in a row: 10 ms doubling to half a second, and of
// that a random half, so that the loops of many proxies do not knock together.
func pause(n int) time.Duration {
	d := min(10*time.Millisecond<<min(n-1, 6), 500*time.Millisecond)
	return d/2 + rand.N(d/2+1)
}

// expire fails the requests that waited longer than the pool's timeout. Only they fail: their replies, should they still
// come, are thrown away, and the others live on. The connection is given up, with all that wait on it, when its oldest
// request waits twice as long, or one that has not even reached the wire is late: what the client was told has failed must
// not be executed afterwards.
//
// A late reply counts against the server only if the server had the request for that long: not if it waited in here for a
// connection that was still opening or took no bytes.
func (c *Conn) expire() {
	t := c.timeout()
	if t == 0 || c.head == nil {
		return
	}
	if c.loop.Now-c.began(c.head) >= 2*t {
		c.fail(ErrTimeout)
		return
	}
	late := false
	for c.due != nil && c.loop.Now-c.began(c.due) >= t {
		r := c.due
		if r.from >= c.out.Taken() {
			c.fail(ErrTimeout)
			return
		}
		c.due = r.link
		late = late || c.loop.Now-max(c.began(r), c.since) >= t
		if o := r.Owner; o != nil {
			r.Owner = nil
			r.SentAt = c.marks.peek(r.from, c.loop.Now)
			if !r.ours {
				c.figures.Expired++
			}
			o.Failed(r, ErrTimeout)
		}
	}
	if late {
		c.pool.health.failure(c.server)
	}
	c.local.want(c.began(c.head) + 2*t)
	if c.due != nil {
		c.local.want(c.began(c.due) + t)
	}
}

// timeout is how long a request may wait, in nanoseconds; 0: for ever.
func (c *Conn) timeout() int64 {
	if c.hurried > 0 {
		return c.hurried
	}
	return int64(c.pool.opts.Timeout)
}

// began is from when on r's timeout runs.
func (c *Conn) began(r *Request) int64 {
	if c.restarted == 0 {
		return r.at
	}
	return max(r.at, c.restarted)
}
