package acl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// few is a command table of a handful.
type few struct{}

var fewNames = []string{"", "get", "set", "del", "config", "config|get", "config|set", "auth", "publish"}

func (few) Change(set *Set, rule string) bool {
	found := false
	for op, name := range fewNames {
		what := rule[1:]
		if op > 0 && (what == "@all" || what == "@read" && name == "get" || what == "@write" && (name == "set" || name == "del") ||
			what == name || strings.HasPrefix(name, what+"|")) {
			set[op], found = rule[0] == '+', true
		}
	}
	return found
}

func (few) Find(name string) (op uint16, container, sub bool) {
	i := slices.Index(fewNames, name)
	if i <= 0 {
		return 0, false, false
	}
	return uint16(i), name == "config", strings.Contains(name, "|")
}

func (few) Free(op uint16) bool  { return op == 7 }
func (few) Reads(op uint16) bool { return op == 1 }

// parse makes users of lines that are right.
func parse(t testing.TB, lines ...string) *Users {
	t.Helper()
	us, wrong := Parse(few{}, lines, "")
	for _, e := range wrong {
		t.Error(e)
	}
	return us
}

// ask is a question about a command and its keys, each with r, w, both or - before a colon.
func ask(command string, keys ...string) *Question {
	op, _, _ := few{}.Find(command)
	q := &Question{Op: op}
	for _, k := range keys {
		how, text, _ := strings.Cut(k, ":")
		var a Access
		if strings.Contains(how, "r") {
			a |= Read
		}
		if strings.Contains(how, "w") {
			a |= Write
		}
		if q.Keys = append(q.Keys, Arg{[]byte(text), a}); how == "&" {
			q.Keys, q.Channels = q.Keys[:len(q.Keys)-1], append(q.Channels, Arg{Text: []byte(text)})
		}
	}
	return q
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		rules string
		q     *Question
		want  Denial
	}{
		{"~* +@all", ask("get", "r:a"), Denial{}},
		{"~a* +get", ask("get", "r:a", "r:b"), Denial{Key, 1}},
		{"~a* +get", ask("set", "w:a"), Denial{Reason: Command}},
		{"~a* +get", ask("auth"), Denial{}},
		{"~* +@all -@write", ask("del", "w:a"), Denial{Reason: Command}},
		{"%R~a +@all", ask("get", "r:a"), Denial{}},
		{"%R~a +@all", ask("set", "rw:a"), Denial{Key, 0}},
		{"%R~a %W~a +@all", ask("set", "rw:a"), Denial{}},
		{"%R~a %W~* +@all", ask("set", "rw:a"), Denial{Key, 0}},
		{"%W~a +@all", ask("get", "-:a"), Denial{}},
		{"~* +@all &ch*", ask("publish", "&:chan"), Denial{}},
		{"~* +@all &ch*", ask("publish", "&:x"), Denial{Channel, 0}},
		{"~* +config|get", &Question{Op: 5}, Denial{}},
		{"~* +config -config|set", &Question{Op: 6}, Denial{Reason: Command}},
		{"~* +get|a", &Question{Op: 1, First: []byte("A")}, Denial{}},
		{"~* +get|a", &Question{Op: 1, First: []byte("b")}, Denial{Reason: Command}},
		{"~* +get|a -get", &Question{Op: 1, First: []byte("a")}, Denial{Reason: Command}},
		{"+get ~a (+set ~b)", ask("set", "w:b"), Denial{}},
		{"+get ~a (+set ~b)", ask("set", "w:a"), Denial{Key, 0}},
		{"+get ~a (+get ~b)", ask("get", "r:a", "r:b"), Denial{Key, 1}},
		{"+get ~a (+get ~b) (+get ~a ~b)", ask("get", "r:a", "r:b"), Denial{}},
		{"+@all ~* &* readonly", ask("get", "r:a"), Denial{}},
		{"readonly +@all ~* &*", ask("set", "w:a"), Denial{Reason: Command}},
		{"+@all ~* &* readonly (~* +@all)", ask("set", "w:a"), Denial{Reason: Command}},
		{"+@all ~a", &Question{Op: 1, AllRead: true}, Denial{Reason: OutsideKeys}},
		{"+@all %R~*", &Question{Op: 1, AllRead: true}, Denial{}},
		{"+@all %W~*", &Question{Op: 1, AllRead: true}, Denial{Reason: OutsideKeys}},
		{"+@all ~a (~* +get)", &Question{Op: 1, AllRead: true}, Denial{}},
		{"+@all ~a", &Question{Op: 1, Unknown: true}, Denial{Reason: Key}},
		{"+new.x ~*", &Question{Name: "new.x"}, Denial{}},
		{"+@read ~*", &Question{Name: "new.x", Of: []string{"read"}}, Denial{}},
		{"+@read -new.x ~*", &Question{Name: "new.x", Of: []string{"read"}}, Denial{Reason: Command}},
		{"+@all ~* &* readonly", &Question{Name: "new.x", Writes: true}, Denial{Reason: Command}},
		{"+@all -get ~*", &Question{Name: "new.x"}, Denial{}},
	} {
		lines := []string{"u on nopass " + tt.rules}
		us, wrong := Parse(modules{}, lines, "")
		if len(wrong) > 0 {
			t.Errorf("%s: %v", tt.rules, wrong[0])
			continue
		}
		if got := us.Find("u").Judge(tt.q); got != tt.want {
			t.Errorf("%s: Judge(%+v) = %+v, want %+v", tt.rules, tt.q, got, tt.want)
		}
		if n := testing.AllocsPerRun(10, func() { us.Find("u").Judge(tt.q) }); n != 0 {
			t.Errorf("%s: Judge allocates %v times", tt.rules, n)
		}
	}
}

