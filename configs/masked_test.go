package configs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestUsersSecrets: whatever a line of users looks like in which a password stands, no mistake has it.
func TestUsersSecrets(t *testing.T) {
	for _, line := range []string{
		"- alice on (>hunter2 +get)", "- alice on > hunter2", "- alice on hunter2 ~*", `- alice on ">hunter2 x" ~*`, "- alice on pass=hunter2",
		"- alice on password hunter2", "- alice on +>hunter2", "- alice on (+get >hunter2", "- alice on >>hunter2 x", "- alice on ~* >hunter2 bogus",
		"- alice on cert=hunter2", "- alice:hunter2 bogus", "- alice on (+get ~x) (>hunter2)", "- alice on #hunter2hunter2", "- alice on <hunter2", "- alice on !hunter2",
		"- alice on >hunter2 : x", "- alice: on >hunter2", "- alice on >hunter2: x", "- alice on '>hunter2'", `- "alice on '>hunter2'"`, "- alice on &* &>hunter2", "- alice on %>hunter2",
		"- alice on ~* ~>hunter2", "- alice on db=>hunter2", "- alice on (+get) >hunter2 (x", "- alice on ＞hunter2", "- alice on AUTH=hunter2", "- [alice, on, >hunter2]",
		"- *hunter2", "- &hunter2 x", "- !hunter2", "- alice on +hunter2", "- alice on -@hunter2", "- alice on @hunter2", "- >hunter2 on", "- '#hunter2 on'", "- '>hunter2 alice on'",
		"- alice on >hunter2\n    - alice on >hunter2", "- hunter2 on\n    - hunter2 on", "- hunter2 on db=99", "- a on cert=CN:hunter2\n    - b on cert=CN:hunter2",
		"- alice on\n    >hunter2", "- alice on\n  alice on >hunter2: x", "- alice on\n  >hunter2: x", "- alice on\n  'hunter2", "- alice on address=hunter2", "- alice on >x cert=CN:a readonly=hunter2",
	} {
		for _, redis := range []string{"redis: true", "redis: false"} {
			_, err := parse(testFile, []byte(pool1(redis, "users:", "  "+line)), testLookup)
			if err == nil {
				if !strings.HasPrefix(line, "- alice:hunter2") && redis == "redis: true" && line != "- hunter2 on db=99" {
					t.Errorf("%s: no mistake", line)
				}
				continue
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

// TestUsersStrayHash: the hash of a password on a line of its own is a mistake, not a comment, and no user is without it.
func TestUsersStrayHash(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(file, []byte("user a on\n#"+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lines := range [][]string{
		{"redis: true", "users:", "  - a on", "  #" + hash, "  - b on"},
		{"redis: true", "users:", "  - a on", "  - b on", "", "# x", "#" + hash},
		{"redis: true", "users:", "  #" + hash, "  - a on"},
		{"redis: true", "aclfile: " + file},
	} {
		if _, err := parse(testFile, []byte(pool1(lines...)), testLookup); err == nil || !strings.Contains(err.Error(), "put it behind its user's name") {
			t.Errorf("%q: %v", lines, err)
		}
	}
	usersIn(t, "redis: true", "users:", "  - a on", "  # "+hash, "  #"+hash[1:], "hash: md5", "#"+hash)
}

// TestQuote: who forgets the quotes of a line that YAML takes for a mapping is told of them.
func TestQuote(t *testing.T) {
	for _, line := range []string{"limits:\n    - sessions prefix=sess: requests=20k", "users:\n    - a on ~a: +get"} {
		if _, err := parse(testFile, []byte(pool1("redis: true", line)), testLookup); err == nil || !strings.Contains(err.Error(), "in quotes") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestNoFile: what is no file is refused wherever a file is named, and never waited for.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := dir + "/fifo"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{fifo, "/dev/zero", dir} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("the configuration: %v", err)
		}
		for _, lines := range [][]string{
			{"redis: true", "aclfile: " + path},
			{"redis: true", "redis_auth_file: " + path},
			{"redis: true", "server_password_file: " + path},
			{"tls: on", "tls_cert_file: " + path, "tls_key_file: " + path},
			{"server_tls: true", "server_tls_ca_cert_file: " + path},
		} {
			if _, err := parse(testFile, []byte(pool1(lines...)), testLookup); err == nil || !strings.Contains(err.Error(), "no regular file") {
				t.Errorf("%q: %v", lines, err)
			}
		}
	}
}
