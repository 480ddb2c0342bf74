package resp

import (
	"bytes"
	"strconv"
)

var opGet = mustOp("get")

// Fills implements codec.Answers.
func (*Protocol) Fills(op uint16) bool { return op == opGet }

// FillOp implements codec.Answers.
func (*Protocol) FillOp() uint16 { return opSet }

// AppendFill implements codec.Answers: the value stands in the command as it does in the reply.
func (*Protocol) AppendFill(dst, key, reply []byte, seconds int) ([]byte, bool) {
	if len(reply) < 2 || reply[0] != '$' || reply[1] == '-' {
		return dst, false
	}
	dst = appendHeader(dst, '*', 6)
	dst = appendBulk(dst, "SET")
	dst = appendBulk(dst, key)
	dst = append(dst, reply...)
	dst = appendBulk(dst, "EX")
	var digits [20]byte
	dst = appendBulk(dst, strconv.AppendInt(digits[:0], int64(seconds), 10))
	return appendBulk(dst, "NX"), true
}

// Filled implements codec.Answers.
func (*Protocol) Filled(reply []byte) bool { return bytes.HasPrefix(reply, []byte("+")) }
