package resp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cashew/codec"
)

// lengths are those at which a header becomes longer, and some between.
var lengths = []int{0, 1, 7, 8, 9, 10, 11, 16, 16, 16, 31, 32, 64, 64, 98, 99, 100, 101, 999, 1000, 9999, 10000}

// changed changes a byte of in now and then.
func changed(r *rand.Rand, in []byte) []byte {
	if r.IntN(2) == 0 {
		in[r.IntN(len(in))] = "\r\n*$0159-x"[r.IntN(10)]
	}
	return in
}

// TestHeaders: a header is compared as a word only if it is whole and fits it, and what is nearly one is none.
func TestHeaders(t *testing.T) {
	for _, n := range append(lengths, 99_999, 100_000, maxBulk) {
		in := fmt.Appendf(nil, "$%d\r\nxxxxxxxx", n)
		size := len(in) - len("xxxxxxxx")
		mask, header, length := anyHeader(in, 0)
		if fits := size <= maxHeader; fits != (length == size+n+2) || fits != (mask == 1<<(8*size)-1) || fits != (header != noHeader) {
			t.Errorf("%q: mask %x, header %x, length %d", in, mask, header, length)
		}
		if got, at := shortHeader(binary.LittleEndian.Uint64(in)); n < 100 && (got != n || at != size) || n >= 100 && at != 0 {
			t.Errorf("%q has a short header: %d, of %d bytes", in, got, at)
		}
	}
	for _, in := range []string{"$-2\r\nxxx", "$-1\rxxxx", "$-11\r\nxx", "$+1\r\nxxx", "$01\r\nxxx", "$1 \r\nxxx", "$/\r\nxxxx", "$1:\r\nxxx", "$12\n\rxxx", ":12\r\nxxx", "$\r\nxxxxx", "$12345\r\n"} {
		if end, passed := plainBulks([]byte(in+"xx\r\nxx\r\n"), 0, 9); end != 0 || passed != 0 {
			t.Errorf("%q begins with %d strings, %d bytes", in, passed, end)
		}
		if keys, end := plainKeys([]byte(in+"xx\r\nxx\r\n"), 0, 9, make([]codec.Key, 0, 9)); end != 0 || len(keys) != 0 {
			t.Errorf("%q begins with the keys %v, %d bytes", in, keys, end)
		}
	}
}

// TestManyKeys: commands of many keys are understood as the model has them, by a client whose last command had as many, and by a new one.
func TestManyKeys(t *testing.T) {
	p := New(Options{})
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 5))
		var in []byte
		for range 1 + r.IntN(4) {
			args := []string{[]string{"MGET", "del", "EXISTS", "MSET", "touch"}[r.IntN(5)]}
			n := lengths[r.IntN(len(lengths))]
			for range 2 * (1 + r.IntN(20)) {
				if r.IntN(8) == 0 {
					n = lengths[r.IntN(len(lengths))]
				}
				args = append(args, strings.Repeat("k", n))
			}
			in = append(in, frameOf(args...)...)
		}
		checkAgainstModel(t, p, changed(r, in), seed)
	}
}

// TestManyElements: the same of replies.
func TestManyElements(t *testing.T) {
	p := New(Options{})
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 6))
		var in []byte
		for range 1 + r.IntN(3) {
			if r.IntN(3) == 0 {
				in = append(in, "*1\r\n*2\r\n+a\r\n"...)
			}
			n := 1 + r.IntN(20)
			in = appendHeader(in, '*', n)
			in = appendElements(r, in, n)
		}
		checkReplyAgainstModel(t, p, changed(r, in), seed)
	}
}

