//go:build unix

package compat

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// page is written by a run with -full of all that there is, and held against what any other run finds.
const page = "../../docs/compatibility.md"

// finding is what a run of a row found.
type finding struct {
	version    string
	steps      []string           // that the row has
	one, three map[string]*reason // those that were refused before one server and before three, with the reason
}

// findings are those of the rows that did as the table has it, by the row's id.
var findings = struct {
	sync.Mutex
	byRow map[string]*finding
}{byRow: map[string]*finding{}}

func (f *finding) enter(id string) {
	findings.Lock()
	defer findings.Unlock()
	findings.byRow[id] = f
}

// allRows are those of all tests.
func allRows() []row { return slices.Concat(libraries, overTLS(libraries), frameworks) }

// TestPage: docs/compatibility.md says of each row what this run has found. A library has one line, of which what was found over TLS has to
// be no less true.
func TestPage(t *testing.T) {
	if *full {
		t.Skip("this run writes it")
	}
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range allRows() {
		f := findings.byRow[r.id()]
		if f == nil {
			continue
		}
		want := r.line(f)
		start, rest, _ := strings.Cut(want, f.version) // versions are those of the machine on which it was written
		if !slices.ContainsFunc(strings.Split(string(written), "\n"), func(line string) bool {
			return strings.HasPrefix(line, start) && strings.HasSuffix(line, rest)
		}) {
			t.Errorf("docs/compatibility.md does not have\n%s\nmake compat writes it anew", want)
		}
	}
	for _, text := range []string{refusedList(), notTheServers, clusterClients, usersDiffer} {
		if !strings.Contains(string(written), text) {
			t.Errorf("docs/compatibility.md does not have\n%s\nmake compat writes it anew", text)
		}
	}
}

// writePage writes the page if all rows were run and did as the table has it.
func writePage() error {
	var missing []string
	for _, r := range allRows() {
		if findings.byRow[r.id()] == nil {
			missing = append(missing, r.id())
		}
	}
	if run := flag.Lookup("test.run"); run != nil && run.Value.String() != "" {
		return nil // whoever asks for a part of it wants no page
	}
	if missing != nil {
		return fmt.Errorf("docs/compatibility.md stays as it was, since these were not run to their end: %s", strings.Join(missing, ", "))
	}
	return os.WriteFile(page, []byte(render()), 0o644) //nolint:gosec // a page of the documentation is for everyone
}

// render is the page.
func render() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, server := range []struct{ name, title string }{{"redis", "Libraries for Redis"}, {"memcached", "Libraries for memcached"}} {
		fmt.Fprintf(&b, "\n## %s\n\n| library | version | protocol |", server.title)
		for _, s := range scenarios[server.name] {
			fmt.Fprintf(&b, " %s |", s.name)
		}
		fmt.Fprintf(&b, " TLS |\n|---|---|---|%s---|\n", strings.Repeat("---|", len(scenarios[server.name])))
		for _, r := range libraries {
			if r.protocol.server() == server.name {
				fmt.Fprintln(&b, r.line(findings.byRow[r.id()]))
			}
		}
		for _, r := range libraries {
			for _, s := range scenarios[server.name] {
				if why := r.lacks[s.name]; why != "" && r.protocol.server() == server.name {
					fmt.Fprintf(&b, "\n%s has no %s with %s: %s.\n", r.name, s.name, r.protocol, why)
				}
			}
		}
	}
	b.WriteString("\n## Frameworks\n\n| framework | version | protocol | what it does | one server | three servers |\n|---|---|---|---|---|---|\n")
	for _, r := range frameworks {
		fmt.Fprintln(&b, r.line(findings.byRow[r.id()]))
	}
	fmt.Fprintf(&b, "\n## What is refused\n\n%s\n%s%s%s%s", refusedList(), notTheServers, clusterClients, usersDiffer, outro)
	return b.String()
}

