package session

// The road of a command that goes to several servers in fragments, of which each has its own request. reply.go joins what they say.

import (
	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// scatter splits a command over the servers of its keys. Work is linear in the keys: one pass finds each key's server,
// one appends each key to its server's fragment.
func (s *Session) scatter(cmd *codec.Command) {
	l, servers := s.local, s.reached()
	if s.routes != nil {
		if s.doubles(cmd) {
			s.twice(cmd)
			return
		}
		s.mirrorParts(cmd)
	}
	if !s.placeKeys(cmd, len(servers)) {
		s.refuse(cmd, backend.ErrEjected)
		return
	}
	if first := int(l.parts[0]); l.counts[first] == len(cmd.Keys) {
		place, server := s.reader(first, servers[first], cmd.Op, nil)
		s.send(place, server, cmd)
		return
	}

	p := s.pool.Protocol
	whole := s.gather(cmd)
	whole.Gather.Keys = p.AppendKeys(whole.Gather.Keys, cmd)
	if l.sampleIn -= len(cmd.Keys); l.sampleIn <= 0 {
		s.sample(cmd, nil, 0, l.parts)
	}
	l.targets = append(l.targets[:0], make([]target, len(servers))...)
	for place, keys := range l.counts {
		if keys > 0 {
			l.targets[place] = s.fragment(whole, place, servers[place], keys)
			s.beginFragment(cmd, &l.targets[place], keys)
		}
	}
	for i, place := range l.parts {
		t := &l.targets[place]
		whole.Gather.Part = append(whole.Gather.Part, t.part)
		k := &cmd.Keys[i]
		switch {
		case t.conn != nil:
			t.conn.Out().Append(s.loop, cmd.Frame[k.Start:k.End])
		case t.held != nil:
			s.loop.Grow(t.held, int(k.End-k.Start), 0)
			t.held.B = append(t.held.B, cmd.Frame[k.Start:k.End]...)
		default:
			continue
		}
		if t.bytes == 0 {
			t.first = i
		}
		t.bytes += int(k.End - k.Start)
	}
	for i := range l.targets {
		if t := &l.targets[i]; t.bytes > 0 {
			s.endFragment(cmd, t)
		}
	}
	clear(l.targets)
	s.launched(whole)
}

// placeKeys finds at which of so many servers each key of cmd is, and how many each has; false: one is nowhere.
func (s *Session) placeKeys(cmd *codec.Command, servers int) bool {
	l, r := s.local, s.ways()
	l.parts = l.parts[:0]
	l.counts = append(l.counts[:0], make([]int, servers)...)
	for i := range cmd.Keys {
		place := 0
		if r.routes == nil {
			place = r.router.Place(cmd.KeyAt(i)) // it spares a call for each key
		} else {
			place = s.placeOf(cmd.KeyAt(i), cmd.Op)
		}
		if place < 0 {
			return false
		}
		l.parts = append(l.parts, uint16(place))
		l.counts[place]++
	}
	return true
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

// beginFragment begins the bytes of a fragment, which has so many keys.
func (s *Session) beginFragment(cmd *codec.Command, t *target, keys int) {
	p := s.pool.Protocol
	if t.conn != nil {
		t.conn.Out().SetBatch(p.AppendFragment(t.conn.Out().Batch(s.loop), cmd, keys))
	} else if t.err != nil {
		t.held = s.loop.GetBuffer()
		t.held.B = p.AppendFragment(t.held.B, cmd, keys)
	}
}

// endFragment ends the bytes of a fragment.
func (s *Session) endFragment(cmd *codec.Command, t *target) {
	p := s.pool.Protocol
	t.request.Frame = uint32(t.bytes)
	t.request.SetKey(cmd.KeyAt(t.first))
	if t.held != nil {
		t.held.B = p.AppendFragmentEnd(t.held.B, cmd)
		s.holdRequest(t.request, &parking{home: t.home, frame: t.held, err: t.err})
		return
	}
	o := t.conn.Out()
	o.SetBatch(p.AppendFragmentEnd(o.Batch(s.loop), cmd))
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
