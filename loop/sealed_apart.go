package loop

import "slices"

// Some servers read a record into a buffer of their own, and leave what is behind a value in the library that opens records, which the
// kernel does not tell them of: they wait for ever, with a command that they have. memcached 1.6 does. Such a server gets records that
// end where commands end:
//
//	whole commands that fit in one record      share it
//	a longer command                           has its records to itself
//	the rest of one, once there was no room    likewise
//
// Source: memcached 1.6.18 memcached.c, try_read_network and conn_nread; SSL_pending(3).

// Apart implements commandWriter.
func (y *sealed) Apart() bool { return y.conn.Apart }

// WriteCommands implements commandWriter.
func (y *sealed) WriteCommands(bufs [][]byte, begins []int) (n int, err error) {
	for want := total(bufs); n < want && y.unsent == nil; {
		if y.writeErr != nil {
			return n, y.writeErr
		}
		taken := 0
		for n+taken < want && taken < sealedBytes {
			at := n + taken
			p := gatherBytes(y.l.sealRoom(), bufs, at, min(recordsEnd(begins, at, want), at+sealedBytes))
			if _, err := y.conn.Write(p); err != nil {
				return n, err
			}
			taken += len(p)
		}
		y.written = taken
		if y.unsent != nil {
			y.mine = len(y.unsent.B)
		}
		if y.send(); y.writeErr != nil {
			return n, y.writeErr
		}
		n += taken
	}
	return n, nil
}

// recordsEnd is the end of what may share records with what is at an offset, of want bytes with commands that begin there.
func recordsEnd(begins []int, at, want int) (end int) {
	boundary := func(i int) int {
		if i < len(begins) {
			return begins[i]
		}
		return want
	}
	i, whole := slices.BinarySearch(begins, at)
	if !whole {
		return boundary(i) // the rest of a command
	}
	for i++; i < len(begins) && boundary(i+1)-at <= recordBytes; i++ {
	}
	return boundary(i)
}

// gatherBytes appends the bytes of bufs from an offset to another to dst.
func gatherBytes(dst []byte, bufs [][]byte, from, to int) []byte {
	at := 0
	for _, b := range bufs {
		if lo, hi := max(from-at, 0), min(to-at, len(b)); lo < hi {
			dst = append(dst, b[lo:hi]...)
		}
		at += len(b)
	}
	return dst
}
