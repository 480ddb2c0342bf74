package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
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
	all := map[string]string{key: value}
	for k, v := range m {
		all[k] = v
	}
	return all
}

// writeTLS writes two certificates of one key to dir, each its own CA: tls.crt and other.crt, and the key as tls.key and same.key.
func writeTLS(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write := func(kind string, der []byte, names ...string) {
		for _, name := range names {
			if err := os.WriteFile(dir+"/"+name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, name := range []string{"tls.crt", "other.crt"} {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: "cashew"}, DNSNames: []string{"localhost"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		write("CERTIFICATE", der, name)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write("EC PRIVATE KEY", der, "tls.key", "same.key")
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
