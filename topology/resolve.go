package topology

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"cashew/world"
)

// resolver finds the addresses of a pool's servers. The ring knows a server by its configured name and never by these, so
// they may change at any time. A look-up that fails keeps the last good answer. Its methods block; no loop calls them.
// A pool that replaces another shares its resolver.
type resolver struct {
	lookup func(ctx context.Context, host string) ([]string, error)
	clock  world.Clock

	mu    sync.Mutex
	good  map[string][]string // the last answer, sorted, by host name
	heard map[string][]string // what whoever follows a server's name was last told, or its first answer, by Server.Addr
	next  time.Time           // when FollowNames looks all names up again; zero before its first
}

func newResolver(w world.World) *resolver {
	return &resolver{lookup: w.LookupHost, clock: w, good: make(map[string][]string), heard: make(map[string][]string)}
}

// addresses returns what to connect to for s, in the order to try them.
func (r *resolver) addresses(ctx context.Context, s *Server) ([]string, error) {
	switch {
	case s.Network == "unix":
		return []string{s.Addr}, nil
	case s.Addr == "":
		return nil, errNowhere
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, err
	}
	hosts := []string{host}
	if net.ParseIP(host) == nil {
		if hosts, err = r.resolve(ctx, host); err != nil {
			return nil, err
		}
		r.news(s, hosts, false)
	}
	addrs := make([]string, len(hosts))
	for i, h := range hosts {
		addrs[i] = net.JoinHostPort(h, port)
	}
	return addrs, nil
}

// errNowhere is for a server whose place nobody has told; package backend has the same words for a request to it.
var errNowhere = errors.New("nobody has told yet where the server is")

// resolve looks host up.
func (r *resolver) resolve(ctx context.Context, host string) (hosts []string, err error) {
	hosts, err = r.lookup(ctx, host)
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.good[host]
	if err != nil || len(hosts) == 0 {
		if len(last) > 0 {
			return last, nil
		}
		return nil, errors.Join(err, &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true})
	}
	slices.Sort(hosts)
	r.good[host] = hosts
	return hosts, nil
}

// news says that hosts are not what was told of s before; tell: now they are told. The last answer is no measure of that: a dial
// may have had it, or another server of the same host, and s's old connections know nothing of it.
func (r *resolver) news(s *Server, hosts []string, tell bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.heard[s.Addr]
	if was == nil || tell {
		r.heard[s.Addr] = hosts
	}
	return was != nil && !slices.Equal(was, hosts)
}

// untilNext is how long it is until all names are to be looked up again, at intervals of every: a reload neither puts the
// time off nor, unless every is shorter now, brings it forward.
func (r *resolver) untilNext(every time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	if latest := now.Add(every); r.next.IsZero() || r.next.After(latest) {
		r.next = latest
	}
	return r.next.Sub(now)
}

// lookedUp says that all names have been looked up.
func (r *resolver) lookedUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = time.Time{}
}

// DialTimeout bounds an attempt to connect where the pool has no timeout, or a longer one.
const DialTimeout = 5 * time.Second

func (p *Pool) dialTimeout() time.Duration {
	if t := p.opts.Timeout; t > 0 {
		return min(DialTimeout, t)
	}
	return DialTimeout
}

// Dial tries a server's addresses in turn until one answers, each for its share of the time that is left: one from which nothing
// comes back does not take that of the others. A name is resolved anew each time. It blocks, for DialTimeout or the pool's timeout at
// most.
func (p *Pool) Dial(s *Server) (net.Conn, error) {
	ctx, cancel := p.world.WithTimeout(context.Background(), p.dialTimeout())
	defer cancel()
	addrs, err := p.registry.resolver.addresses(ctx, s)
	if err != nil {
		return nil, err
	}
	for i, a := range addrs {
		nc, e := p.dialOne(ctx, s, a, len(addrs)-i)
		if e == nil {
			return nc, nil
		}
		err = e
	}
	return nil, err
}

// dialOne tries one address, for one of so many shares of the time that ctx has left.
func (p *Pool) dialOne(ctx context.Context, s *Server, addr string, shares int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok && shares > 1 {
		share, cancel := p.world.WithTimeout(ctx, end.Sub(p.world.Now())/time.Duration(shares))
		defer cancel()
		ctx = share
	}
	nc, err := p.world.Dial(ctx, s.Network, addr, world.DialOptions{Keepalive: p.opts.TCPKeepalive, UserTimeout: p.opts.ServerUserTimeout})
	if err != nil || p.tls == nil || s.sentinel && !p.opts.SentinelTLS {
		return nc, err
	}
	c, err := p.secure(ctx, nc, s)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

// secure makes of a connection to s one that speaks TLS, a little before ctx's deadline: that it does not is to be told to those who
// wait for it, and not that their own time ran out.
func (p *Pool) secure(ctx context.Context, nc net.Conn, s *Server) (net.Conn, error) {
	until, _ := ctx.Deadline()
	now := p.world.Now()
	if err := nc.SetDeadline(now.Add(until.Sub(now) / 10 * 9)); err != nil {
		return nil, err
	}
	c, err := p.tls.Handshake(nc, s.Addr)
	if err != nil {
		return nil, err
	}
	c.Apart = p.opts.Protocol.TLSApart()
	return c, nc.SetDeadline(time.Time{})
}

// FollowNames looks the servers' names up every ResolveInterval, at the times that the pool which p replaced would have, and
// has moved called for a server whose addresses are no longer what they were, with those it has now. It returns when ctx ends.
func (p *Pool) FollowNames(ctx context.Context, moved func(s *Server, hosts []string)) {
	if p.opts.ResolveInterval <= 0 {
		return
	}
	for {
		if p.world.Sleep(ctx, p.registry.resolver.untilNext(p.opts.ResolveInterval)) != nil {
			return
		}
		for _, s := range p.All() {
			p.follow(ctx, s, moved)
		}
		if ctx.Err() != nil {
			return // the pool that replaced p begins anew
		}
		p.registry.resolver.lookedUp()
	}
}

func (p *Pool) follow(ctx context.Context, s *Server, moved func(*Server, []string)) {
	host, _, err := net.SplitHostPort(s.Addr)
	if s.Network == "unix" || err != nil || net.ParseIP(host) != nil {
		return
	}
	ctx, cancel := p.world.WithTimeout(ctx, DialTimeout)
	defer cancel()
	if hosts, err := p.registry.resolver.resolve(ctx, host); err == nil && p.registry.resolver.news(s, hosts, true) {
		p.log.Info("server has other addresses", append(p.About(s), "addresses", hosts)...)
		moved(s, hosts)
	}
}
