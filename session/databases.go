package session

// A client is in one of its servers' databases, which its server connections are in as well: those of its Set, and the lease that it
// may have. SELECT has it take another Set (switch.go), and what it watches goes along:
//
//	WATCH a    over the lease
//	SELECT 3   the lease is sent it, too: a is watched in the database before, and EXEC works in the new one
//	EXEC       over the lease, which nobody gets afterwards: it is closed
//
// A SELECT between MULTI and EXEC takes effect at EXEC, for what stands behind it, and remains. Such a transaction goes over a lease as
// one that watches, for on a shared connection the commands of others would find themselves in its last database; and in which one that
// was, its reply says. If that is lost, nobody knows, and the client is closed, as one of the server's own would be.

import (
	"cashew/backend"
	"cashew/codec"
)

// selection is a SELECT in a transaction.
type selection struct {
	at int // commands before it that the server executes
	db int
}

// enter has what s sends from now on go to database db. If that is not served any more, s is told so in place of all replies.
func (s *Session) enter(db int) {
	p := s.pool.Protocol
	if s.cl.DB = db; !p.Serves(db) {
		p.Evict(&s.cl)
		db = p.Home()
	}
	s.conns = s.group.Set(s.cl.Profile, db)
	s.ownConns(db)
	s.rereads()
}

// resettle is enter for a client that finds another pool in the place of old: it stays in its database where either pool has clients
// choose, and else goes to the only one that there is.
func (s *Session) resettle(old *Pool) {
	if old.Protocol.Databases() == 0 && s.pool.Protocol.Databases() == 0 {
		s.cl.DB = s.pool.Protocol.Home()
	}
	s.enter(s.cl.DB)
	if s.own != nil {
		s.own.forget()
	}
}

// leadLease has the lease, if there is one, go where its client goes.
func (s *Session) leadLease() {
	if c := s.watches.lease; c != nil {
		p := s.pool.Protocol
		c.Select(s.cl.DB, p.AppendSelect(nil, s.cl.DB), p.BeginOp())
	}
}

// selects says of a command in t that the proxy would answer whether the server has to execute it, as it changes the database.
func (s *Session) selects(t *transaction, cmd *codec.Command) bool {
	as := s.cl
	as.DB = -1 // none
	_, db, _ := s.pool.Protocol.Target(&as, cmd)
	if db == as.DB || db == s.cl.DB && len(t.selects) == 0 {
		return false
	}
	t.selects = append(t.selects, selection{at: t.sent(), db: db})
	return true
}

// execApart is exec for a transaction that changes the database. It returns false if the command has to wait.
func (s *Session) execApart(cmd *codec.Command) (taken bool) {
	if !s.alone() {
		return false
	}
	s.stale()
	p, t, w := s.pool.Protocol, s.transaction, &s.watches
	if _, spoiled := p.Transaction(&s.cl); !spoiled && !w.on() && s.stillTogether(t) {
		c, wait, err := s.lease(backend.Transactions, t.place, t.server)
		if wait {
			return false
		}
		if err != nil {
			s.count(cmd)
			s.refuse(cmd, err)
			p.EndTransaction(&s.cl)
			s.dropTransaction()
			return true
		}
		*w = watching{lease: c, router: s.ways(), place: t.place, server: t.server, keys: w.keys[:0]}
	}
	s.count(cmd)
	s.exec(cmd)
	return true
}

// notes keeps where t, which goes over a lease, may leave its client.
func (s *Session) notes(t *transaction) {
	if len(t.selects) > 0 {
		s.selected = append(s.selected, t.selects...)
		s.watches.lease.Stray()
	}
}

// follow has s be in the database where its transaction left it; whole is the EXEC, all of which is answered.
func (s *Session) follow(whole *backend.Request) {
	list, f, db := s.selected, whole.Fragments[0], s.cl.DB
	s.selected = nil
	if whole.Err != nil {
		if f.SentAt != 0 {
			s.quit()
		}
		return
	}
	for _, e := range list {
		if s.pool.Protocol.Selected(f.Reply.B, e.at) {
			db = e.db
		}
	}
	if db != s.cl.DB {
		s.enter(db)
	}
}
