package generator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readBytes    = 256 << 10 // a value of 1 MiB takes a third less CPU than with 64 KiB
	maxLineBytes = 4 << 10   // of a reply's line; memcached's with the longest key has less than 300
	headRoom     = 64        // for a set's head; one that is longer is copied together with its value
)

// conn is one connection that sends requests.
type conn struct {
	id, fd int
	queued bool // in generator.queue

	// With a rate: bursts of this connection that were due so far, and those of them that were sent.
	due, next int
	held      bool // the server, and not we, kept back what was due

	// The batch that the socket did not take as a whole is not kept but built again: from the same random numbers come the
	// same requests.
	blocked bool
	from    random
	size    int // requests
	written int // bytes

	pending []request // that wait for a reply, from first on
	first   int

	// The reply that is being read.
	partial []byte // the beginning of a line
	skip    int    // bytes of a value and its line's end still to come
	last    bool   // the reply ends with them
	values  int    // Redis: values still to come; memcached: values seen

	hits, misses int
}

func (c *conn) failed(err error) error { return fmt.Errorf("connection %d: %w", c.id+1, err) }

func (c *conn) outstanding() int { return len(c.pending) - c.first }

// send writes generator.batch.
func (g *generator) send(c *conn) error {
	c.from, c.size, c.written = g.random, len(g.batch), 0
	b := g.build(&g.random, g.batch)
	c.expect(g.batch)
	g.sent += len(g.batch)
	return g.write(c, b)
}

// expect enters requests behind those that wait for a reply.
func (c *conn) expect(batch []request) {
	if c.first == len(c.pending) || c.first > maxOutstanding {
		c.pending = c.pending[:copy(c.pending, c.pending[c.first:])]
		c.first = 0
	}
	c.pending = append(c.pending, batch...)
}

// resume goes on with a batch that the socket did not take as a whole.
func (g *generator) resume(c *conn) error {
	if !c.blocked {
		return nil
	}
	for len(g.batch) < c.size {
		g.batch = append(g.batch, request{})
	}
	from := c.from
	return g.write(c, g.build(&from, g.batch[:c.size]))
}

// write writes what is not written yet of the batch b.
func (g *generator) write(c *conn, b []byte) error {
	for c.written < len(b) {
		n, err := unix.Write(c.fd, b[c.written:])
		if errors.Is(err, unix.EAGAIN) {
			if c.blocked {
				return nil
			}
			c.blocked = true
			return g.poller.wantWrite(c.fd, c.id, true)
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		c.written += n
	}
	if !c.blocked {
		return nil
	}
	c.blocked = false
	g.enqueue(c)
	return g.poller.wantWrite(c.fd, c.id, false)
}

// build makes the requests of batch out of random numbers, and notes in batch which are sets. The bytes are valid until the
// next build.
func (g *generator) build(r *random, batch []request) []byte {
	if len(batch) == 1 {
		batch[0].set = g.test.isSet(r)
		g.head = g.protocol.appendRequest(g.head[:0], r, batch[0].set)
		if !batch[0].set {
			return g.head
		}
		if from := headRoom - len(g.head); from >= 0 { // a large value is not copied
			copy(g.single[from:], g.head)
			return g.single[from:]
		}
		g.out = append(append(g.out[:0], g.head...), g.single[headRoom:]...)
		return g.out
	}
	g.out = g.out[:0]
	for i := range batch {
		batch[i].set = g.test.isSet(r)
		g.out = g.protocol.appendRequest(g.out, r, batch[i].set)
		if batch[i].set {
			g.out = append(g.out, g.single[headRoom:]...)
		}
	}
	return g.out
}

// receive reads once and takes the replies in it.
func (g *generator) receive(c *conn) error {
	kept := copy(g.in, c.partial)
	n, err := unix.Read(c.fd, g.in[kept:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case err != nil:
		return fmt.Errorf("read: %w", err)
	case n == 0:
		return io.ErrUnexpectedEOF
	}
	return g.take(c, g.in[:kept+n], g.clock())
}

// take takes the replies in b, of which one may have begun before and one may end later.
func (g *generator) take(c *conn, b []byte, now time.Duration) error {
	c.partial = c.partial[:0]
	for len(b) > 0 {
		if c.skip > 0 {
			n := min(c.skip, len(b))
			b, c.skip = b[n:], c.skip-n
			if c.skip == 0 && c.last {
				g.answered(c, now)
			}
			continue
		}
		end := bytes.IndexByte(b, '\n') + 1
		if end == 0 {
			if len(b) > maxLineBytes {
				return fmt.Errorf("a line of a reply has no end after %d bytes: %q", maxLineBytes, b[:100])
			}
			c.partial = append(c.partial, b...)
			return nil
		}
		if c.outstanding() == 0 {
			return fmt.Errorf("%q answers nothing that was asked", b[:end])
		}
		set := c.pending[c.first].set
		if !g.protocol.line(c, b[:end], set) {
			return fmt.Errorf("a %s is answered %q", g.test.verb(set), b[:end])
		}
		b = b[end:]
		if c.skip == 0 && c.last {
			g.answered(c, now)
		}
	}
	return nil
}

// answered notes that c's oldest request has its reply.
func (g *generator) answered(c *conn, now time.Duration) {
	g.latency.add(now-c.pending[c.first].at, 1)
	c.first++
	g.done++
	g.lastDone = now
	if c.outstanding() == 0 || c.held {
		g.enqueue(c)
	}
}
