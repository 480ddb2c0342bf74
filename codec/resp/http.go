package resp

import (
	"bytes"

	"cashew/codec"
)

// A web page can have a browser send HTTP to any address that the browser reaches, with lines of its choice among the
// headers and in the body. So what begins as HTTP is hung up on, and nothing behind it is carried out, even if it came in
// the same packet: "POST" and "Host:", as in Redis (see table.go), and request lines.
//
// Source: redis 7.0 server.c, securityWarningCommand; memcached 1.6 proto_text.c, process_command_ascii.

// spaces are what stands between the words of an inline command.
const spaces = " \t\n\v\f\r"

// isPath tells whether an inline command that is refused has a path behind a name that no command has: a request line may have no
// version.
func isPath(line []byte, cmd *codec.Command) bool {
	line = bytes.Trim(line, spaces)
	i := bytes.IndexAny(line, spaces)
	return cmd.Err == refuseUnknown && i > 0 && bytes.TrimLeft(line[i:], spaces)[0] == '/'
}

// isHTTP tells whether an inline command that would be refused, or has three words or more, may be a request line: it would be
// refused and ends in a version of HTTP, or it is a method, a target and a version, whatever Redis has under the method's
// name (COPY, UNLINK).
func isHTTP(line []byte, words int, refused bool) bool {
	const begin = "HTTP/"
	line = bytes.Trim(line, spaces)
	last := line[bytes.LastIndexAny(line, spaces)+1:]
	if words < 2 || len(last) < len(begin) || !bytes.EqualFold(last[:len(begin)], []byte(begin)) {
		return false
	}
	return refused || isTarget(bytes.TrimLeft(line[bytes.IndexAny(line, spaces):], spaces))
}

// isTarget tells whether b begins with what may be the target of a request: a path, all of the server, or a URL.
func isTarget(b []byte) bool {
	return b[0] == '/' || b[0] == '*' || bytes.Contains(b, []byte("://"))
}
