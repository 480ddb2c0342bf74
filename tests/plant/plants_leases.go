package main

// leasePlants are faults of what is between a client and one server for a while: leases, commands that block, transactions, scripts.
var leasePlants = []plant{
	// Leases.
	{"lease-of-two", "backend/lease.go", "			l.idle = slices.Delete(l.idle, i, i+1)\n			return c", "			return c"},
	{"lease-wakes-nobody", "backend/lease.go", "		c.idleAt = c.loop.Now\n		l.tell()", "		c.idleAt = c.loop.Now"},
	{"lease-wakes-the-first", "backend/lease.go", "	l.waiters = nil\n	for _, w := range w {", "	l.waiters = nil\n	for _, w := range w[:min(len(w), 1)] {"},
	{"lost-lease-is-counted", "backend/lease.go", "	l.n--\n", ""},
	{"lost-lease-stays-idle", "backend/lease.go", "	if i := slices.Index(l.idle, c); i >= 0 {\n", "	if i := slices.Index(l.idle, c); i >= 0 && false {\n"},
	{"watched-connection-is-not-cleaned", "session/watch.go", "	if !forgotten {", "	if forgotten {"},
	{"lost-watch-executes", "session/watch.go", "		s.watches.lease, s.watches.lost = nil, true", "		s.watches.lease = nil"},
	{"exec-keeps-its-lease", "session/transaction.go", "		s.unwatch(true)\n", ""},

	// Commands that block.
	{"blocked-lease-is-given-back-early", "session/blocking.go", "		s.endBlocking().Cancel(backend.ErrUnblocked)\n	}", "		s.endBlocking().Return()\n	}"},
	{"blocked-client-keeps-its-lease", "session/blocking.go", "	c := s.endBlocking()\n	c.Return()", "	s.endBlocking()"},
	{"busy-behind-what-blocks", "session/blocking.go", "	s.tally.Waiting--\n	s.loop.Busy++\n", "	s.tally.Waiting--\n"},
	{"wait-forgets-what-was-lost", "session/blocking.go", "doubts := s.unsure || now != s.standing", "doubts := s.unsure"},
	{"wait-is-about-nothing", "session/blocking.go", "		s.mark(c)\n", ""},
	{"mark-has-one-request-less", "session/blocking.go", "		c.Queue(r)\n		s.local.servers.Unref(r)\n	}\n	c.Out().SetBatch(out)", "		if i > 0 || len(ops) == 1 {\n			c.Queue(r)\n		}\n		s.local.servers.Unref(r)\n	}\n	c.Out().SetBatch(out)"},

	// Transactions.
	{"transaction-without-its-begin", "session/transaction.go", "	t.bb.B = p.AppendBegin(t.bb.B)\n	t.ends = append(t.ends, uint32(len(t.bb.B)))\n	return t", "	if t.bb.B = p.AppendBegin(t.bb.B); cap(t.keys) == 0 {\n		t.ends = append(t.ends, uint32(len(t.bb.B)))\n	}\n	return t"},
	{"transaction-keeps-its-keys", "session/transaction.go", "keys: t.keys[:0], own", "keys: t.keys, own"},
	{"transaction-keeps-its-calls", "session/transaction.go", "calls: t.calls[:0]}", "calls: t.calls}"},
	{"own-command-in-the-wrong-place", "session/transaction.go", "ownCommand{t.sent() + len(t.own), cmd.Op", "ownCommand{t.sent(), cmd.Op"},
	{"own-commands-argument-is-not-copied", "session/transaction.go", "cmd.Err, bytes.Clone(cmd.Frame)})", "cmd.Err, cmd.Frame})"},
	{"discarded-commands-come-back", "session/transaction.go", "	if t := s.transaction; t != nil {\n		s.transaction = nil\n		s.local", "	if t := s.transaction; t != nil && len(t.ends) > 4 {\n		s.transaction = nil\n		s.local"},
	{"queued-through-is-a-byte-short", "session/transaction.go", "		from = end\n	}\n	r.Frame", "		from = end - min(uint32(len(t.own)), 1)\n	}\n	r.Frame"},

	// Scripts.
	{"script-is-not-learned", "session/scripts.go", "	k.bodies[name] = body\n	k.names", "	if len(k.names) == 0 {\n		k.bodies[name] = body\n	}\n	k.names"},
	{"loop-has-seen-what-is-forgotten", "session/scripts.go", "	case v.changed != n, len(v.hashes) >= maxScripts:", "	case len(v.hashes) >= maxScripts:"},
	{"successor-knows-no-scripts", "session/scripts.go", "		if len(body) <= maxScriptSize {\n			p.scripts.add(p.Protocol", "		if len(body) > maxScriptSize {\n			p.scripts.add(p.Protocol"},
	{"call-is-repeated-behind-newer", "session/call.go", "	case is && o.load(r) && r.Next == nil:", "	case is && o.load(r):"},
	{"missing-script-in-pieces", "session/call.go", "	case perhaps && !last:\n", "	case perhaps && !last && false:\n"},
	{"kept-call-is-not-counted-down", "session/call.go", "	o.s.keptCalls -= len(o.frames.B)\n", ""},
	{"call-loads-the-first-only", "session/call.go", "		from = end\n	}\n	return loaded", "		if loaded {\n			break\n		}\n		from = end\n	}\n	return loaded"},
	{"loaded-once-is-loaded-for-ever", "session/call.go", "e.conn == c && e.name == name && r.QueuedAt() < e.at {", "e.conn == c && e.name == name {"},
	{"failed-call-keeps-its-owner", "session/call.go", "r.Owner != nil { // else", "r.Owner == nil { // else"},
}
