package audit

import (
	"net/netip"
	"strings"
	"time"
)

// Whoever reaches a port can make events: with each command that is refused to it, each login, each connection. So an address has a line
// for each event only as long as it has few. Past that its events are counted by what they have in common, and a second of them is one
// line, which says how many it stands for:
//
//	{"event":"refused","pool":"p","client":"192.0.2.7","user":"default","command":"get","reason":"login","times":833000}
//
// What an address may vary at will, a command's name or that of a user, has no more than maxSums of these lines a second; the rest of its events is
// counted without them. So nothing of who, of what kind and how many is lost, and an address adds linesPerSecond + maxSums lines and a
// few more to the log in a second, however many connections and names it has.

const (
	// burstLines is how many events of an address have their own lines before any is summed, and linesPerSecond how many more a second.
	burstLines, linesPerSecond = 1000, 20
	// maxSums is how many different sums an address has in a second.
	maxSums = 8
	// maxAddresses is how many addresses are told apart; all that come when there are as many are one, which has no name.
	maxAddresses = 4096
	// perLine is in how many nanoseconds a line of an address comes.
	perLine = int64(time.Second) / linesPerSecond
)

// flood is what each address has lately had in the log.
type flood struct{ of map[origin]*address }

// origin is where clients come from: an IPv4 address, or a network of IPv6, 64 bits of it, which one host may have whole; or else a name, as
// that of unix sockets.
type origin struct {
	ip   netip.Addr
	name string
}

func originOf(client string) origin {
	name := host(client)
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	if err != nil {
		return origin{name: name}
	}
	if ip = ip.Unmap(); ip.Is6() {
		of, _ := ip.WithZone("").Prefix(networkBits)
		ip = of.Addr()
	}
	return origin{ip: ip}
}

const networkBits = 64

// String is what lines have in place of a client.
func (o origin) String() string {
	switch {
	case !o.ip.IsValid():
		return o.name
	case o.ip.Is6():
		return netip.PrefixFrom(o.ip, networkBits).String()
	}
	return o.ip.String()
}

// address is one of them.
type address struct {
	name   string
	fullAt int64 // when it has burstLines again, in nanoseconds of Unix's time
	sums   sums
}

// sums are those of an address.
type sums map[sumKey]*sum

// sum is events that one line stands for.
type sum struct {
	Event
	host string // of its clients; "": they have several
	all  bool   // they are of one client
}

// sumKey is what events have in common that one line stands for.
type sumKey struct{ name, pool, user, command, result, reason string }

// admits says whether e has a line of its own; if not it is in a sum.
func (f *flood) admits(e *Event) bool {
	a, now := f.address(originOf(e.Client)), e.At.UnixNano()
	if at := max(a.fullAt, now) + perLine; at-now <= burstLines*perLine {
		a.fullAt = at
		return true
	}
	a.add(e)
	return false
}

// address is who comes from there, or all whom there is no room for.
func (f *flood) address(from origin) *address {
	if f.of == nil {
		f.of = make(map[origin]*address)
	}
	a := f.of[from]
	if a == nil && len(f.of) >= maxAddresses {
		from = origin{}
		a = f.of[from]
	}
	if a == nil {
		from.name = strings.Clone(from.name)
		a = &address{name: from.String()}
		f.of[from] = a
	}
	return a
}

// add counts e.
func (a *address) add(e *Event) {
	key := sumKey{e.Name, e.Pool, e.User, e.Command, e.Result, e.Reason}
	s := a.sums[key]
	if s == nil && len(a.sums) >= maxSums {
		key = sumKey{name: e.Name, pool: e.Pool} // there are as many of these as an administrator has pools
		s = a.sums[key]
	}
	if s == nil {
		if a.sums == nil {
			a.sums = make(sums)
		}
		key = sumKey{key.name, key.pool, strings.Clone(key.user), strings.Clone(key.command), strings.Clone(key.result), key.reason}
		s = &sum{all: true, Event: Event{
			Name: key.name, Pool: key.pool, User: key.user, Command: key.command, Result: key.result, Reason: key.reason,
			Client: strings.Clone(e.Client), ID: e.ID,
		}}
		s.host = host(s.Client)
		a.sums[key] = s
	}
	s.At = e.At
	if s.Times++; s.all && s.ID == e.ID && s.Client == e.Client {
		return
	}
	if s.all, s.ID = false, 0; s.host != host(e.Client) { // of several clients the line has what they have in common
		s.host = ""
	}
	if s.Client = s.host; s.host == "" {
		s.Client = a.name
	}
}

// take appends the sums that there are to list, which are nobody else's from now on; and forgets addresses that had nothing for long.
func (f *flood) take(now time.Time, list []sums) []sums {
	for from, a := range f.of {
		if len(a.sums) > 0 {
			list = append(list, a.sums)
			a.sums = nil
		}
		if a.fullAt <= now.UnixNano() {
			delete(f.of, from)
		}
	}
	return list
}

// host is a client's address without its port.
func host(client string) string {
	if i := strings.LastIndexByte(client, ':'); i >= 0 {
		return client[:i]
	}
	return client
}
