// Package loop runs event loops on gnet, which nobody else imports. A Loop has a clock, buffers, and what callbacks left to be
// written; a connection on it is a Socket with a Handler, and an Out for what its socket did not take yet.
//
//	Reactor --> Loop.Opened, Data, Ended --> Handler
//	                                            | TouchServer, TouchClient, Resume
//	            Loop.Flush <-- once a pass <----+
//
// Of gnet 2.9 it has the pollers: epoll or kqueue, with a queue of tasks. Its engine, with connections and listeners, stands on the
// same ones and is not used: it takes a client of ours only as a net.Conn, of which it makes a second descriptor, so that Go's poller and
// three goroutines see each come and go; its own listeners take no backlog and no mode, are fixed at start, and end it when an accept
// fails; it buffers what is written without limit; and it can't stop reading. What this package does about the pollers:
//
//	they can't tell of the end alone      interests changes what gnet's own epoll set waits for, while reading is paused
//	a paused peer that resets is at EOF   the handler finds out as it writes
//	a peer that half-closes is closed     Socket.Detach: the connection lives on, on a descriptor of its own
//	nobody is told of room to write       Watcher, one epoll set for the process
//	a pass may tell of what was closed    whoever is told looks for himself
//	they poll again after each pass       EndPass naps after passes that were hardly worth it; yield, for the scheduler's sake
//
// Read link.go first, for Handler and Socket, then loop.go, flush.go and out.go, with batches.go and spares.go for the buffers; then
// reactor.go and polled.go, for the loops that there are, accept.go, for how clients come, and poller.go and watch.go, for what gnet
// lacks. invariants_on.go and verify.go are in builds with
// -tags invariants: what must hold between two callbacks.
package loop

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/tlsconn"
	"cashew/world"
)

// Loop is one event loop: its clock, its buffers, and what callbacks left to be written. All that hangs on it runs on its
// goroutine and takes no lock; others send a function with Execute.
type Loop struct {
	Log   *slog.Logger
	World world.World
	Now   int64 // World.Nanos, read once for each callback

	// Before is when the connection of the reply that is being handed over, or of the request that fails for want of one, had the reply before that,
	// as Now; 0: there was none. It stands here, beside Now, since whoever has a reply has that at hand.
	Before int64

	Worked time.Duration // how long the loop has been at work, in callbacks and tasks, as estimated: see meter. In a simulation nothing takes time

	Pass   Pass   // what callbacks did since the last EndPass
	Copies copies // what a request costs in copying, for tests
	Busy   int    // clients that wait for a reply

	// Coalesce is the longest nap after a pass that was hardly worth waking up for; 0: none.
	Coalesce time.Duration

	Panics atomic.Int64 // survived, and calls of Broken

	base Base

	spares  spares // for bytes that outlive a callback
	batches batches
	iov     [][]byte
	offsets []int  // scratch of flushApart
	opened  []byte // see openRoom
	joined  []byte // see sealRoom

	stages
}

// Base is what a Loop stands on: gnet's poller, or a simulation.
type Base interface {
	Run(f func()) bool // runs f on the loop, soon; from any goroutine; false: the loop has stopped

	// Enroll gives l, which stands on this Base, a connection whose bytes h is to have, and returns once h.Opened has run.
	Enroll(l *Loop, nc net.Conn, h Handler) error

	Nap(d time.Duration) // stops the loop's thread
	Yield()              // runtime.Gosched
}

// Pass counts what the callbacks of one pass of a loop did with requests, or fragments of them.
type Pass struct {
	Queued, Answered int
	Awaited          int   // still, from the servers that answered
	Bytes            int   // that servers sent
	Took             int64 // nanoseconds from when those answered were queued, in sum
}

// ErrPanic is what a Handler is abandoned with after a panic.
var ErrPanic = errors.New("loop: internal error")

// NewLoop returns a Loop that stands on base.
func NewLoop(base Base, w world.World, log *slog.Logger) *Loop {
	l := &Loop{base: base, World: w, Log: log}
	l.flushTask = func() {
		defer l.survive(nil)
		l.Tick()
		l.scheduled = false
		l.Flush()
		l.EndPass()
	}
	return l
}

// Tick reads the clock; every callback begins with it.
func (l *Loop) Tick() { l.Now = l.World.Nanos() }

// Execute runs f on the loop, soon, and then Flush. It may be called from any goroutine and reports false if the loop has
// stopped.
func (l *Loop) Execute(f func()) bool {
	return l.base.Run(func() {
		defer l.survive(nil)
		l.Tick()
		f()
		l.Flush()
	})
}

// After is Execute once d has passed.
func (l *Loop) After(d time.Duration, f func()) world.Timer {
	return l.World.AfterFunc(d, func() { l.Execute(f) })
}

// Enroll hands nc to l, where h.Opened is called, and returns once that has run. It is called from any goroutine but the loop's
// own. nc is used up, whatever the outcome. Bytes of one that speaks TLS are opened and sealed on their way, see sealed.go.
func (l *Loop) Enroll(nc net.Conn, h Handler) error {
	if c, ok := nc.(*tlsconn.Conn); ok {
		return l.enrollSealed(c, h)
	}
	return l.base.Enroll(l, nc, h)
}

