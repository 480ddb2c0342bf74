package loop

import (
	"math"

	"github.com/valyala/bytebufferpool"
)

// Out is all that one connection still has to write: a batch that callbacks append to, behind a queue of what the kernel
// did not take at once. It writes to the socket itself, not through a gnet.Conn, which would buffer without limit and
// never say when the peer has caught up. An Out belongs to one Loop; the zero value is empty and closed.
//
//	Append --> batch --Flush--> write(2) --all taken--> empty
//	                               '--short--> queue, stalled --Watcher: writable--> Flush
type Out struct {
	sock    Socket
	keeper  Keeper  // sock, if that keeps bytes; else nil
	batch   []byte  // from Loop.batches while not nil
	queue   []chunk // older than batch, oldest first; empty unless the kernel, a large value or a message was in the way
	pending int     // bytes in queue and batch
	shared  int     // of those, the ones that others have to write, too
	taken   int     // bytes that the socket took, ever
	unsent  int     // of those, the ones that a keeper still had when it was last asked
	stalled bool    // the kernel's buffer is full; the Watcher will call
	since   int64   // Loop.Now when it last filled
	err     error   // of the first failed write; nothing is written after it
	apart
	history // see Keep
}

// chunk is one element of an Out's queue. rest points into whole, into bb, or into what is shared: that is given back once it is written.
type chunk struct {
	rest   []byte
	whole  []byte
	bb     *bytebufferpool.ByteBuffer
	shared *Shared
}

func (l *Loop) putChunk(c *chunk) {
	switch {
	case c.shared != nil:
		c.shared.Release(l)
	case c.bb != nil:
		l.PutBuffer(c.bb)
	default:
		l.batches.put(c.whole)
	}
	*c = chunk{}
}

const (
	// maxBatchBytes bounds a batch, so that growing one never copies much; a longer one continues in the queue.
	maxBatchBytes = 64 << 10
	// handOverBytes is from where a buffer is queued as it is instead of being copied into a batch.
	handOverBytes = 16 << 10
	// batchRoom is what Batch has room for: a short reply, or what stands before the keys of a command.
	batchRoom = 256
	// maxIovecs of one writev(2).
	maxIovecs = 64
)

// Open starts writing to s. Bytes appended before are kept and go first.
func (o *Out) Open(s Socket) {
	o.stalled, o.err = false, nil
	o.use(s)
}

func (o *Out) use(s Socket) {
	o.sock = s
	o.keeper, _ = s.(Keeper)
	o.useApart(s)
}

// Pending is how many bytes wait to be written.
func (o *Out) Pending() int { return o.pending + o.unsent }

// Own is Pending less what is shared with others.
func (o *Out) Own() int { return o.pending + o.unsent - o.shared }

// Place is that of the next byte to be appended: Taken plus Pending. A request that begins at an earlier place than Taken has
// reached the wire.
func (o *Out) Place() int { return o.taken + o.pending }

// Taken is how many bytes the kernel took since the Out was empty and closed.
func (o *Out) Taken() int { return o.taken - o.unsent }

// Stalled says since when, as Loop.Now, the kernel has taken no bytes. ok is false if it does take them.
func (o *Out) Stalled() (since int64, ok bool) { return o.since, o.stalled }

// Err is the error of the first failed write, or nil. The owner closes the connection; Out never does.
func (o *Out) Err() error { return o.err }

// Append copies p behind what waits to be written.
func (o *Out) Append(l *Loop, p []byte) {
	l.Copies.Add(len(p))
	if n := len(o.batch); len(p) <= cap(o.batch)-n && n < maxBatchBytes && len(p) < handOverBytes {
		o.batch = o.batch[:n+len(p)]
		copy(o.batch[n:], p)
		o.pending += len(p)
		return
	}
	if len(p) >= handOverBytes {
		bb := l.GetBuffer()
		l.Grow(bb, len(p), 0)
		bb.B = append(bb.B, p...)
		o.Hand(l, bb, len(p))
		return
	}
	o.SetBatch(append(o.Room(l, len(p)), p...))
}

