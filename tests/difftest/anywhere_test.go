//go:build unix

package difftest

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAnywhere: what any server may be asked is not asked of one that hangs, once that is known, while another answers, whichever hung before.
func TestAnywhere(t *testing.T) {
	t.Parallel()
	wantCashew(t, "TIME and others close the client")
	servers := startRedises(t, 3)
	for _, settings := range [][]string{{"timeout: 500"}, {"timeout: 500", "server_connections: 3", "databases: 16"}} {
		addr := startLoops(t, 1, poolOf(servers, append(settings, "commands: +@all", "auto_eject_hosts: false")...)).addr("p")
		one, other, three := dial(t, addr), dial(t, addr), dial(t, addr)
		three.wantPrefix("%7\r\n", "HELLO", "3")
		asked := [][]string{
			{"TIME"}, {"COMMAND", "COUNT"}, {"LOLWUT"}, {"ACL", "CAT"}, {"OBJECT", "HELP"}, {"FUNCTION", "DUMP"}, {"ACL", "GENPASS"}, {"COMMAND", "GETKEYS", "GET", "a"},
		}
		for round := range 2 {
			for n := range servers {
				// All but one hang. Of each the loop learns by one request that is late.
				for i, s := range servers {
					if i != n {
						s.Signal(syscall.SIGSTOP)
					}
				}
				late := 0
				for before := -1; late != before && late < len(servers); {
					before = late
					if !strings.HasPrefix(one.do("TIME"), "*2\r\n") {
						late++
					}
					one.want("+OK\r\n", "MULTI")
					one.want("+QUEUED\r\n", "TIME")
					if !strings.HasPrefix(one.do("EXEC"), "*1\r\n*2\r\n") {
						late++
					}
				}
				if late >= len(servers) {
					t.Errorf("round %d, server %d: %d requests were late before the one that answers was asked", round, n, late)
				}
				for _, c := range []*client{one, other, three} {
					for _, args := range asked {
						if got := c.do(args...); strings.HasPrefix(got, "-") {
							t.Errorf("round %d, server %d: %s = %q", round, n, show(args), got)
						}
					}
					c.want("+OK\r\n", "MULTI")
					c.want("+QUEUED\r\n", "TIME")
					c.wantPrefix("*1\r\n*2\r\n", "EXEC")
				}
				for i, s := range servers {
					if i != n {
						s.Signal(syscall.SIGCONT)
						s.do(t, "PING") // and so what it was owed for has been answered
					}
				}
			}
		}
	}

	// Without a timeout nothing is ever late: that a reply is owed for long is known by the loop all the same.
	addr := startLoops(t, 1, poolOf(servers, "auto_eject_hosts: false")).addr("p")
	for _, s := range servers {
		s.Signal(syscall.SIGSTOP)
		waits, c := dial(t, addr), dial(t, addr)
		waits.send(command("TIME"))
		await(t, "another to be asked", func() bool {
			c := dial(t, addr)
			defer c.close()
			c.send(command("TIME"))
			c.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			_, err := readReply(c.r)
			return err == nil
		})
		c.wantPrefix("*2\r\n", "TIME")
		s.Signal(syscall.SIGCONT)
		if reply := waits.reply(); !strings.HasPrefix(reply, "*2\r\n") {
			t.Errorf("who had waited got %q", reply)
		}
	}
}
