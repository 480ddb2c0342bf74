package tlsconn

// framing follows the records of a stream by their headers, which are never encrypted: crypto/tls does not tell whether one is left
// in its buffer, and to ask it in vain costs an allocation. Source: RFC 8446, section 5.1.
type framing struct {
	head [recordHead]byte
	has  int // bytes of head
	left int // bytes of the record's body that have not come
}

const recordHead = 5

// scan takes the next bytes of the stream, and returns how many records end in them.
func (f *framing) scan(p []byte) (ended int) {
	for len(p) > 0 {
		if f.has < recordHead {
			n := copy(f.head[f.has:], p)
			p, f.has = p[n:], f.has+n
			if f.has < recordHead {
				return ended
			}
			f.left = int(f.head[3])<<8 | int(f.head[4])
		}
		n := min(f.left, len(p))
		p, f.left = p[n:], f.left-n
		if f.left == 0 {
			f.has = 0
			ended++
		}
	}
	return ended
}
