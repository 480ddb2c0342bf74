package daemon

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
)

// accessed is a configuration that has an access log of all commands.
func accessed(more ...string) map[string]string {
	m := map[string]string{"access_log": "DIR/access", "access_log_sample": "1/1"}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

// wantAccessed sends commands until a line of the access log has all of these.
func (in *instance) wantAccessed(name, commands string, parts ...string) {
	in.Helper()
	in.until(name+" has "+strings.Join(parts, " "), func() bool {
		in.send(strings.Repeat(commands, 20))
		return in.hasLine(name, parts...)
	})
}

// hasLine says that a line of a log, of JSON all of it, has all of these.
func (in *instance) hasLine(name string, parts ...string) bool {
	in.Helper()
	text, _ := os.ReadFile(in.dir + "/" + name)
	for line := range strings.Lines(string(text)) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if strings.HasSuffix(line, "\n") && !json.Valid([]byte(line)) {
			in.Fatalf("no JSON: %q", line)
		}
		if all {
			return true
		}
	}
	return false
}

// TestAccess: the log has what became of each command, with servers and times, its key where that is asked for, and no value.
func TestAccess(t *testing.T) {
	in := startInstance(t, accessed("access_log_keys", "true", "redis_auth", "swordfish"))
	a, b := in.keyAt("s0"), in.keyAt("s1")
	in.send("AUTH swordfish\r\nCLIENT SETNAME worker\r\nSET " + a + " thevalue\r\nGET " + a + "\r\nMGET " + a + " " + b + "\r\nLPUSH " + a + " thevalue\r\nKEYS thepattern\r\nPING\r\n")
	for _, want := range [][]string{
		{`"command":"auth"`, `"result":"local"`, `"pool":"p","client":"unix","id":`},
		{`"name":"worker","command":"set","key":"` + a + `","keys":1,"result":"ok","duration_us":`, `"bytes_in":`, `"servers":[{"server":"s0","addr":"` + in.servers[0] + `","queue_us":`, `"server_us":`, `"bytes":5}]`},
		{`"command":"get","key":"` + a + `"`, `"bytes_out":14`},
		{`"command":"mget","key":"` + a + `","keys":2,"result":"ok"`, `"server":"s0","addr":"` + in.servers[0] + `"`, `"server":"s1","addr":"` + in.servers[1] + `"`},
		{`"command":"lpush"`, `"result":"error"`},
		{`"command":"keys"`, `"result":"refused"`},
		{`"command":"ping"`, `"write_us"`},
	} {
		if want[0] == `"command":"ping"` {
			want = want[:1]
		}
		in.until("the access log has "+strings.Join(want, " "), func() bool { return in.hasLine("access", want...) })
	}
	text, err := os.ReadFile(in.dir + "/access")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"swordfish", "thevalue", "thepattern"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the access log has %q:\n%s", secret, text)
		}
	}
	if fi, err := os.Stat(in.dir + "/access"); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
}

// TestAccessOfFailures: what the proxy says in place of a server has why.
func TestAccessOfFailures(t *testing.T) {
	in := startInstance(t, accessed("servers", "DEAF", "timeout", "50", "audit_log", "DIR/audit"))
	in.wantReply("-", "GET", "k")
	in.until("a timeout", func() bool {
		return in.hasLine("access", `"command":"get"`, `"result":"failed","reason":`, `"servers":[{"server":"`, `"reason":`)
	})
	in.reloadWith("servers", "DEAD")
	in.wantReply("-", "GET", "k")
	in.until("a refused connection", func() bool { return in.hasLine("access", `"command":"get"`, `"result":"failed","reason":"`, "refused") })
}

// TestAccessReopens: behind SIGHUP lines go to a new file in place of one that was moved away.
func TestAccessReopens(t *testing.T) {
	in := startInstance(t, accessed())
	in.wantAccessed("access", "PING\r\n", `"command":"ping"`)
	if err := os.Rename(in.dir+"/access", in.dir+"/access.1"); err != nil {
		t.Fatal(err)
	}
	in.signalled(syscall.SIGHUP)
	in.wantAccessed("access", "PING\r\n", `"command":"ping"`)
	in.set("access_log", "DIR/nowhere/access")
	in.write()
	if _, err := in.reload(); err == nil || !strings.Contains(err.Error(), "nowhere/access\" can't be opened: no such file or directory") {
		t.Errorf("a file that can't be opened: %v", err)
	}
}
