package backend

import (
	"bytes"
	"time"

	"cashew/codec"
)

// canary proves now and then that a server connection is in step: a request of our own goes down it whose reply is known,
// and can be no other request's. A wrong one closes the connection before more replies reach the wrong client.
type canary struct {
	conn  *Conn
	sent  int64 // Loop.Now
	want  []byte
	reply []byte
	asked bool // the server is being probed, since no reply has come for long
}

// sing sends a canary down c if it is time for one.
func (c *Conn) sing() {
	if c.state != open {
		return
	}
	if c.listen(); c.state != open {
		return
	}
	every := int64(c.pool.opts.IntegrityInterval)
	if every == 0 || c.canary.want != nil || c.loop.Now-c.canary.sent < every {
		return
	}
	command, want := c.pool.opts.Protocol.Canary("canary-" + c.loop.Token())
	c.canary = canary{conn: c, sent: c.loop.Now, want: want}
	c.enterOwn(&c.canary, command)
}

// enterOwn sends a command of our own down c, which is in no figure.
func (c *Conn) enterOwn(o Owner, command []byte) {
	c.Touch()
	r := c.loop.NewRequest(o)
	r.ours = true
	c.enter(r)
	c.figures.RequestBytes -= int64(len(command)) // Out counts it
	c.loop.Unref(r)                               // nobody but c holds it
	c.out.Append(c.loop, command)
}

// Replied implements Owner.
func (y *canary) Replied(_ *Request, chunk []byte, last bool) {
	y.reply = append(y.reply, chunk...)
	if !last && len(y.reply) <= len(y.want)+maxAilment {
		return
	}
	// A server that is loading or busy says so to any command: that proves nothing.
	if !bytes.Equal(y.reply, y.want) {
		if v := y.conn.pool.opts.Protocol.Judge(y.conn.profile, 0, y.reply); v != codec.Ailing && v != codec.Busy {
			y.conn.outOfStep = true
		}
	}
	y.want, y.reply = nil, nil
}

// canaryTime is how long a canary may go unanswered where the pool does not say how long a server may be silent.
const canaryTime = 30 * time.Second

// listen looks after a canary that is not answered. The server may be busy, and then nobody is answered; but if it answers on
// a connection of its own (Pool.probe), this one has died in silence.
func (c *Conn) listen() {
	deadline := int64(c.pool.opts.ServerUserTimeout)
	if deadline == 0 {
		deadline = int64(canaryTime)
	}
	if c.doubt != nil && c.loop.Now-c.doubt.at >= deadline {
		c.fail(ErrUnfit)
		return
	}
	y := &c.canary
	if y.want == nil || y.asked || c.loop.Now-y.sent < deadline {
		return
	}
	y.asked = true
	sent, p, s := y.sent, c.pool, c.Server()
	go func() {
		err := p.probe(s)
		c.loop.Execute(func() {
			switch still := c.state == open && y.want != nil && y.sent == sent; {
			case still && err == nil:
				c.fail(ErrSilent)
			case still:
				y.asked = false // in a second, perhaps
			}
		})
	}()
}

// maxAilment is more than such an error has; a longer reply is somebody else's.
const maxAilment = 1 << 10

// Failed implements Owner: the connection is closed, or the reply late, and either is seen to elsewhere.
func (y *canary) Failed(*Request, error) { y.want, y.reply = nil, nil }
