package resp

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // it is the name that servers give to a script, and guards nothing
	"encoding/hex"
	"slices"

	"cashew/codec"
	"cashew/codec/verdict"
)

// Scripts are at servers by name, which is the SHA-1 of the text. SCRIPT LOAD, EXISTS and FLUSH go to all servers of a pool, EVAL and
// EVALSHA to that of their keys, so that servers come to differ in what they have:
//
//	SCRIPT LOAD text  -->  s1, s2, s3 have it
//	s2 starts anew         it has nothing
//	EVALSHA name 1 k  -->  s2: NOSCRIPT  -->  SCRIPT LOAD text, EVALSHA name 1 k
//
// What a session does about NOSCRIPT is in its scripts.go.

var (
	opEval         = mustOp("eval")
	opEvalRO       = mustOp("eval_ro")
	opEvalSHA      = mustOp("evalsha")
	opEvalSHARO    = mustOp("evalsha_ro")
	opScriptDebug  = mustSub("script", "debug")
	opScriptExists = mustSub("script", "exists")
	opScriptFlush  = mustSub("script", "flush")
	opScriptLoad   = mustSub("script", "load")
)

// toAll fills cmd for one that goes to every server. Without Some it fails where one of them can't be reached, rather than tell of the others
// alone; INFO, which only tells, does not. Of scripts: one that can't be reached has no script once it is back, so it need not flush
// what it has, but it may not be known whether it does: FLUSH fails. It is loaded when it is asked, so LOAD does not.
func toAll(cmd *codec.Command) {
	cmd.Kind = codec.Fanout
	cmd.Script = cmd.Op == opScriptLoad || cmd.Op == opScriptFlush
	cmd.Some = cmd.Script && cmd.Op != opScriptFlush || cmd.Op == opScriptExists || cmd.Op == opInfo || asksPubSub(cmd.Op)
	cmd.Alike = cmd.Script || alike[cmd.Op]
}

// alike are commands, besides those with Script, about what a call finds at the server of its keys, wherever that is.
var alike = map[uint16]bool{
	opScriptExists: true, mustSub("function", "delete"): true, mustSub("function", "flush"): true, mustSub("function", "list"): true,
	mustSub("function", "load"): true, mustSub("function", "restore"): true,
}

// debugs tells whether a SCRIPT DEBUG has the connection debug scripts.
func debugs(frame []byte) bool {
	mode := modeOf(frame)
	return equalFold(mode, "yes") || equalFold(mode, "sync")
}

// appendScriptDebug is SCRIPT DEBUG of anything else. Source: redis 7.0 eval.c, scriptCommand.
func appendScriptDebug(dst, mode []byte) []byte {
	if !equalFold(mode, "no") {
		return append(dst, "-ERR Use SCRIPT DEBUG YES/SYNC/NO\r\n"...)
	}
	return append(dst, replyOK...)
}

// Script implements codec.Commands.
func (*Protocol) Script(cmd *codec.Command) (body []byte, calls, forgets bool) {
	switch cmd.Op {
	case opEvalSHA, opEvalSHARO:
		return nil, true, false
	case opScriptFlush:
		return nil, false, true
	case opEval, opEvalRO, opScriptLoad:
		args := argsOf(cmd.Frame)
		if args.next(); cmd.Op == opScriptLoad {
			args.next()
		}
		return args.next(), false, false
	}
	return nil, false, false
}

// ScriptName implements codec.Commands.
func (*Protocol) ScriptName(body []byte) string {
	sum := sha1.Sum(body) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// AppendCalled implements codec.Commands. Servers take the name in capitals, too.
func (*Protocol) AppendCalled(dst, frame []byte) []byte {
	args := argsOf(frame)
	args.next()
	from := len(dst)
	dst = append(dst, args.next()...)
	for i, c := range dst[from:] {
		if c >= 'A' && c <= 'Z' {
			dst[from+i] = c + 'a' - 'A'
		}
	}
	return dst
}

// AppendLoad implements codec.Commands.
func (*Protocol) AppendLoad(dst, body []byte) []byte {
	dst = append(dst, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n"...)
	return appendBulk(dst, body)
}

// AppendUnloaded implements codec.Commands. Source: redis 7.0 server.c, createSharedObjects.
func (*Protocol) AppendUnloaded(dst []byte) []byte {
	return append(append(dst, noScript...), ". Please use EVAL.\r\n"...)
}

// LoadOp implements codec.Commands.
func (*Protocol) LoadOp() uint16 { return opScriptLoad }

// noScript is how a server answers that does not have a script, and has executed nothing. A script can say NOSCRIPT itself, but hardly
// this. Source: redis 7.0 server.c, createSharedObjects; the same in Valkey, Dragonfly and Kvrocks.
const noScript = "-NOSCRIPT No matching script"

// Unloaded implements codec.Commands.
func (*Protocol) Unloaded(reply []byte) (is, perhaps bool) {
	n := min(len(reply), len(noScript))
	perhaps = string(reply[:n]) == noScript[:n]
	return perhaps && n == len(noScript), perhaps
}

// FindUnloaded implements codec.Commands. What a value within the reply says is taken for the error, too.
func (*Protocol) FindUnloaded(chunk []byte, matched int) (found bool, now int) {
	for len(chunk) > 0 {
		if matched == 0 {
			i := bytes.IndexByte(chunk, noScript[0]) // which stands nowhere else in it
			if i < 0 {
				return false, 0
			}
			chunk = chunk[i:]
		}
		n := 0
		for n < len(chunk) && matched < len(noScript) && chunk[n] == noScript[matched] {
			n++
			matched++
		}
		switch {
		case matched == len(noScript):
			return true, 0
		case n < len(chunk):
			matched = 0
		}
		chunk = chunk[n:]
	}
	return false, matched
}

// coalesceScripts makes one reply of those to a SCRIPT LOAD, EXISTS or FLUSH, of which none is an error.
func coalesceScripts(dst []byte, g *codec.Gather) []byte {
	first := g.Replies[0]
	for _, r := range g.Replies[1:] {
		if g.Op != opScriptExists && !bytes.Equal(r, first) || len(r) != len(first) {
			return append(dst, errInvalid...)
		}
	}
	start := len(dst)
	dst = append(dst, first...)
	if g.Op != opScriptExists {
		return dst
	}
	all := dst[start:]
	for _, r := range g.Replies[1:] {
		for i := range all { // they have the same form: a server has a script, or has not
			switch {
			case all[i] == r[i]:
			case all[i] == '1' && r[i] == '0':
				all[i] = '0'
			case all[i] != '0' || r[i] != '1':
				return append(dst[:start], errInvalid...)
			}
		}
	}
	return dst
}

// sparesAiling takes the replies of servers that load their data, or have lost their master, out of those to a SCRIPT LOAD or EXISTS:
// they are as good as out of reach. If all are, the replies stay.
func sparesAiling(g *codec.Gather) {
	if !g.Some {
		return
	}
	ails := func(r []byte) bool { return len(r) > 0 && r[0] == '-' && judgeError(r) == verdict.Ailing }
	if slices.ContainsFunc(g.Replies, func(r []byte) bool { return !ails(r) }) {
		g.Replies = slices.DeleteFunc(g.Replies, ails)
	}
}
