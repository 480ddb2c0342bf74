package configs

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"cashew/ring"
	"cashew/tlsconn"
	"cashew/topology"
)

// discovered are the secrets of who is asked for a pool's servers.
type discovered struct{ username, password, token secret }

// discoveryKind is one of the ways to look for servers.
type discoveryKind struct {
	want string                 // what it looks for
	fits func(what string) bool // that is it
	asks bool                   // somebody whom discovery_from names
	has  []string               // settings of who is asked that have a meaning; "discovery_tls" stands for all of TLS's
}

// discoveryKinds are all ways to look for servers.
var discoveryKinds = map[string]discoveryKind{
	"consul": {
		want: "SERVICE [TAG]", asks: true, has: []string{"discovery_token", "discovery_tls"},
		fits: func(what string) bool { words := strings.Fields(what); return len(words) == 1 || len(words) == 2 },
	},
	"kubernetes": {want: "NAMESPACE/SERVICE:PORT", fits: kubernetesService.MatchString, asks: true, has: []string{"discovery_token", "discovery_tls"}},
	"etcd":       {want: "PREFIX", fits: isWord, asks: true, has: []string{"discovery_username", "discovery_password", "discovery_tls"}},
	"file":       {want: "PATH", fits: func(what string) bool { return what != "" }},
	"dns":        {want: "HOST:PORT", fits: isHostPort, asks: true},
	"srv":        {want: "NAME", fits: isWord, asks: true},
}

