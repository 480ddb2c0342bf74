//go:build unix

package difftest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// oracleTreatment is what is done about replies that are not the same bytes.
type oracleTreatment int

const (
	unasked   oracleTreatment = iota // the server is not asked; the proxy's reply begins as the exception says
	differs                          // the proxy's reply begins as the exception says, whatever the server's is
	chance                           // either reply begins as the exception says of the proxy's
	shaped                           // of the same types, and what is in them is the server's choice
	masked                           // the same once what the exception masks is taken out
	unordered                        // the same elements in another order
	paired                           // the same pairs of elements in another order
	near                             // the same but for integers that are a few seconds apart
	untried                          // neither is asked if the server would do it
	leaves                           // the same bytes, and both connections are new afterwards
)

// oracleException is about calls whose replies are known to differ. It fails the test once they do not any more.
type oracleException struct {
	names  string                // of commands or container|subcommand; a container stands for all of its; "" is all
	when   func(oracleCall) bool // which of their calls; nil: all
	how    oracleTreatment
	server string         // differs: how the server's reply begins
	proxy  string         // unasked, differs, chance: how the proxy's reply begins, or unsupported
	mask   *regexp.Regexp // masked: what is taken out of both
	over   int            // only with so many servers; 0: any number
	taint  bool           // the data may differ even if the replies do not
	why    string
}

// unsupported stands for the reply to commands that the proxy does not serve.
const unsupported = "-ERR command ... is not supported by this proxy"

// about says that e is about a call of a command.
func (e *oracleException) about(c oracleCall, servers int) bool {
	if e.over != 0 && e.over != servers {
		return false
	}
	root, _, _ := strings.Cut(c.name, "|")
	names := strings.Fields(e.names)
	named := len(names) == 0 || slices.Contains(names, c.name) || slices.Contains(names, root)
	return named && (e.when == nil || e.when(c))
}

// own says that a reply is the one of the proxy that e tells of.
func (e *oracleException) own(reply string) bool {
	if e.proxy == unsupported {
		return strings.HasPrefix(reply, "-ERR command '") && strings.HasSuffix(reply, "' is not supported by this proxy\r\n")
	}
	return strings.HasPrefix(reply, e.proxy)
}

// explains says that e accounts for the difference between a server's answer and the proxy's.
func (e *oracleException) explains(server, proxy *oracleAnswer) bool {
	const slack = 5000 // milliseconds, or as many seconds, which no test lasts
	if e.how == differs {
		return proxy.closed() == server.closed() && (proxy.closed() || proxy.single()) && strings.HasPrefix(server.raw, e.server) && e.own(proxy.raw)
	}
	if !server.single() || !proxy.single() {
		return false
	}
	if e.how == chance {
		return e.own(server.raw) || e.own(proxy.raw)
	}
	a, b := &server.replies[0], &proxy.replies[0]
	if e.how != masked && (a.isError() || a.kind != b.kind || a.null != b.null) {
		return false
	}
	switch e.how {
	case masked:
		return e.mask.ReplaceAllString(a.raw, "") == e.mask.ReplaceAllString(b.raw, "")
	case shaped:
		return a.shaped(b)
	case unordered:
		return a.sorted(1) == b.sorted(1)
	case paired:
		return a.sorted(2) == b.sorted(2)
	case near:
		return a.near(b, slack)
	}
	return false
}

// has is a condition: one of the words is among the arguments, in any case.
func has(all ...string) func(oracleCall) bool {
	return func(c oracleCall) bool {
		return slices.ContainsFunc(c.args[1:], func(a string) bool {
			return slices.ContainsFunc(all, func(w string) bool { return strings.EqualFold(a, w) })
		})
	}
}

// both is a condition: a and b.
func both(a, b func(oracleCall) bool) func(oracleCall) bool {
	return func(c oracleCall) bool { return a(c) && b(c) }
}

// foreign is a condition: the proxy knows the command and the server does not.
func foreign(c oracleCall) bool { return c.foreign }

