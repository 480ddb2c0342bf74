package main

// clusterPlants are faults of what becomes of commands whose servers change places.
var clusterPlants = []plant{
	{"script-is-taken-for-its-server", "codec/resp/health.go", "(p.cluster || p.sentinels) && (!scripts[op] || beginsNot(reply))", "(p.cluster || p.sentinels)"},
	{"asked-without-asking", "session/again.go", "	if ask {\n		c.Before(h.pool.Protocol.Asking())\n	}\n	r.Server", "	r.Server"},
	{"perhaps-done-is-done-again", "backend/again.go", "if end <= had.taken && (c.group.classes[r.Op] != work.Read && !elsewhere || r.Size > 0) {", "if end <= had.taken && r.Size > 0 {"},
	{"parked-overtake", "session/order.go", "	y.parked = slices.Insert(all, at, p)", "	y.parked = slices.Insert(all, min(at, 0), p)"},
	{"all-is-overtaken", "session/route.go", "case cmd.Kind == codec.Fanout && s.resends() && s.awaitsReplies(),", "case cmd.Kind == codec.Fanout && s.resends() && s.head != s.head && s.awaitsReplies(),"},
	{"sent-again-overtakes", "session/order.go", "	if a := &s.sentAgain; a.to == nil || a.to == server && !a.others {\n		return false\n	}\n	ahead", "	if s != nil {\n		return false\n	}\n	ahead"},
	{"nobody-is-the-heir", "session/aim.go", "before < 0 || !owners[before] && alone {", "before == len(owners) && alone {"},
	{"done-behind-what-came-later", "session/parked.go", "p.reply != nil && h.behind(s, p) != nothingFollows", "p.reply != nil && h.behind(s, p) == maybeFollows"},
	{"several-keys-are-not-alone", "session/order.go", "	if keys > 1 && s.slottedAt(place)", "	if keys > 1<<20 && s.slottedAt(place)"},
	{"client-goes-on-behind-a-retry", "session/again.go", "	s.waitsFor |= behindRetry\n", ""},
}
