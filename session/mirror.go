package session

// A pool may have a mirror: another pool that gets a copy of what its clients send, for a share of the keys. A key is mirrored always or
// never. The copy is a request of its own, which nobody waits for:
//
//	client --SET a--> forwardRouted --own server--> Conn  outq: SET a (its session's)
//	                       |
//	                       +---------mirror------> Conn  outq: SET a (a copy: it counts what becomes of it)
//
// Copies of a client's commands take the same connection, one behind the other, so what a client writes to a key is mirrored in its order. A
// copy is made here and now, or not at all: it is dropped, and counted, where the mirror has its budget of bytes outstanding, can't be
// reached, or memory is short. So a mirror costs a client the loop's time, and nothing else.
//
// What stands in no copy is counted as skipped: transactions, commands that may block, and those without a key that write.

import (
	"cashew/backend"
	"cashew/codec"
	"cashew/ring"
	"cashew/stats"
	"cashew/topology"
)

// MirrorOptions are of a pool's mirror.
type MirrorOptions struct {
	Pool          string // "": there is none
	Share         int    // of the keys, as ring.Share has it
	Reads, Writes bool   // what of them is mirrored; what neither reads nor writes keys goes with the writes
	Budget        int    // bytes that may be outstanding, on all loops together

	Compare        bool // replies are compared, see twin.go
	Ramp           int  // of the keys, as Share: the mirror answers their reads; see ramp.go
	MaxDifferences int  // of what is compared, as Share: past that the pool itself answers again
}

// Has says that o's mirror has key.
func (o *MirrorOptions) Has(key []byte) bool { return o.Pool != "" && ring.Share(key) < o.Share }

// mirror is what a shard has of its pool's.
type mirror struct {
	opts  *MirrorOptions
	local *Local
	from  *shard // whose mirror it is
	to    *shard // nil: the pool is not there
	base  int    // the place of the mirror's first server, if it answers reads
	ramp  *ramp
	owes  debts
	tally *stats.Mirror
	most  int64 // bytes outstanding, at most
}

// shard is what m copies to; nil for nil.
func (m *mirror) shard() *shard {
	if m == nil {
		return nil
	}
	return m.to
}

// copied is the Owner of a copy.
type copied struct {
	of    *mirror
	bytes int64 // of the budget
	begun bool  // some of the reply has come
	write bool  // it does not only read
	side  *side // that digests the reply; nil: nobody does
	owed  owed
}

// copyCost is about what a copy takes besides its bytes.
const copyCost = 512

// mirrorOf is what h has of its pool's mirror, which is to.
func (l *Local) mirrorOf(h, to *shard) *mirror {
	o := &h.pool.opts.Mirror
	return &mirror{opts: o, local: l, from: h, to: to, ramp: h.pool.ramp, tally: h.tally.MirrorTally(), most: int64(o.Budget / max(len(h.pool.groups), 1))}
}

// copy mirrors cmd, which s is about to send to a server of its own pool, if its keys are of the share. If a side is returned it is to see
// what that server replies.
func (m *mirror) copy(s *Session, cmd *codec.Command) (own *side) {
	if !m.takes(s, cmd.Op) {
		return nil
	}
	key := cmd.Key
	if len(cmd.Keys) > 0 {
		key = cmd.KeyAt(0)
	}
	if key == nil || !m.shares(key) {
		return nil
	}
	h := m.to
	if h == nil {
		m.drop(s, cmd.Op, &m.tally.Unreachable)
		return nil
	}
	w := ways{router: h.pool.Router()}
	place, server := w.Route(key)
	for i := 1; i < len(cmd.Keys); i++ {
		if k := cmd.KeyAt(i); !m.shares(k) || w.Place(k) != place || h.pool.slotted && ring.SlotOf(k) != ring.SlotOf(key) {
			m.drop(s, cmd.Op, &m.tally.Skips.Apart)
			return nil
		}
	}
	c, ok := m.open(s, h, server, cmd.Op, len(cmd.Frame))
	if !ok {
		return nil
	}
	o := m.begin(s, c, cmd, len(cmd.Frame))
	m.expects(o, c)
	if t := m.compares(s, cmd); t != nil {
		o.side, own = &t.sides[1], &t.sides[0]
	}
	sendPart(s, c, cmd.Frame)
	return own
}

// mayCopy says that cmd, which is to be forwarded to a server of s's own pool, will be sent there, as far as is known: at once, or later if its
// servers change places.
func (s *Session) mayCopy(w ways, place int, server *topology.Server, cmd *codec.Command) bool {
	if w.routes == nil || s.routes.at(place).shard != s.shard || !s.together(w, place, cmd) {
		return false
	}
	_, err := s.conns.Conn(server, s.cl.ID)
	return err == nil || s.pool.patient
}

// takes says that commands of Op op are mirrored.
func (m *mirror) takes(s *Session, op uint16) bool {
	if s.group.Reads(op) {
		return m.opts.Reads
	}
	return m.opts.Writes
}

// shares says that the keys that are mirrored have key.
func (m *mirror) shares(key []byte) bool {
	return m.opts.Share == ring.Whole || m.opts.Has(key)
}

// open is the connection to server, of h, that a copy of so many bytes goes over; false: it is dropped.
func (m *mirror) open(s *Session, h *shard, server *topology.Server, op uint16, bytes int) (*backend.Conn, bool) {
	if m.local.pressure.Level.Load() >= High {
		return nil, m.drop(s, op, &m.tally.ShortOfMemory)
	}
	if m.tally.Outstanding+int64(bytes)+copyCost > m.most {
		return nil, m.drop(s, op, &m.tally.OverBudget)
	}
	c, err := s.connsOf(h).Conn(server, s.cl.ID)
	if err != nil {
		return nil, m.drop(s, op, &m.tally.Unreachable)
	}
	if c.Full() {
		return nil, m.drop(s, op, &m.tally.OverBudget)
	}
	return c, true
}

