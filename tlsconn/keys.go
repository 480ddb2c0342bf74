package tlsconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"cashew/regular"
)

// Acceptor is what a pool's clients meet. Its methods may be called from any goroutine.
type Acceptor struct {
	o       FromClients
	tickets *Tickets
	files   files
	config  atomic.Pointer[tls.Config]
}

// NewAcceptor reads the files that o names; nil where clients speak no TLS. Errors name the file. A nil Acceptor has no files to
// read again.
func NewAcceptor(o FromClients, t *Tickets) (*Acceptor, error) {
	if o.TLS == Off {
		return nil, nil
	}
	a := &Acceptor{o: o, tickets: t, files: files{paths: []string{o.TLSCertFile, o.TLSKeyFile, o.TLSCACertFile}}}
	if _, err := a.Reread(); err != nil {
		return nil, err
	}
	return a, nil
}

// Mode is the mode that a was made for.
func (a *Acceptor) Mode() Mode { return a.o.TLS }

// Expires is when the certificate that clients are shown does, in Unix seconds; 0 of a nil Acceptor.
func (a *Acceptor) Expires() int64 {
	if a == nil {
		return 0
	}
	return a.config.Load().Certificates[0].Leaf.NotAfter.Unix()
}

// Reread reads the files again, and says whether one has changed. On error what was read before stays in force, and the same files
// are no error a second time: changed is false.
func (a *Acceptor) Reread() (changed bool, err error) {
	if a == nil {
		return false, nil
	}
	return a.files.reread(func(content [][]byte) error {
		c := &tls.Config{
			MinVersion: max(a.o.TLSProtocols.Min, tls.VersionTLS12), MaxVersion: a.o.TLSProtocols.Max, CipherSuites: a.o.TLSCiphers,
			DynamicRecordSizingDisabled: true, // batches are whole when they are written; small records cost twice
		}
		var err error
		if c.Certificates, err = pair(&a.files, content); err != nil {
			return err
		}
		if c.ClientCAs, err = pool(a.o.TLSCACertFile, content[2]); err != nil {
			return err
		}
		switch a.o.Asks() {
		case AuthOptional:
			c.ClientAuth = tls.VerifyClientCertIfGiven
		case AuthYes:
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
		// What resumes a session proves what its handshake proved: never under other rules, or another CA.
		a.tickets.follow(c, sha256.Sum256(fmt.Appendf(content[2], "\x00%d", a.o.Asks())))
		a.tickets.leave(a.config.Swap(c))
		return nil
	})
}

// Close has a's tickets turn no more.
func (a *Acceptor) Close() {
	if a != nil {
		a.tickets.leave(a.config.Load())
	}
}

// Handshake makes a connection of nc that speaks TLS. It blocks until ctx ends or nc's deadline passes, whichever is earlier for what
// it waits for: a place at the gate, or the client. nc stays the caller's to close on error.
func (a *Acceptor) Handshake(ctx context.Context, nc net.Conn, g *Gate) (*Conn, error) {
	s := &seat{gate: g, ctx: ctx}
	defer s.leave()
	c := &Conn{pipe: pipe{Conn: nc, seat: s}}
	c.Conn = tls.Server(&c.pipe, a.config.Load())
	if err := c.Handshake(); err != nil {
		if !c.pipe.heard && errors.Is(err, syscall.ECONNRESET) {
			err = errors.Join(ErrNothing, err)
		}
		return nil, err
	}
	return c, nil
}

// ErrNothing is of a client that reset its connection and had sent nothing.
var ErrNothing = errors.New("nothing came")

// Names are what a certificate says whose it is: its subject's common name, and the alternative names of hosts and URIs, in its order.
func Names(c *x509.Certificate) (commonName string, sans []string) {
	for _, u := range c.URIs {
		sans = append(sans, u.String())
	}
	return c.Subject.CommonName, append(sans, c.DNSNames...)
}

// Connector is what a pool's servers meet. Its methods may be called from any goroutine.
type Connector struct {
	o      ToServers
	files  files
	config atomic.Pointer[tls.Config]
}

// sessionsKept is how many servers' sessions are kept to be resumed.
const sessionsKept = 256

// NewConnector reads the files that o names; nil where servers speak no TLS, and then there are none to read again. Errors name the file.
func NewConnector(o ToServers) (*Connector, error) {
	if !o.ServerTLS {
		return nil, nil
	}
	k := &Connector{o: o, files: files{paths: []string{o.ServerTLSCertFile, o.ServerTLSKeyFile, o.ServerTLSCACertFile}}}
	if _, err := k.Reread(); err != nil {
		return nil, err
	}
	return k, nil
}

// Reread is as Acceptor.Reread.
func (k *Connector) Reread() (changed bool, err error) {
	if k == nil {
		return false, nil
	}
	return k.files.reread(func(content [][]byte) error {
		c := &tls.Config{
			MinVersion: max(k.o.ServerTLSProtocols.Min, tls.VersionTLS12), MaxVersion: k.o.ServerTLSProtocols.Max, CipherSuites: k.o.ServerTLSCiphers,
			DynamicRecordSizingDisabled: true,
			ClientSessionCache:          tls.NewLRUClientSessionCache(sessionsKept), // anew: a session of another CA proves nothing
		}
		var err error
		if c.Certificates, err = pair(&k.files, content); err != nil {
			return err
		}
		if c.RootCAs, err = pool(k.o.ServerTLSCACertFile, content[2]); err != nil {
			return err
		}
		k.config.Store(c)
		return nil
	})
}

// Handshake makes a connection to the server at addr, host:port or a path, of nc, which stays the caller's to close on error. It
// blocks until nc's deadline at most.
func (k *Connector) Handshake(nc net.Conn, addr string) (*Conn, error) {
	config := k.config.Load().Clone()
	if config.ServerName = k.o.ServerTLSName; config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, errors.New("TLS to a unix socket: what name is the server to prove? See server_tls_name")
		}
		config.ServerName = host
	}
	c := &Conn{pipe: pipe{Conn: nc}}
	c.Conn = tls.Client(&c.pipe, config)
	if err := c.Handshake(); err != nil {
		return nil, said(err, k.o.ServerTLSCertFile != "")
	}
	return c, nil
}

