//go:build unix

package difftest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Users: the same rules in a redis-server, by ACL SETUSER, and in a proxy before another that lets everybody do everything. What one
// denies the other has to deny, in the same words.

// usersRules are users that are meant; random ones come on top.
var usersRules = []string{
	"on nopass ~* &* +@all",
	"on nopass ~* &* -@all",
	"on nopass +@all",
	"on nopass ~str* ~{t}* +@all",
	"on nopass %R~* &* +@all",
	"on nopass %W~* &* +@all",
	"on nopass %R~str* %W~new %RW~lst* +@all &news.*",
	"on nopass ~* &* +@read +@connection",
	"on nopass ~* &* +@all -@write -@dangerous",
	"on nopass ~* &* +@all -config -acl|users -client|kill +config|get",
	"on nopass ~* -@all +config|get +xinfo|stream +object|freq +latency|doctor +script|load +pubsub|numsub",
	"on nopass ~* +select|0 +get|str +client|id +debug|object",
	"on nopass +@all -latency|reset ~*",
	"on nopass ~str +@string (~lst* +@list) (%R~set* +@set &chan)",
	"on nopass +get (~* -@all +set) (+mget ~str*)",
	"on nopass allcommands allkeys allchannels -@slow",
	"on nopass ~[a-l]* ~?ew ~\\\\s +@all",
	"on nopass ~* &chan* +@pubsub",
	"off nopass ~* &* +@all",
	"on nopass %R~src +sort +sort_ro ~*t &x",
	"on nopass %R~* +sort +sort_ro %W~new +@stream",
}

// randomUser are rules for a user, by chance.
func randomUser(rng *rand.Rand, commands []string) string {
	one := func(all ...string) string { return all[rng.IntN(len(all))] }
	rule := func() string {
		switch rng.IntN(6) {
		case 0:
			return one("+", "-") + "@" + one("read", "write", "string", "hash", "list", "set", "sortedset", "stream", "geo", "bitmap", "hyperloglog", "keyspace",
				"fast", "slow", "blocking", "dangerous", "admin", "connection", "transaction", "scripting", "pubsub", "all")
		case 1, 2:
			return one("+", "-") + commands[rng.IntN(len(commands))]
		case 3:
			return one("%R~", "%W~", "~", "%RW~", "~") + one("str*", "*", "lst", "{t}*", "s*t*", "[hl]*", "new", "?st", "*2")
		case 4:
			return "&" + one("*", "chan", "ch*", "news.*", "x")
		}
		return one("allkeys", "resetkeys", "resetchannels", "allcommands", "nocommands", "+@all", "+@read")
	}
	rules := []string{"on", "nopass"}
	for range 1 + rng.IntN(8) {
		if rng.IntN(7) > 0 {
			rules = append(rules, rule())
			continue
		}
		inner := []string{}
		for range 1 + rng.IntN(4) {
			inner = append(inner, rule())
		}
		rules = append(rules, "("+strings.Join(inner, " ")+")")
	}
	return strings.Join(rules, " ")
}

// userSides are a server that judges and a proxy that does.
type userSides struct {
	table  oracleTable
	names  []string
	rules  map[string]string
	judge  *redisServer
	server *redisServer
	proxy  *proxy
}

// startUsers gives both sides the users that the server takes.
func startUsers(t *testing.T, rng *rand.Rand, n int) *userSides {
	t.Helper()
	s := &userSides{judge: startRedis(t), server: startRedis(t), rules: map[string]string{}}
	s.table = readTable(t, s.judge)
	commands, known := sortedKeys(s.table), proxyTable()
	commands = slices.DeleteFunc(commands, func(name string) bool { return !slices.Contains(known, name) })
	all := slices.Clone(usersRules)
	for range n {
		all = append(all, randomUser(rng, commands))
	}
	settings := []string{"users:", "  - default on nopass ~* &* +@all"}
	for i, rules := range all {
		name := fmt.Sprintf("u%d", i)
		if s.judge.do(t, append([]string{"ACL", "SETUSER", name}, strings.Fields(rules)...)...) != "+OK\r\n" {
			if i < len(usersRules) {
				t.Fatalf("the server does not take %q", rules)
			}
			continue
		}
		s.names, s.rules[name] = append(s.names, name), rules
		settings = append(settings, "  - "+name+" "+rules)
	}
	s.proxy = startProxy(t, pool{name: "users", servers: entries([]*redisServer{s.server}), settings: append(settings, `commands: "+@all"`, "databases: 16", "unknown_commands: refuse")})
	return s
}

// TestUsersDryRun: whatever a user asks, ACL DRYRUN says the same.
func TestUsersDryRun(t *testing.T) {
	notRaced(t)
	wantCashew(t, "users")
	t.Parallel()
	rng := newRand(*oracleSeedFlag)
	s := startUsers(t, rng, 60)
	direct, proxied := dial(t, s.judge.addr), dial(t, s.proxy.addr("users"))
	compared := 0
	for _, session := range oracleSchedule(t, s.table, *oracleSeedFlag, *oracleCallsFlag) {
		for _, call := range session {
			if call.foreign || call.name == "(unknown)" {
				continue
			}
			for range 3 {
				name := s.names[rng.IntN(len(s.names))]
				args := append([]string{"ACL", "DRYRUN", name}, call.args...)
				direct.renew()
				proxied.renew()
				want, got := direct.do(args...), proxied.do(args...)
				if compared++; want != got && !differentDryRun(call, want, got) {
					t.Errorf("%s (%s)\n %s\n server %q\n proxy  %q", name, s.rules[name], show(args), want, got)
				}
			}
		}
	}
	if compared < 3000 {
		t.Errorf("%d calls compared", compared)
	}
}

