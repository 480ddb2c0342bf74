package configs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cashew/engine"

	"gopkg.in/yaml.v3"
)

// secretForms are how a value may stand in YAML, S being a secret, KEY its key and \n a line of the section.
var secretForms = []string{
	"KEY: S\nKEY: S", "KEY: [S]", "KEY: {a: S}", "KEY: {S: a}", "KEY:\n  - S", "KEY:\n  S: x", "KEY:\n  x: S", "KEY: &S x", "KEY: &a S", "KEY: *S", "KEY: !S x",
	"KEY: !!binary S", "KEY: !!int S", "KEY: <<S", "<<: S", "<<: {KEY: S}", "<<: *S", "<<: [*S]", "KEY: |\n  S\n  S", "KEY: |\n  x\n  S", "KEY: >\n  S\n\n  S",
	"KEY: |-\n  S\n\n  x", "KEY: \"S\\r\"", "KEY: \"S\\nx\"", "KEY: \"x\\nS\"", "KEY: \"S\\0\"", "KEY: \"S\\q\"", "KEY: \"S", "KEY: 'S", "KEY: 'S' x", "KEY: \"S\" x", "KEY: S: x",
	"KEY: S\n  S", "KEY: S\n S: x", "KEY: S\n\tS: x", "\tKEY: S", "KEY:S", "KEY=S", "KEY = S", "KEY S", "KEY S: x", "KEY\tS: x", "\"KEY\\nS\": x", "\"KEY=S\": x", "? KEY S\n: x",
	"? |\n  KEY\n  S\n: x", "KEYs: S", "KEYS: x", "xKEY: S", "KEY: %S", "KEY: @S", "KEY: `S`", "- KEY: S", "KEY: >S", "KEY: |S", "KEY: ? S", "KEY: - S", "KEY: }S", "KEY: \xff S", "KEY: \u0000S",
	"KEY: \"S\x01\"", "KEY: \"S\" # S\nKEY: x", "KEY: S\nlisten", "KEY: S\n bad: x", "KEY: S\n%S", "KEY: S\n---\nS: x", "KEY: !<S> x", "KEY: !e!S x", "KEY: S, S: [", "KEY_file: S\nKEY_env: S",
	"KEY_file: S", "KEY_env: S", "KEY_file: |\n  S\n  S", "KEY_env: \"S\\nS\"", "KEY_file: /S", "KEY_file: nowhere/S", "KEY_file: S/x", "KEY_file: [S]", "KEY_filE: S",
}

// TestSecretsOfKeys: whichever way a secret stands in YAML, no mistake and no warning has it.
func TestSecretsOfKeys(t *testing.T) {
	pool := newPool(&yaml.Node{Value: "p"})
	global := engine.DefaultOptions()
	n := 0
	for _, k := range slices.Concat(pool.keys(testLookup), globalKeys(&global)) {
		if !secretNames.MatchString(k.name) {
			continue // not by k.isSecret, which may be forgotten
		}
		n++
		isGlobal := hasName(globalKeys(&global), k.name)
		for _, form := range secretForms {
			const s = "Zq9SeCrEt"
			lines := strings.Split(strings.NewReplacer("KEY", k.name, "S", s).Replace(form), "\n")
			file := pool1(append([]string{"redis: true"}, lines...)...)
			if isGlobal {
				file = "global:\n" + indented(lines) + pool1()
			}
			if said := allSaid(file); strings.Contains(said, s) {
				t.Errorf("%s\n%s", file, said)
			}
		}
	}
	if n != 25 {
		t.Errorf("%d keys are secrets: are they all?", n)
	}
}

// secretNames are the keys that are secrets, or have some.
var secretNames = regexp.MustCompile(`password|token|_auth(_file|_env)?$|username_|^users$`)

