package configs

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/ring"
	"cashew/topology"
)

// whole checks a pool as a whole, once its keys were read.
//
// Source: twemproxy 0.5.0 nc_conf.c, conf_validate_pool and conf_validate_server.
func (c *checker) whole(p *pool, hasList bool) {
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	if _, ok := p.given["listen"]; !ok && !c.routed[p.Name] {
		missing := at("listen").because(`directive "listen:" is missing`)
		if c.strays {
			missing.Reason += ", unless this is the pool that a line does not name rightly"
		}
		c.report(p.at, missing)
	}
	c.servers(p, hasList)
	c.cluster(p)
	c.sentinels(p)
	c.discovery(p)
	c.replicas(p)
	if n, ok := p.value("server_connections"); ok && p.ServerConnections == 0 {
		c.report(n, at("server_connections").because(`directive "server_connections:" cannot be 0`))
	}

	redis, hasRedis := p.given["redis"]
	isMemcached := !hasRedis || redis.ok && !p.redis // a wrong value could be meant either way
	if n, ok := p.value("redis_auth"); ok && isMemcached {
		wrong := at("redis_auth").because(`directive "redis_auth:" is only valid for a redis pool`)
		wrong.Want = `"redis: true" beside it`
		c.report(n, wrong)
	}
	if n, ok := p.value("redis_db"); ok && isMemcached && p.redisDB > 0 {
		c.warn(n, at("redis_db").because("is ignored: this is not a redis pool"))
	}
	if n, ok := p.value("databases"); ok && isMemcached {
		wrong := at("databases").because(`directive "databases:" is only valid for a redis pool`)
		wrong.Want = `"redis: true" beside it`
		c.report(n, wrong)
	} else if ok && p.redisDB >= p.databases {
		wrong := at("databases").because("has no database %d, which redis_db says that clients begin in", p.redisDB)
		wrong.Value, wrong.Want = n.Value, fmt.Sprintf("a number above %d", p.redisDB)
		c.report(n, wrong)
	}
	if n, ok := p.value("commands"); ok && isMemcached {
		wrong := at("commands").because(`directive "commands:" is only valid for a redis pool`)
		wrong.Want = `"redis: true" beside it`
		c.report(n, wrong)
	}
	c.credentials(p)
	c.commands(p)
	c.users(p, isMemcached)
	if n, ok := p.value("unknown_commands"); ok && isMemcached {
		wrong := at("unknown_commands").because(`directive "unknown_commands:" is only valid for a redis pool`)
		wrong.Want = `"redis: true" beside it`
		c.report(n, wrong)
	}
	if n, ok := p.value("memcached_admin"); ok && redis.ok && p.redis {
		wrong := at("memcached_admin").because(`directive "memcached_admin:" is only valid for a memcached pool`)
		wrong.Want = `no "redis: true" beside it`
		c.report(n, wrong)
	}
	if n, ok := p.value("client_connections"); ok && p.ClientConnections > 0 {
		c.warn(n, at("client_connections").because("clients beyond %d are refused; twemproxy ignores this limit",
			p.ClientConnections))
	}
}

// value returns the value of a key that was given and is right.
func (p *pool) value(key string) (n *yaml.Node, ok bool) {
	g := p.given[key]
	return g.value, g.ok
}

// servers checks a pool's servers together, and sorts them.
func (c *checker) servers(p *pool, hasList bool) {
	_, ok := p.given["servers"]
	if _, elsewhere := p.given["discovery"]; !ok && !elsewhere {
		missing := Problem{Pool: p.Name, Key: "servers"}.because(reasonNoList)
		if hasList {
			missing = missing.because("pool '%s' has no servers", oneLine(shownName(p.Name)))
		}
		missing.Want = `"servers:" and below it a list`
		c.report(p.at, missing)
	}
	if p.lines == anyLines {
		return // what they mean is told once it is known what they are
	}
	entries := make(map[string]*yaml.Node, len(p.Servers)) // by ring name
	for i, srv := range p.Servers {
		n := p.entries[i]
		at := Problem{Pool: p.Name, Key: "servers"}
		if first, ok := entries[srv.Name]; ok {
			c.report(n, at.because("has servers with same name '%s' (the first is on line %d)", oneLine(withoutPasswords(srv.Name)), first.Line))
			continue
		}
		entries[srv.Name] = n
		if srv.Master == "" && isUnreachable(srv) {
			at.Value, at.Want = n.Value, "an address (IPv6 without brackets, such as ::1:6379:1) or a name"
			c.warn(n, at.because("has a host that can never be connected to"))
		}
	}
	if len(entries) == len(p.Servers) && len(entries) > 0 {
		ring.SortServers(p.Servers, func(s topology.ServerOptions) string { return s.Name })
		if p.lines != seedLines {
			c.placement(p, entries)
		}
	}
}

// placement looks at which servers get keys. entries are the servers' lines by ring name.
func (c *checker) placement(p *pool, entries map[string]*yaml.Node) {
	isEven := true
	for _, s := range p.Servers {
		isEven = isEven && s.Weight == p.Servers[0].Weight
	}
	at, list := Problem{Pool: p.Name, Key: "servers"}, p.given["servers"].name
	r, err := topology.BuildRing(&p.Options, nil, nil)
	if err != nil {
		c.report(list, at.because("%s", strings.TrimPrefix(err.Error(), "ring: servers: ")))
		return
	}
	if p.Distribution == "random" && !isEven {
		c.warn(list, at.because("has weights, which distribution random ignores"))
	}
	hasPoints := make([]bool, len(p.Servers))
	for _, s := range r.Points() {
		hasPoints[s] = true
	}
	for i, s := range p.Servers {
		if !hasPoints[i] {
			at.Value = entries[s.Name].Value
			c.warn(entries[s.Name], at.because("gets no keys: its weight is too small beside the others'"))
		}
	}
}

// sameListen checks that no two pools listen at the same place. Only texts are compared.
//
// Source: twemproxy 0.5.0 nc_conf.c, conf_post_validate.
func (c *checker) sameListen() {
	pools := make(map[string]*pool)
	for _, p := range c.pools {
		n, ok := p.value("listen")
		if !ok {
			continue
		}
		first, ok := pools[n.Value]
		if !ok {
			pools[n.Value] = p
			continue
		}
		at := Problem{Pool: p.Name, Key: "listen"}
		c.report(n, at.because("pools '%s' and '%s' have the same listen address '%s'",
			oneLine(shownName(first.Name)), oneLine(shownName(p.Name)), oneLine(n.Value)))
	}
}
