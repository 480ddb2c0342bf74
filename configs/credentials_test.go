package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
)

// secretPool is a pool of three servers with those lines.
func secretPool(lines ...string) string {
	return "p:\n  listen: 127.0.0.1:1\n  redis: true\n  " + strings.Join(lines, "\n  ") +
		"\n  servers:\n    - 127.0.0.1:2:1 a\n    - 127.0.0.1:3:1 b\n    - /tmp/r.sock:1\n"
}

// writeSecret writes a file of that mode, whatever the umask.
func writeSecret(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestCredentials: what servers get, by name.
func TestCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	writeSecret(t, path, "from-a-file\r\n", 0o600)
	t.Setenv("CASHEW_TEST_SECRET", "from the environment")
	one := func(words ...string) string { return fmt.Sprint(words) }
	for _, c := range []struct {
		name              string
		lines             []string
		guarded           bool
		rest, b, atSocket string
	}{
		{name: "nothing"},
		{"redis_auth alone", []string{"redis_auth: x"}, true, one("AUTH", "x"), one("AUTH", "x"), one("AUTH", "x")},
		{"another for servers", []string{"redis_auth: x", "server_password: y"}, true, one("AUTH", "y"), one("AUTH", "y"), one("AUTH", "y")},
		{"for servers alone", []string{"server_password: y"}, false, one("AUTH", "y"), one("AUTH", "y"), one("AUTH", "y")},
		{
			"a user, and the clients' password",
			[]string{"redis_auth: x", "server_username: u"},
			true,
			one("AUTH", "u", "x"), one("AUTH", "u", "x"), one("AUTH", "u", "x"),
		},
		{
			"the default user",
			[]string{"server_username: default", "server_password: y"},
			false,
			one("AUTH", "y"), one("AUTH", "y"), one("AUTH", "y"),
		},
		{
			"files",
			[]string{"redis_auth_file: " + path, "server_username_file: " + path, "server_password_file: " + path},
			true,
			one("AUTH", "from-a-file", "from-a-file"), one("AUTH", "from-a-file", "from-a-file"), one("AUTH", "from-a-file", "from-a-file"),
		},
		{
			"environment",
			[]string{"redis_auth_env: CASHEW_TEST_SECRET", "server_username: u"},
			true,
			one("AUTH", "u", "from the environment"), one("AUTH", "u", "from the environment"), one("AUTH", "u", "from the environment"),
		},
		{"no expansion", []string{"redis_auth: ${HOME}"}, true, one("AUTH", "${HOME}"), one("AUTH", "${HOME}"), one("AUTH", "${HOME}")},
		{
			"by server", []string{
				"server_password: y", "server_auth:", "  - b bob >a  b", "  - /tmp/r.sock   eve file:" + path,
			}, false, one("AUTH", "y"), one("AUTH", "bob", "a  b"), one("AUTH", "eve", "from-a-file"),
		},
		{
			"by address", []string{"server_auth:", "  - 127.0.0.1:3 default env:CASHEW_TEST_SECRET"}, false, "", one("AUTH", "from the environment"), "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustParse(t, secretPool(c.lines...)).Options.Pools[0].Protocol
			if p.Guarded() != c.guarded {
				t.Errorf("clients have to log in: %v", p.Guarded())
			}
			for server, want := range map[string]string{"a": c.rest, "b": c.b, "/tmp/r.sock:": c.atSocket} {
				got := ""
				for _, step := range p.Handshake(codec.Login{Server: server}, 0, 0) {
					got += fmt.Sprint(words(string(step)))
				}
				if got != want {
					t.Errorf("%s gets %s; want %s", server, got, want)
				}
			}
		})
	}
}

// words are a command's arguments.
func words(frame string) (words []string) {
	for i, line := range strings.Split(frame, "\r\n") {
		if i > 0 && i%2 == 0 {
			words = append(words, line)
		}
	}
	return words
}

