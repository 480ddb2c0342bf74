package configs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/codec/resp"
	"cashew/topology"
)

// Where reads go, to which replicas, and where these are:
//
//	read_policy:                  or one word for all
//	  default: prefer_replica
//	  "@hash": master
//	zones:
//	  10.1.0.0/16: a
//	servers:
//	  - 10.0.0.1:6379:1 shard1:   a server of a plain pool, in the words of any line of servers
//	      replicas:
//	        - 10.1.0.11:6379 zone=b
//	      zone: a

const (
	wantPolicy   = `one of any, master, nearest_zone, prefer_replica, replica, or below it lines of "default", a command or an "@category", with one of these`
	wantZone     = `a word without blanks, such as eu-west-1a`
	wantZones    = `below it lines of an address, "host:port" or a network, with its zone, such as "10.1.0.0/16: a"`
	wantReplica  = `"host:port [zone=a]" with an IPv6 address in brackets, or "/path [zone=a]"`
	maxZone      = 64
	defaultReads = "default"
)

// replicaKeys are those of pools whose reads may go to replicas.
func (p *pool) replicaKeys() []key {
	keys := []key{
		p.policyOfReads(), zoneKey("zone", &p.Zone), p.zonesKey(),
		msecKey("max_lag", &p.MaxLag), msecKey("read_your_writes_msecs", &p.ReadYourWrites), msecKey("replica_interval", &p.ReplicaInterval),
	}
	for i := range keys {
		keys[i] = p.onlyRedis(true, keys[i])
	}
	return keys
}

func (p *pool) policyOfReads() key {
	words := slices.Sorted(maps.Keys(topology.ReadPolicies))
	policy := func(n *yaml.Node, to *topology.ReadPolicy) (reason string) {
		is, ok := topology.ReadPolicies[n.Value]
		if !ok {
			return "is not a valid policy"
		}
		*to = is
		return ""
	}
	return key{
		name: "read_policy", to: &p.ReadPolicy, want: wantPolicy, choices: words,
		set: func(n *yaml.Node) string { return policy(n, &p.ReadPolicy) },
		put: func(name, value *yaml.Node) string {
			if name.Value == defaultReads {
				return policy(value, &p.ReadPolicy)
			}
			c := topology.ReadClass{Class: strings.ToLower(name.Value)}
			if !slices.Contains(resp.ReadNames(), c.Class) {
				reason := fmt.Sprintf("is about %q, which is neither a command that replicas may be asked nor a category with one", oneLine(name.Value))
				if near := Near(c.Class, resp.ReadNames()); near != "" {
					reason += fmt.Sprintf("; did you mean %q?", near)
				}
				return reason
			}
			if slices.ContainsFunc(p.ReadClasses, func(o topology.ReadClass) bool { return o.Class == c.Class }) {
				return fmt.Sprintf("has %q twice", c.Class)
			}
			reason := policy(value, &c.Policy)
			p.ReadClasses = append(p.ReadClasses, c)
			return reason
		},
		show: func() any {
			if len(p.ReadClasses) == 0 {
				return p.ReadPolicy.String()
			}
			all := map[string]string{defaultReads: p.ReadPolicy.String()}
			for _, c := range p.ReadClasses {
				all[c.Class] = c.Policy.String()
			}
			return all
		},
	}
}

// mapping checks a key whose value may be a mapping.
func (c *checker) mapping(value *yaml.Node, at Problem, k *key) (ok bool) {
	at.Want = k.want
	if !c.isPlain(value, at) {
		return false
	}
	ok = true
	seen := make(map[string]bool)
	for name, v := range pairs(value) {
		if !c.isText(name, at, reasonDepth, reasonKeyList) || !c.isText(v, at, reasonDepth, reasonLists) {
			ok = false
			continue
		}
		reason := k.put(name, v)
		if reason == "" && seen[name.Value] {
			reason = fmt.Sprintf("has %q twice", oneLine(name.Value))
		}
		if seen[name.Value] = true; reason == "" {
			continue
		}
		ok = false
		wrong := at
		wrong.Value, wrong.Meant = v.Value, c.nearest(v.Value, k.choices)
		if strings.HasPrefix(reason, "has ") || strings.HasPrefix(reason, "is about ") || strings.HasPrefix(reason, "is of ") {
			wrong.Value, wrong.Meant = "", "" // it is about the name
		}
		c.report(v, wrong.because("%s", reason))
	}
	return ok
}

