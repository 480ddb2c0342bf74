package backend

import (
	"context"
	"net"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// dialTimeout bounds an attempt to connect where the pool has no timeout, or a longer one.
const dialTimeout = 5 * time.Second

// Dial connects to c's server on a goroutine of its own (a name is resolved anew each time, and all its addresses are
// tried) and enrolls the socket on the loop, where gnet's OnOpen calls Opened.
func Dial(c *Conn) {
	attempt, p, s := c.attempt, c.pool, c.Server() // a reload may give c another pool meanwhile
	go func() {
		if err := c.connect(p, s); err != nil {
			c.loop.Execute(func() { c.DialFailed(attempt, err) })
		}
	}()
}

// connect reads only what never changes of c.
func (c *Conn) connect(p *Pool, s *Server) error {
	timeout := dialTimeout
	if t := p.opts.Timeout; t > 0 {
		timeout = min(timeout, t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	nc, err := p.dial(ctx, s)
	if err != nil {
		return err
	}
	return Enroll(c.loop.EL, nc, c)
}

// Enroll hands nc to the event loop with context v, which OnOpen finds in gnet.Conn.Context, and returns once OnOpen has
// run. It is called from any goroutine but the loop's own. nc is used up, whatever the outcome.
func Enroll(el gnet.EventLoop, nc net.Conn, v any) error {
	// gnet gives the memory of an IPv6 zone's name to its buffer pool when the connection closes; the string is not
	// its to give.
	for _, a := range []net.Addr{nc.LocalAddr(), nc.RemoteAddr()} {
		if t, ok := a.(*net.TCPAddr); ok {
			t.Zone = ""
		}
	}
	ch, err := el.Enroll(gnet.NewContext(context.Background(), v), nc)
	if err != nil {
		_ = nc.Close()
		return err
	}
	return (<-ch).Err
}
