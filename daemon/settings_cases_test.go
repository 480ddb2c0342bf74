package daemon

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cashew/codec"
	"cashew/topology"
)

func globalCases() []settingCase {
	return []settingCase{
		{key: "loops", to: "3", note: "loops: stays 1 until a restart", does: func(in *instance) {
			if !strings.Contains(in.page("/metrics"), "\ncashew_event_loops 1\n") {
				in.Error("the metrics say of another number of loops")
			}
		}},
		{key: "loops", from: map[string]string{"loops": "auto"}, to: "200", note: "until a restart"},
		{key: "read_buffer", to: "64kb", note: "read_buffer: stays 262144 until a restart"},
		{key: "coalesce_usecs", to: "0", shows: 0},
		{key: "max_pipeline", from: map[string]string{"servers": "DEAF"}, to: "1", shows: 1, does: func(in *instance) {
			in.send(strings.Repeat("GET k\r\n", 3))
			in.await("a client that waits with one command", func() bool {
				c := in.proxy.Clients()
				return len(c) == 1 && c[0].Blocked && c[0].InFlight == 1
			})
		}},
		{key: "max_request", to: "1kb", shows: 1024, does: func(in *instance) {
			in.wantLine("-ERR", "*2\r\n$3\r\nGET\r\n$2048\r\n") // it announces more than it may have
		}},
		{key: "max_memory", to: "100mb", shows: 100 << 20, does: func(in *instance) {
			if info := in.ask("INFO", "proxy"); !strings.Contains(info, fmt.Sprint(" maxmemory:", 100<<20, " ")) {
				in.Errorf("INFO says %q", info)
			}
		}},
		{key: "admin", to: "DIR/there", shows: "DIR/there", does: func(in *instance) {
			if addr := in.service.pages.Addr().String(); addr != in.dir+"/there" {
				in.Errorf("the pages are at %s", addr)
			}
		}},
		{key: "admin", to: "DIR/nowhere/there", note: "the admin pages stay where they are", does: func(in *instance) {
			if addr := in.service.pages.Addr().String(); addr != in.dir+"/admin" {
				in.Errorf("the pages are at %s", addr)
			}
		}},
		{key: "ready", to: "pools", shows: "pools", does: func(in *instance) { in.page("/readyz") }},
		{key: "drain_delay", to: "70", shows: 70},
		{key: "drain_timeout", to: "50", shows: 50},
		{key: "log_format", to: "json", shows: "json", does: func(in *instance) {
			log, err := os.ReadFile(in.dir + "/log")
			lines := strings.Split(strings.TrimSpace(string(log)), "\n")
			if last := lines[len(lines)-1]; err != nil || !json.Valid([]byte(last)) {
				in.Errorf("the log ends with %q, %v", last, err)
			}
		}},
		{key: "audit_log", to: "DIR/audit", shows: "DIR/audit", does: func(in *instance) { in.wantAudited(`"event":"reload"`) }},
		{key: "audit_events", from: audited(), to: "logins commands", shows: "logins commands", does: func(in *instance) {
			in.wantReply("+PONG", "PING")
			in.wantAudited(`"event":"command"`)
		}},
		{key: "audit_sample", from: audited("audit_events", "commands"), to: "2", shows: 2, does: func(in *instance) {
			in.send(strings.Repeat("PING\r\n", 100))
			in.wantAudited(`"sample":2`)
		}},
		{key: "audit_keys", from: audited("audit_events", "commands"), to: "true", shows: true, does: func(in *instance) {
			in.send("GET audited\r\n")
			in.wantAudited(`"keys":["audited"]`)
		}},
		{key: "access_log", to: "DIR/access", shows: "DIR/access", from: accessed("access_log", "DIR/before"), does: func(in *instance) { in.wantAccessed("access", "PING\r\n", `"command":"ping"`) }},
		{key: "access_log_sample", from: accessed(), to: "1/2", shows: "1/2", does: func(in *instance) { in.wantAccessed("access", "PING\r\n", `"sample":2`) }},
		{key: "access_log_rate", from: accessed(), to: "1", shows: 1, does: func(in *instance) { in.wantAccessed("access", "PING\r\n", `"lost":`) }},
		{key: "access_log_keys", from: accessed(), to: "true", shows: true, does: func(in *instance) { in.wantAccessed("access", "GET accessed\r\n", `"key":"accessed"`) }},
		{key: "default_zone", to: "b", shows: "b", does: func(in *instance) {
			if zone := in.proxy.Options().Pools[0].Zone; zone != "b" {
				in.Errorf("the pool is in zone %q", zone)
			}
		}},
		{
			key: "stats_extended", to: "true", shows: true, was: func(in *instance) { in.wantStats(false) },
			does: func(in *instance) { in.wantStats(true) },
		},
	}
}

