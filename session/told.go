package session

import (
	"slices"
	"time"

	"cashew/stats"
)

// What is told here to whoever asks about all loops: copies, which share nothing with the loop.

// Figures are a copy of what one loop counted of one pool.
type Figures struct {
	Clients stats.ClientTally
	Origin  *stats.Origin // as it was then: a reload may have moved the servers since
	Servers []stats.ServerTally
}

// Figures returns what l counted of p, or of the pool that replaced it; nil: l does not know it.
func (l *Local) Figures(p *Pool) *Figures {
	h := l.shardOf(p)
	if h == nil {
		return nil
	}
	f := &Figures{Origin: h.pool.origin, Clients: h.tally.Clone()}
	for _, server := range h.pool.All() {
		f.Servers = append(f.Servers, h.group.Figures(server))
	}
	return f
}

// Infos are all clients of the loop.
func (l *Local) Infos() []stats.Client {
	list := make([]stats.Client, 0, l.sessions.n)
	for s := range l.sessions.all {
		list = append(list, s.info())
	}
	return list
}

func (s *Session) info() stats.Client {
	i := stats.Client{
		ID: s.cl.ID, Profile: s.cl.Profile, Protocol: s.pool.Protocol.Profiles()[s.cl.Profile], Pool: s.pool.Name, DB: s.cl.DB, User: s.userName(),
		Addr: s.cl.Addr, LAddr: s.cl.LAddr, Name: s.cl.Name, Lib: s.cl.Lib, LibVer: s.cl.LibVer,
		Age: time.Duration(s.loop.Now - s.openedAt), Idle: time.Duration(s.loop.Now - s.lastAt),
		InFlight: s.inFlight, OutBytes: s.out.Pending(), Commands: s.commands, Blocked: s.blocked,
		Waits: s.blocks.lease != nil, Begun: s.inTransaction(), Watched: s.watches.count(), Unwatched: s.watches.lost,
		Wishes: s.cl.Wishes,
	}
	if t := s.transaction; t != nil {
		i.Queued, i.QueuedBytes = t.sent()+len(t.own), t.size()
	}
	if s.subscribes() {
		i.Subscribed = slices.Clone(s.subscriber.counts)
	}
	if s.in != nil {
		i.InBytes, i.InRoom = len(s.in.B), cap(s.in.B)-len(s.in.B)
	}
	if s.commands > 0 {
		i.LastCommand, _ = s.pool.Protocol.Describe(s.lastOp)
	}
	return i
}

// Kill closes the clients that have one of ids, which are sorted, and returns how many it closed.
func (l *Local) Kill(ids []uint64) (closed int) {
	for s := range l.sessions.all {
		if _, ok := slices.BinarySearch(ids, s.cl.ID); ok {
			s.close()
			closed++
		}
	}
	return closed
}

// HotKeys are the keys that most requests of the loop's clients are for, as far as that was sampled.
func (l *Local) HotKeys() []stats.SketchEntry { return l.hot.Entries() }

// BigKeys are the keys with the largest requests or replies of the loop's clients.
func (l *Local) BigKeys() []stats.SketchEntry { return l.big.Entries() }

// SlowRecords are the records of all pools' slow logs, or those of what took long itself.
func (l *Local) SlowRecords(blamed bool) (records []stats.SlowRecord) {
	for _, h := range l.shards {
		records = append(records, h.slowLog.Records(blamed)...)
	}
	return records
}

// ResetSlowLogs drops the records of all pools' slow logs.
func (l *Local) ResetSlowLogs() {
	for _, h := range l.shards {
		h.slowLog = stats.SlowLog{}
	}
}
