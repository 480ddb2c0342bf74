package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNetworks: networks are taken in any form that can mean one thing only, and shown in their shortest.
func TestNetworks(t *testing.T) {
	for _, c := range []struct{ value, shows, problem string }{
		{"10.0.0.0/8", "10.0.0.0/8", ""},
		{"10.0.0.0/8   ::1 \t192.0.2.7", "10.0.0.0/8 ::1 192.0.2.7", ""},
		{"192.0.2.7/32 ::1/128 192.0.2.7", "192.0.2.7 ::1", ""},
		{"0.0.0.0/0 ::/0", "0.0.0.0/0 ::/0", ""},
		{"2001:0db8:0000::/32", "2001:db8::/32", ""},
		{"::ffff:10.0.0.0/104 ::ffff:192.0.2.7", "10.0.0.0/8 192.0.2.7", ""},
		{"10.0.0.1/8", "", `"10.0.0.1/8" has a host that is not zero: the network is 10.0.0.0/8, the address 10.0.0.1`},
		{"10.0.0.0/33", "", `"10.0.0.0/33" is no network`},
		{"10.0.0/8", "", `"10.0.0/8" is no network`},
		{"localhost", "", `"localhost" is no address`},
		{"unix", "", `"unix" is no address`},
		{"10.0.0.1,10.0.0.2", "", `"10.0.0.1,10.0.0.2" is no address`},
		{"fe80::1%eth0", "", `"fe80::1%eth0" has a zone`},
		{"::fffe:0:0/95", "", ""},
		{"::ffff:0:0/95", "", `"::ffff:0:0/95" has a host that is not zero: the network is ::fffe:0:0/95, the address ::ffff:0.0.0.0`},
		{`" "`, "", "is empty"},
	} {
		f, err := parse(testFile, []byte(pool1("allow_from: "+c.value)), testLookup)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), testFile+":3: pool p: allow_from: ") || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%q: %v; want %q", c.value, err, c.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.value, err)
			continue
		}
		if shows := Effective(&f.Options)["p"].(Section)["allow_from"]; c.shows != "" && shows != c.shows {
			t.Errorf("%q is shown as %q", c.value, shows)
		}
		if diff := cmp.Diff([]string(nil), f.Warnings); diff != "" {
			t.Errorf("%q: %s", c.value, diff)
		}
	}
}

// TestDoorProblems: what can't be meant is refused, and what can never matter is worth a warning.
func TestDoorProblems(t *testing.T) {
	unix := func(lines ...string) string {
		return "p:\n  listen: /tmp/s\n  " + strings.Join(lines, "\n  ") + "\n  servers:\n    - 127.0.0.1:6379:1\n"
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, problem, warning string }{
		{"no time for a handshake", pool1("handshake_timeout: 0"), "handshake_timeout: \"0\" is out of range; expected milliseconds, digits only, from 1 to", ""},
		{"no number", pool1("auth_failures: many"), "auth_failures: \"many\" is not a number", ""},
		{"too large a number", pool1("client_connections_per_address: 4294967297"), "is not a number", ""},
		{"unix beside addresses", pool1("proxy_protocol_from: unix ::1"), "", ""},
		{"unix alone on a port", pool1("proxy_protocol_from: unix"), "", "does not listen on a unix socket"},
		{"addresses alone on a unix socket", unix("proxy_protocol_from: ::1"), "", "the pool listens on a unix socket"},
		{"unix on a unix socket", unix("proxy_protocol_from: unix", "allow_from: ::1", "client_connections_per_address: 1"), "", ""},
		{"networks on a unix socket", unix("deny_from: ::1"), "", "deny_from: is without effect"},
		{"a user by address on a unix socket", unix("redis: true", "users:", "  - a on address=::1"), "", "users: have one by address, and who comes by a unix socket has none"},
		{"networks that nobody comes from", unix("proxy_protocol_from: 0.0.0.0/0 unix", "allow_from: ::1"), "", ""},
		{"a user by unix socket on one", unix("redis: true", "users:", "  - a on address=unix"), "", ""},
		{"a user by address of who sends", unix("redis: true", "proxy_protocol_from: unix", "users:", "  - a on address=::1"), "", ""},
		{"two tokens", "global:\n  admin_token: a\n  admin_token_file: b\n" + pool1(), "3: global.admin_token_file: stands beside admin_token", ""},
		{"a certificate without a key", "global:\n  admin_tls_cert_file: a\n" + pool1(), "2: global.admin_tls_cert_file: needs admin_tls_key_file", ""},
		{"a key without a certificate", "global:\n  admin_tls_key_file: a\n" + pool1(), "2: global.admin_tls_key_file: needs admin_tls_cert_file", ""},
		{"pages for all", "global:\n  admin: 0.0.0.0:22223\n" + pool1(), "", `2: global.admin: can be reached from other machines`},
		{"pages for all by name", "global:\n  admin: host.example:22223\n" + pool1(), "", `can be reached from other machines`},
		{"pages for those with a token", "global:\n  admin: 0.0.0.0:22223\n  admin_token_file: " + token + "\n" + pool1(), "", ""},
		{"pages for this machine", "global:\n  admin: \"[::1]:22223\"\n" + pool1(), "", ""},
		{"pages on a unix socket", "global:\n  admin: /tmp/a\n" + pool1(), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := parse(testFile, []byte(c.file), testLookup)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("%v; want %q", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if w := strings.Join(f.Warnings, "\n"); (w != "") != (c.warning != "") || !strings.Contains(w, c.warning) {
				t.Errorf("warnings %q; want %q", w, c.warning)
			}
		})
	}
}
