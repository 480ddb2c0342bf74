//go:build unix

package difftest

import (
	"slices"
	"strconv"
	"strings"
)

// oracleKeys are the keys of each type; all are there a second time with the hash tag {t}. oracleSeed writes them.
var oracleKeys = map[string][]string{
	"str": {"str", "str2", "exp"},
	"int": {"int", "int2"},
	"flt": {"flt"},
	"bit": {"bit", "str"},
	"hll": {"hll", "hll2"},
	"lst": {"lst", "lst2"},
	"num": {"num", "nts"},
	"set": {"set", "set2", "one"},
	"nts": {"nts", "nts2"},
	"zst": {"zst", "zst2"},
	"lex": {"lex"},
	"hsh": {"hsh", "hsh2"},
	"stm": {"stm", "stm2"},
	"geo": {"geo"},
	"big": {"biglst", "bighsh", "bigzst", "bigset", "bigstr"},
	"new": {"new", "missing", "none"},
}

// oracleSeed are the calls that make the data, of one key each, so that a proxy puts them where it will look for them.
var oracleSeed = func() (all [][]string) {
	for _, tag := range []string{"", "{t}"} {
		for line := range strings.Lines(`
			SET str 'hello world'
			SET str2 ohmytext
			SET exp soon EXAT 33177117420
			SET int 42
			SET int2 -7
			SET flt 3.25
			SET bit \xff\x0f\x00\xf0
			PFADD hll a b c d e
			PFADD hll2 d e f
			RPUSH lst a b c a 1 2
			RPUSH lst2 x y z
			RPUSH num 3 1 2 10
			SADD set a b c 1
			SADD set2 b c d
			SADD one a
			SADD nts 1 2 3 4
			SADD nts2 3 4 5
			ZADD zst 1 a 2 b 3 c 3 d 4.5 e
			ZADD zst2 10 b 20 f -inf low inf top
			ZADD lex 0 a 0 b 0 c 0 d
			HSET hsh f1 v1 f2 10 f3 2.5 '' ''
			HSET hsh2 f1 x
			XADD stm 1-1 f v
			XADD stm 1-2 f v g w
			XADD stm 2-1 f ''
			XADD stm 3-1 a b
			XADD stm2 1-1 f v
			XGROUP CREATE stm g1 0
			XGROUP CREATE stm g2 $
			XREADGROUP GROUP g1 c1 COUNT 2 STREAMS stm >
			GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.496366 41.902782 Rome
			SET w_1 30
			SET w_2 10
			SET w_3 20
			HSET wh_1 f 9
			SET bigstr ` + strings.Repeat("0123456789", 1000) + "\n") {
			if args := words(line); len(args) > 0 {
				at := oracleSeedKey(args)
				args[at] = tag + args[at]
				all = append(all, args)
			}
		}
		// Past what is kept in one piece of memory: so are a value of more than 64 bytes and what is no integer.
		lst, set := []string{"RPUSH", tag + "biglst"}, []string{"SADD", tag + "bigset", "x"}
		hsh, zst := []string{"HSET", tag + "bighsh", "long", strings.Repeat("v", 65)}, []string{"ZADD", tag + "bigzst"}
		for i := range 130 {
			n := strconv.Itoa(i)
			lst, hsh, zst, set = append(lst, n), append(hsh, "f"+n, n), append(zst, strconv.Itoa(i/2), "m"+n), append(set, n)
		}
		all = append(all, lst, hsh, zst, set)
	}
	return append(all, []string{"SET", "", "empty"}, []string{"SET", "bin\r\n\x00\xff", "\x00\r\n"}, []string{"RPUSH", strings.Repeat("k", 300), "x"})
}()

// oracleSeedKey is the index of the key in a call of oracleSeed.
func oracleSeedKey(args []string) int {
	switch args[0] {
	case "XGROUP":
		return 2
	case "XREADGROUP":
		return slices.Index(args, "STREAMS") + 1
	}
	return 1
}