// TestMisplacedSecrets: what looks like a password stands in no mistake, under whichever key it is by mistake, at the end of lines that
// are right, or as a pool.
func TestMisplacedSecrets(t *testing.T) {
	const s = "Zq9SeCrEt"
	hash := strings.Repeat("0123456789abcdef", 4)
	pool := newPool(&yaml.Node{Value: "p"})
	global := engine.DefaultOptions()
	right := map[string]string{
		"servers": "127.0.0.1:1:1", "limits": "a requests=1", "commands": "+get", "allow_from": "10.0.0.0/8", "users": "a on", "hash": "md5", "listen": "127.0.0.1:2",
		"server_auth": "127.0.0.1:6379:1 default", "audit_events": "logins", "tls_protocols": "TLSv1.2", "tls_ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256",
	}
	for _, k := range slices.Concat(pool.keys(testLookup), globalKeys(&global)) {
		for _, what := range []string{
			">S", "<S", "#S", "!S", "x=>S", "\"a >S S\"", ">>S", "->S", "user=>S requests=1", "pass=S", "password: S", "password S >S", "redis_auth=S", "AUTH: S", "redis://u:S@h:1", "redis://:S@h:1:1",
			"u:S@h", hash, "#" + hash, "a\n>S", "a\nS", "\n-----BEGIN PRIVATE KEY-----\nS", "-----BEGIN PRIVATE KEY----- S", "token:S", "auth_token = S", "user a on >S ~*",
		} {
			what = strings.ReplaceAll(what, "S", s)
			for _, value := range []string{what, strings.TrimSpace(right[k.name] + " " + what)} {
				node := yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: value}
				text, err := yaml.Marshal(&node)
				if err != nil {
					t.Fatal(err)
				}
				line := k.name + ": " + strings.TrimSpace(string(text))
				if k.isList {
					line = k.name + ":\n    - " + strings.TrimSpace(string(text))
				}
				file := "p:\n  redis: true\n  " + line + "\n"
				switch {
				case hasName(globalKeys(&global), k.name):
					file = "global:\n  " + line + "\n" + pool1()
				case k.name != "listen" && k.name != "servers":
					file = pool1("redis: true", line)
				}
				if said := allSaid(file); strings.Contains(said, s) || strings.Contains(said, hash) {
					t.Errorf("%s\n%s", file, said)
				}
			}
		}
	}
	for _, file := range []string{
		pool1() + "'>" + s + "': x\n", pool1() + "redis_auth=" + s + ":\n  listen: x\n", pool1() + "password " + s + ":\n", pool1() + "'p >" + s + "':\n  listen: x\n" + "'p >" + s + "':\n  listen: x\n",
		pool1("limits:\n    - 'a user=>" + s + " requests=1'"), pool1("limits:\n    - '>" + s + " requests=1'\n    - '>" + s + " requests=1'"),
		"p:\n  listen: 127.0.0.1:1\n  servers:\n    - 127.0.0.1:1:1 >" + s + "\n    - 127.0.0.1:2:1 >" + s + "\n",
	} {
		if said := allSaid(file); said == "" || strings.Contains(said, s) {
			t.Errorf("%s\n%s", file, said)
		}
	}
}

// TestShownPlainly: what is plainly no password is repeated.
func TestShownPlainly(t *testing.T) {
	for _, s := range []string{"127.0.0.1:1:1 a", "::1:22121", "fnv3", "+@all -@dangerous +client|kill", "a user=b prefix=sess: request=20k", "/run/secrets/redis-password", "10.0.0.1/8", "a#b", "{}", "{", "~"} {
		if got := withoutPasswords(s); got != s {
			t.Errorf("%q is shown as %q", s, got)
		}
	}
}

func hasName(keys []key, name string) bool {
	return slices.ContainsFunc(keys, func(k key) bool { return k.name == name })
}

// allSaid are the mistakes and warnings of a file.
func allSaid(file string) string {
	f, err := parse(testFile, []byte(file), testLookup)
	if err != nil {
		return err.Error()
	}
	return strings.Join(f.Warnings, "\n")
}

// TestSecretPaths: the path of a secret's file is told where it can only be one.
func TestSecretPaths(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/two", []byte("Zq9\nSeCrEt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, shown := range map[string]bool{dir + "/none": true, dir + "/two": true, "/none": false, "no/such=": false, "none": false} {
		said := allSaid(pool1("redis: true", "server_password_file: "+path))
		if strings.Contains(said, path) != shown || said == "" || strings.Contains(said, "SeCrEt") {
			t.Errorf("%s: %s", path, said)
		}
	}
}
