package session

import (
	"sync/atomic"
	"time"

	"cashew/access"
	"cashew/audit"
	"cashew/backend"
	"cashew/codec"
	"cashew/near"
	"cashew/quota"
	"cashew/ring"
	"cashew/stats"
	"cashew/topology"
)

// Pool is one server pool as its clients' sessions see it: what all loops share of it. But for its counters it does not
// change; a reload puts another in its place.
type Pool struct {
	*topology.Pool

	Name         string
	Protocol     protocol
	random       bool        // distribution: a key has no place
	slotted      bool        // a cluster: keys go together if their slot is one
	logsIn       bool        // its clients have to log in, or may
	patient      bool        // its servers change places: what can't be sent waits
	reads        *reads      // nil: it has no replicas, and keeps nothing near
	allAtMasters *reads      // for clients with server connections of their own
	cache        *near.Cache // nil: it keeps nothing near
	opts         *ClientOptions
	lead         *ring.Lead    // of keys to other pools; nil: it has no routes
	origin       *stats.Origin // of its keys, for those who keep some
	Count        *Counters     // shared with the pool that it replaced
	scripts      *scripts      // so are these
	census       *census       // and this
	ramp         *ramp         // and this, if the mirror is the same
	Denials      *Denials      // and these
	lessons      *lessons      // of commands: another Protocol has other rules for them

	limits      *quota.Limits // nil: none; what stays of those of the pool that it replaced is shared
	subscribers *subscribers  // of census
	host        Host

	groups []*backend.Group // by Local.index; each is its shard's once the loops know the pool; shared with the pool that it replaced
	next   *Pool            // that replaced it; set before a group of it is told to leave
}

// Host is the proxy around the sessions of one pool: who counts its clients, and who knows what no loop knows.
type Host interface {
	// Left counts a client out: it left, or it never came onto its loop. Any goroutine may call it.
	Left()

	// Ask has r answered off the loops, soon, by a call of its Answer; false: too many wait. It is called on a loop.
	Ask(r *Report) bool

	// LoginFailed counts a login that failed of a client at addr, and says that it was one too many: the client is to be told so and
	// closed. It is called on a loop.
	LoginFailed(addr string) (tooMany bool)

	// HoldLogin says that a login of a client at addr has to wait before it is judged, since too many of that address have failed: for so
	// long, and then done is to be called. done is nil if too many wait there: the login is refused unjudged. It is called on a loop.
	HoldLogin(addr string) (wait time.Duration, done func())

	// Audit is where what clients do is kept; nil: nowhere. Any goroutine may call it.
	Audit() *audit.Log

	// Access is where what becomes of commands is kept that limits have the loops follow. Any goroutine may call it.
	Access() *access.Log
}

// protocol is a pool's codec.Protocol but for Replies and Health, which are between backend and the servers.
type protocol interface {
	codec.Commands
	codec.Users
	codec.Answers
	codec.Reports
	codec.Fragments
	codec.Transactions
	codec.PubSub
	codec.Lessons
	codec.Databases
	codec.Catalogue
	codec.Clustered
	codec.Tracked
}

// Counters are one pool's, of what happens to its clients rarely enough that all loops may share them.
type Counters struct {
	Malformed       atomic.Int64 // clients closed because their framing was lost
	Foreign         atomic.Int64 // of those, the ones that speak another protocol
	ForwardError    atomic.Int64 // errors of ours written to clients in place of a server's reply
	LostKeys        atomic.Int64 // keys that a reply leaves out, or has as nil, because their server failed
	Slow            atomic.Int64 // clients closed because they did not read
	SlowSubscribers atomic.Int64 // clients closed because they did not read what they are subscribed to
	Idle            atomic.Int64 // clients closed because nothing came from them
	OverMemory      atomic.Int64 // clients closed because they held most when memory ran out
	CrossScripts    atomic.Int64 // scripts whose keys live on several servers
	Loads           atomic.Int64 // scripts that were loaded at servers which lacked them
	Repeats         atomic.Int64 // calls that were sent again behind that
	Misses          atomic.Int64 // reads that were answered as a miss because the server failed
}

// NewPool returns the sessions' side of bp, which o is for.
func NewPool(bp *topology.Pool, o *ClientOptions, h Host) *Pool {
	servers := bp.Options()
	p := &Pool{
		Pool: bp, Name: servers.Name, Protocol: servers.Protocol, random: servers.Distribution == "random", slotted: servers.Cluster, patient: servers.Follows(), opts: o,
		origin: &stats.Origin{Pool: servers.Name, Describe: servers.Protocol.Describe}, Count: new(Counters), scripts: new(scripts), Denials: new(Denials), lessons: new(lessons), host: h,
	}
	for i := range servers.Servers {
		p.origin.Add(servers.Servers[i].Name, servers.Servers[i].Addr)
	}
	for i := range servers.Replicas {
		p.origin.Add(servers.Replicas[i].Name, servers.Replicas[i].Addr)
	}
	p.reads = readsOf(bp, servers.Protocol, o.Near.Bytes > 0)
	p.allAtMasters = readsOf(bp, servers.Protocol, true)
	if o.Near.Bytes > 0 {
		p.cache = near.New(int64(o.Near.Bytes))
	}
	p.logsIn = p.Protocol.Guarded() || p.Protocol.Users() != nil
	p.limits = quota.New(o.RateLimits)
	if len(o.Routes) > 0 {
		p.lead = o.Lead()
	}
	p.census, p.ramp = new(census), new(ramp)
	p.subscribers = &subscribers{p.census, p}
	return p
}

// Adopt has p take the place of old, whose successor p's own Pool is: it has its servers, its groups and its counters.
func (p *Pool) Adopt(old *Pool) {
	p.Pool.Adopt(old.Pool)
	p.Count, p.scripts, p.census, p.Denials, p.groups = old.Count, old.scripts, old.census, old.Denials, old.groups
	p.subscribers.census = p.census
	if old.cache != nil { // loops go over one after the other, and until the last has, one may write where another does not read
		if p.cache != nil {
			p.cache = old.cache.Next(int64(p.opts.Near.Bytes))
		}
		old.cache.Close()
	}
	if p.opts.Mirror == old.opts.Mirror {
		p.ramp = old.ramp
	}
	p.limits = p.limits.After(old.limits)
	if p.Protocol == old.Protocol { // its servers have other places
		p.lessons = old.lessons
	}
	old.next = p
}

// single says that its clients reach one server, which is all that there is: it is no cluster, which may have several a moment later.
func (p *Pool) single() bool { return len(p.Servers()) == 1 && !p.slotted && p.lead == nil }

// RateLimits are what became of p's rules, in their order.
func (p *Pool) RateLimits() (list []stats.Limit) {
	list = []stats.Limit{}
	if p.limits == nil {
		return list
	}
	for _, l := range p.limits.All {
		list = append(list, stats.Limit{Rule: l.Name, Past: l.Past(), Times: l.Times.Load(), Waited: time.Duration(l.Waits.Load()).Seconds()})
	}
	return list
}

// MakeGroups makes the groups of p, which replaces no pool, one for each loop, on any goroutine; the loops do not know them yet.
func (p *Pool) MakeGroups(loops []*Local) {
	for _, l := range loops {
		p.groups = append(p.groups, backend.MakeGroup(l.servers, p.Pool))
	}
}
