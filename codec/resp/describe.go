package resp

import (
	"bytes"
	"slices"

	"cashew/codec"
	"cashew/codec/about"
	"cashew/codec/work"
)

// misses are, in each version, the replies of a server that has none of the keys, for the commands that only read and whose
// reply is then always the same.
var misses = func() (list [profiles][]string) {
	for pr := range list {
		list[pr] = make([]string, len(commands))
	}
	for reply, names := range map[[profiles]string][]string{ // in no order: a name is in one row
		{"$-1\r\n", null3}: {"get", "hget", "lindex", "zscore", "zrank", "zrevrank", "dump"},
		same("$0\r\n\r\n"): {"getrange", "substr"},
		same(":-2\r\n"):    {"ttl", "pttl", "expiretime", "pexpiretime"},
		same("+none\r\n"):  {"type"},
		same(":0\r\n"): {
			"strlen", "exists", "llen", "hlen", "hexists", "hstrlen", "scard", "sismember", "sintercard", "zcard",
			"zcount", "zlexcount", "zintercard", "xlen", "bitcount", "getbit", "pfcount",
		},
		{"*0\r\n", "%0\r\n"}: {"hgetall"},
		{"*0\r\n", "~0\r\n"}: {"smembers", "sinter", "sunion", "sdiff"},
		same("*0\r\n"): {
			"hkeys", "hvals", "lrange", "zrange", "zrangebyscore",
			"zrangebylex", "zrevrange", "zrevrangebyscore", "zrevrangebylex", "zinter", "zunion", "zdiff", "xrange",
			"xrevrange",
		},
	} {
		for _, name := range names {
			for pr := range list {
				list[pr][mustOp(name)] = reply[pr]
			}
		}
	}
	return list
}()

// same is a reply that no version changes.
func same(reply string) (all [profiles]string) {
	for pr := range all {
		all[pr] = reply
	}
	return all
}

// AppendMiss implements codec.Answers.
func (*Protocol) AppendMiss(dst []byte, pr codec.Profile, _ codec.Mark, op uint16, keys int) ([]byte, bool) {
	if op == opMGet {
		dst = appendHeader(dst, '*', keys)
		for range keys {
			dst = appendNull(dst, pr)
		}
		return dst, true
	}
	reply := misses[pr][op]
	return append(dst, reply...), reply != ""
}

// Nothing implements codec.Catalogue: of the replies to a miss, those that no key brings about which is there.
func (*Protocol) Nothing(pr codec.Profile, op uint16) string {
	if plain := misses[0][op]; plain == "$-1\r\n" || slices.Contains(emptyIsNone, op) {
		return misses[pr][op]
	}
	return ""
}

// emptyIsNone are commands whose key is not there if they find nothing in it.
var emptyIsNone = []uint16{
	mustOp("exists"), mustOp("hgetall"), mustOp("smembers"), mustOp("hlen"), mustOp("llen"), mustOp("scard"), mustOp("zcard"),
}

// classes says of each row what kind of work it is.
var classes = func() []work.Class {
	list := make([]work.Class, len(commands))
	for op := range commands {
		switch c := &commands[op]; {
		case c.has('w'):
			list[op] = work.Write
		case c.has('r'):
			list[op] = work.Read
		default:
			list[op] = work.Other
		}
	}
	return list
}()

// Describe implements codec.Catalogue.
func (*Protocol) Describe(op uint16) (name string, class work.Class) {
	return commands[op].name, classes[op]
}

// Ops implements codec.Catalogue.
func (*Protocol) Ops() int { return len(commands) }

// CommandName implements codec.Catalogue.
func (*Protocol) CommandName(cmd *codec.Command) string {
	if name := commands[cmd.Op].name; name != "" && !isLearned(cmd.Op) {
		return name
	}
	name := cmd.Frame
	if cmd.Typed {
		return "" // it may be anything, also a part of a value
	}
	for range 2 { // the lines with the number of arguments and the length of the first
		if len(name) > 0 && (name[0] == '*' || name[0] == '$') {
			_, name, _ = bytes.Cut(name, []byte(crlf))
		}
	}
	return about.NameAt(name)
}
