package resp

import "cashew/codec"

// finish fills cmd for a whole frame.
func (p *Protocol) finish(cmd *codec.Command, op, argc int, keys []codec.Key, frame []byte, g gate) {
	p.decide(cmd, op, argc, keys, frame, g)
	if g&(barReply|barSkip) != 0 {
		g.silence(cmd)
	}
	switch {
	case cmd.Op == opExec && (cmd.Err == refuseArity || cmd.Err == refuseDenied || cmd.Err == refuseSubscribed):
		cmd.Kind = codec.Discard // it ends the transaction, and what was watched
	case g&transacting == 0 || cmd.Kind == codec.Unknown:
	case cmd.Kind != codec.Refuse:
		p.hold(cmd)
	case p.failsLate(cmd, argc, g):
		postpone(cmd)
	}
}

// decide is finish for a command that stands alone.
func (p *Protocol) decide(cmd *codec.Command, op, argc int, keys []codec.Key, frame []byte, g gate) {
	reset(cmd, op, argc, keys, frame)
	c := &commands[op]
	if g&needsLogin != 0 && !c.beforeAuth {
		refuse(cmd, refuseNoAuth)
		return
	}
	if op == 0 {
		p.stumble(cmd, refuseUnknown)
		return
	}
	if c.kind == container && len(keys) > 0 {
		sub := c.child(frame[keys[0].Off : keys[0].Off+keys[0].Len])
		copy(keys, keys[1:]) // not keys[1:]: what it grew to stays
		if keys = keys[:len(keys)-1]; sub == 0 {
			if p.stumble(cmd, refuseUnknownSub); cmd.Kind == codec.Refuse {
				p.leave(cmd, c, keys, refuseUnknownSub, g)
			}
			return
		}
		cmd.Op = uint16(sub)
		c = &commands[sub]
	}
	if !c.takes(argc) {
		p.leave(cmd, c, keys, refuseArity, g)
		return
	}
	if g != 0 {
		if why := g.refuses(cmd.Op); why != "" {
			refuse(cmd, why)
			return
		}
	}
	if p.users != nil && c.parent == opACL && (p.allowed[cmd.Op] || p.rules == DefaultCommands) {
		p.becomeACL(cmd)
		return
	}
	if !p.allowed[cmd.Op] && (c.kind != refused || c.sole) {
		refuse(cmd, refuseDenied)
		return
	}
	p.become(cmd, c, keys, frame)
	if c.sole {
		p.goAlone(cmd, c)
	}
}

// goAlone fills cmd for a command that goes to the only server of a pool that has one.
func (p *Protocol) goAlone(cmd *codec.Command, c *command) {
	cmd.Sole = !p.tellsOwn(cmd)
	if cmd.Apart = c.has(apartFlag); cmd.Apart {
		cmd.Wait = 1
	}
}

// tellsOwn tells whether cmd is about the proxy even where there is one server: what stands in the proxy's own sections of INFO, and,
// in a pool without rules of its own, what would let each client see the server's settings and the commands of others.
func (p *Protocol) tellsOwn(cmd *codec.Command) bool {
	switch cmd.Op {
	case opInfo:
		return cmd.Kind == codec.Report && cmd.Arg > 1 && onlySections(cmd.Frame, ownSections)
	case opConfigGet, opSlowlogGet, opSlowlogLen, opSlowlogReset, opSlowlogHelp:
		return p.rules == DefaultCommands
	}
	return false
}

// become has cmd be what its row in the table says.
func (p *Protocol) become(cmd *codec.Command, c *command, keys []codec.Key, frame []byte) {
	switch c.kind {
	case refused:
		refuse(cmd, refuseUnsupported)
		if c.sole {
			refuse(cmd, refuseSole)
		}
	case watches:
		route(cmd, c, keys)
		cmd.Kind, cmd.Keys, cmd.Wait = codec.Lease, keys, 0
	case acks:
		refuse(cmd, refuseServers)
		cmd.Sole, cmd.Apart, cmd.Own, cmd.Wait = true, true, true, waitOf(cmd)
	case local:
		if cmd.Kind = codec.Local; p.cluster || cmd.Op == opUnwatch || cmd.Op == opAuth {
			p.becomeOther(cmd)
		}
	case perhaps:
		cmd.Kind = codec.Local
		p.refuseState(cmd)
	case switches:
		if cmd.Kind = codec.Switch; cmd.Op == opSelect && !p.selects() {
			cmd.Kind = codec.Local
		}
	case moves:
		p.move(cmd, c, keys)
	case swaps:
		p.swap(cmd)
	case report:
		if cmd.Kind, cmd.Own = codec.Report, cmd.Op == opClientKill; len(frame) > maxReportFrame {
			refuse(cmd, refuseTooLong)
		}
		if cmd.Op == opInfo && cmd.Kind == codec.Report && cmd.Arg > 1 && !onlySections(frame, toldSections) {
			toAll(cmd)
		}
	case quit:
		cmd.Kind = codec.Quit
	case anywhere, container: // COMMAND alone
		cmd.Kind = codec.Anywhere
		cmd.Key = placeholder
	case everywhere:
		if toAll(cmd); cmd.Op == opConfigGet && p.rules == DefaultCommands {
			cmd.Kind = codec.Local
		}
	case walks:
		cmd.Kind = codec.Walk
	case subscribes:
		cmd.Kind, cmd.Keys = codec.Subscribe, keys
	case publishes:
		cmd.Kind = codec.Publish
		cmd.Key = frame[keys[0].Off : keys[0].Off+keys[0].Len]
	default:
		if c.keys.kind != positions {
			p.routePicked(cmd, c, keys)
			return
		}
		route(cmd, c, keys)
		perhapsBlocks(cmd, keys)
	}
}

