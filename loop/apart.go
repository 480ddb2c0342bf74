package loop

// apart is where in an Out commands begin, for a peer that has to get them in records of their own: see Apart.
type apart struct {
	marks  bool
	begins []int // places; those of commands of which not all has been taken, and perhaps the one before
	to     commandWriter
}

// commandWriter is a Socket that may have to know where commands begin.
type commandWriter interface {
	// WriteCommands is Writev, of commands that begin at these offsets of bufs; what is before the first is the rest of another.
	WriteCommands(bufs [][]byte, begins []int) (n int, err error)

	// Apart says that it has to be called in place of Write and Writev.
	Apart() bool
}

// MarkCommands has o note where commands begin, which Begin says. Call it while o is empty.
func (o *Out) MarkCommands() { o.marks = true }

// Begin says that what is appended next is a command.
func (o *Out) Begin() {
	if o.marks {
		o.begins = append(o.begins, o.Place())
	}
}

// useApart is use for where commands begin.
func (o *Out) useApart(s Socket) {
	o.to = nil
	if w, is := s.(commandWriter); is && w.Apart() {
		o.to = w
	}
}

// flushApart is Flush for a socket that has to know where commands begin.
func (o *Out) flushApart(l *Loop, w Writer) {
	o.cut()
	for len(o.queue) > 0 {
		l.iov = l.iov[:0]
		for i := 0; i < len(o.queue) && i < maxIovecs; i++ {
			l.iov = append(l.iov, o.queue[i].rest)
		}
		want := total(l.iov)
		l.offsets = l.offsets[:0]
		for _, place := range o.begins {
			if at := place - o.taken; at >= 0 && at < want {
				l.offsets = append(l.offsets, at)
			}
		}
		n, err := o.to.WriteCommands(l.iov, l.offsets)
		clear(l.iov)
		if err != nil {
			o.err = err
			return
		}
		o.advance(l, n)
		o.dropBegins()
		if n < want {
			o.stall(l, w)
			return
		}
	}
	o.kept(l, w)
}

// dropBegins forgets where commands began all of which is taken.
func (o *Out) dropBegins() {
	done := 0
	for done < len(o.begins) && o.begins[done] < o.taken {
		done++
	}
	o.begins = o.begins[:copy(o.begins, o.begins[done:])]
}

func total(bufs [][]byte) (n int) {
	for _, b := range bufs {
		n += len(b)
	}
	return n
}
