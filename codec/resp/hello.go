package resp

import (
	"bytes"

	"cashew/codec"
	"cashew/codec/verdict"
)

// HELLO [2|3 [AUTH user password] [SETNAME name]] chooses the version of the protocol. What the proxy can say of it alone,
// its syntax and the password, is here; whether the servers speak RESP3 is asked by the engine in between:
//
//	Target --RESP3, and the client is not there yet--> the servers can --> AppendLocal
//	   |                                               one can't --------> its own refusal
//	   +--- all else --------------------------------------------------> AppendLocal
//
// Source: redis 7.0 networking.c, helloCommand.

// Target implements codec.Commands.
func (p *Protocol) Target(cl *codec.Client, cmd *codec.Command) (pr codec.Profile, db int, waits bool) {
	args := argsOf(cmd.Frame)
	args.next() // the command's name
	switch cmd.Op {
	case opReset:
		return RESP2, p.db, true
	case opSelect:
		if db, why := p.database(args.next()); why == "" {
			return cl.Profile, db, db != cl.DB
		}
	case opAuth:
		return cl.Profile, p.homeAfter(cl, cmd, args), true
	case opClientTracking:
		return cl.Profile, cl.DB, true
	case opHello:
		as := *cl
		if p.hello(&as, args) == "" {
			return as.Profile, as.DB, true
		}
		return cl.Profile, cl.DB, true
	}
	return cl.Profile, cl.DB, false
}

// hello carries a HELLO out on cl, one option after the other. What came before one that fails stays done; the profile is
// the last to change. refusal is an error reply without its CRLF.
func (p *Protocol) hello(cl *codec.Client, args arguments) (refusal string) {
	pr := cl.Profile
	if args.left > 0 {
		version, ok := parseInt(args.next())
		switch {
		case !ok:
			return errHelloVersion
		case version == 2:
			pr = RESP2
		case version == 3:
			pr = RESP3
		default:
			return errHelloProto
		}
	}
	for args.left > 0 {
		switch option := args.next(); {
		case equalFold(option, "auth") && args.left >= 2:
			user, password := args.next(), args.next()
			if p.users != nil {
				if !p.login(cl, user, password) {
					return errHelloWrong
				}
				continue
			}
			if !p.admits(user, password) {
				if cl.LoginFailed = p.guarded; !p.guarded {
					cl.Bar = uint16(gate(cl.Bar) | barUser)
				}
				return errHelloWrong
			}
			cl.Authed, cl.LoggedIn, cl.Bar = true, p.guarded, uint16(gate(cl.Bar)&^barUser)
		case equalFold(option, "setname") && args.left >= 1:
			name := args.next()
			if e := checkName(name); e != "" {
				return e
			}
			cl.Name = string(name)
		default:
			return string(append(appendPrintable([]byte("-ERR Syntax error in HELLO option '"), option, len(option)), "'\r\n"...))
		}
	}
	if p.guarded && !cl.Authed {
		return errHelloNoAuth
	}
	if cl.Profile = pr; pr != RESP3 {
		cl.Tracks, cl.Caching = nil, false
	}
	return ""
}

// admits tells whether user may log in with password: any will do where there is none, as with Redis.
func (p *Protocol) admits(user, password []byte) bool {
	if !p.guarded {
		return string(user) == defaultUser
	}
	return p.matches(user, password)
}

func (p *Protocol) appendHello(dst []byte, cl *codec.Client, args arguments) []byte {
	if refusal := p.hello(cl, args); refusal != "" {
		return append(dst, refusal...)
	}
	dst = appendMapHeader(dst, cl.Profile, 7)
	dst = append(dst, "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n"...)
	dst = appendBulk(dst, p.version)
	dst = append(dst, "$5\r\nproto\r\n"...)
	dst = appendInt(dst, versionOf(cl.Profile))
	dst = append(dst, "$2\r\nid\r\n"...)
	dst = appendUint(dst, cl.ID)
	dst = appendBulk(append(dst, "$4\r\nmode\r\n"...), p.mode())
	return append(dst, "$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"...)
}

// mode is what HELLO and INFO call what the servers are.
func (p *Protocol) mode() string {
	if p.cluster {
		return "cluster"
	}
	return "standalone"
}

// versionOf is the protocol version that a profile is.
func versionOf(pr codec.Profile) int { return 2 + int(pr) }

// helloCommand is what a server is asked with.
const helloCommand = "HELLO 3"

// checkHello looks at a server's reply to it. A server that has RESP3 answers with a map; one that answers with an array
// has heard HELLO and not its version. Errors that tell of the moment are the connection's failure.
func checkHello(reply []byte) error {
	if len(reply) > 0 && reply[0] == '!' {
		_, text, _ := bytes.Cut(reply, []byte(crlf))
		reply = append([]byte{'-'}, text...)
	}
	switch {
	case len(reply) > 0 && reply[0] == '%':
		return nil
	case len(reply) > 0 && reply[0] == '-' && !passing(reply):
		return &codec.RefusalError{Profile: "RESP3", Reply: bytes.Clone(reply)}
	case len(reply) > 0 && reply[0] == '*':
		return &codec.RefusalError{Profile: "RESP3", Reply: []byte(errHelloProto)}
	}
	return unexpected(helloCommand, reply)
}

// passing tells of an error whether it may be gone in a moment, whatever the command.
func passing(reply []byte) bool {
	for _, e := range [][]byte{[]byte("-ERR max number of clients"), []byte("-DENIED ")} {
		if bytes.HasPrefix(reply, e) {
			return true
		}
	}
	v := judgeError(reply)
	return v == verdict.Ailing || v == verdict.Busy
}

// Kinds of push that are told apart. Source: redis 7.0 pubsub.c, tracking.c, monitor in replication.c; redis 8 for the
// maintenance of Redis Enterprise.
var pushKinds = []string{
	"message", "pmessage", "smessage", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe",
	"sunsubscribe", "invalidate", "tracking-redir-broken", "server-cpu-usage",
	"moving", "migrating", "migrated", "failing_over", "failed_over",
}

// PushKind implements codec.Replies: a push's first element is its kind.
func (*Protocol) PushKind(push []byte) string {
	_, rest, _ := bytes.Cut(push, []byte(crlf))
	if len(rest) > 0 && rest[0] == '$' {
		_, rest, _ = bytes.Cut(rest, []byte(crlf))
	} else if len(rest) > 0 {
		rest = rest[1:]
	}
	name, _, _ := bytes.Cut(rest, []byte(crlf))
	for _, kind := range pushKinds {
		if equalFold(name, kind) {
			return kind
		}
	}
	return "other"
}
