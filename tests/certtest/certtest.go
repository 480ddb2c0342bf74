// Package certtest makes certificates for tests of TLS, by authorities of their own: good ones, expired ones, and such that nobody
// signed but they themselves. All are of ECDSA P-256, good for localhost and 127.0.0.1 unless a test says otherwise, and stand in
// files that are gone after the test.
package certtest

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
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	File string // of its own certificate, in PEM
	Pool *x509.CertPool

	name string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
	made int
}

// Pair is a certificate with its key.
type Pair struct {
	Cert, Key string // files in PEM

	PEM, KeyPEM []byte // what is in them
}

// Of says what a certificate is to be; the zero Of is a good one.
type Of struct {
	Name       string   // the subject's common name; "": that of nobody
	Hosts      []string // names and addresses; nil: localhost and 127.0.0.1
	Expired    bool     // an hour ago
	SelfSigned bool

	Ends time.Duration // from now; 0: in two days
}

// New returns an authority of that name, which nobody else has.
func New(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{name: name, dir: t.TempDir()}
	a.key = newKey(t)
	tmpl := a.template(Of{Name: name})
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.Pool = x509.NewCertPool()
	a.Pool.AddCert(a.cert)
	a.File = filepath.Join(a.dir, "ca.crt")
	write(t, a.File, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

// Issue makes a certificate, for either side of a connection.
func (a *Authority) Issue(t testing.TB, o Of) *Pair {
	t.Helper()
	tmpl := a.template(o)
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	key := newKey(t)
	parent, signer := a.cert, a.key
	if o.SelfSigned {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(a.dir, strconv.Itoa(a.made))
	p := &Pair{
		Cert: base + ".crt", Key: base + ".key",
		PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), KeyPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}),
	}
	write(t, p.Cert, p.PEM)
	write(t, p.Key, p.KeyPEM)
	return p
}

// TLS is p as crypto/tls has it.
func (p *Pair) TLS(t testing.TB) tls.Certificate {
	t.Helper()
	c, err := tls.X509KeyPair(p.PEM, p.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Put writes p to the files of another, as who renews it does.
func (p *Pair) Put(t testing.TB, into *Pair) {
	t.Helper()
	write(t, into.Cert, p.PEM)
	write(t, into.Key, p.KeyPEM)
}

func (a *Authority) template(o Of) *x509.Certificate {
	a.made++
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(int64(a.made)), Subject: pkix.Name{CommonName: o.Name, Organization: []string{a.name}},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(48 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if o.Ends != 0 {
		tmpl.NotAfter = now.Add(o.Ends)
	}
	if o.Expired {
		tmpl.NotAfter = now.Add(-time.Hour)
	}
	if o.Hosts == nil {
		o.Hosts = []string{"localhost", "127.0.0.1"}
	}
	for _, h := range o.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	return tmpl
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// write replaces the file at once: who reads it meanwhile has the old or the new.
func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
