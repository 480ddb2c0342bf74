//go:build unix

package difftest

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// Commands without a key, before several servers and before one.

// walkAll is what SCAN tells from a cursor on, and how often it was asked; each is asked for before.
func walkAll(t testing.TB, c *client, from string, each func(cursor string), args ...string) (keys []string) {
	t.Helper()
	for cursor := from; ; {
		reply := c.do(append([]string{"SCAN", cursor}, args...)...)
		head, rest, ok := strings.Cut(reply, "\r\n*")
		lines := strings.Split(head, "\r\n")
		if !ok || len(lines) != 3 || lines[0] != "*2" {
			t.Fatalf("SCAN %s: %q", cursor, clip(reply))
		}
		keys = append(keys, bulks(t, "*"+rest)...)
		if cursor = lines[2]; cursor == "0" {
			return keys
		}
		if each != nil {
			each(cursor)
		}
	}
}

// TestScanSeveral: a walk over four servers tells of each key once; one of which a server is dead says so, and goes on where it was once
// that is back; one whose server a reload took out goes on with the others.
func TestScanSeveral(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	p := newService(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	conf := func(servers []*redisServer) string {
		return "p:\n  listen: " + listen + "\n  redis: true\n  commands: +@all\n  hash: md5\n  distribution: modula\n  auto_eject_hosts: false\n  servers:\n   - " +
			strings.Join(entries(servers), "\n   - ") + "\n"
	}
	p.configure(t, conf(servers))
	p.start(t)
	where := owners(t, listen, servers, "key:%d", 500)
	all := sortedKeys(where)
	c := dial(t, listen)
	for _, args := range [][]string{nil, {"COUNT", "7"}, {"COUNT", "1000"}, {"MATCH", "key:1*"}, {"TYPE", "string", "COUNT", "50"}} {
		want := all
		if len(args) > 0 && args[0] == "MATCH" {
			want = slices.DeleteFunc(slices.Clone(all), func(k string) bool { return !strings.HasPrefix(k, "key:1") })
		}
		got := walkAll(t, c, "0", nil, args...)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("SCAN %v tells of %d keys; want %d", args, len(got), len(want))
		}
	}
	for _, bad := range []string{"1", "12345", "99999999999", "+12345", "-1", "-2", "012345", "12345\x00"} {
		c.wantPrefix("-ERR invalid cursor: it names no server", "SCAN", bad)
	}
	for _, bad := range []string{"x", " 0", "+-1", "18446744073709551616", "-18446744073709551616"} {
		c.want("-ERR invalid cursor\r\n", "SCAN", bad)
	}
	for _, zero := range []string{"", "+0", "-0", "00", "0\x00"} { // as a server takes them
		got := walkAll(t, c, zero, nil)
		slices.Sort(got)
		if !slices.Equal(got, all) {
			t.Errorf("SCAN %q tells of %d keys; want %d", zero, len(got), len(all))
		}
	}
	c.wantPrefix("-ERR syntax error", "SCAN", "0", "MATCH")

	cursors := []string{}
	walkAll(t, c, "0", func(cursor string) { cursors = append(cursors, cursor) }, "COUNT", "10")
	dead := servers[2]
	dead.Kill()
	failed := 0
	for _, cursor := range cursors {
		if reply := c.do("SCAN", cursor, "COUNT", "10"); strings.HasPrefix(reply, "-ERR ") {
			failed++
		}
	}
	if failed == 0 || failed == len(cursors) {
		t.Errorf("with a dead server %d of %d steps of a walk failed", failed, len(cursors))
	}
	p.configure(t, conf(slices.Delete(slices.Clone(servers), 2, 3)))
	p.Signal(syscall.SIGHUP)
	await(t, "the reload", func() bool { succeeded, _ := p.reloads(t); return succeeded == 1 })
	for _, cursor := range cursors {
		walkAll(t, c, cursor, nil, "COUNT", "100")
	}
}

// wantDatabases: INFO has the databases of several servers by number, whichever server has which.
func wantDatabases(t *testing.T, servers []*redisServer, c *client) {
	t.Helper()
	for i, db := range []string{"10", "2", "1", "15", "9"} {
		d := dial(t, servers[i%len(servers)].addr)
		d.want("+OK\r\n", "SELECT", db)
		d.want("+OK\r\n", "SET", "k", "v")
		defer d.do("FLUSHDB")
	}
	var names []string
	for line := range strings.Lines(c.do("INFO", "keyspace")) {
		if name, _, is := strings.Cut(line, ":keys="); is {
			names = append(names, name)
		}
	}
	if got := strings.Join(names, " "); got != "db0 db1 db2 db9 db10 db15" {
		t.Errorf("INFO keyspace has %s", got)
	}
}

