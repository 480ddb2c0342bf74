package engine

import (
	"cmp"
	"context"
	"slices"
)

// Draining says that the proxy takes no more clients: Drain or HandOver was called.
func (p *Proxy) Draining() bool { return p.draining.Load() }

// Leave has the proxy say that it is about to drain, to those who send it clients, and nothing else: it serves as before.
func (p *Proxy) Leave() { p.parting.Store(true) }

// Drain stops accepting, answers every command that was sent before, and closes each client at its next boundary between
// two commands, after its last reply. A client in the middle of a command may finish it. Drain returns nil when no client
// is left, or ctx's error; either way Stop is what ends the proxy. What clients are given time for (MOVING, the end of a command that
// blocks) fits into what DrainTimeout and ctx leave.
func (p *Proxy) Drain(ctx context.Context) error {
	p.changing.Lock()
	p.draining.Store(true)
	p.stopAccepting()
	p.hall.close()
	p.changing.Unlock()
	within := p.Options().DrainTimeout
	if end, ok := ctx.Deadline(); ok {
		within = min(within, max(0, end.Sub(p.world.Now())))
	}
	p.onLoops(func(r *rooms) { r.sessions.Drain(within) })
	both, cancel := p.world.Both(ctx, p.running)
	defer cancel()
	for p.clients.Load() > 0 {
		if p.emptied.Wait(both) != nil {
			return cmp.Or(ctx.Err(), errStopping)
		}
	}
	return nil
}

// stopAccepting closes all listeners and returns when the last client that they accepted is counted. Those that the kernel had
// accepted by then are clients, too: to close a listener resets them.
func (p *Proxy) stopAccepting() {
	all := slices.Concat(p.listeners(), p.lingering)
	for _, ln := range all {
		ln.stop()
	}
	_ = p.accepting.Wait(context.Background())
	for _, ln := range all {
		_ = ln.nl.Close()
	}
}
