//go:build unix

package difftest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"cashew/tests/certtest"
	"cashew/tests/processtest"

	"github.com/redis/go-redis/v9"
)

// TestTLSOptional: one port takes plain clients and such of TLS, side by side.
func TestTLSOptional(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	servers := startRedises(t, 2)
	settings := append(k.clients(spread...), "")
	settings[0] = "tls: optional"
	p := startLoops(t, 2, poolOf(servers, settings...))
	addr := p.addr("p")
	silent := dial(t, addr)
	var clients []*client
	for range 10 {
		clients = append(clients, dial(t, addr), k.mustDial(t, addr, k.config()))
	}
	for i, c := range clients {
		c.want("+OK\r\n", "SET", fmt.Sprint("key:", i), fmt.Sprint(i))
	}
	for i, c := range clients {
		c.want(bulk(fmt.Sprint(i^1)), "GET", fmt.Sprint("key:", i^1))
	}
	silent.send([]byte("PI"))
	silent.send([]byte("NG\r\n"))
	if got := silent.reply(); got != "+PONG\r\n" {
		t.Errorf("a plain client that was silent is answered %q", got)
	}
	for seed := range uint64(2) {
		commands := randomStream(newRand(seed), 100)
		flush(t, servers...)
		want := exchange(t, addr, commands, whole, newRand(seed))
		flush(t, servers...)
		report(t, fmt.Sprint("seed ", seed), "", diffReplies(commands, want, exchange(t, overTLS+addr, commands, random, newRand(seed))))
	}
}

// TestTLSClientCertificates: who shows which certificate is let in, or told why not, and the log says it, too.
func TestTLSClientCertificates(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	servers := entries(startRedises(t, 1))
	ca := "tls_ca_cert_file: " + k.ca.File
	p := startLoops(t, 2,
		pool{name: "default", servers: servers, settings: k.clients(ca)},
		pool{name: "optional", servers: servers, settings: k.clients(ca, "tls_auth_clients: optional")},
		pool{name: "none", servers: servers, settings: k.clients(ca, "tls_auth_clients: no")},
	)
	show := func(pair *certtest.Pair) *tls.Config {
		c := k.config()
		if pair != nil {
			cert := pair.TLS(t)
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		}
		return c
	}
	comers := []struct {
		name               string
		o                  *tls.Config
		byDefault, ifGiven bool
	}{
		{"none", show(nil), false, true},
		{"a good one", show(k.ca.Issue(t, certtest.Of{Name: "client"})), true, true},
		{"one of another CA", show(certtest.New(t, "other").Issue(t, certtest.Of{})), false, false},
		{"an expired one", show(k.ca.Issue(t, certtest.Of{Expired: true})), false, false},
		{"a self-signed one", show(k.ca.Issue(t, certtest.Of{SelfSigned: true})), false, false},
	}
	for _, c := range comers {
		for name, want := range map[string]bool{"default": c.byDefault, "optional": c.ifGiven, "none": true} {
			client, err := k.dial(t, p.addr(name), c.o)
			if err == nil { // TLS 1.3's client has ended its handshake before it is judged
				if _, err = client.conn.Write(command("PING")); err == nil {
					_, err = readReply(client.r)
				}
			}
			var alert *net.OpError
			if (err == nil) != want || err != nil && (!errors.As(err, &alert) || alert.Op != "remote error") {
				t.Errorf("pool %s, a client with %s: %v; want it in: %v", name, c.name, err, want)
			}
		}
	}
	await(t, "the log says why clients were refused", func() bool {
		return strings.Contains(string(p.Printed()), "client didn't provide a certificate")
	})
}

