// Package backend is the proxy's side towards the servers. A Pool is shared by all loops: options, health and the live
// ring. A Group is one loop's connections to one pool; a Conn is one of them: a batch of bytes to write, and outq, the
// requests that await a reply, oldest first.
//
//	session --Group.Conn--> Conn --Queue--> batch --flush--> server
//	session <--Owner.Replied-- outq <--ScanReply-- OnData <---- server
//
// Everything of a Loop, its Groups, Conns and Requests runs on that event loop's goroutine and takes no lock. Dialing, the
// Watcher and Health's timers run elsewhere and come back through EventLoop.Execute.
package backend

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/valyala/bytebufferpool"
)

// Loop is what one event loop owns and its sessions and server connections share: free lists, the clock, the list of
// server connections with something to write.
type Loop struct {
	EL      gnet.EventLoop
	Log     *slog.Logger
	Watcher SocketWatcher
	Connect func(*Conn) // brings about Conn.Opened or Conn.DialFailed, later; Dial but in tests

	// Flush writes what callbacks left in the batches; it runs after everything that Execute brought onto the loop.
	// FlushSoon ends gnet's callbacks: it flushes, or leaves that to a task that covers several of them. Both are the
	// engine's.
	Flush, FlushSoon func()

	// Survive is deferred by what runs on the loop, with the server connection that it is about, if any: it recovers
	// from a panic. It is the engine's.
	Survive func(*Conn)

	Token func() string // for canaries; it gives none twice

	Pass Pass // what happened since the engine last looked

	Now int64 // nanoseconds since the process started, read once for each callback

	Copies copies // what a request costs in copying, for tests

	spares   spares // for bytes that outlive a callback; each loop has its own
	batches  batches
	requests requests

	dirty  []*Conn // with bytes to write, each once
	groups []*Group
	iov    [][]byte

	timer   *time.Timer
	timerAt int64 // when timer fires, as Now; 0: not armed
	wantAt  int64 // earliest deadline queued since the timer was last armed; 0: none
}

// Pass counts what the callbacks of one pass of a loop did with requests, or fragments of them.
type Pass struct {
	Queued, Answered int
	Awaited          int   // still, from the servers that answered
	Bytes            int   // that servers sent
	Took             int64 // nanoseconds from when those answered were queued, in sum
}

var started = time.Now()

// RandomToken is a Token.
func RandomToken() string { return rand.Text() }

// Time is the time of day at now, which is some Loop.Now.
func Time(now int64) time.Time { return started.Add(time.Duration(now)) }

// Tick reads the clock; every callback begins with it.
func (l *Loop) Tick() { l.Now = int64(time.Since(started)) }

// Execute runs f on the loop, soon, and then Flush. It may be called from any goroutine and reports false if the loop has
// stopped.
func (l *Loop) Execute(f func()) bool {
	return l.EL.Execute(context.Background(), gnet.RunnableFunc(func(context.Context) error {
		defer l.Survive(nil)
		l.Tick()
		f()
		l.Flush()
		return nil
	})) == nil
}

func (l *Loop) putChunk(c *chunk) {
	if c.bb != nil {
		l.PutBuffer(c.bb)
	} else {
		l.batches.put(c.whole)
	}
	*c = chunk{}
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

// Tidy is called every second or so: it drops buffers, and room for requests, that nobody needed since the last call, and
// tidies the groups. It returns how many bytes it dropped.
func (l *Loop) Tidy() int {
	for _, g := range l.groups {
		g.Tidy()
	}
	l.groups = slices.DeleteFunc(l.groups, func(g *Group) bool { return g.left && len(g.retired) == 0 })
	return l.spares.tidy() + l.batches.tidy() + l.requests.tidy()
}

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

// FlushConns writes what waits for the servers: one write for each connection.
func (l *Loop) FlushConns() {
	for i := 0; i < len(l.dirty); i++ { // by index: a failing connection may add others
		c := l.dirty[i]
		l.dirty[i] = nil
		c.dirty = false
		c.flush()
	}
	l.dirty = l.dirty[:0]
	l.armTimer()
}

// AbandonDirty fails the connections that FlushConns would write to.
func (l *Loop) AbandonDirty(err error) {
	for i := 0; i < len(l.dirty); i++ {
		if c := l.dirty[i]; c != nil {
			l.dirty[i] = nil
			c.dirty = false
			c.fail(err)
		}
	}
	l.dirty = l.dirty[:0]
}

// ConnsDirty says that FlushConns has something to do.
func (l *Loop) ConnsDirty() bool { return len(l.dirty) > 0 }

// want asks for a call of expire at time at.
func (l *Loop) want(at int64) {
	if l.wantAt == 0 || at < l.wantAt {
		l.wantAt = at
	}
}

// armTimer makes sure that Expire runs by the earliest deadline: at most one timer for each loop, and none while no
// request waits.
func (l *Loop) armTimer() {
	if l.wantAt == 0 {
		return
	}
	at := l.wantAt
	l.wantAt = 0
	if l.timerAt != 0 && l.timerAt <= at {
		return
	}
	l.timerAt = at
	d := max(time.Duration(at-l.Now), time.Millisecond)
	if l.timer == nil {
		l.timer = time.AfterFunc(d, func() { l.Execute(l.expire) })
	} else {
		l.timer.Reset(d)
	}
}

// expire fails the requests whose time is up and asks to be called again for the next.
func (l *Loop) expire() {
	l.timerAt = 0
	for _, g := range l.groups {
		for c := range g.all {
			c.expire()
		}
		for _, c := range g.retired {
			c.expire()
		}
	}
}

// SocketWatcher is a Watcher, or a test's.
type SocketWatcher interface {
	Watch(fd int, f func()) error
	Cancel(fd int)
}

// watch has the Watcher call w.Writable on the loop once o's socket takes bytes again.
func (l *Loop) watch(o *Out, w Writer) {
	sock := o.sock
	err := l.Watcher.Watch(sock.Fd(), func() {
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

func (l *Loop) unwatch(o *Out) { l.Watcher.Cancel(o.sock.Fd()) }
