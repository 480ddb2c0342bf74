package configs

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/topology"
)

// sentinelKeys are those of pools whose masters Redis Sentinel knows.
func (p *pool) sentinelKeys() []key {
	keys := []key{{
		name: "sentinels", to: &p.Sentinels, isList: true, orText: true, isWords: true, want: wantSentinels,
		set:  p.setSentinel,
		show: func() any { return orNil(strings.Join(clusterEntries(p.Sentinels), " ")) },
	}, boolKey("sentinel_tls", &p.SentinelTLS)}
	show := keys[1].show
	keys[1].show = func() any {
		if len(p.Sentinels) == 0 {
			return nil
		}
		return show()
	}
	keys = slices.Concat(keys,
		p.secretKeys("sentinel_username", "a user", &p.sentinelUser, true),
		p.secretKeys("sentinel_password", wantPassword, &p.sentinelPassword, false),
	)
	for i := range keys {
		keys[i] = p.onlyRedis(true, keys[i])
	}
	return keys
}

const (
	wantSentinels    = `"host:port" of sentinels, with blanks between them or one a line, an IPv6 address in brackets`
	wantMaster       = `"master:weight [name]", where master is what sentinels call it`
	reasonMasterForm = `is no "master:weight [name]"`
	maxMasterName    = 256
)

// setSentinel takes a sentinel.
func (p *pool) setSentinel(n *yaml.Node) (reason string) {
	s, reason := parseSeed(n.Value)
	switch {
	case reason != "":
		return `is no "host:port" of a sentinel`
	case p.again("sentinels", s.Addr):
		return "is there twice"
	}
	p.Sentinels = append(p.Sentinels, s)
	return ""
}

// parseMaster reads "master:weight [name]". The ring goes by the name, or by the master's, and never by where it is.
//
//	mymaster:1
//	mymaster:1 shard1
func parseMaster(s string) (srv topology.ServerOptions, reason string) {
	entry, name, named := cutLast(s, ' ')
	if !named {
		entry = s
	}
	master, weightText, ok := cutLast(entry, ':')
	switch {
	case s[0] == '/':
		return srv, "is a unix socket; sentinels tell of servers that are reached by TCP"
	case !ok || master == "" || strings.ContainsAny(master, " \t") || len(master) > maxMasterName || named && name == "":
		return srv, reasonMasterForm
	case strings.Contains(master, ":"):
		return srv, "is an address; with sentinels it is what they call the master"
	}
	weight, ok := parseNumber(weightText)
	if !ok || weight == 0 {
		return srv, reasonMasterForm
	}
	srv = topology.ServerOptions{Name: master, PName: entry, Network: "tcp", Weight: weight, Master: master}
	if named {
		srv.Name = name
	}
	return srv, ""
}

// masterEntry is a line of servers that means a master.
func masterEntry(srv *topology.ServerOptions) string {
	if srv.Name == srv.Master {
		return srv.PName
	}
	return srv.PName + " " + srv.Name
}

// sentinels checks a pool whose masters sentinels know as a whole.
func (c *checker) sentinels(p *pool) {
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	c.once(p, "sentinel_username")
	c.once(p, "sentinel_password")
	list, given := p.given["sentinels"]
	if !given {
		for _, name := range slices.Concat(waysOf("sentinel_username"), waysOf("sentinel_password"), []string{"sentinel_tls"}) {
			if g, given := p.given[name]; given {
				wrong := at(name).because(`directive "%s:" is only valid for a pool with sentinels`, name)
				wrong.Want = `"sentinels:" beside it`
				c.report(g.name, wrong)
			}
		}
		return
	}
	n := list.name
	if redis, given := p.given["redis"]; !given || redis.ok && !p.redis {
		wrong := at("sentinels").because(`directive "sentinels:" is only valid for a redis pool`)
		wrong.Want = `"redis: true" beside it`
		c.report(n, wrong)
	}
	if g, key := p.firstOf("sentinel_username"); key != "" {
		if _, password := p.firstOf("sentinel_password"); password == "" {
			wrong := at(key).because("has no password")
			wrong.Want = "sentinel_password, sentinel_password_file or sentinel_password_env beside it"
			c.report(g.value, wrong)
		}
	}
	if g := p.given["sentinel_tls"]; g.ok && p.SentinelTLS && !p.ServerTLS {
		wrong := at("sentinel_tls").because("goes by the settings of server_tls, which is not on")
		wrong.Want = `"server_tls: true" beside it`
		c.report(g.value, wrong)
	}
	const decide = "the sentinels say who takes the place of a server that fails"
	for _, key := range []struct {
		name string
		is   bool
		why  string
	}{
		{"cluster", p.Cluster, "a cluster has no sentinels"},
		{"auto_eject_hosts", p.AutoEjectHosts, decide},
		{"on_server_failure", p.OnServerFailure != topology.Rehash, decide},
	} {
		if n, ok := p.value(key.name); ok && key.is {
			wrong := at(key.name).because(`does not go with "sentinels:": %s`, key.why)
			wrong.Want = "no such line"
			c.report(n, wrong)
		}
	}
	if p.lines == masterLines {
		c.masters(p)
	}
}

// masters checks that no master stands there under two names.
func (c *checker) masters(p *pool) {
	first := make(map[string]*yaml.Node)
	for i, n := range p.entries {
		master, _, _ := cutLast(strings.Fields(n.Value)[0], ':')
		if was := first[master]; was != nil {
			c.report(p.entries[i], Problem{Pool: p.Name, Key: "servers"}.because("has a master that stands on line %d already", was.Line))
			continue
		}
		first[master] = n
	}
}
