//go:build unix

package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// startRedis starts a redis-server that keeps nothing on disk and returns its port.
func startRedis(t testing.TB, args ...string) string {
	t.Helper()
	port := processtest.FreePort(t)
	s := processtest.Redis(t, append([]string{"--bind", "127.0.0.1", "--port", port}, args...)...)
	s.Up(t, func() bool { return processtest.Listens("tcp", "127.0.0.1:"+port) })
	return port
}

// startRedises starts n of them.
func startRedises(t testing.TB, n int, args ...string) []string {
	t.Helper()
	var ports []string
	for range n {
		ports = append(ports, startRedis(t, args...))
	}
	return ports
}

// startMemcached starts a memcached and returns its port.
func startMemcached(t testing.TB) string {
	t.Helper()
	port := processtest.FreePort(t)
	s := processtest.Memcached(t, "-l", "127.0.0.1", "-p", port)
	s.Up(t, func() bool { return processtest.Listens("tcp", "127.0.0.1:"+port) })
	return port
}

// fleet is what programs connect to: a server, and proxies before other ones.
type fleet struct {
	direct      string
	one, three  *proxy
	servers     []string // those of three, where the test looks at them
	environment []string // what a program's command begins with
}

// proxy is a running cashew.
type proxy struct {
	port   string
	killed atomic.Int64 // clients that others ended by CLIENT KILL
	resets atomic.Int64 // so many may have left without a look at what was sent to them last
	barred atomic.Bool  // there were clients that cannot connect as they want to
}

// startFleet starts five servers, redis-servers or memcacheds, and proxies before one and three of them.
func startFleet(t testing.TB, server string, over transport) *fleet {
	t.Helper()
	k := newKeychain(t, over)
	f := &fleet{direct: k.start(t, server, k.direct()).port, environment: k.environment()}
	var ports []string
	for range 3 {
		l := k.start(t, server, k.direct())
		ports, f.servers = append(ports, l.port), append(f.servers, l.inside)
	}
	f.one = startPool(t, server, []string{k.start(t, server, k.direct()).port}, k.settings(server)...)
	f.three = startPool(t, server, ports, k.settings(server)...)
	for _, p := range []*proxy{f.one, f.three} {
		p.port = k.entrance(t, p.port)
	}
	return f
}

// startProxy is startPool before redis-servers.
func startProxy(t testing.TB, servers []string, settings ...string) string {
	t.Helper()
	return startPool(t, "redis", servers, settings...).port
}

// startPool starts cashew before the servers, with one pool. The pool's settings are lines of its
// configuration besides those that spread keys of any names over all servers. When the test ends, all clients must have
// left, nobody may have been disconnected for what was sent, which some libraries hide by connecting again, and cashew must
// end in peace.
func startPool(t testing.TB, server string, servers []string, settings ...string) *proxy {
	t.Helper()
	port := processtest.FreePort(t)
	var conf bytes.Buffer
	fmt.Fprintf(&conf, "global:\n  admin: off\n  stats_extended: true\np:\n  listen: 127.0.0.1:%s\n  redis: %v\n", port, server == "redis")
	fmt.Fprintf(&conf, "  hash: md5\n  distribution: modula\n  hash_tag: \"{}\"\n")
	if server == "redis" {
		fmt.Fprintf(&conf, "  databases: 16\n")
	}
	for _, line := range settings {
		fmt.Fprintf(&conf, "  %s\n", line)
	}
	fmt.Fprintf(&conf, "  servers:\n")
	for _, to := range servers {
		fmt.Fprintf(&conf, "   - 127.0.0.1:%s:1\n", to)
	}
	path := filepath.Join(processtest.TempDir(t), "cashew.yml")
	if err := os.WriteFile(path, conf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	stats := processtest.FreePort(t)
	p := &proxy{port: port}
	process := processtest.New(t, cashew, "-c", path, "-v", "4", "-a", "127.0.0.1", "-s", stats)
	process.Up(t, func() bool { return processtest.Listens("tcp", net.JoinHostPort("127.0.0.1", port)) })
	t.Cleanup(func() {
		process.WantAlive(t)
		if !processtest.Poll(processtest.Patience, func() bool { return poolStats(t, stats)["client_connections"] == 0.0 }) {
			t.Errorf("%v clients stay connected", poolStats(t, stats)["client_connections"])
		}
		pool := poolStats(t, stats)
		if !p.barred.Load() {
			wantZero(t, pool, "clients_malformed")
			killed, resets := p.killed.Load(), p.resets.Load()
			if got := pool["client_err"].(float64); got < float64(killed) || got > float64(killed+resets) {
				t.Errorf("client_err = %v, want %d and up to %d more", got, killed, resets)
			}
		}
		wantZero(t, pool, "forward_error", "server_out_of_step")
		for _, to := range servers {
			wantZero(t, pool["127.0.0.1:"+to].(map[string]any), "server_eof", "server_err", "server_timedout", "dropped")
		}
		process.Signal(syscall.SIGTERM)
		if !processtest.Poll(processtest.Patience, process.Ended) {
			t.Errorf("%s goes on after SIGTERM", process.Name)
		}
		if bytes.Contains(process.Printed(), []byte("panic")) {
			t.Errorf("%s printed a panic:\n%s", process.Name, process.Tail(8<<10))
		}
	})
	return p
}

// poolStats asks the statistics port of a proxy about its pool.
func poolStats(t testing.TB, port string) map[string]any {
	t.Helper()
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", port), processtest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(processtest.Patience))
	var all struct {
		Pool map[string]any `json:"p"`
	}
	if err := json.NewDecoder(c).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all.Pool
}

// wantZero checks that the figures are there and zero.
func wantZero(t testing.TB, figures map[string]any, names ...string) {
	t.Helper()
	for _, name := range names {
		if figures[name] != 0.0 {
			t.Errorf("%s = %v, want 0", name, figures[name])
		}
	}
}