// TestSums: what is about all keys, or all servers, before three of them.
func TestSums(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 3)
	p := startProxy(t, poolOf(servers, append(spread, "commands: +@all", "auto_eject_hosts: false")...))
	c := dial(t, p.addr("p"))
	for i := range 30 {
		c.want("+OK\r\n", "SET", "k"+strconv.Itoa(i), "v")
	}
	c.want(":30\r\n", "DBSIZE")
	if got := bulks(t, c.do("KEYS", "k1*")); len(got) != 11 {
		t.Errorf("KEYS k1*: %q", got)
	}
	if key := bulks(t, "*1\r\n"+c.do("RANDOMKEY")); !strings.HasPrefix(key[0], "k") {
		t.Errorf("RANDOMKEY: %q", key)
	}
	wantDatabases(t, servers, c)
	info := parseInfo(c.do("INFO", "keyspace"))
	if !strings.HasPrefix(info["db0"], "keys=30,expires=0,avg_ttl=0") {
		t.Errorf("INFO keyspace: db0:%s", info["db0"])
	}
	if memory := parseInfo(c.do("INFO", "all")); memory["used_memory"] == "" || memory["role"] != "master" || memory["connected_clients"] < "3" {
		t.Errorf("INFO all: used_memory %q, role %q, connected_clients %q", memory["used_memory"], memory["role"], memory["connected_clients"])
	}
	c.want("*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n", "CONFIG", "GET", "appendonly")
	wantConfig(t, c, servers)
	c.wantPrefix("-ERR 'config|set' is about one server", "CONFIG", "SET", "maxmemory", "0")
	c.want("+OK\r\n", "CONFIG", "RESETSTAT")
	c.want("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", "ROLE")

	library := "#!lua name=lib\nredis.register_function('one', function() return 1 end)"
	c.want(bulk("lib"), "FUNCTION", "LOAD", library)
	for i := range 10 {
		c.want(":1\r\n", "FCALL", "one", "1", "k"+strconv.Itoa(i))
	}
	if list := c.do("FUNCTION", "LIST"); !strings.HasPrefix(list, "*1\r\n") {
		t.Errorf("FUNCTION LIST: %q", list)
	}
	c.wantPrefix("-ERR Library 'lib' already exists", "FUNCTION", "LOAD", library)
	c.want("+OK\r\n", "FUNCTION", "DELETE", "lib")

	c.wantPrefix("-CROSSSLOT Keys in request don't hash to the same server: 'k0' is on 127.0.0.1:", "MSETNX", "k0", "1", "k1", "1", "k2", "1", "k3", "1")
	c.want("+OK\r\n", "MULTI")
	c.want("-ERR Command not allowed inside a transaction\r\n", "DBSIZE")
	c.want("+QUEUED\r\n", "TIME")
	c.want("+OK\r\n", "DISCARD")
	c.want("+OK\r\n", "FLUSHALL")
	c.want(":0\r\n", "DBSIZE")
	c.want("$-1\r\n", "RANDOMKEY")

	for _, s := range servers[:2] { // whatever server "placeholder" is on
		s.Kill()
		await(t, "the third server to tell the time", func() bool { return strings.HasPrefix(c.do("TIME"), "*2\r\n") })
	}
	c.wantPrefix("-ERR ", "DBSIZE")
	c.wantPrefix("-ERR ", "FLUSHALL")
	if got := parseInfo(c.do("INFO", "memory")); got["used_memory"] == "" {
		t.Error("INFO memory of the server that is left has no used_memory")
	}
}

// wantConfig checks CONFIG GET by a client of servers that differ in their port and in what they are told here.
func wantConfig(t *testing.T, c *client, servers []*redisServer) {
	t.Helper()
	servers[1].do(t, "CONFIG", "SET", "maxmemory-samples", "9")
	differ := func(name string) string {
		return "-ERR the servers of this pool differ in '" + name + "': ask the one that you mean\r\n"
	}
	for _, resp := range []string{"2", "3"} {
		c.do("HELLO", resp)
		of := func(pairs ...string) string {
			header := "*" + strconv.Itoa(len(pairs))
			if resp == "3" {
				header = "%" + strconv.Itoa(len(pairs)/2)
			}
			for _, p := range pairs {
				header += "\r\n$" + strconv.Itoa(len(p)) + "\r\n" + p
			}
			return header + "\r\n"
		}
		for _, tt := range []struct{ asks, want string }{
			{"port", differ("port")},
			{"PORT", differ("PORT")},
			{"port maxmemory", differ("port")},
			{"* port", differ("port")},
			{"max* maxmemory-samples", differ("maxmemory-samples")},
			{"por?", differ("port")},
			{"[p]ort", differ("port")},
			{"por? maxmemory", of("maxmemory", "0")},
			{"maxmemory-sa* appendonly", of("appendonly", "no")},
			{"appendonly", of("appendonly", "no")},
			{"nosuch", of()},
			{"nosuch*", of()},
		} {
			if got := c.do(append([]string{"CONFIG", "GET"}, words(tt.asks)...)...); got != tt.want {
				t.Errorf("CONFIG GET %s: %q; want %q", tt.asks, got, tt.want)
			}
		}
		all, of0 := c.do("CONFIG", "GET", "*"), servers[0].do(t, "CONFIG", "GET", "*")
		for _, name := range []string{"maxmemory", "maxclients", "io-threads", "maxmemory-policy"} {
			if !strings.Contains(all, "\r\n"+bulk(name)) {
				t.Errorf("CONFIG GET * does not tell %s", name)
			}
		}
		for _, name := range []string{"port", "dir", "maxmemory-samples"} {
			if strings.Contains(all, "\r\n"+bulk(name)) || !strings.Contains(of0, "\r\n"+bulk(name)) {
				t.Errorf("CONFIG GET * tells %s, in which the servers differ, or the server does not", name)
			}
		}
	}
	c.do("HELLO", "2")
}

