package backend

import "cashew/topology"

// dial connects to c's server on a goroutine of its own and enrolls the socket on the loop, where Opened is called.
func dial(c *Conn) {
	attempt, p, s := c.attempt, c.pool, c.server // a reload may give c another pool meanwhile
	c.loop.World.Go(func() {
		if err := c.connect(p, s); err != nil {
			c.loop.Execute(func() { c.DialFailed(attempt, err) })
		}
	})
}

// connect reads only what never changes of c.
func (c *Conn) connect(p *topology.Pool, s *topology.Server) error {
	nc, err := p.Dial(s)
	if err != nil {
		return err
	}
	return c.loop.Enroll(nc, c)
}
