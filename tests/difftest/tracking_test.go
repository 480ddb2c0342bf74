//go:build unix

package difftest

import (
	"strings"
	"testing"
)

// TestTracking: a CLIENT TRACKING is answered as by a server, but for REDIRECT, and for RESP2, which has nothing to say it with. NO-EVICT shows in CLIENT LIST.
func TestTracking(t *testing.T) {
	notRaced(t)
	t.Parallel()
	wantCashew(t, "CLIENT TRACKING")
	servers := startRedises(t, 3)
	p := startLoops(t, 2, pool{name: "one", servers: entries(servers[:1])}, pool{name: "three", servers: entries(servers), settings: spread})
	const (
		refused = "-ERR CLIENT TRACKING is not supported by this proxy: nobody would tell the client of changes\r\n"
		resp3   = "-ERR CLIENT TRACKING is supported by this proxy in RESP3 alone: send HELLO 3 before\r\n"
	)
	for _, version := range []string{"2", "3"} {
		direct := dial(t, servers[0].addr)
		for _, pool := range []string{"one", "three"} {
			other, proxied := dial(t, p.addr(pool)), dial(t, p.addr(pool))
			ids := map[*client]string{}
			for _, c := range []*client{direct, proxied} {
				c.do("HELLO", version)
				ids[c] = strings.Trim(c.do("CLIENT", "ID"), ":\r\n")
			}
			another := strings.Trim(other.do("CLIENT", "ID"), ":\r\n")
			for _, line := range []string{
				"OFF", "off bcast optin optout noloop prefix a prefix ab", "OFF REDIRECT ID", "OFF REDIRECT ID NOLOOP", "OFF REDIRECT ID REDIRECT ID", "OFF REDIRECT ID REDIRECT x",
				"OFF REDIRECT 5000000", "OFF REDIRECT 0", "OFF REDIRECT -1", "OFF REDIRECT x", "OFF REDIRECT 9223372036854775808", "OFF REDIRECT +1", "OFF REDIRECT",
				"OFF foo", "OFF PREFIX", "foo", "foo REDIRECT 5000000", "foo REDIRECT ID", "foo REDIRECT x", "foo OPTIN", "ON foo", "ON OFF", "ON REDIRECT", "ON REDIRECT x",
				"ON REDIRECT 5000000", "ON REDIRECT 5000000 foo", "ON REDIRECT ID foo", "ON foo REDIRECT x", "ON OPTIN OPTOUT", "ON BCAST OPTIN", "ON OPTOUT BCAST NOLOOP", "ON PREFIX a",
				"ON PREFIX", "ON OPTIN OPTOUT PREFIX a", "ON OPTIN BCAST OPTOUT", "ON BCAST PREFIX a PREFIX b PREFIX ab", "ON BCAST PREFIX '' PREFIX a", "ON REDIRECT ID PREFIX a",
				"ON", "on bcast prefix a prefix b", "ON OPTIN", "ON OPTOUT NOLOOP", "ON REDIRECT ID", "ON REDIRECT ID BCAST",
			} {
				ask := func(c *client) string {
					c.send(append(command(words("CLIENT TRACKING "+strings.ReplaceAll(line, "ID", ids[c]))...), command("PING")...))
					return answer(c) + answer(c)
				}
				want, got := ask(direct), ask(proxied)
				if want == "+OK\r\n+PONG\r\n" && strings.HasPrefix(strings.ToLower(line), "on") {
					switch {
					case strings.Contains(line, "REDIRECT"):
						want = refused + "+PONG\r\n"
					case version == "2":
						want = resp3 + "+PONG\r\n"
					}
					for _, c := range []*client{direct, proxied} {
						c.send(command("CLIENT", "TRACKING", "OFF"))
						if got := answer(c); got != "+OK\r\n" {
							t.Errorf("CLIENT TRACKING OFF: %q", got)
						}
					}
				}
				if got != want {
					t.Errorf("RESP%s, pool %s, CLIENT TRACKING %s: %q; directly %q", version, pool, line, got, want)
				}
			}
			proxied.send(command("ECHO", "behind"))
			if got := answer(proxied); got != bulk("behind") {
				t.Errorf("at the end comes %q", got)
			}
			proxied.want("+OK\r\n", "CLIENT", "TRACKING", "OFF", "REDIRECT", another)
			proxied.want("+OK\r\n", "MULTI")
			proxied.want("+QUEUED\r\n", "CLIENT", "TRACKING", "ON", "OPTIN", "OPTOUT")
			proxied.want("*1\r\n-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n", "EXEC")
		}
	}

	for _, talk := range [][]string{{"CLIENT NO-EVICT on"}, {"CLIENT NO-EVICT ON", "RESET"}, {"CLIENT NO-EVICT on", "CLIENT NO-EVICT off"}, {"MULTI", "CLIENT NO-EVICT on", "EXEC"}, {"CLIENT NO-EVICT x"}} {
		var want string
		for i, at := range []string{servers[0].addr, p.addr("one"), p.addr("three")} {
			c, other := dial(t, at), dial(t, at)
			for _, line := range talk {
				c.do(words(line)...)
			}
			c.want("+OK\r\n", "CLIENT", "SETNAME", "x")
			info := stateFields.FindStringSubmatch(c.do("CLIENT", "INFO"))
			got := strings.Join(info[1:], " ") + ", " + states(t, other)
			if i == 0 {
				want = got
			} else if got != want {
				t.Errorf("%q: %s; directly %s", talk, got, want)
			}
			c.close()
			await(t, "it to be gone", func() bool { return states(t, other) == "" })
		}
	}
}

// answer is c's next reply, but for what has it forget all.
func answer(c *client) string {
	for {
		if f := c.reply(); f != forgetAll {
			return f
		}
	}
}
