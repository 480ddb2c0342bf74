package engine

import (
	"slices"
	"time"

	"cashew/backend"
	"cashew/stats"
)

// shard is one pool on one loop, with what its sessions there share. A reload gives it another pool, between two callbacks; its
// sessions, its group, and what was counted, stay.
type shard struct {
	pool    *pool
	group   *backend.Group
	tally   stats.ClientTally
	slowLog stats.SlowLog
	removed bool // its pool is gone: clients of it that still open leave at once
}

// makeGroups makes the groups of p, which replaces no pool, one for each loop, on any goroutine; the loops do not know them yet.
func (p *pool) makeGroups(loops []*Local) {
	for _, l := range loops {
		p.groups = append(p.groups, backend.MakeGroup(l.servers, p.Pool))
	}
}

// addShard makes p known to l.
func (l *Local) addShard(p *pool) {
	h := &shard{pool: p, group: p.groups[l.index]}
	h.group.Join()
	l.shards = append(l.shards, h)
}

// shardOf is the shard that has p, or the pool that replaced it; nil: l does not know it, or not any more.
func (l *Local) shardOf(p *pool) *shard {
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
func (h *shard) replace(p *pool) (ordered bool) {
	h.pool = p // first: a client that Change wakes must route by it
	h.slowLog.Keep(p.opts.SlowMaxLen)
	return h.group.Change(p.Pool)
}

// orphanTimeout is how long a removed pool's servers may take to execute what its clients sent before they left.
const orphanTimeout = 5 * time.Second

// forget is the end of a removed pool on l, and of what was counted of it.
func (l *Local) forget(p *pool) {
	i := slices.IndexFunc(l.shards, func(h *shard) bool { return h.pool == p })
	if i < 0 {
		return
	}
	g := l.shards[i].group
	g.Leave()
	g.Hurry(orphanTimeout) // nobody waits for what is outstanding
	l.shards = slices.Delete(l.shards, i, i+1)
}
