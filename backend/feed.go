package backend

import (
	"errors"
	"slices"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/stats"
	"cashew/topology"
)

// A feed is a connection over which a loop hears what one server publishes, for all clients that are subscribed to it. Nothing else goes
// over it, so it stands in no Set: whoever hears has it made, opened and shut. What comes is a message, for the Hearer, or answers the
// oldest command of outq that was not answered, as anywhere:
//
//	Hearer --Ask--> outq --> SUBSCRIBE a          server
//	       <--Owner.Replied-- subscribe a 1  <--
//	       <--Heard---------- message a hello <--
//
// It lives as long as the Hearer wants: an end is told by FeedLost, and Open has it connect anew.
type feed struct {
	by   Hearer                     // nil: it was shut
	part *bytebufferpool.ByteBuffer // the beginning of what has not come whole
}

// Hearer hears what comes over a feed. Its methods run on the feed's loop.
type Hearer interface {
	// Heard hands over a message, whole, which is of what has that sort and name: they point into frame, which dies when Heard
	// returns, unless it stands in bb and Heard returns true: then bb is the Hearer's.
	Heard(c *Conn, sort int, name, frame []byte, bb *bytebufferpool.ByteBuffer) (kept bool)

	// Dropped says that the server ended a subscription unasked, or answers that it has as it was asked: which, the Hearer knows.
	Dropped(c *Conn, sort int, name []byte) (unasked bool)

	// FeedLost says that c ended, or did not come about: nothing that was asked of its server is in force any more.
	FeedLost(c *Conn, err error)
}

// NewFeed returns a feed from a server of the group's pool, which is closed.
func (g *Group) NewFeed(server *topology.Server, by Hearer) *Conn {
	c := g.home.newConn(server)
	c.feed = &feed{by: by}
	g.feeds = append(g.feeds, c)
	return c
}

// Open has c, a feed, connect if it is closed. An error says that it can't now.
func (c *Conn) Open() error {
	if c.server.Down() {
		return ErrEjected
	}
	if c.state == closed {
		return c.redial()
	}
	return nil
}

// Ask sends a whole command down a feed, now or once it is open. Its answer is o's, in one piece; what is asked is not told that it
// failed: the feed has ended then.
func (c *Conn) Ask(o Owner, command []byte) {
	if c.state != closed {
		c.enterOwn(o, command)
	}
}

// Shut ends a feed for good, and tells nobody.
func (c *Conn) Shut() {
	c.feed.by = nil
	c.retired, c.blamed = true, true
	c.fail(ErrClosed)
	g := c.group
	g.feeds = slices.DeleteFunc(g.feeds, func(d *Conn) bool { return d == c })
}

// IsFeed says that c is a feed.
func (c *Conn) IsFeed() bool { return c.feed != nil }

// Protocol is that of c's pool.
func (c *Conn) Protocol() codec.Protocol { return c.pool.Options().Protocol }

// ServerName is what c's server is called.
func (c *Conn) ServerName() string { return c.name() }

// Tally is what is counted of c's server.
func (c *Conn) Tally() *stats.ServerTally { return c.figures }

// Distrust closes a feed whose server answered what was asked with what is no answer to it.
func (c *Conn) Distrust() { c.outOfStep = true }

// renew closes a feed whose server is another by now, so that it connects anew.
func (c *Conn) renew() {
	c.blamed = true
	c.fail(ErrClosed)
}