// Batch returns the batch for the caller to append to, who then must call SetBatch with the result at once.
func (o *Out) Batch(l *Loop) []byte { return o.Room(l, batchRoom) }

// Room is Batch for a caller who will append about n bytes.
func (o *Out) Room(l *Loop, n int) []byte {
	if len(o.batch) >= maxBatchBytes {
		o.cut()
	}
	switch {
	case o.batch == nil:
		o.batch = l.batches.get(n)
	case len(o.batch)+n > cap(o.batch):
		l.Copies.Add(len(o.batch))
		o.batch = l.batches.grow(o.batch, n)
	}
	return o.batch
}

// SetBatch stores what Batch returned, appended to.
func (o *Out) SetBatch(b []byte) {
	o.pending += len(b) - len(o.batch)
	o.batch = b
}

// cut moves the batch to the end of the queue.
func (o *Out) cut() {
	if len(o.batch) > 0 {
		o.queue = append(o.queue, chunk{rest: o.batch, whole: o.batch})
		o.batch = nil
	}
}

// Hand queues the first n bytes of bb without copying them unless they are few. bb is the Out's from then on.
func (o *Out) Hand(l *Loop, bb *bytebufferpool.ByteBuffer, n int) {
	switch {
	case n == 0:
		l.PutBuffer(bb)
		return
	case n < handOverBytes:
		o.Append(l, bb.B[:n])
		l.PutBuffer(bb)
		return
	}
	o.cut()
	bb.B = bb.B[:n]
	o.queue = append(o.queue, chunk{rest: bb.B, bb: bb})
	o.pending += n
}

// Share queues the bytes of m, which others have to write, too, without copying them.
func (o *Out) Share(m *Shared) {
	o.cut()
	m.refs++
	o.queue = append(o.queue, chunk{rest: m.bb.B, shared: m})
	o.pending += len(m.bb.B)
	o.shared += len(m.bb.B)
}

// Through writes what waits and p with one system call, now, and copies only what the kernel does not take: for bytes of
// a large value, which must not be copied on their way and leave best while they are in the processor's cache.
func (o *Out) Through(l *Loop, p []byte, w Writer) {
	if len(o.queue) >= maxIovecs-1 {
		o.Flush(l, w)
	}
	if o.stalled || o.err != nil || o.sock == nil {
		o.Append(l, p)
		return
	}
	if o.to != nil || o.keeps {
		o.Append(l, p)
		o.Flush(l, w)
		return
	}
	o.cut()
	l.iov = l.iov[:0]
	for i := range o.queue {
		l.iov = append(l.iov, o.queue[i].rest)
	}
	if len(p) > 0 {
		l.iov = append(l.iov, p)
	}
	if len(l.iov) == 0 {
		return
	}
	n, err := o.sock.Writev(l.iov)
	clear(l.iov)
	if err != nil {
		o.err = err
		return
	}
	older := min(n, o.pending)
	o.advance(l, older)
	o.taken += n - older
	if rest := p[n-older:]; len(rest) > 0 {
		o.Append(l, rest)
	}
	if o.pending > 0 {
		o.stall(l, w)
	} else {
		o.kept(l, w)
	}
}

// Flush writes as much as the kernel takes. After a short write the Watcher calls w.Writable on the loop when it is worth
// trying again; until then Flush does nothing.
func (o *Out) Flush(l *Loop, w Writer) {
	if o.pending == 0 || o.stalled || o.err != nil || o.sock == nil {
		if o.unsent > 0 && !o.stalled {
			o.unsent = o.keeper.Unsent()
		}
		return
	}
	if len(o.queue) > 0 || o.to != nil {
		o.flushQueue(l, w)
		return
	}
	n, err := o.sock.Write(o.batch)
	if err != nil {
		o.err = err
		return
	}
	o.pending -= n
	o.taken += n
	if n < len(o.batch) {
		o.queue = append(o.queue, chunk{rest: o.batch[n:], whole: o.batch})
		o.batch = nil
		o.stall(l, w)
		return
	}
	if o.keeps {
		o.wroteBatch()
	} else {
		l.batches.put(o.batch)
	}
	o.batch = nil
	o.kept(l, w)
}

