package resp

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cashew/codec"
)

// parseOne parses a frame that must be whole.
func parseOne(t *testing.T, p *Protocol, frame []byte) *codec.Command {
	t.Helper()
	var s codec.Scan
	cmd := new(codec.Command)
	if n, err := p.ParseCommand(&codec.Client{}, &s, frame, cmd); n != len(frame) || err != nil {
		t.Fatalf("ParseCommand(%q) = %d, %v; want %d", frame, n, err, len(frame))
	}
	return cmd
}

func TestAppendFragment(t *testing.T) {
	tests := []struct {
		in   []byte
		keys []int // which of the command's keys
		want string
	}{
		{frameOf("MGET", "a", "b", "c"), []int{0, 2}, "*3 $4 mget $1 a $1 c "},
		{frameOf("MGet", "a", "a"), []int{0, 1}, "*3 $4 mget $1 a $1 a "},
		{frameOf("DEL", "a", "b"), []int{1}, "*2 $3 del $1 b "},
		{frameOf("UNLINK", "a", ""), []int{1}, "*2 $6 unlink $0  "},
		{frameOf("TOUCH", "a", "b"), []int{0}, "*2 $5 touch $1 a "},
		{frameOf("EXISTS", "a", "b"), []int{0}, "*2 $6 exists $1 a "},
		{frameOf("MSET", "a", "1", "b", "22"), []int{0, 1}, "*5 $4 mset $1 a $1 1 $1 b $2 22 "},
		{frameOf("MSET", "a", "1", "b", ""), []int{1}, "*3 $4 mset $1 b $0  "},
	}
	p := New(Options{})
	for _, tt := range tests {
		cmd := parseOne(t, p, tt.in)
		got := p.AppendFragment([]byte("before "), cmd, len(tt.keys))
		for _, k := range tt.keys {
			got = append(got, cmd.Frame[cmd.Keys[k].Start:cmd.Keys[k].End]...)
		}
		got = p.AppendFragmentEnd(got, cmd)
		if want := "before " + string(wire(tt.want)); string(got) != want {
			t.Errorf("fragment of %q = %q; want %q", text(string(tt.in)), got, want)
		}
		if kept := p.AppendKeys(nil, cmd); len(kept) != 0 {
			t.Errorf("AppendKeys(%q) = %q; want nothing", text(string(tt.in)), kept)
		}
	}
}

