package memcached

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
)

// parsed feeds pieces to ParseCommand as a session does and tells what came out, one line for each command. Data blocks
// that are skipped are told as one line, however they were cut.
func parsed(p *Protocol, pieces [][]byte) (got []string, rest string, err error) {
	return parsedIn(p, Text, pieces)
}

// parsedIn is parsed for a client of that profile.
func parsedIn(p *Protocol, pr codec.Profile, pieces [][]byte) (got []string, rest string, err error) {
	var (
		buf     []byte
		s       codec.Scan
		cl      = codec.Client{Profile: pr}
		cmd     codec.Command
		skipped int
	)
	for i, piece := range pieces {
		buf = append(buf, piece...)
		for len(buf) > 0 && len(buf) >= s.Need {
			cmd.Quiet, cmd.Mark = 0, 0
			n, err := p.ParseCommand(&cl, &s, buf, &cmd)
			switch {
			case err != nil:
				if n != 0 || !errors.Is(err, codec.ErrMalformed) || s.Need+s.Pos+s.Left+s.Op != 0 {
					return got, "", fmt.Errorf("broken promise: %d, %w, %+v", n, err, s)
				}
				return got, "", err
			case n == 0 && s.Need <= len(buf), n > len(buf):
				return got, "", fmt.Errorf("broken promise: %d, Need %d with %d bytes", n, s.Need, len(buf))
			case n == 0:
			case s.Need+s.Pos+s.Index+len(s.Keys) != 0 || s.Op != 0 && (s.Op != opSkip || s.Left == 0):
				return got, "", fmt.Errorf("broken promise: not ready for the next frame: %+v", s)
			case cmd.Kind == codec.Ignore && cmd.Op == opSkip:
				if skipped += n; s.Left == 0 {
					got = append(got, fmt.Sprintf("skip %d", skipped))
					skipped = 0
				}
			default:
				got = append(got, tell(p, &cl, &cmd))
			}
			if n == 0 {
				break
			}
			buf = buf[n:]
			if cmd.Kind == codec.Quit {
				return got, string(buf) + string(bytes.Join(pieces[i+1:], nil)), nil
			}
		}
	}
	if skipped > 0 {
		got = append(got, fmt.Sprintf("skip %d and more", skipped))
	}
	return got, string(buf), nil
}

// tell is a line about a command: its kind, then what is not usual for that kind.
func tell(p *Protocol, cl *codec.Client, cmd *codec.Command) string {
	var b strings.Builder
	switch cmd.Kind {
	case codec.Forward:
		fmt.Fprintf(&b, "forward %q by %q", cmd.Frame, cmd.Key)
	case codec.Scatter:
		fmt.Fprintf(&b, "scatter %q", p.AppendFragment(nil, cmd, len(cmd.Keys)))
		for i, k := range cmd.Keys {
			fmt.Fprintf(&b, " + %q by %q", cmd.Frame[k.Start:k.End], cmd.KeyAt(i))
		}
	case codec.Fanout:
		fmt.Fprintf(&b, "fanout %q", cmd.Frame)
	case codec.Ignore:
		fmt.Fprintf(&b, "ignore %q", cmd.Frame)
	case codec.Local:
		fmt.Fprintf(&b, "local %q", p.AppendLocal(nil, cl, cmd))
	case codec.Refuse:
		fmt.Fprintf(&b, "refuse %q", p.AppendLocal(nil, cl, cmd))
	case codec.Report:
		reply, _ := p.AppendReport(nil, *cl, cmd.Op, bytes.Clone(cmd.Frame), &codectest.About{})
		fmt.Fprintf(&b, "report %q", reply)
	case codec.Quit:
		fmt.Fprintf(&b, "quit %q", p.AppendLocal(nil, cl, cmd))
	}
	if cmd.NoReply && cmd.Kind != codec.Ignore {
		b.WriteString(" noreply")
	}
	if cmd.Quiet&quietBinary != 0 {
		fmt.Fprintf(&b, " quiet %#x", byte(cmd.Quiet))
	} else if cmd.Quiet != 0 {
		b.WriteString(" quiet " + commands[cmd.Quiet].name)
	}
	return b.String()
}

const (
	bad    = `refuse "CLIENT_ERROR bad command line format\r\n"`
	noSuch = `refuse "ERROR\r\n"`

	refusedVerbosity = `refuse "CLIENT_ERROR verbosity is not allowed through this proxy\r\n"`
)

var (
	longest = strings.Repeat("k", maxKey)
	tooLong = strings.Repeat("k", maxKey+1)
)

