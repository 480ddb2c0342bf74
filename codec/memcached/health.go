package memcached

import (
	"bytes"
	"fmt"
	"strings"

	"cashew/codec"
)

var probe = []byte("mn\r\n")

// Probe implements codec.Protocol.
func (*Protocol) Probe() []byte { return probe }

// Canary implements codec.Protocol. mn has no room for the token, but its reply is no other command's.
func (*Protocol) Canary(string) (command, reply []byte) { return probe, []byte("MN\r\n") }

// CheckProbe implements codec.Protocol. A memcached from before the meta commands knows no mn, but it answers.
func (*Protocol) CheckProbe(reply []byte) error {
	if bytes.HasPrefix(reply, []byte("MN")) || bytes.Equal(reply, []byte("ERROR\r\n")) {
		return nil
	}
	return fmt.Errorf("memcached: mn was answered %q", bytes.TrimRight(reply[:min(len(reply), 100)], "\r\n"))
}

// Judge implements codec.Protocol. memcached's errors are about a request, never about the server as a whole.
func (*Protocol) Judge(op uint16, reply []byte) codec.Verdict {
	c := reply[0]
	first := ""
	switch commands[op].shape {
	case retrieve:
		first = "VECS" // VALUE END ERROR CLIENT_ERROR SERVER_ERROR
	case store:
		first = "SNEC" // STORED NOT_STORED EXISTS NOT_FOUND
	case change:
		if '0' <= c && c <= '9' {
			return codec.Fine
		}
		first = "NTECS" // NOT_FOUND TOUCHED
	case remove:
		first = "DNECS" // DELETED NOT_FOUND
	case meta, metaStore, metaDebug:
		first = "VHENMCS" // VA HD EN EX NF NS ME
	default:
		return codec.Fine
	}
	if strings.IndexByte(first, c) < 0 {
		return codec.Unfit
	}
	return codec.Fine
}

// AppendMiss implements codec.Protocol. gat is no mere read: it touches.
func (*Protocol) AppendMiss(dst []byte, op uint16, _ int) ([]byte, bool) {
	switch op {
	case opGet, opGets:
		return append(dst, replyEnd...), true
	case opMetaGet:
		return append(dst, "EN\r\n"...), true
	}
	return dst, false
}
