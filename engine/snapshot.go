package engine

import (
	"time"

	"cashew/codec"
	"cashew/session"
	"cashew/stats"
)

// loopFigures are a copy of what one loop counted.
type loopFigures map[string]*session.Figures // by the pool's name

// tell copies what was counted on r's loop, for those who ask, and keeps the copy where they find it should the loop be stuck.
func (r *rooms) tell(pools []*pool) {
	f := make(loopFigures, len(pools))
	for _, p := range pools {
		if of := r.sessions.Figures(p.Pool); of != nil {
			f[p.Name] = of
		}
	}
	r.told.Store(&f)
	r.worked.Store(int64(r.loop.Worked))
}

// Snapshot returns all figures as they are now; those of a loop that is busy for too long as they last were. It may be
// called from any goroutine, and waits for no loop longer than a moment.
func (p *Proxy) Snapshot() *stats.Snapshot {
	pools := p.pools()
	answered := askLoops(p, func(r *rooms) struct{} { r.tell(pools); return struct{}{} })
	s := p.snapshot(pools)
	s.Silent = len(p.loops) - len(answered)
	return s
}

// snapshot merges what the loops last told.
func (p *Proxy) snapshot(pools []*pool) *stats.Snapshot {
	s := &stats.Snapshot{
		At: p.world.Now(), Started: p.world.Time(0), Version: p.Options().Version, Loops: len(p.loops),
		Draining: p.parting.Load() || p.Draining(), Reload: p.ReloadStatus(),
	}
	for _, pl := range pools {
		st := pl.stats()
		for _, l := range p.loops {
			if told := l.told.Load(); told != nil {
				if f := (*told)[pl.Name]; f != nil {
					addFigures(f, &st, s, pl.Protocol.Profiles())
				}
			}
		}
		s.TotalConnections += 1 + st.ClientsAccepted // its listener
		s.CurrConnections += 1 + st.ClientConnections
		s.Pools = append(s.Pools, st)
	}
	for _, l := range p.loops {
		s.Panics += l.loop.Panics.Load()
		s.Worked = append(s.Worked, l.worked.Load()/int64(time.Microsecond))
	}
	s.AccessLines, s.AccessDropped = p.access.Lines.Counts()
	s.Traces, s.TracesDropped = p.access.Spans.Counts()
	s.AuditEvents, s.AuditSummed, s.AuditDropped = p.audit.Counts()
	return s
}

// addFigures adds f to the figures of its pool and of all.
func addFigures(f *session.Figures, st *stats.Pool, s *stats.Snapshot, profiles []string) {
	st.AddClients(&f.Clients, profiles)
	for i := range f.Servers {
		v := &f.Servers[i]
		st.AddServer(i, f.Origin.Server(i), v, profiles)
		s.TotalConnections += v.Connects
		s.CurrConnections += v.Connections
	}
}

// stats are the figures that no loop owns.
func (p *pool) stats() stats.Pool {
	o := p.Options()
	st := stats.Pool{
		Name: p.Name, Protocol: p.Protocol.Name(), Listen: p.opts.Listen.Text, Live: int(p.Live()),
		ClientConnections: p.clients.now.Load(), ServerEjects: p.Ejections(), ForwardError: p.Count.ForwardError.Load(),
		ClientsAccepted: p.clients.accepted.Load(), ClientsRejected: p.clients.rejected.Load(),
		TLSHandshakes: p.door.tls.done.Load(), TLSResumed: p.door.tls.resumed.Load(), TLSFailed: p.door.tls.failed.Load(), TLSExpires: p.tls.Expires(),
		ClientsMalformed: p.Count.Malformed.Load(), ClientsForeign: p.Count.Foreign.Load(),
		ClientsSlow: p.Count.Slow.Load(), ClientsOverMemory: p.Count.OverMemory.Load(), ClientsSlowSubscribers: p.Count.SlowSubscribers.Load(),
		ClientsIdle: p.Count.Idle.Load(), ClientsRefused: p.door.refusals(), LoginsFailed: p.door.logins.failed.Load(),
		FailureMisses: p.Count.Misses.Load(), LostKeys: p.Count.LostKeys.Load(), CrossServerScripts: p.Count.CrossScripts.Load(),
		ScriptLoads: p.Count.Loads.Load(), ScriptRepeats: p.Count.Repeats.Load(), ServerOutOfStep: p.OutOfSteps(), CommandsLearned: p.Lessons(),
		Profiles: make(map[string]int64), Refused: map[string]int64{stats.OtherCommand: 0}, RefusedOf: make(stats.Refusals), Routed: make(map[string]int64), Servers: make([]stats.Server, len(o.Servers)+len(o.Replicas)),
	}
	st.ScriptsKnown, st.ScriptsDisplaced = p.ScriptCounts()
	st.RateLimits = p.RateLimits()
	if f := p.ClusterFigures(); f != nil {
		st.Cluster = &stats.Cluster{Epoch: f.Epoch, Unowned: f.Unowned, Applied: f.Applied, Failed: f.Failed}
	}
	if to := p.opts.Mirror.Pool; to != "" {
		st.Mirror = stats.NewPoolMirror(to)
		st.Mirror.Ramp, st.Mirror.Backs, st.Mirror.Why = p.RampState()
	}
	if to := p.opts.Miss.Pool; to != "" {
		st.Miss = &stats.Tier{Pool: to}
	}
	st.Near = p.NearFigures()
	if d := &p.opts.Dual; d.Pool != "" {
		st.Dual = &stats.Dual{Pool: d.Pool, Answer: d.Answer.String()}
	}
	if f := p.SentinelFigures(); f != nil {
		st.Sentinel = &stats.Sentinel{Sentinels: f.Sentinels, Unknown: f.Unknown, Held: f.Held, Applied: f.Applied, Failed: f.Failed}
	}
	p.serverStats(&st)
	return st
}

// serverStats fills in what no loop owns of st's servers.
func (p *pool) serverStats(st *stats.Pool) {
	shares := p.Router().Shares()
	for i, server := range p.All() {
		v, sv := p.AtPlace(i), &st.Servers[i]
		sv.Name, sv.PName, sv.Addr, sv.Weight = v.Name, v.PName, v.Addr, v.Weight
		sv.State, sv.ServerEjectedAt = server.State()
		if why, next, out := p.Ejection(server); out {
			sv.Why, sv.Next = why, next.UnixMicro()
		}
		if st.Near != nil && i < len(shares) { // of replicas nothing is kept
			sv.Tracking = p.Tracking(server)
		}
		at := p.ReplicaState(server)
		if sv.Zone = at.Zone; i < len(shares) {
			sv.Share = shares[i]
		} else {
			sv.Of = v.Of
			if sv.Lag = at.Lag.Seconds(); !at.Well {
				sv.State, sv.Why = "unwell", at.Why
			}
		}
		sv.Profiles, sv.Refuses, sv.Pushes = make(map[string]int64), []string{}, make(map[string]int64)
		for pr, name := range p.Protocol.Profiles() {
			if server.Refuses(codec.Profile(pr)) {
				sv.Refuses = append(sv.Refuses, name)
			}
		}
	}
}
