package session

import (
	"hash/maphash"
	"math"
	"time"

	"cashew/backend"
	"cashew/codec"
)

// In a cluster a server comes to have a slot, or its master's place, without the scripts that were loaded for those who call them. That it
// lacks one is no reply to follow: what stands behind the call may have been executed by then. So each connection is sent a script before
// the first call of it:
//
//	client   EVALSHA name 1 k   INCR k
//	server   SCRIPT LOAD text, EVALSHA name 1 k, INCR k
//
// What is known of scripts, and what becomes of calls of one that is not, is in scripts.go and call.go.

// preloads are the scripts of a pool that a loop's connections to a cluster, the pool's own or another that its routes lead to, were sent.
type preloads struct {
	changed uint32            // scripts.changed, as they were
	name    []byte            // scratch
	sent    map[preload]int64 // math.MaxInt64: it was sent; else nobody knew it then, and it is looked up again from then on, as Loop.Now
}

type preload struct {
	conn *backend.Conn
	era  int    // of conn
	name uint64 // hash of the script's
}

const (
	maxPreloads = 4096
	relookTime  = int64(time.Second)
)

// preload sends c what cmd calls, unless that was.
func (s *Session) preload(c *backend.Conn, cmd *codec.Command) {
	if _, calls, _ := s.pool.Protocol.Script(cmd); calls {
		s.preloadCall(c, cmd.Frame)
	}
}

// preloadCall is preload for the frame of a command that calls a script.
func (s *Session) preloadCall(c *backend.Conn, frame []byte) {
	y, k := &s.preloads, s.pool.scripts
	if n := k.changed.Load(); y.sent == nil || y.changed != n || len(y.sent) >= maxPreloads {
		y.sent, y.changed = make(map[preload]int64), n
	}
	y.name = s.pool.Protocol.AppendCalled(y.name[:0], frame)
	key := preload{c, c.Era(), maphash.Bytes(scriptSeed, y.name)}
	if until, looked := y.sent[key]; looked && s.loop.Now < until {
		return
	}
	body := k.get(string(y.name))
	if body == "" {
		y.sent[key] = s.loop.Now + relookTime
		return
	}
	y.sent[key] = math.MaxInt64
	s.load(c, body)
}

// preloadCalls is preload for what a transaction calls.
func (s *Session) preloadCalls(t *transaction, c *backend.Conn) {
	if !s.patientAt(t.place) {
		return
	}
	for _, at := range t.calls {
		s.preloadCall(c, t.bb.B[at.start:at.end])
	}
}
