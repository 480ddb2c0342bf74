//go:build unix

package difftest

import (
	"slices"
	"strconv"
	"strings"
)

// diffCase is a stream of commands whose replies must be the same whichever way they take. It starts with empty
// servers. Commands with several keys that no proxy splits use the hash tag {t}, so that the keys are on one server.
type diffCase struct {
	name     string
	script   string     // a command a line, as words reads it
	commands [][]string // what a script cannot say
	diverges string     // why cashew's replies differ from the server's, if they are known to
	upstream string     // why nutcracker's differ; commands it does not take at all are found by twemproxyTakes
}

// stream are the case's commands.
func (c diffCase) stream() [][]string {
	all := slices.Clone(c.commands)
	for line := range strings.Lines(c.script) {
		if args := words(line); len(args) > 0 {
			all = append(all, args)
		}
	}
	return all
}

var diffCases = []diffCase{
	// strings
	{name: "string/get-set", script: `
		SET a 1
		GET a
		GET missing
		get a
		gEt a
		SET a 2
		GETSET a 3
		GETSET missing2 x
		STRLEN a
		STRLEN missing3
		APPEND a bcd
		APPEND new x
		GET a
		GETDEL a
		GET a
		GETDEL a`},
	{name: "string/set-options", script: `
		SET a 1 NX
		SET a 2 NX
		SET b 2 XX
		SET a 3 XX
		SET a 4 XX GET
		SET a 5 KEEPTTL
		SET a 6 EX 1000
		SET a 7 PX 100000 NX
		SET a 8 EXAT 33177117420
		SET a 9 EX 0
		SET a 9 EX
		SET a 9 NX XX
		SET a 9 BOGUS
		SETNX a 1
		SETNX n 1
		SETEX a 100 v
		PSETEX a 100000 v
		SETEX a 0 v
		PSETEX a -1 v
		GETEX a
		GETEX a PERSIST
		TTL a
		GETEX a BOGUS`},
	{name: "string/numbers", script: `
		INCR n
		INCRBY n 41
		DECR n
		DECRBY n 40
		INCRBYFLOAT n 0.5
		INCR n
		INCRBY m abc
		DECRBY m 9223372036854775808
		SET m 9223372036854775807
		INCR m
		INCRBYFLOAT m nan
		SET f 3.0e3
		INCRBYFLOAT f 200
		SET t text
		INCR t
		INCRBYFLOAT t 1`},
	{name: "string/ranges", script: `
		SET a 'Hello World'
		GETRANGE a 0 4
		GETRANGE a -5 -1
		GETRANGE a 5 1
		GETRANGE a 0 -1
		GETRANGE a x y
		SETRANGE a 6 Redis
		SETRANGE pad 5 x
		SETRANGE a -1 x
		SETRANGE a 536870912 x
		GET a
		GET pad
		SUBSTR a 0 2`},
	{name: "string/lcs", script: `
		MSET {t}1 ohmytext {t}2 mynewtext
		LCS {t}1 {t}2
		LCS {t}1 {t}2 LEN
		LCS {t}1 {t}2 IDX
		LCS {t}1 {t}2 IDX LEN`},
	{name: "string/wrongtype", script: `
		LPUSH l 1
		GET l
		INCR l
		APPEND l x
		GETRANGE l 0 1
		GETSET l x
		SETRANGE l 0 x
		STRLEN l
		SET l now-a-string
		GET l`},
	{name: "string/arity", script: `
		GET
		GET a b
		SET a
		SET
		APPEND a
		INCR
		INCRBY a
		SETEX a 1
		GETRANGE a 1
		STRLEN
		PING`},

	// what keys and values may be
	{name: "bytes/empty", commands: [][]string{
		{"SET", "", "empty key"},
		{"GET", ""},
		{"SET", "empty value", ""},
		{"GET", "empty value"},
		{"MGET", "", "empty value", "missing"},
		{"HSET", "", "f", "v"},
		{"DEL", "", "empty value"},
		{"LPUSH", "", ""},
		{"LRANGE", "", "0", "-1"},
		{"HSET", "h", "", ""},
		{"HGETALL", "h"},
		{"EXISTS", ""},
		{"TYPE", ""},
	}},
	{name: "bytes/binary", commands: [][]string{
		{"SET", "\x00\r\n\xff", "\r\n$5\r\nhello\r\n"},
		{"GET", "\x00\r\n\xff"},
		{"MSET", "\r\n", "\x00", "*1\r\n", "$-1\r\n", "\xf0\x9f\x8c\xb0", "\xf0\x9f\x8c\xb0"},
		{"MGET", "\xf0\x9f\x8c\xb0", "*1\r\n", "\r\n", "\x00\r\n\xff"},
		{"APPEND", "\r\n", "\r\n"},
		{"GET", "\r\n"},
		{"DEL", "\r\n", "*1\r\n", "\x00\r\n\xff"},
	}},
	{name: "bytes/all-values", commands: [][]string{
		{"SET", "all", allBytes()},
		{"GET", "all"},
		{"SET", allBytes(), "x"},
		{"GET", allBytes()},
		{"STRLEN", "all"},
	}},
	{name: "bytes/long-key", commands: [][]string{
		{"SET", strings.Repeat("k", 16335), "at twemproxy's limit"},
		{"GET", strings.Repeat("k", 16335)},
		{"MGET", strings.Repeat("k", 16335), "a"},
	}},
	{name: "bytes/longer-key", upstream: "a key must fit one mbuf, 6.1", commands: [][]string{
		{"SET", strings.Repeat("k", 100_000), "x"},
		{"GET", strings.Repeat("k", 100_000)},
		{"MGET", strings.Repeat("k", 100_000), "a"},
		{"DEL", strings.Repeat("k", 100_000)},
	}},
	{name: "bytes/edges", commands: sizes(1, 2, 31, 32, 33, 511, 512, 513, 4095, 4096, 4097,
		16335, 16336, 16383, 16384, 16385, 32767, 32768, 65535, 65536, 65537, 131071, 131072, 131073)},
	{name: "bytes/1MB", commands: [][]string{
		{"SET", "a", strings.Repeat("x", 1<<20)},
		{"SET", "b", strings.Repeat("\r\n", 1<<19)},
		{"GET", "a"},
		{"GET", "b"},
		{"MGET", "a", "b", "missing", "a"},
		{"MSET", "c", strings.Repeat("y", 1<<20), "d", "small", "e", strings.Repeat("z", 1<<20)},
		{"MGET", "e", "d", "c"},
		{"STRLEN", "c"},
		{"HSET", "h", "f", strings.Repeat("v", 1<<20)},
		{"HGET", "h", "f"},
		{"PING"},
	}},
	{name: "bytes/many-arguments", commands: [][]string{
		append([]string{"RPUSH", "l"}, numbers(20_000)...),
		{"LRANGE", "l", "0", "-1"},
		append([]string{"SADD", "s"}, numbers(400)...),
		{"SMEMBERS", "s"},
		{"LLEN", "l"},
	}},

	// keys and expiry
	{name: "keys/exists-del", script: `
		SET a 1
		SET b 2
		SET c 3
		EXISTS a
		EXISTS missing
		DEL a
		DEL a
		UNLINK b
		TOUCH c
		TOUCH a
		TYPE c
		TYPE a
		LPUSH l 1
		TYPE l`},
	{name: "keys/expiry", script: `
		SET a 1
		TTL a
		PTTL a
		TTL missing
		PTTL missing
		EXPIRE a 1000
		EXPIRE missing 1000
		EXPIREAT a 33177117420
		EXPIRETIME a
		PEXPIRETIME a
		PEXPIREAT a 33177117420123
		PEXPIRETIME a
		EXPIRETIME missing
		EXPIREAT a 33177117421 GT
		EXPIREAT a 33177117421 GT
		EXPIREAT a 33177117421 NX
		EXPIREAT a 33177117400 LT
		PERSIST a
		PERSIST a
		PERSIST missing
		EXPIRETIME a
		EXPIRE a x
		EXPIRE a 10 BOGUS
		EXPIRE a -1
		GET a
		SET b 1
		PEXPIRE b 0
		GET b`},
	{name: "keys/object", script: `
		SET i 12345
		SET s short
		SET l 'a text that is longer than forty-four bytes, so it is raw'
		LPUSH list a
		SADD ints 1 2 3
		SADD words a
		HSET h f v
		ZADD z 1 a
		OBJECT ENCODING i
		OBJECT ENCODING s
		OBJECT ENCODING l
		OBJECT ENCODING list
		OBJECT ENCODING ints
		OBJECT ENCODING words
		OBJECT ENCODING h
		OBJECT ENCODING z
		OBJECT ENCODING missing
		OBJECT REFCOUNT l
		OBJECT FREQ i
		OBJECT IDLETIME missing
		object encoding i`},
	{name: "keys/dump", script: `
		SET a 'to be dumped'
		DUMP a
		DUMP missing
		RESTORE b 0 garbage
		RESTORE a 0 x
		RESTORE b -1 x`},
	{name: "keys/copy", script: `
		SET {t}a 1
		COPY {t}a {t}b
		COPY {t}a {t}b
		COPY {t}a {t}b REPLACE
		COPY {t}missing {t}c
		COPY {t}a {t}a
		GET {t}b
		RENAME {t}a {t}c
		RENAME {t}a {t}c
		RENAMENX {t}c {t}b
		RENAMENX {t}c {t}d
		GET {t}d`},
	{name: "keys/sort", script: `
		RPUSH {t}l 3 1 2 10
		SORT {t}l
		SORT {t}l DESC
		SORT {t}l LIMIT 1 2
		SORT {t}l ALPHA
		SORT {t}l STORE {t}sorted
		LRANGE {t}sorted 0 -1
		RPUSH words b a
		SORT words
		SORT words ALPHA
		SORT missing
		SORT_RO {t}l DESC
		SORT_RO words ALPHA LIMIT 0 1
		SORT {t}l BOGUS
		SET {t}s x
		SORT {t}s`},

	// hashes
	{name: "hash/fields", script: `
		HSET h a 1 b 2 c 3
		HSET h a 1 b
		HGET h a
		HGET h missing
		HGET missing a
		HMSET h d 4 e 5
		HMGET h a b x e
		HMGET missing a b
		HGETALL h
		HGETALL missing
		HKEYS h
		HVALS h
		HLEN h
		HEXISTS h a
		HEXISTS h x
		HSETNX h a 9
		HSETNX h f 9
		HSTRLEN h f
		HDEL h a x b
		HDEL missing a
		HINCRBY h n 5
		HINCRBY h n x
		HINCRBYFLOAT h n 1.5
		HINCRBY h n 1
		HSCAN h 0
		HSCAN h 0 MATCH c* COUNT 100
		HRANDFIELD missing
		HRANDFIELD missing 3`},
	{name: "hash/errors", script: `
		SET s x
		HSET s f v
		HGET s f
		HGETALL s
		HMGET s a b
		HDEL s f
		HGET h
		HSET h
		HSET h f
		HMSET h f
		HINCRBY h f
		HSCAN h x
		HRANDFIELD s`},

	// lists
	{name: "list/push-pop", script: `
		LPUSH l a b c
		RPUSH l d e
		LRANGE l 0 -1
		LRANGE l 1 2
		LRANGE l 5 1
		LLEN l
		LINDEX l 0
		LINDEX l -1
		LINDEX l 99
		LPOP l
		RPOP l
		LPOP l 2
		RPOP l 0
		RPOP missing
		RPOP missing 2
		LPUSHX missing x
		RPUSHX l z
		LINSERT l BEFORE z y
		LINSERT l AFTER nope y
		LINSERT missing BEFORE a b
		LSET l 0 first
		LSET l 99 x
		LSET missing 0 x
		LREM l 0 y
		LTRIM l 0 0
		LRANGE l 0 -1
		LPOS l first
		LPOS l first COUNT 0
		LPOS l nope
		LPOP l -1`},
	{name: "list/moves", script: `
		RPUSH {t}a 1 2 3
		RPOPLPUSH {t}a {t}b
		LMOVE {t}a {t}b LEFT RIGHT
		LMOVE {t}a {t}b UP DOWN
		LMOVE {t}missing {t}b LEFT LEFT
		RPOPLPUSH {t}missing {t}b
		LRANGE {t}a 0 -1
		LRANGE {t}b 0 -1
		LMPOP 2 {t}none {t}b LEFT
		LMPOP 2 {t}none {t}b RIGHT COUNT 5
		LMPOP 1 {t}none LEFT
		LMPOP 1 {t}a MIDDLE`},
	{name: "list/errors", script: `
		SET s x
		LPUSH s a
		LRANGE s 0 -1
		LLEN s
		LPOP s
		LINDEX s 0
		LRANGE l a b
		LPUSH l
		LINSERT l NEAR a b
		LPOP
		LRANGE l 0`},

	// sets, of integers so that their order does not depend on a process's hash seed
	{name: "set/members", script: `
		SADD s 3 1 2
		SADD s 3
		SMEMBERS s
		SCARD s
		SISMEMBER s 1
		SISMEMBER s 9
		SMISMEMBER s 1 9 2
		SREM s 1 9
		SMEMBERS s
		SSCAN s 0
		SRANDMEMBER missing
		SRANDMEMBER missing 2
		SPOP missing
		SPOP missing 3
		SRANDMEMBER s 10
		SADD one 1
		SRANDMEMBER one
		SPOP one
		SMEMBERS missing
		SCARD missing`},
	{name: "set/algebra", script: `
		SADD {t}a 1 2 3 4
		SADD {t}b 3 4 5
		SUNION {t}a {t}b
		SINTER {t}a {t}b
		SDIFF {t}a {t}b
		SDIFF {t}a
		SINTER {t}a {t}missing
		SUNIONSTORE {t}u {t}a {t}b
		SINTERSTORE {t}i {t}a {t}b
		SDIFFSTORE {t}d {t}a {t}b
		SMEMBERS {t}u
		SMEMBERS {t}i
		SMEMBERS {t}d
		SMOVE {t}a {t}b 1
		SMOVE {t}a {t}b 99
		SMEMBERS {t}b
		SINTERCARD 2 {t}a {t}b
		SINTERCARD 2 {t}a {t}b LIMIT 1
		SINTERCARD 1 {t}a
		SINTERCARD 2 {t}a {t}b BOGUS`},
	{name: "set/errors", script: `
		SET {t}s x
		SADD {t}s a
		SMEMBERS {t}s
		SUNION {t}s {t}a
		SPOP {t}s
		SADD {t}a
		SISMEMBER {t}a
		SMOVE {t}s {t}a 1
		SINTERSTORE {t}x`},

	// sorted sets
	{name: "zset/scores", script: `
		ZADD z 1 a 2 b 3 c
		ZADD z NX 9 a
		ZADD z XX CH 9 a
		ZADD z GT 1 a
		ZADD z INCR 1 a
		ZADD z NX XX 1 a
		ZADD z x a
		ZADD z 1
		ZSCORE z a
		ZSCORE z missing
		ZMSCORE z a missing c
		ZINCRBY z 1.5 b
		ZINCRBY z nan b
		ZCARD z
		ZCOUNT z -inf +inf
		ZCOUNT z (3.5 10
		ZCOUNT z x y
		ZRANK z a
		ZRANK z missing
		ZREVRANK z a
		ZADD z inf top -inf bottom
		ZSCORE z top
		ZREM z a nope
		ZPOPMIN z
		ZPOPMAX z 2
		ZPOPMIN missing
		ZSCAN z 0
		ZRANDMEMBER missing
		ZRANDMEMBER missing 2`},
	{name: "zset/ranges", script: `
		ZADD {t}z 1 a 2 b 3 c 4 d 5 e
		ZRANGE {t}z 0 -1
		ZRANGE {t}z 0 -1 WITHSCORES
		ZRANGE {t}z 0 1 REV
		ZRANGE {t}z (1 3 BYSCORE
		ZRANGE {t}z 1 5 BYSCORE LIMIT 1 2
		ZRANGE {t}z [b [d BYLEX
		ZRANGE {t}z 0 1 LIMIT 0 1
		ZREVRANGE {t}z 0 1 WITHSCORES
		ZRANGEBYSCORE {t}z 2 4
		ZREVRANGEBYSCORE {t}z 4 2 WITHSCORES
		ZRANGEBYLEX {t}z - +
		ZREVRANGEBYLEX {t}z + -
		ZLEXCOUNT {t}z - +
		ZLEXCOUNT {t}z a b
		ZRANGESTORE {t}y {t}z 0 2
		ZRANGE {t}y 0 -1
		ZREMRANGEBYRANK {t}y 0 0
		ZREMRANGEBYSCORE {t}y 2 2
		ZREMRANGEBYLEX {t}y - +
		ZRANGE missing 0 -1
		ZRANGEBYSCORE {t}z 1 x`},
	{name: "zset/algebra", script: `
		ZADD {t}a 1 x 2 y
		ZADD {t}b 10 y 20 z
		ZUNIONSTORE {t}u 2 {t}a {t}b
		ZUNIONSTORE {t}u 2 {t}a {t}b WEIGHTS 2 3 AGGREGATE MAX
		ZINTERSTORE {t}i 2 {t}a {t}b
		ZDIFFSTORE {t}d 2 {t}a {t}b
		ZRANGE {t}u 0 -1 WITHSCORES
		ZRANGE {t}i 0 -1 WITHSCORES
		ZRANGE {t}d 0 -1 WITHSCORES
		ZUNIONSTORE {t}u 0 {t}a
		ZUNIONSTORE {t}u 3 {t}a {t}b`},
	{name: "zset/algebra-reads", upstream: "routed by numkeys, 6.3", script: `
		ZADD {t}a 1 x 2 y
		ZADD {t}b 10 y 20 z
		ZUNION 2 {t}a {t}b
		ZUNION 2 {t}a {t}b WITHSCORES
		ZINTER 2 {t}a {t}b WITHSCORES
		ZDIFF 2 {t}a {t}b
		ZDIFF 1 {t}a WITHSCORES
		ZINTERCARD 2 {t}a {t}b
		ZINTERCARD 2 {t}a {t}b LIMIT 1
		ZMPOP 2 {t}none {t}a MIN
		ZMPOP 2 {t}none {t}b MAX COUNT 5
		ZMPOP 1 {t}none MIN`},
	{name: "zset/errors", script: `
		SET s x
		ZADD s 1 a
		ZRANGE s 0 -1
		ZSCORE s a
		ZPOPMIN s
		ZADD z
		ZRANGE z 0
		ZCOUNT z 1
		ZINCRBY z 1
		ZRANGE z a b`},

	// geo, bit, hyperloglog
	{name: "geo", script: `
		GEOADD {t}g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
		GEOADD {t}g NX CH 13.5 38 Palermo
		GEOADD {t}g 500 500 nowhere
		GEOADD {t}g x y z
		GEODIST {t}g Palermo Catania
		GEODIST {t}g Palermo Catania km
		GEODIST {t}g Palermo nowhere
		GEOHASH {t}g Palermo Catania nowhere
		GEOPOS {t}g Palermo nowhere
		GEORADIUS {t}g 15 37 200 km ASC
		GEORADIUS {t}g 15 37 200 km WITHDIST WITHCOORD ASC
		GEORADIUS_RO {t}g 15 37 100 km
		GEORADIUSBYMEMBER {t}g Palermo 200 km ASC
		GEORADIUSBYMEMBER_RO {t}g Palermo 10 km
		GEOSEARCH {t}g FROMLONLAT 15 37 BYBOX 400 400 km ASC
		GEOSEARCH {t}g FROMMEMBER Palermo BYRADIUS 10 km
		GEOSEARCHSTORE {t}near {t}g FROMLONLAT 15 37 BYRADIUS 200 km
		ZCARD {t}near
		GEORADIUS {t}g 15 37 200 km STORE {t}stored
		ZCARD {t}stored
		GEOSEARCH {t}g BOGUS
		SET s x
		GEOADD s 1 1 a`},
	{name: "bit", script: `
		SETBIT b 7 1
		SETBIT b 7 0
		SETBIT b 100 1
		GETBIT b 100
		GETBIT b 10000
		SETBIT b x 1
		SETBIT b 1 2
		SETBIT b 4294967296 1
		SET k foobar
		BITCOUNT k
		BITCOUNT k 0 0
		BITCOUNT k 1 1 BYTE
		BITCOUNT k 5 30 BIT
		BITCOUNT missing
		BITCOUNT k 1
		BITPOS k 0
		BITPOS k 1 2
		BITPOS k 2
		BITFIELD f INCRBY i5 100 1 GET u4 0
		BITFIELD f SET u8 #1 200 OVERFLOW FAIL INCRBY u8 #1 100
		BITFIELD f BOGUS
		BITFIELD_RO f GET u8 0
		BITFIELD_RO f SET u8 0 1`},
	{name: "bit/op", script: `
		MSET {t}1 foobar {t}2 abcdef
		BITOP AND {t}d {t}1 {t}2
		GET {t}d
		BITOP OR {t}d {t}1 {t}2
		BITOP XOR {t}d {t}1 {t}2 {t}missing
		GET {t}d
		BITOP NOT {t}d {t}1
		GET {t}d
		BITOP NOT {t}d {t}1 {t}2
		BITOP NAND {t}d {t}1`},
	{name: "hyperloglog", script: `
		PFADD {t}a 1 2 3 4
		PFADD {t}a 1
		PFADD {t}b 3 4 5
		PFADD {t}empty
		PFCOUNT {t}a
		PFCOUNT {t}a {t}b
		PFCOUNT {t}missing
		PFMERGE {t}c {t}a {t}b
		PFCOUNT {t}c
		SET {t}s x
		PFADD {t}s 1
		PFCOUNT {t}s
		PFMERGE {t}c {t}s
		PFCOUNT
		PFMERGE`},

	// streams
	{name: "stream/add-range", script: `
		XADD s 1-1 f v
		XADD s 1-2 f v g w
		XADD s 1-2 f v
		XADD s 5 f v
		XADD s 0-0 f v
		XADD s x f v
		XADD s 6-1 f
		XADD s NOMKSTREAM 6-* f v
		XADD none NOMKSTREAM 6-1 f v
		XLEN s
		XLEN missing
		XRANGE s - +
		XRANGE s 1 1
		XRANGE s (1-1 + COUNT 1
		XREVRANGE s + -
		XREVRANGE s + - COUNT 1
		XDEL s 1-1 9-9
		XTRIM s MAXLEN 2
		XTRIM s MAXLEN = 1
		XTRIM s MINID 99
		XADD s MAXLEN 2 100-1 a b
		XSETID s 200-1
		XSETID s 1-1
		XINFO STREAM s
		XINFO STREAM missing
		XINFO GROUPS s
		XINFO CONSUMERS s none`},
	{name: "stream/groups", script: `
		XADD {t}s 1-1 f v
		XADD {t}s 1-2 f v
		XADD {t}r 1-1 a b
		XGROUP CREATE {t}s g 0
		XGROUP CREATE {t}s g 0
		XGROUP CREATE {t}missing g 0
		XGROUP CREATE {t}made g $ MKSTREAM
		XGROUP CREATECONSUMER {t}s g c2
		XREADGROUP GROUP g c1 COUNT 1 STREAMS {t}s >
		XREADGROUP GROUP g c1 STREAMS {t}s 0
		XREADGROUP GROUP none c1 STREAMS {t}s >
		XPENDING {t}s g
		XACK {t}s g 1-1
		XACK {t}s g 1-1
		XPENDING {t}s g
		XCLAIM {t}s g c2 0 1-2 JUSTID
		XAUTOCLAIM {t}s g c2 0 0 JUSTID
		XGROUP SETID {t}s g 0
		XGROUP DELCONSUMER {t}s g c1
		XGROUP DESTROY {t}s g
		XGROUP DESTROY {t}s g
		XREAD STREAMS {t}s 0
		XREAD COUNT 1 STREAMS {t}s {t}r 0 0
		XREAD STREAMS {t}s {t}r 99 99
		XREAD STREAMS {t}missing 0
		XREAD COUNT 1 STREAMS {t}s`},
	{name: "stream/errors", script: `
		SET x 1
		XADD x 1-1 f v
		XLEN x
		XRANGE x - +
		XREAD STREAMS x 0
		XADD x
		XRANGE s -
		XLEN
		XACK s`},

	// scripts
	{name: "script/eval", script: `
		EVAL 'return 1' 1 k
		EVAL 'return {1,2,{3,"four",{5}},false,"six"}' 1 k
		EVAL 'return redis.call("SET", KEYS[1], ARGV[1])' 1 k v
		EVAL 'return redis.call("GET", KEYS[1])' 1 k
		EVAL 'return {KEYS[1],KEYS[2],ARGV[1]}' 2 {t}1 {t}2 arg
		EVAL 'return redis.error_reply("MY error")' 1 k
		EVAL 'return redis.status_reply("FINE")' 1 k
		EVAL 'return {ok="FINE"}' 1 k
		EVAL 'return {}' 1 k
		EVAL 'return nil' 1 k
		EVAL 'return {{},{false},{redis.status_reply("deep")}}' 1 k
		EVAL 'return #KEYS' 3 {t}1 {t}2
		EVALSHA ffffffffffffffffffffffffffffffffffffffff 1 k
		EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 k
		EVAL 'syntax error' 1 k
		EVAL 'return ARGV[1]' 1 k ''`},
	{name: "script/read-only", script: `
		SET k v
		EVAL_RO 'return redis.call("GET", KEYS[1])' 1 k
		EVAL_RO 'return redis.call("DEL", KEYS[1])' 1 k
		EVALSHA_RO ffffffffffffffffffffffffffffffffffffffff 1 k
		FCALL none 1 k
		FCALL_RO none 1 k`},
	{name: "script/deep", commands: [][]string{
		{"EVAL", "local t={'bottom'} for i=1,20 do t={t} end return t", "1", "k"},
		{"EVAL", "local t={} for i=1,3000 do t[i]=i end return t", "1", "k"},
		{"EVAL", "return string.rep('x', 300000)", "1", "k"},
		{"PING"},
	}},

	// commands that a proxy splits; several keys of any server
	{name: "multi/mset-mget", script: `
		MSET a 1 b 2 c 3 d 4 e 5
		MGET a b c d e
		MGET e d c b a
		MGET a a a b b
		MGET a missing c missing2
		MGET missing1 missing2
		MGET a
		MGET missing
		MSET a 9
		MGET a
		MSET a 1 a 2 a 3
		GET a
		LPUSH list 1
		MGET a list b`},
	{name: "multi/counts", script: `
		MSET a 1 b 2 c 3 d 4 e 5
		TOUCH a b missing
		DEL a b missing
		DEL a b
		UNLINK c missing d
		DEL e
		MSET a 1 b 2
		DEL a a b b`},
	{name: "multi/exists", upstream: "EXISTS goes to one server, 6.3", script: `
		MSET a 1 b 2 c 3 d 4 e 5
		EXISTS a b c
		EXISTS a a a missing b
		EXISTS missing1 missing2`},
	{name: "multi/arity", script: `
		MGET
		MSET
		MSET a
		MSET a 1 b
		DEL
		UNLINK
		TOUCH
		EXISTS
		PING`},
	{name: "multi/wide", commands: wide(1000)},
	{name: "multi/wide-exists", upstream: "EXISTS goes to one server, 6.3", commands: [][]string{
		wide(1000)[0],
		append([]string{"EXISTS"}, wide(1000)[1][1:]...),
	}},
	{name: "multi/msetnx", script: `
		MSETNX {t}a 1 {t}b 2
		MSETNX {t}b 3 {t}c 4
		MGET {t}a {t}b {t}c`},

	// commands that a proxy answers itself
	{name: "local", script: `
		PING
		PING hello
		ping 'with space'
		PING a b
		ECHO hello
		ECHO
		ECHO a b
		SELECT 0
		SELECT x
		SELECT
		PING`},

	{name: "mixed/errors-in-between", script: `
		SET a 1
		LPUSH a x
		GET a
		HGET a f
		MGET a b
		SADD a 1
		PING
		INCR a
		ZADD a 1 m
		GET a`},
}

