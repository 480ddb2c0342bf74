//go:build unix

package difftest

import (
	"testing"

	"cashew/tests/processtest"
)

// cluster is a Redis Cluster of real servers.
type cluster struct {
	*processtest.Cluster
	servers []*redisServer // its nodes
}

// startCluster starts a cluster of masters, each with so many replicas, and waits until all nodes agree on it.
func startCluster(t testing.TB, masters, replicas int, args ...string) *cluster {
	t.Helper()
	c := &cluster{Cluster: processtest.StartCluster(t, masters, replicas, args...)}
	for _, n := range c.Nodes {
		c.servers = append(c.servers, &redisServer{Process: n.Process, addr: n.Addr})
	}
	return c
}
