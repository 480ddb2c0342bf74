package backend

import (
	"errors"

	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/loop"
	"cashew/topology"
)

// Opened implements Handler: it takes the connected socket, unless the Conn does not want it any more.
func (c *Conn) Opened(sock loop.Socket) bool {
	if c.state != dialing {
		return false
	}
	c.sock, c.scan, c.inside = sock, codec.ReplyScan{Marked: c.pool.Options().Protocol.Marks(c.profile)}, between
	c.figures.Connects++
	c.figures.Connections++
	c.out.Open(sock)
	c.state, c.step = handshaking, -1
	c.nextStep()
	return c.state != closed
}

// DialFailed says that an attempt to connect failed: the one with that number, which may have been given up already.
func (c *Conn) DialFailed(attempt int, err error) {
	if c.state == dialing && attempt == c.attempt {
		c.fail(err)
	}
}

// greeted gives c up if the server has not answered the handshake for too long: twice the pool's timeout; without one, as long
// as an attempt to connect may take, unless requests wait, which then have all the time; see listen.
func (c *Conn) greeted() {
	limit := 2 * c.timeout()
	if limit == 0 && c.spent() {
		limit = int64(topology.DialTimeout)
	}
	if c.state == handshaking && limit > 0 && c.loop.Now-c.dialledAt >= limit {
		c.fail(ErrTimeout)
	}
}

// nextStep sends the handshake's next command past the batch, in which user requests may wait already.
func (c *Conn) nextStep() {
	steps := c.pool.Options().Protocol.Handshake(c.login(), c.profile, c.db)
	if c.step++; c.step < len(steps) {
		p := steps[c.step]
		if n, err := c.sock.Write(p); err != nil || n < len(p) {
			c.fail(errors.Join(err, ErrClosed))
		}
		return
	}
	if c.failures > 0 && !Unable(c.lastErr) {
		c.loop.Log.Info("server can be reached again", c.About()...)
	}
	c.state, c.failures, c.lastErr, c.since = open, 0, nil, c.loop.Now
	c.loggedIn()
	c.mastered()
	c.flush()
}

// onHandshake collects the reply to one step and checks it. It returns what is left of buf, which is nothing from a
// server that behaves.
func (c *Conn) onHandshake(buf []byte) []byte {
	p := c.pool.Options().Protocol
	for len(buf) > 0 && c.state == handshaking {
		if c.inside == inPush || c.handshake == nil && p.Judge(c.profile, 0, buf) == verdict.Push {
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
		err = p.CheckHandshake(c.login(), c.profile, c.db, c.step, c.handshake.B)
		c.loop.PutBuffer(c.handshake)
		c.handshake = nil
		if err != nil && !c.relogs(err) && !c.remarked(err) {
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