// TestTLSStrangers: plain bytes to a port of TLS, TLS to a plain port, and what is too old: all are closed, and told in the log.
func TestTLSStrangers(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	servers := startRedises(t, 1)
	p := startLoops(t, 2,
		pool{name: "sealed", servers: entries(servers), tls: true, settings: k.clients()},
		pool{name: "plain", servers: entries(servers)},
		pool{name: "mc", servers: mcEntries(startMemcacheds(t, 1)), memcached: true},
	)
	sealed := strings.TrimPrefix(p.addr("sealed"), overTLS)
	for _, text := range []string{"*1\r\n$4\r\nPING\r\n", "PING\r\n", "get a\r\n", "\x80\x0a\x00\x00\x00\x00\x00\x00", "GET / HTTP/1.1\r\n\r\n"} {
		c := dial(t, sealed)
		c.send([]byte(text))
		if got := c.drain(); strings.TrimPrefix(got, "\x15\x03\x01\x00\x02\x02F") != "" { // at most an alert: what begins so may be SSL 2
			t.Errorf("%q to a port of TLS is answered %q", text, got)
		}
	}
	await(t, "the log says that clients speak no TLS", func() bool { return strings.Contains(string(p.Printed()), "it does not speak TLS") })
	for name, want := range map[string]string{
		"plain": "-ERR Protocol error: this port does not speak TLS\r\n", "mc": "SERVER_ERROR this port does not speak TLS\r\n",
	} {
		c := dial(t, p.addr(name))
		var hello bytes.Buffer
		_ = tls.Client(&onlyWrites{Conn: c.conn, to: &hello}, k.config()).Handshake()
		for _, how := range []cutting{whole, everyByte} {
			c := dial(t, p.addr(name))
			go c.sendCut(hello.Bytes(), how.cuts(nil, hello.Bytes()))
			if got := c.drain(); got != want {
				t.Errorf("TLS to pool %s, cut %v, is answered %q; want %q", name, how, got, want)
			}
		}
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		o := k.config()
		o.MinVersion, o.MaxVersion = tls.VersionTLS10, version
		if _, err := k.dial(t, sealed, o); err == nil || !strings.Contains(err.Error(), "protocol version") {
			t.Errorf("a client of %s: %v", tls.VersionName(version), err)
		}
	}
	k.mustDial(t, sealed, k.config()).want("+PONG\r\n", "PING")
}

// onlyWrites keeps what is written, and has nothing to read.
type onlyWrites struct {
	net.Conn
	to *bytes.Buffer
}

func (c *onlyWrites) Write(p []byte) (int, error) { return c.to.Write(p) }
func (*onlyWrites) Read([]byte) (int, error)      { return 0, io.EOF }

// TestTLSStalled: 200 clients that stall in their handshake stop nobody, and are closed when their time is up.
func TestTLSStalled(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	p := startLoops(t, 2, poolOf(startRedises(t, 1), k.clients("handshake_timeout: 3000")...))
	addr := p.addr("p")
	var stalled []*client
	for i := range 200 {
		c := dial(t, addr)
		if i%2 == 0 {
			c.send([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc}) // the beginning of a ClientHello
		}
		stalled = append(stalled, c)
	}
	for range 20 {
		k.mustDial(t, addr, k.config()).want("+PONG\r\n", "PING")
	}
	for _, c := range stalled {
		if got := c.drain(); got != "" {
			t.Fatalf("a client that stalls is told %q", got)
		}
	}
	await(t, "the log says so", func() bool {
		return strings.Contains(string(p.Printed()), "handshake was not finished in time")
	})
}

// TestTLSHalfClose: a client that sends no more, by close_notify, TCP's end, or both, has its replies all the same, and then a good-bye.
// So has a plain one.
func TestTLSHalfClose(t *testing.T) {
	t.Parallel()
	k := newKeychain(t)
	servers := startRedises(t, 2)
	p := startLoops(t, 2,
		pool{name: "p", servers: entries(servers), tls: true, settings: k.clients(spread...)},
		pool{name: "plain", servers: entries(servers), settings: spread},
	)
	addr := p.addr("p")
	const n = 2000
	value := strings.Repeat("v", 5000)
	dial(t, addr).want("+OK\r\n", "SET", "key", value)
	var all []byte
	for range n {
		all = append(all, command("GET", "key")...)
	}
	for _, way := range []string{"close_notify", "FIN", "both", "plain"} {
		if way == "plain" {
			addr = p.addr("plain")
		}
		nc, err := net.DialTimeout("tcp", strings.TrimPrefix(addr, overTLS), patience)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, nc)
		if way != "plain" {
			c = newClient(t, tls.Client(nc, k.config()))
		}
		c.send(all)
		if way == "close_notify" || way == "both" {
			c.closeWrite()
		}
		if way != "close_notify" {
			if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			if reply, err := readReply(c.r); err != nil || string(reply) != bulk(value) {
				t.Fatalf("%s: reply %d of %d is %q, %v", way, i, n, clip(string(reply)), err)
			}
		}
		c.wantEOF()
	}
}

