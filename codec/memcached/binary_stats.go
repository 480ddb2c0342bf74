package memcached

import (
	"bytes"
	"encoding/binary"
	"strings"

	"cashew/codec"
)

// STAT has one reply for each figure, its name as key, and one with neither for the end. What several servers say is merged as
// that of the text protocol is:
//
//	items:1:number 5, end     items:1:number 7, end     -->  STAT items:1:number 5 ... END, STAT ... 7 ... END  -->  items:1:number 12, end

// detailed is the name of the one figure of "stats detail dump": its value is what the text protocol answers.
const detailed = "detailed"

// coalesceBinary is AppendCoalesced for FLUSH and STAT. The first error is the reply; FLUSHQ hears of nothing else.
func coalesceBinary(dst []byte, g *codec.Gather) []byte {
	opcode := opcodeOf(g.Mark)
	for _, r := range g.Replies {
		if statusOf(r) != statusOK {
			n := len(dst)
			dst = append(dst, r...)
			dst[n+1] = opcode
			return dst
		}
	}
	switch {
	case opcodes[opcode].op == opStats && len(g.Replies) > 1:
		return coalesceBinaryStats(dst, g)
	case opcodes[opcode].loud != opcode:
		return dst
	}
	return append(dst, g.Replies[0]...)
}

// coalesceBinaryStats has the replies merged as text.
func coalesceBinaryStats(dst []byte, g *codec.Gather) []byte {
	texts := codec.Gather{Op: g.Op}
	dumps := 0
	for _, r := range g.Replies {
		text, dump := statText(r)
		if dump {
			dumps++
		}
		texts.Replies = append(texts.Replies, text)
	}
	merged := mergeLists(nil, &texts)
	switch dumps {
	case 0:
		return appendStats(dst, g.Mark, merged)
	case len(g.Replies):
		dst = appendStat(dst, g.Mark, detailed, string(merged)+replyEnd)
		return appendStat(dst, g.Mark, "", "")
	}
	return appendFrame(dst, g.Mark, statusInternal, "Invalid argument")
}

// statText is a whole reply to STAT as the text protocol has it; dump: it is that of "stats detail dump".
func statText(reply []byte) (text []byte, dump bool) {
	for len(reply) >= headerSize {
		key, body := int(binary.BigEndian.Uint16(reply[2:])), int(binary.BigEndian.Uint32(reply[8:]))
		if body == 0 || headerSize+body > len(reply) || key+int(reply[4]) > body {
			break
		}
		name, value := reply[headerSize:][:key], reply[headerSize+key:headerSize+body]
		if string(name) == detailed && bytes.HasSuffix(value, []byte(replyEnd)) {
			return value, true
		}
		text = append(text, "STAT "...)
		text = append(append(text, name...), ' ')
		text = append(append(text, value...), crlf...)
		reply = reply[headerSize+body:]
	}
	return append(text, replyEnd...), false
}

// appendStats appends lines of STAT, a name and a value, without an END behind them, as replies to STAT.
func appendStats(dst []byte, m codec.Mark, lines []byte) []byte {
	for line := range strings.SplitSeq(string(lines), crlf) {
		if _, rest, ok := strings.Cut(line, " "); ok {
			name, value, _ := strings.Cut(rest, " ")
			dst = appendStat(dst, m, name, value)
		}
	}
	return appendStat(dst, m, "", "")
}

func appendStat(dst []byte, m codec.Mark, name, value string) []byte {
	dst = appendHeader(dst, m, statusOK, len(name), len(name)+len(value))
	dst = append(dst, name...)
	return append(dst, value...)
}
