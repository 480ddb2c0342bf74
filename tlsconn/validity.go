package tlsconn

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"cashew/regular"
)

// Doubt is what the certificates of a file may soon be good for no more.
type Doubt struct {
	File string
	CA   bool   // it is of who signs, and not what is shown
	Why  string // as in "has a certificate that expired on ..."
}

// ClientDoubts are what clients may soon refuse, or be refused by. Files that can't be read are nobody's doubt.
func (o *FromClients) ClientDoubts(now time.Time) []Doubt {
	if o.TLS == Off {
		return nil
	}
	return doubts(o.TLSCertFile, o.TLSCACertFile, now)
}

// ServerDoubts are as FromClients.ClientDoubts, of servers.
func (o *ToServers) ServerDoubts(now time.Time) []Doubt {
	if !o.ServerTLS {
		return nil
	}
	return doubts(o.ServerTLSCertFile, o.ServerTLSCACertFile, now)
}

func doubts(cert, ca string, now time.Time) (all []Doubt) {
	for i, file := range []string{cert, ca} {
		if why := DoubtOf(file, i == 1, now); why != "" {
			all = append(all, Doubt{file, i == 1, why})
		}
	}
	return all
}

// age is how good a certificate is, the best first.
type age uint8

const (
	good age = iota
	ending
	unborn
	expired
)

// maxEnding is how long before its end a certificate is ending at most. Of one that is good for days only it is a tenth of these.
const maxEnding = 14 * 24 * time.Hour

func ageOf(c *x509.Certificate, now time.Time) age {
	switch {
	case now.After(c.NotAfter):
		return expired
	case now.Before(c.NotBefore):
		return unborn
	case c.NotAfter.Sub(now) < min(maxEnding, c.NotAfter.Sub(c.NotBefore)/10):
		return ending
	}
	return good
}

// DoubtOf is what is wrong with the times of a file's certificates; "": nothing. All of a chain have to be good, and one of those who may
// have signed.
func DoubtOf(file string, ca bool, now time.Time) string {
	rest, err := regular.Read(file, maxFile)
	if err != nil {
		return ""
	}
	var which *x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err == nil && (which == nil || ca != (ageOf(c, now) > ageOf(which, now))) {
			which = c
		}
	}
	if which == nil {
		return ""
	}
	const day = "2006-01-02 15:04 UTC"
	switch ageOf(which, now) {
	case expired:
		return fmt.Sprintf("has a certificate that expired on %s", which.NotAfter.UTC().Format(day))
	case unborn:
		return fmt.Sprintf("has a certificate that is not valid before %s", which.NotBefore.UTC().Format(day))
	case ending:
		return fmt.Sprintf("has a certificate that expires on %s", which.NotAfter.UTC().Format(day))
	}
	return ""
}
