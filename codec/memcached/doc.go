// Package memcached is memcached's text protocol, classic and meta, and as a second profile its binary protocol, as a [codec.Protocol]. It runs on the event loop that owns
// the connection, except where the interfaces of codec say otherwise (AppendReport, Probe); a [Protocol] is immutable and
// shared by all loops.
//
// A command is a line of words between spaces; CRLF or a bare LF ends it. Behind the line of a storage command comes a
// data block of the length that the line declares, which is skipped by that length, and CRLF.
//
//	set  k  0  60  5  noreply  \r\n  hello  \r\n
//	 |   |  |  |   |                   |
//	name |  |  |   bytes               data block
//	     |  |  exptime
//	     |  flags
//	     Command.Key
//
//	get  a  b  c  \r\n
//	   |--|--|--|
//	   Key.Start .. Key.End: a key with the spaces before it
//
//	ms  k  5  T60  q  \r\n  hello  \r\n    meta: words of one letter, perhaps with a token
//	               |
//	               taken out on the way to the server, so that each command has its reply
//
// A reply is a line, but for these:
//
//	VALUE k 0 5 \r\n hello \r\n ... END \r\n      any number of values
//	VA 5 t60 \r\n hello \r\n
//	STAT name value \r\n ... END \r\n
//
// A command that this package forwards is one that every memcached frames alike: where one version would take a body for
// commands (a malformed storage line, say), the proxy answers itself and takes the body out of the stream, so that no
// client can bring the shared connection to a server out of step.
//
// A request in this package:
//
//	ParseCommand  command.go  lines; words.go: words and numbers in them; http.go: what is no memcached
//	              retrieve.go keys; store.go: data blocks; odd.go: numbers that are not plain
//	              meta.go     meta commands; base64.go: their keys in base64; other.go: the rest
//	              table.go    all commands
//	AppendLocal   local.go    answered here
//	AppendReport  report.go   answered off the loops: stats
//	Append…       fragment.go one command to several servers, and their replies to one; stats.go: of stats
//	ScanReply     reply.go    where a reply ends, cut at any byte
//	Judge         health.go   whether a reply is one to that command; probes and canaries; what a miss is answered
//
// and in the binary protocol, whose frames binary.go shows:
//
//	ParseCommand  binary.go          opcodes, and what memcached hangs up on
//	AppendLocal   binary_answers.go  what is said here; quiet commands
//	Append…       binary_stats.go    STAT and FLUSH at several servers
//	ScanReply     binary_reply.go    where a reply ends, and whose it is; greeting and canary
//
// Source: memcached doc/protocol.txt; memcached 1.6 proto_text.c; memcached 1.6.18 as it behaves, which the tests ask.
package memcached