// Opened is a callback: h has its connection. false: h does not want it.
func (l *Loop) Opened(h Handler, s Socket) (ok bool) {
	defer l.survive(h)
	l.Tick()
	ok = h.Opened(s)
	l.flushSoon()
	return ok
}

// Data is a callback: bytes came for h; buf dies when it returns.
func (l *Loop) Data(h Handler, buf []byte) {
	defer l.survive(h)
	l.Tick()
	h.Data(buf)
	poison(buf)
	l.flushSoon()
}

// Ended is a callback: the peer closed h's connection, or its half of it, or it broke.
func (l *Loop) Ended(h Handler, err error) {
	defer l.survive(h)
	l.Tick()
	if h.Ended(err) {
		l.flushSoon()
	}
}

// survive is deferred by every callback. After a panic it ends the connection that the callback was about, and every server
// connection that was written to since the last flush: a half-made request may stand in its batch, and a wrong reply would
// be worse than an error. Then the loop goes on.
func (l *Loop) survive(h Handler) {
	if r := recover(); r != nil {
		l.recovered(r, h)
	}
}

func (l *Loop) recovered(r any, h Handler) {
	l.Panics.Add(1)
	l.Log.Error("panic; going on without the connections concerned", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	l.flushing, l.scheduled = true, false // closing connections must not flush before all is cleaned up
	current, isFlushing := l.current.(Abandoner)
	l.current = nil
	if h != nil {
		l.attempt(func() { h.Abandon(ErrPanic) })
	}
	if isFlushing {
		l.attempt(func() { current.Abandon(ErrPanic) })
	}
	l.attempt(func() { l.abandonServers(ErrPanic) })
	l.clients = slices.DeleteFunc(l.clients, func(f Flusher) bool { return f == nil }) // what a flush had done already
	l.resume = slices.DeleteFunc(l.resume, func(r Resumer) bool { return r == nil })
	l.flushing = false
	l.attempt(l.Flush)
	l.flushing = false // should it have failed, too
}

// Broken says that something that must hold does not, whatever peers do: the line of the log names what it is and what becomes of it.
// It is counted with the panics, for it is no less of a fault, and whoever calls goes on without what is concerned.
func (l *Loop) Broken(what string, args ...any) {
	l.Panics.Add(1)
	l.Log.Error("broken invariant: "+what, args...)
}

// attempt runs f while cleaning up after a panic: a second one is not worth more than a line.
func (l *Loop) attempt(f func()) {
	defer func() {
		if r := recover(); r != nil {
			l.Log.Error("panic while cleaning up", "panic", fmt.Sprint(r))
		}
	}()
	f()
}

// GetBuffer returns an empty buffer for bytes that outlive a callback. PutBuffer gives it back.
func (l *Loop) GetBuffer() *bytebufferpool.ByteBuffer {
	if bb := l.spares.take(0); bb != nil {
		return bb
	}
	return &bytebufferpool.ByteBuffer{B: make([]byte, 0, leastSpare)}
}

// PutBuffer takes back what GetBuffer gave.
func (l *Loop) PutBuffer(bb *bytebufferpool.ByteBuffer) { l.spares.put(bb) }

// Tidy is called every second or so: it drops buffers that nobody needed since the last call, and returns how many bytes.
func (l *Loop) Tidy() int { return l.spares.tidy() + l.batches.tidy() }

// DropSpares lets go of all buffers that are not in use, for memory is short, and returns how many bytes those were, short
// batches aside.
func (l *Loop) DropSpares() int {
	dropped := l.spares.bytes
	l.spares, l.batches = spares{most: l.spares.most}, batches{}
	return dropped
}

// BoundSpares has l keep no more than this many bytes in large buffers that are not in use, 80 MiB at most, and a quarter of it in
// small ones; batches have bounds of their own.
func (l *Loop) BoundSpares(bytes int) { l.spares.most = min(bytes, maxSpareBytes) }

// Grow makes room in bb for n more bytes, of a value that is expected to have want bytes in all, 0 if unknown. Room comes
// fourfold, never in one step to what a peer merely declared, and the last step fits to 16 KiB: a 64 MiB value costs 64 MiB
// and the third of it in steps, and the next one nothing. What bb.B was may be somebody else's afterwards: keep no slice of it.
func (l *Loop) Grow(bb *bytebufferpool.ByteBuffer, n, want int) {
	need := len(bb.B) + n
	if need <= cap(bb.B) {
		return
	}
	c := grown(cap(bb.B), need, want)
	spare := l.spares.take(max(need, want)) // rather one for the whole value
	if spare == nil {
		spare = l.spares.take(c)
	}
	if spare != nil {
		l.Copies.Add(len(bb.B))
		spare.B = append(spare.B, bb.B...)
		bb.B, spare.B = spare.B, bb.B
		l.PutBuffer(spare)
		return
	}
	b := make([]byte, len(bb.B), roomy(c))
	l.Copies.Add(copy(b, bb.B))
	b, bb.B = bb.B, b
	if cap(b) <= maxStepBytes {
		l.spares.put(&bytebufferpool.ByteBuffer{B: b})
	}
}

// grown is the next capacity after c for need bytes now and want expected.
func grown(c, need, want int) int {
	switch {
	case want < need:
		return max(2*c, need)
	case 5*c >= want: // rather the whole than a last step for what is left
		return want
	}
	return max(4*c, need)
}
