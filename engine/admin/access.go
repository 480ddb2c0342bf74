package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"cashew/engine"
	"cashew/regular"
	"cashew/tlsconn"
)

// Check says what is wrong with the token and the certificate of the admin pages, as o has them, so that who configures them is
// told before they are needed.
func Check(o *engine.Options) error {
	_, err := token(o)
	if o.AdminTLSCertFile != "" {
		_, e := tlsconn.LoadPair(o.AdminTLSCertFile, o.AdminTLSKeyFile)
		if e != nil {
			e = fmt.Errorf("admin: certificate '%s', key '%s': %w", o.AdminTLSCertFile, o.AdminTLSKeyFile, e)
		}
		err = errors.Join(err, e)
	}
	return err
}

// token is what those who ask have to give; nil: nothing. A file is read anew each time: who changes it need not tell anybody.
func token(o *engine.Options) ([]byte, error) {
	if o.AdminTokenFile == "" {
		if o.AdminToken == "" {
			return nil, nil
		}
		return []byte(o.AdminToken), nil
	}
	b, err := regular.Line(o.AdminTokenFile, engine.MaxAdminToken)
	if err != nil {
		return nil, fmt.Errorf("admin: token: %w", err)
	}
	return b, nil
}

// open are the pages that need no token: what restarts a process or balances load has none, and they tell of no client and no key.
func open(path string) bool { return path == "/healthz" || path == "/readyz" }

// admit has all pages but those that are open for whoever gives the token: as a bearer's, or as the password of any user, which a
// browser asks for.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want, err := token(s.src.Proxy.Options())
		switch {
		case err == nil && want == nil, open(r.URL.Path):
			next.ServeHTTP(w, r)
		case err != nil:
			s.log.Error("admin pages: nobody is let in", "err", err)
			http.Error(w, "the token of the admin pages can't be read; the log says why", http.StatusServiceUnavailable)
		case !gives(r, want):
			if r.Header.Get("Authorization") != "" {
				s.log.Warn("admin pages: wrong token", "client", r.RemoteAddr)
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="cashew admin pages: any user, the token as password", charset="UTF-8"`)
			writeError(w, failf(http.StatusUnauthorized, "the admin pages want a token"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// gives says whether r has the token, in a time that does not depend on how much of it is right, or on its length.
func gives(r *http.Request, want []byte) bool {
	_, got, isBasic := r.BasicAuth()
	if !isBasic {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if got = strings.TrimLeft(rest, " "); !strings.EqualFold(scheme, "Bearer") {
			return false
		}
	}
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256(want)
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// secured is a listener whose connections speak TLS while the options have a certificate.
type secured struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener. net/http does the handshake, with its own time limits, off the goroutine that accepts.
func (l secured) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil || l.server.src.Proxy.Options().AdminTLSCertFile == "" {
		return nc, err
	}
	return tls.Server(nc, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: l.server.certificateNow, NextProtos: []string{"http/1.1"}}), nil
}

// certificate is that of the admin pages, as it was last read.
type certificate struct {
	mu sync.Mutex
	of [2]fileState
	is *tls.Certificate
}

// fileState tells a file from what stands in its place later.
type fileState struct {
	name string
	size int64
	at   time.Time
}

func stateOf(name string) (f fileState) {
	f.name = name
	if fi, err := os.Stat(name); err == nil {
		f.size, f.at = fi.Size(), fi.ModTime()
	}
	return f
}

// certificateNow reads the certificate again if one of its files has changed. One that can't be read, as while only one of the two files
// was replaced, leaves the last that could.
func (s *Server) certificateNow(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	o, c := s.src.Proxy.Options(), &s.certificate
	of := [2]fileState{stateOf(o.AdminTLSCertFile), stateOf(o.AdminTLSKeyFile)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.is != nil && c.of == of {
		return c.is, nil
	}
	is, err := tlsconn.LoadPair(o.AdminTLSCertFile, o.AdminTLSKeyFile)
	if err == nil {
		c.is, c.of = &is, of
		return c.is, nil
	}
	s.log.Error("admin pages: certificate not read", "file", o.AdminTLSCertFile, "err", err)
	if c.is != nil {
		return c.is, nil
	}
	return nil, err
}
