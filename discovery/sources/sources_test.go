package sources

import (
	"slices"
	"testing"

	"cashew/topology"
)

// TestNew: each kind that a configuration may have has its source; outside of a pod nobody knows whom to ask of Kubernetes.
func TestNew(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for kind, is := range map[string]bool{
		"file x": true, "dns a:1": true, "srv a": true, "etcd /a": true, "consul a": true, "consul a b": true, "kubernetes a/b:c": false, "dns a": false, "tea leaves": false,
	} {
		if s, err := New(&topology.DiscoveryOptions{Discovery: kind}); (s != nil) != is || (err == nil) != is {
			t.Errorf("%s: %v, %v", kind, s, err)
		}
	}
	if s, err := New(&topology.DiscoveryOptions{Discovery: "kubernetes a/b:c", DiscoveryFrom: []string{"api"}}); s == nil || err != nil {
		t.Errorf("kubernetes, elsewhere: %v, %v", s, err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "::1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	if s, err := New(&topology.DiscoveryOptions{Discovery: "kubernetes a/b:c"}); s == nil || err != nil {
		t.Errorf("kubernetes, in a pod: %v, %v", s, err)
	}
}

// TestClient: who is asked has the usual port, unless another is named, and speaks TLS by the settings.
func TestClient(t *testing.T) {
	c := client(&topology.DiscoveryOptions{DiscoveryFrom: []string{"a", "b:2", "::1", "[::1]", "[::1]:3"}, DiscoveryTLS: true, DiscoveryTLSName: "n"}, "127.0.0.1:1")
	if !slices.Equal(c.From, []string{"a:1", "b:2", "[::1]:1", "[::1]:1", "[::1]:3"}) || c.TLS == nil || c.TLS.Name != "n" {
		t.Errorf("asked are %v, TLS %v", c.From, c.TLS)
	}
	if c := client(&topology.DiscoveryOptions{}, "127.0.0.1:1"); !slices.Equal(c.From, []string{"127.0.0.1:1"}) || c.TLS != nil {
		t.Errorf("asked are %v, TLS %v", c.From, c.TLS)
	}
}
