//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"testing"
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
