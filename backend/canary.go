package backend

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"cashew/codec"
)

// canary proves now and then that a server connection is in step: a request of our own goes down it whose reply is known,
// and can be no other request's. A wrong one closes the connection before more replies reach the wrong client.
type canary struct {
	conn  *Conn
	sent  int64 // Loop.Now
	want  []byte
	reply []byte
}

// sing sends a canary down c if it is time for one.
func (c *Conn) sing() {
	every := int64(c.pool.opts.IntegrityInterval)
	if every == 0 || c.state != open || c.canary.want != nil || c.loop.Now-c.canary.sent < every {
		return
	}
	command, want := c.pool.opts.Protocol.Canary(fmt.Sprintf("canary-%016x", rand.Uint64()))
	c.canary = canary{conn: c, sent: c.loop.Now, want: want}
	c.Touch()
	r := c.loop.NewRequest(&c.canary)
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
	if !bytes.Equal(y.reply, y.want) && y.conn.pool.opts.Protocol.Judge(y.conn.profile, 0, y.reply) != codec.Ailing {
		y.conn.outOfStep = true
	}
	y.want, y.reply = nil, nil
}

// maxAilment is more than such an error has; a longer reply is somebody else's.
const maxAilment = 1 << 10

// Failed implements Owner: the connection is closed, or the reply late, and either is seen to elsewhere.
func (y *canary) Failed(*Request, error) { y.want, y.reply = nil, nil }
