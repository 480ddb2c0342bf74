package session

// A message goes to all who are subscribed to its topic. If those are many, or it is long, it goes to a portion of them at a time, and
// other clients of the loop have their turn in between:
//
//	few    given to each at once                                       pass
//	many   kept in the topic's backlog; a round goes through those     pass, walk, goOn
//	       who hear it, and gives each all that it does not have
//
// A portion is as large as can be written in about a millisecond; the next comes once the loop has polled.
//
// Who hears several topics has their messages in the order in which they came: before it is given one of another topic, it is given what
// it lacks of those that are under way. Of a long message there is one copy for each version of the protocol, which all share.

import (
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/codec"
	"cashew/loop"
)

const (
	// shareBytes is from where on a message is shared: to write it from where it is costs as much as to copy so much.
	shareBytes = 512
	// portion is how many are given messages at a time at first, and least and most what it becomes; portionBytes is how much they are
	// given at most.
	portion      = 128
	leastPortion = 16
	mostPortion  = 512
	portionBytes = 2 << 20
	// portionTime is what it may take to write one; a portion that took less than half of that may grow.
	portionTime = time.Millisecond
	// portionPause is between two portions, so that the loop polls.
	portionPause = 200 * time.Microsecond
	// subscriberBytes is what a subscriber may leave unread where its pool does not say. Source: redis.conf,
	// client-output-buffer-limit pubsub.
	subscriberBytes = 32 << 20
)

// message is one, on its way. frame is as it came, and as clients of the plain profile have it.
type message struct {
	frame  []byte
	shared [codec.MaxProfiles]*loop.Shared // those that there are
}

// in is m as a profile has it, to be shared.
func (m *message) in(l *loop.Loop, p protocol, pr codec.Profile) *loop.Shared {
	if m.shared[pr] == nil {
		bb := l.GetBuffer()
		l.Grow(bb, len(m.frame), 0)
		l.Copies.Add(len(m.frame))
		bb.B = p.AppendMessage(bb.B, pr, m.frame)
		m.shared[pr] = loop.NewShared(bb)
	}
	return m.shared[pr]
}

// release lets go of what m holds.
func (m *message) release(l *loop.Loop) {
	for _, sh := range m.shared {
		if sh != nil {
			sh.Release(l)
		}
	}
}

// backlog is what not all who hear a topic have been given.
type backlog struct {
	log    []message
	base   uint64        // number of the first of log
	round  uint64        // all before that are everybody's once the round is over
	cursor *subscription // who is next in the round
	walks  bool          // it is among those of fan
}

// end is the number that the next message has.
func (b *backlog) end() uint64 { return b.base + uint64(len(b.log)) }

// fan is the topics of which messages are under way, and what is left of the portion that the next flush writes.
type fan struct {
	walking []*topic
	timed   bool  // a timer goes on
	portion int   // how many may be given messages at a time
	people  int   // that may be given some yet, before the next flush
	bytes   int   // that they may be given
	began   int64 // when the portion did, as Loop.Now
	flushes int   // how often the next flush has yet to come to the hub; 0: there is no portion
}

// pass gives a message to those who hear t. kept: bb, which it stands in, is in use.
func (t *topic) pass(frame []byte, bb *bytebufferpool.ByteBuffer) (kept bool) {
	h := t.hub
	h.begin()
	l, n := h.local.loop, t.subscribers.n
	m := message{frame: frame}
	if kept = bb != nil && len(frame) >= shareBytes; kept {
		m.shared[0] = loop.NewShared(bb)
	}
	if !t.walks && (n <= h.people && n*len(frame) <= h.bytes || n == 1) {
		h.people -= n
		h.bytes -= n * len(frame)
		for u := t.subscribers.first; u != nil; {
			next := u.inTopic.next
			h.catchUp(u)
			u.session.hear(u, &m)
			u = next
		}
		m.release(l)
		return kept
	}
	m.frame = m.in(l, h.shard.pool.Protocol, 0).Bytes()
	t.log = append(t.log, m)
	if !t.walks {
		t.walks = true
		t.cursor, t.round = t.subscribers.first, t.end()
		h.walking = append(h.walking, t)
		if !h.timed {
			h.giveOn()
		}
	}
	return kept
}

// begin begins a portion, unless one is under way. The hub comes to it again once those who are given messages were written to.
func (h *hub) begin() {
	if h.flushes > 0 {
		return
	}
	h.people, h.bytes, h.began, h.flushes = h.portion, portionBytes, h.local.loop.Now, 2
	h.local.loop.TouchClient(h)
}

// Flush implements loop.Flusher. The first time the hub stands before those whom it has given messages, and so it comes again.
func (h *hub) Flush() {
	l := h.local.loop
	if h.flushes--; h.flushes > 0 {
		l.TouchClient(h)
		return
	}
	l.Tick()
	switch took := time.Duration(l.Now - h.began); {
	case took > portionTime:
		h.portion = max(h.portion/2, leastPortion)
	case took < portionTime/2 && h.people <= 0:
		h.portion = min(h.portion+h.portion/4, mostPortion)
	}
	h.goOnSoon()
}

// Abandon implements loop.Flusher: whoever was at fault is closed by itself, and the others hear on.
func (h *hub) Abandon(error) {
	h.flushes = 0
	h.goOnSoon()
}

// goOnSoon has a timer go on with what is under way.
func (h *hub) goOnSoon() {
	if len(h.walking) > 0 && !h.timed {
		h.timed = true
		h.local.loop.After(portionPause, h.goOn)
	}
}

