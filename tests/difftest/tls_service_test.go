//go:build unix

package difftest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"cashew/tests/certtest"
	"cashew/tests/processtest"
)

// tlsPool is the text of a pool with these lines.
func tlsPool(name, listen string, servers, lines []string) string {
	return fmt.Sprintf("%s:\n  listen: %s\n  redis: true\n  %s\n  servers:\n   - %s\n", name, listen, strings.Join(lines, "\n  "), strings.Join(servers, "\n   - "))
}

// serial is that of the certificate which a new client sees.
func (k *keychain) serial(t testing.TB, addr string) int64 {
	t.Helper()
	c := k.mustDial(t, addr, &tls.Config{RootCAs: k.ca.Pool, ServerName: "localhost"})
	defer c.close()
	c.want("+PONG\r\n", "PING")
	return c.state().PeerCertificates[0].SerialNumber.Int64()
}

// TestTLSFiles: new clients see a certificate as soon as its files have changed, those that are there go on, and files that are wrong
// change nothing but the log.
func TestTLSFiles(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	s := newService(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	s.configure(t, tlsPool("p", listen, entries(startRedises(t, 1)), k.clients()))
	s.start(t)
	await(t, "the proxy listens", func() bool { return processtest.Listens("tcp", listen) })
	old := k.mustDial(t, listen, k.config())
	first := k.serial(t, listen)
	k.ca.Issue(t, certtest.Of{}).Put(t, k.proxy)
	await(t, "new clients see the new certificate, by itself", func() bool { return k.serial(t, listen) != first })
	second := k.serial(t, listen)
	k.ca.Issue(t, certtest.Of{}).Put(t, k.proxy)
	s.Signal(syscall.SIGHUP)
	await(t, "new clients see the third one, after SIGHUP", func() bool { return k.serial(t, listen) != second })
	third := k.serial(t, listen)
	if err := os.WriteFile(k.proxy.Cert, []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the log says that the files are wrong", func() bool { return strings.Contains(s.logged(), "are wrong; going on with those before") })
	s.Signal(syscall.SIGHUP)
	await(t, "a reload with them fails", func() bool {
		_, failed := s.reloads(t)
		return failed == 1
	})
	if got := k.serial(t, listen); got != third || first == third || second == third {
		t.Errorf("new clients see certificate %d after %d, %d and %d", got, first, second, third)
	}
	old.want("+PONG\r\n", "PING")
}

// TestTLSGoesOn: sessions are resumed after a reload and in the process that takes over; at that, clients of TLS end between two
// commands, with all that they are owed, and one that has not said yet what it is holds nobody up.
func TestTLSGoesOn(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	s := newService(t)
	servers, slow := entries(startRedises(t, 2)), startSlow(t)
	var listen [3]string
	for i := range listen {
		listen[i] = "127.0.0.1:" + processtest.FreePort(t)
	}
	optional := k.clients()
	optional[0] = "tls: optional"
	write := func(more ...string) {
		s.write(t, "global:\n  loops: 2\n  admin: "+s.admin+"\n  drain_timeout: 600000\n"+
			tlsPool("p", listen[0], servers, k.clients(more...))+
			tlsPool("optional", listen[1], servers, optional)+
			tlsPool("slow", listen[2], []string{slow.addr + ":1"}, k.clients()))
	}
	write()
	s.startDaemon(t)
	o := k.config()
	resumed := func() bool {
		c := k.mustDial(t, listen[0], o)
		defer c.close()
		c.want("+PONG\r\n", "PING") // the ticket is in
		return c.state().DidResume
	}
	if resumed() || !resumed() {
		t.Error("a session is resumed first, or not the second time")
	}
	write("timeout: 12345")
	if err := syscall.Kill(s.pid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await(t, "the reload is done", func() bool {
		done, failed := s.reloads(t)
		return done+failed == 1
	})
	if !resumed() {
		t.Error("no session is resumed after a reload")
	}

	silent := dial(t, listen[1])
	var asked atomic.Int64
	left := make(chan error, 4)
	for i := range cap(left) {
		c := k.mustDial(t, listen[i%2], o)
		go func() { left <- c.untilLeft(&asked) }()
	}
	owed := k.mustDial(t, listen[2], o)
	owed.send(command("GET", "late"))
	await(t, "all have asked", func() bool { return asked.Load() > 100 && slow.asked.Load() == 1 })
	before := s.pid()
	if err := syscall.Kill(before, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	await(t, "the pid file names another process", func() bool { pid := s.pid(); return pid != 0 && pid != before })
	for range cap(left) {
		if err := <-left; err != nil {
			t.Errorf("a client that asks on and on: %v", err)
		}
	}
	close(slow.goOn)
	if got := owed.reply(); got != bulk("late") {
		t.Errorf("what was owed is %q", got)
	}
	owed.wantEOF()
	silent.wantEOF()
	await(t, "the old process is gone", func() bool { return isGone(before) })
	if !resumed() {
		t.Error("no session is resumed in the new process")
	}
	pid := s.pid()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "the last process is gone", func() bool { return isGone(pid) })
	for _, bad := range []string{"panic", "DATA RACE", "broken invariant"} {
		if strings.Contains(s.logged(), bad) {
			t.Errorf("the log has %q", bad)
		}
	}
}

// untilLeft asks until the proxy ends the connection, which has to be in order and between two replies.
func (c *client) untilLeft(asked *atomic.Int64) error {
	for i := 0; ; i++ {
		if _, err := c.conn.Write(command("ECHO", fmt.Sprint(i))); err != nil {
			return nil // it has closed, as the next read would say
		}
		switch reply, err := readReply(c.r); {
		case errors.Is(err, io.EOF) && len(reply) == 0:
			return nil
		case err != nil || string(reply) != bulk(fmt.Sprint(i)):
			return fmt.Errorf("reply %d is %q, %w", i, clip(string(reply)), err)
		}
		asked.Add(1)
	}
}

// startTLSFake is startFake for a server of TLS. answer writes to a connection of it.
func (k *keychain) startTLSFake(t testing.TB, o *tls.Config, answer func(conn *tls.Conn, request string) bool) (addr string) {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nl.Close() })
	go func() {
		for {
			nc, err := nl.Accept()
			if err != nil {
				return // the test is over
			}
			go func() {
				defer nc.Close()
				conn := tls.Server(nc, o)
				for r := bufio.NewReader(conn); ; {
					request, err := readReply(r) // commands have the form of replies
					if err != nil || !answer(conn, string(request)) {
						return
					}
				}
			}()
		}
	}()
	return nl.Addr().String()
}

// TestTLSServerDies: a server that ends in the middle of a reply, in whichever way, costs those that wait on it an error each, and
// never other bytes.
func TestTLSServerDies(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	for name, end := range map[string]func(conn *tls.Conn){
		"reset":        func(conn *tls.Conn) { conn.NetConn().(*net.TCPConn).SetLinger(0) },
		"FIN":          func(*tls.Conn) {},
		"close_notify": func(conn *tls.Conn) { conn.CloseWrite() },
		"rubbish":      func(conn *tls.Conn) { conn.NetConn().Write([]byte("\x17\x03\x03\x00\x20" + strings.Repeat("x", 32))) },
		"half a record": func(conn *tls.Conn) {
			conn.NetConn().Write([]byte("\x17\x03\x03\x10\x00half"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			addr := k.startTLSFake(t, &tls.Config{Certificates: []tls.Certificate{k.srv.TLS(t)}}, func(conn *tls.Conn, request string) bool {
				if strings.Contains(request, "bad") {
					io.WriteString(conn, "$1000\r\nthe beginning")
					end(conn)
					return false
				}
				io.WriteString(conn, bulk(request))
				return true
			})
			p := startProxy(t, pool{name: "p", servers: []string{addr + ":1"}, settings: k.servers("timeout: 5000")})
			c := dial(t, p.addr("p"))
			for range 3 {
				c.want(bulk(string(command("GET", "good"))), "GET", "good")
				c.send(stream([][]string{{"GET", "good"}, {"GET", "bad"}, {"GET", "behind"}, {"PING"}}))
				got := c.replies(4)
				if got[0] != bulk(string(command("GET", "good"))) || !strings.HasPrefix(got[1], "-") || got[3] != "+PONG\r\n" {
					t.Fatalf("replies %q", got)
				}
				if !strings.HasPrefix(got[2], "-") && got[2] != bulk(string(command("GET", "behind"))) {
					t.Fatalf("behind it: %q", got[2])
				}
			}
		})
	}
}

// TestTLSBadServers: why a server is not spoken to is what clients are told, in the time that they have.
func TestTLSBadServers(t *testing.T) {
	notRaced(t)
	t.Parallel()
	k := newKeychain(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	echo := func(conn *tls.Conn, request string) bool { io.WriteString(conn, bulk(request)); return true }
	of := func(p *certtest.Pair, most uint16) string {
		return k.startTLSFake(t, &tls.Config{Certificates: []tls.Certificate{p.TLS(t)}, MinVersion: tls.VersionTLS10, MaxVersion: most}, echo)
	}
	named := k.ca.Issue(t, certtest.Of{Hosts: []string{"redis.example"}})
	const notAccepted = "-ERR the server's certificate is not accepted\r\n"
	var pools []pool
	want := map[string]string{}
	add := func(name, addr, reply string, settings ...string) {
		pools = append(pools, pool{name: name, servers: []string{addr + ":1"}, settings: k.servers(append(settings, "timeout: 1500")...)})
		want[name] = reply
	}
	add("good", of(k.srv, 0), bulk(string(command("GET", "a"))))
	add("named", of(named, 0), bulk(string(command("GET", "a"))), "server_tls_name: redis.example")
	add("misnamed", of(named, 0), notAccepted)
	add("expired", of(k.ca.Issue(t, certtest.Of{Expired: true}), 0), notAccepted)
	add("selfsigned", of(k.ca.Issue(t, certtest.Of{SelfSigned: true}), 0), notAccepted)
	add("stranger", of(certtest.New(t, "other").Issue(t, certtest.Of{}), 0), notAccepted)
	add("old", of(k.srv, tls.VersionTLS11), "-ERR the server refuses the TLS handshake\r\n")
	add("plain", startRedis(t).addr, "-ERR the server does not answer in TLS\r\n")
	add("silent", silent.Addr().String(), "-ERR the server does not answer the TLS handshake (does it speak TLS at this port?)\r\n")
	p := startLoops(t, 2, pools...)
	for _, pool := range pools {
		c := dial(t, p.addr(pool.name))
		got := c.do("GET", "a")
		if pool.name == "plain" && got == want["silent"] {
			got = want["plain"] // Redis waits for the end of the line, if the ClientHello happens to have none
		}
		if got != want[pool.name] {
			t.Errorf("%s: %q; want %q", pool.name, got, want[pool.name])
		}
		c.want("+PONG\r\n", "PING")
	}
}
