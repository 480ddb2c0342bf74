package backend

import (
	"net"
	"slices"

	"cashew/codec"
)

// Group is one loop's connections to one pool: ServerConnections for each server, opened when first needed.
type Group struct {
	loop  *Loop
	pool  *Pool
	conns []*Conn // server by server, ServerConnections each; nil until first used

	figures []*Figures    // by server
	classes []codec.Class // by Op

	retired []*Conn // still have something outstanding at an address that their server left
}

// NewGroup returns l's group for p.
func NewGroup(l *Loop, p *Pool) *Group {
	g := &Group{loop: l, pool: p, conns: make([]*Conn, len(p.opts.Servers)*p.opts.ServerConnections)}
	for range p.opts.Servers {
		g.figures = append(g.figures, new(Figures))
	}
	for op := range p.opts.Protocol.Ops() {
		_, class := p.opts.Protocol.Describe(uint16(op))
		g.classes = append(g.classes, class)
	}
	l.groups = append(l.groups, g)
	return g
}

// Conn returns the connection to a server for a client; client is its number. A client's requests to one server all take
// the same connection, so they are executed in the client's order even with several connections. The connection may
// still be opening: requests wait in its batch. An error says that the server can't be reached now: the last attempt
// failed a moment ago, or no server is live (server < 0).
func (g *Group) Conn(server int, client uint64) (*Conn, error) {
	if server < 0 || g.pool.health.down[server].Load() && g.pool.opts.OnServerFailure != Rehash {
		return nil, ErrEjected
	}
	n := g.pool.opts.ServerConnections
	i := server * n
	if n > 1 {
		i += int(client % uint64(n))
	}
	c := g.conns[i]
	if c == nil {
		c = &Conn{loop: g.loop, pool: g.pool, server: server, figures: g.figures[server], classes: g.classes}
		g.conns[i] = c
	}
	if c.state == closed {
		if c.lastErr != nil && g.loop.Now < c.retryAt {
			return nil, c.lastErr
		}
		c.state = dialing
		c.attempt++
		g.loop.Connect(c)
	}
	return c, nil
}

// Preconnect opens one connection to each server, as twemproxy does whatever server_connections says.
func (g *Group) Preconnect() {
	for s := range g.pool.opts.Servers {
		_, _ = g.Conn(s, 0)
	}
}

// Moved retires the connections to a server whose address is none of hosts: what is outstanding on them is still
// awaited, and the next request connects anew.
func (g *Group) Moved(server int, hosts []string) {
	n := g.pool.opts.ServerConnections
	for i := server * n; i < (server+1)*n; i++ {
		c := g.conns[i]
		if c == nil || c.gc == nil {
			continue
		}
		if host, _, err := net.SplitHostPort(c.gc.RemoteAddr().String()); err != nil || slices.Contains(hosts, host) {
			continue
		}
		g.conns[i] = nil
		c.retired = true
		if c.head == nil {
			c.fail(ErrClosed)
		} else {
			g.retired = append(g.retired, c)
		}
	}
}

// Tidy forgets retired connections that are closed, and sends canaries where it is time.
func (g *Group) Tidy() {
	g.retired = slices.DeleteFunc(g.retired, func(c *Conn) bool { return c.state == closed })
	for _, c := range g.conns {
		if c != nil {
			c.sing()
		}
	}
}
