package resp

import (
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/walk"
)

// TestMerges: what several servers answer becomes one reply, or an error that says why not.
func TestMerges(t *testing.T) {
	const differ = errDiffer
	in := func(name string) string {
		return "-ERR the servers of this pool differ in '" + name + "': ask the one that you mean\r\n"
	}
	for _, tt := range []struct {
		name    string // of the command
		replies []string
		want    string
	}{
		{"dbsize", []string{":3\r\n", ":0\r\n", ":4\r\n"}, ":7\r\n"},
		{"dbsize", []string{":3\r\n", "-LOADING x\r\n", ":4\r\n"}, "-LOADING x\r\n"},
		{"keys", []string{"*1\r\n$1\r\na\r\n", "*0\r\n", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"}, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
		{"keys", []string{"*1\r\n$1\r\na\r\n", "+OK\r\n"}, errInvalid},
		{"randomkey", []string{"$-1\r\n", "$1\r\na\r\n"}, "$1\r\na\r\n"},
		{"randomkey", []string{"$-1\r\n", "$-1\r\n"}, "$-1\r\n"},
		{"randomkey", []string{"_\r\n", "$1\r\na\r\n", "_\r\n"}, "$1\r\na\r\n"},
		{"flushall", []string{"+OK\r\n", "+OK\r\n"}, "+OK\r\n"},
		{"flushall", []string{"+OK\r\n", "-READONLY x\r\n"}, "-READONLY x\r\n"},
		{"bgsave", []string{"+Background saving started\r\n", "+Background saving scheduled\r\n"}, "+Background saving started\r\n"},
		{"lastsave", []string{":20\r\n", ":10\r\n"}, ":10\r\n"},
		{"lastsave", []string{":20\r\n", "+x\r\n"}, errInvalid},
		{"config|get", []string{"*2\r\n$1\r\na\r\n$1\r\n1\r\n", "*2\r\n$1\r\na\r\n$1\r\n1\r\n"}, "*2\r\n$1\r\na\r\n$1\r\n1\r\n"},
		{"config|get", []string{"*2\r\n$1\r\na\r\n$1\r\n1\r\n", "*2\r\n$1\r\na\r\n$1\r\n2\r\n"}, in("a")},
		{"config|get", []string{"*4\r\n+a\r\n+1\r\n+b\r\n+2\r\n", "*4\r\n+b\r\n+2\r\n+a\r\n+1\r\n"}, "*4\r\n+a\r\n+1\r\n+b\r\n+2\r\n"},
		{"config|get", []string{"*4\r\n$1\r\na\r\n+1\r\n+b\r\n+2\r\n", "*4\r\n$1\r\na\r\n+2\r\n+b\r\n+1\r\n"}, in("a")},
		{"config|get", []string{"*4\r\n+a\r\n+1\r\n+b\r\n+2\r\n", "*4\r\n+a\r\n+2\r\n+b\r\n+2\r\n"}, "*2\r\n+b\r\n+2\r\n"},
		{"config|get", []string{"*0\r\n", "*0\r\n"}, "*0\r\n"},
		{"config|get", []string{"*0\r\n", "*2\r\n$1\r\na\r\n$1\r\n1\r\n"}, in("a")},
		{"config|get", []string{"%1\r\n+a\r\n+1\r\n", "%1\r\n+a\r\n+1\r\n"}, "%1\r\n+a\r\n+1\r\n"},
		{"config|get", []string{"%2\r\n+a\r\n+1\r\n+b\r\n+2\r\n", "%1\r\n+a\r\n+1\r\n"}, "%1\r\n+a\r\n+1\r\n"},
		{"config|get", []string{"%1\r\n+a\r\n+1\r\n", "+a\r\n"}, errInvalid},
		{"module|list", []string{"*2\r\n*1\r\n+a\r\n*1\r\n+b\r\n", "*2\r\n*1\r\n+b\r\n*1\r\n+a\r\n"}, "*2\r\n*1\r\n+a\r\n*1\r\n+b\r\n"},
		{"module|list", []string{"*1\r\n+a\r\n", "*0\r\n"}, differ},
		{"function|list", []string{"*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+c\r\n"}, "*3\r\n+a\r\n+b\r\n+c\r\n"},
		{"function|list", []string{"*2\r\n+a\r\n", "*0\r\n"}, errInvalid},
		{"scan", []string{"*2\r\n$2\r\n12\r\n*1\r\n$1\r\na\r\n"}, "*2\r\n$6\r\n786437\r\n*1\r\n$1\r\na\r\n"}, // 12 << 16 + 5
		{"scan", []string{"*2\r\n$1\r\n0\r\n*0\r\n"}, "*2\r\n$1\r\n9\r\n*0\r\n"},
		{"scan", []string{"*2\r\n$15\r\n281474976710655\r\n*0\r\n"}, "*2\r\n$20\r\n18446744073709486085\r\n*0\r\n"},
		{"scan", []string{"*2\r\n$15\r\n281474976710656\r\n*0\r\n"}, errNoRoom},
		{"scan", []string{"*2\r\n$1\r\nx\r\n*0\r\n"}, errInvalid},
		{"scan", []string{"*1\r\n$1\r\n0\r\n"}, errInvalid},
	} {
		g := &codec.Gather{Cursor: make([]int, len(tt.replies)), Step: walk.Step{Stop: 5, Next: 9}}
		if head, sub, isSub := strings.Cut(tt.name, "|"); isSub {
			g.Op = mustSub(head, sub)
		} else {
			g.Op = mustOp(head)
		}
		for _, r := range tt.replies {
			g.Replies = append(g.Replies, []byte(r))
		}
		if got := string(New(Options{}).AppendCoalesced([]byte("before"), g)); got != "before"+tt.want {
			t.Errorf("%s of %q: %q; want %q", tt.name, tt.replies, got, tt.want)
		}
	}
}

// TestCursor: what a walk's reply says is what the next call names.
func TestCursor(t *testing.T) {
	p := New(Options{})
	for _, tt := range []struct {
		cursor string
		want   walk.Cursor
		ok     bool
	}{
		{"0", walk.Cursor{}, true},
		{"9", walk.Cursor{Stop: 9}, true},
		{"786437", walk.Cursor{Stop: 5, Own: 12}, true},
		{"18446744073709486085", walk.Cursor{Stop: 5, Own: 1<<48 - 1}, true},
		{"18446744073709551616", walk.Cursor{}, false},
		{"x", walk.Cursor{}, false},
		{"", walk.Cursor{}, true}, // as by strtoul
		{"\x00x", walk.Cursor{}, true},
		{"+786437\x00x", walk.Cursor{Stop: 5, Own: 12}, true},
		{"00786437", walk.Cursor{Stop: 5, Own: 12}, true},
		{"-18446744073708765179", walk.Cursor{Stop: 5, Own: 12}, true},
		{"-1", walk.Cursor{Stop: 1<<16 - 1, Own: 1<<48 - 1}, true},
		{"-0", walk.Cursor{}, true},
		{"-18446744073709551616", walk.Cursor{}, false},
		{"+", walk.Cursor{}, false},
		{"+-1", walk.Cursor{}, false},
		{" 1", walk.Cursor{}, false},
		{"1 ", walk.Cursor{}, false},
		{"0x1", walk.Cursor{}, false},
		{"1_0", walk.Cursor{}, false},
	} {
		cmd := &codec.Command{Frame: frameOf("SCAN", tt.cursor, "COUNT", "7")}
		if at, ok := p.Cursor(cmd); ok != tt.ok || ok && at != tt.want {
			t.Errorf("%s: %v, %v; want %v, %v", tt.cursor, at, ok, tt.want, tt.ok)
		}
		if got, want := string(p.AppendWalk(nil, cmd, 12)), string(frameOf("SCAN", "12", "COUNT", "7")); got != want {
			t.Errorf("for the server: %q; want %q", got, want)
		}
	}
}

// TestMergeInfo: each field by what it is.
func TestMergeInfo(t *testing.T) {
	one := "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:90\r\n\r\n# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n" +
		"mem_fragmentation_ratio:1.20\r\nmaxmemory_policy:noeviction\r\n\r\n# Persistence\r\nloading:0\r\n\r\n# Commandstats\r\n" +
		"cmdstat_get:calls=3,usec=30,usec_per_call=10.00\r\n\r\n# Errorstats\r\nerrorstat_OOM:count=1\r\n\r\n" +
		"# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=100\r\ndb10:keys=1,expires=0,avg_ttl=0\r\n"
	other := "# Server\r\nredis_version:7.2.4\r\nuptime_in_seconds:20\r\n\r\n# Memory\r\nused_memory:524288\r\nused_memory_human:512.00K\r\n" +
		"mem_fragmentation_ratio:1.40\r\nmaxmemory_policy:allkeys-lru\r\n\r\n# Persistence\r\nloading:1\r\n\r\n# Commandstats\r\n" +
		"cmdstat_get:calls=1,usec=30,usec_per_call=30.00\r\ncmdstat_set:calls=1,usec=2,usec_per_call=2.00\r\n\r\n" +
		"# Errorstats\r\nerrorstat_ERR:count=2\r\nerrorstat_OOM:count=1\r\n\r\n" +
		"# Keyspace\r\ndb0:keys=2,expires=3,avg_ttl=500\r\ndb1:keys=1,expires=0,avg_ttl=0\r\ndb9:keys=1,expires=0,avg_ttl=0\r\n"
	want := "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:20\r\n\r\n# Memory\r\nused_memory:1572864\r\nused_memory_human:1.50M\r\n" +
		"mem_fragmentation_ratio:1.30\r\nmaxmemory_policy:noeviction\r\n\r\n# Persistence\r\nloading:1\r\n\r\n# Commandstats\r\n" +
		"cmdstat_get:calls=4,usec=60,usec_per_call=15.00\r\ncmdstat_set:calls=1,usec=2,usec_per_call=2.00\r\n\r\n" +
		"# Errorstats\r\nerrorstat_ERR:count=2\r\nerrorstat_OOM:count=2\r\n\r\n" +
		"# Keyspace\r\ndb0:keys=5,expires=4,avg_ttl=400\r\ndb1:keys=1,expires=0,avg_ttl=0\r\ndb9:keys=1,expires=0,avg_ttl=0\r\ndb10:keys=1,expires=0,avg_ttl=0\r\n"
	for _, form := range []func(string) string{bulk, func(s string) string { return string(appendVerbatim(nil, RESP3, []byte(s))) }} {
		g := &codec.Gather{Op: opInfo, Replies: [][]byte{[]byte(form(one)), []byte(form(other))}, Cursor: make([]int, 2)}
		if got := string(New(Options{}).AppendCoalesced(nil, g)); got != form(want) {
			t.Errorf("got %q\nwant %q", got, form(want))
		}
	}
	for _, reply := range []string{"+OK\r\n", "*0\r\n", "$-1\r\n"} {
		g := &codec.Gather{Op: opInfo, Replies: [][]byte{[]byte(bulk(one)), []byte(reply)}, Cursor: make([]int, 2)}
		if got := string(New(Options{}).AppendCoalesced(nil, g)); got != errInvalid {
			t.Errorf("with %q: %q", reply, got)
		}
	}
}
