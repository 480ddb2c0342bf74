//go:build unix

package difftest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

const wrongUser = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

// usersPool is the text of a pool with users.
func usersPool(listen string, server *redisServer, settings ...string) string {
	return fmt.Sprintf("p:\n  listen: %s\n  redis: true\n  commands: \"+@all\"\n  databases: 16\n  %s\n  servers:\n   - %s\n",
		listen, strings.Join(settings, "\n  "), server.entry(1, ""))
}

// noKey is what a user is told who may not touch a key, and noCommand one who may not send a command.
const noKey = "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n"

func noCommand(name string) string {
	return "-NOPERM this user has no permissions to run the '" + name + "' command\r\n"
}

// login dials a pool as a user.
func login(t *testing.T, addr string, args ...string) *client {
	t.Helper()
	c := dial(t, addr)
	c.want("+OK\r\n", append([]string{"AUTH"}, args...)...)
	return c
}

// TestUsersSessions: how clients become users, and cease to be.
func TestUsersSessions(t *testing.T) {
	wantCashew(t, "users")
	t.Parallel()
	server := startRedis(t)
	p := startProxy(t,
		pool{name: "p", servers: entries([]*redisServer{server}), settings: []string{"databases: 16", "users:", "  - default on >main ~d:* +@all", "  - alice on >a1 >a2 ~a:* +@all", "  - off off >x ~* +@all", "  - home on >h ~* &* +@all db=5"}},
		pool{name: "closed", servers: entries([]*redisServer{server}), settings: []string{"users:", "  - alice on >a1 ~* &* +@all"}},
	)
	c := dial(t, p.addr("p"))
	c.want(noAuth, "GET", "d:1")
	c.want(noAuth, "ACL", "WHOAMI")
	c.want(wrongUser, "AUTH", "alice", "main")
	c.want(wrongUser, "AUTH", "off", "x")
	c.want(wrongUser, "AUTH", "none", "x")
	c.want(wrongUser, "AUTH", "wrong")
	c.want(noAuth, "GET", "d:1")
	c.want("+OK\r\n", "AUTH", "main")
	c.want(bulk("default"), "ACL", "WHOAMI")
	c.want("$-1\r\n", "GET", "d:1")
	c.want(noKey, "GET", "a:1")
	c.want("+OK\r\n", "AUTH", "alice", "a2")
	c.want(bulk("alice"), "ACL", "WHOAMI")
	c.want("+OK\r\n", "SET", "a:1", "x")
	c.want(noKey, "GET", "d:1")
	c.want(wrongUser, "AUTH", "alice", "no")
	c.want(bulk("x"), "GET", "a:1") // who fails stays who it is
	c.want("+RESET\r\n", "RESET")
	c.want(noAuth, "GET", "a:1")
	c.wantPrefix("-WRONGPASS", "HELLO", "3", "AUTH", "alice", "no")
	c.wantPrefix("%7\r\n", "HELLO", "3", "AUTH", "alice", "a1")
	c.want(noKey, "GET", "d:1")
	c.want("+OK\r\n", "AUTH", "home", "h")
	c.want("+OK\r\n", "SET", "where", "here")
	if got := server.keys(t, 5); len(got) != 1 || got[0] != "where" {
		t.Errorf("database 5 has %q", got)
	}
	c.want(":1\r\n", "DEL", "where")
	c.want("+RESET\r\n", "RESET")
	c.wantPrefix("*14\r\n", "HELLO", "2", "AUTH", "home", "h")
	c.want("+OK\r\n", "SET", "where", "there")
	if got := server.keys(t, 5); len(got) != 1 {
		t.Errorf("behind HELLO database 5 has %q", got)
	}

	d := login(t, p.addr("p"), "alice", "a1")
	d.want("+OK\r\n", "MULTI")
	d.want(noKey, "GET", "d:1")
	d.want("+QUEUED\r\n", "GET", "a:1")
	d.want("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
	if got := d.do("ACL", "LOG", "1"); !strings.Contains(got, "multi") || !strings.Contains(got, bulk("d:1")) || !strings.Contains(got, "user=alice") {
		t.Errorf("ACL LOG = %q", got)
	}
	d.want("+OK\r\n", "ACL", "LOG", "RESET")
	d.want("*0\r\n", "ACL", "LOG")
	if got := d.do("CLIENT", "LIST"); strings.Count(got, "user=alice") != 1 || strings.Count(got, "user=home") != 1 {
		t.Errorf("CLIENT LIST = %q", got)
	}

	e := dial(t, p.addr("closed"))
	e.want(noAuth, "PING")
	e.want(wrongUser, "AUTH", "x")
	e.want("+OK\r\n", "AUTH", "alice", "a1")
	e.want("+PONG\r\n", "PING")
}

// TestUsersReload: who lost a right loses it with the next command, whoever is no user any more is closed, and others notice nothing.
func TestUsersReload(t *testing.T) {
	t.Parallel()
	s, server := newService(t), startRedis(t)
	listen, file := "127.0.0.1:"+processtest.FreePort(t), filepath.Join(s.dir, "users.acl")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const full = " ~* &* +@all"
	write("user default on nopass"+full, "user same on >s ~k +@all &chan", "user less on >l"+full, "user gone on >g"+full, "user off on >o"+full)
	s.configure(t, usersPool(listen, server, "aclfile: users.acl"))
	s.start(t)
	anyone, same, less, gone, off := dial(t, listen), login(t, listen, "same", "s"), login(t, listen, "less", "l"), login(t, listen, "gone", "g"), login(t, listen, "off", "o")
	queued, hears, listens := login(t, listen, "less", "l"), login(t, listen, "less", "l"), login(t, listen, "same", "s")
	for _, c := range []*client{anyone, same, less, gone, off} {
		c.want("+OK\r\n", "SET", "k", "v")
	}
	queued.want("+OK\r\n", "MULTI")
	queued.want("+QUEUED\r\n", "SET", "k", "w")
	hears.wantPrefix("*3\r\n", "SUBSCRIBE", "chan")
	listens.wantPrefix("*3\r\n", "SUBSCRIBE", "chan")

	write("user default off", "user same on >other ~k &chan +@all", "user less on >l %R~* +@read +@transaction", "user off off >o"+full)
	s.Signal(syscall.SIGHUP)
	await(t, "the proxy has reloaded", func() bool { ok, _ := s.reloads(t); return ok == 1 })
	gone.wantEOF()
	off.wantEOF()
	hears.wantEOF()
	anyone.want(noAuth, "GET", "k")
	same.want(bulk("v"), "GET", "k")
	less.want(bulk("v"), "GET", "k")
	less.want(noCommand("set"), "SET", "k", "w")
	queued.want("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
	listens.wantPrefix("*3\r\n", "SUBSCRIBE", "chan")
	if got := login(t, listen, "same", "other").do("GET", "k"); got != bulk("v") {
		t.Errorf("GET = %q", got)
	}
	dial(t, listen).want(wrongUser, "AUTH", "same", "s")

	write("user same on >s +nope")
	s.wantPage(t, "POST", "/reload", 400)
	same.want(bulk("v"), "GET", "k")
	s.end(t)
}

// TestUsersUpgrade: a client is the same user in the next process, or stays behind if there is none.
func TestUsersUpgrade(t *testing.T) {
	t.Parallel()
	s, server := newService(t), startRedis(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	s.configure(t, usersPool(listen, server, "users:", "  - default on nopass ~pub* +@all", "  - alice on >a ~a* +@all", "  - bob on >b ~* &* +@all"))
	s.startDaemon(t)
	anyone, alice, bob := dial(t, listen), login(t, listen, "alice", "a"), login(t, listen, "bob", "b")
	alice.want("+OK\r\n", "SET", "a", "v")
	anyone.want(noKey, "GET", "a")
	bob.want(bulk("v"), "GET", "a")
	old := s.pid()
	s.configure(t, usersPool(listen, server, "users:", "  - default on nopass ~pub* +@all", "  - alice on >a ~a* +@read +@connection"))
	if err := upgrade(s); err != nil {
		t.Fatal(err)
	}
	await(t, "the old process is gone", func() bool { return s.pid() != old && isGone(old) })
	anyone.want(noKey, "GET", "a")
	anyone.want("$-1\r\n", "GET", "public")
	alice.want(bulk("v"), "GET", "a")
	alice.want(noKey, "GET", "b")
	alice.want(noCommand("set"), "SET", "a", "w")
	bob.wantEOF()
	if err := syscall.Kill(s.pid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "the pid file is gone", func() bool { return s.pid() == 0 })
}

// TestUsersMemcached: logins in text are answered as memcached -Y does.
func TestUsersMemcached(t *testing.T) {
	t.Parallel()
	s := newService(t)
	file := filepath.Join(processtest.TempDir(t), "auth")
	if err := os.WriteFile(file, []byte("alice:secret\nbob:two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	port := processtest.FreePort(t)
	judge := processtest.Memcached(t, "-l", "127.0.0.1", "-p", port, "-U", "0", "-Y", file)
	judge.Up(t, func() bool { return processtest.Listens("tcp", "127.0.0.1:"+port) })
	listen, known := "127.0.0.1:"+processtest.FreePort(t), "127.0.0.1:"+processtest.FreePort(t)
	entry := startMemcached(t).entry(1, "")
	s.configure(t, fmt.Sprintf("mc:\n  listen: %s\n  users:\n   - alice on >secret\n   - bob on >two\n  servers:\n   - %s\n"+
		"known:\n  listen: %s\n  users:\n   - here on address=127.0.0.0/8\n   - there on address=192.0.2.0/24\n  servers:\n   - %s\n", listen, entry, known, entry))
	s.start(t)
	block := func(s string) string { return fmt.Sprintf("set any 0 0 %d\r\n%s\r\n", len(s), s) }
	for _, tt := range []struct {
		name  string
		lines []string
	}{
		{"right", []string{block("alice secret"), "get k\r\n", mcSet("k", "v"), "get k\r\n", block("alice secret"), "get any\r\n"}},
		{"another", []string{block("bob two"), "get nothing\r\n"}},
		{"before", []string{"get k\r\n", "version\r\n", "delete k\r\n", "mg k v\r\n", "gets k\r\n", "set a b\r\n", "SET any 0 0 1\r\n", block("alice secret"), "get nothing\r\n"}},
		{"wrong", []string{block("alice wrong"), block("alice"), block("alice "), block(""), block(" x"), block("nobody secret"), block("bob secret"), "get k\r\n", block("bob two"), "get nothing\r\n"}},
		{"odd", []string{"set any x y 12\r\nalice secret\r\n", "get nothing\r\n"}},
		{"blanks", []string{block(" alice  secret "), "get nothing\r\n"}},
		{"more words", []string{block("alice secret more"), "get nothing\r\n"}},
		{"a long block", []string{block(strings.Repeat("a", 4096)), "get k\r\n", block("alice secret"), "get nothing\r\n"}},
		{"a store", []string{"add k 0 0 5\r\n", "hello\r\n", block("alice secret"), "get nothing\r\n"}},
		{"odd size", []string{"set any 0 0 x\r\n", "set any 0 0 -1\r\n", "get nothing\r\n"}},
	} {
		direct, proxied := dial(t, "127.0.0.1:"+port), dial(t, listen)
		for _, line := range tt.lines {
			if want, got := direct.ask(line), proxied.ask(line); want != got {
				t.Errorf("%s: %q: memcached %q, proxy %q", tt.name, line, want, got)
			}
		}
	}
	c := dial(t, listen)
	c.send([]byte("get k\r\n" + block("alice secret") + "get nothing\r\n"))
	c.expectAll("CLIENT_ERROR unauthenticated\r\nSTORED\r\nEND\r\n", "")
	dial(t, known).expectAll("END\r\n", "get nothing\r\n")
	if got := dial(t, known).bin(0x0b, "", "", ""); got.value == "" || got.status != 0 {
		t.Errorf("the binary protocol from a known address is answered %+v", got)
	}
	b := dial(t, listen)
	b.send([]byte("\x80\x0b" + strings.Repeat("\x00", 22)))
	if got := b.drain(); !strings.HasPrefix(got, "\x81") || !strings.Contains(got, "Auth failure.") {
		t.Errorf("the binary protocol is answered %q", got)
	}
}
