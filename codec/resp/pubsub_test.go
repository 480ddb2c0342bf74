package resp

import (
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/acl"
	"cashew/codec/codectest"
)

// What a client is told of its subscriptions, and what it may send from then on.
func TestAppendSubscribed(t *testing.T) {
	p, cl := New(Options{}), &codec.Client{ID: 1, Authed: true}
	counts := make([]int, sorts)
	tell := func(sort int, name []byte, begins bool, want string) {
		t.Helper()
		if got := string(p.AppendSubscribed([]byte("x"), cl, sort, name, begins, counts)); got != "x"+want {
			t.Errorf("sort %d, %q, begins %v: %q; want %q", sort, name, begins, got, want)
		}
	}
	send := func(line, want string) {
		t.Helper()
		got, _, err := codectest.Commands(p, cl, [][]byte{[]byte(line + "\n")})
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", line, got, err)
		}
		if is := codectest.KindName(got[0].Kind) + " " + got[0].Reply; strings.TrimRight(is, " \r\n") != want {
			t.Errorf("%s: %q; want %q", line, is, want)
		}
	}
	only := func(name string) string {
		return "Refuse -ERR Can't execute '" + name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
	}

	send("get a", "Forward")
	counts[channels] = 1
	tell(channels, []byte("a"), true, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
	send("get a", only("get"))
	send("client setname x", only("client|setname"))
	send("multi", only("multi"))
	send("exec", "Discard -EXECABORT Transaction discarded because of: "+strings.TrimPrefix(only("exec"), "Refuse -ERR "))
	send("publish a b", only("publish"))
	send("ping", "Local *2\r\n$4\r\npong\r\n$0")
	send("ping hi", "Local *2\r\n$4\r\npong\r\n$2\r\nhi")
	send("psubscribe b*", "Subscribe")
	counts[patterns] = 1
	tell(patterns, []byte("b*"), true, "*3\r\n$10\r\npsubscribe\r\n$2\r\nb*\r\n:2\r\n")
	counts[shards] = 1
	tell(shards, []byte("s"), true, "*3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n")
	counts = []int{0, 0, 1}
	tell(patterns, nil, false, "*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n")
	send("get a", only("get")) // it has the sharded one still
	cl.Profile = RESP3
	send("get a", "Forward")
	send("ping", "Local +PONG")
	cl.Profile = RESP2
	send("get a", only("get"))
	counts[shards] = 0
	tell(shards, []byte("s"), false, "*3\r\n$12\r\nsunsubscribe\r\n$1\r\ns\r\n:0\r\n")
	send("get a", "Forward")
	cl.Profile = RESP3
	tell(channels, nil, false, ">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n")
	send("multi", "Local +OK")
	send("subscribe a", "Refuse -ERR Command not allowed inside a transaction")
}

func TestMessage(t *testing.T) {
	p := New(Options{})
	for _, tt := range []struct {
		frame, name string
		sort        int
		ok          bool
	}{
		{"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n", "a", channels, true},
		{"*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$5\r\nhello\r\n", "a*", patterns, true},
		{"*3\r\n$8\r\nsmessage\r\n$0\r\n\r\n$5\r\nhello\r\n", "", shards, true},
		{"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", "", 0, false},
		{"*2\r\n$4\r\npong\r\n$0\r\n\r\n", "", 0, false},
		{"+PONG\r\n", "", 0, false},
		{"-ERR message\r\n", "", 0, false},
		{"*3\r\n$7\r\nmessage\r\n:1\r\n$5\r\nhello\r\n", "", 0, false},
		{"*-1\r\n", "", 0, false},
	} {
		sort, name, ok := p.Message([]byte(tt.frame))
		if ok != tt.ok || ok && (sort != tt.sort || string(name) != tt.name) {
			t.Errorf("%q: %d, %q, %v; want %d, %q, %v", tt.frame, sort, name, ok, tt.sort, tt.name, tt.ok)
		}
	}
	frame := "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n"
	if got := string(p.AppendMessage([]byte("x"), RESP3, []byte(frame))); got != "x>"+frame[1:] {
		t.Errorf("in RESP3: %q", got)
	}
	if got := string(p.AppendMessage([]byte("x"), RESP2, []byte(frame))); got != "x"+frame {
		t.Errorf("in RESP2: %q", got)
	}
}

func TestAnswersSubscribe(t *testing.T) {
	p := New(Options{})
	for frame, want := range map[string][2]bool{
		"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:7\r\n":      {true, false},
		"*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:7\r\n":      {false, false},
		"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:7\r\n":   {false, false},
		"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n$1\r\n7\r\n": {false, false},
		"+OK\r\n":               {false, false},
		"-NOPERM no access\r\n": {true, true},
	} {
		if fits, refused := p.AnswersSubscribe([]byte(frame), channels, []byte("a"), true); fits != want[0] || refused != want[1] {
			t.Errorf("%q: fits %v, refused %v; want %v", frame, fits, refused, want)
		}
	}
}

