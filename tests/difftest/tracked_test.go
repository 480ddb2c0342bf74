//go:build unix

package difftest

import (
	"slices"
	"strings"
	"testing"
)

// trackedTalks are what a client that tracks keys says (c), and what another writes at the server (d).
var trackedTalks = [][]string{
	{"c CLIENT TRACKING ON", "c CLIENT TRACKINGINFO", "c CLIENT GETREDIR", "c GET a", "d SET a 1", "d SET a 2", "c GET a", "c GET a", "d DEL a", "c SET a 5", "c GET a", "c SET a 6"},
	{"c CLIENT TRACKING ON NOLOOP", "c GET a", "c SET a 1", "c GET a", "d SET a 2", "c CLIENT TRACKING OFF", "c GET a", "d SET a 3", "c CLIENT TRACKINGINFO"},
	{"c CLIENT TRACKING ON OPTIN", "c GET a", "d SET a 1", "c CLIENT CACHING YES", "c GET a", "c GET b", "d SET a 2", "d SET b 2", "c CLIENT CACHING NO", "c CLIENT TRACKING ON OPTOUT"},
	{"c CLIENT TRACKING ON OPTIN", "c CLIENT CACHING YES", "c CLIENT TRACKINGINFO", "c GET a", "d SET a 3", "c CLIENT CACHING YES", "c PING", "c GET a", "d SET a 4"},
	{"c CLIENT TRACKING ON OPTIN", "c CLIENT CACHING YES ; MULTI ; PTTL a ; GET a ; EXEC", "d SET a 3", "c MULTI ; GET a ; EXEC", "d SET a 4"},
	{"c CLIENT TRACKING ON OPTIN", "c CLIENT CACHING YES", "c MGET a b c", "d MSET a 1 b 2 c 3", "c MGET a b c", "d MSET a 1 b 2 c 3"},
	{"c CLIENT TRACKING ON OPTOUT", "c MGET a b c", "d DEL a b c", "c CLIENT CACHING NO", "c MGET a b", "c GET c", "d MSET a 1 b 2 c 3", "c CLIENT CACHING YES"},
	{
		"c CLIENT TRACKING ON BCAST PREFIX x: PREFIX y:", "c CLIENT TRACKINGINFO", "c GET x:1", "d SET x:1 1", "d SET z 1", "c CLIENT TRACKING ON BCAST PREFIX x:y",
		"c CLIENT TRACKINGINFO", "d SET y:1 1", "c CLIENT TRACKING ON", "c CLIENT TRACKING OFF", "d SET x:1 2",
	},
	{"c CLIENT TRACKING ON BCAST", "c CLIENT TRACKINGINFO", "c GET a", "d SET a 1"},
	{"c CLIENT TRACKING ON OPTIN", "c CLIENT CACHING YES ; CLIENT GETNAME ; CLIENT GETREDIR ; GET a", "d SET a 1", "c CLIENT CACHING YES ; CLIENT NOSUCH ; GET a", "d SET a 2"},
	{"c CLIENT TRACKING ON", "c HSET h f 1", "c HGETALL h", "d HSET h f 2", "c EVAL 'return redis.call(\"get\",KEYS[1])' 1 k", "d SET k 1", "c CLIENT CACHING YES", "c CLIENT CACHING", "c CLIENT CACHING x"},
	{"c CLIENT TRACKING ON", "c GET a", "d FLUSHALL", "c GET a", "d SET a 1", "c RESET", "c GET a", "d SET a 2", "c CLIENT TRACKINGINFO"},
	{"c CLIENT TRACKING ON", "c GET a", "c UNLINK a", "c APPEND a x", "c EXPIRE a 100", "c GET a", "d RENAME a b", "c GET b", "d PERSIST b"},
}

// forgetAll is what has a client that tracks keys forget them all.
const forgetAll = ">2\r\n$10\r\ninvalidate\r\n_\r\n"

// TestTracked: a client that tracks keys is told of the same, and answered the same, as by the server; before three servers keys are told of one by one or
// together, but all.
func TestTracked(t *testing.T) {
	notRaced(t)
	t.Parallel()
	wantCashew(t, "CLIENT TRACKING")
	servers := startRedises(t, 2)
	p := startLoops(t, 2, pool{name: "one", servers: entries(servers[1:]), settings: []string{"commands: +@all"}})
	for _, talk := range trackedTalks {
		var want [][]string
		for side, addr := range []string{servers[0].addr, p.addr("one")} {
			c, d := dial(t, addr), dial(t, servers[side].addr)
			d.do("FLUSHALL")
			c.do("HELLO", "3")
			got := tracked(c, d, talk, want)
			if side == 0 {
				want = got
				continue
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%q: after %s: %q; directly %q", talk, talk[i], got[i], want[i])
				}
			}
			c.close()
			d.close()
		}
	}
}

// TestTrackedListens: a client that is to be told of all keys, and asks for none, is told of all that is written behind what has it forget all: when it
// begins, and when a server has closed its connection.
func TestTrackedListens(t *testing.T) {
	notRaced(t)
	t.Parallel()
	wantCashew(t, "CLIENT TRACKING")
	servers := startRedises(t, 1)
	p := startLoops(t, 2, pool{name: "one", servers: entries(servers)})
	c, d := dial(t, p.addr("one")), dial(t, servers[0].addr)
	c.do("HELLO", "3")
	c.do("CLIENT", "TRACKING", "ON", "BCAST")
	for range 3 {
		for !strings.Contains(d.do("CLIENT", "LIST"), "flags=tB") {
		}
		for c.reply() != forgetAll {
		}
		d.do("SET", "a", "1")
		for f := c.reply(); !strings.Contains(f, "$1\r\na\r\n"); f = c.reply() {
			if f != forgetAll {
				t.Fatalf("it has %q", f)
			}
		}
		d.do("CLIENT", "KILL", "TYPE", "normal")
	}
}

// tracked is what c gets after each step: the reply, if it sent something, and what comes unasked, in any order. want is how it was directly, or nil.
func tracked(c, d *client, talk []string, want [][]string) (got [][]string) {
	early := strings.Contains(talk[0], "BCAST") // the proxy has it forget all when a server begins to tell
	for i, line := range talk {
		who, command, _ := strings.Cut(line, " ")
		if who == "d" {
			d.do(words(command)...)
		} else {
			c.send(commandOf(command))
		}
		c.send(commandOf("ECHO end"))
		var frames []string
		most := 0
		if want != nil {
			most = len(want[i])
		}
		for ended := false; !ended || len(frames) < most; {
			f := c.reply()
			if f == "$3\r\nend\r\n" {
				ended = true
				continue
			}
			if early && f == forgetAll {
				continue
			}
			frames = append(frames, f)
		}
		slices.Sort(frames)
		got = append(got, frames)
	}
	return got
}

// commandOf is a line as arrays, of which it may have several.
func commandOf(line string) (all []byte) {
	for one := range strings.SplitSeq(line, " ; ") {
		all = append(all, command(words(one)...)...)
	}
	return all
}