// oracleExceptions is the list of all that may differ. Of those that are about a call the first that explains it counts.
var oracleExceptions = []oracleException{
	// What the proxy serves in no pool.
	{
		names: "failover monitor psync replconf replicaof restore-asking shutdown slaveof sync", how: unasked, proxy: unsupported,
		why: "streams, and what takes the server away from all who share it",
	},

	// What would stop a server, block it, or change more than its data: no server is asked.
	{
		names: "acl|deluser acl|load acl|save acl|setuser bgrewriteaof bgsave client|pause config|resetstat config|rewrite config|set debug migrate " +
			"module|load module|loadex module|unload save memory|purge pfselftest slowlog|reset latency|reset",
		how: untried, why: "the rest of the test is to be about the same servers",
	},
	{names: "psubscribe punsubscribe ssubscribe subscribe sunsubscribe unsubscribe", how: leaves, why: "what follows is another matter: see TestPubSub"},
	{names: "multi watch", how: untried, why: "what follows is another matter: see TestTransactions"},

	// What several servers can't answer.
	{names: "wait", over: 3, how: differs, proxy: "-ERR WAIT asks for the replicas of one server, and this pool has several\r\n", why: "each server has its own replicas"},
	{names: "eval eval_ro evalsha evalsha_ro fcall fcall_ro", over: 3, how: differs, proxy: "-ERR this proxy needs at least one key to choose one of the pool's servers\r\n", why: "scripts without a key go to a pool's only server"},
	{
		names: "acl config|set function|stats function|kill latency memory|doctor memory|malloc-stats memory|stats module script|kill client|unpause pfselftest debug",
		over:  3, how: differs, proxy: "-ERR '", why: "one server's own affairs",
	},
	{names: "script|exists", over: 3, how: shaped, why: "a script that was sent with EVAL is at one server, and only what all have exists"},
	{names: "config|get", over: 3, how: chance, proxy: "-ERR the servers of this pool differ in '", why: "each has its own port"},
	{names: "scan", over: 3, how: shaped, why: "from one server after the other"},
	{names: "scan", over: 3, how: differs, proxy: "-ERR invalid cursor: it names no server", why: "a cursor names its server"},
	{names: "info", over: 3, how: shaped, why: "of several servers, or of the proxy"},
	{names: "slowlog|get slowlog|len", over: 3, how: shaped, why: "the proxy's own"},
	{
		names: "slowlog|get", over: 3, how: differs, server: "-ERR unknown subcommand or wrong number of arguments for '",
		proxy: "-ERR unknown subcommand or wrong number of arguments for 'get'", why: "the server repeats the name as it came",
	},
	{names: "slowlog|help", over: 3, how: differs, proxy: "*12\r\n+SLOWLOG", why: "the proxy keeps the first key instead of all arguments"},

	// What the proxy says of itself.
	{names: "client|id", how: masked, mask: regexp.MustCompile(`^:[0-9]+`), why: "each has its own numbers for clients"},
	{names: "hello", how: masked, mask: regexp.MustCompile(`(version\r\n\$[0-9]\r\n[0-9.]+|id\r\n:[0-9]+)`), why: "each has its own version and its own numbers for clients"},
	{names: "client|info client|list", how: shaped, why: "about the proxy's clients"},
	{names: "auth", how: differs, proxy: "-ERR Client sent AUTH, but no password is set\r\n", why: "twemproxy's text"},
	{names: "host: post", how: differs, proxy: "-ERR Protocol error: this is not an HTTP server\r\n", why: "who speaks HTTP is told so"},
	{names: "client|kill", when: has("TYPE"), how: differs, server: "-ERR Unknown client type '", proxy: "-ERR Unknown client type '", why: "the proxy repeats 128 bytes of it at most"},

	// What the proxy has to know before it has chosen a server.
	{names: "xread xreadgroup", over: 3, when: has("COUNT"), how: differs, server: "-ERR value is not an integer or out of range\r\n", proxy: "-ERR ", why: "the proxy looks for the streams before it looks at the count"},
	{names: "evalsha evalsha_ro", over: 3, how: differs, proxy: "-NOSCRIPT ", why: "a script that came with EVAL is at one server, and in a pipeline it is not loaded elsewhere"},
	{names: "evalsha evalsha_ro", over: 3, how: differs, server: "-NOSCRIPT ", proxy: "-ERR ", why: "the number of keys is judged before the script is looked for"},
	{names: "fcall fcall_ro", over: 3, how: differs, server: "-ERR Function not found\r\n", proxy: "-ERR ", why: "the number of keys is judged before the script is looked for"},

	// What the proxy knows and the server does not.
	{when: foreign, how: differs, proxy: "-ERR ", why: "the proxy's table has commands newer than the server, and those of modules"},
	{names: "client|no-touch client|setinfo", when: foreign, how: differs, proxy: "+OK\r\n", why: "newer than the server"},

	// What the proxy can't know before it has chosen a server.
	{names: "", over: 3, how: differs, proxy: "-CROSSSLOT Keys in request don't hash to the same server: '", why: "keys on several servers"},

	{names: "sort sort_ro", over: 3, when: has("BY", "GET"), how: differs, taint: true, why: "the keys of a pattern may be on other servers"},

	// What servers choose by chance, or by the clock, or by the seed of their hashes.
	{names: "spop srandmember hrandfield zrandmember", how: shaped, why: "members at random"},
	{names: "lolwut acl|genpass randomkey", how: shaped, why: "at random"},
	{names: "info command|info command|docs command memory latency slowlog function|dump acl|log scan", how: shaped, why: "figures, or the order of a hash table"},
	{names: "command|list acl|cat keys module|list acl|list acl|users command|info command", how: unordered, why: "the order of a hash table"},
	{names: "time", how: shaped, why: "the clock"},
	{names: "lastsave role", how: near, why: "the clock"},
	{names: "xadd", when: has("*"), how: shaped, taint: true, why: "an ID from the clock"},
	{names: "dump", how: shaped, why: "the order of a hash table"},
	{names: "smembers sunion sinter sdiff hkeys hvals", how: unordered, why: "the order of a hash table"},
	{names: "config|get", when: has("*", "???"), how: shaped, why: "each has its own port"},
	{names: "hgetall command|docs config|get", how: paired, why: "the order of a hash table"},
	{names: "eval eval_ro evalsha evalsha_ro", how: unordered, why: "the order of a hash table"},
	{names: "memory|usage", how: shaped, why: "the height of a skip list"},
	{names: "sscan hscan zscan", how: shaped, why: "the order of a hash table"},
	{names: "sort sort_ro", how: chance, proxy: "-ERR One or more scores can't be converted into double\r\n", why: "the server looks at an errno that an earlier command may have left"},
	{names: "sort sort_ro", when: has("BY"), how: unordered, taint: true, why: "what weighs the same is in the order of a hash table"},
	{names: "sort sort_ro", when: both(has("BY"), has("LIMIT")), how: shaped, why: "what weighs the same is in the order of a hash table"},
	{names: "ttl pttl expiretime pexpiretime xpending xinfo object|idletime", how: near, why: "the clock"},
}

