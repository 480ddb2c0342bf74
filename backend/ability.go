package backend

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"cashew/codec"
	"cashew/world"
)

// abilities are what is known of which server speaks which profile besides the plain one. That is learned as connections
// of the profile open, on any loop, and is a fact about the server: one that refuses a profile is well.
//
//	unknown --handshake ends------> can --another handshake is refused--> cannot
//	   ^   \--handshake is refused--> cannot --for refusalHolds--+
//	   +---------------------------------------------------------+
type abilities struct {
	clock    world.Clock
	known    [][codec.MaxProfiles]atomic.Pointer[ability] // by server; nil: unknown
	remarked []atomic.Bool                                // by server; the log has a remark about its handshake
}

// ability is one such fact.
type ability struct {
	refusal *codec.RefusalError // nil: it can
	at      time.Time
}

// refusalHolds is how long a refusal answers in the server's place: an upgrade of the server must come to light.
const refusalHolds = 5 * time.Second

func (a *abilities) init(servers int, clock world.Clock) {
	a.clock = clock
	a.known = make([][codec.MaxProfiles]atomic.Pointer[ability], servers)
	a.remarked = make([]atomic.Bool, servers)
}

// of is what is known, nil for nothing.
func (a *abilities) of(server int, pr codec.Profile) *ability {
	b := a.known[server][pr].Load()
	if b != nil && b.refusal != nil && a.clock.Now().Sub(b.at) >= refusalHolds {
		return nil
	}
	return b
}

// learn notes what a handshake said, and tells whether that is news.
func (a *abilities) learn(server int, pr codec.Profile, refusal *codec.RefusalError) (news bool) {
	was := a.known[server][pr].Swap(&ability{refusal: refusal, at: a.clock.Now()})
	return was == nil || (was.refusal == nil) != (refusal == nil)
}

// adopt takes over what old knew of server j as what is known of server i.
func (a *abilities) adopt(i int, old *abilities, j int) {
	for pr := range a.known[i] {
		a.known[i][pr].Store(old.known[j][pr].Load())
	}
	a.remarked[i].Store(old.remarked[j].Load())
}

// unableError is why requests of a profile fail at a server that has refused it.
type unableError struct {
	server  string
	refusal *codec.RefusalError
}

func (e *unableError) Error() string {
	return "backend: server " + e.server + " does not speak " + e.refusal.Profile + ", which the client chose: " +
		strings.TrimRight(strings.TrimPrefix(string(e.refusal.Reply), "-"), "\r\n")
}

func (e *unableError) Unwrap() error { return e.refusal }

// Unable tells whether err says that a server is well but has not the profile that it was asked for.
func Unable(err error) bool {
	var r *codec.RefusalError
	return errors.As(err, &r)
}

// mastered notes that c's server speaks c's profile.
func (c *Conn) mastered() {
	if c.profile != 0 {
		c.pool.abilities.learn(c.server, c.profile, nil)
	}
}

// unable notes that c's server refused c's profile. It stands in the log once, until the server changes its mind.
func (c *Conn) unable(refusal *codec.RefusalError) error {
	if c.pool.abilities.learn(c.server, c.profile, refusal) {
		c.loop.Log.Warn("server does not speak what a client asked for", "pool", c.pool.opts.Name,
			"server", c.Server().PName, "err", refusal)
	}
	return &unableError{server: c.Server().PName, refusal: refusal}
}

// remarked says that err, of the handshake, fails nothing. It stands in the log once for each server.
func (c *Conn) remarked(err error) bool {
	var remark *codec.RemarkError
	if !errors.As(err, &remark) {
		return false
	}
	c.figures.Remarks++
	if c.pool.abilities.remarked[c.server].CompareAndSwap(false, true) {
		c.loop.Log.Warn("server connection opened, with a remark", "pool", c.pool.opts.Name, "server", c.Server().PName,
			"remark", remark.Text)
	}
	return true
}

// handshakeFailed is the error for what c's server answered to the handshake.
func (c *Conn) handshakeFailed(err error) error {
	var r *codec.RefusalError
	if errors.As(err, &r) {
		return c.unable(r)
	}
	return &handshakeError{err}
}

// Refuses says that a server was last heard to refuse a profile.
func (p *Pool) Refuses(server int, pr codec.Profile) bool {
	a := p.abilities.known[server][pr].Load()
	return a != nil && a.refusal != nil
}

// AskPatience is how long a client waits for servers that do not say what they speak: the pool's timeout, a second at most.
func (p *Pool) AskPatience() time.Duration {
	if t := p.opts.Timeout; t > 0 {
		return min(t, time.Second)
	}
	return time.Second
}

// Speaks says whether the pool's live servers speak a profile: all of them that can be reached do, and there is one. If
// not, refusal is the reply of one that does not, or err says why none can be reached.
//
// A server is believed as long as a connection of the profile is open. What is not known has to be asked for, which takes
// time: then wait is true, w is told once more is known, and the caller asks again. last: what is unknown now does not
// count, and wait is false.
func (g *Group) Speaks(pr codec.Profile, client uint64, w Waiter, last bool) (refusal []byte, wait bool, err error) {
	if pr == 0 {
		return nil, false, nil
	}
	able := 0
	var failed error
	for server := range g.pool.opts.Servers {
		if g.pool.health.down[server].Load() {
			continue
		}
		a := g.pool.abilities.of(server, pr)
		if a != nil && a.refusal != nil {
			return a.refusal.Reply, false, nil
		}
		c, err := g.Set(pr).Conn(server, client)
		var r *codec.RefusalError
		switch {
		case err == nil && c.state == open:
			able++
		case errors.As(err, &r):
			return r.Reply, false, nil
		case err == nil && !last && g.loop.Now-c.dialledAt < int64(g.pool.AskPatience()):
			if !wait {
				c.waiters, wait = append(c.waiters, w), true
			}
		case a != nil: // it could when it was last asked, and can't be now
			able++
		case err == nil:
			failed = ErrTimeout
		default:
			failed = err
		}
	}
	switch {
	case wait:
		return nil, true, nil
	case able > 0:
		return nil, false, nil
	case failed == nil:
		failed = ErrEjected
	}
	return nil, false, failed
}
