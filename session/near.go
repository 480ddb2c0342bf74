package session

// A pool may keep replies near: a read of one key is answered without its server, if the reply to the same command is kept and nobody has
// written the key since. Package near says when that is known; here is what is noted of the commands of clients.
//
//	a read    given what is kept, or joined to the same command that is on its way (flight.go), or sent, and kept then
//	a write   counted when it is sent, and again when it is answered: what was read in between is given to nobody afterwards
//
// So what a client of this process wrote, all of them read once it was answered. While it is not, the one that wrote it is given nothing that is
// kept of its key: what it sends behind a write is answered behind that. And while it watches keys it is given nothing at all.
//
// What others write is heard from servers (tracker.go); where these do not tell, a reply is kept for a time, and that is all.

import (
	"slices"
	"strings"
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/near"
	"cashew/topology"
)

// NearOptions are of what is kept of a pool's replies.
type NearOptions struct {
	Bytes    int           // at most; 0: nothing is kept
	Patterns []string      // of keys: one key, or with * at its end a prefix; none: those that many ask for
	Life     time.Duration // for which a reply is kept, at most, if servers tell of writes
	Untold   time.Duration // likewise, if they do not
	Stale    time.Duration // likewise, while its server can't be asked; 0: it is not given then
	Check    int           // of what is given, the part that is asked for all the same, to see whether it is right; ring.Whole is all
}

