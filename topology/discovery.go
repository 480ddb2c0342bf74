package topology

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cashew/ring"
	"cashew/world"
)

// The servers of a pool that is a Redis Cluster are asked who has which slot, and sentinels where masters are, off the loops, in rounds:
//
//	Follow: round --answers--> learn --> news, if it is not what is in force --> whoever follows makes a successor of the pool
//	     ^                                                                                      |
//	     +--- after ClusterRefresh, or soon after Stale -------------------- the successor follows <---+
//
// What is known outlives the pool, as all of registry does: each map that comes into force makes another Pool.

// discovery is what the servers of a cluster said so far, and when they are to be asked again.
type discovery struct {
	poke  world.Signal // set as poked becomes true
	poked atomic.Bool  // a round is wanted before it is due
	told  atomic.Bool  // by somebody who knows: as soon as can be

	mu      sync.Mutex
	seeds   []ServerOptions
	moved   bool // the seeds are others than those that the map came from: they alone are asked
	known   *clusterMap
	lower   int             // rounds in a row after which known stood against what all said
	vain    int             // rounds in a row in which nobody said anything
	trouble int64           // since when a server that has slots does not answer; math.MaxInt64: each does
	begun   int64           // the last round, in nanoseconds of the World; math.MinInt64: none
	jitter  int             // of the time to the next, in thousandths of it
	doubts  []string        // addresses that the next round is to ask
	asking  map[string]bool // addresses whose answer is still to come
	failing map[string]bool // addresses from which none came, the last time

	applied, failed atomic.Int64
}

const (
	troubledGap  = 250 * time.Millisecond // between rounds while a server that has slots does not answer
	troubledTime = time.Minute            // for so long at most
	settledAfter = 5                      // rounds until a lower map is believed
	roundGap     = 50 * time.Millisecond  // between rounds that are called for, at least
	toldGap      = 5 * time.Millisecond   // the same, of those that a sentinel calls for
	searchGap    = 100 * time.Millisecond // the same, while there is no map
	searchMost   = time.Second            // between rounds while there is none and nobody calls for them, at most
)

// call has a round begin at once: somebody knows more.
func (d *discovery) call() {
	d.told.Store(true)
	d.poked.Store(true)
	d.poke.Set()
}

// Stale says that a server is not, or not any more, what the pool takes it for: the cluster, or sentinels, are asked again, soon. It may be called as
// often as one likes, on a loop too: it neither waits nor allocates.
func (p *Pool) Stale() {
	d := &p.registry.discovery
	if p.opts.Follows() && !d.poked.Load() && !d.poked.Swap(true) {
		d.poke.Set()
	}
}

// Found is what a pool's cluster is now, or where its masters are.
type Found struct {
	Servers      []ServerOptions // as in Options
	Replicas     []ServerOptions // likewise; none where reads go to masters alone
	Slots        *ring.Slots     // of a cluster
	Epoch        uint64          // the highest with which a slot is had, or with which sentinels told of a master
	Early        bool            // a master is one by its own word, and no sentinel has told its epoch yet
	Joined, Left []string        // servers, by address
	Moved        int             // slots that another server has, or that have one for the first time
	Unowned      int             // slots that nobody has
}

// Follow asks the servers of a pool that is a cluster, or its sentinels, again and again, and calls found when what they say is not what p has: whoever
// is told makes a successor of p, and ends ctx. It returns when ctx ends.
func (p *Pool) Follow(ctx context.Context, found func(*Found)) {
	d := &p.registry.discovery
	if p.opts.Cluster {
		d.follow(p.opts.Seeds)
	} else {
		d.forgetCluster()
		d.follow(p.opts.Sentinels)
		p.begin(ctx)
	}
	for {
		if f := p.news(); f != nil {
			found(f)
		}
		if p.awaitRound(ctx) != nil {
			if d.poked.Load() {
				d.poke.Set() // it may have been p that it woke
			}
			return
		}
		answers, err := p.round(ctx)
		if ctx.Err() != nil {
			return // the pool that replaced p begins anew
		}
		p.learn(answers, err)
	}
}

