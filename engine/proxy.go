// Package engine is the proxy's side towards the clients: listeners, event loops and sessions. The road of a request:
//
//	Proxy.OnTraffic -> Session.onData -> consume -> handle -> forward | scatter -> backend.Conn
//	                                                                                   |
//	client <- Loop.flush <- Session.drain <- Session.Replied <- backend.Conn.OnData <--+
//
// A Loop and all that hangs on it runs on one goroutine, gnet's event loop; nothing there is locked or shared. Accepting
// clients, connecting to servers and timers run on goroutines of their own and come onto a loop by Execute or Enroll.
package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"golang.org/x/sys/unix"

	"cashew/backend"
	"cashew/stats"
)

// Proxy is the running process: event loops, pools and their listeners. It is gnet's event handler.
type Proxy struct {
	gnet.BuiltinEventEngine

	now    atomic.Pointer[lineup]
	log    *slog.Logger
	client *gnet.Client // gnet's engine without listeners: we accept ourselves, see listener
	loops  []*Loop
	ids    atomic.Uint64 // of clients
	slow   atomic.Int64  // entries of slow logs, ever

	patience time.Duration // see loopPatience
	reports  *reporter

	pressure pressure

	changing  sync.Mutex  // held by whoever changes now or accepting
	leaving   []*pool     // removed, but still with clients; under changing
	lingering []*listener // that are about to be closed, see dismiss; under changing
	reloads   reloads
	draining  atomic.Bool
	emptied   chan struct{} // has room for one: the last client left
	accepting sync.WaitGroup
	running   context.Context // until Stop
	cancel    context.CancelFunc

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
	listeners []*listener // one for each pool, in their order
	narrower  []*listener // of an address that one of those has, too; see rebind.go
}