// Has says that o's patterns have a key.
func (o *NearOptions) Has(key []byte) bool {
	for _, p := range o.Patterns {
		prefix, star := strings.CutSuffix(p, "*")
		if p == string(key) || star && len(key) >= len(prefix) && string(key[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// May says whether replies of a key are kept.
func (o *NearOptions) May(key []byte) string {
	switch {
	case len(o.Patterns) == 0:
		return "its replies may be kept near, once it is read often"
	case o.Has(key):
		return "its replies may be kept near"
	}
	return "its replies are not kept near: it is none of near_cache_keys"
}

const (
	// hotReads is how often a command comes before its reply is worth keeping.
	hotReads = 3
	// maxNearFrame and maxNearReply are what a command and its reply may have.
	maxNearFrame = 2 << 10
	maxNearReply = 1 << 20
	// flights is how many reads on their way are known by their command.
	flights = 1 << 12
)

// Slots, besides those of package near, as Requests of writes have them.
const (
	anySlot   = 1<<32 - 1 - iota // what may write keys that nobody knows
	manySlots                    // several, which stand in nearby.slots
	noSlot                       // none
)

// nearby is what a shard has of what is kept of its pool's replies.
type nearby struct {
	cache *near.Cache
	opts  *NearOptions
	local *Local
	shard *shard
	tally *near.Tally

	sketch  *near.Sketch     // of commands; nil: which are kept is told by Patterns
	router  *topology.Router // as of the last command
	profile codec.Profile    // of trackers
	tracks  bool             // servers tell of writes

	several  bool             // there are other loops
	flights  [flights]*flight // by hash
	spares   []*flight        // not in use
	slots    map[*backend.Request][]uint32
	silent   near.Later // writes of which nobody will say when they were done
	proofs   []*proof   // not in use
	trackers []*tracker
	scratch  []uint32
	words    []byte        // scratch, of a command
	one      []byte        // scratch, of the command for one of several keys
	found    []*near.Entry // scratch, of several keys
	part     int           // of the cache, that the next Tidy looks at
	checkIn  int           // hits until the next is checked; 0 or less: none is
	from     int64         // when the first command was sent whose reply may be kept, as Loop.Now
}

// silentFor is how long such a write may take to be done.
const silentFor = int64(2 * time.Second)

// silentLate is how much later than that near.Later may count it: the round that it came in, and one more.
const silentLate = int64(2500 * time.Millisecond)

// nearbyOf is what h has of what is kept near; nil: its pool keeps nothing.
func (l *Local) nearbyOf(h *shard) *nearby {
	was, p := h.near, h.pool
	if p.cache == nil {
		was.end()
		return nil
	}
	n := was
	if n == nil {
		n = &nearby{local: l, shard: h, slots: make(map[*backend.Request][]uint32)}
		if h.tally.Near == nil {
			h.tally.Near = new(near.Tally)
		}
		n.tally = h.tally.Near
	}
	if n.cache != nil && n.cache != p.cache {
		p.cache.WroteAny() // what is on its way was asked of servers that may have other keys by now
	}
	profile, tracks := p.Protocol.TracksIn()
	if n.opts != nil && (tracks != n.tracks || !slices.Equal(n.opts.Patterns, p.opts.Near.Patterns)) {
		n.end() // servers are to tell of other keys
	}
	n.opts, n.cache, n.profile, n.tracks = &p.opts.Near, p.cache, profile, tracks
	if was == nil && h.before != nil {
		n.from = l.loop.Now + silentFor // what is being written was not counted
	}
	n.cache.Stale(n.opts.Stale)
	n.nextCheck()
	n.several = len(p.groups) > 1
	n.sketch = nil
	if len(n.opts.Patterns) == 0 {
		n.sketch = near.NewSketch(powerOfTwo(max(min(n.opts.Bytes/64, 1<<21), 1<<12)))
	}
	n.router = nil
	return n
}

// NearFigures are those of what is kept of p's replies, but for what loops count; nil: nothing is.
func (p *Pool) NearFigures() *near.Tally {
	if p.cache == nil {
		return nil
	}
	t := &near.Tally{Most: int64(p.opts.Near.Bytes)}
	t.Entries, t.Bytes = p.cache.Size()
	return t
}

// powerOfTwo is the greatest that is not more than n.
func powerOfTwo(n int) int {
	p := 1
	for p*2 <= n {
		p *= 2
	}
	return p
}

// nearable says that replies to cmd may be kept, and given from there; shares: also to several who ask at once.
func (s *Session) nearable(cmd *codec.Command) (is, shares bool) {
	if cmd.Kind > codec.Scatter || cmd.Key == nil || cmd.NoReply || cmd.Quiet != 0 || s.cl.Profile != 0 && !s.near.tracks || s.watches.on() {
		return false, false
	}
	return s.pool.Protocol.Keeps(cmd)
}

// nearForm is a command as what is kept is found by it.
func (s *Session) nearForm(frame []byte) near.Command {
	form := uint32(s.conns.Database())<<1 | uint32(s.cl.Profile)
	return near.Command{Hash: near.Hash(frame, form), Form: form, Frame: frame}
}

// nearly answers cmd, which reads, with what is kept of it, or with what is on its way, or sends it so that its reply may be kept; false: it is to
// be sent as any other, the way that it would go. What replicas say is not kept, for they tell of writes late: of what is worth keeping the master is asked.
func (s *Session) nearly(cmd *codec.Command, way uint8) bool {
	n := s.near
	is, shares := s.nearable(cmd)
	switch {
	case !is:
		return false
	case len(cmd.Keys) > 0:
		return len(cmd.Keys) <= mostNearKeys && s.nearlyAll(cmd, way)
	case len(cmd.Frame) > maxNearFrame:
		return false
	}
	c := s.nearForm(cmd.Frame)
	n.look()
	if e := n.cache.Get(&c, s.loop.Now); e != nil && !s.wroteTo(e.Slot) {
		n.tally.Hits++
		if n.checkIn--; n.checkIn == 0 {
			n.check(s, cmd.Op, cmd.Key, e)
		}
		s.count(cmd)
		if s.local.sampleIn--; s.local.sampleIn <= 0 {
			s.local.near = true
			s.sample(cmd, nil, e.Place, nil)
			s.local.near = false
		}
		s.give(e.Reply)
		return true
	}
	n.tally.Misses++
	return n.fly(s, cmd, &c, way, shares)
}

// look takes note that servers may have other keys than before.
func (n *nearby) look() {
	if r := n.shard.pool.Router(); r != n.router {
		if n.router != nil {
			n.cache.Moved()
		}
		n.router = r
	}
}

// give answers the command that is being taken with a reply that is kept.
func (s *Session) give(reply []byte) {
	switch {
	case s.head != nil || s.limiter != nil:
		r := s.done(len(reply))
		r.Reply.B, r.Size = append(r.Reply.B, reply...), len(reply)
		s.push(r)
		s.passDue()
		return
	case len(reply) >= throughBytes:
		s.out.Through(s.loop, reply, s)
	default:
		s.out.Append(s.loop, reply)
	}
	s.replyDue()
	s.touch()
}

// done returns a Request for what is answered already, with room for a reply of so many bytes.
func (s *Session) done(size int) *backend.Request {
	r := s.local.servers.NewRequest(nil)
	r.Reply, r.Done = s.loop.GetBuffer(), true
	s.loop.Grow(r.Reply, size, 0)
	s.loop.Copies.Add(size)
	return r
}

// wroteTo says that s has written keys of a slot, and that was not answered.
func (s *Session) wroteTo(slot uint32) bool {
	return s.writing > 0 && s.wroteSlots>>(slot&63)&1 != 0 || s.unproved > 0 || s.silentTill > s.loop.Now
}

// carryNear carries cmd out, which is answered by servers. It returns false if the command has to wait, and then nothing is taken of it.
func (s *Session) carryNear(cmd *codec.Command, way uint8) bool {
	n, slot := s.near, uint32(noSlot)
	if n != nil && way == wayWrite {
		slot = n.writes(cmd)
	}
	l := s.local
	l.reads, l.asked, l.mute = way == wayReplica, false, nil
	taken := s.carry(cmd)
	if l.reads = false; !taken {
		return false
	}
	if way == wayReplica && !l.asked {
		way = wayRead
	}
	if owed := s.noteWay(way); n != nil && way == wayWrite {
		n.sentWrite(s, slot, owed)
	}
	return true
}

// writes takes note of cmd, which is about to be sent and may write, and returns where, as a Request has it.
func (n *nearby) writes(cmd *codec.Command) (slot uint32) {
	n.scratch = n.scratch[:0]
	switch {
	case cmd.Kind == codec.Lease && cmd.Wait == 0: // WATCH
		return noSlot
	case cmd.Script || cmd.Kind != codec.Forward && cmd.Kind != codec.Scatter && cmd.Kind != codec.Lease || cmd.Key == nil && len(cmd.Keys) == 0:
		n.cache.WroteAny()
		return anySlot
	case len(cmd.Keys) == 0:
		slot = near.Slot(cmd.Key)
		n.cache.Wrote(slot)
		return slot
	}
	for i := range cmd.Keys {
		slot = near.Slot(cmd.KeyAt(i))
		n.cache.Wrote(slot)
		n.scratch = append(n.scratch, slot)
	}
	if len(n.scratch) == 1 {
		return slot
	}
	return manySlots
}

// sentWrite takes note that s has sent what writes returned slot for, as the last of its order if owed.
func (n *nearby) sentWrite(s *Session, slot uint32, owed bool) {
	if owed {
		s.tail.Slot = slot // also if it is none, for what is there is another's
	}
	switch {
	case slot == noSlot:
		return
	case !owed && n.local.mute != nil && slot != anySlot && slot != manySlots:
		n.prove(s, n.local.mute, slot)
		return
	case !owed:
		n.silently(slot)
		s.silentTill = s.loop.Now + silentFor + silentLate
		return
	case slot != manySlots:
		s.noteSlot(slot)
		return
	}
	n.slots[s.tail] = append([]uint32(nil), n.scratch...)
	for _, slot := range n.scratch {
		s.noteSlot(slot)
	}
}

// noteSlot notes that s has written keys of a slot.
func (s *Session) noteSlot(slot uint32) {
	if s.wroteSlots |= 1 << (slot & 63); slot == anySlot {
		s.wroteSlots = ^uint64(0)
	}
}

// silently has a write be counted again once it must have been done.
func (n *nearby) silently(slot uint32) {
	switch slot {
	case anySlot:
		n.silent.AddAny()
	case manySlots:
		for _, slot := range n.scratch {
			n.silent.Add(slot)
		}
	default:
		n.silent.Add(slot)
	}
}

// wrote takes note that r, which writes, is answered, or failed.
func (n *nearby) wrote(r *backend.Request) {
	switch r.Slot {
	case anySlot:
		n.cache.WroteAny()
	case manySlots:
		for _, slot := range n.slots[r] {
			n.cache.Wrote(slot)
		}
		delete(n.slots, r)
	case noSlot:
	default:
		n.cache.Wrote(r.Slot)
	}
}

// leaves takes note that nobody will say when r is answered, if it writes.
func (n *nearby) leaves(r *backend.Request) {
	if n == nil || r.Way&^wayBeside != wayWrite {
		return
	}
	n.scratch = append(n.scratch[:0], n.slots[r]...)
	delete(n.slots, r)
	if r.Slot != noSlot {
		n.silently(r.Slot)
	}
}

// tidy is called every second or so.
func (n *nearby) tidy() {
	now := n.local.loop.Now
	n.silent.Count(n.cache, now, silentFor)
	if n.local.index == 0 {
		n.cache.Tidy(now, n.part, tidyParts)
		n.part = (n.part + 1) % tidyParts
	}
	n.look()
	n.track(true)
}

// tidyParts is in how many seconds all of the cache is looked at.
const tidyParts = 8
