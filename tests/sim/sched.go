// Package sim runs whole proxies in a simulated world: clock, goroutines, network, chance and memory are decided by one seed, and
// the product's own code runs on them. Nothing waits for real, nothing runs beside anything else, and the same seed does the same
// again.
//
//	Sim.step --> a task that can go on | a loop's pass | a model's turn      whichever the seed picks
//	         --> none of them: the clock goes on to the next timer
//
// To read: sched.go, tasks.go, network.go, endpoint.go, reactor.go, layer.go, channel.go: the world; then server.go, faults.go, redis.go,
// table.go, rows.go, store.go, replies.go, memcached.go: its servers; client.go, dialect.go, refusals.go, parse.go, memdialect.go,
// memparse.go, known.go, group.go, history.go: its clients; then script.go, run.go, pools.go, troubles.go, figures.go: what happens to
// them, and what must hold; verify.go: that the product looks into itself
// meanwhile; and shrink.go: how little of that is enough. events_test.go and player_test.go are a world of its own kind,
// in which servers and clients do what a file says, event by event.
package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Sim is a simulated world.
type Sim struct {
	rnd   *rand.Rand
	began time.Time
	now   int64 // nanoseconds since it began

	ready   []runner // what can run now
	timers  timers
	spare   []*timer // that nobody has
	order   uint64   // of timers, ever
	current *task    // that runs; nil: a loop, or a model
	idle    []*task
	tasks   int // that have not ended

	reactors []*reactor // one for each process
	tokens   int        // ever, in a world that is Still

	network
	memory

	// Still has nothing take time of itself, no step and no nap, and whoever sends has all the room that he wants: time passes
	// only when nothing else can happen. Tokens are numbers. It is said before anything happens, as Layered is.
	Still bool
	// Layered has a looptest.Layer stand beneath each connection of a loop.
	Layered bool

	Steps int64
}

// runner is something that runs when its turn comes: a task until it waits, a loop for a pass, a model for a moment.
type runner interface{ run() }

// New returns a world in which nothing happens yet.
func New(seed uint64) *Sim {
	s := &Sim{rnd: rand.New(rand.NewPCG(seed, 17)), began: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s.now = int64(time.Hour) // some times are 0 for never
	s.init(s)
	return s
}

// Rand is the world's chance.
func (s *Sim) Rand() *rand.Rand { return s.rnd }

// Step lets one thing happen. false: nothing can happen any more.
func (s *Sim) Step() bool {
	for len(s.ready) == 0 {
		if len(s.timers) == 0 {
			return false
		}
		s.now = max(s.now, s.timers[0].at)
		s.fire()
	}
	s.Steps++
	i := s.rnd.IntN(len(s.ready))
	r := s.ready[i]
	last := len(s.ready) - 1
	s.ready[i] = s.ready[last]
	s.ready[last] = nil
	s.ready = s.ready[:last]
	r.run()
	if !s.Still {
		s.now += int64(s.rnd.Uint32N(maxStepTime))
	}
	s.fire()
	return true
}

// maxStepTime bounds how long a step takes, in nanoseconds.
const maxStepTime = 4000

// Until steps until done says so, for as long as the clock may go on; false: it never did.
func (s *Sim) Until(limit time.Duration, done func() bool) bool {
	for end := s.now + int64(limit); s.now < end; {
		if done() {
			return true
		}
		if !s.Step() {
			break
		}
	}
	return done()
}

// For steps for so long.
func (s *Sim) For(d time.Duration) {
	over := false
	s.after(d, func() { over = true })
	for !over && s.Step() {
	}
}

// timer calls f when its time has come.
type timer struct {
	sim   *Sim
	at    int64
	tie   uint64 // decides between equal times
	index int    // in timers; -1: it is not armed
	once  bool   // nobody has it: it is used again
	f     func()
}

// after has f called in d. It runs between two steps, and may not wait.
func (s *Sim) after(d time.Duration, f func()) *timer {
	t := &timer{sim: s, f: f, index: -1}
	t.arm(d)
	return t
}

// once is after for those who never stop the timer.
func (s *Sim) once(d time.Duration, f func()) {
	var t *timer
	if n := len(s.spare); n > 0 {
		t, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		t = &timer{sim: s, index: -1, once: true}
	}
	t.f = f
	t.arm(d)
}

func (t *timer) arm(d time.Duration) {
	t.at = t.sim.now + max(int64(d), 0)
	t.tie = uint64(t.sim.rnd.Uint32())<<32 | t.sim.order&(1<<32-1)
	t.sim.order++
	heap.Push(&t.sim.timers, t)
}

// Stop implements world.Timer.
func (t *timer) Stop() bool {
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.sim.timers, t.index)
	return true
}

// Reset implements world.Timer.
func (t *timer) Reset(d time.Duration) bool {
	was := t.Stop()
	t.arm(d)
	return was
}

// fire calls all timers whose time has come.
func (s *Sim) fire() {
	for len(s.timers) > 0 && s.timers[0].at <= s.now {
		t := heap.Pop(&s.timers).(*timer)
		f := t.f
		if t.once {
			s.spare = append(s.spare, t)
		}
		f()
	}
}

// timers are a heap by time.
type timers []*timer

func (h timers) Len() int { return len(h) }

func (h timers) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].tie < h[j].tie
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *timers) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}

// Now implements world.Clock.
func (s *Sim) Now() time.Time { return s.Time(s.now) }

// Nanos implements world.Clock.
func (s *Sim) Nanos() int64 { return s.now }

// Time implements world.Clock.
func (s *Sim) Time(nanos int64) time.Time { return s.began.Add(time.Duration(nanos)) }

// IntN implements world.Chance.
func (s *Sim) IntN(n int) int { return s.rnd.IntN(n) }

// Token implements world.Chance.
func (s *Sim) Token() string {
	if s.Still {
		s.tokens++
		return strconv.Itoa(s.tokens)
	}
	s.order++
	return fmt.Sprintf("%08x%08x", s.rnd.Uint32(), uint32(s.order))
}
