package resp

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
	"cashew/tests/processtest"
)

// redisServer starts a redis-server of its own for the test and returns the unix socket it listens on.
func redisServer(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(processtest.TempDir(t), "redis.sock")
	server := processtest.Redis(t, "--port", "0", "--unixsocket", socket)
	server.Up(t, func() bool { return processtest.Listens("unix", socket) })
	return socket
}

// peer is a connection to a real server.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dialRedis(t *testing.T, socket string) *peer {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return newPeer(t, c)
}

func newPeer(t *testing.T, c net.Conn) *peer {
	c.SetDeadline(time.Now().Add(15 * time.Second))
	return &peer{t, c, bufio.NewReader(c)}
}

// ask sends a command and returns the reply, cut out by ScanReply.
func (c *peer) ask(frame []byte) string {
	c.t.Helper()
	if _, err := c.conn.Write(frame); err != nil {
		c.t.Fatal(err)
	}
	var (
		p   = New(Options{})
		s   codec.ReplyScan
		got []byte
	)
	for {
		b, err := c.r.ReadByte()
		if err != nil {
			c.t.Fatalf("reply to %q: %v behind %q", frame, err, got)
		}
		got = append(got, b)
		_, done, err := p.ScanReply(&s, []byte{b})
		if err != nil {
			c.t.Fatalf("reply to %q: %v behind %q", frame, err, got)
		}
		if done {
			return string(got)
		}
	}
}

// decode turns a RESP2 reply into strings, int64s, nils and slices.
func decode(t *testing.T, reply string) any {
	t.Helper()
	v, rest := decodeOne(t, reply)
	if rest != "" {
		t.Fatalf("%q left behind a reply", rest)
	}
	return v
}

func decodeOne(t *testing.T, in string) (any, string) {
	line, rest, ok := strings.Cut(in, "\r\n")
	if !ok {
		t.Fatalf("%q is no reply", in)
	}
	n, _ := parseInt([]byte(line[1:]))
	switch line[0] {
	case ':':
		return n, rest
	case '$':
		if n < 0 {
			return nil, rest
		}
		return rest[:n], rest[n+2:]
	case '*':
		if n < 0 {
			return nil, rest
		}
		list := []any{}
		for range n {
			var v any
			v, rest = decodeOne(t, rest)
			list = append(list, v)
		}
		return list, rest
	default:
		return line, rest
	}
}

// Where this table differs from redis-server 7.0, and why.
var differs = map[string]string{
	"bitop":    "keys: two ranges that touch are told as one",
	"pfmerge":  "keys: a destination alone is enough for the server, but not for its COMMAND GETKEYS",
	"reset":    "flags: without the password there is nothing to reset, so NOAUTH as with twemproxy",
	"sort_ro":  "keys: what BY and GET patterns touch is not told",
	"zrank":    "arity: 7.2 added WITHSCORE",
	"zrevrank": "arity: 7.2 added WITHSCORE",
}

// legacyKeys are the first key, the last and the step as COMMAND tells them: of keys that a count announces, none.
func legacyKeys(c *command) (first, last, step int) {
	if c.keys.kind == counted || c.keys.kind == streams {
		return 0, 0, 0
	}
	return int(c.keys.first), int(c.keys.last), int(c.keys.step)
}

// movable tells whether arguments decide where the keys are.
func movable(c *command) bool { return c.keys.kind != positions && c.keys.kind != copies }

// TestTableAgainstRedis compares arity, key positions and the write and readonly flags of every row that the server
// knows with what it says of itself, and finds the server's commands that the table lacks.
func TestTableAgainstRedis(t *testing.T) {
	c := dialRedis(t, redisServer(t))
	known := map[string]bool{}
	var check func(info []any)
	check = func(info []any) {
		name := info[0].(string)
		known[name] = true
		i := -1
		for op := range commands {
			if commands[op].name == name {
				i = op
			}
		}
		if i < 0 {
			if parent, _, sub := strings.Cut(name, "|"); sub && commands[mustOp(parent)].kind != container {
				return // refused as a whole, or COMMAND, which is parsed where it is answered
			}
			t.Errorf("%s is not in the table", name)
			return
		}
		row := &commands[i]
		if arity := info[1].(int64); arity != int64(row.arity) && differs[name] == "" {
			t.Errorf("%s: arity %d; the server says %d", name, row.arity, arity)
		}
		if differs[name] == "" {
			first, last, step := legacyKeys(row)
			got := []any{int64(first), int64(last), int64(step)}
			if diff := cmp.Diff(info[3:6], got); diff != "" {
				t.Errorf("%s: keys differ from the server's:\n%s", name, diff)
			}
		}
		flags := map[string]bool{}
		for _, f := range info[2].([]any) {
			flags[strings.TrimPrefix(f.(string), "+")] = true
		}
		for letter, flag := range flagNames {
			if row.has(letter) != flags[flag] && (row.kind != refused || flag == "write") && letter != 'b' && differs[name] == "" {
				t.Errorf("%s: flag %s is %v; the server says %v", name, flag, row.has(letter), flags[flag])
			}
		}
		if movable := movable(row); movable != flags["movablekeys"] && row.kind != refused && differs[name] == "" {
			t.Errorf("%s: movable keys: %v; the server says %v", name, movable, flags["movablekeys"])
		}
		for _, sub := range info[9].([]any) {
			check(sub.([]any))
		}
	}
	for _, info := range decode(t, c.ask(frameOf("COMMAND"))).([]any) {
		check(info.([]any))
	}
	for name, why := range differs {
		if why != "" && !known[name] {
			t.Errorf("differs explains %s, which the server does not know", name)
		}
	}
}

