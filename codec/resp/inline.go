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
	// The server refuses a wrong number of words.
	refused := cmd.Kind == codec.Refuse || !commands[cmd.Op].takes(words)
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
	put := func(c byte) {
		if word != nil {
			word[n] = c
		}
		n++
	}
	i := 0
	for i < len(line) && !isSpace(line[i]) {
		switch line[i] {
		case '"':
			i++
			for {
				if i >= len(line) {
					return 0, 0, false
				}
				c := line[i]
				if c == '"' {
					break
				}
				if c == '\\' && i+1 < len(line) {
					if line[i+1] == 'x' && i+3 < len(line) && isHex(line[i+2]) && isHex(line[i+3]) {
						put(hexDigit(line[i+2])<<4 | hexDigit(line[i+3]))
						i += 4
						continue
					}
					i++
					c = unescape(line[i])
				}
				put(c)
				i++
			}
			i++
			if i < len(line) && !isSpace(line[i]) {
				return 0, 0, false // a closing quote ends the word
			}
		case '\'':
			i++
			for {
				if i >= len(line) {
					return 0, 0, false
				}
				c := line[i]
				if c == '\'' {
					break
				}
				if c == '\\' && i+1 < len(line) && line[i+1] == '\'' {
					i++
					c = '\''
				}
				put(c)
				i++
			}
			i++
			if i < len(line) && !isSpace(line[i]) {
				return 0, 0, false
			}
		default:
			put(line[i])
			i++
		}
	}
	return n, i, true
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
