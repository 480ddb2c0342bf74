package sim

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"cashew/engine"
	"cashew/near"
)

// A Run plays a script: one proxy, or two of which one succeeds the other, before some servers, with some clients. It goes through phases: something fails, or is changed, for a while; then all is well again, and after a time
// in which everybody may get over it no client may see an error.
type Run struct {
	sim     *Sim
	script  *Script
	stored  []*storedScripts // of each pool
	log     *slog.Logger
	phases  int // that have begun
	options engine.Options
	proxy   *engine.Proxy
	process *reactor // its
	servers []*Server
	fleet   *fleet // nil: no pool is a cluster
	clients []*Client
	queues
	published map[string]*published // by their text
	recent    []string              // of those, the ones that were sent since all is well
	shared    [][]*shared           // keys, by pool; none where keys move
	renamed   int                   // servers, so many times
	stranger  *stranger
	kept      map[*engine.Proxy]near.Tally // what became of what is kept near

	soft    bool  // what happens is none of the clients' concern
	calm    bool  // nothing fails, and what had failed is over
	resting bool  // clients send nothing
	pressed bool  // clients may be closed: memory has been short, or a process that had some has ended
	moving  bool  // a proxy is ending: clients are hung up on
	handed  int64 // since when there may be clients of two processes, and what these wrote may be news; 0: there is one

	verified, closely int64 // as Sim.Steps: when the proxy was last looked into, and until when that is done more often

	Answered int64  // replies that were checked
	Trace    string // what happened, a line each
	Failure  string // the first thing that must not happen; "": none did
	stack    string // where it was, if it was a panic
}

// fail notes what must not happen.
func (r *Run) fail(format string, args ...any) {
	if r.Failure == "" {
		r.Failure = fmt.Sprintf(format, args...)
		r.note("FAIL: %s", r.Failure)
	}
}

func (r *Run) note(format string, args ...any) {
	r.Trace += fmt.Sprintf("%12.6f ", time.Duration(r.sim.now-int64(time.Hour)).Seconds()) + fmt.Sprintf(format, args...) + "\n"
}

// newRun makes the world of a script.
func newRun(c *Script, log *slog.Logger) *Run {
	return &Run{
		sim: New(c.Seed), script: c, log: log, queues: queues{pushed: make(map[string]bool), popped: make(map[string]bool)},
		published: make(map[string]*published), kept: make(map[*engine.Proxy]near.Tally),
	}
}

// play has all happen that the script says, and reports whether all that must hold did.
func (r *Run) play() (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			r.fail("panic: %v", p)
			r.stack = string(debug.Stack())
			ok = false
		}
	}()
	r.begin()
	for i := range r.script.Phases {
		if r.Failure != "" {
			break
		}
		r.phases++
		r.phase(&r.script.Phases[i])
	}
	r.end()
	return r.Failure == ""
}

// begin starts servers, the proxy and clients.
func (r *Run) begin() {
	c := r.script
	r.options = r.settings(c)
	var err error
	if r.proxy, err = engine.New(r.options, r.sim, r.log); err != nil {
		r.fail("New: %v", err)
		return
	}
	r.await("the start", time.Second, r.proxy.Start)
	r.process = r.sim.reactors[0]
	r.shared = make([][]*shared, len(c.Pools))
	for i := range c.Pools {
		r.stored = append(r.stored, newStored())
		if !c.Loose {
			r.shared[i] = newShared(c.Pools[i].Protocol)
		}
	}
	for i := range c.Clients {
		r.newClient(&c.Clients[i])
	}
	r.newStranger()
	r.note("%d loops, %d servers, %d clients", c.Loops, len(r.servers), len(r.clients))
}

// steps lets time pass, until something has gone wrong.
func (r *Run) steps(d time.Duration) {
	end := r.sim.now + int64(d)
	for r.sim.now < end && !r.verify() && r.sim.Step() {
	}
}

// await has a task do f, and steps until it has.
func (r *Run) await(what string, limit time.Duration, f func() error) {
	done := false
	r.sim.Go(func() {
		if err := f(); err != nil {
			r.fail("%s: %v", what, err)
		}
		done = true
	})
	if !r.sim.Until(limit, func() bool { return r.verify() || done }) {
		r.fail("%s is not over after %v", what, limit)
	}
	r.verifyClosely()
}

// graceTime is how long after all is well again a client may still see an error: a server that was ejected again and again is
// asked how it is after eight seconds only.
const graceTime = 10 * time.Second

// phase has something fail or change, be well again, and stay so for a while.
func (r *Run) phase(p *Phase) {
	r.calm, r.pressed, r.soft = false, false, !slices.ContainsFunc(p.Troubles, func(t Trouble) bool { return !t.isSoft() })
	for i := range p.Troubles {
		if r.Failure != "" {
			return
		}
		t := &p.Troubles[i]
		troubles[t.Do](r, t, r.victim(t))
		r.steps(t.Then)
	}
	for _, v := range r.servers {
		v.Up()
	}
	r.sim.Slow, r.sim.Heap = 200*time.Microsecond, 20<<20
	r.note("all is well")
	r.rest()
	r.addUp()
	if r.Failure != "" {
		return
	}
	r.settleShared()
	for _, s := range r.stored {
		s.unsure()
	}
	r.calm, r.handed = true, 0
	r.resting = false
	for _, c := range r.clients {
		c.settle()
		c.soon()
	}
	r.steps(p.Calm)
	r.missed()
}

// victim is the server that a trouble befalls.
func (r *Run) victim(t *Trouble) *Server {
	if t.Do != "move" {
		return r.servers[t.Server%len(r.servers)]
	}
	for i := range r.servers {
		if v := r.servers[(t.Server+i)%len(r.servers)]; v.name != "" {
			return v
		}
	}
	return r.servers[0]
}

// rest has clients send nothing until all is answered, for which there is a limit, and then until nothing is left of what failed.
func (r *Run) rest() {
	limit := graceTime + 2*time.Second // four times the longest timeout
	r.resting = true
	for _, c := range r.clients {
		c.lazy = false
		c.soon()
	}
	idle := func() bool {
		for _, c := range r.clients {
			if !c.Idle() {
				return false
			}
		}
		return true
	}
	if !r.sim.Until(limit, func() bool { return r.verify() || idle() }) {
		for _, c := range r.clients {
			if !c.Idle() {
				r.fail("client %d is still owed %d replies after %v in which all was well, first that to %s", c.id, c.inFlight(), limit, c.oldest())
			}
		}
	}
	r.steps(graceTime)
	r.verifyNow()
}

// end drains the proxy, and looks for what is left.
func (r *Run) end() {
	if r.Failure != "" {
		return
	}
	r.calm, r.moving, r.resting = false, true, true
	if t := r.stranger.timer; t != nil {
		t.Stop()
	}
	r.await("the drain", 30*time.Second, func() error { return r.proxy.Drain(context.Background()) })
	r.await("the stop", time.Second, func() error { r.proxy.Stop(); return nil })
	for _, c := range r.clients {
		if c.conn != nil {
			c.vanish(true)
		}
	}
	for _, v := range r.servers {
		v.Hangup(true)
	}
	r.steps(2 * time.Second)
	if r.Failure == "" && r.sim.open != 0 {
		r.fail("%d ends of connections are open when all is over", r.sim.open)
	}
	if r.Failure == "" && r.sim.tasks != 0 {
		r.fail("%d tasks have not ended when all is over", r.sim.tasks)
	}
}

// Lines are the last lines of what happened.
func (r *Run) Lines(n int) string {
	lines := strings.Split(strings.TrimSpace(r.Trace), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
