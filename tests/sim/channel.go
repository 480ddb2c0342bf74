package sim

import (
	"context"
	"io"

	"cashew/world"
)

// pipe is one direction of a channel.
type pipe struct {
	sim     *Sim
	parts   []part
	waiters []waiter
	closed  bool
}

// part is what one Write gave.
type part struct {
	p  []byte
	fd int // -1: none
}

// channel is one end of a world.Channel between two processes.
type channel struct{ from, to *pipe }

// channels are both ends of one.
func (s *Sim) channels() (a, b *channel) {
	x, y := &pipe{sim: s}, &pipe{sim: s}
	return &channel{x, y}, &channel{y, x}
}

var _ world.Channel = (*channel)(nil)

// Write implements world.Channel.
func (c *channel) Write(ctx context.Context, p []byte, fd int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.to.closed {
		return io.ErrClosedPipe
	}
	if len(p) == 0 {
		return nil
	}
	s := c.to.sim
	if fd >= 0 {
		fd = s.file(s.files[fd])
	}
	c.to.parts = append(c.to.parts, part{append([]byte(nil), p...), fd})
	wakeAll(c.to.waiters)
	return nil
}

// Read implements world.Channel.
func (c *channel) Read(ctx context.Context, p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case ctx.Err() != nil:
			return n, ctx.Err()
		case len(c.from.parts) > 0:
			first := &c.from.parts[0]
			k := copy(p[n:], first.p)
			n += k
			if first.p = first.p[k:]; len(first.p) == 0 {
				c.from.parts = c.from.parts[1:]
			}
		case c.from.closed:
			return n, io.ErrUnexpectedEOF
		default:
			c.from.sim.waitIn(ctx, 0, &c.from.waiters)
		}
	}
	return n, nil
}

// Take implements world.Channel.
func (c *channel) Take(ctx context.Context, p []byte) (fd int, err error) {
	for len(c.from.parts) == 0 && !c.from.closed && ctx.Err() == nil {
		c.from.sim.waitIn(ctx, 0, &c.from.waiters)
	}
	fd = -1
	if len(c.from.parts) > 0 {
		fd = c.from.parts[0].fd
		c.from.parts[0].fd = -1
	}
	_, err = c.Read(ctx, p)
	return fd, err
}

// close is the end of the process that has c: what it wrote can still be read, and what it has not read nobody will.
func (c *channel) close() {
	for _, p := range []*pipe{c.from, c.to} {
		p.closed = true
		wakeAll(p.waiters)
	}
	for _, part := range c.from.parts {
		if part.fd >= 0 {
			c.from.sim.Drop(part.fd)
		}
	}
	c.from.parts = nil
}
