package backend

import (
	"time"

	"cashew/codec/verdict"
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
	if c.listen(); c.state != open {
		return
	}
	every := int64(c.pool.Options().IntegrityInterval)
	if every == 0 || c.canary.want != nil || c.loop.Now-c.canary.sent < every {
		return
	}
	command, want := c.pool.Options().Protocol.Canary(c.profile, "canary-"+c.local.Token())
	c.canary = canary{conn: c, sent: c.loop.Now, want: want}
	c.enterOwn(&c.canary, command)
}

// enterOwn sends a command of our own down c, which is in no figure.
func (c *Conn) enterOwn(o Owner, command []byte) {
	c.Touch()
	r := c.local.NewRequest(o)
	r.ours, r.Mark = true, 0
	c.enter(r)
	c.figures.RequestBytes -= int64(len(command)) // Out counts it
	c.local.Unref(r)                              // nobody but c holds it
	c.out.Append(c.loop, command)
}

// maxAilment is more than such an error has; a longer reply is somebody else's.
const maxAilment = 1 << 10

// Replied implements Owner.
func (y *canary) Replied(_ *Request, chunk []byte, last bool) {
	y.reply = append(y.reply, chunk...)
	if !last && len(y.reply) <= len(y.want)+maxAilment {
		return
	}
	if y.conn.pool.Options().Protocol.JudgeCanary(y.want, y.reply) == verdict.OutOfStep {
		y.conn.outOfStep = true
	}
	y.want, y.reply = nil, nil
}

// Failed implements Owner: the connection is closed, or the reply late, and either is seen to elsewhere.
func (y *canary) Failed(*Request, error) { y.want, y.reply = nil, nil }

// canaryTime is how long a canary may go unanswered where the pool does not say how long a server may be silent.
const canaryTime = 30 * time.Second

// listen looks after a connection on which something is owed and nothing comes. The server may be busy, and then nobody is
// answered; but if it answers on a connection of its own (Pool.probe), this one has died in silence, perhaps in its handshake.
func (c *Conn) listen() {
	if c.state != open && c.state != handshaking {
		return
	}
	deadline := int64(c.pool.Options().ServerUserTimeout)
	if deadline == 0 {
		deadline = int64(canaryTime)
	}
	if c.probing || !c.mute(deadline) {
		return
	}
	c.probing = true
	attempt, heardAt, p, s := c.attempt, c.heardAt, c.pool, c.server
	c.loop.World.Go(func() {
		err := p.Probe(s)
		c.loop.Execute(func() {
			c.probing = false // again in a second, perhaps
			if err == nil && (c.state == open || c.state == handshaking) && c.attempt == attempt && c.heardAt == heardAt {
				c.fail(ErrSilent)
			}
		})
	})
}

// mute says that a canary was not answered for so long, or that nothing at all came although requests wait, unless the pool
// has a timeout, which sees to that, or server_tcp_user_timeout is 0.
func (c *Conn) mute(deadline int64) bool {
	now := c.loop.Now
	if c.blocks > 0 {
		return false // it may be
	}
	if c.canary.want != nil && now-c.canary.sent >= deadline || c.doubt != nil && now-c.doubt.at >= deadline {
		return true
	}
	return c.head != nil && c.timeout() == 0 && c.pool.Options().ServerUserTimeout > 0 &&
		now-max(c.head.at, c.heardAt, c.since, c.dialledAt) >= deadline
}
