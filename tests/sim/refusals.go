package sim

import "strings"

// What the proxy answers itself, and so whatever state servers are in. A line is what a client sends and, behind a bar, what comes
// back: an error, a status or a number as it stands, =text for text, or in place of that the kinds of reply that it may be. Behind a ~ stands
// what servers are asked for, or say themselves: it may fail. The name
// of a container's subcommand is container|name.
const answered = `
ping | +PONG
pubsub|help | ?*
ping @ | =@
echo @ | =@
client|id | ?:
client|getname | ?$_
client|setname sim | +OK
client|setinfo lib-name sim | +OK
client|setinfo lib-ver 1.0 | +OK
client|setinfo colour red | -ERR Unrecognized option 'colour'
client|getredir | :-1
client|caching yes | -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
client|no-evict on | +OK
client|no-touch off | +OK
client|no-evict maybe | -ERR syntax error
client|maint_notifications off | +OK
client|maint_notifications on | ?+-
client|reply on | +OK
client|unblock 999999999 | :0
client|tracking off | +OK
client|tracking on | -ERR CLIENT TRACKING is not supported by this proxy: nobody would tell the client of changes
client|trackinginfo | ?*%
client|info | ?$=
client|list | ?$=
client|kill id 999999999 | :0
slowlog|get | ?*
slowlog|get 2 | ?*
slowlog|len | ?:
slowlog|reset | +OK
slowlog|help | ?*
info replication | ?$=
acl|whoami | =default
auth default @ | +OK
auth @ | -ERR Client sent AUTH, but no password is set
select @ | -ERR value is not an integer or out of range
config|get save | ?*%
unwatch | +OK
exec | -ERR EXEC without MULTI
discard | -ERR DISCARD without MULTI
hello 4 | -NOPROTO unsupported protocol version
hello @ | -ERR Protocol version is not an integer or out of range
echo | -ERR wrong number of arguments for 'echo' command
nosuch @ b | ~-ERR unknown command 'nosuch', with args beginning with: '@' 'b' 
client|nosuch | ~-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.
client|setname | -ERR wrong number of arguments for 'client|setname' command
wait 1 | -ERR wrong number of arguments for 'wait' command
waitaof 1 1 | -ERR wrong number of arguments for 'waitaof' command
swapdb 0 1 | -NOPERM command 'swapdb' is not allowed by the pool's 'commands'
`

// answeredOne is of pools with one database.
const answeredOne = `
select 0 | +OK
copy k k db 3 | -ERR COPY to another database is refused: this pool serves database 0 only
move k 1 | -ERR MOVE to another database is refused: this pool serves database 0 only
`

// answeredMany is of pools with several.
const answeredMany = `
select 16 | -ERR DB index is out of range
select -1 | -ERR DB index is out of range
select 2147483648 | -ERR value is out of range, value must between -2147483648 and 2147483647
copy k k db 16 | -ERR DB index is out of range
move k 16 | -ERR DB index is out of range
`

// disabled are the commands whose answer is that there is no cluster.
const disabled = `readonly; readwrite; asking; cluster|addslots 1; cluster|addslotsrange 1 2; cluster|bumpepoch; cluster|count-failure-reports x;
cluster|countkeysinslot 1; cluster|delslots 1; cluster|delslotsrange 1 2; cluster|failover; cluster|flushslots; cluster|forget x;
cluster|getkeysinslot 1 1; cluster|help; cluster|info; cluster|keyslot k; cluster|links; cluster|meet h 1; cluster|myid; cluster|myshardid;
cluster|nodes; cluster|replicas x; cluster|replicate x; cluster|reset; cluster|saveconfig; cluster|set-config-epoch 1; cluster|setslot 1 stable;
cluster|shards; cluster|slaves x; cluster|slots`

// unsupported are the commands that are refused by name.
const unsupported = `replconf; replicaof no one; restore-asking k 0 @; failover; shutdown; slaveof no one`

// denied are the commands that a pool without rules of its own refuses.
const denied = `keys *; migrate h 1 k 0 1; pfdebug getreg k; pfselftest; script|kill; client|pause 1; client|unpause; acl|deluser a; acl|dryrun a get k;
acl|getuser a; acl|list; acl|load; acl|log; acl|save; acl|setuser a; acl|users; bgrewriteaof; bgsave; config|resetstat; config|rewrite; config|set save @;
debug sleep 1; latency|doctor; latency|graph get; latency|histogram; latency|history get; latency|latest;
latency|reset; flushall; flushdb async; hotkeys get; save; module|load @; module|loadex @; module|unload @; function|kill; function|flush; function|restore @; script|debug no`