// ask returns the proxy's local answer.
func ask(t *testing.T, p *Protocol, frame []byte) string {
	t.Helper()
	got, rest, err := codectest.Commands(p, &codec.Client{ID: 1}, [][]byte{frame})
	if len(got) != 1 || rest != "" || err != nil || got[0].Reply == "" {
		t.Fatalf("no local answer to %q: %v, %q, %v", frame, got, rest, err)
	}
	return got[0].Reply
}

// TestKeysAgainstRedis compares the keys found in random commands with COMMAND GETKEYS of the server.
func TestKeysAgainstRedis(t *testing.T) {
	c := dialRedis(t, redisServer(t))
	p := New(Options{})
	words := []string{"a", "b", "1", "2", "3", "0", "STORE", "storedist", "STREAMS", "COUNT", "LIMIT", "GET", "BY", "GROUP", "BLOCK", ""}
	known := map[string]bool{}
	for _, info := range decode(t, c.ask(frameOf("COMMAND"))).([]any) {
		known[info.([]any)[0].(string)] = true
	}
	compared := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 5))
		for op := 1; op < len(commands); op++ {
			row := &commands[op]
			name, sub, _ := strings.Cut(row.name, "|")
			if !known[name] || row.kind != forward && row.kind != split {
				continue
			}
			args := []string{name}
			if sub != "" {
				args = append(args, sub)
			}
			for range r.IntN(9) {
				args = append(args, words[r.IntN(len(words))])
			}
			got, _, err := codectest.Commands(p, &codec.Client{}, [][]byte{frameOf(args...)})
			if len(got) != 1 || err != nil {
				t.Fatalf("%q: %v, %v", args, got, err)
			}
			if got[0].Kind != codec.Forward && got[0].Kind != codec.Scatter {
				continue // refused; the texts are compared elsewhere
			}
			keys := got[0].Keys
			if len(keys) == 0 {
				keys = []string{got[0].Key}
			}
			var theirs []string
			list, ok := decode(t, c.ask(frameOf(append([]string{"COMMAND", "GETKEYS"}, args...)...))).([]any)
			if !ok {
				if row.keys.kind == positions && row.group == 0 && differs[row.name] == "" && row.takes(len(args)) {
					t.Errorf("%q: keys %q; the server finds none", args, keys)
				}
				continue
			}
			for _, k := range list {
				theirs = append(theirs, k.(string))
			}
			compared++
			if diff := cmp.Diff(theirs, keys); diff != "" {
				t.Errorf("%q: keys differ from the server's:\n%s", args, diff)
			}
		}
	}
	if compared < 2000 {
		t.Errorf("only %d commands compared", compared)
	}
}

