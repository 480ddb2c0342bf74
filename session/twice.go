package session

// The road of a command that is written to two pools, see dual.go:
//
//	twice         finds where it goes in both, refuses it if it may not be sent, and sends it
//	findLegs      of one pool: which servers have its keys, and the connections to them
//	mayDouble     by the rule for answers: whether one pool that can be sent to is enough
//	sendLegs      of one pool: the command as it is, or in fragments
//	launchTwice   is all of it for a transaction

import (
	"hash/maphash"
	"math"
	"slices"

	"cashew/backend"
	"cashew/codec"
)

// twice writes cmd to both pools, as far as the rule for answers has it be sent.
func (s *Session) twice(cmd *codec.Command) {
	d := s.routes.dual
	if _, why := s.pool.Protocol.Doubles(cmd); why != "" {
		s.undouble(cmd, why)
		return
	}
	for i := range s.local.legs {
		if !s.findLegs(d, i, cmd) {
			return // the keys are apart, and it is told so
		}
	}
	if cmd.Script && !s.calls(d, cmd) || !s.mayDouble(d, cmd) {
		return
	}
	if cmd.NoReply {
		d.tally.Unheard++
		for i := range s.local.legs {
			s.sendLegs(nil, i, cmd)
		}
		return
	}
	p := s.pair(d, cmd)
	for i := range s.local.legs {
		s.sendLegs(&p.halves[i], i, cmd)
	}
	s.sampleTwice(cmd, p)
}

// sampleTwice counts the keys of cmd, which p is of, where it is their turn.
func (s *Session) sampleTwice(cmd *codec.Command, p *pair) {
	l, sent := s.local, p.halves[own].parts
	if l.sampleIn -= max(len(cmd.Keys), 1); l.sampleIn > 0 || len(sent) == 0 {
		return
	}
	var parts []uint16
	if cmd.Kind == codec.Scatter {
		parts = l.legs[own].at
	}
	var only *backend.Request
	if len(sent) == 1 {
		only = sent[0]
	}
	s.sample(cmd, only, int(sent[0].Server), parts)
}

// mayDouble says that cmd may be sent to the pools that it can be sent to; else it is refused, and neither gets it.
func (s *Session) mayDouble(d *dual, cmd *codec.Command) bool {
	a, b := s.local.legs[own].err, s.local.legs[other].err
	refused, err := own, a
	switch {
	case a == nil && (b == nil || d.opts.Answer != AnswerBoth):
		return true
	case d.opts.Answer == AnswerAny && b == nil:
		return true
	case a == nil:
		refused, err = other, b
	}
	if d.tally.Unsent++; cmd.NoReply {
		return false
	}
	s.pool.Count.ForwardError.Add(1)
	s.answerWith(func(dst []byte, cl *codec.Client) []byte {
		return s.pool.Protocol.AppendFailure(dst, cl.Profile, cmd.Mark, "dual_write: not sent to any pool: pool '"+d.names[refused]+"': "+backend.Text(err))
	})
	return false
}

// findLegs finds where in one of the pools cmd goes, and over which connections; false: its keys are apart there, and it is answered.
func (s *Session) findLegs(d *dual, i int, cmd *codec.Command) (together bool) {
	y, h := &s.local.legs[i], d.shards[i]
	y.all, y.at, y.err = y.all[:0], y.at[:0], nil
	if h == nil || i == other && h.group.Left() {
		y.err = backend.ErrEjected
		return true
	}
	w := ways{router: h.pool.Router()}
	switch cmd.Kind {
	case codec.Fanout:
		for place, server := range h.pool.Servers() {
			y.all = append(y.all, leg{place: place, server: server})
		}
	case codec.Scatter:
		y.split(w, cmd, len(h.pool.Servers()))
	default:
		place, server := w.Route(cmd.Key)
		if len(cmd.Keys) > 0 && !s.mayGo(d, i, w, place, cmd) {
			s.apartIn(d, i, w, cmd)
			return false
		}
		y.all = append(y.all, leg{place: place, server: server, keys: max(len(cmd.Keys), 1)})
	}
	y.open(s.connsOf(h), s.cl.ID)
	return true
}