// questions are what a server is asked where the pool has one, and is refused, or asked of all, where it has several: what comes back may be
// of these kinds, or an error.
const questions = `
scan 0 | *
scan @ | *
dbsize | :
randomkey | $_
role | *
lastsave | :
info keyspace | $=
info all | $=
memory|doctor | $=
memory|malloc-stats | $=
memory|purge | +
memory|stats | *%
module|list | *
function|list | *
function|load @ | $
function|delete @ | +
function|stats | *%
ts.mget filter a=b | *
ts.mrange - + filter a=b | *
ts.mrevrange - + filter a=b | *
ts.queryindex a=b | *
`

// refusal is a command that the proxy answers itself.
type refusal struct {
	args []string
	want string
}

// refusals are those in pools with one database, refusalsOfMany in those with several.
var refusals, refusalsOfMany = refusalsIn(answered + answeredOne[1:]), refusalsIn(answered + answeredMany[1:])

func linesIn(text string) (list []refusal) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSuffix(line, "\n")
		command, want, _ := strings.Cut(line, " | ")
		list = append(list, refusal{commandWords(command), want})
	}
	return list
}

func refusalsIn(text string) []refusal {
	list := linesIn(text)
	for line := range strings.Lines(strings.TrimSpace(questions)) {
		command, kinds, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		list = append(list, refusal{commandWords(command), "?-_" + kinds})
	}
	for command := range strings.SplitSeq(denied, ";") {
		name := strings.Fields(command)[0]
		list = append(list, refusal{commandWords(command), "-NOPERM command '" + name + "' is not allowed by the pool's 'commands'"})
	}
	for command := range strings.SplitSeq(disabled, ";") {
		list = append(list, refusal{commandWords(command), "-ERR This instance has cluster support disabled"})
	}
	for command := range strings.SplitSeq(unsupported, ";") {
		name := strings.Fields(command)[0]
		list = append(list, refusal{commandWords(command), "-ERR command '" + name + "' is not supported by this proxy"})
	}
	return list
}

func commandWords(line string) []string {
	args := strings.Fields(line)
	if container, sub, ok := strings.Cut(args[0], "|"); ok {
		args = append([]string{container, sub}, args[1:]...)
	}
	return args
}

// bars are commands that are refused and have all behind them refused, until one that ends that.
var bars = []struct {
	begin, refused string
	within         string // what those between are answered
	three          bool   // in RESP3, too
	end, ended     string // "": the bar holds for one command
}{
	{
		"select 1", "-ERR DB index is out of range: this pool serves database 0 only",
		"-ERR an earlier SELECT was refused: this pool serves database 0 only", true,
		"select 0", "+OK",
	},
	{
		"auth somebody secret", "-WRONGPASS invalid username-password pair or user is disabled.",
		"-NOAUTH an earlier AUTH or HELLO was refused: this pool has no users but default", true,
		"auth default secret", "+OK",
	},
	{
		"monitor", "-ERR command 'monitor' is not supported by this proxy",
		"-ERR MONITOR and SYNC are not supported by this proxy: nothing is executed before RESET", true,
		"reset", "+RESET",
	},
	{
		"psync ? -1", "-ERR command 'psync' is not supported by this proxy",
		"-ERR MONITOR and SYNC are not supported by this proxy: nothing is executed before RESET", true,
		"reset", "+RESET",
	},
	{
		"sync", "-ERR command 'sync' is not supported by this proxy",
		"-ERR MONITOR and SYNC are not supported by this proxy: nothing is executed before RESET", true,
		"reset", "+RESET",
	},
}

// broken is what is no command: the proxy says so and hangs up, once all is answered that came before. The first are for a proxy of
// Redis, the others for one of memcached.
var broken, brokenMemcached = []refusal{
	{[]string{"*1\r\n+PING\r\n"}, "-ERR Protocol error: expected '$', got '+'"},
	{[]string{"*x\r\n"}, "-ERR Protocol error: invalid multibulk length"},
	{[]string{"*1\r\n$x\r\n"}, "-ERR Protocol error: invalid bulk length"},
	{[]string{"*1\r\n$4\r\nPINGPING\r\n"}, "-ERR Protocol error: expected CRLF after bulk"},
	{[]string{"GET \"abc\r\nGET a\r\n"}, "-ERR Protocol error: unbalanced quotes in request"},
	{[]string{"POST / HTTP/1.1\r\nHost: a\r\n\r\n"}, "-ERR Protocol error: this is not an HTTP server"},
	{[]string{"GET / HTTP/1.1\r\n\r\n"}, "-ERR Protocol error: this is not an HTTP server"},
	{[]string{strings.Repeat("GET ", 17<<10)}, "-ERR Protocol error: too big inline request"},
}, []refusal{
	{[]string{strings.Repeat("x", 2100)}, "CLIENT_ERROR line too long"},
	{[]string{"GET / HTTP/1.1\r\nHost: a\r\n"}, "SERVER_ERROR this is not an HTTP server"},
	{[]string{"Host: a\r\nget a\r\n"}, "SERVER_ERROR this is not an HTTP server"},
}