// oracleScripts are what EVAL runs. Maps and sets in what they return have one element, since Lua's order is its hash's.
var oracleScripts = []string{
	`'return 1'`, `'return redis.call("get",KEYS[1])'`, `'return redis.call("hgetall",KEYS[1])'`, `'return redis.call("lpop",KEYS[1])'`,
	`'return {KEYS[1],ARGV[1],3.7,true,false,5}'`, `'return {1,{2,{3,{}}},"x",nil,4}'`, `'return redis.call("set",KEYS[1],ARGV[1])'`,
	`'redis.setresp(3) return redis.call("hgetall",KEYS[1])'`, `'redis.setresp(3) return redis.call("zscore",KEYS[1],"a")'`,
	`'redis.setresp(3) return redis.call("smembers",KEYS[1])'`, `'redis.setresp(3) return redis.call("get","{t}missing")'`,
	`'return redis.status_reply("FINE")'`, `'return redis.error_reply("MY ERR")'`, `'return {err="MY ERR"}'`, `'return {ok="fine"}'`,
	`'return {double=3.5}'`, `'return {map={a=1}}'`, `'return {set={a=true}}'`, `'return {big_number="12345678901234567890"}'`,
	`'return {verbatim_string={string="hi",format="txt"}}'`, `'return true'`, `'return false'`, `'return nil'`,
	`'redis.setresp(3) return true'`, `'redis.setresp(3) return false'`, `'return redis.pcall("nosuch")'`, `'return redis.pcall("incr",KEYS[1])'`,
	`'error("boom")'`, `'this is not Lua'`, `'return redis.sha1hex("")'`, `'return #ARGV'`, `'redis.setresp(4)'`,
}

// oracleSHA is the digest of oracleLoaded, which all servers have been given.
const (
	oracleLoaded = `return redis.call("get",KEYS[1])`
	oracleSHA    = "f2180f334e61b6cd9beecd7eb4721473daaa9f4e"
)

// oracleLibrary is a library of functions that all servers have been given. What a function may do and what it returns in
// each protocol is what scripts may and do.
const oracleLibrary = `#!lua name=oracle
redis.register_function('args', function(keys, args) return {keys, args} end)
redis.register_function{function_name='get', callback=function(keys, args) return redis.call('get', keys[1]) end, flags={'no-writes'}}
`

// oracleDumps are what RESTORE restores: "hello", a list, a hash, a set of integers, a sorted set, and what is none.
var oracleDumps = []string{
	`\x00\x05hello\x0a\x00\x63\x72\xdf\x76\x65\x34\x20\x0a`,
	`\x12\x01\x02\x0e\x0e\x00\x00\x00\x03\x00\x01\x01\x81\x62\x02\x03\x01\xff\x0a\x00\x6e\x46\xd9\x4e\xb2\x72\x38\x2a`,
	`\x10\x0d\x0d\x00\x00\x00\x02\x00\x81\x66\x02\x81\x76\x02\xff\x0a\x00\x20\xf1\x3d\x44\x23\x54\x08\x9d`,
	`\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00\x0a\x00\x6f\x79\x38\xb1\x34\xeb\x20\x2e`,
	`\x11\x0c\x0c\x00\x00\x00\x02\x00\x81\x61\x02\x01\x01\xff\x0a\x00\xa8\x05\xce\xb8\xd7\xa9\x33\x02`,
	`garbage`, `''`,
}

