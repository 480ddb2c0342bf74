//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// TestFailover: what a dead server's keys are read for, or also written with send=all, goes to the spare pool, and comes back with the server.
func TestFailover(t *testing.T) {
	t.Parallel()
	for _, send := range []string{"reads", "all"} {
		t.Run(send, func(t *testing.T) {
			t.Parallel()
			servers := startRedises(t, 3)
			lines := entries(servers)
			s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
			s.configure(t, fmt.Sprintf("front:\n  listen: %s\n  redis: true\n  hash: md5\n  distribution: modula\n  auto_eject_hosts: true\n  on_server_failure: error\n  server_failure_limit: 1\n"+
				"  server_retry_timeout: 100\n  timeout: 2000\n  failover: spare send=%s\n  servers:\n   - %s\nspare:\n  redis: true\n  servers:\n   - %s\n", listen, send, strings.Join(lines[:2], "\n   - "), lines[2]))
			s.start(t)
			where := owners(t, listen, servers[:2], "k%d", 40)
			dead, live := pick(t, where, 0, 3), pick(t, where, 1, 3)
			for i := range 40 {
				servers[2].do(t, "SET", fmt.Sprint("k", i), "spare")
			}
			c := dial(t, listen)
			servers[0].Kill()
			await(t, "reads go to the spare", func() bool { return c.do("GET", dead[0]) == bulk("spare") })
			c.want(bulk("x"), "GET", live[0])
			c.want("*3\r\n"+bulk("spare")+bulk("x")+bulk("spare"), "MGET", dead[0], live[0], dead[1])
			if send == "all" {
				c.want("+OK\r\n", "SET", dead[1], "written")
				c.want(bulk("written"), "GET", dead[1])
				c.want("+OK\r\n", "MSET", dead[2], "w", live[2], "w")
				if got := servers[2].do(t, "MGET", dead[2], live[2]); got != "*2\r\n"+bulk("w")+bulk("spare") {
					t.Errorf("the spare has %q", got)
				}
			} else {
				c.wantPrefix("-", "SET", dead[1], "written")
				if got := servers[2].do(t, "GET", dead[1]); got != bulk("spare") {
					t.Errorf("the spare has %q; want what it had", got)
				}
			}
			c.want("+OK\r\n", "MULTI")
			c.want("+QUEUED\r\n", "GET", dead[0])
			c.wantPrefix("-", "EXEC")
			servers[0].start(t)
			await(t, "reads are the server's again", func() bool { return c.do("GET", dead[0]) == "$-1\r\n" })
			await(t, "writes, too", func() bool { return c.do("SET", dead[0], "back") == "+OK\r\n" })
			c.want(bulk("back"), "GET", dead[0])
			if got := servers[2].do(t, "GET", dead[0]); got != bulk("spare") {
				t.Errorf("the spare has %q; want what it had", got)
			}
		})
	}
}
