package daemon

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func doorCases() []settingCase {
	onPort := func(more ...string) map[string]string {
		m := map[string]string{"listen": "127.0.0.1:PORT"}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	denied := func(in *instance) { in.wantReply("-ERR clients from 127.0.0.1 are not allowed", "PING") }
	return []settingCase{
		{
			key: "proxy_protocol_from", from: onPort(), to: "127.0.0.0/8 ::1", shows: "127.0.0.0/8 ::1",
			does: func(in *instance) {
				c := in.send("PROXY TCP4 192.0.2.7 192.0.2.8 9 10\r\nPING\r\n")
				if got, err := bufio.NewReader(c).ReadString('\n'); got != "+PONG\r\n" || in.proxy.Clients()[0].Addr != "192.0.2.7:9" {
					in.Errorf("%q, %v; %+v", got, err, in.proxy.Clients())
				}
			},
		},
		{
			key: "handshake_timeout", from: map[string]string{"proxy_protocol_from": "unix"}, to: "20", shows: 20,
			does: func(in *instance) {
				if b, err := io.ReadAll(in.send("")); len(b) > 0 || err != nil {
					in.Errorf("who says nothing gets %q, %v", b, err)
				}
			},
		},
		{key: "allow_from", from: onPort(), to: "10.0.0.0/8", shows: "10.0.0.0/8", does: denied},
		{key: "deny_from", from: onPort(), to: "127.0.0.1", shows: "127.0.0.1", does: denied},
		{key: "client_idle_timeout", to: "1", shows: 1, does: func(in *instance) {
			if b, err := io.ReadAll(in.send("PING\r\n")); string(b) != "+PONG\r\n" || err != nil {
				in.Errorf("an idle client gets %q, %v", b, err)
			}
		}},
		{key: "client_connections_per_address", from: onPort(), to: "1", shows: 1, does: func(in *instance) {
			if got, err := bufio.NewReader(in.send("PING\r\n")).ReadString('\n'); got != "+PONG\r\n" { // and it stays
				in.Errorf("the first gets %q, %v", got, err)
			}
			in.wantReply("-ERR max number of clients reached for your address", "PING")
		}},
		{
			key: "auth_failures", from: onPort("redis_auth", "secret"), to: "1", shows: 1,
			does: func(in *instance) {
				wrong := "AUTH x\r\n"
				b, err := io.ReadAll(in.send(strings.Repeat(wrong, 3)))
				if want := strings.Repeat("-ERR invalid password\r\n", 2); string(b) != want || err != nil {
					in.Errorf("who guesses gets %q, %v", b, err)
				}
			},
		},
	}
}

// accessCases are about who gets at the admin pages.
func accessCases() []settingCase {
	pair := map[string]string{"admin_tls_cert_file": "DIR/cert", "admin_tls_key_file": "DIR/key"}
	status := func(in *instance, scheme, path string) int {
		client := http.Client{Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", in.dir+"/admin") },
		}}
		r, err := client.Get(scheme + "://localhost" + path)
		if err != nil {
			in.Fatal(err)
		}
		defer r.Body.Close()
		return r.StatusCode
	}
	barred := func(in *instance) {
		for path, want := range map[string]int{"/config": 401, "/": 401, "/debug/pprof/": 401, "/healthz": 200, "/readyz": 200} {
			if got := status(in, "http", path); got != want {
				in.Errorf("%s without a token: %d", path, got)
			}
		}
	}
	return []settingCase{
		{key: "admin_token", to: "swordfish", shows: "(masked)", does: barred},
		{key: "admin_token_file", from: map[string]string{"admin_token_file": "DIR/token"}, to: "DIR/token2", shows: "DIR/token2", does: barred},
		{
			key: "admin_tls_cert_file", from: pair, to: "DIR/cert2", shows: "DIR/cert2", does: func(in *instance) {
				if got := status(in, "http", "/healthz"); got != http.StatusBadRequest {
					in.Errorf("without TLS: %d", got)
				}
				nc, err := tls.Dial("unix", in.dir+"/admin", &tls.Config{InsecureSkipVerify: true})
				if err != nil {
					in.Fatal(err)
				}
				defer nc.Close()
				if n := nc.ConnectionState().PeerCertificates[0].SerialNumber; n.Int64() != 2 {
					in.Errorf("certificate %d is shown", n)
				}
			},
		},
		{key: "admin_tls_key_file", from: pair, to: "DIR/key2", shows: "DIR/key2"},
	}
}

// writeCertificates writes two certificates of one key, and that key twice.
func writeCertificates(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for i, suffix := range []string{"", "2"} {
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
			if err := os.WriteFile(fmt.Sprintf("%s/%s%s", dir, name, suffix), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestWrongAccess: a token or a certificate that can't be had fails a start, and a reload, which changes nothing.
func TestWrongAccess(t *testing.T) {
	in := startInstance(t, nil)
	if err := os.WriteFile(in.dir+"/empty", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(in.dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want     string
		settings map[string]string
	}{
		{"no such file", map[string]string{"admin_token_file": "/nowhere"}},
		{"is empty", map[string]string{"admin_token_file": "DIR/empty"}},
		{"no regular file", map[string]string{"admin_token_file": "DIR/fifo"}},
		{"no regular file", map[string]string{"admin_tls_cert_file": "DIR/cert", "admin_tls_key_file": "DIR/fifo"}},
		{"no such file", map[string]string{"admin_tls_cert_file": "/nowhere", "admin_tls_key_file": "DIR/key"}},
		{"DIR/token", map[string]string{"admin_tls_cert_file": "DIR/cert", "admin_tls_key_file": "DIR/token"}},
	} {
		for key, value := range c.settings {
			in.set(key, value)
		}
		in.write()
		want := in.places.Replace(c.want)
		if _, err := in.reload(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v; want %q", c.settings, err, want)
		}
		for key := range c.settings {
			delete(in.global, key)
		}
		in.page("/config") // as before
	}
}
