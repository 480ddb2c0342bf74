// Package engine is the proxy as a whole: its listeners, its event loops with what each package has on them, and all that changes
// while it runs.
//
//	Proxy.Start --> listener.run --accept--> (letIn) --> session.New --Enroll--> a loop
//	Proxy.Reload --> plan, bind --> each loop: session.Local.Apply
//	Proxy.Drain, HandOver, Stop
//
// No command passes through here: its road is package session's. What runs here runs on goroutines of its own, and comes onto a
// loop by Execute or Enroll; what is asked of all loops at once (Snapshot, Clients, reports) is asked here.
//
// Read options.go, proxy.go, rooms.go and listener.go first, then memory.go; plan.go, rebind.go and reload.go for another
// configuration; door.go and logins.go for what a client passes before it is one; drain.go, handover.go and takeover.go for the end of a process; ask.go, snapshot.go and sight.go for what the
// loops are asked, and report.go and about.go for what a client asks. verify_on.go, in builds with -tags invariants, looks whether all
// holds that must.
package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cashew/access"
	"cashew/audit"
	"cashew/backend"
	"cashew/loop"
	"cashew/session"
	"cashew/tlsconn"
	"cashew/topology"
	"cashew/world"
)

// Proxy is the running process: event loops, pools and their listeners.
type Proxy struct {
	now     atomic.Pointer[lineup]
	world   world.World
	log     *slog.Logger
	reactor loop.Reactor // nil until Start
	loops   []*rooms
	ids     atomic.Uint64 // of clients

	patience time.Duration // see loopPatience
	reports  *reporter
	audit    audit.Log
	access   access.Log

	pressure pressure

	tickets *tlsconn.Tickets // by which TLS sessions are resumed, of all pools
	gate    *tlsconn.Gate    // for TLS handshakes of clients

	changing  world.Lock  // held by whoever changes the fields now or accepting
	leaving   []*pool     // removed, but still with clients; under changing
	lingering []*listener // that are about to be closed, see linger; under changing
	reloads   reloads
	parting   atomic.Bool // Leave was called
	draining  atomic.Bool
	emptied   world.Signal // the last client left
	accepting *world.Group
	acceptors atomic.Uint64   // how often a loop began to accept
	running   context.Context // until Stop
	cancel    context.CancelFunc

	hall        hall
	clients     atomic.Int64 // of all pools
	clientLimit atomic.Int64 // what descriptors allow
	stopOnce    sync.Once
}

// lineup is what a reload swaps whole; nothing in it changes.
type lineup struct {
	opts      *Options // in force
	loops     int      // event loops, also where opts leave that to the process
	maxMemory int      // bytes, likewise
	pools     []*pool
	listeners []*listener // one for each pool, in their order; nil: it has none, others route to it
	narrower  []*listener // of an address that one of those has, too; see rebind.go
}

// seated are all listeners, each with the pool whose clients it accepts.
func (l *lineup) seated() iter.Seq2[*listener, *pool] {
	return func(yield func(*listener, *pool) bool) {
		for i, ln := range l.listeners {
			if ln != nil && !yield(ln, l.pools[i]) {
				return
			}
		}
		for _, ln := range l.narrower {
			if i := owner(l.listeners, ln); i >= 0 && !yield(ln, l.pools[i]) {
				return
			}
		}
	}
}

