//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"

	"github.com/redis/go-redis/v9"
)

// inDatabases are clients of addr, one in each of so many databases, each with a key of the same name that says where it is.
func inDatabases(t *testing.T, addr string, n int) (clients []*client) {
	t.Helper()
	for db := range n {
		c := dial(t, addr)
		c.want("+OK\r\n", "SELECT", fmt.Sprint(db))
		c.want("+OK\r\n", "SET", "where", fmt.Sprint("database ", db))
		clients = append(clients, c)
	}
	return clients
}

// wantThere checks that each client has the key of its database.
func wantThere(t *testing.T, clients []*client) {
	t.Helper()
	for db, c := range clients {
		c.want(bulk(fmt.Sprint("database ", db)), "GET", "where")
	}
}

// TestFewerDatabases: a server that has fewer databases than its pool says so itself, and the client stays where it is; one that comes
// once a database was selected fails what goes there, and the log says that once.
func TestFewerDatabases(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SELECT closes the client, 6.2")
	const refused = "-ERR DB index is out of range\r\n"
	servers := []*redisServer{startRedis(t), startRedis(t, "--databases", "4")}
	one, two := poolOf(servers[1:], "databases: 16"), poolOf(servers, append(spread, "databases: 16", "timeout: 2000")...)
	one.name, two.name = "one", "two"
	p := startLoops(t, 1, one, two)
	for _, pool := range []string{"one", "two"} {
		c := dial(t, p.addr(pool))
		c.want("+OK\r\n", "SELECT", "3")
		c.want(refused, "SELECT", "5")
		c.want("+OK\r\n", "SET", "k", "1")
		c.want("+OK\r\n", "MULTI")
		c.want("+QUEUED\r\n", "SELECT", "5")
		c.want("+QUEUED\r\n", "GET", "k")
		if pool == "one" {
			c.want("*2\r\n"+refused+bulk("1"), "EXEC")
		} else {
			c.want("+OK\r\n", "DISCARD")
		}
		c.want(bulk("1"), "GET", "k")
		c.want("+OK\r\n", "SELECT", "0")
		c.want("$-1\r\n", "GET", "k")
	}

	where := owners(t, p.addr("two"), servers, "key:%d", 40)
	there, gone := pick(t, where, 0, 1)[0], pick(t, where, 1, 1)[0]
	servers[1].Kill()
	c := dial(t, p.addr("two"))
	await(t, "a database that the server which is there has", func() bool { return c.do("SELECT", "5") == "+OK\r\n" })
	c.want("+OK\r\n", "SET", there, "5")
	servers[1].start(t)
	await(t, "the server that is back to say that it lacks it", func() bool {
		return strings.HasPrefix(c.do("SET", gone, "5"), "-ERR server "+servers[1].addr) && strings.HasSuffix(c.do("GET", gone),
			" has no database 5, which the client chose: ERR DB index is out of range\r\n")
	})
	c.want(bulk("5"), "GET", there)
	for db := range 4 {
		if n := len(servers[1].keys(t, db)); n > 0 {
			t.Errorf("database %d of the server has %d keys", db, n)
		}
	}
	const line = "server does not have the database that a client asked for"
	if n := strings.Count(string(p.Printed()), line); n != 2 { // of either pool
		t.Errorf("the log says %d times %q; want 2", n, line)
	}
}

// TestDatabasesSurviveKill: after the server was killed and started again, each client is in the database that it was in.
func TestDatabasesSurviveKill(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SELECT closes the client, 6.2")
	server := startRedis(t)
	p := startLoops(t, 2, poolOf([]*redisServer{server}, "databases: 16", "timeout: 2000"))
	clients := append(inDatabases(t, p.addr("p"), 6), inDatabases(t, p.addr("p"), 6)...)
	watching := dial(t, p.addr("p"))
	watching.want("+OK\r\n", "WATCH", "k")
	watching.want("+OK\r\n", "SELECT", "3")
	server.Kill()
	for _, c := range clients {
		c.wantPrefix("-ERR Connection re", "GET", "where") // reset, or refused
	}
	server.start(t)
	for i, c := range clients {
		db := i % 6
		await(t, "the server to be back", func() bool { return c.do("SET", fmt.Sprint("of client ", i), "x") == "+OK\r\n" })
		c.want("+OK\r\n", "SET", "where", fmt.Sprint("database ", db))
	}
	wantThere(t, clients[:6])
	wantThere(t, clients[6:])
	for db := range 6 {
		if got, want := len(server.keys(t, db)), 3; got != want {
			t.Errorf("database %d has %d keys; want %d", db, got, want)
		}
	}
	watching.want("+OK\r\n", "MULTI")
	watching.want("+QUEUED\r\n", "SET", "k", "1")
	watching.want("*-1\r\n", "EXEC")
}

