package resp

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
)

func TestScanReply(t *testing.T) {
	deepest := strings.Repeat("*2\r\n", 2000) + ":1\r\n" + strings.Repeat(":2\r\n", 2000)
	tests := []struct {
		name string
		in   string
		want []string // First and the reply
		rest string
		err  error
	}{
		{name: "status", in: "+OK\r\n", want: []string{"+OK\r\n"}},
		{name: "empty status", in: "+\r\n", want: []string{"+\r\n"}},
		{name: "status with a CR inside", in: "+a\rb\r\n", want: []string{"+a\rb\r\n"}},
		{name: "status with CRs", in: "+\r\r\r\n", want: []string{"+\r\r\r\n"}},
		{name: "error", in: "-ERR no\r\n", want: []string{"-ERR no\r\n"}},
		{name: "integers", in: ":0\r\n:-1\r\n:9223372036854775807\r\n", want: []string{":0\r\n", ":-1\r\n", ":9223372036854775807\r\n"}},
		{name: "bulk", in: "$3\r\nabc\r\n", want: []string{"$3\r\nabc\r\n"}},
		{name: "bulk of line ends", in: "$4\r\n\r\n\r\n\r\n", want: []string{"$4\r\n\r\n\r\n\r\n"}},
		{name: "empty bulk", in: "$0\r\n\r\n", want: []string{"$0\r\n\r\n"}},
		{name: "null bulk", in: "$-1\r\n$1\r\na\r\n", want: []string{"$-1\r\n", "$1\r\na\r\n"}},
		{name: "long bulk", in: "$1200\r\n" + strings.Repeat("x", 1200) + "\r\n", want: []string{"$1200\r\n" + strings.Repeat("x", 1200) + "\r\n"}},
		{name: "array", in: "*2\r\n$1\r\na\r\n$-1\r\n", want: []string{"*2\r\n$1\r\na\r\n$-1\r\n"}},
		{name: "empty and null array", in: "*0\r\n*-1\r\n", want: []string{"*0\r\n", "*-1\r\n"}},
		{name: "nested", in: "*2\r\n*2\r\n:1\r\n*0\r\n*-1\r\n+x\r\n", want: []string{"*2\r\n*2\r\n:1\r\n*0\r\n*-1\r\n", "+x\r\n"}},
		{name: "deepest", in: deepest + ":1\r\n", want: []string{deepest, ":1\r\n"}},
		{name: "deep in last elements", in: strings.Repeat("*1\r\n", 5000) + ":1\r\n", want: []string{strings.Repeat("*1\r\n", 5000) + ":1\r\n"}},
		{name: "null", in: "_\r\n", want: []string{"_\r\n"}},
		{name: "bools", in: "#t\r\n#f\r\n", want: []string{"#t\r\n", "#f\r\n"}},
		{name: "double", in: ",1.5e3\r\n,inf\r\n", want: []string{",1.5e3\r\n", ",inf\r\n"}},
		{name: "big number", in: "(349285\r\n", want: []string{"(349285\r\n"}},
		{name: "bulk error", in: "!3\r\nERR\r\n", want: []string{"!3\r\nERR\r\n"}},
		{name: "verbatim", in: "=5\r\ntxt:a\r\n", want: []string{"=5\r\ntxt:a\r\n"}},
		{name: "set", in: "~2\r\n:1\r\n:2\r\n", want: []string{"~2\r\n:1\r\n:2\r\n"}},
		{name: "map", in: "%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n", want: []string{"%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n"}},
		{name: "attribute", in: "|1\r\n+a\r\n*1\r\n:1\r\n$1\r\nx\r\n+y\r\n", want: []string{"|1\r\n+a\r\n*1\r\n:1\r\n$1\r\nx\r\n", "+y\r\n"}},
		{name: "empty attribute", in: "|0\r\n:1\r\n", want: []string{"|0\r\n:1\r\n"}},
		{name: "attribute before an element", in: "*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", want: []string{"*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n"}},
		{name: "attribute of an attribute's value", in: "|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n:1\r\n:2\r\n", want: []string{"|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n:1\r\n:2\r\n"}},
		{name: "attribute in a last element", in: "*1\r\n*2\r\n:1\r\n|1\r\n+a\r\n*1\r\n*0\r\n+b\r\n:2\r\n", want: []string{"*1\r\n*2\r\n:1\r\n|1\r\n+a\r\n*1\r\n*0\r\n+b\r\n", ":2\r\n"}},
		{name: "doubles of all kinds", in: ",inf\r\n,-inf\r\n,nan\r\n,1\r\n,-1.5E-7\r\n", want: []string{",inf\r\n", ",-inf\r\n", ",nan\r\n", ",1\r\n", ",-1.5E-7\r\n"}},
		{name: "integers that only a client would refuse", in: ":+1\r\n:\r\n:01\r\n:9223372036854775808\r\n", want: []string{":+1\r\n", ":\r\n", ":01\r\n", ":9223372036854775808\r\n"}},
		{name: "huge bulk begins", in: "$536870913\r\nabc", rest: "$536870913\r\nabc"},
		{name: "huge array begins", in: "*4294967296\r\n:1\r\n", rest: "*4294967296\r\n:1\r\n"},
		{name: "long line", in: "+" + strings.Repeat("x", 70000) + "\r\n", want: []string{"+" + strings.Repeat("x", 70000) + "\r\n"}},
		{name: "push", in: ">2\r\n+x\r\n*1\r\n:1\r\n:5\r\n", want: []string{">2\r\n+x\r\n*1\r\n:1\r\n", ":5\r\n"}},
		{name: "empty push", in: ">0\r\n+OK\r\n", want: []string{">0\r\n", "+OK\r\n"}},
		{name: "streamed string", in: "$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n:1\r\n", want: []string{"$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n", ":1\r\n"}},
		{name: "empty streamed string", in: "$?\r\n;0\r\n", want: []string{"$?\r\n;0\r\n"}},
		{name: "streamed array", in: "*?\r\n:1\r\n*1\r\n:2\r\n.\r\n+x\r\n", want: []string{"*?\r\n:1\r\n*1\r\n:2\r\n.\r\n", "+x\r\n"}},
		{name: "empty streamed set", in: "~?\r\n.\r\n", want: []string{"~?\r\n.\r\n"}},
		{name: "streamed map", in: "%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n", want: []string{"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n"}},
		{name: "streamed within streamed, last in an array", in: "*2\r\n:0\r\n*?\r\n$?\r\n;1\r\na\r\n;0\r\n~?\r\n.\r\n.\r\n+x\r\n", want: []string{"*2\r\n:0\r\n*?\r\n$?\r\n;1\r\na\r\n;0\r\n~?\r\n.\r\n.\r\n", "+x\r\n"}},
		{name: "streamed string as last element", in: "*1\r\n$?\r\n;1\r\na\r\n;0\r\n:1\r\n", want: []string{"*1\r\n$?\r\n;1\r\na\r\n;0\r\n", ":1\r\n"}},

		{name: "status ended by LF", in: "+OK\n", err: errReplyLine},
		{name: "LF at once", in: "+\n", err: errReplyLine},
		{name: "integer ended by LF", in: ":1\n", err: errReplyLine},
		{name: "length of nothing", in: "$\r\n", err: errReplyNumber},
		{name: "length minus", in: "$-\r\n", err: errReplyNumber},
		{name: "length minus zero", in: "$-0\r\n", err: errReplyNumber},
		{name: "length with a plus", in: "$+1\r\n", err: errReplyNumber},
		{name: "length ended by LF", in: "$1\n", err: errReplyNumber},
		{name: "length with a CR inside", in: "$1\r1\r\n", err: errReplyNumber},
		{name: "length of no int64", in: "$9223372036854775808\r\n", err: errReplyNumber},
		{name: "bulk negative", in: "$-2\r\n", err: errReplyLength},
		{name: "bulk too large", in: "$9223372036854775807\r\n", err: errReplyLength},
		{name: "bulk zero padded", in: "$01\r\na\r\n", err: errReplyNumber},
		{name: "bulk longer than said", in: "$1\r\nabc\r\n", err: errReplyBody},
		{name: "bulk without LF", in: "$1\r\na\rb", err: errReplyBody},
		{name: "array negative", in: "*-2\r\n", err: errReplyLength},
		{name: "array too large", in: "*4611686018427387904\r\n", err: errReplyLength},
		{name: "map negative", in: "%-1\r\n", err: errReplyLength},
		{name: "verbatim negative", in: "=-1\r\n", err: errReplyLength},
		{name: "streamed with digits", in: "*?1\r\n", err: errReplyNumber},
		{name: "streamed minus", in: "*-?\r\n", err: errReplyNumber},
		{name: "streamed verbatim", in: "=?\r\n", err: errReplyNumber},
		{name: "streamed push", in: ">?\r\n", err: errReplyNumber},
		{name: "an element among pieces", in: "$?\r\n:1\r\n", err: errReplyType},
		{name: "a whole string among pieces", in: "$?\r\n$1\r\na\r\n", err: errReplyType},
		{name: "a piece outside", in: ";1\r\na\r\n", err: errReplyType},
		{name: "a piece in an array", in: "*1\r\n;1\r\na\r\n", err: errReplyType},
		{name: "an end outside", in: ".\r\n", err: errReplyType},
		{name: "an end in a counted array", in: "*1\r\n.\r\n", err: errReplyType},
		{name: "an end in an attribute", in: "|1\r\n.\r\n", err: errReplyType},
		{name: "an end among pieces", in: "$?\r\n.\r\n", err: errReplyType},
		{name: "push inside", in: "*1\r\n>1\r\n+x\r\n", err: errReplyPush},
		{name: "push behind an attribute", in: "|1\r\n+a\r\n+b\r\n>1\r\n+x\r\n", err: errReplyPush},
		{name: "push behind an empty attribute", in: "|0\r\n>1\r\n+x\r\n", err: errReplyPush},
		{name: "no type", in: "OK\r\n", err: errReplyType},
		{name: "stray line end", in: "+OK\r\n\r\n", want: []string{"+OK\r\n"}, err: errReplyType},
	}
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit([]byte(tt.in), func(pieces [][]byte) {
				got, rest, err := codectest.Replies(p, pieces)
				var replies []string
				for _, r := range got {
					replies = append(replies, r.Bytes)
					if first := strings.TrimLeft(r.Bytes, "|")[0]; r.Bytes[0] != '|' && r.First != first {
						t.Fatalf("ScanReply(%.80q): First %q; want %q", r.Bytes, r.First, first)
					}
				}
				if diff := cmp.Diff(tt.want, replies); diff != "" || rest != tt.rest || !errors.Is(err, tt.err) {
					t.Fatalf("ScanReply(%d pieces of %.80q) = %v, rest %.80q; want %v, %.80q\n%s", len(pieces), tt.in, err, rest, tt.err, tt.rest, diff)
				}
				if err != nil && !errors.Is(err, codec.ErrMalformed) {
					t.Fatalf("ScanReply(%.80q) = %v, which is not malformed", tt.in, err)
				}
			})
		})
	}
}

