package resp

import (
	"bytes"
	"math"

	"cashew/codec"
)

// Limits of a reply: those of the arithmetic, not of what a server may send.
const (
	maxReplyBulk  = math.MaxInt64 / 4
	maxReplyCount = math.MaxInt64 / 4
	maxReplyDepth = 1 << 20 // levels that wait for more than their last element; a script's tables nest some thousand deep
	maxKeptDepth  = 1 << 10 // levels for which a scan keeps room from reply to reply
)

// What stands on a level of ReplyScan.Stack besides a count of elements still to come. The elements of an attribute are
// counted up from below zero: its end is not the end of an element.
const (
	streamed = math.MaxInt64 // or somewhat below: elements until a '.', counted down to no end
	chunks   = math.MinInt64 // pieces of a string until an empty one
)

// ScanReply implements codec.Replies. A push is framed like a reply; that it is none is told by its first byte.
//
// Where it is, between calls:
//
//	Skip > 0            inside a body or its CRLF
//	State == 0          before a type byte
//	State == t          in the line behind type byte t
//	State == t|sawCR    there, and the last byte was '\r'
//
//	type byte --line--> element done           + - : , ( # _, $-1, *-1, *0
//	                --> body --> element done  $ = !
//	                --> new level              * ~ % > |, and $? whose elements are the pieces behind ;
//	element done: one less to come on its level; the last one ends the level, which is itself an element (|: is not)
//
// Only what framing needs is checked: what a number or a bool may look like is between server and client.
//
// Source: Redis serialization protocol specification (RESP2, RESP3); "Streamed strings", "Streamed aggregated data types" of
// https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md.
func (*Protocol) ScanReply(s *codec.ReplyScan, buf []byte) (int, bool, error) {
	if len(s.Stack) == 0 && s.State == 0 && s.Skip == 0 {
		if end := wholeElement(buf, 0); end > 0 {
			s.First, s.Attr = buf[0], false
			return end, true, nil
		}
	}
	return scanReply(s, buf)
}

// wholeElement is the offset behind the element at pos if it is of one of the usual kinds and whole; else 0: another
// kind, not yet, or malformed.
func wholeElement(buf []byte, pos int) int {
	if pos >= len(buf) {
		return 0
	}
	kind := buf[pos]
	if kind == '$' { // most are
		n, body := bulkHeader(buf, pos)
		if body > 0 {
			if end := body + n + 2; bodyEnds(buf, end) {
				return end
			}
			return 0
		}
		if bytes.HasPrefix(buf[pos:], nullBulk) {
			return pos + len(nullBulk)
		}
		return 0
	}
	switch kind {
	case ':':
		if _, end := number(buf, pos+1); end > 0 {
			return end
		}
	case '+':
		if bytes.HasPrefix(buf[pos:], statusOK) {
			return pos + len(statusOK)
		}
	case '_':
		if end := pos + len(null3); bodyEnds(buf, end) {
			return end
		}
	}
	return 0
}

var (
	nullBulk = []byte("$-1\r\n")
	statusOK = []byte("+OK\r\n")
)

const (
	sawCR     = 0x80
	openEnded = -1 // ReplyScan.Num of a '?' in place of a length
)

func scanReply(s *codec.ReplyScan, buf []byte) (int, bool, error) {
	pos := 0
	for pos < len(buf) {
		if s.Skip > 0 {
			n, err := skipBody(s, buf[pos:])
			if err != nil {
				return 0, false, err
			}
			pos += n
			if s.Skip == 0 && elementDone(s) {
				return pos, true, nil
			}
			continue
		}
		if s.State == 0 {
			var ended bool
			if pos, ended = wholeElements(s, buf, pos); ended {
				if elementDone(s) {
					return pos, true, nil
				}
				continue
			}
			if end := wholeElement(buf, pos); end > 0 && !inChunks(s) {
				if len(s.Stack) == 0 {
					s.First = buf[pos]
				}
				pos = end
				if elementDone(s) {
					return pos, true, nil
				}
				continue
			}
			if pos == len(buf) {
				break
			}
			if next := beginArray(s, buf, pos); next > 0 {
				pos = next
				continue
			}
			if err := beginElement(s, buf[pos]); err != nil {
				return 0, false, err
			}
			pos++
			continue
		}
		n, done, err := scanLine(s, buf[pos:])
		if err != nil {
			return 0, false, err
		}
		pos += n
		if done && elementDone(s) {
			return pos, true, nil
		}
	}
	return pos, false, nil
}

// beginElement takes a type byte.
func beginElement(s *codec.ReplyScan, kind byte) error {
	depth := len(s.Stack)
	switch kind {
	case '+', '-', ':', '$', '*', '_', ',', '#', '!', '=', '(', '%', '~', '|':
		if inChunks(s) {
			return errReplyType
		}
	case '>':
		if depth > 0 || s.Attr {
			return errReplyPush
		}
	case ';':
		if !inChunks(s) {
			return errReplyType
		}
	case '.':
		if depth == 0 || s.Stack[depth-1] <= maxReplyCount*2 {
			return errReplyType
		}
	default:
		return errReplyType
	}
	if depth == 0 {
		s.First = kind
		s.Attr = s.Attr || kind == '|'
	}
	s.State, s.Neg, s.Num, s.Line = kind, false, 0, 0
	return nil
}

// inChunks says that pieces of a streamed string come next.
func inChunks(s *codec.ReplyScan) bool {
	return len(s.Stack) > 0 && s.Stack[len(s.Stack)-1] == chunks
}

