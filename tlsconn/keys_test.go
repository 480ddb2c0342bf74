package tlsconn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cashew/tests/certtest"
	"cashew/world"
)

// TestOff: without TLS there is nobody to meet, and no file to read.
func TestOff(t *testing.T) {
	a, err := NewAcceptor(FromClients{TLSCertFile: "/nowhere"}, nil)
	if a != nil || err != nil {
		t.Errorf("NewAcceptor = %v, %v", a, err)
	}
	k, err := NewConnector(ToServers{ServerTLSCACertFile: "/nowhere"})
	if k != nil || err != nil {
		t.Errorf("NewConnector = %v, %v", k, err)
	}
	a.Close()
	for _, reread := range []func() (bool, error){a.Reread, k.Reread} {
		if changed, err := reread(); changed || err != nil {
			t.Errorf("Reread = %v, %v", changed, err)
		}
	}
}

// TestReread: files are good, become bad and good again; what is bad is told once, and changes nothing.
func TestReread(t *testing.T) {
	ca := certtest.New(t, "one")
	file, other, third := ca.Issue(t, certtest.Of{}), ca.Issue(t, certtest.Of{}), ca.Issue(t, certtest.Of{})
	a := acceptor(t, FromClients{TLSCertFile: file.Cert, TLSKeyFile: file.Key}, nil)
	first, _ := wantMeet(t, a, clientOf(ca))
	step := func(what string, changed bool, about ...string) {
		t.Helper()
		got, err := a.Reread()
		if got != changed || (err != nil) != (len(about) > 0) {
			t.Errorf("%s: Reread = %v, %v; want %v", what, got, err, changed)
		}
		for _, word := range about {
			if err != nil && !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v; want it to name %s", what, err, word)
			}
		}
	}
	step("nothing happened", false)
	put := func(path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(file.Cert, other.PEM)
	step("another's certificate", true, file.Cert, file.Key)
	step("the same once more", false)
	put(file.Key, []byte("nonsense"))
	step("no key", true, file.Key)
	if err := os.Remove(file.Key); err != nil {
		t.Fatal(err)
	}
	step("no file", true, file.Key)
	step("no file, still", false)
	if serial, _ := wantMeet(t, a, clientOf(ca)); serial != first {
		t.Error("clients do not see the certificate from before it was wrong")
	}
	other.Put(t, file)
	step("both are another's", true)
	second, _ := wantMeet(t, a, clientOf(ca))
	third.Put(t, file)
	step("and another's", true)
	if last, _ := wantMeet(t, a, clientOf(ca)); second == first || last == second {
		t.Errorf("clients see certificates %d, %d, %d; want each another", first, second, last)
	}
}

// TestRereadConnector: who signed the servers' certificates may change, and a session of before proves nothing then.
func TestRereadConnector(t *testing.T) {
	ca, other := certtest.New(t, "one"), certtest.New(t, "other")
	k, err := NewConnector(ToServers{ServerTLS: true, ServerTLSCACertFile: ca.File})
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, certtest.Of{}).TLS(t)}}
	for _, resumed := range []bool{false, true} {
		if c, err := toServer(t, k, "localhost:1", server); err != nil || c.ConnectionState().DidResume != resumed {
			t.Fatalf("resumed %v: %v", resumed, err)
		}
	}
	bad, err := os.ReadFile(other.File)
	if err == nil {
		err = os.WriteFile(ca.File, bad, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := k.Reread(); !changed || err != nil {
		t.Fatalf("Reread = %v, %v", changed, err)
	}
	wantServerError(t, k, "localhost:1", server, "the server's certificate is not accepted")
	if err := os.WriteFile(ca.File, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := k.Reread(); !changed || err == nil || !strings.Contains(err.Error(), ca.File) {
		t.Errorf("Reread of an empty CA file = %v, %v", changed, err)
	}
}

// toServer has k meet a server, which then says a byte.
func toServer(t testing.TB, k *Connector, addr string, o *tls.Config) (*Conn, error) {
	t.Helper()
	nc, sc := dialled(t)
	var done sync.WaitGroup
	done.Go(func() {
		s := tls.Server(sc, o)
		if s.Handshake() == nil {
			_, _ = s.Write([]byte("."))
		}
		_ = s.CloseWrite()
		_, _ = io.Copy(io.Discard, sc)
	})
	c, err := k.Handshake(nc, addr)
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 1)) // with the ticket before it
	}
	_ = nc.Close()
	done.Wait()
	return c, err
}

