// Package backend is a loop's connections to servers. A Group is those to one pool, which is a topology.Pool that all loops
// share; a Conn is one of them: a batch of bytes to write, and outq, the requests that await a reply, oldest first.
//
//	session --Set.Conn--> Conn --Queue--> batch --flush--> server
//	session <--Owner.Replied-- outq <--ScanReply-- Data <-- server
//
// Read request.go, group.go, conn.go and local.go first, then dial.go, handshake.go and ability.go for how a Conn opens,
// answer.go for replies, doubt.go, canary.go and push.go for those that are not as expected, expiry.go, ending.go and fault.go
// for failures, figures.go for what is counted, lease.go for connections that one client has for itself, feed.go for
// those that clients are subscribed over, and change.go for reloads.
// verify.go, in builds with -tags invariants, has what must hold between two callbacks.
//
// Everything of a Loop, its Groups, Conns and Requests runs on that event loop's goroutine. No request takes a lock; a server that
// has failed too often does, in topology.Pool.Failure, and a socket that stalls, in loop.Watcher. A dial runs
// on a goroutine of its own and comes back by Loop.Enroll, or by Loop.Execute if it failed; the Watcher comes back by Loop.Execute.
package backend

import (
	"math"
	"slices"
	"time"

	"cashew/loop"
	"cashew/world"
)

// Local is what this package has on one loop: its groups, its requests, and when the next of them are late.
type Local struct {
	Connect func(*Conn)   // brings about Conn.Opened or Conn.DialFailed, later; dial but in tests
	Token   func() string // for canaries; it gives none twice

	loop     *loop.Loop
	requests requests
	groups   []*Group
	orders   uint32 // where the numbers of the last connection's requests began

	timer   world.Timer
	timerAt int64 // when timer fires, as Loop.Now; math.MaxInt64: it is not armed
}

// NewLocal returns what this package has on l.
func NewLocal(l *loop.Loop) *Local {
	return &Local{Connect: dial, Token: l.World.Token, loop: l, timerAt: math.MaxInt64}
}

// Loop is the loop that it is of.
func (o *Local) Loop() *loop.Loop { return o.loop }

// Tidy is called every second or so: it drops room for requests that nobody needed since the last call, and tidies the
// groups. It returns how many bytes it dropped.
func (o *Local) Tidy() int {
	for _, g := range o.groups {
		g.Tidy()
	}
	o.groups = slices.DeleteFunc(o.groups, func(g *Group) bool { return g.left && len(g.retired) == 0 })
	return o.requests.tidy()
}

// Groups is how many groups o looks after: one for each pool, and those of removed pools whose last replies are awaited.
func (o *Local) Groups() int { return len(o.groups) }

// want asks for a call of expire at time at: there is at most one timer for each loop, and none while no request waits.
func (o *Local) want(at int64) {
	if at >= o.timerAt {
		return
	}
	o.timerAt = at
	d := max(time.Duration(at-o.loop.Now), time.Millisecond)
	if o.timer == nil {
		o.timer = o.loop.After(d, o.expire)
	} else {
		o.timer.Reset(d)
	}
}

// expire fails the requests whose time is up and asks to be called again for the next.
func (o *Local) expire() {
	o.timerAt = math.MaxInt64
	for _, g := range o.groups {
		for c := range g.all {
			c.expire()
		}
		for _, c := range g.leased {
			if c.leases != nil { // else it is retired, and comes below
				c.expire()
			}
		}
		for _, c := range g.feedList() {
			c.expire()
		}
		for _, c := range g.retired {
			c.expire()
		}
	}
}
