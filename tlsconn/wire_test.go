package tlsconn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"cashew/tests/certtest"
	"cashew/world"
)

// patience is longer than anything here takes.
const patience = 30 * time.Second

// dialled is both ends of a connection over loopback.
func dialled(t testing.TB) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, nc := range []net.Conn{client, server} {
		_ = nc.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { nc.Close() })
	}
	return client, server
}

// clientOf are the settings of a client that trusts a.
func clientOf(a *certtest.Authority) *tls.Config {
	return &tls.Config{RootCAs: a.Pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
}

// meets has a client meet a, and returns the errors of both. They say a byte each, so that a session is there to be resumed, and
// what is refused behind TLS 1.3's handshake is told.
func meets(t testing.TB, a *Acceptor, o *tls.Config) (c *tls.Conn, atClient, atServer error) {
	t.Helper()
	nc, sc := dialled(t)
	done := make(chan error, 1)
	go func() {
		s, err := a.Handshake(context.Background(), sc, NewGate(world.New(time.Now()), 1))
		if err == nil {
			_, err = io.ReadFull(s, make([]byte, 1))
		}
		if err == nil {
			_, err = s.Write([]byte("."))
		}
		_ = sc.Close()
		done <- err
	}()
	c = tls.Client(nc, o)
	_, err := c.Write([]byte("."))
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 1))
	}
	return c, err, <-done
}

// wantMeet fails the test unless a client comes in, and returns the serial number of the certificate that it saw.
func wantMeet(t testing.TB, a *Acceptor, o *tls.Config) (serial int64, resumed bool) {
	t.Helper()
	c, atClient, atServer := meets(t, a, o)
	if err := errors.Join(atClient, atServer); err != nil {
		t.Fatal(err)
	}
	s := c.ConnectionState()
	return s.PeerCertificates[0].SerialNumber.Int64(), s.DidResume
}

// acceptor is NewAcceptor for clients of TLS.
func acceptor(t testing.TB, o FromClients, tickets *Tickets) *Acceptor {
	t.Helper()
	if o.TLS == Off {
		o.TLS = On
	}
	a, err := NewAcceptor(o, tickets)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
