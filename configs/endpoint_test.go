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
	for _, bad := range []string{"lb.example", ":6379", "a:0", "a:65536", "a:x", "a:1:2", "::1:5"} {
		_, err := Parse("nutcracker.yml", []byte(strings.Replace(file, "VALUE", bad, 1)))
		if err == nil || !strings.Contains(err.Error(), "moving_endpoint") || !strings.Contains(err.Error(), `is no "host:port"`) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
