package inspect

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	tests := []struct {
		name, args string
		asked      string
		status     int
		says       string
		exit       int
		out, error string
	}{
		{"ready", "", "/readyz", http.StatusOK, "ok\n", 0, "AT: ok\n", ""},
		{"draining", "", "/readyz", http.StatusServiceUnavailable, "draining\n", 1, "", "cashew health: AT: draining\n"},
		{"alive", "--live", "/healthz", http.StatusOK, "ok\n", 0, "AT: ok\n", ""},
		{"a pool", "--pool a&b", "/readyz?pool=a%26b", http.StatusServiceUnavailable, "pool a&b: no server is live\n", 1, "", "cashew health: AT: pool a&b: no server is live\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.String() != tt.asked {
					t.Errorf("asked for %s; want %s", r.URL, tt.asked)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.says))
			}))
			defer srv.Close()
			var stdout, stderr bytes.Buffer
			args := append(strings.Fields(tt.args), "--admin", srv.Listener.Addr().String())
			exit := Find("health").Run(args, &stdout, &stderr)
			at := strings.NewReplacer("AT", srv.Listener.Addr().String())
			if exit != tt.exit || stdout.String() != at.Replace(tt.out) || stderr.String() != at.Replace(tt.error) {
				t.Errorf("exit %d, %q, %q; want %d, %q, %q", exit, &stdout, &stderr, tt.exit, tt.out, tt.error)
			}
			srv.Close()
			if exit := Find("health").Run(args, &stdout, &stderr); exit != 1 {
				t.Errorf("exit %d when nobody listens; want 1", exit)
			}
		})
	}
}

func TestUpgradeMistakes(t *testing.T) {
	tests := []struct {
		name, args string
		exit       int
		want       string
	}{
		{"no file", "", 2, "which pid file?"},
		{"argument", "-p x y", 2, "takes no arguments"},
		{"file is not there", "-p /nowhere/pid", 1, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			exit := Find("upgrade").Run(strings.Fields(tt.args), &stdout, &stderr)
			if exit != tt.exit || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("exit %d, %q; want %d, %q", exit, &stderr, tt.exit, tt.want)
			}
		})
	}
}
