// Package generator loads a Redis or memcached server, or a proxy before one, over many connections from one thread:
//
//	             +---------------- pass ------------------+
//	             v                                        |
//	requests that are due ---> flush: one write ---> wait for sockets ---> receive: check replies, note their latency
//	  (-rate), or whose          for each batch        (epoll)                 |
//	  connection is free  <----------------------------------------------------+
//
// Without a rate it is a closed loop, as redis-benchmark is: a connection sends -pipeline requests at once and, when all are
// answered, the next ones. A server that stalls then keeps the requests away that would have met the stall, and the
// latencies look better than a user's (coordinated omission).
//
// With a rate it is an open loop, as wrk2 is: every request has its time, whatever became of those before it, and its
// latency counts from that time. -pipeline requests are due at once on a connection; the connections take turns, evenly
// spaced. A connection that still waits for replies sends what is due behind what it has sent, until maxOutstanding
// requests wait for a reply; what is due then is sent as replies come in, and its latency counts from its time all the same.
//
// One goroutine does everything, and in steady state it allocates nothing.
package generator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxOutstanding = 1024             // requests of a connection that wait for a reply, with a rate; or one -pipeline, if that is more
	maxBatchBytes  = 256 << 10        // of overdue requests that are written at once
	maxLatency     = 10 * time.Minute // what takes longer counts as that
	lateAfter      = time.Millisecond // see Figures.Late
)

// Figures are what a run says of itself, as one line of JSON. Latencies are in milliseconds, with three significant digits,
// up to the whole reply: from the write that held the request, or, with a rate, from the time at which it was due.
type Figures struct {
	RPS      float64 `json:"rps"` // replies a second, over the whole run; less than Rate if that could not be held
	P50      float64 `json:"p50_ms"`
	P90      float64 `json:"p90_ms"`
	P95      float64 `json:"p95_ms"`
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p999_ms"`
	Max      float64 `json:"max_ms"`
	Requests int     `json:"requests"` // that were answered
	Hits     int     `json:"hits"`     // keys of gets
	Misses   int     `json:"misses"`
	Elapsed  float64 `json:"elapsed_s"` // from the first request to the last reply
	Rate     float64 `json:"rate"`      // asked for; 0 for a closed loop
	// Late requests were sent more than 1 ms after their time though nothing but the generator kept them: it had too much
	// to do, or too little of a CPU.
	Late int     `json:"late"`
	CPU  float64 `json:"cpu_us"` // of the generator, a request, without connecting
}