// First is the type of the reply itself, not of an attribute before it.
func TestScanReplyFirst(t *testing.T) {
	p := New(Options{})
	var s codec.ReplyScan
	if n, done, err := p.ScanReply(&s, []byte("*2\r\n:1\r\n")); n != 8 || done || err != nil || s.First != '*' {
		t.Errorf("half an array: %d, %v, %v, First %q", n, done, err, s.First)
	}
	if n, done, err := p.ScanReply(&s, []byte("$1\r\na\r\n+OK\r\n")); n != 7 || !done || err != nil || s.First != '*' {
		t.Errorf("the other half: %d, %v, %v, First %q", n, done, err, s.First)
	}
	if _, done, _ := p.ScanReply(&s, []byte("|1\r\n+a\r\n+b\r\n-ERR\r\n")); !done || s.First != '-' {
		t.Errorf("error with attribute: First %q; want '-'", s.First)
	}
}

// Skip says how much of a body is to come, so that it can be passed on without a look.
func TestScanReplySkip(t *testing.T) {
	p := New(Options{})
	var s codec.ReplyScan
	if n, done, err := p.ScanReply(&s, []byte("$10\r\nabc")); n != 8 || done || err != nil || s.Skip != 9 {
		t.Errorf("ScanReply = %d, %v, %v with Skip %d; want 8, false and 9", n, done, err, s.Skip)
	}
}