// wantServerError wants a ServerError that says why.
func wantServerError(t *testing.T, k *Connector, addr string, o *tls.Config, why string) {
	t.Helper()
	_, err := toServer(t, k, addr, o)
	wantWhy(t, err, why)
}

func wantWhy(t *testing.T, err error, why string) {
	t.Helper()
	var named *ServerError
	if !errors.As(err, &named) || named.Why != why || named.Err == nil || !strings.HasPrefix(named.Error(), why+": ") {
		t.Errorf("%v; want %q", err, why)
	}
}

// TestServers: why a server is not spoken to is said in words.
func TestServers(t *testing.T) {
	ca, other := certtest.New(t, "one"), certtest.New(t, "other")
	ours := ca.Issue(t, certtest.Of{Name: "proxy"})
	o := ToServers{ServerTLS: true, ServerTLSCACertFile: ca.File}
	connector := func(change func(o *ToServers)) *Connector {
		t.Helper()
		with := o
		change(&with)
		k, err := NewConnector(with)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	k := connector(func(*ToServers) {})
	of := func(p *certtest.Pair) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{p.TLS(t)}} }
	good := of(ca.Issue(t, certtest.Of{}))
	named := connector(func(o *ToServers) { o.ServerTLSName = "redis.example" })
	const refused, notAccepted = "the server refuses the TLS handshake", "the server's certificate is not accepted"
	for _, addr := range []string{"localhost:6379", "127.0.0.1:6379"} {
		if _, err := toServer(t, k, addr, good); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if _, err := toServer(t, named, "/tmp/redis.sock", of(ca.Issue(t, certtest.Of{Hosts: []string{"redis.example"}}))); err != nil {
		t.Error(err)
	}
	wantServerError(t, k, "redis.example:6379", good, notAccepted)
	wantServerError(t, named, "localhost:6379", good, notAccepted)
	wantServerError(t, k, "localhost:1", of(ca.Issue(t, certtest.Of{Expired: true})), notAccepted)
	wantServerError(t, k, "localhost:1", of(ca.Issue(t, certtest.Of{SelfSigned: true})), notAccepted)
	wantServerError(t, k, "localhost:1", of(other.Issue(t, certtest.Of{})), notAccepted)
	old := of(ca.Issue(t, certtest.Of{}))
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	wantServerError(t, k, "localhost:1", old, refused)

	asks := of(ca.Issue(t, certtest.Of{}))
	asks.ClientAuth, asks.ClientCAs, asks.MaxVersion = tls.RequireAndVerifyClientCert, ca.Pool, tls.VersionTLS12
	wantServerError(t, k, "localhost:1", asks, refused+" (does it ask for a certificate? see server_tls_cert_file)")
	theirs := other.Issue(t, certtest.Of{})
	strange := connector(func(o *ToServers) { o.ServerTLSCertFile, o.ServerTLSKeyFile = theirs.Cert, theirs.Key })
	wantServerError(t, strange, "localhost:1", asks, refused+" (does it accept the certificate of server_tls_cert_file?)")
	shows := connector(func(o *ToServers) { o.ServerTLSCertFile, o.ServerTLSKeyFile = ours.Cert, ours.Key })
	if _, err := toServer(t, shows, "localhost:1", asks); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if _, err := k.Handshake(nil, "/tmp/redis.sock"); err == nil || !strings.Contains(err.Error(), "server_tls_name") {
		t.Errorf("a unix socket without server_tls_name: %v", err)
	}
}