// audience is what clients of a proxy are subscribed to.
type audience map[string]struct{ clients, own int }

func (a audience) Count(_ int, name []byte, _ int) (clients, own int) {
	return a[string(name)].clients, a[string(name)].own
}

func (a audience) Names(sort, _ int, f func(name string, clients, own int)) {
	for name, n := range a {
		if sort == patterns && strings.Contains(name, "*") {
			f(name, n.clients, n.own)
		}
	}
}

// Servers count a loop once, however many clients it subscribes for: the proxy's clients take the place of its loops.
func TestCoalescePubSub(t *testing.T) {
	p := New(Options{})
	who := audience{"a": {clients: 5, own: 2}, "a*": {clients: 3, own: 2}, "b*": {clients: 1, own: 2}}
	for _, tt := range []struct {
		command string
		replies []string
		want    string
	}{
		{"publish a x", []string{":4\r\n"}, ":8\r\n"},
		{"publish a x", []string{":6\r\n"}, ":10\r\n"}, // two that are not ours
		{"publish a x", []string{":1\r\n"}, ":8\r\n"},  // not all loops are subscribed yet
		{"publish a x", []string{":0\r\n"}, ":0\r\n"},  // and none was when it was executed
		{"publish c x", []string{":1\r\n"}, ":1\r\n"},
		{"spublish a x", []string{":2\r\n"}, ":5\r\n"},
		{"publish a x", []string{"-NOPERM no\r\n"}, "-NOPERM no\r\n"},
		{"publish a x", []string{"+OK\r\n"}, errInvalid},
		{"pubsub numpat", []string{":2\r\n", ":3\r\n"}, ":3\r\n"}, // two of ours, and one of somebody else's at the second
		{"pubsub numsub a c", []string{"*4\r\n$1\r\na\r\n:2\r\n$1\r\nc\r\n:0\r\n", "*4\r\n$1\r\na\r\n:1\r\n$1\r\nc\r\n:4\r\n"}, "*4\r\n$1\r\na\r\n:6\r\n$1\r\nc\r\n:4\r\n"},
		{"pubsub numsub", []string{"*0\r\n", "*0\r\n"}, "*0\r\n"},
		{"pubsub numsub a", []string{"*2\r\n$1\r\nb\r\n:2\r\n"}, errInvalid},
		{"pubsub channels", []string{"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*0\r\n", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"}, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
		{"pubsub channels", []string{":1\r\n"}, errInvalid},
	} {
		var s codec.Scan
		var cmd codec.Command
		if n, err := p.ParseCommand(&codec.Client{Authed: true}, &s, []byte(tt.command+"\r\n"), &cmd); n == 0 || err != nil {
			t.Fatal(tt.command, err)
		}
		g := &codec.Gather{Op: cmd.Op, Keys: p.AppendKeys(nil, &cmd), Subscribers: who}
		for i, r := range tt.replies {
			g.Replies, g.Cursor, g.Part = append(g.Replies, []byte(r)), append(g.Cursor, 0), append(g.Part, uint16(i))
		}
		if got := string(p.AppendCoalesced([]byte("x"), g)); got != "x"+tt.want {
			t.Errorf("%s of %q: %q; want %q", tt.command, tt.replies, got[1:], tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", false}, // as redis-server 7.0
		{"*", "a", true},
		{"a*", "a", true},
		{"a*b", "axxb", true},
		{"a*b", "axxbc", false},
		{"?", "", false},
		{"??", "ab", true},
		{"h[ae]llo", "hello", true},
		{"h[^e]llo", "hello", false},
		{"h[^e]llo", "hallo", true},
		{"[a-c]", "b", true},
		{"[c-a]", "b", true},
		{"[a-c]", "d", false},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{`[\]]`, "]", true},
		{"[a", "a", true},
		{"[", "a", false},
		{"*a*a*a*b", strings.Repeat("a", 1000), false},
		{`a\`, `a\`, true},
		{"**b", "ab", true},
	} {
		if got := acl.Matches(tt.pattern, []byte(tt.name)); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestEverywhere(t *testing.T) {
	p := New(Options{})
	for name, want := range map[string]bool{"__keyspace@0__:a": true, "__keyevent@0__:expired": true, "__keys": false, "a": false} {
		if got := p.Everywhere(channels, []byte(name)); got != want {
			t.Errorf("channel %s: %v", name, got)
		}
	}
	of := New(Options{Cluster: true})
	for name, want := range map[string]bool{"a*": false, "*": false, "__keyspace@0__:*": true, "__key*": true} {
		if got := of.Everywhere(patterns, []byte(name)); got != want {
			t.Errorf("in a cluster, pattern %s: %v", name, got)
		}
	}
	if !p.Everywhere(patterns, []byte("a")) || p.Everywhere(shards, []byte("__keyspace@0__:a")) {
		t.Error("a pattern may come from any server, and a sharded channel from its own alone")
	}
}
