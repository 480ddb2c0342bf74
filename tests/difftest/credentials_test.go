//go:build unix

package difftest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// adminPass is the password of the servers' default user, whom no proxy of these tests knows.
const adminPass = "admin-of-servers"

// startLocked starts a server with a user alice, and one password of hers.
func startLocked(t testing.TB, password string) *redisServer {
	t.Helper()
	s := startRedis(t, "--requirepass", adminPass)
	s.asAdmin(t, "+OK\r\n", "ACL", "SETUSER", "alice", "on", ">"+password, "~*", "&*", "+@all")
	return s
}

// asAdmin sends one command as the default user, and wants a reply.
func (s *redisServer) asAdmin(t testing.TB, want string, args ...string) {
	t.Helper()
	c := dial(t, s.addr)
	defer c.close()
	c.want("+OK\r\n", "AUTH", adminPass)
	c.wantPrefix(want, args...)
}

// users are the users of the server's connections, but for the one that asks.
func (s *redisServer) users(t testing.TB) (users []string) {
	t.Helper()
	c := dial(t, s.addr)
	defer c.close()
	c.want("+OK\r\n", "AUTH", adminPass)
	for line := range strings.Lines(c.do("CLIENT", "LIST")) {
		if _, rest, ok := strings.Cut(line, " user="); ok && !strings.Contains(line, "cmd=client") {
			user, _, _ := strings.Cut(rest, " ")
			users = append(users, user)
		}
	}
	return users
}

