package session

import (
	"slices"
	"time"

	"cashew/backend"
	"cashew/quota"
	"cashew/stats"
	"cashew/topology"
)

// shard is one pool on one loop, with what its sessions there share. A reload gives it another pool, between two
// callbacks; its sessions, its group, and what was counted, stay.
type shard struct {
	pool     *Pool
	before   *Pool // that it had before; nil: none
	group    *backend.Group
	routes   *routes // to other pools; nil: none
	window   window  // of what its mirror's replies were compared with
	tally    stats.ClientTally
	slowLog  stats.SlowLog
	limits   *quota.Local // nil: none
	scripts  seen
	hub      *hub               // nil: nobody has subscribed to anything
	lookups  map[string]*lookup // under way, by name
	losses   int                // of connections to servers, when last looked at
	preloads preloads
	near     *nearby    // nil: nothing is kept of its replies
	owns     []*private // of its clients that track keys
	removed  bool       // its pool is gone: clients of it that still open leave at once
}

// Add makes p known to l.
func (l *Local) Add(p *Pool) {
	h := &shard{pool: p, group: p.groups[l.index], limits: p.limits.Local()}
	h.group.Unknown = h.unlearn
	h.follow(l)
	h.near = l.nearbyOf(h)
	h.group.Join()
	l.shards = append(l.shards, h)
	l.resolve()
}

// shardOf is the shard that has p, or the pool that replaced it; nil: l does not know it, or not any more.
func (l *Local) shardOf(p *Pool) *shard {
	for ; p != nil; p = p.next {
		for _, h := range l.shards {
			if h.pool == p {
				return h
			}
		}
	}
	return nil
}

// replace has h go on with another pool. ordered is false if a client must have its replies before it sends more, as
// backend.Group.Change says.
func (h *shard) replace(l *Local, p *Pool) (ordered bool) {
	was, now := h.pool.Options(), p.Options()
	sameOwners := !was.Cluster || !now.Cluster || was.Slots == now.Slots // else a key may have another server now, while the one before stays
	h.before, h.pool = h.pool, p                                         // first: a client that Change wakes must route by it
	h.slowLog.Keep(p.opts.SlowMaxLen)
	if h.limits == nil || h.limits.Of != p.limits {
		h.limits = p.limits.Local()
	}
	h.follow(l)
	h.near = l.nearbyOf(h)
	ordered = h.group.Change(p.Pool) && sameOwners
	h.near.track(false)
	if h.hub != nil {
		h.hub.mend()
	}
	return ordered
}

// orphanTimeout is how long a removed pool's servers may take to execute what its clients sent before they left.
const orphanTimeout = 5 * time.Second

// Forget is the end of a removed pool on l, and of what was counted of it.
func (l *Local) Forget(p *Pool) {
	i := slices.IndexFunc(l.shards, func(h *shard) bool { return h.pool == p })
	if i < 0 {
		return
	}
	g := l.shards[i].group
	if hub := l.shards[i].hub; hub != nil {
		hub.end()
	}
	l.shards[i].near.end()
	g.Leave()
	g.Hurry(orphanTimeout) // nobody waits for what is outstanding
	l.shards = slices.Delete(l.shards, i, i+1)
}

// Change is a reload, as one loop carries it out between two callbacks.
type Change struct {
	Limits         Limits
	Replaced       []Replaced
	Added, Removed []*Pool
}

// Replaced is a pool and the one that takes its place.
type Replaced struct{ Old, New *Pool }

// Apply carries c out on l: each shard has its new pool in one step, and its clients go on with that.
func (l *Local) Apply(c *Change) {
	memory := l.limits.MaxMemoryBytes
	l.limits = c.Limits
	l.access.forget()
	ordered, old := make(map[*shard]bool), make(map[*shard]*Pool) // looked up, and never walked over
	for _, r := range c.Replaced {
		h := l.shardOf(r.Old)
		old[h] = h.pool
		ordered[h] = h.replace(l, r.New)
	}
	for _, p := range c.Added {
		l.Add(p)
	}
	for _, p := range c.Removed {
		l.shardOf(p).removed = true
	}
	waits := l.disturbed(ordered, l.resolve())
	for s := range l.sessions.all {
		inOrder, changed := ordered[s.shard]
		switch {
		case changed:
			if s.moved(old[s.shard]); s.life == closed {
				continue
			}
		case s.removed:
			s.leave()
		case s.routes != nil && s.waitsFor&behindMap != 0:
			s.looksAgain() // another pool's may be known
		case l.limits.MaxMemoryBytes != memory:
			s.allowFirst() // a part of that
		}
		if (changed && !inOrder || waits[s.shard]) && !s.owedNothing() {
			s.waitsFor |= behindOrder
		}
		s.unblock() // the limits may be wider now
	}
	l.unpark()
	l.idleFrom = 0 // theirs, too
}

// Preconnect opens the connections of p that its servers are to have before a client asks.
func (l *Local) Preconnect(p *Pool) {
	if h := l.shardOf(p); h != nil {
		h.group.Preconnect()
	}
}

// Moved tells the group that now is where p's was that a server has other addresses.
func (l *Local) Moved(p *Pool, server *topology.Server, hosts []string) {
	h := l.shardOf(p)
	if h == nil {
		return
	}
	for _, s := range h.pool.All() {
		if s.Network == server.Network && s.Addr == server.Addr {
			h.group.Moved(s, hosts)
		}
	}
}

// CloseAll closes the clients of a pool that have not left in time.
func (l *Local) CloseAll(p *Pool) {
	for s := range l.sessions.all {
		if s.pool == p {
			s.close()
		}
	}
}
