package engine

import (
	"slices"

	"cashew/session"
	"cashew/topology"
)

// What a pool that is a Redis Cluster is told by its servers, or another by its sentinels, is no reload, but it takes the same last steps: the pool is replaced by one
// that has other servers, or another owner of a slot.
//
//	topology.Pool.Follow --Found--> discovered: Pool.Discovered, adopt --> each loop: session.Local.Apply --> Proxy.now
//
// Nothing of it can fail, no file is read, and no other pool is looked at: a move of one slot in a cluster of 500 masters takes 1.2 ms, which
// BenchmarkDiscovered measures.

// discovered has old's place taken by a pool as f says. It does nothing once old is not in force any more: whoever follows its successor
// will find the same. It may be called from any goroutine but the loops'.
func (p *Proxy) discovered(old *pool, f *topology.Found) {
	p.changing.Lock()
	defer p.changing.Unlock()
	now := p.now.Load()
	i := slices.Index(now.pools, old)
	if i < 0 || p.running.Err() != nil {
		return
	}
	next := p.remapped(old, f)
	lineup, opts := *now, *now.opts
	lineup.opts, lineup.pools, opts.Pools = &opts, slices.Clone(now.pools), slices.Clone(opts.Pools)
	lineup.pools[i] = next
	opts.Pools[slices.IndexFunc(opts.Pools, func(o PoolOptions) bool { return o.Name == old.Name })] = *next.opts

	next.Adopt(old.Pool)
	if len(f.Joined)+len(f.Left) > 0 {
		p.limitClients(lineup.pools, p.leaving)
	}
	change := &session.Change{Limits: lineup.limits(), Replaced: []session.Replaced{{Old: old.Pool, New: next.Pool}}}
	p.onLoops(func(r *rooms) { r.sessions.Apply(change) })
	p.now.Store(&lineup)
	for ln, pl := range lineup.seated() {
		if pl == next {
			ln.pool.Store(pl)
		}
	}
	next.Applied()
	old.unfollow()
	p.begin(next)
	p.tellFound(next.Name, next.opts.Cluster, f)
}

// tellFound has the log tell of what a pool was told.
func (p *Proxy) tellFound(pool string, isCluster bool, f *topology.Found) {
	joined, left := some(f.Joined), some(f.Left)
	switch {
	case isCluster:
		p.log.Info("cluster changed", "pool", pool, "epoch", f.Epoch, "slots_moved", f.Moved, "slots_unowned", f.Unowned,
			"masters", len(f.Servers), "joined", joined, "left", left)
	case f.Early:
		p.log.Info("masters changed, ahead of what sentinels say", "pool", pool, "now", joined, "before", left)
	default:
		p.log.Info("masters changed", "pool", pool, "epoch", f.Epoch, "now", joined, "before", left)
	}
}

// some are a few of list: a line of the log is no place for 500.
func some(list []string) []string { return list[:min(len(list), maxTold)] }

// maxTold is how many of the masters that joined or left the log names.
const maxTold = 8

// remapped makes the pool that is to take old's place. All but its servers and its slots is old's.
func (p *Proxy) remapped(old *pool, f *topology.Found) *pool {
	servers := old.Discovered(f)
	opts := *old.opts
	opts.Options = *servers.Options()
	next := &pool{
		opts: &opts, clients: old.clients, proxy: p, reports: old.reports, tls: old.tls, door: old.door, slowFrom: old.slowFrom,
	}
	next.Pool = session.NewPool(servers, &opts.ClientOptions, next)
	return next
}
