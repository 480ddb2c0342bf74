package backend

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// A server that ends a connection on which it has not sent a byte may speak TLS where we do not, or want a certificate, which in TLS 1.3 it
// says behind the handshake, and a reset may take its words along. Nobody knows: so what is said is that nothing came, and what to look at.
// One plain connection that ends so may be chance, or one behind others that were well: two in a row are not.

// never is before any Loop.Now.
const never = -1

// toldAt is which of such ends in a row is told of, but in TLS.
const toldAt = 2

// muteError is such an end.
type muteError struct {
	err  error
	hint string
}

func (e *muteError) Error() string { return e.err.Error() + e.hint }
func (e *muteError) Unwrap() error { return e.err }

// mutely is err, why c ends, with what to look at if the server has not sent anything. excused: that is no failure.
func (c *Conn) mutely(was state, excused bool, err error) error {
	if excused || was != handshaking && was != open {
		return err
	}
	if c.heardAt != never || !hungUp(err) {
		c.unheard, c.spoke = 0, c.spoke || c.heardAt != never
		return err
	}
	o := &c.pool.Options().ToServers
	if c.unheard++; c.unheard < toldAt && (c.spoke || !o.ServerTLS) {
		return err
	}
	hint := " (does it speak TLS at this port?)"
	switch {
	case o.ServerTLSCertFile != "":
		hint = " (does it accept the certificate of server_tls_cert_file?)"
	case o.ServerTLS:
		hint = " (does it ask for a certificate? see server_tls_cert_file)"
	}
	if refusesTLS(err) == "" {
		hint = "; the server has sent nothing" + hint
	}
	return &muteError{err, hint}
}

// hungUp says that err is the server's end of a connection.
func hungUp(err error) bool {
	for _, cause := range []error{ErrClosed, io.EOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return refusesTLS(err) != ""
}

// refusesTLS is what a server says that ends TLS: an alert; "": err is none.
func refusesTLS(err error) string {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" {
		return strings.TrimPrefix(remote.Err.Error(), "tls: ")
	}
	return ""
}
