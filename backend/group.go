package backend

import (
	"errors"
	"net"
	"slices"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/codec"
	"cashew/codec/work"
	"cashew/loop"
	"cashew/stats"
	"cashew/topology"
)

// Group is one loop's connections to one pool: for each profile and database that clients have a set of ServerConnections for each
// server, opened when first needed. What it has of a server stands at the server's slot. A reload gives it another pool, see Change.
type Group struct {
	loop  *loop.Loop
	local *Local
	pool  *topology.Pool
	lanes []lane // by slot
	sets  []*Set // one for each profile and database that a client has had
	home  *Set   // of sets, that of the plain profile and the pool's own database

	classes []work.Class // by Op
	lookups [codec.MaxProfiles]lookups

	leased  []*Conn // or idle, see lease.go
	feeds   []*Conn // see feed.go
	retired []*Conn // get no more requests, but still have something outstanding
	left    bool    // gets no more requests itself: its pool is gone
	losses  int     // as of the lanes, together

	// Unknown, if it is set, is called with the beginning of each reply by which a server says that it does not have a command.
	Unknown func(reply []byte)

	// Again, if it is set before there is a connection, is called with a request that was not done, or that does no harm if it is done twice;
	// see Elsewhere.
	Again func(r *Request, frame *bytebufferpool.ByteBuffer, e Elsewhere) (taken bool)
}

// lane is what a Group has of a server besides connections.
type lane struct {
	server   *topology.Server // nil: no server of the pool has this slot
	figures  *stats.ServerTally
	leases   [leaseKinds]*leases
	losses   int   // connections to the server that ended and that we had not given up, or that led to what is no more the server
	redialAt int64 // when giveUp last retired this server's connections, as Loop.Now; 0: never
	lateAt   int64 // when a request to the server was last late, as Loop.Now, if it has not been heard since; 0: it was not, or has
}

// MakeGroup makes o's group for p, on any goroutine; the loop does not know it before Join.
func MakeGroup(o *Local, p *topology.Pool) *Group {
	g := &Group{loop: o.loop, local: o, pool: p}
	g.lanes = g.lanesFor(p)
	g.home = g.Set(0, p.Options().Protocol.Home())
	for op := range p.Options().Protocol.Ops() {
		_, class := p.Options().Protocol.Describe(uint16(op))
		g.classes = append(g.classes, class)
	}
	for pr := range p.Options().Protocol.Profiles() {
		g.lookups[pr] = lookupsOf(p.Options().Protocol, codec.Profile(pr), g.classes)
	}
	return g
}

// lanesFor are the lanes for p's servers: those that g has where the same server is in that slot, else new ones.
func (g *Group) lanesFor(p *topology.Pool) []lane {
	lanes := make([]lane, p.Slots())
	for _, s := range p.All() {
		slot := s.Slot()
		if slot < len(g.lanes) && g.lanes[slot].server == s {
			lanes[slot] = g.lanes[slot]
		} else {
			lanes[slot] = lane{server: s, figures: new(stats.ServerTally), leases: [leaseKinds]*leases{new(leases), new(leases)}}
		}
	}
	return lanes
}

// Left says that g gets no more requests: its pool is gone.
func (g *Group) Left() bool { return g.left }

// Database is the database that s leads to.
func (s *Set) Database() int { return s.db }

// Join makes g known to its loop, which looks after its deadlines from then on.
func (g *Group) Join() { g.local.groups = append(g.local.groups, g) }

// Set is a group's connections of one profile, to one database.
type Set struct {
	group   *Group
	profile codec.Profile
	db      int
	conns   []*Conn  // slot by slot, ServerConnections each; nil until first used
	usedAt  int64    // as Loop.Now
	private *private // nil: it is nobody's own
}

// idleSet is how long connections of another set than home are kept that nobody uses.
const idleSet = time.Minute

// Set is g's set of a profile and a database that its pool serves; it may be kept until g changes its pool. Home is there from the
// beginning, another is made for the first client that asks.
func (g *Group) Set(pr codec.Profile, db int) *Set {
	for _, s := range g.sets {
		if s.profile == pr && s.db == db && s.private == nil {
			return s
		}
	}
	s := &Set{group: g, profile: pr, db: db, conns: g.newConns()}
	g.sets = append(g.sets, s)
	return s
}

func (g *Group) newConns() []*Conn {
	return make([]*Conn, len(g.lanes)*g.pool.Options().ServerConnections)
}

