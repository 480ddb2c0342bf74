//go:build unix

package difftest

import (
	"strings"
	"testing"
	"time"
)

// TestRateLimits: rules hold for all clients together, whichever loop they are on; what a user or a prefix is limited to is nobody else's
// concern; MGET costs what its keys cost; and who is delayed is delayed for as long as the rule says.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	const all = " on nopass ~* &* +@all"
	server := startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server}, "users:", "  - default"+all, "  - etl"+all, "  - slow"+all,
		"limits:", "  - batch user=etl requests=1 burst=20", "  - late user=slow requests=10 burst=5 past=delay")).addr("p")
	const over = "-ERR rate limit 'batch' exceeded\r\n"
	other, a, b, slow := dial(t, addr), dial(t, addr), dial(t, addr), dial(t, addr)
	for _, c := range []*client{a, b} {
		c.want("+OK\r\n", "AUTH", "etl", "x")
	}
	began := time.Now()
	a.want("+OK\r\n", "SET", "k", "v")
	b.want("*18\r\n"+strings.Repeat("$1\r\nv\r\n", 18), append([]string{"MGET"}, strings.Fields(strings.Repeat("k ", 18))...)...)
	passed, refused := 19, 0
	for refused < 20 {
		for _, c := range []*client{a, b} {
			switch got := c.do("GET", "k"); got {
			case over:
				refused++
			case bulk("v"):
				passed++
			default:
				t.Fatalf("%q", got)
			}
		}
	}
	if most := 20 + 64 + int(time.Since(began).Seconds()); passed < 20 || passed > most {
		t.Errorf("%d keys passed; want 20 to %d", passed, most)
	}
	a.want("+PONG\r\n", "PING")
	other.want(bulk("v"), "GET", "k")

	slow.want("+OK\r\n", "AUTH", "slow", "x")
	began = time.Now()
	const n = 25
	var lines [][]string
	for range n {
		lines = append(lines, []string{"INCR", "n"})
	}
	slow.send(stream(lines))
	other.want(bulk("v"), "GET", "k")
	slow.replies(n)
	if took, least := time.Since(began), (n-5-4)*100*time.Millisecond; took < least {
		t.Errorf("%d commands took %v; want %v or more", n, took, least)
	}
	other.want(bulk("25"), "GET", "n")
}

// TestLimitHangUp: clients that hang up, or send no more, while they are delayed are gone before their turns, with and without TLS.
func TestLimitHangUp(t *testing.T) {
	t.Parallel()
	k, server := newKeychain(t), startRedis(t)
	limits := []string{"limits:", "  - late class=read requests=1 past=delay"}
	p := startProxy(t, pool{name: "plain", servers: entries([]*redisServer{server}), settings: limits}, pool{name: "tls", servers: entries([]*redisServer{server}), settings: k.clients(limits...)})
	plain := func() *client { return dial(t, p.addr("plain")) }
	for name, dial := range map[string]func() *client{"plain": plain, "tls": func() *client { return k.mustDial(t, p.addr("tls"), k.config()) }} {
		first := dial()
		first.want("$-1\r\n", "GET", "k")
		var left []*client
		for range 20 {
			c := dial()
			c.send(stream([][]string{{"GET", "k"}, {"GET", "k"}}))
			left = append(left, c)
		}
		ask := dial()
		count := func() int { return strings.Count(ask.do("CLIENT", "LIST"), "id=") }
		for i, c := range left {
			if i%2 == 0 || name == "tls" {
				c.close()
			} else {
				c.closeWrite()
			}
		}
		await(t, "the clients are gone", func() bool { return count() == 2 })
	}
}
