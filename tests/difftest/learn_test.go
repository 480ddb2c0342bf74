//go:build unix

package difftest

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// buildModule compiles testdata/module.c for redis-server to load, and returns where it is.
func buildModule(t testing.TB, defines ...string) string {
	t.Helper()
	path := filepath.Join(processtest.TempDir(t), "module.so")
	args := slices.Concat(defines, words("-shared -fPIC -Wall -Wextra -O1 testdata/module.c -o"), []string{path})
	out, err := exec.Command(processtest.LookPath(t, "cc"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return path
}

// load loads the module into a server directly, and unload takes it out.
func (s *redisServer) load(t testing.TB, path string) {
	t.Helper()
	if got := s.do(t, "MODULE", "LOAD", path); got != "+OK\r\n" {
		t.Fatalf("MODULE LOAD at %s = %q", s.addr, got)
	}
}

func (s *redisServer) unload(t testing.TB) {
	t.Helper()
	if got := s.do(t, "MODULE", "UNLOAD", "cashew"); got != "+OK\r\n" {
		t.Fatalf("MODULE UNLOAD at %s = %q", s.addr, got)
	}
}

// moduleCalls are calls of the module's commands, right and wrong; every key has the same tag.
var moduleCalls = []string{
	"CASHEW.PUT {k}a 1", "GET {k}a", "cashew.put {k}a", "cashew.put {k}a 1 2", "Cashew.One {k}a x", "cashew.two {k}a {k}b", "cashew.two {k}a {k}b c",
	"cashew.pairs {k}a 1 {k}b 2", "cashew.count 2 {k}a {k}b x", "cashew.count 1 {k}a", "cashew.count", "cashew.behind x KEYS {k}a {k}b 1 2", "cashew.behind keys {k}a 1",
	"cashew.behind", "cashew.box one {k}a", "CASHEW.BOX ONE {k}a", "cashew.box", "cashew.box nosuch {k}a", "cashew.wake {k}a", "cashew.nosuch {k}a", "Nosuch.At All x",
	"xinfo nosuch {k}a", "object nosuch {k}a", "memory nosuch {k}a", "client nosuch", "config nosuch x", "nosuch",
	"MULTI", "cashew.one {k}a", "cashew.put {k}a 3", "get {k}a", "cashew.box one {k}a", "EXEC",
	"MULTI", "cashew.one {k}a", "cashew.nosuch {k}a", "EXEC", "MULTI", "cashew.one {k}a", "client nosuch", "EXEC",
	"MULTI", "cashew.count 1", "cashew.one {k}a", "EXEC", "WATCH {k}a", "MULTI", "cashew.put {k}a 4", "EXEC", "DEL {k}a",
}

// keylessCalls have no key, or none that anybody but the module finds: a pool of one server alone takes them.
var keylessCalls = []string{
	"cashew.none", "cashew.none a b", "cashew.one", "cashew.apart x {k}a", "cashew.apart x", "cashew.box none", "cashew.count 0 x", "cashew.count -1 {k}a", "cashew.count x {k}a",
	"cashew.count 9 {k}a", "cashew.behind x {k}a", "MULTI", "cashew.none", "cashew.apart x {k}a", "EXEC",
}

// TestModule: a module is loaded into the servers under a running proxy with connected clients. Its commands are answered byte for byte
// as by a server itself, in both versions and inline, from one server and from three, without a restart and without a reload; and once
// it is unloaded, they are unknown as before.
func TestModule(t *testing.T) {
	t.Parallel()
	wantCashew(t, "unknown commands close the client")
	path := buildModule(t)
	servers := startRedises(t, 5, "--enable-module-command", "yes")
	direct, single, several := servers[0], servers[1:2], servers[2:]
	one, three := poolOf(single, "commands: +@all"), poolOf(several, append(spread, `hash_tag: "{}"`, "commands: +@all")...)
	one.name, three.name = "one", "three"
	p := startLoops(t, 2, one, three)
	conns := map[string]*client{"": dial(t, direct.addr), "one": dial(t, p.addr("one")), "three": dial(t, p.addr("three"))}
	compare := func(when string, calls []string, pools ...string) {
		t.Helper()
		for _, version := range []string{"2", "3"} {
			var want []string
			for i, pool := range append([]string{""}, pools...) {
				c := conns[pool]
				c.renew()
				c.do("HELLO", version)
				for j, line := range calls {
					got := c.do(words(line)...)
					if i == 0 {
						want = append(want, got)
					} else if got != want[j] {
						t.Errorf("%s, RESP%s, pool %s, %s: %q; directly %q", when, version, pool, line, got, want[j])
					}
				}
			}
		}
	}
	compare("before", moduleCalls, "one", "three")
	compare("before", keylessCalls, "one")
	for _, s := range servers {
		s.load(t, path)
	}
	for _, pool := range []string{"one", "three"} {
		for _, name := range words("put one two pairs count behind box wake none apart") { // which were asked for a moment ago
			await(t, name+" to be found", func() bool {
				c := conns[pool]
				c.do("MULTI") // there the proxy has to know it, and not the server alone
				defer c.do("DISCARD")
				return !strings.HasPrefix(c.do("cashew."+name, "{k}a", "{k}b"), "-ERR unknown command")
			})
		}
	}
	compare("loaded", moduleCalls, "one", "three")
	compare("loaded", keylessCalls, "one")
	wantRefusals(t, conns["three"])
	wantInline(t, p.addr("one"))
	for _, pool := range []string{"one", "three"} {
		wantWait(t, p.addr(pool), pool == "one")
		wantNever(t, conns[pool])
	}
	for _, s := range servers {
		s.unload(t)
	}
	compare("unloaded", slices.DeleteFunc(slices.Clone(moduleCalls), func(line string) bool { return strings.HasPrefix(line, "MULTI") }), "one")
	await(t, "the command to be forgotten", func() bool { return strings.HasPrefix(conns["three"].do("cashew.one", "{k}a"), "-ERR unknown command") })
}

// wantRefusals: a pool of several servers says why it can't tell where a command goes.
func wantRefusals(t *testing.T, c *client) {
	t.Helper()
	c.do("HELLO", "2")
	for line, want := range map[string]string{
		"cashew.none a":               "-ERR command 'cashew.none' has no key here that says which of the pool's servers it is for\r\n",
		"cashew.box none":             "-ERR command 'cashew.box|none' has no key here that says which of the pool's servers it is for\r\n",
		"cashew.count 0 x":            "-ERR command 'cashew.count' has no key here that says which of the pool's servers it is for\r\n",
		"cashew.apart x k":            "-ERR where the keys of command 'cashew.apart' are can't be told from its COMMAND INFO, and this pool has several servers\r\n",
		"cashew.count 9 k":            "-ERR where the keys of command 'cashew.count' are can't be told from its COMMAND INFO, and this pool has several servers\r\n",
		"cashew.count x":              "-ERR wrong number of arguments for 'cashew.count' command\r\n",
		"cashew.two {a}1 {b}1":        "-CROSSSLOT Keys in request don't hash to the same server: '{a}",
		"cashew.pairs {a} 1 {b} 2":    "-CROSSSLOT Keys in request don't hash to the same server: '{a}",
		"cashew.behind KEYS {a}1 {b}": "*4\r\n$13\r\ncashew.behind\r\n$4\r\nKEYS\r\n$4\r\n{a}1\r\n$3\r\n{b}\r\n",
	} {
		c.wantPrefix(want, words(line)...)
	}
	c.want("+OK\r\n", "MULTI")
	c.wantPrefix("-ERR command 'cashew.none' has no key", "cashew.none")
	c.wantPrefix("-EXECABORT", "EXEC")
}

// wantInline: lines of words do as well as arrays.
func wantInline(t *testing.T, addr string) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	c.send([]byte("cashew.one {k}a \"b c\"\r\nCASHEW.NONE\r\ncashew.nosuch a\r\nPING\r\n"))
	want := []string{
		"*3\r\n$10\r\ncashew.one\r\n$4\r\n{k}a\r\n$3\r\nb c\r\n", "*1\r\n$11\r\nCASHEW.NONE\r\n",
		"-ERR unknown command 'cashew.nosuch', with args beginning with: 'a' \r\n", "+PONG\r\n",
	}
	if got := c.replies(len(want)); !slices.Equal(got, want) {
		t.Errorf("inline: %q; want %q", got, want)
	}
}

// wantWait: a command that may block holds up nobody but its client, until somebody wakes it.
func wantWait(t *testing.T, addr string, alone bool) {
	t.Helper()
	calls := [][]string{{"cashew.wait", "{k}w"}}
	if alone {
		calls = append(calls, []string{"cashew.await"})
	}
	waits, does := dial(t, addr), dial(t, addr)
	defer waits.close()
	defer does.close()
	for _, call := range calls {
		waits.send(slices.Concat(command(call...), command("SET", "{k}s", call[0])))
		await(t, call[0]+" to be woken", func() bool {
			does.want("*2\r\n$10\r\ncashew.one\r\n$4\r\n{k}w\r\n", "cashew.one", "{k}w")
			return does.do("cashew.wake", "{k}w") == "+OK\r\n"
		})
		if got, want := waits.replies(2), []string{"+WOKEN\r\n", "+OK\r\n"}; !slices.Equal(got, want) {
			t.Errorf("%q, and behind it SET: %q; want %q", call, got, want)
		}
	}
	waits.want("+OK\r\n", "MULTI")
	waits.want("+QUEUED\r\n", "cashew.wait", "{k}w")
	waits.wantPrefix("*1\r\n-ERR Blocking module command called from transaction", "EXEC")
	does.want("+OK\r\n", "cashew.wake", "{k}w") // or it could not be unloaded
}

// wantNever: what is about the connection is refused, and says why.
func wantNever(t *testing.T, c *client) {
	t.Helper()
	c.want("-ERR command 'cashew.hear' is not supported by this proxy: it is about subscriptions\r\n", "cashew.hear", "{k}a")
	c.want("-ERR command 'cashew.login' is not supported by this proxy: it is about the connection, which clients share\r\n", "cashew.login", "{k}a")
	c.want("*2\r\n$12\r\ncashew.admin\r\n$4\r\n{k}a\r\n", "cashew.admin", "{k}a")
}

// TestModuleChanges: a module takes another's place whose command has its key elsewhere. Once a server has said that it does not have the
// command, the next call goes where the new one has its key, whichever client and event loop it comes from; and where no call came in
// between, those of clients that go on sending do so before long.
func TestModuleChanges(t *testing.T) {
	t.Parallel()
	wantCashew(t, "unknown commands close the client")
	paths := []string{buildModule(t), buildModule(t, "-DKEY_AT=2")}
	servers := startRedises(t, 3, "--enable-module-command", "yes", "--loadmodule", paths[0])
	p := startLoops(t, 2, poolOf(servers, append(spread, "commands: +@all")...))
	var clients []*client
	for range 6 { // on both loops
		clients = append(clients, dial(t, p.addr("p")))
	}
	n := 0
	goes := func(c *client, at int) bool { // its key is where others look for it
		n++
		args := []string{"cashew.at", "one:" + strconv.Itoa(n), "two:" + strconv.Itoa(n)}
		return c.do(args...) == "+OK\r\n" && c.do("GET", args[at]) == bulk("at")
	}
	all := func(at int) bool { // a wrong server would be the right one for a third of the keys
		for range 8 {
			for _, c := range clients {
				if !goes(c, at) {
					return false
				}
			}
		}
		return true
	}
	if !all(1) {
		t.Fatal("the command does not go to the server of its key")
	}
	for _, s := range servers {
		s.unload(t)
	}
	clients[0].wantPrefix("-ERR unknown command 'CASHEW.AT'", "CASHEW.AT", "a", "b")
	for _, s := range servers {
		s.load(t, paths[1])
	}
	if !all(2) {
		t.Error("once a server has said that it does not have the command, it does not go where it belongs")
	}
	for _, s := range servers {
		s.unload(t)
		s.load(t, paths[0])
	}
	await(t, "the command to go where it belongs", func() bool { return all(1) })
}

// TestModuleRules: a pool's rules judge what was learned by its categories, and by its name; and a pool may learn nothing.
func TestModuleRules(t *testing.T) {
	t.Parallel()
	wantCashew(t, "unknown commands close the client")
	server := startRedis(t, "--enable-module-command", "yes", "--loadmodule", buildModule(t))
	rules := map[string]string{
		"default": "", "read": "commands: +@read", "write": "commands: +@all -@write", "named": "commands: +@all -cashew.one -cashew.box|one +cashew.admin", "listed": "commands: -@all +cashew.put +cashew.box",
		"refuse": "unknown_commands: refuse",
	}
	var pools []pool
	for _, name := range sortedKeys(rules) {
		p := poolOf([]*redisServer{server}, rules[name])
		p.name = name
		pools = append(pools, p)
	}
	p := startProxy(t, pools...)
	for _, c := range []struct{ pool, allowed, denied string }{
		{"default", "cashew.put cashew.one cashew.none cashew.box|one cashew.wake", "cashew.admin"},
		{"read", "cashew.one cashew.none cashew.box|one", "cashew.put cashew.wake"},
		{"write", "cashew.one cashew.box|none cashew.admin", "cashew.put cashew.pairs"},
		{"named", "cashew.put cashew.box|none cashew.admin", "cashew.one cashew.box|one"},
		{"listed", "cashew.put cashew.box|one cashew.box|none", "cashew.one cashew.none"},
	} {
		client := dial(t, p.addr(c.pool))
		for _, name := range words(c.denied) {
			client.want("-NOPERM command '"+name+"' is not allowed by the pool's 'commands'\r\n", append(strings.Split(name, "|"), "{k}a")...)
		}
		for _, name := range words(c.allowed) {
			if got := client.do(append(strings.Split(name, "|"), "{k}a", "v")...); strings.HasPrefix(got, "-") {
				t.Errorf("pool %s: %s is answered %q", c.pool, name, got)
			}
		}
	}
	client := dial(t, p.addr("refuse"))
	client.want("-ERR unknown command 'cashew.one', with args beginning with: '{k}a' \r\n", "cashew.one", "{k}a")
}
