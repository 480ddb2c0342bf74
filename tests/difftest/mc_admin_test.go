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
	"cache_memlimit 100", "shutdown", "lru tune 10 25", "lru_crawler metadump all",
	"lru_crawler disable", "watch fetchers", "refresh_certs", "stats sizes_enable",
}

// TestMemcachedStats: stats with arguments and slabs are one server's own words, and of several servers one list.
func TestMemcachedStats(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client, 7.1")
	single, servers := startMemcached(t), startMemcacheds(t, 3)
	p := startProxy(t,
		pool{name: "one", servers: mcEntries([]*mcServer{single}), settings: []string{"memcached_admin: true"}, memcached: true},
		pool{name: "all", servers: mcEntries(servers), settings: append(spread, "memcached_admin: true"), memcached: true},
	)
	c := dial(t, p.addr("one"))
	c.expect("STORED\r\n", mcSet("a:b", "1"))
	for _, text := range []string{
		"stats settings", "stats slabs", "stats sizes", "stats reset", "stats reset now", "stats foo", "stats noreply", "stats detail on",
		"stats detail dump", "stats detail off", "stats detail", "stats detail x", "stats cachedump 1 0", "stats cachedump 63 0",
		"stats cachedump", "stats cachedump x y", "slabs", "slabs automove", "slabs automove 0", "slabs automove x",
		"slabs automove 0 noreply", "slabs automove noreply", "slabs reassign 1 2", "slabs reassign 1 2 noreply", "slabs reassign -1 2",
		"slabs reassign 1 1", "slabs reassign 99 1", "slabs reassign x y", "slabs reassign 1 noreply", "slabs foo",
	} {
		want, got := talkMC(t, single.addr, text+"\r\n"), talkMC(t, p.addr("one"), text+"\r\n")
		if got != want {
			t.Errorf("%q = %q; want %q", text, clip(got), clip(want))
		}
	}
	for _, text := range []string{"stats items\r\n", "stats conns\r\n"} { // ages and connections change
		if got := c.ask(text); !strings.HasPrefix(got, "STAT ") || !strings.HasSuffix(got, "END\r\n") {
			t.Errorf("%q = %q; want a list", text, clip(got))
		}
	}

	all := dial(t, p.addr("all"))
	where := mcOwners(t, p.addr("all"), servers, "key:%02d", 40)
	figures := func(text string) map[string]string {
		m := map[string]string{}
		for line := range strings.Lines(all.ask(text)) {
			if f := strings.Fields(line); len(f) == 3 {
				m[f[1]] = f[2]
			}
		}
		return m
	}
	if got := figures("stats items\r\n")["items:1:number"]; got != "40" {
		t.Errorf("stats items counts %q items; want 40", got)
	}
	m := figures("stats slabs\r\n")
	if m["1:used_chunks"] != "40" || m["1:cmd_set"] != "40" || m["1:chunk_size"] != "96" || m["active_slabs"] != "1" {
		t.Errorf("stats slabs = %v", m)
	}
	if m = figures("stats settings\r\n"); m["maxbytes"] != "67108864" || strings.Count(m["tcpport"], ",") != 2 {
		t.Errorf("stats settings = %v", m)
	}
	all.expect("OK\r\n", "stats detail on\r\n")
	for i := range 40 {
		all.ask(mcGet(keysOf("key:%02d", 40)[i]))
	}
	all.expect("PREFIX key get 40 hit 40 set 0 del 0\r\nEND\r\n", "stats detail dump\r\n")
	all.expect("OK\r\n", "stats detail off\r\n")
	await(t, "stats cachedump has items of all servers", func() bool { // it tells of those that went cold
		from := map[int]bool{}
		for line := range strings.Lines(all.ask("stats cachedump 1 0\r\n")) {
			if f := strings.Fields(line); f[0] == "ITEM" {
				from[where[f[1]]] = true
			}
		}
		return len(from) == len(servers)
	})
	all.expect("ERROR\r\n", "stats foo\r\n")
	all.expect("OK\r\n", "slabs automove 0\r\n")
	all.expect("RESET\r\n", "stats reset\r\n")
	for i, s := range servers {
		if got := s.stat(t, "cmd_set"); got != "0" {
			t.Errorf("after stats reset server %d counts %s sets", i, got)
		}
	}
	servers[1].Kill()
	await(t, "stats of a dead server is an error", func() bool { return all.ask("stats items\r\n") == mcRefused })
	all.expect("MN\r\n", "mn\r\n")
}

// TestMemcachedNoAdmin: a pool that does not allow them says so, and goes on.
func TestMemcachedNoAdmin(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client, 7.1")
	servers := startMemcacheds(t, 2)
	addr := startProxy(t, mcPoolOf(servers, spread...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 40)
	for _, text := range append([]string{"flush_all", "flush_all 0", "flush_all 10", "stats", "stats settings", "stats reset", "slabs automove 0", "verbosity 1", "verbosity x"}, mcOperator...) {
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
	c.expectAll("MN\r\n", "verbosity 1 noreply\r\nslabs automove 0 noreply\r\nmn\r\n")
	if left := mcWhereabouts(t, servers, sortedKeys(where)); len(left) != len(where) {
		t.Errorf("%d of %d items are left", len(left), len(where))
	}
}
