//go:build invariants

package loop

import (
	"fmt"
	"unsafe"
)

// Claims are what the owners on one loop say that they have, each buffer and each socket once, and what the loop is to flush. The
// first that is not as it must be stands in Err.
type Claims struct {
	Err error

	loop    *Loop
	owners  map[any]any     // of buffers, by place, and of sockets
	shared  map[*Shared]int // by how many it is held
	flushes [3]map[any]int
}

// Claims begins to look at l, of which no callback runs: with the buffers that nobody has, and with what it holds itself.
func (l *Loop) Claims() *Claims {
	c := &Claims{loop: l, owners: make(map[any]any), shared: make(map[*Shared]int)}
	for i := range c.flushes {
		c.flushes[i] = make(map[any]int)
	}
	for _, f := range l.resume {
		c.flushes[0][f]++
	}
	for _, f := range l.servers {
		c.flushes[1][f]++
	}
	for _, f := range l.clients {
		c.flushes[2][f]++
	}
	waiting := len(l.resume) + len(l.servers) + len(l.clients)
	c.Check(!l.flushing && l.current == nil, l, "a flush has not ended")
	c.Check(l.scheduled || waiting == 0, l, "%d wait for a flush that nobody has asked for", waiting)
	c.spares()
	c.batches()
	return c
}

// String names l.
func (l *Loop) String() string { return "loop" }

// Check notes what whoever it is about calls broken, unless it holds.
func (c *Claims) Check(holds bool, who fmt.Stringer, broken string, args ...any) {
	if !holds && c.Err == nil {
		c.Err = fmt.Errorf("%v: "+broken, append([]any{who}, args...)...)
	}
}

// spares: the bytes of those that nobody has are as many as are counted, and each is there once.
func (c *Claims) spares() {
	s, sum := &c.loop.spares, 0
	for i := range s.classes {
		for _, bb := range s.classes[i].list {
			sum += cap(bb.B)
			c.Buffer(bb.B, c.loop)
		}
		c.Check(s.classes[i].idle <= len(s.classes[i].list), c.loop, "%d spare buffers are idle of %d", s.classes[i].idle, len(s.classes[i].list))
	}
	c.Check(sum == s.bytes, c.loop, "spare buffers have %d bytes, and %d are counted", sum, s.bytes)
	c.faults(&s.pooled)
}

func (c *Claims) batches() {
	for i := range c.loop.batches {
		b := &c.loop.batches[i]
		for _, p := range b.free {
			c.Buffer(p, c.loop)
		}
		c.Check(b.idle <= len(b.free), c.loop, "%d batches are idle of %d", b.idle, len(b.free))
		c.faults(&b.pooled)
	}
}

func (c *Claims) faults(o *pooled) {
	if c.Err == nil {
		c.Err = o.err
	}
}

// Buffer says that who has p, and nobody else.
func (c *Claims) Buffer(p []byte, who fmt.Stringer) {
	if cap(p) > 0 {
		c.own(place(p), who, "a buffer")
	}
}

// Shared says that who has m besides those who are to write it.
func (c *Claims) Shared(m *Shared, who fmt.Stringer) { c.holds(m, who) }

// holds counts one that holds m, whose bytes are a buffer with one owner: itself.
func (c *Claims) holds(m *Shared, who fmt.Stringer) {
	if c.shared[m]++; c.shared[m] == 1 {
		c.Buffer(m.bb.B, who)
	}
	c.Check(m.refs > 0, who, "it has what was shared, and was given back")
}

// SharedHeld says of all that is shared whether as many hold it as are counted. It is asked once all owners were looked at.
func (c *Claims) SharedHeld(who fmt.Stringer) {
	for m, n := range c.shared { // in no order: one that is wrong is as good as another
		c.Check(m.refs == n, who, "%d hold what is shared, and %d are counted", n, m.refs)
	}
}

// Socket says that who has s, and nobody else.
func (c *Claims) Socket(s Socket, who fmt.Stringer) {
	if s != nil {
		c.own(s, who, "a socket")
	}
}

func (c *Claims) own(what any, who fmt.Stringer, kind string) {
	if other, taken := c.owners[what]; taken {
		c.Check(false, who, "%s of it is also that of %v", kind, other)
	}
	c.owners[what] = who
}

// Flushes says how often the next flush has f resume, write as a server connection, and write as a client.
func (c *Claims) Flushes(f any) (resume, server, client int) {
	return c.flushes[0][f], c.flushes[1][f], c.flushes[2][f]
}

// Out looks at o, of who, which writes to sock. soon: the next flush looks after it, or something else that is sure to come.
func (c *Claims) Out(o *Out, sock Socket, soon bool, who fmt.Stringer) {
	c.Check(o.sock == sock, who, "it writes to another socket than its own")
	c.Socket(sock, who)
	sum, shared := len(o.batch), 0
	if o.batch != nil {
		c.Buffer(o.batch, who)
	}
	for i := range o.queue {
		k := &o.queue[i]
		sum += len(k.rest)
		whole := k.whole
		if k.bb != nil {
			whole = k.bb.B
		}
		if k.shared != nil {
			whole = k.shared.bb.B
			shared += len(k.rest)
			c.holds(k.shared, who)
		} else {
			c.Buffer(whole, who)
		}
		c.Check(len(k.rest) > 0 && within(k.rest, whole), who, "what waits to be written is not in the buffer that is given back for it")
	}
	c.Check(sum == o.pending, who, "%d bytes wait to be written, and %d are counted", sum, o.pending)
	c.Check(shared == 0 || !o.keeps, who, "it keeps what it writes, of which %d bytes are shared", shared)
	c.Check(shared == o.shared, who, "%d bytes that wait are shared, and %d are counted", shared, o.shared)
	c.Check(o.unsent == 0 || o.keeper != nil, who, "%d bytes are unsent without a layer that keeps them", o.unsent)
	c.Check(!o.stalled || sock != nil && o.pending+o.unsent > 0, who, "it waits for a socket to write nothing")
	c.Check(soon || sock == nil || o.stalled || o.pending == 0 && o.err == nil, who, "%d bytes wait to be written, and nobody will (%v)", o.pending, o.err)
}

// within says that part lies in the memory of whole.
func within(part, whole []byte) bool {
	p, w := uintptr(unsafe.Pointer(unsafe.SliceData(part))), uintptr(unsafe.Pointer(place(whole)))
	return w <= p && p+uintptr(len(part)) <= w+uintptr(cap(whole))
}
