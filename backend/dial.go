package backend

import (
	"context"
	"time"
)

// dialTimeout bounds an attempt to connect where the pool has no timeout, or a longer one.
const dialTimeout = 5 * time.Second

// Dial connects to c's server on a goroutine of its own (a name is resolved anew each time, and all its addresses are
// tried) and enrolls the socket on the loop, where Opened is called.
func Dial(c *Conn) {
	attempt, p, s := c.attempt, c.pool, c.Server() // a reload may give c another pool meanwhile
	c.loop.World.Go(func() {
		if err := c.connect(p, s); err != nil {
			c.loop.Execute(func() { c.DialFailed(attempt, err) })
		}
	})
}

// connect reads only what never changes of c.
func (c *Conn) connect(p *Pool, s *Server) error {
	timeout := dialTimeout
	if t := p.opts.Timeout; t > 0 {
		timeout = min(timeout, t)
	}
	ctx, cancel := p.world.WithTimeout(context.Background(), timeout)
	defer cancel()
	nc, err := p.dial(ctx, s)
	if err != nil {
		return err
	}
	return c.loop.Enroll(nc, c)
}
