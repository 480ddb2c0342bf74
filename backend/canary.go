package backend

import (
	"bytes"
	"fmt"
	"math/rand/v2"
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
	c.Queue(r)
	c.loop.Unref(r) // nobody but c holds it
	c.out.Append(c.loop, command)
}

// Replied implements Owner.
func (y *canary) Replied(_ *Request, chunk []byte, last bool) {
	y.reply = append(y.reply, chunk...)
	wrong := !bytes.HasPrefix(y.want, y.reply)
	if !wrong && !last {
		return
	}
	wrong = wrong || len(y.reply) != len(y.want)
	y.want, y.reply = nil, nil
	if wrong {
		y.conn.outOfStep = true
	}
}

// Failed implements Owner: the connection is closed, or the reply late, and either is seen to elsewhere.
func (y *canary) Failed(*Request, error) { y.want, y.reply = nil, nil }
