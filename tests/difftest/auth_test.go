//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"testing"
)

const (
	noAuth      = "-NOAUTH Authentication required\r\n" // without the server's full stop
	badPassword = "-ERR invalid password\r\n"
	noPassword  = "-ERR Client sent AUTH, but no password is set\r\n"
)

// TestAuth is the matrix of twemproxy-behaviour 6.7.
func TestAuth(t *testing.T) {
	t.Parallel()
	locked, open := startRedis(t, "--requirepass", "secret"), startRedis(t)
	secret := []string{"redis_auth: secret"}
	if underTest.name == "cashew" {
		secret = append(secret, "auth_failures: 0") // more fail here than anybody's should
	}
	p := startProxy(t,
		pool{name: "auth", settings: secret, servers: entries([]*redisServer{locked})},
		pool{name: "open", servers: entries([]*redisServer{open})},
		pool{name: "unaware", servers: entries([]*redisServer{locked})},
		pool{name: "wrong", settings: []string{"redis_auth: guess"}, servers: entries([]*redisServer{locked})},
	)
	for _, c := range []struct {
		name, pool, script string
		want               []string
	}{
		{"before AUTH", "auth", `
			PING
			GET a
			SET a 1
			MSET a 1 b 2
			MGET a b
			DEL a b`, []string{noAuth, noAuth, noAuth, noAuth, noAuth, noAuth}},
		{"right", "auth", `
			AUTH secret
			PING
			SET a 1
			MSET b 2 c 3
			MGET a b c
			DEL a b c`, []string{
			"+OK\r\n", "+PONG\r\n", "+OK\r\n", "+OK\r\n", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n", ":3\r\n",
		}},
		{"wrong", "auth", `
			AUTH wrong
			GET a
			AUTH secre
			AUTH secrets
			AUTH SECRET
			AUTH ''
			PING
			AUTH secret
			PING`, []string{
			badPassword, noAuth, badPassword, badPassword, badPassword, badPassword, noAuth, "+OK\r\n", "+PONG\r\n",
		}},
		{"wrong after right", "auth", `
			AUTH secret
			PING
			AUTH wrong
			PING
			GET a
			AUTH secret
			GET none`, []string{"+OK\r\n", "+PONG\r\n", badPassword, noAuth, noAuth, "+OK\r\n", "$-1\r\n"}},
		{"no password in the pool", "open", `
			AUTH secret
			SET a 1
			AUTH ''
			GET a`, []string{noPassword, "+OK\r\n", noPassword, bulk("1")}},
		{"password only on the server", "unaware", `
			PING
			GET a
			SET a 1
			AUTH secret`, []string{
			"+PONG\r\n", "-NOAUTH Authentication required.\r\n", "-NOAUTH Authentication required.\r\n", noPassword,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			commands := diffCase{script: c.script}.stream()
			for _, how := range []cutting{whole, everyByte} {
				if diff := diffReplies(commands, c.want, exchange(t, p.addr(c.pool), commands, how, nil)); diff != "" {
					t.Errorf("cut %v:\n%s", how, diff)
				}
			}
		})
	}
	t.Run("each client has to", func(t *testing.T) {
		a, b := dial(t, p.addr("auth")), dial(t, p.addr("auth"))
		a.want("+OK\r\n", "AUTH", "secret")
		b.want(noAuth, "GET", "a")
		a.want("$-1\r\n", "GET", "none")
	})
	t.Run("the server refuses the pool's password", func(t *testing.T) {
		c := dial(t, p.addr("wrong"))
		c.want("+OK\r\n", "AUTH", "guess")
		for range 5 {
			c.wantPrefix("-", "SET", "a", "1")
			c.wantPrefix("-", "MSET", "a", "1", "b", "2")
			c.want("+PONG\r\n", "PING")
		}
	})
	t.Run("unsupported before AUTH", func(t *testing.T) {
		wantCashew(t, "it closes the client")
		c := dial(t, p.addr("auth"))
		c.wantPrefix("-", "NOSUCHCOMMAND")
		c.wantPrefix("-", "FLUSHALL")
		c.want("+OK\r\n", "AUTH", "secret")
	})
	t.Run("QUIT before AUTH", func(t *testing.T) {
		c := dial(t, p.addr("auth"))
		c.send(command("QUIT"))
		if got := c.drain(); got != "" && got != "+OK\r\n" {
			t.Errorf("QUIT = %q", got)
		}
	})
	c := dial(t, locked.addr)
	c.want("+OK\r\n", "AUTH", "secret")
	c.want(":0\r\n", "DBSIZE")
}

// TestAuthAndDatabase: data lands in the pool's database on every transport, with and without a password.
func TestAuthAndDatabase(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it ignores redis_db with redis_auth or unix sockets, 6.8")
	for _, c := range []struct {
		name     string
		start    func(testing.TB, ...string) *redisServer
		password bool
		db       int
	}{
		{"tcp", startRedis, false, 3},
		{"tcp with password", startRedis, true, 3},
		{"unix", startRedisUnix, false, 5},
		{"unix with password", startRedisUnix, true, 15},
		{"database 0 with password", startRedisUnix, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var args, settings []string
			if c.password {
				args, settings = []string{"--requirepass", "secret"}, []string{"redis_auth: secret"}
			}
			settings = append(settings, fmt.Sprint("redis_db: ", c.db), "server_connections: 2")
			server := c.start(t, args...)
			addr := startProxy(t, poolOf([]*redisServer{server}, settings...)).addr("p")
			direct := dial(t, server.addr)
			if c.password {
				direct.want("+OK\r\n", "AUTH", "secret")
			}
			for round := range 3 {
				client := dial(t, addr)
				if c.password {
					client.want("+OK\r\n", "AUTH", "secret")
				}
				client.want("+OK\r\n", "SELECT", fmt.Sprint(c.db))
				client.wantPrefix("-ERR", "SELECT", fmt.Sprint(c.db+1))
				client.wantPrefix("-ERR an earlier SELECT was refused", "SET", "k0", "x")
				client.want("+OK\r\n", "SELECT", fmt.Sprint(c.db))
				for i := range 20 {
					client.want("+OK\r\n", "SET", fmt.Sprint("k", i), fmt.Sprint(round))
				}
				client.want("+OK\r\n", "MSET", "m1", "1", "m2", "2")
				direct.want("+OK\r\n", "SELECT", fmt.Sprint(c.db))
				direct.want(":22\r\n", "DBSIZE")
				for db := range 16 {
					if db != c.db {
						direct.want("+OK\r\n", "SELECT", fmt.Sprint(db))
						direct.want(":0\r\n", "DBSIZE")
					}
				}
				// New server connections have to log in and select again. SKIPME keeps this one.
				direct.wantPrefix(":", "CLIENT", "KILL", "TYPE", "normal")
			}
		})
	}
	t.Run("database that is not there", func(t *testing.T) {
		server := startRedis(t)
		addr := startProxy(t, poolOf([]*redisServer{server}, "redis_db: 99")).addr("p")
		c := dial(t, addr)
		for range 5 {
			c.wantPrefix("-", "SET", "a", "1")
			c.want("+PONG\r\n", "PING")
		}
		if got := server.do(t, "DBSIZE"); !strings.HasPrefix(got, ":0") {
			t.Errorf("DBSIZE of database 0 = %q, want nothing there", got)
		}
	})
}
