//go:build unix

package difftest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var mcToken = regexp.MustCompile(`(?m)^(?:VALUE \S+ \d+ \d+ (\d+)|(?:HD|VA \d+) c(\d+))\r$`)

// mcTokens are the cas ids in a reply.
func mcTokens(t testing.TB, reply string, want int) []string {
	t.Helper()
	var all []string
	for _, m := range mcToken.FindAllStringSubmatch(reply, -1) {
		all = append(all, m[1]+m[2])
	}
	if len(all) != want {
		t.Fatalf("%q has %d cas ids, want %d", clip(reply), len(all), want)
	}
	return all
}

// TestMemcachedCas: the cas id that a client gets through the proxy is the one that the server takes.
func TestMemcachedCas(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 4)
	p := startLoops(t, 2,
		pool{name: "one", servers: mcEntries(servers[:1]), memcached: true},
		pool{name: "four", servers: mcEntries(servers), settings: spread, memcached: true},
	)
	cas := func(key, value, token, noreply string) string {
		return fmt.Sprintf("cas %s 0 0 %d %s%s\r\n%s\r\n", key, len(value), token, noreply, value)
	}
	for _, name := range []string{"one", "four"} {
		t.Run(name, func(t *testing.T) {
			mcFlush(t, servers...)
			c, other := dial(t, p.addr(name)), dial(t, p.addr(name))
			var keys []string
			for i := range 20 {
				keys = append(keys, fmt.Sprint("key:", i))
				c.expect("STORED\r\n", mcSet(keys[i], "1"))
			}
			tokens := mcTokens(t, c.ask("gets "+strings.Join(keys, " ")+"\r\n"), len(keys))
			for i, k := range keys {
				c.expect("STORED\r\n", cas(k, "2", tokens[i], ""))
				c.expect("EXISTS\r\n", cas(k, "3", tokens[i], ""))
				c.expect(mcHit(k, "2"), mcGet(k))
			}
			for _, k := range keys {
				token := mcTokens(t, c.ask("gets "+k+"\r\n"), 1)[0]
				other.expect("STORED\r\n", mcSet(k, "theirs"))
				c.expect("EXISTS\r\n", cas(k, "mine", token, ""))
				token = mcTokens(t, c.ask("gets "+k+"\r\n"), 1)[0]
				other.expect("DELETED\r\n", "delete "+k+"\r\n")
				c.expect("NOT_FOUND\r\n", cas(k, "mine", token, ""))
				c.expect("STORED\r\n", mcSet(k, "5"))
				token = mcTokens(t, c.ask("gets "+k+"\r\n"), 1)[0]
				c.expectAll(mcHit(k, "6"), cas(k, "6", token, " noreply")+cas(k, "7", token, " noreply")+mcGet(k))
			}
			if underTest.name != "cashew" {
				return
			}
			tokens = mcTokens(t, c.ask("gats 1000 "+strings.Join(keys, " ")+"\r\n"), len(keys))
			for i, k := range keys {
				c.expect("HD c"+tokens[i]+"\r\n", "mg "+k+" c\r\n")
				c.expect("EX\r\n", "ms "+k+" 1 C1\r\n0\r\n")
				c.expect("HD\r\n", "ms "+k+" 1 C"+tokens[i]+"\r\n8\r\n")
				c.expect("EX\r\n", "md "+k+" C"+tokens[i]+"\r\n")
				token := mcTokens(t, c.ask("mg "+k+" c\r\n"), 1)[0]
				c.expect("VA 1\r\n9\r\n", "ma "+k+" v C"+token+"\r\n")
				token = mcTokens(t, c.ask("ms "+k+" 2 c\r\n10\r\n"), 1)[0]
				c.expect("STORED\r\n", cas(k, "11", token, ""))
				token = mcTokens(t, c.ask("mg "+k+" c\r\n"), 1)[0]
				c.expectAll("MN\r\nNF\r\n", "md "+k+" q C"+token+"\r\nmn\r\nmd "+k+"\r\n")
			}
		})
	}
}

// TestMemcachedNoreplyStorm: 100,000 sets that are not answered, and what was asked among and behind them is.
func TestMemcachedNoreplyStorm(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 4)
	p := startLoops(t, 2,
		pool{name: "one", servers: mcEntries(servers[:1]), memcached: true},
		pool{name: "four", servers: mcEntries(servers), settings: spread, memcached: true},
	)
	n, keys := 100_000, 1000
	if testing.Short() {
		n = 10_000
	}
	var quiet, mixed, last, wantMixed strings.Builder
	var names []string
	for i := range n {
		k, v := fmt.Sprint("key:", i%keys), fmt.Sprint("value ", i)
		set := fmt.Sprintf("set %s 0 0 %d noreply\r\n%s\r\n", k, len(v), v)
		quiet.WriteString(set)
		mixed.WriteString(set)
		if i%10 == 9 {
			mixed.WriteString(mcGet(k))
			wantMixed.WriteString(mcHit(k, v))
		}
		if i%100 == 50 {
			mixed.WriteString("delete none noreply\r\nincr none 1 noreply\r\ntouch none 0 noreply\r\n")
		}
		if i >= n-keys {
			last.WriteString(mcBlock(k, v))
			names = append(names, k)
		}
	}
	for _, name := range []string{"one", "four"} {
		t.Run(name, func(t *testing.T) {
			mcFlush(t, servers...)
			c := dial(t, p.addr(name))
			c.expectAll(last.String()+"END\r\n", quiet.String()+mcGet(names...))
			mcFlush(t, servers...)
			c.renew()
			c.expectAll(wantMixed.String()+last.String()+"END\r\n", mixed.String()+mcGet(names...))
			c.expect("STORED\r\n", mcSet("a", "1"))
		})
	}
}
