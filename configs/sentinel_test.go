package configs

import (
	"strings"
	"testing"
)

const sentinelHead = "p:\n  listen: 127.0.0.1:1\n"

// TestSentinels: a pool with sentinels has names of masters for servers, which the ring goes by.
func TestSentinels(t *testing.T) {
	for _, sentinels := range []string{"127.0.0.1:2 [::1]:3", "\n    - 127.0.0.1:2\n    - \"[::1]:3\""} {
		f, err := Parse("f.yml", []byte(sentinelHead+"  redis: true\n  sentinels: "+sentinels+"\n  sentinel_password: secret\n  servers:\n    - mymaster:1\n    - other:2 shard2\n"))
		if err != nil {
			t.Fatal(err)
		}
		p := &f.Options.Pools[0]
		if len(p.Sentinels) != 2 || p.Sentinels[0].Addr != "127.0.0.1:2" || p.Sentinels[1].Addr != "[::1]:3" {
			t.Errorf("the sentinels are %v", p.Sentinels)
		}
		if a, b := p.Servers[0], p.Servers[1]; a.Name != "shard2" || a.Master != "other" || a.Weight != 2 || b.Name != "mymaster" || b.Master != "mymaster" || a.Addr != "" {
			t.Errorf("the masters are %+v", p.Servers)
		}
		shown := Effective(&f.Options)["p"].(Section)
		if got, _ := shown["servers"].([]string); strings.Join(got, ", ") != "other:2 shard2, mymaster:1" || shown["sentinels"] != "127.0.0.1:2 [::1]:3" || shown["sentinel_password"] != masked {
			t.Errorf("shown is %v", shown)
		}
		here, err := RingHashes(&f.Options)
		p.Servers[0].Addr = "127.0.0.1:4"
		if there, _ := RingHashes(&f.Options); err != nil || here["p"] != there["p"] {
			t.Errorf("the ring is another once a sentinel said where a master is")
		}
	}
}

// TestSentinelMistakes: what does not go with sentinels, or is no master, is said.
func TestSentinelMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"redis: true\n  sentinels: 127.0.0.1\n  servers:\n    - m:1":                                                  `sentinels: "127.0.0.1" is no "host:port" of a sentinel`,
		"redis: true\n  sentinels: /tmp/s:1\n  servers:\n    - m:1":                                                   `is no "host:port" of a sentinel`,
		"redis: true\n  sentinels: a:1 a:1\n  servers:\n    - m:1":                                                    "is there twice",
		"redis: true\n  sentinels: a:1\n  servers:\n    - 127.0.0.1:6379:1":                                           "is an address; with sentinels it is what they call the master",
		"redis: true\n  sentinels: a:1\n  servers:\n    - /tmp/s:1":                                                   "is a unix socket; sentinels tell of servers that are reached by TCP",
		"redis: true\n  sentinels: a:1\n  servers:\n    - m":                                                          `is no "master:weight [name]"`,
		"redis: true\n  sentinels: a:1\n  servers:\n    - m:0":                                                        `is no "master:weight [name]"`,
		"redis: true\n  sentinels: a:1\n  servers:\n    - m:1 a\n    - m:1 b":                                         "has a master that stands on line 6 already",
		"sentinels: a:1\n  servers:\n    - m:1":                                                                       `directive "sentinels:" is only valid for a redis pool`,
		"redis: true\n  sentinels: a:1\n  cluster: true\n  servers:\n    - a:1":                                       `does not go with "sentinels:": a cluster has no sentinels`,
		"redis: true\n  sentinels: a:1\n  auto_eject_hosts: true\n  servers:\n    - m:1":                              `does not go with "sentinels:": the sentinels say`,
		"redis: true\n  sentinels: a:1\n  on_server_failure: miss\n  servers:\n    - m:1":                             `does not go with "sentinels:": the sentinels say`,
		"redis: true\n  sentinels: a:1\n  sentinel_tls: true\n  servers:\n    - m:1":                                  "goes by the settings of server_tls, which is not on",
		"redis: true\n  sentinels: a:1\n  sentinel_username: u\n  servers:\n    - m:1":                                "sentinel_username: has no password",
		"redis: true\n  sentinel_password: u\n  servers:\n    - a:1:1":                                                `directive "sentinel_password:" is only valid for a pool with sentinels`,
		"redis: true\n  sentinels: a:1\n  sentinel_password: u\n  sentinel_password_env: HOME\n  servers:\n    - m:1": "is given by sentinel_password already",
	} {
		_, err := Parse("f.yml", []byte(sentinelHead+"  "+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}
