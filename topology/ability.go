package topology

import (
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

// Ability is what is known of how a server speaks a profile: that it can, or its refusal; neither: nothing.
func (p *Pool) Ability(server int, pr codec.Profile) (can bool, refusal *codec.RefusalError) {
	a := p.abilities.of(server, pr)
	if a == nil {
		return false, nil
	}
	return a.refusal == nil, a.refusal
}

// Learn notes what a handshake said of a profile, and tells whether that is news.
func (p *Pool) Learn(server int, pr codec.Profile, refusal *codec.RefusalError) (news bool) {
	return p.abilities.learn(server, pr, refusal)
}

// Remark notes that the log has a remark about a server's handshake, and tells whether that is news.
func (p *Pool) Remark(server int) (news bool) {
	return p.abilities.remarked[server].CompareAndSwap(false, true)
}