// TestDatabasesChange: clients in several databases stay there in a reload and an upgrade; who is in one that is not served any more is told
// so, and a process that does not serve it gets no such client.
func TestDatabasesChange(t *testing.T) {
	t.Parallel()
	s := newService(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	servers := startRedises(t, 2)
	pool := func(settings string) string {
		return strings.Replace(upgradePool(listen, servers), "  hash: md5\n", "  hash: md5\n  "+strings.ReplaceAll(settings, "; ", "\n  ")+"\n", 1)
	}
	s.configure(t, pool("databases: 16"))
	s.startDaemon(t)
	clients := inDatabases(t, listen, 6)

	s.configure(t, pool("databases: 8; redis_db: 2; server_connections: 2"))
	s.wantPage(t, "POST", "/reload", 200)
	wantThere(t, clients)
	newer := dial(t, listen)
	newer.want(bulk("database 2"), "GET", "where")

	old := s.pid()
	if err := upgrade(s); err != nil {
		t.Fatal(err)
	}
	await(t, "the pid file names another process", func() bool { pid := s.pid(); return pid != 0 && pid != old })
	await(t, "the old process is gone", func() bool { return isGone(old) })
	wantThere(t, clients)
	newer.want(bulk("database 2"), "GET", "where")

	s.configure(t, pool("databases: 5"))
	s.wantPage(t, "POST", "/reload", 200)
	wantThere(t, clients[:5])
	const gone = "-ERR database 5, which was selected, is not served any more: this pool serves databases 0 to 4\r\n"
	clients[5].want(gone, "GET", "where")
	clients[5].want(gone, "SET", "where", "nowhere")
	clients[5].want("+OK\r\n", "SELECT", "4")
	clients[5].want(bulk("database 4"), "GET", "where")

	old = s.pid()
	s.configure(t, pool("redis_db: 1"))
	if err := upgrade(s); err != nil {
		t.Fatal(err)
	}
	await(t, "the pid file names a third process", func() bool { pid := s.pid(); return pid != 0 && pid != old })
	await(t, "the second process is gone", func() bool { return isGone(old) })
	clients[1].want(bulk("database 1"), "GET", "where")
	for _, db := range []int{0, 2, 3, 4} { // and nothing in a database that they did not choose
		clients[db].wantEOF()
	}
	if err := syscall.Kill(s.pid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "the last process is gone", func() bool { return isGone(s.pid()) || s.pid() == 0 })
}

// TestToolsInDatabases: what libraries and redis-cli send for a database works, and figures and CLIENT LIST tell of it.
func TestToolsInDatabases(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SELECT closes the client, 6.2")
	servers := startRedises(t, 3)
	addr := startLoops(t, 2, poolOf(servers, append(spread, `hash_tag: "{}"`, "databases: 16", "redis_db: 1")...)).addr("p")
	for i, opt := range []redis.Options{{DB: 5}, {DB: 5, Protocol: 2}, {DB: 15}} {
		opt.Addr, opt.MaxRetries, opt.PoolSize = addr, -1, 4
		rdb := redis.NewClient(&opt)
		useGoRedis(t, rdb)
		if err := rdb.Set(t.Context(), "tool", i, 0).Err(); err != nil {
			t.Error(err)
		}
		if line, err := rdb.ClientInfo(t.Context()).Result(); err != nil || line.DB != opt.DB {
			t.Errorf("CLIENT INFO: %+v, %v; want database %d", line, err, opt.DB)
		}
		rdb.Close()
	}
	for db, want := range map[int]int{0: 0, 1: 0, 15: 1} {
		if got := len(whereabouts(t, servers, db)); want == 0 && got > 0 || want > 0 && got == 0 {
			t.Errorf("%d keys in database %d", got, db)
		}
	}
	_, port, _ := strings.Cut(addr, ":")
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", []string{"-n", "3", "SET", "a", "three"}, "OK\n"},
		{"", []string{"-u", "redis://127.0.0.1:" + port + "/3", "GET", "a"}, "three\n"},
		{"", []string{"-3", "-n", "3", "GET", "a"}, "three\n"},
		{"", []string{"GET", "a"}, "\n"},
		{"SELECT 3\nGET a\nSELECT 99\nGET a\nCLIENT INFO\n", nil, "OK\nthree\nERR DB index is out of range\n\nthree\n"},
	} {
		if got := tool(t, c.stdin, "redis-cli", append([]string{"-p", port}, c.args...)...); got != c.want && (c.stdin == "" || !strings.HasPrefix(got, c.want) || !strings.Contains(got, " db=3 ")) {
			t.Errorf("redis-cli %v, %q: %q; want %q", c.args, c.stdin, got, c.want)
		}
	}
}
