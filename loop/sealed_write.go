package loop

import "cmp"

// What a Handler writes to a connection that speaks TLS: see sealed.go.

// Push implements tlsconn.Wire: it never fails, for that would end crypto/tls's side for good.
func (y *sealed) Push(p []byte) {
	if y.direct && y.unsent == nil && y.writeErr == nil {
		n, err := y.Socket.Write(p)
		y.writeErr = err
		p = p[n:]
	}
	if len(p) == 0 || y.writeErr != nil {
		return
	}
	if y.unsent == nil {
		y.unsent = y.l.GetBuffer()
	}
	y.l.Grow(y.unsent, len(p), 0)
	y.unsent.B = append(y.unsent.B, p...)
}

// send writes what is unsent, as far as the kernel takes it, and sees to it that the rest follows.
func (y *sealed) send() {
	if bb := y.unsent; bb != nil && y.writeErr == nil {
		n, err := y.Socket.Write(bb.B)
		y.writeErr = err
		y.mine = max(0, y.mine-n)
		bb.B = bb.B[:copy(bb.B, bb.B[n:])]
	}
	if y.unsent != nil && (len(y.unsent.B) == 0 || y.writeErr != nil) {
		y.l.PutBuffer(y.unsent)
		y.unsent = nil
	}
	if y.unsent == nil {
		y.written, y.mine = 0, 0
	} else {
		_ = y.watch()
	}
}

// Write implements Socket. While something is unsent it takes nothing.
func (y *sealed) Write(p []byte) (n int, err error) {
	for n < len(p) && y.unsent == nil {
		k := min(len(p)-n, sealedBytes)
		if err := y.seal(p[n : n+k]); err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

// seal takes all of p, sealedBytes at most, which are unsent where the kernel does not take them.
func (y *sealed) seal(p []byte) error {
	if y.writeErr != nil {
		return y.writeErr
	}
	y.written = len(p)
	y.direct = len(p) <= recordBytes // one record is not copied once more
	_, err := y.conn.Write(p)
	y.direct = false
	if y.unsent != nil {
		y.mine = len(y.unsent.B)
	}
	y.send()
	if y.writeErr != nil {
		return y.writeErr
	}
	return err
}

// Writev implements Socket. Small pieces are joined, so that they share a record.
func (y *sealed) Writev(bufs [][]byte) (n int, err error) {
	for i := 0; i < len(bufs) && y.unsent == nil; {
		p := bufs[i]
		if i++; i < len(bufs) && len(p) < recordBytes {
			p = append(y.l.sealRoom(), p...)
			for i < len(bufs) && len(p)+len(bufs[i]) <= sealedBytes {
				p = append(p, bufs[i]...)
				i++
			}
		}
		k, err := y.Write(p)
		if n += k; k < len(p) || err != nil {
			return n, err
		}
	}
	return n, nil
}

// Unsent implements Keeper, in bytes that the Handler wrote. It may be less than it is, for a record that has left in part, but not
// more: what is not unsent may have reached the peer.
func (y *sealed) Unsent() int {
	n := y.mine
	if n == 0 {
		return 0
	}
	n -= (n + recordBytes - 1) / recordBytes * cmp.Or(y.overhead, mostSeal)
	return max(1, min(n, y.written))
}

// Await implements Socket: ready is called once nothing is unsent, or the socket is broken.
func (y *sealed) Await(ready func()) error {
	y.ready = ready
	return y.watch()
}

// watch has sent called when the socket below takes bytes.
func (y *sealed) watch() error {
	if y.awaiting {
		return nil
	}
	y.awaiting = true
	err := y.Socket.Await(func() { y.l.Execute(y.sent) })
	if err != nil {
		y.awaiting = false
		y.writeErr = err
	}
	return err
}

// sent goes on with what is unsent.
func (y *sealed) sent() {
	if y.gone || !y.awaiting {
		return
	}
	y.awaiting = false
	if y.send(); y.unsent != nil {
		return
	}
	if y.shut && y.writeErr == nil {
		y.writeErr = y.CloseWrite()
	}
	if ready := y.ready; ready != nil {
		y.ready = nil
		ready()
	}
}

// Forget implements Socket. What is unsent leaves all the same.
func (y *sealed) Forget() {
	if y.ready = nil; y.awaiting && y.unsent == nil {
		y.awaiting = false
		y.Socket.Forget()
	}
}

// CloseWrite implements Socket: TLS's good-bye, and then TCP's.
func (y *sealed) CloseWrite() error {
	y.goodBye()
	if y.send(); y.writeErr != nil {
		return y.writeErr
	}
	if y.shut = y.unsent != nil; y.shut {
		return nil // sent comes back
	}
	return y.Socket.CloseWrite()
}

// goodBye writes close_notify, unless something is in its way.
func (y *sealed) goodBye() {
	if y.unsent == nil && y.writeErr == nil {
		y.direct = true
		_ = y.conn.CloseWrite() // that it was said before is no harm
		y.direct = false
	}
}

// sealRoom is an empty buffer of l for what is about to be sealed.
func (l *Loop) sealRoom() []byte {
	if l.joined == nil {
		l.joined = make([]byte, 0, sealedBytes)
	}
	return l.joined
}
