package etcd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cashew/discovery/web"
)

// TestLine: a value says where a server is in one of three forms; what is none becomes a line that whoever reads the list refuses, or an error.
func TestLine(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"a", "10.0.0.1:6379", "10.0.0.1:6379:1 a"},
		{"a", "10.0.0.1:6379:5\n", "10.0.0.1:6379:5 a"},
		{"a", "[2001:db8::1]:6379", "2001:db8::1:6379:1 a"},
		{"a/b", `{"address": "10.0.0.1:6379", "weight": 3}`, "10.0.0.1:6379:3 a/b"},
		{"a", `{"address": "[::1]:6379"}`, "::1:6379:1 a"},
		{"a", `"10.0.0.1:6379"`, "10.0.0.1:6379:1 a"},
		{"a", "'10.0.0.1:6379:5'\n", "10.0.0.1:6379:5 a"},
		{"a", `"10.0.0.1:6379`, "error"},
		{"a", "10.0.0.1:6379\n10.0.0.2:6379", "error"},
		{"a", "nonsense", "nonsense a"},
		{"a", `{"address": "10.0.0.1"}`, "error"},
		{"a", `{"address": 1}`, "error"},
		{"a", "10.0.0.1:6379:1 b", "error"},
		{"a", "/tmp/socket:1", "error"},
		{"a b", "10.0.0.1:6379:1", "error"},
	} {
		got, err := line(c.name, []byte(c.value))
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s = %q is %q, %v; want %q", c.name, c.value, got, err, c.want)
		}
	}
}

// TestAfter: a range ends where no key begins with the prefix.
func TestAfter(t *testing.T) {
	for prefix, want := range map[string]string{"/cashew/": "/cashew0", "a\xff": "b", "\xff\xff": "\x00"} {
		if got := string(after(prefix)); got != want || got != "\x00" && strings.HasPrefix(got, prefix) {
			t.Errorf("after %q is %q, want %q", prefix, got, want)
		}
	}
}

// TestAwait: a watch that ends without a change has failed; how soon it may is discovery.Rounds's to judge.
func TestAwait(t *testing.T) {
	const change = `{"result": {"events": [{}]}}`
	for _, c := range []struct {
		status int
		answer string
	}{
		{http.StatusOK, ""},
		{http.StatusServiceUnavailable, ""},
		{http.StatusOK, `{"result": {"canceled": true}}`},
		{http.StatusOK, `{"error": {"message": "no"}}`},
		{http.StatusOK, change},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		}))
		s := source{Options: Options{Client: web.Client{From: []string{strings.TrimPrefix(server.URL, "http://")}}}}
		if err := s.await(t.Context(), 1); (err == nil) != (c.answer == change) {
			t.Errorf("%d %s: %v", c.status, c.answer, err)
		}
		s.Close()
		server.Close()
	}
}