// mayGo says that cmd, which has several keys, may go to the server at a place of one of the pools. A script whose keys are together in the own
// pool writes all of them where they are looked for, and has to do so in the other as well.
func (s *Session) mayGo(d *dual, i int, w ways, place int, cmd *codec.Command) bool {
	if i == own || s.together(w, place, cmd) {
		return s.mayHave(w, place, cmd)
	}
	mine := ways{router: d.shards[own].pool.Router()}
	return cmd.Script && !s.pool.opts.RefuseCrossScripts && !s.together(mine, s.local.legs[own].all[0].place, cmd)
}

// apartIn answers a command whose keys are apart in one of the pools.
func (s *Session) apartIn(d *dual, i int, w ways, cmd *codec.Command) {
	if i == own {
		s.apart(w, cmd)
		return
	}
	s.undouble(cmd, "its keys live on different servers of pool '"+d.names[other]+"'")
}

// split finds the servers of cmd's keys.
func (y *legs) split(w ways, cmd *codec.Command, servers int) {
	for i := range cmd.Keys {
		place, server := w.Route(cmd.KeyAt(i))
		if place < 0 || place >= servers {
			y.err = backend.ErrEjected
			return
		}
		y.at = append(y.at, uint16(place))
		j := slices.IndexFunc(y.all, func(t leg) bool { return t.place == place })
		if j < 0 {
			j = len(y.all)
			y.all = append(y.all, leg{place: place, server: server})
		}
		y.all[j].keys++
	}
}

// open finds the connections of y.
func (y *legs) open(conns *backend.Set, client uint64) {
	for i := range y.all {
		if y.err != nil {
			return
		}
		y.all[i].conn, y.err = conns.Conn(y.all[i].server, client)
	}
}

// sendLegs sends cmd to one of the pools, if it can be; h has the replies, nil: there are none.
func (s *Session) sendLegs(h *half, i int, cmd *codec.Command) {
	y := &s.local.legs[i]
	if y.err != nil {
		if h != nil {
			h.unsent(y.err)
		}
		return
	}
	split := cmd.Kind == codec.Scatter && len(y.all) > 1
	if h != nil && (split || cmd.Kind == codec.Fanout && len(y.all) > 1) {
		h.gather = s.local.getGather()
		h.gather.Op, h.gather.Mark, h.gather.Keys = cmd.Op, cmd.Mark, s.pool.Protocol.AppendKeys(h.gather.Keys, cmd)
	}
	for j := range y.all {
		t := &y.all[j]
		t.conn.Touch()
		if h == nil {
			t.conn.NoReply()
			s.silent++
		} else {
			h.queue(s, t, cmd)
		}
		s.pastCrowd(t.conn)
		if split {
			s.sendPartOf(t, y.at, cmd)
		} else {
			sendPart(s, t.conn, cmd.Frame)
		}
	}
	if split && h != nil {
		for _, place := range y.at {
			part := slices.IndexFunc(y.all, func(t leg) bool { return t.place == int(place) })
			h.gather.Part = append(h.gather.Part, uint16(part))
		}
	}
	clear(y.all)
}

// sendPartOf sends those keys of cmd that are where t goes; at has the places of all.
func (s *Session) sendPartOf(t *leg, at []uint16, cmd *codec.Command) {
	p, o := s.pool.Protocol, t.conn.Out()
	o.SetBatch(p.AppendFragment(o.Batch(s.loop), cmd, t.keys))
	for i, place := range at {
		if int(place) == t.place {
			k := &cmd.Keys[i]
			o.Append(s.loop, cmd.Frame[k.Start:k.End])
		}
	}
	o.SetBatch(p.AppendFragmentEnd(o.Batch(s.loop), cmd))
}