// Run is the command line "bench load" without these two words. It connects, runs to the end and prints Figures as one
// line on stdout. It fails at the first reply that is not what the request asked for.
//
// With -hold it first prints {"connected":N}, begins when it has read a line from stdin, and closes its connections only
// at the end of stdin: so what N connections cost a proxy to open and to close can be told from what requests cost.
func Run(args []string, stdin io.Reader, stdout io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	g := newGenerator(o)
	defer g.close()
	if err := g.connect(); err != nil {
		return err
	}
	out, in := json.NewEncoder(stdout), bufio.NewReader(stdin)
	if o.hold {
		if err := out.Encode(map[string]int{"connected": len(g.conns) + len(g.idle)}); err != nil {
			return err
		}
		if _, err := in.ReadString('\n'); err != nil {
			return fmt.Errorf("-hold: %w", err)
		}
	}
	f, err := g.run()
	if err != nil {
		return err
	}
	if err := out.Encode(f); err != nil || !o.hold {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// generator is one run. All times are since start.
type generator struct {
	options
	protocol protocol
	poller   poller
	conns    []conn
	idle     []int // descriptors

	start        time.Time
	target       int // requests of this run: as many as asked for, or as were sent when the limit was reached
	sent         int
	done         int // answered
	lastDone     time.Duration
	requestBytes int // of a set, about
	bursts       int // of all connections, that were due so far; with a rate
	late         int
	stopped      bool
	queue        []*conn // that may have something to send
	latency      *histogram

	random random
	fan    fan       // of the test publish
	batch  []request // scratch
	in     []byte    // what was just read
	out    []byte    // a batch
	head   []byte    // a request without its value
	single []byte    // room for a head, a value and its line's end
}

// request is one that is or will be on its way.
type request struct {
	at  time.Duration // its latency counts from here
	set bool
}

// run lets all connections work until all requests are answered.
func (g *generator) run() (Figures, error) {
	cpu := cpuTime()
	g.start = time.Now()
	if err := g.work(); err != nil {
		return Figures{}, err
	}
	if g.done == 0 {
		return Figures{}, fmt.Errorf("no request was due within %v", g.limit)
	}
	cpu = cpuTime() - cpu
	ms := func(percentile float64) float64 {
		return float64(g.latency.percentile(percentile)) / float64(time.Millisecond)
	}
	f := Figures{
		RPS: float64(g.done) / g.lastDone.Seconds(),
		P50: ms(50), P90: ms(90), P95: ms(95), P99: ms(99), P999: ms(99.9), Max: ms(100),
		Requests: g.done, Elapsed: g.lastDone.Seconds(), Rate: g.rate, Late: g.late,
		CPU: float64(cpu.Nanoseconds()) / 1e3 / float64(g.done),
	}
	for i := range g.conns {
		f.Hits += g.conns[i].hits
		f.Misses += g.conns[i].misses
	}
	return f, nil
}

// work returns once all requests are answered.
func (g *generator) work() error {
	if g.test.name == fanOut {
		return g.rounds()
	}
	if g.rate == 0 {
		for i := range g.conns {
			g.enqueue(&g.conns[i])
		}
	}
	for g.done < g.target {
		if err := g.pass(); err != nil {
			return err
		}
	}
	return nil
}

// pass sends what is to be sent, waits for sockets and takes the replies that are there.
func (g *generator) pass() error {
	now := g.clock()
	if now >= g.limit {
		g.stopped, g.target = true, g.sent
		if now >= g.limit+g.grace {
			return fmt.Errorf("%d of %d requests are not answered %v after the last one was sent", g.sent-g.done, g.sent, g.grace)
		}
	}
	g.callDue(now)
	for _, c := range g.queue {
		c.queued = false
		if err := g.flush(c); err != nil {
			return c.failed(err)
		}
	}
	g.queue = g.queue[:0]
	if g.done == g.target {
		return nil
	}
	events, err := g.poller.wait(g.untilNext())
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.id >= len(g.conns) {
			return errors.New("an idle connection was answered or closed")
		}
		c := &g.conns[e.id]
		if e.writable {
			err = g.resume(c)
		}
		if err == nil && e.readable {
			err = g.receive(c)
		}
		if err != nil {
			return c.failed(err)
		}
	}
	return nil
}

func (g *generator) clock() time.Duration { return time.Since(g.start) }

// dueAt is when a burst is due. Bursts are numbered over all connections, which take turns.
func (g *generator) dueAt(burst int) time.Duration {
	return time.Duration(float64(burst) * float64(g.pipeline) / g.rate * float64(time.Second))
}

// burstSize is the pipeline, or what is left for the last burst.
func (g *generator) burstSize(burst int) int {
	return min(g.pipeline, g.requests-burst*g.pipeline)
}

// allBursts is how many bursts hold all requests.
func (g *generator) allBursts() int { return (g.requests + g.pipeline - 1) / g.pipeline }

// callDue tells the connections what is due now.
func (g *generator) callDue(now time.Duration) {
	if g.rate == 0 || g.stopped {
		return
	}
	for all := g.allBursts(); g.bursts < all && g.dueAt(g.bursts) <= now; g.bursts++ {
		c := &g.conns[g.bursts%len(g.conns)]
		c.due++
		g.enqueue(c)
	}
}

// untilNext is how long there will be nothing to do unless a socket becomes ready.
func (g *generator) untilNext() time.Duration {
	next := g.limit
	if g.stopped {
		next += g.grace
	} else if g.rate > 0 && g.bursts < g.allBursts() {
		next = min(next, g.dueAt(g.bursts))
	}
	return max(0, next-g.clock())
}

func (g *generator) enqueue(c *conn) {
	if !c.queued {
		c.queued = true
		g.queue = append(g.queue, c)
	}
}

// flush sends what c may send now.
func (g *generator) flush(c *conn) error {
	if g.stopped {
		return nil
	}
	if g.rate > 0 {
		return g.flushDue(c)
	}
	n := min(g.pipeline, g.target-g.sent)
	if n <= 0 || c.outstanding() > 0 {
		return nil
	}
	at := g.clock()
	batch := g.batch[:0]
	for range n {
		batch = append(batch, request{at: at})
	}
	g.batch = batch
	return g.send(c)
}

// flushDue sends the bursts that are due, several in one write if need be.
func (g *generator) flushDue(c *conn) error {
	atOnce := max(1, maxBatchBytes/g.requestBytes)
	for c.next < c.due && !c.blocked && c.outstanding()+g.pipeline <= max(maxOutstanding, g.pipeline) {
		now := g.clock()
		batch := g.batch[:0]
		for c.next < c.due && (len(batch) == 0 || len(batch)+g.pipeline <= atOnce) &&
			c.outstanding()+len(batch)+g.pipeline <= max(maxOutstanding, g.pipeline) {
			burst := c.next*len(g.conns) + c.id
			at := g.dueAt(burst)
			for range g.burstSize(burst) {
				batch = append(batch, request{at: at})
			}
			if now-at > lateAfter && !c.held {
				g.late += g.burstSize(burst)
			}
			c.next++
		}
		g.batch = batch
		if err := g.send(c); err != nil {
			return err
		}
	}
	c.held = c.next < c.due // by the server: these are not late by our doing
	return nil
}

// cpuTime is the process's own.
func cpuTime() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
