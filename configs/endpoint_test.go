package configs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"cashew/tlsconn"
)

func TestMovingEndpoint(t *testing.T) {
	const file = "p:\n  listen: 127.0.0.1:1\n  redis: true\n  moving_endpoint: VALUE\n  servers:\n    - 127.0.0.1:2:1\n"
	for _, good := range []string{"lb.example:6379", "10.0.0.1:1", `"[::1]:65535"`} {
		f := mustParse(t, strings.Replace(file, "VALUE", good, 1))
		if got := f.Options.Pools[0].MovingEndpoint; got != strings.Trim(good, `"`) {
			t.Errorf("%s: %q", good, got)
		}
	}
	for _, bad := range []struct{ value, want string }{
		{"lb.example", `is no "host:port"`},
		{":6379", `is no "host:port"`},
		{"a:0", `is no "host:port"`},
		{"a:65536", `is no "host:port"`},
		{"a:x", `is no "host:port"`},
		{"a:+1", `is no "host:port"`},
		{"a:1:2", `is no "host:port"`},
		{"::1:5", `is no "host:port"`},
		{"a b:1", `is no "host:port"`},
		{"0.0.0.0:1", "is where one listens"},
		{`"[::]:1"`, "is where one listens"},
	} {
		_, err := Parse("nutcracker.yml", []byte(strings.Replace(file, "VALUE", bad.value, 1)))
		if err == nil || !strings.Contains(err.Error(), "moving_endpoint") || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", bad.value, err)
		}
	}
}

func TestClusterAnnounce(t *testing.T) {
	const file = "p:\n  listen: 127.0.0.1:1\n  redis: true\n  cluster: true\n  cluster_announce: VALUE\n  servers:\n    - 127.0.0.1:2\n"
	announced := func(text string) []string {
		t.Helper()
		f := mustParse(t, text)
		return f.Options.Pools[0].Protocol.(interface{ Announces() []string }).Announces()
	}
	for _, good := range []string{"lb.example:6379", "10.0.0.1:1 10.0.0.2:1", `"[::1]:65535   b:1"`} {
		if got := announced(strings.Replace(file, "VALUE", good, 1)); !slices.Equal(got, strings.Fields(strings.Trim(good, `"`))) {
			t.Errorf("%s: %q", good, got)
		}
	}
	if got := announced(strings.Replace(file, "  cluster_announce: VALUE\n", "", 1)); got != nil {
		t.Errorf("without the key: %q", got)
	}
	many := new(strings.Builder)
	for i := range maxAnnounced + 1 {
		fmt.Fprintf(many, "a%d:1 ", i)
	}
	for _, bad := range []struct{ value, want string }{
		{"lb.example", `"lb.example" is no "host:port"`},
		{"a:1 b", `"b" is no "host:port"`},
		{"a:1 b:01", `"b:01" is no "host:port"`},
		{"a:1 0.0.0.0:1", `"0.0.0.0:1" is where one listens`},
		{"a:1 b:1 a:1", `"a:1" is there twice`},
		{`"  "`, "is empty"},
		{many.String(), `"a1000:1" is one too many: clients are told of 1000 proxies at most`},
	} {
		_, err := Parse("nutcracker.yml", []byte(strings.Replace(file, "VALUE", bad.value, 1)))
		if err == nil || !strings.Contains(err.Error(), "cluster_announce") || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", bad.value, err)
		}
	}
	for _, without := range []string{"  cluster: true\n", "  redis: true\n"} {
		_, err := Parse("nutcracker.yml", []byte(strings.Replace(strings.Replace(file, "VALUE", "a:1", 1), without, "", 1)))
		if err == nil {
			t.Errorf("the key without %q is taken", without)
		}
	}
}

// TestPortNames: clients are told of a port for TLS where they may speak it.
func TestPortNames(t *testing.T) {
	for mode, want := range map[tlsconn.Mode][]string{tlsconn.Off: nil, tlsconn.On: {"tls-port"}, tlsconn.Optional: {"port", "tls-port"}} {
		p := newPool(&yaml.Node{})
		p.TLS = mode
		if got := p.portNames(); !slices.Equal(got, want) {
			t.Errorf("TLS %v: %q; want %q", mode, got, want)
		}
	}
}
