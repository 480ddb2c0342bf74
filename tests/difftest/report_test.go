//go:build unix

package difftest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestReports asks the proxy about itself as operators' tools do, from pools of their own, beside one that is not their
// business.
func TestReports(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes clients that say INFO, CLIENT or SLOWLOG")
	servers := startRedises(t, 2)
	slow := append([]string{"slowlog_log_slower_than: 0"}, spread...)
	p := startLoops(t, 2,
		pool{name: "lib2", servers: entries(servers), settings: slow},
		pool{name: "lib3", servers: entries(servers), settings: slow},
		pool{name: "cli", servers: entries(servers), settings: slow},
		pool{name: "theirs", servers: entries(servers), settings: slow},
	)
	stranger := dial(t, p.addr("theirs"))
	defer stranger.close()
	stranger.want("+OK\r\n", "CLIENT", "SETNAME", "stranger")
	stranger.want("+OK\r\n", "SET", "secret", "1")

	for _, protocol := range []int{2, 3} {
		name := fmt.Sprint("lib", protocol)
		t.Run(name, func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{
				Addr: p.addr(name), Protocol: protocol, ClientName: "asker", MaxRetries: -1, PoolSize: 1, MinIdleConns: 1,
			})
			defer rdb.Close()
			askReports(t, rdb, p, name, protocol)
		})
	}

	_, port, _ := net.SplitHostPort(p.addr("cli"))
	for _, c := range []struct {
		args, want string
	}{
		{"SET k v", "OK\n"},
		{"INFO server", "redis_version:"},
		{"INFO all", "# Keyspace\r\ndb0:keys="},
		{"INFO", "redis_version:7.0.0\r\n"},
		{"INFO servers", "# Servers\r\nservers:2\r\nservers_live:2\r\nserver0:name="},
		{"CLIENT LIST", " cmd=client|list user=default redir=-1 resp=2 "},
		{"CLIENT KILL TYPE normal SKIPME yes", "\n"},
		{"SLOWLOG GET 1", "127.0.0.1:"},
		{"SLOWLOG HELP", "SLOWLOG <subcommand>"},
	} {
		got := tool(t, "", "redis-cli", append([]string{"-p", port}, strings.Fields(c.args)...)...)
		if !strings.Contains(got, c.want) || strings.Contains(got, "stranger") || strings.Contains(got, "secret") {
			t.Errorf("redis-cli %s printed %q; want %q in it", c.args, got, c.want)
		}
	}
	if got := tool(t, "", "redis-cli", "-p", port, "--raw", "CLIENT", "INFO"); !strings.HasPrefix(got, "id=") || strings.Count(got, "\n") > 2 {
		t.Errorf("redis-cli CLIENT INFO printed %q", got)
	}
	stranger.want("$8\r\nstranger\r\n", "CLIENT", "GETNAME") // whoever was killed, it was not
}

// askReports asks all that can be asked through a client library, which must understand it.
func askReports(t *testing.T, rdb *redis.Client, p *proxy, pool string, resp int) {
	ctx := t.Context()
	if err := rdb.SlowLogReset(ctx).Err(); err != nil {
		t.Errorf("SLOWLOG RESET: %v", err)
	}
	if err := rdb.MSet(ctx, "a", 1, "b", 2, "c", 3, "d", 4, "e", 5).Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Get(ctx, "a").Err(); err != nil {
		t.Fatal(err)
	}

	info, err := rdb.InfoMap(ctx).Result()
	if err != nil {
		t.Fatalf("INFO: %v", err)
	}
	_, port, _ := net.SplitHostPort(p.addr(pool))
	for section, want := range map[string]map[string]string{
		"Server":      {"redis_version": "7.0.0", "process_id": strconv.Itoa(p.Pid()), "tcp_port": port},
		"Clients":     {"connected_clients": "1"},
		"Replication": {"role": "master", "connected_slaves": "0"},
		"Proxy":       {"pool": pool, "pools": "4", "loops": "2", "draining": "0"},
		"Servers":     {"servers": "2", "servers_live": "2"},
	} {
		for name, value := range want {
			if got := info[section][name]; got != value {
				t.Errorf("INFO %s: %s is %q; want %q", section, name, got, value)
			}
		}
	}
	for section, names := range map[string][]string{
		"Memory": {"used_memory", "maxmemory"},
		"Stats":  {"total_connections_received", "total_commands_processed", "total_net_input_bytes", "total_net_output_bytes"},
		"CPU":    {"used_cpu_sys", "used_cpu_user"},
	} {
		for _, name := range names {
			if n, err := strconv.ParseFloat(info[section][name], 64); err != nil || n < 0 || n == 0 && section != "CPU" {
				t.Errorf("INFO %s: %s is %q", section, name, info[section][name])
			}
		}
	}
	if one, err := rdb.InfoMap(ctx, "proxy").Result(); err != nil || len(one) != 1 {
		t.Errorf("INFO proxy: %v, %v", one, err)
	}

	me, err := rdb.ClientInfo(ctx).Result()
	if err != nil {
		t.Fatalf("CLIENT INFO: %v", err)
	}
	if me.Name != "asker" || me.LastCmd != "client|info" || me.LibName == "" || me.User != "default" || me.Resp != resp {
		t.Errorf("CLIENT INFO: %+v", me)
	}
	list, err := rdb.ClientList(ctx).Result()
	if err != nil || !strings.HasPrefix(list, fmt.Sprintf("id=%d addr=%s laddr=%s fd=0 name=asker ", me.ID, me.Addr, me.LAddr)) || strings.Count(list, "\n") != 1 {
		t.Errorf("CLIENT LIST: %q, %v", list, err)
	}

	n, err := rdb.SlowLogLen(ctx).Result()
	entries, err2 := rdb.SlowLogGet(ctx, -1).Result()
	if err != nil || err2 != nil || int(n) != len(entries) || n < 2 {
		t.Fatalf("SLOWLOG LEN and GET: %d, %v, %v, %v", n, err, entries, err2)
	}
	e := entries[0]
	if fmt.Sprint(e.Args) != "[get a]" || e.ClientAddr != me.Addr || e.ClientName != "asker" || e.Duration <= 0 || time.Since(e.Time) > time.Hour {
		t.Errorf("SLOWLOG GET: %+v", e)
	}
	for _, e := range entries[1:] {
		if e.Args[0] != "mset" {
			t.Errorf("SLOWLOG GET: %+v", e)
		}
	}

	victim := dial(t, p.addr(pool))
	defer victim.close()
	victim.want("+PONG\r\n", "PING")
	if got, err := rdb.ClientKillByFilter(ctx, "addr", victim.conn.LocalAddr().String()).Result(); got != 1 || err != nil {
		t.Errorf("CLIENT KILL ADDR: %d, %v", got, err)
	}
	victim.wantEOF()
	if err := rdb.ClientKill(ctx, "127.0.0.1:1").Err(); err == nil || err.Error() != "ERR No such client" {
		t.Errorf("CLIENT KILL of nobody: %v", err)
	}
	if got, err := rdb.ClientKill(ctx, me.Addr).Result(); got != "OK" || err != nil {
		t.Errorf("CLIENT KILL of oneself: %q, %v", got, err)
	}
}
