package memcached

import (
	"strings"
	"testing"

	"cashew/codec"
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
		{valueLine, "VALUE a 0 000000000000000000000003\r\n", 36, 3},
		{valueLine, "VALUE a 0 0000000000000000000000003\r\n", 0, 0},
		{valueLine, "VALUE a 000000000000000000000003 1\r\n", 36, 1},
		{valueLine, "VALUE a 0000000000000000000000003 1\r\n", 0, 0},
		{valueLine, "VALUE a 0 1 000000000000000000000003\r\n", 38, 1},
		{valueLine, "VALUE a 0 1 0000000000000000000000003\r\n", 0, 0},
		{valueLine, "VALUE a 0 2147483645\r\n", 22, maxReplySize},
		{valueLine, "VALUE a 0 2147483646\r\n", 0, 0},
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

// TestWholeLine: what is usual goes the short way, and what follows a list's first line is known to belong to it.
func TestWholeLine(t *testing.T) {
	for _, c := range []struct {
		in    string
		depth int16 // before
		n     int
		done  bool
		after int16
		skip  int64
	}{
		{"HD\r\n", alone, 4, true, alone, 0},
		{"HD\r\nHD\r\n", alone, 4, true, alone, 0},
		{"HD\r", alone, 0, false, alone, 0},
		{"HD t1\r\n", alone, 0, false, alone, 0},
		{"HD\r\n", values, 0, false, values, 0},
		{"EN\r\n", alone, 4, true, alone, 0},
		{"EN\r\n", values, 0, false, values, 0},
		{"END\r\n", alone, 5, true, alone, 0},
		{"END\r\n", values, 5, true, values, 0},
		{"END\r", values, 0, false, values, 0},
		{"STORED\r\n", alone, 8, true, alone, 0},
		{"STORED\r\n", values, 0, false, values, 0},
		{"STORED\r", alone, 0, false, alone, 0},
		{"VALUE a 0 1\r\nx\r\nEND\r\n", alone, 21, true, alone, 0},
		{"VALUE a 0 1\r\nx\r\nEND\r\n", values, 21, true, values, 0},
		{"VALUE a 0 1\r\nx\r\nEND\r", alone, 16, false, values, 0},
		{"VALUE a 0 1\r\nx\r\n", alone, 16, false, values, 0},
		{"VALUE a 0 1\r\nx\r", alone, 13, false, values, 3},
		{"VALUE a 0 1\r\n", alone, 13, false, values, 3},
		{"VALUE a 0 1\r\nx\r\n", stating, 0, false, stating, 0},
		{"VA 1\r\nx\r\n", alone, 9, true, alone, 0},
		{"VA 1\r\nx\r", alone, 6, false, sized, 3},
		{"VA 1\r\nx\r\n", values, 0, false, values, 0},
		{"VERSION 1\r\n", alone, 0, false, alone, 0},
	} {
		s := codec.ReplyScan{Depth: c.depth}
		n, done := wholeLine(&s, []byte(c.in))
		if n != c.n || done != c.done || s.Depth != c.after || s.Skip != c.skip {
			t.Errorf("%q at depth %d: %d, %v, depth %d, skip %d; want %d, %v, %d, %d", c.in, c.depth, n, done, s.Depth, s.Skip, c.n,
				c.done, c.after, c.skip)
		}
	}
}
