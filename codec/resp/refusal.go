package resp

import (
	"bytes"
	"strings"

	"cashew/codec"
)

// appendRefusal completes the reason for which a command was refused.
func (p *Protocol) appendRefusal(dst []byte, cl *codec.Client, cmd *codec.Command) []byte {
	name := commands[cmd.Op].name
	switch cmd.Err {
	case refuseNoAuth:
		if cmd.Op == opExec { // Source: redis 7.0 multi.c, execCommandAbort
			return append(dst, "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n"...)
		}
	case refuseUnknown:
		return appendUnknown(dst, cmd.Frame)
	case refuseUnknownSub:
		args := argsOf(cmd.Frame)
		container := args.next()
		dst = append(dst, "-ERR unknown subcommand '"...)
		dst = appendPrintable(dst, args.next(), 128)
		dst = append(dst, "'. Try "...)
		dst = append(dst, bytes.ToUpper(container)...)
		return append(dst, " HELP.\r\n"...)
	case refuseArity:
		return appendArity(dst, name)
	case refuseUnsupported:
		return appendUnsupported(dst, name)
	case refuseDenied:
		return appendDenied(append(dst, '-'), name)
	case refuseUserCommand:
		return appendNoPermission(append(dst, '-'), cmd)
	case refuseServers:
		dst = append(dst, "-ERR "...)
		dst = append(dst, strings.ToUpper(name)...)
		return append(dst, " asks for the replicas of one server, and this pool has several\r\n"...)
	case refuseSole:
		dst = append(dst, "-ERR '"...)
		dst = append(dst, name...)
		return append(dst, "' is about one server, and this pool has several: ask the one that you mean\r\n"...)
	case refuseSubscribed:
		return appendSubscribedOnly(append(dst, "-ERR "...), name)
	case refuseSelected:
		return p.appendBarred(dst, cl)
	case refuseOtherDB:
		dst = append(dst, "-ERR "...)
		dst = append(dst, strings.ToUpper(name)...)
		return p.appendOnlyDB(append(dst, " to another database is refused"...))
	case refuseInputKey:
		dst = append(dst, "-ERR at least 1 input key is needed for '"...)
		dst = append(dst, name...)
		return append(dst, "' command\r\n"...)
	case refuseUnbalanced:
		return append(dst, "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.\r\n"...)
	}
	dst = append(dst, '-')
	dst = append(dst, cmd.Err...)
	return append(dst, crlf...)
}

// appendSubscribedOnly says that a client of RESP2 that is subscribed may not send a command.
func appendSubscribedOnly(dst []byte, name string) []byte {
	dst = append(append(dst, "Can't execute '"...), name...)
	return append(dst, "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"...)
}

func appendArity(dst []byte, name string) []byte {
	dst = append(dst, "-ERR wrong number of arguments for '"...)
	dst = append(dst, name...)
	return append(dst, "' command\r\n"...)
}

func appendUnsupported(dst []byte, name string) []byte {
	dst = append(dst, "-ERR command '"...)
	dst = append(dst, name...)
	return append(dst, "' is not supported by this proxy\r\n"...)
}

// appendDenied says that the pool's rules forbid a command; the code is Redis's.
func appendDenied(dst []byte, name string) []byte {
	dst = append(dst, "NOPERM command '"...)
	dst = append(dst, name...)
	return append(dst, "' is not allowed by the pool's 'commands'\r\n"...)
}

// appendUnknown names the command and the first arguments, 128 bytes of each at most. Source: redis 7.0 server.c,
// commandCheckExistence.
func appendUnknown(dst, frame []byte) []byte {
	const most = 128
	args := argsOf(frame)
	dst = append(dst, "-ERR unknown command '"...)
	dst = appendPrintable(dst, args.next(), most)
	dst = append(dst, "', with args beginning with: "...)
	start := len(dst)
	for args.left > 0 && len(dst)-start < most {
		room := most - (len(dst) - start)
		dst = append(dst, '\'')
		dst = appendPrintable(dst, args.next(), room)
		dst = append(dst, "' "...)
	}
	return append(dst, crlf...)
}

// appendPrintable appends at most n bytes of s as C's printf and Redis's error replies would: up to a NUL, and line ends
// as spaces.
func appendPrintable(dst, s []byte, n int) []byte {
	s = s[:min(len(s), n)]
	if i := bytes.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	for _, c := range s {
		if c == '\r' || c == '\n' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}
