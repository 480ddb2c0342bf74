package configs

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/certtest"
)

// TestFilesOfStart: a file of the admin pages, or an audit log, with which a start would fail is a mistake that tells line, key and path; and
// nothing is made by looking. Where secrets alone are read anew none of these is looked at.
func TestFilesOfStart(t *testing.T) {
	dir, ca := t.TempDir(), certtest.New(t, "start")
	good, other := ca.Issue(t, certtest.Of{}), ca.Issue(t, certtest.Of{})
	err := errors.Join(
		os.WriteFile(dir+"/token", []byte("a\r\n"), 0o600), os.WriteFile(dir+"/two", []byte("a\nb\n"), 0o600), os.WriteFile(dir+"/empty", nil, 0o600),
		os.WriteFile(dir+"/long", []byte(strings.Repeat("a", 4097)), 0o600), os.WriteFile(dir+"/longest", []byte(strings.Repeat("a", 4096)+"\r\n"), 0o600),
		syscall.Mkfifo(dir+"/fifo", 0o600), os.Symlink("loop", dir+"/loop"), os.Symlink("new", dir+"/later"), os.WriteFile(dir+"/huge", nil, 0o600), os.Truncate(dir+"/huge", 1<<40),
	)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, c := range []struct{ lines, want string }{
		{"admin_token_file: DIR/token", ""},
		{"admin_token_file: DIR/longest", ""},
		{"admin_token_file: DIR/none", `2: global.admin_token_file: "DIR/none" has no token: no such file or directory`},
		{"admin_token_file: DIR/two", `2: global.admin_token_file: "DIR/two" has no token: it has more than one line`},
		{"admin_token_file: DIR/empty", `"DIR/empty" has no token: it is empty`},
		{"admin_token_file: DIR/long", `"DIR/long" has no token: it has more than 4`},
		{"admin_token_file: DIR/huge", "has no token: it has more than 4"},
		{"admin_token_file: DIR/fifo", "has no token: it is no regular file"},
		{"admin_token_file: DIR", "has no token: it is no regular file"},
		{"admin_token_file: DIR/loop", "has no token: too many levels of symbolic links"},
		{"admin_token_file: tokenitself", "admin_token_file: has no token"},
		{"admin_tls_cert_file: CERT\n  admin_tls_key_file: KEY", ""},
		{"admin_tls_cert_file: DIR/none\n  admin_tls_key_file: KEY", `2: global.admin_tls_cert_file: "DIR/none" can't be used: no such file or directory`},
		{"admin_tls_cert_file: CERT\n  admin_tls_key_file: DIR/none", `3: global.admin_tls_key_file: "DIR/none" can't be used: no such file or directory`},
		{"admin_tls_cert_file: DIR/fifo\n  admin_tls_key_file: KEY", "can't be used: it is no regular file"},
		{"admin_tls_cert_file: DIR\n  admin_tls_key_file: KEY", "can't be used: it is no regular file"},
		{"admin_tls_cert_file: DIR/loop\n  admin_tls_key_file: KEY", "can't be used: too many levels"},
		{"admin_tls_cert_file: CERT\n  admin_tls_key_file: DIR/huge", `3: global.admin_tls_key_file: "DIR/huge" can't be used: it has more than`},
		{"admin_tls_cert_file: CERT\n  admin_tls_key_file: OTHER", "2: global.admin_tls_cert_file: \"CERT\" can't be used with key OTHER: private key does not match public key"},
		{"audit_log: DIR/new", ""},
		{"audit_log: DIR/later", ""},
		{"audit_log: DIR/token", ""},
		{"audit_log: DIR/fifo", ""},
		{"audit_log: /dev/null", ""},
		{"audit_log: DIR", `2: global.audit_log: "DIR" can't be opened: is a directory`},
		{"audit_log: DIR/none/log", `2: global.audit_log: "DIR/none/log" can't be opened: no such file or directory`},
		{"audit_log: DIR/token/log", "can't be opened: not a directory"},
		{"audit_log: DIR/loop", "can't be opened: too many levels"},
		{"audit_log: DIR/socket", "can't be opened: it is neither a file nor a FIFO"},
		{"access_log: DIR/none/log", `2: global.access_log: "DIR/none/log" can't be opened: no such file or directory`},
	} {
		place := strings.NewReplacer("DIR", dir, "CERT", good.Cert, "KEY", good.Key, "OTHER", other.Key)
		file := []byte("global:\n  " + place.Replace(c.lines) + "\n" + pool1())
		f, err := parse(testFile, file, testLookup)
		switch want := place.Replace(c.want); {
		case want == "" && (err != nil || len(f.Warnings) > 0):
			t.Errorf("%s: %v, %v", c.lines, err, f)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "itself")):
			t.Errorf("%s: %v; want %q", c.lines, err, want)
		}
		if _, err := parseWith(testFile, file, testLookup, make(aclFiles), true); err != nil {
			t.Errorf("%s: anew: %v", c.lines, err)
		}
	}
	if _, err := os.Stat(dir + "/new"); err == nil {
		t.Error("there is an audit log now")
	}
}
