package engine

import (
	"errors"
	"reflect"
	"slices"

	"cashew/session"
	"cashew/topology"
)

// What a pool that is a Redis Cluster is told by its servers, or another by its sentinels, is no reload, but it takes the same last steps: the pool is replaced by one
// that has other servers, or another owner of a slot. So does what is found of a plain pool's servers in a file, by DNS or elsewhere: who looks there is above the engine.
//
//	topology.Pool.Follow --Found--> discovered: Pool.Discovered, adopt --> each loop: session.Local.Apply --> Proxy.now
//	package daemon --servers--> SetServers: the same
//
// Nothing of it can fail but the ring of a list, no file is read, and no other pool is looked at: a move of one slot in a cluster of 500 masters takes 1.2 ms, which
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
	next, err := p.exchange(i, f)
	if err != nil {
		panic("engine: what was found can't be routed by: " + err.Error())
	}
	next.Applied()
	p.tellFound(next.Name, next.opts.Cluster, f)
}

// SetServers has a pool that looks for its servers elsewhere (see topology.DiscoveryOptions) go on with these. They are sorted, as in
// topology.Options. of are the settings by which they were found: if a reload has given the pool others, these servers are not meant. On
// error, which also says why no ring can be built of them, nothing has changed. It may be called from any goroutine but the loops'.
func (p *Proxy) SetServers(name string, of *topology.DiscoveryOptions, servers []topology.ServerOptions) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	now := p.now.Load()
	i := slices.IndexFunc(now.pools, func(o *pool) bool { return o.Name == name && reflect.DeepEqual(&o.opts.DiscoveryOptions, of) })
	if i < 0 {
		return ErrSuperseded
	}
	if p.running.Err() != nil {
		return errStopping
	}
	was := now.pools[i].opts.Servers
	_, err := p.exchange(i, &topology.Found{Servers: servers, Joined: addresses(servers, was), Left: addresses(was, servers)})
	return err
}

// ErrSuperseded is that a reload has given a pool other settings of discovery, or taken it away.
var ErrSuperseded = errors.New("engine: the pool's servers are looked for otherwise by now")

// addresses are those of list that old has not.
func addresses(list, old []topology.ServerOptions) (addrs []string) {
	known := make(map[string]bool, len(old))
	for i := range old {
		known[old[i].Addr] = true
	}
	for i := range list {
		if !known[list[i].Addr] {
			addrs = append(addrs, list[i].Addr)
		}
	}
	return addrs
}

// exchange has the place of the pool at i taken by one as f says, which it returns. On error, of the ring, nothing has changed. The caller
// holds p.changing.
func (p *Proxy) exchange(i int, f *topology.Found) (*pool, error) {
	now := p.now.Load()
	old := now.pools[i]
	next, err := p.remapped(old, f)
	if err != nil {
		return nil, err
	}
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
	old.unfollow()
	p.begin(next)
	return next, nil
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
func (p *Proxy) remapped(old *pool, f *topology.Found) (*pool, error) {
	servers, err := old.Discovered(f)
	if err != nil {
		return nil, err
	}
	opts := *old.opts
	opts.Options = *servers.Options()
	next := &pool{
		opts: &opts, clients: old.clients, proxy: p, reports: old.reports, tls: old.tls, door: old.door, slowFrom: old.slowFrom,
	}
	next.Pool = session.NewPool(servers, &opts.ClientOptions, next)
	return next, nil
}
