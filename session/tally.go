package session

import (
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/stats"
)

// countRefusal counts a command that was refused.
func (s *Session) countRefusal(cmd *codec.Command) {
	name := s.pool.Protocol.CommandName(cmd)
	s.tally.Refuse(name, s.cl.Lib, s.cl.LibVer)
	s.auditRefusal(cmd, name)
}

// account brings what is counted for each write, not for each reply, up to date.
func (s *Session) account() {
	if taken := s.out.Taken(); taken != s.counted {
		s.tally.BytesOut += int64(taken - s.counted)
		s.counted = taken
	}
	if s.dueReplies != 0 && s.out.Pending() == 0 {
		s.tally.WriteBack.Add(time.Duration(s.loop.Now-s.dueAt), s.dueReplies)
		s.dueReplies, s.wroteAt = 0, s.loop.Now
	}
}

// countLeft counts a client out of the loop, by the cause of its end.
func (s *Session) countLeft() {
	t := &s.tally
	t.InFlight -= int64(s.inFlight)
	t.Profiles[s.cl.Profile]--
	s.setBlocked(false) // a server connection may still tell it that there is room
	if (s.eof || s.life >= quitting) && !s.spoiled && !s.broken && s.out.Err() == nil {
		t.EOF++
	} else {
		t.Err++
	}
}

// setBlocked changes s.blocked, and how many clients are.
func (s *Session) setBlocked(blocked bool) {
	switch {
	case blocked && !s.blocked:
		s.tally.Blocked++
	case !blocked && s.blocked:
		s.tally.Blocked--
	}
	s.blocked = blocked
}

// sample counts the sampled keys of cmd in the sketch of hot keys; the caller has already subtracted cmd's keys from
// Local.sampleIn. cmd goes to server, or key i of it to parts[i].
func (s *Session) sample(cmd *codec.Command, r *backend.Request, server int, parts []uint16) {
	l := s.local
	keys := max(len(cmd.Keys), 1)
	if cmd.Key == nil && len(cmd.Keys) == 0 {
		l.sampleIn = max(l.sampleIn, 1) // a command for all servers has no key
	}
	for ; l.sampleIn <= 0; l.sampleIn += stats.NextSample(l.loop.World) {
		key := cmd.Key
		if len(cmd.Keys) > 0 {
			i := keys - 1 + l.sampleIn
			key = cmd.KeyAt(i)
			if parts != nil {
				server = int(parts[i])
			}
		}
		l.hot.Count(s.origin(), server, cut(key), len(cmd.Frame)/keys).By(s.cl.Addr, s.group.Writes(cmd.Op), l.near)
		if r != nil && keys == 1 {
			r.Way |= waySampled
		}
	}
}

// cut shortens key to what is kept of it.
func cut(key []byte) []byte { return key[:min(len(key), stats.MaxShownKey)] }

// bigBytes is from where a request's or a reply's bytes make its key a big one.
const bigBytes = 16 << 10

// noted is told of a request with something beside its way whose reply from its server is whole with the last bytes of it.
func (s *Session) noted(r *backend.Request, last []byte) {
	if r.Way&waySampled != 0 {
		s.local.hot.AddBytes(s.origin(), r.Key(), r.Size)
	}
	if r.Way&wayFollowed != 0 {
		if r.Reply != nil {
			last = r.Reply.B
		} else if r.Size > len(last) {
			last = nil // its beginning is with the client
		}
		s.noteReply(r, last)
	}
}

// answered is told of each request whose reply from its server is whole.
func (s *Session) answered(r *backend.Request) {
	l := s.local
	if size := max(int(r.Frame), r.Size); size >= bigBytes && r.Keys == 1 && len(r.Key()) > 0 {
		l.big.Note(s.origin(), int(r.Server), r.Key(), size)
	}
	if t := int64(s.pool.opts.SlowerThan); t >= 0 && s.loop.Now-r.QueuedAt() >= t && s.blocks.lease == nil { // else it is as long as was asked for
		s.slow(r)
	}
}

// slow enters r, whose reply is there or will not come, into its pool's slow log.
func (s *Session) slow(r *backend.Request) {
	most := s.pool.opts.SlowMaxLen
	if most <= 0 {
		return
	}
	l, e := s.local, s.slowLog.Add(most)
	e.Origin, e.ID, e.At = s.origin(), l.pressure.slowIDs.Add(1)-1, time.Duration(s.loop.Now)
	e.Op, e.Server, e.Keys, e.Bytes = r.Op, int(r.Server), int(r.Keys), r.Size
	e.Queue, e.Wait, e.Behind = time.Duration(s.loop.Now-r.QueuedAt()), 0, 0
	if r.SentAt != 0 {
		e.Queue, e.Wait = time.Duration(r.SentAt-r.QueuedAt()), time.Duration(s.loop.Now-r.SentAt)
		e.Behind = time.Duration(max(s.loop.Before-r.SentAt, 0))
	}
	e.Client, e.SetName = s.cl.Addr, s.cl.Name
	if e.SetKey(r.Key()); len(r.Key()) == 0 {
		e.Keys = 0
	}
	s.slowLog.Blame(e, max(s.pool.opts.SlowerThan, 1), most)
}
