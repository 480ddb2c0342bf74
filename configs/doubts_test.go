package configs

import (
	"os"
	"strings"
	"testing"
	"time"

	"cashew/tests/certtest"
)

// TestDoubts: who is let in that was to be kept out, a key that others may read, a certificate that ends: each is one warning, and what is
// near to it is none.
func TestDoubts(t *testing.T) {
	ca := certtest.New(t, "doubts")
	pair, open, old, short := ca.Issue(t, certtest.Of{}), ca.Issue(t, certtest.Of{}), ca.Issue(t, certtest.Of{Expired: true}), ca.Issue(t, certtest.Of{Ends: time.Hour})
	if err := os.Chmod(open.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "a\n", "large": strings.Repeat("# somebody\n", 200_000) + string(pair.PEM)} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/public", []byte("a"), 0o604); err != nil || os.Chmod(dir+"/public", 0o604) != nil {
		t.Fatal(err)
	}
	with := func(tls string, p *certtest.Pair, more ...string) string {
		return strings.Join(append([]string{"redis: true", "tls: " + tls, "tls_cert_file: " + p.Cert, "tls_key_file: " + p.Key}, more...), "\n  ")
	}
	const found = "discovery: etcd x\n  discovery_tls: true\n  "
	asks := "tls_ca_cert_file: " + ca.File
	for _, c := range []struct{ name, pool, global, want string }{
		{"both kinds, and certificates by default", with("optional", pair, asks), "", "tls_ca_cert_file: keeps nobody out with tls: optional"},
		{"both kinds, and certificates", with("optional", pair, asks, "tls_auth_clients: yes"), "", "tls_auth_clients: keeps nobody out with tls: optional"},
		{"both kinds, and a password", with("optional", pair, asks, "redis_auth: x"), "", ""},
		{"both kinds, and users", with("optional", pair, asks, "users:", "  - a on >b +@all cert=CN:a"), "", ""},
		{"both kinds, and users one of whom is anybody", with("optional", pair, asks, "users:", "  - default on nopass +@all"), "", "keeps nobody out with tls: optional"},
		{"both kinds, and none", with("optional", pair), "", ""},
		{"certificates", with("on", pair, asks), "", ""},
		{"certificates, perhaps", with("on", pair, asks, "tls_auth_clients: optional"), "", "keeps nobody out: clients without a certificate"},
		{"certificates, perhaps, and users", with("on", pair, asks, "tls_auth_clients: optional", "users:", "  - a on +@all cert=CN:a"), "", ""},
		{"a user by certificate, and none are asked for", with("on", pair, "users:", "  - a on >b +@all cert=CN:a"), "", "users: have one by certificate"},
		{"a user by certificate without TLS", "redis: true\n  users:\n    - b on >b\n    - a on >b cert=CN:a", "", "users: have one by certificate"},
		{"everybody says who he is", "proxy_protocol_from: 10.0.0.0/8 ::/0\n  allow_from: 10.0.0.0/8", "", "allow_from: keeps nobody out: proxy_protocol_from"},
		{"everybody says who he is, and is asked nothing", "proxy_protocol_from: 0.0.0.0/0", "", ""},
		{"everybody says who he is, in halves", "proxy_protocol_from: 0.0.0.0/1 128.0.0.0/1\n  deny_from: 10.0.0.0/8", "", "deny_from: keeps nobody out: proxy_protocol_from"},
		{"everybody, in parts of IPv6", "proxy_protocol_from: 8000::/1 4000::/2 ::/2\n  client_connections_per_address: 1", "", "keeps nobody out"},
		{"everybody guesses", "redis: true\n  proxy_protocol_from: 0.0.0.0/0\n  auth_failures: 5", "", "auth_failures: holds nobody up who guesses"},
		{"everybody may guess", "redis: true\n  proxy_protocol_from: 0.0.0.0/0\n  auth_failures: 0", "", ""},
		{"not quite everybody", "proxy_protocol_from: 0.0.0.0/1 128.0.0.0/2 192.0.0.0/3 ::/1\n  allow_from: 10.0.0.0/8", "", ""},
		{"everybody is a user by address", "redis: true\n  proxy_protocol_from: 0.0.0.0/0\n  users:\n    - b on >b\n    - a on address=10.0.0.0/8", "", "f.yml:7: pool p: users: have one by address, which anybody can be"},
		{"everybody, in halves, is a user by address", "redis: true\n  proxy_protocol_from: ::/1 8000::/1\n  users:\n    - a on address=10.0.0.0/8", "", "have one by address, which anybody can be"},
		{"everybody is a user by password", "redis: true\n  proxy_protocol_from: 0.0.0.0/0\n  users:\n    - a on >address=10.0.0.0/8", "", ""},
		{"some are a user by address", "redis: true\n  proxy_protocol_from: 0.0.0.0/1\n  users:\n    - a on address=10.0.0.0/8", "", ""},
		{"a user by unix socket", "redis: true\n  users:\n    - a on ADDRESS=unix", "", "have one with address=unix, and the pool does not listen on a unix socket"},
		{"a user by unix socket of who sends", "redis: true\n  proxy_protocol_from: ::1\n  users:\n    - a on address=unix", "", ""},
		{"no users or redis_auth", with("optional", pair, asks), "", "the pool has neither users nor redis_auth"},
		{"users, one of whom is anybody", with("optional", pair, asks, "redis_auth: x", "users:", "  - default on nopass +@all"), "", "the user default is on, with nopass"},
		{"over", with("on", old), "", "has a certificate that expired on"},
		{"over soon", with("on", short), "", "has a certificate that expires on"},
		{"over, towards servers", "server_tls: true\n  server_tls_ca_cert_file: " + old.Cert, "", "server_tls_ca_cert_file: "},
		{"over, and in no use", "tls_cert_file: " + old.Cert, "", "is ignored"},
		{"anybody's key", with("on", open), "", `tls_key_file: "` + open.Key + `" holds a secret, and everybody may read it`},
		{"anybody's key, towards servers", "server_tls: true\n  server_tls_cert_file: " + open.Cert + "\n  server_tls_key_file: " + open.Key, "", "server_tls_key_file"},
		{"a token", "", "admin_token_file: " + dir + "/token", ""},
		{"anybody's token", "", "admin_token_file: " + dir + "/public", "holds a secret, and everybody may read it"},
		{"admin pages, over", "", "admin_tls_cert_file: " + old.Cert + "\n  admin_tls_key_file: " + old.Key, "has a certificate that expired on"},
		{"whom discovery trusts, of 2 MiB", found + "discovery_tls_ca_cert_file: " + dir + "/large", "", ""},
		{"whom discovery trusts, over", found + "discovery_tls_ca_cert_file: " + old.Cert, "", "discovery_tls_ca_cert_file: \"" + old.Cert + "\" has a certificate that expired on"},
		{"discovery, over", found + "discovery_tls_cert_file: " + old.Cert + "\n  discovery_tls_key_file: " + old.Key, "", "discovery_tls_cert_file: \"" + old.Cert + "\" has a certificate that expired on"},
		{"anybody's key for discovery", found + "discovery_tls_cert_file: " + open.Cert + "\n  discovery_tls_key_file: " + open.Key, "", "discovery_tls_key_file: \"" + open.Key + "\" holds a secret"},
		{"anybody's admin pages", "", "admin_tls_cert_file: " + open.Cert + "\n  admin_tls_key_file: " + open.Key, "admin_tls_key_file"},
	} {
		text := "p:\n  listen: 127.0.0.1:1\n  " + c.pool + "\n  servers:\n    - 127.0.0.1:2:1\n"
		if c.global != "" {
			text = "global:\n  " + c.global + "\n" + text
		}
		f, err := Parse("f.yml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.Join(f.Warnings, "\n"); (got == "") != (c.want == "") || !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%s:\n%s\nwant %q", c.name, got, c.want)
		}
	}
}