// drop counts a command of Op op that is not mirrored.
func (m *mirror) drop(s *Session, op uint16, count *int64) (ok bool) {
	if *count++; !s.group.Reads(op) {
		m.goBack("a write was not mirrored")
	}
	return false
}

// begin enters a copy of cmd, or of a part of it, of so many bytes, into what c awaits; the caller appends these. It returns the copy's
// Owner, nil if it has no reply.
func (m *mirror) begin(s *Session, c *backend.Conn, cmd *codec.Command, bytes int) *copied {
	c.Touch()
	m.tally.Copies++
	if cmd.NoReply {
		c.NoReply()
		return nil
	}
	o := m.owner()
	o.bytes, o.write = int64(bytes)+copyCost, !s.group.Reads(cmd.Op)
	m.tally.Outstanding += o.bytes
	r := m.local.servers.NewRequest(o)
	r.Op, r.Keys, r.Frame = cmd.Op, uint32(max(len(cmd.Keys), 1)), uint32(bytes)
	if cmd.Mark != 0 {
		r.Mark = cmd.Mark
	}
	c.Queue(r)
	m.local.servers.Unref(r)
	return o
}

// owner returns one that is not in use.
func (m *mirror) owner() *copied {
	free := &m.local.copies
	if n := len(*free); n > 0 {
		o := (*free)[n-1]
		*free = (*free)[:n-1]
		*o = copied{of: m}
		return o
	}
	return &copied{of: m}
}

// maxCopies is how many owners a loop keeps for others.
const maxCopies = 4096

// maxSpareKey is how many bytes one of them may have that is not in use.
const maxSpareKey = 512

// over notes that nothing more comes of a copy.
func (o *copied) over() {
	m := o.of
	o.owed.came()
	m.tally.Outstanding -= o.bytes
	if o.of = nil; len(m.local.copies) < maxCopies {
		m.local.copies = append(m.local.copies, o)
	}
}

// Replied implements backend.Owner.
func (o *copied) Replied(_ *backend.Request, chunk []byte, last bool) {
	if !o.begun && o.of.from.pool.Protocol.IsError(chunk) {
		if o.of.tally.Errors++; o.write {
			o.of.goBack("the mirror answered a write with an error")
		}
	}
	if o.begun = true; o.side != nil {
		o.side.digest(chunk, last)
	}
	if last {
		o.over()
	}
}

// Failed implements backend.Owner.
func (o *copied) Failed(*backend.Request, error) {
	if o.of.tally.Lost++; o.write {
		o.of.goBack("the mirror did not answer a write")
	}
	if o.side != nil {
		o.side.lost()
	}
	o.over()
}

// mirrorParts is copy for a command whose keys may be apart: the mirror has them where it has them.
func (s *Session) mirrorParts(cmd *codec.Command) {
	m := s.routes.mirror
	if m == nil || !m.takes(s, cmd.Op) {
		return
	}
	h := m.to
	if h == nil {
		m.drop(s, cmd.Op, &m.tally.Unreachable)
		return
	}
	l, r := m.local, h.pool.Router()
	parts := l.parts[:0]
	for i := range cmd.Keys {
		place := -1
		if k := cmd.KeyAt(i); m.shares(k) && s.routes.target(k).shard == s.shard {
			if place = r.Place(k); place < 0 {
				m.drop(s, cmd.Op, &m.tally.Unreachable)
			}
		}
		parts = append(parts, uint16(place+1))
	}
	l.parts = parts
	for i, part := range parts {
		if part != 0 {
			m.part(s, cmd, i, h.pool.slotted)
		}
	}
}

// part copies those keys of cmd that are where the one at first is, and takes them from what is left to do; alone: that key alone, for
// others may be of another slot.
func (m *mirror) part(s *Session, cmd *codec.Command, first int, alone bool) {
	parts := m.local.parts
	place, keys, bytes := parts[first], 0, 0
	for i := first; i < len(parts) && (!alone || i == first); i++ {
		if parts[i] == place {
			k := &cmd.Keys[i]
			keys, bytes = keys+1, bytes+int(k.End-k.Start)
		}
	}
	server := m.to.pool.Servers()[place-1]
	c, ok := m.open(s, m.to, server, cmd.Op, bytes)
	if ok {
		m.expects(m.begin(s, c, cmd, bytes), c)
		c.Out().SetBatch(s.pool.Protocol.AppendFragment(c.Out().Batch(s.loop), cmd, keys))
	}
	for i := first; i < len(parts) && (!alone || i == first); i++ {
		if parts[i] != place {
			continue
		}
		if k := &cmd.Keys[i]; ok {
			c.Out().Append(s.loop, cmd.Frame[k.Start:k.End])
		}
		parts[i] = 0
	}
	if ok {
		c.Out().SetBatch(s.pool.Protocol.AppendFragmentEnd(c.Out().Batch(s.loop), cmd))
	}
}

// keyless counts a command without a key that may write some, which goes to one server and is not mirrored.
func (s *Session) keyless(cmd *codec.Command) {
	if s.routes != nil && (cmd.Script || s.group.Writes(cmd.Op)) {
		s.unmirrored().Keyless++
	}
}

// unmirrored is where it is counted that s sends what is not mirrored.
func (s *Session) unmirrored() *stats.MirrorSkips {
	if s.routes != nil && s.routes.mirror != nil && s.routes.mirror.opts.Writes {
		s.routes.mirror.goBack("a command was not mirrored")
		return &s.routes.mirror.tally.Skips
	}
	return &s.local.skips
}
