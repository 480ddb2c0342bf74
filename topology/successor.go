package topology

import (
	"slices"
	"time"
)

// A reload never changes a Pool. It builds another, which has those Servers of the one it replaces that stay, and with each of
// them what is known of it: failures, trial, ejection, what it can.
//
//	old.Successor(options)  any goroutine: which servers stay is decided, once. Nothing has changed, and it may be thrown away
//	next.Adopt(old)         any goroutine, before a loop knows it: from now on next's health acts, and old's does not
//	Group.Change(next)      on each loop, in package backend: requests take the new router

// Successor makes the pool that is to take p's place with other options. Errors name the option. It does not count, and nothing
// has changed, before Adopt.
func (p *Pool) Successor(o Options) (*Pool, error) {
	next := &Pool{opts: o, world: p.world, log: p.log, registry: p.registry, settled: p.settled}
	next.serversFrom(p)
	next.stops = stopsOf(&next.opts, p.stops)
	return next.built(p)
}

// Discovered makes the pool that is to take p's place with what its cluster is now, where its masters are, or which servers it has. It is Successor without
// anything that can fail but for the ring of other servers.
func (p *Pool) Discovered(f *Found) (*Pool, error) {
	next := &Pool{opts: p.opts, world: p.world, log: p.log, registry: p.registry, tls: p.tls}
	next.opts.Servers, next.opts.Replicas, next.opts.Slots = f.Servers, f.Replicas, f.Slots
	if next.settled = p.settled; f.Moved > 0 && f.Slots != nil {
		next.settled = p.world.Nanos()
	}
	next.serversFrom(p)
	next.stops = stopsOf(&next.opts, p.stops)
	if err := next.route(p); err != nil {
		return nil, err
	}
	return next, nil
}

// serversFrom gives p a Server for each of its entries, and of the replicas': one of old's (nil: none has been before) where that stays, else a new one with
// the lowest slot that is free. That may be the slot of a server that goes: whoever has a table by slot finds another *Server there
// when it changes its pool.
func (p *Pool) serversFrom(old *Pool) {
	entries := slices.Concat(p.opts.Servers, p.opts.Replicas)
	servers := make([]*Server, len(entries))
	taken := make(map[int]bool)
	if old != nil {
		was := old.All()
		for i, j := range match(entries, slices.Concat(old.opts.Servers, old.opts.Replicas)) {
			if j >= 0 {
				servers[i] = was[j]
				taken[servers[i].slot] = true
			}
		}
	}
	slot := 0
	for i := range servers {
		if servers[i] != nil {
			continue
		}
		for taken[slot] {
			slot++
		}
		e := &entries[i]
		servers[i] = &Server{Network: e.Network, Addr: e.Addr, slot: slot, clock: p.world}
		servers[i].migrations.Store(-1)
		servers[i].set(unknownBit, p.unknown(e))
		slot++
	}
	p.servers, p.replicas = servers[:len(p.opts.Servers):len(p.opts.Servers)], servers[len(p.opts.Servers):]
}

// unknown says that nothing may be sent to e: nobody has told where it is, or, of a cluster's seed, that it is one of the cluster at all.
func (p *Pool) unknown(e *ServerOptions) bool {
	return e.Addr == "" || p.opts.Cluster && p.opts.Slots == nil
}

// match finds for each entry of a list the one of an old list that it is, by index, or -1. It is the same if it is reached at the
// same address, whatever its name and weight; among several at one address the name decides.
func match(list, old []ServerOptions) []int {
	type address struct{ network, addr, name string }
	at := make(map[address][]int)
	for i, s := range old {
		at[address{s.Network, s.Addr, s.Name}] = []int{i}
	}
	from := make([]int, len(list))
	used := make([]bool, len(old))
	for i, s := range list {
		from[i] = -1
		if j := at[address{s.Network, s.Addr, s.Name}]; len(j) > 0 {
			from[i] = j[0]
			used[j[0]] = true
		}
	}
	for i, s := range old { // those that had another name: any at the address will do
		if !used[i] {
			a := address{s.Network, s.Addr, ""}
			at[a] = append(at[a], i)
		}
	}
	for i, s := range list {
		a := address{s.Network, s.Addr, ""}
		if j := at[a]; from[i] < 0 && len(j) > 0 {
			from[i], at[a] = j[0], j[1:]
		}
	}
	return from
}

// Adopt has p, which is old's successor and which no loop uses yet, go on where old stands, and stops old's timers: a server that was
// ejected stays so until old's time for it is up. A pool that ejects nobody forgets who was ejected, and who had failed.
func (p *Pool) Adopt(old *Pool) {
	if len(p.opts.Sentinels) == 0 {
		p.registry.masters.forget()
	}
	if p.take(old) {
		p.build() // at once: the loops are about to use its router
	}
}

// take does what Adopt does under the lock. rebuilds: the router of the servers that are live is wanted.
func (p *Pool) take(old *Pool) (rebuilds bool) {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	old.stopLocked()
	p.registry.moving.moved(p, old)
	for _, s := range p.replicas {
		if of := p.masterOf(s); !old.hasReplica(s) || old.masterOf(s) != of {
			s.well.Store(false) // what is known of it is of another master
			s.freshTo.Store(0)
		}
		s.clearLocked() // it may have been a master
		s.set(unknownBit|heldBit, false)
		s.suspects.Store(0)
	}
	for i, s := range p.servers {
		s.set(unknownBit, p.unknown(&p.opts.Servers[i])) // a seed may be a master by now
		s.suspects.Store(0)                              // old's probe is under way, and nobody will ask what it said
		if p.opts.Servers[i].Master == "" {
			s.set(heldBit, false)
		}
		if !p.opts.AutoEjectHosts {
			s.clearLocked()
		} else if s.out {
			p.retryInLocked(s, max(s.retryAt.Sub(p.world.Now()), time.Duration(0)), false)
		}
	}
	if !p.opts.AutoEjectHosts {
		return false
	}
	live, _ := p.liveLocked()
	if !p.opts.OnServerFailure.MovesKeys() {
		return false
	}
	p.health.wanted, p.health.building = live, true
	return true
}
