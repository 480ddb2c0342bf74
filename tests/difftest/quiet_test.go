//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"testing"
)

// TestReplyOffTells: what a client that wants no replies is told all the same, and what ends that.
func TestReplyOffTells(t *testing.T) {
	t.Parallel()
	wantCashew(t, "CLIENT REPLY")
	servers := startRedises(t, 3)
	p := startProxy(t, pool{name: "one", servers: entries(servers[:1])}, pool{name: "three", servers: entries(servers), settings: spread})
	const off, skip, on = "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "CLIENT REPLY ON"
	var talks [][]string
	for _, sort := range []string{"", "P", "S"} {
		sub, unsub := sort+"SUBSCRIBE", sort+"UNSUBSCRIBE"
		talks = append(talks,
			[]string{off, unsub + " ch", on},
			[]string{off, unsub, on},
			[]string{skip, unsub + " ch", "PING a", on},
			[]string{off, sub + " ch", sub + " ch d", unsub + " ch", unsub + " e", unsub, "GET a", on},
			[]string{skip, sub + " ch", skip, unsub + " ch", skip, unsub, "ECHO b"},
			[]string{sub + " ch d", "PING", off, "PING x", unsub + " d", unsub, "PING", on},
			[]string{sub, off, sub, unsub + " ch", on},
		)
	}
	talks = append(talks,
		[]string{skip, "RESET", "PING a"},
		[]string{off, "RESET", "PING a"},
		[]string{off, skip, "RESET", "PING a"},
		[]string{skip, off, "RESET", "PING a"},
		[]string{skip, skip, "RESET", "RESET"},
		[]string{skip, "SUBSCRIBE ch", skip, "RESET", "PING a"},
		[]string{skip, "MULTI", "GET a", "RESET", "PING a"},
		[]string{"MULTI", "RESET", skip, "HELLO 3", "PING a"},
		[]string{skip, "HELLO 2", "PING a", skip, "SELECT 0", "PING a", skip, "AUTH default x", "PING a"},
	)
	for _, version := range []string{"2", "3"} {
		for _, talk := range talks {
			var want string
			for i, at := range []string{servers[0].addr, p.addr("one"), p.addr("three")} {
				c := dial(t, at)
				c.do("HELLO", version)
				var b []byte
				for _, line := range talk {
					b = append(b, command(words(line)...)...)
				}
				c.send(append(b, command("ECHO", "the end")...))
				var got strings.Builder
				for !strings.HasSuffix(got.String(), "the end\r\n") && !strings.Contains(got.String(), "'echo': only") {
					got.WriteString(c.reply())
				}
				if i == 0 {
					want = got.String()
				} else if got.String() != want {
					t.Errorf("RESP%s, %s: %q; directly %q", version, fmt.Sprint(strings.Join(talk, " | ")), got.String(), want)
				}
				c.close()
			}
		}
	}

	// Who sends what is no command is not told that either. The server waits for a reply to be written, and there is none.
	for _, pool := range []string{"one", "three"} {
		for _, mode := range []string{off, skip} {
			for _, bad := range []string{"*1\r\n:1\r\n", "*x\r\n", "*1\r\n$-5\r\n", "SET \"a\r\n"} {
				c := dial(t, p.addr(pool))
				c.send(append(command(words(mode)...), bad...))
				if got := c.drain(); got != "" {
					t.Errorf("%s and %q: %q", mode, bad, got)
				}
			}
		}
	}
}
