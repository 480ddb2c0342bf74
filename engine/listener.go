package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cashew/session"
	"cashew/world"
)

// listener accepts one pool's clients, in one of two ways:
//
//	on a loop     while all goes well: acceptOnLoop
//	by Accept     on a goroutine of its own, which may wait: where there is something to ask of who comes (see door.go), after an
//	              accept that failed, say for want of descriptors, and while it stops
type listener struct {
	proxy     *Proxy
	pool      atomic.Pointer[pool]
	key       string // see listenKey
	nl        world.Listener
	reusePort bool        // it was bound with SO_REUSEPORT
	closing   world.Timer // of one that lingers, see linger
	stopping  atomic.Bool // see stop

	over  world.Signal // the loop is to accept no more, or does not
	ended *world.Group // run
}

func (p *Proxy) newListener(key string, nl world.Listener, reusePort bool) *listener {
	return &listener{proxy: p, key: key, nl: nl, reusePort: reusePort, over: p.world.NewSignal(), ended: world.NewGroup(p.world)}
}

// listenKey tells listeners apart: network and address as configured. Of those whose port the kernel chooses, each pool
// has its own.
func listenKey(o *PoolOptions) string {
	key := o.Listen.Network + " " + o.Listen.Addr
	if strings.HasSuffix(o.Listen.Addr, ":0") && o.Listen.Network != "unix" {
		key += " " + o.Name
	}
	return key
}

