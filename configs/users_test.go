package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cashew/codec/acl"
)

// hash is the SHA-256 of "password".
const hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

// usersIn returns the users of a file with the pool p and these lines.
func usersIn(t *testing.T, lines ...string) *acl.Users {
	t.Helper()
	f, err := parse(testFile, []byte(pool1(lines...)), testLookup)
	if err != nil {
		t.Fatalf("%q: %v", lines, err)
	}
	return f.Options.Pools[0].Protocol.Users()
}

// TestUsersHash: however the hash of a password is written, the user has that password, and no other and not none.
func TestUsersHash(t *testing.T) {
	for _, line := range []string{
		"- a on #" + hash + " ~a* +get",
		"- a on #" + hash + " ~a* +get # a comment",
		"- a on  #" + hash + "   ~a*\t+get",
		"- a on #" + hash + " ~a* +get  ",
		"- \"a on #" + hash + " ~a* +get\"",
		"- 'a on #" + hash + " ~a* +get' # a comment #x",
		"- a on ~a* +get #" + hash,
		"- a on >password ~a* +get",
		"- a ~a* +get on #" + hash + " # #x",
		"- a on ~a* +get #" + hash + " #" + strings.Repeat("0", 64),
	} {
		us := usersIn(t, "redis: true", "users:", "  "+line)
		u := us.Login([]byte("a"), []byte("password"))
		if u == nil || us.Login([]byte("a"), nil) != nil || us.Login([]byte("a"), []byte("x")) != nil {
			t.Errorf("%s: the user is %v", line, us.Lines())
			continue
		}
		if part := u.Parts()[0]; part.Keys != "~a*" || part.Commands != "-@all +get" {
			t.Errorf("%s: it may do %+v", line, part)
		}
	}
}

// TestUsersComment: what is plainly a comment is none of the user's rules.
func TestUsersComment(t *testing.T) {
	us := usersIn(t, "redis: true", "users:", "  - a on nopass ~* # +get", "  - b on nopass # of >x # y", "  # - c on nopass")
	if u := us.Find("a"); u == nil || u.Parts()[0].Commands != "-@all" || us.Find("b") == nil || us.Find("c") != nil || us.Find("b").Passwords() != 0 {
		t.Errorf("users are %q", us.Lines())
	}
}

func TestUsersWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	for _, tt := range []struct {
		name  string
		file  string // the aclfile's text
		lines []string
		want  string // the problem, from its line on
	}{
		{"a hash too short", "", []string{"redis: true", "users:", "  - a on nopass #5e88"}, `5: pool p: users: has a '#' that begins neither`},
		{"a hash in capitals", "", []string{"redis: true", "users:", "  - a on #" + strings.ToUpper(hash)}, `5: pool p: users: has a '#' that begins neither`},
		{"a comment behind a hash without a space", "", []string{"redis: true", "users:", "  - a on #" + hash + " #x"}, `5: pool p: users: has a '#' that begins neither`},
		{"two lines", "", []string{"redis: true", "users:", "  - a on", "    >x"}, `5: pool p: users: goes on behind its line`},
		{"two lines and a hash", "", []string{"redis: true", "users:", "  - a on", "    ~x #" + hash}, `5: pool p: users: goes on behind its line`},
		{"a quoted hash too short", "", []string{"redis: true", "users:", `  - "a on #5e88"`}, `5: pool p: users: word 3, "#(masked)": The password hash must be`},
		{"unknown command", "", []string{"redis: true", "users:", "  - a on +nope"}, `5: pool p: users: word 3, "+(masked)": Unknown command or category name in ACL`},
		{"unknown subcommand", "", []string{"redis: true", "users:", "  - a on -config|nope"}, `5: pool p: users: word 3, "-(masked)": Unknown command`},
		{"twice", "", []string{"redis: true", "users:", "  - a on", "  - a off"}, `6: pool p: users: Duplicate user found`},
		{"both", "user a on\n", []string{"redis: true", "users:", "  - a on", "aclfile: " + file}, `6: pool p: aclfile: directives "users:" (line 5) and "aclfile:" exclude each other`},
		{"a database that there is not", "", []string{"redis: true", "databases: 4", "users:", "  - a on db=4"}, `6: pool p: databases: do not have 4, in which a user begins`},
		{"the same, by name", "", []string{"redis: true", "databases: 4", "users:", "  - a on >x db=4"}, `6: pool p: databases: do not have 4, in which user 'a' begins`},
		{"a database that a cluster has not", "", []string{"redis: true", "cluster: true", "users:", "  - a on >x db=4"}, `6: pool p: users: user 'a' begins in database 4, and a cluster has database 0 alone`},
		{"the same in a file", "user b on db=0\nuser a on >x db=4\n", []string{"redis: true", "cluster: true", "aclfile: " + file}, `5: pool p: aclfile: user 'a' begins in database 4, and a cluster has database 0 alone`},
		{"a list", "", []string{"redis: true", "users: a on >5e88"}, `4: pool p: users: missing sequence directive`},
		{"no file", "", []string{"redis: true", "aclfile: /none/users.acl"}, `4: pool p: aclfile: "/none/users.acl" can't be read: no such file or directory`},
		{"a folder", "", []string{"redis: true", "aclfile: /"}, `4: pool p: aclfile: "/" can't be read: it is no regular file`},
		{"no user keyword", "# x\n\nalice on\n", []string{"redis: true", "aclfile: " + file}, `4: pool p: aclfile: "` + file + `" line 3 should start with user keyword`},
		{"a mistake in the file", "user a on\nuser b +nope\n", []string{"redis: true", "aclfile: " + file}, `4: pool p: aclfile: line 2 of ` + file + `: word 2, "+(masked)": Unknown command`},
		{"a rule of memcached", "", []string{"users:", "  - a on >x ~k*"}, `4: pool p: users: word 4, "~(masked)": is not for a memcached pool`},
		{"a command of memcached", "", []string{"users:", "  - a on >x +get"}, `4: pool p: users: word 4, "+(masked)": is not for a memcached pool`},
	} {
		if tt.file != "" {
			if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := parse(testFile, []byte(pool1(tt.lines...)), testLookup)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "5e88") {
			t.Errorf("%s: the error tells of a password: %v", tt.name, err)
		}
	}
}

