package memcached

import (
	"bytes"
	"encoding/binary"

	"cashew/codec"
)

// Limits of a reply.
const (
	maxReplyLine = 8 << 10 // memcached writes lines of 2 KiB at most
	maxReplySize = maxSize
)

// What ReplyScan.Depth says of the current reply; State says where in a line the scan is.
//
//	                     +------------------------------------+
//	                     v                                    |
//	lineStart --> inWord --> inText --> line ends --+--> values, stats: lineStart
//	                     --> inSize --> inText      +--> a line of its own: reply ends
//	                     --> inKey --> inFlags      +--> VALUE: data block (Skip) --> lineStart
//	                     --> inDigits               +--> VA:    data block (Skip) --> reply ends
//	                     --> inExact
const (
	alone   = iota // no more than this line, as far as is known
	values         // VALUE blocks up to END
	stating        // STAT, PREFIX or ITEM lines up to END
	sized          // VA: a line and a data block
)

const (
	lineStart uint8 = iota
	inWord          // first word: up to 16 bytes of it are in Word
	inExact         // behind a word that is all of its line
	inText          // anything up to the line's end
	inDigits        // a number is the line
	inSpaces        // behind that number
	inKey           // of VALUE
	inFlags         // of VALUE
	inSize          // of VALUE or VA: Num
	inCas           // of VALUE
)

// ScanReply implements codec.Replies. A line that is whole and of a usual kind is taken at once; any other goes through
// scanLine byte by byte, which can also stop and go on, and whose word is final.
//
// Source: memcached doc/protocol.txt; twemproxy 0.5.0 memcache_parse_rsp.
func (*Protocol) ScanReply(s *codec.ReplyScan, buf []byte) (int, bool, error) {
	if s.Marked {
		return scanBinary(s, buf)
	}
	pos := 0
	for pos < len(buf) {
		if s.Skip > 0 {
			n, err := skipBody(s, buf[pos:])
			if err != nil {
				return 0, false, err
			}
			pos += n
			if s.Skip == 0 && s.Depth == sized {
				s.Depth = alone
				return pos, true, nil
			}
			continue
		}
		if s.State == lineStart {
			if s.Depth == alone {
				s.First = buf[pos]
			}
			if n, done := wholeLine(s, buf[pos:]); n > 0 {
				if pos += n; done {
					s.Depth = alone
					return pos, true, nil
				}
				continue
			}
			s.State, s.Line, s.Num, s.Neg = inWord, 0, 0, false
			s.Word[0], s.Word[1] = 0, 0
		}
		n, done, err := scanLine(s, buf[pos:])
		if err != nil {
			return 0, false, err
		}
		if pos += n; done {
			s.Depth = alone
			return pos, true, nil
		}
	}
	return pos, false, nil
}

const (
	valueWord = "VALUE "
	replyEnd  = "END\r\n"
)

// wholeLine takes a line that begins at buf[0], and a data block behind it as far as it is there, if the line is whole
// and of one of the usual kinds; else n is 0.
func wholeLine(s *codec.ReplyScan, buf []byte) (n int, done bool) {
	if len(buf) < len("HD\r\n") {
		return 0, false
	}
	switch buf[0] {
	case 'V':
		if s.Depth > values {
			return 0, false
		}
		kind := values
		line, size := valueLine(buf)
		if line == 0 {
			if line, size = sizedLine(buf); line == 0 || s.Depth != alone {
				return 0, false
			}
			kind = sized
		}
		if end := line + size + 2; end <= len(buf) && buf[end-2] == '\r' && buf[end-1] == '\n' {
			if kind == sized {
				return end, true
			}
			if hasEnd(buf[end:]) {
				return end + len(replyEnd), true
			}
			s.Depth = values
			return end, false
		}
		if s.Depth = values; kind == sized {
			s.Depth = sized
		}
		s.Skip = int64(size) + 2
		return line, false
	case 'E':
		if hasEnd(buf) {
			return len(replyEnd), true
		}
		if string(buf[:4]) == "EN\r\n" && s.Depth == alone {
			return len("EN\r\n"), true
		}
	case 'S':
		const stored = "STORED\r\n"
		if len(buf) >= len(stored) && string(buf[:len(stored)]) == stored && s.Depth == alone {
			return len(stored), true
		}
	case 'H':
		if string(buf[:4]) == "HD\r\n" && s.Depth == alone {
			return len("HD\r\n"), true
		}
	}
	return 0, false
}