// modules is few, which takes names with a dot besides.
type modules struct{ few }

func (m modules) Change(set *Set, rule string) bool {
	return strings.Contains(rule, ".") || m.few.Change(set, rule)
}

// TestLiteral: who subscribes to a pattern needs a rule that is that pattern.
func TestLiteral(t *testing.T) {
	u := parse(t, "u on nopass +@all &ch* &x?").Find("u")
	for name, want := range map[string]Reason{"ch*": Allowed, "x?": Allowed, "chan": Channel, "xy": Channel, "*": Channel} {
		if got := u.Judge(&Question{Op: 8, Channels: []Arg{{Text: []byte(name)}}, Literal: true}).Reason; got != want {
			t.Errorf("pattern %s: %v, want %v", name, got, want)
		}
	}
}

func TestRestricted(t *testing.T) {
	for rules, want := range map[string]bool{
		"~* &* +@all": false, "allkeys allchannels allcommands": false, "+@all ~* &* -get": true, "+@all ~* &*  readonly": true,
		"+@all ~*": true, "+@all &*": true, "~* &*": true, "~* &* +@all reset": true, "%RW~* &* +@all": true,
	} {
		if got := parse(t, "u "+rules).Find("u").Restricted(); got != want {
			t.Errorf("%s: Restricted = %v, want %v", rules, got, want)
		}
	}
}

func TestLogin(t *testing.T) {
	sum := sha256.Sum256([]byte("hashed"))
	us := parse(t, "a on >one >two #"+hex.EncodeToString(sum[:]), "b off >x", "c on nopass", "d on", "e on >x <x", "f on nopass resetpass", "g on nopass >y")
	for _, tt := range []struct {
		name, password string
		want           bool
	}{
		{"a", "one", true},
		{"a", "two", true},
		{"a", "hashed", true},
		{"a", "three", false},
		{"a", "", false},
		{"b", "x", false},
		{"c", "", true},
		{"c", "any", true},
		{"d", "", false},
		{"e", "x", false},
		{"f", "", false},
		{"g", "y", true},
		{"g", "z", false},
		{"", "", false},
		{"none", "", false},
		{"default", "", false},
	} {
		if got := us.Login([]byte(tt.name), []byte(tt.password)) != nil; got != tt.want {
			t.Errorf("Login(%q, %q) = %v, want %v", tt.name, tt.password, got, tt.want)
		}
	}
}

// TestDefault: where no line names the default user, it has the pool's password, or nobody can be it.
func TestDefault(t *testing.T) {
	us, _ := Parse(few{}, []string{"a on nopass"}, "secret")
	if u := us.Login([]byte("default"), []byte("secret")); u == nil || u != us.Begin() || u.Restricted() || u.Open() {
		t.Errorf("with a password default is %+v", us.Begin())
	}
	us = parse(t, "a on nopass")
	if u := us.Begin(); u.On() || u.Open() || !u.Restricted() || u.Judge(ask("get", "r:a")).Reason != Command {
		t.Errorf("without one default is %+v", u)
	}
	if lines := us.Lines(); len(lines) != 1 {
		t.Errorf("Lines = %q", lines)
	}
	if us = parse(t, "default on nopass ~* &* +@all"); !us.Begin().Open() || us.Begin().Restricted() || len(us.Lines()) != 1 {
		t.Errorf("named, it is %+v", us.Begin())
	}
}