// TestWrongCredentials: what is wrong is said, with its line and without the secret.
func TestWrongCredentials(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "\n", "lines": "a\nb\n", "nul": "a\x00", "long": strings.Repeat("a", maxSecret+1)} {
		writeSecret(t, filepath.Join(dir, name), text, 0o600)
	}
	t.Setenv("CASHEW_TEST_EMPTY", "")
	t.Setenv("CASHEW_TEST_LINES", "x1\nx2")
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"redis_auth_file: DIR/none"}, `4: pool p: redis_auth_file: file "DIR/none" can't be used: no such file or directory; expected the path of a file that holds a password`},
		{[]string{"redis_auth_file: DIR"}, `4: pool p: redis_auth_file: file "DIR" can't be used: it is no regular file; expected the path of a file that holds a password`},
		{[]string{"redis_auth_file: DIR/empty"}, `4: pool p: redis_auth_file: file "DIR/empty" can't be used: it is empty; expected the path of a file that holds a password`},
		{[]string{"redis_auth_file: DIR/lines"}, `4: pool p: redis_auth_file: file "DIR/lines" can't be used: it has more than one line; expected the path of a file that holds a password`},
		{[]string{"redis_auth_file: DIR/nul"}, `4: pool p: redis_auth_file: file "DIR/nul" can't be used: it has a NUL byte; expected the path of a file that holds a password`},
		{[]string{"redis_auth_file: DIR/long"}, `4: pool p: redis_auth_file: file "DIR/long" can't be used: it has more than 65536 bytes; expected the path of a file that holds a password`},
		{[]string{"server_password_env: CASHEW_TEST_NONE"}, `4: pool p: server_password_env: the environment has no such variable; expected the name of an environment variable that holds a password`},
		{[]string{"server_password_env: CASHEW_TEST_EMPTY"}, `4: pool p: server_password_env: the variable is empty; expected the name of an environment variable that holds a password`},
		{[]string{"redis_auth: x", "redis_auth_env: HOME"}, `5: pool p: redis_auth_env: is given by redis_auth already`},
		{[]string{"redis_auth: |", "  x1", "  x2"}, `4: pool p: redis_auth: has more than one line; expected a password`},
		{[]string{"redis_auth: |+", "  x1", ""}, `4: pool p: redis_auth: has more than one line; expected a password`},
		{[]string{`server_password: "x1\rx2"`}, `4: pool p: server_password: has more than one line; expected a password`},
		{[]string{`server_username: "\n"`, "redis_auth: x"}, `4: pool p: server_username: "\n" is empty; expected a user`},
		{[]string{"server_auth:", `  - "b bob >x1\nx2"`}, `5: pool p: server_auth: has more than one line; expected ` + wantAuth},
		{[]string{"server_password_env: CASHEW_TEST_LINES"}, `4: pool p: server_password_env: the variable has more than one line; expected the name of an environment variable that holds a password`},
		{[]string{"server_username: u"}, `4: pool p: server_username: has no password; expected server_password, server_password_file or server_password_env beside it`},
		{[]string{"server_username: u v", "redis_auth: x"}, `4: pool p: server_username: is a user with a space in it`},
		{[]string{"server_auth:", "  - b bob"}, `5: pool p: server_auth: is not a server, a user and a password; expected ` + wantAuth},
		{[]string{"server_auth:", "  - b bob >"}, `5: pool p: server_auth: does not say where the password is; expected ` + wantAuth},
		{[]string{"server_auth:", "  - b bob secret"}, `5: pool p: server_auth: does not say where the password is; expected ` + wantAuth},
		{[]string{"server_auth:", "  - b bob file:DIR/none"}, `5: pool p: server_auth: file "DIR/none" can't be used: no such file or directory; expected ` + wantAuth},
		{[]string{"server_auth:", "  - 127.0.0.1:4 bob >x"}, `5: pool p: server_auth: "127.0.0.1:4" is no server of the pool; did you mean "127.0.0.1:2"?`},
		{[]string{"server_auth:", "  - b bob >x", "  - 127.0.0.1:3 bob >x"}, `6: pool p: server_auth: "127.0.0.1:3" is there twice`},
		{[]string{"server_auth: b bob >x"}, `4: pool p: server_auth: ` + reasonNoList + `; expected a list, each line "- " and ` + wantAuth},
	} {
		text := strings.ReplaceAll(secretPool(c.lines...), "DIR", dir)
		_, err := Parse("f", []byte(text))
		if err == nil {
			t.Errorf("%q is taken", c.lines)
			continue
		}
		if diff := cmp.Diff("configs: f:"+strings.ReplaceAll(c.want, "DIR", dir), err.Error()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.lines, diff)
		}
	}
}

