package configs

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"cashew/engine"
	"cashew/topology"
)

// twemproxy's texts for addresses it refuses, with its missing space.
const (
	reasonListenForm = `has an invalid "hostname:port" format string`
	reasonListenPort = `has an invalid port in "hostname:port" format string`
	reasonListenMode = `has an invalid file permission in "socket_path permission" format string`
	reasonValue      = `has an invalid value`
	reasonServerForm = `has an invalid "hostname:port:weight [name]"or "/path/unix_socket:weight [name]" format string`
	reasonWeight     = `has an invalid weight in "hostname:port:weight [name]" format string`
	reasonZeroWeight = `has a zero weight in "hostname:port:weight [name]" format string`
	reasonServerPort = `has an invalid port in "hostname:port:weight [name]" format string`
)

const (
	unixPathMax    = 108 // sun_path on Linux, with the NUL that ends it
	lookupTimeout  = 20 * time.Second
	portNotInName  = 11211             // libmemcached leaves memcached's port out of what it hashes, and so does twemproxy
	unresolvable   = "no-host.invalid" // RFC 6761: never resolves
	maxPermissions = 0o777
)

// lookupFunc finds the first address of a host name.
type lookupFunc func(host string) (netip.Addr, error)

// lookupHost asks the system's resolver.
func lookupHost(host string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}

// parseListen reads "host:port", with an IPv6 address bare (":::22121"), or "/path [octal mode]". The host is resolved
// now, to its first address, since exactly one socket is bound. reason is empty if all is well.
//
// Source: twemproxy 0.5.0 nc_conf.c, conf_set_listen.
func parseListen(s string, lookup lookupFunc) (l engine.Listen, reason string) {
	l.Text = s
	if s[0] == '/' {
		l.Network, l.Addr = "unix", s
		if i := strings.LastIndexByte(s, ' '); i >= 0 {
			mode, ok := parseMode(s[i+1:])
			if !ok {
				return l, reasonListenMode
			}
			l.Addr, l.Mode = s[:i], mode
		}
		if len(l.Addr) >= unixPathMax {
			return l, reasonValue
		}
		return l, ""
	}

	host, portText, ok := cutLast(s, ':')
	if !ok {
		if port, ok := parseNumber(s); ok && port > 0 && port <= math.MaxUint16 {
			return l, reasonListenForm + ": it has no host; 0.0.0.0 stands for all addresses"
		}
		return l, reasonListenForm
	}
	port, ok := parseNumber(portText)
	if !ok || port < 1 || port > math.MaxUint16 {
		return l, reasonListenPort
	}
	if why := whyNoHost(host); why != "" {
		return l, reasonValue + ": " + why
	}
	addr, isNumeric, ok := parseIP(host)
	if !isNumeric && host != "" {
		var err error
		if addr, err = lookup(host); err != nil {
			return l, reasonValue + ": its host can't be found (" + whyNotFound(err) + ")"
		}
		ok = true
	}
	if !ok {
		return l, reasonValue
	}
	l.Network, l.Addr = "tcp", netip.AddrPortFrom(addr, uint16(port)).String()
	return l, ""
}

// whyNoHost says what is wrong with a host of listen that can be none; "": it may be one.
func whyNoHost(host string) string {
	switch {
	case host == "":
		return "it has no host; 0.0.0.0 stands for all addresses"
	case strings.Contains(host, "://"):
		return "a scheme does not belong to it"
	case strings.HasPrefix(host, "["):
		return "an IPv6 address has no brackets here"
	}
	return ""
}

// whyNotFound is what a resolver said, without the name, which stands beside it.
func whyNotFound(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.Err
	}
	return err.Error()
}

