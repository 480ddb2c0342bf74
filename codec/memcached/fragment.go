package memcached

import (
	"bytes"
	"slices"

	"cashew/codec"
)

// A retrieval with keys on several servers goes in fragments, and their replies become one. A miss says nothing, so it is
// the keys that tell which value comes next:
//
//	get a b c  -->  get a c  -->  VALUE a ... VALUE c ... END  -->  VALUE a ... VALUE c ... END
//	                get b    -->  END                               (b is nowhere)

// AppendFragment implements codec.Fragments: all that stands before the first key, which for gat is the exptime, too.
func (*Protocol) AppendFragment(dst []byte, cmd *codec.Command, _ int) []byte {
	return append(dst, cmd.Frame[:cmd.Keys[0].Start]...)
}

// AppendFragmentEnd implements codec.Fragments.
func (*Protocol) AppendFragmentEnd(dst []byte, _ *codec.Command) []byte {
	return append(dst, crlf...)
}

// AppendKeys implements codec.Fragments: each key behind a byte with its length.
func (*Protocol) AppendKeys(dst []byte, cmd *codec.Command) []byte {
	if n := len(cmd.Keys); n > 0 {
		dst = slices.Grow(dst, int(cmd.Keys[n-1].End-cmd.Keys[0].Start)+n)
	}
	for _, k := range cmd.Keys {
		dst = append(dst, byte(k.Len))
		dst = append(dst, cmd.Frame[k.Off:k.Off+k.Len]...)
	}
	return dst
}

// replyInvalid is twemproxy's answer to replies that cannot be merged. Source: twemproxy 0.5.0 nc_message.c, EINVAL.
const replyInvalid = "SERVER_ERROR Invalid argument\r\n"

const replyOK = "OK\r\n"

// AppendCoalesced implements codec.Fragments. If a fragment was answered with an error line, that is the reply, the first
// in the order of fragments (twemproxy says "Invalid argument" instead).
func (*Protocol) AppendCoalesced(dst []byte, g *codec.Gather) []byte {
	if g.Mark != 0 {
		return coalesceBinary(dst, g)
	}
	for _, r := range g.Replies {
		if isError(r) {
			return append(dst, r...)
		}
	}
	switch commands[g.Op].shape {
	case retrieve:
		return coalesceValues(dst, g)
	case stats, slabs:
		return coalesceStats(dst, g)
	}
	for _, r := range g.Replies {
		if string(r) != replyOK {
			return append(dst, replyInvalid...)
		}
	}
	return append(dst, replyOK...)
}

// isError tells whether reply begins with an error line.
func isError(reply []byte) bool {
	n := bytes.IndexAny(reply[:min(len(reply), len("SERVER_ERROR "))], " \r")
	return n > 0 && classify(reply[:n]) == wordError
}

// coalesceValues takes the value for each key that was found, in the command's order, from its fragment's reply: it is the
// next there, since a server answers in the order of keys, or the key was not found.
func coalesceValues(dst []byte, g *codec.Gather) []byte {
	start, keys := len(dst), g.Keys
	for _, part := range g.Part {
		if len(keys) == 0 || len(keys) <= int(keys[0]) || int(part) >= len(g.Replies) {
			return append(dst[:start], replyInvalid...)
		}
		key := keys[1 : 1+keys[0]]
		keys = keys[1+len(key):]
		reply := g.Replies[part][g.Cursor[part]:]
		n := len(valueWord) + len(key)
		if n >= len(reply) || reply[n] != ' ' || string(reply[len(valueWord):n]) != string(key) {
			continue
		}
		line, size := valueLine(reply)
		end := line + size + len(crlf)
		if line == 0 || end > len(reply) {
			return append(dst[:start], replyInvalid...)
		}
		dst = append(dst, reply[:end]...)
		g.Cursor[part] += end
	}
	for i, r := range g.Replies {
		rest := r[g.Cursor[i]:]
		if isError(rest) { // memory ran out in the middle
			return append(dst[:start], rest...)
		}
		if string(rest) != replyEnd {
			return append(dst[:start], replyInvalid...)
		}
	}
	return append(dst, replyEnd...)
}
