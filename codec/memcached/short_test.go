package memcached

import (
	"strings"
	"testing"
)

// TestValueLine: the line before a value is read at once where it is whole and as servers write it; what is not goes the long way.
func TestValueLine(t *testing.T) {
	key := strings.Repeat("k", maxKey)
	for _, c := range []struct {
		read       func([]byte) (int, int)
		in         string
		line, size int
	}{
		{valueLine, "VALUE a 0 3\r\n", 13, 3},
		{valueLine, "VALUE a 0 3\r\nabc\r\nEND\r\n", 13, 3},
		{valueLine, "VALUE " + key + " 4294967295 0\r\n", 6 + maxKey + 11 + 4, 0},
		{valueLine, "VALUE abcdefgh 12 1024 18446744073709551615\r\nx", 45, 1024},
		{valueLine, "VALUE a 0 3\r", 0, 0},
		{valueLine, "VALUE a 0 3", 0, 0},
		{valueLine, "VALUE a 0 3\n", 0, 0},
		{valueLine, "VALUE a 0 3x\r\n", 0, 0},
		{valueLine, "VALUE a 0 3 \r\n", 0, 0},
		{valueLine, "VALUE a 0 3 x\r\n", 0, 0},
		{valueLine, "VALUE a 0  3\r\n", 0, 0},
		{valueLine, "VALUE a x 3\r\n", 0, 0},
		{valueLine, "VALUE  0 3\r\n", 0, 0},
		{valueLine, "VALUE a 0", 0, 0},
		{valueLine, "VALUE a ", 0, 0},
		{valueLine, "VALUE a", 0, 0},
		{valueLine, "VALUE ", 0, 0},
		{valueLine, "VALUE", 0, 0},
		{valueLine, "VALUES a 0 3\r\n", 0, 0},
		{valueLine, "STORED\r\n", 0, 0},
		{sizedLine, "VA 3\r\nabc\r\n", 6, 3},
		{sizedLine, "VA 1024 t30 c5\r\n", 16, 1024},
		{sizedLine, "VA 0 \r\n", 7, 0},
		{sizedLine, "VA 0 " + strings.Repeat("x", maxReplyLine-7) + "\r\n", maxReplyLine, 0},
		{sizedLine, "VA 0 " + strings.Repeat("x", maxReplyLine-6) + "\r\n", 0, 0},
		{sizedLine, "VA 3\r", 0, 0},
		{sizedLine, "VA 3", 0, 0},
		{sizedLine, "VA 3\n", 0, 0},
		{sizedLine, "VA 3 t\n", 0, 0},
		{sizedLine, "VA 3\rx\r\n", 0, 0},
		{sizedLine, "VA x\r\n", 0, 0},
		{sizedLine, "VA \r\n", 0, 0},
		{sizedLine, "VA", 0, 0},
		{sizedLine, "VAL\r\n", 0, 0},
	} {
		if line, size := c.read([]byte(c.in)); line != c.line || size != c.size {
			t.Errorf("%.40q: a line of %d, a value of %d; want %d, %d", c.in, line, size, c.line, c.size)
		}
	}
}