// calls has the connections over which cmd goes, which brings or calls a script, be sent that first, where it is called by name: servers of both
// are to have it, or one could execute what the other lacks. One that nobody knows is executed nowhere: the client is told that it has to be
// loaded, and cmd is answered.
func (s *Session) calls(d *dual, cmd *codec.Command) (known bool) {
	if !s.noteScript(cmd) {
		return true
	}
	for i := range s.local.legs {
		for _, t := range s.local.legs[i].all {
			if t.conn != nil && !d.preload(s, t.conn, cmd.Frame) {
				s.answerWith(func(dst []byte, _ *codec.Client) []byte { return s.pool.Protocol.AppendUnloaded(dst) })
				return false
			}
		}
	}
	return true
}

// preload sends c the script that a frame calls, unless it was; false: nobody knows it.
func (d *dual) preload(s *Session, c *backend.Conn, frame []byte) (known bool) {
	y, k := &d.loaded, s.pool.scripts
	if n := k.changed.Load(); y.sent == nil || y.changed != n || len(y.sent) >= maxPreloads {
		y.sent, y.changed = make(map[preload]int64), n
	}
	y.name = s.pool.Protocol.AppendCalled(y.name[:0], frame)
	key := preload{c, c.Era(), maphash.Bytes(scriptSeed, y.name)}
	if _, sent := y.sent[key]; sent {
		return true
	}
	body := k.get(string(y.name))
	if body == "" {
		return false
	}
	y.sent[key] = math.MaxInt64
	s.load(c, body)
	return true
}

// launchTwice is launch for a pool that has another that is written to as well.
func (s *Session) launchTwice(d *dual, t *transaction, cmd *codec.Command) {
	both := &s.local.legs
	both[own] = legs{all: append(both[own].all[:0], leg{place: t.place, server: t.server}), at: both[own].at}
	both[own].open(s.conns, s.cl.ID)
	if !s.findExec(d, t) {
		s.undouble(cmd, "the keys of the transaction live on different servers of pool '"+d.names[other]+"'")
		return
	}
	if !s.mayDouble(d, cmd) {
		return
	}
	p := s.pair(d, cmd)
	if len(t.own) > 0 {
		for i := range p.halves {
			g := s.local.getGather()
			g.Op, g.Mark = cmd.Op, cmd.Mark
			p.halves[i].gather = g
		}
		mine, its := p.halves[own].gather, p.halves[other].gather
		s.ownReplies(mine, t)
		its.Part, its.Keys = append(its.Part, mine.Part...), append(its.Keys, mine.Keys...)
	}
	t.bb.B = s.pool.Protocol.AppendExec(t.bb.B)
	for i := range both {
		if y := &both[i]; y.err != nil {
			p.halves[i].unsent(y.err)
		} else {
			s.sendExec(d, &p.halves[i], t, &y.all[0])
		}
		clear(both[i].all)
	}
}

// findExec finds where in the other pool t goes; false: its keys are apart there.
func (s *Session) findExec(d *dual, t *transaction) (together bool) {
	y, h := &s.local.legs[other], d.shards[other]
	if y.all, y.err = y.all[:0], nil; h == nil || h.group.Left() {
		y.err = backend.ErrEjected
		return true
	}
	var key []byte
	if len(t.keys) > 0 {
		key = t.key(0)
	}
	r := h.pool.Router()
	place, server := r.Route(key)
	for i := range t.keys {
		if r.Place(t.key(i)) != place {
			return false
		}
	}
	y.all = append(y.all, leg{place: place, server: server})
	y.open(s.connsOf(h), s.cl.ID)
	return true
}

// sendExec sends t where a leg goes.
func (s *Session) sendExec(d *dual, h *half, t *transaction, to *leg) {
	c := to.conn
	for _, at := range t.calls {
		d.preload(s, c, t.bb.B[at.start:at.end])
	}
	c.Touch()
	f := s.local.servers.NewRequest(h)
	f.Op, f.Keys, f.Server = s.pool.Protocol.ExecOp(), uint32(max(len(t.keys), 1)), h.place(to.place)
	if len(t.keys) > 0 {
		f.SetKey(t.key(0))
	}
	s.sendQueued(t, f, c)
	h.add(f, c)
	s.pastCrowd(c)
	sendPart(s, c, t.bb.B[f.Lead:])
}
