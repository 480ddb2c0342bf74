package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// redisCluster is a Redis Cluster of one master under redis-benchmark, which knows nothing of that: what a request costs more before a
// cluster than before a server of one's own.
type redisCluster struct{ oneServer }

type oneServer = redis

func (redisCluster) name() string { return "redis-cluster" }

func (redisCluster) serverArgv(port, dir string, clients int) []string {
	bus, _ := strconv.Atoi(port) // the kernel's ports are in the upper half, those below are seldom taken
	return append(redis{}.serverArgv(port, dir, clients), "--cluster-enabled", "yes", "--cluster-config-file", "nodes-"+port+".conf",
		"--cluster-port", strconv.Itoa(bus-10_000))
}

var errNoCluster = errors.New("the cluster is not up yet")

// ping also gives the server all slots. It is asked again and again, and a proxy, which refuses that, is pinged so, too.
func (r redisCluster) ping(c *conn) error {
	if err := r.oneServer.ping(c); err != nil {
		return err
	}
	if _, err := c.ask("CLUSTER ADDSLOTSRANGE 0 16383\r\n"); err != nil {
		return err
	}
	line, err := c.ask("CLUSTER INFO\r\n")
	if err != nil {
		return err
	}
	var n int
	if _, err := fmt.Sscanf(line, "$%d", &n); err != nil {
		return fmt.Errorf("CLUSTER INFO is answered %q", line)
	}
	if state, err := c.line(); err != nil || !strings.HasPrefix(state, "cluster_state:ok") {
		return errors.Join(errNoCluster, err)
	}
	return nil
}
