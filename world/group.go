package world

import (
	"context"
	"sync"
)

// Group waits for what was begun, as a sync.WaitGroup does, in a World: one goroutine waits, for as long as its context lets it.
type Group struct {
	tasks Tasks
	none  Signal // set when n falls to 0

	mu sync.Mutex
	n  int
}

// NewGroup returns a Group in which nothing was begun.
func NewGroup(tasks Tasks) *Group { return &Group{tasks: tasks, none: tasks.NewSignal()} }

// Add says that n more have begun.
func (g *Group) Add(n int) {
	g.mu.Lock()
	g.n += n
	none := g.n == 0
	g.mu.Unlock()
	if none {
		g.none.Set()
	}
}

// Done says that one has ended.
func (g *Group) Done() { g.Add(-1) }

// Go begins f.
func (g *Group) Go(f func()) {
	g.Add(1)
	g.tasks.Go(func() {
		defer g.Done()
		f()
	})
}

// Wait returns once all have ended, or with ctx's error.
func (g *Group) Wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		n := g.n
		g.mu.Unlock()
		if n == 0 {
			return nil
		}
		if err := g.none.Wait(ctx); err != nil {
			return err
		}
	}
}
