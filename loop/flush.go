package loop

import "time"

// stages are what callbacks left for the next flush, which goes through them in this order, and again until nothing is left:
// writing can make room for input that had to wait, and can fail connections.
//
//	resume    clients whose input can be taken again    Loop.Resume
//	servers   connections with requests to write         Loop.TouchServer
//	clients   connections with replies to write          Loop.TouchClient
type stages struct {
	resume  []Resumer
	servers []Flusher
	clients []Flusher

	current   any  // whom the flush is at, an Abandoner: to store it as one would look it up each time
	scheduled bool // flushTask is on its way, of which there is one: each may nap
	flushing  bool // a flush is running: closing a connection runs Handlers inside it
	flushTask func()

	latency   latency
	turnover  turnover
	yieldedAt int64 // as Now
}

// Resumer takes input that it kept, in the first stage of a flush.
type Resumer interface {
	Resume()
	Abandoner
}

// Flusher writes what waits, in one of the later stages. It is entered once until Flush is called.
type Flusher interface {
	Flush()
	Abandoner
}

// Abandoner ends at once when a panic happens while it is dealt with.
type Abandoner interface{ Abandon(err error) }

// Resume has the next flush call r.
func (l *Loop) Resume(r Resumer) { l.resume = append(l.resume, r) }

// TouchServer has the next flush call f, before all clients.
func (l *Loop) TouchServer(f Flusher) { l.servers = append(l.servers, f) }

// TouchClient has the next flush call f, after all servers.
func (l *Loop) TouchClient(f Flusher) { l.clients = append(l.clients, f) }

// loneClients is up to how many waiting clients a flush does not wait for more: nobody else's bytes would join the
// write, and deferring it costs a system call of its own. In a crowd (see turnover) passes end with a nap, and so with a task.
const loneClients = 2

// flushSoon ends every callback. When several clients are waiting it leaves the writing to a task that the poller runs after
// the callbacks of this poll pass, or the next: the requests of all clients that were ready together then leave in one
// write for each server connection, and the replies to a client in one write. Part of a large value leaves nothing to flush.
func (l *Loop) flushSoon() {
	l.yield()
	switch {
	case l.scheduled, l.flushing:
	case l.turnover.crowd >= leastCrowd && l.crowded():
		l.flushLater()
	case len(l.clients) == 0 && len(l.resume) == 0 && len(l.servers) == 0:
	case l.Busy <= loneClients:
		l.Flush()
	default:
		l.flushLater()
	}
}

// flushLater leaves the writing to a task.
func (l *Loop) flushLater() {
	l.scheduled = l.base.Run(l.flushTask)
	if !l.scheduled {
		l.Flush()
	}
}

// Flush writes what callbacks left: once for each server connection, once for each client. (Two things are written past it,
// at once: large requests and replies, or what has gathered of them, by Out.Through, and a server connection's handshake.)
func (l *Loop) Flush() {
	if l.flushing {
		return
	}
	l.flushing = true
	for {
		for i := 0; i < len(l.resume); i++ { // by index: these lists grow while they are walked
			r := l.resume[i]
			l.resume[i] = nil
			l.current = r
			r.Resume()
		}
		l.resume = l.resume[:0]
		l.current = nil
		for i := 0; i < len(l.servers); i++ {
			f := l.servers[i]
			l.servers[i] = nil
			l.current = f // a panic in the middle of it must not leave it half written
			f.Flush()
		}
		l.servers, l.current = l.servers[:0], nil
		for i := 0; i < len(l.clients); i++ {
			f := l.clients[i]
			l.clients[i] = nil
			l.current = f
			f.Flush()
		}
		l.clients = l.clients[:0]
		if len(l.resume) == 0 && len(l.servers) == 0 {
			break
		}
	}
	l.flushing, l.current = false, nil
}

// abandonServers ends the connections that the servers' stage would write to.
func (l *Loop) abandonServers(err error) {
	for i := 0; i < len(l.servers); i++ {
		if f := l.servers[i]; f != nil {
			l.servers[i] = nil
			f.Abandon(err)
		}
	}
	l.servers = l.servers[:0]
}

const (
	// coalesceShare: a pass that moved no more than this part of what is awaited was hardly worth waking up for.
	coalesceShare = 8
	// coalesceWait: it is followed by a nap of this part of what a reply takes, which is what a nap may add to it; in a crowd of
	// clients that stay for a moment, of what they stay.
	coalesceWait = 16
	// leastGain is how many replies have to be expected to come during a nap: it ends with a wake-up of its own, and one reply is no fewer.
	leastGain = 2
	// leastNap is from when on a nap saves more than it costs.
	leastNap = 5 * time.Microsecond
)

// EndPass ends a pass: all callbacks that one flush is for. If the servers that answered still owe much more than they sent, the
// loop naps, so that more arrives before gnet's poller looks, as network cards do with interrupts. memcached, for one, answers each get of
// a pipeline by a system call of its own; a loop that looks at once wakes, reads and writes for each. What a silent server owes
// does not count, or its clients would slow down those of the others; and part of a large value is not little. In a crowd of clients that
// connect for each request it naps after each pass.
func (l *Loop) EndPass() {
	p := l.Pass
	l.Pass = Pass{}
	l.latency.add(p.Took, p.Answered)
	l.turnover.got += int64(p.Answered)
	if l.crowded() {
		l.base.Nap(l.napOf(l.turnover.stay))
		return
	}
	if p.Bytes >= largeBytes || p.Awaited < coalesceShare*max(p.Queued+p.Answered, 1) {
		return
	}
	took := l.latency.mean()
	if d := l.napOf(took); d > 0 && time.Duration(p.Awaited)*d >= leastGain*took {
		l.base.Nap(d)
	}
}

// napOf is the nap that may be added to what takes so long; 0: none.
func (l *Loop) napOf(took time.Duration) time.Duration {
	if d := min(l.Coalesce, took/coalesceWait); d >= leastNap {
		return d
	}
	return 0
}

// largeBytes is from where a value is large: it is written as it comes.
const largeBytes = 16 << 10

// yieldEvery is well below the 10 ms after which Go's scheduler preempts.
const yieldEvery = 4 * time.Millisecond

// yield has the loop's goroutine pass through Go's scheduler now and then. gnet has it do so when nothing is ready; a loop that
// always finds something ready looks to the scheduler like one that hogs its processor, so that sysmon wakes every 20 µs
// and takes that away at each system call.
func (l *Loop) yield() {
	if l.Now-l.yieldedAt >= int64(yieldEvery) {
		l.yieldedAt = l.Now
		l.base.Yield()
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