// Where the model is.
type modelPlace int

const (
	alone    modelPlace = iota // a reply, or a push
	attached                   // what an attribute belongs to
	inside                     // an element of something counted
	untilEnd                   // an element, or the '.' that ends a streamed aggregate
	inPieces                   // a piece of a streamed string
)

// replyEnd is the protocol as one would write it without a thought for speed: the length of the reply at the front of
// in, 0 if it is unfinished. last: it is what ends a streamed form.
func replyEnd(in string, place modelPlace) (n int, last, bad bool) {
	line, _, whole := strings.Cut(in, "\r\n")
	if in == "" || !whole && !strings.Contains(in, "\n") {
		return 0, false, false
	}
	if strings.IndexByte(in, '\n') != len(line)+1 {
		return 0, false, true
	}
	at := len(line) + 2
	kind, arg := line[:min(1, len(line))], line[min(1, len(line)):]
	if (kind == ";") != (place == inPieces) || kind == "." && place != untilEnd || kind == ">" && place != alone {
		return 0, false, true
	}
	num, numOK := parseInt([]byte(arg))
	numOK = numOK && (num >= 0 || num == -1 && (kind == "$" || kind == "*"))
	elements, then := num, inside
	switch kind {
	case "+", "-", ":", ",", "(", "_", "#":
		return at, false, false
	case ".":
		return at, true, false
	case "$", "=", "!", ";":
		switch {
		case kind == "$" && arg == "?":
			elements, then = math.MaxInt64, inPieces
		case !numOK || num > maxReplyBulk:
			return 0, false, true
		case num < 0:
			return at, false, false
		case kind == ";" && num == 0:
			return at, true, false
		default:
			if num > int64(len(in)) {
				return 0, false, false
			}
			end := at + int(num) + 2
			if end > len(in) {
				return 0, false, false
			}
			return end, false, in[end-2:end] != "\r\n"
		}
	case "*", "~", "%", "|", ">":
		switch {
		case arg == "?" && kind != "|" && kind != ">":
			elements, then = math.MaxInt64, untilEnd
		case !numOK || num > maxReplyCount:
			return 0, false, true
		case kind == "%" || kind == "|":
			elements *= 2
		}
	default:
		return 0, false, true
	}
	for ; elements > 0; elements-- {
		n, last, bad := replyEnd(in[at:], then)
		if bad || n == 0 {
			return 0, false, bad
		}
		at += n
		if last {
			break
		}
	}
	if kind == "|" {
		if place == alone {
			place = attached
		}
		n, last, bad := replyEnd(in[at:], place)
		if n == 0 {
			return 0, false, bad
		}
		return at + n, last, bad
	}
	return at, false, false
}

