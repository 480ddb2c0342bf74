package memcached

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
)

// word is the next word of line at pos or behind it: line[from:to]; from == to: there is none.
func word(line []byte, pos int) (from, to int) {
	for pos < len(line) && line[pos] == ' ' {
		pos++
	}
	n := bytes.IndexByte(line[pos:], ' ')
	if n < 0 {
		return pos, len(line)
	}
	return pos, pos + n
}

// spaceOr is the place of the first space or c, a control byte, in b at pos or behind it; len(b) if there is none.
func spaceOr(b []byte, pos int, c byte) int {
	for pos = blank(b, pos); pos < len(b) && b[pos] != ' ' && b[pos] != c; {
		pos = blank(b, pos+1)
	}
	return pos
}

// blank is the place of the first byte of b at pos or behind it that is a space or a control byte; len(b) if there is none.
// It looks at eight bytes at once, which for a key costs less than a call of bytes.IndexByte.
func blank(b []byte, pos int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; pos+8 <= len(b); pos += 8 {
		w := binary.LittleEndian.Uint64(b[pos:])
		// The subtraction borrows into the top of each byte that is no greater than a space, and perhaps of those above
		// it; the lowest that is found is one.
		if hit := (w - (' '+1)*ones) & ^w & tops; hit != 0 {
			return pos + bits.TrailingZeros64(hit)/8
		}
	}
	for pos < len(b) && b[pos] > ' ' {
		pos++
	}
	return pos
}

// words cuts line into words, as many as fit into w; n counts them all, up to one more than fit.
func words(line []byte, w [][]byte) (n int) {
	for pos := 0; n <= len(w); n++ {
		from, to := word(line, pos)
		if from == to {
			break
		}
		if n < len(w) {
			w[n] = line[from:to]
		}
		pos = to
	}
	return n
}

// malformed is the offset behind a number that is none; behind any other there is less.
const malformed = math.MaxInt32

// digits reads the word at pos, which must be all digits and within 64 bits.
func digits(line []byte, pos int) (v uint64, next int) {
	next = pos
	for next < len(line) {
		d := uint64(line[next]) - '0'
		if d > 9 {
			break
		}
		if next-pos >= safeDigits && v > (math.MaxUint64-d)/10 {
			return 0, malformed
		}
		v = v*10 + d
		next++
	}
	if next == pos || next < len(line) && line[next] != ' ' {
		return 0, malformed
	}
	return v, next
}

// safeDigits are within 64 bits, whatever they are.
const safeDigits = 19