// forgetCluster is for a pool that was a cluster, and has sentinels now.
func (d *discovery) forgetCluster() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known, d.doubts = nil, nil
}

// follow begins to ask about a cluster that has these seeds, or these sentinels.
func (d *discovery) follow(seeds []ServerOptions) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asking == nil {
		d.asking, d.failing, d.begun = make(map[string]bool), make(map[string]bool), math.MinInt64
		d.trouble = math.MaxInt64
	}
	if slices.Equal(d.seeds, seeds) {
		return
	}
	d.moved = d.known != nil // sentinels see to that themselves
	d.seeds, d.vain = seeds, 0
	d.poked.Store(true)
}

// awaitRound waits until a round is due, or called for. The error is ctx's.
func (p *Pool) awaitRound(ctx context.Context) error {
	d := &p.registry.discovery
	if wait := p.untilRound(); !d.poked.Load() && wait > 0 {
		patience, cancel := p.world.WithTimeout(ctx, wait)
		_ = d.poke.Wait(patience) // that it is over is what we wait for
		cancel()
	}
	for gap := p.gap(); gap > 0 && ctx.Err() == nil; gap = p.gap() {
		patience, cancel := p.world.WithTimeout(ctx, gap)
		_ = d.poke.Wait(patience)
		cancel()
	}
	return ctx.Err()
}

// gap is how long it is until the next round may be.
func (p *Pool) gap() time.Duration {
	d := &p.registry.discovery
	d.mu.Lock()
	defer d.mu.Unlock()
	gap := roundGap
	switch {
	case d.begun == math.MinInt64:
		return 0
	case d.told.Load():
		gap = toldGap
	case p.searchesLocked():
		gap = searchGap
	case !p.opts.Cluster:
		gap = askGap
	}
	return gap - time.Duration(p.world.Nanos()-d.begun)
}

// searchesLocked says that it is not known yet who has what, or not all of it.
func (p *Pool) searchesLocked() bool {
	if p.opts.Cluster {
		return p.registry.discovery.known == nil
	}
	return slices.ContainsFunc(p.opts.Servers, func(s ServerOptions) bool { return s.Addr == "" })
}

// untilRound is how long it is until the next round that nothing calls for.
func (p *Pool) untilRound() time.Duration {
	d := &p.registry.discovery
	d.mu.Lock()
	defer d.mu.Unlock()
	var every time.Duration
	switch {
	case d.begun == math.MinInt64:
		return 0
	case p.searchesLocked() || d.moved:
		every = min(searchGap<<min(d.vain, 10), searchMost)
	case !p.opts.Cluster:
		every = sentinelRefresh + sentinelRefresh/1000*time.Duration(d.jitter)
	case p.opts.ClusterRefresh == 0:
		return math.MaxInt64
	default:
		every = p.opts.ClusterRefresh + p.opts.ClusterRefresh/1000*time.Duration(d.jitter)
	}
	if d.troubled(p.world.Nanos()) {
		every = min(every, troubledGap)
	}
	return every - time.Duration(p.world.Nanos()-d.begun)
}

// learn takes what a round came to. err is why one of those that were asked did not answer.
func (p *Pool) learn(answers []answer, err error) {
	d := &p.registry.discovery
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(answers) == 0 {
		d.failed.Add(1)
		if d.vain++; d.vain == 1 {
			p.log.Warn("no server says "+p.asked(), "pool", p.opts.Name, "err", err)
		}
		return
	}
	if d.vain > 0 {
		p.log.Info("a server says "+p.asked(), "pool", p.opts.Name)
	}
	if d.vain = 0; p.opts.Cluster {
		d.learnMapLocked(answers)
	} else {
		p.learnMasters(answers)
	}
}

// asked is what p's servers are asked, in words.
func (p *Pool) asked() string {
	if p.opts.Cluster {
		return "who has which slot"
	}
	return "where masters are"
}

// news is what is known and not in force in p; nil: nothing.
func (p *Pool) news() *Found {
	if p.opts.Cluster {
		return p.newMap()
	}
	return p.moves()
}

// Applied counts a map that came into force.
func (p *Pool) Applied() { p.registry.discovery.applied.Add(1) }
