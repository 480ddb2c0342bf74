package web

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestClient: who answers is asked on, who fails makes room for the next, who refuses is believed; a redirect is not followed.
func TestClient(t *testing.T) {
	serve := func(name string, status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `"`+name+" "+r.URL.Path+" "+r.Header.Get("X")+`"`)
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	bad, good, never := serve("bad", 500), serve("good", 200), serve("never", 200)
	c := Client{From: []string{"127.0.0.1:1", bad, good, never}}
	defer c.Close()
	for range 2 {
		var answer string
		head, err := c.All(t.Context(), http.MethodGet, "/x", http.Header{"X": {"y"}}, nil, &answer)
		if err != nil || answer != "good /x y" || head.Get("Location") == "" || c.at != 2 {
			t.Errorf("%q of %d, %v", answer, c.at, err)
		}
	}
	for _, status := range []int{http.StatusForbidden, http.StatusTemporaryRedirect} {
		c := Client{From: []string{serve("no", status), never}}
		_, err := c.Ask(t.Context(), http.MethodGet, "/x", nil, nil)
		if s, ok := errors.AsType[*Status](err); !ok || s.Code != status || !strings.Contains(s.Error(), "no /x") {
			t.Errorf("%d is told as %v", status, err)
		}
		c.Close()
	}
	if _, err := (&Client{From: []string{bad, "127.0.0.1:1"}}).Ask(t.Context(), http.MethodGet, "/x", nil, nil); err == nil {
		t.Error("nobody answers, and that is no error")
	}
	if _, err := new(Client).Ask(t.Context(), http.MethodGet, "/x", nil, nil); err == nil {
		t.Error("nobody is asked, and that is no error")
	}
}

// TestTLS: certificates are proved, by the files as they are when a connection opens.
func TestTLS(t *testing.T) {
	shown := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = len(r.TLS.PeerCertificates)
		_, _ = io.WriteString(w, "{}")
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca")
	ask := func(c *TLS) error {
		client := Client{From: []string{strings.TrimPrefix(s.URL, "https://")}, TLS: c}
		defer client.Close()
		var answer struct{}
		_, err := client.All(t.Context(), http.MethodGet, "/", nil, nil, &answer)
		return err
	}
	if ask(&TLS{}) == nil {
		t.Error("a certificate that nobody knows is taken")
	}
	if ask(&TLS{CAFile: ca}) == nil {
		t.Error("a file that is not there is no error")
	}
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(&TLS{CAFile: ca, Name: "example.com"}); err != nil || shown != 0 {
		t.Errorf("a certificate that is known: %v, %d shown", err, shown)
	}
	if ask(&TLS{CAFile: ca, Name: "example.org"}) == nil {
		t.Error("a certificate of another name is taken")
	}
	if ask(&TLS{CAFile: ca, CertFile: ca, KeyFile: ca}) == nil {
		t.Error("a key that is none is taken")
	}
}
