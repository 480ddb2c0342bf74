package kubernetes

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cashew/discovery/web"
)

// TestLines: a name is a pod's, or an address; of several places of a name one counts.
func TestLines(t *testing.T) {
	const ports = `"ports": [{"name": "redis", "port": 6379}, {"name": "", "port": 9121}]`
	for _, c := range []struct{ name, items, want string }{
		{
			"hostname before the pod's name", `[{"endpoints": [{"addresses": ["10.0.0.1"], "hostname": "redis-0", "targetRef": {"name": "x"}}, {"addresses": ["10.0.0.2"], "targetRef": {"name": "y"}}, {"addresses": ["10.0.0.3"]}], ` + ports + `}]`,
			"10.0.0.3:6379:1 10.0.0.3:6379, 10.0.0.1:6379:1 redis-0, 10.0.0.2:6379:1 y",
		},
		{"the one that does not end", `[{"endpoints": [{"addresses": ["10.0.0.1"], "hostname": "a", "conditions": {"ready": true, "terminating": true}}, {"addresses": ["10.0.0.2"], "hostname": "a", "conditions": {"ready": false}}], ` + ports + `}]`, "10.0.0.2:6379:1 a"},
		{"the one that is ready", `[{"endpoints": [{"addresses": ["10.0.0.1"], "hostname": "a", "conditions": {"ready": false}}, {"addresses": ["10.0.0.2"], "hostname": "a"}], ` + ports + `}]`, "10.0.0.2:6379:1 a"},
		{"two families", `[{"endpoints": [{"addresses": ["2001:db8::1"], "hostname": "a"}], ` + ports + `}, {"endpoints": [{"addresses": ["10.0.0.1"], "hostname": "a"}], ` + ports + `}]`, "10.0.0.1:6379:1 a"},
		{"six alone", `[{"endpoints": [{"addresses": ["2001:db8::1"], "hostname": "a"}], ` + ports + `}]`, "2001:db8::1:6379:1 a"},
		{"none", `[{"endpoints": null, "ports": null}]`, ""},
		{"another port", `[{"endpoints": [{"addresses": ["10.0.0.1"], "hostname": "a"}], "ports": [{"name": "x", "port": 1}]}]`, "error"},
	} {
		var items []slice
		if err := json.Unmarshal([]byte(c.items), &items); err != nil {
			t.Fatal(err)
		}
		for _, port := range []string{"redis", "6379"} {
			s := source{Options{Port: port}}
			lines, err := s.lines(items)
			got := strings.Join(lines, ", ")
			if err != nil {
				got = "error"
			}
			if got != c.want {
				t.Errorf("%s, port %s: %q, %v; want %q", c.name, port, got, err, c.want)
			}
		}
	}
}

// TestAwait: a watch that ends without a change has failed; how soon it may is discovery.Rounds's to judge.
func TestAwait(t *testing.T) {
	const change = `{"type": "MODIFIED"}`
	for _, c := range []struct {
		status int
		answer string
	}{
		{http.StatusOK, ""},
		{http.StatusGone, ""},
		{http.StatusOK, `{"type": "ERROR", "object": {"code": 410}}`},
		{http.StatusOK, `{"type": "BOOKMARK"}`},
		{http.StatusOK, change},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		}))
		s := source{Options: Options{Client: web.Client{From: []string{strings.TrimPrefix(server.URL, "http://")}}}}
		if err := s.await(t.Context(), "1"); (err == nil) != (c.answer == change) {
			t.Errorf("%d %s: %v", c.status, c.answer, err)
		}
		s.Close()
		server.Close()
	}
}