// Conn returns the connection to a server of the group's pool for a client; client is its number. A client's requests to one
// server all take the same connection, so they are executed in the client's order even with several connections. The connection
// may still be opening: requests wait in its batch. An error says that the server can't be reached now: the last attempt
// failed a moment ago, or no server is live (server is nil).
func (s *Set) Conn(server *topology.Server, client uint64) (*Conn, error) {
	g := s.group
	if server == nil || server.Aside() {
		if err := g.barred(server); err != nil {
			return nil, err
		}
	}
	i := s.index(server, client)
	s.usedAt = g.loop.Now
	if c := s.conns[i]; c != nil && c.state != closed {
		return c, nil
	}
	return s.opened(i, server)
}

// Despite is Conn for a command of Op op where that said err: what only reads may go to a server whose place another is about to take.
func (s *Set) Despite(err error, server *topology.Server, client uint64, op uint16) (*Conn, error) {
	if s.group.classes[op] != work.Read || !errors.Is(err, ErrHeld) {
		return nil, err
	}
	return s.opened(s.index(server, client), server)
}

// barred says why nothing can be sent to server; nil: it can.
func (g *Group) barred(server *topology.Server) error {
	switch {
	case server == nil, server.Down() && !g.pool.Options().OnServerFailure.MovesKeys():
		return ErrEjected
	case server.Unknown():
		return ErrUnknown
	case server.Held():
		return ErrHeld
	}
	return nil
}

// index is where the connection to server is that a client's requests take.
func (s *Set) index(server *topology.Server, client uint64) int {
	n := s.group.pool.Options().ServerConnections
	i := server.Slot() * n
	if n > 1 {
		i += int(client % uint64(n))
	}
	return i
}

