package inspect

import (
	"bytes"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPages: subcommands give the token of a file or of the environment, and speak TLS with whom they are told to trust.
func TestPages(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer right" && r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/readyz" {
			_, _ = w.Write([]byte("ok\n"))
			return
		}
		_, _ = w.Write([]byte("{}"))
	})
	plain := httptest.NewServer(answer)
	defer plain.Close()
	secure := httptest.NewTLSServer(answer)
	defer secure.Close()
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = http.Serve(ln, answer) }()
	defer ln.Close()
	ca := write("ca", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	right, wrong := write("right", "right\n"), write("wrong", "wrong")
	at, tlsAt := plain.Listener.Addr().String(), "https://"+secure.Listener.Addr().String()
	for _, c := range []struct {
		name, args, token, ca string
		want                  string // of the error; "": none
	}{
		{"no token", "--admin " + at, "", "", "the admin pages want a token"},
		{"token of the environment", "--admin " + at, "right", "", ""},
		{"token of a file", "--admin " + at + " --admin-token-file " + right, "", "", ""},
		{"the file is the one", "--admin " + at + " --admin-token-file " + right, "wrong", "", ""},
		{"wrong token", "--admin " + at + " --admin-token-file " + wrong, "", "", "want another token"},
		{"no file", "--admin " + at + " --admin-token-file " + dir + "/none", "", "", "no such file"},
		{"by a scheme", "--admin http://" + at + "/", "right", "", ""},
		{"unix socket", "--admin " + ln.Addr().String(), "right", "", ""},
		{"TLS", "--admin " + tlsAt + " --admin-ca-cert-file " + ca, "right", "", ""},
		{"TLS by the environment", "--admin " + tlsAt, "right", ca, ""},
		{"nobody vouches", "--admin " + tlsAt, "right", "", "certificate"},
		{"no certificate", "--admin " + tlsAt + " --admin-ca-cert-file " + right, "right", "", "there is no certificate in it"},
		{"TLS is not spoken", "--admin https://" + at, "right", "", "the admin pages speak no TLS: --admin " + at + ", without https://"},
		{"TLS is spoken", "--admin " + secure.Listener.Addr().String(), "right", "", "the admin pages speak TLS: --admin " + tlsAt},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(tokenVariable, c.token)
			t.Setenv(caVariable, c.ca)
			for _, command := range []string{"reload", "health"} {
				var stdout, stderr bytes.Buffer
				exit := Find(command).Run(strings.Fields(c.args), &stdout, &stderr)
				want := c.want
				if command == "health" && strings.Contains(want, "token") {
					want = "" // it needs none
				}
				if (exit == 0) != (want == "") || !strings.Contains(stderr.String(), want) {
					t.Errorf("%s: exit %d, %q, %q; want %q", command, exit, &stdout, &stderr, want)
				}
			}
		})
	}
}
