package tlsconn

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// Mode is whether the clients of a pool speak TLS.
type Mode uint8

const (
	// Off is plain clients only.
	Off Mode = iota
	// On is TLS only.
	On
	// Optional is either, by the first byte that a client sends.
	Optional
)

// Modes are the modes by name.
var Modes = map[string]Mode{"off": Off, "on": On, "optional": Optional}

// AuthClients is whether clients show a certificate.
type AuthClients uint8

const (
	// AuthDefault is AuthYes where a CA is given, else AuthNo.
	AuthDefault AuthClients = iota
	// AuthNo asks for none.
	AuthNo
	// AuthOptional asks, and proves one that is shown.
	AuthOptional
	// AuthYes refuses clients without one.
	AuthYes
)

// AuthNames are redis.conf's words for it.
var AuthNames = map[string]AuthClients{"no": AuthNo, "optional": AuthOptional, "yes": AuthYes}

// Protocols are versions of TLS, from Min to Max; 0: crypto/tls's, from 1.2 on.
type Protocols struct{ Min, Max uint16 }

// FromClients are a pool's settings towards its clients. Files are paths, in PEM.
type FromClients struct {
	TLS            Mode
	TLSCertFile    string // with the chain behind it
	TLSKeyFile     string
	TLSCACertFile  string // who may have signed clients' certificates
	TLSAuthClients AuthClients
	TLSProtocols   Protocols
	TLSCiphers     []uint16 // of TLS 1.2; nil: crypto/tls's. Those of TLS 1.3 are not to be chosen
}

// Asks is TLSAuthClients with its default.
func (o *FromClients) Asks() AuthClients {
	switch {
	case o.TLSAuthClients != AuthDefault:
		return o.TLSAuthClients
	case o.TLSCACertFile != "":
		return AuthYes
	}
	return AuthNo
}

// ToServers are a pool's settings towards its servers.
type ToServers struct {
	ServerTLS           bool
	ServerTLSCACertFile string // who signed the servers' certificates; "": whom the system trusts
	ServerTLSCertFile   string // what servers are shown that ask; "": nothing
	ServerTLSKeyFile    string
	ServerTLSName       string // what servers are asked for, and have to prove; "": each its host
	ServerTLSProtocols  Protocols
	ServerTLSCiphers    []uint16 // as FromClients.TLSCiphers
}

// ParseVersions reads redis.conf's tls-protocols, such as "TLSv1.2 TLSv1.3". reason says what is wrong.
func ParseVersions(text string) (p Protocols, reason string) {
	versions := map[string]uint16{"tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13}
	for _, word := range strings.Fields(text) {
		v, ok := versions[strings.ToLower(word)]
		switch {
		case !ok && slices.Contains([]string{"tlsv1", "tlsv1.0", "tlsv1.1", "sslv2", "sslv3"}, strings.ToLower(word)):
			return p, fmt.Sprintf("has %s, which is not safe and not supported", word)
		case !ok:
			return p, fmt.Sprintf("has %q, which is no protocol", word)
		}
		if p.Min == 0 || v < p.Min {
			p.Min = v
		}
		p.Max = max(p.Max, v)
	}
	if p.Min == 0 {
		return p, "names no protocol"
	}
	return p, ""
}

// String is as ParseVersions reads it; "" for the zero Protocols.
func (p Protocols) String() string {
	var names []string
	for v := max(p.Min, 1); v <= p.Max; v++ {
		names = append(names, "TLSv"+strings.TrimPrefix(tls.VersionName(v), "TLS "))
	}
	return strings.Join(names, " ")
}

// openSSL is what OpenSSL calls the ciphers of TLS 1.2 that crypto/tls has. Those that it calls insecure for want of forward secrecy,
// or by CBC with SHA-256, have to be named one by one.
var openSSL = map[string]uint16{
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"ECDHE-ECDSA-AES128-SHA256":     tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-RSA-AES128-SHA256":       tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"AES128-SHA":                    tls.TLS_RSA_WITH_AES_128_CBC_SHA,
	"AES256-SHA":                    tls.TLS_RSA_WITH_AES_256_CBC_SHA,
}

// ParseCiphers reads redis.conf's tls-ciphers: names of OpenSSL, or of the IANA, with colons between them. DEFAULT and HIGH stand for
// all that are safe; what is taken away with ! is not among them. reason says what is wrong.
func ParseCiphers(text string) (ids []uint16, reason string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		switch id, ok := cipherID(word); {
		case ok:
			ids = append(ids, id)
		case word == "DEFAULT" || word == "HIGH":
			for _, s := range tls.CipherSuites() {
				if slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
					ids = append(ids, s.ID)
				}
			}
		case strings.HasPrefix(word, "!") && slices.Contains([]string{
			"aNULL", "eNULL", "NULL", "EXPORT", "EXP", "LOW", "MEDIUM", "MD5", "RC4", "DES", "3DES", "PSK", "SRP", "DSS", "ADH", "AECDH", "kRSA", "DH", "CAMELLIA", "SEED", "IDEA",
		}, word[1:]):
		case strings.HasPrefix(word, "TLS_AES_") || strings.HasPrefix(word, "TLS_CHACHA20_"):
			return nil, fmt.Sprintf("has %s, a cipher of TLS 1.3: those can't be chosen, all are safe", word)
		default:
			return nil, fmt.Sprintf("has %q, which is no cipher that there is here", word)
		}
	}
	if len(ids) == 0 {
		return nil, "names no cipher"
	}
	return ids, ""
}

func cipherID(name string) (uint16, bool) {
	if id, ok := openSSL[name]; ok {
		return id, true
	}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if s.Name == name && slices.Contains(s.SupportedVersions, tls.VersionTLS12) && !strings.Contains(name, "RC4") && !strings.Contains(name, "3DES") {
			return s.ID, true
		}
	}
	return 0, false
}

// CipherNames are OpenSSL's names of the ciphers.
func CipherNames(ids []uint16) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = tls.CipherSuiteName(id)
		for name, known := range openSSL {
			if known == id {
				names[i] = name
			}
		}
	}
	return strings.Join(names, ":")
}
