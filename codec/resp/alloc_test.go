//go:build !race

package resp

import (
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
)

// The steps of the hot path do not allocate.
func TestAllocs(t *testing.T) {
	s := codectest.NewStepper(t, New(Options{}))
	replies, part := dealt(100, 4)
	g := &codec.Gather{Op: opMGet, Part: part, Replies: replies, Cursor: make([]int, len(replies))}
	tests := []struct {
		name string
		step func()
	}{
		{"get", s.Whole(frameOf("GET", "key"))},
		{"set", s.Whole(frameOf("SET", "key", strings.Repeat("v", 64)))},
		{"mget", s.Whole(frameOf(append([]string{"MGET"}, keyList(50)...)...))},
		{"mset", s.Whole(msetFrame(20))},
		{"eval", s.Whole(frameOf("EVAL", "s", "2", "a", "b", "c"))},
		{"inline", s.Whole([]byte("get 'key'\r\n"))},
		{"ping", s.Whole(frameOf("PING"))},
		{"unknown", s.Whole(frameOf("NOSUCH", "a", "b"))},
		{"wrong arity", s.Whole(frameOf("GET"))},
		{"refused", s.Whole(frameOf("MULTI"))},
		{"get in two", s.InTwo(frameOf("GET", "key"))},
		{"set in two", s.InTwo(frameOf("SET", "key", strings.Repeat("v", 64)))},
		{"mget in two", s.InTwo(frameOf(append([]string{"MGET"}, keyList(20)...)...))},
		{"bulk", s.Reply("$5\r\nhello\r\n")},
		{"status", s.Reply("+OK\r\n")},
		{"error", s.Reply("-ERR no\r\n")},
		{"integer", s.Reply(":123\r\n")},
		{"null", s.Reply("$-1\r\n")},
		{"array", s.Reply("*3\r\n$5\r\nhello\r\n:1\r\n*1\r\n$-1\r\n")},
		{"coalesced mget", s.Coalesced(g)},
	}
	learns, cmd, cl := New(Options{Learn: true}), new(codec.Command), new(codec.Client)
	lesson := lessonOf(t, learns, infoOf(7, "m.x -2 write,movablekeys 0 0 0 @write", specOf("RO", "index 2", "keynum 0 1 1"), specOf("OW", "keyword STORE 2", "range 0 1 0")))
	frame, scan, name := frameOf("M.X", "a", "2", "k", "l", "store", "d"), codec.Scan{}, make([]byte, 0, maxAsked)
	tests = append(tests, struct {
		name string
		step func()
	}{"looked up", func() {
		if _, err := learns.ParseCommand(cl, &scan, frame, cmd); err != nil {
			t.Fatal(err)
		}
		name = learns.AppendUnknown(name[:0], cmd)
		if learns.Apply(cl, cmd, lesson); len(cmd.Keys) != 3 || string(name) != "m.x" {
			t.Fatalf("%d keys of %s", len(cmd.Keys), name)
		}
	}})
	users := withUsers(t, Options{}, "u on nopass ~x* %R~k* &ch* +@all -@dangerous (~key +get)")
	judged, asked := clientOf(users, "u"), new(codec.Command)
	for _, frame := range [][]byte{frameOf("GET", "key"), frameOf(append([]string{"MGET"}, keyList(20)...)...), frameOf("SET", "xx", "v"), []byte("get key\r\n"), frameOf("PUBLISH", "chan", "x")} {
		tests = append(tests, struct {
			name string
			step func()
		}{"judged " + string(frame), func() {
			if _, err := users.ParseCommand(judged, &scan, frame, asked); err != nil || asked.Kind == codec.Refuse {
				t.Fatal(asked.Err, err)
			}
		}})
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.step); n != 0 {
			t.Errorf("%s: %v allocations; want 0", tt.name, n)
		}
	}
}