func TestParseCommand(t *testing.T) {
	flags := func(n int) string { return strings.Repeat(" O", n) }
	tests := []struct {
		name string
		in   string
		want []string
		rest string
		err  error
	}{
		{name: "get", in: "get a\r\n", want: []string{`forward "get a\r\n" by "a"`}},
		{name: "gets ended by LF", in: "gets a\n", want: []string{`forward "gets a\n" by "a"`}},
		{name: "get of the longest key", in: "get " + longest + "\r\n", want: []string{fmt.Sprintf("forward %q by %q", "get "+longest+"\r\n", longest)}},
		{name: "get between spaces", in: "  get   a  \r\nget b\r\n", want: []string{`forward "get   a  \r\n" by "a"`, `forward "get b\r\n" by "b"`}},
		{name: "get of several", in: "get a  bb c \r\n", want: []string{`scatter "get" + " a" by "a" + "  bb" by "bb" + " c" by "c"`}},
		{name: "get of several, spaced", in: "  gets  a a\n", want: []string{`scatter "gets" + "  a" by "a" + " a" by "a"`}},
		{name: "gat", in: "gat -1 a\r\n", want: []string{`forward "gat -1 a\r\n" by "a"`}},
		{name: "gats of several", in: "gats  60 a b\r\n", want: []string{`scatter "gats  60" + " a" by "a" + " b" by "b"`}},
		{name: "gat of nothing", in: "gat 0\r\n", want: []string{`local "END\r\n"`}},
		{name: "gat of nothing for no time", in: "gat x\r\n", want: []string{`refuse "CLIENT_ERROR invalid exptime argument\r\n"`}},
		{name: "gat alone", in: "gat\r\ngat \r\n", want: []string{noSuch, noSuch}},
		{name: "get alone", in: "get\r\nget \r\n", want: []string{noSuch, noSuch}},
		{name: "key too long", in: "get " + tooLong + "\r\n", want: []string{bad}},
		{name: "second key too long", in: "get a " + tooLong + " b\r\n", want: []string{bad}},
		{name: "gat of a key too long", in: "gat 0 " + tooLong + "\r\ngat x a " + tooLong + "\r\n", want: []string{bad, `refuse "CLIENT_ERROR invalid exptime argument\r\n"`}},
		{name: "gat too long for a server", in: "gat 0" + strings.Repeat(" kkkkkkk", 256) + "\r\nget a\r\n", want: []string{`refuse "CLIENT_ERROR line too long\r\n"`, `forward "get a\r\n" by "a"`}},
		{name: "control bytes", in: "get a\tb\x01\x7f\r\r\n", want: []string{`forward "get a\tb\x01\x7f\r\r\n" by "a\tb\x01\x7f\r"`}},
		{name: "NUL", in: "get a\x00b\r\nversion\x00\r\n\x00\r\n", want: []string{bad, noSuch, noSuch}},

		{name: "set", in: "set a 1 0 3\r\nabc\r\nget a\r\n", want: []string{`forward "set a 1 0 3\r\nabc\r\n" by "a"`, `forward "get a\r\n" by "a"`}},
		{name: "set of nothing", in: "set a 1 -1 0\r\n\r\n", want: []string{`forward "set a 1 -1 0\r\n\r\n" by "a"`}},
		{name: "set of line ends", in: "  set  a 4294967295  -2147483648 4 \n\r\n\n\n\r\n", want: []string{`forward "set  a 4294967295  -2147483648 4 \n\r\n\n\n\r\n" by "a"`}},
		{name: "add noreply", in: "add a 0 0 1 noreply\r\nx\r\n", want: []string{`forward "add a 0 0 1 noreply\r\nx\r\n" by "a" noreply`}},
		{name: "replace with one word too many", in: "replace a 0 0 1 x\r\nx\r\n", want: []string{`forward "replace a 0 0 1 x\r\nx\r\n" by "a"`}},
		{name: "append prepend", in: "append a 0 0 1\r\nx\r\nprepend a 0 0 1\r\nx\r\n", want: []string{`forward "append a 0 0 1\r\nx\r\n" by "a"`, `forward "prepend a 0 0 1\r\nx\r\n" by "a"`}},
		{name: "cas", in: "cas a 0 0 1 18446744073709551615\r\nx\r\n", want: []string{`forward "cas a 0 0 1 18446744073709551615\r\nx\r\n" by "a"`}},
		{name: "cas noreply", in: "cas a 0 0 1 2 noreply\r\nx\r\n", want: []string{`forward "cas a 0 0 1 2 noreply\r\nx\r\n" by "a" noreply`}},
		{name: "data cut", in: "set a 0 0 3\r\nabc\r", rest: "set a 0 0 3\r\nabc\r"},
		{name: "data shorter than said", in: "set a 0 0 3\r\nab\r\nget a\r\n", want: []string{`refuse "CLIENT_ERROR bad data chunk\r\n"`, noSuch}},
		{name: "data longer than said", in: "set a 0 0 3\r\nabcd\r\nget a\r\n", want: []string{`refuse "CLIENT_ERROR bad data chunk\r\n"`, noSuch, `forward "get a\r\n" by "a"`}},
		{name: "data longer than said, noreply", in: "set a 0 0 3 noreply\r\nabcde", want: []string{`ignore "set a 0 0 3 noreply\r\nabcde"`}},
		{name: "key too long, data skipped", in: "set " + tooLong + " 0 0 3\r\nabc\r\nget a\r\n", want: []string{bad, "skip 5", `forward "get a\r\n" by "a"`}},
		{name: "key too long, noreply", in: "set " + tooLong + " 0 0 3 noreply\r\nabc\r\n", want: []string{fmt.Sprintf("ignore %q", "set "+tooLong+" 0 0 3 noreply\r\n"), "skip 5"}},
		{name: "flags of 64 bits", in: "set a 4294967296 0 3\r\nabc\r\nset a 18446744073709551615 0 3\r\nabc\r\n", want: []string{`forward "set a 4294967296 0 3\r\nabc\r\n" by "a"`, `forward "set a 18446744073709551615 0 3\r\nabc\r\n" by "a"`}},
		{name: "flags too large", in: "set a 18446744073709551616 0 3\r\nabc\r\n", want: []string{bad, "skip 5"}},
		{name: "flags odd", in: "set a +1 0 3\r\nabc\r\nset a -18446744073709551615 0 3\r\nabc\r\nset a \v07\tx 0 3\nabc\r\n", want: []string{`forward "set a 1  0 3\r\nabc\r\n" by "a"`, `forward "set a 1                     0 3\r\nabc\r\n" by "a"`, `forward "set a 7     0 3\nabc\r\n" by "a"`}},
		{name: "flags negative", in: "set a -1 0 3\r\nabc\r\n", want: []string{bad, "skip 5"}},
		{name: "exptime wrapped", in: "set a 0 4294967295 3\r\nabc\r\n set a 0 4294967301 3 noreply\nabc\r\n", want: []string{`forward "set a 0 -1         3\r\nabc\r\n" by "a"`, `forward "set a 0 5          3 noreply\nabc\r\n" by "a" noreply`}},
		{name: "exptime below", in: "set a 0 -2147483649 3\r\nabc\r\nset a 0 2147483648 3\r\nabc\r\n", want: []string{`forward "set a 0 2147483647  3\r\nabc\r\n" by "a"`, `forward "set a 0 -1         3\r\nabc\r\n" by "a"`}},
		{name: "exptime at the borders", in: "set a 0 9223372036854775807 3\r\nabc\r\nset a 0 -9223372036854775808 3\r\nabc\r\n", want: []string{`forward "set a 0 -1                  3\r\nabc\r\n" by "a"`, `forward "set a 0 0                    3\r\nabc\r\n" by "a"`}},
		{name: "exptime too large", in: "set a 0 9223372036854775808 3\r\nabc\r\n", want: []string{bad, "skip 5"}},
		{name: "exptime too small", in: "set a 0 -9223372036854775809 3 noreply\r\nabc\r\n", want: []string{`ignore "set a 0 -9223372036854775809 3 noreply\r\n"`, "skip 5"}},
		{name: "exptime minus", in: "set a 0 - 3\r\nabc\r\n", want: []string{bad, "skip 5"}},
		{name: "size odd", in: "set a 0 0 +3\r\nabc\r\nset a 0 0 4294967299 noreply\r\nabc\r\nset a 0 0 003\r\r\nabc\r\n", want: []string{`forward "set a 0 0 3 \r\nabc\r\n" by "a"`, `forward "set a 0 0 3          noreply\r\nabc\r\n" by "a" noreply`, `forward "set a 0 0 3   \r\nabc\r\n" by "a"`}},
		{name: "size odd, too large", in: "set a 0 0 +1073741824\r\nabc", want: []string{`refuse "SERVER_ERROR object too large for cache\r\n"`, "skip 3 and more"}},
		{name: "size unreadable", in: "set a 0 0 3x\r\nget a\r\n", want: []string{bad, `forward "get a\r\n" by "a"`}},
		{name: "size negative", in: "set a 0 0 -1\r\nget a\r\n", want: []string{bad, `forward "get a\r\n" by "a"`}},
		{name: "size beyond memcached's", in: "set a 0 0 2147483646\r\nget a\r\n", want: []string{bad, `forward "get a\r\n" by "a"`}},
		{name: "size of 65 bits", in: "set a 0 0 18446744073709551619\r\nget a\r\n", want: []string{bad, `forward "get a\r\n" by "a"`}},
		{name: "size too large", in: "set a 0 0 1073741824\r\nabc", want: []string{`refuse "SERVER_ERROR object too large for cache\r\n"`, "skip 3 and more"}},
		{name: "size too large, noreply", in: "set a 0 0 2147483645 noreply\r\nabc", want: []string{`ignore "set a 0 0 2147483645 noreply\r\n"`, "skip 3 and more"}},
		{name: "cas odd", in: "cas a 00 +5 03 +7\r\nabc\r\n", want: []string{`forward "cas a 0  5  3  7 \r\nabc\r\n" by "a"`}},
		{name: "cas malformed", in: "cas a 0 0 3 x\r\nabc\r\ncas a 0 0 3 18446744073709551616\r\nabc\r\n", want: []string{bad, "skip 5", bad, "skip 5"}},
		{name: "cas without unique, noreply", in: "cas a 0 0 3 noreply\r\nabc\r\n", want: []string{`ignore "cas a 0 0 3 noreply\r\n"`, "skip 5"}},
		{name: "set with too few words", in: "set a 0 0\r\nset\r\n", want: []string{noSuch, noSuch}},
		{name: "set with too many words", in: "set a 0 0 3 noreply x\r\ncas a 0 0 3 4 5 6\r\nset a b c d e f g h i j\r\n", want: []string{noSuch, noSuch, noSuch}},
		{name: "NUL in set", in: "set a\x00 0 0 3\r\nabc\r\nset a 0 0 3\x00\r\n", want: []string{bad, "skip 5", bad}},

		{name: "incr decr touch", in: "incr a 1\r\ndecr a 1 noreply\r\ntouch a -1\r\nincr a x y\n", want: []string{`forward "incr a 1\r\n" by "a"`, `forward "decr a 1 noreply\r\n" by "a" noreply`, `forward "touch a -1\r\n" by "a"`, `forward "incr a x y\n" by "a"`}},
		{name: "incr noreply in the number's place", in: "incr a noreply\r\n", want: []string{`forward "incr a noreply\r\n" by "a" noreply`}},
		{name: "incr with too many words", in: "incr a 1 2 noreply\r\nincr a\r\nincr\r\ntouch a b c d e f g noreply\r\n", want: []string{noSuch, noSuch, noSuch, noSuch}},
		{name: "incr of a key too long", in: "incr " + tooLong + " 1\r\n", want: []string{bad}},
		{name: "incr of a key too long, noreply", in: "incr k" + tooLong + " 1 noreply\r\nmn\r\n", want: []string{fmt.Sprintf("ignore %q", "incr k"+tooLong+" 1 noreply\r\n"), `local "MN\r\n"`}},
		{name: "delete", in: "delete a\r\ndelete a 0\r\ndelete a noreply\r\ndelete a 0 noreply\r\ndelete noreply\r\n", want: []string{`forward "delete a\r\n" by "a"`, `forward "delete a 0\r\n" by "a"`, `forward "delete a noreply\r\n" by "a" noreply`, `forward "delete a 0 noreply\r\n" by "a" noreply`, `forward "delete noreply\r\n" by "noreply"`}},
		{name: "delete with too many words", in: "delete\r\ndelete a 0 0 noreply\r\n", want: []string{noSuch, noSuch}},

		{name: "version", in: "version\r\nversion x\n", want: []string{`forward "version\r\n" by "placeholder"`, `forward "version x\n" by "placeholder"`}},
		{name: "verbosity", in: "verbosity 1\r\nverbosity 1 x\r\nverbosity\r\nverbosity 0 0 0\r\nverbosity x\r\n", want: []string{refusedVerbosity, refusedVerbosity, noSuch, noSuch, refusedVerbosity}},
		{name: "verbosity noreply", in: "verbosity 1 noreply\r\nverbosity noreply\r\n", want: []string{`ignore "verbosity 1 noreply\r\n"`, `ignore "verbosity noreply\r\n"`}},
		{name: "quit", in: "quit\r\nget a\r\n", want: []string{`quit ""`}, rest: "get a\r\n"},
		{name: "quit with words", in: "quit now\n", want: []string{`quit ""`}},
		{name: "refused", in: "flush_all\r\nstats\r\nlru tune\r\nwatch\r\nshutdown\r\nstats noreply\r\n", want: []string{
			`refuse "CLIENT_ERROR flush_all is not allowed through this proxy\r\n"`, `refuse "CLIENT_ERROR stats is not allowed through this proxy\r\n"`,
			`refuse "CLIENT_ERROR lru is not allowed through this proxy\r\n"`, `refuse "CLIENT_ERROR watch is not allowed through this proxy\r\n"`,
			`refuse "CLIENT_ERROR shutdown is not allowed through this proxy\r\n"`, `refuse "CLIENT_ERROR stats is not allowed through this proxy\r\n"`,
		}},
		{name: "refused noreply", in: "flush_all noreply\r\nflush_all 0 0 0\r\ncache_memlimit 64 noreply\r\n", want: []string{`ignore "flush_all noreply\r\n"`, noSuch, `ignore "cache_memlimit 64 noreply\r\n"`}},
		{name: "unknown", in: "GET a\r\n\r\n\n \r\n\r\r\ng\nbget a\r\nget\ta\r\n\xffgeta a\r\n", want: []string{noSuch, noSuch, noSuch, noSuch, noSuch, noSuch, noSuch, noSuch, noSuch}},

		{name: "mg", in: "mg a\r\nmg a v t f Oq k\r\nmg  YQ==  b  v \n", want: []string{`forward "mg a\r\n" by "a"`, `forward "mg a v t f Oq k\r\n" by "a"`, `forward "mg  YQ==  b  v \n" by "a"`}},
		{name: "base64", in: "mg dXNlcjox v b\r\nmd dXNlcjox q bx\r\nms dXNlcjox 1 b\r\nx\r\nms dXNlcjox +1 q b\r\nx\r\nms dXNlcjox 1 b q\r\nx\r\nma dX!Nlc-jox b\r\nmg YWI=YWI= b\r\nme YQ== b\r\n", want: []string{
			`forward "mg dXNlcjox v b\r\n" by "user:1"`, `forward "md dXNlcjox   bx\r\n" by "user:1" quiet md`, `forward "ms dXNlcjox 1 b\r\nx\r\n" by "user:1"`,
			`forward "ms dXNlcjox 1    b\r\nx\r\n" by "user:1" quiet ms`, `forward "ms dXNlcjox 1 b  \r\nx\r\n" by "user:1" quiet ms`, `forward "ma dX!Nlc-jox b\r\n" by "user:1"`,
			`forward "mg YWI=YWI= b\r\n" by "ab"`, `forward "me YQ== b\r\n" by "a"`,
		}},
		{name: "no base64", in: "mg dXN b\r\nmg ==== b\r\nmg Y=== b\r\nmg !!! b\r\nmg YQ== v xb\r\nme YQ== x b\r\nms YQ= 1 b\r\nx\r\nms YQ== 1\r\nx\r\n", want: []string{
			`forward "mg dXN b\r\n" by "dXN"`, `forward "mg ==== b\r\n" by "===="`, `forward "mg Y=== b\r\n" by "Y==="`, `forward "mg !!! b\r\n" by "!!!"`, `forward "mg YQ== v xb\r\n" by "YQ=="`,
			`forward "me YQ== x b\r\n" by "YQ=="`, `forward "ms YQ= 1 b\r\nx\r\n" by "YQ="`, `forward "ms YQ== 1\r\nx\r\n" by "YQ=="`,
		}},
		{name: "mg quiet", in: "mg a q\r\nmg a v q s\r\nmg a qfoo\n", want: []string{`forward "mg a  \r\n" by "a" quiet mg`, `forward "mg a v   s\r\n" by "a" quiet mg`, `forward "mg a     \n" by "a" quiet mg`}},
		{name: "twice quiet", in: "mg a q q\r\nmd a q v q\r\nma q q q\r\n", want: []string{`refuse "CLIENT_ERROR duplicate flag\r\n"`, `refuse "CLIENT_ERROR invalid or duplicate flag\r\n"`, `refuse "CLIENT_ERROR invalid or duplicate flag\r\n"`}},
		{name: "key of one letter", in: "mg q q\r\nmg q\r\nms q 1 q\r\nx\r\n", want: []string{`forward "mg q  \r\n" by "q" quiet mg`, `forward "mg q\r\n" by "q"`, `forward "ms q 1  \r\nx\r\n" by "q" quiet ms`}},
		{name: "md ma me", in: "md a q\r\nma a D2 q\r\nme a q\r\nme a\r\n", want: []string{`forward "md a  \r\n" by "a" quiet md`, `forward "ma a D2  \r\n" by "a" quiet ma`, `forward "me a q\r\n" by "a"`, `forward "me a\r\n" by "a"`}},
		{name: "meta without key", in: "mg\r\nmd \r\nms\r\nme\r\nmx a\r\nm\r\n", want: []string{noSuch, noSuch, noSuch, bad, noSuch, noSuch}},
		{name: "meta key too long", in: "mg " + tooLong + " q\r\nme " + tooLong + "\r\nms " + tooLong + " 1\r\nx\r\n", want: []string{bad, bad, bad, "skip 3"}},
		{name: "most flags", in: "mg a" + flags(17) + "\r\n", want: []string{fmt.Sprintf("forward %q by %q", "mg a"+flags(17)+"\r\n", "a")}},
		{name: "flags beyond", in: "mg a" + flags(18) + "\r\nmd a" + flags(99) + " q\r\n", want: []string{fmt.Sprintf("forward %q by %q", "mg a"+flags(18)+"\r\n", "a"), fmt.Sprintf("forward %q by %q quiet md", "md a"+flags(99)+"  \r\n", "a")}},
		{name: "too many flags of ms", in: "ms a 1" + flags(17) + "\r\nx\r\n", want: []string{`refuse "CLIENT_ERROR options flags too long\r\n"`, "skip 3"}},
		{name: "mn", in: "mn\r\n mn q\n", want: []string{`local "MN\r\n"`, `local "MN\r\n"`}},
		{name: "ms", in: "ms a 3\r\nabc\r\nms a 3 T0 MX q\nabc\r\n", want: []string{`forward "ms a 3\r\nabc\r\n" by "a"`, `forward "ms a 3 T0 MX  \nabc\r\n" by "a" quiet ms`}},
		{name: "ms of bad data", in: "ms a 3 q\r\nabcde", want: []string{`refuse "CLIENT_ERROR bad data chunk\r\n"`}},
		{name: "ms malformed", in: "ms a\r\nms a x\r\nms a -1\r\nms a S3\r\n", want: []string{bad, bad, bad, bad}},
		{name: "ms twice quiet", in: "ms a 3 q q\r\nabc\r\n", want: []string{`refuse "CLIENT_ERROR duplicate flag\r\n"`, "skip 5"}},
		{name: "http", in: "get a\r\nGET / HTTP/1.0\r\nget a\r\n", want: []string{`forward "get a\r\n" by "a"`}, err: errHTTP},
		{name: "http, an unknown method", in: " FOO  bar baz  http/9 \nget a\r\n", err: errHTTP},
		{name: "http, up to a NUL", in: "PUT /a HTTP/1.1\x00\r\nget a\r\n", err: errHTTP},
		{name: "tls", in: "get a\r\n\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", want: []string{`forward "get a\r\n" by "a"`}, err: errTLS},
		{name: "http, without a version", in: "POST\r\nget a\r\n", err: errHTTP},
		{name: "http 0.9", in: "GET /\r\nget a\r\n", err: errHTTP},
		{name: "http 0.9, a path", in: "PUT /a\r\nget a\r\n", err: errHTTP},
		{name: "http, a header", in: "get / HTTP/1.1\r\nhost: a\r\nget a\r\n", want: []string{`scatter "get" + " /" by "/" + " HTTP/1.1" by "HTTP/1.1"`}, err: errHTTP},
		{name: "http, a storage command", in: "set / HTTP/1.1\r\nget a\r\n", err: errHTTP},
		{name: "http, ms", in: "ms / HTTP/2\r\nget a\r\n", err: errHTTP},
		{name: "http, mg", in: "mg / HTTP/1.1\r\nget a\r\n", err: errHTTP},
		{name: "http, gat", in: "gat / HTTP/1.1\r\nget a\r\n", err: errHTTP},
		{name: "http, delete", in: "delete / HTTP/1.1\r\nget a\r\n", err: errHTTP},
		{name: "http, version", in: "version * HTTP/1.1\r\nget a\r\n", err: errHTTP},
		{name: "http, keys", in: "gat 0 HTTP/1.1\r\nset HTTP/1.1 0 0 3\r\nabc\r\nincr HTTP/1.1 1\r\nmg HTTP/1.1 v\r\nFOO HTTP/1.1 bar\r\n", want: []string{
			`forward "gat 0 HTTP/1.1\r\n" by "HTTP/1.1"`, `forward "set HTTP/1.1 0 0 3\r\nabc\r\n" by "HTTP/1.1"`,
			`forward "incr HTTP/1.1 1\r\n" by "HTTP/1.1"`, `forward "mg HTTP/1.1 v\r\n" by "HTTP/1.1"`, noSuch,
		}},
		{name: "ms odd", in: "ms a +3\r\nabc\r\nms  a  03\t  T0 q k\r\nabc\r\nms q 0000000003 q\nabc\r\n", want: []string{`forward "ms a 3 \r\nabc\r\n" by "a"`, `forward "ms  a  3    T0   k\r\nabc\r\n" by "a" quiet ms`, `forward "ms q 0000000003  \nabc\r\n" by "q" quiet ms`}},
		{name: "ms odd, twice quiet", in: "ms a +3 q q\r\nabc\r\n", want: []string{`refuse "CLIENT_ERROR duplicate flag\r\n"`, "skip 5"}},
		{name: "ms too large", in: "ms a 2147483645 q\r\nabc", want: []string{`refuse "SERVER_ERROR object too large for cache\r\n"`, "skip 3 and more"}},
		{name: "NUL in meta", in: "mg a\x00 q\r\nms a\x00 3\r\nabc\r\n", want: []string{bad, bad, "skip 5"}},

		{name: "longest line", in: "version" + strings.Repeat(" ", maxLine-7) + "\n", want: []string{fmt.Sprintf("forward %q by %q", "version"+strings.Repeat(" ", maxLine-7)+"\n", "placeholder")}},
		{name: "line too long", in: "version" + strings.Repeat(" ", maxLine-6) + "\n", err: errLine},
		{name: "line too long and unfinished", in: strings.Repeat("x", maxLine+1), err: errLine},
		{name: "meta line too long", in: "mg a" + strings.Repeat(" ", maxLine) + "\r\n", err: errLine},
		{name: "too much before a list", in: strings.Repeat(" ", maxLead+1) + "get" + strings.Repeat(" kkkk", 500) + "\r\n", err: errLine},
		{name: "as much as may be before a list", in: strings.Repeat(" ", maxLead) + "get a" + strings.Repeat(" ", 2000) + "\r\n", want: []string{fmt.Sprintf("forward %q by %q", "get a"+strings.Repeat(" ", 2000)+"\r\n", "a")}},
		{name: "binary", in: "\x80\x00", err: errBinary},
		{name: "binary behind text", in: "get a\r\n\x80\x00\r\n", want: []string{`forward "get a\r\n" by "a"`}, err: errBinary},
		{name: "line cut", in: "get a", rest: "get a"},
	}
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit([]byte(tt.in), func(pieces [][]byte) {
				got, rest, err := parsed(p, pieces)
				if diff := cmp.Diff(tt.want, got); diff != "" || rest != tt.rest || !errors.Is(err, tt.err) {
					t.Fatalf("ParseCommand(%.300q) = %.300q, %v; want %.300q, %v (-want +got)\n%s", pieces, rest, err, tt.rest, tt.err, diff)
				}
			})
		})
	}
}

