//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"testing"
)

// TestKillSelf: of what stands behind a client's own CLIENT KILL nothing is carried out, though it came with it.
func TestKillSelf(t *testing.T) {
	t.Parallel()
	wantCashew(t, "CLIENT KILL")
	servers := startRedises(t, 3)
	p := startLoops(t, 2, pool{name: "one", servers: entries(servers[:1])}, pool{name: "three", servers: entries(servers), settings: spread})
	kill := []func(addr, laddr, id string) []string{
		func(addr, _, _ string) []string { return []string{"CLIENT", "KILL", addr} },
		func(addr, _, _ string) []string { return []string{"client", "kill", "ADDR", addr, "SKIPME", "no"} },
		func(_, _, id string) []string { return []string{"CLIENT", "KILL", "ID", id, "SKIPME", "no"} },
		func(addr, laddr, _ string) []string {
			return []string{"CLIENT", "KILL", "TYPE", "normal", "LADDR", laddr, "ADDR", addr, "SKIPME", "no"}
		},
	}
	n := 0
	run := func(at string, how func(addr, laddr, id string) []string, cut, silent bool) (out string) {
		n++
		c, other := dial(t, at), dial(t, at)
		id := strings.Trim(c.do("CLIENT", "ID"), ":\r\n")
		before, behind := fmt.Sprint("before", n), fmt.Sprint("behind", n)
		commands := [][]string{
			{"SET", before, "1"},
			how(c.conn.LocalAddr().String(), c.conn.RemoteAddr().String(), id),
			{"SET", behind, "1"},
			{"MSET", behind, "1", behind + "a", "1"},
			{"MULTI"},
			{"SET", behind, "1"},
			{"EXEC"},
			{"PING", "x"},
			{"BLPOP", "none", "0"},
		}
		if silent {
			commands = append([][]string{{"CLIENT", "REPLY", "OFF"}}, commands...)
		}
		b := stream(commands)
		var cuts []int
		for i := 1; cut && i < len(b); i++ {
			cuts = append(cuts, i)
		}
		_ = c.sendCut(b, cuts) // it may be closed before all is written
		out = c.drain()
		return fmt.Sprintf("%s before %q behind %q %q", out, other.do("GET", before), other.do("GET", behind), other.do("GET", behind+"a"))
	}
	for i, how := range kill {
		for _, cut := range []bool{false, true} {
			want := run(servers[0].addr, how, cut, false)
			if !strings.Contains(want, `behind "$-1\r\n" "$-1\r\n"`) {
				t.Errorf("%d, directly: %s", i, want)
			}
			for _, pool := range []string{"one", "three"} {
				if got := run(p.addr(pool), how, cut, false); got != want {
					t.Errorf("%d, cut %t, pool %s: %s; directly %s", i, cut, pool, got, want)
				}
				// The server waits for a reply to be written, and there is none.
				if got := run(p.addr(pool), how, cut, true); got != ` before "$1\r\n1\r\n" behind "$-1\r\n" "$-1\r\n"` {
					t.Errorf("%d, cut %t, pool %s, without replies: %s", i, cut, pool, got)
				}
			}
		}
	}

	// What does not end the client holds nothing up for longer.
	for _, at := range []string{servers[0].addr, p.addr("one"), p.addr("three")} {
		c, other := dial(t, at), dial(t, at)
		other.do("PING")
		c.send(stream([][]string{
			{"CLIENT", "KILL", "127.0.0.1:1"},
			{"SET", "on", "1"},
			{"CLIENT", "KILL", "ADDR", other.conn.LocalAddr().String()},
			{"GET", "on"},
			{"CLIENT", "KILL", "ID", "x"},
			{"PING"},
		}))
		want := []string{"-ERR No such client\r\n", "+OK\r\n", ":1\r\n", bulk("1"), "-ERR client-id should be greater than 0\r\n", "+PONG\r\n"}
		if got := c.replies(len(want)); strings.Join(got, "") != strings.Join(want, "") {
			t.Errorf("at %s: %q; want %q", at, got, want)
		}
		if got := other.drain(); got != "" {
			t.Errorf("who was killed still got %q", got)
		}
	}
}
