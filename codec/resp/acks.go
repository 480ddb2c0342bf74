package resp

import "bytes"

// WAIT and WAITAOF are about what was written over the connection that they come on, up to a place in the stream of replication that
// the server keeps for it. Writes take the connections that all share, and these commands one of their client's own: of that the server
// knows no place, or an old one, and answers at once that all replicas have it, also those that are stopped. So once all writes of the
// client are answered, the connection is sent two commands that change nothing and move its place behind them:
//
//	PING       of before 7.2, any command moves it
//	SPUBLISH   since 7.2 only what replicas get does. This goes to them, and its channel is nobody's: patterns do not match those of shards
//
// Within a transaction nobody waits, and the number is of those that are known to have all of it: none, for they have not been asked.
//
// Source: redis 7.0 server.c, processCommand, and 7.2 server.c, call: client.woff; pubsub.c, spublishCommand; replication.c, waitCommand.

var (
	opWait    = mustOp("wait")
	opWaitAOF = mustOp("waitaof")
)

var mark = append(append([]byte(nil), probe...), bulks("SPUBLISH", "cashew:wait", "")...)

// AppendMark implements codec.Commands.
func (*Protocol) AppendMark(dst []byte) (out []byte, ops [2]uint16) {
	return append(dst, mark...), [2]uint16{opPing, opSPublish}
}

// noSpublish is how a server of before 7.0 answers, for which PING was enough.
const noSpublish = "-ERR unknown command"

// Unmarked implements codec.Commands.
func (*Protocol) Unmarked(reply []byte) (why string) {
	if reply[0] != '-' || bytes.HasPrefix(reply, []byte(noSpublish)) {
		return ""
	}
	return "the server refuses SPUBLISH, without which it would count replicas that lack what was written: " + string(bytes.TrimSpace(reply[1:]))
}

const errInteger = "-" + refuseInteger + "\r\n"

// appendAcks is WAIT or WAITAOF in a transaction.
func appendAcks(dst []byte, op uint16, args arguments) []byte {
	if op == opWaitAOF {
		switch n, ok := parseInt(args.next()); {
		case !ok:
			return append(dst, errInteger...)
		case n < 0 || n > 1:
			return append(dst, "-ERR value is out of range, must between 0 and 1\r\n"...)
		}
	}
	switch n, ok := parseInt(args.next()); {
	case !ok:
		return append(dst, errInteger...)
	case n < 0 && op == opWaitAOF:
		return append(dst, "-ERR value is out of range, must be positive\r\n"...)
	}
	switch n, ok := parseInt(args.next()); {
	case !ok:
		return append(dst, "-ERR timeout is not an integer or out of range\r\n"...)
	case n < 0:
		return append(dst, "-ERR timeout is negative\r\n"...)
	case op == opWaitAOF:
		return append(dst, "*2\r\n:0\r\n:0\r\n"...)
	}
	return append(dst, ":0\r\n"...)
}
