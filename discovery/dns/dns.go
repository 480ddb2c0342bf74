// Package dns finds servers by DNS: all addresses that a name has (A, AAAA), or the servers that SRV records name. It asks again when what it was
// told has lived its time (TTL).
package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"cashew/discovery"
)

const (
	shortest = time.Second // between two questions, whatever the TTL
	longest  = time.Hour
	unheard  = 5 * time.Second // what says that there is nothing lives so long
	patience = 2 * time.Second // for a resolver's answer
	udpSize  = 1232            // what comes through everywhere in one piece
)

// resolvConf is where the system's resolvers stand.
const resolvConf = "/etc/resolv.conf"

// resolver asks for records.
type resolver struct {
	from []string // who is asked, in turn; nil: the system's
}

// addresses is a source of all addresses of a host.
type addresses struct {
	resolver
	host, port string
}

// Addresses is a source of the addresses that a host has, each with this port: a server's name is its address. from are resolvers, "host:port"; nil:
// the system's.
func Addresses(hostPort string, from []string) (discovery.Source, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	return &addresses{resolver{from}, host, port}, nil
}

// services is a source of servers that SRV records name.
type services struct {
	resolver
	name string
	last map[string]string // the address that a target had, for one that has several
}

// Services is a source of the servers that a name's SRV records have: a server's name is its target, with the port where several have one target.
func Services(name string, from []string) discovery.Source {
	return &services{resolver: resolver{from}, name: name, last: make(map[string]string)}
}

// Watch implements discovery.Source.
func (s *addresses) Watch(ctx context.Context, tell func(lines []string, err error)) {
	watch(ctx, s.look, tell)
}

// Watch implements discovery.Source.
func (s *services) Watch(ctx context.Context, tell func(lines []string, err error)) {
	watch(ctx, s.look, tell)
}

// watch looks again and again.
func watch(ctx context.Context, look func(context.Context) ([]string, time.Duration, error), tell func([]string, error)) {
	for failed := 0; ctx.Err() == nil; {
		lines, ttl, err := look(ctx)
		if ctx.Err() != nil {
			return
		}
		tell(lines, err)
		if err != nil {
			discovery.Pause(ctx, discovery.Backoff(failed))
			failed++
			continue
		}
		failed = 0
		discovery.Pause(ctx, min(max(ttl, shortest), longest))
	}
}

func (s *addresses) look(ctx context.Context) (lines []string, ttl time.Duration, err error) {
	addrs, ttl, err := s.hosts(ctx, s.host)
	for _, a := range addrs {
		lines = append(lines, fmt.Sprintf("%s:%s:1", a, s.port))
	}
	return lines, ttl, err
}

func (s *services) look(ctx context.Context) (lines []string, ttl time.Duration, err error) {
	records, ttl, err := s.ask(ctx, s.name, dns.TypeSRV)
	if err != nil {
		return nil, 0, err
	}
	targets := make(map[string]int)
	last := make(map[string]string)
	first := foremost(records)
	for _, srv := range first {
		targets[srv.Target]++
	}
	for _, srv := range first {
		addrs, lives, err := s.hosts(ctx, srv.Target)
		if err != nil {
			return nil, 0, err
		}
		if len(addrs) == 0 {
			return nil, 0, fmt.Errorf("dns: %s, a target of %s, has no address", srv.Target, s.name)
		}
		ttl = min(ttl, lives)
		addr := addrs[0].String()
		if was := s.last[srv.Target]; slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.String() == was }) {
			addr = was
		}
		last[srv.Target] = addr
		name, port := strings.ToLower(strings.TrimSuffix(srv.Target, ".")), strconv.Itoa(int(srv.Port))
		if targets[srv.Target] > 1 {
			name += ":" + port
		}
		lines = append(lines, fmt.Sprintf("%s:%s:%d %s", addr, port, max(1, srv.Weight), name))
	}
	s.last = last
	return lines, ttl, nil
}

// foremost are the records of the first priority. The others are for when none of these answers, which DNS does not know.
func foremost(records []dns.RR) (first []*dns.SRV) {
	for _, rr := range records {
		srv, ok := rr.(*dns.SRV)
		switch {
		case !ok || srv.Target == ".": // which says that there is no such service
		case len(first) == 0 || srv.Priority < first[0].Priority:
			first = []*dns.SRV{srv}
		case srv.Priority == first[0].Priority:
			first = append(first, srv)
		}
	}
	return first
}

// hosts are the addresses that a name has, sorted, and for how long.
func (r *resolver) hosts(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error) {
	ttl = longest
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		records, lives, err := r.ask(ctx, name, kind)
		if err != nil {
			return nil, 0, err
		}
		before := len(addrs)
		for _, rr := range records {
			var ip net.IP
			switch rr := rr.(type) {
			case *dns.A:
				ip = rr.A
			case *dns.AAAA:
				ip = rr.AAAA
			}
			if a, ok := netip.AddrFromSlice(ip); ok {
				addrs = append(addrs, a.Unmap())
			}
		}
		if len(addrs) > before { // that a name has none of the other kind is no reason to ask soon
			ttl = min(ttl, lives)
		}
	}
	if len(addrs) == 0 {
		ttl = unheard
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), ttl, nil
}

// ask asks for records of a kind, of one resolver after the other until one answers. That there are none is an answer.
func (r *resolver) ask(ctx context.Context, name string, kind uint16) (records []dns.RR, ttl time.Duration, err error) {
	from, names := r.from, []string{dns.Fqdn(name)}
	if from == nil {
		conf, err := dns.ClientConfigFromFile(resolvConf)
		if err != nil {
			return nil, 0, err
		}
		for _, s := range conf.Servers {
			from = append(from, net.JoinHostPort(s, conf.Port))
		}
		names = conf.NameList(name)
	}
	err = errors.New("dns: there is no resolver")
	for _, server := range from {
		if records, ttl, err = askOne(ctx, server, names, kind); err == nil {
			return records, ttl, nil
		}
	}
	return nil, 0, err
}

// askOne asks one resolver for the first of names that there is.
func askOne(ctx context.Context, server string, names []string, kind uint16) (records []dns.RR, ttl time.Duration, err error) {
	for _, name := range names {
		reply, err := exchange(ctx, server, name, kind)
		if err != nil {
			return nil, 0, fmt.Errorf("dns: %s asked for %s of %s: %w", server, dns.TypeToString[kind], name, err)
		}
		switch reply.Rcode {
		case dns.RcodeSuccess:
			return reply.Answer, lives(reply), nil
		case dns.RcodeNameError: // perhaps the next
		default:
			return nil, 0, fmt.Errorf("dns: %s asked for %s of %s: %s", server, dns.TypeToString[kind], name, dns.RcodeToString[reply.Rcode])
		}
	}
	return nil, unheard, nil
}

// exchange asks by UDP, and by TCP for a reply that UDP has no room for.
func exchange(ctx context.Context, server, name string, kind uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q := new(dns.Msg)
	q.SetQuestion(name, kind)
	q.SetEdns0(udpSize, false)
	reply, _, err := (&dns.Client{Net: "udp", UDPSize: udpSize}).ExchangeContext(ctx, q, server)
	if err == nil && reply.Truncated {
		reply, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, q, server)
	}
	return reply, err
}

// lives is how long what a reply says may be believed.
func lives(reply *dns.Msg) time.Duration {
	if len(reply.Answer) == 0 {
		return unheard
	}
	ttl := longest
	for _, rr := range reply.Answer {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
	}
	return ttl
}
