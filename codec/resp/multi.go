package resp

import "cashew/codec"

// A transaction is kept by the proxy until EXEC, and then sent in one piece. What a command in it may be, and what it is answered, is
// what redis-server has, with these differences, all of them refusals that spoil the transaction:
//
//   - keys of one transaction that live on different servers
//   - what would change the connection for others, which share it: HELLO, AUTH, SUBSCRIBE and kin, and SELECT of another database where
//     the pool serves one; where it serves several, the transaction goes over a connection of the client's own
//   - questions about the proxy as a whole (CLIENT LIST; where there are several servers, INFO and SLOWLOG)
//   - of a Redis Cluster, CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT
//   - where there are several servers, what all of them must get or tell of; SCRIPT LOAD and EXISTS go with the transaction, to its server
//     alone
//
// What is wrong with a command the server says when it is queued, if its name or the number of its arguments tells, and else with EXEC,
// which executes the others. So it is here: see failsLate.
//
// codec.Client.Bar has inMulti from MULTI to EXEC, and spoiled once a command was refused. MULTI and WATCH inside of it are refused
// and spoil nothing. Source: redis 7.0 multi.c; server.c, processCommand.

// hold makes of a command in a transaction, which is as if it stood alone, one that waits for EXEC.
func (p *Protocol) hold(cmd *codec.Command) {
	switch cmd.Op {
	case opMulti:
		refuse(cmd, refuseNested)
		return
	case opWatch:
		refuse(cmd, refuseWatch)
		return
	case opExec:
		cmd.Kind = codec.Exec
		return
	case opDiscard:
		cmd.Kind = codec.Discard
		return
	case opReset:
		return
	case opSelect:
		p.holdSelect(cmd)
		return
	case opSave: // as at the server, of which no transaction has it
		refuse(cmd, refuseInMulti)
		cmd.Sole = false
		return
	case opPing, opEcho, opUnwatch: // the server's are as good
		cmd.Kind = codec.Queue
		return
	}
	switch cmd.Kind {
	case codec.OfSlot: // it has no key that would say where the transaction goes
		refuse(cmd, refuseInMulti)
	case codec.Forward:
		if cmd.Kind = codec.Queue; len(cmd.Keys) == 0 {
			cmd.Keys = cmd.Keys[:1] // where route left it
		}
	case codec.Anywhere:
		cmd.Kind = codec.Queue
	case codec.Scatter, codec.Lease: // what may block does not in a transaction
		cmd.Kind = codec.Queue
	case codec.Local:
		p.holdLocal(cmd)
	case codec.Fanout:
		if cmd.Kind = codec.Queue; cmd.Sole || cmd.Op == opScriptFlush || cmd.Op == opSwapDB {
			refuse(cmd, refuseInMulti) // other servers would have it still, or tell of more
			cmd.Sole = true
		}
	case codec.Publish: // the channel decides the server, as a key would
		cmd.Kind, cmd.Keys = codec.Queue, cmd.Keys[:1]
	case codec.Switch, codec.Report, codec.Subscribe, codec.Walk:
		refuse(cmd, refuseInMulti)
	}
}

// failsLate tells of a command that was refused whether a server would find out what is wrong with it only when it executes it.
func (p *Protocol) failsLate(cmd *codec.Command, argc int, g gate) bool {
	if !p.allowed[cmd.Op] || g.refuses(cmd.Op) != "" {
		return false
	}
	switch cmd.Err {
	case refuseArity: // of arguments in groups
		return fits(int(commands[cmd.Op].arity), argc)
	case refuseSyntax, refuseInteger, refuseKeysNeg, refuseKeysMany, refuseKeysZero, refuseInputKey, refuseUnbalanced:
		return true
	}
	return false
}

// postpone has EXEC answer why a command is refused, in its place among the replies: by the only server, or by the proxy, which of several
// could not say where the command belongs.
func postpone(cmd *codec.Command) {
	cmd.Kind, cmd.Own, cmd.Sole, cmd.Script = codec.Queue, true, true, false
	cmd.Keys = cmd.Keys[:0]
}

// holdLocal is hold for a command that the proxy answers itself.
func (p *Protocol) holdLocal(cmd *codec.Command) {
	if cmd.Op == opAuth || cmd.Op == opClientReply || cmd.Op == opClientCaching { // the last would be of what EXEC has read by then
		refuse(cmd, refuseInMulti)
		return
	}
	cmd.Kind, cmd.Own = codec.Queue, true
}

// Transaction implements codec.Transactions.
func (*Protocol) Transaction(cl *codec.Client) (begun, spoiled bool) {
	g := gate(cl.Bar)
	return g&transacting != 0, g&spoiledMulti != 0
}

// Forgets implements codec.Transactions.
func (*Protocol) Forgets(cmd *codec.Command) bool { return cmd.Op == opReset }

// EndTransaction implements codec.Transactions.
func (*Protocol) EndTransaction(cl *codec.Client) {
	cl.Bar = uint16(gate(cl.Bar) &^ transacting)
}

