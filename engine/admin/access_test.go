package admin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cashew/engine"
)

// with has the rig's options changed, as a reload does.
func (r *rig) with(change func(*engine.Options)) {
	o := *r.proxy.options.Load()
	change(&o)
	r.proxy.options.Store(&o)
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestToken: with a token all pages but two are for those who give it, in one of two ways; it may change while nobody is told.
func TestToken(t *testing.T) {
	r := newRig()
	if w := r.do("GET", "/pools"); w.Code != 200 {
		t.Fatalf("without a token in the options: %d", w.Code)
	}
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when, token string) {
		t.Helper()
		for _, c := range []struct {
			authorization string
			want          int
		}{
			{"", 401},
			{"Bearer " + token, 200},
			{"bearer  " + token, 200},
			{basic("anybody", token), 200},
			{basic("", token), 200},
			{basic(token, ""), 401},
			{"Bearer " + token + "x", 401},
			{"Bearer " + token[1:], 401},
			{"Bearer", 401},
			{"Bearer ", 401},
			{token, 401},
			{"Digest " + token, 401},
			{basic("anybody", "x"), 401},
		} {
			for _, page := range []string{"/metrics", "/pools", "/config", "/debug/pprof/", "/", "/nowhere"} {
				w := r.do("GET", page, "Authorization", c.authorization)
				if got := w.Code; got != c.want && (page != "/nowhere" || c.want == 401) {
					t.Errorf("%s: %s with %q: %d; want %d", when, page, c.authorization, got, c.want)
				}
				if w.Code == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
					t.Errorf("%s: a browser is not told to ask: %v", when, w.Header())
				}
			}
			if w := r.do("POST", "/slowlog/reset", "Authorization", c.authorization); w.Code != c.want {
				t.Errorf("%s: POST with %q: %d; want %d", when, c.authorization, w.Code, c.want)
			}
			for _, page := range []string{"/healthz", "/readyz"} {
				if w := r.do("GET", page, "Authorization", c.authorization); w.Code != 200 {
					t.Errorf("%s: %s with %q: %d", when, page, c.authorization, w.Code)
				}
			}
		}
	}
	r.with(func(o *engine.Options) { o.AdminToken = "swordfish" })
	check("in the options", "swordfish")
	write("shark\n")
	r.with(func(o *engine.Options) { o.AdminToken, o.AdminTokenFile = "", file })
	check("in a file", "shark")
	write("whale\r\n")
	check("in a file that has changed", "whale")
	for _, bad := range []string{"\n", strings.Repeat("x", engine.MaxAdminToken+1)} {
		write(bad)
		if w := r.do("GET", "/pools", "Authorization", "Bearer "+strings.TrimSpace(bad)); w.Code != 503 {
			t.Errorf("with a token of %d bytes in the file: %d", len(bad), w.Code)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if w := r.do("GET", "/pools", "Authorization", "Bearer "); w.Code != 503 {
		t.Errorf("without the file: %d", w.Code)
	}
	if w := r.do("GET", "/healthz"); w.Code != 200 {
		t.Errorf("/healthz without the file: %d", w.Code)
	}
}

// TestTLS: with a certificate the pages speak TLS, and show the one that is in the files now, or the last that could be read.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	write := func(number int64) {
		secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(number), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
		if err != nil {
			t.Fatal(err)
		}
		bytes, err := x509.MarshalPKCS8PrivateKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: bytes}} {
			if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, time.Time{}, time.Unix(number, 0)); err != nil { // else two may be written in one tick of the clock
				t.Fatal(err)
			}
		}
	}
	write(1)
	r := newRig()
	ln, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.Serve(ln) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		r.Close(ctx)
	}()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	get := func(scheme string) (status int, number int64) {
		t.Helper()
		w, err := client.Get(scheme + "://" + ln.Addr().String() + "/pools")
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		_, _ = io.Copy(io.Discard, w.Body)
		if w.TLS != nil {
			number = w.TLS.PeerCertificates[0].SerialNumber.Int64()
		}
		return w.StatusCode, number
	}
	want := func(when, scheme string, status int, number int64) {
		t.Helper()
		if s, n := get(scheme); s != status || n != number {
			t.Errorf("%s: %s: %d, certificate %d; want %d, %d", when, scheme, s, n, status, number)
		}
	}
	want("at first", "http", 200, 0)
	r.with(func(o *engine.Options) { o.AdminTLSCertFile, o.AdminTLSKeyFile = cert, key })
	want("with a certificate", "https", 200, 1)
	want("with a certificate", "http", 400, 0)
	write(2)
	want("with another", "https", 200, 2)
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("with half of one", "https", 200, 2)
	if err := Check(r.proxy.Options()); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("half of one is found to be %v", err)
	}
	write(3)
	want("with a third", "https", 200, 3)
	_, err = tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	if err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	r.with(func(o *engine.Options) { o.AdminTLSCertFile, o.AdminTLSKeyFile = "", "" })
	want("without", "http", 200, 0)
}