func (o *Out) flushQueue(l *Loop, w Writer) {
	if o.to != nil {
		o.flushApart(l, w)
		return
	}
	o.cut()
	for len(o.queue) > 0 {
		l.iov = l.iov[:0]
		want := 0
		for i := range o.queue {
			if len(l.iov) == maxIovecs {
				break
			}
			l.iov = append(l.iov, o.queue[i].rest)
			want += len(o.queue[i].rest)
		}
		n, err := o.sock.Writev(l.iov)
		clear(l.iov) // or it would keep what is written alive
		if err != nil {
			o.err = err
			return
		}
		o.advance(l, n)
		if n < want {
			o.stall(l, w)
			return
		}
	}
	o.kept(l, w)
}

// advance drops n written bytes from the front of the queue.
func (o *Out) advance(l *Loop, n int) {
	o.pending -= n
	o.taken += n
	done := 0
	for n > 0 {
		c := &o.queue[done]
		if c.shared != nil {
			o.shared -= min(n, len(c.rest))
		}
		if n < len(c.rest) {
			c.rest = c.rest[n:]
			break
		}
		n -= len(c.rest)
		if o.keeps {
			o.wrote(c)
		} else {
			l.putChunk(c)
		}
		done++
	}
	rest := copy(o.queue, o.queue[done:])
	clear(o.queue[rest:])
	o.queue = o.queue[:rest]
	if rest == 0 && cap(o.queue) > maxIovecs {
		o.queue = nil
	}
}

// kept stalls o if its socket has taken all and still has some of it, as a full kernel's buffer would.
func (o *Out) kept(l *Loop, w Writer) {
	if o.keeper == nil {
		return
	}
	if o.unsent = o.keeper.Unsent(); o.unsent > 0 {
		o.stall(l, w)
	}
}

// stall has w.Writable called on the loop once the socket takes bytes again.
func (o *Out) stall(l *Loop, w Writer) {
	o.stalled, o.since = true, l.Now
	o.await(l, w)
}

func (o *Out) await(l *Loop, w Writer) {
	if o.keeper != nil {
		o.unsent = o.keeper.Unsent()
	}
	sock := o.sock
	err := sock.Await(func() {
		l.Execute(func() {
			if o.sock == sock && o.stalled { // else it was closed, or closed and opened anew
				o.stalled = false
				w.Writable()
			}
		})
	})
	if err != nil {
		o.err = err
	}
}

// Read takes what has come from the peer, past gnet, into p.
func (o *Out) Read(p []byte) (int, error) { return o.sock.Read(p) }

// CloseWrite tells the peer that no more will come. Pending must be 0.
func (o *Out) CloseWrite() error { return o.sock.CloseWrite() }

// Move goes on writing to s, which is another descriptor of the same connection.
func (o *Out) Move(l *Loop, s Socket, w Writer) {
	if o.stalled {
		o.sock.Forget()
	}
	o.use(s)
	if o.stalled {
		o.await(l, w)
	}
}

// Close forgets the socket and gives all buffers back. It does not close the socket, which is its owner's.
func (o *Out) Close(l *Loop) {
	if o.stalled {
		o.sock.Forget()
	}
	for i := range o.queue {
		l.putChunk(&o.queue[i])
	}
	if o.batch != nil {
		l.batches.put(o.batch)
	}
	o.Release(l, math.MaxInt)
	*o = o.emptied()
}

// Writer is the owner of an Out: a session or a Conn.
type Writer interface {
	// Writable says that a stalled socket takes bytes again. It runs on the loop.
	Writable()
}
