//go:build unix

package replicas

import (
	"fmt"
	"testing"

	"cashew/tests/processtest"
)

// TestCluster: the replicas of a Redis Cluster take reads, and nobody sees that one takes its master's place, or dies, nor misses what he wrote.
func TestCluster(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 1)
	p := runProxy(t, fmt.Sprintf("   - %s\n", c.Nodes[0].Addr), "cluster: true", "cluster_refresh_interval: 500", "read_policy: prefer_replica", "read_your_writes_msecs: 0", "replica_interval: 20")
	p.awaitReplicas(t, 3)
	l := startLoad(t, p.addr, 8, 4, 2)
	l.untilPairs(t, 2_000)
	replica := c.Nodes[3]
	c.Failover(t, replica)
	l.More(t)
	p.awaitReplicas(t, 3)                            // the former master is one
	c.Nodes[0].Want(t, "+OK", "CONFIG", "RESETSTAT") // what it was asked as a master
	l.untilPairs(t, l.pairs.Load()+2_000)
	c.Nodes[4].Kill()
	l.More(t)
	c.Nodes[4].Up(t)
	p.awaitReplicas(t, 3)
	for _, n := range []*processtest.ClusterNode{c.Nodes[0], c.Nodes[4], c.Nodes[5]} {
		p.awaitReads(t, &n.Node)
	}
	l.end(t)
}

// TestSentinels: so it is with those that sentinels know of.
func TestSentinels(t *testing.T) {
	processtest.Beside(t)
	s := processtest.StartSentinels(t, "mymaster", 2, 3)
	var addrs string
	for _, w := range s.Watchers {
		addrs += " " + w.Addr
	}
	p := runProxy(t, "   - mymaster:1 shard1\n", "sentinels:"+addrs, "read_policy: any", "read_your_writes_msecs: 0", "replica_interval: 20")
	p.awaitReplicas(t, 2)
	l := startLoad(t, p.addr, 8, 4, 2)
	l.untilPairs(t, 2_000)
	for _, n := range s.Nodes[1:] {
		p.awaitReads(t, n)
	}
	s.Nodes[2].Kill()
	l.More(t)
	s.Nodes[2].Up(t)
	p.awaitReplicas(t, 2)
	l.end(t)
	was := s.Master()
	s.Failover(t)
	now := s.AwaitSwitch(t, was)
	p.await(t, "now=["+now.Addr+"]")
	processtest.Await(t, patience, "the other replica gets reads", func() bool { return p.well() > 0 }) // and the former master, as soon as sentinels make it one
}
