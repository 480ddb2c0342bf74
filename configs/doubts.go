package configs

import (
	"strings"
	"time"

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
		const who = "are let in as well, and nobody is asked for a password: the pool has neither users nor redis_auth"
		switch {
		case p.TLS == tlsconn.Optional:
			c.warn(g.value, at(key).because("keeps nobody out with tls: optional: clients that speak no TLS "+who))
		case p.Asks() == tlsconn.AuthOptional:
			c.warn(g.value, at(key).because("keeps nobody out: clients without a certificate "+who))
		}
	}
	if p.users != nil && (p.TLS == tlsconn.Off || p.Asks() == tlsconn.AuthNo) {
		for i, line := range p.userLines {
			if strings.Contains(" "+line, " cert=") {
				n := p.given["aclfile"].value
				if i < len(p.userNodes) {
					n = p.userNodes[i]
				}
				c.warn(n, at("users").because("have one by certificate, and clients are not asked for any: tls_ca_cert_file has them asked"))
				break
			}
		}
	}
	for _, key := range []string{"allow_from", "deny_from", "client_connections_per_address"} {
		if g, ok := p.given[key]; ok && g.ok && p.trustsAll() {
			c.warn(g.value, at(key).because("keeps nobody out: proxy_protocol_from lets everybody say where he comes from"))
		}
	}
}

// trustsAll says that everybody may send a PROXY header.
func (p *pool) trustsAll() bool {
	for _, n := range p.ProxyProtocolFrom.Networks {
		if n.Bits() == 0 {
			return true
		}
	}
	return false
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

// adminFiles warns of what is wrong with the files of the admin pages, as far as they are there: another machine may check what this one
// will run.
func (c *checker) adminFiles(given map[string]given) {
	at := func(key string) Problem { return Problem{Key: globalSection + "." + key} }
	if g := given["admin_token_file"]; g.ok && lookAt(g.value.Value).err == "" {
		if _, _, err := readSecret(g.value.Value); err != nil {
			wrong := at("admin_token_file").because("has no token: %v", err)
			wrong.Value = g.value.Value
			c.warn(g.value, wrong)
		}
	}
	for _, key := range []string{"admin_token_file", "admin_tls_key_file"} {
		c.openKey(given[key], at(key))
	}
	if g := given["admin_tls_cert_file"]; g.ok {
		if why := tlsconn.DoubtOf(g.value.Value, false, time.Now()); why != "" {
			wrong := at("admin_tls_cert_file").because("%s", why)
			wrong.Value = g.value.Value
			c.warn(g.value, wrong)
		}
	}
}
