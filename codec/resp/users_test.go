package resp

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/acl"
)

// withUsers is a protocol whose users are these lines.
func withUsers(t testing.TB, o Options, lines ...string) *Protocol {
	t.Helper()
	us, wrong := Users(lines, o.Password)
	for _, e := range wrong {
		t.Fatal(e)
	}
	o.Users = us
	return New(o)
}

// clientOf is a client that is a user.
func clientOf(p *Protocol, name string) *codec.Client {
	cl := &codec.Client{Authed: true}
	p.be(cl, p.users.Find(name))
	return cl
}

// say has a client send a command, and answers it as far as the proxy does.
func say(t testing.TB, p *Protocol, cl *codec.Client, args ...string) (codec.Command, string) {
	t.Helper()
	var s codec.Scan
	var cmd codec.Command
	frame := frameOf(args...)
	if n, err := p.ParseCommand(cl, &s, frame, &cmd); n != len(frame) || err != nil {
		t.Fatalf("%q: ParseCommand = %d, %v", args, n, err)
	}
	switch cmd.Kind {
	case codec.Local, codec.Refuse, codec.Switch, codec.Discard, codec.Queue:
		return cmd, string(p.AppendLocal(nil, cl, &cmd))
	}
	return cmd, ""
}

// TestJudged: what is refused to a user goes nowhere, in a pool of one server either, and what is not goes as it would.
func TestJudged(t *testing.T) {
	p := withUsers(t, Options{Commands: "+@all -flushall", Learn: true},
		"u on nopass ~a* &ch* +@all -keys -debug -client|kill", "r on nopass ~* &* +@all readonly", "n on nopass ~* &* -@all +select|0", "all on nopass ~* &* +@all")
	for _, tt := range []struct {
		user, command string
		want          string // the reason, or ""
	}{
		{"u", "GET a", ""},
		{"u", "GET b", refuseUserKey},
		{"u", "get b", refuseUserKey},
		{"u", "GET", refuseArity},
		{"u", "GET a b", refuseArity}, // nothing that a newer server might take
		{"u", "HGETALL b x", refuseArity},
		{"u", "MGET a b", refuseUserKey},
		{"u", "MSET a 1 b 2", refuseUserKey},
		{"u", "EVAL s 1 b", refuseUserKey},
		{"u", "EVAL s 1 a b", ""},
		{"u", "EVAL s 0", refuseKeyless},
		{"u", "EVAL s x b", refuseInteger},
		{"u", "SORT a STORE b", refuseUserKey},
		{"u", "SORT a BY x*", refuseSortBy},
		{"u", "SORT a BY nosort", ""},
		{"u", "SORT a GET #", refuseSortGet},
		{"u", "KEYS *", refuseUserCommand},
		{"u", "SCAN 0", ""},
		{"u", "FLUSHALL", refuseDenied},
		{"u", "CLIENT KILL x", refuseUserCommand},
		{"u", "CLIENT ID", ""},
		{"u", "PUBLISH chan x", ""},
		{"u", "PUBLISH x y", refuseUserChannel},
		{"u", "SUBSCRIBE chan x", refuseUserChannel},
		{"u", "PSUBSCRIBE ch*", ""},
		{"u", "PSUBSCRIBE cha*", refuseUserChannel},
		{"u", "UNSUBSCRIBE x", ""},
		{"u", "BLPOP a b 0", refuseUserKey},
		{"u", "WATCH a b", refuseUserKey},
		{"u", "XREAD STREAMS b 0", refuseUserKey},
		{"u", "XGROUP CREATE b g 0", refuseUserKey},
		{"u", "XGROUP NOPE b g", ""}, // the servers are asked
		{"u", "MEMORY USAGE b", refuseUserKey},
		{"u", "COPY a b", refuseUserKey},
		{"u", "PING", ""},
		{"r", "GET b", ""},
		{"r", "SET b 1", refuseUserCommand},
		{"r", "EVAL s 1 b", refuseUserCommand},
		{"r", "EVAL_RO s 1 b", ""},
		{"r", "CONFIG SET a b", refuseUserCommand},
		{"r", "MULTI", ""},
		{"n", "SELECT 0", ""},
		{"n", "SELECT 1", refuseUserCommand},
		{"n", "PING", refuseUserCommand},
		{"n", "RESET", ""},
		{"n", "AUTH x", ""},
		{"all", "GET a b", ""},
		{"all", "FLUSHALL", refuseDenied},
	} {
		cl := clientOf(p, tt.user)
		cmd, _ := say(t, p, cl, strings.Fields(tt.command)...)
		if tt.want == "" && cmd.Kind == codec.Refuse || tt.want != "" && cmd.Err != tt.want || tt.want != "" && tt.want != refuseKeyless && (cmd.Sole || cmd.Apart || cmd.Kind != codec.Refuse) {
			t.Errorf("%s: %s is of kind %d, sole %v: %q; want %q", tt.user, tt.command, cmd.Kind, cmd.Sole, cmd.Err, tt.want)
		}
		if cl.Denied != nil && cl.Denied.Reason == acl.Login {
			cl.Denied = nil
		}
		if denied := strings.HasPrefix(tt.want, "NOPERM") || tt.want == refuseUserCommand; denied != (cl.Denied != nil) {
			t.Errorf("%s: %s: Denied = %+v", tt.user, tt.command, cl.Denied)
		}
	}
}

