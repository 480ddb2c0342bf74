//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// TestQueuedBeforeReload: what was queued in MULTI is executed by EXEC if the pool that a reload brought would queue it, too, for the same
// server; else nothing is, and EXEC says why.
func TestQueuedBeforeReload(t *testing.T) {
	notRaced(t)
	t.Parallel()
	wantCashew(t, "reload")
	servers := startRedises(t, 2)
	p := newService(t)
	listen := map[string]string{}
	conf := func(pools map[string]string) string {
		var b strings.Builder
		for _, name := range sortedKeys(pools) {
			if listen[name] == "" {
				listen[name] = "127.0.0.1:" + processtest.FreePort(t)
			}
			fmt.Fprintf(&b, "%s:\n  listen: %s\n  redis: true\n  hash: md5\n  distribution: modula\n  auto_eject_hosts: false\n  hash_tag: '{}'\n%s", name, listen[name], pools[name])
		}
		return b.String()
	}
	of := func(n int, settings ...string) string {
		return "  " + strings.Join(settings, "\n  ") + "\n  servers:\n   - " + strings.Join(entries(servers[:n]), "\n   - ") + "\n"
	}
	const all = "commands: +@all"
	before := map[string]string{
		"more": of(1, all, "databases: 16"), "rules": of(1, all), "dbs": of(1, all, "databases: 16"), "same": of(1, all, "databases: 16"), "fewer": of(2, all),
	}
	after := map[string]string{
		"more": of(2, all, "databases: 16"), "rules": of(1, "commands: +@all -@scripting -acl -keys -set -ping -config"), "dbs": of(1, all), "same": of(1, all, "databases: 16", "timeout: 5000"),
		"fewer": of(1, all),
	}
	const several, gone = "' was queued for the only server of this pool, which has several since a reload", "' was queued before a reload changed this pool, and now: "
	cases := []struct {
		pool   string
		queued []string // between MULTI and EXEC
		why    string   // behind the name of a command; "": it is executed
	}{
		{"more", []string{"EVAL 'return redis.call([[set]],[[k93]],[[5]])' 0"}, "eval" + several},
		{"more", []string{"MEMORY STATS"}, "memory|stats" + several},
		{"more", []string{"CONFIG SET maxmemory-samples 9"}, "config|set" + several},
		{"more", []string{"MEMORY DOCTOR"}, "memory|doctor" + several},
		{"more", []string{"SCAN 0"}, "scan" + several},
		{"more", []string{"ROLE"}, "role" + several},
		{"more", []string{"FUNCTION STATS"}, "function|stats" + several},
		{"more", []string{"SWAPDB 0 1"}, "swapdb" + several},
		{"more", []string{"DEBUG SLEEP 0"}, "debug" + several},
		{"more", []string{"ACL LIST"}, "acl|list" + several},
		{"more", []string{"SET {a}k 1", "INCR {a}k", "EVAL 'return 1' 0", "GET {a}k"}, "eval" + several},
		{"more", []string{"SELECT 3", "EVAL 'return 1' 0"}, "eval" + several},
		{"more", []string{"TIME", "PING", "ECHO x", "CLIENT GETNAME", "SCRIPT LOAD 'return 1'", "SELECT 0"}, ""},
		{"more", []string{"SELECT 3", "SET {a}s 1", "SELECT 0"}, ""},
		{"more", []string{"SET {a}x 1", "INCR {a}x", "EVAL 'return 1' 1 {a}x"}, ""},
		{"rules", []string{"SET {r}k 1"}, "set" + gone + "NOPERM command 'set' is not allowed by the pool's 'commands'"},
		{"rules", []string{"GET {r}k", "EVAL 'return 1' 0"}, "eval" + gone + "NOPERM command 'eval' is not allowed"},
		{"rules", []string{"GET {r}k", "EVAL 'return 1' 1 {r}k"}, "eval" + gone + "NOPERM command 'eval' is not allowed"},
		{"rules", []string{"ACL WHOAMI"}, "acl|whoami" + gone + "NOPERM command 'acl|whoami' is not allowed"},
		{"rules", []string{"PING"}, "ping" + gone + "NOPERM command 'ping' is not allowed"},
		{"rules", []string{"GET {r}k", "INCR {r}n", "DEL {r}n"}, ""},
		{"dbs", []string{"SELECT 3", "SET {d}k 1"}, "select" + gone + "ERR SELECT to another database is refused: this pool serves database 0 only"},
		{"dbs", []string{"MOVE {d}k 3"}, "move" + gone},
		{"dbs", []string{"SELECT 0", "SET {d}k 1"}, ""},
		{"same", []string{"EVAL 'return 1' 0", "LATENCY LATEST", "SCAN 0", "SET {s}k 1", "ROLE", "SELECT 3", "CLIENT GETNAME", "ACL WHOAMI", "MEMORY DOCTOR"}, ""},
		{"fewer", []string{"TIME", "SET {f}k 1", "CLIENT GETNAME", "SCRIPT EXISTS a"}, ""},
	}
	p.configure(t, conf(before))
	p.start(t)
	type open struct{ plain, watching *client }
	var clients []open
	for _, c := range cases {
		o := open{dial(t, listen[c.pool]), dial(t, listen[c.pool])}
		o.watching.want("+OK\r\n", "WATCH", "{w}none")
		for _, one := range []*client{o.plain, o.watching} {
			one.want("+OK\r\n", "MULTI")
			for _, line := range c.queued {
				one.want("+QUEUED\r\n", words(line)...)
			}
		}
		clients = append(clients, o)
	}
	p.configure(t, conf(after))
	p.Signal(syscall.SIGHUP)
	await(t, "the reload", func() bool { succeeded, _ := p.reloads(t); return succeeded == 1 })
	for i, c := range cases {
		got := clients[i].plain.do("EXEC")
		if c.why == "" && !strings.HasPrefix(got, fmt.Sprintf("*%d\r\n", len(c.queued))) ||
			c.why != "" && !strings.HasPrefix(got, "-EXECABORT Transaction discarded because of: '"+c.why) {
			t.Errorf("pool %s: %q, then EXEC: %q; want %q", c.pool, c.queued, got, c.why)
		}
		// One that watches is judged alike, or is not executed since its key is another server's now.
		if got := clients[i].watching.do("EXEC"); c.why != "" && got != "*-1\r\n" && !strings.HasPrefix(got, "-EXECABORT ") && !strings.HasPrefix(got, "-CROSSSLOT ") {
			t.Errorf("pool %s: WATCH, %q, then EXEC: %q", c.pool, c.queued, got)
		}
		for _, one := range []*client{clients[i].plain, clients[i].watching} {
			one.want("-ERR EXEC without MULTI\r\n", "EXEC") // it is over
			one.want("+OK\r\n", "MULTI")
			one.want("+QUEUED\r\n", "GET", "{w}none")
			one.want("*1\r\n$-1\r\n", "EXEC")
		}
	}
	for i, s := range servers {
		if got := s.do(t, "GET", "k93"); got != "$-1\r\n" {
			t.Errorf("server %d has what a transaction that was discarded wrote: %q", i, got)
		}
	}
}
