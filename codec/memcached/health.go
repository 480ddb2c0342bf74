package memcached

import (
	"bytes"
	"fmt"
)

var probe = []byte("mn\r\n")

// Probe implements codec.Protocol.
func (*Protocol) Probe() []byte { return probe }

// CheckProbe implements codec.Protocol. A memcached from before the meta commands knows no mn, but it answers.
func (*Protocol) CheckProbe(reply []byte) error {
	if bytes.HasPrefix(reply, []byte("MN")) || bytes.Equal(reply, []byte("ERROR\r\n")) {
		return nil
	}
	return fmt.Errorf("memcached: mn was answered %q", bytes.TrimRight(reply[:min(len(reply), 100)], "\r\n"))
}

// Ailing implements codec.Protocol: memcached's errors are about a request.
func (*Protocol) Ailing([]byte) bool { return false }