// replicaLine is a line of replicas.
type replicaLine struct {
	at *yaml.Node
	of string // the ring's name of the server that it stands below
}

// hasMore says that an entry of a list is a line with others below it.
func hasMore(entry *yaml.Node) bool {
	return entry.Kind == yaml.MappingNode && len(entry.Content) > 1 && entry.Content[1].Kind == yaml.MappingNode
}

// server checks a line of servers that has more below it.
func (c *checker) server(entry *yaml.Node, at Problem, p *pool, k *key) (ok bool) {
	at.Want = k.want
	if !c.isPlain(entry, at) {
		return false
	}
	if len(entry.Content) != 2 {
		c.report(entry, at.because("has %d lines beside one another where one server is expected", len(entry.Content)/2))
		return false
	}
	name, body := entry.Content[0], entry.Content[1]
	known := len(p.Servers)
	ok = c.scalar(name, at, k)
	at.Want = `"replicas:" and "zone:", indented`
	if !c.isPlain(body, at) {
		return false
	}
	if body.Kind != yaml.MappingNode {
		c.report(body, at.because("has something else below a server than it may"))
		return false
	}
	var srv topology.ServerOptions
	if len(p.Servers) > known {
		srv = p.Servers[known]
	}
	var below []topology.ServerOptions
	var lines []replicaLine
	keys := []key{zoneKey("zone", &srv.Zone), {
		name: "replicas", isList: true, want: wantReplica,
		set: func(n *yaml.Node) string {
			r, reason := parseReplica(n.Value)
			if reason == "" {
				r.Of = srv.Name
				below = append(below, r)
				lines = append(lines, replicaLine{n, srv.Name})
			}
			return reason
		},
	}}
	prefix := at
	for _, g := range c.settings(body, prefix, "servers.", keys) { // in no order: all have to be right
		ok = ok && g.ok
	}
	if len(p.Servers) > known {
		p.Servers[known] = srv
		p.Replicas, p.replicaLines = append(p.Replicas, below...), append(p.replicaLines, lines...)
	}
	return ok
}

// parseReplica reads "host:port [zone=a]", or "/path [zone=a]".
func parseReplica(s string) (r topology.ServerOptions, reason string) {
	addr, rest, _ := strings.Cut(s, " ")
	var zone string
	for _, word := range strings.Fields(rest) {
		value, is := strings.CutPrefix(word, "zone=")
		switch {
		case !is:
			return r, fmt.Sprintf("has %q, which is not zone=", word)
		case zone != "":
			return r, "has two zones"
		case value == "":
			return r, "has an empty zone"
		}
		if reason := setZone(&zone, value); reason != "" {
			return r, fmt.Sprintf("has %q, which %s", value, reason)
		}
	}
	if addr[0] == '/' {
		r = topology.ServerOptions{Name: addr, PName: addr + ":1", Network: "unix", Addr: addr, Weight: 1}
	} else if r, reason = parseSeed(addr); reason != "" {
		return r, `is no "host:port" of a replica`
	}
	r.Zone = zone
	return r, ""
}

// replicaEntry is a line of replicas.
func replicaEntry(r *topology.ServerOptions) string {
	if r.Zone == "" {
		return r.Addr
	}
	return r.Addr + " zone=" + r.Zone
}

// withReplicas is how lines of servers are shown, some of which have more below them.
func (p *pool) withReplicas(lines []string) any {
	all, more := make([]any, len(lines)), false
	for i := range p.Servers {
		var list []string
		for j := range p.Replicas {
			if r := &p.Replicas[j]; r.Of == p.Servers[i].Name && len(p.Sentinels) == 0 {
				list = append(list, replicaEntry(r))
			}
		}
		below := make(map[string]any)
		if len(list) > 0 {
			below["replicas"] = list
		}
		if zone := p.Servers[i].Zone; zone != "" {
			below["zone"] = zone
		}
		if all[i] = lines[i]; len(below) > 0 {
			all[i], more = map[string]any{lines[i]: below}, true
		}
	}
	if !more {
		return lines
	}
	return all
}

