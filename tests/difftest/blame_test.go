//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"testing"
)

// TestClientEjectsNoServer: whatever one client asks for, the server that gives it stays in the ring.
func TestClientEjectsNoServer(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it ejects servers for less")
	const reset = "-ERR Connection reset by peer"
	large := func(c *client) { c.wantPrefix(reset, "EVAL", "return string.rep('x', 30000000)", "1", "k0") }
	for _, tt := range []struct {
		name string
		asks func(c *client)
	}{
		{"a reply above the output limit", large},
		{"replies above the output limit", func(c *client) {
			var text strings.Builder
			for range 30 {
				text.Write(command("GET", "k0"))
			}
			c.send([]byte(text.String() + string(command("ECHO", "end"))))
			for range 30 {
				c.reply()
			}
			if got := c.reply(); got != bulk("end") {
				t.Errorf("behind them comes %.40q", got)
			}
		}},
		{"a reply of lines", func(c *client) {
			c.wantPrefix(reset, "EVAL", "local t = {} for i = 1, 500000 do t[i] = {i, 'value', {}} end return t", "1", "k0")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			servers := startRedises(t, 2, "--client-output-buffer-limit", "normal", "1mb", "0", "0")
			p := startProxy(t, poolOf(servers, append(spread, "auto_eject_hosts: true", "server_failure_limit: 1",
				"server_retry_timeout: 60000")...))
			c := dial(t, p.addr("p"))
			where := map[string]int{}
			for i := range 20 {
				k := fmt.Sprint("k", i)
				c.want("+OK\r\n", "SET", k, strings.Repeat("v", 900_000))
				for j, s := range servers {
					if s.do(t, "EXISTS", k) == ":1\r\n" {
						where[k] = j
					}
				}
			}
			for range 3 {
				tt.asks(c)
			}
			for k, j := range where {
				c.want("+OK\r\n", "SET", k, "again")
				if got := servers[j].do(t, "GET", k); got != bulk("again") {
					t.Fatalf("%s moved: its server has %.20q", k, got)
				}
			}
		})
	}
}

// TestNoEcho: a server whose user may not run the canary's command, or that has not got it, is served like any other.
func TestNoEcho(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it has no canaries")
	for name, args := range map[string][]string{
		"not allowed": {"--user", "default", "on", "nopass", "~*", "&*", "+@all", "-echo"},
		"renamed":     {"--rename-command", "ECHO", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRedis(t, args...)
			p := startProxy(t, poolOf([]*redisServer{s}, "server_integrity_interval: 1000", "auto_eject_hosts: true"))
			c := dial(t, p.addr("p"))
			c.want("+OK\r\n", "SET", "a", "1")
			var asked, connections, canaries, first int
			await(t, "three canaries", func() bool {
				c.want(bulk("1"), "GET", "a")
				asked++ // on a connection of its own
				for line := range strings.Lines(s.do(t, "INFO", "everything")) {
					_, _ = fmt.Sscanf(line, "total_connections_received:%d", &connections)
					_, _ = fmt.Sscanf(line, "total_error_replies:%d", &canaries)
				}
				if asked == 1 {
					first = connections - asked
				}
				return canaries >= 3
			})
			if n := connections - asked - first; n != 0 {
				t.Errorf("the proxy connected anew %d times", n)
			}
		})
	}
}
