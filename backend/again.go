package backend

import (
	"bytes"
	"errors"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/codec/verdict"
	"cashew/codec/work"
	"cashew/loop"
	"cashew/topology"
)

// In a pool whose servers change places, a Redis Cluster or masters that sentinels know, a request may come to one that does not do it, or not just now; or the server
// is gone. Its bytes are kept until then (loop.Out.Keep), and whoever set Group.Again gets them, to have them sent where they belong:
//
//	-MOVED, -ASK          the server names another
//	-TRYAGAIN and such    nothing was done; it may be later
//	the connection ended  what was not written, and what only reads
//
// Of a transaction all is sent again: nothing of one is done of which a command was not queued.
//
// Only errors that are whole are judged so: of one that is cut the beginning is held back.

// Elsewhere says why a request has to be sent again, and where to.
type Elsewhere struct {
	Why     verdict.Verdict  // Moved, Asked, Again or Halved; Fine: the connection ended
	Slot    int              // of its key, as the server says; -1: it does not
	From    string           // the name of the server that it was sent to
	Server  *topology.Server // that the server names; nil: none, or one that the pool does not have
	Reply   []byte           // what the server said; dies with the call; nil: nothing
	Err     error            // why the connection ended; nil: it did not
	Apart   bool             // the connection was leased: the request may go over no other
	Replica bool             // it was sent to a replica
}

// maxHeldError is how long an error reply may be for its beginning to be held back.
const maxHeldError = 4 << 10

// holds keeps the beginning of a reply, which is all that came, if it is an error: what it is about shows once it is whole.
func (c *Conn) holds(reply []byte) bool {
	if reply[0] != '-' || len(reply) > maxHeldError {
		return false
	}
	c.cut = c.loop.GetBuffer()
	c.cut.B = append(c.cut.B, reply...)
	c.scan.State, c.scan.Num, c.scan.Line = 0, 0, 0 // it will be scanned from its beginning
	return true
}

// joined is Data of what was held back with what came behind it.
func (c *Conn) joined(buf []byte) {
	bb := c.cut
	c.cut = nil
	c.loop.Grow(bb, len(buf), 0)
	bb.B = append(bb.B, buf...)
	c.Data(bb.B)
	c.loop.PutBuffer(bb)
}

// again hands r over, which the server did not do as its whole reply says, or passes that on. false: r is not one that is handed over.
func (c *Conn) again(v verdict.Verdict, r *Request, reply []byte, alike *run) bool {
	astray := c.astray
	if p := c.pool.Options().Protocol; r.Op == p.ExecOp() {
		c.astray = nil // it is of this transaction, whoever waits for it
	}
	if c.reads && v == verdict.Ailing {
		v = verdict.Again // its master, or another replica, does it
	}
	if v < verdict.Moved || v > verdict.Halved || !c.out.Keeps() || r.ours || r.Owner == nil {
		return false
	}
	p := c.pool.Options().Protocol
	e := Elsewhere{Why: v, Slot: -1, From: c.pool.Entry(c.server).Name, Reply: reply, Apart: c.apart, Replica: c.reads}
	if c.reads && v == verdict.Again {
		c.pool.Unwell(c.server, "it says %.100q", bytes.TrimRight(reply, "\r\n"))
	}
	if slot, addr, ok := p.Redirection(reply); ok {
		e.Slot, e.Server = slot, c.named(addr)
	}
	switch {
	case r.Op == p.BeginOp():
		e.Reply = nil
		c.astray = &e
		return false
	case r.Op == p.ExecOp() && p.Aborted(reply):
		if astray == nil {
			return false // what was wrong with it is wrong everywhere
		}
		e = *astray
		e.Reply = reply
	}
	end := c.out.Place()
	if r.link != nil {
		end = r.link.from
	}
	frame := c.frame(&c.out, r, end)
	c.dequeue(r, alike) // first: it may be queued again
	if c.group.Again(r, frame, e) {
		c.local.Unref(r)
	} else {
		c.deliver(r, reply, true)
	}
	return true
}

// frame is the bytes of r, which end at a place of out.
func (c *Conn) frame(out *loop.Out, r *Request, end int) *bytebufferpool.ByteBuffer {
	bb := c.loop.GetBuffer()
	from := r.from
	if r.Op == c.pool.Options().Protocol.ExecOp() {
		from -= int(r.Lead)
	}
	c.loop.Grow(bb, end-from, 0)
	bb.B = out.Bytes(bb.B, from, end-from)
	return bb
}