// differentDryRun are the calls that the proxy refuses whoever sends them, before it looks for their keys; in answer to a call that is wrong, it
// may look where the server does not.
func differentDryRun(call oracleCall, want, got string) bool {
	switch call.name {
	case "restore-asking":
		return got == "+OK\r\n" && strings.Contains(want, "access the")
	case "xread", "xreadgroup", "mset", "msetnx":
		return (got == "+OK\r\n" || strings.HasPrefix(got, "-ERR wrong number")) && strings.Contains(want, "access the")
	}
	return !call.runs && strings.HasPrefix(want, "-ERR")
}

// ownRefusals are what the proxy says to calls that are wrong whoever sends them, before it looks for their keys.
var ownRefusals = []string{
	"-ERR wrong number of arguments for 'mset' command", "-ERR wrong number of arguments for 'msetnx' command", "-ERR Unbalanced XREAD list of streams",
	"-ERR DB index is out of range", "-ERR value is not an integer or out of range", "-ERR Number of keys", "-ERR command 'restore-asking'", "-ERR syntax error",
}

// ownRefusal says that got is one, in place of a denial of keys.
func ownRefusal(want, got string) bool {
	return strings.Contains(want, "one of the keys") && slices.ContainsFunc(ownRefusals, func(s string) bool { return strings.HasPrefix(got, s) })
}

// TestUsersCommands: the verdicts and their words are the same for commands that are sent, alone and in transactions.
func TestUsersCommands(t *testing.T) {
	notRaced(t)
	wantCashew(t, "users")
	t.Parallel()
	rng := newRand(*oracleSeedFlag + 1)
	s := startUsers(t, rng, 40)
	type pair struct{ direct, proxied *client }
	conns := map[string]pair{}
	for _, name := range s.names {
		p := pair{dial(t, s.judge.addr), dial(t, s.proxy.addr("users"))}
		if want, got := p.direct.do("AUTH", name, "x"), p.proxied.do("AUTH", name, "x"); want != got {
			t.Fatalf("AUTH %s: server %q, proxy %q", name, want, got)
		}
		conns[name] = p
	}
	denied, allowed := 0, 0
	for _, session := range oracleSchedule(t, s.table, *oracleSeedFlag+1, *oracleCallsFlag) {
		call := session[0]
		if call.foreign || !call.runs || len(session) > 1 || !plainOf(call) {
			continue
		}
		for range 2 {
			name := s.names[rng.IntN(len(s.names))]
			p := conns[name]
			p.direct.renew()
			p.proxied.renew()
			multi := rng.IntN(4) == 0
			commands := [][]string{call.args}
			if multi {
				commands = [][]string{{"MULTI"}, call.args, {"EXEC"}, {"DISCARD"}}
			}
			p.direct.send(stream(commands))
			p.proxied.send(stream(commands))
			want, got := p.direct.replies(len(commands)), p.proxied.replies(len(commands))
			for i := range commands {
				w, g := deniedOf(want[i]), deniedOf(got[i])
				excused := ownRefusal(want[i], got[i]) || multi && (i >= 2 || isSortDenial(g))
				if w != g && !excused {
					t.Errorf("%s (%s)\n %s of %q\n server %q\n proxy  %q", name, s.rules[name], show(commands[i]), commands, want[i], got[i])
				}
				if w != "" {
					denied++
				} else {
					allowed++
				}
			}
			if multi && deniedOf(want[1]) != "" && want[2] != got[2] && !ownRefusal(want[1], got[1]) {
				t.Errorf("%s (%s): EXEC behind %q: server %q, proxy %q", name, s.rules[name], call.args, want[2], got[2])
			}
		}
	}
	if denied < 500 || allowed < 500 {
		t.Errorf("%d denied, %d allowed", denied, allowed)
	}
}

// plainOf says that a call has one reply and leaves connection and server as they are.
func plainOf(c oracleCall) bool {
	root, _, _ := strings.Cut(c.name, "|")
	switch root {
	case "auth", "client", "hello", "quit", "reset", "watch", "asking", "readonly", "readwrite", "multi", "exec", "discard", "shutdown", "monitor", "sync",
		"psync", "replconf", "debug", "failover", "replicaof", "slaveof", "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe",
		"acl", "config", "function", "script", "save", "bgsave", "bgrewriteaof", "wait", "waitaof", "migrate", "module", "select", "eval", "evalsha", "fcall",
		"blpop", "brpop", "brpoplpush", "blmove", "blmpop", "bzpopmin", "bzpopmax", "bzmpop", "cluster", "command", "swapdb", "move":
		return false
	case "xread", "xreadgroup":
		return !slices.ContainsFunc(c.args, func(s string) bool { return strings.EqualFold(s, "block") })
	}
	return true
}

// deniedOf is a reply that denies something to a user; "": it is none.
func deniedOf(reply string) string {
	if strings.HasPrefix(reply, "-NOPERM") || strings.HasPrefix(reply, "-EXECABORT") || isSortDenial(reply) {
		return reply
	}
	return ""
}

func isSortDenial(reply string) bool {
	return strings.HasSuffix(reply, "option of SORT denied due to insufficient ACL permissions.\r\n")
}
