//go:build !race

package resp

import (
	"strings"
	"testing"

	"cashew/codec"
)

// The steps of the hot path do not allocate.
func TestAllocs(t *testing.T) {
	p := New(Options{})
	var (
		s   codec.Scan
		cl  codec.Client
		cmd codec.Command
		rs  codec.ReplyScan
		dst = make([]byte, 0, 1<<16)
	)
	replies, part := dealt(100, 4)
	g := &codec.Gather{Op: opMGet, Part: part, Replies: replies, Cursor: make([]int, len(replies))}
	whole := func(frame []byte) func() {
		return func() {
			if n, err := p.ParseCommand(&cl, &s, frame, &cmd); n != len(frame) || err != nil {
				t.Fatalf("ParseCommand(%.80q) = %d, %v", frame, n, err)
			}
			switch cmd.Kind {
			case codec.Local, codec.Refuse:
				dst = p.AppendLocal(dst[:0], &cl, &cmd)
			case codec.Scatter:
				dst = p.AppendFragment(dst[:0], &cmd, len(cmd.Keys))
			}
		}
	}
	inTwo := func(frame []byte) func() {
		return func() {
			if n, err := p.ParseCommand(&cl, &s, frame[:len(frame)/2], &cmd); n != 0 || err != nil {
				t.Fatalf("ParseCommand(%.80q) = %d, %v", frame, n, err)
			}
			if n, err := p.ParseCommand(&cl, &s, frame, &cmd); n != len(frame) || err != nil {
				t.Fatalf("ParseCommand(%.80q) = %d, %v", frame, n, err)
			}
		}
	}
	reply := func(stream string) func() {
		in := []byte(stream)
		return func() {
			for _, piece := range [][]byte{in[:len(in)/2], in[len(in)/2:]} {
				if _, _, err := p.ScanReply(&rs, piece); err != nil {
					t.Fatalf("ScanReply(%.80q): %v", stream, err)
				}
			}
			if n, done, err := p.ScanReply(&rs, in); n != len(in) || !done || err != nil {
				t.Fatalf("ScanReply(%.80q) = %d, %v, %v", stream, n, done, err)
			}
		}
	}
	tests := []struct {
		name string
		step func()
	}{
		{"get", whole(frameOf("GET", "key"))},
		{"set", whole(frameOf("SET", "key", strings.Repeat("v", 64)))},
		{"mget", whole(frameOf(append([]string{"MGET"}, keyList(50)...)...))},
		{"mset", whole(msetFrame(20))},
		{"eval", whole(frameOf("EVAL", "s", "2", "a", "b", "c"))},
		{"inline", whole([]byte("get 'key'\r\n"))},
		{"ping", whole(frameOf("PING"))},
		{"unknown", whole(frameOf("NOSUCH", "a", "b"))},
		{"wrong arity", whole(frameOf("GET"))},
		{"refused", whole(frameOf("MULTI"))},
		{"get in two", inTwo(frameOf("GET", "key"))},
		{"set in two", inTwo(frameOf("SET", "key", strings.Repeat("v", 64)))},
		{"mget in two", inTwo(frameOf(append([]string{"MGET"}, keyList(20)...)...))},
		{"bulk", reply("$5\r\nhello\r\n")},
		{"status", reply("+OK\r\n")},
		{"error", reply("-ERR no\r\n")},
		{"integer", reply(":123\r\n")},
		{"null", reply("$-1\r\n")},
		{"array", reply("*3\r\n$5\r\nhello\r\n:1\r\n*1\r\n$-1\r\n")},
		{"coalesced mget", func() {
			clear(g.Cursor)
			dst = p.AppendCoalesced(dst[:0], g)
		}},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.step); n != 0 {
			t.Errorf("%s: %v allocations; want 0", tt.name, n)
		}
	}
}
