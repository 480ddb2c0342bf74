package backend

import (
	"errors"

	"cashew/codec/verdict"
)

// push is what a server is sending unasked: it is read to its end, counted by kind, and dropped. Nobody's turn goes by.
type push struct {
	head [maxPushHead]byte // its beginning, which names the kind
	n    int
}

// maxPushHead is how much of a push codec.Replies.PushKind wants to see.
const maxPushHead = 64

// unasked takes what comes while nothing is owed, or a push goes on: n bytes of buf belong to it, and the rest is returned.
// All but a push is a stray reply, after which nothing on c can be believed.
func (c *Conn) unasked(buf []byte) (rest []byte) {
	p := c.pool.Options().Protocol
	if c.inside != inPush && p.Judge(c.profile, 0, buf) != verdict.Push {
		c.fail(ErrBadReply)
		return nil
	}
	n, done, err := p.ScanReply(&c.scan, buf)
	if err != nil {
		c.fail(errors.Join(ErrBadReply, err))
		return nil
	}
	c.pushed(buf[:n], done)
	return buf[n:]
}

// pushed takes the next bytes of a push; last: it is whole with them. A plain connection has none.
func (c *Conn) pushed(p []byte, last bool) {
	if c.profile == 0 {
		c.fail(ErrBadReply)
		return
	}
	if c.inside != inPush {
		c.inside, c.push = inPush, new(push)
	}
	c.push.n += copy(c.push.head[c.push.n:], p)
	if c.private != nil {
		c.tellPrivate(p, last)
	}
	if !last || c.push == nil {
		return
	}
	if c.figures.Pushes == nil {
		c.figures.Pushes = make(map[string]int64)
	}
	c.figures.Pushes[c.pool.Options().Protocol.PushKind(c.push.head[:c.push.n])]++
	c.inside, c.push = between, nil
}
