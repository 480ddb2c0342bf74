package configs

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/engine"
)

// doorKeys are about who may be a client of the pool.
func (p *pool) doorKeys() []key {
	number := "a number, at most 2147483647"
	return []key{
		p.sendersKey(),
		p.handshakeKey(),
		p.networksKey("allow_from", &p.AllowFrom),
		p.networksKey("deny_from", &p.DenyFrom),
		msecKey("client_idle_timeout", &p.ClientIdleTimeout),
		plainKey("client_connections_per_address", number, &p.ClientConnectionsPerAddress, 0, math.MaxInt32),
		plainKey("auth_failures", number, &p.AuthFailures, 0, math.MaxInt32),
	}
}

const (
	wantNetworks = "addresses and networks with blanks between them, such as 10.0.0.0/8 ::1"
	unixSender   = "unix"
)

func (p *pool) networksKey(name string, to *engine.Networks) key {
	return key{
		name: name, to: to, want: wantNetworks, isWords: true,
		set:  func(n *yaml.Node) string { return p.addNetwork(name, to, n.Value) },
		show: func() any { return orNil(strings.Join(networkTexts(*to), " ")) },
	}
}

func (p *pool) sendersKey() key {
	to := &p.ProxyProtocolFrom
	return key{
		name: "proxy_protocol_from", to: to, want: wantNetworks + ", or " + unixSender, isWords: true,
		set: func(n *yaml.Node) string {
			if n.Value == unixSender {
				to.Unix = true
				return ""
			}
			return p.addNetwork("proxy_protocol_from", &to.Networks, n.Value)
		},
		show: func() any {
			words := networkTexts(to.Networks)
			if to.Unix {
				words = append(words, unixSender)
			}
			return orNil(strings.Join(words, " "))
		},
	}
}

// handshakeKey is a time that cannot be without end: whoever connects and says nothing would stay.
func (p *pool) handshakeKey() key {
	k := msecKey("handshake_timeout", &p.HandshakeTimeout)
	k.want = "milliseconds, digits only, from 1 to 2147483647"
	set := k.set
	k.set = func(n *yaml.Node) string {
		reason := set(n)
		if reason == "" && p.HandshakeTimeout == 0 {
			reason = "is out of range"
		}
		return reason
	}
	return k
}

// orNil has a key with an empty value left out.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// addNetwork reads an address or a network, whose host has to be zero: 10.0.0.1/8 could be meant either way.
func (p *pool) addNetwork(key string, to *engine.Networks, word string) (reason string) {
	text := word
	if !strings.Contains(word, "/") {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return "is no address"
		}
		if a.Zone() != "" {
			return "has a zone, which an address has not here"
		}
		text = netip.PrefixFrom(a, a.BitLen()).String()
	}
	n, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return "is no network"
	case n != n.Masked():
		return fmt.Sprintf("has a host that is not zero: the network is %s, the address %s", n.Masked(), n.Addr())
	case n.Addr().Is4In6(): // it has 96 bits or more, or its host would not be zero
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	if !p.again(key, n.String()) {
		*to = append(*to, n)
	}
	return ""
}

// networkTexts are n as a file has them, an address without the bits that all of them have.
func networkTexts(n engine.Networks) []string {
	texts := make([]string, 0, len(n))
	for _, p := range n {
		text := p.String()
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		texts = append(texts, text)
	}
	return texts
}

// door warns of what can never matter to a pool.
func (c *checker) door(p *pool) {
	senders, hasSenders := p.value("proxy_protocol_from")
	isUnix, isTCP := p.Listen.Network == "unix", p.Listen.Network == "tcp"
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	switch from := &p.ProxyProtocolFrom; {
	case !hasSenders:
	case isUnix && !from.Unix:
		c.warn(senders, at("proxy_protocol_from").because("has no %q, and the pool listens on a unix socket: nobody is expected to send a header", unixSender))
	case isTCP && len(from.Networks) == 0:
		c.warn(senders, at("proxy_protocol_from").because("has only %q, and the pool does not listen on a unix socket: nobody is expected to send a header", unixSender))
	}
	if n := p.userWith("address=", func(v string) bool { return v == unixSender }); n != nil && isTCP && !hasSenders {
		c.warn(n, at("users").because("have one with address=%s, and the pool does not listen on a unix socket: nobody is that user by it", unixSender))
	}
	if !isUnix || p.ProxyProtocolFrom.Unix {
		return
	}
	if n := p.userWith("address=", func(v string) bool { return v != unixSender }); n != nil {
		c.warn(n, at("users").because("have one by address, and who comes by a unix socket has none: nobody is that user by it"))
	}
	for _, key := range []string{"allow_from", "deny_from", "client_connections_per_address"} {
		if n, ok := p.value(key); ok {
			c.warn(n, at(key).because("is without effect: who comes by a unix socket has no address"))
		}
	}
}
