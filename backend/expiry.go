package backend

import "math"

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
	if c.loop.Now-c.began(c.head) >= t {
		c.tooLate()
	}
	if c.loop.Now-c.began(c.head) >= 2*t {
		c.fail(ErrTimeout)
		return
	}
	if c.feed != nil && c.loop.Now-c.began(c.head) >= t {
		c.fail(ErrTimeout) // whether its server publishes or not
		return
	}
	late := false
	for c.nextLate != nil && c.loop.Now-c.began(c.nextLate) >= t {
		r := c.nextLate
		if r.from >= c.out.Taken() {
			c.fail(ErrTimeout)
			return
		}
		c.nextLate = r.link
		late = late || c.loop.Now-max(c.began(r), c.since) >= t
		if o := r.Owner; o != nil {
			r.Owner = nil
			r.SentAt, c.loop.Before = c.marks.peek(r.from, c.loop.Now), c.repliedAt
			if r != c.head {
				c.loop.Before = c.loop.Now // it was behind that one all the time
			}
			if !r.ours {
				c.figures.Expired++
			}
			o.Failed(r, ErrTimeout)
		}
	}
	if late {
		c.pool.Failure(c.server, "no reply within the timeout")
	}
	if c.state == closed {
		return // whoever was told has no use for it any more
	}
	c.local.want(c.began(c.head) + 2*t)
	if c.nextLate != nil {
		c.local.want(c.began(c.nextLate) + t)
	}
}

// timeout is how long a request may wait, in nanoseconds; 0: for ever.
func (c *Conn) timeout() int64 {
	if c.hurried > 0 {
		return c.hurried
	}
	t := int64(c.pool.Options().Timeout)
	if c.blocks > math.MaxInt64-t {
		return 0
	}
	if t > 0 {
		t += c.blocks
	}
	return t
}

// began is from when on r's timeout runs.
func (c *Conn) began(r *Request) int64 {
	if c.restarted == 0 {
		return r.at
	}
	return max(r.at, c.restarted)
}
