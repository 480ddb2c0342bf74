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
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"golang.org/x/sys/unix"

	"cashew/backend"
)

// Proxy is the running process: event loops, pools and their listeners. It is gnet's event handler.
type Proxy struct {
	gnet.BuiltinEventEngine

	opts   Options
	log    *slog.Logger
	client *gnet.Client // gnet's engine without listeners: we accept ourselves, see listener
	loops  []*Loop
	pools  []*pool
	ids    atomic.Uint64 // of clients
	slow   atomic.Int64  // entries of slow logs, ever

	pressure pressure

	listeners []*listener
	accepting sync.WaitGroup
	running   context.Context // until Stop
	cancel    context.CancelFunc

	clients     atomic.Int64 // of all pools
	clientLimit int64        // what descriptors allow
	stopOnce    sync.Once
}

// pool is one server pool together with its clients' side.
type pool struct {
	*backend.Pool

	name     string
	protocol protocol
	random   bool // distribution: a key has no place
	opts     *PoolOptions
	groups   map[*Loop]*backend.Group // read-only once the loops run
	clients  atomic.Int64
	all      *atomic.Int64 // clients of all pools
	version  string
	count    counters
}

// New checks o and builds pools and rings; nothing runs or listens yet. Errors name the pool and are joined.
func New(o Options, log *slog.Logger) (*Proxy, error) {
	if o.Loops == 0 {
		o.Loops = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.ReadBufferBytes == 0 {
		o.ReadBufferBytes = 64 << 10
	}
	if o.MaxPipeline == 0 {
		o.MaxPipeline = 1024
	}
	if o.MaxRequestBytes == 0 {
		o.MaxRequestBytes = 1 << 30
	}
	if o.MaxMemoryBytes == 0 {
		o.MaxMemoryBytes = defaultMaxMemory()
	}
	p := &Proxy{opts: o, log: log}
	p.running, p.cancel = context.WithCancel(context.Background())
	var errs []error
	for i := range o.Pools {
		po := &p.opts.Pools[i]
		bp, err := backend.NewPool(po.Options, log)
		if err != nil {
			errs = append(errs, fmt.Errorf("pool %s: %w", po.Name, err))
			continue
		}
		p.pools = append(p.pools, &pool{
			Pool: bp, name: po.Name, version: o.Version, all: &p.clients, protocol: po.Protocol, opts: po,
			random: po.Distribution == "random", groups: make(map[*Loop]*backend.Group),
		})
	}
	return p, errors.Join(errs...)
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
	for _, l := range p.loops {
		for _, pl := range p.pools {
			if pl.opts.Preconnect {
				l.Execute(pl.groups[l].Preconnect)
			}
		}
	}
	p.clientLimit = p.reserveDescriptors()
	for _, ln := range p.listeners {
		p.accepting.Go(ln.run)
	}
	for _, pl := range p.pools {
		go pl.FollowNames(p.running, func(server int, hosts []string) {
			for _, l := range p.loops {
				l.Execute(func() { pl.groups[l].Moved(server, hosts) })
			}
		})
	}
	limitMemory(p.opts.MaxMemoryBytes)
	p.pressure.since = time.Now()
	go p.keepHouse()
	return nil
}

// startLoops runs gnet's event loops and makes one Loop for each.
func (p *Proxy) startLoops() error {
	watcher, err := backend.NewWatcher()
	if err != nil {
		return err
	}
	client, err := gnet.NewClient(p,
		gnet.WithNumEventLoop(p.opts.Loops),
		gnet.WithReadBufferCap(p.opts.ReadBufferBytes),
		gnet.WithLogger(gnetLogger{p.log}),
	)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if err := client.Start(); err != nil {
		return fmt.Errorf("engine: starting event loops: %w", err)
	}
	p.client = client
	for range p.opts.Loops {
		l := newLoop(&p.opts, &p.pressure)
		l.Log, l.Watcher, l.Connect = p.log, watcher, backend.Dial
		l.slowIDs = &p.slow
		far, err := p.bindLoop(l)
		if err != nil {
			return err
		}
		defer unix.Close(far) //nolint:errcheck // only once all loops are bound: an open anchor keeps its loop from being picked again
		for _, pl := range p.pools {
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
	for _, ln := range p.listeners {
		a = append(a, ln.nl.Addr())
	}
	return a
}

// Stop closes listeners and all connections. It may be called more than once, and after a failed Start.
func (p *Proxy) Stop() {
	p.stopOnce.Do(func() {
		p.cancel()
		for _, ln := range p.listeners {
			_ = ln.nl.Close()
		}
		p.accepting.Wait()
		for _, pl := range p.pools {
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
		v.opened(c, backend.NewSocket(c.Fd()))
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