// seated are all listeners, each with the pool whose clients it accepts.
func (l *lineup) seated() iter.Seq2[*listener, *pool] {
	return func(yield func(*listener, *pool) bool) {
		for i, ln := range l.listeners {
			if !yield(ln, l.pools[i]) {
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
func newLineup(o *Options) *lineup {
	l := &lineup{opts: o, loops: o.Loops, maxMemory: o.MaxMemoryBytes}
	if l.loops == 0 {
		l.loops = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if l.maxMemory == 0 {
		l.maxMemory = defaultMaxMemory()
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
	return slices.Concat(now.listeners, now.narrower)
}

// pool is one server pool together with its clients' side.
type pool struct {
	*backend.Pool

	name     string
	protocol protocol
	random   bool // distribution: a key has no place
	opts     *PoolOptions
	origin   *stats.Origin            // of its keys, for those who keep some
	groups   map[*Loop]*backend.Group // read-only once the loops know the pool
	clients  *atomic.Int64            // shared with the pool that it replaced
	proxy    *Proxy
	version  string
	count    *counters     // shared with the pool that it replaced
	reports  *reporter     // of all pools
	slowFrom *atomic.Int64 // the pool's clients are told of slow commands from this ID on; shared likewise

	next     *pool              // that replaced it; set before a group of it is told to leave
	unfollow context.CancelFunc // ends what looks after its servers' names
	until    time.Time          // of a removed pool: when clients that are left are closed
}

// New checks o and builds pools and rings; nothing runs or listens yet. Errors name the pool and are joined.
func New(o Options, log *slog.Logger) (*Proxy, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Pools = slices.Clone(o.Pools) // ours: what is in force may be otherwise
	p := &Proxy{log: log, patience: loopPatience, emptied: make(chan struct{}, 1)}
	p.reports = &reporter{proxy: p, sight: p}
	p.running, p.cancel = context.WithCancel(context.Background())
	first := newLineup(&o)
	var errs []error
	for i := range o.Pools {
		pl, err := p.newPool(&o.Pools[i], o.Version)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		first.pools = append(first.pools, pl)
	}
	p.now.Store(first)
	return p, errors.Join(errs...)
}

func (p *Proxy) newPool(o *PoolOptions, version string) (*pool, error) {
	bp, err := backend.NewPool(o.Options, p.log)
	if err != nil {
		return nil, fmt.Errorf("pool %s: %w", o.Name, err)
	}
	from := &stats.Origin{Pool: o.Name, Describe: o.Protocol.Describe}
	for i := range o.Servers {
		from.Servers = append(from.Servers, o.serverName(i))
	}
	return &pool{
		origin: from,
		Pool:   bp, name: o.Name, version: version, proxy: p, protocol: o.Protocol, opts: o,
		random: o.Distribution == "random", groups: make(map[*Loop]*backend.Group),
		clients: new(atomic.Int64), count: new(counters), reports: p.reports, slowFrom: new(atomic.Int64),
	}, nil
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
		p.accepting.Go(ln.run)
	}
	limitMemory(p.now.Load().maxMemory)
	p.pressure.since = time.Now()
	go p.keepHouse()
	return nil
}

// begin starts what a pool does of itself, once the loops know it.
func (p *Proxy) begin(pl *pool) {
	if pl.opts.Preconnect {
		for _, l := range p.loops {
			l.Execute(func() {
				if g := pl.groups[l]; !g.Left() {
					g.Preconnect()
				}
			})
		}
	}
	var following context.Context
	following, pl.unfollow = context.WithCancel(p.running)
	go pl.FollowNames(following, func(server int, hosts []string) {
		s := &pl.Options().Servers[server]
		for _, l := range p.loops {
			l.Execute(func() { pl.moved(l, s, hosts) })
		}
	})
}

// startLoops runs gnet's event loops and makes one Loop for each.
func (p *Proxy) startLoops() error {
	watcher, err := backend.NewWatcher()
	if err != nil {
		return err
	}
	client, err := gnet.NewClient(p,
		gnet.WithNumEventLoop(p.now.Load().loops),
		gnet.WithReadBufferCap(p.Options().ReadBufferBytes),
		gnet.WithLogger(gnetLogger{p.log}),
	)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if err := client.Start(); err != nil {
		return fmt.Errorf("engine: starting event loops: %w", err)
	}
	p.client = client
	for range p.now.Load().loops {
		l := newLoop(p.now.Load(), &p.pressure)
		l.Log, l.Watcher, l.Connect = p.log, watcher, backend.Dial
		l.slowIDs = &p.slow
		far, err := p.bindLoop(l)
		if err != nil {
			return err
		}
		defer unix.Close(far) //nolint:errcheck // only once all loops are bound: an open anchor keeps its loop from being picked again
		for _, pl := range p.pools() {
			pl.groups[l] = backend.NewGroup(&l.Loop, pl.Pool)
		}
		p.loops = append(p.loops, l)
	}
	return nil
}

// bindLoop finds l an event loop that has no Loop yet and returns the far end of the connection that found it, which the
// caller closes. gnet's loops have no number and can only be had from a connection; its client puts each new connection on
// the loop with the fewest, so one end of a socket pair for each finds them all.
func (p *Proxy) bindLoop(l *Loop) (far int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, fmt.Errorf("engine: socketpair: %w", err)
	}
	f := os.NewFile(uintptr(fds[0]), "socketpair")
	defer f.Close() //nolint:errcheck // FileConn has its own descriptor
	nc, err := net.FileConn(f)
	if err != nil {
		_ = unix.Close(fds[1])
		return -1, fmt.Errorf("engine: socketpair: %w", err)
	}
	gc, err := p.client.EnrollContext(nc, anchor{})
	if err != nil {
		_ = unix.Close(fds[1])
		return -1, fmt.Errorf("engine: enroll: %w", err)
	}
	l.EL = gc.EventLoop()
	if l.poller, err = newPoller(l.EL); err != nil {
		_ = unix.Close(fds[1])
		return -1, err
	}
	return fds[1], nil
}

// anchor is the context of a connection that found a loop.
type anchor struct{}

// Addrs are the addresses that the pools listen on, in the pools' order.
func (p *Proxy) Addrs() []net.Addr {
	var a []net.Addr
	for _, ln := range p.now.Load().listeners {
		a = append(a, ln.nl.Addr())
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
		for _, pl := range append(p.leaving, p.pools()...) {
			pl.Close()
		}
		if p.client != nil {
			_ = p.client.Stop()
		}
	})
}

// OnOpen implements gnet.EventHandler.
func (p *Proxy) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	switch v := c.Context().(type) {
	case *Session:
		clientOpened(v, c, backend.NewSocket(c.Fd()))
	case *backend.Conn:
		if !serverOpened(v, c, backend.NewSocket(c.Fd())) {
			return nil, gnet.Close
		}
	}
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (p *Proxy) OnTraffic(c gnet.Conn) gnet.Action {
	buf, _ := c.Next(-1)
	switch v := c.Context().(type) {
	case *Session:
		clientData(v, buf)
	case *backend.Conn:
		serverData(v, buf)
	}
	return gnet.None
}

// OnClose implements gnet.EventHandler.
func (p *Proxy) OnClose(c gnet.Conn, err error) gnet.Action {
	switch v := c.Context().(type) {
	case *Session:
		clientClosed(v, c, err)
	case *backend.Conn:
		serverClosed(v, c, err)
	}
	return gnet.None
}

// gnetLogger sends gnet's own messages to our log. What it calls info is our debug.
type gnetLogger struct{ log *slog.Logger }

var _ logging.Logger = gnetLogger{}

func (g gnetLogger) Debugf(f string, a ...any) { g.log.Debug(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Infof(f string, a ...any)  { g.log.Debug(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Warnf(f string, a ...any)  { g.log.Warn(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Errorf(f string, a ...any) { g.log.Error(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Fatalf(f string, a ...any) { g.log.Error(fmt.Sprintf("gnet: "+f, a...)) }
