package backend

import (
	"errors"
	"time"

	"cashew/codec/verdict"
)

// Data implements Handler: it takes what the server sent.
func (c *Conn) Data(buf []byte) {
	if c.cut != nil || c.state == handshaking || c.doubt != nil || c.feed != nil { // rarely
		var taken bool
		if buf, taken = c.came(buf); taken {
			return
		}
	}
	c.heard(buf)
	p := c.pool.Options().Protocol
	answered, ailing := false, false
	var alike run
	defer alike.add()
	for len(buf) > 0 && c.state == open {
		r := c.head
		if r == nil || c.inside == inPush {
			buf = c.unasked(buf)
			continue
		}
		if r.order != c.answered {
			c.disordered(r)
			return
		}
		c.expect(r)
		n, done, err := p.ScanReply(&c.scan, buf)
		if err != nil {
			c.fail(errors.Join(ErrBadReply, err))
			return
		}
		reply := buf[:n]
		if c.canary.want != nil && c.skipped(r, reply, done) {
			return
		}
		if c.inside == between {
			if v := p.Judge(c.profile, r.Op, reply); v != verdict.Fine { // rarely
				ailing = ailing || v == verdict.Ailing
				if passOn, goOn := c.unusual(v, r, buf, n, done, &alike); !goOn {
					return
				} else if !passOn {
					buf = buf[n:]
					continue
				}
			}
		}
		if done {
			if n <= maxNothing {
				c.found(r, reply)
			}
			c.dequeue(r, &alike)
			answered = answered || !ailing
		} else {
			c.inside = inReply
		}
		c.deliver(r, reply, done)
		if c.outOfStep {
			c.fail(ErrUnfit)
		}
		buf = buf[n:]
	}
	c.answeredSome(answered, ailing)
}

// came takes what is no reply to a request of outq, or all of buf.
func (c *Conn) came(buf []byte) (replies []byte, taken bool) {
	if c.cut != nil {
		c.joined(buf)
		return nil, true
	}
	if c.state == handshaking {
		buf = c.onHandshake(buf)
	}
	if c.doubt == nil && c.feed == nil {
		return buf, false
	}
	c.heard(buf)
	c.aside(buf)
	return nil, true
}

// heard notes that buf has come.
func (c *Conn) heard(buf []byte) {
	c.heardAt = c.loop.Now
	c.loop.Pass.Bytes += len(buf)
}

// unusual does what is to be done about a reply, or the beginning of one, that is not fine: n bytes at the front of buf. goOn is false if c is
// being proved, or was closed.
func (c *Conn) unusual(v verdict.Verdict, r *Request, buf []byte, n int, done bool, alike *run) (passOn, goOn bool) {
	switch {
	case v == verdict.Cut && c.holds(buf[:n]), done && c.again(v, r, buf[:n], alike):
		return false, true
	case c.heed(v, r, buf, n, done):
		return true, true
	}
	return false, v == verdict.Push // else heed took all of buf
}

// expect has the scan look whether what it finds is the reply to r, where replies tell. Elsewhere Mark, which is far from what else is
// read of r, is not looked at.
func (c *Conn) expect(r *Request) {
	if c.scan.Marked {
		c.scan.Mark = r.Mark
	}
}

// aside takes what the server sent on a connection that is being proved, or that is a feed.
func (c *Conn) aside(buf []byte) {
	if c.out.Keeps() {
		c.release()
	}
	if c.feed != nil {
		c.hear(buf)
	} else {
		c.held(buf)
	}
}

// disordered closes c, whose next reply would go to r, which is not the one that it is for: outq is not what it should be, and one
// client would have the reply of another. No server can bring that about.
func (c *Conn) disordered(r *Request) {
	c.loop.Broken("server connection out of order; closing it", append(c.About(),
		"request", r.order, "reply", c.answered, "outstanding", c.outstanding())...)
	c.fail(errOrder)
}

// skipped closes c if the reply to another request is the canary's: one is missing.
func (c *Conn) skipped(r *Request, reply []byte, done bool) bool {
	if !done || r.ours || string(reply) != string(c.canary.want) {
		return false
	}
	c.fail(ErrUnfit)
	return true
}

// heed does what is to be done about a reply to r, or a push, that is not fine: n bytes of it are at the front of buf. It is passed
// on, too, if that returns true.
func (c *Conn) heed(v verdict.Verdict, r *Request, buf []byte, n int, done bool) (passOn bool) {
	switch v {
	case verdict.Demoted:
		c.demoted = true
	case verdict.Last:
		c.blamed = true
	case verdict.Unknown:
		if told := c.group.Unknown; told != nil {
			told(buf[:n])
		}
	case verdict.Push:
		c.pushed(buf[:n], done)
		return false
	case verdict.Unfit:
		if !c.odd(r, buf[0]) {
			c.doubtful(r, buf)
			return false
		}
	}
	return true
}

// dequeue takes r, the oldest of outq, whose reply is whole, out of outq and counts it; its times are in alike, which the caller adds.
func (c *Conn) dequeue(r *Request, alike *run) {
	now := c.loop.Now
	c.inside = between
	c.loop.Before, c.repliedAt = c.repliedAt, now
	r.SentAt = c.marks.of(r.from, now)
	if !r.ours {
		f := c.figures
		if r.Owner != nil {
			f.Responses++
		} else {
			f.Dropped++
		}
		if l := &f.Latency[c.classes[r.Op]]; c.blocks == 0 {
			if l != alike.of || r.at != alike.at || r.SentAt != alike.sent {
				alike.add()
				*alike = run{of: l, at: r.at, sent: r.SentAt, now: now}
			}
			alike.n++
		} else {
			f.Untimed++
		}
	}
	c.answered++
	if c.blocks == 0 { // else it has waited for what others do, which says nothing of how long a reply takes
		c.loop.Pass.Answered++
		c.loop.Pass.Took += now - r.at
	}
	c.head = r.link
	if c.head == nil {
		c.tail = nil
		c.marks.clear()
	}
	if c.nextLate == r {
		c.nextLate = c.head
	}
	if c.firstUnsent == r { // a server that answers what it was not asked
		c.firstUnsent = c.head
		c.unsent--
	}
	r.link = nil
}

// deliver passes the next bytes of r's reply on, if somebody waits for them.
func (c *Conn) deliver(r *Request, reply []byte, done bool) {
	if o := r.Owner; o != nil {
		if !r.ours {
			c.figures.ResponseBytes += int64(len(reply))
		}
		o.Replied(r, reply, done)
	}
	if done {
		c.local.Unref(r)
	}
}

// answeredSome ends a callback: the server answered something, which says that it is well, or that it is not.
func (c *Conn) answeredSome(answered, ailing bool) {
	if c.out.Keeps() {
		c.release()
	}
	if c.state == closed {
		return // something that it sent was not to be believed, and failed it
	}
	c.loop.Pass.Awaited += c.outstanding()
	if c.retired && c.spent() {
		c.fail(ErrClosed)
		return
	}
	c.tellWaiters()
	if answered {
		c.ailing = 0
		c.pool.Success(c.server)
	}
	if c.reads {
		c.ailing, c.demoted = 0, false // who looks at replicas says when it is well again
	} else if ailing || c.demoted {
		if ailing {
			c.pool.Failure(c.server, "it says that it is not ready")
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
		if c.pool == c.group.pool { // else a reload has retired c, and those that took its place are asked themselves
			c.group.giveUp(c.server)
		}
	}
}
