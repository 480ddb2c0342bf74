package resp

import "cashew/codec"

// AppendAborted implements codec.Transactions, in the form in which Redis says why EXEC discards what is queued.
// Source: redis 7.0 multi.c, execCommandAbort.
func (p *Protocol) AppendAborted(dst []byte, cl *codec.Client, cmd *codec.Command) []byte {
	dst = append(dst, "-EXECABORT Transaction discarded because of: '"...)
	if name := commands[cmd.Op].name; name != "" {
		dst = append(dst, name...)
	} else {
		args := argsOf(cmd.Frame)
		dst = appendPrintable(dst, args.next(), 128)
	}
	switch {
	case cmd.Kind == codec.Refuse && !cmd.Sole:
		dst = append(dst, "' was queued before a reload changed this pool, and now: "...)
		return append(dst, p.appendRefusal(nil, cl, cmd)[1:]...)
	case cmd.Kind == codec.Unknown:
		return append(dst, "' was queued before a reload changed this pool, whose servers were not asked yet what it is\r\n"...)
	case cmd.Sole:
		return append(dst, "' was queued for the only server of this pool, which has several since a reload\r\n"...)
	}
	return append(dst, "' was queued for the server before a reload changed this pool, and the proxy answers it now\r\n"...)
}
