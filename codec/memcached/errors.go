package memcached

import (
	"fmt"

	"cashew/codec"
)

// ErrBinary is ParseCommand's error for a client that speaks the binary protocol. It wraps codec.ErrForeign.
var ErrBinary = fmt.Errorf("%w: binary memcached", codec.ErrForeign)

// protocolError ends a connection: its text is what the client is told. It wraps codec.ErrMalformed.
type protocolError string

func (e protocolError) Error() string { return string(e) }

func (protocolError) Unwrap() error { return codec.ErrMalformed }

var errHTTP = fmt.Errorf("%w: HTTP", codec.ErrForeign)

var (
	errLine        error = protocolError(textLine)
	errReplyWord   error = protocolError("reply: unknown first word")
	errReplyLine   error = protocolError("reply: line too long or not ended by CRLF")
	errReplyNumber error = protocolError("reply: invalid number")
	errReplyFields error = protocolError("reply: missing or empty fields")
	errReplyBody   error = protocolError("reply: expected CRLF after data")
)

// Answers to commands that are not sent on, without their CRLF. Source: memcached 1.6 proto_text.c, except for refuseLine
// (memcached closes), refuseAdmin, a mark that AppendLocal completes with the command's name, and hangUp, by which ParseCommand
// returns errHTTP.
const (
	textLine = "line too long"

	refuseUnknown    = "ERROR"
	refuseFormat     = "CLIENT_ERROR bad command line format"
	refuseChunk      = "CLIENT_ERROR bad data chunk"
	refuseExptime    = "CLIENT_ERROR invalid exptime argument"
	refuseFlags      = "CLIENT_ERROR options flags too long"
	refuseTwice      = "CLIENT_ERROR duplicate flag"
	refuseTwiceOther = "CLIENT_ERROR invalid or duplicate flag"
	refuseTooLarge   = "SERVER_ERROR object too large for cache"
	refuseLine       = "CLIENT_ERROR " + textLine
	refuseAdmin      = "admin"
	hangUp           = "http"
	refuseSizes      = "CLIENT_ERROR the histogram of sizes is turned on and off at the servers, not through this proxy"

	answerEnd  = "END"
	answerNoop = "MN"
)