// notTheServers is what tells a pool of one server from the server; the oracle of tests/difftest has each with its calls.
const notTheServers = "" +
	"## What is not the server's\n" +
	"\n" +
	"With one server behind it, `commands: +@all`, and as many `databases` as that has, a pool answers a client by the bytes of the server, but for these:\n" +
	"\n" +
	"* `CLIENT ID`, `LIST`, `INFO`, `KILL` and `UNBLOCK` are about the proxy's clients, and so are the version and the number in the answer to `HELLO`.\n" +
	"* An error that depends on the server's state, settings or version (`OOM`, a missing permission, `enable-module-command`, a command or a number of arguments\n" +
	"  that is newer than the server) comes with `EXEC`, as `EXECABORT`, not when the command is queued.\n" +
	"* What a client publishes to itself may come before or behind the number that `PUBLISH` is answered with.\n" +
	"* Refused: `MONITOR`, `SYNC`, `PSYNC`, `REPLCONF`, `SHUTDOWN`, `REPLICAOF`, `SLAVEOF`, `FAILOVER`, `RESTORE-ASKING`, `SCRIPT DEBUG YES`, `CLIENT TRACKING ON` with `REDIRECT`, in\n" +
	"  RESP2, and in pools with `cluster: true`, `sentinels`, `distribution: random`, routes, a mirror or another pool behind them; within a\n" +
	"  transaction `HELLO`, `AUTH`, `CLIENT REPLY`, `CLIENT INFO`, `LIST`, `KILL` and `UNBLOCK`, and subscribing; a client's name of more than 1,024 bytes.\n" +
	"* `AUTH` where no password is set, and what is sent before it where one is, are answered in twemproxy's words.\n" +
	"* `SLOWLOG RESET`, `CONFIG RESETSTAT` and `CLIENT PAUSE` do at the server what they say, for all who use it.\n" +
	"* `HELLO` tells `mode` standalone, `role` master and no `modules`, whatever the server is. `CLUSTER`, `READONLY`, `READWRITE` and `ASKING` are answered as by a server\n" +
	"  without cluster support, also before one that has it, but in a pool with `cluster: true`: see [below](#clients-of-a-redis-cluster).\n" +
	"* `CLIENT SETINFO`, `NO-TOUCH` and `MAINT_NOTIFICATIONS` are answered whether the server is new enough to have them or not. What `CLIENT NO-EVICT` and `NO-TOUCH` ask\n" +
	"  for shows in `CLIENT LIST`, and changes nothing else.\n" +
	"* A client that tracks keys is told to forget all of them, too, when a connection of its to a server ends, when the ring changes, behind a reload (one after which its\n" +
	"  pool has no such clients closes it), behind a command that blocks or an `EXEC` of what it watches, behind a `SELECT` of another database, and when it sends\n" +
	"  `CLIENT TRACKING ON` again; with `BCAST` also whenever a server begins to tell: `OK` comes before servers have heard of it. `HELLO 2` ends its tracking. What a server\n" +
	"  tells comes behind all replies that the client is owed by then, so behind those of a command that blocks.\n" +
	"* Refused as well: `SCRIPT DEBUG SYNC`, and within a transaction `CLIENT TRACKING` and `CLIENT CACHING`, which has its place before `MULTI`. What a server sends to one connection unasked, as with\n" +
	"  `DEBUG PROTOCOL push`, reaches nobody.\n" +
	"* A client that has said `CLIENT REPLY OFF`, or `SKIP` for the next, is closed behind `QUIT`, its own `CLIENT KILL` and what is no command, without a word; a server leaves\n" +
	"  it open until there is a reply to write.\n" +
	"* `POST` and `Host:` are answered with an error before the connection is closed, as are request lines of HTTP, which a server takes for commands.\n" +
	"\n"

// clusterClients is what clients of a cluster see; tests of tests/difftest and codec/resp have each.
const clusterClients = "" +
	"## Clients of a Redis Cluster\n" +
	"\n" +
	"A pool with `cluster: true` serves clients that know nothing of clusters as any other, and clients that do as a cluster of one master that has all slots, or of the\n" +
	"proxies that `cluster_announce` lists: [configs/README.md](../configs/README.md#clients-of-a-cluster). They are never sent elsewhere: `MOVED`, `ASK` and `TRYAGAIN` are\n" +
	"followed by the proxy. Tried with it: redis-cli (`-c`, `--cluster check`), go-redis, redis-py, ioredis, node-redis, valkey-glide, rueidis, valkey-go, phpredis,\n" +
	"predis and redis-rb, each with its client of clusters. What they see:\n" +
	"\n" +
	"* `CLUSTER SLOTS`, `SHARDS`, `NODES`, `INFO`, `MYID`, `MYSHARDID`, `LINKS`, `REPLICAS`, `SLAVES`, `COUNT-FAILURE-REPORTS` and `HELP` are the proxy's, in the forms of Redis 7. There are no replicas, the\n" +
	"  bus has port 0, and `cluster_state` is ok. `KEYSLOT`, `COUNTKEYSINSLOT` and `GETKEYSINSLOT` are answered by the servers; within a transaction the latter two are refused. What changes a cluster\n" +
	"  is refused: `CLUSTER FAILOVER`, `MEET`, `RESET` and kin.\n" +
	"* `READONLY`, `READWRITE` and `ASKING` are answered OK. Masters serve all reads, unless the pool's `read_policy` has replicas do: then `READWRITE` has the client read at masters\n" +
	"  alone, until `READONLY`.\n" +
	"* `INFO` says `cluster_enabled:1` and `redis_mode:cluster`, `HELLO` `mode` cluster.\n" +
	"* `SELECT` of another database than 0 is refused as by a cluster, and the client goes on in database 0; so are `SWAPDB`, `MOVE` and `COPY … DB`.\n" +
	"* `MGET`, `MSET`, `DEL`, `UNLINK`, `EXISTS` and `TOUCH` take keys of any slots, which a server of a cluster refuses; `MSET` then is not done at once. Within a transaction, and\n" +
	"  in all other commands, keys of several slots get `CROSSSLOT`, in Redis's words, and so do scripts that name them, whatever `cross_server_scripts` says. Where commands of a\n" +
	"  transaction have keys of different slots, `EXEC` says so.\n" +
	"* `EVAL`, `EVALSHA` and `FCALL` without keys are executed by one of the masters.\n" +
	"* `SCAN`, `KEYS`, `DBSIZE`, `FLUSHALL` and others without keys are about all masters. But for `SCAN`, they are sent once their client has the replies to what it sent before. A client that asks each node of a fleet that `cluster_announce` lists, and adds up what they\n" +
	"  say, counts everything once for each: ask one.\n" +
	"* The first `SPUBLISH` right after its slot has moved may reach nobody: the server that had the slot ends the subscriptions of `SSUBSCRIBE` there, and the proxy\n" +
	"  asks for them again where the slot is now, while the message is there already. What is published meanwhile is lost for them, as for a client of the cluster itself.\n" +
	"* Until the first refresh after `redis-cli --cluster create` (`cluster_refresh_interval`) a replica may count as a master without slots: nodes call themselves that until they are\n" +
	"  told otherwise. What is about all masters is asked of it, too; keys never go there.\n" +
	"\n"

