package engine

import (
	"sync/atomic"

	"cashew/backend"
	"cashew/loop"
	"cashew/session"
)

// rooms are one event loop, and what each package has on it. Only the loop's own goroutine touches them; others send a function
// with loop.Execute.
type rooms struct {
	loop     *loop.Loop
	servers  *backend.Local
	sessions *session.Local

	worked atomic.Int64                // as loop.Worked was then
	told   atomic.Pointer[loopFigures] // what was last counted there, for those who find the loop busy
}

// newRooms returns what there is on a loop, the index-th, before the first pool.
func newRooms(index int, servers *backend.Local, now *lineup, p *session.Pressure) *rooms {
	r := &rooms{loop: servers.Loop(), servers: servers, sessions: session.NewLocal(index, servers, now.limits(), p)}
	r.configure(now)
	return r
}

// configure has the loop itself take settings, the first or those of a reload.
func (r *rooms) configure(now *lineup) {
	r.loop.Coalesce = now.opts.Coalesce
	r.loop.BoundSpares(now.maxMemory / 8 / now.loops)
}

// apply carries a reload out.
func (r *rooms) apply(next *lineup, c *session.Change) {
	r.configure(next)
	r.sessions.Apply(c)
}

// locals are the sessions' part of each loop.
func (p *Proxy) locals() (all []*session.Local) {
	for _, r := range p.loops {
		all = append(all, r.sessions)
	}
	return all
}
