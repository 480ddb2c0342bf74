package engine

import (
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"cashew/session"
)

// Passwords are not to be guessed one after the other. Once more than auth_failures logins of one address have failed within a minute,
// and until none has failed for a minute, a client of that address is closed behind a login that fails. Whoever connects from there
// waits for loginDelay at the door, and who is connected waits as long before a login is judged: auth_failures of both at once; more
// are refused. So an address has auth_failures tries a second, however many connections, while those who know the password and share
// it, behind a router, still get in. An IPv6 address is its network, of 64 bits: one host has as many addresses of that as it likes.

const (
	loginWindow = time.Minute
	loginDelay  = time.Second
	// maxLoginAddrs is how many addresses with failures a pool remembers; past it, that of the one whose last is the longest ago goes.
	maxLoginAddrs = 4096
	// networkBits are those of an IPv6 address that count.
	networkBits = 64
)

// guesser is whoever comes from a, as what failed is counted: an IPv4 address, or a network of IPv6.
func guesser(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	of, _ := a.Prefix(networkBits) // it has as many bits
	return of.Addr()
}

// logins are those that failed lately, of a pool's clients, by address.
type logins struct {
	known  atomic.Int64 // how many addresses are
	failed atomic.Int64 // logins, ever
	delay  atomic.Int64 // loginDelay, but in tests

	mu     sync.Mutex
	addrs  map[netip.Addr]*list.Element // by guesser; looked up, and never walked over
	oldest list.List                    // of *failures; the one whose last is the longest ago is the first
}

// failures are those of one guesser.
type failures struct {
	addr    netip.Addr
	n       int   // within a minute, or since then with none of a minute between two
	since   int64 // the first of them, as world.Clock.Nanos
	last    int64
	waiting int // connections, and logins of others, that are held up
}

func newLogins() *logins {
	t := &logins{addrs: make(map[netip.Addr]*list.Element)}
	t.delay.Store(int64(loginDelay))
	return t
}

func (t *logins) wait() time.Duration { return time.Duration(t.delay.Load()) }

// any says that some login failed lately. It is cheap.
func (t *logins) any() bool { return t.known.Load() > 0 }

// tooMany says that f has more than so many.
func (f *failures) tooMany(limit int, now int64) bool {
	return f.n > limit && now-f.last < int64(loginWindow)
}

// add counts a failure, and says whether there are more than limit.
func (t *logins) add(a netip.Addr, limit int, now int64) (tooMany bool) {
	a = guesser(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.addrs[a]
	if e == nil {
		if t.oldest.Len() >= maxLoginAddrs {
			t.forget(t.oldest.Front())
		}
		e = t.oldest.PushBack(&failures{addr: a})
		t.addrs[a] = e
		t.known.Add(1)
	}
	f := e.Value.(*failures)
	if f.n == 0 || !f.tooMany(limit, now) && now-f.since >= int64(loginWindow) {
		f.n, f.since = 0, now
	}
	f.n++
	f.last = now
	t.oldest.MoveToBack(e)
	return f.n > limit
}

func (t *logins) forget(e *list.Element) {
	t.oldest.Remove(e)
	delete(t.addrs, e.Value.(*failures).addr)
	t.known.Add(-1)
}

// hold says whether somebody who comes from a is to wait, and whether there is a place to: then done has to be called. It forgets those
// from whom nothing came for a while.
func (t *logins) hold(a netip.Addr, limit int, now int64) (waits bool, done func()) {
	a = guesser(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.oldest.Front(); e != nil && now-e.Value.(*failures).last >= int64(loginWindow); e = t.oldest.Front() {
		t.forget(e)
	}
	e := t.addrs[a]
	if e == nil {
		return false, nil
	}
	f := e.Value.(*failures)
	if !f.tooMany(limit, now) {
		return false, nil
	}
	if f.waiting >= limit {
		return true, nil
	}
	f.waiting++
	return true, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		f.waiting--
	}
}

// turn says whether somebody who comes from a, or logs in from there, is to wait, and whether there is a place to: then done has to be
// called.
func (p *pool) turn(a netip.Addr) (waits bool, done func()) {
	limit := p.opts.AuthFailures
	if limit == 0 || !p.door.logins.any() {
		return false, nil
	}
	return p.door.logins.hold(a, limit, p.proxy.world.Nanos())
}

// holdUp has c wait if too many logins of its address have failed lately.
func (p *pool) holdUp(c *comer) error {
	waits, done := p.turn(c.from)
	if !waits {
		return nil
	}
	if done == nil {
		return &turnedAway{refusedLogins, session.TooManyLogins, "too many logins of its address have failed"}
	}
	defer done()
	c.waited = true
	w := p.proxy.world
	return p.proxy.hall.with(c.nc, func() error { return w.Sleep(p.proxy.hall.open, p.door.logins.wait()) })
}

// HoldLogin implements session.Host.
func (p *pool) HoldLogin(addr string) (wait time.Duration, done func()) {
	if !p.door.logins.any() {
		return 0, nil
	}
	a, ok := addrShown(addr)
	if !ok {
		return 0, nil
	}
	waits, done := p.turn(a)
	if !waits {
		return 0, nil
	}
	if done == nil {
		p.proxy.log.Warn("login refused; too many of its address have failed", "pool", p.Name, "client", addr)
	}
	return p.door.logins.wait(), done
}

// LoginFailed implements session.Host.
func (p *pool) LoginFailed(addr string) (tooMany bool) {
	p.door.logins.failed.Add(1)
	from, ok := addrShown(addr)
	if !ok || p.opts.AuthFailures == 0 {
		return false
	}
	if tooMany = p.door.logins.add(from, p.opts.AuthFailures, p.proxy.world.Nanos()); tooMany {
		p.proxy.log.Warn("too many failed logins", "pool", p.Name, "client", addr)
	}
	return tooMany
}
