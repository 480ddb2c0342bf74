package engine

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"cashew/backend"
	"cashew/codec"
	"cashew/stats"
)

// Loop is all that one event loop owns: its sessions, its connections to the servers of each pool, their buffers. Only the
// loop's own goroutine touches it; others send a function with Execute.
type Loop struct {
	backend.Loop

	opts      *Options
	maxMemory int // see lineup
	pressure  *pressure
	poller    poller // to pause reading from a client

	dirty  []*Session // with bytes to write, or to be closed, each once
	resume []*Session // may take input again, each once
	busy   int        // sessions that wait for a reply

	sessions map[uint64]*Session // all that opened and are not closed, by number
	leaving  []*pool             // removed: clients of it that still open leave at once
	draining bool                // all leave
	unread   func(fd int) int    // bytes that wait in a socket; a simulation has none
	nap      func(time.Duration) // stops the loop's thread; a simulation only notes it
	gosched  func()              // runtime.Gosched; a simulation only notes it

	holders map[*Session]struct{} // sessions that hold causeBytes, have a full socket, or had lately

	current *Session     // that flush is at
	panics  atomic.Int64 // survived

	cmd     codec.Command   // reused from command to command
	parts   []uint16        // scratch of scatter: server of each key
	counts  []int           // scratch of scatter: keys for each server
	targets []target        // scratch of scatter: where they go
	gathers []*codec.Gather // not in use
	idle    int             // fewest of them since the last tidy: so many nobody needed
	clients atomic.Int64    // shared with the goroutines that accept

	tallies map[string]*tally // by the pool's name
	told    atomic.Pointer[loopFigures]
	slowIDs *atomic.Int64 // the process's

	hot, big stats.Sketch
	sampleIn int // keys until the next is sampled
	decayAt  int64

	latency   latency
	yieldedAt int64 // as Now
	scheduled bool  // a flush is on its way
	overfull  bool  // all clients together have more unread than they may
	flushing  bool  // a flush is running: closing a connection runs gnet's OnClose inside it
	flushTask gnet.Runnable
}

// loneClients is up to how many waiting clients a flush does not wait for more: nobody else's bytes would join the
// write, and deferring it costs a system call of its own.
const loneClients = 2

func newLoop(now *lineup, p *pressure) *Loop {
	l := &Loop{
		pressure: p, holders: make(map[*Session]struct{}),
		sessions: make(map[uint64]*Session), tallies: make(map[string]*tally), slowIDs: new(atomic.Int64),
		unread: unreadBytes, nap: nap, gosched: runtime.Gosched,
	}
	l.configure(now)
	l.sampleIn = stats.NextSample()
	l.Flush, l.FlushSoon = l.flush, l.flushSoon
	l.Survive, l.Token = l.surviveServer, backend.RandomToken
	l.flushTask = gnet.RunnableFunc(func(context.Context) error {
		defer l.survive(nil)
		l.Tick()
		l.flush()
		l.coalesce()
		return nil
	})
	return l
}

// configure takes settings, the first or those of a reload.
func (l *Loop) configure(now *lineup) {
	l.opts, l.maxMemory = now.opts, now.maxMemory
	l.BoundSpares(l.maxMemory / 8 / now.loops)
}

// flushSoon ends every callback. When several clients are waiting it leaves the writing to a task that gnet runs after
// the callbacks of this poll pass, or the next: the requests of all clients that were ready together then leave in one
// write for each server connection, and the replies to a client in one write. Part of a large value leaves nothing to flush.
func (l *Loop) flushSoon() {
	l.yield()
	switch {
	case l.scheduled, l.flushing, len(l.dirty) == 0 && len(l.resume) == 0 && !l.ConnsDirty():
	case l.busy <= loneClients:
		l.flush()
	default:
		l.scheduled = l.EL.Execute(context.Background(), l.flushTask) == nil
		if !l.scheduled {
			l.flush()
		}
	}
}

const (
	// coalesceShare: a pass that moved no more than this part of what is awaited was hardly worth waking up for.
	coalesceShare = 8
	// coalesceWait: it is followed by a nap of this part of what a reply takes, which is what a nap may add to it.
	coalesceWait = 16
	// leastNap is from when on a nap saves more than it costs.
	leastNap = 5 * time.Microsecond
)

// coalesce ends a pass: where a server answered little of what it owes it lets more come in before gnet looks again, as
// network cards do with interrupts. memcached, for one, answers each get of a pipeline by a system call of its own; a loop
// that looks at once wakes, reads and writes for each. What a silent server owes does not count, or its clients would slow
// down those of the others; and part of a large value is not little.
func (l *Loop) coalesce() {
	p := l.Pass
	l.Pass = backend.Pass{}
	l.latency.add(p.Took, p.Answered)
	if p.Bytes >= throughBytes || p.Awaited < coalesceShare*max(p.Queued+p.Answered, 1) {
		return
	}
	if d := min(l.opts.Coalesce, l.latency.mean()/coalesceWait); d >= leastNap {
		l.nap(d)
	}
}

// yieldEvery is well below the 10 ms after which Go's scheduler preempts.
const yieldEvery = 4 * time.Millisecond