// TestCredentialsOfMemcached: none of these keys is taken in a pool of memcached servers.
func TestCredentialsOfMemcached(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	writeSecret(t, path, "x", 0o600)
	t.Setenv("CASHEW_TEST_SECRET", "x")
	for _, name := range []string{"redis_auth", "server_username", "server_password"} {
		for i, value := range []string{"x", path, "CASHEW_TEST_SECRET"} {
			key := waysOf(name)[i]
			_, err := Parse("f", []byte(strings.Replace(secretPool(key+": "+value), "redis: true", "redis: false", 1)))
			if err == nil || !strings.Contains(err.Error(), key+`:" is only valid for a redis pool`) {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

// TestSecretFiles: a file that everybody may read is warned of, and one that was replaced, written or removed looks otherwise.
func TestSecretFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	text := secretPool("server_password_file: " + path)
	writeSecret(t, path, "one", 0o640)
	f := mustParse(t, text)
	if len(f.Warnings) != 0 || f.Look() == "" || f.Look() != f.Looked() {
		t.Errorf("warnings %q, looks %q, and looked %q", f.Warnings, f.Look(), f.Looked())
	}
	looks := []string{f.Look()}
	for _, change := range []func(){
		func() { writeSecret(t, path, "another", 0o640) },
		func() {
			writeSecret(t, path+".new", "replace", 0o640)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		},
		func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		change()
		if slices.Contains(looks, f.Look()) {
			t.Errorf("it looks as before: %q", f.Look())
		}
		looks = append(looks, f.Look())
	}
	writeSecret(t, path, "two\n", 0o644)
	f, err := f.Again()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("configs: test.yml:1: pool p: %q holds a secret, and everybody may read it; expected chmod o-r", path)
	if len(f.Warnings) != 1 || f.Warnings[0] != want {
		t.Errorf("warnings %q; want %q", f.Warnings, want)
	}
	if got := words(string(f.Options.Pools[0].Protocol.Handshake(codec.Login{}, 0, 0)[0])); got[1] != "two" {
		t.Errorf("servers get %q", got)
	}
	if f := mustParse(t, secretPool("redis_auth: x")); f.Look() != "" {
		t.Errorf("without files: %q", f.Look())
	}
}

// TestAgainUsers: where secrets are read anew, who edits the users meanwhile is not overtaken: that waits for a reload.
func TestAgainUsers(t *testing.T) {
	dir := t.TempDir()
	users, secret := filepath.Join(dir, "users.acl"), filepath.Join(dir, "secret")
	writeSecret(t, users, "user a on >a ~* +@all\n", 0o600)
	writeSecret(t, secret, "one", 0o600)
	text := secretPool("aclfile: "+users, "server_password_file: "+secret)
	f := mustParse(t, text)
	writeSecret(t, users, "user b on >b ~* +@all\nuser c on >", 0o600)
	writeSecret(t, secret, "two", 0o600)
	f, err := f.Again()
	if err != nil {
		t.Fatal(err)
	}
	p := f.Options.Pools[0].Protocol
	if got := words(string(p.Handshake(codec.Login{}, 0, 0)[0])); got[1] != "two" || p.Users().Find("a") == nil {
		t.Errorf("servers get %q, users are %q", got, p.Users().Names())
	}
	if got := mustParse(t, text).Options.Pools[0].Protocol.Users(); got.Find("b") == nil {
		t.Errorf("after a reload users are %q", got.Names())
	}
}

// TestBlockSecrets: the end of a line is no part of a secret, wherever that stands.
func TestBlockSecrets(t *testing.T) {
	t.Setenv("CASHEW_TEST_SECRET", "secret\n")
	path := filepath.Join(t.TempDir(), "secret")
	writeSecret(t, path, "secret\n", 0o600)
	for _, lines := range [][]string{
		{"server_password: |", "  secret"},
		{"server_password: >", "  secret"},
		{"server_password: |-", "  secret"},
		{`server_password: "secret\n"`},
		{"server_password_env: |", "  CASHEW_TEST_SECRET"},
		{"server_password_file: |", "  " + path},
		{"server_auth:", "  - |", "    a default >secret"},
		{"redis_auth: |", "  secret"},
	} {
		p := mustParse(t, secretPool(lines...)).Options.Pools[0].Protocol
		if steps := p.Handshake(codec.Login{Server: "a"}, 0, 0); len(steps) != 1 || fmt.Sprint(words(string(steps[0]))) != "[AUTH secret]" {
			t.Errorf("%q: %q", lines, steps)
		}
	}
	f := mustParse(t, "global:\n  admin_token: |\n    secret\n"+secretPool())
	if f.Options.AdminToken != "secret" {
		t.Errorf("the token is %q", f.Options.AdminToken)
	}
}
