package resp

import "cashew/codec"

// A command that changes what later ones mean must not be refused and passed over: after a refused SELECT the commands behind it
// would run in another database. So what follows is refused as well, saying why, until a command that puts an end to it.
// codec.Client.Bar is the set of what a client is barred by, and whether it is in a transaction; see multi.go.
//
//	SELECT of another database     SELECT of the pool's: where it serves several, any of those is no other, and what is none bars nothing
//	CLIENT REPLY OFF               CLIENT REPLY ON
//	CLIENT REPLY SKIP              the next command
//	AUTH, HELLO AUTH of a user     AUTH or HELLO AUTH as the default user
//	MONITOR, SYNC, PSYNC
//
// RESET ends all of them, and QUIT is always answered. A SELECT, AUTH or HELLO that is refused because of an earlier command
// bars as well: nobody looked at what it asks for. In RESP2 a client that is subscribed to something is barred as by Redis, in its words.
type gate uint16

const (
	needsLogin   gate = 1 << iota // has not given the password; computed, never in Client.Bar
	spoiledMulti                  // of a transaction a command was refused
	barSelect
	barReply
	barSkip
	barUser
	barSubscribed // is subscribed to something
	_             // two more were of subscriptions, when those were refused
	_
	barStream
	inMulti // since MULTI; last, as the others have their bits also in a process that hands a client over

	transacting = inMulti | spoiledMulti
)

// gate is what stands between a client and its commands; 0: nothing.
func (p *Protocol) gate(cl *codec.Client) gate {
	g := gate(cl.Bar)
	if cl.Profile != RESP2 {
		g &^= barSubscribed
	}
	if p.guarded && !cl.Authed {
		g |= needsLogin
	}
	return g
}

// refuses is why a command is refused because of an earlier one, or "".
func (g gate) refuses(op uint16) string {
	switch {
	case op == opQuit, op == opReset:
		return ""
	case g&transacting != 0 && (op == opExec || op == opDiscard):
		return ""
	case g&barStream != 0:
		return refuseStreams
	case g&barSkip != 0:
		return refuseReply
	case g&barSelect != 0 && op == opSelect, g&barReply != 0 && op == opClientReply,
		g&(barUser|barSelect) != 0 && (op == opAuth || op == opHello):
		return ""
	case g&barSelect != 0:
		return refuseSelected
	case g&barReply != 0:
		return refuseReply
	case g&barUser != 0:
		return refuseUser
	case g&barSubscribed != 0 && commands[op].kind != subscribes && op != opPing:
		return refuseSubscribed
	}
	return ""
}

// bar notes on cl what a refused command would have changed.
func bar(cl *codec.Client, cmd *codec.Command) {
	g := gate(cl.Bar) &^ barSkip
	switch {
	case cmd.Err == refuseNested, cmd.Err == refuseWatch:
		return
	case g&transacting != 0:
		cl.Bar = uint16(g | spoiledMulti) // what it asks for would not have happened before EXEC, and there will be none
		return
	}
	switch cmd.Err {
	case refuseArity, refuseUnknown, refuseUnknownSub, refuseNoAuth, refuseDenied, refuseSubscribed: // the server would have refused it, too
		cl.Bar = uint16(g)
		return
	}
	passed := cmd.Err == refuseReply || cmd.Err == refuseUser // refused because of an earlier one; the server would have run it
	switch cmd.Op {
	case opMulti:
		g |= spoiledMulti // refused because of an earlier one
	case opSelect:
		if passed {
			g |= barSelect
		}
	case opAuth, opHello:
		if passed {
			g |= barUser
		}
	case opMonitor, opSync, opPsync:
		g |= barStream
	case opClientReply:
		args := argsOf(cmd.Frame)
		args.next()
		args.next()
		if equalFold(args.next(), "skip") {
			g |= barSkip
		} else {
			g |= barReply
		}
	}
	cl.Bar = uint16(g)
}

var (
	opMulti       = mustOp("multi")
	opExec        = mustOp("exec")
	opDiscard     = mustOp("discard")
	opWatch       = mustOp("watch")
	opUnwatch     = mustOp("unwatch")
	opMonitor     = mustOp("monitor")
	opSync        = mustOp("sync")
	opPsync       = mustOp("psync")
	opClientReply = mustSub("client", "reply")
)

// silences tells of a CLIENT REPLY whether it turns replies off.
func silences(frame []byte) bool {
	args := argsOf(frame)
	args.next()
	args.next()
	mode := args.next()
	return equalFold(mode, "off") || equalFold(mode, "skip")
}