// TestPlainServers: what speaks no TLS is told from what is only slow.
func TestPlainServers(t *testing.T) {
	ca := certtest.New(t, "one")
	k, err := NewConnector(ToServers{ServerTLS: true, ServerTLSCACertFile: ca.File})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, why string
		serve     func(nc net.Conn)
	}{
		{"redis", "the server does not answer in TLS", func(nc net.Conn) { _, _ = nc.Write([]byte("-ERR unknown command\r\n")) }},
		{"memcached", "the server does not answer in TLS", func(nc net.Conn) { _, _ = nc.Write([]byte("ERROR\r\n")) }},
		{
			"closes", "the server closed the connection in the TLS handshake (does it speak TLS at this port?)",
			func(nc net.Conn) { _ = nc.Close() },
		},
		{"silent", "the server does not answer the TLS handshake (does it speak TLS at this port?)", nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			nc, sc := dialled(t)
			if c.serve == nil {
				_ = nc.SetDeadline(time.Now().Add(20 * time.Millisecond))
			} else {
				go func() {
					_, _ = sc.Read(make([]byte, 1<<10))
					c.serve(sc)
				}()
			}
			_, err := k.Handshake(nc, "localhost:1")
			wantWhy(t, err, c.why)
		})
	}
}

// TestClients: which certificates of clients are asked for, and which are good.
func TestClients(t *testing.T) {
	ca, other := certtest.New(t, "one"), certtest.New(t, "other")
	p := ca.Issue(t, certtest.Of{})
	none := clientOf(ca)
	show := func(pair *certtest.Pair) *tls.Config { // whether or not the server names its signer
		c := clientOf(ca)
		cert := pair.TLS(t)
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		return c
	}
	good := show(ca.Issue(t, certtest.Of{Name: "good"}))
	wrong := map[string]*tls.Config{
		"of another CA": show(other.Issue(t, certtest.Of{})), "expired": show(ca.Issue(t, certtest.Of{Expired: true})),
		"self-signed": show(ca.Issue(t, certtest.Of{SelfSigned: true})),
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, auth := range []AuthClients{AuthNo, AuthOptional, AuthYes, AuthDefault} {
			a := acceptor(t, FromClients{
				TLSCertFile: p.Cert, TLSKeyFile: p.Key, TLSCACertFile: ca.File, TLSAuthClients: auth, TLSProtocols: Protocols{version, version},
			}, nil)
			check := func(who string, o *tls.Config, ok bool) {
				t.Helper()
				o.ClientSessionCache = nil
				if _, atClient, atServer := meets(t, a, o); (atClient == nil && atServer == nil) != ok || (atServer == nil) != (atClient == nil) {
					t.Errorf("auth %d, TLS %x: a client with %s: %v, %v; want it in: %v", auth, version, who, atClient, atServer, ok)
				}
			}
			check("no certificate", none, auth == AuthNo || auth == AuthOptional)
			check("a good one", good, true)
			for who, o := range wrong {
				check("one that is "+who, o, auth == AuthNo)
			}
		}
	}
}

// TestOldClients: TLS 1.1 and before is refused, whatever the options say, and what is plain is told as such.
func TestOldClients(t *testing.T) {
	ca := certtest.New(t, "one")
	p := ca.Issue(t, certtest.Of{})
	a := acceptor(t, FromClients{TLSCertFile: p.Cert, TLSKeyFile: p.Key}, nil)
	only12 := acceptor(t, FromClients{TLSCertFile: p.Cert, TLSKeyFile: p.Key, TLSProtocols: Protocols{tls.VersionTLS12, tls.VersionTLS12}}, nil)
	for _, c := range []struct {
		a    *Acceptor
		from uint16
		to   uint16
		ok   bool
	}{
		{a, tls.VersionTLS10, tls.VersionTLS11, false},
		{a, tls.VersionTLS10, tls.VersionTLS12, true},
		{a, tls.VersionTLS13, tls.VersionTLS13, true},
		{only12, tls.VersionTLS12, tls.VersionTLS13, true},
		{only12, tls.VersionTLS13, tls.VersionTLS13, false},
	} {
		o := clientOf(ca)
		o.MinVersion, o.MaxVersion = c.from, c.to
		if _, atClient, atServer := meets(t, c.a, o); (atClient == nil) != c.ok || (atServer == nil) != c.ok {
			t.Errorf("a client of %x to %x: %v, %v; want it in: %v", c.from, c.to, atClient, atServer, c.ok)
		}
	}
	nc, sc := dialled(t)
	if _, err := nc.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	var plain tls.RecordHeaderError
	if _, err := a.Handshake(context.Background(), sc, NewGate(world.New(time.Now()), 1)); !errors.As(err, &plain) {
		t.Errorf("a plain client: %v", err)
	}
}

