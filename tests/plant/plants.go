package main

// plants are faults of the kinds that were made, or nearly made, in proxies: a decrement that is forgotten, a wake-up that is lost, an
// answer that overtakes another. They stand in the order of the files on a request's road.
var plants = []plant{
	// What waits to be written.
	{"out-advance-loses-a-byte", "loop/out.go", "	o.pending -= n\n	o.taken += n\n	done := 0", "	o.pending -= n\n	o.taken += n\n	if n > 1 {\n		n--\n	}\n	done := 0"},
	{"out-short-write-forgets-the-rest", "loop/out.go", "		o.queue = append(o.queue, chunk{rest: o.batch[n:], whole: o.batch})\n		o.batch = nil\n		o.stall(l, w)", "		o.pending -= len(o.batch) - n\n		o.batch = nil\n		o.stall(l, w)"},
	{"out-stall-waits-for-nobody", "loop/out.go", "	o.stalled, o.since = true, l.Now\n	o.await(l, w)", "	o.stalled, o.since = true, l.Now"},
	{"out-through-overtakes-the-queue", "loop/out.go", "	o.cut()\n	l.iov = l.iov[:0]\n	for i := range o.queue {\n		l.iov = append(l.iov, o.queue[i].rest)\n	}", "	l.iov = l.iov[:0]\n	for i := range o.queue {\n		l.iov = append(l.iov, o.queue[i].rest)\n	}"},
	{"out-through-does-not-stall", "loop/out.go", "	if o.pending > 0 {\n		o.stall(l, w)\n	} else {", "	if o.pending > 0 && len(p) == 0 {\n		o.stall(l, w)\n	} else {"},
	{"batch-in-two-hands", "loop/out.go", "	l.batches.put(o.batch)\n	o.batch = nil\n	o.kept(l, w)", "	l.batches.put(o.batch)\n	l.batches.put(o.batch)\n	o.batch = nil\n	o.kept(l, w)"},

	// The flush.
	{"flush-clients-before-servers", "loop/flush.go", "		if len(l.resume) == 0 && len(l.servers) == 0 {\n			break\n		}", "		break"},
	{"flush-stays-scheduled", "loop/flush.go", "	l.flushing, l.scheduled = true, false\n	for {", "	l.flushing = true\n	for {"},

	// A client's commands.
	{"pipeline-limit-off-by-kept-input", "session/session.go", "			bb.B = bb.B[:copy(bb.B, bb.B[n:])]", "			bb.B = bb.B[:copy(bb.B, bb.B[n-1:])]"},
	{"kept-input-is-dropped", "session/session.go", "		case n == len(bb.B) || s.life >= quitting:", "		case n >= len(bb.B)-1 || s.life >= quitting:"},
	{"resume-does-not-read-again", "session/session.go", "	if s.paused {\n		s.paused = false\n		s.sock.Resume()\n	}", "	if s.paused {\n		s.sock.Resume()\n	}"},
	{"paused-for-ever", "session/session.go", "		s.paused = false\n		s.sock.Resume()", "		s.paused = false"},
	{"rest-is-not-read", "session/lifetime.go", "	s.rest = s.paused\n", ""},
	{"half-close-ends-at-once", "session/lifetime.go", "	owed := s.head != nil || s.out.Pending() > 0 || s.blocked", "	owed := s.head != nil && s.out.Pending() > 0 || s.blocked"},
	{"quit-with-replies-owed", "session/reply.go", "	case s.life >= quitting && s.head == nil && s.out.Pending() == 0:", "	case s.life >= quitting && s.out.Pending() == 0:"},
	{"large-command-given-away-twice", "session/route.go", "	bb := s.in\n	s.in = nil\n", "	bb := s.in\n	s.in = nil\n	s.loop.PutBuffer(bb)\n"},

	// Causes of waiting.
	{"roomy-is-lost", "session/wait.go", "	s.waitsFor &^= behindServer\n	s.unblock()", "	s.waitsFor &^= behindServer"},
	{"pipeline-resumes-at-nothing", "session/wait.go", "return s.inFlight <= s.local.limits.MaxPipeline/2", "return s.inFlight < s.local.limits.MaxPipeline/2"},
	{"blocked-client-goes-on-taking", "session/route.go", "				s.block()\n				break\n			}\n		}\n		rest", "				s.block()\n			}\n		}\n		rest"},
	{"order-is-forgotten-by-a-reload", "session/shard.go", "				s.waitsFor |= behindOrder", "				s.waitsFor |= 0"},

	// The order of replies.
	{"reply-overtakes", "session/reply.go", "	return r == s.head && r.Quiet == 0 && (last ||", "	return (r == s.head || last && r.Parent == nil && r.Reply == nil) && r.Quiet == 0 && (last ||"},
	{"passed-on-though-quiet-or-fragment", "session/reply.go", "	for s.head != nil && s.head.Done {", "	for s.head != nil && (s.head.Done || s.head.Gather != nil && s.head.Pending == 1) {"},
	{"pop-forgets-the-tail", "session/reply.go", "	if s.head == nil {\n		s.tail = nil\n		if", "	if s.head == nil {\n		if"},
	{"in-flight-is-not-counted-down", "session/reply.go", "	if s.inFlight--; s.inFlight == 0 {", "	if s.inFlight%7 != 6 {\n		s.inFlight--\n	}\n	if s.inFlight == 0 {"},
	{"late-reply-behind-its-error", "session/reply.go", "		r.Reply.B = s.appendFailure(r.Reply.B[:0], err,", "		r.Reply.B = s.appendFailure(r.Reply.B, err,"},
	{"fragment-counted-twice", "session/reply.go", "	if whole.Pending--; whole.Pending == 0 {", "	if whole.Pending--; whole.Pending <= 1 {"},
	{"touch-is-lost", "session/reply.go", "		s.pop()\n		s.touch()\n	}\n}", "		s.pop()\n	}\n}"},
	{"scatter-writes-a-key-twice", "session/route.go", "		t.conn.Out().Append(s.loop, cmd.Frame[k.Start:k.End])", "		t.conn.Out().Append(s.loop, cmd.Frame[k.Start:k.End])\n		if i == 5 {\n			t.conn.Out().Append(s.loop, cmd.Frame[k.Start:k.End])\n		}"},

	// Server connections.
	{"outq-keeps-its-head", "backend/answer.go", "	if c.nextLate == r {\n		c.nextLate = c.head\n	}", ""},
	{"outq-forgets-its-tail", "backend/answer.go", "	if c.head == nil {\n		c.tail = nil\n		c.marks.clear()\n	}", ""},
	{"fail-flushes-the-old-batch", "backend/ending.go", "	c.out.Close(c.loop)\n	c.inside", "	c.inside"},
	{"failed-requests-are-kept", "backend/ending.go", "	c.sock, c.head, c.tail, c.nextLate, c.answered = nil, nil, nil, nil, c.entered", "	c.sock, c.tail, c.nextLate, c.answered = nil, nil, nil, c.entered"},
	{"scan-goes-on-after-a-reconnect", "backend/handshake.go", "	c.sock, c.scan, c.inside = sock, codec.ReplyScan{}, between", "	c.sock, c.inside = sock, between"},
	{"handshake-reply-is-left", "backend/handshake.go", "		buf = buf[n:]\n		if !done {\n			continue\n		}", "		if !done {\n			buf = buf[n:]\n			continue\n		}"},
	{"users-before-the-handshake", "backend/conn.go", "	if c.state != open {\n		return // nextStep flushes once the handshake is done\n	}", "	if c.state != open && c.state != handshaking {\n		return\n	}"},
	{"expired-reply-is-not-awaited", "backend/expiry.go", "		c.nextLate = r.link\n", "		c.nextLate = r.link\n		c.answered++\n		c.head = r.link\n"},
	{"expired-owner-stays", "backend/expiry.go", "			r.Owner = nil\n			r.SentAt", "			r.SentAt"},
	{"timer-is-not-armed-again", "backend/expiry.go", "	if c.nextLate != nil {\n		c.local.want(c.began(c.nextLate) + t)\n	}", ""},
	{"retired-connection-closes-early", "backend/conn.go", "	if c.retired && c.spent() {\n		c.fail(ErrClosed)\n		return\n	}\n	c.tellWaiters()\n}\n\n// spent", "	if c.retired {\n		c.fail(ErrClosed)\n		return\n	}\n	c.tellWaiters()\n}\n\n// spent"},
	{"retired-connection-never-closes", "backend/answer.go", "	if c.retired && c.spent() {\n		c.fail(ErrClosed)\n		return\n	}\n", ""},
	{"dirty-mark-stays", "backend/conn.go", "	c.dirty = false\n	c.flush()\n}", "	c.flush()\n}"},
	{"waiters-are-not-told-of-the-end", "backend/ending.go", "	c.tellWaiters()\n	for r != nil &&", "	for r != nil &&"},
	{"request-is-free-while-held", "backend/conn.go", "	r.Ref()\n	r.at", "	r.at"},
	{"late-dial-is-believed", "backend/handshake.go", "	if c.state == dialing && attempt == c.attempt {", "	if attempt == c.attempt {"},

	// What is counted, and what is held: no client sees these.
	{"spare-bytes-are-not-counted", "loop/spares.go", "				s.bytes -= cap(bb.B)\n				s.leaves", "				s.leaves"},
	{"unread-is-not-taken-back", "session/lifetime.go", "	s.out.Close(s.loop)\n	s.noteUnread()", "	s.out.Close(s.loop)"},
	{"fragment-stays-held", "session/reply.go", "			f.Owner, f.Parent = nil, nil\n			s.local.servers.Unref(f)", "			f.Owner, f.Parent = nil, nil"},
	{"closed-connection-is-counted", "backend/ending.go", "	if was != dialing {\n		c.figures.Connections--\n	}\n", ""},
	{"kept-input-is-given-back-and-used", "session/session.go", "			s.in = nil\n			s.loop.PutBuffer(bb)", "			s.loop.PutBuffer(bb)\n			bb.B = append(bb.B, 0)[:0]\n			s.in = nil"},

	// Reload and hand-over.
	{"change-swaps-two-servers", "backend/change.go", "slot < len(g.lanes) && g.lanes[slot].server == lanes[slot].server:", "slot < len(g.lanes):"},
	{"change-forgets-the-timeout", "backend/change.go", "		if t > 0 && c.head != nil {\n			c.local.want(c.loop.Now + t)\n		}\n", ""},
	{"reload-forgets-a-loop", "engine/reload.go", "	all := world.NewGroup(p.world)\n	for _, l := range p.loops {\n		all.Add(1)", "	all := world.NewGroup(p.world)\n	for i, l := range p.loops {\n		if i == 1 {\n			break\n		}\n		all.Add(1)"},
	{"hand-over-forgets-input", "session/parting.go", "		c.Input = append(c.Input, s.in.B...)", "		c.Input = append(c.Input, s.in.B[len(s.in.B)/2:]...)"},
	{"hand-over-in-the-middle", "session/parting.go", "	return s.head == nil && s.out.Pending() == 0 && (s.between()", "	return s.out.Pending() == 0 && (s.between()"},
	{"hand-over-forgets-the-profile", "session/parting.go", "		ID: id, Profile: c.State.Profile, Bar:", "		ID: id, Bar:"},
	{"clients-wait-after-a-failed-hand-over", "session/parting.go", "		s.waitsFor &^= behindHandOver\n		s.unblock()", "		s.waitsFor &^= behindHandOver"},
	{"leaving-is-not-counted", "session/lifetime.go", "	s.local.holders.remove(s)\n", ""},
	{"rejoin-leaves-the-old-ring", "topology/health.go", "		p.health.wanted = nil\n		if live == nil", "		p.health.wanted = nil\n		if live != nil && len(live) == 2 {\n			live = nil\n		}\n		if live == nil"},
	{"ejected-for-ever", "topology/health.go", "	s.out, s.rejoined = false, p.world.Now()", "	s.rejoined = p.world.Now()"},
}