// hear is Data for a feed.
func (c *Conn) hear(buf []byte) {
	p := c.pool.Options().Protocol
	var alike run
	defer alike.add()
	for len(buf) > 0 && c.state == open {
		n, done, err := p.ScanReply(&c.scan, buf)
		if err != nil {
			c.fail(errors.Join(ErrBadReply, err))
			return
		}
		frame, f := buf[:n], c.feed
		buf = buf[n:]
		if f.part != nil || !done {
			frame = c.gather(frame)
		}
		if !done {
			if len(frame)+int(c.scan.Skip) > maxMessageBytes {
				c.fail(errors.Join(ErrBadReply, errMessageSize))
			}
			return
		}
		bb := f.part
		f.part = nil
		kept := false
		if c.profile != 0 && p.Judge(c.profile, 0, frame) == verdict.Push {
			kept = f.by.Heard(c, Unasked, nil, frame, bb)
		} else if sort, name, ok := p.Message(frame); ok {
			c.figures.Messages++
			kept = f.by.Heard(c, sort, name, frame, bb)
		} else if sort, name, ok := p.Unsubscribed(frame); !ok || !f.by.Dropped(c, sort, name) {
			c.answers(frame, &alike)
		}
		if bb != nil && !kept {
			c.loop.PutBuffer(bb)
		}
	}
	c.answeredSome(true, false)
}

// maxMessageBytes is the most that a message may have, which is kept whole: a name and a body as large as servers take them by default.
const maxMessageBytes = 1 << 30

var errMessageSize = errors.New("message larger than 1 GiB")

// gather keeps the next bytes of a frame that has not come whole, and returns all there are of it.
func (c *Conn) gather(p []byte) []byte {
	f := c.feed
	if f.part == nil {
		f.part = c.loop.GetBuffer()
	}
	c.loop.Grow(f.part, len(p), len(f.part.B)+len(p)+int(c.scan.Skip))
	c.loop.Copies.Add(len(p))
	f.part.B = append(f.part.B, p...)
	return f.part.B
}

// answers passes an answer on to whoever asked.
func (c *Conn) answers(frame []byte, alike *run) {
	r := c.head
	switch {
	case r == nil:
		c.fail(ErrBadReply)
		return
	case r.order != c.answered:
		c.disordered(r)
		return
	}
	c.dequeue(r, alike)
	c.deliver(r, frame, true)
	if c.outOfStep {
		c.fail(ErrUnfit)
	}
}

// feedEnded tells the Hearer that c has ended.
func (c *Conn) feedEnded(err error) {
	if c.feed.part != nil {
		c.loop.PutBuffer(c.feed.part)
		c.feed.part = nil
	}
	if by := c.feed.by; by != nil {
		by.FeedLost(c, err)
	}
}

// stayTime is after how long a feed over which nothing came is asked whether it is still one: a firewall may have forgotten it, and
// nobody would notice what is not heard.
const stayTime = 10 * time.Second

// staying is a feed as the Owner of that question.
type staying Conn

// Replied implements Owner.
func (c *staying) Replied(_ *Request, frame []byte, _ bool) {
	c.outOfStep = !c.pool.Options().Protocol.AnswersStay(frame)
}

// Failed implements Owner.
func (*staying) Failed(*Request, error) {}

// tidyFeeds looks after those over which nothing comes.
func (g *Group) tidyFeeds() {
	for _, c := range g.feedList() {
		c.greeted()
		if c.listen(); c.state == open && c.head == nil && g.loop.Now-c.heardAt >= int64(stayTime) {
			c.Ask((*staying)(c), c.pool.Options().Protocol.AppendStay(nil))
		}
	}
}

// feedList is a copy of the group's feeds, which may be shut meanwhile.
func (g *Group) feedList() []*Conn { return slices.Clone(g.feeds) }

// renewFeeds renews those of which gone says so.
func (g *Group) renewFeeds(gone func(c *Conn) bool) {
	for _, c := range g.feedList() {
		if c.state != closed && gone(c) {
			c.renew()
		}
	}
}

// changeFeeds has feeds from servers that stay go by the settings of p. The others go on until their Hearer shuts them, which first
// subscribes elsewhere. Those that are halfway through a handshake that is another now have to connect anew.
func (g *Group) changeFeeds(p *topology.Pool) (halfway []*Conn) {
	for _, c := range g.feeds {
		if g.has(c.server) {
			if c.state == handshaking && !sameHandshake(c.pool, p, c.server, c.profile, c.db) {
				halfway = append(halfway, c)
			}
			c.change(p)
		}
	}
	return halfway
}
