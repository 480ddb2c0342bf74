package session

import (
	"slices"
	"sync"
	"sync/atomic"

	"cashew/codec/about"
	"cashew/topology"
)

// census is what the clients of a pool are subscribed to, of all loops, and for how many of them the proxy is subscribed at which
// server: what servers say of subscribers counts each loop once, and no client. It is written to as subscriptions begin and end, and
// read for the reply to PUBLISH as long as there are any.
type census struct {
	mu     sync.RWMutex
	names  []map[string]*counted // by sort
	topics atomic.Int64          // of all loops, also those of which nothing is in force yet
}

// counted is what is known of one name.
type counted struct {
	clients []clientsOn
	own     []ownAt
}

// clientsOn is how many clients of a loop are subscribed.
type clientsOn struct {
	hub *hub
	n   int
}

// ownAt says that a loop is subscribed at a server.
type ownAt struct {
	hub    *hub
	server *topology.Server
}

// any says that somebody is subscribed to something, or is about to be: a server may count a loop before that knows.
func (c *census) any() bool { return c.topics.Load() > 0 }

// add counts clients of a loop that are subscribed to a name, which may be fewer.
func (c *census) add(h *hub, sort int, name string, clients int) {
	c.change(sort, name, func(n *counted) {
		for i := range n.clients {
			if v := &n.clients[i]; v.hub == h {
				if v.n += clients; v.n == 0 {
					n.clients = slices.Delete(n.clients, i, i+1)
				}
				return
			}
		}
		n.clients = append(n.clients, clientsOn{h, clients})
	})
}

// begin notes that a loop is subscribed to a name at a server, and end that it is so no more.
func (c *census) begin(h *hub, sort int, name string, server *topology.Server) {
	c.change(sort, name, func(n *counted) { n.own = append(n.own, ownAt{h, server}) })
}

func (c *census) end(h *hub, sort int, name string, server *topology.Server) {
	c.change(sort, name, func(n *counted) {
		if i := slices.Index(n.own, ownAt{h, server}); i >= 0 {
			n.own = slices.Delete(n.own, i, i+1)
		}
	})
}

func (c *census) change(sort int, name string, f func(n *counted)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.names) <= sort {
		c.names = append(c.names, make(map[string]*counted))
	}
	n := c.names[sort][name]
	if n == nil {
		n = new(counted)
		c.names[sort][name] = n
	}
	if f(n); len(n.clients) == 0 && len(n.own) == 0 {
		delete(c.names[sort], name)
	}
}

// at is how many loops are subscribed at a server, and how many clients those have; nil: at any.
func (n *counted) at(server *topology.Server) (clients, own int) {
	for _, o := range n.own {
		if server == nil || o.server == server {
			own++
		}
	}
	for _, v := range n.clients {
		if slices.ContainsFunc(n.own, func(o ownAt) bool { return o.hub == v.hub && (server == nil || o.server == server) }) {
			clients += v.n
		}
	}
	return clients, own
}

// subscribers is a pool's census as a protocol asks about it.
type subscribers struct {
	census *census
	pool   *Pool
}

var _ about.Subscribers = (*subscribers)(nil)

// Count implements about.Subscribers.
func (v *subscribers) Count(sort int, name []byte, place int) (clients, own int) {
	c := v.census
	c.mu.RLock()
	defer c.mu.RUnlock()
	if sort >= len(c.names) {
		return 0, 0
	}
	n := c.names[sort][string(name)]
	if n == nil {
		return 0, 0
	}
	return n.at(v.server(place))
}

// Names implements about.Subscribers.
func (v *subscribers) Names(sort, place int, f func(name string, clients, own int)) {
	c, server := v.census, v.server(place)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if sort >= len(c.names) {
		return
	}
	for name, n := range c.names[sort] { // in no order: they are added up
		clients, own := n.at(server)
		f(name, clients, own)
	}
}

// server is that of a place; nil: any.
func (v *subscribers) server(place int) *topology.Server {
	if servers := v.pool.Servers(); place >= 0 && place < len(servers) {
		return servers[place]
	}
	return nil
}
