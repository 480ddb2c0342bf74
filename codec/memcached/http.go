package memcached

import (
	"bytes"

	"cashew/codec"
)

// A web page can have a browser send HTTP to any address that the browser reaches, with lines of its choice among the
// headers and in the body. So what begins as HTTP is hung up on, and nothing behind it is carried out, even if it came in
// the same packet: memcached does so at an unknown command whose last word begins with "HTTP/". Here three words, of which
// the last is a version, are HTTP, too, behind the name of a command that has no use for such a word, and so is what only
// stands in a header. A name that no command has before a path ("GET /") is HTTP 0.9. But "get / HTTP/1.1" is a command; it is the next line that gives it away.
//
// Source: memcached 1.6 proto_text.c, process_command_ascii; redis 7.0 server.c, securityWarningCommand.

// refuseUnknownName refuses a line that begins with no command, if it is not HTTP.
func refuseUnknownName(cmd *codec.Command, line []byte) {
	line = bytes.TrimRight(line, " ")
	name, rest, _ := bytes.Cut(line, []byte{' '})
	last := line[bytes.LastIndexByte(line, ' ')+1:]
	if isVersion(last) || bytes.HasPrefix(rest, []byte{'/'}) || string(name) == "POST" || bytes.EqualFold(name, []byte("Host:")) {
		refuse(cmd, hangUp, false)
		return
	}
	refuse(cmd, refuseUnknown, false)
}

// isRequest tells whether line is a method, a target and a version.
func isRequest(line []byte) bool {
	var w [3][]byte
	return words(line, w[:]) == 3 && isVersion(w[2])
}

// isVersion tells whether w is a version of HTTP, however it goes on.
func isVersion(w []byte) bool {
	const begin = "HTTP/"
	return len(w) >= len(begin) && bytes.EqualFold(w[:len(begin)], []byte(begin))
}
