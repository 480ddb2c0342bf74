package topology

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"cashew/ring"
	"cashew/tlsconn"
	"cashew/world"
)

// Pool is one server pool, shared by all loops: its options and its list of servers never change, its router is swapped whole. A
// reload brings another Pool, see Successor.
type Pool struct {
	opts     Options
	world    world.World
	log      *slog.Logger
	registry *registry
	tls      *tlsconn.Connector // nil: servers speak none

	servers  []*Server          // by place: one for each entry of opts.Servers
	replicas []*Server          // likewise, of opts.Replicas; their places stand behind
	settled  int64              // when slots last had another owner, in nanoseconds of the World; 0: never. What moved a replica may not have yet
	readers  [][]reader         // by place: the server's replicas, and itself
	byAddr   map[string]*Server // of a cluster
	places   []int              // by slot; those of slots that no server has mean nothing
	live     atomic.Pointer[Router]
	whole    *Router
	stops    stops
	health   health
}

// registry is what a pool shares with those that it replaced and that will replace it.
type registry struct {
	mu         sync.Mutex // guards ejection of the servers of all these pools, and their health's wanted and building
	resolver   *resolver
	ejections  atomic.Int64
	outOfSteps atomic.Int64
	closed     atomic.Bool // the last of these pools is
	discovery  discovery
	masters    masters
	moving     moving
}

// NewPool makes a pool of servers of which nothing is known. Errors name the option. log hears of servers that are ejected and
// rejoin.
func NewPool(o Options, w world.World, log *slog.Logger) (*Pool, error) {
	p := &Pool{opts: o, world: w, log: log, registry: &registry{resolver: newResolver(w)}}
	p.registry.discovery.poke = w.NewSignal()
	p.registry.masters.init()
	p.serversFrom(nil)
	p.stops = stopsOf(&p.opts, stops{})
	return p.built(nil)
}

// built gives a pool that has its servers what else it needs. old is the one whose place it takes, or nil.
func (p *Pool) built(old *Pool) (*Pool, error) {
	var err error
	if p.tls, err = tlsconn.NewConnector(p.opts.ToServers); err != nil {
		return nil, err
	}
	if err = p.route(old); err != nil {
		return nil, err
	}
	return p, nil
}

// route gives a pool its router: by old's ring, if there is such a pool and its ring is p's, too.
func (p *Pool) route(old *Pool) (err error) {
	var r *ring.Ring
	if old != nil && sameRing(&p.opts, &old.opts) {
		r = old.whole.ring
	} else if r, err = BuildRing(&p.opts, nil, p.world.IntN); err != nil {
		return err
	}
	p.whole = &Router{ring: r, servers: p.servers}
	p.live.Store(p.whole)
	if p.opts.Cluster {
		p.byAddr = make(map[string]*Server, len(p.servers))
		for _, s := range p.servers {
			p.byAddr[s.Addr] = s // a replica is asked for reads alone
		}
	}
	p.pair()
	for place, s := range p.All() {
		for s.slot >= len(p.places) {
			p.places = append(p.places, 0)
		}
		p.places[s.slot] = place
	}
	p.health.live.Store(int64(len(p.servers)))
	return nil
}

// Options are what p was built from; read-only.
func (p *Pool) Options() *Options { return &p.opts }

// Router is that of the live servers. A callback loads it once, so that one command sees one.
func (p *Pool) Router() *Router { return p.live.Load() }

// Whole is the router of all servers, as if none were ejected.
func (p *Pool) Whole() *Router { return p.whole }

// Servers are p's, by place: one for each entry of Options.Servers. They are only read.
func (p *Pool) Servers() []*Server { return p.servers }

// Slots is how many slots p's servers and their replicas need: more than the greatest that one of them has.
func (p *Pool) Slots() int { return len(p.places) }

// Entry is how p's options describe s, which is one of its servers, or of their replicas.
func (p *Pool) Entry(s *Server) *ServerOptions { return p.AtPlace(p.places[s.slot]) }

// About is what log lines say of s: its pool, its name, as everywhere else, and its address if that is another.
func (p *Pool) About(s *Server) []any {
	e := p.Entry(s)
	about := []any{"pool", p.opts.Name, "server", e.Name}
	if e.Addr != e.Name && e.Addr != "" {
		about = append(about, "addr", e.Addr)
	}
	return about
}

// swapRouter builds the router of the servers that live says, by place, and has the loops use it.
func (p *Pool) swapRouter(live []bool) {
	r, err := BuildRing(&p.opts, live, p.world.IntN)
	if err != nil {
		panic("topology: a ring that was built once can't be rebuilt: " + err.Error())
	}
	p.live.Store(&Router{ring: r, servers: p.servers})
}

// Live is how many servers are not ejected.
func (p *Pool) Live() int64 { return p.health.live.Load() }

// OutOfStep counts a server connection that is closed because its replies can't be trusted.
func (p *Pool) OutOfStep() { p.registry.outOfSteps.Add(1) }

// OutOfSteps is how often that was, also in the pools that p replaced.
func (p *Pool) OutOfSteps() int64 { return p.registry.outOfSteps.Load() }

// Ejections is how often a server was taken out of the ring, also in the pools that p replaced.
func (p *Pool) Ejections() int64 { return p.registry.ejections.Load() }

// RereadTLS reads the files of ServerTLS again, for connections to come. On error those read before stay in force.
func (p *Pool) RereadTLS() (changed bool, err error) { return p.tls.Reread() }

// Close stops p's timers.
func (p *Pool) Close() {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	p.stopLocked()
	p.registry.closed.Store(true)
}
