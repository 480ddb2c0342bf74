package engine

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"cashew/codec/resp"
	"cashew/tests/certtest"
	"cashew/tlsconn"
	"cashew/topology"
	"cashew/world"
)

// saysOnce is a connection whose peer has sent something, and then no more.
type saysOnce struct {
	net.Conn
	said *bytes.Reader
	told bytes.Buffer
}

func (c *saysOnce) Read(p []byte) (int, error)    { return c.said.Read(p) }
func (c *saysOnce) Write(p []byte) (int, error)   { return c.told.Write(p) }
func (*saysOnce) SetDeadline(time.Time) error     { return nil }
func (*saysOnce) SetReadDeadline(time.Time) error { return nil }
func (*saysOnce) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (*saysOnce) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (*saysOnce) Close() error        { return nil }

// hello is what a TLS client sends first.
func hello(t testing.TB, o *tls.Config) []byte {
	t.Helper()
	nc := &saysOnce{said: bytes.NewReader(nil)}
	if err := tls.Client(nc, o).Handshake(); err == nil {
		t.Fatal("a handshake with nobody has ended")
	}
	return nc.told.Bytes()
}

// FuzzFirstBytes has a client say anything to a pool of TLS, and to one that takes both kinds. Bytes that were made without having
// seen an answer are no handshake; what is plain loses no byte where it may be plain, and nowhere is a client told anything but in
// records of TLS.
func FuzzFirstBytes(f *testing.F) {
	ca := certtest.New(f, "fuzz")
	pair := ca.Issue(f, certtest.Of{})
	o := withPools(1)
	for _, mode := range []tlsconn.Mode{tlsconn.On, tlsconn.Optional} {
		po := DefaultPool([]string{"", "on", "optional"}[mode])
		po.Protocol = resp.New(resp.Options{})
		po.Listen = Listen{Text: "127.0.0.1:0", Network: "tcp", Addr: "127.0.0.1:0"}
		po.Servers = []topology.ServerOptions{{Name: "s", PName: "s", Network: "tcp", Addr: "127.0.0.1:1", Weight: 1}}
		po.TLS, po.TLSCertFile, po.TLSKeyFile = mode, pair.Cert, pair.Key
		o.Pools = append(o.Pools, po)
	}
	p, err := New(o, world.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.Stop)
	f.Add([]byte(nil))
	for _, text := range []string{"*1\r\n$4\r\nPING\r\n", "get a\r\n", "\x80\x00", "\x16", "\x16\x03\x01\r\n", "\x15\x03\x03\x00\x02\x02\x28"} {
		f.Add([]byte(text))
	}
	for _, max := range []uint16{tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS13} {
		first := hello(f, &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: max})
		f.Add(first)
		f.Add(append(first, "\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x03abc"...))
		f.Add(first[:len(first)/2])
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		for _, pl := range p.pools() {
			nc := &saysOnce{said: bytes.NewReader(said)}
			c := &comer{nc: nc, from: addrOf(nc.RemoteAddr())}
			err := pl.secure(c)
			told := nc.told.Bytes()
			if pl.tls.Mode() == tlsconn.Optional && len(said) > 0 && said[0] != firstOfTLS {
				rest, _ := io.ReadAll(nc.said)
				if err != nil || c.nc != nc || string(c.first)+string(rest) != string(said) || len(told) > 0 {
					t.Errorf("plain %q: %v; taken are %q and left %q; told %q", said, err, c.first, rest, told)
				}
				continue
			}
			if err == nil || len(c.first) > 0 {
				t.Errorf("pool %s, %q: %v; taken as plain are %q", pl.Name, said, err, c.first)
			}
			if why := (*turnedAway)(nil); errors.As(err, &why) && why.reply != "" {
				t.Errorf("pool %s, %q: to be told %q", pl.Name, said, why.reply)
			}
			for len(told) > 0 { // each is a record: an alert, the handshake, ChangeCipherSpec, or one that is sealed
				if len(told) < 5 || told[0] < 20 || told[0] > 23 || len(told) < 5+int(told[3])<<8+int(told[4]) {
					t.Fatalf("pool %s, %q: told %q", pl.Name, said, told)
				}
				told = told[5+int(told[3])<<8+int(told[4]):]
			}
		}
		if n := p.hall.silent.Load(); n != 0 {
			t.Errorf("%d are silent of nobody", n)
		}
	})
}
