package resp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
)

func TestAppendLocal(t *testing.T) {
	const (
		badName = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
		syntax  = "-ERR syntax error\r\n"
	)
	hello := "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:42\r\n" +
		"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
	tests := []struct {
		in   string // inline
		want string
	}{
		{"ping", "+PONG\r\n"},
		{"ping hello", "$5\r\nhello\r\n"},
		{"ping a b", "-ERR wrong number of arguments for 'ping' command\r\n"},
		{"echo ''", "$0\r\n\r\n"},
		{"echo", "-ERR wrong number of arguments for 'echo' command\r\n"},
		{"auth a", "-ERR Client sent AUTH, but no password is set\r\n"},
		{"auth", "-ERR wrong number of arguments for 'auth' command\r\n"},
		{"auth a b c", syntax},
		{"select 3", "+OK\r\n"},
		{"select 0", "-ERR DB index is out of range: this pool serves database 3 only\r\n"},
		{"select -3", "-ERR DB index is out of range: this pool serves database 3 only\r\n"},
		{"select x", "-ERR value is not an integer or out of range\r\n"},
		{"select 03", "-ERR value is not an integer or out of range\r\n"},
		{"reset", "+RESET\r\n"},
		{"readonly", "-ERR This instance has cluster support disabled\r\n"},
		{"readwrite", "-ERR This instance has cluster support disabled\r\n"},

		{"hello", hello},
		{"hello 2", hello},
		{"HELLO 2 SETNAME x AUTH default y", hello},
		{"hello 3", strings.Replace("%7"+hello[len("*14"):], ":2", ":3", 1)},
		{"hello 3 auth a b", errHelloWrong},
		{"hello 4", "-NOPROTO unsupported protocol version\r\n"},
		{"hello 1", "-NOPROTO unsupported protocol version\r\n"},
		{"hello x", "-ERR Protocol version is not an integer or out of range\r\n"},
		{"hello 2 foo", "-ERR Syntax error in HELLO option 'foo'\r\n"},
		{"hello 2 auth a", "-ERR Syntax error in HELLO option 'auth'\r\n"},
		{"hello 2 setname", "-ERR Syntax error in HELLO option 'setname'\r\n"},
		{"hello 2 setname 'a b'", badName},

		{"client id", ":42\r\n"},
		{"client getname", "$-1\r\n"},
		{"client setname 'a b'", badName},
		{"client setname", "-ERR wrong number of arguments for 'client|setname' command\r\n"},
		{"client setname " + strings.Repeat("x", 1025), "-ERR Client names cannot be longer than 1024 bytes\r\n"},
		{"client setinfo lib-name go-redis", "+OK\r\n"},
		{"client setinfo lib-ver 'a b'", "-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n"},
		{"client setinfo foo x", "-ERR Unrecognized option 'foo'\r\n"},
		{"client no-evict on", "+OK\r\n"},
		{"client no-touch OFF", "+OK\r\n"},
		{"client no-evict x", syntax},
		{"client foo", "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n"},

		{"config get save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"},
		{"config get AppendOnly", "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n"},
		{"config get save appendonly", "*4\r\n$10\r\nappendonly\r\n$2\r\nno\r\n$4\r\nsave\r\n$0\r\n\r\n"},
		{"config get maxmemory", "*0\r\n"},
		{"config set save x", "-NOPERM command 'config|set' is not allowed by the pool's 'commands'\r\n"},
		{"config get", "-ERR wrong number of arguments for 'config|get' command\r\n"},

		{"role", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
		{"quit now", "+OK\r\n"},
	}
	p := New(Options{DB: 3})
	for _, tt := range tests {
		got, rest, err := codectest.Commands(p, &codec.Client{ID: 42}, [][]byte{[]byte(tt.in + "\r\n")})
		if len(got) != 1 || rest != "" || err != nil {
			t.Errorf("%s: %v, %q, %v", tt.in, got, rest, err)
		} else if got[0].Reply != tt.want {
			t.Errorf("%s: %q; want %q", tt.in, got[0].Reply, tt.want)
		}
	}
}

// Every local answer, whatever it is asked with, is one whole reply.
func TestAppendLocalIsOneReply(t *testing.T) {
	for _, p := range []*Protocol{New(Options{}), New(Options{Password: "secret"})} {
		for _, c := range commands[1:] {
			name := strings.ReplaceAll(c.name, "|", " ")
			for _, args := range []string{"", " a", " 2", " 0 a", " 2 a b", " a 1 b", " a 1 b 2", " auth default secret", " x 'a\\nb' \"\\r\\n\""} {
				got, _, err := codectest.Commands(p, &codec.Client{}, [][]byte{[]byte(name + args + "\n")})
				if errors.Is(err, errHTTP) {
					continue
				}
				if len(got) != 1 || err != nil {
					t.Fatalf("%s%s: %v, %v", name, args, got, err)
				}
				answered := got[0].Kind == codec.Local || got[0].Kind == codec.Refuse || got[0].Kind == codec.Quit ||
					got[0].Kind == codec.Report || got[0].Kind == codec.Switch || got[0].Kind == codec.Discard
				if !answered {
					if !got[0].HasKey && got[0].Kind != codec.Fanout && got[0].Kind != codec.Subscribe && got[0].Kind != codec.Walk {
						t.Errorf("%s%s: forwarded without a key", name, args)
					}
					continue
				}
				if replies, rest, err := codectest.Replies(p, [][]byte{[]byte(got[0].Reply)}); len(replies) != 1 || rest != "" || err != nil {
					t.Errorf("%s%s: reply %q is not one reply: %v", name, args, got[0].Reply, err)
				}
			}
		}
	}
}

func TestClientState(t *testing.T) {
	p := New(Options{Password: "secret"})
	cl := &codec.Client{ID: 1}
	steps := []struct{ in, want string }{
		{"hello", errHelloNoAuth},
		{"hello 3", errHelloNoAuth},
		{"hello 4", errHelloProto},
		{"hello 2 auth default wrong", errHelloWrong},
		{"hello 2 auth joe secret", errHelloWrong},
		{"hello 2 setname early", errHelloNoAuth},
		{"client getname", "-NOAUTH Authentication required\r\n"},
		{"hello 2 auth default secret setname joe", ""},
		{"client getname", "$3\r\njoe\r\n"},
		{"hello 3 auth default wrong", errHelloWrong},
		{"client getname", "$3\r\njoe\r\n"},
		{"hello 3", ""},
		{"client setname ''", "+OK\r\n"},
		{"client getname", "_\r\n"},
		{"hello", ""},
		{"client getname", "_\r\n"},
		{"hello 2", ""},
		{"client getname", "$-1\r\n"},
		{"hello 3", ""},
		{"client setname jim", "+OK\r\n"},
		{"client getname", "$3\r\njim\r\n"},
		{"client setinfo LIB-NAME lib", "+OK\r\n"},
		{"client setinfo lib-ver 1.2", "+OK\r\n"},
		{"client setname ''", "+OK\r\n"},
		{"client getname", "_\r\n"},
		{"client setname jim", "+OK\r\n"},
		{"auth secre", errAuthWrong},
		{"ping", "-NOAUTH Authentication required\r\n"},
		{"auth default secret", "+OK\r\n"},
		{"client getname", "$3\r\njim\r\n"},
		{"reset", "+RESET\r\n"},
		{"ping", "-NOAUTH Authentication required\r\n"},
		{"auth secret", "+OK\r\n"},
		{"client getname", "$-1\r\n"},
	}
	for i, step := range steps {
		got, _, err := codectest.Commands(p, cl, [][]byte{[]byte(step.in + "\n")})
		if len(got) != 1 || err != nil {
			t.Fatalf("step %d, %s: %v, %v", i, step.in, got, err)
		}
		if step.want != "" && got[0].Reply != step.want {
			t.Fatalf("step %d, %s: %q; want %q", i, step.in, got[0].Reply, step.want)
		}
	}
	if cl.Lib != "lib" || cl.LibVer != "1.2" {
		t.Errorf("library %q %q; want lib 1.2", cl.Lib, cl.LibVer)
	}
}

func TestHandshake(t *testing.T) {
	tests := []struct {
		options Options
		profile codec.Profile
		want    []string
	}{
		{Options{}, RESP2, nil},
		{Options{Password: "pw"}, RESP2, []string{"*2 $4 AUTH $2 pw "}},
		{Options{DB: 12}, RESP2, []string{"*2 $6 SELECT $2 12 "}},
		{Options{Password: "pw", DB: 1}, RESP2, []string{"*2 $4 AUTH $2 pw ", "*2 $6 SELECT $1 1 "}},
		{Options{}, RESP3, []string{"*2 $5 HELLO $1 3 "}},
		{Options{Password: "pw", DB: 1}, RESP3, []string{"*2 $4 AUTH $2 pw ", "*2 $5 HELLO $1 3 ", "*2 $6 SELECT $1 1 "}},
	}
	for _, tt := range tests {
		p := New(tt.options)
		var got []string
		for step, frame := range p.Handshake(codec.Login{}, tt.profile, p.Home()) {
			got = append(got, text(string(frame)))
			reply := "+OK\r\n"
			if strings.Contains(string(frame), "HELLO") {
				reply = "%1\r\n$5\r\nproto\r\n:3\r\n"
			}
			if err := p.CheckHandshake(codec.Login{}, tt.profile, p.Home(), step, []byte(reply)); err != nil {
				t.Errorf("%+v: step %d: %v", tt.options, step, err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("Handshake of %+v = %q; want %q", tt.options, got, tt.want)
		}
	}
}

func TestCheckHandshake(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		step    int
		reply   string
		want    string
	}{
		{"wrong password", Options{Password: "pw", DB: 1}, 0, "-WRONGPASS invalid username-password pair\r\n", "AUTH was refused: WRONGPASS invalid username-password pair"},
		{"no database", Options{Password: "pw", DB: 99}, 1, "-ERR DB index is out of range\r\n", "SELECT 99 was refused: ERR DB index is out of range"},
		{"no password needed", Options{DB: 5}, 0, "-NOAUTH Authentication required.\r\n", "SELECT 5 was refused: NOAUTH Authentication required."},
		{"the password in the text", Options{Password: "hunter2"}, 0, "-ERR hunter2 is wrong\r\n", "AUTH was refused"},
		{"another type", Options{DB: 5}, 0, ":1\r\n", `SELECT 5: unexpected reply ":1"`},
		{"nothing", Options{DB: 5}, 0, "", `SELECT 5: unexpected reply ""`},
	}
	for _, tt := range tests {
		err := New(tt.options).CheckHandshake(codec.Login{}, RESP2, tt.options.DB, tt.step, []byte(tt.reply))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: CheckHandshake(%d, %q) = %v; want %s", tt.name, tt.step, tt.reply, err, tt.want)
		}
	}
}

// A refusal of RESP3 is a fact about the server; any other answer to HELLO is a failure of the connection.
func TestCheckHello(t *testing.T) {
	for _, tt := range []struct {
		reply, refusal, failure string
	}{
		{reply: "%0\r\n"},
		{reply: "-ERR unknown command 'HELLO', with args beginning with: '3' \r\n", refusal: "-ERR unknown command 'HELLO', with args beginning with: '3' \r\n"},
		{reply: "-NOPROTO sorry\r\n", refusal: "-NOPROTO sorry\r\n"},
		{reply: "-NOAUTH HELLO must be called\r\n", refusal: "-NOAUTH HELLO must be called\r\n"},
		{reply: "-NOPERM no\r\n", refusal: "-NOPERM no\r\n"},
		{reply: "*14\r\n", refusal: errHelloProto},
		{reply: "-LOADING Redis is loading\r\n", failure: "HELLO 3 was refused: LOADING Redis is loading"},
		{reply: "-BUSY Redis is busy\r\n", failure: "HELLO 3 was refused: BUSY Redis is busy"},
		{reply: "-ERR max number of clients reached\r\n", failure: "HELLO 3 was refused: ERR max number of clients reached"},
		{reply: "-DENIED protected mode\r\n", failure: "HELLO 3 was refused: DENIED protected mode"},
		{reply: "+OK\r\n", failure: `HELLO 3: unexpected reply "+OK"`},
		{reply: "", failure: `HELLO 3: unexpected reply ""`},
	} {
		err := New(Options{}).CheckHandshake(codec.Login{}, RESP3, 0, 0, []byte(tt.reply))
		var r *codec.RefusalError
		switch errors.As(err, &r); {
		case tt.refusal != "" && (r == nil || string(r.Reply) != tt.refusal),
			tt.failure != "" && (r != nil || err == nil || err.Error() != tt.failure),
			tt.refusal == "" && tt.failure == "" && err != nil:
			t.Errorf("CheckHandshake(HELLO 3, %q) = %v; want refusal %q, failure %q", tt.reply, err, tt.refusal, tt.failure)
		}
	}
}

func TestPushKind(t *testing.T) {
	for in, want := range map[string]string{
		">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n": "invalidate",
		">3\r\n$7\r\nmessage\r\n$1\r\na\r\n":           "message",
		">2\r\n+MOVING\r\n:1\r\n":                      "moving",
		">1\r\n$9\r\nsomething\r\n":                    "other",
		">0\r\n":                                       "other",
		">1\r\n":                                       "other",
		">1\r\n$7":                                     "other",
		">":                                            "other",
		">1\r\n:1\r\n":                                 "other",
	} {
		if got := new(Protocol).PushKind([]byte(in)); got != want {
			t.Errorf("PushKind(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestAppendErrors(t *testing.T) {
	p := New(Options{})
	tests := []struct{ name, got, want string }{
		{"AppendError", string(p.AppendError([]byte("x"), "Connection refused")), "x-ERR Connection refused\r\n"},
		{
			"AppendCrossServer",
			string(p.AppendCrossServer(nil, [2][]byte{[]byte("a\r\n"), []byte("b")}, [2]string{"s1", "s2"})),
			"-CROSSSLOT Keys in request don't hash to the same server: 'a  ' is on s1, 'b' on s2\r\n",
		},
		{"AppendMalformed", string(p.AppendMalformed(nil, 0, 0, errBulk)), "-ERR Protocol error: invalid bulk length\r\n"},
		{"Name", p.Name(), "redis"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s = %q; want %q", tt.name, tt.got, tt.want)
		}
	}
}
