package engine

import "cashew/audit"

// Audit is where the audit log's lines are, for whoever writes them.
func (p *Proxy) Audit() *audit.Log { return &p.audit }

// Audit implements session.Host.
func (p *pool) Audit() *audit.Log { return &p.proxy.audit }

// auditPolicy is what the audit log has; nil: there is none.
func (o *Options) auditPolicy() *audit.Policy {
	if o.AuditLog == "" {
		return nil
	}
	return &audit.Policy{Kinds: o.AuditEvents, Keys: o.AuditKeys}
}

// auditSample is Limits.AuditSample.
func (o *Options) auditSample() int {
	if o.AuditLog == "" || o.AuditEvents&audit.Commands == 0 {
		return 0
	}
	return max(1, o.AuditSample)
}

// auditAway keeps that c did not become a client.
func (p *pool) auditAway(c *comer, why *turnedAway) {
	if log := p.Audit(); log.Wants(audit.Refusals) {
		log.Record(audit.Refusals, &audit.Event{
			At: p.proxy.world.Now(), Name: "client_refused", Pool: p.Name, Client: c.addr, Reason: reasonNames[why.reason],
		})
	}
}

// auditAct keeps that a client had the proxy do something to others, or to what is kept of them; n is how many that was about.
func (v *view) auditAct(command string, n int) {
	log := v.pool.Audit()
	if !log.Wants(audit.Admin) {
		return
	}
	e := audit.Event{At: v.rp.proxy.world.Now(), Name: "admin", Pool: v.pool.Name, ID: v.asker, Command: command, Count: int64(n)}
	for _, c := range v.rp.sight.Clients() {
		if c.ID == v.asker {
			e.Client, e.User, e.ClientName, e.Lib, e.LibVer = c.Addr, c.User, c.Name, c.Lib, c.LibVer
			break
		}
	}
	log.Record(audit.Admin, &e)
}
