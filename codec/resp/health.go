package resp

import (
	"bytes"
	"fmt"
)

var probe = []byte("*1\r\n$4\r\nPING\r\n")

// Probe implements codec.Protocol.
func (*Protocol) Probe() []byte { return probe }

// CheckProbe implements codec.Protocol. A server that loads its data set or has lost its master answers with an error.
func (*Protocol) CheckProbe(reply []byte) error {
	if bytes.Equal(reply, []byte("+PONG\r\n")) {
		return nil
	}
	return fmt.Errorf("resp: PING was answered %q", bytes.TrimRight(reply[:min(len(reply), 100)], "\r\n"))
}

// ailments are the first words of errors that tell of the server, not of the request. Source: twemproxy 0.5.0
// redis_error (OOM, BUSY, LOADING); MASTERDOWN is ours.
var ailments = [][]byte{[]byte("-LOADING "), []byte("-BUSY "), []byte("-OOM "), []byte("-MASTERDOWN ")}

// Ailing implements codec.Protocol.
func (*Protocol) Ailing(reply []byte) bool {
	if len(reply) == 0 || reply[0] != '-' {
		return false
	}
	for _, a := range ailments {
		if bytes.HasPrefix(reply, a) {
			return true
		}
	}
	return false
}