// TestJudgedInline: a line is judged as well, and cut anywhere.
func TestJudgedInline(t *testing.T) {
	p := withUsers(t, Options{}, "u on nopass ~a +get")
	for _, line := range []string{"get b\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nb\r\n"} {
		for cut := 1; cut < len(line); cut++ {
			cl, s, cmd := clientOf(p, "u"), codec.Scan{}, codec.Command{}
			if n, err := p.ParseCommand(cl, &s, []byte(line[:cut]), &cmd); n != 0 || err != nil {
				t.Fatalf("%q: %d, %v", line[:cut], n, err)
			}
			if n, err := p.ParseCommand(cl, &s, []byte(line), &cmd); n != len(line) || err != nil || cmd.Err != refuseUserKey {
				t.Errorf("%q cut at %d: %d, %v, %q", line, cut, n, err, cmd.Err)
			}
		}
	}
}

// TestJudgedLessons: what servers tell of a command decides for it as the table does.
func TestJudgedLessons(t *testing.T) {
	p := withUsers(t, Options{Commands: "+@all", Learn: true}, "name on nopass ~a* +m.x", "cat on nopass %R~a* +@read", "none on nopass ~* &* +@all -m.x", "ro on nopass ~* &* +@all readonly")
	reads := lessonOf(t, p, infoOf(7, "m.x -2 readonly 1 1 1 @read"))
	writes := lessonOf(t, p, infoOf(7, "m.x -2 write 1 1 1 @write"))
	hidden := lessonOf(t, p, infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read"))
	for _, tt := range []struct {
		user   string
		lesson any
		args   string
		want   string
	}{
		{"name", reads, "m.x a", ""},
		{"name", writes, "m.x a", ""},
		{"name", reads, "m.x b", refuseUserKey},
		{"cat", reads, "m.x a", ""},
		{"cat", writes, "m.x a", refuseUserCommand},
		{"none", reads, "m.x a", refuseUserCommand},
		{"ro", reads, "m.x a", ""},
		{"ro", writes, "m.x a", refuseUserCommand},
		{"name", hidden, "m.x a", refuseUserKey},
		{"name", nil, "m.x a", refuseUnknown},
		{"name", &missing{allowed: true}, "m.x a", refuseUnknown},
	} {
		cl := clientOf(p, tt.user)
		cmd, _ := say(t, p, cl, strings.Fields(tt.args)...)
		if cmd.Kind != codec.Unknown {
			t.Fatalf("kind %d", cmd.Kind)
		}
		p.Apply(cl, &cmd, tt.lesson)
		if tt.want == "" && cmd.Kind == codec.Refuse || tt.want != "" && cmd.Err != tt.want || tt.want != "" && (cmd.Sole || cmd.Kind != codec.Refuse) {
			t.Errorf("%s: %s is of kind %d, sole %v: %q; want %q", tt.user, tt.args, cmd.Kind, cmd.Sole, cmd.Err, tt.want)
		}
		if text := string(p.appendRefusal(nil, cl, &cmd)); tt.want == refuseUserCommand && text != "-NOPERM this user has no permissions to run the 'm.x' command\r\n" {
			t.Errorf("it is told %q", text)
		}
	}
}

// TestRejoin: who a client is behind a reload.
func TestRejoin(t *testing.T) {
	old := withUsers(t, Options{}, "default on nopass ~* &* +@all", "same on >a ~a +get", "less on >a ~* &* +@all", "gone on >a", "off on >a")
	next := withUsers(t, Options{}, "same on >b +get ~a", "less on >a ~a &* +@all", "off off >a", "new on nopass")
	for _, tt := range []struct {
		name                   string
		stays, changed, authed bool
	}{
		{"same", true, false, true},
		{"less", true, true, true},
		{"gone", false, true, false},
		{"off", false, true, false},
		{"default", true, true, false},
	} {
		cl := clientOf(old, tt.name)
		cl.Bar |= uint16(inMulti)
		stays, changed := next.Rejoin(cl, tt.name)
		_, spoiled := next.Transaction(cl)
		if stays != tt.stays || changed != tt.changed || cl.Authed != tt.authed || stays && spoiled != changed {
			t.Errorf("%s: Rejoin = %v, %v; authed %v, spoiled %v", tt.name, stays, changed, cl.Authed, spoiled)
		}
		if cl.User == nil || cl.User != next.users.Find(cl.User.Name) || cl.User.Restricted() != (gate(cl.Bar)&barJudged != 0) {
			t.Errorf("%s is %+v, bar %b", tt.name, cl.User, cl.Bar)
		}
	}
	none := New(Options{})
	if cl := clientOf(old, "same"); func() bool { stays, _ := none.Rejoin(cl, "same"); return stays }() {
		t.Error("a user stays in a pool without users")
	}
	cl := &codec.Client{Authed: true}
	if stays, _ := next.Rejoin(cl, ""); !stays || cl.Authed || cl.User != next.users.Begin() {
		t.Errorf("who had no user becomes %+v", cl)
	}
}

// TestUserRulesAgainstRedis: what ACL SETUSER says to a rule is what is said of it in a configuration.
func TestUserRulesAgainstRedis(t *testing.T) {
	c, rng := dialRedis(t, redisServer(t)), rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		"on", "off", "NOPASS", "resetpass", "reset", ">x", "<x", "<y", "#" + strings.Repeat("0a", 32), "!" + strings.Repeat("0a", 32), "#12", "#" + strings.Repeat("0A", 32), "!zz",
		"~*", "~a*", "~", "%R~a", "%W~", "%~x", "%R", "%RW", "%X~a", "%RR~a", "%rw~b", "%", "allkeys", "resetkeys", "&*", "&a", "&", "allchannels", "resetchannels",
		"+get", "-GET", "+nope", "-nope", "+config|get", "-config|get", "-config|nope", "+config|nope", "+get|x", "-get|x", "+select|0", "+config|", "+|", "+", "-", "+config|get|x",
		"+@read", "-@READ", "+@nope", "+@", "+@all", "-@all", "allcommands", "nocommands", "(+get ~a)", "(on)", "()", "(+nope)", "(%R~x &c -@all)", "clearselectors", "foo", "sanitize-payload",
		"skip-sanitize-payload", "+acl|setuser", "-client|kill", "+xgroup|create", "+debug|object",
	}
	said := make(map[string]int)
	for range 4000 {
		rules := []string{}
		for range 1 + rng.IntN(4) {
			rules = append(rules, pieces[rng.IntN(len(pieces))])
		}
		c.ask(frameOf("ACL", "DELUSER", "u"))
		want := strings.TrimSpace(c.ask(frameOf(append([]string{"ACL", "SETUSER", "u"}, strings.Fields(strings.Join(rules, " "))...)...)))
		_, wrong := Users([]string{"u " + strings.Join(rules, " ")}, "")
		got := "+OK"
		if len(wrong) > 0 {
			got = wrong[0].Reason
		}
		said[got]++
		if got != want && (got == "+OK" || !strings.HasSuffix(want, "': "+got)) {
			t.Errorf("%q: server %q, here %q", rules, want, got)
		}
	}
	if len(said) < 8 || said["+OK"] < 500 {
		t.Errorf("compared: %v", said)
	}
}

