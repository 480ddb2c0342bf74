package backend

import (
	"context"

	"cashew/topology"
)

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
func (c *Conn) connect(p *topology.Pool, s *topology.ServerOptions) error {
	timeout := topology.DialTimeout
	if t := p.Options().Timeout; t > 0 {
		timeout = min(timeout, t)
	}
	ctx, cancel := c.loop.World.WithTimeout(context.Background(), timeout)
	defer cancel()
	nc, err := p.Dial(ctx, s)
	if err != nil {
		return err
	}
	return c.loop.Enroll(nc, c)
}
