package resp

import (
	"encoding/binary"
	"math"

	"cashew/codec"
)

// A command with keys on several servers goes in fragments, and their replies become one:
//
//	MGET a b c  -->  *3 mget a c  -->  *2 A C  -->  *3 A B C
//	                 *2 mget b    -->  *1 B

// AppendFragment implements codec.Fragments. The name is in lower case, as twemproxy sends it.
func (*Protocol) AppendFragment(dst []byte, cmd *codec.Command, keys int) []byte {
	c := &commands[cmd.Op]
	dst = appendHeader(dst, '*', 1+keys*int(c.keys.step))
	return append(dst, c.bulk...)
}

// AppendFragmentEnd implements codec.Fragments: there is nothing at the end of an array.
func (*Protocol) AppendFragmentEnd(dst []byte, _ *codec.Command) []byte { return dst }

// AppendKeys implements codec.Fragments: replies come in the order of the keys, which Gather.Part tells. Of what is published it keeps
// the channel, of a question about subscriptions, or parameters, all.
func (*Protocol) AppendKeys(dst []byte, cmd *codec.Command) []byte {
	switch {
	case cmd.Kind == codec.Publish:
		return append(dst, cmd.Key...)
	case asksPubSub(cmd.Op), cmd.Op == opConfigGet:
		return append(dst, cmd.Frame...)
	}
	return dst
}

// Ops that AppendCoalesced must tell apart.
var (
	opMGet = mustOp("mget")
	opMSet = mustOp("mset")
)

func mustOp(name string) uint16 {
	op := lookup([]byte(name), 0, len(name))
	if op == 0 {
		panic("resp: no such command: " + name)
	}
	return uint16(op)
}

// errInvalid is twemproxy's answer to replies that cannot be merged. Source: twemproxy 0.5.0 nc_message.c, EINVAL.
const errInvalid = "-ERR Invalid argument\r\n"

// AppendCoalesced implements codec.Fragments. If a fragment was answered with an error, that error is the reply, the
// first in the order of fragments (twemproxy says "Invalid argument" instead). Replies that do not fit the command are
// never guessed at.
func (*Protocol) AppendCoalesced(dst []byte, g *codec.Gather) []byte {
	sparesAiling(g)
	for i, r := range g.Replies {
		if len(r) > 0 && r[0] == '|' {
			r = withoutAttributes(r)
			g.Replies[i] = r
		}
		if len(r) > 0 && (r[0] == '-' || r[0] == '!') {
			return append(dst, r...)
		}
	}
	if g.Subscribers != nil && asksPubSub(g.Op) {
		return coalescePubSub(dst, g)
	}
	switch g.Op {
	case opExec:
		return spliceOwn(dst, g)
	case opMGet:
		return coalesceArrays(dst, g)
	case opScriptLoad, opScriptExists, opScriptFlush:
		return coalesceScripts(dst, g)
	case opMSet, opSwapDB:
		for _, r := range g.Replies {
			if string(r) != "+OK\r\n" {
				return append(dst, errInvalid...)
			}
		}
		return append(dst, "+OK\r\n"...)
	}
	if merge := merges[g.Op]; merge != nil {
		return merge(dst, g)
	}
	return coalesceSum(dst, g)
}

// coalesceArrays takes the element for each key, in the command's order, from its fragment's array.
func coalesceArrays(dst []byte, g *codec.Gather) []byte {
	start, elements := len(dst), 0
	for i, r := range g.Replies {
		n, pos := arrayAt(r)
		if pos <= 0 {
			return append(dst, errInvalid...)
		}
		g.Cursor[i] = pos
		elements += n
	}
	if elements != len(g.Part) {
		return append(dst, errInvalid...)
	}
	dst, ok := appendDealt(appendHeader(dst, '*', elements), g)
	for i, r := range g.Replies { // with the sum of all, each had as many as it has keys
		ok = ok && g.Cursor[i] == len(r)
	}
	if !ok {
		return append(dst[:start], errInvalid...)
	}
	return dst
}

// appendDealt appends for each key the next element of the reply that has it; false: there is none. It looks for strings as plainBulks does.
func appendDealt(dst []byte, g *codec.Gather) ([]byte, bool) {
	replies, cursor := g.Replies, g.Cursor[:len(g.Replies)]
	mask, header, length := uint64(0), noHeader, 0
	for _, part := range g.Part {
		if int(part) >= len(replies) {
			return dst, false
		}
		reply, from, end := replies[part], cursor[part], 0
		if uint(from)+8 <= uint(len(reply)) {
			w := binary.LittleEndian.Uint64(reply[from : from+8 : from+8])
			if w&mask != header && w&nullMask != nullWord {
				if n, size := shortHeader(w); size > 0 {
					mask, length = headerMask(size), size+n+len(crlf)
					header = w & mask
				} else {
					mask, header, length = anyHeader(reply, from)
				}
			}
			if w&mask == header {
				end = from + length
			}
		}
		if end == 0 || !crlfEnds(reply, end) {
			if end = anyElement(reply, from); end == 0 {
				return dst, false
			}
		}
		dst = append(dst, reply[from:end]...)
		cursor[part] = end
	}
	return dst, true
}

// anyElement is elementEnd, and quicker for an element of the usual kinds.
func anyElement(reply []byte, from int) int {
	if end := wholeElement(reply, from); end > 0 {
		return end
	}
	return elementEnd(reply, from)
}

// withoutAttributes is the reply behind its attributes, which speak of a fragment and not of the whole.
func withoutAttributes(reply []byte) []byte {
	for len(reply) > 0 && reply[0] == '|' {
		n, pos := number(reply, 1)
		if pos <= 0 {
			return nil
		}
		for range 2 * n {
			end := elementEnd(reply, pos)
			if end == 0 {
				return nil
			}
			pos = end
		}
		reply = reply[pos:]
	}
	return reply
}

// elementEnd is the offset behind the element at pos, which may be of any type; 0: there is no whole one.
func elementEnd(reply []byte, pos int) int {
	var s codec.ReplyScan
	n, done, err := scanReply(&s, reply[pos:])
	if !done || err != nil {
		return 0
	}
	return pos + n
}

// coalesceSum adds up counts.
func coalesceSum(dst []byte, g *codec.Gather) []byte {
	sum := 0
	for _, r := range g.Replies {
		n, ok := integer(r)
		if !ok || n > math.MaxInt-sum {
			return append(dst, errInvalid...)
		}
		sum += n
	}
	return appendInt(dst, sum)
}
