//go:build unix

package difftest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestPubSub: whoever subscribes, publishes and asks has the same bytes as from the server itself, in both versions, before one server
// and before four, on any loop.
func TestPubSub(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SUBSCRIBE closes the client, 6.2")
	direct, servers := startRedis(t), startRedises(t, 5)
	one, four := poolOf(servers[:1]), poolOf(servers[1:], spread...)
	one.name, four.name = "one", "four"
	p := startLoops(t, 2, one, four)
	for _, version := range []string{"2", "3"} {
		want := pubSubTalk(t, direct.addr, version)
		for _, pool := range []string{"one", "four"} {
			got := pubSubTalk(t, p.addr(pool), version)
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("RESP%s, %s, step %d: %q; directly %q", version, pool, i, got[i], want[i])
				}
			}
		}
	}
	for _, s := range servers {
		await(t, "nothing to be subscribed to", func() bool {
			return s.do(t, "PUBSUB", "CHANNELS") == "*0\r\n" && s.do(t, "PUBSUB", "NUMPAT") == ":0\r\n"
		})
	}
}

// pubSubTalk is what four clients say and hear.
func pubSubTalk(t *testing.T, addr, version string) (replies []string) {
	t.Helper()
	clients := make([]*client, 4)
	for i := range clients {
		clients[i] = dial(t, addr)
		defer clients[i].close()
	}
	hears, other, both, says := clients[0], clients[1], clients[2], clients[3]
	hears.do("HELLO", version)
	for _, step := range []struct {
		c      *client
		line   string
		own    int    // replies
		theirs string // a digit for each of hears, other and both: how many messages it has of that
	}{
		{hears, "SUBSCRIBE a b a", 3, "000"},
		{other, "SUBSCRIBE a", 1, "000"},
		{other, "SSUBSCRIBE s", 1, "000"},
		{both, "PSUBSCRIBE a* ?", 2, "000"},
		{both, "SUBSCRIBE a", 1, "000"},
		{says, "PUBLISH a one", 1, "113"},
		{says, "PUBLISH b two", 1, "101"},
		{says, "PUBLISH abc three", 1, "001"},
		{says, "PUBLISH nobody four", 1, "000"},
		{says, "SPUBLISH s five", 1, "010"},
		{says, "SPUBLISH a six", 1, "000"},
		{says, "PUBSUB NUMSUB a b nobody a", 1, "000"},
		{says, "PUBSUB NUMSUB", 1, "000"},
		{says, "PUBSUB NUMPAT", 1, "000"},
		{says, "PUBSUB SHARDNUMSUB s a", 1, "000"},
		{says, "PUBSUB SHARDCHANNELS", 1, "000"},
		{says, "PUBSUB CHANNELS b*", 1, "000"},
		{says, "PUBSUB CHANNELS nobody", 1, "000"},
		{says, "PUBSUB HELP", 1, "000"},
		{says, "PUBSUB", 1, "000"},
		{says, "PUBSUB NUMPAT x", 1, "000"},
		{says, "PUBSUB NOSUCH", 1, "000"},
		{says, "PUBLISH a", 1, "000"},
		{says, "SUBSCRIBE", 1, "000"},
		{says, "UNSUBSCRIBE nobody", 1, "000"},
		{says, "PUNSUBSCRIBE", 1, "000"},
		{says, "GET a", 1, "000"},
		{other, "GET a", 1, "000"},
		{other, "PING", 1, "000"},
		{other, "PING hello", 1, "000"},
		{other, "PING hello again", 1, "000"},
		{other, "MULTI", 1, "000"},
		{other, "CLIENT SETNAME x", 1, "000"},
		{hears, "PING", 1, "000"},
		{hears, "UNSUBSCRIBE b", 1, "000"},
		{says, "PUBLISH b seven", 1, "001"},
		{hears, "UNSUBSCRIBE", 1, "000"},
		{hears, "UNSUBSCRIBE", 1, "000"},
		{hears, "GET a", 1, "000"},
		{says, "PUBLISH a eight", 1, "013"},
		{both, "RESET", 1, "000"},
		{both, "GET a", 1, "000"},
		{other, "SUNSUBSCRIBE s a", 2, "000"},
		{other, "UNSUBSCRIBE a", 1, "000"},
		{says, "PUBLISH a nine", 1, "000"},
		{says, "PUBSUB CHANNELS", 1, "000"},
		{hears, "SSUBSCRIBE " + strings.Repeat("x", 20000), 1, "000"},
		{says, "SPUBLISH " + strings.Repeat("x", 20000) + " " + strings.Repeat("y", 1<<20), 1, "100"},
	} {
		step.c.send(command(words(step.line)...))
		got := step.c.replies(step.own)
		for i, n := range step.theirs {
			heard := clients[i].replies(int(n - '0'))
			slices.Sort(heard) // of a channel and of patterns, in any order
			got = append(got, heard...)
		}
		replies = append(replies, step.line[:min(len(step.line), 50)]+": "+fmt.Sprint(got))
	}
	return replies
}

