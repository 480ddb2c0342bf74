package session

// The road of a command that goes to several servers in fragments, of which each has its own request. join.go joins what they say.

import (
	"encoding/binary"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// scatter splits a command over the servers of its keys. Work is linear in the keys: one pass finds each key's server, one how much each
// server gets, and one appends each key to its server's fragment.
func (s *Session) scatter(cmd *codec.Command) {
	l, servers := s.local, s.reached()
	if s.routes != nil {
		if s.doubles(cmd) {
			s.twice(cmd)
			return
		}
		s.mirrorParts(cmd)
	}
	if !s.placeKeys(cmd) {
		s.refuse(cmd, backend.ErrEjected)
		return
	}
	l.deal(cmd, len(servers))
	if first := int(l.parts[0]); l.shares[first].keys == len(cmd.Keys) {
		place, server := s.reader(first, servers[first], cmd.Op, nil)
		s.send(place, server, cmd)
		return
	}

	whole := s.gather(cmd)
	whole.Gather.Keys = s.pool.Protocol.AppendKeys(whole.Gather.Keys, cmd)
	if l.sampleIn -= len(cmd.Keys); l.sampleIn <= 0 {
		s.sample(cmd, nil, 0, l.parts)
	}
	l.targets = append(l.targets[:0], make([]target, len(servers))...)
	for place, share := range l.shares {
		if share.keys > 0 {
			l.targets[place] = s.fragment(whole, place, servers[place], share.keys)
		}
	}
	for place, share := range l.shares {
		s.beginFragment(cmd, &l.targets[place], share)
	}
	whole.Gather.Part = l.appendParts(whole.Gather.Part, len(whole.Fragments))
	s.appendParts(cmd)
	for place := range l.targets {
		if t := &l.targets[place]; t.batch != nil {
			s.endFragment(cmd, t, l.shares[place])
		}
	}
	clear(l.targets)
	s.launched(whole)
}

// share is what a server gets of a command that is scattered.
type share struct {
	keys, bytes int // of the keys with their framing
	first       int // index of the first of them
}

// placeKeys finds at which server each key of cmd is; false: one is nowhere.
func (s *Session) placeKeys(cmd *codec.Command) (ok bool) {
	l, r := s.local, s.ways()
	if r.routes == nil {
		l.parts, ok = r.router.Places(l.parts[:0], cmd)
		return ok
	}
	l.parts = l.parts[:0]
	for i := range cmd.Keys {
		place := s.placeOf(cmd.KeyAt(i), cmd.Op)
		if place < 0 {
			return false
		}
		l.parts = append(l.parts, uint16(place))
	}
	return true
}

// deal finds what each of so many servers gets of cmd.
func (l *Local) deal(cmd *codec.Command, servers int) {
	l.shares = append(l.shares[:0], make([]share, servers)...)
	keys := cmd.Keys[:len(l.parts)]
	for i := len(keys) - 1; i >= 0; i-- { // backwards, so that the first key is the last that is noted
		k, s := &keys[i], &l.shares[l.parts[i]]
		s.keys++
		s.bytes += int(k.End - k.Start)
		s.first = i
	}
}

// appendParts appends to parts which of so many fragments each key is in. Fragments stand in the order of their servers.
func (l *Local) appendParts(parts []uint16, fragments int) []uint16 {
	start := len(parts)
	parts = append(parts, l.parts...)
	if fragments == len(l.shares) {
		return parts // each server has one
	}
	for i, place := range parts[start:] {
		parts[start+i] = l.targets[place].part
	}
	return parts
}

// appendParts appends each key of cmd to its server's fragment.
func (s *Session) appendParts(cmd *codec.Command) {
	frame, parts, targets := cmd.Frame, s.local.parts, s.local.targets
	keys := cmd.Keys[:len(parts)]
	for i, place := range parts {
		t, start, end := &targets[place], int(keys[i].Start), int(keys[i].End)
		at := len(t.batch)
		if end-start <= 32 && at+32 <= cap(t.batch) && start+32 <= len(frame) {
			copy32((*[32]byte)(t.batch[at:at+32:at+32]), (*[32]byte)(frame[start:start+32:start+32]))
			t.batch = t.batch[:at+end-start]
		} else {
			s.appendPart(t, frame[start:end])
		}
	}
}

// copy32 copies a short key and what happens to stand behind it, which is overwritten by what comes next, in a loop that calls nothing.
func copy32(dst, src *[32]byte) {
	a, b := binary.LittleEndian.Uint64(src[0:]), binary.LittleEndian.Uint64(src[8:])
	c, d := binary.LittleEndian.Uint64(src[16:]), binary.LittleEndian.Uint64(src[24:])
	binary.LittleEndian.PutUint64(dst[0:], a)
	binary.LittleEndian.PutUint64(dst[8:], b)
	binary.LittleEndian.PutUint64(dst[16:], c)
	binary.LittleEndian.PutUint64(dst[24:], d)
}

// appendPart is appendParts for a key that is long, for which there is no room yet, or that can't be sent.
func (s *Session) appendPart(t *target, key []byte) {
	switch {
	case len(key) <= cap(t.batch)-len(t.batch) || t.held != nil:
		t.batch = append(t.batch, key...)
	case t.conn != nil:
		o := t.conn.Out()
		o.SetBatch(t.batch)
		o.Append(s.loop, key)
		t.batch = o.Batch(s.loop)
	}
}

// placeOf is where a key is of a command of Op op, in a pool with routes: at its server, or at the spare's.
func (s *Session) placeOf(key []byte, op uint16) int {
	place, server := s.routes.route(key)
	if s.routes.spare != nil {
		place, server = s.instead(place, server, key, op)
	}
	if server == nil {
		return -1 // the others are not asked for theirs
	}
	return place
}

// A fragment gets room for all of its keys and for what stands before them, but no more than roomBytes at once.
const (
	roomBytes  = 16 << 10
	beginBytes = 64
)

// beginFragment begins the bytes of a fragment, which has that share of the keys.
func (s *Session) beginFragment(cmd *codec.Command, t *target, has share) {
	p := s.pool.Protocol
	switch {
	case t.conn != nil:
		t.batch = t.conn.Out().Room(s.loop, min(has.bytes, roomBytes)+beginBytes)
	case t.err != nil:
		t.held = s.loop.GetBuffer()
		t.batch = t.held.B
	default:
		return
	}
	t.batch = p.AppendFragment(t.batch, cmd, has.keys)
}

// endFragment ends the bytes of a fragment.
func (s *Session) endFragment(cmd *codec.Command, t *target, has share) {
	p := s.pool.Protocol
	t.request.Frame = uint32(has.bytes)
	t.request.SetKey(cmd.KeyAt(has.first))
	t.batch = p.AppendFragmentEnd(t.batch, cmd)
	if t.held != nil {
		t.held.B = t.batch
		s.holdRequest(t.request, &parking{home: t.home, frame: t.held, err: t.err})
		return
	}
	t.conn.Out().SetBatch(t.batch)
	s.loop.Copies.Add(has.bytes)
}

// fanOut sends a command as it is to every server of the pool, live in the ring or not, and to those of the pools that routes lead to, if all
// are to be alike.
func (s *Session) fanOut(cmd *codec.Command) {
	if s.dual() != nil && s.group.Writes(cmd.Op) && !cmd.Alike { // else both are to be alike
		s.twice(cmd)
		return
	}
	if s.routes != nil && s.group.Writes(cmd.Op) {
		s.unmirrored().Keyless++
	}
	servers := s.pool.Servers()
	if cmd.Alike && s.routes != nil {
		servers = s.routes.alike
	}
	if cmd.NoReply {
		for place, server := range servers {
			s.send(place, server, cmd)
		}
		return
	}
	if cmd.Script {
		s.noteScript(cmd)
	}
	whole := s.gather(cmd)
	s.asksCensus(whole.Gather, cmd)
	for place, server := range servers {
		if server == nil {
			continue
		}
		if t := s.fragment(whole, place, server, 0); t.conn != nil {
			t.conn.Out().Append(s.loop, cmd.Frame)
		} else if t.err != nil {
			s.holdFrame(&t, cmd.Frame)
		}
	}
	s.launched(whole)
}

// gather enters a command that will have fragments into the client's order.
func (s *Session) gather(cmd *codec.Command) *backend.Request {
	whole := s.local.servers.NewRequest(s)
	whole.Gather, whole.Mark, whole.Quiet = s.local.getGather(), cmd.Mark, cmd.Quiet
	whole.Gather.Mark, whole.Gather.Op, whole.Gather.Some = cmd.Mark, cmd.Op, cmd.Some && cmd.Kind == codec.Fanout
	s.push(whole)
	return whole
}

// launched is called once all fragments of whole are on their way, or could not be sent.
func (s *Session) launched(whole *backend.Request) {
	if whole.Pending == 0 {
		whole.Done = true
		s.passDue()
	}
}

// fragment queues the part of whole that goes to server, at place in the pool's list, and has so many keys; the caller appends its
// bytes to the connection.
func (s *Session) fragment(whole *backend.Request, place int, server *topology.Server, keys int) target {
	t := target{part: uint16(len(whole.Fragments))}
	if s.local.reads {
		place, server = s.reader(place, server, whole.Gather.Op, s.local.readKey)
	}
	f := s.local.servers.NewRequest(s)
	f.Parent, f.Op, f.Keys, f.Server = whole, whole.Gather.Op, uint32(keys), uint16(place)
	if whole.Mark != 0 {
		f.Mark = whole.Mark
	}
	t.request = f
	s.tally.Fragments++
	whole.Fragments = append(whole.Fragments, f)
	c, err := s.toward(place).Conn(server, s.cl.ID)
	if err != nil && s.patientAt(place) {
		c, err = s.connsAt(place).Despite(err, server, s.cl.ID, f.Op)
	}
	if err != nil && server == nil && place >= 0 && s.local.reads {
		err = s.noReplica(place)
	}
	if err != nil && s.patientAt(place) && (keys > 0 || !s.slottedAt(place)) {
		whole.Pending++
		t.err, t.home = err, s.shardAt(place) // it will be held
		return t
	}
	if err != nil {
		s.lost(f, err)
		return t
	}
	c.Touch()
	c.Queue(f)
	whole.Pending++
	s.pastCrowd(c)
	t.conn = c
	return t
}