// TestTLSOpenSSL: OpenSSL's client changes its keys, has ours changed, and is refused another handshake.
func TestTLSOpenSSL(t *testing.T) {
	notRaced(t)
	t.Parallel()
	k := newKeychain(t)
	openssl := processtest.LookPath(t, "openssl")
	p := startLoops(t, 2, poolOf(startRedises(t, 1), k.clients()...))
	addr := p.addr("p")
	for _, c := range []struct {
		version string
		letters []string // commands of s_client, each at the beginning of a line
		ends    bool
	}{
		{"-tls1_3", []string{"k", "K", "K", "k"}, false},
		{"-tls1_2", nil, false},
		{"-tls1_2", []string{"R"}, true},
	} {
		cmd := exec.Command(openssl, "s_client", "-connect", addr, "-CAfile", k.ca.File, "-verify_return_error", "-servername", "localhost", c.version)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out := new(printed)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		t.Cleanup(func() { cmd.Process.Kill() })
		ask := func(n int) {
			t.Helper()
			io.WriteString(in, "PING\r\n")
			await(t, fmt.Sprintf("%s %v: %d PONGs in %s", c.version, c.letters, n, out), func() bool {
				return strings.Count(out.String(), "+PONG") == n
			})
		}
		ask(1)
		for i, letter := range c.letters {
			io.WriteString(in, letter+"\n")
			if c.ends {
				await(t, "s_client ends", func() bool { return len(ended) > 0 })
				break
			}
			await(t, "s_client has taken the command", func() bool { return strings.Count(out.String(), "KEYUPDATE") == i+1 })
			ask(i + 2)
		}
		in.Close()
		if !c.ends {
			await(t, "s_client ends", func() bool { return len(ended) > 0 })
		}
		if err := <-ended; (err != nil) != c.ends {
			t.Errorf("%s %v: %v\n%s", c.version, c.letters, err, out)
		}
	}
}

// printed is what a child prints.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// TestTLSRealClients: redis-cli and go-redis with certificates of their own, before servers that want one as well.
func TestTLSRealClients(t *testing.T) {
	notRaced(t)
	t.Parallel()
	k := newKeychain(t)
	mine := k.ca.Issue(t, certtest.Of{Name: "client"})
	server := k.startTLSRedis(t, "--tls-auth-clients", "yes")
	p := startLoops(t, 2, pool{name: "p", servers: entries([]*redisServer{server}), settings: append(
		k.clients("tls_ca_cert_file: "+k.ca.File, "preconnect: true"),
		k.servers("server_tls_cert_file: "+k.proxy.Cert, "server_tls_key_file: "+k.proxy.Key)...,
	)})
	host, port, _ := net.SplitHostPort(p.addr("p"))
	cli := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(processtest.LookPath(t, "redis-cli"), append([]string{
			"-h", host, "-p", port, "--tls", "--cacert", k.ca.File, "--cert", mine.Cert, "--key", mine.Key,
		}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("redis-cli: %v\n%s", err, out)
		}
		return string(out)
	}
	if got := cli("SET", "a", "1") + cli("-3", "GET", "a"); got != "OK\n\"1\"\n" && got != "OK\n1\n" {
		t.Errorf("redis-cli prints %q", got)
	}
	o := k.config()
	o.Certificates = []tls.Certificate{mine.TLS(t)}
	c := redis.NewClient(&redis.Options{Addr: p.addr("p"), TLSConfig: o, PoolSize: 4})
	defer c.Close()
	ctx := context.Background()
	pipe := c.Pipeline()
	for i := range 500 {
		pipe.Set(ctx, fmt.Sprint("k:", i), strings.Repeat("x", i*7), 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if v, err := c.Get(ctx, fmt.Sprint("k:", i)).Result(); err != nil || len(v) != i*7 {
			t.Fatalf("GET k:%d = %d bytes, %v", i, len(v), err)
		}
	}
}
