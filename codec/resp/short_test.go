package resp

import (
	"testing"

	"cashew/codec"
)

// TestWholeElement: elements of the usual kinds that are whole are passed at once; all others go the long way.
func TestWholeElement(t *testing.T) {
	for in, want := range map[string]int{
		"$3\r\nabc\r\n": 9, "$0\r\n\r\n": 6, "$-1\r\n": 5, ":12\r\n": 5, ":-1\r\n": 0, "+OK\r\n": 5, "_\r\n": 3,
		"$3\r\nabc\r\n$": 9, "$10\r\n0123456789\r\n": 17, "$3\r\nabc\r": 0, "$3\r\nabc": 0, "$3\r\n": 0, "$3": 0, "$": 0, "": 0,
		"$-1\r": 0, "$-2\r\n": 0, ":12\r": 0, ":\r\n": 0, "+OK\r": 0, "+PONG\r\n": 0, "-ERR\r\n": 0, "_\r": 0, "*0\r\n": 0, "#t\r\n": 0,
	} {
		for _, before := range []string{"", "+OK\r\n"} {
			got := wholeElement([]byte(before+in), len(before))
			if want > 0 && got != len(before)+want || want == 0 && got != 0 {
				t.Errorf("%q behind %q ends at %d; want %d behind it", in, before, got, want)
			}
		}
	}
}

// TestWholeReply: what the reply begins with is known whichever way it goes, and nothing of it is left in the scan.
func TestWholeReply(t *testing.T) {
	p := New(Options{})
	var s codec.ReplyScan
	for _, in := range []string{
		"$3\r\nabc\r\n", "*2\r\n:1\r\n$1\r\na\r\n", "+OK\r\n", "|1\r\n+a\r\n:1\r\n$1\r\na\r\n", ":1\r\n", "*0\r\n", "_\r\n",
		"%1\r\n+a\r\n:1\r\n", "-ERR\r\n", "*1\r\n*1\r\n*1\r\n+a\r\n", "$-1\r\n", ">1\r\n+a\r\n",
	} {
		n, done, err := p.ScanReply(&s, []byte(in+"$1"))
		if n != len(in) || !done || err != nil || len(s.Stack) != 0 || s.State != 0 || s.Skip != 0 || s.Attr {
			t.Errorf("%q: %d, %v, %v, %+v", in, n, done, err, s)
		}
		want := in[0]
		if want == '|' {
			want = '$'
		}
		if s.First != want {
			t.Errorf("%q begins with %q; want %q", in, s.First, want)
		}
	}
}

// TestStraightWay: a command with one key that is whole is taken at once, and nothing is kept of it.
func TestStraightWay(t *testing.T) {
	p := New(Options{})
	for _, words := range [][]string{
		{"GET", "a"}, {"get", "key:000000000001"}, {"SET", "a", ""}, {"SET", "a", "1", "EX", "600"}, {"INCR", "a"}, {"HSET", "a", "f", "1"},
	} {
		var (
			s   codec.Scan
			cl  codec.Client
			cmd codec.Command
		)
		in := bulks(words...)
		n, err := p.ParseCommand(&cl, &s, append(in[:len(in):len(in)], "*2\r\n"...), &cmd)
		if n != len(in) || err != nil || s.Keys != nil || s.Need+s.Pos+s.Left+s.Index+s.Op != 0 {
			t.Errorf("%q: %d of %d bytes, %v, %+v", in, n, len(in), err, s)
		}
		if string(cmd.Frame) != string(in) || string(cmd.Key) != words[1] || cmd.Arg != len(words) || cmd.Kind != codec.Forward {
			t.Errorf("%q: %+v", in, cmd)
		}
	}
}
