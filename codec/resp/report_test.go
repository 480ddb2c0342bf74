package resp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
)

// asked returns the only reply to a line, asked by client 42 of codectest.About, from a line and from an array, cut at
// every byte.
func asked(t *testing.T, p *Protocol, cl codec.Client, in string) (reply string, last bool) {
	t.Helper()
	array, _, ok := appendArray(nil, []byte(in))
	if !ok {
		t.Fatalf("%q is no command", in)
	}
	for _, stream := range []string{in + "\r\n", string(array)} {
		codectest.EverySplit([]byte(stream), func(pieces [][]byte) {
			asker := cl
			got, rest, err := codectest.Commands(p, &asker, pieces)
			if len(got) != 1 || rest != "" || err != nil {
				t.Fatalf("%q: %v, %q, %v", pieces, got, rest, err)
			}
			if reply != "" && reply != got[0].Reply {
				t.Fatalf("%q: %q; before %q", pieces, got[0].Reply, reply)
			}
			reply, last = got[0].Reply, got[0].Last
		})
	}
	return reply, last
}

const (
	line3 = "id=3 addr=10.0.0.3:1003 laddr= fd=0 name=three age=90 idle=1 flags=P db=3 sub=70 psub=71 ssub=72 multi=-1 watch=0 qbuf=10 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=20 tot-mem=30 events=r cmd=get " +
		"user=default redir=-1 resp=2 lib-name=lib lib-ver=1.2 tot-cmds=30\n"
	line7 = "id=7 addr=unix laddr= fd=0 name= age=10 idle=0 flags=xbdU db=0 sub=0 psub=0 ssub=0 multi=4 watch=6 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=55 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=55 events=r cmd=NULL " +
		"user=default redir=-1 resp=2 lib-name= lib-ver= tot-cmds=0\n"
	// line42 is the asker's: what its command found stands in it, not what About says.
	line42 = "id=42 addr=[::1]:1042 laddr= fd=0 name=me age=5 idle=0 flags=N db=5 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client|list " +
		"user=default redir=-1 resp=2 lib-name=mine lib-ver=2 tot-cmds=2\n"
)

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func TestAppendReport(t *testing.T) {
	infoAll := bulk(infoWhole)
	slow9 := "*6\r\n:9\r\n:1700000009\r\n:12345\r\n*3\r\n$4\r\nmget\r\n$1\r\na\r\n$17\r\n... (2 more keys)\r\n$13\r\n10.0.0.3:1003\r\n$5\r\nthree\r\n"
	slow8 := "*6\r\n:8\r\n:1700000008\r\n:1000000\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n$4\r\nunix\r\n$0\r\n\r\n"
	slow4 := "*6\r\n:4\r\n:1700000004\r\n:0\r\n*1\r\n$6\r\nlolwut\r\n$13\r\n10.0.0.3:1003\r\n$0\r\n\r\n"
	const badCount = "-ERR count should be greater than or equal to -1\r\n"
	tests := []struct {
		in, want string
		last     bool // the asker is closed
	}{
		{in: "info", want: infoAll},
		{in: "info PROXY", want: bulk(infoOfProxy)},
		{in: "info proxy Replication", want: bulk("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n" + infoOfProxy)},

		{in: "client list", want: bulk(line3 + line7 + line42)},
		{in: "client list type normal", want: bulk(line7 + line42)},
		{in: "client list type pubsub", want: bulk(line3)},
		{in: "client kill type pubsub", want: ":1\r\n"},
		{in: "client list type replica", want: "$0\r\n\r\n"},
		{in: "client list type foo", want: "-ERR Unknown client type 'foo'\r\n"},
		{in: "client list id 42 99 3", want: bulk(line42 + line3)},
		{in: "client list id -1", want: "$0\r\n\r\n"},
		{in: "client list id x", want: "-ERR Invalid client ID\r\n"},
		{in: "client list id", want: errSyntax},
		{in: "client list foo bar", want: errSyntax},
		{in: "client info", want: bulk(strings.Replace(line42, "client|list", "client|info", 1))},
		{in: "client info x", want: "-ERR wrong number of arguments for 'client|info' command\r\n"},

		{in: "client kill 10.0.0.3:1003", want: replyOK},
		{in: "client kill [::1]:1042", want: replyOK, last: true},
		{in: "client kill 10.0.0.3:1", want: "-ERR No such client\r\n"},
		{in: "client kill id 3", want: ":1\r\n"},
		{in: "client kill id 42", want: ":0\r\n"},
		{in: "client kill id 42 skipme no", want: ":1\r\n", last: true},
		{in: "client kill id 0", want: "-ERR client-id should be greater than 0\r\n"},
		{in: "client kill addr unix", want: ":1\r\n"},
		{in: "client kill addr unix id 3", want: ":0\r\n"},
		{in: "client kill laddr a:1", want: ":0\r\n"},
		{in: "client kill type normal", want: ":1\r\n"},
		{in: "client kill type normal skipme no", want: ":2\r\n", last: true},
		{in: "client kill type replica skipme no", want: ":0\r\n"},
		{in: "client kill type foo", want: "-ERR Unknown client type 'foo'\r\n"},
		{in: "client kill user default", want: ":2\r\n"},
		{in: "client kill user joe", want: "-ERR No such user 'joe'\r\n"},
		{in: "client kill maxage 10", want: ":2\r\n"},
		{in: "client kill maxage 11", want: ":1\r\n"},
		{in: "client kill maxage 9223372036854775807", want: ":0\r\n"},
		{in: "client kill maxage 0", want: "-ERR maxage should be greater than 0\r\n"},
		{in: "client kill maxage x", want: "-ERR maxage is not an integer or out of range\r\n"},
		{in: "client kill skipme x", want: errSyntax},
		{in: "client kill id 3 addr", want: errSyntax},

		{in: "slowlog get", want: "*3\r\n" + slow9 + slow8 + slow4},
		{in: "slowlog get -1", want: "*3\r\n" + slow9 + slow8 + slow4},
		{in: "slowlog GET 2", want: "*2\r\n" + slow9 + slow8},
		{in: "slowlog get 0", want: "*0\r\n"},
		{in: "slowlog get -2", want: badCount},
		{in: "slowlog get x", want: badCount},
		{in: "slowlog get 1 2", want: "-ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.\r\n"},
		{in: "slowlog len", want: ":3\r\n"},
		{in: "slowlog reset", want: replyOK},
		{in: "slowlog foo", want: "-ERR unknown subcommand 'foo'. Try SLOWLOG HELP.\r\n"},
	}
	p := New(Options{Databases: 16, Version: "7.2.1"})
	for _, tt := range tests {
		got, last := asked(t, p, codec.Client{ID: 42, DB: 5, Addr: "[::1]:1042", Name: "me", Lib: "mine", LibVer: "2"}, tt.in)
		if got != tt.want || last != tt.last {
			t.Errorf("%s: %q, %v; want %q, %v", tt.in, got, last, tt.want, tt.last)
		}
	}
}

