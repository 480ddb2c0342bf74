package topology

import (
	"sync"
	"sync/atomic"
	"time"

	"cashew/codec"
	"cashew/near"
	"cashew/world"
)

// Server is one server of a pool, with what is known of how it is and what it can. It is the same *Server from the reload that
// brings its address into the pool to the one that takes it away, whatever becomes of its name and its weight, so who holds it
// need not look it up again. Settings are none of it: limits, timeouts and the name in the log are the pool's, since a reload
// changes them. Two pools with the same address have a Server each: one may eject it, and the other not.
//
// Its methods may be called from any goroutine.
type Server struct {
	// What requests and replies look at comes first, in one cache line.

	slot     int
	failures atomic.Int32 // since the last reply; a server with none is well
	suspects atomic.Int32 // connections that it ended, while a probe asks why
	trial    atomic.Int32 // good replies that it still has to give while it is on trial
	aside    atomic.Int32 // why requests can't just be sent to it, as bits; 0: they can

	Network, Addr string // as in ServerOptions
	sentinel      bool   // it is none of a pool: it is asked where those are

	clock    world.Clock
	ejected  atomic.Int64 // microseconds since 1970 of the last ejection; 0: never
	ejection              // under registry.mu

	abilities [codec.MaxProfiles]atomic.Pointer[ability] // nil: unknown
	databases sync.Map                                   // int to *ability: of those that clients chose; none: unknown
	remarked  atomic.Bool                                // the log has a remark about its handshake
	replica
	told     near.Source // of writes
	former   atomic.Bool // it took credentials that are not in force any more, the last time
	oddities sync.Map    // of type Oddity: forms of replies that were proved to be in step
}

// ejection is what health knows of a server beyond the counts.
type ejection struct {
	out      bool
	cause    string    // when out: why it was ejected
	probeErr error     // when out: of the last probe; nil: there was none yet
	retryAt  time.Time // when out: the next probe
	timer    world.Timer
	penalty  int       // how many times ServerRetryTimeout it was out the last time
	rejoined time.Time // the last time
}

// Slot is the server's index in tables that loops have of a pool's servers. It is small, less than Pool.Slots, and the server
// keeps it; once the server is gone, the next reload may give it to another, so a table says whose each entry is.
func (s *Server) Slot() int { return s.slot }

// Told is what the server tells of writes, to whoever keeps replies of it.
func (s *Server) Told() *near.Source { return &s.told }

// Why requests can't just be sent to a server.
const (
	ejectedBit int32 = 1 << iota
	unknownBit       // sentinels have not told its address
	heldBit          // another is about to take its place: what it is told to write would be lost
)

// Aside says that requests can't just be sent to the server: it is Down, Unknown or Held.
func (s *Server) Aside() bool { return s.aside.Load() != 0 }

// Down says that the server is ejected.
func (s *Server) Down() bool { return s.aside.Load()&ejectedBit != 0 }

// Unknown says that nobody has told where the server is, or, of a seed, that it is a server of the cluster: nothing may be sent to it.
func (s *Server) Unknown() bool { return s.aside.Load()&unknownBit != 0 }

// Held says that another is about to take the server's place. What only reads may still be sent to it.
func (s *Server) Held() bool { return s.aside.Load()&heldBit != 0 }

func (s *Server) set(bit int32, is bool) {
	if is {
		s.aside.Or(bit)
	} else {
		s.aside.And(^bit)
	}
}

// State is "live", "ejected", "trial" for a server that came back a moment ago, or "unknown" or "held", which see; ejectedAt says when it was last ejected,
// in microseconds since 1970, 0 for never.
func (s *Server) State() (state string, ejectedAt int64) {
	switch {
	case s.Down():
		state = "ejected"
	case s.Unknown():
		state = "unknown"
	case s.Held():
		state = "held"
	case s.trial.Load() > 0:
		state = "trial"
	default:
		state = "live"
	}
	return state, s.ejected.Load()
}

// clearLocked forgets failures and ejections but for when the last was: the pool ejects nobody any more.
func (s *Server) clearLocked() {
	s.failures.Store(0)
	s.trial.Store(0)
	s.set(ejectedBit, false)
	s.ejection = ejection{}
}

// Oddity is a form of reply that no table has.
type Oddity struct {
	Profile codec.Profile
	Op      uint16
	Kind    byte // first byte
}

// Odd tells whether the server was proved to be in step although it replies in that form.
func (s *Server) Odd(o Oddity) bool {
	_, known := s.oddities.Load(o)
	return known
}

// Prove notes that it was, and tells whether that is news.
func (s *Server) Prove(o Oddity) (news bool) {
	_, known := s.oddities.LoadOrStore(o, true)
	return !known
}