// wantStats wants the stats port to have figures of ours, or not.
func (in *instance) wantStats(ours bool) {
	in.Helper()
	c, err := net.Dial("unix", in.dir+"/stats")
	if err != nil {
		in.Fatal(err)
	}
	defer c.Close()
	if stats, err := io.ReadAll(c); err != nil || strings.Contains(string(stats), "reloads_succeeded") != ours {
		in.Errorf("figures of ours at the stats port: %v; want %v", !ours, ours)
	}
}

func poolCases() []settingCase {
	return []settingCase{
		{key: "listen", to: "DIR/q", shows: "DIR/q", does: func(in *instance) {
			in.wantReply("+PONG", "PING")
			in.await("the old socket to be closed", func() bool { _, err := net.Dial("unix", in.dir+"/p"); return err != nil })
		}},
		{key: "listen", to: "DIR/p 0600", shows: "DIR/p 0600", does: func(in *instance) {
			if fi, err := os.Stat(in.dir + "/p"); err != nil || fi.Mode().Perm() != 0o600 {
				in.Errorf("the socket: %v, %v", fi, err)
			}
		}},
		{key: "backlog", to: "7", shows: 7},
		{key: "client_connections", to: "1", shows: 1, does: func(in *instance) {
			in.send("PING\r\n")
			in.wantReply("-ERR max number of clients reached", "PING")
		}},
		{key: "client_write_timeout", to: "5000", shows: 5000},
		{key: "client_output_buffer", to: "1mb", shows: 1 << 20},
		{key: "moving_endpoint", to: "lb.example:6379", shows: "lb.example:6379"}, // what it does is seen in a drain: session TestMoving
		{key: "tls", from: tlsFiles, to: "on", shows: "on", does: func(in *instance) {
			in.await("TLS alone", func() bool { return in.speaksTLS() && !in.speaksPlain() })
		}},
		{key: "tls_cert_file", from: tlsOn, to: "DIR/other.crt", shows: "DIR/other.crt"},
		{key: "tls_key_file", from: tlsOn, to: "DIR/same.key", shows: "DIR/same.key"},
		{key: "tls_ca_cert_file", from: tlsOn, to: "DIR/tls.crt", shows: "DIR/tls.crt", does: func(in *instance) {
			in.await("clients to need a certificate", func() bool { return !in.speaksTLS() })
		}},
		{key: "tls_auth_clients", from: tlsProved, to: "optional", shows: "optional", does: func(in *instance) {
			in.await("clients to need none", in.speaksTLS)
		}},
		{key: "tls_protocols", from: tlsOn, to: "TLSv1.2", shows: "TLSv1.2", does: func(in *instance) {
			in.await("TLS 1.2", func() bool { return in.tlsState().Version == tls.VersionTLS12 })
		}},
		{key: "tls_ciphers", from: tlsOld, to: "ECDHE-ECDSA-AES256-GCM-SHA384", shows: "ECDHE-ECDSA-AES256-GCM-SHA384", does: func(in *instance) {
			in.await("that cipher", func() bool { return in.tlsState().CipherSuite == tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 })
		}},
		{key: "handshake_timeout", from: tlsOn, to: "50", shows: 50, does: func(in *instance) {
			c, err := net.Dial("unix", in.dir+"/p")
			if err != nil {
				in.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				in.Errorf("%d bytes, %v", n, err)
			}
		}},
		{key: "slowlog_log_slower_than", to: "0", shows: 0, does: func(in *instance) {
			in.ask("GET", "k")
			in.await("an entry in the slow log", func() bool { return in.proxy.SlowLogLen() > 0 })
		}},
		{key: "slowlog_max_len", from: map[string]string{"slowlog_log_slower_than": "0"}, to: "1", shows: 1, was: func(in *instance) {
			for range 3 {
				in.ask("GET", "k")
			}
			in.await("three entries in the slow log", func() bool { return in.proxy.SlowLogLen() == 3 })
		}, does: func(in *instance) {
			if n := in.proxy.SlowLogLen(); n != 1 {
				in.Errorf("%d entries in the slow log", n)
			}
		}},
		{key: "redis", to: "false", shows: false, does: func(in *instance) { in.wantLine("MN\r\n", "mn\r\n") }},
		{key: "tcpkeepalive", to: "true", shows: true, note: "connections that are open keep their tcpkeepalive"},
		{
			key: "reuseport", from: map[string]string{"listen": "127.0.0.1:PORT"}, to: "true",
			note: "reuseport: stays as it is until a restart", does: func(in *instance) {
				lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
					return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
				}}
				if l, err := lc.Listen(context.Background(), "tcp4", in.pool["listen"]); err == nil {
					_ = l.Close()
					in.Error("another process can have the address, too")
				}
			},
		},
		{
			key: "redis_auth", to: "secret", shows: "(masked)", was: func(in *instance) { in.wantReply("$-1", "GET", "k") },
			does: func(in *instance) { in.wantReply("-NOAUTH", "GET", "k") },
		},
		{key: "redis_auth_file", to: "DIR/secret", shows: "DIR/secret", does: func(in *instance) { in.wantReply("-NOAUTH", "GET", "k") }},
		{key: "redis_auth_env", to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET", does: func(in *instance) { in.wantReply("-NOAUTH", "GET", "k") }},
		{key: "server_username", from: secured, to: "alice", shows: "alice", was: unneeded, does: logsInAs("alice")},
		{key: "server_username_file", from: secured, to: "DIR/secret", shows: "DIR/secret", was: unneeded, does: logsInAs("secret")},
		{key: "server_username_env", from: secured, to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET", was: unneeded, does: logsInAs("secret")},
		{key: "server_password", to: "secret", shows: "(masked)", was: func(in *instance) { in.wantReply("$-1", "GET", "k") }, does: unneeded},
		{key: "server_password_file", to: "DIR/secret", shows: "DIR/secret", does: unneeded},
		{key: "server_password_env", to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET", does: unneeded},
		{
			key: "server_auth", to: "\n    - s0 default >secret\n    - s1 default >secret",
			shows: []string{"s0 default >(masked)", "s1 default >(masked)"}, does: unneeded,
		},
		{key: "redis_db", to: "1", shows: 1, was: func(in *instance) {
			in.wantReply("+OK", "SET", "k", "v")
			in.wantReply("$1", "GET", "k")
		}, does: func(in *instance) { in.wantReply("$-1", "GET", "k") }},
		{key: "databases", to: "4", shows: 4, was: func(in *instance) {
			in.wantReply("-ERR DB index is out of range: this pool serves database 0 only", "SELECT", "3")
		}, does: func(in *instance) {
			in.wantReply("+OK", "SELECT", "3")
			in.wantReply("-ERR DB index is out of range ", "SELECT", "4")
		}},
		{
			key: "commands", to: "+@all -get", shows: "+@all -get", was: func(in *instance) { in.wantReply("$-1", "GET", "k") },
			does: func(in *instance) {
				in.wantReply("-NOPERM command 'get'", "GET", "k")
				in.wantReply("+OK", "SET", "k", "v")
				if refused := `cashew_refused_commands_by_library_total{command="get",library="",pool="p",version=""} 1`; !strings.Contains(in.page("/metrics"), refused) {
					in.Errorf("the metrics do not say %s", refused)
				}
			},
		},
		{
			key: "users", to: "\n    - default on nopass ~mine +@all", shows: []any{"default on nopass ~mine resetchannels +@all"},
			was: func(in *instance) { in.wantReply("$-1", "GET", "k") },
			does: func(in *instance) {
				in.wantReply("-NOPERM this user has no permissions to access one of the keys", "GET", "k")
				in.wantReply("$-1", "GET", "mine")
			},
		},
		{
			key: "aclfile", to: "DIR/users.acl", shows: "DIR/users.acl", was: func(in *instance) {
				if err := os.WriteFile(in.dir+"/users.acl", []byte("user default on nopass ~mine +@all\n"), 0o600); err != nil {
					in.Fatal(err)
				}
				in.wantReply("$-1", "GET", "k")
			},
			does: func(in *instance) {
				in.wantReply("-NOPERM this user has no permissions to access one of the keys", "GET", "k")
			},
		},
		{key: "limits", to: "\n    - few requests=1", shows: []any{"few requests=1 past=error"}, does: func(in *instance) {
			in.await("the limit", func() bool { return strings.HasPrefix(in.ask("GET", "k"), "-ERR rate limit 'few' exceeded") })
		}},
		{
			key: "failover", from: map[string]string{"servers": "DEAD DEAD", "server_retry_timeout": "100000", "preconnect": "true"}, to: "z send=all", note: "failover", shows: "z send=all",
			does: func(in *instance) {
				in.wantReply("+OK", "SET", "k", "v")
			},
		},
		{
			key: "miss", to: "z ttl=60", note: "miss", shows: "z ttl=60 max=65536",
			does: func(in *instance) {
				in.wantReply("$-1", "GET", "nowhere")
				if m := in.proxy.Snapshot().Pools[0].Miss; m == nil || m.Asked != 1 {
					in.Errorf("misses: %+v; want one to have been asked for", m)
				}
			},
		},
		{key: "near_cache", to: "4mb", note: "near_cache", shows: 4 << 20, does: func(in *instance) {
			if n := in.proxy.Snapshot().Pools[0].Near; n == nil || n.Most != 4<<20 {
				in.Errorf("near cache: %+v", n)
			}
		}},
		{key: "near_cache_keys", from: map[string]string{"near_cache": "1mb"}, to: "k* page", shows: "k* page", does: func(in *instance) {
			if why := in.proxy.Explain("p", []byte("other"))[0].Reason; !strings.HasSuffix(why, "it is none of near_cache_keys") {
				in.Errorf("explained by %s", why)
			}
		}},
		{key: "near_cache_msecs", from: map[string]string{"near_cache": "1mb"}, to: "1000", shows: 1000},
		{key: "near_cache_stale_msecs", from: map[string]string{"near_cache": "1mb"}, to: "5000", shows: 5000},
		{key: "near_cache_check", from: map[string]string{"near_cache": "1mb"}, to: "2.5%", shows: "2.5%"},
		{key: "near_cache_untracked_msecs", from: map[string]string{"near_cache": "1mb"}, to: "50", shows: 50},
		{
			key: "dual_write", to: "z answer=own", from: map[string]string{"servers": "DEAF DEAF"}, note: "dual_write", shows: "z answer=own",
			does: func(in *instance) {
				in.wantReply("-ERR dual_write: WATCH", "WATCH", "k")
			},
		},
		{
			key: "mirror", to: "z share=50% compare=true", note: "mirror", shows: "z share=50% send=all budget=67108864 compare=true ramp=0% max_differences=0.1%",
			does: func(in *instance) {
				for i := range 20 {
					in.wantReply("+OK", "SET", fmt.Sprint("k", i), "v")
				}
				if m := in.proxy.Snapshot().Pools[0].Mirror; m == nil || m.Copies == 0 || m.Copies == 20 {
					in.Errorf("the mirror has %+v; want some of 20 copies", m)
				}
			},
		},
		{key: "routes", to: "\n    - p mine:*", shows: []any{"p mine:*"}, does: func(in *instance) {
			if why := in.proxy.Explain("p", []byte("mine:1"))[0].Reason; !strings.HasPrefix(why, `keys with "mine:" are the pool's own; `) {
				in.Errorf("it goes where it does because %s", why)
			}
		}},
		{
			key: "unknown_commands", to: "refuse", shows: "refuse", was: func(in *instance) { asked(in, true) },
			does: func(in *instance) { asked(in, false) },
		},
		{
			key: "memcached_admin", from: map[string]string{"redis": "false", "servers": "MEMCACHED"}, to: "true", shows: true,
			was:  func(in *instance) { in.wantLine("CLIENT_ERROR", "flush_all\r\n") },
			does: func(in *instance) { in.wantLine("OK\r\n", "flush_all\r\n") },
		},
	}
}

// secured is a pool with a password for its servers.
var secured = map[string]string{"server_password": "secret"}

// unneeded wants the servers, which have no password, to be given one.
func unneeded(in *instance) {
	in.Helper()
	in.await("a server that needs no password", func() bool {
		in.ask("GET", "k")
		return in.server(0).Remarks+in.server(1).Remarks > 0
	})
}

// logsInAs wants servers, of which those of these tests have no users, to be given one.
func logsInAs(user string) func(in *instance) {
	return func(in *instance) {
		in.Helper()
		unneeded(in)
		steps := in.proxy.Options().Pools[0].Protocol.Handshake(codec.Login{Server: "s0"}, 0, 0)
		if len(steps) != 1 || !strings.HasPrefix(string(steps[0]), fmt.Sprintf("*3\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n", len(user), user)) {
			in.Errorf("servers get %q", steps)
		}
	}
}

// asked wants a command that nobody knows to be refused, and the servers to be asked about it before, or not.
func asked(in *instance, ask bool) {
	in.Helper()
	requests := func() (n int64) {
		for _, s := range in.proxy.Snapshot().Pools[0].Servers {
			n += s.Requests
		}
		return n
	}
	before := requests()
	in.wantReply("-ERR unknown command 'NEXT.YEAR'", "NEXT.YEAR", "k")
	if now := requests(); now > before != ask {
		in.Errorf("%d requests to the servers before, %d behind it; want more: %v", before, now, ask)
	}
}

// wantLine sends a command as it is and wants a reply that begins with line.
func (in *instance) wantLine(line, command string) {
	in.Helper()
	if got, err := bufio.NewReader(in.send(command)).ReadString('\n'); !strings.HasPrefix(got, line) {
		in.Errorf("%q is answered %q, %v; want %q", command, got, err, line)
	}
}

// announcedNode is what clients of a cluster call proxy.example:6379.
const announcedNode = "f9695e166560f39cbd7a9c277dd915ccfbeb1764"

func serverCases() []settingCase {
	half := map[string]string{"servers": "DEAD LIVE"}
	ejecting := func(in *instance) {
		key := in.keyAt("s0")
		in.await("the server to be ejected", func() bool { in.ask("GET", key); return in.server(0).State == "ejected" })
	}
	speaksTLS := func(in *instance) { in.wantReply("-ERR the server ", "GET", "k") }
	return []settingCase{
		{key: "server_tls", from: map[string]string{"timeout": "500"}, to: "true", shows: true, does: speaksTLS},
		{key: "server_tls_ca_cert_file", from: serverTLS, to: "DIR/tls.crt", shows: "DIR/tls.crt", does: speaksTLS},
		{key: "server_tls_cert_file", from: serverTLS, to: "DIR/other.crt", shows: "DIR/other.crt", does: speaksTLS},
		{key: "server_tls_key_file", from: serverTLS, to: "DIR/same.key", shows: "DIR/same.key", does: speaksTLS},
		{key: "server_tls_name", from: serverTLS, to: "redis.example", shows: "redis.example", does: speaksTLS},
		{key: "server_tls_protocols", from: serverTLS, to: "TLSv1.3", shows: "TLSv1.3", does: speaksTLS},
		{key: "server_tls_ciphers", from: serverTLS, to: "AES128-SHA", shows: "AES128-SHA", does: speaksTLS},
		{key: "servers", to: "LIVE", shows: "[LIVE:1 s0]", does: func(in *instance) {
			if servers := in.proxy.Snapshot().Pools[0].Servers; len(servers) != 1 {
				in.Errorf("%d servers", len(servers))
			}
		}},
		{key: "hash", to: "md5", shows: "md5", does: func(in *instance) { in.wantPlace("k", "k", "md5", "ketama") }},
		{key: "hash_tag", to: `"{}"`, shows: "{}", does: func(in *instance) { in.wantPlace("a{k}b", "k", "fnv1a_64", "ketama") }},
		{key: "distribution", to: "modula", shows: "modula", does: func(in *instance) { in.wantPlace("k", "k", "fnv1a_64", "modula") }},
		{
			key: "timeout", from: map[string]string{"servers": "DEAF"}, to: "50", shows: 50,
			does: func(in *instance) { in.wantReply("-ERR", "GET", "k") },
		},
		{key: "resolve_interval", to: "1000", shows: 1000},
		{
			key: "cluster", to: "true", shows: true,
			was: func(in *instance) {
				if in.proxy.Snapshot().Pools[0].Cluster != nil {
					in.Error("there are figures of a cluster")
				}
			},
			does: func(in *instance) {
				in.await("a question who has which slot, which servers answer that are no cluster", func() bool {
					c := in.proxy.Snapshot().Pools[0].Cluster
					return c != nil && c.Failed > 0 && c.Unowned == 16384
				})
			},
		},
		{
			key: "cluster_announce", from: map[string]string{"cluster": "true"}, to: "proxy.example:6379 other.example:6379",
			shows: "proxy.example:6379 other.example:6379",
			was:   func(in *instance) { in.wantReply("-ERR Unknown node", "CLUSTER", "REPLICAS", announcedNode) },
			does:  func(in *instance) { in.wantReply("*0", "CLUSTER", "REPLICAS", announcedNode) },
		},
		{key: "cluster_refresh_interval", from: map[string]string{"cluster": "true"}, to: "500", shows: 500},
		{
			key: "sentinels", to: "DEAD", shows: "DEAD",
			does: func(in *instance) {
				in.await("a question where masters are, which nobody answers", func() bool {
					s := in.proxy.Snapshot().Pools[0].Sentinel
					return s != nil && s.Failed > 0 && s.Unknown == 2 && s.Sentinels == 1
				})
			},
		},
		{key: "sentinel_tls", from: map[string]string{"sentinels": "DEAD", "server_tls": "true"}, to: "true", shows: true},
		{key: "sentinel_username", from: map[string]string{"sentinels": "DEAD", "sentinel_password": "secret"}, to: "alice", shows: "alice"},
		{key: "sentinel_username_file", from: map[string]string{"sentinels": "DEAD", "sentinel_password": "secret"}, to: "DIR/secret", shows: "DIR/secret"},
		{key: "sentinel_username_env", from: map[string]string{"sentinels": "DEAD", "sentinel_password": "secret"}, to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET"},
		{key: "sentinel_password", from: map[string]string{"sentinels": "DEAD"}, to: "secret", shows: "(masked)"},
		{key: "sentinel_password_file", from: map[string]string{"sentinels": "DEAD"}, to: "DIR/secret", shows: "DIR/secret"},
		{key: "sentinel_password_env", from: map[string]string{"sentinels": "DEAD"}, to: "CASHEW_TEST_SECRET", shows: "CASHEW_TEST_SECRET"},
		{
			key: "read_policy", from: map[string]string{"cluster": "true"}, to: "prefer_replica", shows: "prefer_replica",
			does: func(in *instance) {
				if o := in.proxy.Options().Pools[0].ReadOptions; !slices.Contains(o.ReadsByOp, topology.PreferReplica) {
					in.Errorf("reads go by %v", o.ReadsByOp)
				}
			},
		},
		{
			key: "read_policy", from: map[string]string{"cluster": "true"}, to: "\n    default: any\n    get: master",
			shows: map[string]string{"default": "any", "get": "master"},
		},
		{key: "zone", to: "a", shows: "a"},
		{key: "zones", to: "\n    10.0.0.0/8: a", shows: map[string]string{"10.0.0.0/8": "a"}},
		{key: "max_lag", to: "500", shows: 500},
		{key: "read_your_writes_msecs", to: "500", shows: 500},
		{key: "replica_interval", to: "500", shows: 500},
		{key: "server_integrity_interval", to: "1000", shows: 1000},
		{key: "preconnect", to: "true", shows: true, does: func(in *instance) {
			in.await("connections to both servers", func() bool {
				return in.server(0).ServerConnections == 1 && in.server(1).ServerConnections == 1
			})
		}},
		{key: "auto_eject_hosts", from: half, to: "true", shows: true, does: ejecting},
		{
			key: "on_server_failure", from: half, to: "miss", shows: "miss",
			was:  func(in *instance) { in.wantReply("-ERR", "GET", in.keyAt("s0")) },
			does: func(in *instance) { in.wantReply("$-1", "GET", in.keyAt("s0")) },
		},
		{
			key: "partial_results", from: half, to: "true", shows: true,
			was:  func(in *instance) { in.wantReply("-ERR", "MGET", in.keyAt("s0"), in.keyAt("s1")) },
			does: func(in *instance) { in.wantReply("*2", "MGET", in.keyAt("s0"), in.keyAt("s1")) },
		},
		{key: "cross_server_scripts", to: "refuse", shows: "refuse", does: func(in *instance) {
			in.wantReply("-CROSSSLOT", "EVAL", "return 1", "2", in.keyAt("s0"), in.keyAt("s1"))
		}},
		{key: "server_connections", to: "2", shows: 2, does: func(in *instance) {
			for range 2 {
				in.send("GET " + in.keyAt("s0") + "\r\n")
			}
			in.await("two connections", func() bool { return in.server(0).ServerConnections == 2 })
		}},
		{key: "transaction_connections", from: map[string]string{"timeout": "20"}, to: "1", shows: 1, does: func(in *instance) {
			first := in.send("WATCH " + in.keyAt("s0") + "\r\n")
			defer first.Close()
			in.wantReply("-ERR", "WATCH", in.keyAt("s0"))
		}},
		{key: "blocking_connections", from: map[string]string{"timeout": "20"}, to: "1", shows: 1, does: func(in *instance) {
			first := in.send("BLPOP " + in.keyAt("s0") + " 0\r\n")
			defer first.Close()
			in.wantReply("-ERR", "BLPOP", in.keyAt("s0"), "0.01")
		}},
		{key: "server_tcp_user_timeout", to: "1000", shows: 1000, note: "connections that are open keep their server_tcp_user_timeout"},
		{key: "server_retry_timeout", to: "1000", shows: 1000},
		{key: "server_failure_limit", to: "1", shows: 1, does: ejecting, from: map[string]string{
			"servers": "DEAD LIVE", "auto_eject_hosts": "true", "server_failure_limit": "1000000",
		}},
	}
}

// wantPlace wants the key's place to be found in that way.
func (in *instance) wantPlace(key, hashed, hash, distribution string) {
	in.Helper()
	at := in.proxy.Explain("p", []byte(key))[0]
	if at.Hashed != hashed || at.HashName != hash || at.Distribution != distribution {
		in.Errorf("%s is found by %+v", key, at)
	}
}