func TestWrong(t *testing.T) {
	for line, want := range map[string]string{
		"":                              "has no name",
		"u foo":                         "word 2, '(masked)': " + errSyntax,
		"u +foo":                        "word 2, '+(masked)': " + errUnknown,
		"u -foo|bar":                    "word 2, '-(masked)': " + errUnknown,
		"u +get|":                       "word 2, '+(masked)': " + errSyntax,
		"u +config|get|x":               "word 2, '+(masked)': " + errFirstArg,
		"u +config|nope":                "word 2, '+(masked)': " + errUnknown,
		"u +@nope":                      "word 2, '+(masked)': " + errUnknown,
		"u ~* ~a":                       "word 3, '~(masked)': " + errAllKeys,
		"u &* &a":                       "word 3, '&(masked)': " + errAllChans,
		"u <x":                          "word 2, '<(masked)': " + errNoPass,
		"u #abc":                        "word 2, '#(masked)': " + errHash,
		"u #" + strings.Repeat("A", 64): "word 2, '#(masked)': " + errHash,
		"u %X~a":                        "word 2, '%(masked)': " + errSyntax,
		"u %RR~a":                       "word 2, '%(masked)': " + errSyntax,
		"u (+get":                       "word 2, '((masked)': " + errUnmatched,
		"u (+foo)":                      "word 2, '((masked)': " + errUnknown,
		"u (on)":                        "word 2, '((masked)': " + errSyntax,
		"u db=x":                        "word 2, 'db=(masked)': is not a number of a database",
		"u readonly=1":                  "word 2, '(masked)': " + errSyntax,
		"u cert=x":                      "word 2, 'cert=(masked)': is not CN:name, SAN:name or SPIFFE:uri",
		"default db=3":                  "has db=, which is not for the default user: its database is the pool's",
		">x on":                         "does not begin with a name",
		"#x on":                         "does not begin with a name",
	} {
		us, wrong := Parse(few{}, []string{"other on", line}, "")
		if len(wrong) != 1 || wrong[0].Error() != "line 2: "+want {
			t.Errorf("%q: %v, want line 2: %s", line, wrong, want)
		}
		if us.Find("u") != nil {
			t.Errorf("%q: there is such a user", line)
		}
	}
	if _, wrong := Parse(few{}, []string{"a on", "a off"}, ""); len(wrong) != 1 {
		t.Errorf("the same name twice: %v", wrong)
	}
	if _, wrong := Parse(few{}, []string{"a cert=CN:x", "b cert=CN:x"}, ""); len(wrong) != 1 || wrong[0].Line != 1 {
		t.Errorf("the same certificate twice: %v", wrong)
	}
}

func TestKnown(t *testing.T) {
	us := parse(t, "web on cert=CN:web.example cert=SAN:WWW.example.org", "job on cert=SPIFFE:spiffe://prod/job", "old off cert=CN:old", "bill on cert=SPIFFE:prod/bill")
	for _, tt := range []struct {
		cn, sans, want string
	}{
		{"web.example", "", "web"},
		{"Web.example", "", ""},
		{"", "www.EXAMPLE.org", "web"},
		{"", "other.example spiffe://prod/job", "job"},
		{"web.example", "spiffe://prod/job", "job"},
		{"", "spiffe://prod/bill", "bill"},
		{"", "spiffe://prod/bill/x", ""},
		{"old", "", ""},
		{"", "", ""},
		{"job", "prod/job", ""},
	} {
		got := ""
		if u := us.Known(&Certificate{tt.cn, strings.Fields(tt.sans)}, ""); u != nil {
			got = u.Name
		}
		if got != tt.want {
			t.Errorf("Known(%q, %q) = %q, want %q", tt.cn, tt.sans, got, tt.want)
		}
	}
}