// parseMode reads permissions as C's strtol does in base 8: what follows the digits is ignored, and no digits are 0.
func parseMode(s string) (fs.FileMode, bool) {
	s = strings.TrimLeft(s, "\t\n\v\f\r ")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	var n uint64
	for i := 0; i < len(s) && s[i] >= '0' && s[i] <= '7'; i++ {
		n = n<<3 | uint64(s[i]-'0')
		if n > math.MaxInt64 {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	mode := uint32(n) // as C's mode_t, which is all that twemproxy looks at
	return fs.FileMode(mode), mode <= maxPermissions
}

// parseServer reads "host:port:weight [name]" or "/path:weight [name]", from the end: the name follows the last space,
// the weight the last colon before it, the port the one before that. The host is not resolved. reason is empty if all
// is well.
//
//	entry                  ring name      why
//	10.0.0.1:6379:1 a      a              it has a name
//	10.0.0.1:6379:1        10.0.0.1:6379  the port is as written: 06379 stays 06379
//	10.0.0.1:11211:1       10.0.0.1       memcached's port is left out
//	/tmp/r.sock:1          /tmp/r.sock:   an empty port, after its colon
//
// Source: twemproxy 0.5.0 nc_conf.c, conf_add_server.
func parseServer(s string) (srv topology.ServerOptions, reason string) {
	entry, name, named := cutLast(s, ' ')
	if !named {
		entry = s
	}
	isUnix := s[0] == '/'

	addr, weightText, ok := cutLast(entry, ':')
	if !ok {
		return srv, reasonServerForm
	}
	host, portText, hasPort := cutLast(addr, ':')
	if hasPort == isUnix {
		return srv, reasonServerForm
	}
	weight, ok := parseNumber(weightText)
	if !ok {
		return srv, reasonWeight
	}
	if weight == 0 {
		return srv, reasonZeroWeight
	}

	srv.PName, srv.Weight = entry, weight
	if named && name == "" {
		srv.PName = s
	}
	if isUnix {
		srv.Network, srv.Addr, srv.Name = "unix", addr, addr+":"
	} else {
		port, ok := parseNumber(portText)
		if !ok || port < 1 || port > math.MaxUint16 {
			return srv, reasonServerPort
		}
		srv.Network, srv.Addr, srv.Name = "tcp", net.JoinHostPort(dialHost(host), strconv.Itoa(port)), addr
		if port == portNotInName {
			srv.Name = host
		}
	}
	if named {
		srv.Name = name
	}
	return srv, ""
}

// dialHost returns what net.Dialer takes for a host as the C resolver does: "127.1" is 127.0.0.1, and no host is not
// the local one but an error at each connect.
func dialHost(host string) string {
	if host == "" {
		return unresolvable
	}
	if addr, ok := parseIPv4(host); ok {
		return addr.String()
	}
	return host
}

// isUnreachable says whether srv's host can never be connected to, for one of two common mistakes: there is none, or it
// is an IPv6 address in brackets.
func isUnreachable(srv topology.ServerOptions) bool {
	return srv.Network == "tcp" && (strings.HasPrefix(srv.Addr, unresolvable+":") || strings.HasPrefix(srv.Addr, "[["))
}

// parseIP reads an address as the C resolver does. isNumeric is true if s can be nothing else than an address; ok then
// says whether it is a valid one.
func parseIP(s string) (addr netip.Addr, isNumeric, ok bool) {
	if addr, ok := parseIPv4(s); ok {
		return addr, true, true
	}
	if !strings.Contains(s, ":") {
		return addr, false, false
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return addr, true, false
	}
	return addr, true, addr.Zone() == "" || isZone(addr)
}

// isZone says whether an address's zone is a number or, with a link-local address, the name of a network interface.
func isZone(addr netip.Addr) bool {
	if _, err := strconv.ParseUint(addr.Zone(), 10, 32); err == nil {
		return true
	}
	if !addr.IsLinkLocalUnicast() && !addr.IsLinkLocalMulticast() {
		return false
	}
	_, err := net.InterfaceByName(addr.Zone())
	return err == nil
}

// parseIPv4 reads all that C's inet_aton takes: one to four parts, each decimal, octal (0...) or hexadecimal (0x...);
// the last one fills all bytes that the others leave.
func parseIPv4(s string) (addr netip.Addr, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return addr, false
	}
	var ip uint64
	for i, part := range parts {
		base, digits := 10, part
		switch {
		case strings.HasPrefix(part, "0x"), strings.HasPrefix(part, "0X"):
			base, digits = 16, part[2:]
		case strings.HasPrefix(part, "0"):
			base = 8
		}
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (4 - i)
		}
		n, err := strconv.ParseUint(digits, base, bits)
		if err != nil {
			return addr, false
		}
		ip = ip<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), true
}

// cutLast cuts s at its last sep.
func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
