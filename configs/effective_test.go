package configs

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// mustParse parses a configuration without mistakes.
func mustParse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("test.yml", []byte(text))
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return f
}

// What Effective says can be loaded, and then means the same.
func TestEffectiveIsAConfiguration(t *testing.T) {
	paths, err := filepath.Glob("*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("examples: %q, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			f, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			first := Effective(&f.Options)
			text, err := yaml.Marshal(first)
			if err != nil {
				t.Fatal(err)
			}
			second := Effective(&mustParse(t, string(text)).Options)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("Effective of its own text (-first +second):\n%s", diff)
			}
		})
	}
}

// Each key that a file may hold is there, in a pool of its protocol.
func TestEffectiveHasEveryKey(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(users, []byte("user bob on >hunter3 ~* +@all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	headers := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(headers, []byte("x-token: hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CASHEW_TEST_SECRET", "hunter2")
	cert, key := writeCertificate(t)
	f := mustParse(t, strings.NewReplacer(": SECRET", ": "+secret, "USERS", users, "CERT", cert, "KEY", key, "HEADERS", headers).Replace(`
r:
  listen: 127.0.0.1:1
  redis: true
  redis_auth: hunter2
  server_username: alice
  server_password: hunter2
  server_auth:
    - 127.0.0.1:2 bob >hunter2
  client_output_buffer: 64mb
  allow_from: 10.0.0.0/8
  deny_from: 10.0.0.1
  proxy_protocol_from: ::1
  databases: 16
  aclfile: USERS
  moving_endpoint: lb.example:6379
  limits:
    - all requests=1000
  hash_tag: "{}"
  tls: on
  tls_cert_file: CERT
  tls_key_file: KEY
  tls_ca_cert_file: CERT
  tls_protocols: TLSv1.3
  tls_ciphers: AES128-SHA
  server_tls: true
  server_tls_cert_file: CERT
  server_tls_key_file: KEY
  server_tls_ca_cert_file: CERT
  server_tls_name: redis.example
  server_tls_protocols: TLSv1.2
  server_tls_ciphers: AES128-SHA
  servers:
    - 127.0.0.1:2:1
m:
  listen: 127.0.0.1:3
  users:
    - alice on >hunter4
  servers:
    - 127.0.0.1:4:1 name
f:
  listen: 127.0.0.1:5
  routes:
    - e e:*
  mirror: e
  failover: e
  miss: e ttl=1
  redis: true
  redis_auth_file: SECRET
  server_username_file: SECRET
  server_password_file: SECRET
  servers:
    - 127.0.0.1:2:1
e:
  listen: 127.0.0.1:6
  redis: true
  redis_auth_env: CASHEW_TEST_SECRET
  server_username_env: CASHEW_TEST_SECRET
  server_password_env: CASHEW_TEST_SECRET
  servers:
    - 127.0.0.1:2:1
w:
  listen: 127.0.0.1:18
  redis: true
  dual_write: e answer=any
  servers:
    - 127.0.0.1:8:1
c:
  listen: 127.0.0.1:7
  redis: true
  cluster: true
  cluster_announce: a:1 b:1
  servers:
    - 127.0.0.1:2
s:
  listen: 127.0.0.1:8
  redis: true
  sentinels: 127.0.0.1:8
  sentinel_username: alice
  sentinel_password: hunter2
  servers:
    - mymaster:1
t:
  listen: 127.0.0.1:9
  redis: true
  sentinels:
    - 127.0.0.1:8
    - 127.0.0.1:9
  sentinel_username_file: SECRET
  sentinel_password_file: SECRET
  servers:
    - mymaster:1 shard1
u:
  listen: 127.0.0.1:10
  redis: true
  sentinels: 127.0.0.1:8
  sentinel_username_env: CASHEW_TEST_SECRET
  sentinel_password_env: CASHEW_TEST_SECRET
  servers:
    - mymaster:1
d:
  listen: 127.0.0.1:13
  discovery: etcd /x
  discovery_from: a:1
  discovery_cache: x
  discovery_username: alice
  discovery_password: hunter2
  discovery_tls: true
  discovery_tls_ca_cert_file: CERT
  discovery_tls_cert_file: CERT
  discovery_tls_key_file: KEY
  discovery_tls_name: a
  servers:
    - 127.0.0.1:2:1
d2:
  listen: 127.0.0.1:11
  discovery: etcd /x
  discovery_username_file: SECRET
  discovery_password_file: SECRET
d3:
  listen: 127.0.0.1:12
  discovery: etcd /x
  discovery_username_env: CASHEW_TEST_SECRET
  discovery_password_env: CASHEW_TEST_SECRET
d4:
  listen: 127.0.0.1:14
  discovery: consul x
  discovery_token: hunter2
d5:
  listen: 127.0.0.1:15
  discovery: consul x y
  discovery_token_file: SECRET
d6:
  listen: 127.0.0.1:16
  discovery: kubernetes x/y:z
  discovery_token_env: CASHEW_TEST_SECRET
x:
  listen: 127.0.0.1:17
  redis: true
  zones:
    10.0.0.0/8: a
    b: c
  servers:
    - 127.0.0.1:1:1:
        replicas:
          - 127.0.0.1:2
global:
  default_zone: a
  max_memory: 1gb
  audit_log: /dev/null
  access_log: /dev/zero
  otlp_endpoint: https://localhost
  otlp_headers_file: HEADERS
  otlp_tls_ca_cert_file: CERT
  otlp_tls_cert_file: CERT
  otlp_tls_key_file: KEY
  admin_token: hunter3
  admin_tls_cert_file: CERT
  admin_tls_key_file: KEY
`))
	all := Effective(&f.Options)
	if text, _ := json.Marshal(all); strings.Contains(string(text), "hunter2") {
		t.Errorf("a secret is shown: %s", text)
	}
	got := make(map[string]bool)
	for _, name := range []string{"r", "m", "f", "e", "w", "c", "s", "t", "u", "d", "d2", "d3", "d4", "d5", "d6", "x"} {
		for key := range all[name].(Section) {
			got[key] = true
		}
	}
	global, pool := Keys()
	global = slices.DeleteFunc(global, func(key string) bool { return key == "admin_token_file" }) // it is there in place of admin_token
	slices.Sort(pool)
	if diff := cmp.Diff(pool, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("keys of pools (-want +got):\n%s", diff)
	}
	slices.Sort(global)
	if diff := cmp.Diff(global, slices.Sorted(maps.Keys(all["global"].(Section)))); diff != "" {
		t.Errorf("keys of global (-want +got):\n%s", diff)
	}
}

const twoServers = `
p:
  listen: 127.0.0.1:1
  redis: true
  redis_auth: hunter2
  timeout: 400
  servers:
    - 127.0.0.1:2:1 a
    - 127.0.0.1:3:1 b
`

func TestEffectiveHashes(t *testing.T) {
	base := mustParse(t, twoServers)
	baseRing, err := RingHashes(&base.Options)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, old, new           string
		sameConfig, sameRingHash bool
	}{
		{"the same", "p:", "p:", true, true},
		{"another order of keys", "  listen: 127.0.0.1:1\n  redis: true\n", "  redis: true\n  listen: 127.0.0.1:1\n", true, true},
		{"another order of servers", "    - 127.0.0.1:2:1 a\n    - 127.0.0.1:3:1 b\n", "    - 127.0.0.1:3:1 b\n    - 127.0.0.1:2:1 a\n", true, true},
		{"another secret", "hunter2", "hunter3", true, true},
		{"no secret", "  redis_auth: hunter2\n", "", false, true},
		{"a default, spelled out", "  timeout: 400\n", "  timeout: 400\n  hash: fnv1a_64\n", true, true},
		{"another address to listen at", "127.0.0.1:1\n", "10.9.9.9:1\n", true, true},
		{"other admin pages", "p:", "global:\n  admin: 10.9.9.9:22223\n  default_zone: b\np:", true, true},
		{"another drain", "p:", "global:\n  drain_timeout: 1\np:", false, true},
		{"another timeout", "400", "500", false, true},
		{"another weight", "127.0.0.1:3:1 b", "127.0.0.1:3:2 b", false, false},
		{"another address", "127.0.0.1:3:1 b", "127.0.0.1:4:1 b", false, false},
		{"another hash", "  timeout: 400\n", "  timeout: 400\n  hash: md5\n", false, false},
		{"a hash tag", "  timeout: 400\n", "  timeout: 400\n  hash_tag: '{}'\n", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(twoServers, c.old) {
				t.Fatalf("%q is not in the configuration", c.old)
			}
			other := mustParse(t, strings.Replace(twoServers, c.old, c.new, 1))
			if same := Effective(&other.Options).Hash() == Effective(&base.Options).Hash(); same != c.sameConfig {
				t.Errorf("the same hash: %v, want %v", same, c.sameConfig)
			}
			rings, err := RingHashes(&other.Options)
			if err != nil {
				t.Fatal(err)
			}
			if same := rings["p"] == baseRing["p"]; same != c.sameRingHash {
				t.Errorf("the same ring hash: %v, want %v", same, c.sameRingHash)
			}
		})
	}
}