// opened is the connection at i, which leads to server, and is opened if it is not.
func (s *Set) opened(i int, server *topology.Server) (*Conn, error) {
	c := s.conns[i]
	if c == nil {
		c = s.newConn(server)
		s.conns[i] = c
	}
	if c.state == closed {
		if err := c.redial(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// redial has c, which is closed, connect. An error says that the last attempt failed a moment ago.
func (c *Conn) redial() error {
	if c.lastErr != nil && c.loop.Now < c.retryAt {
		return c.lastErr
	}
	c.state, c.dialledAt, c.heardAt, c.attempts = dialing, c.loop.Now, never, codec.Attempt{}
	c.attempt++
	c.greet()
	c.local.Connect(c)
	return nil
}

// orderGap is between the numbers from which connections of a loop count their requests on: those of one are far from those of all
// others, so that a request that strayed from one outq to another shows: it is more than maxStray behind.
const (
	orderGap = 0x9E3779B1
	maxStray = 1 << 24
)

func (s *Set) newConn(server *topology.Server) *Conn {
	g := s.group
	g.local.orders += orderGap
	c := &Conn{
		loop: g.loop, local: g.local, group: g, pool: g.pool, server: server, profile: s.profile, db: s.db,
		figures: g.lanes[server.Slot()].figures, classes: g.lookups[s.profile].classes,
		entered: g.local.orders, answered: g.local.orders, most: maxOutstanding, private: s.private,
	}
	if o := g.pool.Options(); o.ServerTLS && o.Protocol.TLSApart() {
		c.out.MarkCommands()
	}
	if c.reads = g.pool.IsReplica(server); g.Again != nil && (c.reads || g.pool.Options().Follows()) {
		c.out.Keep()
	}
	return c
}

// Preconnect opens one connection to each server, as twemproxy does whatever server_connections says.
func (g *Group) Preconnect() {
	for _, s := range g.pool.Servers() {
		_, _ = g.home.Conn(s, 0)
	}
}

// Moved retires the connections to a server whose address is none of hosts: what is outstanding on them is still
// awaited, and the next request connects anew.
func (g *Group) Moved(server *topology.Server, hosts []string) {
	for _, s := range g.sets {
		conns := s.to(server.Slot())
		for i, c := range conns {
			if c != nil && c.elsewhere(hosts) {
				conns[i] = nil
				g.forsake(server)
				g.retire(c)
			}
		}
	}
	g.retireLeases(func(c *Conn) bool { return c.server == server && c.elsewhere(hosts) })
	g.renewFeeds(func(c *Conn) bool { return c.server == server && c.elsewhere(hosts) })
}

// elsewhere says that c is connected, and to none of hosts.
func (c *Conn) elsewhere(hosts []string) bool {
	if c.sock == nil {
		return false
	}
	host, _, err := net.SplitHostPort(c.sock.RemoteAddr().String())
	return err == nil && !slices.Contains(hosts, host)
}

// redialEvery is how often, at most, the connections to a server are given up that says it is no master: one that stays a
// replica answers all night, and would be dialled for each request.
const redialEvery = time.Second

// giveUp retires all connections to a server. What is outstanding is still awaited; the next request connects anew.
func (g *Group) giveUp(server *topology.Server) {
	l := &g.lanes[server.Slot()]
	if l.redialAt != 0 && g.loop.Now-l.redialAt < int64(redialEvery) {
		return
	}
	l.redialAt = g.loop.Now
	g.loop.Log.Warn("server is no master, or not ready; connecting anew", g.pool.About(server)...)
	for _, s := range g.sets {
		conns := s.to(server.Slot())
		for i, c := range conns {
			if c != nil && c.state == open {
				conns[i] = nil
				l.figures.Redials++
				g.forsake(server)
				g.retire(c)
			}
		}
	}
	g.retireLeases(func(c *Conn) bool { return c.server == server && c.state == open })
	g.renewFeeds(func(c *Conn) bool { return c.server == server && c.state == open })
}

// Standing is what tells whether the one server of a group's pool may have lost what it was sent, and has said to have: it differs if
// the server is another, or connections to it were lost. That of a pool of several servers tells nothing.
type Standing struct {
	server *topology.Server
	losses int
}

// Standing is that of g now.
func (g *Group) Standing() Standing {
	if servers := g.pool.Servers(); len(servers) == 1 && !g.pool.Options().Cluster {
		l := &g.lanes[servers[0].Slot()]
		return Standing{l.server, l.losses}
	}
	return Standing{}
}

// Losses is how often a connection of g to any server was lost, or led to what is no more the server.
func (g *Group) Losses() int { return g.losses }

// forsake notes that server may not be as it was when it was last heard.
func (g *Group) forsake(server *topology.Server) {
	g.losses++
	if g.has(server) {
		g.lanes[server.Slot()].losses++
	}
}

// unheard says that no connection to server is open, so that nobody would notice if it ended.
func (g *Group) unheard(server *topology.Server) bool {
	for c := range g.all {
		if c.server == server && c.state == open {
			return false
		}
	}
	return true
}

// retireAll retires all connections of a set, and says whether there were any.
func (g *Group) retireAll(conns []*Conn) (some bool) {
	for i, c := range conns {
		if c != nil {
			conns[i], some = nil, true
			g.retire(c)
		}
	}
	return some
}

// retire has c, which is in no set of g any more, close once nothing is outstanding on it, which is at once if idle.
func (g *Group) retire(c *Conn) (idle bool) {
	c.retired = true
	if c.spent() {
		c.fail(ErrClosed)
		return true
	}
	g.retired = append(g.retired, c)
	return false
}

// to are the connections of s to the server of a slot.
func (s *Set) to(slot int) []*Conn {
	n := s.group.pool.Options().ServerConnections
	return s.conns[slot*n : (slot+1)*n]
}

// all are the connections that may get requests.
func (g *Group) all(yield func(*Conn) bool) {
	for _, s := range g.sets {
		for _, c := range s.conns {
			if c != nil && !yield(c) {
				return
			}
		}
	}
}

// lastWords is how long a server that another has replaced may take to answer what it was sent. A client that waits for it waits with all that
// it sent later.
const lastWords = time.Second

// Tidy forgets retired connections that are closed, gives back those of sets that nobody uses, and sends canaries where it is time.
func (g *Group) Tidy() {
	for _, s := range g.sets {
		if s == g.home || s.private != nil || g.loop.Now-s.usedAt < int64(idleSet) || !g.retireAll(s.conns) {
			continue
		}
		for _, server := range g.pool.All() {
			if g.unheard(server) {
				g.forsake(server)
			}
		}
	}
	g.tidyLeases()
	g.tidyFeeds()
	g.retired = slices.DeleteFunc(g.retired, func(c *Conn) bool { return c.state == closed })
	for c := range g.all {
		c.greeted()
		c.sing()
		c.endSilence()
	}
	for _, c := range g.leased {
		c.greeted()
		if c.state == open {
			c.listen()
		}
		c.endSilence()
	}
	for _, c := range g.retired {
		if c.replacedAt != 0 && g.loop.Now-c.replacedAt >= int64(lastWords) {
			c.fail(ErrClosed)
		}
		c.listen() // its last clients must not wait for ever either
		c.endSilence()
	}
}
