package daemon

import (
	"os"
	"strings"
)

// fromList are settings of a pool whose servers are looked for in a file, which has those that it has anyway.
func fromList(more ...string) map[string]string {
	from := map[string]string{"discovery": "file DIR/list"}
	for i := 0; i < len(more); i += 2 {
		from[more[i]] = more[i+1]
	}
	return from
}

// fromNobody are settings of a pool whose servers are looked for where nobody answers.
func fromNobody(more ...string) map[string]string {
	return fromList(append([]string{"discovery", "etcd /p/", "discovery_from", "DEAD", "discovery_wait_msecs", "1"}, more...)...)
}

func discoveryCases() []settingCase {
	return []settingCase{
		{key: "discovery", to: "file DIR/list", shows: "file DIR/list", does: func(in *instance) {
			in.await("a list that was read", func() bool {
				d := seen{in.proxy, in.found.Load}.Snapshot().Pools[0].Discovery
				return d != nil && d.Up && d.Known == 2 && d.Source == "file "+in.dir+"/list"
			})
		}},
		{key: "discovery_from", from: map[string]string{"discovery": "etcd /p/", "discovery_from": "DEAF", "discovery_wait_msecs": "1"}, to: "DEAD", shows: "DEAD"},
		{
			key: "on_membership", from: fromList("discovery_settle_msecs", "50"), to: "apply", shows: "apply",
			was: func(in *instance) {
				list := in.servers[0] + ":1 s0\n" + in.servers[1] + ":1 s1\n" + in.servers[0] + ":1 s2\n"
				if err := os.WriteFile(in.dir+"/list", []byte(list), 0o600); err != nil {
					in.Fatal(err)
				}
				in.await("a third server to wait", func() bool {
					return seen{in.proxy, in.found.Load}.Snapshot().Pools[0].Discovery.Waiting == 1
				})
				if n := len(in.proxy.Options().Pools[0].Servers); n != 2 {
					in.Errorf("%d servers are in force", n)
				}
			},
			does: func(in *instance) {
				in.await("a third server", func() bool { return len(in.proxy.Options().Pools[0].Servers) == 3 })
			},
		},
		{key: "discovery_settle_msecs", from: fromList("on_membership", "apply"), to: "500", shows: 500},
		{key: "discovery_wait_msecs", from: fromList(), to: "500", shows: 500},
		{key: "discovery_cache", from: fromList(), to: "DIR/kept", shows: "DIR/kept", does: func(in *instance) {
			in.await("the list to be kept", func() bool {
				kept, err := os.ReadFile(in.dir + "/kept")
				return err == nil && strings.Contains(string(kept), in.servers[0]+":1 s0")
			})
		}},
		{key: "discovery_username", from: fromNobody("discovery_username", "bob", "discovery_password", "secret"), to: "alice", shows: "alice"},
		{key: "discovery_username_file", from: fromNobody("discovery_username_file", "DIR/user", "discovery_password", "secret"), to: "DIR/secret", shows: "DIR/secret"},
		{key: "discovery_username_env", from: fromNobody("discovery_username_env", "PATH", "discovery_password", "secret"), to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET"},
		{key: "discovery_password", from: fromNobody(), to: "secret", shows: "(masked)", was: func(in *instance) { in.set("discovery_username", "alice") }}, // neither goes alone
		{key: "discovery_password_file", from: fromNobody("discovery_username", "alice", "discovery_password_file", "DIR/user"), to: "DIR/secret", shows: "DIR/secret"},
		{key: "discovery_password_env", from: fromNobody("discovery_username", "alice", "discovery_password_env", "PATH"), to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET"},
		{key: "discovery_token", from: fromNobody("discovery", "consul p"), to: "secret", shows: "(masked)"},
		{key: "discovery_token_file", from: fromNobody("discovery", "consul p"), to: "DIR/secret", shows: "DIR/secret"},
		{key: "discovery_token_env", from: fromNobody("discovery", "consul p"), to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET"},
		{key: "discovery_tls", from: fromNobody(), to: "true", shows: true},
		{key: "discovery_tls_ca_cert_file", from: fromNobody("discovery_tls", "true"), to: "DIR/tls.crt", shows: "DIR/tls.crt"},
		{key: "discovery_tls_cert_file", from: fromNobody("discovery_tls", "true", "discovery_tls_cert_file", "DIR/tls.crt", "discovery_tls_key_file", "DIR/same.key"), to: "DIR/other.crt", shows: "DIR/other.crt"},
		{key: "discovery_tls_key_file", from: fromNobody("discovery_tls", "true", "discovery_tls_cert_file", "DIR/tls.crt", "discovery_tls_key_file", "DIR/tls.key"), to: "DIR/same.key", shows: "DIR/same.key"},
		{key: "discovery_tls_name", from: fromNobody("discovery_tls", "true"), to: "example.com", shows: "example.com"},
	}
}
