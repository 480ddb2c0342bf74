package engine

import (
	"time"

	"cashew/backend"
	"cashew/codec"
)

// tally is what one loop counts of one pool's clients, in plain fields. It is kept by the pool's name, so that it outlives
// a change of the pool's settings.
type tally struct {
	eof, err int64                    // clients that left, by cause
	blocked  int64                    // clients that wait until more is taken from them, now
	inFlight int64                    // commands whose reply is owed, now
	profiles [codec.MaxProfiles]int64 // clients, now
	local    int64                    // commands that we answered
	// fragments are parts of commands that went to several servers.
	fragments int64

	bytesIn, bytesOut int64
	writeBack         Histogram

	refused map[string]int64 // by name; nil: none
	slow    slowLog
}

// maxRefusedNames is how many names of refused commands are told apart; the others are "other".
const maxRefusedNames = 64

// refuse counts a command that was refused.
func (t *tally) refuse(p protocol, cmd *codec.Command) {
	if t.refused == nil {
		t.refused = map[string]int64{otherCommand: 0}
	}
	addName(t.refused, p.CommandName(cmd), 1)
}

const otherCommand = "other"

// addName adds n to what m, which has otherCommand, counts of name.
func addName(m map[string]int64, name string, n int64) {
	if _, known := m[name]; name == "" || !known && len(m) > maxRefusedNames {
		name = otherCommand
	}
	m[name] += n
}

// tallyOf is what l counts of p's clients.
func (l *Loop) tallyOf(p *pool) *tally {
	t := l.tallies[p.name]
	if t == nil {
		t = new(tally)
		l.tallies[p.name] = t
	}
	return t
}

// account brings what is counted for each write, not for each reply, up to date.
func (s *Session) account() {
	if taken := s.out.Taken(); taken != s.counted {
		s.tally.bytesOut += int64(taken - s.counted)
		s.counted = taken
	}
	if s.due != 0 && s.out.Pending() == 0 {
		s.tally.writeBack.Add(time.Duration(s.loop.Now-s.dueAt), s.due)
		s.due, s.wroteAt = 0, s.loop.Now
	}
}

// left counts a client out of the loop, by the cause of its end.
func (t *tally) left(s *Session) {
	t.inFlight -= int64(s.inFlight)
	t.profiles[s.cl.Profile]--
	s.setBlocked(false) // a server connection may still tell it that there is room
	if (s.eof || s.quitting) && !s.spoiled && !s.broken && s.out.Err() == nil {
		t.eof++
	} else {
		t.err++
	}
}

// setBlocked changes s.blocked, and how many clients are.
func (s *Session) setBlocked(blocked bool) {
	switch {
	case blocked && !s.blocked:
		s.tally.blocked++
	case !blocked && s.blocked:
		s.tally.blocked--
	}
	s.blocked = blocked
}

// sample has the sketch of hot keys count what loop.sampleIn, less the keys of cmd, says. cmd goes to server, or in parts to
// those in parts.
func (s *Session) sample(cmd *codec.Command, r *backend.Request, server int, parts []uint16) {
	l := s.loop
	keys := max(len(cmd.Keys), 1)
	if cmd.Key == nil && len(cmd.Keys) == 0 {
		l.sampleIn = max(l.sampleIn, 1) // a command for all servers has no key
	}
	for ; l.sampleIn <= 0; l.sampleIn += l.nextSample() {
		key := cmd.Key
		if len(cmd.Keys) > 0 {
			i := keys - 1 + l.sampleIn
			key = cmd.KeyAt(i)
			if parts != nil {
				server = int(parts[i])
			}
		}
		l.hot.count(s.pool, server, cut(key), len(cmd.Frame)/keys)
		if r != nil && keys == 1 {
			r.Sampled = true
		}
	}
}

// cut shortens key to what is kept of it.
func cut(key []byte) []byte { return key[:min(len(key), maxShownKey)] }

// bigBytes is from where a request's or a reply's bytes make its key a big one.
const bigBytes = 16 << 10

// answered is told of each request whose reply from its server is whole.
func (s *Session) answered(r *backend.Request) {
	l := s.loop
	if r.Sampled {
		l.hot.addBytes(s.pool, r.Key(), r.Size)
	}
	if size := max(int(r.Frame), r.Size); size >= bigBytes && r.Keys == 1 {
		l.big.note(s.pool, int(r.Server), r.Key(), size)
	}
	if t := int64(s.pool.opts.SlowerThan); t >= 0 && l.Now-r.QueuedAt() >= t {
		s.slow(r)
	}
}
