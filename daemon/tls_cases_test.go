package daemon

import (
	"crypto/tls"
	"maps"
	"net"
	"os"
	"testing"
	"time"

	"cashew/tests/certtest"
)

// What a file has besides before a setting of TLS changes.
var (
	tlsFiles  = map[string]string{"tls_cert_file": "DIR/tls.crt", "tls_key_file": "DIR/tls.key"}
	tlsOn     = with(tlsFiles, "tls", "on")
	tlsOld    = with(tlsOn, "tls_protocols", "TLSv1.2")
	tlsProved = with(tlsOn, "tls_ca_cert_file", "DIR/tls.crt")
	serverTLS = map[string]string{"timeout": "500", "server_tls": "true", "server_tls_cert_file": "DIR/tls.crt", "server_tls_key_file": "DIR/tls.key"}
)

func with(m map[string]string, key, value string) map[string]string {
	all := maps.Clone(m)
	all[key] = value
	return all
}

// writeTLS writes a certificate to dir, which is its own CA, as tls.crt and other.crt, and its key as tls.key and same.key.
func writeTLS(t *testing.T, dir string) {
	t.Helper()
	p := certtest.New(t, "nobody").Issue(t, certtest.Of{SelfSigned: true})
	for name, text := range map[string][]byte{"tls.crt": p.PEM, "other.crt": p.PEM, "tls.key": p.KeyPEM, "same.key": p.KeyPEM} {
		if err := os.WriteFile(dir+"/"+name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// tlsState is of a client without a certificate whose PING was answered; without a version where it was not.
func (in *instance) tlsState() (s tls.ConnectionState) {
	c, err := net.Dial("unix", in.dir+"/p")
	if err != nil {
		return s
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	t := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	if _, err := t.Write([]byte("PING\r\n")); err != nil {
		return s
	}
	if n, err := t.Read(make([]byte, 16)); n == 0 || err != nil {
		return s
	}
	return t.ConnectionState()
}

func (in *instance) speaksTLS() bool { return in.tlsState().Version != 0 }

// speaksPlain says whether a client that speaks no TLS is answered.
func (in *instance) speaksPlain() bool {
	c, err := net.Dial("unix", in.dir+"/p")
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 1)
	_, _ = c.Write([]byte("PING\r\n"))
	n, _ := c.Read(b)
	return n == 1 && b[0] == '+'
}
