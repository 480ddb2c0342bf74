package resp

import (
	"bytes"
	"strconv"

	"cashew/codec"
)

// parseInline takes a line of words: an inline command. cmd.Frame is the same command as an array, in s.Scratch.
//
// Source: redis 7.0 networking.c, processInlineBuffer. Redis holds only an unfinished line to 64 KiB; here any line is,
// so that the answer does not depend on how it arrived.
func (p *Protocol) parseInline(cl *codec.Client, s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	if codec.IsTLS(buf) {
		s.Reset()
		return 0, errTLS
	}
	i := bytes.IndexByte(buf[s.Pos:], '\n')
	if i < 0 {
		if len(buf) > maxInline {
			s.Reset()
			return 0, errInline
		}
		s.Pos = len(buf)
		s.Need = len(buf) + 1
		return 0, nil
	}
	n := s.Pos + i + 1
	if n-1 > maxInline {
		s.Reset()
		return 0, errInline
	}
	line := buf[:n-1]
	if len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	frame, words, ok := appendArray(s.Scratch[:0], line)
	if !ok {
		s.Reset()
		return 0, errQuotes
	}
	if words == 0 {
		ignore(s, buf[:n], cmd)
		return n, nil
	}
	s.Scratch, s.Pos = frame, 0
	if _, err := p.parseInlineArray(cl, s, frame, cmd); err != nil {
		return 0, err
	}
	cmd.Typed = true
	// The server refuses a wrong number of words.
	refused := cmd.Kind == codec.Refuse || cmd.Kind == codec.Unknown || !commands[cmd.Op].takes(words)
	if refused && isPath(line, cmd) || (refused || words >= 3) && isHTTP(line, words, refused) {
		s.Reset()
		return 0, errHTTP
	}
	return n, nil
}

// parseInlineArray parses the rewritten command: it is whole, and Redis's limits for unauthenticated clients are not
// for inline commands.
func (p *Protocol) parseInlineArray(cl *codec.Client, s *codec.Scan, frame []byte, cmd *codec.Command) (int, error) {
	g := p.gate(cl)
	argc, pos := number(frame, 1)
	s.Pos, s.Left, s.Index, s.Op = pos, argc, 0, 0
	n, err := p.walk(s, frame, cmd, g&^needsLogin)
	if err == nil && g&needsLogin != 0 && !commands[cmd.Op].beforeAuth {
		refuse(cmd, refuseNoAuth)
		cmd.Key, cmd.Keys = nil, cmd.Keys[:0]
	}
	return n, err
}

// appendArray appends the words of line as an array of bulks. ok is false if quotes do not pair up.
func appendArray(dst, line []byte) (frame []byte, words int, ok bool) {
	// The count comes first, and is known last: leave room for the longest.
	const room = len("*65536\r\n")
	start := len(dst)
	dst = append(dst, make([]byte, room)...)
	for {
		line = bytes.TrimLeft(line, " \t\n\v\f\r")
		if len(line) == 0 {
			break
		}
		wordLen, end, valid := scanWord(nil, line)
		if !valid {
			return dst[:start], 0, false
		}
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(wordLen), 10)
		dst = append(dst, "\r\n"...)
		at := len(dst)
		dst = append(dst, line[:wordLen]...) // room; a word is never longer than its spelling
		scanWord(dst[at:at+wordLen], line)
		dst = append(dst, "\r\n"...)
		line = line[end:]
		words++
	}
	header := append(make([]byte, 0, room), '*')
	header = strconv.AppendInt(header, int64(words), 10)
	header = append(header, "\r\n"...)
	gap := room - len(header)
	copy(dst[start:], dst[start+gap:])
	copy(dst[start:], header)
	return dst[:len(dst)-gap], words, true
}

// scanWord reads the word at the front of line, which does not begin with a space, up to end; n is its length without
// quotes and escapes. The bytes go to word unless it is nil, in which case they are only counted.
//
// Source: redis 7.0 sds.c, sdssplitargs.
func scanWord(word, line []byte) (n, end int, ok bool) {
	w := spelling{word: word}
	i := 0
	for i < len(line) && !isSpace(line[i]) {
		if plain := unquoted(line[i:]); plain > 0 {
			w.plain(line[i : i+plain])
			i += plain
			continue
		}
		quoted := 0
		if line[i] == '"' {
			quoted = w.double(line[i+1:])
		} else {
			quoted = w.single(line[i+1:])
		}
		if i += 1 + quoted; quoted == 0 || i < len(line) && !isSpace(line[i]) {
			return 0, 0, false // a closing quote ends the word
		}
	}
	return w.n, i, true
}

// unquoted is how much of line stands before its first quote or space.
func unquoted(line []byte) int {
	for i, c := range line {
		if c == '"' || c == '\'' || isSpace(c) {
			return i
		}
	}
	return len(line)
}

// spelling is a word that is read as it was spelled. Its n bytes go to word, or are only counted if that is nil.
type spelling struct {
	word []byte
	n    int
}

// plain puts bytes that mean themselves.
func (w *spelling) plain(s []byte) {
	if w.word != nil {
		copy(w.word[w.n:], s)
	}
	w.n += len(s)
}

func (w *spelling) put(c byte) {
	if w.word != nil {
		w.word[w.n] = c
	}
	w.n++
}

// double reads what follows a double quote and returns how long it is, with the quote that closes it; 0: none does.
func (w *spelling) double(line []byte) (n int) {
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '"' {
			return i + 1
		}
		if c == '\\' && i+1 < len(line) {
			if line[i+1] == 'x' && i+3 < len(line) && isHex(line[i+2]) && isHex(line[i+3]) {
				w.put(hexDigit(line[i+2])<<4 | hexDigit(line[i+3]))
				i += 3
				continue
			}
			i++
			c = unescape(line[i])
		}
		w.put(c)
	}
	return 0
}

// single is double for a single quote, in which only that quote can be escaped.
func (w *spelling) single(line []byte) (n int) {
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '\'' {
			return i + 1
		}
		if c == '\\' && i+1 < len(line) && line[i+1] == '\'' {
			i++
			c = '\''
		}
		w.put(c)
	}
	return 0
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	default:
		return c
	}
}

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