// Spoil implements codec.Transactions.
func (*Protocol) Spoil(cl *codec.Client) { spoil(cl) }

// spoil has the EXEC of cl's transaction fail, if there is one.
func spoil(cl *codec.Client) {
	if gate(cl.Bar)&transacting != 0 {
		cl.Bar |= uint16(spoiledMulti)
	}
}

// AppendApart implements codec.Transactions.
func (p *Protocol) AppendApart(dst []byte, cl *codec.Client, keys [2][]byte, servers [2]string) []byte {
	spoil(cl)
	return p.AppendCrossServer(dst, keys, servers)
}

// AppendTooLarge implements codec.Transactions.
func (*Protocol) AppendTooLarge(dst []byte, cl *codec.Client) []byte {
	spoil(cl)
	return append(dst, "-ERR transaction too large\r\n"...)
}

// AppendUnexecuted implements codec.Transactions.
func (p *Protocol) AppendUnexecuted(dst []byte, cl *codec.Client) []byte {
	p.EndTransaction(cl)
	if cl.Profile == RESP3 {
		return append(dst, "_\r\n"...)
	}
	return append(dst, "*-1\r\n"...)
}

// Executed implements codec.Transactions.
func (*Protocol) Executed(reply []byte) bool {
	_, pos := arrayAt(withoutAttributes(reply))
	return pos > 0
}

// AppendUnwatch implements codec.Transactions.
func (*Protocol) AppendUnwatch(dst []byte) []byte { return append(dst, unwatch...) }

const (
	unwatch = "*1\r\n$7\r\nUNWATCH\r\n"
	begin   = "*1\r\n$5\r\nMULTI\r\n"
	execute = "*1\r\n$4\r\nEXEC\r\n"
)

// AppendBegin implements codec.Transactions.
func (*Protocol) AppendBegin(dst []byte) []byte { return append(dst, begin...) }

// AppendExec implements codec.Transactions.
func (*Protocol) AppendExec(dst []byte) []byte { return append(dst, execute...) }

// BeginOp implements codec.Transactions: MULTI is answered with a status, as is each command behind it.
func (*Protocol) BeginOp() uint16 { return opMulti }

// ExecOp implements codec.Transactions.
func (*Protocol) ExecOp() uint16 { return opExec }

// appendAbortedExec answers an EXEC that is refused, which discards: it has arguments, or is forbidden, or its client is subscribed.
func appendAbortedExec(dst []byte, cl *codec.Client, why string) []byte {
	cl.Bar = uint16(gate(cl.Bar) &^ transacting)
	dst = append(dst, "-EXECABORT Transaction discarded because of: "...)
	switch why {
	case refuseDenied:
		return appendDenied(dst, "exec")
	case refuseUserCommand:
		return append(dst, "NOPERM this user has no permissions to run the 'exec' command\r\n"...)
	case refuseSubscribed:
		return appendSubscribedOnly(dst, "exec")
	}
	return append(dst, "wrong number of arguments for 'exec' command\r\n"...)
}

// appendTransaction is MULTI, EXEC or DISCARD as far as the proxy answers them itself: there is no transaction, or it is spoiled, or
// empty.
func appendTransaction(dst []byte, cl *codec.Client, op uint16) []byte {
	g := gate(cl.Bar)
	cl.Bar = uint16(g &^ transacting)
	switch {
	case op == opMulti:
		cl.Bar |= uint16(inMulti)
	case g&transacting == 0 && op == opExec:
		return append(dst, "-ERR EXEC without MULTI\r\n"...)
	case g&transacting == 0:
		return append(dst, "-ERR DISCARD without MULTI\r\n"...)
	case op == opDiscard:
	case g&spoiledMulti != 0:
		return append(dst, "-EXECABORT Transaction discarded because of previous errors.\r\n"...)
	default:
		return append(dst, "*0\r\n"...)
	}
	return append(dst, replyOK...)
}

// spliceOwn makes the reply to a transaction of which the proxy answers some commands itself: Part has 0 for each that the server
// answered, and 1 for each whose reply stands in Keys.
func spliceOwn(dst []byte, g *codec.Gather) []byte {
	reply := g.Replies[0]
	n, pos := arrayAt(reply)
	if pos <= 0 {
		return append(dst, reply...) // an error, or null: nothing was executed
	}
	start := len(dst)
	dst = appendHeader(dst, '*', len(g.Part))
	own := 0
	for _, mine := range g.Part {
		from, at := reply, &pos
		if mine != 0 {
			from, at = g.Keys, &own
		} else {
			n--
		}
		end := elementEnd(from, *at)
		if end == 0 {
			return append(dst[:start], errInvalid...)
		}
		dst = append(dst, from[*at:end]...)
		*at = end
	}
	if n != 0 || pos != len(reply) {
		return append(dst[:start], errInvalid...)
	}
	return dst
}
