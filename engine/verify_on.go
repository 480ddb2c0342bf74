//go:build invariants

package engine

import (
	"fmt"

	"cashew/session"
)

// Verify says what does not hold of what must, whatever clients and servers do: of each loop with its clients and connections, and of
// what all loops count together. It may be called while no loop runs, and nobody who admits clients: in a simulation, between two
// steps.
func (p *Proxy) Verify() error {
	if p.reactor == nil || p.running.Err() != nil {
		return nil
	}
	var sum session.Totals
	for i, l := range p.loops {
		t, err := l.sessions.Verify(p.draining.Load())
		if err != nil {
			return fmt.Errorf("loop %d: %w", i, err)
		}
		sum.Granted += t.Granted
		sum.Unread += t.Unread
		sum.Clients += t.Clients
	}
	if n, atDoor := p.clients.Load(), p.hall.clients.Load(); n != sum.Clients+atDoor {
		return fmt.Errorf("%d clients are on the loops, %d at the door, and %d are counted", sum.Clients, atDoor, n)
	}
	return p.pressure.Verify(sum)
}
