//go:build unix

package difftest

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// redisServer is one redis-server and where it listens. It can be killed and started again in the same place.
type redisServer struct {
	*processtest.Process
	addr string // host:port, or the path of a unix socket
	tls  string // host:port where it speaks TLS, and where proxies connect to; "": nowhere
}

// startRedis starts a redis-server on a loopback port. It keeps nothing on disk.
func startRedis(t testing.TB, args ...string) *redisServer {
	t.Helper()
	port := processtest.FreePort(t)
	return newRedis(t, "127.0.0.1:"+port, append([]string{"--bind", "127.0.0.1", "--port", port}, args...))
}

// startRedisUnix starts a redis-server on a unix socket.
func startRedisUnix(t testing.TB, args ...string) *redisServer {
	t.Helper()
	path := filepath.Join(processtest.TempDir(t), "r.sock")
	return newRedis(t, path, append([]string{"--port", "0", "--unixsocket", path}, args...))
}

// startRedises starts n of them.
func startRedises(t testing.TB, n int, args ...string) []*redisServer {
	t.Helper()
	var all []*redisServer
	for range n {
		all = append(all, startRedis(t, args...))
	}
	return all
}

func newRedis(t testing.TB, addr string, args []string) *redisServer {
	t.Helper()
	common := []string{"--enable-debug-command", "local", "--databases", "16", "--maxclients", "1000"}
	s := &redisServer{Process: processtest.Redis(t, append(common, args...)...), addr: addr}
	s.start(t)
	return s
}

// start starts the server, again if it was killed, and waits until it answers.
func (s *redisServer) start(t testing.TB) {
	t.Helper()
	s.Up(t, func() bool { return answers(s.addr) })
}

// entry is the server's line in a servers list: "host:port:weight name".
func (s *redisServer) entry(weight int, name string) string {
	return strings.TrimSpace(fmt.Sprintf("%s:%d %s", cmp.Or(s.tls, s.addr), weight, name))
}

// do sends one command directly to the server, on a connection of its own, and returns the raw reply.
func (s *redisServer) do(t testing.TB, args ...string) string {
	t.Helper()
	c := dial(t, s.addr)
	defer c.close()
	return c.do(args...)
}

// keys are the keys of database db.
func (s *redisServer) keys(t testing.TB, db int) []string {
	t.Helper()
	c := dial(t, s.addr)
	defer c.close()
	c.want("+OK\r\n", "SELECT", fmt.Sprint(db))
	return bulks(t, c.do("KEYS", "*"))
}

// flush empties all servers.
func flush(t testing.TB, servers ...*redisServer) {
	t.Helper()
	for _, s := range servers {
		if got := s.do(t, "FLUSHALL"); got != "+OK\r\n" {
			t.Fatalf("FLUSHALL at %s = %q", s.addr, got)
		}
	}
}

// spread are settings that put a few dozen keys of any names on all servers; ketama may leave a server without any.
var spread = []string{"hash: md5", "distribution: modula"}

// proxyKind is a program that reads nutcracker.yml.
type proxyKind struct {
	name string
	path string // "" finds name in PATH
}

var nutcracker = proxyKind{name: "nutcracker"}

// pool is one pool of a configuration file.
type pool struct {
	name      string
	listen    string   // "" takes a free loopback port
	servers   []string // lines of the servers list
	settings  []string // lines like "hash: md5"; redis: true or false is always there
	memcached bool     // the servers are memcacheds
	tls       bool     // its clients speak TLS, by the settings
}

// poolOf is a pool named p before the servers.
func poolOf(servers []*redisServer, settings ...string) pool {
	return pool{name: "p", servers: entries(servers), settings: settings}
}

// entries are the servers' lines, all of weight 1 and without names.
func entries(servers []*redisServer) []string {
	var lines []string
	for _, s := range servers {
		lines = append(lines, s.entry(1, ""))
	}
	return lines
}

// proxy is one running proxy.
type proxy struct {
	*processtest.Process
	conf  string            // its configuration file
	addrs map[string]string // where each pool listens
}

// addr is where the pool listens.
func (p *proxy) addr(pool string) string {
	addr, ok := p.addrs[pool]
	if !ok {
		panic("difftest: no pool " + pool)
	}
	return addr
}

// startProxy starts the proxy under test, with as many loops as it finds right.
func startProxy(t testing.TB, pools ...pool) *proxy {
	t.Helper()
	return underTest.start(t, 0, pools...)
}

// startLoops starts the proxy under test with several loops, whatever the machine has.
func startLoops(t testing.TB, loops int, pools ...pool) *proxy {
	t.Helper()
	return underTest.start(t, loops, pools...)
}

