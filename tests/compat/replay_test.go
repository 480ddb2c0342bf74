//go:build unix

package compat

import (
	"regexp"
	"strings"
	"testing"
)

// exchange is one write of a client, of one or more commands, and patterns of the replies as reply.String shows them.
type exchange struct {
	commands [][]string
	want     []string
}

// says is an exchange of one command, which is given as its words with one space between.
func says(command, want string) exchange {
	return exchange{[][]string{strings.Split(command, " ")}, []string{want}}
}

const (
	hello = `%\{"server": "redis" "version": "\d+\.\d+\.\d+" "proto": :3 "id": :\d+ "mode": "standalone" "role": "master" "modules": \[\]\}`

	// SETINFO is younger than Redis 7.0 and MAINT_NOTIFICATIONS younger than 8.2, and the clients take no for an answer.
	okOrUnknown = `\+OK|-ERR unknown subcommand .*`
)

// use is what a client does once it is connected; it covers each type of RESP3 that data commands reply with.
var use = []exchange{
	says("PING", `\+PONG`),
	says("DEL r:s r:h r:set r:z r:n r:m", `:\d`),
	says("SET r:s value EX 1000", `\+OK`),
	says("GET r:s", `"value"`),
	says("GET r:missing", `_`),
	says("INCR r:n", `:1`),
	says("HSET r:h f v", `:1`),
	says("HGETALL r:h", `%\{"f": "v"\}`),
	says("HGETALL r:missing", `%\{\}`),
	says("SADD r:set a", `:1`),
	says("SMEMBERS r:set", `~\{"a"\}`),
	says("ZADD r:z -inf lowest 1.5 half inf highest", `:3`),
	says("ZSCORE r:z half", `,1\.5`),
	says("ZSCORE r:z missing", `_`),
	says("ZRANGE r:z 0 -1 WITHSCORES", `\[\["lowest" ,-inf\] \["half" ,1\.5\] \["highest" ,inf\]\]`),
	says("ZINCRBY r:z 1 half", `,2\.5`),
	says("MSET r:s value r:m other", `\+OK`),
	says("MGET r:s r:missing r:m", `\["value" _ "other"\]`),
	says("HGET r:s f", `-WRONGTYPE Operation against a key holding the wrong kind of value`),
	{
		[][]string{{"EVAL", "return {KEYS[1], ARGV[1], 42, false}", "1", "r:s", "arg"}},
		[]string{`\["r:s" "arg" :42 _\]`},
	},
	{
		[][]string{{"GET", "r:missing"}, {"HGETALL", "r:h"}, {"MGET", "r:m", "r:missing", "r:s"}, {"ZSCORE", "r:z", "highest"}},
		[]string{`_`, `%\{"f": "v"\}`, `\["other" _ "value"\]`, `,inf`},
	},
	says("DEL r:s r:h r:set r:z r:n r:m", `:6`),
}

// exchange sends what e has and checks the replies.
func (c *conn) exchange(e exchange) {
	c.t.Helper()
	got := c.write(e.commands)
	for i, want := range e.want {
		if !regexp.MustCompile("^(" + want + ")$").MatchString(got[i].String()) {
			c.t.Errorf("%q: %v; want %s", e.commands[i], got[i], want)
		}
	}
}

// TestReplays sends what clients of 2026 sent when they connected, write by write, and then uses the connection.
func TestReplays(t *testing.T) {
	for _, c := range []struct {
		name    string
		server  []string // redis-server's arguments
		pool    []string // the pool's settings
		connect []exchange
	}{
		{"redis-py 8.0.0", nil, nil, []exchange{
			says("HELLO 3", hello),
			says("CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-fqdn", okOrUnknown),
			says("CLIENT SETINFO LIB-NAME redis-py", okOrUnknown),
			says("CLIENT SETINFO LIB-VER 8.0.0", okOrUnknown),
		}},
		{
			"redis-py 8.0.0 with password, name and database",
			[]string{"--requirepass", "pw"},
			[]string{"redis_auth: pw", "redis_db: 2"},
			[]exchange{
				says("HELLO 3 AUTH default pw", hello),
				says("CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-fqdn", okOrUnknown),
				says("CLIENT SETNAME web", `\+OK`),
				says("CLIENT SETINFO LIB-NAME redis-py", okOrUnknown),
				says("CLIENT SETINFO LIB-VER 8.0.0", okOrUnknown),
				says("SELECT 2", `\+OK`),
			},
		},
		{"redis-client 0.30.0", nil, nil, []exchange{says("HELLO 3", hello)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			servers := startRedises(t, 3, c.server...)
			for _, target := range []struct{ name, port string }{
				{"directly", startRedis(t, c.server...)},
				{"one server", startProxy(t, servers[:1], c.pool...)},
				{"three servers", startProxy(t, servers, c.pool...)},
			} {
				t.Run(target.name, func(t *testing.T) {
					conn := dial(t, target.port)
					for _, e := range c.connect {
						conn.exchange(e)
					}
					if t.Failed() {
						return // a client would not go on either
					}
					for _, e := range use {
						conn.exchange(e)
					}
				})
			}
		})
	}
}
