package resp

import "cashew/codec"

// A command that changes what later ones mean must not be refused and passed over: after a refused SELECT the commands behind it
// would run in another database. So what follows is refused as well, saying why, until a command that puts an end to it.
// codec.Client.Bar is the set of what a client is barred by, and whether it is in a transaction; see multi.go.
//
//	SELECT of another database     SELECT of the pool's: where it serves several, any of those is no other, and what is none bars nothing
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
	barReply // gets no replies, until CLIENT REPLY ON; see silence
	barSkip  // gets none to its next command
	barUser
	barSubscribed // is subscribed to something
	_             // two more were of subscriptions, when those were refused
	_
	barStream
	inMulti // since MULTI; behind those above, as they have their bits also in a process that hands a client over

	barJudged // its user may not do everything; it does not stand in what another process is told

	transacting = inMulti | spoiledMulti
)

// gate is what stands between a client and its commands; 0: nothing.
func (p *Protocol) gate(cl *codec.Client) gate {
	g := gate(cl.Bar) &^ barJudged
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
	case g&barSelect != 0 && (op == opSelect || op == opClientReply), g&(barUser|barSelect) != 0 && (op == opAuth || op == opHello):
		return ""
	case g&barSelect != 0:
		return refuseSelected
	case g&barUser != 0:
		return refuseUser
	case g&barSubscribed != 0 && commands[op].kind != subscribes && op != opPing:
		return refuseSubscribed
	}
	return ""
}

// bar notes on cl what a refused command would have changed.
func bar(cl *codec.Client, cmd *codec.Command) {
	g := gate(cl.Bar)
	switch {
	case cmd.Err == refuseNested, cmd.Err == refuseWatch:
		return
	case g&transacting != 0:
		cl.Bar = uint16(g | spoiledMulti) // what it asks for would not have happened before EXEC, and there will be none
		return
	}
	switch cmd.Err {
	case refuseArity, refuseUnknown, refuseUnknownSub, refuseNoAuth, refuseDenied, refuseSubscribed, refuseUserCommand, refuseUserKey, refuseUserChannel, refuseUserDB, refuseSortBy, refuseSortGet: // the server would have refused it, too
		cl.Bar = uint16(g)
		return
	}
	passed := cmd.Err == refuseUser // refused because of an earlier one; the server would have run it
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
	opSave        = mustOp("save")
	opClientReply = mustSub("client", "reply")
)

// CLIENT REPLY OFF, and SKIP for one command: what the client sends is carried out, and answered by nobody. A command under it is Quiet, and
// what it is answered is kept from the client, whoever answers it. Subscriptions are confirmed and messages heard all the same, as with
// RESP3's pushes. A transaction takes no CLIENT REPLY. Source: redis 7.0 networking.c, clientCommand, prepareClientToWrite, resetClient.

// mute is the Quiet of a command whose reply, whatever it is, is kept from the client; muteOnce, of the next one alone.
const (
	mute     = 1
	muteOnce = 2
)

// silence has cmd be quiet if its client wants no reply.
func (g gate) silence(cmd *codec.Command) {
	switch {
	case cmd.Op == opClientReply && cmd.Kind == codec.Local && equalFold(modeOf(cmd.Frame), "on"):
		return // it ends that
	case g&barReply != 0:
		cmd.Quiet = mute
	default:
		cmd.Quiet = muteOnce
	}
	if cmd.Kind == codec.Forward {
		cmd.Kind = codec.Quietly
	}
}

// Suppress implements codec.Answers.
func (*Protocol) Suppress(quiet uint16, _ []byte) bool { return quiet != 0 }

// Skipped implements codec.Answers.
func (*Protocol) Skipped(cl *codec.Client, cmd *codec.Command) {
	if cmd.Quiet == muteOnce && (cmd.Op != opClientReply || !equalFold(modeOf(cmd.Frame), "skip")) {
		cl.Bar = uint16(gate(cl.Bar) &^ barSkip)
	}
}

// modeOf is the argument of a subcommand that has one: yes or no, on or off.
func modeOf(frame []byte) []byte {
	args := argsOf(frame)
	args.next()
	args.next()
	return args.next()
}

// appendReply is CLIENT REPLY ON, OFF or SKIP.
func appendReply(dst []byte, cl *codec.Client, mode []byte) []byte {
	g := gate(cl.Bar)
	switch {
	case equalFold(mode, "on"):
		g &^= barReply | barSkip
		dst = append(dst, replyOK...)
	case equalFold(mode, "off"):
		g |= barReply
	case equalFold(mode, "skip"):
		if g&barReply == 0 {
			g |= barSkip
		}
	default:
		return append(dst, errSyntax...)
	}
	cl.Bar = uint16(g)
	return dst
}
