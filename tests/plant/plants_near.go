package main

// nearPlants are faults of what is kept near.
var nearPlants = []plant{
	{"near-answer-of-a-write-is-not-counted", "session/near.go", "	case noSlot:\n	default:\n		n.cache.Wrote(r.Slot)\n	}", "	default:\n	}"},
	{"near-writes-of-many-count-the-first", "session/near.go", "		for _, slot := range n.slots[r] {\n			n.cache.Wrote(slot)", "		for _, slot := range n.slots[r][:1] {\n			n.cache.Wrote(slot)"},
	{"near-own-write-is-no-matter", "session/near.go", "	return s.writing > 0 && s.wroteSlots>>(slot&63)&1 != 0 || ", "	return "},
	{"near-several-give-own-writes", "session/nearseveral.go", "if e != nil && !s.wroteTo(e.Slot) {", "if e != nil {"},
	{"near-several-without-one", "session/nearseveral.go", "	all := len(n.found) == len(cmd.Keys)\n", "	all := len(n.found) >= len(cmd.Keys)-1 && len(n.found) > 1\n	for all && len(n.found) < len(cmd.Keys) {\n		n.found = append(n.found, n.found[0])\n	}\n"},
	{"near-form-without-profile", "session/near.go", "<<1 | uint32(s.cl.Profile)", "<<1"},
	{"near-form-without-database", "session/near.go", "uint32(s.conns.Database())<<1 | ", ""},
	{"near-reload-keeps-trackers", "session/near.go", "		n.end() // servers are to tell of other keys\n", ""},
	{"near-joins-what-was-written-since", "session/flight.go", "bytes.Equal(f.command.Frame, c.Frame) &&\n		f.n.cache.Unchanged(&f.mark)", "bytes.Equal(f.command.Frame, c.Frame)"},
	{"near-keeps-errors", "session/flight.go", " && n.shard.pool.Protocol.Stays(f.op, f.reply) {", " {"},
	{"near-nothing-is-tracked", "session/flight.go", "		f.parts++\n		f.n.words = p.AppendTracksNext(f.n.words[:0])\n		f.conn.Insert((*caching)(f), f.n.words)\n", ""},
	{"near-untold-is-kept-as-told", "session/flight.go", "		life = n.opts.Untold\n", ""},
	{"near-late-tracker-stays", "session/tracker.go", "	case t.waiting:\n		t.lose(errLateTracker)\n", ""},
	{"near-lost-tracker-is-no-matter", "session/tracker.go", "	if t.server.Told().Close(); untold {", "	if untold {"},
	{"near-elsewhere-is-answered-as-it-is", "session/nearagain.go", "		if h.again(l, w.r, own, e) {\n", "		if e.Reply == nil && h.again(l, w.r, own, e) {\n"},
	{"near-no-key-is-kept-as-any", "session/nearagain.go", "f.n.shard.pool.slotted && f.life == noKey", "false && f.life == noKey"},
	{"near-sent-again-though-begun", "session/flight.go", "	r.Size += len(chunk) // what has begun is not sent again\n", ""},
	{"near-era-is-not-compared", "near/cache.go", "c.places.Load() == m.places && (m.source == nil || m.source.era.Load() == m.era)", "c.places.Load() == m.places"},
	{"near-reader-that-ended-is-no-matter", "backend/tracks.go", "		c.server.Told().Miss()\n", ""},
	{"near-first-of-several-keys", "codec/resp/tracked.go", "		yield(key)\n	}\n	return false", "		yield(key)\n		break\n	}\n	return false"},
}
