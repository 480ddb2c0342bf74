package session

import (
	"cashew/backend"
	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/ring"
	"cashew/topology"
)

// slotted finds the keys of a command that is scattered over the slots of a cluster: which slots there are, without clearing a table of
// all 16,384 for each command. Where keys are several pools', each has a part of the table: a cluster for its slots, any other for its servers.
type slotted struct {
	now   uint32 // which command it is
	at    []slotPart
	parts []slotKeys // of the command
	next  []int32    // of each key the next of its part; that of the last means nothing
}

// slotPart is which part of the command a slot is, if seen is that of the command.
type slotPart struct {
	seen uint32
	part uint16
}

// slotKeys are the keys that a slot has, and its server: how many, and the first and the last of them, which next leads to.
type slotKeys struct {
	place             int
	server            *topology.Server
	keys, first, last int
}

// begin has t take another command, with a table of so many entries.
func (t *slotted) begin(entries int) {
	if len(t.at) < entries {
		t.at, t.now = make([]slotPart, entries), 0
	}
	if t.now++; t.now == 0 {
		clear(t.at)
		t.now = 1
	}
	clear(t.parts)
	t.parts, t.next = t.parts[:0], t.next[:0]
}

// part is which part of the command the key belongs to that is the next, and stands in the table at i; isNew: it is the first of it.
func (t *slotted) part(i int) (part *slotKeys, number uint16, isNew bool) {
	k := len(t.next)
	t.next = append(t.next, 0)
	at := &t.at[i]
	if isNew = at.seen != t.now; isNew {
		*at = slotPart{t.now, uint16(len(t.parts))}
		t.parts = append(t.parts, slotKeys{first: k, last: k})
	}
	part = &t.parts[at.part]
	t.next[part.last] = int32(k)
	part.last = k
	part.keys++
	return part, at.part, isNew
}

// split finds the part that each key of cmd belongs to by r and appends it to parts.
func (t *slotted) split(r *topology.Router, cmd *codec.Command, parts []uint16) []uint16 {
	t.begin(ring.SlotCount)
	for i := range cmd.Keys {
		slot := ring.SlotOf(cmd.KeyAt(i))
		part, number, isNew := t.part(slot)
		if isNew {
			part.place, part.server = r.Owner(slot)
		}
		parts = append(parts, number)
	}
	return parts
}

// splitRouted is split where keys may be other pools', and has parts in the loop's scratch; false: one is nowhere.
func (s *Session) splitRouted(cmd *codec.Command) (whole bool) {
	l, t, y := s.local, s.local.slots, s.routes
	l.parts = l.parts[:0]
	each := max(ring.SlotCount, len(y.servers))
	t.begin(each * len(y.targets))
	for i := range cmd.Keys {
		key := cmd.KeyAt(i)
		place, server := y.route(key)
		if y.spare != nil {
			place, server = s.instead(place, server, key, cmd.Op)
		}
		target := y.index(place)
		at := place - y.targets[target].base
		switch h := y.targets[target].shard; {
		case h != nil && h.pool.slotted:
			at = ring.SlotOf(key)
		case server == nil:
			return false
		}
		part, number, isNew := t.part(target*each + at)
		if isNew {
			part.place, part.server = place, server
		}
		l.parts = append(l.parts, number)
	}
	return true
}

// scatterSlots is scatter for a cluster, whose servers take the keys of one slot in a command, and where a cluster has some of the keys.
func (s *Session) scatterSlots(cmd *codec.Command) {
	l := s.local
	if l.slots == nil {
		l.slots = new(slotted)
	}
	if s.routes != nil {
		s.mirrorParts(cmd)
	}
	if s.routes == nil || len(s.routes.targets) == 1 {
		l.parts = l.slots.split(s.pool.Router(), cmd, l.parts[:0])
	} else if !s.splitRouted(cmd) {
		s.refuse(cmd, backend.ErrEjected)
		return
	}
	parts := l.slots.parts
	for i := range parts {
		s.aloneLast(parts[i].place, parts[i].keys, cmd.KeyAt(parts[i].first))
	}
	if len(parts) == 1 {
		place, server := s.reader(parts[0].place, parts[0].server, cmd.Op, cmd.KeyAt(0))
		s.send(place, server, cmd)
		return
	}
	p := s.pool.Protocol
	whole := s.gather(cmd)
	whole.Gather.Keys = p.AppendKeys(whole.Gather.Keys, cmd)
	whole.Gather.Part = append(whole.Gather.Part, l.parts...)
	if l.sampleIn -= len(cmd.Keys); l.sampleIn <= 0 {
		s.sample(cmd, nil, 0, l.placesOf(l.parts))
	}
	for part := range parts { // one after the other: several may go over one connection
		if l.reads {
			l.readKey = cmd.KeyAt(parts[part].first)
		}
		t := s.fragment(whole, parts[part].place, parts[part].server, parts[part].keys)
		s.sendFragment(cmd, &t, part)
	}
	l.readKey = nil // it dies with cmd
	s.launched(whole)
}

