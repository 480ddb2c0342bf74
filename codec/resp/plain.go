package resp

import (
	"encoding/binary"

	"cashew/codec"
)

// What MGET is about: many strings in a row, keys or values. They are passed over in loops that call nothing. The strings of a command, or
// of a reply, are often of one length, so a header is first compared with the one before it, as a word: where the next string begins
// need not wait for a number to be read then.

// plainKeys appends to keys the arguments from pos on, most of them at most, as long as they are whole, shorter than 100 bytes, and keys has
// room.
func plainKeys(buf []byte, pos, most int, keys []codec.Key) (_ []codec.Key, next int) {
	mask, header, n, size := uint64(0), noHeader, 0, 0
	for i := len(keys); most > 0 && i < cap(keys) && uint(pos)+8 <= uint(len(buf)); i++ {
		w := binary.LittleEndian.Uint64(buf[pos : pos+8 : pos+8])
		if w&mask != header {
			if n, size = shortHeader(w); size == 0 {
				break
			}
			mask = headerMask(size)
			header = w & mask
		}
		body := pos + size
		end := body + n + len(crlf)
		if !crlfEnds(buf, end) {
			break
		}
		keys = keys[:i+1]
		keys[i] = codec.Key{Off: uint32(body), Len: uint32(n), Start: uint32(pos), End: uint32(end)}
		pos = end
		most--
	}
	return keys, pos
}

// wholeElements passes over elements from pos on that are of the usual kinds and whole. The last of its level is passed over only if it is a
// string, as they are, and then ended says that elementDone is still to be told of it.
func wholeElements(s *codec.ReplyScan, buf []byte, pos int) (end int, ended bool) {
	if len(s.Stack) == 0 {
		return pos, false
	}
	top := &s.Stack[len(s.Stack)-1]
	if *top > 0 && pos < len(buf) && buf[pos] == '$' {
		var passed int64
		pos, passed = plainBulks(buf, pos, *top)
		if *top -= passed; *top == 0 {
			*top = 1
			return pos, true
		}
	}
	for *top > 1 {
		end := wholeElement(buf, pos)
		if end == 0 {
			break
		}
		pos = end
		*top--
	}
	return pos, false
}

// beginArray is the offset behind the header of the array at pos, which it begins, if that is whole and the array not empty; else 0.
func beginArray(s *codec.ReplyScan, buf []byte, pos int) int {
	n, next := arrayAt(buf[pos:])
	depth := len(s.Stack)
	if next <= 0 || n == 0 || inChunks(s) || newLevel(s, int64(n)) != nil {
		return 0
	}
	if depth == 0 {
		s.First = '*'
	}
	return pos + next
}

// plainBulks passes over strings from pos on, most of them at most, as long as they are whole, and shorter than 10,000 bytes or null.
func plainBulks(buf []byte, pos int, most int64) (end int, passed int64) {
	mask, header, length := uint64(0), noHeader, 0
	for ; passed < most && uint(pos)+8 <= uint(len(buf)); passed++ {
		w := binary.LittleEndian.Uint64(buf[pos : pos+8 : pos+8])
		if w&mask != header {
			if n, size := shortHeader(w); size > 0 {
				mask, length = headerMask(size), size+n+len(crlf)
				header = w & mask
			} else if w&nullMask == nullWord {
				pos += len("$-1\r\n")
				continue
			} else if mask, header, length = anyHeader(buf, pos); length == 0 {
				break
			}
		}
		end = pos + length
		if !crlfEnds(buf, end) {
			break
		}
		pos = end
	}
	return pos, passed
}

// anyHeader is bulkHeader for the loops that compare headers: how long header and string are, and the header as it stands in the eight
// bytes at pos. A length of 0: it is not that of a string, not whole, or longer than that.
func anyHeader(buf []byte, pos int) (mask, header uint64, length int) {
	n, body := bulkHeader(buf, pos)
	size := body - pos
	if body <= 0 || size > maxHeader || len(buf)-pos < 8 {
		return 0, noHeader, 0
	}
	mask = headerMask(size)
	return mask, binary.LittleEndian.Uint64(buf[pos:]) & mask, size + n + len(crlf)
}

// shortHeader is what the header at the front of eight bytes says, and how long it is, if n has one digit or two; size is 0 if it has
// not. It is small enough to be inlined into the loops that pass over keys and elements.
func shortHeader(w uint64) (n, size int) {
	const one, two = '$' | '\r'<<16 | '\n'<<24, '$' | '\r'<<24 | '\n'<<32
	first, second := w>>8&0xff-'0', w>>16&0xff-'0'
	if w&0xff_ff_00_00_ff == two && first-1 < 9 && second <= 9 {
		return int(first*10 + second), len("$00\r\n")
	}
	if w&0xff_ff_00_ff == one && first <= 9 {
		return int(first), len("$0\r\n")
	}
	return 0, 0
}

const (
	noHeader  uint64 = 1 // what no eight bytes with a mask of 0 are
	maxHeader        = len("$0000\r\n")
)

// headerMask has the bytes of a header of that size, maxHeader at most, in eight bytes of which it is the front.
func headerMask(size int) uint64 { return 1<<(8*uint(size)&63) - 1 }

// crlfEnds is bodyEnds for an end that is behind two bytes of the same frame: it reads both at once.
func crlfEnds(buf []byte, end int) bool {
	return uint(end) <= uint(len(buf)) && binary.LittleEndian.Uint16(buf[end-2:end:end]) == '\r'|'\n'<<8
}

// nullWord is nullBulk as the low bytes of a little-endian word, which nullMask leaves.
const nullMask, nullWord = 1<<40 - 1, '$' | '-'<<8 | '1'<<16 | '\r'<<24 | '\n'<<32
