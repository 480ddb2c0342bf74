package configs

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"cashew/engine"
	"cashew/session"
	"cashew/topology"
)

// A sample is one small file, valid or not. All of them are read by us and by nutcracker, and are seeds of the fuzz test.
type sample struct {
	name     string
	file     string
	diverges string // why nutcracker decides otherwise, or may

	want     []engine.PoolOptions // of a valid file, without Protocol; nil: not compared
	warnings []string             // all of them, without the file's name

	problems []Problem // of a wrong file; Want and Column are compared where they are given
}

const testFile = "f.yml"

// pool1 returns a file with the pool p. The extra lines begin on line 3.
func pool1(extra ...string) string {
	return "p:\n  listen: 127.0.0.1:22121\n" + indented(extra) + "  servers:\n    - 127.0.0.1:6379:1\n"
}

// listenAt returns a file with the pool p, whose listen is on line 2.
func listenAt(listen string) string {
	return "p:\n  listen: " + listen + "\n  servers:\n    - 127.0.0.1:6379:1\n"
}

// serversAt returns a file with the pool p, whose servers begin on line 4.
func serversAt(entries ...string) string {
	return "p:\n  listen: 127.0.0.1:22121\n  servers:\n    - " + strings.Join(entries, "\n    - ") + "\n"
}

func indented(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "  " + strings.Join(lines, "\n  ") + "\n"
}

// with returns what pool1 means, changed by change.
func with(change func(*engine.PoolOptions)) []engine.PoolOptions {
	o := engine.PoolOptions{
		Backlog:       512,
		DoorOptions:   engine.DoorOptions{HandshakeTimeout: 10 * time.Second, AuthFailures: 10},
		ClientOptions: session.ClientOptions{Near: session.NearOptions{Life: time.Minute, Untold: time.Second, Check: 10}, ClientWriteTimeout: time.Minute, SlowerThan: 10 * time.Millisecond, SlowMaxLen: 128},
		Listen:        engine.Listen{Text: "127.0.0.1:22121", Network: "tcp", Addr: "127.0.0.1:22121"},
		Options: topology.Options{
			Name:              "p",
			Hash:              "fnv1a_64",
			Distribution:      "ketama",
			Servers:           []topology.ServerOptions{tcpServer("127.0.0.1:6379", 1)},
			ResolveInterval:   time.Minute,
			ClusterRefresh:    10 * time.Second,
			DiscoveryOptions:  topology.DiscoveryOptions{DiscoverySettle: 10 * time.Second, DiscoveryWait: 2 * time.Second},
			ReadOptions:       topology.ReadOptions{MaxLag: 10 * time.Second, ReadYourWrites: time.Second, ReplicaInterval: time.Second},
			ServerConnections: 1, TransactionConnections: 128, BlockingConnections: 128,
			ServerUserTimeout:  30 * time.Second,
			ServerRetryTimeout: 30 * time.Second,
			ServerFailureLimit: 2,
		},
	}
	if change != nil {
		change(&o)
	}
	return []engine.PoolOptions{o}
}

// tcpServer returns a server without a name.
func tcpServer(addr string, weight int) topology.ServerOptions {
	return topology.ServerOptions{Name: addr, PName: addr + ":1", Network: "tcp", Addr: addr, Weight: weight}
}

func withListen(l engine.Listen) []engine.PoolOptions {
	return with(func(o *engine.PoolOptions) { o.Listen = l })
}

func withServers(servers ...topology.ServerOptions) []engine.PoolOptions {
	return with(func(o *engine.PoolOptions) { o.Servers = servers })
}

// testLookup knows the names that any resolver knows, so that tests need no network.
func testLookup(host string) (netip.Addr, error) {
	if host == "localhost" {
		return netip.MustParseAddr("127.0.0.1"), nil
	}
	return netip.Addr{}, errors.New("no such host")
}

const (
	wantNumber    = "digits only, at most 2147483647"
	wantDatabases = "a number from 1 to 65536, as in redis.conf"
	wantMsec      = "milliseconds, digits only, at most 2147483647"
	wantServer    = `"host:port:weight [name]" or "/path:weight [name]"`
)