// TestSole: what a server is asked in a pool of its own; what is said as well over connections of their own.
func TestSole(t *testing.T) {
	t.Parallel()
	server := startRedis(t, "--busy-reply-threshold", "50")
	p := startProxy(t, pool{name: "all", servers: entries([]*redisServer{server}), settings: []string{"commands: +@all", "timeout: 5000"}},
		pool{name: "plain", servers: entries([]*redisServer{server})})
	c, other := dial(t, p.addr("all")), dial(t, p.addr("all"))
	c.send(command("EVAL", "while true do end", "0"))
	await(t, "the script to be stopped", func() bool { return other.do("SCRIPT", "KILL") == "+OK\r\n" })
	if got := c.reply(); !strings.HasPrefix(got, "-ERR Error running script") && !strings.Contains(got, "Script killed by user") {
		t.Errorf("the script that was killed: %q", got)
	}
	c.want("+OK\r\n", "CONFIG", "SET", "maxmemory-samples", "7")
	c.want("*2\r\n$17\r\nmaxmemory-samples\r\n$1\r\n7\r\n", "CONFIG", "GET", "maxmemory-samples")
	plain := dial(t, p.addr("plain"))
	plain.want("*0\r\n", "CONFIG", "GET", "maxmemory-samples")
	plain.want("*2\r\n$4\r\nsave\r\n$0\r\n\r\n", "CONFIG", "GET", "save")
	plain.wantPrefix("-NOPERM ", "CONFIG", "SET", "maxmemory-samples", "7")
	if got := parseInfo(plain.do("INFO"))["tcp_port"]; !strings.HasSuffix(server.addr, ":"+got) {
		t.Errorf("INFO tells port %s", got)
	}
	if parseInfo(plain.do("INFO", "proxy"))["pool"] != "plain" {
		t.Error("INFO proxy is not about the proxy")
	}
	for _, name := range []string{"MONITOR", "SYNC", "SHUTDOWN", "REPLCONF", "FAILOVER"} {
		dial(t, p.addr("all")).wantPrefix("-ERR command '"+strings.ToLower(name)+"' is not supported by this proxy", name)
	}
	for _, args := range [][]string{{"PSYNC", "?", "-1"}, {"REPLICAOF", "NO", "ONE"}, {"SLAVEOF", "NO", "ONE"}} {
		dial(t, p.addr("all")).wantPrefix("-ERR command '"+strings.ToLower(args[0])+"' is not supported by this proxy", args...)
	}
}

// TestUnblock: a client unblocks another, as the server's own do.
func TestUnblock(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server}, "commands: +@all")).addr("p")
	asks := dial(t, addr)
	for _, args := range [][]string{
		{"BLPOP", "q", "0"},
		{"BLMOVE", "q", "r", "LEFT", "LEFT", "0"},
		{"BRPOPLPUSH", "q", "r", "0"},
		{"BZPOPMIN", "z", "0"},
		{"BLMPOP", "0", "1", "q", "LEFT"},
		{"XREAD", "BLOCK", "0", "STREAMS", "s", "$"},
		{"WAIT", "1", "0"},
	} {
		for _, protocol := range []string{"2", "3"} {
			for _, how := range [][]string{nil, {"TIMEOUT"}, {"ERROR"}} {
				var said [2]string
				for i, at := range []string{server.addr, addr} {
					blocked, by := dial(t, at), asks
					if i == 0 {
						by = dial(t, at)
					}
					blocked.do("HELLO", protocol)
					id := strings.Trim(blocked.do("CLIENT", "ID"), ":\r\n")
					blocked.send(command(args...))
					await(t, fmt.Sprint(args, " to be unblocked"), func() bool {
						return by.do(append([]string{"CLIENT", "UNBLOCK", id}, how...)...) == ":1\r\n"
					})
					said[i] = blocked.reply()
					blocked.want("+PONG\r\n", "PING")
					by.want(":0\r\n", "CLIENT", "UNBLOCK", id)
				}
				if said[0] != said[1] {
					t.Errorf("%v in RESP%s, unblocked %v: %q; the server says %q", args, protocol, how, said[1], said[0])
				}
			}
		}
	}
}