// TestText: what is told of a user makes the same user, but for its passwords, which are masked.
func TestText(t *testing.T) {
	for _, rules := range []string{
		"on nopass ~* &* +@all", "off", "on >secret ~a %R~b* %W~c &x &y* +get -@write", "on +@all -get skip-sanitize-payload",
		"on >a >b +get (+set ~x) (~* +@read) readonly db=3 cert=CN:x cert=SPIFFE:spiffe://a/b", "on +get|a ~{x}*",
	} {
		u := parse(t, "u "+rules).Find("u")
		again := parse(t, u.ConfigLine()).Find("u")
		if !u.SameRights(again) || u.ConfigLine() != again.ConfigLine() && u.Passwords() < 2 {
			t.Errorf("%s: %s becomes %s", rules, u.ConfigLine(), again.ConfigLine())
		}
		if text := u.Line() + u.ConfigLine() + fmt.Sprint(u.Parts()); strings.Contains(text, "secret") {
			t.Errorf("%s: a password is told: %s", rules, text)
		}
	}
	if a, b := parse(t, "u on +get ~a").Find("u"), parse(t, "u off >x ~a +get").Find("u"); !a.SameRights(b) {
		t.Error("a password or being off is no right")
	}
	if a, b := parse(t, "u on +get ~a").Find("u"), parse(t, "u on +get ~b").Find("u"); a.SameRights(b) {
		t.Error("other keys are the same rights")
	}
}

// FuzzParse: no line makes the parser fail, and what it takes says what it may in words that it takes again.
func FuzzParse(f *testing.F) {
	f.Add("u on >x ~a:* %R~b &c +@read -get (~x +set) readonly db=1 cert=CN:x")
	f.Add("default on nopass ~* &* +@all")
	f.Add("u #" + strings.Repeat("0a", 32) + " ( (a) ) resetkeys")
	f.Fuzz(func(t *testing.T, line string) {
		us, wrong := Parse(few{}, []string{line}, "")
		if len(wrong) > 0 || strings.Contains(line, "))") { // a pattern that ends in ')' ends its selector in the text, with Redis too
			return
		}
		for _, name := range us.Names() {
			u := us.Find(name)
			again, wrong := Parse(few{}, []string{u.ConfigLine()}, "")
			if len(wrong) > 0 || !again.Find(name).SameRights(u) {
				t.Fatalf("%q becomes %q: %v", line, u.ConfigLine(), wrong)
			}
			q := ask("set", "rw:a", "r:b")
			if !u.Restricted() && u.Judge(q).Reason != Allowed {
				t.Fatalf("%q is not restricted, and denied", line)
			}
		}
	})
}

// TestKnownByAddress: the narrowest network decides, if its user is on; a certificate goes before.
func TestKnownByAddress(t *testing.T) {
	us := parse(t, "wide on address=10.0.0.0/8 address=2001:db8::/32", "narrow on address=10.1.0.0/16 cert=CN:n", "one on address=10.1.2.3 address=2001:db8::1/128", "gone off address=10.9.0.0/16", "sock on address=unix")
	for addr, want := range map[string]string{
		"10.2.0.1:5": "wide", "10.1.0.1:5": "narrow", "10.1.2.3:5": "one", "[::ffff:10.1.2.3]:5": "one", "10.9.1.1:5": "", "192.0.2.1:5": "", "[2001:db8::1]:5": "one",
		"[2001:db8::2]:5": "wide", "[2001:db8::2%eth0]:5": "wide", "unix": "sock", "": "", "client": "",
	} {
		got := ""
		if u := us.Known(nil, addr); u != nil {
			got = u.Name
		}
		if got != want {
			t.Errorf("from %s: %q, want %q", addr, got, want)
		}
	}
	if u := us.Known(&Certificate{CommonName: "n"}, "10.1.2.3:5"); u == nil || u.Name != "narrow" {
		t.Errorf("with a certificate: %v", u)
	}
	for _, wrong := range [][]string{
		{"a address=10.0.0.0/8", "b address=10.1.2.3/8"}, {"a address=unix", "b address=unix"}, {"a address=x"}, {"a address="}, {"a address=10.0.0.0/33"}, {"default address=10.0.0.0/8"}, {"a address=fe80::1%eth0"}, {"a address=::ffff:10.0.0.1"},
	} {
		if _, errs := Parse(few{}, wrong, ""); len(errs) != 1 {
			t.Errorf("%q: %v", wrong, errs)
		}
	}
}
