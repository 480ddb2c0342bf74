package resp

import (
	"strings"

	"cashew/codec/acl"
)

// accesses is what commands do with their first key, and behind a comma with the others, as ACLs judge it: r for what reads a value, w for
// what changes or removes one, and - for what only looks whether, or of what kind, it is. A command that stands in no line reads if its
// row says so, and else does both; so does one that a newer Redis may have tell more of.
//
// Source: redis 7.0.15, key specs of COMMAND INFO; those of later versions from their src/commands.
var accesses = []struct{ access, names string }{
	{"-", "watch exists hexists hlen hstrlen llen memory|usage object|encoding object|freq object|idletime object|refcount scard sismember " +
		"strlen touch type xlen zcard"},
	{"r", "pfdebug xreadgroup"},
	{"r,w", "copy georadius georadiusbymember sort"},
	{"rw,r", "pfmerge"},
	{"rw,w", "blmove brpoplpush lmove rename renamenx rpoplpush smove"},
	{"w,r", "bitop geosearchstore sdiffstore sinterstore sunionstore zdiffstore zinterstore zrangestore zunionstore"},
	{"w", "append del expire expireat geoadd hdel hmset hset hsetnx linsert lpush lpushx lrem lset ltrim mset msetnx persist pexpire pexpireat " +
		"pfadd psetex restore restore-asking rpush rpushx sadd setex setnx setrange srem unlink xack xadd xautoclaim xclaim xdel xgroup|create " +
		"xgroup|createconsumer xgroup|delconsumer xgroup|destroy xgroup|setid xsetid xtrim zadd zrem zremrangebylex zremrangebyrank " +
		"zremrangebyscore hexpire hexpireat hpexpire hpexpireat hpersist"},
	{"w", "set"},       // with GET, rw
	{"rw", "bitfield"}, // of GET alone, r
}

// findAccess fills in, by row of the table, what commands do with their keys.
func findAccess(list []command) {
	for i := range list {
		first, others := acl.Read|acl.Write, acl.Read|acl.Write
		if list[i].has('r') {
			first, others = acl.Read, acl.Read
		}
		for _, of := range accesses {
			if slicesHas(of.names, list[i].name) {
				head, tail, several := strings.Cut(of.access, ",")
				if first, others = accessOf(head), accessOf(head); several {
					others = accessOf(tail)
				}
			}
		}
		list[i].access = [2]acl.Access{first, others}
	}
}

// slicesHas says that one of the words in names is name.
func slicesHas(names, name string) bool {
	for n := range strings.FieldsSeq(names) {
		if n == name {
			return true
		}
	}
	return false
}

func accessOf(letters string) (a acl.Access) {
	if strings.Contains(letters, "r") {
		a |= acl.Read
	}
	if strings.Contains(letters, "w") {
		a |= acl.Write
	}
	return a
}

var (
	opSet      = mustOp("set")
	opBitfield = mustOp("bitfield")
	opSort     = mustOp("sort")
	opSortRO   = mustOp("sort_ro")
)

// accessTo is what a command does with its first key, where its arguments say so, and with the others.
//
// Source: redis 7.0 db.c, setGetKeys, bitfieldGetKeys.
func accessTo(op uint16, frame []byte) (first, others acl.Access) {
	c := &commands[op]
	first, others = c.access[0], c.access[1]
	switch op {
	case opSet:
		args := argsOf(frame)
		for range 3 {
			args.next()
		}
		for args.left > 0 {
			if equalFold(args.next(), "get") {
				return acl.Read | acl.Write, others
			}
		}
	case opBitfield:
		if onlyGets(frame) {
			return acl.Read, others
		}
	}
	return first, others
}

// onlyGets tells of a BITFIELD whether it changes nothing.
func onlyGets(frame []byte) bool {
	args := argsOf(frame)
	args.next()
	args.next()
	for args.left > 0 {
		switch word := args.next(); {
		case equalFold(word, "get") && args.left >= 2:
			args.next()
			args.next()
		case equalFold(word, "overflow") && args.left >= 1:
			args.next()
		default:
			return false
		}
	}
	return true
}

// readsOthers tells of a SORT whether it reads keys that it makes of what it sorts: by a pattern with a '*', or with GET.
//
// Source: redis 7.0 sort.c, sortCommandGeneric.
func readsOthers(frame []byte) (option string) {
	args := argsOf(frame)
	args.next()
	args.next()
	for args.left > 0 {
		switch word := args.next(); {
		case equalFold(word, "limit") && args.left >= 2:
			args.next()
			args.next()
		case equalFold(word, "store") && args.left >= 1:
			args.next()
		case equalFold(word, "by") && args.left >= 1:
			if pattern := args.next(); strings.Contains(string(pattern), "*") {
				return refuseSortBy
			}
		case equalFold(word, "get") && args.left >= 1:
			args.next()
			return refuseSortGet
		}
	}
	return ""
}
