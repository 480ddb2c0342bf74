package session

// What the audit log is told of a client (package audit): that it logged in or failed to, what was refused to it, and, by choice, what
// it sends. Where nothing is kept, a command costs one look at limits, which stands where the loop looks anyway. No value and no
// password comes here: of a command its name and its keys, and no keys of one that is the proxy's own, which may be a login.

import (
	"cashew/audit"
	"cashew/codec"
	"cashew/codec/acl"
)

// refusalReasons are the words for why a user was refused something, as ACL LOG has them.
var refusalReasons = map[acl.Reason]string{acl.Command: "command", acl.Key: "key", acl.Channel: "channel"}

// entry is an event about s, which belongs to p.
func (s *Session) entry(p *Pool, name string) audit.Event {
	return audit.Event{
		At: s.loop.World.Now(), Name: name, Pool: p.Name, Client: s.cl.Addr, ID: s.cl.ID, User: s.userName(),
		ClientName: s.cl.Name, Lib: s.cl.Lib, LibVer: s.cl.LibVer,
	}
}

// auditCommand keeps cmd, if it is its turn.
func (s *Session) auditCommand(cmd *codec.Command) {
	l := s.local
	log := s.pool.host.Audit()
	if l.auditIn--; l.auditIn > 0 {
		return
	}
	switch cmd.Kind {
	case codec.Refuse, over, unjudged:
		if log.Wants(audit.Refusals) {
			return // it is there
		}
	}
	sample := l.limits.AuditSample
	l.auditIn = 1 + l.loop.World.IntN(2*sample-1) // one of sample, on average
	e := s.entry(s.pool, "command")
	e.Command, e.Sample = s.pool.Protocol.CommandName(cmd), sample
	switch cmd.Kind {
	case codec.Local, codec.Refuse, codec.Report, codec.Switch, codec.Quit, codec.Discard, codec.Exec, unjudged:
	default:
		switch e.KeysTotal = len(cmd.Keys); {
		case e.KeysTotal > 0:
			for i := range min(e.KeysTotal, audit.MaxKeys) {
				e.Keys[i] = cmd.KeyAt(i)
			}
		case cmd.Key != nil:
			e.Keys[0], e.KeysTotal = cmd.Key, 1
		}
	}
	log.Record(audit.Commands, &e)
}

// auditRefusal keeps that cmd, which has that name, is refused.
func (s *Session) auditRefusal(cmd *codec.Command, name string) {
	log := s.pool.host.Audit()
	if !log.Wants(audit.Refusals) {
		return
	}
	e := s.entry(s.pool, "refused")
	e.Command = name
	switch d := s.cl.Denied; {
	case cmd.Kind == over:
		e.Reason, e.Result = "limit", s.local.past.Text
	case cmd.Kind == unjudged:
		e.Reason = "failed_logins"
	case d != nil:
		e.Reason = refusalReasons[d.Reason]
		if e.Reason != "command" {
			e.Object = []byte(d.Object)
		}
	case !s.cl.Authed:
		e.Reason = "login"
	}
	log.Record(audit.Refusals, &e)
}

// auditLogin keeps that s logged in, or failed to.
func (s *Session) auditLogin(failed bool) {
	log := s.pool.host.Audit()
	if !log.Wants(audit.Logins) {
		return
	}
	e := s.entry(s.pool, "login")
	if failed {
		e.Name, e.User = "login_failed", ""
		if d := s.cl.Denied; d != nil {
			e.User = d.User // as it was given
		}
	}
	log.Record(audit.Logins, &e)
}

// auditKnown keeps that s is somebody without a login. It is not on its loop yet.
func (s *Session) auditKnown(p *Pool) {
	if log := p.host.Audit(); log.Wants(audit.Logins) {
		e := s.entry(p, "login")
		if e.Reason = "address"; p.Protocol.Users().Known(s.cl.Cert, "") == s.cl.User {
			e.Reason = "certificate"
		}
		log.Record(audit.Logins, &e)
	}
}
