package memcached

import "cashew/codec"

// AppendLocal implements codec.Answers: what the proxy answers itself, in memcached's words where it has any. It is the
// text in cmd.Err and a line end, but for what is refused by name. quit has no reply.
func (p *Protocol) AppendLocal(dst []byte, cl *codec.Client, cmd *codec.Command) []byte {
	if cl.Profile != Text {
		return appendBinaryLocal(dst, cmd)
	}
	switch cmd.Err {
	case loginMark:
		return p.appendLogin(dst, cl, cmd.Key)
	case "":
		return dst
	case refuseAdmin:
		// CLIENT_ERROR, as memcached's own refusal of flush_all: SERVER_ERROR makes clients count the server as failing.
		dst = append(dst, "CLIENT_ERROR "...)
		dst = append(dst, commands[cmd.Op].name...)
		dst = append(dst, textNotAllowed...)
	default:
		dst = append(dst, cmd.Err...)
	}
	return append(dst, crlf...)
}
