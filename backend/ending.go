package backend

import (
	"errors"
	"io"
	"time"

	"cashew/loop"
	"cashew/world"
)

// Abandon closes c, in which something is not as it should be, and fails all that wait on it. The loop flushes it no more: the next
// Touch has to enter it again.
func (c *Conn) Abandon(err error) {
	c.dirty = false
	c.fail(err)
}

// Ended implements Handler: the server closed the connection, or reading failed, or the reactor stops.
func (c *Conn) Ended(err error) bool {
	c.sock = nil
	switch {
	case err == nil:
		c.blamed, err = true, ErrStopped
	case errors.Is(err, io.EOF):
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
	if was == open && !c.retired {
		c.group.forsake(c.server)
	}
	c.untracked()
	idle := (was == open || c.retired) && c.spent()
	blamed := c.blamed
	c.state, c.outOfStep, c.ailing, c.demoted, c.blamed = closed, false, 0, false, false
	if errors.Is(err, ErrUnfit) || errors.Is(err, ErrBadReply) || errors.Is(err, errOrder) {
		c.pool.OutOfStep()
	}
	c.countEnd(err)
	err = c.mutely(was, idle || blamed, err)
	if was != dialing {
		c.figures.Connections--
	}
	c.figures.RequestBytes += int64(c.out.Place())
	sock, r, taken, written, end, most := c.sock, c.head, c.out.Taken(), c.marks, c.entered, uint32(maxStray)
	c.sock, c.head, c.tail, c.nextLate, c.answered = nil, nil, nil, nil, c.entered
	c.firstUnsent, c.unsent, c.marks = nil, 0, marks{}
	out := c.out.Leave()
	c.inside, c.push, c.astray = between, nil, nil
	if c.cut != nil {
		c.loop.PutBuffer(c.cut)
		c.cut = nil
	}
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
	} else if c.reads && was == open && !c.retired && !blamed {
		c.pool.Suspect(c.server) // it may begin anew, without what it had
	}
	c.tellWhose(err) // first: those that fail below must not use it again
	c.tellWaiters()
	c.failAll(r, &lost{out: out, taken: taken, written: written, end: end, most: most, replied: c.repliedAt, err: err})
	if sock != nil {
		sock.Close()
	}
}

// lost is what a Conn had when it failed.
type lost struct {
	out     loop.Out
	taken   int
	written marks
	end     uint32 // order of what would have been entered next
	most    uint32
	replied int64 // when its last reply was whole
	err     error
}

// failAll fails r and those behind it, each once, but for those that are sent again.
func (c *Conn) failAll(r *Request, had *lost) {
	for r != nil && had.end-r.order-1 < had.most { // else it is not c's any more, nor what hangs on it
		behind := r.link
		r.link, had.most = nil, had.end-r.order-1
		if r.from < had.taken {
			r.SentAt = had.written.of(r.from, c.loop.Now)
		}
		if c.resumes(r, behind, had) {
			c.figures.Failed++ // here
		} else {
			c.loop.Before = had.replied
			c.failOne(r, had.err)
		}
		c.local.Unref(r)
		r, had.replied = behind, c.loop.Now // which was behind r all the time
	}
	had.out.Close(c.loop)
}

// failOne fails r.
func (c *Conn) failOne(r *Request, err error) {
	if !r.ours {
		c.figures.Failed++
	}
	if o := r.Owner; o != nil {
		if !r.ours && timedOut(err) {
			c.figures.Expired++
		}
		o.Failed(r, err)
	}
}

// tellWhose tells the one who had c alone, if anybody had, that it has ended.
func (c *Conn) tellWhose(err error) {
	if by := c.unlease(); by != nil {
		by.LeaseLost(c)
	}
	if c.feed != nil {
		c.feedEnded(err)
	}
	if c.private != nil {
		c.privateEnded(err)
	}
}

// strayed says that the server sent what nobody had asked for; any other end of an idle connection, by the server, a firewall
// or us, is nobody's failure.
func strayed(err error) bool { return errors.Is(err, ErrUnfit) || errors.Is(err, ErrBadReply) }

// failed counts a failure for health, and for the pause before the next attempt if the connection never opened.
func (c *Conn) failed(was state, err error) {
	if timedOut(err) {
		c.mutedAt = c.loop.Now
	}
	if was != open {
		c.failures++
		c.lastErr = err
		c.retryAt = c.loop.Now + int64(pause(c.failures, c.loop.World))
	}
	if errors.Is(err, loop.ErrPanic) || Unable(err) {
		return // not the server's doing, or none that makes it worse
	}
	switch {
	case was != open && c.failures > 1 && c.unheard != toldAt: // said when it began
	case c.loop.Now-c.loggedAt < int64(time.Second) && c.loggedAt != 0:
		c.unlogged++
	default:
		about := append(c.About(), "err", err)
		if c.unlogged > 0 {
			about = append(about, "suppressed", c.unlogged)
		}
		c.loop.Log.Warn("server connection failed", about...)
		c.loggedAt, c.unlogged = c.loop.Now, 0
	}
	if errors.Is(err, ErrSilent) {
		return // the server answers on other connections
	}
	if was == handshaking && c.profile != 0 {
		return // one client asked for that; the server's plain connections, and the next dial, show how it is
	}
	if was == open && !strayed(err) && !errors.Is(err, ErrTimeout) {
		c.pool.Suspect(c.server)
		return
	}
	c.pool.Failure(c.server, err.Error())
}

// pause is how long to leave a server alone after n failed attempts in a row: 10 ms doubling to half a second, and of
// that a random half, so that the loops of many proxies do not knock together.
func pause(n int, chance world.Chance) time.Duration {
	d := min(10*time.Millisecond<<min(n-1, 6), 500*time.Millisecond)
	return d/2 + time.Duration(chance.IntN(int(d/2+1)))
}