// start starts a proxy for the pools and waits until each of them answers. nutcracker has one loop.
func (k proxyKind) start(t testing.TB, loops int, pools ...pool) *proxy {
	t.Helper()
	path := k.path
	if path == "" {
		path = processtest.LookPath(t, k.name)
	}
	p := &proxy{addrs: map[string]string{}}
	var conf bytes.Buffer
	if loops != 0 && k.name == "cashew" {
		fmt.Fprintf(&conf, "global:\n  loops: %d\n", loops)
	}
	for _, pool := range pools {
		if pool.listen == "" {
			pool.listen = "127.0.0.1:" + processtest.FreePort(t)
		}
		p.addrs[pool.name] = dialAddr(pool.listen)
		if pool.tls {
			p.addrs[pool.name] = overTLS + p.addrs[pool.name]
		}
		fmt.Fprintf(&conf, "%s:\n  listen: %s\n  redis: %v\n", pool.name, pool.listen, !pool.memcached)
		for _, line := range pool.settings {
			fmt.Fprintf(&conf, "  %s\n", line)
		}
		fmt.Fprintf(&conf, "  servers:\n")
		for _, line := range pool.servers {
			fmt.Fprintf(&conf, "   - %s\n", line)
		}
	}
	p.conf = filepath.Join(processtest.TempDir(t), "nutcracker.yml")
	if err := os.WriteFile(p.conf, conf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Process = processtest.Run(t, path, "-c", p.conf, "-v", "4", "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	t.Cleanup(func() { p.stop(t) })
	for _, pool := range pools {
		addr, ready := p.addrs[pool.name], answers
		if pool.memcached {
			ready = mcAnswers
		}
		if !pool.tls && slices.Contains(pool.settings, "tls: on") { // who asks how, a test says
			ready = func(addr string) bool { return processtest.Listens("tcp", addr) }
		}
		await(t, fmt.Sprintf("%s answers for pool %s on %s", k.name, pool.name, addr), func() bool {
			if p.Ended() {
				t.Logf("configuration:\n%s", conf.Bytes())
			}
			p.WantAlive(t)
			return ready(addr)
		})
	}
	return p
}

// dialAddr is what a client dials to reach a listen line: a unix socket without its mode, an IPv6 literal in brackets.
func dialAddr(listen string) string {
	addr, _, _ := strings.Cut(listen, " ")
	if i := strings.LastIndexByte(addr, ':'); network(addr) == "tcp" {
		return net.JoinHostPort(addr[:i], addr[i+1:])
	}
	return addr
}

// stop asks the proxy to end, as an operator would, and checks that it did so in peace.
func (p *proxy) stop(t testing.TB) {
	t.Helper()
	if p.Ended() {
		t.Errorf("%s ended before its test did: %v", p.Name, p.State())
	}
	p.Signal(syscall.SIGTERM)
	if !processtest.Poll(patience, p.Ended) {
		t.Errorf("%s goes on after SIGTERM", p.Name)
		p.Kill()
	}
	out := p.Printed()
	for _, bad := range []string{"panic:", "fatal error:", "DATA RACE"} {
		if bytes.Contains(out, []byte(bad)) {
			t.Errorf("%s printed %q:\n%s", p.Name, bad, p.Tail(8192))
		}
	}
}

// owners tells for each of n keys, named by format, which server the proxy at addr puts it on. It writes the keys.
func owners(t testing.TB, addr string, servers []*redisServer, format string, n int) map[string]int {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	for i := range n {
		c.want("+OK\r\n", "SET", fmt.Sprintf(format, i), "x")
	}
	return whereabouts(t, servers, 0)
}

// whereabouts maps each key in database db of the servers to the server's index.
func whereabouts(t testing.TB, servers []*redisServer, db int) map[string]int {
	t.Helper()
	where := map[string]int{}
	for i, s := range servers {
		for _, k := range s.keys(t, db) {
			if j, ok := where[k]; ok {
				t.Errorf("key %q is on servers %d and %d", k, j, i)
			}
			where[k] = i
		}
	}
	return where
}

// pick returns n keys of the server, in a stable order.
func pick(t testing.TB, where map[string]int, server, n int) []string {
	t.Helper()
	var keys []string
	for _, k := range sortedKeys(where) {
		if where[k] == server && len(keys) < n {
			keys = append(keys, k)
		}
	}
	if len(keys) < n {
		t.Fatalf("server %d has %d keys, want %d", server, len(keys), n)
	}
	return keys
}
