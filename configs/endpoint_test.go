package configs

import (
	"strings"
	"testing"
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