// sendFragment appends the keys of cmd that are of a part, as a command, to where its fragment goes.
func (s *Session) sendFragment(cmd *codec.Command, t *target, part int) {
	p, l := s.pool.Protocol, s.local
	slot := l.slots.parts[part]
	t.request.SetKey(cmd.KeyAt(slot.first))
	switch {
	case t.conn == nil && t.err == nil:
		return // it is lost
	case t.conn == nil:
		bb := s.loop.GetBuffer()
		bb.B = p.AppendFragment(bb.B, cmd, slot.keys)
		for k := range l.slots.keys(cmd, part) {
			s.loop.Grow(bb, int(k.End-k.Start), 0)
			bb.B = append(bb.B, cmd.Frame[k.Start:k.End]...)
		}
		bb.B = p.AppendFragmentEnd(bb.B, cmd)
		t.request.Frame = uint32(len(bb.B))
		s.holdRequest(t.request, &parking{home: t.home, frame: bb, err: t.err})
		return
	}
	o := t.conn.Out()
	o.SetBatch(p.AppendFragment(o.Batch(s.loop), cmd, slot.keys))
	for k := range l.slots.keys(cmd, part) {
		o.Append(s.loop, cmd.Frame[k.Start:k.End])
		t.request.Frame += k.End - k.Start
	}
	o.SetBatch(p.AppendFragmentEnd(o.Batch(s.loop), cmd))
}

// keys are those of a part.
func (t *slotted) keys(cmd *codec.Command, part int) func(yield func(*codec.Key) bool) {
	return func(yield func(*codec.Key) bool) {
		of := &t.parts[part]
		for i, left := of.first, of.keys; left > 0 && yield(&cmd.Keys[i]); left-- {
			i = int(t.next[i])
		}
	}
}

// placesOf has the place of each key in place of its part.
func (l *Local) placesOf(parts []uint16) []uint16 {
	for i, part := range parts {
		parts[i] = uint16(max(l.slots.parts[part].place, 0))
	}
	return parts
}

// sameSlot says that all keys of cmd are in one slot.
func sameSlot(cmd *codec.Command) bool {
	for i := 1; i < len(cmd.Keys); i++ {
		if ring.SlotOf(cmd.KeyAt(i)) != ring.SlotOf(cmd.KeyAt(0)) {
			return false
		}
	}
	return true
}

// unmapped refuses a command for all servers if nobody has said yet which there are, and it has waited for that.
func (s *Session) unmapped(cmd *codec.Command) bool {
	if cmd.Kind != codec.Fanout && cmd.Kind != codec.Walk {
		return false
	}
	known := true
	for h := range s.shards {
		if h == s.shard || cmd.Alike {
			known = known && (!h.pool.slotted || h.pool.Options().Slots != nil)
		}
	}
	if known {
		return false
	}
	s.countRefusal(cmd)
	s.asksNoMore()
	s.answerWith(func(dst []byte, _ *codec.Client) []byte {
		return s.pool.Protocol.AppendUnserved(dst, false)
	})
	return true
}

// redirected fails r, which goes on no more, if its server named another: no client is told where servers are.
func (h *shard) redirected(r *backend.Request, e backend.Elsewhere) bool {
	if e.Why != verdict.Moved && e.Why != verdict.Asked {
		return false
	}
	r.Owner.Failed(r, backend.ErrTimeout)
	return true
}
