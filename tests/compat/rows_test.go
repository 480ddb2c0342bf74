//go:build unix

package compat

import (
	"slices"
	"testing"
)

// row is one library or framework with one protocol: what is run directly, before one server and before three.
type row struct {
	name     string
	protocol protocol
	program  func(t testing.TB, name string) []string // the command that runs it; protocol and port are appended
	short    bool                                     // it is also run by make test
	keys     string                                   // its keys begin with it; a library's with name-protocol:
	oneSlot  bool                                     // all its keys have the same hash tag
	resets   int                                      // so many of its clients may leave without a look at what was sent to them last
	lacks    map[string]string                        // scenarios that it has no step for, and why, "" if it has no call for it

	tls      transport // over which it is run besides, as a row of its own, see overTLS
	tlsShort bool      // by make test as well
	over     transport // over which this row is run
}

// protocol is what a program has its library speak.
type protocol string

const (
	resp2  protocol = "resp2"
	resp3  protocol = "resp3"
	text   protocol = "text" // memcached's
	binary protocol = "binary"
)

// server is the program behind a protocol.
func (p protocol) server() string {
	if p == text || p == binary {
		return "memcached"
	}
	return "redis"
}

// id is how a row is called in tests and in tables.
func (r *row) id() string {
	id := r.name + "/" + string(r.protocol)
	if r.over != plain {
		id += " over " + string(r.over)
	}
	return id
}

// framework says that the row is an application, which goes through no scenarios.
func (r *row) framework() bool {
	return slices.ContainsFunc(frameworks, func(f row) bool { return f.id() == r.id() })
}

// without are scenarios that a library has no call for.
func without(scenarios ...string) map[string]string {
	lacks := map[string]string{}
	for _, s := range scenarios {
		lacks[s] = ""
	}
	return lacks
}

// libraries are the rows that go through the scenarios. What a library speaks by itself is in the short form.
var libraries = []row{
	{name: "node-redis", protocol: resp3, program: nodeProgram, short: true, tls: sealed},
	{name: "node-redis", protocol: resp2, program: nodeProgram, tls: certified},
	{name: "ioredis", protocol: resp3, program: nodeProgram, short: true, tls: certified},
	{name: "ioredis", protocol: resp2, program: nodeProgram, tls: sealed, tlsShort: true},
	{name: "valkey-glide", protocol: resp3, program: nodeProgram, short: true, tls: sealed},
	{name: "valkey-glide", protocol: resp2, program: nodeProgram, lacks: map[string]string{
		"pub/sub": "it takes messages with RESP3 alone",
	}, tls: sealed},
	{name: "go-redis", protocol: resp3, program: golangProgram, short: true, tls: certified, tlsShort: true},
	{name: "go-redis", protocol: resp2, program: golangProgram, short: true, tls: sealed},
	{name: "rueidis", protocol: resp3, program: golangProgram, short: true, tls: sealed},
	{name: "rueidis", protocol: resp2, program: golangProgram, tls: certified},
	{name: "rueidis-client-cache", protocol: resp3, program: golangProgram, short: true},
	{name: "valkey-go", protocol: resp3, program: golangProgram, tls: certified},
	{name: "valkey-go", protocol: resp2, program: golangProgram, tls: sealed},
	{name: "redigo", protocol: resp2, program: golangProgram, short: true, resets: 1, tls: sealed},
	{name: "phpredis", protocol: resp2, program: phpredisProgram, short: true, resets: 2, tls: sealed},
	{name: "predis", protocol: resp2, program: predisProgram, short: true, tls: certified},
	{name: "redis-py", protocol: resp2, program: pythonProgram, short: true, tls: certified},
	{name: "redis-py-hiredis", protocol: resp2, program: pythonProgram, short: true, tls: sealed},
	{name: "redis-rb", protocol: resp2, program: rubyProgram, short: true, tls: certified},
	{name: "hiredis", protocol: resp2, program: hiredisProgram, tls: tunnelled},
	{name: "perl-redis", protocol: resp2, program: perlProgram, tls: sealed},
	{name: "pylibmc", protocol: text, program: pylibmcProgram, short: true, tls: tunnelled},
	{name: "pylibmc", protocol: binary, program: pylibmcProgram, resets: 10, tls: tunnelled},
	{name: "pymemcache", protocol: text, program: pymemcacheProgram, short: true, tls: certified, tlsShort: true},
	{name: "gomemcache", protocol: text, program: golangProgram, lacks: without("noreply"), tls: sealed},
	{name: "php-memcached", protocol: text, program: phpMemcachedProgram, tls: tunnelled},
	{name: "php-memcached", protocol: binary, program: phpMemcachedProgram, resets: 10, tls: tunnelled},
	{name: "spymemcached", protocol: text, program: spymemcachedProgram, lacks: without("noreply"), tls: tunnelled},
	{name: "spymemcached", protocol: binary, program: spymemcachedProgram, lacks: without("noreply"), tls: tunnelled},
	{name: "dalli", protocol: binary, program: rubyProgram, lacks: without("noreply"), tls: tunnelled},
	{name: "memjs", protocol: binary, program: nodeProgram, lacks: without("multi-key", "cas", "noreply"), tls: tunnelled},
}