// A client that has left by the time it is looked for is told of itself.
func TestClientInfoOfOneThatLeft(t *testing.T) {
	got, _ := asked(t, New(Options{}), codec.Client{ID: 5, Addr: "10.0.0.5:1", Name: "gone"}, "client info")
	if !strings.Contains(got, "id=5 addr=10.0.0.5:1 laddr= fd=0 name=gone age=0 ") {
		t.Errorf("CLIENT INFO: %q", got)
	}
}

// Who the clients are is told to those with the password only, and what is asked with an endless frame not at all.
func TestReportRefused(t *testing.T) {
	p := New(Options{Password: "secret"})
	for _, in := range []string{"info", "client list", "client info", "client kill type normal", "slowlog get", "slowlog reset"} {
		if got, _ := asked(t, p, codec.Client{ID: 42}, in); got != "-NOAUTH Authentication required\r\n" {
			t.Errorf("%s: %q", in, got)
		}
	}
	got, rest, err := codectest.Commands(New(Options{}), &codec.Client{}, [][]byte{frameOf("INFO", strings.Repeat("x", maxReportFrame)), frameOf("PING")})
	if len(got) != 2 || rest != "" || err != nil || got[0].Reply != "-ERR this command is too long for the proxy to answer\r\n" || got[1].Reply != "+PONG\r\n" {
		t.Errorf("a long INFO: %v, %q, %v", got, rest, err)
	}
}

// TestReportErrorsAgainstRedis compares the words for what can't be asked.
func TestReportErrorsAgainstRedis(t *testing.T) {
	socket := redisServer(t)
	p := New(Options{})
	for _, in := range []string{
		"slowlog", "slowlog get x", "slowlog get -2", "slowlog get 1 2", "slowlog len 1", "slowlog reset", "slowlog foo",
		"client kill", "client kill x", "client kill x y", "client kill id 0", "client kill id x", "client kill id 999",
		"client kill type foo", "client kill user joe", "client kill skipme x", "client kill addr a:1 skipme no addr",
		"client list x", "client list type", "client list type foo", "client list id", "client list id x", "client list id 99",
		"client info x",
	} {
		frame, _, _ := appendArray(nil, []byte(in))
		want := dialRedis(t, socket).ask(frame)
		if got := ask(t, p, frame); got != want {
			t.Errorf("%s: %q; the server says %q", in, got, want)
		}
	}
	theirs, ok := decode(t, dialRedis(t, socket).ask(frameOf("SLOWLOG", "HELP"))).([]any)
	ours := decode(t, ask(t, p, frameOf("SLOWLOG", "HELP"))).([]any)
	if !ok || cmp.Diff(theirs[:3], ours[:3]) != "" {
		t.Errorf("SLOWLOG HELP: %q; the server says %q", ours, theirs)
	}
}
