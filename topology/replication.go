package topology

import (
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	"cashew/codec"
)

// Each replica is looked at off the loops, every ReplicaInterval, over connections that stay:
//
//	t0   the clock is read
//	     its master is asked how far it has written: all that it had acknowledged before t0 is within
//	     the replica is asked how far it has carried that out
//
// Once it is that far it has all that was acknowledged before t0 (freshTo), whatever the clocks of the servers say. What masters said is
// kept (history), so that of a replica that is behind it is known how far: it has what was acknowledged before the last t0 that it has
// reached. A write is read back once freshTo is later than its reply.
//
//	well       reads are sent to it
//	not well   it does not answer, loads, is given all that its master has, is no replica, or none of this master, or is too far behind
//
// One that has lost its master is behind, as any other, and further with each look.

const (
	behindLooks = 4                     // at a replica that is not as far as its master was, at once: what is on the way arrives
	behindPause = 5 * time.Millisecond  // before the first of these, and twice as long before each further
	lookTimeout = time.Second           // for an answer, or the pool's timeout, if that is shorter
	maxHistory  = 256                   // times at which it is known how far a master was, fewer of those that are long ago
	maxInfo     = 64 << 10              // bytes of a section of INFO
	leastLook   = 10 * time.Millisecond // between looks
)

// history is how far a master had written, when.
type history struct {
	mu   sync.Mutex
	name string // of what is written, as the master calls it
	list []milestone
}

// milestone is a moment, in nanoseconds of the World, and how far the master was a little later.
type milestone struct{ at, offset int64 }

// add notes how far the master is.
func (h *history) add(name string, m milestone) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.name != name {
		h.name, h.list = name, nil
	}
	if n := len(h.list); n > 0 && h.list[n-1].offset == m.offset {
		h.list[n-1].at = max(h.list[n-1].at, m.at) // nothing was written
		return
	}
	if len(h.list) == maxHistory {
		h.thin()
	}
	h.list = append(h.list, m)
}

// thin drops the moment that is missed the least: how long ago a moment is may be known the less closely, the longer that is.
func (h *history) thin() {
	now, least, at := h.list[len(h.list)-1].at, math.Inf(1), 1
	for i := 1; i < len(h.list)-1; i++ {
		if gap := float64(h.list[i+1].at-h.list[i-1].at) / float64(max(now-h.list[i].at, 1)); gap < least {
			least, at = gap, i
		}
	}
	h.list = slices.Delete(h.list, at, at+1)
}

// reached is the last moment whose writes a replica has that is so far; 0: none is known. same: it has the master's history at all.
func (h *history) reached(name string, offset int64) (at int64, same bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.name == "" || h.name != name {
		return 0, false
	}
	for _, m := range h.list {
		if m.offset <= offset {
			at = max(at, m.at)
		}
	}
	return at, true
}

// Watch looks at p's replicas again and again until ctx ends.
func (p *Pool) Watch(ctx context.Context) {
	for place, readers := range p.readers {
		for _, r := range readers {
			if r.server == p.servers[place] {
				continue
			}
			w := &watcher{pool: p, master: line{server: p.servers[place]}, replica: line{server: r.server}}
			p.world.Go(func() { w.watch(ctx) })
		}
	}
}

// watcher looks at one replica.
type watcher struct {
	pool            *Pool
	master, replica line
}

func (w *watcher) watch(ctx context.Context) {
	defer w.master.hangUp()
	defer w.replica.hangUp()
	for ctx.Err() == nil {
		w.look(ctx)
		_ = w.pool.world.Sleep(ctx, max(w.pool.opts.ReplicaInterval, leastLook))
	}
}

// look looks at the replica once.
func (w *watcher) look(ctx context.Context) {
	p, s, h := w.pool, w.replica.server, &w.master.server.history
	at := p.world.Nanos()
	if m, err := w.master.ask(p); err == nil {
		p.MasterSaid(w.master.server, at, &m)
	}
	for looks := 0; ; looks++ {
		r, err := w.replica.ask(p)
		if ctx.Err() != nil {
			return // it may be no replica of p's any more
		}
		if err != nil {
			p.Unwell(s, "it does not say how it is: %v", err)
			return
		}
		reached, same := h.reached(r.History, r.Offset)
		if same && reached < at && looks < behindLooks && r.Linked && !r.Syncing && !r.Loading {
			_ = p.world.Sleep(ctx, behindPause<<looks)
			continue
		}
		p.ReplicaSaid(s, at, &r)
		return
	}
}

