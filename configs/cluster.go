package configs

import (
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/topology"
)

// clusterKeys are those of pools whose servers are a Redis Cluster.
func (p *pool) clusterKeys() []key {
	return []key{
		p.onlyRedis(true, boolKey("cluster", &p.Cluster)),
		p.onlyRedis(true, msecKey("cluster_refresh_interval", &p.ClusterRefresh)),
		p.onlyRedis(true, p.announceKey()),
	}
}

// notInCluster is k, which pools that are a cluster do not show: they may not have it.
func (p *pool) notInCluster(k key) key {
	show := k.show
	k.show = func() any {
		if p.Cluster {
			return nil
		}
		return show()
	}
	return k
}

// serverLines are what the lines of a pool's servers are.
type serverLines uint8

const (
	plainLines  serverLines = iota
	seedLines               // seeds of a cluster
	masterLines             // names of masters, which sentinels know
	anyLines                // any of these: whether the pool is a cluster stands there wrongly
)

// serverLinesOf says what the lines of servers are in a pool's section, by what stands wherever in it.
func serverLinesOf(body *yaml.Node) (lines serverLines) {
	if hasKey(body, "sentinels") {
		lines = masterLines
	}
	for name, value := range pairs(body) {
		switch {
		case name.Value != "cluster":
		case value.Value == "true":
			return seedLines
		case value.Value != "false":
			lines = anyLines
		}
	}
	return lines
}

// wantServer says what a line of servers may be.
func (p *pool) wantServer() string {
	switch p.lines {
	case seedLines, anyLines:
		return wantSeed
	case masterLines:
		return wantMaster
	}
	return `"host:port:weight [name]" or "/path:weight [name]"`
}

// parseLine reads a line of servers.
func (p *pool) parseLine(s string) (srv topology.ServerOptions, reason string) {
	switch p.lines {
	case seedLines:
		return parseSeed(s)
	case masterLines:
		return parseMaster(s)
	case anyLines:
		for _, parse := range []func(string) (topology.ServerOptions, string){parseServer, parseMaster, parseSeed} {
			if srv, reason = parse(s); reason == "" {
				break
			}
		}
		return srv, reason
	}
	return parseServer(s)
}

// clusterEntries are lines of servers that mean seeds.
func clusterEntries(seeds []topology.ServerOptions) (entries []string) {
	for i := range seeds {
		entries = append(entries, seeds[i].Addr)
	}
	return entries
}

const (
	wantSeed       = `"host:port", with an IPv6 address in brackets`
	reasonSeedForm = `is no "host:port" of a server of a cluster`
)

// parseSeed reads "host:port", or "host:port:weight" as elsewhere, whose weight means nothing here. An IPv6 address is in brackets, or has a
// port and a weight behind it, or only a port if it could not have both.
//
//	10.0.0.1:7000
//	10.0.0.1:7000:1
//	[2001:db8::1]:7000
//	2001:db8::1:7000:1
func parseSeed(s string) (srv topology.ServerOptions, reason string) {
	switch {
	case s[0] == '/':
		return srv, "is a unix socket; servers of a cluster are reached by TCP"
	case strings.ContainsAny(s, " \t"):
		return srv, "has a name, of which servers of a cluster have no use"
	}
	host, portText, ok := cutLast(s, ':')
	if h, port, both := cutLast(host, ':'); both && (!strings.Contains(h, ":") || isIPv6(h) || strings.HasSuffix(h, "]")) {
		if weight, isOne := parseNumber(portText); !isOne || weight == 0 {
			return srv, reasonSeedForm
		}
		host, portText = h, port
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
		ok = ok && isIPv6(host)
	}
	port, isNumber := parseNumber(portText)
	if !ok || host == "" || strings.ContainsAny(host, "[]") || !isNumber || port < 1 || port > math.MaxUint16 {
		return srv, reasonSeedForm
	}
	addr := net.JoinHostPort(dialHost(host), strconv.Itoa(port))
	return topology.ServerAt(addr), ""
}

func isIPv6(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is6()
}

// cluster checks a pool that is to be a cluster as a whole.
func (c *checker) cluster(p *pool) {
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	if n, ok := p.value("cluster_announce"); ok && !p.Cluster && p.lines != anyLines {
		wrong := at("cluster_announce").because(`directive "cluster_announce:" is only valid for a pool that is a cluster`)
		wrong.Want = `"cluster: true" beside it`
		c.report(n, wrong)
	}
	if !p.Cluster {
		return
	}
	if redis, given := p.given["redis"]; !given || redis.ok && !p.redis {
		wrong := at("cluster").because(`directive "cluster:" is only valid for a redis pool`)
		wrong.Want = `"redis: true" beside it`
		n, _ := p.value("cluster")
		c.report(n, wrong)
	}
	for _, key := range []struct {
		name string
		is   bool // besides: it has a value that does not go with it
		why  string
	}{
		{"hash", true, "the slots of the cluster say where a key is"},
		{"hash_tag", true, "the slots of the cluster say where a key is, by what is between { and }"},
		{"distribution", true, "the slots of the cluster say where a key is"},
		{"redis_db", p.redisDB > 0, "a cluster has database 0 alone"},
		{"databases", p.databases > 1, "a cluster has database 0 alone"},
		{"auto_eject_hosts", p.AutoEjectHosts, "the cluster itself says who takes the place of a server that fails"},
		{"on_server_failure", p.OnServerFailure != topology.Rehash, "the cluster itself says who takes the place of a server that fails"},
	} {
		if n, ok := p.value(key.name); ok && key.is {
			wrong := at(key.name).because(`does not go with "cluster: true": %s`, key.why)
			wrong.Value, wrong.Want = n.Value, "no such line"
			c.report(n, wrong)
		}
	}
	p.Seeds = p.Servers
}