// oracleLines are the templates, in the order of the proxy's table. All that redis-server lists is here, refused or not.
const oracleLines = `
	APPEND str val
	DECR int
	DECRBY int n
	DELEX str (IFEQ val)?
	DIGEST str
	GET key
	GET str
	GETDEL str
	GETEX str (EX sec|PX ms|EXAT at|PXAT atms|PERSIST|any)?
	GETEX str (EX sec|PX ms|EXAT at|PXAT atms|PERSIST)*
	GETRANGE str idx idx
	GETSET str val
	INCR int
	INCRBY int n
	INCRBYFLOAT flt f
	INCRBYFLOAT int f
	LCS str str
	LCS str str (LEN|IDX|MINMATCHLEN cnt|WITHMATCHLEN)*
	MGET key+
	MGET str+ new int
	MSET (key val)+
	MSETEX nstr (NX|XX|EX sec)*
	MSETNX (new val)+
	MSETNX (key val)+
	PSETEX str ms val
	SET key val
	SET key val (NX|XX|GET|KEEPTTL|EX sec|PX ms|EXAT at|PXAT atms)
	SET str val (NX|XX|GET|KEEPTTL|EX sec|PX ms|EXAT at|PXAT atms|any)*
	SETEX key sec val
	SETNX new val
	SETRANGE str pad val
	STRLEN str
	SUBSTR str idx idx

	COPY key new (DB cnt|REPLACE)*
	COPY key key REPLACE?
	DEL key+
	DUMP key
	EXISTS key+
	EXPIRE key sec (NX|XX|GT|LT|any)*
	EXPIREAT key at (NX|XX|GT|LT)*
	EXPIRETIME key
	EXPIRETIME str
	KEYS glob
	MIGRATE
	MOVE key cnt
	OBJECT ENCODING key
	OBJECT FREQ key
	OBJECT HELP
	OBJECT IDLETIME key
	OBJECT REFCOUNT key
	OBJECT any key
	PERSIST key
	PEXPIRE key ms (NX|XX|GT|LT)*
	PEXPIREAT key atms (NX|XX|GT|LT)*
	PEXPIRETIME key
	PTTL key
	RANDOMKEY
	RENAME key key
	RENAMENX key new
	RESTORE new 0 dump
	RESTORE key (0|ms|atms) dump (REPLACE|ABSTTL|IDLETIME cnt|FREQ cnt)*
	SCAN cur (MATCH glob|COUNT cnt|TYPE any)*
	SORT num (DESC|ASC|LIMIT cnt cnt|ALPHA)*
	SORT lst (ALPHA|DESC|BY w|GET w|GET w|LIMIT cnt cnt|any)*
	SORT num (ALPHA|DESC|BY w|GET w|STORE new)*
	SORT set ALPHA
	SORT zst (BY NOSORT|ALPHA|LIMIT cnt cnt|STORE key)*
	SORT_RO num (DESC|ALPHA|BY w|GET w|LIMIT cnt cnt|STORE new)*
	TOUCH key+
	TTL key
	TYPE key
	UNLINK key+
	WAIT 0 (1|25|-1|1.5)
	WAITAOF cnt cnt cnt

	BITCOUNT bit (idx idx (BYTE|BIT|any)?)?
	BITFIELD bit (GET enc boff|SET enc boff n|INCRBY enc boff n|OVERFLOW (WRAP|SAT|FAIL|any))*
	BITFIELD_RO bit (GET enc boff)*
	BITFIELD_RO bit SET enc boff n
	BITOP (AND|OR|XOR|NOT|any) key bit+
	BITOP (AND|OR|XOR) new bit bit
	BITPOS bit b (idx (idx (BYTE|BIT|any)?)?)?
	GETBIT bit off
	SETBIT bit off b

	HDEL hsh fld+
	HEXISTS hsh fld
	HGET hsh fld
	HGETALL hsh
	HGETALL key
		HINCRBY hsh fld n
		HINCRBYFLOAT hsh fld f
	HKEYS hsh
	HLEN hsh
	HMGET hsh fld+
	HMSET hsh (fld val)+
	HRANDFIELD hsh
	HRANDFIELD hsh n WITHVALUES?
	HRANDFIELD hsh cnt any
	HSCAN hsh cur (MATCH glob|COUNT cnt|NOVALUES|any)*
	HSET hsh (fld val)+
	HSETNX hsh fld val
	HSTRLEN hsh fld
	HVALS hsh

	BLMOVE lst lst side side 0.01
	BLMPOP 0.01 nlst side
	BLPOP lst 0.01
	BRPOP lst 0.01
	BRPOPLPUSH lst lst 0.01
	LINDEX lst idx
	LINSERT lst (BEFORE|AFTER|any) mem val
	LLEN lst
	LMOVE lst lst side side
	LMPOP nlst side (COUNT cnt)?
	LPOP lst cnt?
	LPOS lst mem (RANK n|COUNT cnt|MAXLEN cnt|any)*
	LPUSH lst val+
	LPUSHX lst val+
	LRANGE lst idx idx
	LREM lst idx mem
	LSET lst idx val
	LTRIM lst idx idx
	RPOP lst cnt?
	RPOPLPUSH lst lst
	RPUSH lst val+
	RPUSHX lst val+

	SADD set mem+
	SADD nts n+
	SCARD set
	SDIFF set+
	SDIFF nts nts
	SDIFFSTORE set set+
	SINTER set+
	SINTER nts nts
	SINTERCARD nset (LIMIT cnt|any)*
	SINTERSTORE new nts nts
	SINTERSTORE set set+
	SISMEMBER set mem
	SMEMBERS set
	SMEMBERS nts
	SMISMEMBER set mem+
	SMOVE set set mem
	SPOP set cnt?
	SRANDMEMBER set n?
	SRANDMEMBER nts n?
	SREM set mem+
	SSCAN nts cur (MATCH glob|COUNT cnt|any)*
	SUNION set+
	SUNION nts nts
	SUNIONSTORE new nts nts
	SUNIONSTORE set set+

	BZMPOP 0.01 nzst MIN
	BZPOPMAX zst 0.01
	BZPOPMIN zst 0.01
	ZADD zst (NX|XX|GT|LT|CH|INCR|any)* (f mem)+
	ZADD zst f mem
	ZADD zst INCR f mem
	ZCARD zst
	ZCOUNT zst score score
	ZDIFF nzst WITHSCORES?
	ZDIFFSTORE zst nzst
	ZINCRBY zst f mem
	ZINTER nzst (WEIGHTS f+|AGGREGATE (SUM|MIN|MAX|any)|WITHSCORES)*
	ZINTER nnts WITHSCORES
	ZINTERCARD nzst (LIMIT cnt|any)*
	ZINTERSTORE zst nzst (WEIGHTS f+|AGGREGATE (SUM|MIN|MAX|any))*
	ZLEXCOUNT lex lexr lexr
	ZMPOP nzst (MIN|MAX|any) (COUNT cnt)?
	ZMSCORE zst mem+
	ZPOPMAX zst cnt?
	ZPOPMIN zst cnt?
	ZRANDMEMBER zst
	ZRANDMEMBER zst n WITHSCORES?
	ZRANGE zst idx idx (REV|WITHSCORES|any)*
	ZRANGE zst score score BYSCORE (REV|WITHSCORES|LIMIT cnt n)*
	ZRANGE lex lexr lexr BYLEX (REV|WITHSCORES|LIMIT cnt n)*
	ZRANGEBYLEX lex lexr lexr (LIMIT cnt n|any)?
	ZRANGEBYSCORE zst score score (WITHSCORES|LIMIT cnt n|any)*
	ZRANGESTORE zst zst idx idx (REV|WITHSCORES)*
	ZRANGESTORE new zst score score BYSCORE (LIMIT cnt n)?
	ZRANK zst mem
	ZRANK zst mem WITHSCORE
	ZREM zst mem+
	ZREMRANGEBYLEX lex lexr lexr
	ZREMRANGEBYRANK zst idx idx
	ZREMRANGEBYSCORE zst score score
	ZREVRANGE zst idx idx (WITHSCORES|any)?
	ZREVRANGEBYLEX lex lexr lexr (LIMIT cnt n)?
	ZREVRANGEBYSCORE zst score score (WITHSCORES|LIMIT cnt n)*
	ZREVRANK zst mem (WITHSCORE|any)?
	ZSCAN zst cur (MATCH glob|COUNT cnt|any)*
	ZSCORE zst mem
	ZUNION nzst (WEIGHTS f+|AGGREGATE (SUM|MIN|MAX|any)|WITHSCORES)*
	ZUNION nnts WITHSCORES
	ZUNIONSTORE zst nzst (WEIGHTS f+|AGGREGATE (SUM|MIN|MAX|any))*

	GEOADD geo (NX|XX|CH)* (lon lat place)+
	GEODIST geo place place unit?
	GEOHASH geo place+
	GEOPOS geo place+
	GEORADIUS geo lon lat rad unit (WITHCOORD|WITHDIST|WITHHASH|COUNT cnt ANY?|ASC|DESC|STORE new|STOREDIST new|any)*
	GEORADIUS_RO geo lon lat rad unit (WITHCOORD|WITHDIST|WITHHASH|COUNT cnt|ASC|DESC|STORE new)*
	GEORADIUSBYMEMBER geo place rad unit (WITHCOORD|WITHDIST|WITHHASH|COUNT cnt ANY?|ASC|DESC|STORE new|STOREDIST new)*
	GEORADIUSBYMEMBER_RO geo place rad unit (WITHCOORD|WITHDIST|WITHHASH|COUNT cnt|ASC|DESC)*
	GEOSEARCH geo (FROMMEMBER place|FROMLONLAT lon lat)? (BYRADIUS rad unit|BYBOX rad rad unit)? (ASC|DESC|COUNT cnt ANY?|WITHCOORD|WITHDIST|WITHHASH)*
	GEOSEARCH geo FROMLONLAT 15 37 BYRADIUS 1000 KM (ASC|DESC|WITHCOORD|WITHDIST|WITHHASH)*
	GEOSEARCHSTORE zst geo FROMLONLAT 15 37 (BYRADIUS rad unit|BYBOX rad rad unit) (ASC|DESC|COUNT cnt ANY?|STOREDIST|WITHDIST)*

	PFADD hll mem*
	PFCOUNT hll+
	PFDEBUG GETREG hll
	PFMERGE hll hll+
	PFSELFTEST

	XACK stm group id+
	XADD stm newid (fld val)+
	XADD stm (NOMKSTREAM|MAXLEN (=|~|) cnt (LIMIT cnt)?|MINID (=|~|) id|any)* newid (fld val)+
	XADD stm * fld val
	XAUTOCLAIM stm group con idle id (COUNT cnt|JUSTID|any)*
	XCLAIM stm group con idle id+ (IDLE idle|TIME atms|RETRYCOUNT cnt|FORCE|JUSTID|LASTID id|any)*
	XDEL stm id+
	XGROUP CREATE stm group (id|$) (MKSTREAM|ENTRIESREAD cnt|any)*
	XGROUP CREATECONSUMER stm group con
	XGROUP DELCONSUMER stm group con
	XGROUP DESTROY stm group
	XGROUP HELP
	XGROUP SETID stm group (id|$) (ENTRIESREAD cnt)?
	XGROUP any stm group
	XINFO CONSUMERS stm group
	XINFO GROUPS stm
	XINFO HELP
	XINFO STREAM stm (FULL (COUNT cnt)?|any)?
	XINFO any stm
	XLEN stm
	XPENDING stm group
	XPENDING stm group (IDLE idle)? idr idr cnt con?
	XRANGE stm idr idr (COUNT cnt|any)?
	XREAD (COUNT cnt)? STREAMS stm (id|$)
	XREAD (COUNT cnt|any)* STREAMS stm stm id id
	XREAD BLOCK 1 STREAMS stm $
	XREADGROUP GROUP group con (COUNT cnt|NOACK)* STREAMS stm (>|id)
	XREADGROUP GROUP group con STREAMS stm stm > id
	XREADGROUP GROUP group con BLOCK 1 STREAMS stm >
	XRANGE stm - + COUNT cnt
	XREVRANGE stm idr idr (COUNT cnt)?
	XREVRANGE stm + - COUNT cnt
	XSETID stm id (ENTRIESADDED cnt MAXDELETEDID id)?
	XTRIM stm (MAXLEN (=|~|) cnt|MINID (=|~|) id|any) (LIMIT cnt)?

	EVAL lua nkey val
	EVAL lua 1 str val*
	EVAL lua 1 hsh val
	EVAL lua 0
	EVAL_RO lua nkey val
	EVALSHA sha nkey val
	EVALSHA_RO sha nkey
	FCALL fn nkey val
	FCALL_RO fn nkey val
	FUNCTION DELETE any
	FUNCTION DUMP
	FUNCTION FLUSH
	FUNCTION HELP
	FUNCTION KILL
	FUNCTION LIST
	FUNCTION LOAD any
	FUNCTION RESTORE any
	FUNCTION STATS
	FUNCTION any
	SCRIPT DEBUG (NO|any)
	SCRIPT EXISTS sha+
	SCRIPT FLUSH
	SCRIPT HELP
	SCRIPT KILL
	SCRIPT LOAD lua
	SCRIPT any

	ACL CAT (READ|any)?
	ACL DELUSER name
	ACL DRYRUN user GET key
	ACL GENPASS
	ACL GETUSER user
	ACL HELP
	ACL LIST
	ACL LOAD
	ACL LOG (RESET|cnt)?
	ACL SAVE
	ACL SETUSER name
	ACL USERS
	ACL WHOAMI
	ACL any
	BGREWRITEAOF
	BGSAVE
	COMMAND
	COMMAND COUNT
	COMMAND DOCS (GET|any)
	COMMAND GETKEYS call
	COMMAND GETKEYS any*
	COMMAND GETKEYSANDFLAGS call
	COMMAND HELP
	COMMAND INFO (GET|HSET|BOGUS|XGROUP|CONFIG|OBJECT|MGET|EVAL|SORT|ZUNIONSTORE)+
	COMMAND LIST (FILTERBY PATTERN glob)?
	COMMAND any
	CONFIG GET conf+
	CONFIG HELP
	CONFIG RESETSTAT
	CONFIG REWRITE
	CONFIG SET any any
	CONFIG any
	DBSIZE
	DEBUG any
	FAILOVER
	FLUSHALL (ASYNC|SYNC|any)?
	FLUSHDB (ASYNC|SYNC|any)?
	INFO (any|SERVER|CLIENTS|ALL|EVERYTHING|DEFAULT|KEYSPACE|REPLICATION)*
	LASTSAVE
	LATENCY DOCTOR
	LATENCY GRAPH any
	LATENCY HELP
	LATENCY HISTOGRAM any
	LATENCY HISTORY any
	LATENCY LATEST
	LATENCY RESET
	LATENCY any
	LOLWUT (VERSION cnt)?
	MEMORY DOCTOR
	MEMORY HELP
	MEMORY MALLOC-STATS
	MEMORY PURGE
	MEMORY STATS
	MEMORY USAGE key (SAMPLES cnt|any)*
	MEMORY any
	MODULE HELP
	MODULE LIST
	MODULE LOAD any
	MODULE LOADEX any
	MODULE UNLOAD any
	MODULE any
	MONITOR
	PSYNC any any
	REPLCONF any
	REPLICAOF any any
	RESTORE-ASKING new 0 dump
	ROLE
	SAVE
	SHUTDOWN any
	SLAVEOF any any
	SLOWLOG GET cnt?
	SLOWLOG HELP
	SLOWLOG LEN
	SLOWLOG RESET
	SLOWLOG any
	SWAPDB 0 1
	SYNC
	TIME

	ASKING
	CLUSTER ADDSLOTS cnt
	CLUSTER ADDSLOTSRANGE cnt cnt
	CLUSTER BUMPEPOCH
	CLUSTER COUNT-FAILURE-REPORTS any
	CLUSTER COUNTKEYSINSLOT cnt
	CLUSTER DELSLOTS cnt
	CLUSTER DELSLOTSRANGE cnt cnt
	CLUSTER FAILOVER
	CLUSTER FLUSHSLOTS
	CLUSTER FORGET any
	CLUSTER GETKEYSINSLOT cnt cnt
	CLUSTER HELP
	CLUSTER INFO
	CLUSTER KEYSLOT key
	CLUSTER LINKS
	CLUSTER MEET any any
	CLUSTER MYID
	CLUSTER NODES
	CLUSTER REPLICAS any
	CLUSTER REPLICATE any
	CLUSTER RESET
	CLUSTER SAVECONFIG
	CLUSTER SET-CONFIG-EPOCH cnt
	CLUSTER SETSLOT cnt any
	CLUSTER SHARDS
	CLUSTER SLAVES any
	CLUSTER SLOTS
	CLUSTER any

	DISCARD
	EXEC
	MULTI
	UNWATCH
	WATCH key+
	PSUBSCRIBE glob
	PUBLISH any val
	PUBSUB CHANNELS glob?
	PUBSUB HELP
	PUBSUB NUMPAT
	PUBSUB NUMSUB any*
	PUBSUB SHARDCHANNELS glob?
	PUBSUB SHARDNUMSUB any*
	PUBSUB any
	PUNSUBSCRIBE any?
	SPUBLISH any val
	SSUBSCRIBE any
	SUBSCRIBE any
	SUNSUBSCRIBE any?
	UNSUBSCRIBE any?

	PING val?
	ECHO val
	AUTH name name?
	AUTH any any any any?
	CLIENT CACHING yes
	CLIENT GETNAME
	CLIENT GETREDIR
	CLIENT HELP
	CLIENT ID
	CLIENT INFO
	CLIENT KILL any
	CLIENT KILL (ID any|ADDR any|TYPE any|SKIPME any)+
	CLIENT LIST
	CLIENT NO-EVICT yes
	CLIENT NO-TOUCH yes
	CLIENT PAUSE any
	CLIENT REPLY any
	CLIENT SETINFO (LIB-NAME|LIB-VER|any) name
	CLIENT SETNAME name
	CLIENT TRACKING any
	CLIENT TRACKINGINFO
	CLIENT UNBLOCK any
	CLIENT UNPAUSE
	CLIENT any
	HELLO (2|cnt|any)?
	HELLO 2 (AUTH name name|SETNAME name|any)*
	QUIT any?
	READONLY
	READWRITE
	RESET
	SELECT cnt
	SELECT 0

	BOGUS
	GET@
	NOSUCH key val*
	NOSUCH any* val* any* val*
	CLIENT
	`

