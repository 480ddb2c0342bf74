package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cashew/session"
	"cashew/stats"
	"cashew/world"
)

// A reload does not change a pool; it replaces one that is configured differently. The pool that takes its place, its successor,
// has what stays the same: its servers (see topology.Pool.Successor), its listener, its counters, its clients, and on each loop
// the group with the server connections.
//
//	Reload --plan--> pools and rings --bind--> listeners        nothing has changed until here, and nothing can fail after
//	                                    |
//	   each loop: rooms.apply <---------+   groups change their pool, sessions go by the new one
//	                |
//	   Proxy.now and the listeners' pools are swapped; removed pools' clients leave, and sweep clears up after them
//
// A loop applies the plan between two callbacks, so a command sees one pool only. What a session has in flight it gets
// from the connections it went to.

// errStopping refuses what a proxy that ends can't do any more.
var errStopping = errors.New("engine: the proxy is stopping")

// reloads is what became of the reloads so far.
type reloads struct {
	mu     sync.Mutex
	status stats.ReloadStatus
}

func (r *reloads) ended(at time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.At, r.status.Err = at, ""
	if err != nil {
		r.status.Failed++
		r.status.Err = err.Error()
		return
	}
	r.status.Succeeded++
}

// ReloadStatus says what became of the reloads so far.
func (p *Proxy) ReloadStatus() stats.ReloadStatus {
	p.reloads.mu.Lock()
	defer p.reloads.mu.Unlock()
	return p.reloads.status
}

// ReloadFailed counts a reload that never came to Reload, as its file could not be read.
func (p *Proxy) ReloadFailed(err error) { p.reloads.ended(p.world.Now(), err) }

// Reload has a started proxy go on with o, while traffic flows. On error, which says all that is wrong, nothing has
// changed. It returns once all commands that come in are subject to o; clients of removed pools may still be leaving. What
// only a start can change stays, and is noted; so does Admin, see SetAdmin. It may be called from any goroutine but the loops'.
func (p *Proxy) Reload(o Options) (Changes, error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	c, err := p.prepareReload(o)
	p.reloads.ended(p.world.Now(), err)
	if err != nil {
		return Changes{}, err
	}
	p.carryOut(c)
	return c.Changes, nil
}

// prepareReload does all of a reload that can fail.
func (p *Proxy) prepareReload(o Options) (*plan, error) {
	if p.draining.Load() || p.running.Err() != nil {
		return nil, errStopping
	}
	c, err := p.plan(o)
	if err == nil {
		err = p.bindPlan(c)
	}
	if err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

// discard ends what the pools of a plan have that is not to be carried out.
func (c *plan) discard() {
	if c == nil {
		return
	}
	for _, r := range c.changed {
		r.new.tls.Close()
	}
	for _, pl := range c.added {
		pl.tls.Close()
	}
}

// carryOut does what can't fail.
func (p *Proxy) carryOut(c *plan) {
	c.prepareListeners()
	p.adopt(c)
	p.limitClients(c.next.pools, c.removed, p.leaving)
	p.dismiss(c)
	change := c.change()
	p.onLoops(func(r *rooms) { r.apply(c.next, change) })
	was := p.now.Swap(c.next)
	p.audit.Set(c.next.opts.auditPolicy())
	p.setAccess(&c.next.opts.AccessOptions)
	for ln, pl := range c.next.seated() {
		ln.pool.Store(pl)
	}
	p.linger(c)
	for _, ln := range c.fresh {
		p.accept(ln)
	}
	for _, pl := range c.next.pools {
		pl.reread()
	}
	for _, r := range c.changed {
		r.old.tls.Close()
		r.old.unfollow()
		p.begin(r.new)
	}
	for _, pl := range c.added {
		p.begin(pl)
	}
	for _, pl := range c.removed {
		pl.tls.Close()
		pl.unfollow()
		pl.until = p.world.Now().Add(c.next.opts.DrainTimeout)
		p.leaving = append(p.leaving, pl)
	}
	if was.maxMemory != c.next.maxMemory {
		p.world.LimitHeap(c.next.maxMemory)
	}
}

// adopt prepares the plan's pools for the loops.
func (p *Proxy) adopt(c *plan) {
	for _, r := range c.changed {
		r.new.Adopt(r.old.Pool)
		r.new.clients, r.new.door, r.new.slowFrom = r.old.clients, r.old.door, r.old.slowFrom
		r.new.door.idle.Store(int64(r.new.opts.ClientIdleTimeout))
	}
	for _, pl := range c.added {
		pl.MakeGroups(p.locals())
	}
}

// prepareListeners prepares the listeners that stay for the pools that are to have them, while only the plan knows these. The
// mode of a socket whose file is gone stays what it was.
func (c *plan) prepareListeners() {
	for ln, pl := range c.next.seated() {
		was := ln.pool.Load()
		if was == pl || slices.Contains(c.fresh, ln) {
			continue
		}
		if err := ln.nl.Prepare(pl.opts.socket()); err != nil {
			c.Notes = append(c.Notes, fmt.Sprintf("pool %s: listen '%s': %v", pl.Name, pl.opts.Listen.Text, err))
			if ln.key == listenKey(pl.opts) {
				pl.opts.Listen = was.opts.Listen
			}
		}
	}
}

// onLoops runs f on each loop and waits until all are done, or the proxy stops. Not from a loop.
func (p *Proxy) onLoops(f func(*rooms)) {
	all := world.NewGroup(p.world)
	for _, l := range p.loops {
		all.Add(1)
		if !l.loop.Execute(func() { defer all.Done(); f(l) }) {
			all.Done()
		}
	}
	_ = all.Wait(p.running)
}

// change is the plan as sessions see it.
func (c *plan) change() *session.Change {
	change := &session.Change{Limits: c.next.limits()}
	for _, r := range c.changed {
		change.Replaced = append(change.Replaced, session.Replaced{Old: r.old.Pool, New: r.new.Pool})
	}
	for _, pl := range c.added {
		change.Added = append(change.Added, pl.Pool)
	}
	for _, pl := range c.removed {
		change.Removed = append(change.Removed, pl.Pool)
	}
	return change
}

// reached says that clients of removed pools may still send to pl, which is one as well.
func reached(pl *pool, removed []*pool) bool {
	return slices.ContainsFunc(removed, func(other *pool) bool {
		return other.clients.now.Load() > 0 && other.opts.LeadsTo(pl.Name)
	})
}

// sweep clears up after removed pools whose clients have all left, and closes clients whose time is up.
func (p *Proxy) sweep() {
	if !p.changing.TryLock() {
		return // there is a next time
	}
	defer p.changing.Unlock()
	leaving := slices.Clone(p.leaving)
	p.leaving = slices.DeleteFunc(p.leaving, func(pl *pool) bool {
		if pl.clients.now.Load() > 0 || reached(pl, leaving) {
			if p.world.Now().After(pl.until) {
				for _, l := range p.loops {
					l.loop.Execute(func() { l.sessions.CloseAll(pl.Pool) })
				}
			}
			return false
		}
		for _, l := range p.loops {
			l.loop.Execute(func() { l.sessions.Forget(pl.Pool) })
		}
		pl.Close()
		return true
	})
	if len(p.leaving) < len(leaving) {
		p.limitClients(p.pools(), p.leaving)
	}
}
