package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The clients of a TLS workload speak TLS 1.3 with AES-128-GCM, and P-256 in their handshakes: with cashew at the port of plain clients,
// which pings and prefill are (tls: optional), with redis-server at another.

// certificate is what servers and proxies show, and its own CA.
type certificate struct{ cert, key string } // paths

func newCertificate(dir string) (c certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return c, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return c, err
	}
	c = certificate{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	if err := writePEM(c.cert, "CERTIFICATE", der); err != nil {
		return c, err
	}
	return c, writePEM(c.key, "EC PRIVATE KEY", keyDER)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// serverArgs are redis-server's for a TLS port besides the plain one.
func (c certificate) serverArgs(port string) []string {
	return []string{
		"--tls-port", port, "--tls-cert-file", c.cert, "--tls-key-file", c.key, "--tls-ca-cert-file", c.cert,
		"--tls-auth-clients", "no", "--tls-ciphersuites", "TLS_AES_128_GCM_SHA256",
	}
}
