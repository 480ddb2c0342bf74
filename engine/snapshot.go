package engine

import (
	"cashew/codec"
	"cashew/stats"
)

// loopFigures are a copy of what one loop counted.
type loopFigures map[string]*poolFigures // by the pool's name

type poolFigures struct {
	clients stats.ClientTally
	origin  *stats.Origin // as it was then: a reload may have moved the servers since
	servers []stats.ServerTally
}

// tell copies what l counted, for those who ask, and keeps the copy where they find it should l be stuck.
func (l *Local) tell(pools []*pool) {
	f := make(loopFigures, len(pools))
	for _, p := range pools {
		h := l.shardOf(p)
		if h == nil {
			continue
		}
		pf := &poolFigures{origin: h.pool.origin, clients: h.tally.Clone()}
		for _, server := range h.pool.Servers() {
			pf.servers = append(pf.servers, h.group.Figures(server))
		}
		f[p.name] = pf
	}
	l.told.Store(&f)
}

// Snapshot returns all figures as they are now; those of a loop that is busy for too long as they last were. It may be
// called from any goroutine, and waits for no loop longer than a moment.
func (p *Proxy) Snapshot() *stats.Snapshot {
	pools := p.pools()
	answered := askLoops(p, func(l *Local) struct{} { l.tell(pools); return struct{}{} })
	s := p.snapshot(pools)
	s.Silent = len(p.loops) - len(answered)
	return s
}

// snapshot merges what the loops last told.
func (p *Proxy) snapshot(pools []*pool) *stats.Snapshot {
	s := &stats.Snapshot{
		At: p.world.Now(), Started: p.world.Time(0), Version: p.Options().Version, Loops: len(p.loops),
		Draining: p.Draining(), Reload: p.ReloadStatus(),
	}
	for _, pl := range pools {
		st := pl.stats()
		for _, l := range p.loops {
			if told := l.told.Load(); told != nil {
				if f := (*told)[pl.name]; f != nil {
					f.addTo(&st, s, pl.protocol.Profiles())
				}
			}
		}
		s.TotalConnections += 1 + st.ClientsAccepted // its listener
		s.CurrConnections += 1 + st.ClientConnections
		s.Pools = append(s.Pools, st)
	}
	for _, l := range p.loops {
		s.Panics += l.loop.Panics.Load()
	}
	return s
}

// addTo adds f to the figures of its pool and of all.
func (f *poolFigures) addTo(st *stats.Pool, s *stats.Snapshot, profiles []string) {
	st.AddClients(&f.clients, profiles)
	for i := range f.servers {
		v := &f.servers[i]
		st.AddServer(i, f.origin.Server(i), v, profiles)
		s.TotalConnections += v.Connects
		s.CurrConnections += v.Connections
	}
}

// stats are the figures that no loop owns.
func (p *pool) stats() stats.Pool {
	o := p.Options()
	st := stats.Pool{
		Name: p.name, Protocol: p.protocol.Name(), Listen: p.opts.Listen.Text, Live: int(p.Live()),
		ClientConnections: p.clients.Load(), ServerEjects: p.Ejections(), ForwardError: p.count.forwardError.Load(),
		ClientsAccepted: p.count.accepted.Load(), ClientsRejected: p.count.rejected.Load(),
		ClientsMalformed: p.count.malformed.Load(), ClientsForeign: p.count.foreign.Load(),
		ClientsSlow: p.count.slow.Load(), ClientsOverMemory: p.count.overMemory.Load(),
		FailureMisses: p.count.misses.Load(), LostKeys: p.count.lostKeys.Load(), CrossServerScripts: p.count.crossScripts.Load(), ServerOutOfStep: p.OutOfSteps(),
		Profiles: make(map[string]int64), Refused: map[string]int64{stats.OtherCommand: 0}, Servers: make([]stats.Server, len(o.Servers)),
	}
	shares := p.Router().Shares()
	for i := range o.Servers {
		v, sv := &o.Servers[i], &st.Servers[i]
		sv.Name, sv.PName, sv.Addr, sv.Weight, sv.Share = v.Name, v.PName, v.Addr, v.Weight, shares[i]
		server := p.Servers()[i]
		sv.State, sv.ServerEjectedAt = server.State()
		sv.Profiles, sv.Refuses, sv.Pushes = make(map[string]int64), []string{}, make(map[string]int64)
		for pr, name := range p.protocol.Profiles() {
			if server.Refuses(codec.Profile(pr)) {
				sv.Refuses = append(sv.Refuses, name)
			}
		}
	}
	return st
}
