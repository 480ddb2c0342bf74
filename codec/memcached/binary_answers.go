package memcached

import (
	"encoding/binary"
	"errors"

	"cashew/codec"
)

// What the proxy says itself to a client of the binary protocol: a header with the request's opcode and opaque, a status, and text.
// Source: memcached 1.6 proto_bin.c, write_bin_error.

// Texts of statuses.
const (
	textUnknown    = "Unknown command"
	textInvalid    = "Invalid arguments"
	textMiss       = "Not found"
	textNotAllowed = " is not allowed through this proxy"
	textSizes      = "the histogram of sizes is turned on and off at the servers, not through this proxy"
)

// binaryError ends a connection with a status. It wraps codec.ErrMalformed.
type binaryError struct {
	status int
	text   string
}

func (e *binaryError) Error() string { return "binary protocol: " + e.text }

func (*binaryError) Unwrap() error { return codec.ErrMalformed }

// appendFrame appends a reply to the request with that mark. What it says is its body.
func appendFrame(dst []byte, m codec.Mark, status int, text string) []byte {
	dst = appendHeader(dst, m, status, 0, len(text))
	return append(dst, text...)
}

// appendHeader appends the header of a reply without extras.
func appendHeader(dst []byte, m codec.Mark, status, key, body int) []byte {
	dst = append(dst, magicReply, opcodeOf(m))
	dst = binary.BigEndian.AppendUint16(dst, uint16(key))
	dst = binary.BigEndian.AppendUint16(dst, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(status))
	dst = binary.BigEndian.AppendUint32(dst, uint32(body))
	dst = binary.BigEndian.AppendUint32(dst, uint32(m))
	return binary.BigEndian.AppendUint64(dst, 0)
}

// appendBinaryLocal is AppendLocal. QUITQ has no reply.
func appendBinaryLocal(dst []byte, cmd *codec.Command) []byte {
	switch {
	case cmd.Kind == codec.Refuse:
		return appendFrame(dst, cmd.Mark, cmd.Arg, cmd.Err)
	case cmd.Quiet != 0:
		return dst
	}
	return appendFrame(dst, cmd.Mark, statusOK, "")
}

// AppendFailure implements codec.Answers. To the binary protocol it is an internal error: what the names of the statuses busy and
// temporary failure say would fit better, but spymemcached 2.12 has a GET with such a status return null, as if the key were missing.
func (p *Protocol) AppendFailure(dst []byte, pr codec.Profile, m codec.Mark, text string) []byte {
	if pr == Binary {
		return appendFrame(dst, m, statusInternal, text)
	}
	return p.AppendError(dst, text)
}

// appendBinaryMalformed is AppendMalformed: memcached says nothing to what is no header.
func appendBinaryMalformed(dst []byte, m codec.Mark, err error) []byte {
	var e *binaryError
	switch {
	case errors.As(err, &e):
		return appendFrame(dst, m, e.status, e.text)
	case errors.Is(err, errMagic), m == 0:
		return dst
	}
	return appendFrame(dst, m, statusTooLarge, err.Error())
}

// appendBinaryMiss is AppendMiss. The key, which GETK would have to be answered, is not known any more; GETKQ is not told of a miss.
func appendBinaryMiss(dst []byte, m codec.Mark, op uint16) ([]byte, bool) {
	if op != opGet || opcodeOf(m) == codeGetK {
		return dst, false
	}
	return appendFrame(dst, m, statusMiss, textMiss), true
}

// quietBinary marks a Command.Quiet that is an opcode.
const quietBinary = 1 << 8

// suppressBinary is Suppress: retrievals are silent about misses, all others about success.
func suppressBinary(opcode byte, reply []byte) bool {
	if len(reply) < headerSize || reply[0] != magicReply {
		return false
	}
	silent := statusOK
	if op := opcodes[opcode].op; op == opGet || op == opGat {
		silent = statusMiss
	}
	if statusOf(reply) == silent {
		return true
	}
	reply[1] = opcode
	return false
}

// statusOf is the status of a reply.
func statusOf(reply []byte) int { return int(binary.BigEndian.Uint16(reply[6:])) }