func hasEnd(buf []byte) bool {
	return len(buf) >= len(replyEnd) && string(buf[:len(replyEnd)]) == replyEnd
}

// valueLine reads the line of a VALUE block at the front of buf: its length with its CRLF, and the size of the data block
// behind it. 0: there is no whole one.
func valueLine(buf []byte) (line, size int) {
	if len(buf) < len(valueWord) || string(buf[:len(valueWord)]) != valueWord {
		return 0, 0
	}
	pos := spaceOr(buf, len(valueWord), '\n')
	if pos == len(valueWord) || pos == len(buf) || buf[pos] != ' ' {
		return 0, 0
	}
	pos++
	flags := pos
	for pos < len(buf) && buf[pos]-'0' <= 9 {
		pos++
	}
	if pos == flags || pos-flags > maxDigits || pos >= len(buf) || buf[pos] != ' ' {
		return 0, 0
	}
	pos++
	if size, pos = sizeAt(buf, pos); pos == 0 || pos == len(buf) {
		return 0, 0
	}
	if buf[pos] == ' ' {
		pos++
		cas := pos
		for pos < len(buf) && buf[pos]-'0' <= 9 {
			pos++
		}
		if pos == cas || pos-cas > maxDigits {
			return 0, 0
		}
	}
	if pos += 2; pos > min(len(buf), maxReplyLine) || buf[pos-2] != '\r' || buf[pos-1] != '\n' {
		return 0, 0
	}
	return pos, size
}

// sizeAt reads the size of a data block at pos and returns the offset behind it; 0: it is none.
func sizeAt(buf []byte, pos int) (size, next int) {
	from := pos
	for pos < len(buf) && buf[pos]-'0' <= 9 && size <= maxReplySize {
		size = size*10 + int(buf[pos]-'0')
		pos++
	}
	if pos == from || pos-from > maxDigits || size > maxReplySize {
		return 0, 0
	}
	return size, pos
}

// sizedLine is valueLine for VA, the line of a meta command's value.
func sizedLine(buf []byte) (line, size int) {
	const word = "VA "
	if len(buf) < len(word) || string(buf[:len(word)]) != word {
		return 0, 0
	}
	size, pos := sizeAt(buf, len(word))
	if pos == 0 || pos == len(buf) || buf[pos] != ' ' && buf[pos] != '\r' {
		return 0, 0
	}
	n := bytes.IndexByte(buf[pos:], '\n')
	line = pos + n + 1
	if n <= 0 || line > maxReplyLine || buf[line-2] != '\r' || buf[pos] == '\r' && n > 1 {
		return 0, 0
	}
	return line, size
}

// maxDigits of a number in a reply: 64 bits, and some spare.
const maxDigits = 24

// What the first word of a reply's line means.
const (
	wordUnknown = iota
	wordExact   // it is the whole line
	wordText    // the line goes on as it likes, or not
	wordError   // the same; and it ends a list
	wordEnd     // it ends a list, or is an empty one
	wordValue
	wordStat
	wordSized
)

// classify tells what w, the first word of a line, means.
func classify(w []byte) int {
	switch string(w) {
	case "STORED", "NOT_STORED", "EXISTS", "NOT_FOUND", "DELETED", "TOUCHED", "OK", "RESET":
		return wordExact
	case "HD", "NF", "NS", "EX", "EN", "MN", "ME", "VERSION",
		"BUSY", "BADCLASS", "NOSPARE", "NOTFULL", "UNSAFE", "SAME": // of slabs reassign
		return wordText
	case "ERROR", "CLIENT_ERROR", "SERVER_ERROR":
		return wordError
	case "END":
		return wordEnd
	case "VALUE":
		return wordValue
	case "STAT", "PREFIX", "ITEM": // of stats, stats detail dump, stats cachedump
		return wordStat
	case "VA":
		return wordSized
	default:
		return wordUnknown
	}
}