// replicas checks where a pool's reads go, as a whole.
func (c *checker) replicas(p *pool) {
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	if redis, given := p.given["redis"]; !given || redis.ok && !p.redis {
		for _, k := range p.replicaKeys() {
			if g, given := p.given[k.name]; given {
				wrong := at(k.name).because(`directive "%s:" is only valid for a redis pool`, k.name)
				wrong.Want = `"redis: true" beside it`
				c.report(g.name, wrong)
			}
		}
		for _, l := range p.replicaLines {
			c.report(l.at, at("servers.replicas").because("is below a server of a memcached pool, which has no replicas"))
		}
		return
	}
	if p.Discovery != "" && len(p.replicaLines) > 0 {
		c.report(p.replicaLines[0].at, at("servers.replicas").because("stand beside discovery, which tells of other servers and of no replicas"))
	}
	c.replicaLines(p)
	p.ReadsByOp = readsByOp(&p.ReadOptions)
	g := p.given["read_policy"]
	if !g.ok || p.ReadsByOp == nil {
		if len(p.replicaLines) > 0 && p.ReadsByOp == nil && (g.ok || g.name == nil) {
			c.warn(p.replicaLines[0].at, at("servers.replicas").because("get no reads: read_policy is master"))
		}
		return
	}
	if p.lines == plainLines && p.given["servers"].ok {
		c.haveReplicas(p, g.name)
	}
}

// replicaLines checks the lines of replicas together.
func (c *checker) replicaLines(p *pool) {
	at := Problem{Pool: p.Name, Key: "servers.replicas"}
	seen := make(map[string]int)
	for _, n := range p.entries { // Servers are sorted by now
		srv, _ := p.parseLine(n.Value)
		seen[srv.Addr], seen[srv.Name] = n.Line, n.Line // figures are told by name
	}
	for i := range p.Replicas {
		n, addr := p.replicaLines[i].at, p.Replicas[i].Addr
		switch line := seen[addr]; {
		case p.lines != plainLines && p.lines != anyLines:
			c.report(n, at.because("is not told by the file: a cluster, or its sentinels, say which replicas there are"))
		case line != 0:
			at.Value = n.Value
			c.report(n, at.because("stands on line %d already", line))
		}
		seen[addr] = n.Line
	}
	places := make(map[string]int, len(p.Servers))
	for i := range p.Servers {
		places[p.Servers[i].Name] = i + 1 // 0: nowhere
	}
	slices.SortStableFunc(p.Replicas, func(a, b topology.ServerOptions) int {
		return cmp.Or(cmp.Compare(places[a.Of], places[b.Of]), cmp.Compare(a.Addr, b.Addr))
	})
}

// haveReplicas checks that a pool has replicas for a policy that asks for them. The key is at n.
func (c *checker) haveReplicas(p *pool, n *yaml.Node) {
	at := Problem{Pool: p.Name, Key: "read_policy", Want: `"replicas:" below each server`}
	if len(p.Replicas) == 0 {
		c.report(n, at.because("has reads go to replicas, and no server has any"))
		return
	}
	if !slices.Contains(p.ReadsByOp, topology.FromReplica) {
		return
	}
	has := make(map[string]bool)
	for i := range p.Replicas {
		has[p.Replicas[i].Of] = true
	}
	for i := range p.Servers {
		s := &p.Servers[i]
		if !has[s.Name] {
			c.report(n, at.because("has reads go to replicas alone, and server '%s' has none", oneLine(s.Name)))
		}
	}
}

// readsByOp is what policies come to for each command; nil: all go to masters. Of two that are about a command that of fewer commands has its
// way, of which its name is of one.
func readsByOp(o *topology.ReadOptions) []topology.ReadPolicy {
	reads := resp.ReadOps()
	list := make([]topology.ReadPolicy, len(reads))
	size := make([]int, len(reads)) // of what decided
	set := func(of []bool, policy topology.ReadPolicy) {
		n := 0
		for op := range of {
			if of[op] {
				n++
			}
		}
		for op := range of {
			if of[op] && reads[op] && (size[op] == 0 || n < size[op]) {
				list[op], size[op] = policy, n
			}
		}
	}
	set(reads, o.ReadPolicy)
	clear(size)
	for _, c := range o.ReadClasses {
		set(resp.OpsOf(c.Class), c.Policy)
	}
	for _, policy := range list {
		if policy != topology.FromMaster {
			return list
		}
	}
	return nil
}