func checkReplyAgainstModel(t *testing.T, p *Protocol, in []byte, seed uint64) {
	t.Helper()
	got, rest, err := codectest.Replies(p, [][]byte{in})
	again, rest2, err2 := codectest.Replies(p, randomPieces(in, seed))
	if diff := cmp.Diff(got, again); diff != "" || rest != rest2 || !errors.Is(err, err2) {
		t.Fatalf("ScanReply(%q): whole %v, %q; in pieces %v, %q\n%s", in, err, rest, err2, rest2, diff)
	}
	left := string(in)
	for _, r := range got {
		n, _, bad := replyEnd(left, alone)
		if bad || n != len(r.Bytes) {
			t.Fatalf("ScanReply(%q) = %d; model %d, malformed %v", left, len(r.Bytes), n, bad)
		}
		left = left[n:]
	}
	n, _, bad := replyEnd(left, alone)
	if err == nil && n != 0 || bad && err == nil {
		t.Fatalf("ScanReply(%q) wants more; model %d, malformed %v", left, n, bad)
	}
	if err != nil && n != 0 && !bad && !errors.Is(err, errReplyTooDeep) {
		t.Fatalf("ScanReply(%q) = %v; model %d", left, err, n)
	}
}

func TestScanReplyRandom(t *testing.T) {
	p := New(Options{})
	words := []string{"+OK\r\n", ":12\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*2\r\n", "*0\r\n", "%1\r\n", "|1\r\n", "~3\r\n", "_\r\n", "#t\r\n", "=4\r\ntxt:\r\n", "-ERR x\r\n", ",1\r\n", "$?\r\n", ";1\r\na\r\n", ";0\r\n", "*?\r\n", "%?\r\n", ".\r\n", ">1\r\n"}
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 3))
		var in []byte
		for range 1 + r.IntN(12) {
			in = append(in, words[r.IntN(len(words))]...)
		}
		if r.IntN(3) == 0 {
			in[r.IntN(len(in))] = "\r\n*$0159-x>?;."[r.IntN(14)]
		}
		checkReplyAgainstModel(t, p, in, seed)
	}
}

func FuzzScanReply(f *testing.F) {
	for _, s := range []string{
		"+OK\r\n", "-ERR\r\n", ":-1\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*2\r\n$1\r\na\r\n*-1\r\n", "%1\r\n_\r\n#t\r\n",
		"|1\r\n+a\r\n+b\r\n~1\r\n(1\r\n", "=5\r\ntxt:a\r\n!3\r\nERR\r\n,1.5\r\n",
	} {
		f.Add([]byte(s), uint64(1))
	}
	p := New(Options{})
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		checkReplyAgainstModel(t, p, in, seed)
	})
}
