//go:build unix

package difftest

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// TestListeners has several pools in one process, each on another kind of listener.
func TestListeners(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	unix := startRedisUnix(t)
	dir := processtest.TempDir(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path("stale")}) // as a killed proxy leaves it
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	pools := []pool{
		{name: "tcp", servers: entries(servers[:1])},
		{name: "all", listen: "0.0.0.0:" + processtest.FreePort(t), servers: entries(servers[:1])},
		{name: "unix", listen: path("plain"), servers: entries(servers[1:])},
		{name: "private", listen: path("private") + " 0600", servers: entries(servers[1:])},
		{name: "public", listen: path("public") + " 0777", servers: entries(servers[1:])},
		{name: "stale", listen: path("stale") + " 0660", servers: entries(servers[1:])},
		{name: "to-unix", servers: entries([]*redisServer{unix})},
		{name: "unix-to-unix", listen: path("uu"), servers: entries([]*redisServer{unix})},
		{name: "backlog", servers: entries(servers[:1]), settings: []string{"backlog: 1"}},
		{name: "backlog-zero", servers: entries(servers[:1]), settings: []string{"backlog: 0"}},
		{name: "keepalive", servers: entries(servers[:1]), settings: []string{"tcpkeepalive: true"}},
	}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil { // there may be no IPv6
		_, port, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		pools = append(pools, pool{name: "v6", listen: "::1:" + port, servers: entries(servers[:1])})
	}
	p := startProxy(t, pools...)
	for _, pool := range pools {
		t.Run(pool.name, func(t *testing.T) {
			addr := p.addr(pool.name)
			c := dial(t, addr)
			c.want("+OK\r\n", "SET", "k:"+pool.name, "1")
			c.want(bulk("1"), "GET", "k:"+pool.name)
			c.want("+OK\r\n", "MSET", "m1", "1", "m2", "2")
			c.want("*2\r\n"+bulk("1")+bulk("2"), "MGET", "m1", "m2")
			if strings.HasPrefix(pool.name, "backlog") {
				return // a burst of clients would wait for the kernel to try again
			}
			many := make([]*client, 50)
			for i := range many {
				many[i] = dial(t, addr)
			}
			for _, c := range many {
				c.want("+PONG\r\n", "PING")
			}
		})
	}
	for name, want := range map[string]fs.FileMode{"private": 0o600, "public": 0o777, "stale": 0o660} {
		info, err := os.Stat(path(name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != want || info.Mode().Type() != fs.ModeSocket {
			t.Errorf("%s is %v, want a socket with %v", name, info.Mode(), want)
		}
	}
	// Each pool wrote to its own servers.
	for _, c := range []struct {
		server *redisServer
		key    string
		want   string
	}{
		{servers[0], "k:tcp", ":1\r\n"},
		{servers[1], "k:tcp", ":0\r\n"},
		{servers[1], "k:unix", ":1\r\n"},
		{unix, "k:unix", ":0\r\n"},
		{unix, "k:to-unix", ":1\r\n"},
		{unix, "k:unix-to-unix", ":1\r\n"},
	} {
		if got := c.server.do(t, "EXISTS", c.key); got != c.want {
			t.Errorf("EXISTS %s at %s = %q; want %q", c.key, c.server.addr, got, c.want)
		}
	}
}

// TestPreconnect: the servers see a connection before there is a request.
func TestPreconnect(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	startProxy(t,
		pool{name: "eager", servers: entries(servers[:1]), settings: []string{"preconnect: true"}},
		pool{name: "lazy", servers: entries(servers[1:])},
	)
	connected := func(s *redisServer) bool {
		return !strings.Contains(s.do(t, "INFO", "clients"), "connected_clients:1\r\n")
	}
	await(t, "a preconnected server has a client", func() bool { return connected(servers[0]) })
	if connected(servers[1]) {
		t.Error("without preconnect there is a connection before the first request")
	}
}

// TestServerConnections: no more connections than configured, for each of the proxy's loops.
func TestServerConnections(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	const loops, connections = 2, 3
	addr := startLoops(t, loops, poolOf([]*redisServer{server}, fmt.Sprint("server_connections: ", connections))).addr("p")
	var clients []*client
	for range 40 {
		clients = append(clients, dial(t, addr))
	}
	for range 20 {
		for i, c := range clients {
			c.want("+OK\r\n", "SET", fmt.Sprint("k", i), fmt.Sprint(i))
			c.want(bulk(fmt.Sprint(i)), "GET", fmt.Sprint("k", i))
		}
	}
	got := strings.Count(server.do(t, "CLIENT", "LIST"), "\n") - 3 // the bulk's two line ends, and this client
	want := loops * connections
	if underTest.name == "nutcracker" {
		want = connections
	}
	if got != want {
		t.Errorf("the proxy has %d connections to the server, want %d", got, want)
	}
}

// TestReuseport runs two proxies on one address: both get clients, and one may end.
func TestReuseport(t *testing.T) {
	t.Parallel()
	wantCashew(t, "0.5.0 does not know reuseport")
	server := startRedis(t)
	on := poolOf([]*redisServer{server}, "reuseport: true")
	on.listen = "127.0.0.1:" + processtest.FreePort(t)
	first := underTest.start(t, 0, on)
	t.Run("both", func(t *testing.T) {
		underTest.start(t, 0, on)
		for i := range 50 {
			c := dial(t, first.addr("p"))
			c.want("+OK\r\n", "SET", "a", fmt.Sprint(i))
			c.want(bulk(fmt.Sprint(i)), "GET", "a")
		}
	})
	await(t, "the first proxy serves alone", func() bool { return answers(first.addr("p")) })
	dial(t, first.addr("p")).want("+PONG\r\n", "PING")
}

// TestRestart: a proxy takes the place of one that was killed, on tcp and on a unix socket, at once.
func TestRestart(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	pools := []pool{
		{name: "tcp", listen: "127.0.0.1:" + processtest.FreePort(t), servers: entries([]*redisServer{server})},
		{name: "unix", listen: filepath.Join(processtest.TempDir(t), "p.sock"), servers: entries([]*redisServer{server})},
	}
	for range 3 {
		t.Run("", func(t *testing.T) {
			p := startProxy(t, pools...)
			for _, pool := range pools {
				c := dial(t, p.addr(pool.name)) // left open when the proxy ends
				c.want("+OK\r\n", "SET", "a", "1")
			}
		})
	}
}

// TestListenTaken: a proxy that cannot listen says so and ends.
func TestListenTaken(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conf := filepath.Join(processtest.TempDir(t), "nutcracker.yml")
	text := fmt.Sprintf("p:\n  listen: %s\n  redis: true\n  servers:\n   - %s:1\n", l.Addr(), server.addr)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := underTest.path
	if path == "" {
		path = processtest.LookPath(t, underTest.name)
	}
	p := processtest.Run(t, path, "-c", conf, "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	await(t, "the proxy ends", p.Ended)
	if p.State().Success() {
		t.Error("exit status 0")
	}
	if underTest.name == "cashew" && !strings.Contains(p.Tail(4096), "in use") {
		t.Errorf("it does not say why: %q", p.Tail(4096))
	}
}

// Two proxies cannot have one stats port: the second one ends with status 1 and says so, nutcracker's as well as ours, in the
// same words but for the case of the system's. The first one's answers are all its own.
func TestOneStatsPort(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	text := regexp.MustCompile(`bind on m \d+ to stats server addr '127\.0\.0\.1:(\d+)' failed: (?i:address already in use)\n`)
	kinds := []proxyKind{underTest}
	if underTest.name == "cashew" && hasNutcracker(t) {
		kinds = append(kinds, nutcracker)
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			path := kind.path
			if path == "" {
				path = processtest.LookPath(t, kind.name)
			}
			dir, stats := processtest.TempDir(t), processtest.FreePort(t)
			var args [2][]string
			for i, name := range []string{"a", "b"} {
				conf := filepath.Join(dir, name+".yml")
				yml := fmt.Sprintf("%s:\n  listen: %s\n  redis: true\n  servers:\n   - %s:1\n", name, filepath.Join(dir, name), server.addr)
				if err := os.WriteFile(conf, []byte(yml), 0o600); err != nil {
					t.Fatal(err)
				}
				args[i] = []string{"-c", conf, "-o", filepath.Join(dir, name+".log"), "-a", "127.0.0.1", "-s", stats}
			}
			first := processtest.Run(t, path, args[0]...)
			await(t, "the first one answers", func() bool { first.WantAlive(t); return answers(filepath.Join(dir, "a")) })
			second := processtest.Run(t, path, args[1]...)
			await(t, "the second one ends", second.Ended)
			log, err := os.ReadFile(filepath.Join(dir, "b.log"))
			if m := text.FindSubmatch(log); err != nil || second.State().ExitCode() != 1 || m == nil || string(m[1]) != stats {
				t.Errorf("it ended with %v and in its log is, %v,\n%s", second.State(), err, log)
			}
			if answers(filepath.Join(dir, "b")) {
				t.Error("the second one's pool is served")
			}
			for range 20 {
				doc, err := (&service{stats: "127.0.0.1:" + stats}).statistics()
				if err != nil || doc["a"] == nil {
					t.Fatalf("the stats port says %v, %v; want pool a", doc, err)
				}
			}
		})
	}
}
