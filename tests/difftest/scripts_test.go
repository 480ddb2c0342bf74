//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// TestScriptsByFirstKey: libraries pass tokens and labels among a script's keys; it goes where its first key is, as with
// twemproxy, unless the pool refuses that.
func TestScriptsByFirstKey(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	first, refuse := poolOf(servers, spread...), poolOf(servers, append(spread, "cross_server_scripts: refuse")...)
	first.name, refuse.name = "first", "refuse"
	p := startProxy(t, first, refuse)
	release := "if redis.call('get',KEYS[1]) == KEYS[2] then return redis.call('del',KEYS[1]) else return 0 end"
	c, strict := dial(t, p.addr("first")), dial(t, p.addr("refuse"))
	refused := 0
	for i := range 300 {
		lock, token := fmt.Sprint("lock:", i), fmt.Sprint("token:", i*7919)
		c.want("+OK\r\n", "SET", lock, token)
		if got := strict.do("EVAL", release, "2", lock, token); strings.HasPrefix(got, "-CROSSSLOT") {
			refused++
			c.want(":1\r\n", "EVAL", release, "2", lock, token)
		} else if got != ":1\r\n" {
			t.Fatalf("EVAL of keys on one server = %q", got)
		}
	}
	if refused < 100 {
		t.Errorf("%d of 300 scripts had keys on several servers", refused)
	}
	c.wantPrefix("-CROSSSLOT", append([]string{"SUNION"}, keysOf("k%d", 20)...)...)
}

// TestServersWithoutPassword: while a password is rolled out over a fleet, servers that have it not yet are served.
func TestServersWithoutPassword(t *testing.T) {
	t.Parallel()
	with, without := startRedis(t, "--requirepass", "secret"), startRedis(t)
	p := startProxy(t, poolOf([]*redisServer{with, without}, append(spread, "redis_auth: secret", "auto_eject_hosts: true")...))
	c := dial(t, p.addr("p"))
	c.want("+OK\r\n", "AUTH", "secret")
	for _, version := range []string{"2", "3"} {
		c.wantPrefix(map[string]string{"2": "*14", "3": "%7"}[version], "HELLO", version)
		for i := range 100 {
			c.want("+OK\r\n", "SET", fmt.Sprint("k", i), "v")
		}
	}
	wrong := startRedis(t, "--requirepass", "other")
	q := startProxy(t, poolOf([]*redisServer{wrong}, "redis_auth: secret"))
	d := dial(t, q.addr("p"))
	d.want("+OK\r\n", "AUTH", "secret")
	d.wantPrefix("-ERR server refused the connection", "GET", "a")
}

// TestScripts: scripts by name, loaded once, are at all servers, also at one that lost them, and through a pool of one server as with
// the server itself.
func TestScripts(t *testing.T) {
	t.Parallel()
	const body, name = "return {KEYS[1], ARGV[1]}", "4b6bcd2ba98a68ee1e0c0d2b4d9a2bc08bb2a5a3"
	for _, n := range []int{0, 1, 4} { // 0: the server itself
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			servers := startRedises(t, max(n, 1))
			addr := servers[0].addr
			if n > 0 {
				addr = startProxy(t, poolOf(servers, spread...)).addr("p")
			}
			c := dial(t, addr)
			sha := strings.Trim(strings.TrimPrefix(c.do("SCRIPT", "LOAD", body), "$40"), "\r\n")
			call := func(key string) { t.Helper(); c.want("*2\r\n"+bulk(key)+bulk("x"), "EVALSHA", sha, "1", key, "x") }
			for _, key := range keysOf("k%d", 20) {
				call(key)
			}
			c.want("*2\r\n:1\r\n:0\r\n", "SCRIPT", "EXISTS", strings.ToUpper(sha), name)
			c.wantPrefix("-ERR Error compiling script", "SCRIPT", "LOAD", "no script")
			c.wantPrefix("-ERR ", "SCRIPT", "FLUSH", "SLOWLY")
			c.want("+OK\r\n", "SCRIPT", "FLUSH", "SYNC")
			c.want("*1\r\n:0\r\n", "SCRIPT", "EXISTS", sha)
			c.wantPrefix("-NOSCRIPT", "EVALSHA", sha, "1", "k0", "x")
			c.want("*2\r\n"+bulk("k0")+bulk("x"), "EVAL", body, "1", "k0", "x")
			if n == 0 {
				return
			}
			for _, key := range keysOf("k%d", 20) {
				call(key)
			}
			for _, v := range servers {
				dial(t, v.addr).want("+OK\r\n", "SCRIPT", "FLUSH")
			}
			for _, key := range keysOf("k%d", 20) {
				call(key)
			}
		})
	}
}

// TestScriptsAreHandedOver: in an upgrade the new process gets the scripts that the old one knew, and figures tell what it did with them.
func TestScriptsAreHandedOver(t *testing.T) {
	t.Parallel()
	s, server := newService(t), startRedis(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	s.configure(t, upgradePool(listen, []*redisServer{server}))
	s.startDaemon(t)
	c := dial(t, listen)
	body := "return {KEYS[1], 'h\xc3\xa9 \xff'}"
	want := "*2\r\n" + bulk("k") + bulk("h\xc3\xa9 \xff")
	c.want(want, "EVAL", body, "1", "k")
	c.want(bulk("7"), "EVAL", "return '7'", "1", "k")
	sha := bulks(t, "*1\r\n"+c.do("SCRIPT", "LOAD", body))[0]
	figures := func() string {
		m, list := s.metrics(t), []string(nil)
		for _, name := range []string{"cashew_scripts_known", "cashew_scripts_displaced_total", "cashew_script_loads_total", "cashew_script_repeats_total"} {
			n, ok := m[name+`{pool="p"}`]
			if !ok {
				t.Errorf("there is no %s", name)
			}
			list = append(list, num(n))
		}
		return strings.Join(list, " ")
	}
	if got := figures(); got != "2 0 0 0" {
		t.Errorf("known, displaced, loads and repeats are %s", got)
	}
	old := s.pid()
	if err := upgrade(s); err != nil {
		t.Fatal(err)
	}
	await(t, "the old process is gone", func() bool { return isGone(old) })
	server.do(t, "SCRIPT", "FLUSH")
	c.want(want, "EVALSHA", sha, "1", "k")
	c.want(want, "EVALSHA", sha, "1", "k")
	if got := figures(); got != "2 0 1 1" {
		t.Errorf("after the upgrade, and a call, known, displaced, loads and repeats are %s", got)
	}
	c.want("+OK\r\n", "SCRIPT", "FLUSH")
	if got := figures(); got != "0 0 1 1" {
		t.Errorf("after SCRIPT FLUSH known, displaced, loads and repeats are %s", got)
	}
	if err := syscall.Kill(s.pid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "the last process is gone", func() bool { return s.pid() == 0 })
}
