package configs

import (
	"strings"
	"testing"

	"cashew/topology"
)

// TestParseSeed: what a line of a cluster's servers may be.
func TestParseSeed(t *testing.T) {
	for line, want := range map[string]string{
		"10.0.0.1:7000":            "10.0.0.1:7000",
		"10.0.0.1:7000:1":          "10.0.0.1:7000",
		"10.0.0.1:7000:99":         "10.0.0.1:7000",
		"a.example:11211":          "a.example:11211",
		"127.1:7000":               "127.0.0.1:7000",
		"[2001:db8::1]:7000":       "[2001:db8::1]:7000",
		"[2001:db8::1]:7000:1":     "[2001:db8::1]:7000",
		"2001:db8::1:7000:1":       "[2001:db8::1]:7000",
		"::1:7000":                 "[::1]:7000",
		"[::1]:7000":               "[::1]:7000",
		"10.0.0.1":                 reasonSeedForm,
		"10.0.0.1:0":               reasonSeedForm,
		"10.0.0.1:65536":           reasonSeedForm,
		"10.0.0.1:x":               reasonSeedForm,
		"10.0.0.1:7000:0":          reasonSeedForm,
		"10.0.0.1:7000:x":          reasonSeedForm,
		":7000":                    reasonSeedForm,
		"[]:7000":                  reasonSeedForm,
		"[10.0.0.1]:7000":          reasonSeedForm,
		"[::1:7000":                reasonSeedForm,
		"10.0.0.1:7000:1 shard1":   "has a name, of which servers of a cluster have no use",
		"10.0.0.1:7000 shard1":     "has a name, of which servers of a cluster have no use",
		"/tmp/redis.sock:1":        "is a unix socket; servers of a cluster are reached by TCP",
		"/tmp/redis.sock:1 shard1": "is a unix socket; servers of a cluster are reached by TCP",
	} {
		srv, reason := parseSeed(line)
		switch {
		case reason != "" && reason != want:
			t.Errorf("%q %s; want %q", line, reason, want)
		case reason == "" && srv != (topology.ServerOptions{Name: want, PName: want + ":1", Network: "tcp", Addr: want, Weight: 1}):
			t.Errorf("%q is %+v; want %q", line, srv, want)
		}
	}
}

// TestCluster: a pool that is a cluster has seeds, and what does not go with one is said.
func TestCluster(t *testing.T) {
	const head, servers = "p:\n  listen: 127.0.0.1:1\n", "\n  servers:\n    - 127.0.0.1:7001\n    - 127.0.0.1:7000:1\n"
	f, err := Parse("f.yml", []byte(head+"  redis: true"+servers+"  cluster: true\n  on_server_failure: rehash\n  redis_db: 0\n  databases: 1\n  preconnect: true\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := &f.Options.Pools[0]
	if !p.Cluster || len(p.Seeds) != 2 || p.Seeds[0].Addr != "127.0.0.1:7000" || len(p.Servers) != 2 || p.Slots != nil || len(f.Warnings) > 0 {
		t.Errorf("%+v, warnings %q", p.Options, f.Warnings)
	}
	all := Effective(&f.Options)
	shown := all["p"].(Section)
	if got, _ := shown["servers"].([]string); strings.Join(got, " ") != "127.0.0.1:7000 127.0.0.1:7001" || shown["cluster"] != true || shown["hash"] != nil || shown["distribution"] != nil {
		t.Errorf("in force are %v", shown)
	}
	p.Servers = p.Servers[:1]
	if got := Effective(&f.Options); got.Hash() != all.Hash() {
		t.Error("what the servers said changes what the file's settings are")
	}

	for line, says := range map[string]string{
		"hash: md5":                      `hash: "md5" does not go with "cluster: true": the slots`,
		`hash_tag: "{}"`:                 `hash_tag: "{}" does not go with "cluster: true": the slots`,
		"distribution: modula":           `distribution: "modula" does not go with "cluster: true": the slots`,
		"redis_db: 1":                    `redis_db: "1" does not go with "cluster: true": a cluster has database 0 alone`,
		"databases: 16":                  `databases: "16" does not go with "cluster: true": a cluster has database 0 alone`,
		"auto_eject_hosts: true":         `auto_eject_hosts: "true" does not go with "cluster: true": the cluster itself`,
		"on_server_failure: miss":        `on_server_failure: "miss" does not go with "cluster: true": the cluster itself`,
		"cluster_refresh_interval: soon": "cluster_refresh_interval",
	} {
		_, err := Parse("f.yml", []byte(head+"  redis: true\n  cluster: true\n  "+line+servers))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v\nwant one line with %s", line, err, says)
		}
	}
	for _, protocol := range []string{"", "  redis: false"} {
		_, err := Parse("f.yml", []byte(head+protocol+"\n  cluster: true"+servers))
		if err == nil || !strings.Contains(err.Error(), `directive "cluster:" is only valid for a redis pool`) {
			t.Errorf("%q: %v", protocol, err)
		}
	}
	_, err = Parse("f.yml", []byte(head+"  redis: true\n  cluster: true\n  servers:\n    - /tmp/s:1\n"))
	if err == nil || !strings.Contains(err.Error(), `"host:port"`) || !strings.Contains(err.Error(), "is a unix socket") {
		t.Errorf("a unix socket: %v", err)
	}
	if _, err = Parse("f.yml", []byte(head+"  redis: true\n  servers:\n    - 127.0.0.1:7000\n")); err == nil {
		t.Error("a pool that is no cluster has a server without a weight")
	}
}
