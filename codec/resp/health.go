package resp

import (
	"bytes"
	"fmt"

	"cashew/codec"
	"cashew/codec/verdict"
)

var probe = []byte("*1\r\n$4\r\nPING\r\n")

// Probe implements codec.Health.
func (*Protocol) Probe() []byte { return probe }

// Canary implements codec.Health.
func (*Protocol) Canary(_ codec.Profile, token string) (command, reply []byte) {
	command = bulks("ECHO", token)
	return command, command[bytes.LastIndexByte(command, '$'):]
}

// JudgeCanary implements codec.Health. No client's ECHO reaches a server, so an error that names that command is an answer to the
// canary as well: a server whose user may not run it, or that does not have it, is in step. Servers that are compatible with
// Redis say so without the name, too; such an error is believed, since the reply before it would have to be the same for a
// connection that is out of step.
//
// Source: redis 7.0 acl.c, getAclErrorMessage ("... to run the 'echo' command"); server.c, processCommand ("unknown command
// 'ECHO', with args beginning with: ..."); Dragonfly ("NOPERM foo has no ACL permissions"); Kvrocks ("unknown command").
func (*Protocol) JudgeCanary(want, reply []byte) verdict.Proof {
	switch {
	case bytes.Equal(reply, want):
		return verdict.InStep
	case reply[0] != '-':
		return verdict.OutOfStep
	case bytes.HasPrefix(reply, []byte("-NOAUTH ")):
		return verdict.Unproved
	}
	if v := judgeError(reply); v == verdict.Ailing || v == verdict.Busy {
		return verdict.Unproved
	}
	text := bytes.ToLower(reply[:min(len(reply), maxErrorText)])
	for _, words := range canaryRefusals {
		if bytes.Contains(text, words) {
			return verdict.InStep
		}
	}
	return verdict.OutOfStep
}

// canaryRefusals are words in errors that tell of a command which may not be run or does not exist, in lower case.
var canaryRefusals = [][]byte{
	[]byte("echo"), []byte("-noperm"), []byte("unknown command"), []byte("disabled command"), []byte("not allowed"),
	[]byte("not supported"), []byte("unsupported command"),
}

// CheckProbe implements codec.Health. A server that loads its data set or has lost its master answers with an error.
func (*Protocol) CheckProbe(reply []byte) error {
	if bytes.Equal(reply, []byte("+PONG\r\n")) {
		return nil
	}
	return fmt.Errorf("resp: PING was answered %q", bytes.TrimRight(reply[:min(len(reply), 100)], "\r\n"))
}

// verdicts are what errors tell by their first words, where they are not about the request alone. For twemproxy OOM and BUSY
// are the server's failure; but a client's script or values bring them about, and no client may have a server ejected.
//
// Source: twemproxy 0.5.0 redis_error (OOM, BUSY, LOADING); redis 7.0 server.c, createSharedObjects, and networking.c for
// what comes before it closes a connection.
//
// What has no row in the table is known from the servers, see learn.go: a server that has it no more says so.
var verdicts = []struct {
	words   []byte
	verdict verdict.Verdict
}{
	{[]byte("-LOADING "), verdict.Ailing},
	{[]byte("-MASTERDOWN "), verdict.Ailing},
	{[]byte("-BUSY "), verdict.Busy},
	{[]byte("-OOM "), verdict.Busy},
	{[]byte("-READONLY "), verdict.Demoted},
	{[]byte(errUnknown), verdict.Unknown},
	{[]byte("-ERR Protocol error"), verdict.Last},
}

// scripts run code of clients, which may answer with any error: that tells nothing of the server.
var scripts = map[uint16]bool{
	mustOp("eval"): true, mustOp("evalsha"): true, mustOp("eval_ro"): true, mustOp("evalsha_ro"): true,
	mustOp("fcall"): true, mustOp("fcall_ro"): true,
}

// judgeError is Judge for an error reply.
func judgeError(reply []byte) verdict.Verdict {
	for i := range verdicts {
		if bytes.HasPrefix(reply, verdicts[i].words) {
			return verdicts[i].verdict
		}
	}
	return verdict.Fine
}

// TLSApart implements codec.Health: Redis asks its TLS library what it has. Source: redis 7.0 tls.c, tlsProcessPendingData.
func (*Protocol) TLSApart() bool { return false }

