package main

// databasePlants are faults of databases: who is in which, and over which connections.
var databasePlants = []plant{
	{"select-keeps-the-connections", "session/databases.go", "	s.conns = s.group.Set(s.cl.Profile, db)\n", "	if s.conns == nil {\n		s.conns = s.group.Set(s.cl.Profile, db)\n	}\n"},
	{"set-of-any-database", "backend/group.go", "		if s.profile == pr && s.db == db && s.private == nil {", "		if s.profile == pr && s.private == nil {"},
	{"lease-of-any-database", "backend/lease.go", "		if c.profile == pr && c.db == db {", "		if c.profile == pr {"},
	{"strayed-lease-is-given-back", "backend/lease.go", "	case c.strayed:", "	case c.strayed && c.state == closed:"},
	{"select-in-multi-is-forgotten", "session/databases.go", "	if db != s.cl.DB {\n		s.enter(db)", "	if db == s.cl.DB {\n		s.enter(db)"},
	{"select-in-multi-always-counts", "session/databases.go", "		if s.pool.Protocol.Selected(f.Reply.B, e.at) {", "		if e.at >= 0 {"},
	{"select-in-multi-over-a-shared-connection", "session/route.go", "s.transaction != nil && len(s.transaction.selects) > 0:", "s.transaction != nil && len(s.transaction.selects) > 100:"},
	{"select-leaves-what-is-watched", "session/databases.go", "	if c := s.watches.lease; c != nil {\n		p := s", "	if c := s.watches.lease; c != nil && s.eof {\n		p := s"},
	{"client-of-unknown-database-goes-on", "session/databases.go", "		if f.SentAt != 0 {\n			s.quit()\n", "		if f.SentAt != 0 {\n			s.touch()\n"},
	{"hand-over-forgets-the-database", "session/parting.go", "	if c.State.DB != nil {", "	if c.State.DB != nil && ours {"},
	{"reset-stays-in-its-database", "codec/resp/local.go", "\"\", RESP2, p.db, 0,", "\"\", RESP2, cl.DB, 0,"},
	{"handshake-forgets-the-database", "codec/resp/login.go", "	if db != 0 {\n		steps", "	if db != 0 && db != 3 {\n		steps"},
	{"evicted-client-goes-on", "session/databases.go", "		p.Evict(&s.cl)\n", ""},
	{"evicted-transaction-is-executed", "codec/resp/databases.go", "	spoil(cl)\n	cl.Bar", "	cl.Bar"},
	{"select-of-nobody-is-refused", "session/switch.go", "		refusal, wait, _ = h.group.Has(pr, db, s.cl.ID, s, last)\n	}\n	return refusal, wait, nil", "		refusal, wait, err = h.group.Has(pr, db, s.cl.ID, s, last)\n	}\n	return refusal, wait, err"},
	{"database-is-taken-over-unseen", "engine/takeover.go", "db != nil && !pl.Protocol.Serves(*db) && !ours {", "db != nil && !pl.Protocol.Serves(*db) && ours {"},
}