// MasterSaid takes what a server of p said, which was asked at a time, in nanoseconds of the World, or a little later.
func (p *Pool) MasterSaid(s *Server, at int64, m *codec.Replication) {
	if m.IsMaster && m.History != "" {
		s.history.add(m.History, milestone{at, m.Offset})
		s.migrated(m.Migrations, at)
	}
}

// ReplicaSaid has s, a replica of p, be as it said, which was asked at a time or later, behind its master. What an earlier pool hears is of no
// interest any more.
func (p *Pool) ReplicaSaid(s *Server, at int64, r *codec.Replication) {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	if p.health.stopped.Load() {
		return // it may be a replica of another master by now
	}
	if r.Zone != "" {
		s.zone.Store(&r.Zone)
	}
	master := p.masterOf(s)
	if master == nil {
		return
	}
	reached, same := master.history.reached(r.History, r.Offset)
	if same {
		s.freshTo.Store(reached) // it may have begun anew, with what it had once
	}
	lag := time.Duration(max(at-s.freshTo.Load(), 0))
	s.lag.Store(int64(lag))
	switch {
	case r.IsMaster:
		p.Unwell(s, "it is no replica, but a master")
	case r.Loading:
		p.Unwell(s, "it is loading")
	case r.Syncing:
		p.Unwell(s, "it is being given all that its master has")
	case !same && r.Linked:
		p.Unwell(s, "it is a replica of another master than %s", p.Entry(master).Name)
	case !same || s.freshTo.Load() == 0:
		p.Unwell(s, "how far it is behind is not known")
	case p.opts.MaxLag > 0 && lag > p.opts.MaxLag:
		p.Unwell(s, "it is %v behind", lag.Round(time.Millisecond))
	case !s.well.Swap(true):
		p.log.Info("replica gets reads", append(p.About(s), "lag", lag)...)
	}
	if s.well.Load() {
		s.seenAt.Store(at)
	}
}

// line is a connection over which a server is asked how it is.
type line struct {
	server *Server
	conn   net.Conn // nil: none
}

// ask asks how the server stands in the replication. It blocks, for lookTimeout at most besides what it takes to connect.
func (l *line) ask(p *Pool) (r codec.Replication, err error) {
	kept := l.conn != nil
	if r, err = l.askOnce(p); err != nil && kept {
		r, err = l.askOnce(p) // the connection may have been idle for too long
	}
	return r, err
}

func (l *line) askOnce(p *Pool) (r codec.Replication, err error) {
	if l.server.Unknown() {
		return r, errors.New("where it is is not known")
	}
	if l.conn == nil {
		as := p.loginTo(l.server)
		as.Master, as.Replica = false, false // it is asked for its role
		if l.conn, err = p.enter(l.server, as, p.opts.Protocol.Home()); err != nil {
			l.conn = nil
			return r, err
		}
	}
	if r, err = l.exchange(p); err != nil {
		l.hangUp()
	}
	return r, err
}

// exchange asks over the connection.
func (l *line) exchange(p *Pool) (r codec.Replication, err error) {
	if err = l.conn.SetDeadline(p.world.Now().Add(min(lookTimeout, p.dialTimeout()))); err != nil {
		return r, err
	}
	var replies [][]byte
	for _, command := range p.opts.Protocol.ReplicationCommands() {
		reply, err := ask(l.conn, p.opts.Protocol, command, maxInfo)
		if err != nil {
			return r, err
		}
		replies = append(replies, reply)
	}
	if r, err = p.opts.Protocol.ParseReplication(replies); err == nil && r.Zone != "" {
		l.server.zone.Store(&r.Zone)
	}
	return r, err
}

// hangUp ends the connection.
func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // nothing was written that could be lost
		l.conn = nil
	}
}