var validSamples = []sample{
	{name: "defaults", file: pool1(), want: with(nil)},
	{
		name: "every key",
		file: pool1(
			"hash: md5", `hash_tag: "{}"`, "distribution: modula", "timeout: 400", "backlog: 1024", "client_connections: 100",
			"redis: true", "tcpkeepalive: true", "redis_auth: secret", "redis_db: 3", "preconnect: true",
			"auto_eject_hosts: true", "server_connections: 4", "server_retry_timeout: 2000", "server_failure_limit: 5",
		),
		want: with(func(o *engine.PoolOptions) {
			o.Hash, o.HashTag, o.Distribution = "md5", "{}", "modula"
			o.Timeout, o.Backlog, o.ClientConnections = 400*time.Millisecond, 1024, 100
			o.TCPKeepalive, o.Preconnect, o.AutoEjectHosts = true, true, true
			o.ServerConnections, o.ServerRetryTimeout, o.ServerFailureLimit = 4, 2*time.Second, 5
		}),
		warnings: []string{"8: pool p: client_connections: clients beyond 100 are refused; twemproxy ignores this limit"},
	},
	{
		name: "reuseport", file: pool1("reuseport: true"),
		diverges: "release 0.5.0 does not know it, master does",
		want:     with(func(o *engine.PoolOptions) { o.ReusePort = true }),
	},

	// Numbers.
	{name: "zeros", file: pool1("timeout: 0", "backlog: 0", "server_failure_limit: 0", "server_retry_timeout: 0", "client_connections: 0"), want: with(func(o *engine.PoolOptions) {
		o.Backlog, o.ServerFailureLimit, o.ServerRetryTimeout = 0, 0, 0
	})},
	{name: "leading zero is decimal", file: pool1("timeout: 0123"), want: with(func(o *engine.PoolOptions) { o.Timeout = 123 * time.Millisecond })},
	{name: "quoted number", file: pool1(`timeout: "400"`), want: with(func(o *engine.PoolOptions) { o.Timeout = 400 * time.Millisecond })},
	{name: "largest number", file: pool1("timeout: 2147483647"), want: with(func(o *engine.PoolOptions) { o.Timeout = 2147483647 * time.Millisecond })},
	{
		name: "number wraps", file: pool1("backlog: 4294967297"),
		want:     with(func(o *engine.PoolOptions) { o.Backlog = 1 }),
		warnings: []string{`3: pool p: backlog: "4294967297" is more than 32 bits hold: it is taken as 1, as by twemproxy`},
	},
	{
		name: "number wraps far beyond", file: pool1("timeout: 36893488147419103239"),
		want:     with(func(o *engine.PoolOptions) { o.Timeout = 7 * time.Millisecond }),
		warnings: []string{`3: pool p: timeout: "36893488147419103239" is more than 32 bits hold: it is taken as 7, as by twemproxy`},
	},

	// Booleans.
	{name: "quoted booleans", file: pool1(`preconnect: "true"`, "auto_eject_hosts: 'false'"), want: with(func(o *engine.PoolOptions) { o.Preconnect = true })},

	// Texts.
	{name: "password looks like a number", file: pool1("redis: true", "redis_auth: 0123")},
	{name: "password looks like a boolean", file: pool1("redis: true", "redis_auth: true")},
	{name: "password looks like hexadecimal", file: pool1("redis: true", "redis_auth: 0x10")},
	{name: "password looks like null", file: pool1("redis: true", "redis_auth: null")},
	{name: "password is a tilde", file: pool1("redis: true", "redis_auth: ~")},
	{name: "password has spaces", file: pool1("redis: true", "redis_auth: a b  c # comment")},
	{name: "password has a hash sign", file: pool1("redis: true", "redis_auth: a#b")},
	{name: "password in single quotes", file: pool1("redis: true", "redis_auth: 'it''s'")},
	{name: "password in double quotes", file: pool1("redis: true", `redis_auth: "a\tb\u00e9"`)},
	{name: "password is a quoted space", file: pool1("redis: true", `redis_auth: " "`)},
	{name: "password over two lines", file: pool1("redis: true", "redis_auth: abc", "  def")},
	{name: "password as literal", file: pool1("redis: true", "redis_auth: |", "  abc")},
	{name: "password as folded", file: pool1("redis: true", "redis_auth: >-", "  abc", "  def")},
	{name: "quoted line that looks like a directive", file: "p:\n  redis: true\n  redis_auth: \"abc\n%def\"\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\n"},
	{name: "quoted exclamation mark", file: pool1("redis: true", `redis_auth: "!a"`)},

	// Names.
	{name: "hash xxhash64", file: pool1("hash: xxhash64"), diverges: "our own, for new pools", want: with(func(o *engine.PoolOptions) { o.Hash = "xxhash64" })},
	{name: "hash quoted", file: pool1(`hash: "one_at_a_time"`), want: with(func(o *engine.PoolOptions) { o.Hash = "one_at_a_time" })},
	{name: "hash_tag of equal characters", file: pool1("hash_tag: $$"), want: with(func(o *engine.PoolOptions) { o.HashTag = "$$" })},
	{name: "hash_tag of one two-byte character", file: pool1("hash_tag: é"), want: with(func(o *engine.PoolOptions) { o.HashTag = "é" })},
	{name: "hash_tag looks like a number", file: pool1("hash_tag: 01"), want: with(func(o *engine.PoolOptions) { o.HashTag = "01" })},

	// listen.
	{name: "listen at a name", file: listenAt("localhost:22121"), want: withListen(engine.Listen{Text: "localhost:22121", Network: "tcp", Addr: "127.0.0.1:22121"})},
	{name: "listen everywhere", file: listenAt("0.0.0.0:22121"), want: withListen(engine.Listen{Text: "0.0.0.0:22121", Network: "tcp", Addr: "0.0.0.0:22121"})},
	{name: "listen at IPv6", file: listenAt("::1:22121"), want: withListen(engine.Listen{Text: "::1:22121", Network: "tcp", Addr: "[::1]:22121"})},
	{name: "listen everywhere, IPv6", file: listenAt(":::22121"), want: withListen(engine.Listen{Text: ":::22121", Network: "tcp", Addr: "[::]:22121"})},
	{name: "listen at a zone number", file: listenAt("fe80::1%1:22121"), want: withListen(engine.Listen{Text: "fe80::1%1:22121", Network: "tcp", Addr: "[fe80::1%1]:22121"})},
	{name: "listen at two parts", file: listenAt("127.1:22121"), want: withListen(engine.Listen{Text: "127.1:22121", Network: "tcp", Addr: "127.0.0.1:22121"})},
	{name: "listen at hexadecimal", file: listenAt("0x7f000001:22121"), want: withListen(engine.Listen{Text: "0x7f000001:22121", Network: "tcp", Addr: "127.0.0.1:22121"})},
	{name: "listen at octal", file: listenAt("0177.0.0.01:22121"), want: withListen(engine.Listen{Text: "0177.0.0.01:22121", Network: "tcp", Addr: "127.0.0.1:22121"})},
	{name: "listen port with a zero", file: listenAt("127.0.0.1:022121"), want: withListen(engine.Listen{Text: "127.0.0.1:022121", Network: "tcp", Addr: "127.0.0.1:22121"})},
	{name: "listen port wraps", file: listenAt("127.0.0.1:4294989417"), want: withListen(engine.Listen{Text: "127.0.0.1:4294989417", Network: "tcp", Addr: "127.0.0.1:22121"})},
	{name: "listen at a unix socket", file: listenAt("/tmp/a.sock"), want: withListen(engine.Listen{Text: "/tmp/a.sock", Network: "unix", Addr: "/tmp/a.sock"})},
	{name: "listen mode", file: listenAt("/tmp/a.sock 0755"), want: withListen(engine.Listen{Text: "/tmp/a.sock 0755", Network: "unix", Addr: "/tmp/a.sock", Mode: 0o755})},
	{name: "listen mode without zero", file: listenAt("/tmp/a.sock 600"), want: withListen(engine.Listen{Text: "/tmp/a.sock 600", Network: "unix", Addr: "/tmp/a.sock", Mode: 0o600})},
	{name: "listen mode 0", file: listenAt("/tmp/a.sock 0"), want: withListen(engine.Listen{Text: "/tmp/a.sock 0", Network: "unix", Addr: "/tmp/a.sock"})},
	{name: "listen mode is no number", file: listenAt("/tmp/a.sock rw"), want: withListen(engine.Listen{Text: "/tmp/a.sock rw", Network: "unix", Addr: "/tmp/a.sock"})},
	{name: "listen mode with a rest", file: listenAt("/tmp/a.sock 7559"), want: withListen(engine.Listen{Text: "/tmp/a.sock 7559", Network: "unix", Addr: "/tmp/a.sock", Mode: 0o755})},
	{name: "listen mode with a sign", file: listenAt("/tmp/a.sock +755"), want: withListen(engine.Listen{Text: "/tmp/a.sock +755", Network: "unix", Addr: "/tmp/a.sock", Mode: 0o755})},
	{name: "listen mode wraps", file: listenAt("/tmp/a.sock 40000000755"), want: withListen(engine.Listen{Text: "/tmp/a.sock 40000000755", Network: "unix", Addr: "/tmp/a.sock", Mode: 0o755})},
	{name: "listen mode is empty", file: listenAt(`"/tmp/a.sock "`), want: withListen(engine.Listen{Text: "/tmp/a.sock ", Network: "unix", Addr: "/tmp/a.sock"})},
	{name: "listen path with a space", file: listenAt("/tmp/a b 0755"), want: withListen(engine.Listen{Text: "/tmp/a b 0755", Network: "unix", Addr: "/tmp/a b", Mode: 0o755})},
	{name: "listen path of 107 bytes", file: listenAt("/" + strings.Repeat("a", 106))},

	// servers.
	{name: "server with a name", file: serversAt("127.0.0.1:6379:2 one"), want: withServers(
		topology.ServerOptions{Name: "one", PName: "127.0.0.1:6379:2", Network: "tcp", Addr: "127.0.0.1:6379", Weight: 2})},
	{name: "server name with colons", file: serversAt("127.0.0.1:6379:2 a:b:c"), want: withServers(
		topology.ServerOptions{Name: "a:b:c", PName: "127.0.0.1:6379:2", Network: "tcp", Addr: "127.0.0.1:6379", Weight: 2})},
	{name: "server host is not looked up", file: serversAt("no-such-host.invalid:6379:1"), want: withServers(tcpServer("no-such-host.invalid:6379", 1))},
	{name: "server at IPv6", file: serversAt("::1:6379:1"), want: withServers(
		topology.ServerOptions{Name: "::1:6379", PName: "::1:6379:1", Network: "tcp", Addr: "[::1]:6379", Weight: 1})},
	{name: "server at two parts", file: serversAt("127.1:6379:1"), want: withServers(
		topology.ServerOptions{Name: "127.1:6379", PName: "127.1:6379:1", Network: "tcp", Addr: "127.0.0.1:6379", Weight: 1})},
	{name: "server at memcached's port", file: serversAt("10.0.0.1:11211:1"), want: withServers(
		topology.ServerOptions{Name: "10.0.0.1", PName: "10.0.0.1:11211:1", Network: "tcp", Addr: "10.0.0.1:11211", Weight: 1})},
	{name: "server at memcached's port, with a zero", file: serversAt("10.0.0.1:011211:1"), want: withServers(
		topology.ServerOptions{Name: "10.0.0.1", PName: "10.0.0.1:011211:1", Network: "tcp", Addr: "10.0.0.1:11211", Weight: 1})},
	{name: "server port keeps its zero in the ring name", file: serversAt("10.0.0.1:06379:1"), want: withServers(
		topology.ServerOptions{Name: "10.0.0.1:06379", PName: "10.0.0.1:06379:1", Network: "tcp", Addr: "10.0.0.1:6379", Weight: 1})},
	{name: "server port and weight wrap", file: serversAt("10.0.0.1:4294973675:4294967298"), want: withServers(
		topology.ServerOptions{Name: "10.0.0.1:4294973675", PName: "10.0.0.1:4294973675:4294967298", Network: "tcp", Addr: "10.0.0.1:6379", Weight: 2})},
	{name: "server at a unix socket", file: serversAt("/tmp/r.sock:1"), want: withServers(
		topology.ServerOptions{Name: "/tmp/r.sock:", PName: "/tmp/r.sock:1", Network: "unix", Addr: "/tmp/r.sock", Weight: 1})},
	{name: "server at a unix socket, with a name", file: serversAt("/tmp/r.sock:3 one"), want: withServers(
		topology.ServerOptions{Name: "one", PName: "/tmp/r.sock:3", Network: "unix", Addr: "/tmp/r.sock", Weight: 3})},
	{name: "server path with a space", file: serversAt("/tmp/a b:1 one"), want: withServers(
		topology.ServerOptions{Name: "one", PName: "/tmp/a b:1", Network: "unix", Addr: "/tmp/a b", Weight: 1})},
	{name: "server with an empty name", file: serversAt(`"127.0.0.1:6379:1 "`), want: withServers(
		topology.ServerOptions{Name: "", PName: "127.0.0.1:6379:1 ", Network: "tcp", Addr: "127.0.0.1:6379", Weight: 1})},
	{
		name: "server without a host", file: serversAt(":6379:1"),
		want:     withServers(topology.ServerOptions{Name: ":6379", PName: ":6379:1", Network: "tcp", Addr: "no-host.invalid:6379", Weight: 1}),
		warnings: []string{`4: pool p: servers: ":6379:1" has a host that can never be connected to; expected an address (IPv6 without brackets, such as ::1:6379:1) or a name`},
	},
	{
		name: "server in brackets", file: serversAt(`"[::1]:6379:1"`),
		want:     withServers(topology.ServerOptions{Name: "[::1]:6379", PName: "[::1]:6379:1", Network: "tcp", Addr: "[[::1]]:6379", Weight: 1}),
		warnings: []string{`4: pool p: servers: "[::1]:6379:1" has a host that can never be connected to; expected an address (IPv6 without brackets, such as ::1:6379:1) or a name`},
	},
	{name: "servers sorted by length, then bytes", file: serversAt("h:1:1 zz", "h:1:1 b", "h:1:1 aaa", "h:1:1 aa"), want: withServers(
		topology.ServerOptions{Name: "b", PName: "h:1:1", Network: "tcp", Addr: "h:1", Weight: 1},
		topology.ServerOptions{Name: "aa", PName: "h:1:1", Network: "tcp", Addr: "h:1", Weight: 1},
		topology.ServerOptions{Name: "zz", PName: "h:1:1", Network: "tcp", Addr: "h:1", Weight: 1},
		topology.ServerOptions{Name: "aaa", PName: "h:1:1", Network: "tcp", Addr: "h:1", Weight: 1},
	)},
	{
		name: "server without points", file: serversAt("a:1:100000", "b:1:1"),
		warnings: []string{`5: pool p: servers: "b:1:1" gets no keys: its weight is too small beside the others'`},
	},
	{
		name: "random with weights", file: "p:\n  listen: 127.0.0.1:1\n  distribution: random\n  servers:\n  - a:1:1\n  - b:1:2\n",
		warnings: []string{"4: pool p: servers: has weights, which distribution random ignores"},
	},
	{name: "random with equal weights", file: "p:\n  listen: 127.0.0.1:1\n  distribution: random\n  servers:\n  - a:1:2\n  - b:1:2\n"},
	{
		name: "redis_db without redis", file: pool1("redis_db: 1"),
		warnings: []string{"3: pool p: redis_db: is ignored: this is not a redis pool"},
	},
	{name: "redis_db 0 without redis", file: pool1("redis_db: 0")},
	{name: "databases", file: pool1("redis: true", "redis_db: 3", "databases: 4"), want: with(nil), diverges: "not a key of twemproxy"},

	{name: "commands", file: pool1("redis: true", "commands: +@all -@dangerous  +client|kill"), want: with(nil), diverges: "not a key of twemproxy"},
	{name: "commands of a module that is not in the table", file: pool1("redis: true", "commands: +@all -ft.dropindex +ft.config|get"), want: with(nil), diverges: "not a key of twemproxy"},
	{name: "unknown_commands", file: pool1("redis: true", "unknown_commands: refuse"), want: with(nil), diverges: "not a key of twemproxy"},
	{name: "commands in quotes", file: pool1("redis: true", `commands: "-@all +get"`), want: with(nil), diverges: "not a key of twemproxy"},
	{name: "commands that begin with a minus", file: pool1("redis: true", "commands: -@all +get"), want: with(nil), diverges: "not a key of twemproxy"},
	{name: "commands on two lines", file: pool1("redis: true", "commands: +@all", "  -@dangerous # none", "hash: md5"), diverges: "not a key of twemproxy"},

	// YAML.
	{name: "CRLF", file: strings.ReplaceAll(pool1("timeout: 400"), "\n", "\r\n"), want: with(func(o *engine.PoolOptions) { o.Timeout = 400 * time.Millisecond })},
	{name: "CR", file: strings.ReplaceAll(pool1(), "\n", "\r"), want: with(nil)},
	{name: "no newline at the end", file: strings.TrimSuffix(pool1(), "\n"), want: with(nil)},
	{name: "comments", file: "# a\n\np: # b\n# c\n  listen: 127.0.0.1:22121 # d\n      # e\n  servers: # f\n    # g\n    - 127.0.0.1:6379:1 # h\n  # i\n# j\n", want: with(nil)},
	{name: "indentation", file: "p:\n listen:   127.0.0.1:22121\n servers:\n -   127.0.0.1:6379:1\n", want: with(nil)},
	{name: "values on lines of their own", file: "p:\n  listen:\n    127.0.0.1:22121\n  servers:\n    -\n      127.0.0.1:6379:1\n", want: with(nil)},
	{name: "quoted keys", file: "\"p\":\n  'listen': 127.0.0.1:22121\n  \"servers\":\n    - '127.0.0.1:6379:1'\n", want: with(nil)},
	{name: "question marks", file: "? p\n: ? listen\n  : 127.0.0.1:22121\n  ? servers\n  : - 127.0.0.1:6379:1\n", want: with(nil)},
	{name: "servers first", file: "p:\n  servers:\n    - 127.0.0.1:6379:1\n  listen: 127.0.0.1:22121\n", want: with(nil)},
	{name: "tab before a value", file: "p:\n  listen:\t127.0.0.1:22121\n  servers:\n    - 127.0.0.1:6379:1\n", want: with(nil)},
	{name: "byte order mark", file: "\ufeff" + pool1(), want: with(nil)},
	{name: "byte order mark inside", file: pool1() + "\ufeff# more\n", want: with(nil)},
	{name: "UTF-16", file: utf16LE("\ufeff" + pool1()), want: with(nil)},
	{name: "pool names are any text", file: "1: \n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\n\"a b\":\n  listen: 127.0.0.1:2\n  servers:\n  - a:1:1\n"},
	{name: "pools sorted by length, then bytes", file: "bb:\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\naa:\n  listen: 127.0.0.1:2\n  servers:\n  - a:1:1\nc:\n  listen: 127.0.0.1:3\n  servers:\n  - a:1:1\n"},
	{name: "same address, other text", file: "a:\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\nb:\n  listen: 127.0.0.1:01\n  servers:\n  - a:1:1\n"},

	// The section of our own settings.
	{name: "global settings", file: "global:\n  loops: 4\n" + pool1(), diverges: "our own settings", want: with(nil)},
	{name: "pool named global", file: strings.Replace(pool1(), "p:", "global:", 1)},
}

