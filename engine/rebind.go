package engine

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"cashew/world"
)

// A pool's listener may change its host and keep its port, as from 127.0.0.1:P to 0.0.0.0:P. The kernel lets no socket have
// an address that overlaps another's which listens, unless both have SO_REUSEPORT, so both get it for the moment of the bind:
// see world.Beside. Who connects meanwhile is served:
//
//	wider      the narrower listener stays beside the new one, as lineup.narrower: the kernel prefers it for its address.
//	narrower   the wider one stays for overlapTime, as Proxy.lingering, for those whose connection to the narrower address
//	           it had begun to take. New ones to that address go to the new listener at once.
//
// An upgrade whose file has another host than the process before is the same, with the listeners that were inherited.

// overlapTime is how long a listener stays in whose place another is on a part of its address.
const overlapTime = time.Second

// seats say which listeners a lineup has.
type seats struct {
	listeners []*listener // one for each pool, in their order; nil: it has none
	narrower  []*listener // of an address that one of those has, too
	fresh     []*listener // of listeners, those that are new
	gone      []*listener // that are for nobody any more
}

// seat finds a listener for each pool: of those in have, which are by key, whosever they were, or a new one. have is used up.
// Errors are joined, and then none was opened.
func (p *Proxy) seat(pools []*pool, have map[string]*listener) (s seats, err error) {
	s.listeners = make([]*listener, len(pools))
	for i, pl := range pools {
		key := listenKey(pl.opts)
		if pl.opts.Listen.Addr == "" {
			continue
		}
		s.listeners[i] = have[key]
		delete(have, key)
	}
	var errs []error
	for i, pl := range pools {
		if s.listeners[i] != nil || pl.opts.Listen.Addr == "" {
			continue
		}
		nl, err := listenBeside(p.world, pl.opts, have)
		if err != nil {
			errs = append(errs, fmt.Errorf("pool %s: %w", pl.Name, err))
			continue
		}
		s.listeners[i] = p.newListener(listenKey(pl.opts), nl, pl.opts.ReusePort)
		s.listeners[i].pool.Store(pl)
		s.fresh = append(s.fresh, s.listeners[i])
	}
	if len(errs) > 0 {
		for _, ln := range s.fresh {
			_ = ln.nl.Close()
		}
		return seats{}, errors.Join(errs...)
	}
	for _, ln := range byKey(have) {
		if owner(s.listeners, ln) >= 0 {
			s.narrower = append(s.narrower, ln)
		} else {
			s.gone = append(s.gone, ln)
		}
	}
	return s, nil
}

// owner is the index of the listener whose address has ln's; negative: none has.
func owner(listeners []*listener, ln *listener) int {
	return slices.IndexFunc(listeners, func(wide *listener) bool { return wide != nil && wide != ln && wide.covers(ln) })
}

// seatedOnly are the listeners that there are, of those of a lineup.
func seatedOnly(listeners []*listener) []*listener {
	return slices.DeleteFunc(slices.Clone(listeners), func(ln *listener) bool { return ln == nil })
}

// covers reports whether all that may connect to other's address may connect to ln's, which is that of all interfaces.
func (ln *listener) covers(other *listener) bool {
	wide, ok := ln.nl.Addr().(*net.TCPAddr)
	narrow, too := other.nl.Addr().(*net.TCPAddr)
	return ok && too && wide.Port == narrow.Port && wide.IP.IsUnspecified() && (wide.IP.To4() == nil || narrow.IP.To4() != nil)
}

// listenBeside is listen where listeners that are about to be given up may have an address that overlaps.
func listenBeside(w world.Network, o *PoolOptions, leaving map[string]*listener) (world.Listener, error) {
	var others []world.Listener
	for _, ln := range byKey(leaving) {
		others = append(others, ln.nl)
	}
	return world.Beside(others, o.Listen.Addr, o.ReusePort, func(reusePort bool) (world.Listener, error) {
		return listen(w, o, reusePort)
	})
}

// keepBound has po, a pool's settings, say what cannot be changed about its listener if that is one of have, and returns what
// there is to say about it. On a unix socket ReusePort means nothing.
func (o *Options) keepBound(po *PoolOptions, have []*listener) (note string) {
	key := listenKey(po)
	i := slices.IndexFunc(have, func(ln *listener) bool { return ln.key == key })
	if i < 0 || po.Listen.Network == "unix" || po.ReusePort == have[i].reusePort {
		return ""
	}
	po.ReusePort = have[i].reusePort
	return fmt.Sprintf("pool %s: %s: stays as it is until a restart", po.Name, o.settingName("ReusePort"))
}

// dismiss closes the plan's listeners that are for nobody any more, but for those that have the address of a new one, too:
// linger is for these.
func (p *Proxy) dismiss(c *plan) {
	for _, ln := range c.gone {
		if c.next.within(ln) == nil {
			ln.close()
		}
	}
}

// linger closes what dismiss has left, after overlapTime. What they accept until then is for the pool that is on a part of
// their address now.
func (p *Proxy) linger(c *plan) {
	for _, ln := range c.gone {
		if pl := c.next.within(ln); pl != nil {
			ln.pool.Store(pl)
			ln.closing = p.world.AfterFunc(overlapTime, ln.close)
			p.lingering = append(p.lingering, ln)
		}
	}
}

// within is the pool whose listener's address is a part of ln's; nil: none's is.
func (l *lineup) within(ln *listener) *pool {
	i := slices.IndexFunc(l.listeners, func(narrow *listener) bool { return narrow != nil && ln.covers(narrow) })
	if i < 0 {
		return nil
	}
	return l.pools[i]
}
