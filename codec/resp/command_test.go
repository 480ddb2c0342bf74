package resp

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

// text writes a frame as a readable line: CRLF as a space.
func text(frame string) string { return strings.ReplaceAll(frame, "\r\n", " ") }

// wire is the inverse of text for frames without spaces in their arguments.
func wire(s string) []byte { return []byte(strings.ReplaceAll(s, " ", "\r\n")) }

// describe tells what matters of a command in one line.
func describe(c codectest.Command) string {
	s := codectest.KindName(c.Kind)
	if c.HasKey {
		s += fmt.Sprintf(" key=%q", c.Key)
	}
	if len(c.Keys) > 0 {
		s += fmt.Sprintf(" keys=%q", c.Keys)
	}
	if c.Reply != "" {
		s += " " + strings.TrimSuffix(c.Reply, "\r\n")
	}
	return s
}

func TestParseCommand(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want []string
		rest string // bytes of an unfinished frame
		err  error
	}{
		{name: "get", in: frameOf("GET", "a"), want: []string{`Forward key="a"`}},
		{name: "any case", in: frameOf("gEt", "a"), want: []string{`Forward key="a"`}},
		{name: "empty key", in: frameOf("GET", ""), want: []string{`Forward key=""`}},
		{name: "binary key", in: frameOf("GET", "\r\n\x00*$"), want: []string{`Forward key="\r\n\x00*$"`}},
		{name: "set", in: frameOf("SET", "k", "v"), want: []string{`Forward key="k"`}},
		{name: "set with options", in: frameOf("set", "k", "", "EX", "10"), want: []string{`Forward key="k"`}},
		{name: "two frames", in: append(frameOf("GET", "a"), frameOf("INCR", "b")...), want: []string{
			`Forward key="a"`, `Forward key="b"`,
		}},
		{name: "long value", in: frameOf("SET", "k", strings.Repeat("v", 1000)), want: []string{`Forward key="k"`}},
		{name: "long name", in: frameOf("GeoRadiusByMember_RO", "k", "m", "1", "m"), want: []string{`Forward key="k"`}},
		{name: "half a frame", in: wire("*2 $3 GET $3 ab"), rest: "*2\r\n$3\r\nGET\r\n$3\r\nab"},
		{name: "nothing", in: nil},

		{name: "mget", in: frameOf("MGET", "a", "bb", ""), want: []string{`Scatter key="a" keys=["a" "bb" ""]`}},
		{name: "mget of one", in: frameOf("MGET", "a"), want: []string{`Forward key="a"`}},
		{name: "mget of none", in: frameOf("MGET"), want: []string{"Refuse -ERR wrong number of arguments for 'mget' command"}},
		{name: "mset", in: frameOf("MSET", "a", "1", "b", "2"), want: []string{`Scatter key="a" keys=["a" "b"]`}},
		{name: "mset of one", in: frameOf("MSET", "a", "1"), want: []string{`Forward key="a"`}},
		{name: "mset odd", in: frameOf("MSET", "a", "1", "b"), want: []string{"Refuse -ERR wrong number of arguments for 'mset' command"}},
		{name: "del", in: frameOf("del", "a", "b"), want: []string{`Scatter key="a" keys=["a" "b"]`}},
		{name: "unlink", in: frameOf("unlink", "a", "b"), want: []string{`Scatter key="a" keys=["a" "b"]`}},
		{name: "touch", in: frameOf("touch", "a", "b"), want: []string{`Scatter key="a" keys=["a" "b"]`}},
		{name: "exists with a key twice", in: frameOf("exists", "a", "a"), want: []string{`Scatter key="a" keys=["a" "a"]`}},

		{name: "msetnx", in: frameOf("MSETNX", "a", "1", "b", "2"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "msetnx odd", in: frameOf("MSETNX", "a", "1", "b"), want: []string{"Refuse -ERR wrong number of arguments for 'msetnx' command"}},
		{name: "rename", in: frameOf("RENAME", "a", "b"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "copy with db", in: frameOf("COPY", "a", "b", "DB", "0"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "bitop", in: frameOf("BITOP", "AND", "d", "a", "b"), want: []string{`Forward key="d" keys=["d" "a" "b"]`}},
		{name: "lcs", in: frameOf("LCS", "a", "b", "LEN"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "sunion of one", in: frameOf("SUNION", "a"), want: []string{`Forward key="a"`}},
		{name: "json.mget", in: frameOf("JSON.MGET", "a", "b", "$"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "json.mset", in: frameOf("JSON.MSET", "a", "$", "1", "b", "$", "2"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "json.mset cut", in: frameOf("JSON.MSET", "a", "$", "1", "b"), want: []string{"Refuse -ERR wrong number of arguments for 'json.mset' command"}},

		{name: "eval", in: frameOf("EVAL", "s", "2", "a", "b", "c"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "eval one key", in: frameOf("EVAL", "s", "1", "a", "b", "c"), want: []string{`Forward key="a" keys=["a"]`}},
		{name: "eval no key", in: frameOf("EVAL", "s", "0", "a"), want: []string{"Refuse -ERR this proxy needs at least one key to choose one of the pool's servers"}},
		{name: "eval negative", in: frameOf("EVAL", "s", "-1", "a"), want: []string{"Refuse -ERR Number of keys can't be negative"}},
		{name: "eval too many", in: frameOf("EVAL", "s", "2", "a"), want: []string{"Refuse -ERR Number of keys can't be greater than number of args"}},
		{name: "eval huge", in: frameOf("EVAL", "s", "9223372036854775807", "a"), want: []string{"Refuse -ERR Number of keys can't be greater than number of args"}},
		{name: "eval no number", in: frameOf("EVALSHA_RO", "s", "01", "a"), want: []string{"Refuse -ERR value is not an integer or out of range"}},
		{name: "fcall", in: frameOf("FCALL", "f", "1", "a"), want: []string{`Forward key="a" keys=["a"]`}},
		{name: "zunion", in: frameOf("ZUNION", "2", "a", "b", "WEIGHTS", "1", "2"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "zunion zero", in: frameOf("ZUNION", "0", "a"), want: []string{"Refuse -ERR at least 1 input key is needed for 'zunion' command"}},
		{name: "zunion too many", in: frameOf("ZUNION", "2", "a"), want: []string{"Refuse -ERR syntax error"}},
		{name: "zunionstore", in: frameOf("ZUNIONSTORE", "d", "2", "a", "b", "AGGREGATE", "MAX"), want: []string{`Forward key="d" keys=["d" "a" "b"]`}},
		{name: "zdiffstore all", in: frameOf("ZDIFFSTORE", "d", "3", "a", "b", "c"), want: []string{`Forward key="d" keys=["d" "a" "b" "c"]`}},
		{name: "sintercard", in: frameOf("SINTERCARD", "2", "a", "b", "LIMIT", "1"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "sintercard too many", in: frameOf("SINTERCARD", "3", "a", "b"), want: []string{"Refuse -ERR Number of keys can't be greater than number of args"}},
		{name: "lmpop", in: frameOf("LMPOP", "1", "a", "LEFT"), want: []string{`Forward key="a"`}},
		{name: "lmpop zero", in: frameOf("LMPOP", "0", "a", "LEFT"), want: []string{"Refuse -ERR numkeys should be greater than 0"}},
		{name: "msetex", in: frameOf("MSETEX", "2", "a", "1", "b", "2", "EX", "5"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "msetex too many", in: frameOf("MSETEX", "2", "a", "1", "b"), want: []string{"Refuse -ERR wrong number of arguments for 'msetex' command"}},

		{name: "sort", in: frameOf("SORT", "a", "BY", "w_*", "DESC"), want: []string{`Forward key="a"`}},
		{name: "sort store", in: frameOf("SORT", "a", "limit", "0", "1", "Store", "d"), want: []string{`Forward key="a" keys=["a" "d"]`}},
		{name: "sort by a pattern named store", in: frameOf("SORT", "a", "BY", "store", "GET", "store"), want: []string{`Forward key="a"`}},
		{name: "sort store twice", in: frameOf("SORT", "a", "STORE", "d", "STORE", "e"), want: []string{`Forward key="a" keys=["a" "e"]`}},
		{name: "georadius", in: frameOf("GEORADIUS", "a", "1", "2", "3", "m", "STOREDIST", "d"), want: []string{`Forward key="a" keys=["a" "d"]`}},
		{name: "georadius without store", in: frameOf("GEORADIUS", "a", "1", "2", "3", "m", "ASC"), want: []string{`Forward key="a"`}},
		{name: "georadiusbymember", in: frameOf("GEORADIUSBYMEMBER", "a", "store", "3", "m", "store", "d"), want: []string{`Forward key="a" keys=["a" "d"]`}},
		{name: "xread", in: frameOf("XREAD", "COUNT", "2", "STREAMS", "a", "b", "0", "0"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "xread unbalanced", in: frameOf("XREAD", "STREAMS", "a", "b", "0"), want: []string{
			"Refuse -ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
		}},
		{name: "xread block", in: frameOf("XREAD", "BLOCK", "0", "STREAMS", "a", "0"), want: []string{`Lease key="a" keys=["a"]`}},
		{name: "xread, an option of tomorrow", in: frameOf("XREAD", "x", "0", "STREAMS", "a", "0"), want: []string{`Forward key="a"`}},
		{name: "xread nonsense", in: frameOf("XREAD", "x", "0", "a", "0"), want: []string{"Refuse -ERR syntax error"}},
		{name: "xread of a stream named block", in: frameOf("XREAD", "STREAMS", "block", "0"), want: []string{`Forward key="block"`}},
		{name: "xreadgroup", in: frameOf("XREADGROUP", "GROUP", "block", "streams", "NOACK", "STREAMS", "a", ">"), want: []string{`Forward key="a"`}},

		{name: "object", in: frameOf("OBJECT", "Encoding", "a"), want: []string{`Forward key="a"`}},
		{name: "object without key", in: frameOf("OBJECT", "encoding"), want: []string{"Refuse -ERR wrong number of arguments for 'object|encoding' command"}},
		{name: "object, a subcommand of tomorrow", in: frameOf("OBJECT", "foo", "a"), want: []string{`Forward key="a"`}},
		{name: "object nonsense", in: frameOf("OBJECT", "foo"), want: []string{"Refuse -ERR unknown subcommand 'foo'. Try OBJECT HELP."}},
		{name: "memory nonsense", in: frameOf("MEMORY", "foo", "a"), want: []string{"Refuse -ERR unknown subcommand 'foo'. Try MEMORY HELP."}},
		{name: "object, an argument of tomorrow", in: frameOf("OBJECT", "ENCODING", "a", "b"), want: []string{`Forward key="a"`}},
		{name: "xinfo", in: frameOf("XINFO", "STREAM", "a", "FULL"), want: []string{`Forward key="a"`}},
		{name: "xgroup", in: frameOf("XGROUP", "CREATE", "a", "g", "$"), want: []string{`Forward key="a"`}},
		{name: "memory usage", in: frameOf("MEMORY", "USAGE", "a"), want: []string{`Forward key="a"`}},
		{name: "memory doctor", in: frameOf("MEMORY", "DOCTOR"), want: []string{"Refuse -ERR 'memory|doctor' is about one server, and this pool has several: ask the one that you mean"}},
		{name: "lolwut", in: frameOf("LOLWUT", "VERSION", "5"), want: []string{`Anywhere key="placeholder"`}},

		{name: "multi", in: frameOf("MULTI"), want: []string{"Local +OK"}},
		{name: "blpop", in: frameOf("BLPOP", "a", "b", "0"), want: []string{`Lease key="a" keys=["a" "b"]`}},
		{name: "subscribe", in: frameOf("SUBSCRIBE", "a"), want: []string{`Subscribe keys=["a"]`}},
		{name: "unsubscribe", in: frameOf("UNSUBSCRIBE"), want: []string{"Subscribe"}},
		{name: "punsubscribe", in: frameOf("PUNSUBSCRIBE", "a*", "b"), want: []string{`Subscribe keys=["a*" "b"]`}},
		{name: "publish", in: frameOf("PUBLISH", "a", "b"), want: []string{`Publish key="a"`}},
		{name: "pubsub", in: frameOf("PUBSUB", "NUMSUB", "a"), want: []string{"Fanout"}},
		{name: "script", in: frameOf("SCRIPT", "LOAD", "return 1"), want: []string{"Fanout"}},
		{name: "script flush", in: frameOf("script", "FLUSH", "ASYNC"), want: []string{"Fanout"}},
		{name: "script exists", in: frameOf("SCRIPT", "exists", "a", "b"), want: []string{"Fanout"}},
		{name: "script kill", in: frameOf("SCRIPT", "KILL"), want: []string{"Refuse -NOPERM command 'script|kill' is not allowed by the pool's 'commands'"}},
		{name: "script load of nothing", in: frameOf("SCRIPT", "LOAD"), want: []string{"Refuse -ERR wrong number of arguments for 'script|load' command"}},
		{name: "unknown, then known", in: append(frameOf("NOSUCH", "a", "b"), frameOf("PING")...), want: []string{
			"Refuse -ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' ", "Local +PONG",
		}},
		{name: "a name with a bar", in: frameOf("object|encoding", "a"), want: []string{
			"Refuse -ERR unknown command 'object|encoding', with args beginning with: 'a' ",
		}},
		{name: "a name longer than any", in: frameOf(strings.Repeat("x", 200)), want: []string{
			"Refuse -ERR unknown command '" + strings.Repeat("x", 128) + "', with args beginning with: ",
		}},
		{name: "name with a NUL behind it", in: frameOf("get\x00", "a"), want: []string{
			"Refuse -ERR unknown command 'get', with args beginning with: 'a' ",
		}},
		{name: "empty name", in: frameOf(""), want: []string{"Refuse -ERR unknown command '', with args beginning with: "}},
		{name: "wrong arity", in: frameOf("GET"), want: []string{"Refuse -ERR wrong number of arguments for 'get' command"}},
		{name: "too many arguments, for the server to judge", in: frameOf("GET", "a", "b"), want: []string{`Forward key="a"`}},
		{name: "too few arguments, for the server to judge", in: frameOf("SET", "a"), want: []string{`Forward key="a"`}},
		{name: "too many arguments, two keys", in: frameOf("RENAME", "a", "b", "NX"), want: []string{`Forward key="a" keys=["a" "b"]`}},
		{name: "too few arguments, options behind", in: frameOf("GEORADIUS", "a", "STORE", "b"), want: []string{`Forward key="a"`}},
		{name: "no key", in: frameOf("GET"), want: []string{"Refuse -ERR wrong number of arguments for 'get' command"}},
		{name: "quit", in: append(frameOf("QUIT"), "garbage"...), want: []string{"Quit +OK"}, rest: "garbage"},

		{name: "empty array", in: wire("*0 *2 $3 GET $1 a "), want: []string{"Ignore", `Forward key="a"`}},
		{name: "null array", in: wire("*-1 *-12 *1 $4 PING "), want: []string{"Ignore", "Ignore", "Local +PONG"}},

		{name: "count zero padded", in: wire("*02 "), err: errMultibulk},
		{name: "count signed", in: wire("*+2 "), err: errMultibulk},
		{name: "count minus nothing", in: wire("*- "), err: errMultibulk},
		{name: "count minus zero", in: wire("*-0 "), err: errMultibulk},
		{name: "count minus zero padded", in: wire("*-01 "), err: errMultibulk},
		{name: "no count", in: wire("* "), err: errMultibulk},
		{name: "count too large", in: wire("*16777217 "), err: errMultibulk},
		{name: "count of before 7.0 exceeded", in: wire("*1048577 "), rest: "*1048577\r\n"},
		{name: "negative count of 64 bits", in: wire("*-9223372036854775808 *-99999999999 "), want: []string{"Ignore", "Ignore"}},
		{name: "negative count of more", in: wire("*-9223372036854775809 "), err: errMultibulk},
		{name: "negative count with a zero", in: wire("*-01 "), err: errMultibulk},
		{name: "count far too large", in: wire("*4294967297 "), err: errMultibulk},
		{name: "count at its limit", in: wire("*1048576 "), rest: "*1048576\r\n"},
		{name: "count ended by LF", in: []byte("*1\n"), err: errMultibulk},
		{name: "count ended by CR alone", in: []byte("*1\rx"), err: errMultibulk},
		{name: "length negative", in: wire("*1 $-1 "), err: errBulk},
		{name: "length zero padded", in: wire("*1 $04 PING "), err: errBulk},
		{name: "length zero zero", in: wire("*1 $00  "), err: errBulk},
		{name: "length signed", in: wire("*1 $+4 PING "), err: errBulk},
		{name: "no length", in: wire("*1 $ "), err: errBulk},
		{name: "length too large", in: wire("*2 $3 GET $536870913 "), err: errBulk},
		{name: "length at its limit", in: wire("*2 $3 GET $536870912 "), rest: "*2\r\n$3\r\nGET\r\n$536870912\r\n"},
		{name: "length ended by LF", in: []byte("*1\r\n$4\nPING\r\n"), err: errBulk},
		{name: "no CRLF behind the name", in: []byte("*1\r\n$4\r\nPINGxx"), err: errBodyEnd},
		{name: "no CRLF behind the key", in: []byte("*2\r\n$3\r\nGET\r\n$1\r\nabc"), err: errBodyEnd},
		{name: "no LF behind the value", in: []byte("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\rx"), err: errBodyEnd},
		{name: "value longer than said", in: []byte("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nbcd\r\n"), err: errBodyEnd},
		{name: "good, then bad", in: append(frameOf("GET", "a"), "*x"...), want: []string{`Forward key="a"`}, err: errMultibulk},
		{name: "http", in: []byte("POST / HTTP/1.1\r\n"), err: errHTTP},
		{name: "http, a method of HTTP", in: []byte("PUT /a HTTP/1.1\r\nSET a 1\r\n"), err: errHTTP},
		{name: "http, a command of too many words", in: []byte("GET / HTTP/1.0\r\nSET a 1\r\n"), err: errHTTP},
		{name: "http, a command", in: []byte(" copy \thttp://a/  http/1.1 \r\r\n"), err: errHTTP},
		{name: "http, all words between tabs", in: []byte("UNLINK\t/\tHTTP/1.1\n"), err: errHTTP},
		{name: "http, answered here", in: []byte("HELLO / HTTP/1.1\n"), err: errHTTP},
		{name: "http, four words", in: []byte("GET /a b HTTP/1.1\r\nSET a 1\r\n"), err: errHTTP},
		{name: "http, an authority", in: []byte("GET h:80 HTTP/1.1\r\nSET a 1\r\n"), err: errHTTP},
		{name: "http 0.9", in: []byte("PUT /a\r\nSET a 1\r\n"), err: errHTTP},
		{name: "http 0.9, a command", in: []byte("GET /a\r\nUNKNOWN a\r\n"), want: []string{`Forward key="/a"`, "Refuse -ERR unknown command 'UNKNOWN', with args beginning with: 'a' "}},
		{name: "http, no target", in: []byte("SET a HTTP/1.1\r\nPING HTTP/1.1\r\n"), want: []string{`Forward key="a"`, "Local $8\r\nHTTP/1.1"}},
		{name: "http, words of an array", in: frameOf("COPY", "/", "HTTP/1.1"), want: []string{`Forward key="/" keys=["/" "HTTP/1.1"]`}},
		{name: "http header", in: []byte("GET / \r\nHost: x\r\n"), want: []string{`Forward key="/"`}, err: errHTTP},
		{name: "http in an array", in: frameOf("POST", "a"), err: errHTTP},
	}
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit(tt.in, func(pieces [][]byte) {
				got, rest, err := codectest.Commands(p, &codec.Client{}, pieces)
				var lines []string
				at := 0
				for _, c := range got {
					lines = append(lines, describe(c))
					if tt.in[at] == '*' && !bytes.HasPrefix(tt.in[at:], []byte(c.Frame)) {
						t.Fatalf("ParseCommand(%q) has Frame %q", text(string(tt.in)), text(c.Frame))
					}
					at += len(c.Frame)
					if tt.in[0] != '*' {
						at = 0
					}
				}
				if diff := cmp.Diff(tt.want, lines); diff != "" {
					t.Fatalf("ParseCommand(%d pieces of %q):\n%s", len(pieces), text(string(tt.in)), diff)
				}
				if !errors.Is(err, tt.err) || tt.err == nil && rest != tt.rest {
					t.Fatalf("ParseCommand(%d pieces of %q) = %v, rest %q; want %v, %q",
						len(pieces), text(string(tt.in)), err, rest, tt.err, tt.rest)
				}
			})
		})
	}
}

func TestParseCommandExpectedBulk(t *testing.T) {
	tests := []struct{ in, want string }{
		{"*1\r\n%4\r\n", "-ERR Protocol error: expected '$', got '%'\r\n"},
		{"*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"},
		{"*1\r\n\r\n", "-ERR Protocol error: expected '$', got ' '\r\n"},
		{"*2\r\n$3\r\nGET\r\nx", "-ERR Protocol error: expected '$', got 'x'\r\n"},
		{"*3\r\n$3\r\nSET\r\n$1\r\na\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"},
	}
	p := New(Options{})
	for _, tt := range tests {
		codectest.EverySplit([]byte(tt.in), func(pieces [][]byte) {
			_, _, err := codectest.Commands(p, &codec.Client{}, pieces)
			if !errors.Is(err, codec.ErrMalformed) {
				t.Fatalf("ParseCommand(%q) = %v; want malformed", tt.in, err)
			}
			if got := string(p.AppendMalformed(nil, 0, 0, err)); got != tt.want {
				t.Errorf("AppendMalformed of %q = %q; want %q", tt.in, got, tt.want)
			}
		})
	}
}

// The extents of keys are what fragments are made of.
func TestParseCommandExtents(t *testing.T) {
	tests := []struct {
		in   []byte
		want []string
	}{
		{frameOf("MGET", "a", "", "ccc"), []string{"$1 a ", "$0  ", "$3 ccc "}},
		{frameOf("DEL", "a", "b"), []string{"$1 a ", "$1 b "}},
		{frameOf("MSET", "a", "1", "b", ""), []string{"$1 a $1 1 ", "$1 b $0  "}},
	}
	p := New(Options{})
	for _, tt := range tests {
		codectest.EverySplit(tt.in, func(pieces [][]byte) {
			got, _, err := codectest.Commands(p, &codec.Client{}, pieces)
			if err != nil || len(got) != 1 {
				t.Fatalf("ParseCommand(%q) = %v, %v", text(string(tt.in)), got, err)
			}
			var extents []string
			for _, e := range got[0].Extents {
				extents = append(extents, text(e))
			}
			if diff := cmp.Diff(tt.want, extents); diff != "" {
				t.Errorf("ParseCommand(%q) extents:\n%s", text(string(tt.in)), diff)
			}
		})
	}
}

func TestParseCommandUnauthenticated(t *testing.T) {
	const noAuth = "-NOAUTH Authentication required\r\n"
	tests := []struct {
		name string
		in   []byte
		want []string
		err  error
	}{
		{"get", frameOf("GET", "a"), []string{noAuth}, nil},
		{"ping", frameOf("PING"), []string{noAuth}, nil},
		{"unknown", frameOf("NOSUCH"), []string{noAuth}, nil},
		{"wrong arity", frameOf("GET"), []string{noAuth}, nil},
		{"inline", []byte("get a\r\n"), []string{noAuth}, nil},
		{"inline of eleven words", []byte("mget 1 2 3 4 5 6 7 8 9 10\r\n"), []string{noAuth}, nil},
		{"auth, then get", append(frameOf("AUTH", "secret"), frameOf("GET", "a")...), []string{"+OK\r\n", ""}, nil},
		{"auth inline, then get", []byte("auth secret\r\nget a\r\n"), []string{"+OK\r\n", ""}, nil},
		{"auth of the default user", append(frameOf("AUTH", "default", "secret"), frameOf("GET", "a")...), []string{"+OK\r\n", ""}, nil},
		{"auth of another user", append(frameOf("AUTH", "joe", "secret"), frameOf("GET", "a")...), []string{"-ERR invalid password\r\n", noAuth}, nil},
		{"wrong auth takes it back", append(append(frameOf("AUTH", "secret"), frameOf("AUTH", "x")...), frameOf("GET", "a")...), []string{
			"+OK\r\n", "-ERR invalid password\r\n", noAuth,
		}, nil},
		{"reset takes it back", append(append(frameOf("AUTH", "secret"), frameOf("RESET")...), frameOf("GET", "a")...), []string{
			"+OK\r\n", "+RESET\r\n", noAuth,
		}, nil},
		{"quit", frameOf("QUIT"), []string{"+OK\r\n"}, nil},
		{"ten arguments", frameOf("MGET", "1", "2", "3", "4", "5", "6", "7", "8", "9"), []string{noAuth}, nil},
		{"eleven arguments", frameOf("MGET", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"), nil, errUnauthMulti},
		{"long bulk", frameOf("GET", strings.Repeat("k", 16384)), []string{noAuth}, nil},
		{"too long bulk", []byte("*2\r\n$3\r\nGET\r\n$16385\r\n"), nil, errUnauthBulk},
		{"too long name", []byte("*2\r\n$16385\r\n"), nil, errUnauthBulk},
	}
	p := New(Options{Password: "secret"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit(tt.in, func(pieces [][]byte) {
				got, _, err := codectest.Commands(p, &codec.Client{}, pieces)
				var replies []string
				for _, c := range got {
					replies = append(replies, c.Reply)
				}
				if diff := cmp.Diff(tt.want, replies); diff != "" || !errors.Is(err, tt.err) {
					t.Fatalf("replies to %.80q: %v; want %v\n%s", tt.in, err, tt.err, diff)
				}
			})
		})
	}
}

// Need is the length up to the end of the argument that is being received.
func TestParseCommandNeed(t *testing.T) {
	tests := []struct {
		in   string
		need int
	}{
		{"*", 2},
		{"*3\r\n", 5},
		{"*3\r\n$3\r\nSE", 13},
		{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000", 29},
		{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n", 30 + 1000000 + 2},
		{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nabc", 30 + 1000000 + 2},
		{"*3\r\n$3\r\nSET\r\n$1000000\r\nabc", 23 + 1000000 + 2},
		{"*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1000\r\nabc", 28 + 1000 + 2},
		{"get a", 6},
	}
	p := New(Options{})
	for _, tt := range tests {
		var s codec.Scan
		var cmd codec.Command
		n, err := p.ParseCommand(&codec.Client{}, &s, []byte(tt.in), &cmd)
		if n != 0 || err != nil || s.Need != tt.need {
			t.Errorf("ParseCommand(%q) = %d, %v with Need %d; want Need %d", tt.in, n, err, s.Need, tt.need)
		}
	}
}

// Bytes that were understood are not looked at again: they may be anything the second time.
func TestParseCommandNeverRescans(t *testing.T) {
	p := New(Options{})
	for _, frame := range [][]byte{
		frameOf("SET", "key", strings.Repeat("v", 100)),
		frameOf("MGET", "a", "b", "c", "d"),
		frameOf("MSET", "a", "b", "c", "d"),
		frameOf("EVAL", "script", "1", "a", "b"),
		[]byte("set key 'value'\n"),
	} {
		for cut := 1; cut < len(frame); cut++ {
			var s codec.Scan
			var cmd codec.Command
			buf := bytes.Clone(frame)
			if n, err := p.ParseCommand(&codec.Client{}, &s, buf[:cut], &cmd); n != 0 || err != nil {
				t.Fatalf("ParseCommand(%q) = %d, %v", buf[:cut], n, err)
			}
			if frame[0] != '*' {
				if s.Pos != cut {
					t.Fatalf("ParseCommand(%q) looked for a line end up to %d; want %d", buf[:cut], s.Pos, cut)
				}
				continue
			}
			for i := 1; i < s.Pos; i++ {
				buf[i] = 0xCC
			}
			if s.Pos < 4 && cut > 12 || cut-s.Pos > 110 {
				t.Fatalf("ParseCommand(%q) understood only %d bytes", frame[:cut], s.Pos)
			}
			n, err := p.ParseCommand(&codec.Client{}, &s, buf, &cmd)
			if n != len(frame) || err != nil {
				t.Fatalf("ParseCommand(%q cut at %d) = %d, %v; want %d", frame, cut, n, err, len(frame))
			}
		}
	}
}

func TestParseCommandWide(t *testing.T) {
	const n = 20000
	p := New(Options{})
	keys := keyList(n)
	frame := frameOf(append([]string{"MGET"}, keys...)...)
	for _, piece := range []int{len(frame), 1000, 65536} {
		var pieces [][]byte
		for rest := frame; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			pieces = append(pieces, rest[:min(piece, len(rest))])
		}
		got, rest, err := codectest.Commands(p, &codec.Client{}, pieces)
		if err != nil || rest != "" || len(got) != 1 || got[0].Kind != codec.Scatter {
			t.Fatalf("MGET of %d keys in pieces of %d: %d commands, %v", n, piece, len(got), err)
		}
		if diff := cmp.Diff(keys, got[0].Keys); diff != "" {
			t.Errorf("MGET of %d keys in pieces of %d:\n%s", n, piece, diff)
		}
	}
}