func TestEffectiveMasksSecrets(t *testing.T) {
	f := mustParse(t, twoServers)
	text, err := json.Marshal(Effective(&f.Options))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), `"redis_auth":"(masked)"`) {
		t.Errorf("Effective: %s", text)
	}
}

// A mistake beside a password does not tell the password: reloads answer with such texts.
func TestProblemsHoldNoPassword(t *testing.T) {
	for _, text := range []string{
		strings.Replace(twoServers, "redis: true", "redis: false", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth: hunter2\n  redis_auth: hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth:\n    - hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth: !!str hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth: &anchor hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth: [hunter2]", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_aut: hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth: *hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "redis_auth=hunter2: x", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "server_password_env: hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "server_password_file: hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "server_auth: hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "server_auth:\n    - hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "server_auth:\n    - a alice hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "server_auth:\n    - c alice >hunter2", 1),
		strings.Replace(twoServers, "redis_auth: hunter2", "server_auth:\n    - a: alice >hunter2", 1),
		strings.Replace(twoServers, "redis: true", "server_password: hunter2", 1),
		strings.Replace(twoServers, "redis: true", "redis: true\n  server_password: hunter2\n  server_password_env: hunter2", 1),
	} {
		_, err := Parse("test.yml", []byte(text))
		if err == nil {
			t.Fatalf("Parse(%q) took it", text)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}
