package memcached

import (
	"strings"
	"testing"

	"cashew/codec"
)

func TestFragments(t *testing.T) {
	p := New(Options{})
	tests := []struct{ in, even, odd string }{
		{"get a bb ccc d\r\n", "get a ccc\r\n", "get bb d\r\n"},
		{"  gets  a   b\n", "gets  a\r\n", "gets   b\r\n"},
		{"gat  60 a a\r\n", "gat  60 a\r\n", "gat  60 a\r\n"},
	}
	for _, tt := range tests {
		var (
			s   codec.Scan
			cmd codec.Command
			got [2][]byte
		)
		if n, err := p.ParseCommand(new(codec.Client), &s, []byte(tt.in), &cmd); n != len(tt.in) || err != nil || cmd.Kind != codec.Scatter {
			t.Fatalf("ParseCommand(%q) = %d, %v, kind %v", tt.in, n, err, cmd.Kind)
		}
		for i := range got {
			got[i] = p.AppendFragment(nil, &cmd, 2)
		}
		for i, k := range cmd.Keys {
			got[i%2] = append(got[i%2], cmd.Frame[k.Start:k.End]...)
		}
		for i, want := range []string{tt.even, tt.odd} {
			if got := string(p.AppendFragmentEnd(got[i], &cmd)); got != want {
				t.Errorf("%q: fragment %d is %q; want %q", tt.in, i, got, want)
			}
		}
	}
}

func TestAppendCoalesced(t *testing.T) {
	const (
		a   = "VALUE a 0 1\r\nA\r\n"
		b   = "VALUE b 0 2 7\r\nBB\r\n"
		ab  = "VALUE ab 0 5\r\nEND\r\n\r\n"
		end = "END\r\n"
		oom = "SERVER_ERROR out of memory writing get response\r\n"
	)
	tests := []struct {
		name    string
		keys    string // each with its part
		replies []string
		want    string
	}{
		{"all there", "a0 b1 ab0", []string{a + ab + end, b + end}, a + b + ab + end},
		{"none there", "a0 b1 ab0", []string{end, end}, end},
		{"later hit stays in its place", "a0 b1 ab0", []string{ab + end, b + end}, b + ab + end},
		{"twice the same", "a0 b1 a0", []string{a + a + end, b + end}, a + b + a + end},
		{"twice the same, once there", "a0 b1 a0", []string{a + end, b + end}, a + b + end},
		{"key that begins like another", "a0 ab0 b1", []string{ab + end, end}, ab + end},
		{"error", "a0 b1", []string{a + end, "SERVER_ERROR no\r\n"}, "SERVER_ERROR no\r\n"},
		{"errors", "a0 b1", []string{"ERROR\r\n", "SERVER_ERROR no\r\n"}, "ERROR\r\n"},
		{"memory ran out", "a0 b1", []string{a + oom, b + end}, oom},
		{"other type", "a0 b1", []string{a + end, "STORED\r\n"}, replyInvalid},
		{"number", "a0 b1", []string{"12\r\n", end}, replyInvalid},
		{"value not asked for", "a0 b1", []string{a + b + end, b + end}, replyInvalid},
		{"values out of order", "a0 ab0 b1", []string{ab + a + end, b + end}, replyInvalid},
		{"cut", "a0 b1", []string{a, b + end}, replyInvalid},
		{"value cut", "a0 b1", []string{"VALUE a 0 7\r\nA\r\n", b + end}, replyInvalid},
		{"line cut", "a0 b1", []string{"VALUE a ", b + end}, replyInvalid},
		{"empty", "a0 b1", []string{"", b + end}, replyInvalid},
		{"more behind the end", "a0 b1", []string{a + end + end, b + end}, replyInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &codec.Gather{Op: opGet, Cursor: make([]int, len(tt.replies))}
			for _, k := range strings.Fields(tt.keys) {
				key := k[:len(k)-1]
				g.Keys = append(append(g.Keys, byte(len(key))), key...)
				g.Part = append(g.Part, uint16(k[len(k)-1]-'0'))
			}
			for _, r := range tt.replies {
				g.Replies = append(g.Replies, []byte(r))
			}
			if got := string(New(Options{}).AppendCoalesced([]byte("before"), g)); got != "before"+tt.want {
				t.Errorf("AppendCoalesced(%q, %q) = %q; want %q", tt.keys, tt.replies, got, "before"+tt.want)
			}
		})
	}
}

func TestAppendCoalescedFanout(t *testing.T) {
	for _, tt := range []struct{ replies, want string }{
		{"OK\r\n OK\r\n OK\r\n", "OK\r\n"},
		{"OK\r\n ERROR\r\n CLIENT_ERROR\r\n", "ERROR\r\n"},
		{"OK\r\n STORED\r\n", replyInvalid},
	} {
		g := &codec.Gather{Op: opFlushAll}
		for r := range strings.SplitSeq(tt.replies, " ") {
			g.Replies = append(g.Replies, []byte(r))
		}
		g.Cursor = make([]int, len(g.Replies))
		if got := string(New(Options{Admin: true}).AppendCoalesced(nil, g)); got != tt.want {
			t.Errorf("AppendCoalesced(%q) = %q; want %q", tt.replies, got, tt.want)
		}
	}
}
