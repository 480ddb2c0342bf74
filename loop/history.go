package loop

// history is what an Out keeps of what it has written: the buffers themselves, so that keeping costs no copy, until its owner releases
// them. Who has to send some of it again reads it with Bytes.
//
//	|------ written ------|------- queue -------|-- batch --|
//	from                  Taken                             Place
type history struct {
	keeps   bool
	written []chunk // whole, oldest first
	from    int     // the place of their first byte
	held    int     // their bytes
}

// Keep has o keep what it writes from now on, until Release. Call it while o is empty.
func (o *Out) Keep() { o.keeps = true }

// Keeps says that o keeps what it writes.
func (o *Out) Keeps() bool { return o.keeps }

// Held is how many bytes are kept.
func (o *Out) Held() int { return o.held }

// all are the bytes of c, written or not. An Out that keeps what it writes shares nothing: servers' connections keep, clients' share.
func (c *chunk) all() []byte {
	if c.bb != nil {
		return c.bb.B
	}
	return c.whole
}

// wrote keeps c, all of which is written.
func (o *Out) wrote(c *chunk) {
	o.written = append(o.written, *c)
	o.held += len(c.all())
	*c = chunk{}
}

// wroteBatch keeps the batch, all of which is written.
func (o *Out) wroteBatch() { o.wrote(&chunk{whole: o.batch}) }

// Release gives back what is kept of the bytes before place.
func (o *Out) Release(l *Loop, place int) {
	done := 0
	for done < len(o.written) {
		c := &o.written[done]
		n := len(c.all())
		if o.from+n > place {
			break
		}
		o.from += n
		o.held -= n
		l.putChunk(c)
		done++
	}
	if done == 0 {
		return
	}
	rest := copy(o.written, o.written[done:])
	clear(o.written[rest:])
	o.written = o.written[:rest]
}

// Bytes appends to dst the bytes of o from place on, so many, none of which has been released. o keeps what it writes.
func (o *Out) Bytes(dst []byte, place, n int) []byte {
	at := o.from
	take := func(p []byte) {
		if lo, hi := max(place-at, 0), min(place+n-at, len(p)); lo < hi {
			dst = append(dst, p[lo:hi]...)
		}
		at += len(p)
	}
	for i := range o.written {
		take(o.written[i].all())
	}
	for i := range o.queue {
		take(o.queue[i].all())
	}
	take(o.batch)
	return dst
}

// Leave takes all that o has, which is empty and closed then, for somebody who still reads it, and closes that.
func (o *Out) Leave() Out {
	if o.stalled {
		o.sock.Forget()
	}
	left := *o
	left.sock, left.keeper, left.stalled = nil, nil, false
	*o = o.emptied()
	left.begins = nil
	return left
}

// emptied is o without anything: what it is to do stays.
func (o *Out) emptied() Out {
	return Out{apart: apart{marks: o.marks, begins: o.begins[:0]}, history: history{keeps: o.keeps}}
}