// oracleSessions are calls of which each needs what those before it did to the connection, and calls that are made whatever
// the seed; an empty line ends one.
var oracleSessions = `
	CLIENT SETNAME me
	CLIENT GETNAME
	RESET
	CLIENT GETNAME

	CLIENT SETNAME me
	CLIENT SETNAME 'a b'
	CLIENT GETNAME
	CLIENT SETNAME ''
	CLIENT GETNAME

	HELLO 2 SETNAME me
	CLIENT GETNAME
	HELLO 2 SETNAME 'a b'
	CLIENT GETNAME
	HELLO 2 SETNAME
	HELLO 2 AUTH default
	HELLO 2 AUTH default any SETNAME you
	CLIENT GETNAME
	HELLO 2 bogus

	HELLO 3
	HGETALL {t}hsh
	GET {t}missing
	ZSCORE {t}zst a
	HELLO 2
	HGETALL {t}hsh
	GET {t}missing
	ZSCORE {t}zst a

	HELLO 3 SETNAME three
	CLIENT GETNAME
	SMEMBERS {t}nts
	HELLO
	SMEMBERS {t}nts
	RESET
	SMEMBERS {t}nts
	CLIENT GETNAME

	HELLO 3 bogus
	HELLO 3 ` + strings.Repeat("o", 200) + `
	GET {t}missing
	HELLO 4
	GET {t}missing
	HELLO 1
	HELLO 0
	HELLO -3
	HELLO three
	HELLO ''
	HELLO 03
	HELLO 3.0
	HELLO 9223372036854775808
	HELLO 3 AUTH
	HELLO 3 AUTH default
	HELLO 3 SETNAME
	HELLO 3 SETNAME 'a b'
	GET {t}missing
	CLIENT GETNAME
	HELLO 3 SETNAME one SETNAME two
	GET {t}missing
	CLIENT GETNAME
	HELLO 2 setname x auth default any
	CLIENT GETNAME

	hello 3
	EVAL 'return false' 1 {t}str
	MGET {t}missing {t}str
	EVAL 'return {double=3.5}' 1 {t}str
	CLIENT TRACKINGINFO
	CLIENT GETREDIR
	CLIENT CACHING yes
	CLIENT CACHING maybe
	CLIENT ID
	NOSUCH a b
	GET
	QUIT

	QUIT
	PING

	SELECT 0
	SELECT abc
	SELECT ''
	SELECT -1
	SELECT 9223372036854775808
	GET {t}str

	SELECT 16

	AUTH
	AUTH a b c
	GET {t}str

	AUTH nobody x

	HELLO 2 AUTH nobody any

	RESET
	PING
	RESET extra
	PING a b
	PING ''

	READONLY
	READWRITE
	READONLY x

	CLIENT NO-EVICT on
	CLIENT NO-EVICT off
	CLIENT NO-EVICT OFF
	CLIENT NO-EVICT
	CLIENT NO-EVICT maybe

	CLIENT GETREDIR
	CLIENT TRACKINGINFO
	CLIENT CACHING yes
	CLIENT CACHING no
	CLIENT CACHING maybe
	CLIENT TRACKING off
	CLIENT TRACKING maybe
	CLIENT TRACKING off PREFIX
	CLIENT TRACKING off bogus
	CLIENT REPLY maybe
	CLIENT UNBLOCK abc
	CLIENT UNBLOCK 999999999
	CLIENT KILL ID abc
	CLIENT KILL 1.2.3.4:5
	CLIENT KILL TYPE bogus
	CLIENT KILL TYPE ` + strings.Repeat("t", 200) + `
	CLIENT LIST TYPE bogus
	CLIENT LIST ID abc
	CLIENT PAUSE abc
	CLIENT HELP

	COMMAND GETKEYS
	COMMAND GETKEYS GET
	COMMAND GETKEYS GET a
	COMMAND GETKEYS MSET a 1 b 2
	COMMAND GETKEYS MSET a 1 b
	COMMAND GETKEYS NOSUCH a
	COMMAND GETKEYS PING
	COMMAND GETKEYS EVAL 'return 1' 2 a b c
	COMMAND GETKEYS EVAL 'return 1' 0
	COMMAND GETKEYS SORT a STORE b
	COMMAND GETKEYS XREAD STREAMS a b 0 0
	COMMAND GETKEYS XGROUP CREATE a b c
	COMMAND GETKEYS XGROUP NOSUCH a b c
	COMMAND GETKEYS ZUNIONSTORE a 2 b c
	COMMAND GETKEYS ZUNIONSTORE a 5 b c
	COMMAND GETKEYS MIGRATE h 1 k 0 10
	COMMAND GETKEYS BLPOP a b 0
	COMMAND GETKEYS XREAD BLOCK 0 STREAMS a 0
	COMMAND GETKEYS PFMERGE a
	COMMAND GETKEYS DELEX a
	COMMAND GETKEYS OBJECT ENCODING a
	COMMAND GETKEYS SSUBSCRIBE a
	COMMAND GETKEYS PUBSUB NOSUCH a
	COMMAND GETKEYS GEORADIUS a 1 1 1 km STORE b
	COMMAND INFO nosuch
	COMMAND INFO get
	COMMAND COUNT extra
	COMMAND DOCS nosuch

	` + strings.Repeat("n", 127) + ` a
	` + strings.Repeat("n", 128) + ` a
	` + strings.Repeat("n", 200) + ` a
	NOSUCH ` + strings.Repeat("a", 127) + ` b
	NOSUCH ` + strings.Repeat("a", 128) + ` b
	NOSUCH ` + strings.Repeat("a", 200) + ` b
	NOSUCH ` + strings.Repeat("'aa ' ", 40) + `
	NOSUCH a\nb c\x00d '' \xff
	n\ns\x00uch
	CLIENT ` + strings.Repeat("n", 200) + ` a
	CLIENT n\ns\x00uch a

	XREAD COUNT STREAMS {t}stm 0
	XREAD COUNT abc STREAMS {t}stm
	XRANGE {t}stm - + COUNT 0
	XREVRANGE {t}stm + - COUNT -1
	SORT {t}nts BY w_*
	SORT nts BY {t}w_* GET {t}w_*
	SORT {t}nts BY {t}w_* LIMIT 0 2
	SORT {t}nts BY {t}w_* GET # GET {t}w_*
	SMEMBERS {t}set
	HGETALL {t}bighsh
	SPOP {t}set
	XADD {t}stm * f v
	EVALSHA nosuch abc {t}str
	FCALL nosuch abc {t}str
	FCALL args abc {t}str
	DUMP {t}set
	`
