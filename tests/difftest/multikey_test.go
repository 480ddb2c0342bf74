//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestWideCommands compares multi-key commands of up to 10,000 keys over four servers with one server's own replies.
func TestWideCommands(t *testing.T) {
	t.Parallel()
	w := startWays(t)
	for _, n := range []int{2, 3, 10, 100, 10_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			hows := []cutting{whole, random}
			if n <= 10 {
				hows = append(hows, everyByte)
			}
			commands := wide(n)
			w.run(t, diffCase{commands: commands}, uint64(n), hows...)
			exists := [][]string{commands[0], append([]string{"EXISTS"}, commands[1][1:]...)}
			w.run(t, diffCase{commands: exists, upstream: "EXISTS goes to one server, 6.3"}, uint64(n), whole)
		})
	}
}

// TestManyWideInFlight has several clients with many wide commands in their pipelines at once.
func TestManyWideInFlight(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	addr := startLoops(t, 3, poolOf(servers, spread...)).addr("p")
	const clients, rounds, width = 8, 60, 300
	var commands [][]string
	var want []string
	for r := range rounds {
		mset, mget, values := []string{"MSET"}, []string{"MGET"}, ""
		for i := range width {
			mset = append(mset, fmt.Sprintf("k%d", i), fmt.Sprintf("v%d.%d", r, i))
			mget = append(mget, fmt.Sprintf("k%d", width-1-i))
			values += bulk(fmt.Sprintf("v%d.%d", r, width-1-i))
		}
		commands = append(commands, mset, mget, []string{"PING"}, []string{"GET", "k7"})
		want = append(want, "+OK\r\n", fmt.Sprintf("*%d\r\n%s", width, values), "+PONG\r\n", bulk(fmt.Sprintf("v%d.7", r)))
	}
	// Each client has keys of its own, and so the replies that it would have alone.
	diffs := make(chan string, clients)
	for id := range clients {
		own := make([][]string, len(commands))
		for i, args := range commands {
			for j, a := range args {
				if strings.HasPrefix(a, "k") {
					a = fmt.Sprintf("%d:%s", id, a)
				}
				own[i] = append(own[i], args[j])
				own[i][j] = a
			}
		}
		go func() {
			diffs <- diffReplies(own, want, exchange(t, addr, own, random, newRand(uint64(id))))
		}()
	}
	for range clients {
		if diff := <-diffs; diff != "" {
			t.Error(diff)
		}
	}
}

// TestSlowServer stops one of four servers: replies keep their order, and clients of the other servers do not wait.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	addr := startProxy(t, poolOf(servers, spread...)).addr("p")
	where := owners(t, addr, servers, "key:%d", 200)
	slow, quick := pick(t, where, 0, 3), append(pick(t, where, 1, 3), pick(t, where, 2, 3)...)

	c, other := dial(t, addr), dial(t, addr)
	for i, k := range append(quick, slow...) {
		c.want("+OK\r\n", "SET", k, fmt.Sprint(i))
	}
	servers[0].Signal(syscall.SIGSTOP)
	commands := [][]string{
		{"GET", quick[0]},
		{"GET", slow[0]},
		{"GET", quick[1]},
		{"PING"},
		{"MGET", quick[2], slow[1], quick[3]},
		{"GET", slow[2]},
		{"DEL", slow[0], quick[0]},
		{"GET", quick[0]},
		{"NOSUCHCOMMAND"},
		{"GET", quick[4]},
	}
	want := []string{
		bulk("0"), bulk("6"), bulk("1"), "+PONG\r\n", "*3\r\n" + bulk("2") + bulk("7") + bulk("3"),
		bulk("8"), ":2\r\n", "$-1\r\n", "", bulk("4"),
	}
	if underTest.name == "nutcracker" {
		commands[8], want[8] = []string{"PING"}, "+PONG\r\n"
	}
	c.send(stream(commands))
	for range 20 {
		other.want(bulk("5"), "GET", quick[5])
		other.want("+PONG\r\n", "PING")
		other.want("*2\r\n"+bulk("5")+bulk("3"), "MGET", quick[5], quick[3])
	}
	servers[0].Signal(syscall.SIGCONT)
	got := c.replies(len(commands))
	if want[8] == "" && strings.HasPrefix(got[8], "-ERR unknown command") {
		want[8] = got[8]
	}
	if diff := diffReplies(commands, want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAcrossServers: what is not split needs its keys on one server.
func TestAcrossServers(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it sends them to the first key's server")
	servers := startRedises(t, 4)
	addr := startProxy(t, poolOf(servers, append(spread, `hash_tag: "{}"`)...)).addr("p")
	where := owners(t, addr, servers, "key:%d", 200)
	here, there := pick(t, where, 0, 2), pick(t, where, 1, 2)
	c := dial(t, addr)
	for _, args := range [][]string{
		{"SUNION", "A", "B"},
		{"SINTER", "A", "B"},
		{"SDIFF", "A", "B"},
		{"SUNIONSTORE", "A", "B", "A"},
		{"SINTERSTORE", "A", "A", "B"},
		{"SINTERCARD", "2", "A", "B"},
		{"SMOVE", "A", "B", "m"},
		{"PFCOUNT", "A", "B"},
		{"PFMERGE", "A", "B"},
		{"RPOPLPUSH", "A", "B"},
		{"LMOVE", "A", "B", "LEFT", "LEFT"},
		{"LMPOP", "2", "A", "B", "LEFT"},
		{"ZUNIONSTORE", "A", "2", "A", "B"},
		{"ZUNION", "2", "A", "B"},
		{"ZINTER", "2", "A", "B"},
		{"ZDIFF", "2", "A", "B"},
		{"ZMPOP", "2", "A", "B", "MIN"},
		{"ZRANGESTORE", "A", "B", "0", "-1"},
		{"COPY", "A", "B"},
		{"RENAME", "A", "B"},
		{"BITOP", "OR", "A", "A", "B"},
		{"GEOSEARCHSTORE", "A", "B", "FROMLONLAT", "1", "1", "BYRADIUS", "1", "km"},
		{"SORT", "A", "STORE", "B"},
		{"LCS", "A", "B"},
		{"MSETNX", "A", "1", "B", "2"},
		{"XREAD", "STREAMS", "A", "B", "0", "0"},
	} {
		across, together := replaceKeys(args, here[0], there[0]), replaceKeys(args, "{x}1", "{x}2")
		t.Run(args[0], func(t *testing.T) {
			c.t = t
			c.wantPrefix("-CROSSSLOT", across...)
			if got := c.do(together...); strings.HasPrefix(got, "-CROSSSLOT") || strings.HasPrefix(got, "-ERR unknown") {
				t.Errorf("%s = %q, with both keys on one server", show(together), got)
			}
			c.want("+PONG\r\n", "PING")
		})
	}
	if diff := len(whereabouts(t, servers, 0)); diff > len(where)+2 {
		t.Errorf("refused commands made keys: %d, want %d", diff, len(where))
	}
}

func replaceKeys(args []string, a, b string) []string {
	out := make([]string, len(args))
	for i, w := range args {
		switch w {
		case "A":
			w = a
		case "B":
			w = b
		}
		out[i] = w
	}
	return out
}