// TestTextsAgainstRedis compares what the proxy answers itself with the server's words, byte for byte.
func TestTextsAgainstRedis(t *testing.T) {
	socket := redisServer(t)
	p := New(Options{})
	long := strings.Repeat("x", 100)
	tests := []struct {
		in       string
		diverges string
	}{
		{in: "ping"},
		{in: "ping hello"},
		{in: "ping a b"},
		{in: "echo hello"},
		{in: "echo"},
		{in: "nosuch"},
		{in: "nosuch a b c"},
		{in: "nosuch " + long + " " + long + " " + long},
		{in: long + long},
		{in: `nosuch "a\r\nb" "a\x00b" ''`},
		{in: `"a\nb" c`},
		{in: `""`},
		{in: "get"},
		{in: "mset a b c"},
		{in: "msetnx a b c"},
		{in: "del"},
		{in: "object"},
		{in: "object foo"},
		{in: "OBJECT ENCODING"},
		{in: "xinfo stream"},
		{in: "memory usage"},
		{in: "client foo"},
		{in: "client setname"},
		{in: "client setname a b"},
		{in: `client setname "a b"`},
		{in: "client setname x"},
		{in: "client getname"},
		{in: "client no-evict x"},
		{in: "client no-evict on"},
		{in: "config get"},
		{in: "config foo"},
		{in: "config get save"},
		{in: "config get nosuch"},
		{in: "config set a"},
		{in: "select 0"},
		{in: "select x"},
		{in: "select 99", diverges: "says which database there is"},
		{in: "hello 4"},
		{in: "hello x"},
		{in: "hello 2 foo"},
		{in: "hello 2 auth a"},
		{in: "hello 2 setname"},
		{in: "hello 3", diverges: "RESP2 only"},
		{in: "auth"},
		{in: "auth a b c"},
		{in: "auth a", diverges: "twemproxy's words"},
		{in: "readonly"},
		{in: "readwrite"},
		{in: "reset"},
		{in: "quit"},
		{in: "eval x -1"},
		{in: "eval x 2 a"},
		{in: "eval x a a"},
		{in: "eval x 01 a"},
		{in: "eval x 99999999999 a"},
		{in: "zunion 0 a"},
		{in: "zunion x a"},
		{in: "zunion -1 a"},
		{in: "zunion 3 a b"},
		{in: "zinterstore d 0 a"},
		{in: "zinterstore d x a"},
		{in: "zdiffstore d 3 a"},
		{in: "zintercard 0 a"},
		{in: "sintercard 0 a"},
		{in: "sintercard 3 a b"},
		{in: "lmpop 0 a left"},
		{in: "lmpop 5 a left"},
		{in: "zmpop x a min"},
		{in: "xread streams a b c"},
		{in: "xreadgroup group g c streams a b c"},
		{in: "xread count 1 streams"},
		{in: "multi"},
		{in: "exec"},
		{in: "discard"},
		{in: "info", diverges: "refused"},
	}
	for _, tt := range tests {
		frame, words, ok := appendArray(nil, []byte(tt.in))
		if !ok || words == 0 {
			t.Fatalf("%q is no command", tt.in)
		}
		want := dialRedis(t, socket).ask(frame)
		if got := ask(t, p, frame); (got == want) == (tt.diverges != "") {
			t.Errorf("%s: %q; the server says %q (diverges: %q)", tt.in, got, want, tt.diverges)
		}
		got, _, err := codectest.Commands(p, &codec.Client{ID: 1}, [][]byte{[]byte(tt.in + "\r\n")})
		if err != nil || len(got) != 1 || got[0].Frame != string(frame) {
			t.Errorf("%s as a line: %v, %v", tt.in, got, err)
		}
	}
}

// TestMalformedAgainstRedis compares the last words to a client that broke the protocol.
func TestMalformedAgainstRedis(t *testing.T) {
	socket := redisServer(t)
	p := New(Options{})
	tests := []struct {
		in       string
		diverges string
	}{
		{in: "*x\r\n"},
		{in: "*01\r\n"},
		{in: "*+1\r\n"},
		{in: "*\r\n"},
		{in: "*-0\r\n"},
		{in: "*4294967297\r\n"},
		{in: "*1\r\n%1\r\n"},
		{in: "*1\r\nPING\r\n"},
		{in: "*1\r\n\r\n"},
		{in: "*1\r\n$-1\r\n"},
		{in: "*1\r\n$04\r\n"},
		{in: "*1\r\n$\r\n"},
		{in: "*1\r\n$x\r\n"},
		{in: "*1\r\n$536870913\r\n"},
		{in: "get \"a\r\n"},
		{in: "get 'a'b\r\n"},
		{in: strings.Repeat("x", 70000)},
		{in: "*1\r\n$4\r\nPINGxx", diverges: "the server skips two bytes, whatever they are"},
		{in: "*1\r\n$4\r\nPING\rx", diverges: "the server skips two bytes, whatever they are"},
	}
	for _, tt := range tests {
		c := dialRedis(t, socket)
		if _, err := io.WriteString(c.conn, tt.in); err != nil {
			t.Fatal(err)
		}
		want, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatalf("%.40q: the server says %v", tt.in, err)
		}
		_, _, err = codectest.Commands(p, &codec.Client{}, [][]byte{[]byte(tt.in)})
		if !errors.Is(err, codec.ErrMalformed) {
			t.Errorf("ParseCommand(%.40q) = %v; want malformed", tt.in, err)
			continue
		}
		if got := string(p.AppendMalformed(nil, 0, 0, err)); (got == want) == (tt.diverges != "") {
			t.Errorf("%.40q: %q; the server says %q (diverges: %q)", tt.in, got, want, tt.diverges)
		}
	}
}

// TestHandshakeAgainstRedis makes a real server connection ready.
func TestHandshakeAgainstRedis(t *testing.T) {
	socket := redisServer(t)
	dialRedis(t, socket).ask(frameOf("CONFIG", "SET", "requirepass", "se cret"))
	for _, o := range []Options{{Password: "se cret", DB: 3}, {Password: "wrong"}, {DB: 3}, {Password: "se cret", DB: 99}} {
		for _, pr := range []codec.Profile{RESP2, RESP3} {
			p, c := New(o), dialRedis(t, socket)
			var err error
			for step, frame := range p.Handshake(codec.Login{}, pr, p.Home()) {
				if err = p.CheckHandshake(codec.Login{}, pr, p.Home(), step, []byte(c.ask(frame))); err != nil {
					break
				}
			}
			if good := o.Password == "se cret" && o.DB == 3; good != (err == nil) {
				t.Errorf("handshake of %s with %+v: %v", profileNames[pr], o, err)
			}
		}
	}
}
