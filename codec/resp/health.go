package resp

import (
	"bytes"
	"fmt"
	"strings"

	"cashew/codec"
)

var probe = []byte("*1\r\n$4\r\nPING\r\n")

// Probe implements codec.Protocol.
func (*Protocol) Probe() []byte { return probe }

// Canary implements codec.Protocol.
func (*Protocol) Canary(token string) (command, reply []byte) {
	command = bulks("ECHO", token)
	return command, command[bytes.LastIndexByte(command, '$'):]
}

// CheckProbe implements codec.Protocol. A server that loads its data set or has lost its master answers with an error.
func (*Protocol) CheckProbe(reply []byte) error {
	if bytes.Equal(reply, []byte("+PONG\r\n")) {
		return nil
	}
	return fmt.Errorf("resp: PING was answered %q", bytes.TrimRight(reply[:min(len(reply), 100)], "\r\n"))
}

// ailments are the first words of errors that tell of the server, not of the request. Source: twemproxy 0.5.0
// redis_error (OOM, BUSY, LOADING); MASTERDOWN is ours.
var ailments = [][]byte{[]byte("-LOADING "), []byte("-BUSY "), []byte("-OOM "), []byte("-MASTERDOWN ")}

// Judge implements codec.Protocol.
func (*Protocol) Judge(op uint16, reply []byte) codec.Verdict {
	switch c := reply[0]; {
	case c == '-':
		for _, a := range ailments {
			if bytes.HasPrefix(reply, a) {
				return codec.Ailing
			}
		}
	case c == '|': // attributes: the reply itself comes behind them
	case shapes[op] != "" && strings.IndexByte(shapes[op], c) < 0:
		return codec.Unfit
	}
	return codec.Fine
}

// shapes are the first bytes that a command's reply may have, errors apart; "" is any. They are the commands whose reply has
// one shape whatever its arguments: enough to tell a connection that is out of step, since few streams are all of one kind.
var shapes = func() []string {
	list := make([]string, len(commands))
	for first, names := range map[string][]string{
		"$_": {
			"get", "getdel", "getset", "getrange", "substr", "hget", "hincrbyfloat", "incrbyfloat", "lindex", "rpoplpush",
			"lmove", "dump",
		},
		"+$_": {"set"},
		"+":   {"setex", "psetex", "mset", "hmset", "lset", "ltrim", "rename", "restore", "type", "pfmerge"},
		":": {
			"append", "bitcount", "bitop", "bitpos", "decr", "decrby", "del", "exists", "expire", "expireat", "expiretime",
			"getbit", "hdel", "hexists", "hincrby", "hlen", "hset", "hsetnx", "hstrlen", "incr", "incrby", "linsert", "llen",
			"lpush", "lpushx", "lrem", "msetnx", "persist", "pexpire", "pexpireat", "pexpiretime", "pfadd", "pfcount", "pttl",
			"renamenx", "rpush", "rpushx", "sadd", "scard", "sdiffstore", "setbit", "setnx", "setrange", "sintercard",
			"sinterstore", "sismember", "smove", "srem", "strlen", "sunionstore", "touch", "ttl", "unlink", "xack", "xdel",
			"xlen", "xtrim", "zcard", "zcount", "zlexcount", "zrem", "zremrangebylex", "zremrangebyrank", "zremrangebyscore",
		},
		"*":  {"mget", "hmget", "lrange", "zmscore", "xrange", "xrevrange", "smismember"},
		"*%": {"hgetall"},
		"*~": {"hkeys", "hvals", "smembers", "sinter", "sunion", "sdiff"},
	} {
		for _, name := range names {
			list[mustOp(name)] = first
		}
	}
	return list
}()