// appendElements appends so many elements as servers answer MGET with, and now and then one of another kind.
func appendElements(r *rand.Rand, dst []byte, n int) []byte {
	length := lengths[r.IntN(len(lengths))]
	for range n {
		if r.IntN(4) == 0 {
			length = lengths[r.IntN(len(lengths))]
		}
		switch r.IntN(24) {
		case 0, 1, 2:
			dst = append(dst, nullBulk...)
		case 3:
			dst = append(dst, []string{"_\r\n", ":12\r\n", "+OK\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "|1\r\n+a\r\n+b\r\n$1\r\na\r\n", "$?\r\n;1\r\na\r\n;0\r\n", "*0\r\n"}[r.IntN(7)]...)
		default:
			dst = appendBulk(dst, strings.Repeat("v", length))
		}
	}
	return dst
}

// gathered is what AppendCoalesced makes of replies to MGET, one element after the other.
func gathered(g *codec.Gather) string {
	const invalid = "-ERR Invalid argument\r\n"
	count, at := make([]int, len(g.Replies)), make([]int, len(g.Replies))
	for _, part := range g.Part {
		if int(part) >= len(g.Replies) {
			return invalid
		}
		count[part]++
	}
	for i, r := range g.Replies {
		r = withoutAttributes(r)
		if g.Replies[i] = r; len(r) > 0 && (r[0] == '-' || r[0] == '!') {
			return string(r)
		}
	}
	for i, r := range g.Replies {
		n, pos := arrayAt(r)
		if pos <= 0 || n != count[i] {
			return invalid
		}
		at[i] = pos
	}
	out := fmt.Sprintf("*%d\r\n", len(g.Part))
	for _, part := range g.Part {
		end := elementEnd(g.Replies[part], at[part])
		if end == 0 {
			return invalid
		}
		out += string(g.Replies[part][at[part]:end])
		at[part] = end
	}
	for i, r := range g.Replies {
		if at[i] != len(r) {
			return invalid
		}
	}
	return out
}

// checkGathered compares AppendCoalesced with gathered.
func checkGathered(t *testing.T, p *Protocol, replies []string, part []uint16) {
	t.Helper()
	one, other := &codec.Gather{Op: opMGet, Part: part, Cursor: make([]int, len(replies))}, &codec.Gather{Part: part}
	for _, r := range replies {
		one.Replies, other.Replies = append(one.Replies, []byte(r)), append(other.Replies, []byte(r))
	}
	if got, want := string(p.AppendCoalesced([]byte("before"), one)), "before"+gathered(other); got != want {
		t.Fatalf("AppendCoalesced(%q) of parts %d = %q; want %q", replies, part, got, want)
	}
}

// TestManyGathered: values of all lengths come to their places from up to five servers, one of which may have too many or too few.
func TestManyGathered(t *testing.T) {
	p := New(Options{})
	for seed := range uint64(800) {
		r := rand.New(rand.NewPCG(seed, 7))
		counts := make([]int, 1+r.IntN(5))
		var part []uint16
		for range 1 + r.IntN(40) {
			part = append(part, uint16(r.IntN(len(counts))))
			counts[part[len(part)-1]]++
		}
		if r.IntN(8) == 0 {
			counts[r.IntN(len(counts))] += r.IntN(3)
		}
		var replies []string
		for _, n := range counts {
			replies = append(replies, string(appendElements(r, appendHeader(nil, '*', n), n)))
		}
		checkGathered(t, p, replies, part)
	}
}

// FuzzGathered does the same with any whole replies.
func FuzzGathered(f *testing.F) {
	f.Add("*2\r\n$1\r\na\r\n$-1\r\n", "*1\r\n$2\r\nab\r\n", []byte{0, 1, 0})
	f.Add("*2\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n", "*2\r\n$3\r\n012\r\n_\r\n", []byte{0, 1, 1, 0})
	p := New(Options{})
	f.Fuzz(func(t *testing.T, a, b string, part []byte) {
		for _, r := range []string{a, b} {
			if n, _, bad := replyEnd(r, alone); bad || n != len(r) || n == 0 || strings.Count(r, "*") > 50 {
				return
			}
		}
		parts := make([]uint16, len(part))
		for i, at := range part {
			parts[i] = uint16(at % 2)
		}
		checkGathered(t, p, []string{a, b}, parts)
	})
}