// byKey has what m has in the order of its keys. Sockets are opened and closed in this order, so that a simulation which is run
// again does the same, for Go has another order each time.
func byKey[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

// bind listens on all pools' addresses, with the listeners that another process left us as far as they fit; the others are
// closed. Errors are joined.
func (p *Proxy) bind() error {
	now := *p.now.Load()
	opts := *now.opts
	left := make(map[string]*listener)
	var inherited []*listener
	for key, nl := range byKey(opts.Inherited) {
		ln := world.ListenerOf(nl)
		left[key] = p.newListener(key, ln, ln.SharesPort())
		inherited = append(inherited, left[key])
	}
	opts.Inherited = nil
	now.opts = &opts
	for _, pl := range now.pools {
		if note := opts.keepBound(pl.opts, inherited); note != "" {
			p.log.Info(note)
		}
	}
	seats, err := p.seat(now.pools, left)
	if err != nil {
		for _, ln := range inherited {
			_ = ln.nl.Close()
		}
		return err
	}
	for _, ln := range seats.gone {
		_ = ln.nl.Close()
	}
	now.listeners, now.narrower = seats.listeners, seats.narrower
	p.now.Store(&now)
	var errs []error
	for ln, pl := range now.seated() {
		ln.pool.Store(pl)
		if err := ln.nl.Prepare(pl.opts.socket()); err != nil {
			errs = append(errs, fmt.Errorf("pool %s: listen on '%s': %w", pl.Name, pl.opts.Listen.Text, err))
		}
	}
	return errors.Join(errs...)
}

// listen binds a pool's address; reusePort is SO_REUSEPORT.
func listen(w world.Network, o *PoolOptions, reusePort bool) (world.Listener, error) {
	a, socket := o.Listen, o.socket()
	socket.ReusePort = reusePort
	nl, err := w.Listen(a.Network, a.Addr, socket)
	if err != nil {
		return nil, fmt.Errorf("bind to addr '%s' failed: %w", a.Text, err)
	}
	return nl, nil
}

// socket is what a pool's listening socket has besides its address.
func (o *PoolOptions) socket() world.ListenOptions {
	return world.ListenOptions{ReusePort: o.ReusePort, Backlog: o.Backlog, Mode: o.Listen.Mode, Keepalive: o.TCPKeepalive}
}

const (
	// queuePatience is how long the queue of a listener that stops has to be empty.
	queuePatience = time.Millisecond
	// queueTime bounds how long it may go on: another process may share the socket, and clients come all the time.
	queueTime = 100 * time.Millisecond
)

// accept has ln accept clients, until it is closed or stopped.
func (p *Proxy) accept(ln *listener) {
	ln.ended.Add(1)
	p.accepting.Go(func() {
		defer ln.ended.Done()
		ln.run()
	})
}

// stop has run accept who has come by now, and end.
func (ln *listener) stop() {
	ln.stopping.Store(true)
	ln.nl.AcceptBy(ln.proxy.world.Now())
	ln.over.Set()
}

// close closes ln, and returns once nobody accepts from it. Not from a loop.
func (ln *listener) close() {
	_ = ln.nl.Close()
	ln.over.Set()
	_ = ln.ended.Wait(context.Background())
}

// run accepts until the listener is closed or stopped. Other errors, as for want of descriptors, only make it pause.
func (ln *listener) run() {
	var wait time.Duration
	var end time.Time // of a listener that stops
	w := ln.proxy.world
	for end.IsZero() || w.Now().Before(end) {
		if !end.IsZero() {
			ln.nl.AcceptBy(w.Now().Add(queuePatience))
		} else if wait == 0 {
			ln.acceptOnLoop()
		}
		nc, err := ln.nl.Accept()
		switch {
		case errors.Is(err, net.ErrClosed), err != nil && !end.IsZero():
			return
		case err != nil && ln.stopping.Load(): // time is up; or there are no descriptors, and nobody is to wait for some
			end = w.Now().Add(queueTime)
			continue
		}
		if err != nil {
			if wait = min(max(2*wait, 5*time.Millisecond), time.Second); wait == 5*time.Millisecond {
				ln.proxy.log.Error("accept failed; going on", "pool", ln.pool.Load().Name, "err", err)
			}
			if !ln.pause(wait) {
				return
			}
			continue
		}
		wait = 0
		ln.admit(ln.pool.Load(), nc, nil)
	}
}

// pause waits for so long, or until ln is closed or stopped. false: the proxy has stopped.
func (ln *listener) pause(d time.Duration) bool {
	ctx, cancel := ln.proxy.world.WithTimeout(ln.proxy.running, d)
	defer cancel()
	_ = ln.over.Wait(ctx)
	return ln.proxy.running.Err() == nil
}

// acceptOnLoop has a loop accept for as long as all goes well: until the listener stops or is closed, accept fails, or the pool has
// something to ask of who comes.
func (ln *listener) acceptOnLoop() {
	p := ln.proxy
	if ln.stopping.Load() || ln.pool.Load().stops() {
		return
	}
	on := p.loops[int(p.acceptors.Add(1)-1)%len(p.loops)]
	var end func()
	err := ln.nl.Rest()
	if err == nil {
		end, err = on.loop.Accept(ln.nl, func() func(net.Conn) {
			pl := ln.pool.Load()
			if pl.stops() {
				return nil
			}
			return func(nc net.Conn) { ln.admit(pl, nc, on) }
		}, ln.over.Set)
	}
	if err != nil {
		p.log.Debug("clients are accepted off the loops", "pool", ln.pool.Load().Name, "err", err)
		return
	}
	_ = ln.over.Wait(context.Background())
	end()
}

// admit puts a new client of p on the loop that has the fewest, or tells it that there is no room. on is the loop that accepted it and
// calls, where p does not stop its clients; nil: none.
func (ln *listener) admit(p *pool, nc net.Conn, on *rooms) {
	limit := int64(p.opts.ClientConnections)
	if n, all := p.clients.now.Add(1), ln.proxy.clients.Add(1); limit > 0 && n > limit || all > ln.proxy.clientLimit.Load() {
		p.Left()
		p.clients.rejected.Add(1)
		if !p.encrypts() {
			_ = nc.SetWriteDeadline(ln.proxy.world.Now().Add(100 * time.Millisecond))
			_, _ = nc.Write(p.Protocol.AppendError(nil, "max number of clients reached"))
		}
		_ = nc.Close()
		return
	}
	addr := "unix"
	if nc.RemoteAddr().Network() != "unix" {
		addr = nc.RemoteAddr().String()
	}
	if t, ok := nc.(tcpConn); ok { // package net turns it on for those of an inherited listener
		_ = t.SetKeepAlive(p.opts.TCPKeepalive)
	}
	if on == nil && p.stops() {
		ln.proxy.hall.clients.Add(1)
		ln.proxy.world.Go(func() { p.letIn(nc, addr) })
		return
	}
	p.clients.accepted.Add(1)
	best := ln.proxy.leastLoop()
	s := session.New(best.sessions, p.Pool, ln.proxy.ids.Add(1), addr)
	switch {
	case on == nil:
		ln.proxy.world.Go(func() { _ = s.Enroll(nc) })
	case on == best:
		s.Open(nc)
	case !best.loop.Execute(func() { s.Open(nc) }):
		s.GiveUp(nc)
	}
}

// tcpConn is a connection of package net, or of a simulation, that is none of a unix socket.
type tcpConn interface{ SetKeepAlive(on bool) error }

// leastLoop is the loop with the fewest clients.
func (p *Proxy) leastLoop() *rooms {
	best := p.loops[0]
	for _, r := range p.loops[1:] {
		if r.sessions.Clients() < best.sessions.Clients() {
			best = r
		}
	}
	return best
}

// limitClients limits how many clients there may be at once, so that descriptors are left for the connections of all of
// pools to their servers, for those being opened or probed, for listeners, of which a loop that accepts has another, and for files. Of
// those that all databases could need, a quarter of all there are is kept at most: few clients choose one, and some proxies would have
// none left.
func (p *Proxy) limitClients(pools ...[]*pool) {
	all := p.world.Descriptors()
	if all == math.MaxInt64 {
		p.clientLimit.Store(all)
		return
	}
	reserve, chosen := 64, 0
	for _, pl := range slices.Concat(pools...) {
		servers := len(pl.opts.Servers) + len(pl.opts.Replicas)
		sets := len(p.loops) * len(pl.Protocol.Profiles()) // of connections to each server
		reserve += 2*len(pl.opts.Replicas) + 2 + servers*(pl.opts.ServerConnections*sets+1)
		chosen += servers * pl.opts.ServerConnections * sets * max(pl.Protocol.Databases()-1, 0)
	}
	reserve += min(chosen, int(all/4))
	limit := max(all-int64(reserve), 1)
	p.log.Debug("descriptors", "limit", all, "reserved", reserve, "clients", limit)
	p.clientLimit.Store(limit)
}

// Left implements Host: it counts a client out, also one that no loop knew.
func (p *pool) Left() {
	p.clients.now.Add(-1)
	if p.proxy.clients.Add(-1) == 0 {
		p.proxy.emptied.Set()
	}
}