// frameworks are applications in small: what they are made of is seen as one. Those with one hash tag are told to have it by an
// option of theirs, which their name or their program tells.
var frameworks = []row{
	{name: "bullmq", protocol: resp3, program: nodeProgram, short: true, keys: "{bull-resp3}:", oneSlot: true},
	{name: "bullmq-worker", protocol: resp3, program: nodeProgram},
	{name: "bee-queue", protocol: resp2, program: nodeProgram},
	{name: "socket.io", protocol: resp3, program: nodeProgram},
	{name: "socket.io", protocol: resp2, program: nodeProgram},
	{name: "rate-limiter-flexible", protocol: resp3, program: nodeProgram, keys: "rate-limiter-flexible-resp3:"},
	{name: "connect-redis", protocol: resp3, program: nodeProgram},
	{name: "asynq", protocol: resp3, program: golangProgram},
	{name: "celery", protocol: resp2, program: python("celery_app.py", "celery")},
	{name: "celery-prefixed", protocol: resp2, program: python("celery_app.py", "celery")},
	{name: "rq", protocol: resp2, program: python("rq_app.py", "rq")},
	{name: "channels", protocol: resp2, program: python("channels_app.py", "channels_redis")},
	{name: "channels-prefixed", protocol: resp2, program: python("channels_app.py", "channels_redis")},
	{name: "channels-pubsub", protocol: resp2, program: python("channels_app.py", "channels_redis")},
	{name: "redis-py-lock", protocol: resp2, program: python("lock.py", "redis"), short: true, keys: "redis-py-lock-resp2:"},
	{name: "django-redis", protocol: resp2, program: djangoProgram, short: true, keys: "django-redis-resp2:"},
	{name: "symfony-messenger", protocol: resp2, program: symfonyProgram},
	{name: "laravel", protocol: resp2, program: laravelProgram},
	{name: "sidekiq", protocol: resp2, program: rubyProgram},
	{name: "django-pylibmc", protocol: text, program: djangoProgram, short: true, keys: "django-pylibmc-text:"},
	{name: "django-pymemcache", protocol: text, program: djangoProgram, short: true, keys: "django-pymemcache-text:"},
}

// scenario is a column of the table: what is asked of each library that speaks to a server, and the names of the steps that
// it consists of. A program takes those steps that its library has something for, and at least one.
type scenario struct {
	name  string
	steps []string
}

var scenarios = map[string][]scenario{
	"redis": {
		{"connect", []string{"connect", "ping", "name", "client info", "server info", "concurrent", "quit"}},
		{"pipeline", []string{"pipeline", "large pipeline", "wrong type in a pipeline"}},
		{"multi-key", []string{"multi-key"}},
		{"1 MB and binary values", []string{"large", "binary"}},
		{"types of replies", []string{"expiry", "missing", "counter", "hash", "set", "sorted set", "generic"}},
		{"scripts", []string{"script", "stored script", "registered script", "loaded script", "script of several keys"}},
		{"MULTI", []string{"MULTI", "transaction", "raw transaction", "transaction in a pipeline", "transactions were all or nothing"}},
		{"MULTI over any keys", []string{"MULTI over any keys"}},
		{"WATCH conflict", []string{"WATCH conflict", "watch"}},
		{"blocking pop", []string{"blocking pop"}},
		{"pub/sub", []string{"pub/sub"}},
		{"SCAN", []string{"SCAN"}},
		{"SCAN of a key", []string{"SCAN of a key"}},
		{"streams with groups", []string{"streams with groups"}},
		{"errors", []string{"wrong type", "errors"}},
		{"unknown command", []string{"unknown command"}},
		{"WAIT", []string{"WAIT"}},
		{"SELECT", []string{"SELECT", "database", "another database", "nothing of it in database 0"}},
		{"reconnect", []string{"reconnect after CLIENT KILL"}},
	},
	"memcached": {
		{"connect", []string{"connect", "concurrent", "quit"}},
		{"values", []string{"basic", "types", "flags"}},
		{"1 MB", []string{"large", "too large"}},
		{"add, replace, append", []string{"add, replace", "append, prepend"}},
		{"counters", []string{"counter"}},
		{"times", []string{"times", "touch"}},
		{"multi-key", []string{"many"}},
		{"cas", []string{"cas"}},
		{"noreply", []string{"noreply", "large noreply"}},
	},
}
