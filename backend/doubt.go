package backend

import (
	"fmt"

	"github.com/valyala/bytebufferpool"

	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/topology"
)

// A reply that does not look like one to its command is proved, not condemned: servers that are compatible with Redis answer
// some commands in other forms. The connection's bytes are held from that reply on, and a canary goes down it at once: if its
// reply comes just behind those that were owed before it, the connection is in step. Then what was held is passed on, and
// such a reply to that command is no surprise any more. If another reply comes in its place, or something that is none,
// the connection is out of step: it is closed, and nothing of what was held reaches a client.
//
//	Unfit --> held, canary sent --owed replies, canary's--> in step: passed on
//	                            --anything else-----------> ErrUnfit
type doubt struct {
	held *bytebufferpool.ByteBuffer // from the odd reply on
	seen int                        // bytes of held that were looked at
	owed int                        // replies before the canary's that are not whole yet
	scan codec.ReplyScan
	from int    // where in held the frame begins that scan is in
	want []byte // the canary's reply
	at   int64  // when it was sent, as Loop.Now
	topology.Oddity
}

// maxHeld bounds what is held of a connection in doubt.
const maxHeld = 64 << 20

// doubtful begins the doubt over c: buf begins with a reply to r that does not fit it.
func (c *Conn) doubtful(r *Request, buf []byte) {
	d := &doubt{
		held: c.loop.GetBuffer(), owed: c.outstanding(), at: c.loop.Now,
		Oddity: topology.Oddity{Profile: c.profile, Op: r.Op, Kind: buf[0]},
	}
	var command []byte
	command, d.want = c.pool.Options().Protocol.Canary(c.profile, "doubt-"+c.local.Token())
	c.doubt, c.scan, c.inside = d, codec.ReplyScan{Marked: c.scan.Marked}, between
	c.enterOwn(nil, command) // its reply is looked at in held
	c.held(buf)
}

// held takes bytes of a connection in doubt, and decides as soon as it can.
func (c *Conn) held(buf []byte) {
	d := c.doubt
	c.loop.Grow(d.held, len(buf), 0)
	d.held.B = append(d.held.B, buf...)
	if len(d.held.B) > maxHeld {
		c.fail(ErrUnfit)
		return
	}
	p := c.pool.Options().Protocol
	for d.seen < len(d.held.B) {
		n, done, err := p.ScanReply(&d.scan, d.held.B[d.seen:])
		if err != nil {
			c.fail(ErrUnfit)
			return
		}
		d.seen += n
		if !done {
			return
		}
		frame := d.held.B[d.from:d.seen]
		d.from = d.seen
		switch {
		case p.Judge(c.profile, 0, frame) == verdict.Push:
		case d.owed > 0 && string(frame) == string(d.want) && string(d.want) != string(c.canary.want):
			c.fail(ErrUnfit) // a reply is missing
			return
		case d.owed > 0:
			d.owed--
		default:
			switch p.JudgeCanary(d.want, frame) {
			case verdict.InStep:
				c.proved()
				return
			case verdict.Unproved:
				c.blamed = true // nobody's fault, but nothing of it can be believed
			}
			c.fail(ErrUnfit)
			return
		}
	}
}

// proved ends the doubt: c is in step.
func (c *Conn) proved() {
	d := c.doubt
	c.doubt = nil
	if c.server.Prove(d.Oddity) {
		name, _ := c.pool.Options().Protocol.Describe(d.Op)
		c.loop.Log.Warn("server answers a command in a form that no table has; its replies are in step with requests all the same",
			append(c.About(), "command", name, "form", fmt.Sprintf("%q", d.Kind))...)
	}
	c.Data(d.held.B)
	c.loop.PutBuffer(d.held)
}

// odd tells whether a reply to r with that first byte was proved before.
func (c *Conn) odd(r *Request, kind byte) bool {
	return c.server.Odd(topology.Oddity{Profile: c.profile, Op: r.Op, Kind: kind})
}