// twemproxyArity is the number of arguments, the command word included, of each command that twemproxy takes. n is
// exact, -n is n or more. Source: twemproxy-behaviour 6.3. COMMAND and LOLWUT are left out.
var twemproxyArity = func() map[string]int {
	m := map[string]int{}
	for arity, names := range map[int]string{
		1: `PING QUIT`,
		2: `AUTH DECR DUMP GET GETDEL HGETALL HKEYS HLEN HVALS INCR LLEN PERSIST PTTL SCARD SMEMBERS STRLEN TTL TYPE
			ZCARD`,
		3: `APPEND DECRBY EXPIRE EXPIREAT GETBIT GETSET HEXISTS HGET HSTRLEN INCRBY INCRBYFLOAT LINDEX PEXPIRE PEXPIREAT
			RPOPLPUSH SETNX SISMEMBER ZRANK ZREVRANK ZSCORE`,
		4: `GETRANGE HINCRBY HINCRBYFLOAT HSETNX LRANGE LREM LSET LTRIM PSETEX SETBIT SETEX SETRANGE SMOVE ZCOUNT ZINCRBY
			ZLEXCOUNT ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE`,
		5: `LINSERT LMOVE`,
		-2: `BITCOUNT BITFIELD BITPOS COPY EXISTS GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER GEOSEARCH
			GEOSEARCHSTORE GETEX HDEL HMGET HMSET HRANDFIELD HSCAN HSET LPOP LPOS LPUSH LPUSHX PFADD PFCOUNT PFMERGE
			RESTORE RPOP RPUSH RPUSHX SADD SDIFF SDIFFSTORE SET SINTER SINTERSTORE SMISMEMBER SORT SPOP SRANDMEMBER SREM
			SSCAN SUNION SUNIONSTORE ZADD ZDIFF ZDIFFSTORE ZINTER ZINTERSTORE ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE
			ZRANGEBYLEX ZRANGEBYSCORE ZRANGESTORE ZREM ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZSCAN ZUNION ZUNIONSTORE
			MGET DEL UNLINK TOUCH`,
		-3: `MSET`,
		-4: `EVAL EVALSHA`,
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = arity
		}
	}
	return m
}()

