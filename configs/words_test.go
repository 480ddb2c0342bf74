package configs

import (
	"strings"
	"testing"
)

// TestWords: of a value with several words each that is wrong is a mistake of its own, told by itself.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		lines string
		want  []string // in the order of the words, all of the mistakes; what is behind them is what was expected
	}{
		{"cluster: true\n  cluster_announce: a:0 b:99999 a:1 a:1", []string{
			`cluster_announce: "a:0" is no "host:port"`, `cluster_announce: "b:99999" is no "host:port"`, `cluster_announce: "a:1" is there twice`,
		}},
		{"sentinels: a:0 b:1 /tmp/s:1 b:1", []string{`sentinels: "a:0" is no "host:port"`, `sentinels: "/tmp/s:1" is no "host:port"`, `sentinels: "b:1" is there twice`}},
		{"sentinels:\n    - a:0 c\n    - b:1\n    - b:1", []string{`sentinels: "a:0" is no "host:port"`, `sentinels: "c" is no "host:port"`, `sentinels: "b:1" is there twice`}},
		{"allow_from: 10.0.0.1/8 ::1 x", []string{`allow_from: "10.0.0.1/8" has a host`, `allow_from: "x" is no address`}},
		{"proxy_protocol_from: y unix x/1", []string{`proxy_protocol_from: "y" is no address`, `proxy_protocol_from: "x/1" is no network`}},
		{`proxy_protocol_from: "  "`, []string{"proxy_protocol_from: is empty"}},
	} {
		server := "a:1:1"
		if strings.HasPrefix(c.lines, "sentinels") {
			server = "m:1"
		}
		_, err := Parse("f.yml", []byte("p:\n  listen: 127.0.0.1:1\n  redis: true\n  "+c.lines+"\n  servers:\n    - "+server+"\n"))
		if err == nil {
			t.Errorf("%q is taken", c.lines)
			continue
		}
		got := strings.Split(err.Error(), "\n")
		for i, line := range got {
			if len(got) != len(c.want) || !strings.Contains(line, ": pool p: "+c.want[i]) {
				t.Errorf("%q:\n%v\nwant %q", c.lines, err, c.want)
				break
			}
		}
	}
}

// TestClusterUnclear: where it stands there wrongly whether a pool is a cluster, that is the only mistake, whatever its servers are.
func TestClusterUnclear(t *testing.T) {
	for _, c := range []struct{ value, more, servers, want string }{
		{"yes", "", "- 10.0.0.1:7000\n    - 10.0.0.1:7001", `cluster: "yes" is not "true" or "false"`},
		{"yes", "cluster_announce: a:1", "- 10.0.0.1:7000", `cluster: "yes" is not`},
		{"no", "hash: md5", "- 10.0.0.1:7000:1 a\n    - /tmp/s:1", `cluster: "no" is not`},
		{"off", "sentinels: a:1", "- m:1\n    - n:2 shard2", `cluster: "off" is not`},
		{"true", "sentinels: a:1", "- 10.0.0.1:7000\n    - 10.0.0.1:7001", `does not go with "sentinels:": a cluster has no sentinels`},
	} {
		_, err := Parse("f.yml", []byte("p:\n  listen: 127.0.0.1:1\n  redis: true\n  cluster: "+c.value+"\n  "+c.more+"\n  servers:\n    "+c.servers+"\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("cluster: %s with %q: %v; want %s alone", c.value, c.more, err, c.want)
		}
	}
	_, err := Parse("f.yml", []byte("p:\n  listen: 127.0.0.1:1\n  redis: true\n  cluster: yes\n  servers:\n    - 10.0.0.1\n"))
	if err == nil || !strings.Contains(err.Error(), `servers: "10.0.0.1" is no "host:port"`) {
		t.Errorf("a server that is none: %v", err)
	}
}