// TestOracleExplains checks that an exception does not excuse more than it says.
func TestOracleExplains(t *testing.T) {
	t.Parallel()
	answer := func(raw string) (a oracleAnswer) {
		for a.raw = raw; raw != ""; {
			var r oracleReply
			if r, raw, a.err = parseOracle(raw, eitherProtocol); a.err != nil {
				t.Fatalf("parseOracle(%q): %v", a.raw, a.err)
			}
			a.replies = append(a.replies, r)
		}
		return a
	}
	for _, c := range []struct {
		e             oracleException
		server, proxy string
		want          bool
	}{
		{oracleException{how: differs, proxy: unsupported}, "+OK\r\n", "-ERR command 'x' is not supported by this proxy\r\n", true},
		{oracleException{how: differs, proxy: unsupported}, "+OK\r\n", "-ERR command 'x' is unknown\r\n", false},
		{oracleException{how: differs, server: "-A", proxy: "-B"}, "-A\r\n", "-B\r\n", true},
		{oracleException{how: differs, server: "-A", proxy: "-B"}, "-B\r\n", "-B 2\r\n", false},
		{oracleException{how: differs, proxy: "-B"}, "-A\r\n", "-B\r\n-B\r\n", false},
		{oracleException{how: differs, proxy: "-B"}, "-A\r\n", "", false},
		{oracleException{how: chance, proxy: "-B"}, "-B\r\n", "+OK\r\n", true},
		{oracleException{how: chance, proxy: "-B"}, "+OK\r\n", "-B\r\n", true},
		{oracleException{how: chance, proxy: "-B"}, "+OK\r\n", "-C\r\n", false},
		{oracleException{how: masked, mask: regexp.MustCompile(`[0-9]`)}, ":12\r\n", ":3\r\n", true},
		{oracleException{how: masked, mask: regexp.MustCompile(`[0-9]`)}, ":12\r\n", "$1\r\n3\r\n", false},
		{oracleException{how: shaped}, "*2\r\n$1\r\na\r\n:1\r\n", "*1\r\n$1\r\nb\r\n", true},
		{oracleException{how: shaped}, "*1\r\n$1\r\na\r\n", "*1\r\n:1\r\n", false},
		{oracleException{how: shaped}, "%1\r\n+a\r\n+b\r\n", "*2\r\n+a\r\n+b\r\n", false},
		{oracleException{how: shaped}, "$1\r\na\r\n", "$-1\r\n", false},
		{oracleException{how: shaped}, "-ERR a\r\n", "-ERR b\r\n", false},
		{oracleException{how: unordered}, "*3\r\n:1\r\n:2\r\n:2\r\n", "*3\r\n:2\r\n:1\r\n:2\r\n", true},
		{oracleException{how: unordered}, "*3\r\n:1\r\n:2\r\n:2\r\n", "*3\r\n:1\r\n:1\r\n:2\r\n", false},
		{oracleException{how: unordered}, "~2\r\n:1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n", false},
		{oracleException{how: paired}, "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", "*4\r\n:3\r\n:4\r\n:1\r\n:2\r\n", true},
		{oracleException{how: paired}, "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", "*4\r\n:1\r\n:4\r\n:3\r\n:2\r\n", false},
		{oracleException{how: unordered}, "%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", "%2\r\n:1\r\n:4\r\n:3\r\n:2\r\n", false},
		{oracleException{how: near}, "*2\r\n:100\r\n$1\r\na\r\n", "*2\r\n:5000\r\n$1\r\na\r\n", true},
		{oracleException{how: near}, "*2\r\n:100\r\n$1\r\na\r\n", "*2\r\n:5200\r\n$1\r\na\r\n", false},
		{oracleException{how: near}, "*2\r\n:100\r\n$1\r\na\r\n", "*2\r\n:100\r\n$1\r\nb\r\n", false},
		{oracleException{how: near}, ":-9223372036854775808\r\n", ":9223372036854775807\r\n", false},
	} {
		server, proxy := answer(c.server), answer(c.proxy)
		if got := c.e.explains(&server, &proxy); got != c.want {
			t.Errorf("exception %+v: explains(%q, %q) = %v; want %v", c.e, c.server, c.proxy, got, c.want)
		}
	}
}
