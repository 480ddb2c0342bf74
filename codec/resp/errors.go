package resp

import "cashew/codec"

// protocolError ends a connection: its text is what the client is told. It wraps codec.ErrMalformed.
type protocolError string

func (e protocolError) Error() string { return string(e) }

func (protocolError) Unwrap() error { return codec.ErrMalformed }

// foreignError is a protocolError of a client that speaks something else.
type foreignError string

func (e foreignError) Error() string { return string(e) }

func (foreignError) Unwrap() error { return codec.ErrForeign }

// What a client is told before it is closed. Source: redis 7.0 networking.c, processMultibulkBuffer and
// processInlineBuffer; errBodyEnd, errFrame, errHTTP and errTLS are ours.
var (
	errMultibulk    error = protocolError("Protocol error: invalid multibulk length")
	errBulk         error = protocolError("Protocol error: invalid bulk length")
	errUnauthMulti  error = protocolError("Protocol error: unauthenticated multibulk length")
	errUnauthBulk   error = protocolError("Protocol error: unauthenticated bulk length")
	errInline       error = protocolError("Protocol error: too big inline request")
	errQuotes       error = protocolError("Protocol error: unbalanced quotes in request")
	errBodyEnd      error = protocolError("Protocol error: expected CRLF after bulk")
	errFrame        error = protocolError("Protocol error: too big request")
	errHTTP         error = foreignError("Protocol error: this is not an HTTP server")
	errTLS          error = foreignError("Protocol error: this port does not speak TLS")
	errReplyType    error = protocolError("reply: unknown type")
	errReplyPush    error = protocolError("reply: push inside a reply")
	errReplyNumber  error = protocolError("reply: invalid number")
	errReplyLength  error = protocolError("reply: invalid length")
	errReplyLine    error = protocolError("reply: line not ended by CRLF")
	errReplyBody    error = protocolError("reply: expected CRLF after bulk")
	errReplyTooDeep error = protocolError("reply: nested too deeply")
)

// errExpectedBulk is for a byte where an argument should begin.
func errExpectedBulk(got byte) error {
	if got == '\r' || got == '\n' || got == 0 {
		got = ' '
	}
	return protocolError("Protocol error: expected '$', got '" + string([]byte{got}) + "'")
}

// Reasons to refuse a command: the reply without its '-' and CRLF. The ones in small letters are marks that appendRefusal
// completes with the command's name and arguments.
const (
	refuseUnknown     = "unknown"
	refuseUnknownSub  = "unknown subcommand"
	refuseArity       = "arity"
	refuseUnsupported = "unsupported"
	refuseDenied      = "denied"
	refuseUserCommand = "denied to the user"

	refuseUserKey     = "NOPERM this user has no permissions to access one of the keys used as arguments"
	refuseUserChannel = "NOPERM this user has no permissions to access one of the channels used as arguments"
	refuseUserDB      = "NOPERM this user has no permissions to access other databases"
	refuseSortBy      = "ERR BY option of SORT denied due to insufficient ACL permissions."
	refuseSortGet     = "ERR GET option of SORT denied due to insufficient ACL permissions."
	refuseUserChange  = "ERR users are not changed by commands: they stand in the proxy's configuration, which a reload reads again"

	refuseNoAuth     = "NOAUTH Authentication required" // twemproxy: no final dot
	refuseSyntax     = "ERR syntax error"
	refuseInteger    = "ERR value is not an integer or out of range"
	refuseKeysNeg    = "ERR Number of keys can't be negative"
	refuseKeysMany   = "ERR Number of keys can't be greater than number of args"
	refuseKeysZero   = "ERR numkeys should be greater than 0"
	refuseServers    = "servers"
	refuseSole       = "one server"
	refuseNoKey      = "ERR this proxy needs at least one key to choose a server"
	refuseKeyless    = "ERR this proxy needs at least one key to choose one of the pool's servers" // of a pool of one it is not said
	refuseInputKey   = "at least 1 input key"
	refuseUnbalanced = "unbalanced streams"
	refuseTooLong    = "ERR this command is too long for the proxy to answer"
	refuseSelected   = "selected" // as the following four, of what stands behind a refused command
	refuseNested     = "ERR MULTI calls can not be nested"
	refuseWatch      = "ERR WATCH inside MULTI is not allowed"
	refuseInMulti    = "ERR Command not allowed inside a transaction"
	refuseDebug      = "ERR SCRIPT DEBUG is not supported by this proxy: the connection is not its client's alone"
	refuseUser       = "NOAUTH an earlier AUTH or HELLO was refused: this pool has no users but default"
	refuseSubscribed = "subscribed"
	refuseStreams    = "ERR MONITOR and SYNC are not supported by this proxy: nothing is executed before RESET"
	refuseOtherDB    = "other database"
	refuseTracking   = "ERR CLIENT TRACKING is not supported by this proxy: nobody would tell the client of changes"
)
