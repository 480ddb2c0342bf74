package resp

import (
	"bytes"
	"strconv"

	"cashew/codec"
	"cashew/codec/walk"
)

// SCAN over several servers: the cursor that a client has is the server's own, and below it 16 bits that say which server. That is small
// enough for clients that keep it in a double, up to 2^37 buckets, and for all others up to 2^48. HSCAN and kin are of one key.

const (
	stopBits   = 16
	maxCursor  = 1<<(64-stopBits) - 1
	errNoRoom  = "-ERR the server's cursor is too large to be told which server it is of\r\n"
	walkedOver = "*2\r\n$1\r\n0\r\n*0\r\n"
)

// Cursor implements codec.Fragments.
func (*Protocol) Cursor(cmd *codec.Command) (at walk.Cursor, ok bool) {
	args := argsOf(cmd.Frame)
	args.next()
	n, ok := parseCursor(args.next())
	return walk.Cursor{Stop: uint16(n & (1<<stopBits - 1)), Own: n >> stopBits}, ok
}

// parseCursor is the number that a server takes a cursor for, as C's strtoul does: with a sign, of which - counts down from 2^64, up to a
// NUL; and 0 for nothing. What is none is refused by servers of all versions. Source: redis 7.0 db.c, parseScanCursorOrReply.
func parseCursor(text []byte) (n uint64, ok bool) {
	text, _, _ = bytes.Cut(text, []byte{0})
	if len(text) == 0 {
		return 0, true
	}
	digits := text
	if digits[0] == '-' || digits[0] == '+' {
		digits = digits[1:]
	}
	n, err := strconv.ParseUint(string(digits), 10, 64) // which takes no second sign
	if text[0] == '-' {
		n = -n
	}
	return n, err == nil
}

// AppendWalk implements codec.Fragments.
func (*Protocol) AppendWalk(dst []byte, cmd *codec.Command, cursor uint64) []byte {
	args := argsOf(cmd.Frame)
	dst = appendHeader(dst, '*', args.left)
	dst = appendBulk(dst, args.next())
	args.next()
	dst = appendBulk(dst, strconv.FormatUint(cursor, 10))
	return append(dst, args.frame...)
}

// AppendWalked implements codec.Fragments.
func (*Protocol) AppendWalked(dst []byte) []byte { return append(dst, walkedOver...) }

// coalesceWalk puts the server, or the next one, into the cursor of its reply.
func coalesceWalk(dst []byte, g *codec.Gather) []byte {
	reply := g.Replies[0]
	n, pos := arrayAt(reply)
	if pos <= 0 || n != 2 {
		return append(dst, errInvalid...)
	}
	size, body := bulkHeader(reply, pos)
	if body <= 0 || body+size+2 > len(reply) {
		return append(dst, errInvalid...)
	}
	own, err := strconv.ParseUint(string(reply[body:body+size]), 10, 64)
	switch {
	case err != nil:
		return append(dst, errInvalid...)
	case own > maxCursor:
		return append(dst, errNoRoom...)
	case own == 0:
		own = uint64(g.Step.Next)
	default:
		own = own<<stopBits | uint64(g.Step.Stop)
	}
	dst = appendHeader(dst, '*', 2)
	dst = appendBulk(dst, strconv.FormatUint(own, 10))
	return append(dst, reply[body+size+2:]...)
}