// yield has the loop's goroutine pass through Go's scheduler now and then. gnet has it do so when nothing is ready; a loop that
// always finds something ready looks to the scheduler like one that hogs its processor, so that sysmon wakes every 20 µs
// and takes that away at each system call.
func (l *Loop) yield() {
	if l.Now-l.yieldedAt >= int64(yieldEvery) {
		l.yieldedAt = l.Now
		l.gosched()
	}
}

// latency is what replies have taken lately, queueing included: those of a pass count half after five more.
type latency struct{ took, replies int64 }

func (t *latency) add(took int64, replies int) {
	if replies > 0 {
		t.took += took - t.took/8
		t.replies += int64(replies) - t.replies/8
	}
}

func (t *latency) mean() time.Duration { return time.Duration(t.took / max(t.replies, 1)) }

// flush writes what callbacks left: once for each server connection, once for each client. (Two things are written past it,
// at once: large requests and replies, or what has gathered of them, by Out.Through, and a server connection's handshake.)
// Writing can make room for input that had to wait, and can fail connections, so it goes on until nothing is left to do.
func (l *Loop) flush() {
	if l.flushing {
		return
	}
	l.flushing, l.scheduled = true, false
	for {
		for i := 0; i < len(l.resume); i++ { // by index: these lists grow while they are walked
			s := l.resume[i]
			l.resume[i] = nil
			s.resuming = false
			l.current = s
			s.goOn()
		}
		l.resume = l.resume[:0]
		l.current = nil
		l.FlushConns()
		for i := 0; i < len(l.dirty); i++ {
			s := l.dirty[i]
			l.dirty[i] = nil
			s.dirty = false
			l.current = s
			s.flush()
		}
		l.dirty = l.dirty[:0]
		if len(l.resume) == 0 && !l.ConnsDirty() {
			break
		}
	}
	l.flushing, l.current = false, nil
	if l.overfull {
		l.relieveOutput()
	}
}

// relieve acts on the level of memory pressure: clients that were blocked for it are looked at again, and at the
// critical level the one that holds most is closed.
func (l *Loop) relieve(level int32) {
	if level >= high {
		l.pressure.dropped.Add(int64(l.DropSpares()))
		l.gathers, l.idle = nil, 0
	}
	for s := range l.holders {
		if level < high && s.blocked {
			s.unblock()
		}
	}
	if level == critical {
		l.closeGreatest()
	}
}

// closeGreatest closes the client that holds most memory; false: none holds much.
func (l *Loop) closeGreatest() bool {
	var most *Session
	for s := range l.holders {
		if most == nil || s.holds() > most.holds() {
			most = s
		}
	}
	if most == nil || most.holds() < causeBytes {
		return false
	}
	l.Log.Warn("closing the client that holds most memory", "pool", most.pool.name, "client", most.cl.Addr,
		"bytes", most.holds())
	most.pool.count.overMemory.Add(1)
	most.close()
	return true
}

// closeSlow closes clients that have not taken a byte for their pool's client_write_timeout, and forgets those that
// hold nothing any more.
func (l *Loop) closeSlow() {
	for s := range l.holders {
		t := int64(s.pool.opts.ClientWriteTimeout)
		at, stalled := s.out.Stalled()
		switch {
		case t > 0 && stalled && l.Now-at >= t:
			l.Log.Warn("closing a client that does not read", "pool", s.pool.name, "client", s.cl.Addr,
				"unread_bytes", s.out.Pending(), "allowed", s.allowed, "client_write_timeout", time.Duration(t))
			s.pool.count.slow.Add(1)
			s.close()
		case s.caughtUp() && !stalled && !s.blocked && s.holds() < causeBytes:
			delete(l.holders, s)
		}
	}
}

// decayEvery is how long it takes for a key that nobody asks for any more to lose half of its count.
const decayEvery = time.Minute

// tidy drops what only very wide commands, large values and slow clients needed.
func (l *Loop) tidy() {
	l.closeSlow()
	l.pressure.dropped.Add(int64(l.Tidy()))
	if l.Now >= l.decayAt {
		l.hot.Decay(true)
		l.big.Decay(false)
		l.decayAt = l.Now + int64(decayEvery)
	}
	l.gathers = slices.Delete(l.gathers, 0, l.idle)
	l.idle = len(l.gathers)
	if cap(l.cmd.Keys) > maxGatherKeys {
		l.cmd.Keys = nil
	}
	if cap(l.parts) > maxGatherKeys {
		l.parts = nil
	}
}

func (l *Loop) getGather() *codec.Gather {
	n := len(l.gathers)
	if n == 0 {
		return new(codec.Gather)
	}
	g := l.gathers[n-1]
	l.gathers[n-1] = nil
	l.gathers, l.idle = l.gathers[:n-1], min(l.idle, n-1)
	return g
}

// What a loop keeps of gathered commands, as long as so many are under way at once: 1,024, fewer of many keys. Beyond
// maxGatherKeys, scratch goes with the next tidy.
const (
	maxGathers    = 1 << 10
	maxGatherKeys = 4 << 10
)

func (l *Loop) putGather(g *codec.Gather) {
	if n := len(l.gathers); n == maxGathers || cap(g.Part) > maxGatherKeys || n*cap(g.Part) > 16*maxGatherKeys {
		return
	}
	clear(g.Replies)
	*g = codec.Gather{Part: g.Part[:0], Replies: g.Replies[:0], Keys: g.Keys[:0], Cursor: g.Cursor[:0]}
	l.gathers = append(l.gathers, g)
}