// line is a row of a table.
func (r *row) line(f *finding) string {
	cells := []string{r.name, f.version, string(r.protocol)}
	if r.framework() {
		cells = append(cells, strings.Join(f.steps, "; "), but(f.one), but(f.three))
	} else {
		for _, s := range scenarios[r.protocol.server()] {
			cells = append(cells, f.cell(s.steps))
		}
		cells = append(cells, r.tlsCell(f))
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// cell is what a table says of some steps: before one server and before three, if that is not the same.
func (f *finding) cell(steps []string) string {
	if !slices.ContainsFunc(steps, func(s string) bool { return slices.Contains(f.steps, s) }) {
		return "–"
	}
	of := func(red map[string]*reason) string {
		for _, s := range steps {
			if red[s] != nil {
				return "(" + letter(red[s]) + ")"
			}
		}
		return "✓"
	}
	one, three := of(f.one), of(f.three)
	if one == three {
		return one
	}
	return one + " " + three
}

// tlsCell is what a table says of the row over TLS. That it is the same there is for TestPage and writePage to find.
func (r *row) tlsCell(f *finding) string {
	switch r.tls {
	case sealed:
		return "✓"
	case certified:
		return "✓ certificate"
	case tunnelled:
		return "✓ stunnel"
	}
	return f.cell([]string{"connect"}) // what can't connect has no more to say
}

// but is what a table says of a framework: all of it works, but for some steps.
func but(red map[string]*reason) string {
	if why := red["connect"]; why != nil {
		return "(" + letter(why) + ")" // nothing is tried after that
	}
	var all []string
	for step, why := range red {
		all = append(all, fmt.Sprintf("%s (%s)", step, letter(why)))
	}
	slices.Sort(all)
	if all == nil {
		return "✓"
	}
	return "✓ but " + strings.Join(all, "; ")
}

// reasons are those of refusals, each once.
func reasons() (all []*reason) {
	for _, f := range refusals {
		if !slices.Contains(all, f.why) {
			all = append(all, f.why)
		}
	}
	return all
}

// letter is how tables name a reason.
func letter(why *reason) string { return string(rune('a' + slices.Index(reasons(), why))) }

// refusedList tells what tables mean by their letters.
func refusedList() string {
	var b strings.Builder
	b.WriteString("| | what | why | instead |\n|---|---|---|---|\n")
	for _, why := range reasons() {
		instead := why.instead
		if why.later {
			instead += "; planned"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", letter(why), why.what, why.why, instead)
	}
	return b.String()
}

const intro = `# Client libraries and frameworks

` + "`make compat`" + ` wrote this page. It runs each library with its defaults directly, through cashew before one server and through cashew
before three, and compares what the library makes of each reply: the direct run says what is right. Pools have the defaults of a
configuration file, with ` + "`hash_tag: \"{}\"` and `databases: 16`" + `. [tests/compat](../tests/compat/doc.go) tells how; what a release of a library changes is seen there.

✓ is as without the proxy, – is nothing that the library has, and a letter is [refused](#what-is-refused). Two marks are of one server
and of three.

The last column is the whole row once more, over [TLS](security.md#tls), with the same marks: by the library's own TLS, which checks the
certificate that it is shown, directly and to cashew, and from there to servers of Redis; in addition with a *certificate* of the client's, which cashew asks for and takes
for one of its users; or, for libraries that have no TLS or only a part of it, through *stunnel*.
`

const outro = `
## Libraries that are not to be had here

They come from Debian, npm and Go's module proxy. The bytes that these send as they connect were recorded elsewhere and are played back:
redis-py 8.0.0 (RESP3, also with password, name and database), redis-client 0.30.0, on which Sidekiq 7 stands. Not here: phpredis 6 and
Relay, predis 2 and 3, redis-rb 5, dalli 3.2 and later (which speaks text, with ` + "`protocol: :meta`" + `), Laravel 9 and later, Jedis and Lettuce,
StackExchange.Redis, and connect-redis 10, which needs Node.js 22.
`
