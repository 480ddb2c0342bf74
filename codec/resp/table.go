package resp

import (
	"slices"
	"strings"
)

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
	flags string // letters of flagNames
}

// flagNames are what COMMAND INFO says for each letter.
var flagNames = map[byte]string{
	'r': "readonly", 'w': "write", 'm': "denyoom", 'f': "fast", 'a': "admin", 'p': "pubsub", 'b': "blocking",
	'l': "loading", 's': "stale", 'n': "noscript", 'u': "no_auth",
}

var (
	noKey   = keySpec{}
	key1    = keySpec{first: 1, last: 1, step: 1}
	key2    = keySpec{first: 2, last: 2, step: 1}
	key3    = keySpec{first: 3, last: 3, step: 1}
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
)

// table is in the groups' order; see buildTable for what is made of it.
var table = []struct {
	group string
	rows  []row
}{
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
		{"keys", 2, refused, noKey, "r"},
		{"migrate", -6, refused, key3, "w"},
		{"move", 3, refused, key1, "wf"},
		{"object", -2, container, noKey, ""},
		{"object|encoding", 3, forward, key2, "r"},
		{"object|freq", 3, forward, key2, "r"},
		{"object|help", 2, refused, noKey, "ls"},
		{"object|idletime", 3, forward, key2, "r"},
		{"object|refcount", 3, forward, key2, "r"},
		{"persist", 2, forward, key1, "wf"},
		{"pexpire", -3, forward, key1, "wf"},
		{"pexpireat", -3, forward, key1, "wf"},
		{"pexpiretime", 2, forward, key1, "rf"},
		{"pttl", 2, forward, key1, "rf"},
		{"randomkey", 1, refused, noKey, "r"},
		{"rename", 3, forward, keys12, "w"},
		{"renamenx", 3, forward, keys12, "wf"},
		{"restore", -4, forward, key1, "wm"},
		{"scan", -2, refused, noKey, "r"},
		{"sort", -2, forward, sortKeys, "wm"},
		{"sort_ro", -2, forward, key1, "r"},
		{"touch", -2, split, allKeys, "rf"},
		{"ttl", 2, forward, key1, "rf"},
		{"type", 2, forward, key1, "rf"},
		{"unlink", -2, split, allKeys, "wf"},
		{"wait", 3, refused, noKey, "b"},
		{"waitaof", 4, refused, noKey, "b"},
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
		{"blmove", 6, refused, keys12, "wmnb"},
		{"blmpop", -5, refused, popKeys2, "wb"},
		{"blpop", -3, refused, butLast, "wnb"},
		{"brpop", -3, refused, butLast, "wnb"},
		{"brpoplpush", 4, refused, keys12, "wmnb"},
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
		{"bzmpop", -5, refused, popKeys2, "wb"},
		{"bzpopmax", -3, refused, butLast, "wnfb"},
		{"bzpopmin", -3, refused, butLast, "wnfb"},
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
		{"pfdebug", 3, refused, key2, "wma"},
		{"pfmerge", -2, forward, allKeys, "wm"},
		{"pfselftest", 1, refused, noKey, "a"},
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
		{"xgroup|help", 2, refused, noKey, "ls"},
		{"xgroup|setid", -5, forward, key2, "w"},
		{"xinfo", -2, container, noKey, ""},
		{"xinfo|consumers", 4, forward, key2, "r"},
		{"xinfo|groups", 3, forward, key2, "r"},
		{"xinfo|help", 2, refused, noKey, "ls"},
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
		{"function", -2, refused, noKey, ""},
		{"script", -2, refused, noKey, ""},
	}},
	{"json", []row{
		{"json.arrappend", -3, forward, key1, "wm"},
		{"json.arrindex", -4, forward, key1, "r"},
		{"json.arrinsert", -4, forward, key1, "wm"},
		{"json.arrlen", -2, forward, key1, "r"},
		{"json.arrpop", -2, forward, key1, "w"},
		{"json.arrtrim", -4, forward, key1, "w"},
		{"json.clear", -2, forward, key1, "w"},
		{"json.debug", -2, container, noKey, ""},
		{"json.debug|memory", -3, forward, key2, "r"},
		{"json.del", -2, forward, key1, "w"},
		{"json.forget", -2, forward, key1, "w"},
		{"json.get", -2, forward, key1, "r"},
		{"json.merge", 4, forward, key1, "wm"},
		{"json.mget", -3, forward, butLast, "r"},
		{"json.mset", -4, forward, triples, "wm"},
		{"json.numincrby", 4, forward, key1, "wm"},
		{"json.nummultby", 4, forward, key1, "wm"},
		{"json.numpowby", 4, forward, key1, "wm"},
		{"json.objkeys", -2, forward, key1, "r"},
		{"json.objlen", -2, forward, key1, "r"},
		{"json.resp", -2, forward, key1, "r"},
		{"json.set", -4, forward, key1, "wm"},
		{"json.strappend", -3, forward, key1, "wm"},
		{"json.strlen", -2, forward, key1, "r"},
		{"json.toggle", -2, forward, key1, "wm"},
		{"json.type", -2, forward, key1, "r"},
	}},
	{"bf", []row{
		{"bf.add", 3, forward, key1, "wm"},
		{"bf.card", 2, forward, key1, "rf"},
		{"bf.exists", 3, forward, key1, "rf"},
		{"bf.info", -2, forward, key1, "rf"},
		{"bf.insert", -4, forward, key1, "wm"},
		{"bf.loadchunk", 4, forward, key1, "wm"},
		{"bf.madd", -3, forward, key1, "wm"},
		{"bf.mexists", -3, forward, key1, "r"},
		{"bf.reserve", -4, forward, key1, "wm"},
		{"bf.scandump", 3, forward, key1, "r"},
	}},
	{"cf", []row{
		{"cf.add", 3, forward, key1, "wm"},
		{"cf.addnx", 3, forward, key1, "wm"},
		{"cf.compact", -2, forward, key1, "w"},
		{"cf.count", 3, forward, key1, "rf"},
		{"cf.del", 3, forward, key1, "wf"},
		{"cf.exists", 3, forward, key1, "rf"},
		{"cf.info", 2, forward, key1, "rf"},
		{"cf.insert", -4, forward, key1, "wm"},
		{"cf.insertnx", -4, forward, key1, "wm"},
		{"cf.loadchunk", 4, forward, key1, "wm"},
		{"cf.mexists", -3, forward, key1, "r"},
		{"cf.reserve", -3, forward, key1, "wm"},
		{"cf.scandump", 3, forward, key1, "r"},
	}},
	{"cms", []row{
		{"cms.incrby", -4, forward, key1, "wm"},
		{"cms.info", 2, forward, key1, "rf"},
		{"cms.initbydim", 4, forward, key1, "wm"},
		{"cms.initbyprob", 4, forward, key1, "wm"},
		{"cms.merge", -4, forward, destKeys, "wm"},
		{"cms.query", -3, forward, key1, "r"},
	}},
	{"topk", []row{
		{"topk.add", -3, forward, key1, "wm"},
		{"topk.count", -3, forward, key1, "r"},
		{"topk.incrby", -4, forward, key1, "wm"},
		{"topk.info", 2, forward, key1, "rf"},
		{"topk.list", -2, forward, key1, "r"},
		{"topk.query", -3, forward, key1, "r"},
		{"topk.reserve", -3, forward, key1, "wm"},
	}},
	{"tdigest", []row{
		{"tdigest.add", -3, forward, key1, "wm"},
		{"tdigest.byrank", -3, forward, key1, "r"},
		{"tdigest.byrevrank", -3, forward, key1, "r"},
		{"tdigest.cdf", -3, forward, key1, "r"},
		{"tdigest.create", -2, forward, key1, "wm"},
		{"tdigest.info", 2, forward, key1, "rf"},
		{"tdigest.max", 2, forward, key1, "r"},
		{"tdigest.merge", -4, forward, destKeys, "wm"},
		{"tdigest.min", 2, forward, key1, "r"},
		{"tdigest.quantile", -3, forward, key1, "r"},
		{"tdigest.rank", -3, forward, key1, "r"},
		{"tdigest.reset", 2, forward, key1, "wm"},
		{"tdigest.revrank", -3, forward, key1, "r"},
		{"tdigest.trimmed_mean", 4, forward, key1, "r"},
	}},
	{"timeseries", []row{
		{"ts.add", -4, forward, key1, "wm"},
		{"ts.alter", -2, forward, key1, "wm"},
		{"ts.create", -2, forward, key1, "wm"},
		{"ts.createrule", -3, forward, keys12, "wm"},
		{"ts.decrby", -3, forward, key1, "wm"},
		{"ts.del", 4, forward, key1, "w"},
		{"ts.deleterule", 3, forward, keys12, "w"},
		{"ts.get", -2, forward, key1, "r"},
		{"ts.incrby", -3, forward, key1, "wm"},
		{"ts.info", -2, forward, key1, "r"},
		{"ts.madd", -4, forward, triples, "wm"},
		{"ts.mget", -3, refused, noKey, "r"},
		{"ts.mrange", -4, refused, noKey, "r"},
		{"ts.mrevrange", -4, refused, noKey, "r"},
		{"ts.queryindex", -2, refused, noKey, "r"},
		{"ts.range", -4, forward, key1, "r"},
		{"ts.revrange", -4, forward, key1, "r"},
	}},
	{"connection", []row{
		{"auth", -2, local, noKey, "nlsfu"},
		{"client", -2, container, noKey, ""},
		{"client|caching", 3, local, noKey, "nls"},
		{"client|getname", 2, local, noKey, "nls"},
		{"client|getredir", 2, local, noKey, "nls"},
		{"client|help", 2, refused, noKey, "ls"},
		{"client|id", 2, local, noKey, "nls"},
		{"client|info", 2, report, noKey, "nls"},
		{"client|kill", -3, report, noKey, "anls"},
		{"client|list", -2, report, noKey, "anls"},
		{"client|no-evict", 3, local, noKey, "anls"},
		{"client|no-touch", 3, local, noKey, "nls"},
		{"client|pause", -3, refused, noKey, "anls"},
		{"client|reply", 3, perhaps, noKey, "nls"},
		{"client|setinfo", 4, local, noKey, "nls"},
		{"client|setname", 3, local, noKey, "nls"},
		{"client|tracking", -3, perhaps, noKey, "nls"},
		{"client|trackinginfo", 2, local, noKey, "nls"},
		{"client|unblock", -3, refused, noKey, "anls"},
		{"client|unpause", 2, refused, noKey, "anls"},
		{"echo", 2, local, noKey, "lsf"},
		{"hello", -1, switches, noKey, "nlsfu"},
		{"ping", -1, local, noKey, "f"},
		{"quit", -1, quit, noKey, "nlsfu"},
		{"reset", 1, switches, noKey, "nlsfu"},
		{"select", 2, local, noKey, "lsf"},
	}},
	{"server", []row{
		{"acl", -2, container, noKey, ""},
		{"acl|cat", -2, refused, noKey, "nls"},
		{"acl|deluser", -3, refused, noKey, "anls"},
		{"acl|dryrun", -4, refused, noKey, "anls"},
		{"acl|genpass", -2, refused, noKey, "nls"},
		{"acl|getuser", 3, refused, noKey, "anls"},
		{"acl|help", 2, refused, noKey, "ls"},
		{"acl|list", 2, refused, noKey, "anls"},
		{"acl|load", 2, refused, noKey, "anls"},
		{"acl|log", -2, refused, noKey, "anls"},
		{"acl|save", 2, refused, noKey, "anls"},
		{"acl|setuser", -3, refused, noKey, "anls"},
		{"acl|users", 2, refused, noKey, "anls"},
		{"acl|whoami", 2, local, noKey, "nls"},
		{"bgrewriteaof", 1, refused, noKey, "an"},
		{"bgsave", -1, refused, noKey, "an"},
		{"command", -1, local, noKey, "ls"},
		{"config", -2, container, noKey, ""},
		{"config|get", -3, local, noKey, "anls"},
		{"config|help", 2, refused, noKey, "ls"},
		{"config|resetstat", 2, refused, noKey, "anls"},
		{"config|rewrite", 2, refused, noKey, "anls"},
		{"config|set", -4, refused, noKey, "anls"},
		{"dbsize", 1, refused, noKey, "rf"},
		{"debug", -2, refused, noKey, "anls"},
		{"failover", -1, refused, noKey, "ans"},
		{"flushall", -1, refused, noKey, "w"},
		{"flushdb", -1, refused, noKey, "w"},
		{"hotkeys", -2, refused, noKey, "a"},
		{"info", -1, report, noKey, "ls"},
		{"lastsave", 1, refused, noKey, "lsf"},
		{"latency", -2, refused, noKey, ""},
		{"lolwut", -1, anywhere, noKey, "rf"},
		{"memory", -2, container, noKey, ""},
		{"memory|doctor", 2, refused, noKey, ""},
		{"memory|help", 2, refused, noKey, "ls"},
		{"memory|malloc-stats", 2, refused, noKey, ""},
		{"memory|purge", 2, refused, noKey, ""},
		{"memory|stats", 2, refused, noKey, ""},
		{"memory|usage", -3, forward, key2, "r"},
		{"module", -2, refused, noKey, ""},
		{"monitor", 1, refused, noKey, "anls"},
		{"psync", -3, refused, noKey, "an"},
		{"replconf", -1, refused, noKey, "anls"},
		{"replicaof", 3, refused, noKey, "ans"},
		{"restore-asking", -4, refused, key1, "wm"},
		{"role", 1, refused, noKey, "nlsf"},
		{"save", 1, refused, noKey, "an"},
		{"shutdown", -1, refused, noKey, "anls"},
		{"slaveof", 3, refused, noKey, "ans"},
		{"slowlog", -2, container, noKey, ""},
		{"slowlog|get", -2, report, noKey, "als"},
		{"slowlog|help", 2, local, noKey, "ls"},
		{"slowlog|len", 2, report, noKey, "als"},
		{"slowlog|reset", 2, report, noKey, "als"},
		{"swapdb", 3, refused, noKey, "wf"},
		{"sync", 1, refused, noKey, "an"},
		{"time", 1, refused, noKey, "lsf"},
		{"host:", -1, hangup, noKey, ""},
		{"post", -1, hangup, noKey, ""},
	}},
	{"cluster", []row{
		{"asking", 1, local, noKey, "f"},
		{"cluster", -2, container, noKey, ""},
		{"cluster|addslots", -3, local, noKey, "as"},
		{"cluster|addslotsrange", -4, local, noKey, "as"},
		{"cluster|bumpepoch", 2, local, noKey, "as"},
		{"cluster|count-failure-reports", 3, local, noKey, "as"},
		{"cluster|countkeysinslot", 3, local, noKey, "s"},
		{"cluster|delslots", -3, local, noKey, "as"},
		{"cluster|delslotsrange", -4, local, noKey, "as"},
		{"cluster|failover", -2, local, noKey, "as"},
		{"cluster|flushslots", 2, local, noKey, "as"},
		{"cluster|forget", 3, local, noKey, "as"},
		{"cluster|getkeysinslot", 4, local, noKey, "s"},
		{"cluster|help", 2, local, noKey, "ls"},
		{"cluster|info", 2, local, noKey, "s"},
		{"cluster|keyslot", 3, local, noKey, "s"},
		{"cluster|links", 2, local, noKey, "s"},
		{"cluster|meet", -4, local, noKey, "as"},
		{"cluster|myid", 2, local, noKey, "s"},
		{"cluster|myshardid", 2, local, noKey, "s"},
		{"cluster|nodes", 2, local, noKey, "s"},
		{"cluster|replicas", 3, local, noKey, "as"},
		{"cluster|replicate", 3, local, noKey, "as"},
		{"cluster|reset", -2, local, noKey, "ans"},
		{"cluster|saveconfig", 2, local, noKey, "as"},
		{"cluster|set-config-epoch", 3, local, noKey, "as"},
		{"cluster|setslot", -4, local, noKey, "as"},
		{"cluster|shards", 2, local, noKey, "s"},
		{"cluster|slaves", 3, local, noKey, "as"},
		{"cluster|slots", 2, local, noKey, "s"},
		{"readonly", 1, local, noKey, "lsf"},
		{"readwrite", 1, local, noKey, "lsf"},
	}},
	{"transactions", []row{
		{"discard", 1, local, noKey, "nlsf"},
		{"exec", 1, local, noKey, "nls"},
		{"multi", 1, refused, noKey, "nlsf"},
		{"unwatch", 1, local, noKey, "nlsf"},
		{"watch", -2, refused, allKeys, "nlsf"},
	}},
	{"pubsub", []row{
		{"psubscribe", -2, refused, noKey, "pnls"},
		{"publish", 3, refused, noKey, "plsf"},
		{"pubsub", -2, refused, noKey, ""},
		{"punsubscribe", -1, refused, noKey, "pnls"},
		{"spublish", 3, refused, key1, "plsf"},
		{"ssubscribe", -2, refused, allKeys, "pnls"},
		{"subscribe", -2, refused, noKey, "pnls"},
		{"sunsubscribe", -1, refused, allKeys, "pnls"},
		{"unsubscribe", -1, refused, noKey, "pnls"},
	}},
}

