package session

import (
	"cashew/backend"
	"cashew/codec"
	"cashew/codec/verdict"
	"cashew/ring"
)

// slotted finds the keys of a command that is scattered over the slots of a cluster: which slots there are, without clearing a table of
// all 16,384 for each command.
type slotted struct {
	now     uint32 // which command it is
	at      [ring.SlotCount]slotPart
	parts   []slotKeys // of the command
	servers []uint16   // scratch of places
	next    []int32    // of each key the next of its part; that of the last means nothing
}

// slotPart is which part of the command a slot is, if seen is that of the command.
type slotPart struct {
	seen uint32
	part uint16
}

// slotKeys are the keys that a slot has: how many, and the first and the last of them, which next leads to.
type slotKeys struct{ slot, keys, first, last int }

// split finds the part that each key of cmd belongs to and appends it to parts.
func (t *slotted) split(cmd *codec.Command, parts []uint16) []uint16 {
	if t.now++; t.now == 0 {
		t.at, t.now = [ring.SlotCount]slotPart{}, 1
	}
	t.parts, t.next = t.parts[:0], t.next[:0]
	for i := range cmd.Keys {
		t.next = append(t.next, 0)
		slot := ring.SlotOf(cmd.KeyAt(i))
		at := &t.at[slot]
		if at.seen != t.now {
			*at = slotPart{t.now, uint16(len(t.parts))}
			t.parts = append(t.parts, slotKeys{slot: slot, first: i, last: i})
		}
		parts = append(parts, at.part)
		part := &t.parts[at.part]
		t.next[part.last] = int32(i)
		part.last = i
		part.keys++
	}
	return parts
}

// scatterSlots is scatter for a cluster, whose servers take the keys of one slot in a command.
func (s *Session) scatterSlots(cmd *codec.Command) {
	l, r := s.local, s.pool.Router()
	if s.routes != nil {
		s.mirrorParts(cmd)
	}
	if l.slots == nil {
		l.slots = new(slotted)
	}
	l.parts = l.slots.split(cmd, l.parts[:0])
	slots := l.slots.parts
	if len(slots) == 1 {
		place, server := r.Owner(slots[0].slot)
		place, server = s.reader(place, server, cmd.Op, cmd.KeyAt(0))
		s.send(place, server, cmd)
		return
	}
	p := s.pool.Protocol
	whole := s.gather(cmd)
	whole.Gather.Keys = p.AppendKeys(whole.Gather.Keys, cmd)
	whole.Gather.Part = append(whole.Gather.Part, l.parts...)
	if l.sampleIn -= len(cmd.Keys); l.sampleIn <= 0 {
		s.sample(cmd, nil, 0, s.places(cmd))
	}
	for part := range slots { // one after the other: several may go over one connection
		place, server := r.Owner(slots[part].slot)
		if l.reads {
			l.readKey = cmd.KeyAt(slots[part].first)
		}
		t := s.fragment(whole, place, server, slots[part].keys)
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
	if t.conn == nil {
		bb := s.loop.GetBuffer()
		bb.B = p.AppendFragment(bb.B, cmd, slot.keys)
		for k := range l.slots.keys(cmd, part) {
			s.loop.Grow(bb, int(k.End-k.Start), 0)
			bb.B = append(bb.B, cmd.Frame[k.Start:k.End]...)
		}
		bb.B = p.AppendFragmentEnd(bb.B, cmd)
		t.request.Frame = uint32(len(bb.B))
		s.holdRequest(t.request, &parking{frame: bb, err: t.err})
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

// places are the servers of cmd's keys, until the next call.
func (s *Session) places(cmd *codec.Command) []uint16 {
	t, r := s.local.slots, s.pool.Router()
	t.servers = t.servers[:0]
	for i := range cmd.Keys {
		t.servers = append(t.servers, uint16(max(r.Place(cmd.KeyAt(i)), 0)))
	}
	return t.servers
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
	if s.pool.Options().Slots != nil || cmd.Kind != codec.Fanout && cmd.Kind != codec.Walk {
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
