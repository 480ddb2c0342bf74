//go:build unix

package difftest

import (
	"strings"
	"testing"
)

// TestMemcachedAdmin: commands for all servers, in a pool that allows them.
func TestMemcachedAdmin(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client, 7.1")
	servers := startMemcacheds(t, 4)
	addr := startProxy(t, mcPoolOf(servers, append(spread, "memcached_admin: true")...)).addr("p")
	c := dial(t, addr)
	items := func() int {
		return len(mcWhereabouts(t, servers, sortedKeys(mcOwners(t, addr, servers, "key:%d", 40))))
	}
	gone := func(what string) {
		t.Helper()
		for i, s := range servers {
			reply := s.ask(t, mcGet(keysOf("key:%d", 40)...))
			if reply != "END\r\n" {
				t.Errorf("%s left items on server %d: %q", what, i, clip(reply))
			}
		}
	}
	for _, text := range []string{"flush_all\r\n", "flush_all 0\r\n"} {
		if n := items(); n != 40 {
			t.Fatalf("%d items before %q, want 40", n, text)
		}
		c.expect("OK\r\n", text)
		gone(text)
	}
	items()
	c.expectAll("END\r\n", "flush_all noreply\r\n"+mcGet(keysOf("key:%d", 40)...))
	gone("flush_all noreply")
	items()
	c.expect("OK\r\n", "flush_all 1000\r\n") // some time later
	if n := len(mcWhereabouts(t, servers, keysOf("key:%d", 40))); n != 40 {
		t.Errorf("%d items after a flush of the future, want 40", n)
	}
	c.expectAll("OK\r\nOK\r\nOK\r\nMN\r\n", "flush_all\r\nverbosity 1\r\nverbosity 0\r\nverbosity 1 noreply\r\nmn\r\n")
	c.expect("CLIENT_ERROR invalid exptime argument\r\n", "flush_all soon\r\n")
	c.expect("CLIENT_ERROR bad command line format\r\n", "verbosity loud\r\n")
	c.expect("ERROR\r\n", "verbosity\r\n")

	for range 3 {
		reply := c.ask("stats\r\n")
		body, end := strings.CutSuffix(reply, "END\r\n")
		if !end || body == "" {
			t.Fatalf("stats = %q; want STAT lines and END", clip(reply))
		}
		names := map[string]string{}
		for line := range strings.Lines(body) {
			f := strings.Fields(line)
			if len(f) != 3 || f[0] != "STAT" || !strings.HasSuffix(line, "\r\n") || names[f[1]] != "" {
				t.Errorf("stats line %q", line)
				continue
			}
			names[f[1]] = f[2]
		}
		for _, name := range []string{"pid", "uptime", "time", "version", "curr_connections"} {
			if names[name] == "" {
				t.Errorf("stats have no %s: %q", name, clip(reply))
			}
		}
		if names["pid"] == servers[0].stat(t, "pid") {
			t.Error("stats are a server's, not the proxy's")
		}
	}
	c.expect("STORED\r\n", mcSet("a", "1"))

	// What is for the operator of one server is refused all the same.
	for _, text := range mcOperator {
		c.send([]byte(text + "\r\n" + mcGet("a")))
		if got := c.mcReply(); !mcIsError(got) {
			t.Errorf("%q = %q; want an error", text, got)
		}
		if got := c.mcReply(); got != mcHit("a", "1") {
			t.Fatalf("get behind %q = %q", text, got)
		}
	}
	servers[2].Kill()
	await(t, "a flush of three servers and a dead one fails", func() bool { return c.ask("flush_all\r\n") == mcRefused })
	c.expect("MN\r\n", "mn\r\n")
}

var mcOperator = []string{
	"cache_memlimit 100", "shutdown", "slabs reassign 1 2", "slabs automove 0", "lru tune 10 25", "lru_crawler metadump all",
	"lru_crawler disable", "watch fetchers", "refresh_certs", "stats items", "stats reset", "stats detail on", "stats cachedump 1 1",
}

// TestMemcachedNoAdmin: a pool that does not allow them says so, and goes on.
func TestMemcachedNoAdmin(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client, 7.1")
	servers := startMemcacheds(t, 2)
	addr := startProxy(t, mcPoolOf(servers, spread...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 40)
	for _, text := range append([]string{"flush_all", "flush_all 0", "flush_all 10", "stats", "stats settings"}, mcOperator...) {
		t.Run(text, func(t *testing.T) {
			c := dial(t, addr)
			c.send([]byte(mcSet("a", "1") + text + "\r\n" + mcGet("a") + "mn\r\n"))
			name, _, _ := strings.Cut(text, " ")
			for i, want := range []string{
				"STORED\r\n", "CLIENT_ERROR " + name + " is not allowed through this proxy\r\n", mcHit("a", "1"), "MN\r\n",
			} {
				if got := c.mcReply(); got != want {
					t.Errorf("reply %d = %q; want %q", i, got, want)
				}
			}
		})
	}
	c := dial(t, addr)
	c.expectAll("MN\r\n", "flush_all noreply\r\nflush_all 0 noreply\r\nmn\r\n")
	c.expectAll("OK\r\nMN\r\n", "verbosity 1\r\nverbosity 1 noreply\r\nmn\r\n")
	if left := mcWhereabouts(t, servers, sortedKeys(where)); len(left) != len(where) {
		t.Errorf("%d of %d items are left", len(left), len(where))
	}
}
