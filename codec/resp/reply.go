package resp

import (
	"bytes"
	"math"

	"cashew/codec"
)

// Limits of a reply.
const (
	maxReplyLine  = 64 << 10
	maxReplyCount = math.MaxUint32
	maxReplyDepth = 127 // one less than ReplyScan.Stack has room for
)

// ScanReply implements codec.Protocol.
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
//	                --> new level              * ~ % |
//	element done: one less to come on its level; the last one ends the level, which is itself an element (|: is not)
//
// Source: Redis serialization protocol specification (RESP2, RESP3).
func (*Protocol) ScanReply(s *codec.ReplyScan, buf []byte) (int, bool, error) {
	if s.Depth == 0 && s.State == 0 && s.Skip == 0 {
		if end := wholeElement(buf, 0); end > 0 {
			s.First = buf[0]
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
	switch buf[pos] {
	case '$':
		n, body := bulkHeader(buf, pos)
		if body > 0 {
			if bodyEnds(buf, body+n) {
				return body + n + 2
			}
			return 0
		}
		if bytes.HasPrefix(buf[pos:], nullBulk) {
			return pos + len(nullBulk)
		}
	case ':':
		if _, end := number(buf, pos+1); end > 0 {
			return end
		}
	case '+':
		if bytes.HasPrefix(buf[pos:], statusOK) {
			return pos + len(statusOK)
		}
	}
	return 0
}

var (
	nullBulk = []byte("$-1\r\n")
	statusOK = []byte("+OK\r\n")
)

const sawCR = 0x80

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
			if end := wholeElement(buf, pos); end > 0 {
				if s.Depth == 0 {
					s.First = buf[pos]
				}
				pos = end
				if elementDone(s) {
					return pos, true, nil
				}
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
	switch kind {
	case '+', '-', ':', '$', '*', '_', ',', '#', '!', '=', '(', '%', '~', '|':
	case '>':
		return errReplyPush
	default:
		return errReplyType
	}
	if s.Depth == 0 {
		s.First = kind
	}
	s.State, s.Neg, s.Num, s.Line = kind, false, 0, 0
	return nil
}

// scanLine takes the bytes of buf that belong to the line being read; done: it was a whole element.
func scanLine(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	switch s.State &^ sawCR {
	case '+', '-', ',', '(':
		return scanText(s, buf)
	case '#', '_':
		return scanConstant(s, buf)
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
		case '0' <= c && c <= '9' && addDigit(s, c-'0'):
			s.Line++
		default:
			return 0, false, errReplyNumber
		}
	}
	return n, false, nil
}

// addDigit makes d the last digit of s.Num; false: a leading zero, "-0", or beyond int64.
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
	if kind == ':' {
		return true, nil
	}
	if s.Neg {
		if s.Num == 1 && (kind == '$' || kind == '*') {
			return true, nil
		}
		return false, errReplyLength
	}
	n := s.Num
	switch kind {
	case '$', '=', '!':
		if n > maxBulk {
			return false, errReplyLength
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
	if s.Depth == maxReplyDepth {
		return false, errReplyTooDeep
	}
	if kind == '|' {
		n = -n // counted up: the end of an attribute is not the end of an element
	}
	s.Stack[s.Depth] = n
	s.Depth++
	return false, nil
}

// elementDone counts an element that ended and the levels that end with it. True: the reply has ended.
func elementDone(s *codec.ReplyScan) bool {
	for s.Depth > 0 {
		top := &s.Stack[s.Depth-1]
		if *top < 0 {
			if *top++; *top == 0 {
				s.Depth--
			}
			return false
		}
		if *top--; *top > 0 {
			return false
		}
		s.Depth--
	}
	return true
}

// scanText takes bytes of a line whose content does not matter. It ends at the first '\n', which must follow a '\r'.
func scanText(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	i := bytes.IndexByte(buf[:min(len(buf), maxReplyLine+2)], '\n')
	if i < 0 {
		held := int(s.Line) + len(buf)
		if buf[len(buf)-1] == '\r' {
			s.State |= sawCR
			held--
		} else {
			s.State &^= sawCR
		}
		if held > maxReplyLine {
			return 0, false, errReplyLine
		}
		s.Line += int32(len(buf))
		return len(buf), false, nil
	}
	cr := s.State&sawCR != 0
	if i > 0 {
		cr = buf[i-1] == '\r'
	}
	if !cr || int(s.Line)+i-1 > maxReplyLine {
		return 0, false, errReplyLine
	}
	s.State = 0
	return i + 1, true, nil
}

// scanConstant takes bytes of "_\r\n", "#t\r\n" or "#f\r\n".
func scanConstant(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	for n < len(buf) {
		c := buf[n]
		n++
		switch {
		case s.State&sawCR != 0 && c == '\n':
			s.State = 0
			return n, true, nil
		case s.State == '#' && s.Line == 0 && (c == 't' || c == 'f'):
			s.Line = 1
		case c == '\r' && (s.State == '_' || s.State == '#' && s.Line == 1):
			s.State |= sawCR
		default:
			return 0, false, errReplyConstant
		}
	}
	return n, false, nil
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