// catchUp gives u's client what it lacks of other topics, whose messages came before.
func (h *hub) catchUp(u *subscription) {
	b := u.session.subscriber
	if len(h.walking) == 0 || b.n() == 1 {
		return
	}
	for _, t := range h.walking {
		if other := b.names[t.sort][string(t.name)]; other != nil && other != u {
			t.give(other)
		}
	}
}

// give gives a subscriber all of t's backlog that it does not have, and returns how many bytes that were.
func (t *topic) give(u *subscription) (n int) {
	if !u.active {
		return 0
	}
	for s := u.session; u.at < t.end() && s.life != closed; u.at++ {
		m := &t.log[u.at-t.base]
		n += len(m.frame)
		s.hear(u, m)
	}
	return n
}

// goOn gives the next portion of subscribers what they lack.
func (h *hub) goOn() {
	h.timed = false
	h.begin()
	h.giveOn()
}

// giveOn gives as many subscribers what they lack as the portion has room for.
func (h *hub) giveOn() {
	for len(h.walking) > 0 && h.people > 0 && h.bytes > 0 {
		t := h.walking[0]
		more := t.walk()
		switch {
		case !t.walks: // the last who heard it was closed, and it is not in the list any more
		case !more:
			h.walking = append(h.walking[:0], h.walking[1:]...)
			t.walks = false
		case len(h.walking) > 1:
			h.walking = append(append(h.walking[:0], h.walking[1:]...), t) // the others have their turn
		}
	}
}

// walk goes on with t's round, as far as the portion allows. more: it is not over. Who does not read is closed, and if that was the last who
// hears t, then t ends here.
func (t *topic) walk() (more bool) {
	h := t.hub
	for t.walks && h.people > 0 && h.bytes > 0 {
		u := t.cursor
		if u == nil {
			if t.trim(t.round); len(t.log) == 0 {
				return false
			}
			t.cursor, t.round = t.subscribers.first, t.end()
			continue
		}
		t.cursor = u.inTopic.next
		if n := t.give(u); n > 0 {
			h.people--
			h.bytes -= n
		}
	}
	return t.walks
}

// trim drops the messages before a number.
func (t *topic) trim(before uint64) {
	n := int(before - t.base)
	for i := range t.log[:n] {
		t.log[i].release(t.hub.local.loop)
	}
	rest := copy(t.log, t.log[n:])
	clear(t.log[rest:])
	t.log, t.base = t.log[:rest], before
	if rest == 0 && cap(t.log) > portion {
		t.log = nil
	}
}

// drop ends a topic's backlog with it.
func (t *topic) drop() {
	t.trim(t.end())
	t.cursor = nil
	if t.walks {
		t.walks = false
		h := t.hub
		for i, w := range h.walking {
			if w == t {
				h.walking = append(h.walking[:i:i], h.walking[i+1:]...)
				break
			}
		}
	}
}

// hear gives s a message of what it is subscribed to.
func (s *Session) hear(u *subscription, m *message) {
	b, size := s.subscriber, len(m.frame)
	if !u.active || s.life >= quitting {
		return
	}
	if most := s.subscriberBuffer(); s.unheard(b) > 0 && s.unheard(b)+size > most {
		s.out.Flush(s.loop, s) // what came in this turn of the loop, it could not read yet
		if waits := s.unheard(b); waits > 0 && waits+size > most {
			s.tooSlow(waits)
			return
		}
	}
	s.tally.Messages++
	switch {
	case s.head != nil && s.head.Streaming: // a message comes between whole replies
		sh := m.in(s.loop, s.pool.Protocol, s.cl.Profile)
		sh.Hold()
		b.held = append(b.held, sh)
		b.heldBytes += size
		return
	case size < shareBytes:
		s.loop.Copies.Add(size)
		s.out.SetBatch(s.pool.Protocol.AppendMessage(s.out.Room(s.loop, size), s.cl.Profile, m.frame))
	default:
		s.out.Share(m.in(s.loop, s.pool.Protocol, s.cl.Profile))
	}
	s.touch()
}

// unheard is how much s has before it.
func (s *Session) unheard(b *subscriber) int { return s.out.Pending() + b.heldBytes }

// subscriberBuffer is what a client that is subscribed to something may leave unread. Replies can wait, and what nobody asked for can't.
func (s *Session) subscriberBuffer() int {
	if s.pool.opts.ClientOutputBuffer > 0 {
		return s.outputBuffer()
	}
	return min(s.outputBuffer(), subscriberBytes)
}

// tooSlow closes a subscriber that does not read.
func (s *Session) tooSlow(unread int) {
	s.loop.Log.Warn("closing a subscriber that does not read", "pool", s.pool.Name, "client", s.cl.Addr, "unread_bytes", unread,
		SettingName(s.local.limits.SettingNames, "ClientOutputBuffer"), s.subscriberBuffer())
	s.pool.Count.SlowSubscribers.Add(1)
	s.close()
}

// passHeld passes on the messages that came while a reply did.
func (s *Session) passHeld() {
	b := s.subscriber
	if len(b.held) == 0 || s.head != nil && s.head.Streaming {
		return
	}
	for _, sh := range b.held {
		s.out.Share(sh)
		sh.Release(s.loop)
	}
	clear(b.held)
	b.held, b.heldBytes = b.held[:0], 0
	s.touch()
}