// command is a row made ready for the parser; its index in commands is its Op. Index 0 is no command.
type command struct {
	name       string
	arity      int8
	kind       kind
	oneKey     bool  // plain: Forward by argument 1
	beforeAuth bool  // served to clients that have not authenticated
	judged     bool  // the server says what is wrong with the number of arguments, or a container's subcommand
	pairs      bool  // a fragment takes the value with the key
	group      uint8 // arguments from the first key on come in groups of so many; 0: any number
	planFirst  int8  // what walk records, from argument planFirst to planLast, in steps; planStep 0: nothing
	planLast   int8
	planStep   int8
	keys       keySpec
	firstChild uint16 // a container's subcommands are commands[firstChild:endChild]
	endChild   uint16
	parent     uint16 // a subcommand's container
	groupName  string
	flags      string
}

var commands = buildTable()

func buildTable() []command {
	list := make([]command, 1, 512)
	for _, g := range table {
		for _, r := range g.rows {
			c := command{
				name: r.name, arity: r.arity, kind: r.kind, keys: r.keys, flags: r.flags, groupName: g.group,
				beforeAuth: strings.Contains(r.flags, "u"),
			}
			c.planKeys()
			if name, _, ok := strings.Cut(r.name, "|"); ok {
				parent := slices.IndexFunc(list, func(p command) bool { return p.name == name })
				if parent < 0 || list[parent].kind != container {
					panic("resp: subcommand without its container: " + r.name)
				}
				c.parent = uint16(parent)
				if list[parent].firstChild == 0 {
					list[parent].firstChild = uint16(len(list))
				}
				list[parent].endChild = uint16(len(list) + 1)
			}
			list = append(list, c)
		}
	}
	for i := range list {
		c := &list[i]
		switch c.kind {
		case forward:
			k := c.keys.kind
			c.judged = c.group == 0 && (k == positions || k == sortStore || k == geoStore)
		case container:
			c.judged = !slices.ContainsFunc(list[c.firstChild:c.endChild], func(sub command) bool {
				return sub.keys != key2 && !strings.HasSuffix(sub.name, "|help")
			})
		}
	}
	return list
}

// planKeys derives what walk records from where the keys are.
func (c *command) planKeys() {
	switch {
	case c.kind == container:
		c.planFirst, c.planLast, c.planStep = 1, 2, 1 // the subcommand and, with all that have one, the key
	case c.kind != forward && c.kind != split:
		return
	case c.keys.kind != positions:
		c.planFirst, c.planLast, c.planStep = 1, -1, 1
	default:
		c.planFirst, c.planLast, c.planStep = c.keys.first, c.keys.last, c.keys.step
		c.oneKey = c.kind == forward && c.keys == key1
		c.pairs = c.kind == split && c.keys.step > 1
		if c.keys.last == -1 && c.keys.step > 1 {
			c.group = uint8(c.keys.step)
		}
	}
}
