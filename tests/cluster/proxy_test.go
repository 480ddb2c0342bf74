//go:build unix

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// proxy is a running cashew with one pool.
type proxy struct {
	*processtest.Process
	addr string
}

// startProxy starts a proxy before a cluster, of which it is told these servers, and waits until it serves each slot that a load uses.
func startProxy(t *testing.T, seeds []string, settings ...string) *proxy {
	t.Helper()
	p := &proxy{addr: "127.0.0.1:" + processtest.FreePort(t)}
	var conf strings.Builder
	fmt.Fprintf(&conf, "global:\n  admin: 127.0.0.1:%s\nc:\n  listen: %s\n  redis: true\n  cluster: true\n", processtest.FreePort(t), p.addr)
	for _, line := range settings {
		fmt.Fprintf(&conf, "  %s\n", line)
	}
	fmt.Fprintf(&conf, "  servers:\n   - %s\n", strings.Join(seeds, "\n   - "))
	file := filepath.Join(processtest.TempDir(t), "c.yml")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Process = processtest.Run(t, cashew, "-c", file, "-v", "4", "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	t.Cleanup(func() { p.Stop(t) })
	processtest.Await(t, patience, "the proxy serves each slot", func() bool {
		p.WantAlive(t)
		for _, tag := range tags {
			if reply, err := processtest.Ask(p.addr, "GET", tag); err != nil || reply != "$-1" {
				return false
			}
		}
		return true
	})
	return p
}

// seeds are the addresses of nodes.
func seeds(nodes ...*processtest.ClusterNode) (addrs []string) {
	for _, n := range nodes {
		addrs = append(addrs, n.Addr)
	}
	return addrs
}
