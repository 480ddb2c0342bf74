package resp

import (
	"math"

	"cashew/codec"
)

// What becomes of a command that is not in the table, and of an unknown subcommand of a container that is:
//
//	stumble   a pool that learns leaves it to its session, which has the lesson, or asks the servers
//	Apply     no server has it:  refused, in a pool of one server in the server's own words
//	          it has keys:       to their one server; over a lease if it may block
//	          it has none:       to the only server; refused by a pool of several
//
// Everything else is as for commands of the table: login, rules, transactions, what an earlier command left.

// maxAsked is how long a name may be that servers are asked about.
const maxAsked = 64

// stumble refuses a command that is not known, unless servers can be asked about it.
func (p *Protocol) stumble(cmd *codec.Command, why string) {
	refuse(cmd, why)
	if !p.learns {
		return
	}
	args := argsOf(cmd.Frame)
	if asks(args.next()) && (why == refuseUnknown || asks(args.next())) {
		cmd.Kind = codec.Unknown
	}
}

// asks says that name may be one of a command: COMMAND INFO takes "container|subcommand" for one as well, and no client does.
func asks(name []byte) bool {
	if len(name) == 0 || len(name) > maxAsked {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c > '~' || c == '|' {
			return false
		}
	}
	return true
}

// AppendUnknown implements codec.Lessons.
func (*Protocol) AppendUnknown(dst []byte, cmd *codec.Command) []byte {
	args := argsOf(cmd.Frame)
	dst = appendLower(dst, args.next())
	if cmd.Err == refuseUnknownSub {
		dst = appendLower(append(dst, '|'), args.next())
	}
	return dst
}

func appendLower(dst, s []byte) []byte {
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// Apply implements codec.Lessons.
func (p *Protocol) Apply(cl *codec.Client, cmd *codec.Command, lesson any) {
	e := p.apply(cl, cmd, lesson)
	if gate(cl.Bar)&barJudged != 0 {
		p.judgeLearned(cl, cmd, e)
	}
}

// apply is Apply but for what the client's user may do. It returns what was learned of the command, if anything.
func (p *Protocol) apply(cl *codec.Client, cmd *codec.Command, lesson any) *learned {
	g, args := p.gate(cl), appendArgs(cmd.Keys[:0], cmd.Frame)
	cmd.Keys, cmd.Kind = args[:0], codec.Refuse
	e, _ := lesson.(*learned)
	if e == nil {
		m, _ := lesson.(*missing)
		p.stay(cmd, m, args, g)
		return nil
	}
	cmd.Op = e.op
	if len(e.subs) > 0 && len(args) > 1 {
		var name [maxAsked]byte
		sub := bytesOf(cmd.Frame, args[1])
		if len(sub) > maxAsked {
			sub = nil
		}
		if e = e.subs[string(appendLower(name[:0], sub))]; e == nil {
			refuse(cmd, refuseUnknownSub)
			cmd.Sole = g == 0
			return nil
		}
	}
	if p.obey(cmd, e, args, g); g&transacting != 0 && cmd.Kind != codec.Refuse {
		p.hold(cmd)
	}
	return e
}

// appendArgs appends the places of all arguments of a frame.
func appendArgs(dst []codec.Key, frame []byte) []codec.Key {
	argc, pos := number(frame, 1)
	for range argc {
		n, body := bulkHeader(frame, pos)
		dst = append(dst, codec.Key{Off: uint32(body), Len: uint32(n), Start: uint32(pos), End: uint32(body + n + 2)})
		pos = body + n + 2
	}
	return dst
}

// stay refuses a command that no server has. The only server of a pool says so itself, whatever words its version has for that, if the
// rules allow a command of which only this name is known: the server may have it a moment later. Where an unknown subcommand has a key
// by all that is known of its container, the key's server does.
func (p *Protocol) stay(cmd *codec.Command, m *missing, args []codec.Key, g gate) {
	c := &commands[cmd.Op]
	sole := m != nil && !m.silent && m.allowed && g == 0
	if cmd.Err == refuseUnknownSub && c.judged && len(args) > 2 {
		p.leave(cmd, c, args[:copy(args, args[2:3])], refuseUnknownSub, g)
		return
	}
	if cmd.Sole = sole; sole && cmd.Op == 0 {
		cmd.Op = opLearned
	}
}

// obey has cmd, a command of those arguments, be what a server said of it.
func (p *Protocol) obey(cmd *codec.Command, e *learned, args []codec.Key, g gate) {
	argc := len(args)
	cmd.Op = e.op
	fits := fits(e.arity, argc)
	why := g.refuses(cmd.Op)
	switch {
	case !fits && g&transacting != 0:
		why = e.wrongArity // here, as EXEC would only call the server's error discarded
	case why == refuseSubscribed:
		why = e.subscribed
	case why != "":
	case e.never != "":
		why = e.never
	case !e.allowed:
		why = e.denied
	}
	if why != "" {
		refuse(cmd, why)
		return
	}
	keys, told := e.find(cmd.Frame, args)
	if len(keys) > 0 {
		cmd.Keys = keys[:0] // where hold finds them
		if route(cmd, &commands[cmd.Op], keys); e.blocks {
			cmd.Kind, cmd.Keys, cmd.Wait = codec.Lease, keys, math.MaxInt64
		}
		return
	}
	switch {
	case !fits:
		refuse(cmd, e.wrongArity)
	case told:
		refuse(cmd, e.keyless)
	default:
		refuse(cmd, e.untold)
	}
	cmd.Sole = true
	if e.blocks && g&transacting == 0 {
		cmd.Apart, cmd.Wait, cmd.Keys = true, math.MaxInt64, args[:1] // of one server any key is its
	}
}
