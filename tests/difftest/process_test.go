//go:build unix

package difftest

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// patience bounds every wait for something that must happen.
const patience = processtest.Patience

// await fails the test if cond does not hold in time.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	processtest.Await(t, patience, what, cond)
}

// network is "unix" for a path and "tcp" for host:port.
func network(addr string) string {
	if strings.HasPrefix(addr, "/") {
		return "unix"
	}
	return "tcp"
}

// overTLS stands before an address whose peers speak TLS.
const overTLS = "tls://"

// connect dials an address, which may begin with overTLS: then the peer may have any certificate.
func connect(addr string, timeout time.Duration) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout}
	if at, ok := strings.CutPrefix(addr, overTLS); ok {
		return tls.DialWithDialer(d, network(at), at, &tls.Config{InsecureSkipVerify: true})
	}
	return d.Dial(network(addr), addr)
}

// answers reports whether whoever listens on addr answers a PING, be it with an error.
func answers(addr string) bool { return answersTo(addr, "*1\r\n$4\r\nPING\r\n", "+-") }

// mcAnswers is answers for memcached.
func mcAnswers(addr string) bool { return answersTo(addr, "version\r\n", "VS") }

// answersTo reports whether the reply to request begins with one of the bytes of first.
func answersTo(addr, request, first string) bool {
	conn, err := connect(addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		return false
	}
	var b [1]byte
	_, err = conn.Read(b[:])
	return err == nil && strings.IndexByte(first, b[0]) >= 0
}
