package resp

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
)

func TestParseInline(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []string // the arrays, as text; "" for Ignore
		rest string
		err  error
	}{
		{name: "words", in: "set  k\tv \r\n", want: []string{"*3 $3 set $1 k $1 v "}},
		{name: "LF alone", in: "get k\n", want: []string{"*2 $3 get $1 k "}},
		{name: "space in front", in: " \t\v\fget k\n", want: []string{"*2 $3 get $1 k "}},
		{name: "CR between words", in: "get\rk\r\n", want: []string{"*2 $3 get $1 k "}},
		{name: "two CR", in: "get k\r\r\n", want: []string{"*2 $3 get $1 k "}},
		{name: "empty lines", in: "\n\r\n  \r\nget k\n", want: []string{"", "", "", "*2 $3 get $1 k "}},
		{name: "two lines", in: "get a\nget b\n", want: []string{"*2 $3 get $1 a ", "*2 $3 get $1 b "}},
		{name: "then an array", in: "get a\n*1\r\n$4\r\nPING\r\n", want: []string{"*2 $3 get $1 a ", "*1 $4 PING "}},
		{name: "empty word", in: "get ''\nget \"\"\n", want: []string{"*2 $3 get $0  ", "*2 $3 get $0  "}},
		{name: "quotes in a word", in: "get a'b'\n", want: []string{"*2 $3 get $2 ab "}},
		{name: "quote in the other quotes", in: `get "a'b"` + "\n" + `get 'a"b'` + "\n", want: []string{"*2 $3 get $3 a'b ", `*2 $3 get $3 a"b `}},
		{name: "escapes", in: `get "\x41\X41\t\"\\\q"` + "\n", want: []string{"*2 $3 get $8 AX41\t\"\\q "}},
		{name: "half an escape", in: `get "\x4g\x"` + "\n", want: []string{"*2 $3 get $4 x4gx "}},
		{name: "escapes in single quotes", in: `get '\'\n'` + "\n", want: []string{`*2 $3 get $3 '\n `}},
		{name: "line ends by escape", in: `get "\r\n\a\b"` + "\n", want: []string{"*2 $3 get $4 \r\n\a\b "}},
		{name: "many words", in: "mget" + strings.Repeat(" a", 12) + "\n", want: []string{"*13 $4 mget" + strings.Repeat(" $1 a", 12) + " "}},
		{name: "unfinished", in: "get a", rest: "get a"},
		{name: "longest", in: "get " + strings.Repeat("k", 65532) + "\n", want: []string{"*2 $3 get $65532 " + strings.Repeat("k", 65532) + " "}},

		{name: "open quote", in: "get \"a\n", err: errQuotes},
		{name: "open single quote", in: "get 'a\n", err: errQuotes},
		{name: "open behind a backslash", in: "get \"a\\\n", err: errQuotes},
		{name: "word behind a quote", in: "get \"a\"b\n", err: errQuotes},
		{name: "word behind a single quote", in: "get 'a'b\n", err: errQuotes},
		{name: "open in the name", in: "g'et a\n", err: errQuotes},
		{name: "too long", in: "get " + strings.Repeat("k", 65533) + "\n", err: errInline},
		{name: "too long and unfinished", in: strings.Repeat("k", 65537), err: errInline},
	}
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit([]byte(tt.in), func(pieces [][]byte) {
				if len(tt.in) > 4096 && len(pieces) == 2 && len(pieces[0])%1000 != 0 {
					return
				}
				got, rest, err := codectest.Commands(p, &codec.Client{}, pieces)
				var frames []string
				for _, c := range got {
					if c.Kind == codec.Ignore {
						frames = append(frames, "")
						continue
					}
					frames = append(frames, c.Frame)
					if n := strings.LastIndex(c.Frame, c.Key); c.Kind != codec.Local && (!c.HasKey || n < 0) {
						t.Fatalf("ParseCommand(%q): key %q is not in the frame", tt.in, c.Key)
					}
				}
				var want []string
				for _, w := range tt.want {
					want = append(want, string(wire(w)))
				}
				if diff := cmp.Diff(want, frames); diff != "" || rest != tt.rest || !errors.Is(err, tt.err) {
					t.Fatalf("ParseCommand(%d pieces of %.60q) = %v, rest %.60q; want %v, %q\n%s", len(pieces), tt.in, err, rest, tt.err, tt.rest, diff)
				}
			})
		})
	}
}

// An array made of a line holds what the words hold, whatever is in them.
func FuzzAppendArray(f *testing.F) {
	for _, s := range []string{"get a", `"a\x00b" 'c\'d' e"f"`, `'`, `"\`, "  ", `""`, "a\x00b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) > 4096 {
			return
		}
		frame, words, ok := appendArray([]byte("before"), line)
		if !bytes.HasPrefix(frame, []byte("before")) {
			t.Fatalf("appendArray(%q) lost what was there", line)
		}
		if !ok || words == 0 {
			return
		}
		frames, inline, bad := model(frame[len("before"):])
		if len(frames) != 1 || inline || bad || len(frames[0]) != words {
			t.Fatalf("appendArray(%q) = %q, %d words; model %q", line, frame, words, frames)
		}
		if !bytes.ContainsAny(line, `"'`) {
			want := strings.FieldsFunc(string(line), func(r rune) bool { return r < 256 && isSpace(byte(r)) })
			if diff := cmp.Diff(want, frames[0]); diff != "" {
				t.Fatalf("appendArray(%q):\n%s", line, diff)
			}
		}
	})
}