// TestACLFile: users stand in a file like Redis's, which is found beside the configuration.
func TestACLFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "users.acl"), []byte("# people\nuser default off\n\nuser a on #"+hash+" ~* &* +@all\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "c.yml")
	if err := os.WriteFile(conf, []byte(pool1("redis: true", "redis_auth: secret", "aclfile: users.acl")), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(conf)
	if err != nil {
		t.Fatal(err)
	}
	us := f.Options.Pools[0].Protocol.Users()
	if us.Login([]byte("a"), []byte("password")) == nil || us.Login([]byte("default"), []byte("secret")) != nil || us.Find("a").Restricted() {
		t.Errorf("users are %q", us.Lines())
	}
	if all := Effective(&f.Options)["p"].(Section); all["aclfile"] != "users.acl" || all["users"] != nil || all["redis_auth"] != masked {
		t.Errorf("Effective = %v", all)
	}
}

// TestUsersDefault: who clients are that do not say so.
func TestUsersDefault(t *testing.T) {
	for _, tt := range []struct {
		lines    []string
		on, open bool
		password string // that lets default in; "": none does
	}{
		{[]string{"redis_auth: secret", "users:", "  - a on"}, true, false, "secret"},
		{[]string{"users:", "  - a on"}, false, false, ""},
		{[]string{"users:", "  - default on nopass ~* &* +@all"}, true, true, "x"},
		{[]string{"redis_auth: secret", "users:", "  - default on >other"}, true, false, "other"},
	} {
		u := usersIn(t, append([]string{"redis: true"}, tt.lines...)...)
		if b := u.Begin(); b.On() != tt.on || b.Open() != tt.open || (u.Login([]byte("default"), []byte(tt.password)) != nil) != (tt.password != "") {
			t.Errorf("%q: default is on: %v, open: %v", tt.lines, b.On(), b.Open())
		}
	}
	if us := usersIn(t, "redis: true"); us != nil {
		t.Errorf("without users there are %q", us.Lines())
	}
}

// TestUsersShown: no secret is in the settings in force.
func TestUsersShown(t *testing.T) {
	f := mustParse(t, pool1("redis: true", "users:", "  - a on >hunter2 #"+hash+" ~a* +get"))
	lines := Effective(&f.Options)["p"].(Section)["users"].([]string)
	if len(lines) != 1 || lines[0] != "a on >(masked) >(masked) ~a* resetchannels -@all +get" {
		t.Errorf("users = %q", lines)
	}
}
