package resp

import (
	"math"
	"strconv"
	"time"

	"cashew/codec"
	"cashew/codec/unblock"
)

// where says where a command that may block has the time for which it does.
type where uint8

const (
	atEnd       where = iota + 1 // its last argument, in seconds
	inFront                      // its first
	byWord                       // behind BLOCK, in milliseconds; without that it does not block
	atEndMillis                  // its last argument, in milliseconds
)

// waits are by Op; 0: it never blocks.
var waits = func() []where {
	list := make([]where, len(commands))
	for _, name := range []string{"blpop", "brpop", "bzpopmin", "bzpopmax", "blmove", "brpoplpush"} {
		list[mustOp(name)] = atEnd
	}
	list[mustOp("blmpop")], list[mustOp("bzmpop")] = inFront, inFront
	list[opWait], list[opWaitAOF] = atEndMillis, atEndMillis
	list[mustOp("xread")], list[mustOp("xreadgroup")] = byWord, byWord
	return list
}()

// perhapsBlocks makes a command that is routed, and may block, one for a connection of the client's own.
func perhapsBlocks(cmd *codec.Command, keys []codec.Key) {
	if waits[cmd.Op] == 0 || cmd.Kind != codec.Forward {
		return
	}
	if wait := waitOf(cmd); wait != 0 {
		cmd.Kind, cmd.Keys, cmd.Wait = codec.Lease, keys, wait
	}
}

// waitOf is codec.Command.Wait of a command that may block; 0: it does not. A time that is none is for the server to judge, at once.
func waitOf(cmd *codec.Command) int64 {
	at := waits[cmd.Op]
	args, unit := argsOf(cmd.Frame), time.Second
	if at == byWord || at == atEndMillis {
		unit = time.Millisecond
	}
	args.next()
	var text []byte
	switch at {
	case inFront:
		text = args.next()
	case atEnd, atEndMillis:
		for args.left > 0 {
			text = args.next()
		}
	case byWord:
		for args.left > 0 && text == nil {
			switch word := args.next(); {
			case equalFold(word, "streams"):
				return 0 // behind it are keys, which may have any name
			case equalFold(word, "block"):
				text = args.next()
			case equalFold(word, "group"):
				args.next()
				args.next()
			case equalFold(word, "count"), equalFold(word, "claim"):
				args.next()
			}
		}
		if text == nil {
			return 0
		}
	}
	n, err := strconv.ParseFloat(string(text), 64)
	switch {
	case err != nil || n < 0:
		return 1
	case n == 0 || n > float64(math.MaxInt64/int64(unit)):
		return math.MaxInt64
	}
	return max(int64(n*float64(unit)), 1)
}

// AppendUnblocked implements codec.Answers. To one whose time is over WAIT tells how many replicas had what was written, which nobody has
// asked by then: none. Source: redis 7.0 blocked.c, disconnectAllBlockedClients, replyToBlockedClientTimedOut; networking.c, clientCommand.
func (*Protocol) AppendUnblocked(dst []byte, pr codec.Profile, op uint16, why unblock.Reason) []byte {
	switch {
	case why == unblock.Moved:
		return append(dst, "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"...)
	case why == unblock.Asked:
		return append(dst, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"...)
	case op == opWait:
		return append(dst, ":0\r\n"...)
	case op == opWaitAOF:
		return append(dst, "*2\r\n:0\r\n:0\r\n"...)
	case pr == RESP2:
		return append(dst, "*-1\r\n"...)
	}
	return appendNull(dst, pr)
}
