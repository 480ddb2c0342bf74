package memcached

import (
	"bytes"
	"encoding/binary"
)

// lastOutcome is the highest status of the binary protocol that says what became of a command; what is above says that it was not done.
const lastOutcome = 0x0006

// Compares implements codec.Answers: the others tell of what each server counts for itself.
func (*Protocol) Compares(op uint16) bool { return op == opGet }

// IsError implements codec.Answers.
func (*Protocol) IsError(reply []byte) bool {
	if len(reply) >= headerSize && reply[0] == magicReply {
		return binary.BigEndian.Uint16(reply[6:]) > lastOutcome
	}
	for _, word := range []string{"ERROR", "CLIENT_ERROR", "SERVER_ERROR"} {
		if bytes.HasPrefix(reply, []byte(word)) {
			return true
		}
	}
	return false
}