// becomeOther has cmd, which is answered here, be more than that. UNWATCH ends what the client watches; AUTH may change its database; what
// is asked of the keys of a cluster its servers know.
func (p *Protocol) becomeOther(cmd *codec.Command) {
	switch {
	case cmd.Op == opUnwatch:
		cmd.Kind = codec.Discard
	case cmd.Op == opAuth && p.homes:
		cmd.Kind = codec.Switch
	case !p.cluster:
	case cmd.Op == opClusterKeySlot:
		cmd.Kind, cmd.Key = codec.Anywhere, placeholder
	case cmd.Op == opClusterCountKeys, cmd.Op == opClusterGetKeys:
		asksOfSlot(cmd)
	}
}

// reset makes cmd a command of which no more is known than its frame.
func reset(cmd *codec.Command, op, argc int, keys []codec.Key, frame []byte) {
	cmd.NoReply, cmd.Script, cmd.Sole, cmd.Apart, cmd.Own, cmd.Some, cmd.Alike, cmd.Typed = false, false, false, false, false, false, false, false
	cmd.Quiet = 0
	cmd.Op = uint16(op)
	cmd.Frame = frame
	cmd.Key = nil
	cmd.Keys = keys[:0]
	cmd.Wait = 0
	cmd.Arg = argc
	cmd.Err = ""
}

// refuseState refuses what a local command asks for and no client of the proxy can have: CLIENT TRACKING on, SCRIPT DEBUG yes and sync.
func (p *Protocol) refuseState(cmd *codec.Command) {
	switch {
	case cmd.Op == opClientTracking:
		p.becomeTracking(cmd)
	case cmd.Op == opScriptDebug && debugs(cmd.Frame):
		refuse(cmd, refuseDebug)
	}
}

// routePicked fills cmd for a command whose keys are among the arguments in keys, as EVAL's are behind their number.
func (p *Protocol) routePicked(cmd *codec.Command, c *command, keys []codec.Key) {
	if c.keys.kind == copies && p.copiesAway(cmd) {
		return
	}
	keys, err := c.pick(cmd.Frame, keys)
	cmd.Script = c.keys.count == countEval && c.keys.kind == counted
	if err == refuseKeyless && p.cluster { // as servers of one: a script without keys is executed where it comes to
		cmd.Kind = codec.Anywhere
		return
	}
	if err != "" {
		refuse(cmd, err)
		cmd.Sole = c.kind == forward // the only server has them all, wherever they are
		return
	}
	route(cmd, c, keys)
	switch {
	case cmd.Kind == codec.Refuse:
		cmd.Sole = c.kind == forward // MIGRATE of what it names nowhere, or of the empty key
	case cmd.Script:
		cmd.Keys = keys
	}
	perhapsBlocks(cmd, keys)
}

// placeholder is the key by which twemproxy routes commands that any server can answer.
var placeholder = []byte("placeholder")

func refuse(cmd *codec.Command, why string) {
	cmd.Kind = codec.Refuse
	cmd.Err = why
}

// route fills cmd for a command with keys.
func route(cmd *codec.Command, c *command, keys []codec.Key) {
	if len(keys) == 0 {
		refuse(cmd, refuseNoKey)
		return
	}
	cmd.Kind = codec.Forward
	cmd.Key = cmd.Frame[keys[0].Off : keys[0].Off+keys[0].Len]
	if len(keys) == 1 {
		return
	}
	cmd.Keys = keys
	if c.kind == split {
		cmd.Kind = codec.Scatter
	}
}

// leave has the server say why a command is refused, or take it if it is of a version that does, as long as it is clear
// where the keys are, the pool's rules allow the command and no earlier one stands in the way. Else why is the answer, as in a transaction, which EXEC would only
// call discarded.
func (p *Protocol) leave(cmd *codec.Command, c *command, keys []codec.Key, why string, g gate) {
	barred := !p.allowed[cmd.Op] || g&transacting != 0 || g.refuses(cmd.Op) != ""
	if !c.judged || barred || len(keys) == 0 {
		refuse(cmd, why)
		cmd.Sole = c.worded && !barred
		return
	}
	if c.keys.kind != positions {
		keys = keys[:1]
	}
	route(cmd, c, keys)
}
