package memcached

import (
	"fmt"

	"cashew/codec"
)

// errBinary is ParseCommand's error for a frame of the binary protocol.
var errBinary error = &codec.ProfileError{Profile: Binary, Name: "the binary protocol"}

// What ends a connection of the binary protocol.
var (
	errMagic           error = protocolError("binary protocol: a request begins with 0x80")
	errBinaryUnknown   error = &binaryError{statusUnknown, textUnknown}
	errUnauthenticated error = &binaryError{statusAuth, "Auth failure."}
	errBinaryInvalid   error = &binaryError{statusInvalid, textInvalid}
)

// protocolError ends a connection: its text is what the client is told. It wraps codec.ErrMalformed.
type protocolError string

func (e protocolError) Error() string { return string(e) }

func (protocolError) Unwrap() error { return codec.ErrMalformed }

var (
	errHTTP = fmt.Errorf("%w: HTTP", codec.ErrForeign)
	errTLS  = fmt.Errorf("%w: TLS", codec.ErrForeign)
)

var (
	errLine        error = protocolError(textLine)
	errReplyWord   error = protocolError("reply: unknown first word")
	errReplyLine   error = protocolError("reply: line too long or not ended by CRLF")
	errReplyNumber error = protocolError("reply: invalid number")
	errReplyFields error = protocolError("reply: missing or empty fields")
	errReplyMagic  error = protocolError("reply: no frame of the binary protocol")
	errReplyMark   error = protocolError("reply: opcode or opaque is another request's")
	errReplyLength error = protocolError("reply: key and extras longer than the body, or a body too long")
	errReplyBody   error = protocolError("reply: expected CRLF after data")
)

// Answers to commands that are not sent on, without their CRLF. Source: memcached 1.6 proto_text.c, except for refuseLine
// (memcached closes), refuseAdmin, a mark that AppendLocal completes with the command's name, and hangUp and hangUpTLS, by which
// ParseCommand returns errHTTP and errTLS.
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
	hangUpTLS        = "tls"
	refuseSizes      = "CLIENT_ERROR " + textSizes

	answerEnd  = "END"
	answerNoop = "MN"
)