// kubernetesService is a service, by names of Kubernetes, and a port of it, by name or number.
var kubernetesService = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?:[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// wantDiscovery says what discovery may be.
func wantDiscovery() string {
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(discoveryKinds)) {
		all = append(all, fmt.Sprintf("%q", kind+" "+discoveryKinds[kind].want))
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// isWord says that there is something, without blanks.
func isWord(what string) bool { return what != "" && !strings.ContainsAny(what, " \t") }

// isAsked says that what is "host", "host:port", or an IPv6 address, which has brackets if there is a port. A user and a password, as URLs have
// them, stand elsewhere.
func isAsked(what string) bool {
	if strings.ContainsAny(what, "/@") {
		return false
	}
	return isHostPort(what) || isWord(what) && !strings.Contains(what, ":") || isIPv6(strings.Trim(what, "[]"))
}

// isHostPort says that what is "host:port", with an IPv6 address in brackets.
func isHostPort(what string) bool {
	host, port, err := net.SplitHostPort(what)
	n, ok := parseNumber(port)
	return err == nil && isWord(host) && ok && n >= 1 && n <= math.MaxUint16
}

// discoveryKeys are those of pools whose servers are looked for elsewhere than in the file.
func (p *pool) discoveryKeys() []key {
	keys := []key{
		{
			name: "discovery", to: &p.Discovery, want: wantDiscovery(), set: p.setDiscovery,
			show: func() any { return orNil(p.Discovery) },
		},
		{
			name: "discovery_from", to: &p.DiscoveryFrom, isWords: true, isSecret: true, want: `"host" or "host:port", several with blanks between them, an IPv6 address in brackets`,
			set: func(n *yaml.Node) string {
				if !isAsked(n.Value) {
					return "is no address of who is asked"
				}
				p.DiscoveryFrom = append(p.DiscoveryFrom, n.Value)
				return ""
			},
			show: func() any { return orNil(strings.Join(p.DiscoveryFrom, " ")) },
		},
		namedKey("on_membership", &p.ApplyMembership, map[string]bool{"warn": false, "apply": true}, "is not a valid rule"),
		hourKey("discovery_settle_msecs", &p.DiscoverySettle),
		hourKey("discovery_wait_msecs", &p.DiscoveryWait),
		pathKey("discovery_cache", "the path of a file", &p.DiscoveryCache),
		boolKey("discovery_tls", &p.DiscoveryTLS),
		pathKey("discovery_tls_ca_cert_file", "a file in PEM, of who signed the certificates", &p.DiscoveryTLSCACertFile),
		pathKey("discovery_tls_cert_file", "a file in PEM, a certificate and its chain", &p.DiscoveryTLSCertFile),
		pathKey("discovery_tls_key_file", "a file in PEM, the certificate's key", &p.DiscoveryTLSKeyFile),
		textKey("discovery_tls_name", "a name that the certificates have", &p.DiscoveryTLSName),
	}
	keys = slices.Concat(keys,
		p.secretKeys("discovery_username", "a user", &p.found.username, true),
		p.secretKeys("discovery_password", wantPassword, &p.found.password, false),
		p.secretKeys("discovery_token", "a token", &p.found.token, false),
	)
	for i := range keys {
		show := keys[i].show
		keys[i].show = func() any {
			if p.Discovery == "" {
				return nil
			}
			return show()
		}
	}
	return keys
}

// hourKey is msecKey for a time of at most an hour: nobody waits for more.
func hourKey(name string, to *time.Duration) key {
	k := msecKey(name, to)
	set := k.set
	k.want = "milliseconds, digits only, at most 3600000"
	k.set = func(n *yaml.Node) string {
		reason := set(n)
		if reason == "" && *to > time.Hour {
			return "is more than an hour"
		}
		return reason
	}
	return k
}

// setDiscovery takes a kind and what it is to look for, with one blank between them.
func (p *pool) setDiscovery(n *yaml.Node) (reason string) {
	line, reason := lineOf(n.Value)
	if reason != "" {
		return reason
	}
	kind, what, _ := strings.Cut(line, " ")
	what = strings.Trim(what, " ")
	k, ok := discoveryKinds[kind]
	switch {
	case !ok:
		return "does not say where servers are to be looked for"
	case !k.fits(what):
		return fmt.Sprintf("does not say what %s is to look for: %s", kind, k.want)
	}
	p.Discovery = kind + " " + what
	return ""
}

// discovery checks a pool whose servers are looked for as a whole.
func (c *checker) discovery(p *pool) {
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	for _, name := range []string{"discovery_username", "discovery_password", "discovery_token"} {
		c.once(p, name)
	}
	if _, given := p.given["discovery"]; !given {
		for _, name := range keyNames(p.discoveryKeys())[1:] {
			if g, given := p.given[name]; given {
				wrong := at(name).because(`directive "%s:" is only valid for a pool with discovery`, name)
				wrong.Want = `"discovery:" beside it`
				c.report(g.name, wrong)
			}
		}
		return
	}
	for _, name := range []string{"cluster", "sentinels"} {
		if g, given := p.given[name]; given && (name != "cluster" || p.Cluster) {
			wrong := at(name).because(`does not go with "discovery:": who is asked says where all servers are`)
			wrong.Want = "one of the two"
			c.report(g.name, wrong)
		}
	}
	for _, k := range []struct{ has, wants string }{
		{"discovery_tls_cert_file", "discovery_tls_key_file"}, {"discovery_tls_key_file", "discovery_tls_cert_file"},
	} {
		if g := p.given[k.has]; g.ok && !p.given[k.wants].ok {
			c.report(g.name, at(k.has).because("needs %s beside it", k.wants))
		}
	}
	for _, name := range []string{"discovery_tls_ca_cert_file", "discovery_tls_cert_file", "discovery_tls_name"} {
		if g := p.given[name]; g.ok && !p.DiscoveryTLS {
			wrong := at(name).because("is of no use without discovery_tls")
			wrong.Want = `"discovery_tls: true" beside it`
			c.report(g.name, wrong)
		}
	}
	c.discoveryFiles(p)
	c.discoveryKind(p)
	c.discoveredLines(p)
	if _, ok := p.given["servers"]; !ok && p.DiscoveryCache == "" {
		found := at("discovery").because("is all that the pool has: a start at which nobody answers knows of no server")
		if !p.ApplyMembership {
			found = at("discovery").because("is all that the pool has: a start at which nobody answers knows of no server, and on_membership: warn keeps whatever ring the last start found")
		}
		found.Want = "servers to begin with, or discovery_cache, beside it"
		c.warn(p.given["discovery"].name, found)
	}
	p.keepDiscovery()
}

// discoveryFiles checks the files of TLS as they are read for each connection, and warns of what is no mistake in them.
func (c *checker) discoveryFiles(p *pool) {
	if c.again {
		return
	}
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	if g := p.given["discovery_tls_ca_cert_file"]; g.ok {
		if _, err := tlsconn.LoadPool(g.value.Value); err == nil {
			c.ending(g, at("discovery_tls_ca_cert_file"), true)
		} else {
			c.report(g.value, at("discovery_tls_ca_cert_file").because("the file can't be used: %v", reasonOf(err)))
		}
	}
	c.openKey(p.given["discovery_tls_key_file"], at("discovery_tls_key_file"))
	if cert, key := p.given["discovery_tls_cert_file"], p.given["discovery_tls_key_file"]; cert.ok && key.ok {
		c.pair(cert, key, at("discovery_tls_cert_file"), at("discovery_tls_key_file"))
	}
}

// discoveryLogin reports a user without a password, or a password without a user: it takes both to log in.
func (c *checker) discoveryLogin(p *pool) {
	user, userKey := p.firstOf("discovery_username")
	password, passwordKey := p.firstOf("discovery_password")
	for _, one := range []struct {
		given       given
		key, other  string
		lacks, word string
	}{
		{password, passwordKey, userKey, "discovery_username", "user"},
		{user, userKey, passwordKey, "discovery_password", "password"},
	} {
		if one.key != "" && one.other == "" {
			wrong := Problem{Pool: p.Name, Key: one.key}.because("has no %s", one.word)
			wrong.Want = fmt.Sprintf("%[1]s, %[1]s_file or %[1]s_env beside it", one.lacks)
			c.report(one.given.name, wrong)
		}
	}
}

// discoveredLines reports lines below servers that a source could not tell.
func (c *checker) discoveredLines(p *pool) {
	for _, n := range p.entries {
		if _, reason := parseServer(n.Value); reason != "" {
			continue // that is told, or they are others'
		}
		if _, reason := parseDiscovered(n.Value); reason != "" {
			wrong := Problem{Pool: p.Name, Key: "servers", Value: n.Value}.because("%s", reason)
			wrong.Want = `no such server in a pool with discovery`
			c.report(n, wrong)
		}
	}
}

// discoveryKind reports settings that have no meaning for the kind of discovery.
func (c *checker) discoveryKind(p *pool) {
	kind, _, _ := strings.Cut(p.Discovery, " ")
	k, ok := discoveryKinds[kind]
	if !ok {
		return
	}
	if slices.Contains(k.has, "discovery_username") {
		c.discoveryLogin(p)
	}
	for _, name := range slices.Concat(waysOf("discovery_username"), waysOf("discovery_password"), waysOf("discovery_token"), []string{"discovery_from", "discovery_tls"}) {
		g, given := p.given[name]
		base := strings.TrimSuffix(strings.TrimSuffix(name, "_file"), "_env")
		if !given || slices.Contains(k.has, base) || k.asks && name == "discovery_from" || name == "discovery_tls" && !p.DiscoveryTLS {
			continue
		}
		wrong := Problem{Pool: p.Name, Key: name}.because("has no meaning for discovery: %s", kind)
		wrong.Want = "no such line"
		c.report(g.name, wrong)
	}
}

// keepDiscovery gives the pool's options what was read apart.
func (p *pool) keepDiscovery() {
	p.DiscoveryUsername, p.DiscoveryPassword, p.DiscoveryToken = p.found.username.text, p.found.password.text, p.found.token.text
	p.DiscoveryShown = make(map[string]any)
	for name, shown := range p.shown { // the protocol has no part in these
		if strings.HasPrefix(name, "discovery_") {
			p.DiscoveryShown[name] = shown
		}
	}
	maps.DeleteFunc(p.shown, func(name string, _ any) bool { return strings.HasPrefix(name, "discovery_") })
	if p.Begin = p.Servers; len(p.Servers) == 0 {
		p.Servers = topology.Nowhere()
	}
}

// sameCache checks that no two pools keep what is discovered in one file.
func (c *checker) sameCache() {
	pools := make(map[string]*pool)
	for _, p := range c.pools {
		n, ok := p.value("discovery_cache")
		if !ok {
			continue
		}
		if first := pools[n.Value]; first != nil {
			c.report(n, Problem{Pool: p.Name, Key: "discovery_cache"}.because("is pool %s's already", oneLine(first.Name)))
			continue
		}
		pools[n.Value] = p
	}
}

// maxDiscovered is how many servers a list may have.
const maxDiscovered = 4096

// ParseServers reads a list of servers as it could stand in a file, and sorts it. A line that is there twice counts once. Errors are joined.
func ParseServers(lines []string) (servers []topology.ServerOptions, err error) {
	if len(lines) > maxDiscovered {
		return nil, fmt.Errorf("%d servers; at most %d are taken", len(lines), maxDiscovered)
	}
	var errs []error
	names := make(map[string]topology.ServerOptions, len(lines))
	for _, line := range lines {
		srv, reason := topology.ServerOptions{}, reasonServerForm
		if line != "" {
			srv, reason = parseDiscovered(line)
		}
		was, twice := names[srv.Name]
		switch {
		case reason != "":
			errs = append(errs, fmt.Errorf("%s %s", quoted(line), reason))
		case isUnreachable(srv):
			errs = append(errs, fmt.Errorf("%s has a host that can never be connected to", quoted(line)))
		case twice && was.Addr == srv.Addr && was.Weight == srv.Weight:
		case twice:
			errs = append(errs, fmt.Errorf("%q and %q have the same name", was.PName, srv.PName))
		default:
			names[srv.Name] = srv
			servers = append(servers, srv)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs[:min(len(errs), maxShownErrors)]...)
	}
	ring.SortServers(servers, func(s topology.ServerOptions) string { return s.Name })
	return servers, nil
}

// maxServerText is how long a server's name may be, and its address, in bytes. A host of DNS is shorter.
const maxServerText = 255

// parseDiscovered is parseServer for a pool whose servers are looked for elsewhere, also for its own lines: what YAML would not take, or takes off,
// is no part of a name there.
func parseDiscovered(line string) (srv topology.ServerOptions, reason string) {
	if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
		return srv, "has a control character, or is no UTF-8"
	}
	srv, reason = parseServer(line)
	switch {
	case reason != "":
	case strings.ContainsAny(srv.Name, quotes), srv.Network == "tcp" && strings.ContainsAny(srv.Addr, quotes):
		reason = "has a quote in its name or its address"
	case len(srv.Name) > maxServerText || len(srv.Addr) > maxServerText:
		reason = fmt.Sprintf("has a name or an address of more than %d bytes", maxServerText)
	}
	return srv, reason
}

const quotes = `"'`

// quoted is a line of a list in quotes, as much of it as a line of the log has room for.
func quoted(line string) string {
	const most = 100
	if len(line) <= most {
		return strconv.Quote(line)
	}
	return strconv.Quote(line[:most]) + "..."
}

// maxShownErrors is how many of a list's mistakes are told.
const maxShownErrors = 5

// ServerLines are servers as ParseServers reads them.
func ServerLines(servers []topology.ServerOptions) []string {
	lines := make([]string, len(servers))
	for i := range servers {
		lines[i] = serverEntry(&servers[i])
	}
	return lines
}
