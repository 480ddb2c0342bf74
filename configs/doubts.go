package configs

import (
	"net/netip"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"cashew/engine"
	"cashew/tlsconn"
)

// What is no mistake, and worth a warning: who is let in that somebody meant to keep out, keys that others may read, and certificates
// that end.

// demands warns where clients are asked for something, and come in without it.
func (c *checker) demands(p *pool) {
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	lets := p.auth.text == ""
	if p.users != nil {
		lets = p.users.Begin().Open()
	}
	if p.TLS != tlsconn.Off && p.Asks() != tlsconn.AuthNo && lets {
		g, key := p.given["tls_auth_clients"], "tls_auth_clients"
		if g.value == nil {
			g, key = p.given["tls_ca_cert_file"], "tls_ca_cert_file"
		}
		who := "are let in as well, and nobody is asked for a password: the pool has neither users nor redis_auth"
		if p.users != nil {
			who = "are let in as well, and nobody is asked for a password: the user default is on, with nopass"
		}
		switch {
		case p.TLS == tlsconn.Optional:
			c.warn(g.value, at(key).because("keeps nobody out with tls: optional: clients that speak no TLS %s", who))
		case p.Asks() == tlsconn.AuthOptional:
			c.warn(g.value, at(key).because("keeps nobody out: clients without a certificate %s", who))
		}
	}
	if p.users != nil && (p.TLS == tlsconn.Off || p.Asks() == tlsconn.AuthNo) {
		if n := p.userWith("cert=", func(string) bool { return true }); n != nil {
			c.warn(n, at("users").because("have one by certificate, and clients are not asked for any: tls_ca_cert_file has them asked"))
		}
	}
	if n := p.userWith("address=", func(string) bool { return p.trustsAll() }); n != nil {
		c.warn(n, at("users").because("have one by address, which anybody can be: proxy_protocol_from lets everybody say where he comes from"))
	}
	for _, key := range []string{"allow_from", "deny_from", "client_connections_per_address"} {
		if g, ok := p.given[key]; ok && g.ok && p.trustsAll() {
			c.warn(g.value, at(key).because("keeps nobody out: proxy_protocol_from lets everybody say where he comes from"))
		}
	}
	if g := p.given["auth_failures"]; g.ok && p.AuthFailures > 0 && p.trustsAll() {
		c.warn(g.value, at("auth_failures").because("holds nobody up who guesses: proxy_protocol_from lets everybody say where he comes from"))
	}
}

// userWith is where the first of a pool's users is that has a word with this beginning, and behind it what is asked for; nil: there is none.
func (p *pool) userWith(word string, is func(value string) bool) *yaml.Node {
	if p.users == nil {
		return nil
	}
	for i, line := range p.userLines {
		for w := range strings.FieldsSeq(line) {
			if len(w) < len(word) || !strings.EqualFold(w[:len(word)], word) || !is(w[len(word):]) {
				continue
			}
			if i < len(p.userNodes) {
				return p.userNodes[i]
			}
			return p.given["aclfile"].value
		}
	}
	return nil
}

// trustsAll says that everybody may send a PROXY header, at least of those with one kind of addresses.
func (p *pool) trustsAll() bool {
	from := p.ProxyProtocolFrom.Networks
	return p.Listen.Network != "unix" && (covers(from, netip.PrefixFrom(netip.IPv4Unspecified(), 0)) || covers(from, netip.PrefixFrom(netip.IPv6Unspecified(), 0)))
}

// covers says whether each address of a network is in one of these.
func covers(all engine.Networks, of netip.Prefix) bool {
	inside := false
	for _, n := range all {
		if n.Bits() <= of.Bits() && n.Contains(of.Addr()) {
			return true
		}
		inside = inside || of.Contains(n.Addr())
	}
	if !inside {
		return false
	}
	bytes, bits := of.Addr().AsSlice(), of.Bits()
	bytes[bits/8] |= 0x80 >> (bits % 8) // not past the last: a single address is covered, or has nothing inside
	upper, _ := netip.AddrFromSlice(bytes)
	return covers(all, netip.PrefixFrom(of.Addr(), bits+1)) && covers(all, netip.PrefixFrom(upper, bits+1))
}

// endings warns of a pool's certificates that are good no more, or not for long, and of keys that everybody may read.
func (c *checker) endings(p *pool) {
	for _, side := range []struct {
		prefix string
		doubts []tlsconn.Doubt
	}{{"tls", p.ClientDoubts(time.Now())}, {"server_tls", p.ServerDoubts(time.Now())}} {
		for _, d := range side.doubts {
			key := side.prefix + "_cert_file"
			if d.CA {
				key = side.prefix + "_ca_cert_file"
			}
			c.warn(p.given[key].value, Problem{Pool: p.Name, Key: key, Value: d.File, Reason: d.Why})
		}
	}
	for _, key := range []string{"tls_key_file", "server_tls_key_file"} {
		c.openKey(p.given[key], Problem{Pool: p.Name, Key: key})
	}
}

// openKey warns of a file that holds a key, or a token, if everybody may read it.
func (c *checker) openKey(g given, at Problem) {
	if g.ok && lookAt(g.value.Value).open {
		at.Value, at.Reason, at.Want = g.value.Value, "holds a secret, and everybody may read it", "chmod o-r"
		c.warn(g.value, at)
	}
}