// TestReplyOff: what a client sends that wants no replies is done, and answered by nobody, whoever would.
func TestReplyOff(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	p := startProxy(t, pool{name: "one", servers: entries(servers[:1]), settings: []string{"databases: 16"}},
		pool{name: "three", servers: entries(servers[1:]), settings: append([]string{"databases: 16"}, spread...)})
	silent := [][]string{
		{"SET", "a", "1"},
		{"GET", "a"},
		{"MGET", "a", "b", "c", "d"},
		{"PING"},
		{"ECHO", "x"},
		{"NOSUCH"},
		{"GET"},
		{"CLIENT", "LIST"},
		{"INFO", "proxy"},
		{"LPUSH", "a", "1"},
		{"SETRANGE", "big", "1000000", "x"},
		{"GET", "big"},
		{"HELLO", "9"},
		{"CLIENT", "KILL", "ID", "x"},
		{"SCAN", "x"},
		{"SINTER", "a", "b", "c", "d"},
		{"SELECT", "3"},
		{"SELECT", "0"},
		{"MULTI"},
		{"SELECT", "3"},
		{"SELECT", "0"},
		{"INCR", "a"},
		{"INCR", "a"},
		{"EXEC"},
		{"TIME"},
		{"PUBSUB", "CHANNELS"},
		{"EVALSHA", strings.Repeat("0", 40), "1", "a"},
		{"RPUSH", "q", "x"},
		{"BLPOP", "q", "0"},
	}
	for _, at := range []string{servers[0].addr, p.addr("one"), p.addr("three")} {
		flush(t, servers...)
		c := dial(t, at)
		var b []byte
		b = append(b, command("CLIENT", "REPLY", "OFF")...)
		for _, args := range silent {
			b = append(b, command(args...)...)
		}
		b = append(b, command("CLIENT", "REPLY", "ON")...)
		for _, args := range silent {
			if args[0] != "MULTI" && args[0] != "INCR" && args[0] != "EXEC" { // within a transaction CLIENT REPLY is a command like others
				b = append(append(b, command("CLIENT", "REPLY", "SKIP")...), command(args...)...)
			}
		}
		c.send(append(b, command("GET", "a")...))
		if got := c.replies(2); got[0] != "+OK\r\n" || got[1] != bulk("1") {
			t.Errorf("behind what is not answered: %q", got)
		}
		if at != servers[0].addr { // which waits for a reply to be written, and there is none
			c.send(append(command("CLIENT", "REPLY", "OFF"), command("QUIT")...))
			c.wantEOF()
		}
	}
}

// TestRedisCLIModes: the modes of redis-cli that ask about all keys.
func TestRedisCLIModes(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SCAN is unknown to it, 6.3")
	servers := startRedises(t, 4)
	p := startProxy(t, pool{name: "one", servers: entries(servers[:1])}, pool{name: "three", servers: entries(servers[1:]), settings: spread})
	for _, s := range servers {
		s.do(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
	}
	for _, name := range []string{"one", "three"} {
		owners(t, p.addr(name), servers, "key:%d", 100)
		dial(t, p.addr(name)).do("RPUSH", "list", "a", "b", "c")
		_, port, _ := net.SplitHostPort(p.addr(name))
		for _, c := range []struct {
			args []string
			want string
		}{
			{[]string{"--bigkeys"}, "Sampled 101 keys in the keyspace"},
			{[]string{"--memkeys"}, "Sampled 101 keys in the keyspace"},
			{[]string{"--hotkeys"}, "Sampled 101 keys in the keyspace"},
		} {
			if got := tool(t, "", "redis-cli", append([]string{"-p", port}, c.args...)...); !strings.Contains(got, c.want) {
				t.Errorf("%s, redis-cli %v printed %q; want %q in it", name, c.args, got, c.want)
			}
		}
		if got := strings.Fields(tool(t, "", "redis-cli", "-p", port, "--scan", "--pattern", "key:*")); len(got) != 100 {
			t.Errorf("%s, redis-cli --scan tells of %d keys", name, len(got))
		}
		if got := strings.Fields(tool(t, "", "redis-cli", "-p", port, "--latency", "-i", "0.1")); len(got) != 4 || got[3] == "0" {
			t.Errorf("%s, redis-cli --latency printed %q; want the least, the most, the mean and how many", name, got)
		}
		flush(t, servers...)
	}
}
