package resp

// parseInt reads b as the decimal integer that Redis would print: digits without a leading zero, perhaps behind one
// '-', within int64; "-0" is none. Pure; does not allocate.
//
// Source: redis 7.0 util.c, string2ll.
func parseInt(b []byte) (v int64, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	if b[0] == '0' {
		return 0, len(b) == 1 && !neg
	}
	var u uint64 // 19 digits fit
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		u = u*10 + uint64(d)
	}
	if neg {
		return int64(-u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}