// twemproxyTakes reports whether twemproxy forwards or answers the command instead of closing the connection.
func twemproxyTakes(args []string) bool {
	name := strings.ToUpper(args[0])
	arity, ok := twemproxyArity[name]
	switch {
	case !ok, arity > 0 && len(args) != arity, len(args) < -arity:
		return false
	case name == "MSET":
		return len(args)%2 == 1
	case name == "EVAL", name == "EVALSHA":
		n, err := strconv.Atoi(args[2])
		return err == nil && n > 0
	}
	return true
}

// takenByTwemproxy keeps the commands that twemproxy takes.
func takenByTwemproxy(commands [][]string) [][]string {
	return slices.DeleteFunc(slices.Clone(commands), func(args []string) bool { return !twemproxyTakes(args) })
}

func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// numbers are the decimal numbers below n.
func numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}

// sizes sets and gets a value of each size, since buffers have edges.
func sizes(bytes ...int) [][]string {
	var all [][]string
	for _, n := range bytes {
		key := "size" + strconv.Itoa(n)
		all = append(all, []string{"SET", key, strings.Repeat("s", n)}, []string{"GET", key},
			[]string{"MGET", key, "missing"})
	}
	return all
}

// wide are multi-key commands of n keys with duplicates, missing keys and an empty one.
func wide(n int) [][]string {
	mset, mget, del := []string{"MSET", "", "of the empty key"}, []string{"MGET"}, []string{"DEL"}
	for i := range n {
		mset = append(mset, "k"+strconv.Itoa(i), "value "+strconv.Itoa(i*i))
		mget = append(mget, "k"+strconv.Itoa(i*7%(n+n/10)))
		if i%10 == 0 {
			mget = append(mget, "")
		}
		del = append(del, "k"+strconv.Itoa(i/2))
	}
	touch := append([]string{"TOUCH"}, mget[1:]...)
	unlink := append([]string{"UNLINK"}, mget[1:]...)
	return [][]string{mset, mget, touch, del, mget, unlink, mget}
}