// scanLine takes the bytes of buf that belong to the current line; done: it was the reply's last.
func scanLine(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	for n < len(buf) {
		c := buf[n]
		n++
		if s.Line++; s.Line > maxReplyLine {
			return 0, false, errReplyLine
		}
		if c == '\n' {
			done, err = endLine(s)
			return n, done, err
		}
		cr := s.Neg
		s.Neg = c == '\r'
		switch s.State {
		case inWord:
			err = scanWord(s, c)
		case inExact:
			if cr || c != '\r' {
				err = errReplyLine
			}
		case inDigits, inSpaces:
			err = scanNumber(s, c, cr)
		case inKey:
			if c == ' ' {
				if s.Num == 0 {
					err = errReplyFields
				}
				s.State, s.Num = inFlags, 0
			} else {
				s.Num = 1 // it is not empty
			}
		case inFlags, inSize, inCas:
			err = scanField(s, c, cr)
		}
		if err != nil {
			return 0, false, err
		}
	}
	return n, false, nil
}

// scanWord takes a byte of a line's first word, or the one that ends it.
func scanWord(s *codec.ReplyScan, c byte) error {
	i := s.Line - 1
	if c-'0' <= 9 && i == 0 && s.Depth == alone {
		s.State = inDigits
		return nil
	}
	if c != ' ' && c != '\r' {
		if i >= 16 || (c < 'A' || c > 'Z') && c != '_' {
			return errReplyWord
		}
		s.Word[i/8] |= int64(uint64(c) << (i % 8 * 8))
		return nil
	}
	var w [16]byte
	binary.LittleEndian.PutUint64(w[:], uint64(s.Word[0]))
	binary.LittleEndian.PutUint64(w[8:], uint64(s.Word[1]))
	kind := classify(w[:min(i, 16)])
	if s.Depth == values && kind != wordValue || s.Depth == stating && kind != wordStat {
		if kind != wordError && kind != wordEnd {
			return errReplyWord
		}
		s.Depth = alone
	}
	more := c == ' '
	switch kind {
	case wordExact, wordEnd:
		s.State = inExact
		if more {
			return errReplyLine
		}
		return nil
	case wordText, wordError:
		s.State = inText
		return nil
	case wordValue:
		s.State, s.Depth = inKey, values
	case wordStat:
		s.State, s.Depth = inText, stating
	case wordSized:
		s.State, s.Depth = inSize, sized
	default:
		return errReplyWord
	}
	if !more {
		return errReplyFields
	}
	s.Word[0] = 0
	return nil
}

// scanNumber takes a byte of a line that is a number, perhaps with spaces behind it.
func scanNumber(s *codec.ReplyScan, c byte, cr bool) error {
	switch {
	case cr:
		return errReplyNumber
	case c == '\r':
		return nil
	case c == ' ':
		s.State = inSpaces
		return nil
	case c-'0' <= 9 && s.State == inDigits && s.Line <= maxDigits:
		return nil
	default:
		return errReplyNumber
	}
}

// scanField takes a byte of a field that is a number; Word[0] counts its digits.
func scanField(s *codec.ReplyScan, c byte, cr bool) error {
	switch {
	case cr:
		return errReplyNumber
	case c-'0' <= 9:
		if s.Word[0]++; s.Word[0] > maxDigits {
			return errReplyNumber
		}
		if s.State == inSize {
			if s.Num = s.Num*10 + int64(c-'0'); s.Num > maxReplySize {
				return errReplyNumber
			}
		}
		return nil
	case c != ' ' && c != '\r':
		return errReplyNumber
	case s.Word[0] == 0, c == '\r' && s.State == inFlags:
		return errReplyFields
	case c == '\r':
		return nil
	}
	s.Word[0] = 0
	switch {
	case s.State == inFlags:
		s.State = inSize
	case s.State == inSize && s.Depth == values:
		s.State = inCas
	case s.State == inSize:
		s.State = inText
	default:
		return errReplyFields
	}
	return nil
}

// endLine takes the LF of a line; done: the reply ends with it.
func endLine(s *codec.ReplyScan) (done bool, err error) {
	state := s.State
	s.State = lineStart
	if !s.Neg || state == inWord {
		return false, errReplyLine
	}
	switch s.Depth {
	case values:
		if state == inKey || state == inCas && s.Word[0] == 0 {
			return false, errReplyFields
		}
		s.Skip = s.Num + 2
		return false, nil
	case stating:
		return false, nil
	case sized:
		s.Skip = s.Num + 2
		return false, nil
	default:
		return true, nil
	}
}

// skipBody takes bytes of a data block of which s.Skip, with its CRLF, are still to come.
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
