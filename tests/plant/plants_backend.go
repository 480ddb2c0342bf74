package main

// backendPlants are faults of the connections to servers: who is owed the next reply, when it is late, how a connection opens and ends, what a
// reload does with it.
var backendPlants = []plant{
	{"outq-keeps-its-head", "backend/answer.go", "	if c.nextLate == r {\n		c.nextLate = c.head\n	}", ""},
	{"outq-forgets-its-tail", "backend/answer.go", "	if c.head == nil {\n		c.tail = nil\n		c.marks.clear()\n	}", ""},
	{"fail-flushes-the-old-batch", "backend/ending.go", "	out := c.out.Leave()\n	c.inside", "	var out loop.Out\n	c.inside"},
	{"failed-requests-are-kept", "backend/ending.go", "	c.sock, c.head, c.tail, c.nextLate, c.answered = nil, nil, nil, nil, c.entered", "	c.sock, c.tail, c.nextLate, c.answered = nil, nil, nil, c.entered"},
	{"scan-goes-on-after-a-reconnect", "backend/handshake.go", "	c.sock, c.scan, c.inside = sock, codec.ReplyScan{Marked: c.pool.Options().Protocol.Marks(c.profile)}, between", "	c.sock, c.inside = sock, between"},
	{"handshake-reply-is-left", "backend/handshake.go", "		buf = buf[n:]\n		if !done {\n			continue\n		}", "		if !done {\n			buf = buf[n:]\n			continue\n		}"},
	{"users-before-the-handshake", "backend/conn.go", "	if c.state != open {\n		return // nextStep flushes once the handshake is done\n	}", "	if c.state != open && c.state != handshaking {\n		return\n	}"},
	{"expired-reply-is-not-awaited", "backend/expiry.go", "		c.nextLate = r.link\n", "		c.nextLate = r.link\n		c.answered++\n		c.head = r.link\n"},
	{"timer-is-not-armed-again", "backend/expiry.go", "	if c.nextLate != nil {\n		c.local.want(c.began(c.nextLate) + t)\n	}", ""},
	{"retired-connection-closes-early", "backend/conn.go", "	if c.retired && c.spent() {\n		c.fail(ErrClosed)\n		return\n	}\n	c.tellWaiters()\n}\n\n// spent", "	if c.retired {\n		c.fail(ErrClosed)\n		return\n	}\n	c.tellWaiters()\n}\n\n// spent"},
	{"retired-connection-never-closes", "backend/answer.go", "	if c.retired && c.spent() {\n		c.fail(ErrClosed)\n		return\n	}\n", ""},
	{"dirty-mark-stays", "backend/conn.go", "	c.dirty = false\n	c.flush()\n}", "	c.flush()\n}"},
	{"waiters-are-not-told-of-the-end", "backend/ending.go", "	c.tellWaiters()\n	c.failAll(r,", "	c.failAll(r,"},
	{"request-is-free-while-held", "backend/conn.go", "	r.Ref()\n	r.at", "	r.at"},
	{"closed-connection-is-counted", "backend/ending.go", "	if was != dialing {\n		c.figures.Connections--\n	}\n", ""},
	{"change-swaps-two-servers", "backend/change.go", "k < n && g.has(c.server) && same", "k < n && slot < len(g.lanes) && same"},

	// Requests.
	{"ring-hands-out-what-is-held", "backend/request.go", "		if r.refs == 0 {", "		if r.refs <= 1 {"},
	{"reply-keeps-its-request", "backend/answer.go", "	if done {\n		c.local.Unref(r)\n	}\n", "	if done && r.Owner != nil {\n		c.local.Unref(r)\n	}\n"},
	{"failed-request-is-let-go-twice", "backend/ending.go", "		c.local.Unref(r)\n		r, had", "		c.local.Unref(r)\n		if r.Owner == nil {\n			c.local.Unref(r)\n		}\n		r, had"},
	{"fragments-are-kept-too-long", "backend/request.go", "		frags := r.Fragments[:0]", "		frags := r.Fragments"},
	{"reply-of-the-last-request", "backend/request.go", "	r.plain = plain{}\n", "	reply := r.Reply\n	r.plain = plain{}\n	r.Reply = reply\n"},
	{"answered-is-not-counted", "backend/answer.go", "	c.answered++\n	if c.blocks", "	if c.blocks"},

	// Replies and deadlines.
	{"first-unsent-is-left", "backend/conn.go", "		c.firstUnsent, c.unsent = nil, 0\n		return", "		c.unsent = 0\n		return"},
	{"no-timer-for-the-first", "backend/conn.go", "	if t := c.pool.Options().Timeout; t > 0 {", "	if t := c.pool.Options().Timeout; t > 0 && c.head != r {"},
	{"timer-is-not-brought-forward", "backend/local.go", "	if at >= o.timerAt {", "	if o.timerAt != math.MaxInt64 {"},
	{"timer-is-put-off", "backend/local.go", "	o.timerAt = at\n", ""},
	{"timer-fires-once", "backend/local.go", "	o.timerAt = math.MaxInt64\n	for", "	for"},
	{"retired-are-never-late", "backend/local.go", "		for _, c := range g.retired {\n			c.expire()\n		}\n", ""},
	{"late-requests-keep-their-connection", "backend/expiry.go", "c.loop.Now-c.began(c.head) >= 2*t {", "c.loop.Now-c.began(c.head) >= 200*t {"},
	{"unsent-expire-and-are-sent", "backend/expiry.go", "		if r.from >= c.out.Taken() {\n			c.fail(ErrTimeout)\n			return\n		}\n", ""},
	{"expired-twice", "backend/expiry.go", "		c.nextLate = r.link\n", "		c.nextLate = r.link\n		if r.link != nil && r.link.Owner != nil {\n			r.link.Owner.Failed(r.link, ErrTimeout)\n		}\n"},
	{"loading-is-no-failure", "backend/answer.go", "				ailing = ailing || v == verdict.Ailing\n", ""},
	{"ailing-connections-stay", "backend/answer.go", "			c.group.giveUp(c.server)\n", "			_ = c.group\n"},

	// Canaries, and who is out of step.
	{"canary-forgets-its-front", "backend/canary.go", "	y.reply = append(y.reply, chunk...)", "	y.reply = append(y.reply[:0], chunk...)"},
	{"canary-takes-a-reply", "backend/canary.go", "	c.enterOwn(&c.canary, command)", "	c.out.Append(c.loop, command)\n	c.Touch()"},
	{"probe-fails-the-next-connection", "backend/canary.go", "c.state == open || c.state == handshaking) && c.attempt == attempt && c.heardAt == heardAt {", "c.state == open || c.state == handshaking) && attempt > 0 && heardAt >= 0 {"},
	{"doubt-is-not-held", "backend/doubt.go", "	c.enterOwn(nil, command) // its reply is looked at in held\n	c.held(buf)", "	c.enterOwn(nil, command)\n	c.held(buf)\n	c.deliver(r, buf, false)"},
	{"missing-reply-is-not-missed", "backend/doubt.go", "d.owed > 0 && string(frame) == string(d.want) &&", "d.owed < 0 && string(frame) == string(d.want) &&"},
	{"out-of-step-goes-on", "backend/answer.go", "		if c.outOfStep {\n			c.fail(ErrUnfit)\n		}\n", ""},
	{"push-is-a-reply", "backend/answer.go", "		c.pushed(buf[:n], done)\n		return false", "		c.pushed(buf[:n], done)\n		return true"},

	// Connections.
	{"handshake-is-not-said-again", "backend/handshake.go", "	c.state, c.step = handshaking, -1", "	c.state = handshaking"},
	{"server-is-left-alone-for-ever", "backend/ending.go", "		c.retryAt = c.loop.Now + int64(pause(c.failures, c.loop.World))", "		c.retryAt = c.loop.Now + 10000*int64(pause(c.failures, c.loop.World))"},
	{"client-takes-any-connection", "backend/group.go", "		i += int(client % uint64(n))", "		i += int((client + uint64(g.loop.Now)>>16) % uint64(n))"},
	{"connection-is-made-each-time", "backend/group.go", "		s.conns[i] = c\n	}\n	if c.state == closed {", "	}\n	if c.state == closed {"},
	{"used-set-counts-as-idle", "backend/group.go", "	s.usedAt = g.loop.Now\n", ""},
	{"given-up-connection-stays", "backend/group.go", "			if c != nil && c.state == open {\n				conns[i] = nil\n", "			if c != nil && c.state == open {\n				conns[i] = c\n"},
	{"retired-is-not-marked", "backend/group.go", "	c.retired = true\n", ""},
	{"ejected-server-is-asked", "backend/group.go", "	case server == nil, server.Down() && !g.pool.Options().OnServerFailure.MovesKeys():", "	case server == nil:"},

	// More of reloads.
	{"change-counts-by-the-new-number", "backend/change.go", "			slot, k := i/had, i%had", "			slot, k := i/n, i%n"},
	{"change-keeps-any-order", "backend/change.go", "	inOrder = n == had\n", "	inOrder = true\n"},
	{"change-forgets-who-is-busy", "backend/change.go", "		inOrder = g.retire(c) && inOrder\n", "		g.retire(c)\n"},
	{"change-keeps-the-old-pool", "backend/change.go", "	c.pool, c.reads = p, p.IsReplica(c.server)\n}", "	c.reads = p.IsReplica(c.server)\n}"},
	{"change-loses-a-connection", "backend/change.go", "				gone = append(gone, c)", "				if k == 0 {\n					gone = append(gone, c)\n				}"},
}