// TestAccessAgainstRedis is in tests/difftest, by ACL DRYRUN of all commands. Here: what only arguments say.
func TestAccess(t *testing.T) {
	for command, want := range map[string]acl.Access{
		"SET k v": acl.Write, "SET k v GET": acl.Read | acl.Write, "SET k v EX 5 get": acl.Read | acl.Write, "SET k get": acl.Write,
		"BITFIELD k GET u8 0": acl.Read, "BITFIELD k GET u8 0 SET u8 0 1": acl.Read | acl.Write, "BITFIELD k": acl.Read, "EXISTS k": 0,
	} {
		op := mustOp(strings.ToLower(strings.Fields(command)[0]))
		if got, _ := accessTo(op, frameOf(strings.Fields(command)...)); got != want {
			t.Errorf("%s: %v, want %v", command, got, want)
		}
	}
}

// TestCategoriesTold: ACL CAT tells what the rules mean.
func TestCategoriesTold(t *testing.T) {
	p := withUsers(t, Options{Commands: "+@all"}, "default on nopass ~* &* +@all")
	cl := clientOf(p, "default")
	_, all := say(t, p, cl, "ACL", "CAT")
	if want := fmt.Sprintf("*%d\r\n", len(categoryNames)); !strings.HasPrefix(all, want) {
		t.Errorf("ACL CAT = %q", all)
	}
	if _, geo := say(t, p, cl, "ACL", "CAT", "GEO"); !strings.HasPrefix(geo, "*10\r\n") || !strings.Contains(geo, "geoadd") {
		t.Errorf("ACL CAT GEO = %q", geo)
	}
}

// TestLogsIn: what has a password that would be judged, by whichever command, however it is written; nothing does where there is none.
func TestLogsIn(t *testing.T) {
	us, wrong := Users([]string{"alice on >secret"}, "")
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	open, password, users := New(Options{}), New(Options{Password: "secret"}), New(Options{Users: us})
	for in, logsIn := range map[string]bool{
		"AUTH secret\r\n": true, "AUTH alice secret\r\n": true, "hello 3 setname auth auth alice secret\r\n": true,
		"HELLO 3\r\n": false, "HELLO 2 SETNAME x\r\n": false, "PING\r\n": false, "RESET\r\n": false,
		"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\naUtH\r\n$5\r\nalice\r\n$1\r\nx\r\n": true,
	} {
		for _, tt := range []struct {
			p    *Protocol
			want bool
		}{{open, false}, {password, logsIn}, {users, logsIn}} {
			if got := tt.p.LogsIn(parseOne(t, tt.p, []byte(in))); got != tt.want {
				t.Errorf("%q logs in: %v", in, got)
			}
		}
	}
}
