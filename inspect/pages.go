package inspect

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const (
	adminUsage = "host:port or /path of the running proxy's admin pages; https:// before it if they have admin_tls_cert_file"

	// What stands in the environment, so that a token is on no command line.
	tokenVariable = "CASHEW_ADMIN_TOKEN"
	caVariable    = "CASHEW_ADMIN_CA_CERT_FILE"

	// What net/http says of the other scheme: the client's error, and the server's answer.
	plainAnswer  = "server gave HTTP response to HTTPS client"
	secureAnswer = "HTTP request to an HTTPS server"
)

// pages are a running proxy's admin pages, as a command line has them.
type pages struct {
	addr      string // "": they are not asked
	tokenFile string
	caFile    string

	target
	given    func(flag string) bool                  // whether the command line has one
	own      struct{ token, tokenFile, cert string } // what the proxy's own file says of its pages
	answered answered
}

// pagesFlags adds what says where the admin pages are, and how to get in.
func pagesFlags(fs *pflag.FlagSet, addr, usage string) *pages {
	p := new(pages)
	fs.StringVar(&p.addr, "admin", addr, usage)
	fs.StringVar(&p.tokenFile, "admin-token-file", "", "file with the token of the admin pages (default: what $"+tokenVariable+" is)")
	fs.StringVar(&p.caFile, "admin-ca-cert-file", "", "certificates to trust, of admin pages at https:// (default: those of $"+caVariable+", else the system's)")
	return p
}

// place is the network and the address that addr leads to, and the scheme that is spoken there.
func (p *pages) place() (scheme, network, addr string) {
	scheme, addr = "http", strings.TrimPrefix(p.addr, "http://")
	if rest, secure := strings.CutPrefix(p.addr, "https://"); secure {
		scheme, addr = "https", rest
	}
	if strings.HasPrefix(addr, "/") {
		return scheme, "unix", addr
	}
	return scheme, "tcp", strings.TrimSuffix(addr, "/")
}

// token is "" for none.
func (p *pages) token() (string, error) {
	name := p.tokenFile
	if name == "" {
		if token := cmp.Or(os.Getenv(tokenVariable), p.own.token); token != "" || p.own.tokenFile == "" {
			return token, nil
		}
		name = p.own.tokenFile
	}
	b, err := readSmall(name)
	return strings.TrimRight(string(b), "\r\n"), err
}

// readSmall is what a file has that whoever runs the command names. It may be a FIFO, as a shell makes of <(command), and is never read without
// end.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name) // #nosec G304 G703 -- see above
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(b) > maxSmall {
		return nil, fmt.Errorf("%s: it has more than %d bytes", name, maxSmall)
	}
	return b, err
}

// maxSmall is what files of certificates, or of a token, have at most.
const maxSmall = 16 << 20

// trusted are the certificates that may vouch for the pages; nil: the system's.
func (p *pages) trusted() (*x509.CertPool, error) {
	name := p.caFile
	if name == "" {
		name = cmp.Or(os.Getenv(caVariable), p.own.cert)
	}
	if name == "" {
		return nil, nil //nolint:nilnil // as tls.Config has it
	}
	b, err := readSmall(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s: there is no certificate in it", name)
	}
	return pool, nil
}

// get sends a request without a body and returns the answer's status and body, of at most so many bytes.
func (p *pages) get(method, page string, query url.Values, timeout time.Duration, most int64) (status int, body []byte, err error) {
	token, err := p.token()
	if err != nil {
		return 0, nil, err
	}
	roots, err := p.trusted()
	if err != nil {
		return 0, nil, err
	}
	scheme, network, addr := p.place()
	client := http.Client{Timeout: timeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}}
	host := addr
	if network == "unix" {
		host = "localhost"
	}
	target := url.URL{Scheme: scheme, Host: host, Path: page, RawQuery: query.Encode()}
	req, err := http.NewRequest(method, target.String(), http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	rsp, err := client.Do(req)
	if err != nil {
		if strings.Contains(err.Error(), plainAnswer) {
			err = fmt.Errorf("the admin pages speak no TLS: --admin %s, without https://: %w", addr, err)
		}
		return 0, nil, err
	}
	p.note(rsp.Header)
	defer rsp.Body.Close() //nolint:errcheck // it was read to its end, or is of no use any more
	body, err = io.ReadAll(io.LimitReader(rsp.Body, most))
	if rsp.StatusCode == http.StatusBadRequest && bytes.Contains(body, []byte(secureAnswer)) {
		return 0, nil, errors.New("the admin pages speak TLS: --admin https://" + addr)
	}
	if rsp.StatusCode == http.StatusUnauthorized {
		err = errors.New("the admin pages want a token: --admin-token-file FILE, or $" + tokenVariable)
		if token != "" {
			err = errors.New("the admin pages want another token than that of --admin-token-file or $" + tokenVariable)
		}
	}
	return rsp.StatusCode, body, err
}
