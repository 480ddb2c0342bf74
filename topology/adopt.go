package topology

import (
	"slices"
)

// Adopt has p, which no loop uses yet, go on where old stands, and stops old's timers. A server is the same if it is
// reached at the same address, whatever its name and weight: if it was ejected it stays so, until old's time is up.
func (p *Pool) Adopt(old *Pool) {
	p.resolver = old.resolver
	p.outOfSteps.Store(old.outOfSteps.Load())
	old.oddities.Range(func(k, v any) bool { p.oddities.Store(k, v); return true })
	from := p.Match(old)
	p.health.adopt(&old.health, from)
	for i, j := range from {
		if j >= 0 {
			p.abilities.adopt(i, &old.abilities, j)
		}
	}
}

// Match finds for each server of p the one of old that it is, by index, or -1.
func (p *Pool) Match(old *Pool) []int {
	type address struct{ network, addr, name string }
	at := make(map[address][]int)
	for i, s := range old.opts.Servers {
		at[address{s.Network, s.Addr, s.Name}] = []int{i}
	}
	from := make([]int, len(p.opts.Servers))
	used := make([]bool, len(old.opts.Servers))
	for i, s := range p.opts.Servers {
		from[i] = -1
		if j := at[address{s.Network, s.Addr, s.Name}]; len(j) > 0 {
			from[i] = j[0]
			used[j[0]] = true
		}
	}
	for i, s := range old.opts.Servers { // those that had another name: any at the address will do
		if !used[i] {
			a := address{s.Network, s.Addr, ""}
			at[a] = append(at[a], i)
		}
	}
	for i, s := range p.opts.Servers {
		a := address{s.Network, s.Addr, ""}
		if j := at[a]; from[i] < 0 && len(j) > 0 {
			from[i], at[a] = j[0], j[1:]
		}
	}
	return from
}

// adopt copies what old knows of the servers, by their index there, and goes on with its timers. old stops.
func (h *health) adopt(old *health, from []int) {
	old.close()
	h.ejections.Store(old.ejections.Load())
	for i, j := range from {
		if j >= 0 {
			h.ejected[i].Store(old.ejected[j].Load())
		}
	}
	if !h.pool.opts.AutoEjectHosts {
		return
	}
	old.mu.Lock()
	servers := slices.Clone(old.servers)
	old.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, j := range from {
		if j < 0 {
			continue
		}
		h.failures[i].Store(old.failures[j].Load())
		h.trial[i].Store(old.trial[j].Load())
		h.servers[i] = servers[j]
		if servers[j].out {
			h.down[i].Store(true)
			h.retryInLocked(i, max(servers[j].retryAt.Sub(h.world.Now()), 0), false)
		}
	}
	if live, _ := h.liveLocked(); h.pool.opts.OnServerFailure.MovesKeys() {
		h.pool.swapRing(live) // at once: the loops are about to use it
	}
}
