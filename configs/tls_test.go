package configs

import (
	"os"
	"strings"
	"testing"

	"cashew/tests/certtest"
)

// writeCertificate writes a certificate that nobody signed but it itself, and its key.
func writeCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	p := certtest.New(t, "nobody").Issue(t, certtest.Of{SelfSigned: true})
	return p.Cert, p.Key
}

// TestTLSKeys: what is wrong with the keys of TLS is said of the key that it is wrong with.
func TestTLSKeys(t *testing.T) {
	cert, key := writeCertificate(t)
	otherCert, otherKey := writeCertificate(t)
	empty := t.TempDir() + "/empty.pem"
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ lines, key, says string }{
		{"tls: on", "tls", "needs a certificate and its key"},
		{"discovery: etcd x\n  discovery_tls: true\n  discovery_tls_cert_file: CERT\n  discovery_tls_key_file: OTHERKEY", "discovery_tls_cert_file", "private key does not match public key"},
		{"discovery: etcd x\n  discovery_tls: true\n  discovery_tls_cert_file: KEY\n  discovery_tls_key_file: CERT", "discovery_tls_cert_file", "can't be used with key"},
		{"discovery: etcd x\n  discovery_tls: true\n  discovery_tls_cert_file: CERT\n  discovery_tls_key_file: /nowhere", "discovery_tls_key_file", "no such file"},
		{"discovery: etcd x\n  discovery_tls: true\n  discovery_tls_ca_cert_file: EMPTY", "discovery_tls_ca_cert_file", "the file can't be used: it has no certificate in PEM"},
		{"tls: yes", "tls", `is not "off", "on" or "optional"`},
		{"tls: on\n  tls_cert_file: CERT", "tls_cert_file", `has no directive "tls_key_file:" beside it`},
		{"tls: on\n  tls_key_file: KEY", "tls_key_file", `has no directive "tls_cert_file:" beside it`},
		{"tls: on\n  tls_cert_file: /nowhere\n  tls_key_file: KEY", "tls_cert_file", "no such file"},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: /nowhere", "tls_key_file", "no such file"},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: OTHERKEY", "tls_cert_file", "private key does not match public key"},
		{"tls: on\n  tls_cert_file: EMPTY\n  tls_key_file: KEY", "tls_cert_file", "failed to find any PEM data"},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: KEY\n  tls_ca_cert_file: EMPTY", "tls_ca_cert_file", "has no certificate in PEM"},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: KEY\n  tls_auth_clients: yes", "tls_auth_clients", "nobody can prove"},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: KEY\n  tls_auth_clients: on", "tls_auth_clients", `is not "no", "optional" or "yes"`},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: KEY\n  tls_protocols: TLSv1.1 TLSv1.2", "tls_protocols", "has TLSv1.1, which is not safe"},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: KEY\n  tls_protocols: 1.3", "tls_protocols", `has "1.3", which is no protocol`},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: KEY\n  tls_ciphers: AES128-SHA:RC4-SHA", "tls_ciphers", `has "RC4-SHA", which is no cipher`},
		{"tls: on\n  tls_cert_file: CERT\n  tls_key_file: KEY\n  tls_ciphers: TLS_AES_128_GCM_SHA256", "tls_ciphers", "a cipher of TLS 1.3"},
		{"server_tls: true\n  server_tls_cert_file: CERT", "server_tls_cert_file", `has no directive "server_tls_key_file:"`},
		{"server_tls: true\n  server_tls_ca_cert_file: /nowhere", "server_tls_ca_cert_file", "no such file"},
		{"tls_cert_file: CERT", "tls_cert_file", "is ignored: tls is not on"},
		{"server_tls_name: x", "server_tls_name", "is ignored: server_tls is not on"},
	} {
		lines := strings.NewReplacer("OTHERCERT", otherCert, "OTHERKEY", otherKey, "EMPTY", empty, "CERT", cert, "KEY", key).Replace(c.lines)
		f, err := Parse("f.yml", []byte("p:\n  listen: 127.0.0.1:1\n  "+lines+"\n  servers:\n    - 127.0.0.1:2:1\n"))
		var text string
		switch {
		case err != nil:
			text = err.Error()
		default:
			text = strings.Join(f.Warnings, "\n")
		}
		if !strings.Contains(text, c.says) || !strings.Contains(text, c.key) || strings.Count(text, "\n") > 0 {
			t.Errorf("%s:\n%s\nwant one line about %s: %s", c.lines, text, c.key, c.says)
		}
	}
}
