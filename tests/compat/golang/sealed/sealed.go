// Package sealed reads from the environment whether a program's target speaks TLS.
package sealed

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Config trusts the authority of COMPAT_TLS_CA, and shows the certificate of COMPAT_TLS_CERT if there is one. It is nil if the target
// speaks no TLS. A program whose environment is wrong ends.
func Config() *tls.Config {
	authority := os.Getenv("COMPAT_TLS_CA")
	if authority == "" {
		return nil
	}
	pem, err := os.ReadFile(authority) //nolint:gosec // the test says which
	if err != nil {
		fail(err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool()} //nolint:gosec // the library's own choice of versions
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		fail(fmt.Errorf("no certificate in %s", authority))
	}
	if cert := os.Getenv("COMPAT_TLS_CERT"); cert != "" {
		mine, err := tls.LoadX509KeyPair(cert, os.Getenv("COMPAT_TLS_KEY"))
		if err != nil {
			fail(err)
		}
		c.Certificates = []tls.Certificate{mine}
	}
	return c
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "golang:", err)
	os.Exit(1)
}
