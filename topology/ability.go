package topology

import (
	"time"

	"cashew/codec"
)

// ability is what is known of how a server speaks a profile besides the plain one, or of whether it has a database besides its pool's
// own. That is learned as connections of the profile, or to the database, open, on any loop, and is a fact about the server: one
// that refuses a profile is well.
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
	return s.known(s.abilities[pr].Load())
}

// Database is Ability for a database.
func (s *Server) Database(db int) (can bool, refusal *codec.RefusalError) {
	a, _ := s.databases.Load(db)
	known, _ := a.(*ability)
	return s.known(known)
}

func (s *Server) known(a *ability) (can bool, refusal *codec.RefusalError) {
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
	return s.abilities[pr].Swap(&ability{refusal: refusal, at: s.clock.Now()}).differs(refusal)
}

// LearnDatabase is Learn for a database.
func (s *Server) LearnDatabase(db int, refusal *codec.RefusalError) (news bool) {
	was, _ := s.databases.Swap(db, &ability{refusal: refusal, at: s.clock.Now()})
	known, _ := was.(*ability)
	return known.differs(refusal)
}

// differs says that a, which may be nil, is not what refusal says.
func (a *ability) differs(refusal *codec.RefusalError) bool {
	return a == nil || (a.refusal == nil) != (refusal == nil)
}

// Refuses says that s was last heard to refuse a profile, however long that is ago.
func (s *Server) Refuses(pr codec.Profile) bool {
	a := s.abilities[pr].Load()
	return a != nil && a.refusal != nil
}

// Remark notes that the log has a remark about the server's handshake, and tells whether that is news.
func (s *Server) Remark() (news bool) { return s.remarked.CompareAndSwap(false, true) }

// TookFormer notes whether the server took the credentials before those in force, and tells whether that is news.
func (s *Server) TookFormer(former bool) (news bool) { return s.former.Swap(former) != former }

// AskPatience is how long a client waits for servers that do not say what they speak: the pool's timeout, a second at most.
func (p *Pool) AskPatience() time.Duration {
	if t := p.opts.Timeout; t > 0 {
		return min(t, time.Second)
	}
	return time.Second
}