func TestAdmin(t *testing.T) {
	p := New(Options{Admin: true})
	in := "flush_all\r\nflush_all 10 noreply\r\nflush_all 1 2 3\r\nverbosity 1\r\nverbosity 1 noreply\r\nverbosity\r\n" +
		"stats\r\nstats items\r\n stats  settings x\nstats conns\r\nstats reset\r\nstats sizes_enable\r\n" +
		"slabs\r\nslabs reassign 1 2 noreply\r\nslabs automove 0\r\nslabs automove noreply\r\ncache_memlimit 64\r\n"
	want := []string{
		`fanout "flush_all\r\n"`, `fanout "flush_all 10 noreply\r\n" noreply`, noSuch, `fanout "verbosity 1\r\n"`,
		`fanout "verbosity 1 noreply\r\n" noreply`, noSuch,
		fmt.Sprintf("report %q", proxyStats),
		`fanout "stats items\r\n"`, `fanout "stats  settings x\n"`, `fanout "stats conns\r\n"`, `fanout "stats reset\r\n"`,
		`refuse "CLIENT_ERROR the histogram of sizes is turned on and off at the servers, not through this proxy\r\n"`,
		`fanout "slabs\r\n"`, `fanout "slabs reassign 1 2 noreply\r\n"`, `fanout "slabs automove 0\r\n"`,
		`fanout "slabs automove noreply\r\n" noreply`,
		`refuse "CLIENT_ERROR cache_memlimit is not allowed through this proxy\r\n"`,
	}
	got, rest, err := parsed(p, [][]byte{[]byte(in)})
	if diff := cmp.Diff(want, got); diff != "" || rest != "" || err != nil {
		t.Errorf("%q, %v (-want +got)\n%s", rest, err, diff)
	}
}

