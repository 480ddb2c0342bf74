package engine

import (
	"maps"
	"time"

	"cashew/backend"
	"cashew/codec"
)

// loopFigures are a copy of what one loop counted.
type loopFigures map[string]*poolFigures // by the pool's name

type poolFigures struct {
	tally   tally
	refused map[string]int64
	opts    *PoolOptions // as they were then: a reload may have moved the servers since
	servers []backend.Figures
}

// tell copies what l counted, for those who ask, and keeps the copy where they find it should l be stuck.
func (l *Loop) tell(pools []*pool) {
	f := make(loopFigures, len(pools))
	for _, p := range pools {
		t := l.tallyOf(p)
		pf := &poolFigures{opts: p.opts, tally: *t, refused: maps.Clone(t.refused)}
		pf.tally.writeBack = t.writeBack.Clone()
		pf.tally.refused, pf.tally.slow = nil, slowLog{} // stay with the loop
		if g := p.groups[l]; g != nil {
			for server := range p.Options().Servers {
				pf.servers = append(pf.servers, g.Figures(server))
			}
		}
		f[p.name] = pf
	}
	l.told.Store(&f)
}

// Snapshot returns all figures as they are now; those of a loop that is busy for too long as they last were. It may be
// called from any goroutine, and waits for no loop longer than a moment.
func (p *Proxy) Snapshot() *Snapshot {
	pools := p.pools()
	answered := askLoops(p, func(l *Loop) struct{} { l.tell(pools); return struct{}{} })
	s := p.snapshot(pools)
	s.Silent = len(p.loops) - len(answered)
	return s
}

// snapshot merges what the loops last told.
func (p *Proxy) snapshot(pools []*pool) *Snapshot {
	s := &Snapshot{
		At: time.Now(), Started: startedAt, Version: p.options().Version, Loops: len(p.loops),
		Draining: p.Draining(), Reload: p.ReloadStatus(),
	}
	for _, pl := range pools {
		st := pl.stats()
		for _, l := range p.loops {
			if told := l.told.Load(); told != nil {
				if f := (*told)[pl.name]; f != nil {
					st.addLoop(f, s, pl.protocol.Profiles())
				}
			}
		}
		s.TotalConnections += 1 + st.ClientsAccepted // its listener
		s.CurrConnections += 1 + st.ClientConnections
		s.Pools = append(s.Pools, st)
	}
	for _, l := range p.loops {
		s.Panics += l.panics.Load()
	}
	return s
}

// stats are the figures that no loop owns.
func (p *pool) stats() PoolStats {
	o := p.Options()
	st := PoolStats{
		Name: p.name, Protocol: p.protocol.Name(), Listen: p.opts.Listen.Text, Live: int(p.Live()),
		ClientConnections: p.clients.Load(), ServerEjects: p.Ejections(), ForwardError: p.count.forwardError.Load(),
		ClientsAccepted: p.count.accepted.Load(), ClientsRejected: p.count.rejected.Load(),
		ClientsMalformed: p.count.malformed.Load(), ClientsForeign: p.count.foreign.Load(),
		ClientsSlow: p.count.slow.Load(), ClientsOverMemory: p.count.overMemory.Load(),
		FailureMisses: p.count.misses.Load(), LostKeys: p.count.lostKeys.Load(), CrossServerScripts: p.count.crossScripts.Load(), ServerOutOfStep: p.OutOfSteps(),
		Profiles: make(map[string]int64), Refused: map[string]int64{otherCommand: 0}, Servers: make([]ServerStats, len(o.Servers)),
	}
	shares := p.Ring().Shares(len(o.Servers))
	for i := range o.Servers {
		v, sv := &o.Servers[i], &st.Servers[i]
		sv.Name, sv.PName, sv.Addr, sv.Weight, sv.Share = v.Name, v.PName, v.Addr, v.Weight, shares[i]
		sv.State, sv.ServerEjectedAt = p.State(i)
		sv.Profiles, sv.Refuses, sv.Pushes = make(map[string]int64), []string{}, make(map[string]int64)
		for pr, name := range p.protocol.Profiles() {
			if p.Refuses(i, codec.Profile(pr)) {
				sv.Refuses = append(sv.Refuses, name)
			}
		}
	}
	return st
}

// addLoop adds what one loop counted; profiles are their names.
func (st *PoolStats) addLoop(f *poolFigures, s *Snapshot, profiles []string) {
	t := &f.tally
	st.ClientEOF += t.eof
	st.ClientErr += t.err
	st.Fragments += t.fragments
	st.ClientBlocked += t.blocked
	st.LocalCommands += t.local
	st.RequestBytesFromClients += t.bytesIn
	st.ReplyBytesToClients += t.bytesOut
	st.InFlight += t.inFlight
	for pr, name := range profiles {
		st.Profiles[name] += t.profiles[pr]
	}
	for name, n := range f.refused {
		addName(st.Refused, name, n)
	}
	st.WriteBack.Merge(&t.writeBack)
	for i := range f.servers {
		v := &f.servers[i]
		if sv := st.server(i, f.opts.serverName(i)); sv != nil {
			sv.add(v, profiles)
		}
		s.TotalConnections += v.Connects
		s.CurrConnections += v.Connections
	}
}

// server is the one of that name, most likely number i; nil if a reload removed it.
func (st *PoolStats) server(i int, name string) *ServerStats {
	if i < len(st.Servers) && st.Servers[i].PName == name {
		return &st.Servers[i]
	}
	for i := range st.Servers {
		if st.Servers[i].PName == name {
			return &st.Servers[i]
		}
	}
	return nil
}

// add adds what one loop counted of the server; profiles are their names.
func (sv *ServerStats) add(f *backend.Figures, profiles []string) {
	for pr, name := range profiles {
		sv.Profiles[name] += f.Profiles[pr]
	}
	for kind, n := range f.Pushes {
		sv.Pushes[kind] += n
	}
	sv.ServerEOF += f.EOF
	sv.ServerErr += f.Err
	sv.ServerConnections += f.Connections
	sv.Requests += f.Requests
	sv.RequestBytes += f.RequestBytes
	sv.Responses += f.Responses
	sv.ResponseBytes += f.ResponseBytes
	sv.InQueue += f.InQueue
	sv.InQueueBytes += f.InQueueBytes
	sv.OutQueue += f.OutQueue
	sv.OutQueueBytes += f.OutQueueBytes
	sv.NoReply += f.NoReply
	sv.Dropped += f.Dropped
	sv.Failed += f.Failed
	sv.Expired += f.Expired
	sv.Redials += f.Redials
	sv.Remarks += f.Remarks
	sv.TimedoutConnections += f.Timedout
	for i := range f.Latency {
		sv.Latency[i].Queue.Merge(&f.Latency[i].Queue)
		sv.Latency[i].Server.Merge(&f.Latency[i].Server)
	}
}
