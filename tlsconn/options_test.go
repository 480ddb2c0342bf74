package tlsconn

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

func TestParseVersions(t *testing.T) {
	for _, c := range []struct {
		text   string
		want   Protocols
		shown  string
		reason string
	}{
		{"TLSv1.2", Protocols{tls.VersionTLS12, tls.VersionTLS12}, "TLSv1.2", ""},
		{"TLSv1.3", Protocols{tls.VersionTLS13, tls.VersionTLS13}, "TLSv1.3", ""},
		{" tlsv1.3  TLSv1.2 TLSv1.3 ", Protocols{tls.VersionTLS12, tls.VersionTLS13}, "TLSv1.2 TLSv1.3", ""},
		{"", Protocols{}, "", "names no protocol"},
		{"TLSv1.1 TLSv1.2", Protocols{}, "", "TLSv1.1, which is not safe"},
		{"TLSv1 TLSv1.2", Protocols{}, "", "TLSv1, which is not safe"},
		{"SSLv3", Protocols{}, "", "SSLv3, which is not safe"},
		{"TLSv1.4", Protocols{}, "", `"TLSv1.4", which is no protocol`},
		{"1.2", Protocols{}, "", `"1.2", which is no protocol`},
	} {
		p, reason := ParseVersions(c.text)
		if !strings.Contains(reason, c.reason) || (reason == "") != (c.reason == "") {
			t.Errorf("ParseVersions(%q): %q; want %q", c.text, reason, c.reason)
		}
		if reason == "" && (p != c.want || p.String() != c.shown) {
			t.Errorf("ParseVersions(%q) = %v, %q; want %v, %q", c.text, p, p, c.want, c.shown)
		}
	}
	if s := (Protocols{}).String(); s != "" {
		t.Errorf("the zero Protocols are shown as %q", s)
	}
}

func TestParseCiphers(t *testing.T) {
	for _, c := range []struct{ text, shown, reason string }{
		{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"AES256-SHA:ECDHE-ECDSA-CHACHA20-POLY1305", "AES256-SHA:ECDHE-ECDSA-CHACHA20-POLY1305", ""},
		{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, AES128-SHA", "ECDHE-ECDSA-AES128-GCM-SHA256:AES128-SHA", ""},
		{"ECDHE-RSA-AES256-GCM-SHA384:!aNULL:!MD5", "ECDHE-RSA-AES256-GCM-SHA384", ""},
		{"", "", "names no cipher"},
		{"!MD5", "", "names no cipher"},
		{"!AES128-SHA:DEFAULT", "", `"!AES128-SHA", which is no cipher`},
		{"RC4-SHA", "", `"RC4-SHA", which is no cipher`},
		{"TLS_RSA_WITH_RC4_128_SHA", "", "no cipher"},
		{"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "", "no cipher"},
		{"TLS_AES_128_GCM_SHA256", "", "a cipher of TLS 1.3"},
		{"TLS_CHACHA20_POLY1305_SHA256", "", "a cipher of TLS 1.3"},
		{"AES128-GCM-SHA256:nothing", "", `"nothing"`},
	} {
		ids, reason := ParseCiphers(c.text)
		if !strings.Contains(reason, c.reason) || (reason == "") != (c.reason == "") {
			t.Errorf("ParseCiphers(%q): %q; want %q", c.text, reason, c.reason)
		}
		if got := CipherNames(ids); reason == "" && got != c.shown {
			t.Errorf("ParseCiphers(%q) = %s; want %s", c.text, got, c.shown)
		}
	}
	for name, id := range openSSL {
		if ids, reason := ParseCiphers(name); reason != "" || !slices.Equal(ids, []uint16{id}) || CipherNames(ids) != name {
			t.Errorf("ParseCiphers(%q) = %v, %q; shown as %q", name, ids, reason, CipherNames(ids))
		}
	}
	for _, text := range []string{"DEFAULT", "HIGH:!aNULL:!kRSA"} {
		ids, reason := ParseCiphers(text)
		for _, id := range ids {
			if slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return s.ID == id }) {
				t.Errorf("%s has %s", text, tls.CipherSuiteName(id))
			}
		}
		if reason != "" || len(ids) < 6 {
			t.Errorf("ParseCiphers(%q) = %v, %q", text, ids, reason)
		}
	}
}

func TestAsks(t *testing.T) {
	for _, c := range []struct {
		o    FromClients
		want AuthClients
	}{
		{FromClients{}, AuthNo},
		{FromClients{TLSCACertFile: "ca"}, AuthYes},
		{FromClients{TLSCACertFile: "ca", TLSAuthClients: AuthNo}, AuthNo},
		{FromClients{TLSCACertFile: "ca", TLSAuthClients: AuthOptional}, AuthOptional},
	} {
		if got := c.o.Asks(); got != c.want {
			t.Errorf("%+v asks %d; want %d", c.o, got, c.want)
		}
	}
}