// TestPubSubSees: what the servers themselves publish is heard from all of them, and messages of any size and bytes are the same.
func TestPubSubSees(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SUBSCRIBE closes the client, 6.2")
	servers := startRedises(t, 3, "--notify-keyspace-events", "KEA")
	addr := startProxy(t, poolOf(servers, spread...)).addr("p")
	hears, does := dial(t, addr), dial(t, addr)
	hears.send(command("SUBSCRIBE", "__keyevent@0__:set"))
	hears.reply()
	hears.send(command("PSUBSCRIBE", "__keyspace@0__:*"))
	hears.reply()
	for i := range 30 {
		key := fmt.Sprint("key", i)
		does.do("SET", key, "v")
		got := hears.replies(2)
		slices.Sort(got)
		want := []string{string(command("message", "__keyevent@0__:set", key)), string(command("pmessage", "__keyspace@0__:*", "__keyspace@0__:"+key, "set"))}
		if !slices.Equal(got, want) {
			t.Fatalf("of %s it hears %q; want %q", key, got, want)
		}
	}
	hears.send(command("SUBSCRIBE", "\r\n\x00 \xff"))
	hears.reply()
	for _, n := range []int{0, 1, 300, 511, 512, 513, 16 << 10, 64 << 10, 100000, 3 << 20} {
		text := strings.Repeat("\r\n*3$\x00", n/6+1)[:n]
		does.want(":1\r\n", "PUBLISH", "\r\n\x00 \xff", text)
		if got := hears.reply(); got != string(command("message", "\r\n\x00 \xff", text)) {
			t.Fatalf("of %d bytes it hears %q", n, clip(got))
		}
	}
}

// TestPubSubGoesOn: whoever is subscribed stays so while servers end and come back, and channels move with a reload.
func TestPubSubGoesOn(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SUBSCRIBE closes the client, 6.2")
	servers := startRedises(t, 3)
	p := poolOf(servers[:2], spread...)
	s := startProxy(t, p)
	addr := s.addr("p")
	hears, says := dial(t, addr), dial(t, addr)
	var channels []string
	for i := range 20 {
		channels = append(channels, fmt.Sprint("channel", i))
	}
	hears.send(command(append([]string{"SUBSCRIBE"}, channels...)...))
	hears.replies(len(channels))
	hears.send(command("PSUBSCRIBE", "p*"))
	hears.reply()
	heard := func(round string) {
		t.Helper()
		for _, c := range append(channels, "p1", "p2", "p3") {
			await(t, round+", "+c+" to be heard", func() bool { return says.do("PUBLISH", c, round) == ":1\r\n" })
			want := string(command("message", c, round))
			if strings.HasPrefix(c, "p") {
				want = string(command("pmessage", "p*", c, round))
			}
			if got := hears.reply(); got != want {
				t.Fatalf("%s: it hears %q; want %q", round, got, want)
			}
		}
	}
	heard("before")
	servers[0].Kill()
	servers[0].start(t)
	heard("once a server is back")
	says.close()
	says = dial(t, addr)
	conf, err := os.ReadFile(s.conf)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(string(conf), servers[1].entry(1, ""), servers[1].entry(1, "")+"\n   - "+servers[2].entry(1, ""), 1)
	if err := os.WriteFile(s.conf, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Signal(syscall.SIGHUP)
	await(t, "channels to move", func() bool {
		return servers[2].do(t, "PUBSUB", "CHANNELS") != "*0\r\n" && servers[2].do(t, "PUBSUB", "NUMPAT") == ":1\r\n"
	})
	heard("once a server was added")
	hears.close()
	for _, v := range servers {
		await(t, "nothing to be subscribed to", func() bool {
			return v.do(t, "PUBSUB", "CHANNELS") == "*0\r\n" && v.do(t, "PUBSUB", "NUMPAT") == ":0\r\n"
		})
	}
}
