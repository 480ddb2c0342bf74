package configs

import (
	"strings"
	"testing"
)

const discoveryHead = "p:\n  listen: 127.0.0.1:1\n"

// TestDiscovery: a pool may have no servers in its file, or some to begin with; secrets are masked.
func TestDiscovery(t *testing.T) {
	t.Setenv("CASHEW_TEST_TOKEN", "hush")
	for _, redis := range []string{"", "  redis: true\n"} {
		f, err := Parse("f.yml", []byte(discoveryHead+redis+"  discovery: etcd   /p/\n  on_membership: apply\n  discovery_password: hush\n  discovery_username_env: CASHEW_TEST_TOKEN\n"))
		if err != nil {
			t.Fatal(err)
		}
		p := &f.Options.Pools[0]
		if len(p.Servers) != 1 || p.Servers[0].Addr != "" || p.Begin != nil || p.Discovery != "etcd /p/" || !p.ApplyMembership || p.DiscoveryPassword != "hush" || p.DiscoveryUsername != "hush" {
			t.Errorf("the options are %+v", p.DiscoveryOptions)
		}
		shown := Effective(&f.Options)["p"].(Section)
		if shown["discovery"] != "etcd /p/" || shown["servers"] != nil || shown["discovery_password"] != masked || shown["discovery_username_env"] != "CASHEW_TEST_TOKEN" || shown["on_membership"] != "apply" {
			t.Errorf("shown is %v", shown)
		}
		if p.Protocol.Guarded() {
			t.Error("the password of who is asked guards the pool")
		}
	}
	if _, err := Parse("f.yml", []byte(discoveryHead+"  discovery: file x\n  discovery_cache: y\n  discovery_settle_msecs: 3600000\n  discovery_wait_msecs: 3600000\n")); err != nil {
		t.Errorf("an hour: %v", err)
	}
	f, err := Parse("f.yml", []byte(discoveryHead+"  redis: true\n  server_auth:\n    - b env:HOME\n  discovery: file servers.txt\n"))
	if err == nil {
		t.Errorf("server_auth without a user: %v", f)
	}
	f, err = Parse("f.yml", []byte(discoveryHead+"  discovery: file servers.txt\n  servers:\n    - 127.0.0.1:2:1 b\n    - 127.0.0.1:3:1 a\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p := &f.Options.Pools[0]; len(p.Begin) != 2 || p.Begin[0].Name != "a" || len(p.Servers) != 2 || p.ApplyMembership {
		t.Errorf("the options are %+v", p.Options)
	}
}

// TestDiscoveryMistakes: what is no source, or does not go with one, is said.
func TestDiscoveryMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"discovery: zookeeper /x":                         `discovery: "zookeeper /x" does not say where servers are to be looked for`,
		"discovery: file":                                 "does not say what file is to look for",
		"discovery: dns x":                                "does not say what dns is to look for: HOST:PORT",
		"discovery: dns x:0":                              "does not say what dns is to look for: HOST:PORT",
		"discovery: srv a b":                              "does not say what srv is to look for: NAME",
		"discovery: consul a b c":                         "does not say what consul is to look for: SERVICE [TAG]",
		"discovery: kubernetes a/b":                       "does not say what kubernetes is to look for: NAMESPACE/SERVICE:PORT",
		"discovery: etcd x\n  discovery_from: u:hush@a:1": "is no address of who is asked",
		"discovery: etcd x\n  discovery_from: a:1 b:c":    "is no address of who is asked",
		"discovery: etcd x\n  discovery_from: '[::1]:0'":  "is no address of who is asked",
		"discovery: etcd x\n  discovery_tls: true\n  discovery_tls_ca_cert_file: /nowhere/ca": "discovery_tls_ca_cert_file: the file can't be used",
		"discovery: dns x:1\n  discovery_from: http://a":                                      "is no address of who is asked",
		"discovery: file x\n  discovery_from: a":                                              "has no meaning for discovery: file",
		"discovery: dns x:1\n  discovery_tls: true":                                           "has no meaning for discovery: dns",
		"discovery: etcd x\n  discovery_token_env: HOME":                                      "has no meaning for discovery: etcd",
		"discovery_cache: x":                       `directive "discovery_cache:" is only valid for a pool with discovery`,
		"on_membership: apply":                     `directive "on_membership:" is only valid for a pool with discovery`,
		"discovery_token: hush":                    `directive "discovery_token:" is only valid for a pool with discovery`,
		"discovery_token_file: /no":                "file",
		"discovery: file x\n  on_membership: aply": `did you mean "apply"`,
		"discovery: file x\n  cluster: true\n  redis: true\n  servers:\n    - 1.1.1.1:1": `cluster: does not go with "discovery:"`,
		"discovery: file x\n  sentinels: a:1\n  redis: true\n  servers:\n    - m:1":      `sentinels: does not go with "discovery:"`,
		"discovery: etcd x\n  discovery_password: a\n  discovery_password_env: HOME":     "is given by discovery_password already",
		"discovery: etcd x\n  discovery_tls_name: a":                                     "is of no use without discovery_tls",
		"discovery: etcd x\n  discovery_tls: true\n  discovery_tls_cert_file: a":         "needs discovery_tls_key_file beside it",
		"discovery: file x\n  discovery_wait_msecs: 100000000":                           `4: pool p: discovery_wait_msecs: "100000000" is more than an hour; expected milliseconds, digits only, at most 3600000`,
		"discovery: file x\n  discovery_settle_msecs: 3600001":                           `4: pool p: discovery_settle_msecs: "3600001" is more than an hour`,
		"discovery: etcd x\n  discovery_password: hush":                                  "4: pool p: discovery_password: has no user; expected discovery_username, discovery_username_file or discovery_username_env beside it",
		"discovery: etcd x\n  discovery_password_env: HOME":                              "4: pool p: discovery_password_env: has no user; expected discovery_username,",
		"discovery: etcd x\n  discovery_username: a":                                     "4: pool p: discovery_username: has no password; expected discovery_password, discovery_password_file or",
		"discovery: file x\n  servers:\n    - 1.1.1.1:1:1 a\n    - 1.1.1.1:2:1 a":        "has servers with same name",
		"discovery: file x\n  servers:\n    - 1.1.1.1:1:1 it's\n    - 1.1.1.1:2:1 b":     `5: pool p: servers: "1.1.1.1:1:1 it's" has a quote in its name or its address`,
	} {
		_, err := Parse("f.yml", []byte(discoveryHead+"  "+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

// TestDiscoveryWarnings: a pool that would know of nothing is warned of; two pools may not keep one file.
func TestDiscoveryWarnings(t *testing.T) {
	f, err := Parse("f.yml", []byte(discoveryHead+"  discovery: file x\n"))
	if err != nil || len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "a start at which nobody answers knows of no server") {
		t.Errorf("warnings: %v, %v", f, err)
	}
	for _, more := range []string{"  discovery_cache: y\n", "  servers:\n    - 127.0.0.1:2:1\n"} {
		if f, err := Parse("f.yml", []byte(discoveryHead+"  discovery: file x\n"+more)); err != nil || len(f.Warnings) > 0 {
			t.Errorf("warnings: %v, %v", f, err)
		}
	}
	_, err = Parse("f.yml", []byte(discoveryHead+"  discovery: file x\n  discovery_cache: y\nq:\n  listen: 127.0.0.1:2\n  discovery: file z\n  discovery_cache: y\n"))
	if err == nil || !strings.Contains(err.Error(), "is pool p's already") {
		t.Errorf("one file of two pools: %v", err)
	}
}

// TestParseServers: what a source tells is read as the file is; two of a name are a mistake, unless they are the same.
func TestParseServers(t *testing.T) {
	servers, err := ParseServers([]string{"10.0.0.2:6379:1 bb", "::1:6379:2 c", "10.0.0.1:11211:1", "/tmp/s:1 z", "10.0.0.2:6379:1 bb"})
	if err != nil || strings.Join(ServerLines(servers), ", ") != "::1:6379:2 c, /tmp/s:1 z, 10.0.0.2:6379:1 bb, 10.0.0.1:11211:1" {
		t.Errorf("%v, %v", ServerLines(servers), err)
	}
	for _, lines := range [][]string{
		{""},
		{"x"},
		{"10.0.0.1:1:0 a"},
		{"10.0.0.1:1:1 a", "10.0.0.2:1:1 a"},
		{"10.0.0.1:1:1 a", "10.0.0.1:1:2 a"},
		{":1:1 a"},
		{"10.0.0.1:1:1 a\nb"},
		{`"10.0.0.1:1:1 a"`},
		{"'10.0.0.1:1:1 a'"},
		{"10.0.0.1:1:1 it's"},
		{`10.0.0.1:1:1 "a"`},
		{`"10.0.0.1:1:1 a`},
		{"10.0.0.1:1:1 a\tb"},
		{"10.0.0.1:1:1 a\x00"},
		{"10.0.0.1:1:1 a\x7f"},
		{"10.0.0.1:1:1 a\u0085"},
		{"10.0.0.1:1:1 a\xff"},
		{"10.0.0.1:1:1 " + strings.Repeat("a", 256)},
		{strings.Repeat("a", 256) + ":1:1 a"},
		make([]string, 5000),
	} {
		if servers, err := ParseServers(lines); err == nil {
			t.Errorf("%q: %v", lines[0], servers)
		} else if len(err.Error()) > 300 {
			t.Errorf("a mistake takes %d bytes of the log", len(err.Error()))
		}
	}
	if servers, err := ParseServers([]string{"10.0.0.1:1:1 " + strings.Repeat("a", 255), "/tmp/it's:1 s", "10.0.0.1:1:1 <img/src=x>", "10.0.0.1:1:1 bücher"}); err != nil || len(servers) != 4 {
		t.Errorf("%v, %v", servers, err)
	}
	if servers, err := ParseServers(nil); err != nil || len(servers) != 0 {
		t.Errorf("an empty list: %v, %v", servers, err)
	}
}
