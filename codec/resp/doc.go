// Package resp is the Redis protocol (RESP) as a [codec.Protocol]. It runs on the event loop that owns the connection, except
// where the interfaces of codec say otherwise (AppendReport, Probe); a [Protocol] is immutable and shared by all loops.
//
// A command is an array of bulks. Nothing in it is searched: every body is skipped by its length.
//
//	*3 \r\n $3 \r\n SET \r\n $1 \r\n k \r\n $5 \r\n hello \r\n
//	 |       |       |        |      |
//	 argc    length  name     |      Key.Off, Key.Len
//	                          Key.Start .. Key.End (of MSET: to the end of the value)
//
// A line that does not begin with '*' is an inline command: words, perhaps quoted, up to a line feed. It is rewritten as
// an array, so that servers only ever see arrays.
//
//	set k "hello" \r\n
//
// A reply is a type byte and a line; a length or a count in that line says what follows. Types marked 3 are RESP3.
//
//	type byte          what follows           what it is, in the order of the bytes
//	+ - :  , ( # _     line                   status error integer, 3: double big-number bool null
//	$  = !             length, body, \r\n     bulk, 3: verbatim bulk-error; $-1 is null
//	*  ~ %             count, elements        array, 3: set, map (two elements for each count); *-1 is null
//	|                  count, elements        3: attribute: a map in front of the reply it belongs to
//	>                  count, elements        3: push: no reply, sent unasked
//	$?  *?  ~?  %?     pieces, elements       3: of unknown length, up to an empty piece ;0 or a '.'
//
// A request in this package:
//
//	ParseCommand  command.go  frame, name and arguments; inline.go: lines; http.go: what is no Redis
//	              decide.go   what is done with it; keys.go: which arguments are keys; bar.go: what else is in its way
//	              table.go    all commands, in table_modules.go and table_server.go the rest of them; build.go: as the parser wants them; lookup.go: name to row
//	              policy.go   which of them a pool allows; categories.go: ACL CAT
//	              multi.go    what is kept until EXEC; anew.go: and not executed after all; blocking.go: what may block, and how long; acks.go: WAIT
//	              unknown.go  what is not in the table; learn.go: what servers say of it; keyspec.go: where its keys are; value.go: replies read whole
//	              script.go   scripts and their names; pubsub.go: subscriptions, by patterns
//	              users.go    what the client's user may not send; access.go: what commands do with their keys; accesscontrol.go: ACL
//	Target        hello.go    which version a client speaks; forms.go: what the proxy says in each; maint.go: who hears of moves
//	AppendLocal   local.go    answered here; tracking.go: CLIENT TRACKING; refusal.go: what is refused
//	AppendReport  report.go   answered off the loops: CLIENT LIST and KILL, SLOWLOG; info.go: INFO
//	Append…       fragment.go one command to several servers, and their replies to one
//	ScanReply     reply.go    where a reply ends, cut at any byte
//	Judge         health.go   what a reply says of its server; probes and canaries
//	Describe      describe.go names and classes of commands, and what a server says that has none of the keys
package resp