func TestAppendCoalesced(t *testing.T) {
	const invalid = "-ERR Invalid argument\r\n"
	tests := []struct {
		name    string
		op      string
		part    []uint16
		replies []string
		want    string
	}{
		{"mget", "mget", []uint16{0, 1, 0}, []string{"*2\r\n$1\r\na\r\n$1\r\nc\r\n", "*1\r\n$1\r\nb\r\n"}, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
		{"mget nulls", "mget", []uint16{1, 0}, []string{"*1\r\n$-1\r\n", "*1\r\n$0\r\n\r\n"}, "*2\r\n$0\r\n\r\n$-1\r\n"},
		{"mget of one fragment", "mget", []uint16{0, 0}, []string{"*2\r\n$1\r\na\r\n$1\r\na\r\n"}, "*2\r\n$1\r\na\r\n$1\r\na\r\n"},
		{
			"mget of other types", "mget",
			[]uint16{0, 0, 1, 0, 1},
			[]string{"*3\r\n_\r\n-ERR x\r\n%1\r\n+a\r\n*1\r\n:1\r\n", "*2\r\n|1\r\n+a\r\n+b\r\n+c\r\n#t\r\n"},
			"*5\r\n_\r\n-ERR x\r\n|1\r\n+a\r\n+b\r\n+c\r\n%1\r\n+a\r\n*1\r\n:1\r\n#t\r\n",
		},
		{"mget behind attributes", "mget", []uint16{0, 1}, []string{"|1\r\n+a\r\n+b\r\n*1\r\n$1\r\na\r\n", "*1\r\n$1\r\nb\r\n"}, "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
		{"mget error behind attributes", "mget", []uint16{0, 1}, []string{"*1\r\n$1\r\na\r\n", "|1\r\n+a\r\n+b\r\n-OOM no\r\n"}, "-OOM no\r\n"},
		{"mget error", "mget", []uint16{0, 1, 2}, []string{"*1\r\n$1\r\na\r\n", "-LOADING wait\r\n", "-OOM no\r\n"}, "-LOADING wait\r\n"},
		{"mget too few", "mget", []uint16{0, 1, 0}, []string{"*1\r\n$1\r\na\r\n", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget too many", "mget", []uint16{0, 1}, []string{"*2\r\n$1\r\na\r\n$1\r\nc\r\n", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget says more than it has", "mget", []uint16{0, 1}, []string{"*3\r\n$1\r\na\r\n", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget cut", "mget", []uint16{0, 1}, []string{"*1\r\n$1\r\na\r", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget no element", "mget", []uint16{0, 1}, []string{"*1\r\n", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget garbage behind", "mget", []uint16{0, 1}, []string{"*1\r\n$1\r\na\r\n+", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget null array", "mget", []uint16{0, 1}, []string{"*-1\r\n", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget another type", "mget", []uint16{0, 1}, []string{"+QUEUED\r\n", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget nothing", "mget", []uint16{0, 1}, []string{"", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget no such part", "mget", []uint16{0, 2}, []string{"*1\r\n$1\r\na\r\n", "*1\r\n$1\r\nb\r\n"}, invalid},
		{"mget malformed element", "mget", []uint16{0, 0}, []string{"*2\r\n$1\r\na\r\n$x\r\n"}, invalid},

		{"mset", "mset", []uint16{0, 1}, []string{"+OK\r\n", "+OK\r\n"}, "+OK\r\n"},
		{"mset error", "mset", []uint16{0, 1}, []string{"+OK\r\n", "-OOM no\r\n"}, "-OOM no\r\n"},
		{"mset queued", "mset", []uint16{0, 1}, []string{"+OK\r\n", "+QUEUED\r\n"}, invalid},

		{"del", "del", []uint16{0, 1, 2}, []string{":1\r\n", ":0\r\n", ":12\r\n"}, ":13\r\n"},
		{"unlink", "unlink", []uint16{0, 1}, []string{":1\r\n", ":1\r\n"}, ":2\r\n"},
		{"touch", "touch", []uint16{0, 1}, []string{":0\r\n", ":0\r\n"}, ":0\r\n"},
		{"exists in more than 32 bits", "exists", []uint16{0, 1}, []string{":4294967296\r\n", ":4294967296\r\n"}, ":8589934592\r\n"},
		{"del overflow", "del", []uint16{0, 1}, []string{":9223372036854775807\r\n", ":1\r\n"}, invalid},
		{"del negative", "del", []uint16{0, 1}, []string{":-1\r\n", ":1\r\n"}, invalid},
		{"del error", "del", []uint16{0, 1}, []string{":1\r\n", "-READONLY no\r\n"}, "-READONLY no\r\n"},
		{"del status", "del", []uint16{0, 1}, []string{":1\r\n", "+QUEUED\r\n"}, invalid},
		{"del no number", "del", []uint16{0, 1}, []string{":1\r\n", ":x\r\n"}, invalid},
		{"del cut", "del", []uint16{0, 1}, []string{":1\r\n", ":1\r"}, invalid},
	}
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &codec.Gather{Op: mustOp(tt.op), Part: tt.part, Cursor: make([]int, len(tt.replies))}
			for _, r := range tt.replies {
				g.Replies = append(g.Replies, []byte(r))
			}
			if got := string(p.AppendCoalesced([]byte("before"), g)); got != "before"+tt.want {
				t.Errorf("AppendCoalesced(%q) = %q; want %q", tt.replies, got, "before"+tt.want)
			}
		})
	}
}

// The value of every key comes to its place, whatever the keys' number and owners.
func TestScatterRandom(t *testing.T) {
	p := New(Options{})
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		n, servers := 2+r.IntN(200), 1+r.IntN(5)
		cmd := parseOne(t, p, frameOf(append([]string{"MGET"}, keyList(n)...)...))
		if cmd.Kind != codec.Scatter || len(cmd.Keys) != n {
			t.Fatalf("MGET of %d keys: kind %d with %d keys", n, cmd.Kind, len(cmd.Keys))
		}
		g := &codec.Gather{Op: cmd.Op, Replies: make([][]byte, servers), Cursor: make([]int, servers)}
		count := make([]int, servers)
		for range n {
			part := r.IntN(servers)
			g.Part = append(g.Part, uint16(part))
			count[part]++
		}
		for i := range g.Replies {
			g.Replies[i] = appendHeader(nil, '*', count[i])
		}
		want := appendHeader(nil, '*', n)
		for i, part := range g.Part {
			value := fmt.Sprintf("value of %s", cmd.KeyAt(i))
			g.Replies[part] = appendBulk(g.Replies[part], value)
			want = appendBulk(want, value)
		}
		if got := p.AppendCoalesced(nil, g); string(got) != string(want) {
			t.Fatalf("MGET of %d keys on %d servers:\n got %q\nwant %q", n, servers, got, want)
		}
	}
}

func FuzzAppendCoalesced(f *testing.F) {
	f.Add("*2\r\n$1\r\na\r\n$-1\r\n", "*1\r\n_\r\n", []byte{0, 1, 0}, byte(0))
	f.Add("|1\r\n+a\r\n+b\r\n~1\r\n,1.5\r\n", "*1\r\n|0\r\n$?\r\n;1\r\na\r\n;0\r\n", []byte{0, 1}, byte(0))
	f.Add(":1\r\n", ":2\r\n", []byte{0, 1}, byte(1))
	f.Add("+OK\r\n", "-ERR x\r\n", []byte{0, 1}, byte(2))
	p := New(Options{})
	f.Fuzz(func(t *testing.T, a, b string, part []byte, op byte) {
		for _, r := range []string{a, b} { // only whole replies come here
			if n, _, bad := replyEnd(r, alone); bad || n != len(r) || n == 0 || strings.Count(r, "*") > 50 {
				return
			}
		}
		g := &codec.Gather{
			Op: []uint16{opMGet, mustOp("del"), opMSet}[op%3], Replies: [][]byte{[]byte(a), []byte(b)}, Cursor: make([]int, 2),
		}
		for _, i := range part {
			g.Part = append(g.Part, uint16(i%2))
		}
		got := string(p.AppendCoalesced(nil, g))
		if n, _, bad := replyEnd(got, alone); bad || n != len(got) {
			t.Fatalf("AppendCoalesced(%q, %q) = %q, which is not one reply", a, b, got)
		}
	})
}
