package main

// loopPlants are faults of what is below all: bytes that wait to be written, buffers that are used again, and the flush.
var loopPlants = []plant{
	{"out-advance-loses-a-byte", "loop/out.go", "	o.pending -= n\n	o.taken += n\n	done := 0", "	o.pending -= n\n	o.taken += n\n	if n > 1 {\n		n--\n	}\n	done := 0"},
	{"out-short-write-forgets-the-rest", "loop/out.go", "		o.queue = append(o.queue, chunk{rest: o.batch[n:], whole: o.batch})\n		o.batch = nil\n		o.stall(l, w)", "		o.pending -= len(o.batch) - n\n		o.batch = nil\n		o.stall(l, w)"},
	{"out-stall-waits-for-nobody", "loop/out.go", "	o.stalled, o.since = true, l.Now\n	o.await(l, w)", "	o.stalled, o.since = true, l.Now"},
	{"out-through-overtakes-the-queue", "loop/out.go", "	o.cut()\n	l.iov = l.iov[:0]\n	for i := range o.queue {\n		l.iov = append(l.iov, o.queue[i].rest)\n	}", "	l.iov = l.iov[:0]\n	for i := range o.queue {\n		l.iov = append(l.iov, o.queue[i].rest)\n	}"},
	{"out-through-does-not-stall", "loop/out.go", "	if o.pending > 0 {\n		o.stall(l, w)\n	} else {", "	if o.pending > 0 && len(p) == 0 {\n		o.stall(l, w)\n	} else {"},
	{"batch-in-two-hands", "loop/out.go", "		l.batches.put(o.batch)\n	}\n	o.batch = nil\n	o.kept(l, w)", "		l.batches.put(o.batch)\n		l.batches.put(o.batch)\n	}\n	o.batch = nil\n	o.kept(l, w)"},
	{"flush-clients-before-servers", "loop/flush.go", "		if len(l.resume) == 0 && len(l.servers) == 0 {\n			break\n		}", "		break"},
	{"flush-stays-scheduled", "loop/loop.go", "		l.scheduled = false\n		l.Flush()\n		l.EndPass()", "		l.Flush()\n		l.EndPass()"},
	{"spare-bytes-are-not-counted", "loop/spares.go", "				s.bytes -= cap(bb.B)\n				s.leaves", "				s.leaves"},

	// Buffers.
	{"batch-stays-free", "loop/batches.go", "		c.free[n] = nil\n		c.free, c.idle = c.free[:n], min(c.idle, n)", "		c.idle = min(c.idle, n)"},
	{"batch-comes-back-full", "loop/batches.go", "c.free = append(c.free, p[:0])", "c.free = append(c.free, p)"},
	{"batch-grows-without-what-it-had", "loop/batches.go", "	q := append(b.get(len(p)+n), p...)", "	q := append(b.get(len(p)+n), p[:len(p)/1024*1024]...)"},
	{"buffer-comes-back-full", "loop/spares.go", "	bb.B = bb.B[:0]\n", ""},
	{"spare-in-two-hands", "loop/spares.go", "				c.list = slices.Delete(c.list, j, j+1)\n", ""},
	{"grown-buffer-loses-what-it-had", "loop/loop.go", "		spare.B = append(spare.B, bb.B...)\n", ""},
	{"grown-buffer-goes-and-stays", "loop/loop.go", "		bb.B, spare.B = spare.B, bb.B\n		l.PutBuffer(spare)", "		bb.B = spare.B\n		l.PutBuffer(spare)"},

	// More of what waits to be written.
	{"hand-overtakes-the-batch", "loop/out.go", "	o.cut()\n	bb.B = bb.B[:n]", "	bb.B = bb.B[:n]"},
	{"moved-socket-is-not-awaited", "loop/out.go", "	o.use(s)\n	if o.stalled {\n		o.await(l, w)\n	}", "	o.use(s)"},
	{"queue-of-many-loses-the-last", "loop/out.go", "			if len(l.iov) == maxIovecs {\n				break\n			}", "			if len(l.iov) == maxIovecs {\n				o.queue = o.queue[:maxIovecs]\n				break\n			}"},
	{"closed-out-keeps-its-batch", "loop/out.go", "	o.Release(l, math.MaxInt)\n	*o = o.emptied()", "	o.Release(l, math.MaxInt)\n	b := o.batch\n	*o = o.emptied()\n	o.batch = b"},
	{"write-error-is-forgotten", "loop/out.go", "	n, err := o.sock.Write(o.batch)\n	if err != nil {\n		o.err = err\n		return", "	n, err := o.sock.Write(o.batch)\n	if err != nil {\n		return"},

	// More of the flush.
	{"flush-forgets-servers-alone", "loop/flush.go", "len(l.clients) == 0 && len(l.resume) == 0 && len(l.servers) == 0:", "len(l.clients) == 0 && len(l.resume) == 0:"},
	{"flush-forgets-who-may-go-on", "loop/flush.go", "len(l.clients) == 0 && len(l.resume) == 0 && len(l.servers) == 0:", "len(l.clients) == 0 && len(l.servers) == 0:"},
	{"flush-does-not-go-round", "loop/flush.go", "if len(l.resume) == 0 && len(l.servers) == 0 {", "if len(l.servers) == 0 {"},
	{"flush-task-is-lost-when-busy", "loop/flush.go", "	l.scheduled = l.base.Run(l.flushTask)", "	l.scheduled = l.Busy > 3 || l.base.Run(l.flushTask)"},
	{"opened-does-not-flush", "loop/loop.go", "	ok = h.Opened(s)\n	l.flushSoon()", "	ok = h.Opened(s)"},
	{"clock-stands-still-for-data", "loop/loop.go", "	defer l.survive(h)\n	l.Tick()\n	h.Data(buf)", "	defer l.survive(h)\n	h.Data(buf)"},
}
