package memcached

import (
	"bytes"
	"math"
	"strconv"

	"cashew/codec"
)

// memcached reads numbers as C's strtol and strtoul do, which take more than digits: white space and a sign before them,
// zeros, white space and anything behind them, and 64 bits of which 32 are used. Clients rely on it: libmemcached sends an
// exptime of -1 as 4294967295. Whether a storage line is well-formed decides whether a data block follows, so all of the
// servers, and the proxy, must think the same of it. Such a line is odd: its numbers are read as memcached 1.6.18 reads
// them, and go out as plain digits, which take no more room, with spaces for the rest:
//
//	set k 0 4294967295 +1   -->   set k 0 -1         1
//	set k 0 4294967296 01   -->   set k 0 0          1
//
// Only flags keep more than 32 bits, since a memcached with large client flags stores them; any other on a machine of 64
// bits stores the lower half.
//
// Source: memcached 1.6 util.c, safe_strtol, safe_strtoul, safe_strtoull; proto_text.c, process_update_command.

// oddLine is Key.Start, and 0 its End, of a storage command whose line is odd: finish has it rewritten. No q flag is there.
const oddLine = 1

// parseOdd is parseStore for all lines that are not plain.
func (p *Protocol) parseOdd(s *codec.Scan, b, line []byte, cmd *codec.Command) bool {
	var w [7][]byte
	n, least := words(line, w[:]), 5
	if cmd.Op == opCas {
		least = 6
	}
	switch {
	case isRequest(line):
		refuse(cmd, hangUp, false)
		return false
	case n != least && n != least+1:
		refuse(cmd, refuseUnknown, false)
		return true
	case len(w[1]) > maxKey, bytes.IndexByte(line, 0) >= 0, !isUnsigned(w[2]), !isSigned(w[3]), !isSize(w[4]),
		least == 6 && !isUnsigned(w[5]):
		refuse(cmd, refuseFormat, string(w[n-1]) == "noreply")
		skipSize(s, w[4])
		return true
	}
	from, to := word(line, len(commands[cmd.Op].name))
	key := codec.Key{Off: uint32(from), Len: uint32(to - from), Start: oddLine}
	size, _ := signed(w[4])
	return p.store(s, b, key, int(size), string(w[n-1]) == "noreply", cmd)
}

// rewrite makes the numbers of an odd line plain, and takes the q flag out of it.
func rewrite(cmd *codec.Command) {
	var w [6][]byte
	line := bytes.TrimSuffix(cmd.Frame[:bytes.IndexByte(cmd.Frame, '\n')], []byte{'\r'})
	words(line, w[:])
	if cmd.Op == opMetaSet {
		writeSigned(w[2])
		_, pos := word(line, len("ms"))
		_, pos = word(line, pos)
		if from, to, quiets, _, _ := metaFlags(line, pos, 0); quiets > 0 {
			unquiet(cmd, from, to)
		}
		return
	}
	writeUnsigned(w[2])
	writeSigned(w[3])
	writeSigned(w[4])
	if cmd.Op == opCas {
		writeUnsigned(w[5])
	}
}

// skipSize skips a data block whose size w says, if it says one. memcached 1.6.18 reads it as commands.
func skipSize(s *codec.Scan, w []byte) {
	if isSize(w) {
		size, _ := signed(w)
		skip(s, int(size))
	}
}

// isSize tells whether w says how long a data block is.
func isSize(w []byte) bool {
	size, ok := signed(w)
	return ok && 0 <= size && size <= maxSize
}

// signed reads w as safe_strtol does: 64 bits, of which the lower 32 count.
func signed(w []byte) (v int32, ok bool) {
	u, neg, ok := magnitude(w)
	if neg {
		return int32(-u), ok && u <= 1<<63
	}
	return int32(u), ok && u <= math.MaxInt64
}

func isSigned(w []byte) bool {
	_, ok := signed(w)
	return ok
}

// unsigned reads w as safe_strtoull does. A negative number is none, unless it wraps to one.
func unsigned(w []byte) (v uint64, ok bool) {
	v, neg, ok := magnitude(w)
	if neg {
		v = -v
		ok = ok && v <= math.MaxInt64
	}
	return v, ok
}

func isUnsigned(w []byte) bool {
	_, ok := unsigned(w)
	return ok
}

// magnitude reads w, a word without spaces, as C's strtoull does, but for the sign, which it tells.
func magnitude(w []byte) (v uint64, neg, ok bool) {
	for len(w) > 0 && isSpace(w[0]) {
		w = w[1:]
	}
	if len(w) > 0 && (w[0] == '-' || w[0] == '+') {
		neg = w[0] == '-'
		w = w[1:]
	}
	n := 0
	for ; n < len(w) && w[n]-'0' <= 9; n++ {
		d := uint64(w[n] - '0')
		if v > (math.MaxUint64-d)/10 {
			return 0, neg, false
		}
		v = v*10 + d
	}
	return v, neg, n > 0 && (n == len(w) || isSpace(w[n]))
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// writeSigned puts the number that w is in its place. All that are negative mean the same: they were over long ago.
func writeSigned(w []byte) {
	v, _ := signed(w)
	writeNumber(w, strconv.AppendInt(make([]byte, 0, 20), int64(max(v, -1)), 10))
}

func writeUnsigned(w []byte) {
	v, _ := unsigned(w)
	writeNumber(w, strconv.AppendUint(make([]byte, 0, 20), v, 10))
}

// writeNumber writes number into w and spaces behind it.
func writeNumber(w, number []byte) {
	for n := copy(w, number); n < len(w); n++ {
		w[n] = ' '
	}
}