// scanLine takes the bytes of buf that belong to the line being read; done: it was a whole element.
func scanLine(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	switch s.State &^ sawCR {
	case '$', '=', '!', '*', '~', '%', '>', '|', ';':
	default:
		return scanText(s, buf)
	}
	for n < len(buf) {
		c := buf[n]
		n++
		if s.State&sawCR != 0 {
			if c != '\n' {
				return 0, false, errReplyNumber
			}
			done, err = endNumber(s)
			return n, done, err
		}
		switch {
		case c == '\r' && s.Line > 0:
			s.State |= sawCR
		case c == '-' && s.Line == 0 && !s.Neg:
			s.Neg = true
		case c == '?' && s.Line == 0 && !s.Neg && mayStream(s.State):
			s.Num, s.Line = openEnded, 1
		case '0' <= c && c <= '9' && addDigit(s, c-'0'):
			s.Line++
		default:
			return 0, false, errReplyNumber
		}
	}
	return n, false, nil
}

// mayStream tells whether a length may be left open.
func mayStream(kind byte) bool { return kind == '$' || kind == '*' || kind == '~' || kind == '%' }

// addDigit makes d the last digit of s.Num; false: a leading zero, "-0", behind a '?', or beyond int64.
func addDigit(s *codec.ReplyScan, d byte) bool {
	if s.Line > 0 && s.Num == 0 || s.Line == 0 && s.Neg && d == 0 {
		return false
	}
	v := uint64(s.Num)*10 + uint64(d) // s.Num <= MaxInt64/10 is checked first, so it cannot wrap
	if s.Num > math.MaxInt64/10 || v > math.MaxInt64 {
		return false
	}
	s.Num = int64(v)
	return true
}

// endNumber looks at the number of a finished line; done: the line was a whole element.
func endNumber(s *codec.ReplyScan) (done bool, err error) {
	kind := s.State &^ sawCR
	s.State = 0
	if s.Neg {
		if s.Num == 1 && (kind == '$' || kind == '*') {
			return true, nil
		}
		return false, errReplyLength
	}
	n := s.Num
	if n == openEnded {
		if kind == '$' {
			return false, newLevel(s, chunks)
		}
		return false, newLevel(s, streamed)
	}
	switch kind {
	case '$', '=', '!', ';':
		if n > maxReplyBulk {
			return false, errReplyLength
		}
		if kind == ';' && n == 0 {
			s.Stack = s.Stack[:len(s.Stack)-1]
			return true, nil
		}
		s.Skip = n + 2
		return false, nil
	}
	if n > maxReplyCount {
		return false, errReplyLength
	}
	if kind == '%' || kind == '|' {
		n *= 2
	}
	if n == 0 {
		return kind != '|', nil
	}
	if kind == '|' {
		n = -n
	}
	return false, newLevel(s, n)
}

// newLevel begins a level with n on it. One that is the last element of its own level takes that level's place, since the
// two end together: a list of lists of lists ... of one element takes no room.
func newLevel(s *codec.ReplyScan, n int64) error {
	depth := len(s.Stack)
	switch {
	case depth > 0 && s.Stack[depth-1] == 1 && n != chunks && n > 0:
		s.Stack[depth-1] = n
	case depth == maxReplyDepth:
		return errReplyTooDeep
	default:
		s.Stack = append(s.Stack, n)
	}
	return nil
}

// elementDone counts an element that ended and the levels that end with it. True: the reply has ended.
func elementDone(s *codec.ReplyScan) bool {
	for n := len(s.Stack); n > 0; n-- {
		top := &s.Stack[n-1]
		if *top < 0 {
			if *top == chunks {
				return false // a piece; the empty one took the level away
			}
			if *top++; *top == 0 {
				s.Stack = s.Stack[:n-1]
			}
			return false
		}
		if *top--; *top > 0 {
			return false
		}
		s.Stack = s.Stack[:n-1]
	}
	s.Attr = false
	if cap(s.Stack) > maxKeptDepth {
		s.Stack = nil
	}
	return true
}

// scanText takes bytes of a line whose content does not matter. It ends at the first '\n', which must follow a '\r'.
func scanText(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	i := bytes.IndexByte(buf, '\n')
	if i < 0 {
		s.State &^= sawCR
		if buf[len(buf)-1] == '\r' {
			s.State |= sawCR
		}
		return len(buf), false, nil
	}
	cr := s.State&sawCR != 0
	if i > 0 {
		cr = buf[i-1] == '\r'
	}
	if !cr {
		return 0, false, errReplyLine
	}
	if s.State&^sawCR == '.' {
		s.Stack = s.Stack[:len(s.Stack)-1]
	}
	s.State = 0
	return i + 1, true, nil
}

// skipBody takes bytes of a body of which s.Skip, with its CRLF, are still to come.
func skipBody(s *codec.ReplyScan, buf []byte) (n int, err error) {
	if s.Skip > 2 {
		n = int(min(s.Skip-2, int64(len(buf))))
		s.Skip -= int64(n)
	}
	for ; n < len(buf) && s.Skip > 0; n++ {
		if buf[n] != "\n\r"[s.Skip-1] {
			return 0, errReplyBody
		}
		s.Skip--
	}
	return n, nil
}

// arrayAt is how many elements the array at the front of a frame has, and the offset of the first; malformed: it is none.
func arrayAt(frame []byte) (n, first int) {
	if len(frame) == 0 || frame[0] != '*' {
		return 0, malformed
	}
	return number(frame, 1)
}

// integer is a whole reply that is one.
func integer(reply []byte) (n int, ok bool) {
	if len(reply) < len(":0\r\n") || reply[0] != ':' || !bodyEnds(reply, len(reply)) {
		return 0, false
	}
	v, ok := parseInt(reply[1 : len(reply)-len(crlf)])
	return int(v), ok && v >= 0
}