func utf16LE(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

var wrongSamples = []sample{
	// The document.
	{name: "empty", file: "", problems: []Problem{{Reason: "must contain only 1 document; found 0 documents: the file is empty"}}},
	{name: "only a comment", file: "# nothing\n", problems: []Problem{{Reason: "must contain only 1 document; found 0 documents: the file has comments alone"}}},
	{name: "two documents", file: pool1() + "---\nq: r\n", problems: []Problem{
		{Reason: "must contain only 1 document; found 2 documents"},
		{Line: 5, Column: 1, Reason: "document start token (5) is disallowed"},
	}},
	{name: "tab indentation", file: "p:\n\tlisten: 127.0.0.1:1\n", problems: []Problem{
		{Line: 2, Reason: "failed to get the next yaml document: found character that cannot start any token", Want: "spaces, not tabs, before the text"},
	}},
	{name: "wrong indentation", file: "p:\n    listen: 127.0.0.1:1\n  hash: md5\n  servers:\n    - a:1:1\n", problems: []Problem{
		{Line: 3, Reason: "failed to get the next yaml document: did not find expected key: it is indented by 2, and those before it that it could belong to by 0, 4"},
	}},
	{name: "no colon", file: "p:\n  listen 127.0.0.1:1\n  hash: md5\n  servers:\n    - a:1:1\n", problems: []Problem{
		{Line: 3, Reason: "failed to get the next yaml document: mapping values are not allowed in this context"},
	}},
	{name: "open quote", file: "p:\n  hash: \"md5\n  timeout: 1\n  servers:\n    - a:1:1\n", problems: []Problem{
		{Line: 2, Reason: "failed to get the next yaml document: found unexpected end of stream: a quote begins there and does not end"},
	}},
	{name: "unknown alias", file: pool1("hash: *x"), problems: []Problem{
		{Line: 3, Reason: "failed to get the next yaml document: unknown anchor referenced: a value that begins with * is something else to YAML"},
	}},
	{name: "control character", file: pool1("hash: a\x01"), problems: []Problem{
		{Line: 3, Reason: "failed to get the next yaml document: control characters are not allowed"},
	}},
	{name: "no UTF-8", file: pool1("hash: a\xff"), problems: []Problem{
		{Line: 3, Reason: "failed to get the next yaml document: invalid leading UTF-8 octet: it is in another encoding"},
	}},
	{name: "half a UTF-16 unit", file: utf16LE("\ufeff"+pool1()) + "\n", problems: []Problem{
		{Line: 1, Reason: "failed to get the next yaml document: incomplete UTF-16 character"},
	}},

	// Tokens.
	{name: "document start", file: "---\n" + pool1(), problems: []Problem{{Line: 1, Reason: "document start token (5) is disallowed"}}},
	{name: "document start with a comment", file: "# c\n--- # d\n" + pool1(), problems: []Problem{{Line: 2, Reason: "document start token (5) is disallowed"}}},
	{name: "document end", file: pool1() + "...\n", problems: []Problem{{Line: 5, Reason: "document end token (6) is disallowed"}}},
	{name: "version directive", file: "%YAML 1.1\n---\n" + pool1(), problems: []Problem{
		{Line: 1, Reason: "version directive token (3) is disallowed"},
		{Line: 2, Reason: "document start token (5) is disallowed"},
	}},
	{name: "tag directive", file: "# c\n%TAG ! tag:x,2000:\n---\n" + pool1(), problems: []Problem{
		{Line: 2, Reason: "tag directive token (4) is disallowed"},
		{Line: 3, Reason: "document start token (5) is disallowed"},
	}},
	{name: "flow sequence", file: "p:\n  listen: 127.0.0.1:1\n  servers: [a:1:1, b:1:1]\n", problems: []Problem{
		{Line: 3, Column: 12, Pool: "p", Key: "servers", Reason: "flow sequence start token (10) is disallowed", Want: `a list, each line "- " and ` + wantServer},
	}},
	{name: "flow mapping", file: pool1("hash_tag: {}"), problems: []Problem{
		{Line: 3, Pool: "p", Key: "hash_tag", Reason: "flow mapping start token (12) is disallowed", Want: `two characters, such as "{}"`},
	}},
	{name: "flow mapping as document", file: "{p: q}\n", problems: []Problem{{Line: 1, Reason: "flow mapping start token (12) is disallowed"}}},
	{name: "flow mapping as pool", file: "p: {listen: a}\n", problems: []Problem{{Line: 1, Pool: "p", Reason: "flow mapping start token (12) is disallowed"}}},
	{name: "flow sequence as server", file: serversAt("[a]"), problems: []Problem{
		{Line: 4, Pool: "p", Key: "servers", Reason: "flow sequence start token (10) is disallowed"},
	}},
	{name: "anchor and alias", file: pool1("hash: &x md5", "distribution: *x"), problems: []Problem{
		{Line: 3, Pool: "p", Key: "hash", Reason: "anchor token (19) is disallowed"},
		{Line: 4, Pool: "p", Key: "distribution", Reason: "alias token (18) is disallowed"},
	}},
	{name: "anchor on a pool", file: "p: &x\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\n", problems: []Problem{{Line: 1, Pool: "p", Reason: "anchor token (19) is disallowed"}}},
	{name: "anchor on a key", file: pool1("&x hash: md5"), problems: []Problem{{Line: 3, Pool: "p", Reason: "anchor token (19) is disallowed"}}},
	{name: "tag", file: pool1("hash: !!str md5"), problems: []Problem{{Line: 3, Pool: "p", Key: "hash", Reason: "tag token (20) is disallowed"}}},
	{name: "tag without a name", file: pool1("hash: ! md5"), problems: []Problem{{Line: 3, Pool: "p", Key: "hash", Reason: "tag token (20) is disallowed"}}},
	{name: "tag on a list", file: "p:\n  listen: 127.0.0.1:1\n  servers: !\n  - a:1:1\n", problems: []Problem{{Line: 3, Pool: "p", Key: "servers", Reason: "tag token (20) is disallowed"}}},
	{name: "tag before a password", file: pool1("redis: true", "redis_auth: !secret"), problems: []Problem{{Line: 4, Pool: "p", Key: "redis_auth", Reason: "tag token (20) is disallowed"}}},

	// The structure.
	{name: "scalar document", file: "hello\n", problems: []Problem{{Line: 1, Reason: `has invalid empty "key:" at depth 0`}}},
	{name: "list at top", file: "- a\n- b\n", problems: []Problem{{Line: 1, Reason: "has sequence at depth 0 instead of 2"}}},
	{name: "pool is a scalar", file: "p: q\n", problems: []Problem{{Line: 1, Pool: "p", Reason: `has invalid mapping "key:" at depth 1`}}},
	{name: "pool is empty", file: "p:\n", problems: []Problem{{Line: 1, Pool: "p", Reason: `has invalid mapping "key:" at depth 1`}}},
	{name: "pool is a list", file: "p:\n- a\n", problems: []Problem{{Line: 2, Pool: "p", Reason: "has sequence at depth 1 instead of 2"}}},
	{name: "pool without a name", file: "\"\":\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\n", problems: []Problem{{Line: 1, Reason: "is empty", Want: "a pool's name"}}},
	{name: "pool's name is a mapping", file: "? a: b\n: c\n", problems: []Problem{{Line: 1, Reason: `has more than one "key:value" at depth 1`}}},
	{name: "pool's name is a list", file: "? - a\n: c\n", problems: []Problem{{Line: 1, Reason: "has sequence at depth 1 instead of 2"}}},
	{name: "mapping in a pool", file: pool1("hash:", "  md5: 1"), problems: []Problem{{Line: 4, Pool: "p", Key: "hash", Reason: "has a depth greater than 2"}}},
	{name: "mapping in the list", file: serversAt("a: b"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Reason: "has a depth greater than 2", Want: wantServer + `, without a blank behind ":", which makes two values of it`}}},
	{name: "servers is a mapping", file: "p:\n  listen: 127.0.0.1:1\n  servers:\n    a: b\n", problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Reason: "has a depth greater than 2"}}},
	{name: "key is a list", file: pool1("? - a", ": b"), problems: []Problem{{Line: 3, Pool: "p", Reason: `has invalid "key:value" at depth 2`}}},
	{name: "key is empty", file: pool1(`"": b`), problems: []Problem{{Line: 3, Pool: "p", Reason: "is empty"}}},
	{name: "list in a list", file: serversAt("- a:1:1"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Reason: "has more than one sequence directive"}}},
	{name: "two lists", file: pool1("hash:", "  - md5"), problems: []Problem{{Line: 4, Pool: "p", Key: "hash", Reason: "has more than one sequence directive"}}},
	{name: "servers twice", file: pool1("servers:", "  - a:1:1"), problems: []Problem{
		{Line: 5, Pool: "p", Key: "servers", Reason: "has more than one sequence directive (the first is on line 3)"},
	}},
	{name: "guardians beside servers", file: pool1("guardians:", "  - a:1:1"), problems: []Problem{{Line: 3, Pool: "p", Key: "guardians", Reason: `directive "guardians" is unknown`}}},
	{name: "no list", file: "p:\n  listen: 127.0.0.1:1\n", problems: []Problem{{Line: 1, Pool: "p", Key: "servers", Reason: "missing sequence directive at depth 2"}}},
	{name: "servers is a scalar", file: "p:\n  listen: 127.0.0.1:1\n  servers: a:1:1\n", problems: []Problem{
		{Line: 3, Pool: "p", Key: "servers", Value: "a:1:1", Reason: "missing sequence directive at depth 2"},
	}},
	{name: "servers is empty", file: "p:\n  listen: 127.0.0.1:1\n  servers:\n", problems: []Problem{
		{Line: 3, Pool: "p", Key: "servers", Reason: "missing sequence directive at depth 2"},
	}},
	{name: "list but no servers", file: "p:\n  listen: 127.0.0.1:1\n  guardians:\n  - a:1:1\n", problems: []Problem{
		{Line: 1, Pool: "p", Key: "servers", Reason: "pool 'p' has no servers"},
		{Line: 3, Pool: "p", Key: "guardians", Reason: `directive "guardians" is unknown`},
	}},
	{
		name: "listen as the one list", file: "p:\n  listen:\n  - 127.0.0.1:1\n  servers: a:1:1\n",
		diverges: "upstream's shape check lets it pass; no file in use is like this",
		problems: []Problem{
			{Line: 3, Pool: "p", Key: "listen", Reason: "has more than one sequence directive"},
			{Line: 4, Pool: "p", Key: "servers", Value: "a:1:1", Reason: "missing sequence directive at depth 2"},
		},
	},
	{name: "empty value", file: pool1("timeout:"), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Reason: "is empty", Want: wantMsec}}},
	{name: "empty password", file: pool1("redis: true", `redis_auth: ""`), problems: []Problem{{Line: 4, Pool: "p", Key: "redis_auth", Reason: "is empty", Want: "a password"}}},
	{name: "empty entry", file: serversAt("a:1:1", ""), problems: []Problem{{Line: 5, Pool: "p", Key: "servers", Reason: "is empty", Want: wantServer}}},
	{
		name: "NUL byte", file: pool1("redis: true", `redis_auth: "a\0b"`),
		diverges: "upstream reads beyond the end of such a text",
		problems: []Problem{{Line: 4, Pool: "p", Key: "redis_auth", Reason: "has a NUL byte"}},
	},

	// Keys.
	{name: "unknown key", file: pool1("hsah: md5"), problems: []Problem{{Line: 3, Column: 3, Pool: "p", Key: "hsah", Reason: `directive "hsah" is unknown`, Meant: "hash"}}},
	{name: "key in capitals", file: pool1("Timeout: 1"), problems: []Problem{{Line: 3, Pool: "p", Key: "Timeout", Reason: `directive "Timeout" is unknown`, Meant: "timeout"}}},
	{name: "key with hyphens", file: pool1("auto-eject-hosts: true"), problems: []Problem{{Line: 3, Pool: "p", Key: "auto-eject-hosts", Reason: `directive "auto-eject-hosts" is unknown`, Meant: "auto_eject_hosts"}}},
	{name: "key like no other", file: pool1("zzz: true"), problems: []Problem{{Line: 3, Pool: "p", Key: "zzz", Reason: `directive "zzz" is unknown`}}},
	{name: "merge key", file: pool1("<<: a"), problems: []Problem{{Line: 3, Pool: "p", Key: "<<", Reason: `directive "<<" is unknown`}}},
	{name: "duplicate key", file: pool1("hash: md5", "hash: md5"), problems: []Problem{{Line: 4, Pool: "p", Key: "hash", Reason: "is a duplicate (the first is on line 3)"}}},
	{name: "duplicate listen", file: pool1("listen: 127.0.0.1:1"), problems: []Problem{{Line: 3, Pool: "p", Key: "listen", Reason: "is a duplicate (the first is on line 2)"}}},
	{name: "duplicate number", file: pool1("timeout: 1", "timeout: 1"), problems: []Problem{{Line: 4, Pool: "p", Key: "timeout", Reason: "is a duplicate (the first is on line 3)"}}},
	{name: "duplicate boolean", file: pool1("redis: true", "redis: true"), problems: []Problem{{Line: 4, Pool: "p", Key: "redis", Reason: "is a duplicate (the first is on line 3)"}}},
	{name: "duplicate text", file: pool1("redis: true", "redis_auth: a", "redis_auth: a"), problems: []Problem{{Line: 5, Pool: "p", Key: "redis_auth", Reason: "is a duplicate (the first is on line 4)"}}},

	// listen.
	{name: "no listen", file: "p:\n  servers:\n  - a:1:1\n", problems: []Problem{{Line: 1, Pool: "p", Key: "listen", Reason: `directive "listen:" is missing`}}},
	{name: "listen without a port", file: listenAt("127.0.0.1"), problems: []Problem{{Line: 2, Column: 11, Pool: "p", Key: "listen", Value: "127.0.0.1", Reason: `has an invalid "hostname:port" format string`}}},
	{name: "listen port empty", file: listenAt(`"127.0.0.1:"`), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "127.0.0.1:", Reason: `has an invalid port in "hostname:port" format string`}}},
	{name: "listen port 0", file: listenAt("127.0.0.1:0"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "127.0.0.1:0", Reason: `has an invalid port in "hostname:port" format string`}}},
	{name: "listen port 65536", file: listenAt("127.0.0.1:65536"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "127.0.0.1:65536", Reason: `has an invalid port in "hostname:port" format string`}}},
	{name: "listen port is a name", file: listenAt("127.0.0.1:http"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "127.0.0.1:http", Reason: `has an invalid port in "hostname:port" format string`}}},
	{name: "listen mode above 0777", file: listenAt("/tmp/a 1000"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "/tmp/a 1000", Reason: `has an invalid file permission in "socket_path permission" format string`}}},
	{name: "listen mode negative", file: listenAt("/tmp/a -1"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "/tmp/a -1", Reason: `has an invalid file permission in "socket_path permission" format string`}}},
	{name: "listen mode beyond 64 bits", file: listenAt("/tmp/a 7777777777777777777777"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "/tmp/a 7777777777777777777777", Reason: `has an invalid file permission in "socket_path permission" format string`}}},
	{name: "listen at an unknown name", file: listenAt("no-such-host.invalid:1"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "no-such-host.invalid:1", Reason: "has an invalid value: its host can't be found (no such host)"}}},
	{name: "listen without a host", file: listenAt(":22121"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: ":22121", Reason: "has an invalid value: it has no host; 0.0.0.0 stands for all addresses"}}},
	{name: "listen in brackets", file: listenAt(`"[::1]:1"`), problems: []Problem{
		{Line: 2, Pool: "p", Key: "listen", Value: "[::1]:1", Reason: "has an invalid value: an IPv6 address has no brackets here", Want: `"host:port" (an IPv6 address without brackets, such as ::1:22121) or "/path [octal mode]"`},
	}},
	{name: "listen at no IPv6", file: listenAt("1:2:3:1"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "1:2:3:1", Reason: "has an invalid value"}}},
	{name: "listen at a zone that is not local", file: listenAt("::1%lo:1"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "::1%lo:1", Reason: "has an invalid value"}}},
	{name: "listen at an unknown zone", file: listenAt("fe80::1%nope:1"), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "fe80::1%nope:1", Reason: "has an invalid value"}}},
	{name: "listen path of 108 bytes", file: listenAt("/" + strings.Repeat("a", 107)), problems: []Problem{{Line: 2, Pool: "p", Key: "listen", Value: "/" + strings.Repeat("a", 107), Reason: "has an invalid value"}}},

	// Values.
	{name: "hash unknown", file: pool1("hash: fnv1_46"), problems: []Problem{{Line: 3, Pool: "p", Key: "hash", Value: "fnv1_46", Reason: "is not a valid hash" + reasonMoves}}},
	{name: "hash in capitals", file: pool1("hash: MD5"), problems: []Problem{{Line: 3, Pool: "p", Key: "hash", Value: "MD5", Reason: "is not a valid hash", Meant: "md5"}}},
	{name: "hash_tag of one", file: pool1("hash_tag: a"), problems: []Problem{{Line: 3, Pool: "p", Key: "hash_tag", Value: "a", Reason: "is not a valid hash tag string with two characters"}}},
	{name: "hash_tag of three", file: pool1("hash_tag: abc"), problems: []Problem{{Line: 3, Pool: "p", Key: "hash_tag", Value: "abc", Reason: "is not a valid hash tag string with two characters"}}},
	{name: "distribution unknown", file: pool1("distribution: modulo"), problems: []Problem{
		{Line: 3, Pool: "p", Key: "distribution", Value: "modulo", Reason: "is not a valid distribution" + reasonMoves, Want: "one of ketama, modula, random"},
	}},
	{name: "number with a unit", file: pool1("timeout: 400ms"), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Value: "400ms", Reason: "is not a number", Want: wantMsec}}},
	{name: "number negative", file: pool1("timeout: -1"), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Value: "-1", Reason: "is not a number"}}},
	{name: "number with a sign", file: pool1("timeout: +1"), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Value: "+1", Reason: "is not a number"}}},
	{name: "number hexadecimal", file: pool1("timeout: 0x10"), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Value: "0x10", Reason: "is not a number"}}},
	{name: "number with underscores", file: pool1("timeout: 1_000"), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Value: "1_000", Reason: "is not a number"}}},
	{name: "number with a fraction", file: pool1("timeout: 1.5"), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Value: "1.5", Reason: "is not a number"}}},
	{name: "number with a space", file: pool1(`timeout: " 1"`), problems: []Problem{{Line: 3, Pool: "p", Key: "timeout", Value: " 1", Reason: "is not a number"}}},
	{name: "number of 2^31", file: pool1("backlog: 2147483648"), problems: []Problem{{Line: 3, Pool: "p", Key: "backlog", Value: "2147483648", Reason: "is not a number", Want: wantNumber}}},
	{name: "client_connections no number", file: pool1("client_connections: many"), problems: []Problem{{Line: 3, Pool: "p", Key: "client_connections", Value: "many", Reason: "is not a number"}}},
	{name: "redis_db no number", file: pool1("redis_db: x"), problems: []Problem{{Line: 3, Pool: "p", Key: "redis_db", Value: "x", Reason: "is not a number"}}},
	{name: "server_connections no number", file: pool1("server_connections: x"), problems: []Problem{{Line: 3, Pool: "p", Key: "server_connections", Value: "x", Reason: "is not a number"}}},
	{name: "server_retry_timeout no number", file: pool1("server_retry_timeout: x"), problems: []Problem{{Line: 3, Pool: "p", Key: "server_retry_timeout", Value: "x", Reason: "is not a number"}}},
	{name: "server_failure_limit no number", file: pool1("server_failure_limit: x"), problems: []Problem{{Line: 3, Pool: "p", Key: "server_failure_limit", Value: "x", Reason: "is not a number"}}},
	{name: "boolean yes", file: pool1("redis: yes"), problems: []Problem{{Line: 3, Pool: "p", Key: "redis", Value: "yes", Reason: `is not "true" or "false"`, Meant: "true"}}},
	{name: "boolean in capitals", file: pool1("tcpkeepalive: True"), problems: []Problem{{Line: 3, Pool: "p", Key: "tcpkeepalive", Value: "True", Reason: `is not "true" or "false"`, Meant: "true"}}},
	{name: "boolean off", file: pool1("preconnect: off"), problems: []Problem{{Line: 3, Pool: "p", Key: "preconnect", Value: "off", Reason: `is not "true" or "false"`, Meant: "false"}}},
	{name: "boolean 1", file: pool1("auto_eject_hosts: 1"), problems: []Problem{{Line: 3, Pool: "p", Key: "auto_eject_hosts", Value: "1", Reason: `is not "true" or "false"`, Meant: "true"}}},
	{name: "reuseport no boolean", file: pool1("reuseport: x"), problems: []Problem{{Line: 3, Pool: "p", Key: "reuseport", Value: "x", Reason: `is not "true" or "false"`}}},
	{name: "server_connections 0", file: pool1("server_connections: 0"), problems: []Problem{{Line: 3, Pool: "p", Key: "server_connections", Reason: `directive "server_connections:" cannot be 0`}}},
	{name: "databases without redis", file: pool1("databases: 4"), problems: []Problem{{Line: 3, Pool: "p", Key: "databases", Reason: `directive "databases:" is only valid for a redis pool`, Want: `"redis: true" beside it`}}},
	{name: "databases 0", file: pool1("redis: true", "databases: 0"), problems: []Problem{{Line: 4, Pool: "p", Key: "databases", Value: "0", Reason: "is out of range", Want: wantDatabases}}},
	{name: "databases too many", file: pool1("redis: true", "databases: 65537"), problems: []Problem{{Line: 4, Pool: "p", Key: "databases", Value: "65537", Reason: "is out of range", Want: wantDatabases}}},
	{name: "databases without redis_db", file: pool1("redis: true", "redis_db: 4", "databases: 4"), problems: []Problem{{Line: 5, Pool: "p", Key: "databases", Value: "4", Reason: "has no database 4, which redis_db says that clients begin in", Want: "a number above 4"}}},
	{name: "commands without redis", file: pool1("commands: +@all"), problems: []Problem{{Line: 3, Pool: "p", Key: "commands", Reason: `directive "commands:" is only valid for a redis pool`, Want: `"redis: true" beside it`}}},
	{name: "commands with redis false", file: pool1("commands: +@all", "redis: false"), problems: []Problem{{Line: 3, Pool: "p", Key: "commands", Reason: `directive "commands:" is only valid for a redis pool`}}},
	{name: "commands unknown", file: pool1("redis: true", "commands: +@all -flsuhdb +@dangrous -client|kil ~* +select|0"), problems: []Problem{
		{Line: 4, Pool: "p", Key: "commands", Value: "-flsuhdb", Reason: "names no command", Want: wantRules, Meant: "-flushdb"},
		{Line: 4, Pool: "p", Key: "commands", Value: "+@dangrous", Reason: "names no category of commands", Meant: "+@dangerous"},
		{Line: 4, Pool: "p", Key: "commands", Value: "-client|kil", Reason: "names no subcommand of 'client'", Meant: "-client|kill"},
		{Line: 4, Pool: "p", Key: "commands", Value: "~*", Reason: "is not a rule for commands"},
		{Line: 4, Pool: "p", Key: "commands", Value: "+select|0", Reason: "names a subcommand, and 'select' is judged as a whole", Meant: "+select"},
	}},
	{name: "unknown_commands without redis", file: pool1("unknown_commands: refuse"), problems: []Problem{{Line: 3, Pool: "p", Key: "unknown_commands", Reason: `directive "unknown_commands:" is only valid for a redis pool`, Want: `"redis: true" beside it`}}},
	{name: "unknown_commands forward", file: pool1("redis: true", "unknown_commands: forward"), problems: []Problem{{Line: 4, Pool: "p", Key: "unknown_commands", Value: "forward", Reason: "is not a valid policy", Want: "one of learn, refuse"}}},
	{name: "commands of spaces", file: pool1("redis: true", `commands: " "`), problems: []Problem{{Line: 4, Pool: "p", Key: "commands", Value: " ", Reason: "has no rules", Want: wantRules}}},
	{name: "commands unquoted at sign", file: pool1("redis: true", "commands: @all"), problems: []Problem{{Line: 4, Reason: "failed to get the next yaml document: found character that cannot start any token: a value that begins with @ is something else to YAML"}}},
	{name: "password without redis", file: pool1("redis_auth: secret"), problems: []Problem{{Line: 3, Pool: "p", Key: "redis_auth", Reason: `directive "redis_auth:" is only valid for a redis pool`}}},
	{name: "password with redis false", file: pool1("redis_auth: secret", "redis: false"), problems: []Problem{{Line: 3, Pool: "p", Key: "redis_auth", Reason: `directive "redis_auth:" is only valid for a redis pool`}}},

	// servers.
	{name: "server without a weight", file: serversAt("a:1"), problems: []Problem{
		{Line: 4, Column: 7, Pool: "p", Key: "servers", Value: "a:1", Reason: `has an invalid "hostname:port:weight [name]"or "/path/unix_socket:weight [name]" format string`, Want: wantServer},
	}},
	{name: "server without colons", file: serversAt("a"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a", Reason: reasonServerForm}}},
	{name: "server path with a colon", file: serversAt("/tmp/a:b:1"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "/tmp/a:b:1", Reason: reasonServerForm}}},
	{name: "server path without a weight", file: serversAt("/tmp/a"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "/tmp/a", Reason: reasonServerForm}}},
	{name: "server weight 0", file: serversAt("a:1:0"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a:1:0", Reason: `has a zero weight in "hostname:port:weight [name]" format string`}}},
	{name: "server weight negative", file: serversAt("a:1:-1"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a:1:-1", Reason: `has an invalid weight in "hostname:port:weight [name]" format string`}}},
	{name: "server weight no number", file: serversAt("a:1:x"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a:1:x", Reason: `has an invalid weight in "hostname:port:weight [name]" format string`}}},
	{name: "server name of two words", file: serversAt("a:1:1 b c"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a:1:1 b c", Reason: `has an invalid weight in "hostname:port:weight [name]" format string`}}},
	{name: "server name after two spaces", file: serversAt("a:1:1  b"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a:1:1  b", Reason: `has an invalid weight in "hostname:port:weight [name]" format string`}}},
	{name: "server port 0", file: serversAt("a:0:1"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a:0:1", Reason: `has an invalid port in "hostname:port:weight [name]" format string`}}},
	{name: "server port 65536", file: serversAt("a:65536:1"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a:65536:1", Reason: `has an invalid port in "hostname:port:weight [name]" format string`}}},
	{name: "server port empty", file: serversAt("a::1"), problems: []Problem{{Line: 4, Pool: "p", Key: "servers", Value: "a::1", Reason: `has an invalid port in "hostname:port:weight [name]" format string`}}},
	{name: "equal ring names", file: serversAt("h:6379:1", "h:6379:2"), problems: []Problem{{Line: 5, Pool: "p", Key: "servers", Reason: "has servers with same name 'h:6379' (the first is on line 4)"}}},
	{name: "equal names", file: serversAt("a:1:1 x", "b:1:1 x"), problems: []Problem{{Line: 5, Pool: "p", Key: "servers", Reason: "has servers with same name 'x' (the first is on line 4)"}}},
	{name: "name equals a ring name", file: serversAt("a:1:1", "b:1:1 a:1"), problems: []Problem{{Line: 5, Pool: "p", Key: "servers", Reason: "has servers with same name 'a:1' (the first is on line 4)"}}},
	{
		name: "total weight", file: serversAt("a:1:2147483647", "b:1:2147483647", "c:1:2147483647"),
		diverges: "upstream's sum wraps around",
		problems: []Problem{{Line: 3, Pool: "p", Key: "servers", Reason: "total weight is more than 4294967295"}},
	},

	// Pools.
	{name: "equal listen", file: pool1() + "q:\n  listen: 127.0.0.1:22121\n  servers:\n  - a:1:1\n", problems: []Problem{
		{Line: 6, Pool: "q", Key: "listen", Reason: "pools 'p' and 'q' have the same listen address '127.0.0.1:22121'"},
	}},
	{name: "equal pools", file: pool1() + "p:\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\n", problems: []Problem{
		{Line: 5, Pool: "p", Reason: "has pools with same name 'p' (the first is on line 1)"},
	}},

	// The section of our own settings.
	{name: "only global settings", file: "global:\n  loops: 4\n", problems: []Problem{{Reason: "has no pools"}}},
	{name: "global settings twice", file: "global:\n  loops: 4\nglobal:\n  loops: 4\n" + pool1(), problems: []Problem{
		{Line: 3, Pool: "global", Reason: "has pools with same name 'global' (the first is on line 1)"},
	}},
	{name: "global unknown", file: "global:\n  lops: 4\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.lops", Reason: `directive "lops" is unknown`, Meant: "loops"}}},
	{name: "global with a pool's key", file: "global:\n  timeout: 4\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.timeout", Reason: `directive "timeout" is unknown`}}},
	{name: "global with listen only", file: "global:\n  listen: 127.0.0.1:1\n" + pool1(), problems: []Problem{
		{Line: 1, Pool: "global", Key: "servers", Reason: "missing sequence directive at depth 2"},
	}},
	{name: "global is empty", file: "global:\n" + pool1(), problems: []Problem{{Line: 1, Pool: "global", Reason: `has invalid mapping "key:" at depth 1`}}},
	{name: "loops 0", file: "global:\n  loops: 0\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.loops", Value: "0", Reason: "is out of range", Want: `a number from 1 to 256, or "auto"`}}},
	{name: "loops no number", file: "global:\n  loops: all\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.loops", Value: "all", Reason: "is not a number"}}},
	{name: "loops do not wrap", file: "global:\n  loops: 4294967297\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.loops", Value: "4294967297", Reason: "is not a number"}}},
	{name: "read_buffer too small", file: "global:\n  read_buffer: 1k\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.read_buffer", Value: "1k", Reason: "is out of range"}}},
	{name: "read_buffer unit", file: "global:\n  read_buffer: 64kib\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.read_buffer", Value: "64kib", Reason: "is not a number"}}},
	{name: "max_request without digits", file: "global:\n  max_request: mb\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.max_request", Value: "mb", Reason: "is not a number"}}},
	{name: "coalesce_usecs too long", file: "global:\n  coalesce_usecs: 1001\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.coalesce_usecs", Value: "1001", Reason: "is out of range"}}},
	{name: "admin without a port", file: "global:\n  admin: 127.0.0.1\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.admin", Value: "127.0.0.1", Reason: "is not an address", Want: `"host:port", "/path", or "off"`}}},
	{name: "admin port too large", file: "global:\n  admin: 127.0.0.1:65536\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.admin", Value: "127.0.0.1:65536", Reason: "is not an address"}}},
	{name: "admin port no number", file: "global:\n  admin: localhost:http\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.admin", Value: "localhost:http", Reason: "is not an address"}}},
	{name: "admin of IPv6 without brackets", file: "global:\n  admin: ::1:22223\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.admin", Value: "::1:22223", Reason: `is not an address: one of IPv6 has brackets here, and quotes around them, "[::1]:22223"`}}},
	{name: "max_pipeline 0", file: "global:\n  max_pipeline: 0\n" + pool1(), problems: []Problem{{Line: 2, Key: "global.max_pipeline", Value: "0", Reason: "is out of range"}}},
}
