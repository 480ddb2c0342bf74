package topology

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"cashew/codec"
	"cashew/ring"
	"cashew/world"
)

// Pool is one server pool, shared by all loops: its options never change, its live ring is swapped whole.
type Pool struct {
	opts   Options
	world  world.World
	live   atomic.Pointer[ring.Ring]
	whole  *ring.Ring
	health health

	abilities abilities
	oddities  sync.Map // of type Oddity: forms of replies that were proved to be in step

	resolver   *resolver
	outOfSteps atomic.Int64
}

// Oddity is a form of reply that no table has.
type Oddity struct {
	Server  string // address
	Profile codec.Profile
	Op      uint16
	Kind    byte // first byte
}

// NewPool builds the ring of all servers. Errors name the option. log hears of servers that are ejected and rejoin.
func NewPool(o Options, w world.World, log *slog.Logger) (*Pool, error) {
	p := &Pool{opts: o, world: w, resolver: newResolver(w)}
	r, err := BuildRing(&p.opts, nil, w.IntN)
	if err != nil {
		return nil, err
	}
	p.whole = r
	p.live.Store(r)
	p.health.init(p, log)
	p.abilities.init(len(o.Servers), w)
	return p, nil
}

// Options are what p was built from; read-only.
func (p *Pool) Options() *Options { return &p.opts }

// Ring is the ring of the live servers. A callback loads it once, so that one command sees one ring.
func (p *Pool) Ring() *ring.Ring { return p.live.Load() }

// WholeRing is the ring of all servers, as if none were ejected.
func (p *Pool) WholeRing() *ring.Ring { return p.whole }

// swapRing builds the ring of the servers that live says, and has the loops use it.
func (p *Pool) swapRing(live []bool) {
	r, err := BuildRing(&p.opts, live, p.world.IntN)
	if err != nil {
		panic("topology: a ring that was built once can't be rebuilt: " + err.Error())
	}
	p.live.Store(r)
}

// Live is how many servers are not ejected.
func (p *Pool) Live() int64 { return p.health.live.Load() }

// State is "live", "ejected", or "trial" for a server that came back a moment ago; ejectedAt says when it was last ejected,
// in microseconds since 1970, 0 for never.
func (p *Pool) State(server int) (state string, ejectedAt int64) {
	h := &p.health
	switch {
	case h.down[server].Load():
		state = "ejected"
	case h.trial[server].Load() > 0:
		state = "trial"
	default:
		state = "live"
	}
	return state, h.ejected[server].Load()
}

// OutOfSteps is how often a server connection was closed because its replies could not be trusted.
func (p *Pool) OutOfSteps() int64 { return p.outOfSteps.Load() }

// Ejections is how often a server was taken out of the ring.
func (p *Pool) Ejections() int64 { return p.health.ejections.Load() }

// Close stops p's timers.
func (p *Pool) Close() { p.health.close() }

// Down says that a server is ejected.
func (p *Pool) Down(server int) bool { return p.health.down[server].Load() }

// Success says that a server answered something.
func (p *Pool) Success(server int) { p.health.success(server) }

// Suspect says that a server ended an open connection.
func (p *Pool) Suspect(server int) { p.health.suspect(server) }

// Failure says that a server did not answer, could not be reached, or reported that it is not well.
func (p *Pool) Failure(server int) { p.health.failure(server) }

// OutOfStep counts a server connection that is closed because its replies can't be trusted.
func (p *Pool) OutOfStep() { p.outOfSteps.Add(1) }

// Odd tells whether a form of reply was proved before.
func (p *Pool) Odd(o Oddity) bool {
	_, known := p.oddities.Load(o)
	return known
}

// Prove notes that a form of reply was proved, and tells whether that is news.
func (p *Pool) Prove(o Oddity) (news bool) {
	_, known := p.oddities.LoadOrStore(o, true)
	return !known
}
