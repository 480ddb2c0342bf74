package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"cashew/session"
	"cashew/world"
)

// An upgrade is two processes that share the listening sockets. The new one is started with the old one's listeners
// (ListenerFiles, Options.Inherited); then the old one gives it the clients, over a unix socket, each at a boundary between
// two of its commands, when it owes it nothing. A client keeps its connection and notices nothing.
//
//	new: ready                                     one byte: it listens
//	old: length, State as JSON, input        for each client; its descriptor comes along (SCM_RIGHTS)
//	new: mine | yours                              one byte; only after mine does it touch the client
//	old: 0                                         no more
//
// Whoever is unsure whose a client is closes it: two processes that read from one client would be worse.
const (
	ready = 'r'
	mine  = 'm'
	yours = 'y'
)

const (
	// partAtOnce is how many clients of a loop are on their way at once: they wait meanwhile.
	partAtOnce = 64
	// partPause is how long to wait before looking again for clients at a boundary.
	partPause = time.Millisecond
	// partTimeout is how long the other process may take over one client.
	partTimeout = 5 * time.Second
	// maxStateBytes bounds a State, whose strings come from the client.
	maxStateBytes = 16 << 20
)

// ListenerFiles returns a duplicate of each listener for another process, by network and address as configured (and the
// pool's name, if the kernel chose the port): the keys of Options.Inherited. The caller closes them.
func (p *Proxy) ListenerFiles() (map[string]*os.File, error) {
	files := make(map[string]*os.File)
	for _, ln := range p.listeners() {
		f, err := ln.nl.File()
		if err != nil {
			for _, f := range byKey(files) {
				_ = f.Close()
			}
			return nil, fmt.Errorf("engine: listener '%s': %w", ln.key, err)
		}
		files[ln.key] = f
	}
	return files, nil
}

// HandOver stops accepting and gives the clients to the process at the other end of conn, which calls TakeOver and listens
// already. It returns how many that took, once no client is left or all that are left must stay (they are about to be
// closed, or the other has no pool for them), or with an error when ctx ends or conn fails. If it was conn, the proxy accepts
// clients again and goes on as before, and Draining says false; else the caller ends it with Drain and Stop.
func (p *Proxy) HandOver(ctx context.Context, conn world.Channel) (moved int, err error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	if p.draining.Load() || p.running.Err() != nil {
		return 0, errStopping
	}
	if err := awaitReady(ctx, conn); err != nil {
		return 0, err
	}
	spare, err := p.spareListeners()
	if err != nil {
		return 0, err
	}
	defer func() {
		for _, nl := range byKey(spare) {
			_ = nl.Close()
		}
	}()
	p.draining.Store(true)
	p.stopAccepting()
	both, cancel := p.world.Both(ctx, p.running)
	defer cancel()
	told := make(map[string]bool) // pools whose scripts the other has, or will have; looked up, and never walked over
	for {
		gone, left := p.part()
		p.tellScripts(gone, told)
		taken, err := p.give(conn, gone)
		moved += taken
		if err == nil && (left == 0 || both.Err() != nil) {
			err = p.noMore(conn)
			if err == nil && left == 0 {
				return moved, nil
			}
		}
		switch {
		case p.running.Err() != nil, err == nil && both.Err() != nil:
			p.stay()
			return moved, errors.Join(ctx.Err(), p.running.Err())
		case err != nil:
			p.stay()
			p.acceptAgain(spare)
			return moved, fmt.Errorf("engine: handing over clients: %w", err)
		case len(gone) == 0:
			_ = p.world.Sleep(both, partPause)
		}
	}
}

// noMore tells the other process that all clients were given.
func (p *Proxy) noMore(conn world.Channel) error {
	ctx, cancel := p.world.WithTimeout(context.Background(), partTimeout)
	defer cancel()
	return conn.Write(ctx, make([]byte, 4), -1)
}

// awaitReady waits for the other process.
func awaitReady(ctx context.Context, conn world.Channel) error {
	var b [1]byte
	if _, err := conn.Read(ctx, b[:]); err != nil {
		return fmt.Errorf("engine: the other process is not ready: %w", err)
	}
	if b[0] != ready {
		return fmt.Errorf("engine: the other process says %q", b[0])
	}
	return nil
}

