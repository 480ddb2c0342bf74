package engine

import (
	"sync/atomic"

	"cashew/backend"
	"cashew/codec"
	"cashew/stats"
)

// sessionPool is one server pool as its clients' sessions see it: what all loops share of it. But for its counters it does not
// change; a reload puts another in its place.
type sessionPool struct {
	*backend.Pool

	name     string
	protocol protocol
	random   bool // distribution: a key has no place
	opts     *ClientOptions
	origin   *stats.Origin // of its keys, for those who keep some
	count    *counters     // shared with the pool that it replaced
	host     Host

	groups []*backend.Group // by Local.index; each is its shard's once the loops know the pool
	next   *sessionPool     // that replaced it; set before a group of it is told to leave
}

// Host is the proxy around the sessions of one pool: who counts its clients, and who knows what no loop knows.
type Host interface {
	// Left counts a client out: it left, or it never came onto its loop. Any goroutine may call it.
	Left()

	// Ask has r answered off the loops, soon, by a call of its Answer; false: too many wait. It is called on a loop.
	Ask(r *Report) bool
}

// protocol is a pool's codec.Protocol but for Replies and Health, which are between backend and the servers.
type protocol interface {
	codec.Commands
	codec.Answers
	codec.Reports
	codec.Fragments
	codec.Catalogue
}

// counters are one pool's, of what happens to its clients rarely enough that all loops may share them.
type counters struct {
	malformed    atomic.Int64 // clients closed because their framing was lost
	foreign      atomic.Int64 // of those, the ones that speak another protocol
	forwardError atomic.Int64 // errors of ours written to clients in place of a server's reply
	lostKeys     atomic.Int64 // keys that a reply leaves out, or has as nil, because their server failed
	slow         atomic.Int64 // clients closed because they did not read
	overMemory   atomic.Int64 // clients closed because they held most when memory ran out
	crossScripts atomic.Int64 // scripts whose keys live on several servers
	misses       atomic.Int64 // reads that were answered as a miss because the server failed
}

// newSessionPool returns the sessions' side of bp, which o is for.
func newSessionPool(bp *backend.Pool, o *ClientOptions, h Host) *sessionPool {
	servers := bp.Options()
	p := &sessionPool{
		Pool: bp, name: servers.Name, protocol: servers.Protocol, random: servers.Distribution == "random", opts: o,
		origin: &stats.Origin{Pool: servers.Name, Describe: servers.Protocol.Describe}, count: new(counters), host: h,
	}
	for i := range servers.Servers {
		p.origin.Servers = append(p.origin.Servers, servers.Servers[i].PName)
	}
	return p
}

// Adopt has p take the place of old: its servers' figures and health as far as they are the same, and its counters.
func (p *sessionPool) Adopt(old *sessionPool) {
	p.Pool.Adopt(old.Pool)
	p.count = old.count
	old.next = p
}

// MakeGroups makes p's groups, one for each loop, on any goroutine; the loops do not know them yet.
func (p *sessionPool) MakeGroups(loops []*Local) {
	for _, l := range loops {
		p.groups = append(p.groups, backend.MakeGroup(l.servers, p.Pool))
	}
}
