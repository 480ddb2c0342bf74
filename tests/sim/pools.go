package sim

import (
	"fmt"
	"time"

	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/engine"
	"cashew/ring"
	"cashew/topology"
)

// Where the proxy listens.
const (
	front          = "10.0.1.1:22121"
	frontMemcached = "10.0.1.1:11211"
)

// settings are those of the script's proxy, before new servers.
func (r *Run) settings(c *Script) engine.Options {
	o := engine.DefaultOptions()
	o.Loops, o.MaxPipeline = c.Loops, c.MaxPipeline
	o.MaxMemoryBytes = 256 << 20
	for i := range c.Pools {
		o.Pools = append(o.Pools, r.newPool(&c.Pools[i]))
	}
	if c.Pools[0].Routed {
		o.Pools = append(o.Pools, routed(&o.Pools[0], c.Clients))
	}
	return o
}

// routed is another pool before the cluster that po is, which po routes the keys of each second client to. So what they send goes by the map of
// a pool that is not theirs, and what has no key finds the same servers.
func routed(po *engine.PoolOptions, clients []ClientScript) engine.PoolOptions {
	to := *po
	to.Name, to.Listen, to.Protocol = "routed", engine.Listen{}, resp.New(resp.Options{Learn: true, Cluster: true})
	for _, c := range clients {
		if c.ID%2 == 0 {
			for _, kind := range []string{"c", "n"} {
				po.Routes = append(po.Routes, ring.Route{Prefix: fmt.Sprintf("%s%d:", kind, c.ID), Pool: to.Name})
			}
		}
	}
	return to
}

// newPool are the settings of a pool before new servers.
func (r *Run) newPool(p *PoolScript) engine.PoolOptions {
	po := engine.DefaultPool(p.Protocol)
	at := front
	po.Protocol = resp.New(resp.Options{DB: p.DB, Databases: p.Databases, Learn: true, Cluster: p.Cluster})
	if p.Protocol == "memcached" {
		at = frontMemcached
		po.Protocol = memcached.New(memcached.Options{})
	}
	po.Listen = engine.Listen{Text: at, Network: "tcp", Addr: at}
	po.Distribution = p.Distribution
	po.ResolveInterval = 2 * time.Second
	if p.Eject > 0 {
		po.AutoEjectHosts, po.OnServerFailure, po.ServerRetryTimeout = true, topology.FailurePolicies[p.Policy], time.Second
		po.ServerFailureLimit = p.Eject
	}
	if p.Cluster {
		r.addFleet(&po, p.Servers)
	}
	if p.Cluster && p.Near {
		po.ClusterRefresh = time.Second
	}
	for range max(p.Servers, 1) {
		if !p.Cluster {
			r.addServer(&po, p.Named)
			r.servers[len(r.servers)-1].refuses = p.OldServers && len(r.servers)%2 == 0
		}
	}
	p.Settings.give(&po, r.script.Sick)
	return po
}

// give has a pool go by the settings.
func (s *Settings) give(po *engine.PoolOptions, sick bool) {
	po.Timeout, po.ServerConnections, po.Preconnect, po.IntegrityInterval = s.Timeout, max(s.ServerConnections, 1), s.Preconnect, s.Integrity
	po.TransactionConnections, po.BlockingConnections = 128, 128
	if s.Leases > 0 {
		po.TransactionConnections, po.BlockingConnections = s.Leases, s.Leases
	}
	s.Near.give(po)
	if po.Cluster && po.Timeout > 0 {
		po.Timeout += failoverTime
	}
	if sick { // what is wrong with a connection shows in time
		po.IntegrityInterval, po.ServerUserTimeout = max(po.IntegrityInterval, time.Second), 3*time.Second
	}
}

// addServer adds a server to a pool, and to the world. A named one has a second address, to which it may move.
func (r *Run) addServer(po *engine.PoolOptions, named bool) {
	n := 1 + len(r.servers)
	at, add := fmt.Sprintf("10.0.0.%d:6379", n), r.sim.NewRedis
	if po.Name == "memcached" {
		add = r.sim.NewMemcached
	}
	v := add(at)
	if named {
		at = fmt.Sprintf("s%d.test:6379", n)
		v.Name(at, fmt.Sprintf("10.0.2.%d:6379", n))
	}
	po.Servers = append(po.Servers, topology.ServerOptions{Name: at, PName: at + ":1", Network: "tcp", Addr: at, Weight: 1})
	r.servers = append(r.servers, v)
}

// addFleet has a pool be a Redis Cluster of so many shards, of which it is told of two servers.
func (r *Run) addFleet(po *engine.PoolOptions, shards int) {
	r.fleet = newFleet(r.sim, shards, func() *Server { r.addServer(po, false); return r.servers[len(r.servers)-1] })
	po.Cluster, po.Seeds = true, po.Servers[:2]
	po.Servers = po.Seeds
}