// newLineup is one without pools.
func newLineup(o *Options, m world.Memory) *lineup {
	l := &lineup{opts: o, loops: o.Loops, maxMemory: o.MaxMemoryBytes}
	if l.loops == 0 {
		l.loops = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if l.maxMemory == 0 {
		l.maxMemory = defaultMaxMemory(m)
	}
	return l
}

// Options are the settings in force: those of the last reload, but what only a start can change is the start's, and Admin is
// what SetAdmin says. There is no other copy. They do not change and are only read; another reload brings others, at another
// address.
func (p *Proxy) Options() *Options { return p.now.Load().opts }

// SetAdmin has Options say that the admin pages are at addr. They are not the proxy's: whoever has them moves them after a
// reload, which may fail.
func (p *Proxy) SetAdmin(addr string) {
	p.changing.Lock()
	defer p.changing.Unlock()
	now := *p.now.Load()
	opts := *now.opts
	opts.Admin = addr
	now.opts = &opts
	p.now.Store(&now)
}

func (p *Proxy) pools() []*pool { return p.now.Load().pools }

// listeners are all that accept for good.
func (p *Proxy) listeners() []*listener {
	now := p.now.Load()
	return slices.Concat(seatedOnly(now.listeners), now.narrower)
}

// limits are what sessions have to know of it.
func (l *lineup) limits() session.Limits {
	samples, audits := l.opts.samples(), l.opts.auditSample()
	return session.Limits{
		MaxPipeline: l.opts.MaxPipeline, MaxRequestBytes: l.opts.MaxRequestBytes, MaxMemoryBytes: l.maxMemory,
		DrainTimeout: l.opts.DrainTimeout, AuditSample: audits, Access: samples, Looks: audits != 0 || samples.Any(), SettingNames: l.opts.SettingNames,
	}
}

// pool is one server pool as the proxy sees it: what its sessions see, and who accepts them. It is their Host.
type pool struct {
	*session.Pool

	opts     *PoolOptions
	clients  *clientCount // shared with the pool that it replaced
	proxy    *Proxy
	reports  *reporter         // of all pools
	tls      *tlsconn.Acceptor // nil: its clients speak none
	door     *door             // shared with the pool that it replaced
	slowFrom *atomic.Int64     // the pool's clients are told of slow commands from this ID on; shared likewise

	unfollow context.CancelFunc // ends what looks after its servers' names, and its cluster
	until    time.Time          // of a removed pool: when clients that are left are closed
}

// clientCount counts a pool's clients, on whatever loop.
type clientCount struct {
	now      atomic.Int64
	accepted atomic.Int64 // ever
	rejected atomic.Int64 // beyond client_connections
}

// New checks o and builds pools and rings; nothing runs or listens yet. Errors name the pool and are joined.
func New(o Options, w world.World, log *slog.Logger) (*Proxy, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Pools = slices.Clone(o.Pools) // ours: what is in force may be otherwise
	p := &Proxy{
		world: w, log: log, patience: loopPatience, changing: w.NewLock(), emptied: w.NewSignal(), accepting: world.NewGroup(w),
	}
	p.tickets, p.gate = tlsconn.NewTickets(w, o.Tickets), tlsconn.NewGate(w, max(1, runtime.GOMAXPROCS(0)/2))
	p.reports = &reporter{proxy: p, sight: p}
	p.running, p.cancel = w.WithCancel(context.Background())
	p.hall.open, p.hall.end = w.WithCancel(p.running)
	first := newLineup(&o, w)
	errs := []error{first.roomy()}
	for i := range o.Pools {
		pl, err := p.newPool(&o.Pools[i], nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		first.pools = append(first.pools, pl)
	}
	p.now.Store(first)
	p.audit.Set(o.auditPolicy())
	p.setAccess(&o.AccessOptions)
	return p, errors.Join(errs...)
}

// newPool makes a pool that nobody uses yet. It is the successor of old if there is one, and of the same protocol.
func (p *Proxy) newPool(o *PoolOptions, old *pool) (*pool, error) {
	build := func(o topology.Options) (*topology.Pool, error) { return topology.NewPool(o, p.world, p.log) }
	if old != nil && old.Protocol.Name() == o.Protocol.Name() {
		build = old.Successor
	}
	bp, err := build(o.Options)
	if err != nil {
		return nil, fmt.Errorf("pool %s: %w", o.Name, err)
	}
	pl := &pool{
		proxy: p, opts: o, clients: new(clientCount), reports: p.reports, slowFrom: new(atomic.Int64), door: newDoor(),
	}
	pl.door.idle.Store(int64(o.ClientIdleTimeout))
	if pl.tls, err = tlsconn.NewAcceptor(o.FromClients, p.tickets); err != nil {
		return nil, fmt.Errorf("pool %s: %w", o.Name, err)
	}
	pl.Pool = session.NewPool(bp, &o.ClientOptions, pl)
	return pl, nil
}

// Start binds all listeners, runs the loops and begins to accept. On error nothing is left running.
func (p *Proxy) Start() (err error) {
	defer func() {
		if err != nil {
			p.Stop()
		}
	}()
	if err := p.bind(); err != nil {
		return err
	}
	if err := p.startLoops(); err != nil {
		return err
	}
	p.limitClients(p.pools())
	for _, pl := range p.pools() {
		p.begin(pl)
	}
	for _, ln := range p.listeners() {
		p.accept(ln)
	}
	p.world.LimitHeap(p.now.Load().maxMemory)
	p.pressure.since = p.world.Now()
	p.world.Go(p.keepHouse)
	return nil
}

// begin starts what a pool does of itself, once the loops know it.
func (p *Proxy) begin(pl *pool) {
	if pl.opts.Preconnect {
		for _, l := range p.loops {
			l.loop.Execute(func() { l.sessions.Preconnect(pl.Pool) })
		}
	}
	if pl.opts.Near.Bytes > 0 {
		for _, l := range p.loops {
			l.loop.Execute(func() { l.sessions.Track(pl.Pool) })
		}
	}
	var following context.Context
	following, pl.unfollow = p.world.WithCancel(p.running)
	p.world.Go(func() {
		pl.FollowNames(following, func(s *topology.Server, hosts []string) {
			for _, l := range p.loops {
				l.loop.Execute(func() { l.sessions.Moved(pl.Pool, s, hosts) })
			}
		})
	})
	pl.Watch(following)
	if pl.opts.Follows() {
		p.world.Go(func() { pl.Follow(following, func(f *topology.Found) { p.discovered(pl, f) }) })
	}
}

// startLoops starts the event loops and makes rooms on each.
func (p *Proxy) startLoops() (err error) {
	if p.reactor, err = loop.StartReactor(p.now.Load().loops, p.Options().ReadBufferBytes, p.world, p.log); err != nil {
		return err
	}
	for i, on := range p.reactor.Loops() {
		p.loops = append(p.loops, newRooms(i, backend.NewLocal(on), p.now.Load(), &p.pressure.Pressure))
	}
	for _, pl := range p.pools() {
		pl.MakeGroups(p.locals())
		for _, l := range p.loops {
			l.sessions.Add(pl.Pool)
		}
	}
	return nil
}

// Tickets are what Options.Tickets of a successor is to be: with them TLS sessions of our clients are resumed there.
func (p *Proxy) Tickets() []byte { return p.tickets.Secrets() }

// Addrs are the addresses that the pools listen on, in the pools' order; nil of one that does not.
func (p *Proxy) Addrs() []net.Addr {
	var a []net.Addr
	for _, ln := range p.now.Load().listeners {
		if ln == nil {
			a = append(a, nil)
		} else {
			a = append(a, ln.nl.Addr())
		}
	}
	return a
}

// Stop closes listeners and all connections. It may be called more than once, and after a failed Start.
func (p *Proxy) Stop() {
	p.stopOnce.Do(func() {
		p.cancel() // first: a reload that waits for the loops gives up
		p.changing.Lock()
		defer p.changing.Unlock()
		p.stopAccepting()
		p.hall.close()
		for _, pl := range append(p.leaving, p.pools()...) {
			pl.Close()
		}
		if p.reactor != nil {
			p.reactor.Stop()
		}
	})
}
