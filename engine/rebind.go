package engine

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A pool's listener may change its host and keep its port, as from 127.0.0.1:P to 0.0.0.0:P. The kernel lets no socket have
// an address that overlaps another's which listens, unless both have SO_REUSEPORT, so both get it for the moment of the bind:
// see Beside. Who connects meanwhile is served:
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
	listeners []*listener // one for each pool, in their order
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
		s.listeners[i] = have[key]
		delete(have, key)
	}
	var errs []error
	for i, pl := range pools {
		if s.listeners[i] != nil {
			continue
		}
		nl, err := listenBeside(pl.opts, have)
		if err != nil {
			errs = append(errs, fmt.Errorf("pool %s: %w", pl.name, err))
			continue
		}
		s.listeners[i] = p.newListener(pl, nl)
		s.fresh = append(s.fresh, s.listeners[i])
	}
	if len(errs) > 0 {
		for _, ln := range s.fresh {
			_ = ln.nl.Close()
		}
		return seats{}, errors.Join(errs...)
	}
	for _, ln := range have {
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
	return slices.IndexFunc(listeners, func(wide *listener) bool { return wide != ln && wide.covers(ln) })
}

// covers reports whether all that may connect to other's address may connect to ln's, which is that of all interfaces.
func (ln *listener) covers(other *listener) bool {
	wide, ok := ln.nl.Addr().(*net.TCPAddr)
	narrow, too := other.nl.Addr().(*net.TCPAddr)
	return ok && too && wide.Port == narrow.Port && wide.IP.IsUnspecified() && (wide.IP.To4() == nil || narrow.IP.To4() != nil)
}

// listenBeside is listen where listeners that are about to be given up may have an address that overlaps.
func listenBeside(o *PoolOptions, leaving map[string]*listener) (net.Listener, error) {
	var others []net.Listener
	for _, ln := range leaving {
		others = append(others, ln.nl)
	}
	return Beside(others, o.Listen.Addr, o.ReusePort, func(reusePort bool) (net.Listener, error) { return listen(o, reusePort) })
}

// Beside calls bind, which listens on addr, with SO_REUSEPORT if it is told so. Where that fails because the address overlaps
// those of others, which have the same port, it is told so, and these have the option for as long as that takes; the new one
// keeps it if shared.
func Beside(others []net.Listener, addr string, shared bool, bind func(reusePort bool) (net.Listener, error)) (net.Listener, error) {
	nl, err := bind(shared)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return nl, err
	}
	if others = samePort(others, addr); len(others) == 0 {
		return nil, err // another process has it
	}
	for _, other := range others {
		was, err := reusePort(other, true)
		if err != nil {
			return nil, err
		}
		defer reusePort(other, was) //nolint:errcheck // it could be set a moment ago
	}
	if nl, err = bind(true); err != nil || shared {
		return nl, err
	}
	if _, err := reusePort(nl, false); err != nil {
		_ = nl.Close()
		return nil, err
	}
	return nl, nil
}

// samePort are those of listeners that have the port of addr.
func samePort(listeners []net.Listener, addr string) (same []net.Listener) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil // a path
	}
	for _, nl := range listeners {
		if t, ok := nl.Addr().(*net.TCPAddr); ok && strconv.Itoa(t.Port) == port {
			same = append(same, nl)
		}
	}
	return same
}

// reusePort sets SO_REUSEPORT, which may be changed while a socket listens, and returns what it was.
func reusePort(nl net.Listener, on bool) (was bool, err error) {
	rc, err := nl.(syscall.Conn).SyscallConn()
	if err != nil {
		return false, err
	}
	err = control(rc, func(fd int) error {
		v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
		if err != nil {
			return err
		}
		was, v = v != 0, 0
		if on {
			v = 1
		}
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, v)
	})
	return was, err
}

// sharesPort says whether nl has SO_REUSEPORT.
func sharesPort(nl net.Listener) (yes bool) {
	if rc, err := nl.(syscall.Conn).SyscallConn(); err == nil {
		_ = control(rc, func(fd int) error {
			v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
			yes = err == nil && v != 0
			return nil
		})
	}
	return yes
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
			_ = ln.nl.Close()
		}
	}
}

// linger closes what dismiss has left, after overlapTime. What they accept until then is for the pool that is on a part of
// their address now.
func (p *Proxy) linger(c *plan) {
	for _, ln := range c.gone {
		if pl := c.next.within(ln); pl != nil {
			ln.pool.Store(pl)
			ln.closing = time.AfterFunc(overlapTime, func() { _ = ln.nl.Close() })
			p.lingering = append(p.lingering, ln)
		}
	}
}

// within is the pool whose listener's address is a part of ln's; nil: none's is.
func (l *lineup) within(ln *listener) *pool {
	i := slices.IndexFunc(l.listeners, ln.covers)
	if i < 0 {
		return nil
	}
	return l.pools[i]
}