// ServerError is a handshake with a server that failed.
type ServerError struct {
	Why string // what to look at, in words for clients
	Err error
}

// Error implements error.
func (e *ServerError) Error() string { return e.Why + ": " + e.Err.Error() }

// Unwrap is the cause.
func (e *ServerError) Unwrap() error { return e.Err }

// said is err, of a handshake with a server, in words that say what to look at. shows: there is a certificate that it is shown.
func said(err error, shows bool) error {
	var plain tls.RecordHeaderError
	var alert tls.AlertError
	var remote *net.OpError
	var timeout net.Error
	var proof *tls.CertificateVerificationError
	why := "TLS handshake with the server failed"
	switch {
	case errors.As(err, &plain):
		why = "the server does not answer in TLS"
	case errors.As(err, &proof):
		why = "the server's certificate is not accepted"
	case errors.As(err, &alert), errors.As(err, &remote) && remote.Op == "remote error":
		why = "the server refuses the TLS handshake"
		switch text := err.Error(); {
		case !strings.Contains(text, "certificate") && !strings.Contains(text, "handshake failure"):
		case shows:
			why += " (does it accept the certificate of server_tls_cert_file?)"
		default:
			why += " (does it ask for a certificate? see server_tls_cert_file)"
		}
	case errors.As(err, &timeout) && timeout.Timeout():
		why = "the server does not answer the TLS handshake (does it speak TLS at this port?)"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		why = "the server closed the connection in the TLS handshake (does it speak TLS at this port?)"
	}
	return &ServerError{why, err}
}

// maxFile is how long a file may be, in bytes.
const maxFile = 16 << 20

// files are read together. A path may be "", and is then no content.
type files struct {
	paths []string

	mu   sync.Mutex
	last [][]byte // as they were read last, whether that was good or not
}

// reread reads the files and has use look at them if they are not what they were.
func (f *files) reread(use func(content [][]byte) error) (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content := make([][]byte, len(f.paths))
	for i, path := range f.paths {
		if path == "" {
			continue
		}
		if content[i], err = regular.Read(path, maxFile); err != nil {
			content[i] = []byte(err.Error())
			break
		}
	}
	same := f.last != nil
	for i := range content {
		same = same && bytes.Equal(content[i], f.last[i])
	}
	if same {
		return false, nil
	}
	f.last = content
	if err != nil {
		return true, err
	}
	return true, use(content)
}

// pair is the certificate of the first two files.
func pair(f *files, content [][]byte) ([]tls.Certificate, error) {
	if f.paths[0] == "" {
		return nil, nil
	}
	c, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.paths[0], f.paths[1], err)
	}
	return []tls.Certificate{c}, nil
}

// LoadPair reads a certificate and its key from these files. An error that is about one of them alone is a *fs.PathError.
func LoadPair(cert, key string) (tls.Certificate, error) {
	c, err := regular.Read(cert, maxFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	k, err := regular.Read(key, maxFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(c, k)
}

// LoadPool reads the certificates of those who sign from a file. An error is a *fs.PathError.
func LoadPool(path string) (*x509.CertPool, error) {
	content, err := regular.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(content) {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNoCertificate}
	}
	return p, nil
}

var errNoCertificate = errors.New("it has no certificate in PEM")

// pool is the CA certificates of a file; nil without one.
func pool(path string, content []byte) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("CA file %s has no certificate in PEM", path)
	}
	return p, nil
}