// named is the server of c's group at an address that c's server gave, whose host is that server's own where none is said.
func (c *Conn) named(addr []byte) *topology.Server {
	if addr[0] == ':' {
		own := c.server.Addr
		if i := bytes.LastIndexByte([]byte(own), ':'); i > 0 {
			addr = append([]byte(own[:i]), addr...)
		}
	}
	return c.group.pool.At(addr)
}

// resumes hands r over, which c, now closed, will not have answered, if it was not written, or not all of it, or only reads and nothing of its
// reply came.
func (c *Conn) resumes(r, behind *Request, had *lost) bool {
	if !had.out.Keeps() || r.ours || r.Owner == nil || timedOut(had.err) {
		return false
	}
	elsewhere := errors.Is(had.err, ErrElsewhere)
	if _, is := Unblocks(had.err); is && !elsewhere {
		return false
	}
	end := had.out.Place()
	if behind != nil {
		end = behind.from
	}
	if end <= had.taken && (c.group.classes[r.Op] != work.Read && !elsewhere || r.Size > 0) {
		return false
	}
	return c.group.Again(r, c.frame(&had.out, r, end), Elsewhere{Slot: -1, From: c.pool.Entry(c.server).Name, Err: had.err, Apart: c.apart, Replica: c.reads})
}

// release gives back what is kept of requests that are answered, but not of a transaction in part.
func (c *Conn) release() {
	defer c.bound()
	p := c.pool.Options().Protocol
	if c.head != nil && (c.head.Op == p.BeginOp() || c.head.Op == p.ExecOp()) {
		return
	}
	if c.head != nil {
		c.out.Release(c.loop, c.head.from)
	} else {
		c.out.Release(c.loop, c.out.Taken())
	}
}

// bound has c be crowded as long as it keeps too many bytes.
func (c *Conn) bound() {
	if c.most = maxOutstanding; c.out.Held() >= maxOutstandingBytes {
		c.most = 0
	}
}

// Before sends a command whose reply nobody waits for ahead of the request that is queued next.
func (c *Conn) Before(command []byte) {
	q := c.local.NewRequest(nil)
	q.ours, q.Op = true, c.pool.Options().Protocol.BeginOp() // a status, too
	c.enter(q)
	c.local.Unref(q)
	c.out.Append(c.loop, command)
}

// giveBack has all that waits in c, which is still connecting, sent where it belongs by now: its server may have other slots, or none,
// and may never take it.
func (c *Conn) giveBack() {
	if !c.out.Keeps() || c.state != dialing && c.state != handshaking || c.apart || c.feed != nil || c.head == nil {
		return
	}
	r := c.head
	c.head, c.tail, c.nextLate, c.answered = nil, nil, nil, c.entered
	c.firstUnsent, c.unsent = nil, 0
	c.emptied++
	had := lost{out: c.out.Leave()}
	if c.sock != nil {
		c.out.Open(c.sock)
	}
	for r != nil {
		behind := r.link
		r.link = nil
		if c.resumes(r, behind, &had) {
			c.figures.Failed++ // here
		} else {
			c.failOne(r, ErrClosed)
		}
		c.local.Unref(r)
		r = behind
	}
	had.out.Close(c.loop)
}

// leaveSoon is giveBack for a connection that is leased, and whose server has no slot any more.
func (c *Conn) leaveSoon() {
	if c.out.Keeps() && (c.state == dialing || c.state == handshaking) && c.head != nil && c.group.slotless(c.server) {
		c.blamed = true
		c.fail(ErrClosed)
	}
}

// silentTime is how long a server that has no slot any more may send nothing while it owes a reply.
const silentTime = time.Second

// endSilence has the cluster asked who has the slots if c's server owes a reply and sends nothing, and closes c if it has none any more: it
// was stopped, or the network to it is cut, and another has its place. Nobody else would end c where the pool has no timeout.
func (c *Conn) endSilence() {
	if !c.out.Keeps() || c.state != open || c.blocks > 0 || c.feed != nil || !c.hesitates() {
		return
	}
	if !c.reads {
		c.pool.Stale()
	}
	silent := c.loop.Now-max(c.began(c.head), c.heardAt, c.since) >= int64(silentTime)
	if (silent || c.mutedAt > c.heardAt) && c.needless() {
		c.blamed = true // whoever looks for it finds another in its place
		c.fail(ErrClosed)
	}
}

// needless says that what c's server owes another may be asked for: the server has no slot any more, or is a replica that does not answer who
// looks at it either.
func (c *Conn) needless() bool {
	if c.reads && c.group.has(c.server) {
		return !c.server.Well()
	}
	return c.group.slotless(c.server)
}

// slotless says that server has no slot any more.
func (g *Group) slotless(server *topology.Server) bool {
	return !g.has(server) || g.pool.Options().Cluster && !g.pool.HasSlots(server)
}
