package resp

import "slices"

// The command table. A row is name, arity, what is done with it, where its keys are, flags. Rows stand in the groups of
// Redis's documentation; "a|b" is subcommand b of the container above it.
//
// Arity counts the name; -n means n or more. Where Redis versions differ the wider one stands here and the server judges. It
// also judges any other number of arguments if a key tells which server that is: a newer one may take more, or fewer.
// Commands newer than 7.0 are known too: an older server answers that it does not know them.
//
// Source: redis 7.0 to 8.4 src/commands, COMMAND INFO of redis-server; twemproxy 0.5.0 nc_redis.c for what upstream knows.

// row is a line of the table.
type row struct {
	name  string
	arity int8
	kind  kind
	keys  keySpec
	flags string // letters of flagNames, and of what a pool of one server does: see soleFlag
}

// flagNames are what COMMAND INFO says for each letter.
var flagNames = map[byte]string{
	'r': "readonly", 'w': "write", 'm': "denyoom", 'f': "fast", 'a': "admin", 'p': "pubsub", 'b': "blocking",
	'l': "loading", 's': "stale", 'n': "noscript", 'u': "no_auth",
}

// In a pool of one server, a command with one of these goes to it as it is, whatever its kind. What is refused is so only where there are
// several, of which none could answer for the others.
const (
	soleFlag  = 'o' // over the connections that all share
	apartFlag = 'O' // over one of its client's own: it is to get through while those are held up
)

var (
	noKey   = keySpec{}
	key1    = keySpec{first: 1, last: 1, step: 1}
	key2    = keySpec{first: 2, last: 2, step: 1}
	keys12  = keySpec{first: 1, last: 2, step: 1}
	allKeys = keySpec{first: 1, last: -1, step: 1}
	pairs   = keySpec{first: 1, last: -1, step: 2}
	triples = keySpec{first: 1, last: -1, step: 3}
	from2   = keySpec{first: 2, last: -1, step: 1}
	butLast = keySpec{first: 1, last: -2, step: 1}

	evalKeys = keySpec{kind: counted, first: 2, step: 1, count: countEval}
	zsetKeys = keySpec{kind: counted, first: 1, step: 1, count: countZset}
	cardKeys = keySpec{kind: counted, first: 1, step: 1, count: countCard}
	popKeys  = keySpec{kind: counted, first: 1, step: 1, count: countPop}
	popKeys2 = keySpec{kind: counted, first: 2, step: 1, count: countPop}
	pairKeys = keySpec{kind: counted, first: 1, step: 2, count: countPair}
	destKeys = keySpec{kind: destCounts, first: 1, last: 1, step: 1, count: countZset}
	sortKeys = keySpec{kind: sortStore, first: 1, last: 1, step: 1}
	geoKeys  = keySpec{kind: geoStore, first: 1, last: 1, step: 1}
	readKeys = keySpec{kind: streams}
	copyKeys = keySpec{kind: copies, first: 1, last: 2, step: 1}
	moveKeys = keySpec{kind: migrates, first: 3, last: 3, step: 1}
)

// group are the commands of a group of Redis's documentation.
type group struct {
	group string
	rows  []row
}

// table is in the groups' order; see buildTable for what is made of it.
var table = slices.Concat(dataTable, moduleTable, serverTable)

