package daemon

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// audited is a configuration that has an audit log.
func audited(more ...string) map[string]string {
	m := map[string]string{"audit_log": "DIR/audit"}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

// until waits for something to become so.
func (in *instance) until(what string, is func() bool) {
	in.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			in.Fatalf("not in time: %s", what)
		}
	}
}

// wantAudited waits for a line of the audit log with all of these.
func (in *instance) wantAudited(parts ...string) {
	in.Helper()
	in.wantAuditedIn("audit", parts...)
}

func (in *instance) wantAuditedIn(name string, parts ...string) {
	in.Helper()
	in.until(name+" has "+strings.Join(parts, " "), func() bool {
		text, _ := os.ReadFile(in.dir + "/" + name)
		for line := range strings.Lines(string(text)) {
			all := true
			for _, part := range parts {
				all = all && strings.Contains(line, part)
			}
			if all && json.Valid([]byte(line)) {
				return true
			}
		}
		return false
	})
}

// TestAudit: the log has who logged in and who did not, what was refused and what was changed, and neither values nor passwords.
func TestAudit(t *testing.T) {
	in := startInstance(t, audited("redis_auth", "swordfish", "audit_events", "logins refusals admin commands", "audit_keys", "true"))
	in.wantAudited(`"event":"start"`)
	in.send("GET x\r\nAUTH guessed\r\nAUTH swordfish\r\nSET thekey thevalue\r\nKEYS thepattern\r\nMGET a b\r\nCLIENT KILL ADDR 192.0.2.1:1\r\n")
	in.wantAudited(`"event":"login_failed"`, `"pool":"p"`, `"client":"unix"`, `"id":`)
	in.wantAudited(`"event":"refused"`, `"command":"get","reason":"login"`)
	in.wantAudited(`"event":"login"`, `"pool":"p"`)
	in.wantAudited(`"event":"refused"`, `"command":"keys"`)
	in.wantAudited(`"event":"command"`, `"command":"set"`, `"keys":["thekey"]`)
	in.wantAudited(`"event":"command"`, `"command":"mget"`, `"keys":["a","b"],"keys_total":2`)
	in.wantAudited(`"event":"admin"`, `"command":"client|kill"`)
	in.reloadWith("timeout", "400")
	in.wantAudited(`"event":"reload"`, `timeout`)
	text, err := os.ReadFile(in.dir + "/audit")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"guessed", "swordfish", "thevalue", "thepattern"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the audit log has %q:\n%s", secret, text)
		}
	}
	if fi, err := os.Stat(in.dir + "/audit"); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
}

// TestAuditReopens: behind SIGHUP, lines go to a new file in place of one that was moved away; and elsewhere behind a reload that says so.
func TestAuditReopens(t *testing.T) {
	in := startInstance(t, audited())
	in.wantAudited(`"event":"start"`)
	if err := os.Rename(in.dir+"/audit", in.dir+"/audit.1"); err != nil {
		t.Fatal(err)
	}
	// What came before the writer looks goes to the file of before.
	comes := func(name string) {
		in.until("lines in "+name, func() bool {
			in.reloadWith("timeout", "400")
			text, _ := os.ReadFile(in.dir + "/" + name)
			return strings.Contains(string(text), `"event":"reload"`)
		})
	}
	in.signalled(syscall.SIGHUP)
	comes("audit")
	in.reloadWith("audit_log", "DIR/other")
	comes("other")
	in.set("audit_log", "DIR/nowhere/audit")
	in.write()
	if _, err := in.reload(); err == nil || !strings.Contains(err.Error(), "nowhere/audit\" can't be opened: no such file or directory") {
		t.Errorf("a file that can't be opened: %v", err)
	}
	in.wantAuditedIn("other", `"event":"reload"`, `"result":"failed"`)
}

// TestAuditOnFullDisk: a file that takes nothing stops nothing, is counted, and said.
func TestAuditOnFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	in := startInstance(t, map[string]string{"audit_log": "/dev/full", "audit_events": "commands"})
	in.wantReply("+PONG", "PING")
	in.until("events are lost", func() bool { return in.proxy.Snapshot().AuditDropped > 0 })
	in.wantReply("+PONG", "PING")
	log, err := os.ReadFile(in.dir + "/log")
	if err != nil || !strings.Contains(string(log), "audit log: not written") {
		t.Errorf("%s, %v", log, err)
	}
}

// TestAuditOfPipe: a FIFO may be without a reader, and with one that does not read; what it missed it is told.
func TestAuditOfPipe(t *testing.T) {
	in := startInstance(t, nil)
	fifo := in.dir + "/fifo"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	in.reloadWith("audit_log", "DIR/fifo")
	in.until("events are lost", func() bool { return in.proxy.Snapshot().AuditDropped > 0 })
	r, err := os.OpenFile(fifo, os.O_RDWR, 0) // not to wait for a writer
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	in.reloadWith("timeout", "300")
	buf := make([]byte, 64<<10)
	n, err := r.Read(buf)
	if got := string(buf[:n]); err != nil || !strings.Contains(got, `"event":"reload"`) {
		t.Errorf("%q, %v", got, err)
	}
}