// writeSecret replaces a secret's file at once.
func writeSecret(t testing.TB, path, secret string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// vault is a proxy with secrets in files.
type vault struct {
	*service
	listen         string
	user, password string // files
	servers        []*redisServer
	read           int // how often the log has said that secrets were read anew
}

func newVault(t testing.TB, servers []*redisServer, settings ...string) *vault {
	t.Helper()
	v := &vault{service: newService(t), servers: servers, listen: "127.0.0.1:" + processtest.FreePort(t)}
	v.user, v.password = filepath.Join(v.dir, "user"), filepath.Join(v.dir, "password")
	writeSecret(t, v.user, "alice")
	writeSecret(t, v.password, "one")
	text := "p:\n  listen: " + v.listen + "\n  redis: true\n"
	for _, line := range append([]string{"server_username_file: " + v.user, "server_password_file: " + v.password}, settings...) {
		text += "  " + line + "\n"
	}
	v.configure(t, text+"  servers:\n   - "+strings.Join(entries(servers), "\n   - ")+"\n")
	v.start(t)
	await(t, "the proxy listens", func() bool { return answers(v.listen) })
	return v
}

// rotate has other secrets be in force.
func (v *vault) rotate(t testing.TB, user, password string) {
	t.Helper()
	writeSecret(t, v.user, user)
	writeSecret(t, v.password, password)
	const line = "secrets read anew"
	v.read++
	await(t, line, func() bool { return strings.Count(v.logged(), line) >= v.read })
}

// says waits until the log has a line with all of these.
func (v *vault) says(t testing.TB, parts ...string) {
	t.Helper()
	await(t, fmt.Sprintf("the log says %q", parts), func() bool {
		for line := range strings.Lines(v.logged()) {
			n := 0
			for _, p := range parts {
				if strings.Contains(line, p) {
					n++
				}
			}
			if n == len(parts) {
				return true
			}
		}
		return false
	})
}

// TestRotation: secrets of the servers change under load, the servers first or the proxy first, and no client sees anything of it: none
// that pipelines, speaks RESP3, watches a key, is blocked or subscribed.
func TestRotation(t *testing.T) {
	t.Parallel()
	servers := []*redisServer{startLocked(t, "one"), startLocked(t, "one")}
	all := func(args ...string) {
		for _, s := range servers {
			s.asAdmin(t, "+OK\r\n", args...)
		}
	}
	v := newVault(t, servers, append(spread, "server_connections: 2", "auto_eject_hosts: true")...)
	where := map[string]int{}
	for i := range 20 {
		where[fmt.Sprint("k", i)] = 0
	}
	l := startLoad(t, v.listen, where, 6)
	watcher, blocked, subscriber, three := dial(t, v.listen), dial(t, v.listen), dial(t, v.listen), dial(t, v.listen)
	three.wantPrefix("%7", "HELLO", "3")
	subscriber.wantPrefix("*3\r\n", "SUBSCRIBE", "news")
	watch := func() {
		watcher.want("+OK\r\n", "WATCH", "watched")
		blocked.send(command("BLPOP", "list", "0"))
		await(t, "a client is blocked", func() bool { return strings.Contains(three.do("CLIENT", "LIST"), "flags=b") })
	}
	stay := func() {
		t.Helper()
		l.more(t, 5)
		three.want("_\r\n", "GET", "none")
		watcher.want("+OK\r\n", "MULTI")
		watcher.want("+QUEUED\r\n", "SET", "watched", "x")
		watcher.want("*1\r\n+OK\r\n", "EXEC")
		three.wantPrefix(":1", "RPUSH", "list", "x")
		if got := blocked.reply(); got != "*2\r\n"+bulk("list")+bulk("x") {
			t.Errorf("BLPOP = %q", got)
		}
		three.want(":1\r\n", "PUBLISH", "news", "x")
		if got := subscriber.reply(); got != "*3\r\n"+bulk("message")+bulk("news")+bulk("x") {
			t.Errorf("a subscriber hears %q", got)
		}
	}

	watch() // the servers first: both passwords are good for a while
	all("ACL", "SETUSER", "alice", ">two")
	v.rotate(t, "alice", "two")
	l.more(t, 5)
	all("ACL", "SETUSER", "alice", "<one")
	stay()
	if strings.Contains(v.logged(), "refuses the credentials") {
		t.Error("the new password was refused")
	}

	watch() // the proxy first: the servers refuse the new password, and one that was wrong before it
	v.rotate(t, "alice", "wrong")
	l.more(t, 5)
	v.rotate(t, "alice", "three")
	v.says(t, "server refuses the credentials, and took those before", "pool=p", "server="+servers[0].addr)
	v.says(t, "server refuses the credentials, and took those before", "pool=p", "server="+servers[1].addr)
	stay()
	all("ACL", "SETUSER", "alice", ">three", "<two")

	watch() // another user: nothing but the subscription stays with the former one
	all("ACL", "SETUSER", "bob", "on", ">four", "~*", "&*", "+@all")
	v.rotate(t, "bob", "four")
	stay()
	l.end(t)
	for _, s := range servers {
		await(t, "connections of the former user are closed", func() bool {
			n := 0
			for _, user := range s.users(t) {
				if user == "alice" {
					n++
				}
			}
			return n <= 1 // that of the subscriptions, and the loop's other clients have none
		})
		s.asAdmin(t, ":1\r\n", "ACL", "DELUSER", "alice")
	}
	v.says(t, "subscriptions lost; subscribing anew")
	await(t, "the subscriber hears again", func() bool { return three.do("PUBLISH", "news", "y") == ":1\r\n" })
	if got := subscriber.reply(); got != "*3\r\n"+bulk("message")+bulk("news")+bulk("y") {
		t.Errorf("a subscriber hears %q", got)
	}
	three.want("_\r\n", "GET", "none")
}

// TestServerCredentials: a user by server, from each place that a secret may come from, in both versions of the protocol; a server that
// was ejected comes back by them, and a command that is not known is looked up by them.
func TestServerCredentials(t *testing.T) {
	t.Parallel()
	one, two := startLocked(t, "one"), startLocked(t, "two")
	secret := filepath.Join(processtest.TempDir(t), "secret")
	writeSecret(t, secret, "two")
	p := startProxy(t, poolOf([]*redisServer{one, two}, append(spread,
		"redis_auth: clients", "server_username: alice", "server_password: one", "server_auth:", "   - "+two.addr+" alice file:"+secret,
		"auto_eject_hosts: true", "server_failure_limit: 1", "server_retry_timeout: 50")...))
	for _, version := range []string{"2", "3"} {
		c := dial(t, p.addr("p"))
		c.wantPrefix("-WRONGPASS", "HELLO", version, "AUTH", "default", "one")
		c.wantPrefix("-ERR invalid password", "AUTH", "one")
		c.wantPrefix(map[string]string{"2": "*14", "3": "%7"}[version], "HELLO", version, "AUTH", "default", "clients")
		for i := range 20 {
			c.want("+OK\r\n", "SET", fmt.Sprint("k", i), "v")
		}
		c.wantPrefix("-ERR unknown command 'NEXT.YEAR'", "NEXT.YEAR", "k1")
	}
	for _, s := range []*redisServer{one, two} {
		for _, user := range s.users(t) {
			if user != "alice" {
				t.Errorf("%s has a connection of %s", s.addr, user)
			}
		}
	}
	c := dial(t, p.addr("p"))
	c.want("+OK\r\n", "AUTH", "clients")
	two.Kill()
	use := func() {
		c.renew()
		for i := range 20 {
			c.do("SET", fmt.Sprint("k", i), "v")
		}
	}
	await(t, "the server is ejected", func() bool {
		use()
		return strings.Contains(string(p.Printed()), "server ejected")
	})
	two.start(t)
	two.asAdmin(t, "+OK\r\n", "ACL", "SETUSER", "alice", "on", ">two", "~*", "&*", "+@all")
	await(t, "the server is back", func() bool {
		use()
		for _, user := range two.users(t) {
			if user == "alice" {
				return true
			}
		}
		return false
	})
}

// TestWrongCredentials: a client is told what the server said, and the log names pool and server.
func TestWrongCredentials(t *testing.T) {
	notRaced(t)
	t.Parallel()
	s := startLocked(t, "right")
	p := startProxy(t, poolOf([]*redisServer{s}, "server_username: alice", "server_password: wr0ng-pass"))
	for _, version := range []string{"2", "3"} {
		c := dial(t, p.addr("p"))
		c.wantPrefix("", "HELLO", version)
		got := ""
		await(t, "the client is told", func() bool {
			got = c.do("GET", "k")
			return strings.Contains(got, "WRONGPASS")
		})
		if !strings.HasPrefix(got, "-ERR ") || strings.Contains(got, "wr0ng") {
			t.Errorf("the client is told %q", got)
		}
	}
	out := string(p.Printed())
	if !strings.Contains(out, "pool=p server="+s.addr) || !strings.Contains(out, "AUTH was refused: WRONGPASS") || strings.Contains(out, "wr0ng") {
		t.Errorf("the log says:\n%s", out)
	}
}

// TestNoSecretIsTold starts a proxy with secrets, drives all that it has to say something in, and looks for the secrets there.
func TestNoSecretIsTold(t *testing.T) {
	notRaced(t)
	t.Parallel()
	s := startLocked(t, "s3cret-one")
	other := startLocked(t, "s3cret-two")
	v := newVault(t, []*redisServer{s}, "redis_auth: s3cret-of-clients", "commands: +@all", "slowlog_log_slower_than: 0", "databases: 16")
	writeSecret(t, v.password, "s3cret-one")
	v.read++
	await(t, "the secret is in force", func() bool { return strings.Count(v.logged(), "secrets read anew") >= v.read })
	for level := 6; level <= 11; level++ {
		v.Signal(syscall.SIGTTIN)
		v.says(t, fmt.Sprint("up log level to ", level))
	}
	var told strings.Builder
	note := func(what, text string) {
		fmt.Fprintf(&told, "== %s\n%s\n", what, text)
	}
	c := dial(t, v.listen)
	ask := func(args ...string) string {
		c.renew()
		reply := c.do(args...)
		note(args[0], reply)
		return reply
	}
	for _, args := range [][]string{
		{"AUTH", "s3cret-wrong"},
		{"HELLO", "3", "AUTH", "alice", "s3cret-wrong"},
		{"AUTH", "a", "s3cret-a", "b"},
		{"AUTH", "s3cret-of-clients"},
		{"HELLO", "3", "AUTH", "default", "s3cret-of-clients"},
		{"SET", "k", "v"},
		{"GET", "k"},
		{"ACL", "SETUSER", "eve", ">s3cret-of-eve"},
		{"CONFIG", "SET", "masterauth", "s3cret-master"},
		{"CONFIG", "SET", "nothing", "s3cret-master"},
		{"MIGRATE", "127.0.0.1", "1", "k", "0", "10", "AUTH", "s3cret-migrate"},
		{"MIGRATE", "127.0.0.1", "1", "", "0", "10", "AUTH2", "alice", "s3cret-migrate", "KEYS", "k"},
		{"SLOWLOG", "GET", "-1"},
		{"INFO", "everything"},
		{"INFO", "proxy", "servers"},
		{"CLIENT", "LIST"},
		{"CLIENT", "INFO"},
		{"COMMAND", "INFO", "auth"},
	} {
		ask(args...)
	}
	for _, path := range []string{"/metrics", "/stats", "/pools", "/clients", "/slowlog", "/hotkeys", "/config", "/explain?pool=p&key=k", "/debug/pprof/goroutine?debug=2", "/"} {
		note(path, v.wantPage(t, "GET", path, 200))
	}
	for _, args := range [][]string{{"check", v.conf()}, {"-t", "-c", v.conf()}, {"explain", "-c", v.conf(), "p", "k"}, {"diff", v.conf(), v.conf()}} {
		out, _ := exec.Command(underTest.path, args...).CombinedOutput()
		note(strings.Join(args, " "), string(out))
	}
	good, err := os.ReadFile(v.conf())
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][2]string{
		{"redis_auth: ", "redis_auth "},
		{"redis_auth: ", "redis_aut: "},
		{"redis_auth: ", "redis_auth: *"},
		{"redis_auth: ", "redis_auth="},
		{"redis_auth: ", "server_password_env: "},
		{"redis: true", "redis: false"},
	} {
		v.write(t, strings.Replace(string(good), edit[0], edit[1], 1))
		note("reload", v.wantPage(t, "POST", "/reload", 400))
		out, _ := exec.Command(underTest.path, "check", v.conf()).CombinedOutput()
		note("check", string(out))
	}
	v.write(t, strings.Replace(string(good), entries([]*redisServer{s})[0], entries([]*redisServer{other})[0], 1))
	note("reload", v.wantPage(t, "POST", "/reload", 200)) // to a server with another password
	await(t, "the server refuses the password", func() bool { return strings.Contains(ask("GET", "k"), "WRONGPASS") })
	v.Signal(syscall.SIGTERM)
	await(t, "the end", v.Ended)
	note("log", v.logged())
	note("stdout", string(v.Printed()))
	text := told.String()
	for at := strings.Index(text, "s3cret"); at >= 0; at = strings.Index(text, "s3cret") {
		t.Errorf("a secret is told: ...%q...", text[max(at-200, 0):min(at+40, len(text))])
		text = text[at+len("s3cret"):]
	}
	for _, part := range []string{"(masked)", "WRONGPASS", "no such variable"} {
		if !strings.Contains(told.String(), part) {
			t.Errorf("nothing says %q: the test has looked at less than it should", part)
		}
	}
}