// Marks implements codec.Replies: order is all that tells whose a reply is.
func (*Protocol) Marks(codec.Profile) bool { return false }

// Judge implements codec.Replies.
func (p *Protocol) Judge(pr codec.Profile, op uint16, reply []byte) verdict.Verdict {
	if shapes[op].fits[pr&1]&kinds[reply[0]] != 0 {
		return verdict.Fine
	}
	return p.judgeOther(op, reply) // apart, so that what is nearly always so needs no frame
}

// judgeOther is Judge for a reply that is not of the command's usual kinds.
func (p *Protocol) judgeOther(op uint16, reply []byte) verdict.Verdict {
	switch kinds[reply[0]] {
	case aPush:
		return verdict.Push
	case anError:
		if !bytes.HasSuffix(reply, []byte(crlf)) {
			return verdict.Cut
		}
		if (p.cluster || p.sentinels) && (!scripts[op] || beginsNot(reply)) {
			if v, is := judgeElsewhere(reply, p.cluster); is {
				return v
			}
		}
		if v := judgeError(reply); v != verdict.Ailing || !scripts[op] {
			return v
		}
		return verdict.Fine
	case unjudged: // attributes: the reply itself comes behind them; or an error as long as it likes
		return verdict.Fine
	}
	return verdict.Unfit
}

// Kinds of reply, by first byte, as bits.
const (
	anError  uint16 = 1 << iota // -
	unjudged                    // | !
	aPush                       // >
	first                       // the others, in the order of kindBytes
)

const kindBytes = "$+:*_%~,#=("

var kinds = func() (list [256]uint16) {
	list['-'], list['|'], list['!'], list['>'] = anError, unjudged, unjudged, aPush
	for i, c := range []byte(kindBytes) {
		list[c] = first << i
	}
	return list
}()

// form is which kinds of reply a command may have in each version, errors apart.
type form struct{ fits [profiles]uint16 }

// shapes are those of all commands. Those named here have one shape whatever their arguments: enough to tell a connection that
// is out of step, since few streams are all of one kind. Other commands may have any.
var shapes = func() []form {
	list := make([]form, len(commands))
	for op := range list {
		for pr := range profiles {
			list[op].fits[pr] = ^(anError | unjudged | aPush)
		}
	}
	for allowed, names := range map[[profiles]string][]string{ // in no order: a name is in one row
		{"$", "$_"}: {
			"get", "getdel", "getset", "getrange", "substr", "hget", "hincrbyfloat", "incrbyfloat", "lindex", "rpoplpush",
			"lmove", "dump",
		},
		{"+$", "+$_"}: {"set"},
		{"+", "+"}:    {"setex", "psetex", "mset", "hmset", "lset", "ltrim", "rename", "restore", "type", "pfmerge", "multi", "watch"},
		{":", ":"}: {
			"append", "bitcount", "bitop", "bitpos", "decr", "decrby", "del", "exists", "expire", "expireat", "expiretime",
			"getbit", "hdel", "hexists", "hincrby", "hlen", "hset", "hsetnx", "hstrlen", "incr", "incrby", "linsert", "llen",
			"lpush", "lpushx", "lrem", "msetnx", "persist", "pexpire", "pexpireat", "pexpiretime", "pfadd", "pfcount", "pttl",
			"renamenx", "rpush", "rpushx", "sadd", "scard", "sdiffstore", "setbit", "setnx", "setrange", "sintercard",
			"sinterstore", "sismember", "smove", "srem", "strlen", "sunionstore", "touch", "ttl", "unlink", "xack", "xdel",
			"xlen", "xtrim", "zcard", "zcount", "zlexcount", "zrem", "zremrangebylex", "zremrangebyrank", "zremrangebyscore",
		},
		{"*", "*"}:  {"hkeys", "hvals", "mget", "hmget", "lrange", "zmscore", "smismember"},
		{"*", "*_"}: {"xrange", "xrevrange", "exec"}, // null for a COUNT of 0, or since a watched key has changed
		{"*", "%"}:  {"hgetall"},
		{"*", "~"}:  {"smembers", "sinter", "sunion", "sdiff"},
	} {
		for _, name := range names {
			for pr, bytes := range allowed {
				fits := &list[mustOp(name)].fits[pr]
				*fits = 0
				for _, c := range []byte(bytes) {
					*fits |= kinds[c]
				}
			}
		}
	}
	return list
}()
