//go:build unix

package difftest

import (
	"regexp"
	"strings"
	"testing"
)

// stateFields are what CLIENT LIST says of what a client is in the middle of, without watch, which the server does not tell.
var stateFields = regexp.MustCompile(`name=(\w+) .* flags=(\w+) .* (multi=-?[0-9]+) `)

// states are those of the clients that have a name, as one of them is told.
func states(t *testing.T, c *client) string {
	t.Helper()
	var list []string
	for line := range strings.Lines(c.do("CLIENT", "LIST")) {
		if m := stateFields.FindStringSubmatch(line); m != nil {
			list = append(list, strings.Join(m[1:], " "))
		}
	}
	return strings.Join(list, ", ")
}

// TestClientState: CLIENT LIST says of who is in a transaction, or waits, what the server says of its own clients.
func TestClientState(t *testing.T) {
	t.Parallel()
	wantCashew(t, "CLIENT closes the client, 6.1")
	server := startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server})).addr("p")
	direct, proxied := [2]*client{dial(t, server.addr), dial(t, server.addr)}, [2]*client{dial(t, addr), dial(t, addr)}
	for _, pair := range [][2]*client{direct, proxied} {
		pair[0].want("+OK\r\n", "CLIENT", "SETNAME", "one")
		pair[1].want("+OK\r\n", "CLIENT", "SETNAME", "two")
	}
	for _, line := range []string{
		"GET a", "MULTI", "SET a 1", "PING", "CLIENT GETNAME", "NOSUCH a", "EXEC", "WATCH a a b", "GET a", "MULTI", "SET a 2", "EXEC", "WATCH a",
		"UNWATCH", "MULTI", "LPUSH q 1", "DISCARD", "MULTI", "RESET", "CLIENT SETNAME one",
	} {
		direct[0].do(words(line)...)
		proxied[0].do(words(line)...)
		if want, got := states(t, direct[1]), states(t, proxied[1]); got != want || !strings.HasPrefix(line, "RESET") && !strings.Contains(want, "one") {
			t.Errorf("after %s: %s; directly %s", line, got, want)
		}
	}
	for i, pair := range [][2]*client{direct, proxied} {
		pair[0].send(command("BLPOP", "q", "0"))
		await(t, "CLIENT LIST to say that it waits", func() bool { return states(t, pair[1]) == "one b multi=-1, two N multi=-1" })
		if got := pair[1].do("INFO", []string{"clients", "proxy"}[i]); !strings.Contains(got, "\r\nblocked_clients:1\r\n") {
			t.Errorf("INFO clients says %q", got)
		}
	}
	for range 2 {
		direct[1].do("RPUSH", "q", "v")
	}
	for _, pair := range [][2]*client{direct, proxied} {
		pair[0].reply()
		await(t, "CLIENT LIST to say that it waits no more", func() bool { return states(t, pair[1]) == "one N multi=-1, two N multi=-1" })
	}

	// What the server does not tell: how many keys are watched; and that they were lost is all that the proxy knows of changes.
	proxied[0].want("+OK\r\n", "WATCH", "a", "b", "a")
	for _, c := range proxied {
		if got := c.do("CLIENT", "LIST"); !strings.Contains(got, " name=one ") || !strings.Contains(got, " flags=N ") || !strings.Contains(got, " watch=2 ") {
			t.Errorf("with two keys watched, CLIENT LIST says %q", got)
		}
	}
	server.do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	await(t, "CLIENT LIST to say that what was watched is lost", func() bool { return strings.HasPrefix(states(t, proxied[1]), "one d multi=-1") })
	proxied[0].want("+OK\r\n", "MULTI")
	proxied[0].want("+QUEUED\r\n", "SET", "a", "1")
	proxied[0].want("*-1\r\n", "EXEC")
}