// part takes some clients that are at a boundary from all loops. left is how many there are besides that can still be
// given away, or are only just being enrolled. One that has said nothing by which to tell whether it is a plain client is not waited for.
func (p *Proxy) part() (gone []session.Parted, left int) {
	var mu sync.Mutex // a loop that is late, as the proxy stops, may still add its share
	stays := 0
	p.onLoops(func(r *rooms) {
		parted, others, staying := r.sessions.Part(partAtOnce)
		mu.Lock()
		defer mu.Unlock()
		gone, left, stays = append(gone, parted...), left+others, stays+staying
	})
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(gone), max(left, int(p.clients.Load()-p.hall.silent.Load())-stays)
}

// tellScripts has the first client of each pool bring the scripts that the pool knows.
func (p *Proxy) tellScripts(gone []session.Parted, told map[string]bool) {
	for i := range gone {
		name := gone[i].State.In()
		if pl := named(p.pools(), name); pl != nil && !told[name] {
			told[name] = true
			gone[i].State.Scripts = pl.Scripts()
		}
	}
}

// stay has the clients that were to be given away go on here.
func (p *Proxy) stay() {
	p.onLoops(func(r *rooms) { r.sessions.Stay() })
}

// takeBack has a client that nobody took go on here.
func (p *Proxy) takeBack(c session.Parted) {
	s, nc, err := p.restore(c, true)
	if err != nil {
		p.log.Error("client dropped", "pool", c.State.In(), "client", c.State.Addr, "err", err)
		return
	}
	_ = s.Enroll(nc)
}

// spareListeners are a duplicate of each listener, by its key.
func (p *Proxy) spareListeners() (map[string]world.Listener, error) {
	spare := make(map[string]world.Listener)
	for _, ln := range p.listeners() {
		nl, err := ln.nl.Dup()
		if err != nil {
			for _, nl := range byKey(spare) {
				_ = nl.Close()
			}
			return nil, fmt.Errorf("engine: listener '%s': %w", ln.key, err)
		}
		spare[ln.key] = nl
	}
	return spare, nil
}

// acceptAgain listens with what spareListeners returned before the listeners were closed, and takes that out of spare.
func (p *Proxy) acceptAgain(spare map[string]world.Listener) {
	now := *p.now.Load()
	now.listeners, now.narrower = p.listenAgain(now.listeners, spare), p.listenAgain(now.narrower, spare)
	p.now.Store(&now)
	p.draining.Store(false)
}

// listenAgain has a listener in the place of each of those that were closed. Their pools stay.
func (p *Proxy) listenAgain(closed []*listener, spare map[string]world.Listener) (again []*listener) {
	for _, old := range closed {
		if old == nil {
			again = append(again, nil)
			continue
		}
		ln := p.newListener(old.key, spare[old.key], old.reusePort)
		delete(spare, old.key)
		ln.pool.Store(old.pool.Load())
		p.accept(ln)
		again = append(again, ln)
	}
	return again
}

// give gives clients to the other process and returns how many that took; the others go on here. After an error the one
// that ended before it could say mine has none; but if its time was up it may still do so.
func (p *Proxy) give(conn world.Channel, clients []session.Parted) (taken int, err error) {
	ctx, cancel := p.world.WithTimeout(context.Background(), partTimeout)
	defer cancel()
	sent := 0
	for err == nil && sent < len(clients) {
		if err = send(ctx, conn, clients[sent]); err == nil {
			sent++
		}
	}
	verdicts := make([]byte, sent)
	n, e := conn.Read(ctx, verdicts) // also after an error: it may have taken those before
	err = errors.Join(err, e)
	for i, c := range clients {
		switch {
		case i < n && verdicts[i] == mine:
			p.world.Drop(c.FD)
			taken++
		case n <= i && i < sent && world.TimedOut(err):
			p.world.Drop(c.FD)
			p.log.Error("client dropped: perhaps the other process has it", "pool", c.State.In(), "client", c.State.Addr)
		default:
			p.takeBack(c)
		}
	}
	return taken, err
}

// send writes c to the other process.
func send(ctx context.Context, conn world.Channel, c session.Parted) error {
	state, err := json.Marshal(c.State)
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(state)))
	if err := conn.Write(ctx, head, c.FD); err != nil {
		return err
	}
	for _, p := range [][]byte{state, c.Input} {
		if err := conn.Write(ctx, p, -1); err != nil {
			return err
		}
	}
	return nil
}
