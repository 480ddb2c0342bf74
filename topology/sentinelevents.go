package topology

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"time"

	"cashew/codec"
)

// Sentinels publish what they do. What matters is heard from all that are known, for it is the leader of a failover alone who tells of its
// steps:
//
//	+failover-state-send-slaveof-noone   held: what the old master is told to write from now on, the replica does not get
//	the replica says that it is one      early: it is the master, about a second before sentinels say so
//	+switch-master and others            a round
//	the failover ends, or is given up    a round, and what is held is not for much longer
//
// Those who listen belong to no pool: one that takes another's place finds them there. They end once no pool wants them.

const (
	listenTick  = time.Second           // between looks at whether a sentinel that says nothing is still to be heard
	pingTicks   = 5                     // without a word, until a sentinel is asked for one
	deadTicks   = 12                    // until it is given up
	holdTime    = 5 * time.Second       // a master is held, at most
	settleTime  = time.Second           // the same, once the failover is over
	earlyTime   = 10 * time.Second      // until sentinels have to say where the master is that nobody but a replica named
	lookTime    = 10 * time.Millisecond // between looks at a replica that is about to be the master
	maxListened = 32
)

// begin follows p's sentinels besides asking them, until ctx ends.
func (p *Pool) begin(ctx context.Context) {
	m := &p.registry.masters
	m.follow(p)
	p.world.Go(func() {
		for ctx.Err() == nil {
			for _, addr := range m.unheard() {
				p.world.Go(func() { p.listen(addr) })
			}
			_ = p.world.Sleep(ctx, listenTick)
		}
	})
}

// unheard are the sentinels that are to be listened to from now on.
func (m *masters) unheard() (addrs []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.all() {
		if len(m.heard) < maxListened && !m.heard[s.Addr] {
			m.heard[s.Addr] = true
			addrs = append(addrs, s.Addr)
		}
	}
	return addrs
}

// hears says that somebody wants to hear the sentinel at addr.
func (m *masters) hears(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.pool.registry.closed.Load() && slices.ContainsFunc(m.all(), func(s ServerOptions) bool { return s.Addr == addr })
}

// listen hears what the sentinel at addr publishes, until that ends. It blocks.
func (p *Pool) listen(addr string) {
	m := &p.registry.masters
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.heard, addr)
	}()
	c, err := p.enter(sentinelServer(addr), codec.Login{Server: codec.ToSentinels}, 0)
	if err != nil {
		return // again after listenTick
	}
	defer c.Close() //nolint:errcheck // nothing was written that could be lost
	if _, err = c.Write(p.opts.Protocol.EventCommand()); err != nil {
		return
	}
	p.registry.discovery.call() // what was published before nobody has heard
	p.hear(c, addr)
}

// hear takes what comes of a sentinel that publishes.
func (p *Pool) hear(c net.Conn, addr string) {
	protocol := p.opts.Protocol
	var scan codec.ReplyScan
	var frame []byte
	buf, silent := make([]byte, 4<<10), 0
	for {
		if c.SetDeadline(p.world.Now().Add(listenTick)) != nil {
			return
		}
		n, err := c.Read(buf)
		switch silent++; {
		case !p.registry.masters.hears(addr):
			return
		case err == nil:
			silent = 0
		case !errors.Is(err, os.ErrDeadlineExceeded), silent >= deadTicks:
			return
		case silent == pingTicks:
			if c.SetDeadline(p.world.Now().Add(listenTick)) != nil { // the one that has just passed is for writing, too
				return
			}
			if _, err := c.Write(protocol.Probe()); err != nil {
				return
			}
		}
		for rest := buf[:n]; len(rest) > 0; {
			m, done, err := protocol.ScanReply(&scan, rest)
			if err != nil || len(frame)+m > maxProbeReply {
				return
			}
			frame, rest = append(frame, rest[:m]...), rest[m:]
			if !done {
				continue
			}
			if e, ok := protocol.ParseEvent(frame); ok {
				p.registry.masters.happened(e)
			}
			frame = frame[:0]
		}
	}
}

// happened does what is to be done about an event.
func (m *masters) happened(e codec.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, k := m.pool, m.of[e.Master]
	if e.Master != "" && p.servedAs(e.Master) == nil {
		return
	}
	switch {
	case e.Kind == codec.Promoting && k != nil:
		k.holds++
		p.log.Info("a replica is about to be the master; what is to be written waits for it", "pool", p.opts.Name, "master", e.Master, "replica", e.Addr)
		m.holdLocked(e.Master, true)
		m.releaseIn(holdTime, e.Master, k)
		if e.Addr != "" {
			p.world.Go(func() { m.awaitPromotion(p, e.Master, e.Addr) })
		}
		return
	case e.Kind == codec.Settled && k != nil:
		if soon := p.world.Nanos() + int64(settleTime); k.early > soon {
			k.early = soon
		}
		m.releaseIn(settleTime, e.Master, k)
	}
	p.registry.discovery.call()
}

// servedAs is the server of p that sentinels call so; nil: none is.
func (p *Pool) servedAs(master string) *ServerOptions {
	i := slices.IndexFunc(p.opts.Servers, func(s ServerOptions) bool { return s.Master == master })
	if i < 0 {
		return nil
	}
	return &p.opts.Servers[i]
}

// holdLocked has the servers of a master be held, or not any more.
func (m *masters) holdLocked(name string, is bool) {
	for i := range m.pool.opts.Servers {
		if m.pool.opts.Servers[i].Master == name {
			m.pool.servers[i].set(heldBit, is)
		}
	}
}

// releaseIn ends the last hold of a master after d.
func (m *masters) releaseIn(d time.Duration, name string, k *master) {
	holds := k.holds
	m.pool.world.AfterFunc(d, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if now := m.of[name]; now != nil && now.holds == holds {
			m.holdLocked(name, false)
		}
	})
}

// awaitPromotion looks at a replica that is about to be a master until it says that it is one, or time is up.
func (m *masters) awaitPromotion(p *Pool, name, addr string) {
	as := p.Login(p.servedAs(name), codec.Attempt{})
	for until := p.world.Nanos() + int64(holdTime); p.world.Nanos() < until; {
		c, err := p.enter(&Server{Network: "tcp", Addr: addr}, as, p.opts.Protocol.Home())
		if err == nil {
			_ = c.Close()
			m.promoted(p, name, addr)
			return
		}
		_ = p.world.Sleep(context.Background(), lookTime)
	}
}

// promoted notes that the replica at addr is the master, which no sentinel may have said yet.
func (m *masters) promoted(p *Pool, name, addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.of[name]; k.addr != addr {
		k.addr, k.early, k.lower = addr, p.world.Nanos()+int64(earlyTime), 0
	}
	p.registry.discovery.call()
}

// sentinelServer is a sentinel as one that is connected to.
func sentinelServer(addr string) *Server {
	return &Server{Network: "tcp", Addr: addr, sentinel: true}
}
