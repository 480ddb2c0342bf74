package main

// sessionPlants are faults of a client's commands and replies: their order, what it waits for, how it ends and goes to another process.
var sessionPlants = []plant{
	{"pipeline-limit-off-by-kept-input", "session/session.go", "			bb.B = bb.B[:copy(bb.B, bb.B[n:])]", "			bb.B = bb.B[:copy(bb.B, bb.B[n-1:])]"},
	{"kept-input-is-dropped", "session/session.go", "		case n == len(bb.B) || s.life >= quitting:", "		case n >= len(bb.B)-1 || s.life >= quitting:"},
	{"resume-does-not-read-again", "session/session.go", "	if s.paused {\n		s.paused = false\n		s.sock.Resume()\n	}", "	if s.paused {\n		s.sock.Resume()\n	}"},
	{"paused-for-ever", "session/session.go", "		s.paused = false\n		s.sock.Resume()", "		s.paused = false"},
	{"rest-is-not-read", "session/lifetime.go", "	s.rest = s.paused\n", ""},
	{"half-close-ends-at-once", "session/lifetime.go", "	owed := s.head != nil || s.out.Pending() > 0 || s.blocked", "	owed := s.head != nil && s.out.Pending() > 0 || s.blocked"},
	{"quit-with-replies-owed", "session/reply.go", "	case s.life >= quitting && s.owedNothing() && s.out.Pending() == 0:", "	case s.life >= quitting && s.out.Pending() == 0:"},
	{"large-command-given-away-twice", "session/route.go", "	bb := s.in\n	s.in = nil\n", "	bb := s.in\n	s.in = nil\n	s.loop.PutBuffer(bb)\n"},
	{"roomy-is-lost", "session/wait.go", "	s.waitsFor &^= behindServer\n	s.unblock()", "	s.waitsFor &^= behindServer"},
	{"pipeline-resumes-at-nothing", "session/wait.go", "return s.inFlight <= s.local.limits.MaxPipeline/2", "return s.inFlight < s.local.limits.MaxPipeline/2"},
	{"order-is-forgotten-by-a-reload", "session/shard.go", "			s.waitsFor |= behindOrder", "			s.waitsFor |= 0"},
	{"reply-overtakes", "session/reply.go", "	return r == s.head && r.Quiet == 0 && (last ||", "	return (r == s.head || last && r.Parent == nil && r.Reply == nil) && r.Quiet == 0 && (last ||"},
	{"passed-on-though-quiet-or-fragment", "session/reply.go", "	for s.head != nil && s.head.Done {", "	for s.head != nil && (s.head.Done || s.head.Gather != nil && s.head.Pending == 1) {"},
	{"pop-forgets-the-tail", "session/reply.go", "	if s.head == nil {\n		s.tail = nil\n		if", "	if s.head == nil {\n		if"},
	{"in-flight-is-not-counted-down", "session/reply.go", "	if s.inFlight--; s.inFlight == 0 {", "	if s.inFlight%7 != 6 {\n		s.inFlight--\n	}\n	if s.inFlight == 0 {"},
	{"late-reply-behind-its-error", "session/reply.go", "		r.Reply.B = s.appendFailure(r.Reply.B[:0], err,", "		r.Reply.B = s.appendFailure(r.Reply.B, err,"},
	{"fragment-counted-twice", "session/join.go", "	if whole.Pending--; whole.Pending == 0 {", "	if whole.Pending--; whole.Pending <= 1 {"},
	{"touch-is-lost", "session/reply.go", "		s.pop()\n		s.touch()\n	}\n}", "		s.pop()\n	}\n}"},
	{"scatter-writes-a-key-twice", "session/scatter.go", "			t.batch = t.batch[:at+end-start]", "			t.batch = t.batch[:at+end-start]\n			if i == 5 {\n				t.batch = append(t.batch, frame[start:end]...)\n			}"},
	{"last-fragment-is-joined-before-its-turn", "session/join.go", "r.Parent != nil && r.Parent == s.head && r.Parent.Pending == 1", "r.Parent != nil && r.Parent.Pending == 1"},
	{"what-is-read-becomes-a-spare", "session/join.go", "	r.Reply, s.local.lastReply.B = nil, nil", "	s.local.lastReply.B = s.local.lastReply.B[:0]"},
	{"unread-is-not-taken-back", "session/lifetime.go", "	s.out.Close(s.loop)\n	s.noteUnread()", "	s.out.Close(s.loop)"},
	{"fragment-stays-held", "session/reply.go", "			f.Owner, f.Parent = nil, nil\n			s.local.servers.Unref(f)", "			f.Owner, f.Parent = nil, nil"},
	{"kept-input-is-given-back-and-used", "session/session.go", "			s.in = nil\n			s.loop.PutBuffer(bb)", "			s.loop.PutBuffer(bb)\n			bb.B = append(bb.B, 0)[:0]\n			s.in = nil"},
	{"hand-over-forgets-input", "session/parting.go", "		c.Input = append(c.Input, s.in.B...)", "		c.Input = append(c.Input, s.in.B[len(s.in.B)/2:]...)"},
	{"hand-over-in-the-middle", "session/parting.go", "	return s.owedNothing() && s.out.Pending() == 0 && !s.holdsOn() && (s.between()", "	return s.out.Pending() == 0 && !s.holdsOn() && (s.between()"},
	{"hand-over-forgets-the-profile", "session/parting.go", "		ID: id, Profile: c.State.Profile, DB: db, Bar:", "		ID: id, DB: db, Bar:"},
	{"clients-wait-after-a-failed-hand-over", "session/parting.go", "		s.waitsFor &^= behindHandOver\n		s.unblock()", "		s.waitsFor &^= behindHandOver"},
	{"leaving-is-not-counted", "session/lifetime.go", "	s.local.holders.remove(s)\n", ""},

	// More of commands.
	{"rest-behind-a-large-command-is-lost", "session/route.go", "	if rest := bb.B[len(frame):]; len(rest) > 0 {\n		s.keep(rest)\n	}\n", ""},
	{"large-command-is-given-from-the-middle", "session/route.go", "	if s.in == nil || &frame[0] != &s.in.B[0] {", "	if s.in == nil {"},
	{"fragment-is-not-flushed", "session/scatter.go", "	c.Touch()\n	c.Queue(f)", "	c.Queue(f)"},
	{"fragment-counts-before-it-is-sent", "session/scatter.go", "	if err != nil {\n		s.lost(f, err)\n		return t", "	if err != nil {\n		whole.Pending++\n		s.lost(f, err)\n		return t"},
	{"gather-remembers-its-cursor", "session/local.go", "Cursor: g.Cursor[:0]}", "Cursor: g.Cursor}"},
	{"gather-in-two-hands", "session/local.go", "	l.gathers = append(l.gathers, g)\n", "	l.gathers = append(l.gathers, g)\n	if len(l.gathers) == 1 {\n		l.gathers = append(l.gathers, g)\n	}\n"},
	{"hello-overtakes", "session/switch.go", "	if s.awaitsReplies() || s.awaitsServers(false) {", "	if s.awaitsServers(false) {"},
	{"hello-keeps-the-connections", "session/switch.go", "		s.enter(s.cl.DB)\n", ""},
	{"quiet-miss-is-told", "session/reply.go", "		r.Reply.B = r.Reply.B[:0]\n	}\n	r.Done = true", "	}\n	r.Done = true"},

	// More of waiting.
	{"resuming-stays", "session/wait.go", "	s.resuming = false\n", ""},
	{"one-more-than-the-pipeline", "session/wait.go", "		func(s *Session) bool { return s.inFlight >= s.local.limits.MaxPipeline },", "		func(s *Session) bool { return s.inFlight > s.local.limits.MaxPipeline },"},
	{"order-never-ends", "session/lifetime.go", "	if s.owedNothing() {\n		s.waitsFor &^= behindOrder\n	}\n", "	if s.owedNothing() && s.in == nil {\n		s.waitsFor &^= behindOrder\n	}\n"},
	{"memory-wakes-nobody", "session/local.go", "		if level < High && s.blocked {\n			s.unblock()\n		}\n", "		_ = s\n"},
	{"holder-is-forgotten", "session/local.go", "		case s.caughtUp() && !stalled && !s.blocked && s.holds() < causeBytes:", "		case s.caughtUp() && !stalled:"},

	// More of replies.
	{"kept-front-is-lost", "session/reply.go", "	if r.Reply != nil {\n		s.writeStored(r)\n	}\n	if len(chunk)", "	if len(chunk)"},
	{"kept-reply-in-two-hands", "session/reply.go", "	r.Reply = nil\n}\n\n// Failed", "}\n\n// Failed"},
	{"lost-fragment-is-awaited", "session/reply.go", "		s.lost(r, err)\n		s.fragmentDone(r)", "		s.lost(r, err)"},
	{"broken-reply-goes-on", "session/reply.go", "		s.broken = true\n		s.touch()", ""},
	{"quit-forgets-what-is-unwritten", "session/reply.go", "	case s.life >= quitting && s.owedNothing() && s.out.Pending() == 0:", "	case s.life >= quitting && s.owedNothing():"},

	// More of how a client ends.
	{"half-closed-stays", "session/lifetime.go", "	if !s.blocked {\n		s.quit() // what is left can never become a command\n	}", "	_ = s"},
	{"half-closed-goes-on-and-stays", "session/session.go", "	if s.eof {\n		s.quit() // what is left can never become a command\n	}\n", ""},
	{"busy-is-not-counted-down", "session/lifetime.go", "	if s.inFlight > 0 {\n		s.loop.Busy--\n	}\n", ""},
	{"left-client-is-counted", "session/lifetime.go", "	s.local.countOut(s, s.pool)\n", "	if s.life = closed; s.head == nil && !s.detached {\n		s.local.countOut(s, s.pool)\n	}\n"},
	{"leaving-forgets-what-was-kept", "session/lifetime.go", "		s.unread += len(s.in.B)\n", "		_ = s.in\n"},
	{"leaving-never-ends", "session/route.go", "			s.unread -= n\n			s.leaveIfDone()", "			s.leaveIfDone()"},
	{"leaving-client-does-not-linger", "session/lifetime.go", "idle >= linger || s.out.CloseWrite() != nil {", "idle >= 0 || s.out.CloseWrite() != nil {"},
	{"list-keeps-its-end", "session/list.go", "		l.last = p.prev\n	} else {", "		_ = l.last\n	} else {"},
	{"walk-loses-its-way", "session/list.go", "		p.prev.links[l.which].next = p.next\n", "		p.prev.links[l.which].next = nil\n"},

	// More of reloads and of hand-overs.
	{"parted-client-stays", "session/parting.go", "	c.State = s.state(len(c.Input))\n	s.close()\n", "	c.State = s.state(len(c.Input))\n"},
	{"reload-forgets-the-limits", "session/shard.go", "	l.limits = c.Limits\n", ""},

	// The bound on what a client is owed.
	{"grant-is-not-given-back", "session/budget.go", "	b.granted.Add(int64(-n))\n	return false", "	return false"},
	{"allowance-has-no-bound", "session/budget.go", "		more := min(2*s.allowed, s.outputBuffer()) - s.allowed", "		more := s.allowed"},
	{"budget-of-each-client", "session/budget.go", "	for s.owed() >= s.allowed {", "	for s.owed() > 2*s.allowed {"},
	{"unread-counts-up-only", "session/budget.go", "	if n == s.unreadBytes {", "	if n <= s.unreadBytes {"},
}
