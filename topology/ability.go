package topology

import (
	"time"

	"cashew/codec"
)

// ability is what is known of how a server speaks a profile besides the plain one. That is learned as connections of the
// profile open, on any loop, and is a fact about the server: one that refuses a profile is well.
//
//	unknown --handshake ends------> can --another handshake is refused--> cannot
//	   ^   \--handshake is refused--> cannot --for refusalHolds--+
//	   +---------------------------------------------------------+
type ability struct {
	refusal *codec.RefusalError // nil: it can
	at      time.Time
}

// refusalHolds is how long a refusal answers in the server's place: an upgrade of the server must come to light.
const refusalHolds = 5 * time.Second

// Ability is what is known of how s speaks a profile: that it can, or its refusal; neither: nothing.
func (s *Server) Ability(pr codec.Profile) (can bool, refusal *codec.RefusalError) {
	a := s.abilities[pr].Load()
	switch {
	case a == nil:
		return false, nil
	case a.refusal == nil:
		return true, nil
	case s.clock.Now().Sub(a.at) >= refusalHolds:
		return false, nil
	}
	return false, a.refusal
}

// Learn notes what a handshake said of a profile, a refusal or nil, and tells whether that is news.
func (s *Server) Learn(pr codec.Profile, refusal *codec.RefusalError) (news bool) {
	was := s.abilities[pr].Swap(&ability{refusal: refusal, at: s.clock.Now()})
	return was == nil || (was.refusal == nil) != (refusal == nil)
}

// Refuses says that s was last heard to refuse a profile, however long that is ago.
func (s *Server) Refuses(pr codec.Profile) bool {
	a := s.abilities[pr].Load()
	return a != nil && a.refusal != nil
}

// Remark notes that the log has a remark about the server's handshake, and tells whether that is news.
func (s *Server) Remark() (news bool) { return s.remarked.CompareAndSwap(false, true) }

// AskPatience is how long a client waits for servers that do not say what they speak: the pool's timeout, a second at most.
func (p *Pool) AskPatience() time.Duration {
	if t := p.opts.Timeout; t > 0 {
		return min(t, time.Second)
	}
	return time.Second
}
