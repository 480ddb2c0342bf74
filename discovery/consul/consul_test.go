package consul

import (
	"encoding/json"
	"testing"
)

// TestLine: an instance's name, weight and address come from its meta data before what Consul itself has.
func TestLine(t *testing.T) {
	for _, c := range []struct{ instance, want string }{
		{`{"Node": {"Address": "10.0.0.9"}, "Service": {"ID": "redis-1", "Address": "10.0.0.1", "Port": 6379, "Weights": {"Passing": 3}}}`, "10.0.0.1:6379:3 redis-1"},
		{`{"Node": {"Address": "10.0.0.9"}, "Service": {"ID": "redis-1", "Port": 6379, "Meta": {"cashew_name": "a", "cashew_weight": "7"}, "Weights": {"Passing": 3}}}`, "10.0.0.9:6379:7 a"},
		{`{"Node": {"Address": "2001:db8::1"}, "Service": {"ID": "redis-1", "Port": 6379}}`, "2001:db8::1:6379:1 redis-1"},
		{`{"Service": {"ID": "redis-1", "Address": "10.0.0.1", "Port": 6379, "Meta": {"cashew_weight": "0"}}}`, "error"},
		{`{"Service": {"ID": "redis-1", "Port": 6379}}`, "error"},
		{`{"Service": {"ID": "two words", "Address": "10.0.0.1", "Port": 6379}}`, "error"},
	} {
		var i instance
		if err := json.Unmarshal([]byte(c.instance), &i); err != nil {
			t.Fatal(err)
		}
		got, err := i.line()
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s is %q, %v; want %q", c.instance, got, err, c.want)
		}
	}
}
