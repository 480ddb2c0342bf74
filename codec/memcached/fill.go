package memcached

import (
	"bytes"
	"strconv"
)

// Fills implements codec.Answers: gets tells of a CAS unique, which is the server's own.
func (*Protocol) Fills(op uint16) bool { return op == opGet }

// FillOp implements codec.Answers.
func (*Protocol) FillOp() uint16 { return opAdd }

// AppendFill implements codec.Answers: "VALUE key flags bytes" becomes "add key flags seconds bytes".
func (*Protocol) AppendFill(dst, key, reply []byte, seconds int) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(reply, []byte("VALUE "))
	if !ok {
		return dst, false
	}
	rest, ok = bytes.CutPrefix(rest, key)
	line, data, found := bytes.Cut(rest, []byte("\r\n"))
	flags, size, two := bytes.Cut(bytes.TrimPrefix(line, []byte(" ")), []byte(" "))
	n, err := strconv.Atoi(string(size))
	if !ok || !found || !two || err != nil || n < 0 || len(data) != n+len("\r\nEND\r\n") {
		return dst, false
	}
	dst = append(dst, "add "...)
	dst = append(dst, key...)
	dst = append(dst, ' ')
	dst = append(dst, flags...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(seconds), 10)
	dst = append(dst, ' ')
	dst = append(dst, size...)
	dst = append(dst, "\r\n"...)
	return append(dst, data[:n+2]...), true
}

// Filled implements codec.Answers.
func (*Protocol) Filled(reply []byte) bool { return bytes.HasPrefix(reply, []byte("STORED")) }