// dataTable are commands for keys, and for scripts.
var dataTable = []group{
	{"string", []row{
		{"append", 3, forward, key1, "wmf"},
		{"decr", 2, forward, key1, "wmf"},
		{"decrby", 3, forward, key1, "wmf"},
		{"delex", -2, forward, key1, "wf"},
		{"digest", 2, forward, key1, "rf"},
		{"get", 2, forward, key1, "rf"},
		{"getdel", 2, forward, key1, "wf"},
		{"getex", -2, forward, key1, "wf"},
		{"getrange", 4, forward, key1, "r"},
		{"getset", 3, forward, key1, "wmf"},
		{"incr", 2, forward, key1, "wmf"},
		{"incrby", 3, forward, key1, "wmf"},
		{"incrbyfloat", 3, forward, key1, "wmf"},
		{"lcs", -3, forward, keys12, "r"},
		{"mget", -2, split, allKeys, "rf"},
		{"mset", -3, split, pairs, "wm"},
		{"msetex", -4, forward, pairKeys, "wm"},
		{"msetnx", -3, forward, pairs, "wm"},
		{"psetex", 4, forward, key1, "wm"},
		{"set", -3, forward, key1, "wm"},
		{"setex", 4, forward, key1, "wm"},
		{"setnx", 3, forward, key1, "wmf"},
		{"setrange", 4, forward, key1, "wm"},
		{"strlen", 2, forward, key1, "rf"},
		{"substr", 4, forward, key1, "r"},
	}},
	{"generic", []row{
		{"copy", -3, forward, copyKeys, "wm"},
		{"del", -2, split, allKeys, "w"},
		{"dump", 2, forward, key1, "r"},
		{"exists", -2, split, allKeys, "rf"},
		{"expire", -3, forward, key1, "wf"},
		{"expireat", -3, forward, key1, "wf"},
		{"expiretime", 2, forward, key1, "rf"},
		{"keys", 2, everywhere, noKey, "ro"},
		{"migrate", -6, forward, moveKeys, "w"},
		{"move", 3, moves, key1, "wf"},
		{"object", -2, container, noKey, ""},
		{"object|encoding", 3, forward, key2, "r"},
		{"object|freq", 3, forward, key2, "r"},
		{"object|help", 2, anywhere, noKey, "ls"},
		{"object|idletime", 3, forward, key2, "r"},
		{"object|refcount", 3, forward, key2, "r"},
		{"persist", 2, forward, key1, "wf"},
		{"pexpire", -3, forward, key1, "wf"},
		{"pexpireat", -3, forward, key1, "wf"},
		{"pexpiretime", 2, forward, key1, "rf"},
		{"pttl", 2, forward, key1, "rf"},
		{"randomkey", 1, everywhere, noKey, "ro"},
		{"rename", 3, forward, keys12, "w"},
		{"renamenx", 3, forward, keys12, "wf"},
		{"restore", -4, forward, key1, "wm"},
		{"scan", -2, walks, noKey, "ro"},
		{"sort", -2, forward, sortKeys, "wm"},
		{"sort_ro", -2, forward, key1, "r"},
		{"touch", -2, split, allKeys, "rf"},
		{"ttl", 2, forward, key1, "rf"},
		{"type", 2, forward, key1, "rf"},
		{"unlink", -2, split, allKeys, "wf"},
		{"wait", 3, acks, noKey, "nb"},
		{"waitaof", 4, acks, noKey, "b"},
	}},
	{"bitmap", []row{
		{"bitcount", -2, forward, key1, "r"},
		{"bitfield", -2, forward, key1, "wm"},
		{"bitfield_ro", -2, forward, key1, "rf"},
		{"bitop", -4, forward, from2, "wm"},
		{"bitpos", -3, forward, key1, "r"},
		{"getbit", 3, forward, key1, "rf"},
		{"setbit", 4, forward, key1, "wm"},
	}},
	{"hash", []row{
		{"hdel", -3, forward, key1, "wf"},
		{"hexists", 3, forward, key1, "rf"},
		{"hexpire", -6, forward, key1, "wmf"},
		{"hexpireat", -6, forward, key1, "wmf"},
		{"hexpiretime", -5, forward, key1, "rf"},
		{"hget", 3, forward, key1, "rf"},
		{"hgetall", 2, forward, key1, "r"},
		{"hgetdel", -5, forward, key1, "wf"},
		{"hgetex", -5, forward, key1, "wf"},
		{"hincrby", 4, forward, key1, "wmf"},
		{"hincrbyfloat", 4, forward, key1, "wmf"},
		{"hkeys", 2, forward, key1, "r"},
		{"hlen", 2, forward, key1, "rf"},
		{"hmget", -3, forward, key1, "rf"},
		{"hmset", -4, forward, key1, "wmf"},
		{"hpersist", -5, forward, key1, "wf"},
		{"hpexpire", -6, forward, key1, "wmf"},
		{"hpexpireat", -6, forward, key1, "wmf"},
		{"hpexpiretime", -5, forward, key1, "rf"},
		{"hpttl", -5, forward, key1, "rf"},
		{"hrandfield", -2, forward, key1, "r"},
		{"hscan", -3, forward, key1, "r"},
		{"hset", -4, forward, key1, "wmf"},
		{"hsetex", -6, forward, key1, "wmf"},
		{"hsetnx", 4, forward, key1, "wmf"},
		{"hstrlen", 3, forward, key1, "rf"},
		{"httl", -5, forward, key1, "rf"},
		{"hvals", 2, forward, key1, "r"},
	}},
	{"list", []row{
		{"blmove", 6, blocks, keys12, "wmnb"},
		{"blmpop", -5, blocks, popKeys2, "wb"},
		{"blpop", -3, blocks, butLast, "wnb"},
		{"brpop", -3, blocks, butLast, "wnb"},
		{"brpoplpush", 4, blocks, keys12, "wmnb"},
		{"lindex", 3, forward, key1, "r"},
		{"linsert", 5, forward, key1, "wm"},
		{"llen", 2, forward, key1, "rf"},
		{"lmove", 5, forward, keys12, "wm"},
		{"lmpop", -4, forward, popKeys, "w"},
		{"lpop", -2, forward, key1, "wf"},
		{"lpos", -3, forward, key1, "r"},
		{"lpush", -3, forward, key1, "wmf"},
		{"lpushx", -3, forward, key1, "wmf"},
		{"lrange", 4, forward, key1, "r"},
		{"lrem", 4, forward, key1, "w"},
		{"lset", 4, forward, key1, "wm"},
		{"ltrim", 4, forward, key1, "w"},
		{"rpop", -2, forward, key1, "wf"},
		{"rpoplpush", 3, forward, keys12, "wm"},
		{"rpush", -3, forward, key1, "wmf"},
		{"rpushx", -3, forward, key1, "wmf"},
	}},
	{"set", []row{
		{"sadd", -3, forward, key1, "wmf"},
		{"scard", 2, forward, key1, "rf"},
		{"sdiff", -2, forward, allKeys, "r"},
		{"sdiffstore", -3, forward, allKeys, "wm"},
		{"sinter", -2, forward, allKeys, "r"},
		{"sintercard", -3, forward, cardKeys, "r"},
		{"sinterstore", -3, forward, allKeys, "wm"},
		{"sismember", 3, forward, key1, "rf"},
		{"smembers", 2, forward, key1, "r"},
		{"smismember", -3, forward, key1, "rf"},
		{"smove", 4, forward, keys12, "wf"},
		{"spop", -2, forward, key1, "wf"},
		{"srandmember", -2, forward, key1, "r"},
		{"srem", -3, forward, key1, "wf"},
		{"sscan", -3, forward, key1, "r"},
		{"sunion", -2, forward, allKeys, "r"},
		{"sunionstore", -3, forward, allKeys, "wm"},
	}},
	{"sortedset", []row{
		{"bzmpop", -5, blocks, popKeys2, "wb"},
		{"bzpopmax", -3, blocks, butLast, "wnfb"},
		{"bzpopmin", -3, blocks, butLast, "wnfb"},
		{"zadd", -4, forward, key1, "wmf"},
		{"zcard", 2, forward, key1, "rf"},
		{"zcount", 4, forward, key1, "rf"},
		{"zdiff", -3, forward, zsetKeys, "r"},
		{"zdiffstore", -4, forward, destKeys, "wm"},
		{"zincrby", 4, forward, key1, "wmf"},
		{"zinter", -3, forward, zsetKeys, "r"},
		{"zintercard", -3, forward, zsetKeys, "r"},
		{"zinterstore", -4, forward, destKeys, "wm"},
		{"zlexcount", 4, forward, key1, "rf"},
		{"zmpop", -4, forward, popKeys, "w"},
		{"zmscore", -3, forward, key1, "rf"},
		{"zpopmax", -2, forward, key1, "wf"},
		{"zpopmin", -2, forward, key1, "wf"},
		{"zrandmember", -2, forward, key1, "r"},
		{"zrange", -4, forward, key1, "r"},
		{"zrangebylex", -4, forward, key1, "r"},
		{"zrangebyscore", -4, forward, key1, "r"},
		{"zrangestore", -5, forward, keys12, "wm"},
		{"zrank", -3, forward, key1, "rf"},
		{"zrem", -3, forward, key1, "wf"},
		{"zremrangebylex", 4, forward, key1, "w"},
		{"zremrangebyrank", 4, forward, key1, "w"},
		{"zremrangebyscore", 4, forward, key1, "w"},
		{"zrevrange", -4, forward, key1, "r"},
		{"zrevrangebylex", -4, forward, key1, "r"},
		{"zrevrangebyscore", -4, forward, key1, "r"},
		{"zrevrank", -3, forward, key1, "rf"},
		{"zscan", -3, forward, key1, "r"},
		{"zscore", 3, forward, key1, "rf"},
		{"zunion", -3, forward, zsetKeys, "r"},
		{"zunionstore", -4, forward, destKeys, "wm"},
	}},
	{"geo", []row{
		{"geoadd", -5, forward, key1, "wm"},
		{"geodist", -4, forward, key1, "r"},
		{"geohash", -2, forward, key1, "r"},
		{"geopos", -2, forward, key1, "r"},
		{"georadius", -6, forward, geoKeys, "wm"},
		{"georadius_ro", -6, forward, key1, "r"},
		{"georadiusbymember", -5, forward, geoKeys, "wm"},
		{"georadiusbymember_ro", -5, forward, key1, "r"},
		{"geosearch", -7, forward, key1, "r"},
		{"geosearchstore", -8, forward, keys12, "wm"},
	}},
	{"hyperloglog", []row{
		{"pfadd", -2, forward, key1, "wmf"},
		{"pfcount", -2, forward, allKeys, "r"},
		{"pfdebug", 3, forward, key2, "wma"},
		{"pfmerge", -2, forward, allKeys, "wm"},
		{"pfselftest", 1, refused, noKey, "ao"},
	}},
	{"stream", []row{
		{"xack", -4, forward, key1, "wf"},
		{"xackdel", -6, forward, key1, "wf"},
		{"xadd", -5, forward, key1, "wmf"},
		{"xautoclaim", -6, forward, key1, "wf"},
		{"xcfgset", -2, forward, key1, "wf"},
		{"xclaim", -6, forward, key1, "wf"},
		{"xdel", -3, forward, key1, "wf"},
		{"xdelex", -5, forward, key1, "wf"},
		{"xgroup", -2, container, noKey, ""},
		{"xgroup|create", -5, forward, key2, "wm"},
		{"xgroup|createconsumer", 5, forward, key2, "wm"},
		{"xgroup|delconsumer", 5, forward, key2, "w"},
		{"xgroup|destroy", 4, forward, key2, "w"},
		{"xgroup|help", 2, anywhere, noKey, "ls"},
		{"xgroup|setid", -5, forward, key2, "w"},
		{"xinfo", -2, container, noKey, ""},
		{"xinfo|consumers", 4, forward, key2, "r"},
		{"xinfo|groups", 3, forward, key2, "r"},
		{"xinfo|help", 2, anywhere, noKey, "ls"},
		{"xinfo|stream", -3, forward, key2, "r"},
		{"xlen", 2, forward, key1, "rf"},
		{"xpending", -3, forward, key1, "r"},
		{"xrange", -4, forward, key1, "r"},
		{"xread", -4, forward, readKeys, "rb"},
		{"xreadgroup", -7, forward, readKeys, "wb"},
		{"xrevrange", -4, forward, key1, "r"},
		{"xsetid", -3, forward, key1, "wmf"},
		{"xtrim", -4, forward, key1, "w"},
	}},
	{"vector_set", []row{
		{"vadd", -5, forward, key1, "wm"},
		{"vcard", 2, forward, key1, "rf"},
		{"vdim", 2, forward, key1, "rf"},
		{"vemb", -3, forward, key1, "rf"},
		{"vgetattr", 3, forward, key1, "rf"},
		{"vinfo", 2, forward, key1, "rf"},
		{"vismember", 3, forward, key1, "rf"},
		{"vlinks", -3, forward, key1, "rf"},
		{"vrandmember", -2, forward, key1, "r"},
		{"vrange", -4, forward, key1, "r"},
		{"vrem", -3, forward, key1, "w"},
		{"vsetattr", 4, forward, key1, "wf"},
		{"vsim", -4, forward, key1, "r"},
	}},
	{"scripting", []row{
		{"eval", -3, forward, evalKeys, "ns"},
		{"eval_ro", -3, forward, evalKeys, "rns"},
		{"evalsha", -3, forward, evalKeys, "ns"},
		{"evalsha_ro", -3, forward, evalKeys, "rns"},
		{"fcall", -3, forward, evalKeys, "ns"},
		{"fcall_ro", -3, forward, evalKeys, "rns"},
		{"function", -2, container, noKey, ""},
		{"function|delete", 3, everywhere, noKey, "wno"},
		{"function|dump", 2, anywhere, noKey, "n"},
		{"function|flush", -2, everywhere, noKey, "wno"},
		{"function|help", 2, anywhere, noKey, "ls"},
		{"function|kill", 2, refused, noKey, "nsO"},
		{"function|list", -2, everywhere, noKey, "no"},
		{"function|load", -3, everywhere, noKey, "wmno"},
		{"function|restore", -3, everywhere, noKey, "wmno"},
		{"function|stats", 2, refused, noKey, "nso"},
		{"script", -2, container, noKey, ""},
		{"script|debug", 3, perhaps, noKey, "n"},
		{"script|exists", -3, everywhere, noKey, "n"},
		{"script|flush", -2, everywhere, noKey, "n"},
		{"script|help", 2, anywhere, noKey, "ls"},
		{"script|kill", 2, refused, noKey, "nsO"},
		{"script|load", 3, everywhere, noKey, "ns"},
	}},
}