// TestStalled: clients that stall in their handshake, wherever that is, hold no place at the gate.
func TestStalled(t *testing.T) {
	ca := certtest.New(t, "one")
	p := ca.Issue(t, certtest.Of{})
	a := acceptor(t, FromClients{TLSCertFile: p.Cert, TLSKeyFile: p.Key}, nil)
	g := NewGate(world.New(time.Now()), 1)
	var all sync.WaitGroup
	var stalled []net.Conn
	for i := range 60 {
		nc, sc := dialled(t)
		stalled = append(stalled, nc)
		all.Go(func() {
			if _, err := a.Handshake(context.Background(), sc, g); err == nil {
				t.Error("a handshake that stalls has ended")
			}
		})
		switch i % 3 {
		case 0: // says nothing
		case 1:
			_, err := nc.Write([]byte{22, 3, 1, 2, 0, 1}) // the beginning of a ClientHello
			if err != nil {
				t.Fatal(err)
			}
		default: // says all but the last
			c := tls.Client(&mute{nc, 1}, clientOf(ca))
			go func() { _ = c.Handshake() }()
		}
	}
	for range 3 {
		nc, sc := dialled(t)
		done := make(chan error, 1)
		go func() { done <- tls.Client(nc, clientOf(ca)).Handshake() }()
		_, err := a.Handshake(context.Background(), sc, g)
		if err := errors.Join(err, <-done); err != nil {
			t.Error(err)
		}
	}
	for _, nc := range stalled {
		_ = nc.Close()
	}
	all.Wait()
	if g.free != 1 || len(g.waiting) != 0 {
		t.Errorf("%d places are free, %d wait; want 1, 0", g.free, len(g.waiting))
	}
}

// mute writes so many times, and then only says so.
type mute struct {
	net.Conn
	writes int
}

func (m *mute) Write(p []byte) (int, error) {
	if m.writes--; m.writes < 0 {
		return len(p), nil
	}
	return m.Conn.Write(p)
}

// TestGateTimeout: who does not get a place in time is told by its context.
func TestGateTimeout(t *testing.T) {
	ca := certtest.New(t, "one")
	p := ca.Issue(t, certtest.Of{})
	a := acceptor(t, FromClients{TLSCertFile: p.Cert, TLSKeyFile: p.Key}, nil)
	nc, sc := dialled(t)
	go func() { _ = tls.Client(nc, clientOf(ca)).Handshake() }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	g := NewGate(world.New(time.Now()), 0)
	if _, err := a.Handshake(ctx, sc, g); !errors.Is(err, context.DeadlineExceeded) || g.free != 0 || len(g.waiting) != 0 {
		t.Errorf("%v; %d are free, %d wait", err, g.free, len(g.waiting))
	}
}

// TestPrefixed: the first byte was read to see whether it is TLS.
func TestPrefixed(t *testing.T) {
	ca := certtest.New(t, "one")
	p := ca.Issue(t, certtest.Of{})
	a := acceptor(t, FromClients{TLS: Optional, TLSCertFile: p.Cert, TLSKeyFile: p.Key}, nil)
	if a.Mode() != Optional {
		t.Errorf("Mode() = %d", a.Mode())
	}
	nc, sc := dialled(t)
	done := make(chan error, 1)
	go func() { done <- tls.Client(nc, clientOf(ca)).Handshake() }()
	first := make([]byte, 1)
	if _, err := io.ReadFull(sc, first); err != nil || first[0] != 0x16 {
		t.Fatalf("the first byte is %x, %v", first, err)
	}
	c, err := a.Handshake(context.Background(), Prefixed(sc, first), NewGate(world.New(time.Now()), 1))
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	if nc := c.Join(nil); nc != sc {
		t.Errorf("Join returns %T; want the socket itself", nc)
	}
}
