package configs

import (
	"gopkg.in/yaml.v3"
)

// wantDual is what the line of dual_write holds.
const wantDual = `a pool, and which answers clients wait for, such as "new" or "new answer=both"`

func (p *pool) dualKey() key {
	return key{
		name: "dual_write", to: &p.Dual, want: wantDual,
		set: func(n *yaml.Node) string {
			p.Dual.Answer.Set("both")
			return p.linked(n.Value, &p.Dual.Pool, p.setDual)
		},
		show: func() any {
			if p.Dual.Pool == "" {
				return nil
			}
			return p.Dual.Pool + " answer=" + p.Dual.Answer.String()
		},
	}
}

// setDual takes one word.
func (p *pool) setDual(name, value string) (reason string) {
	if name != "answer" || !p.Dual.Answer.Set(value) {
		return "is not answer=both, answer=own or answer=any"
	}
	return ""
}

// dual checks the pool that what p gets is written to as well; names are those of all pools.
func (c *checker) dual(p *pool, names []string) {
	n, ok := p.value("dual_write")
	if !ok {
		return
	}
	at := Problem{Pool: p.Name, Key: "dual_write", Value: n.Value}
	i := c.placeOf(p.Dual.Pool)
	if i < 0 {
		at.Meant = c.nearest(p.Dual.Pool, names)
		c.report(n, at.because("is of a pool that the file does not have"))
		return
	}
	q, name := c.pools[i], oneLine(p.Dual.Pool)
	reason, with := p.unfit(q, false, false), p.beside()
	switch {
	case q == p:
		c.report(n, at.because("is the pool itself"))
	case reason != "":
		c.report(n, at.because("%s", reason))
	case with != "":
		c.report(n, at.because("does not go with %s: what went elsewhere would be written to one pool alone", with))
	case len(q.Routes) > 0:
		c.report(n, at.because("is pool '%s', which has routes: keys of its clients are elsewhere", name))
	case q.Dual.Pool != "" && q.Dual.Pool != p.Name:
		c.report(n, at.because("is pool '%s', which has dual_write to a third", name))
	default:
		if addr := p.shares(q); addr != "" {
			c.report(n, at.because("is pool '%s', which has server %s as this pool does: it would be written to twice", name, addr))
		}
	}
}

// beside is what else p has that has commands of its clients go to other pools; "": nothing.
func (p *pool) beside() string {
	for _, b := range []struct {
		key string
		has bool
	}{{"routes", len(p.Routes) > 0}, {"failover", p.Failover.Pool != ""}, {"miss", p.Miss.Pool != ""}, {"mirror", p.Mirror.Pool != ""}} {
		if b.has {
			return b.key
		}
	}
	return ""
}

// shares is the address of a server that both p and q have, and in which they have keys of the same database; "": there is none.
func (p *pool) shares(q *pool) string {
	if p.redis && p.redisDB != q.redisDB && p.databases <= 1 && q.databases <= 1 {
		return ""
	}
	for i := range p.Servers {
		for j := range q.Servers {
			if a, b := &p.Servers[i], &q.Servers[j]; a.Network == b.Network && a.Addr == b.Addr {
				return a.Addr
			}
		}
	}
	return ""
}

// doubled reports a pool that writes to q by way of a key of p, though q's own clients write to another pool as well: what comes so would not.
func (c *checker) doubled(p *pool) {
	report := func(key, name string, writes bool, n *yaml.Node) {
		i := c.placeOf(name)
		if i < 0 || !writes || c.pools[i] == p || c.pools[i].Dual.Pool == "" {
			return
		}
		at := Problem{Pool: p.Name, Key: key, Value: n.Value}
		c.report(n, at.because("leads to pool '%s', which has dual_write: that is for what its own clients write", oneLine(name)))
	}
	for i, r := range p.Routes {
		report("routes", r.Pool, true, p.routeNodes[i])
	}
	if n, ok := p.value("failover"); ok {
		report("failover", p.Failover.Pool, p.Failover.Writes, n)
	}
	if n, ok := p.value("mirror"); ok {
		report("mirror", p.Mirror.Pool, p.Mirror.Writes, n)
	}
}
