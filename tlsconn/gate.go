package tlsconn

import (
	"context"
	"sync"

	"cashew/world"
)

// Gate bounds how many handshakes compute at once, so that they take no more of the machine than so many threads. One that waits for
// its peer's bytes is outside: clients that stall stop nobody. Who comes first enters first.
type Gate struct {
	tasks world.Tasks

	mu      sync.Mutex
	free    int
	waiting []*turn
}

// turn is somebody who waits.
type turn struct {
	signal world.Signal
	mine   bool // under Gate.mu: the place is its
}

// NewGate returns a Gate with so many places.
func NewGate(tasks world.Tasks, places int) *Gate { return &Gate{tasks: tasks, free: places} }

// enter waits for a place, or for ctx to end.
func (g *Gate) enter(ctx context.Context) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	t := &turn{signal: g.tasks.NewSignal()}
	g.waiting = append(g.waiting, t)
	g.mu.Unlock()
	err := t.signal.Wait(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case t.mine:
		return nil // also where ctx ended at the same time: leave comes anyway
	case err == nil:
		panic("tlsconn: a turn without a place")
	}
	for i, w := range g.waiting {
		if w == t {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			break
		}
	}
	return err
}

// leave gives a place to who waits longest.
func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	t := g.waiting[0]
	g.waiting = g.waiting[1:]
	t.mine = true
	t.signal.Set()
}

// seat is one handshake's place at a Gate, for as long as its context lasts. A nil one stands for no gate.
type seat struct {
	gate *Gate
	ctx  context.Context
	has  bool
}

func (s *seat) enter() error {
	if s == nil || s.has {
		return nil
	}
	err := s.gate.enter(s.ctx)
	s.has = err == nil
	return err
}

func (s *seat) leave() {
	if s != nil && s.has {
		s.has = false
		s.gate.leave()
	}
}