func TestMaxValue(t *testing.T) {
	p := New(Options{MaxValue: 3})
	got, _, err := parsed(p, [][]byte{[]byte("set a 0 0 3\r\nabc\r\nset a 0 0 4\r\nabcd\r\nms a 4\r\nabcd\r\nget a\r\n")})
	want := []string{
		`forward "set a 0 0 3\r\nabc\r\n" by "a"`, `refuse "SERVER_ERROR object too large for cache\r\n"`, "skip 6",
		`refuse "SERVER_ERROR object too large for cache\r\n"`, "skip 6", `forward "get a\r\n" by "a"`,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// A skipped data block is never asked for whole: all there is of it is taken.
func TestSkipGathersNothing(t *testing.T) {
	p := New(Options{})
	var (
		s   codec.Scan
		cmd codec.Command
	)
	line := []byte("set a 0 0 2000000000\r\n")
	if n, err := p.ParseCommand(new(codec.Client), &s, line, &cmd); n != len(line) || err != nil || s.Need != 0 {
		t.Fatalf("ParseCommand(%q) = %d, %v, Need %d", line, n, err, s.Need)
	}
	chunk := make([]byte, 1<<20)
	for left := 2000000002; left > 0; {
		n, err := p.ParseCommand(new(codec.Client), &s, chunk, &cmd)
		if n != min(left, len(chunk)) || err != nil || cmd.Kind != codec.Ignore {
			t.Fatalf("with %d to skip: ParseCommand = %d, %v, kind %v", left, n, err, cmd.Kind)
		}
		left -= n
	}
	if n, err := p.ParseCommand(new(codec.Client), &s, []byte("mn\r\n"), &cmd); n != 4 || err != nil || cmd.Kind != codec.Local {
		t.Errorf("behind it: ParseCommand = %d, %v, kind %v", n, err, cmd.Kind)
	}
}

func TestManyKeys(t *testing.T) {
	p := New(Options{})
	in := []byte("get" + strings.Repeat(" "+longest, 10000) + "\r\n")
	for _, size := range []int{len(in), 1000, 65536} {
		var (
			s   codec.Scan
			cmd codec.Command
			n   int
			err error
		)
		for end := size; n == 0 && err == nil; end += size {
			n, err = p.ParseCommand(new(codec.Client), &s, in[:min(end, len(in))], &cmd)
		}
		if n != len(in) || err != nil || len(cmd.Keys) != 10000 || cmd.Kind != codec.Scatter {
			t.Errorf("in pieces of %d: ParseCommand = %d, %v with %d keys", size, n, err, len(cmd.Keys))
		}
	}
	long := append([]byte("get"), bytes.Repeat([]byte(" kkkkkkk"), maxKeysLine/8)...)
	for _, in := range [][]byte{long, append(long, '\n')} {
		var s codec.Scan
		if n, err := p.ParseCommand(new(codec.Client), &s, in, new(codec.Command)); n != 0 || !errors.Is(err, errLine) {
			t.Errorf("get of %d bytes: ParseCommand = %d, %v; want %v", len(in), n, err, errLine)
		}
	}
}

func TestSuppress(t *testing.T) {
	tests := []struct {
		op     uint16
		hidden string
		shown  string
	}{
		{opMetaGet, "EN", "HD VA ME"},
		{opMetaSet, "HD", "NS EX NF"},
		{opMetaDelete, "HD", "NF EX EN"},
		{opMetaArithmetic, "HD VA", "NF EX NS"},
	}
	for _, tt := range tests {
		for _, end := range []string{"\r\n", " O1 kk\r\n"} {
			for _, code := range strings.Fields(tt.hidden) {
				if !New(Options{}).Suppress(tt.op, []byte(code+end)) {
					t.Errorf("%s: %q is shown", commands[tt.op].name, code+end)
				}
			}
			for _, code := range append(strings.Fields(tt.shown), "ERROR", "CLIENT_ERROR x", "SERVER_ERROR y", "HDX", "ENX", "VALUE") {
				if New(Options{}).Suppress(tt.op, []byte(code+end)) {
					t.Errorf("%s: %q is hidden", commands[tt.op].name, code+end)
				}
			}
		}
	}
}

func TestAppendErrors(t *testing.T) {
	p := New(Options{})
	for _, tt := range []struct{ got, want string }{
		{string(p.AppendError(nil, "Connection refused")), "SERVER_ERROR Connection refused\r\n"},
		{string(p.AppendCrossServer(nil, [2][]byte{}, [2]string{})), "SERVER_ERROR keys live on different servers\r\n"},
		{string(p.AppendMalformed(nil, Text, 0, errBinary)), "SERVER_ERROR the binary protocol behind text commands; a connection speaks one of them\r\n"},
		{string(p.AppendMalformed(nil, Text, 0, errLine)), "CLIENT_ERROR line too long\r\n"},
		{p.Name(), "memcached"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	if p.Handshake(codec.Login{}, Text, 0) != nil {
		t.Error("there is a handshake")
	}
}

func TestBlank(t *testing.T) {
	for n := range 20 {
		for at := range n + 1 {
			b := bytes.Repeat([]byte{'k', 0x21, 0x80, 0xa0, 0xff}, 4)[:n]
			for from := range at + 1 {
				for _, c := range []byte{0, 1, '\n', '\r', 0x1f, ' ', '!', 0x81} {
					want := n
					in := bytes.Clone(b)
					if at < n {
						if in[at] = c; c <= ' ' {
							want = at
						}
					}
					if got := blank(in, from); got != want {
						t.Errorf("blank(%q, %d) = %d; want %d", in, from, got, want)
					}
				}
			}
		}
	}
}

func TestTable(t *testing.T) {
	for op, c := range commands {
		if strings.Contains(c.name, "|") || op == opNoop { // stats, told apart by what is behind it; the binary protocol's
			op = opUnknown
		}
		if c.name != "" && lookup([]byte(c.name)) != op {
			t.Errorf("lookup(%q) = %d; want %d", c.name, lookup([]byte(c.name)), op)
		}
	}
}

// FuzzParseCommand: no panic, no broken promise, and the same at any cut.
func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		"get a b\r\nset a 0 0 3\r\nabc\r\n", "cas a 1 -1 2 9 noreply\r\nab\r\nquit\r\n", "gat 0 a b c\n", "mg a q\r\nms b 2 q\r\nxy\r\nmn\r\n",
		"set a 0 0 9\r\nabc\r\nget", "set " + tooLong + " 0 0 5\r\nhello\r\n", "delete a noreply\r\nincr a 1\r\n", "\x80\x01", " \r\n\n", "set a 0 0 +1\r\nx\r\n",
		"get " + strings.Repeat("k ", 1100) + "\r\n",
	} {
		f.Add([]byte(seed), uint16(5))
	}
	p := New(Options{MaxValue: 100})
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		want, wantRest, wantErr := parsed(p, [][]byte{in})
		if wantErr != nil && strings.HasPrefix(wantErr.Error(), "broken") {
			t.Fatal(wantErr)
		}
		at := int(cut) % (len(in) + 1)
		for _, pieces := range [][][]byte{{in[:at:at], in[at:]}, codectest.Bytes(in)} {
			got, rest, err := parsed(p, pieces)
			if diff := cmp.Diff(want, got); diff != "" || rest != wantRest || !errors.Is(err, wantErr) {
				t.Fatalf("in %d pieces: %q, %v; whole: %q, %v\n%s", len(pieces), rest, err, wantRest, wantErr, diff)
			}
		}
	})
}

// TestSoleIsOurs: what a pool of the other protocol left in a Command that both use says nothing of memcached's stats.
func TestSoleIsOurs(t *testing.T) {
	cmd := codec.Command{Sole: true}
	var s codec.Scan
	if _, err := New(Options{Admin: true}).ParseCommand(new(codec.Client), &s, []byte("stats\r\n"), &cmd); err != nil || cmd.Kind != codec.Report || cmd.Sole {
		t.Errorf("stats: %v, kind %v, sole %v", err, cmd.Kind, cmd.Sole)
	}
}
