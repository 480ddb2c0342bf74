package configs

import (
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/tlsconn"
)

// tlsKeys are those of TLS, named as in redis.conf without its dashes.
func (p *pool) tlsKeys() []key {
	auth := namedKey("tls_auth_clients", &p.TLSAuthClients, tlsconn.AuthNames, `is not "no", "optional" or "yes"`)
	show := auth.show
	auth.show = func() any {
		if p.TLS == tlsconn.Off {
			return nil
		}
		p.TLSAuthClients = p.Asks()
		return show()
	}
	return []key{
		namedKey("tls", &p.TLS, tlsconn.Modes, `is not "off", "on" or "optional"`),
		pathKey("tls_cert_file", "a file in PEM, the certificate and its chain", &p.TLSCertFile),
		pathKey("tls_key_file", "a file in PEM, the certificate's key", &p.TLSKeyFile),
		pathKey("tls_ca_cert_file", "a file in PEM, of who signed the clients' certificates", &p.TLSCACertFile),
		auth,
		protocolsKey("tls_protocols", &p.TLSProtocols),
		ciphersKey("tls_ciphers", &p.TLSCiphers),
		boolKey("server_tls", &p.ServerTLS),
		pathKey("server_tls_ca_cert_file", "a file in PEM, of who signed the servers' certificates", &p.ServerTLSCACertFile),
		pathKey("server_tls_cert_file", "a file in PEM, a certificate and its chain", &p.ServerTLSCertFile),
		pathKey("server_tls_key_file", "a file in PEM, the certificate's key", &p.ServerTLSKeyFile),
		textKey("server_tls_name", "a name that the servers' certificates have", &p.ServerTLSName),
		protocolsKey("server_tls_protocols", &p.ServerTLSProtocols),
		ciphersKey("server_tls_ciphers", &p.ServerTLSCiphers),
	}
}

func protocolsKey(name string, to *tlsconn.Protocols) key {
	return key{
		name: name, to: to, want: `"TLSv1.2", "TLSv1.3" or both`,
		set: func(n *yaml.Node) (reason string) {
			*to, reason = tlsconn.ParseVersions(n.Value)
			return reason
		},
		show: func() any {
			if to.Max == 0 {
				return nil
			}
			return to.String()
		},
	}
}

func ciphersKey(name string, to *[]uint16) key {
	return key{
		name: name, to: to, want: `OpenSSL's names with ":" between them, such as ECDHE-ECDSA-AES128-GCM-SHA256`,
		set: func(n *yaml.Node) (reason string) {
			*to, reason = tlsconn.ParseCiphers(n.Value)
			return reason
		},
		show: func() any {
			if *to == nil {
				return nil
			}
			return tlsconn.CipherNames(*to)
		},
	}
}

// tls checks a pool's keys of TLS together, and that the files can be used.
func (c *checker) tls(p *pool) {
	sides := []struct {
		on, cert, key string
		is            bool
		names         []string // keys that mean nothing unless it is on
	}{
		{"tls", "tls_cert_file", "tls_key_file", p.TLS != tlsconn.Off, []string{"tls_cert_file", "tls_key_file", "tls_ca_cert_file", "tls_auth_clients", "tls_protocols", "tls_ciphers"}},
		{"server_tls", "server_tls_cert_file", "server_tls_key_file", p.ServerTLS, []string{
			"server_tls_ca_cert_file", "server_tls_cert_file", "server_tls_key_file", "server_tls_name", "server_tls_protocols", "server_tls_ciphers",
		}},
	}
	ok := true
	for _, s := range sides {
		_, hasCert := p.given[s.cert]
		_, hasKey := p.given[s.key]
		switch {
		case !s.is:
			for _, name := range s.names {
				if g, given := p.given[name]; given {
					c.warn(g.value, Problem{Pool: p.Name, Key: name}.because("is ignored: %s is not on", s.on))
				}
			}
		case hasCert != hasKey:
			ok = false
			have, lack := s.cert, s.key
			if hasKey {
				have, lack = lack, have
			}
			c.report(p.given[have].name, Problem{Pool: p.Name, Key: have, Want: `"` + lack + `:" beside it`}.because("has no directive \"%s:\" beside it", lack))
		case !hasCert && s.on == "tls":
			ok = false
			c.report(p.given["tls"].name, Problem{Pool: p.Name, Key: "tls", Want: `"tls_cert_file:" and "tls_key_file:" beside it`}.because("needs a certificate and its key"))
		}
	}
	if g, given := p.given["tls_auth_clients"]; given && p.TLS != tlsconn.Off && p.TLSCACertFile == "" && p.Asks() != tlsconn.AuthNo {
		ok = false
		c.report(g.value, Problem{Pool: p.Name, Key: "tls_auth_clients", Want: `"tls_ca_cert_file:" beside it`}.because("asks for certificates that nobody can prove"))
	}
	if ok {
		c.tlsFiles(p)
		c.endings(p)
	}
}

// tlsFiles reads the files as the proxy will.
func (c *checker) tlsFiles(p *pool) {
	at := func(key string, err error) {
		g := p.given[key]
		if g.value == nil {
			return // told already, or not about the file
		}
		c.report(g.value, Problem{Pool: p.Name, Key: key, Value: g.value.Value, Want: "files that belong together, in PEM"}.because("%s", withoutSigned(strings.TrimPrefix(err.Error(), "tls: "))))
	}
	if _, err := tlsconn.NewAcceptor(p.FromClients, nil); err != nil {
		at(keyAbout(err, p.TLSCACertFile, "tls_ca_cert_file", p.TLSKeyFile, "tls_key_file", "tls_cert_file"), err)
	}
	if _, err := tlsconn.NewConnector(p.ToServers); err != nil {
		at(keyAbout(err, p.ServerTLSCACertFile, "server_tls_ca_cert_file", p.ServerTLSKeyFile, "server_tls_key_file", "server_tls_cert_file"), err)
	}
}

// keyAbout is the key of the file that err is about: of the first that it names, else the certificate's.
func keyAbout(err error, ca, caKey, key, keyKey, certKey string) string {
	text := err.Error()
	switch {
	case ca != "" && strings.Contains(text, ca):
		return caKey
	case key != "" && strings.Contains(text, key) && !strings.HasPrefix(text, "certificate "):
		return keyKey
	}
	return certKey
}
