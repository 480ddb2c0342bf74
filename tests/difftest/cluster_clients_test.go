//go:build unix

package difftest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"cashew/tests/processtest"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// TestClusterClients: clients that know of clusters, and those that do not, work before a proxy as one node that has all slots, and before
// two that share them.
func TestClusterClients(t *testing.T) {
	notRaced(t)
	long(t)
	t.Parallel()
	wantCashew(t, "it knows no clusters")
	c := startCluster(t, 3, 0)
	one := startClusterService(t, []string{c.servers[0].addr}, "commands: +@all")
	both, fleet := startClusterFleet(t, c.servers[0].addr)

	t.Run("clusters alone", func(t *testing.T) { clusterNode(t, one.listen) })
	t.Run("plain", func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: one.listen, MaxRetries: -1})
		defer rdb.Close()
		useGoRedis(t, rdb)
	})
	for name, at := range map[string]struct {
		addrs []string
		nodes int
	}{"one": {[]string{one.listen}, 1}, "two": {fleet[:1], 2}} {
		for _, protocol := range []int{2, 3} {
			t.Run(fmt.Sprintf("go-redis, protocol %d, %s", protocol, name), func(t *testing.T) {
				rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: at.addrs, Protocol: protocol, MaxRedirects: -1, MaxRetries: -1, ReadOnly: protocol == 2})
				defer rdb.Close()
				useGoRedis(t, rdb)
				useClusterClient(t, rdb, at.nodes)
			})
		}
		t.Run("redis-py, "+name, func(t *testing.T) {
			host, port, _ := net.SplitHostPort(at.addrs[0])
			tool(t, "", pythonWith(t, "redis.cluster", "python3-redis"), "-B", "testdata/rediscluster.py", host, port, fmt.Sprint(at.nodes))
		})
		t.Run("redis-cli, "+name, func(t *testing.T) {
			_, port, _ := net.SplitHostPort(at.addrs[0])
			if got := tool(t, "SET cli:a 1\nSET cli:b 2\nMGET cli:a cli:b\nDEL cli:a cli:b\nSELECT 1\n", "redis-cli", "-c", "-p", port); got != "OK\nOK\n1\n2\n2\nERR SELECT is not allowed in cluster mode\n\n" {
				t.Errorf("redis-cli -c prints %q", got)
			}
			if got := tool(t, "", "redis-cli", "--cluster", "check", at.addrs[0]); !strings.Contains(got, "[OK] All 16384 slots covered.") {
				t.Errorf("redis-cli --cluster check prints %s", got)
			}
		})
	}
	if n := both.metrics(t)[`cashew_clients_accepted_total{pool="d"}`]; n < 4 { // no test connects to it but by what it was told
		t.Errorf("the second of two proxies had %v clients", n)
	}
}

// startClusterFleet starts a proxy with two pools before the cluster, each as if it were one of two proxies.
func startClusterFleet(t *testing.T, seed string) (s *clusterService, addrs []string) {
	t.Helper()
	s = &clusterService{newService(t), "127.0.0.1:" + processtest.FreePort(t)}
	addrs = []string{s.listen, "127.0.0.1:" + processtest.FreePort(t)}
	first := s.pool([]string{seed}, "commands: +@all", "cluster_announce: "+strings.Join(addrs, " "))
	s.configure(t, first, strings.NewReplacer("c:\n", "d:\n", addrs[0]+"\n  redis", addrs[1]+"\n  redis").Replace(first))
	s.start(t)
	s.await(t, "the proxy knows who has which slot", func() bool {
		return s.unowned(t) == 0 && s.metrics(t)[`cashew_cluster_slots_unowned{pool="d"}`] == 0
	})
	return s, addrs
}

// clusterNode asks what only nodes of clusters are asked.
func clusterNode(t *testing.T, addr string) {
	c := dial(t, addr)
	defer c.close()
	host, port, _ := net.SplitHostPort(addr)
	const key = "foo" // of slot 12182
	c.want("+OK\r\n", "READONLY")
	c.want("+OK\r\n", "ASKING")
	c.want("+OK\r\n", "SET", key, "v")
	c.want(":12182\r\n", "CLUSTER", "KEYSLOT", key)
	c.want(":1\r\n", "CLUSTER", "COUNTKEYSINSLOT", "12182")
	c.want("*1\r\n"+bulk(key), "CLUSTER", "GETKEYSINSLOT", "12182", "10")
	c.want("-ERR Invalid slot\r\n", "CLUSTER", "COUNTKEYSINSLOT", "16384")
	c.want("-ERR SWAPDB is not allowed in cluster mode\r\n", "SWAPDB", "0", "1")
	c.want("-ERR MOVE is not allowed in cluster mode\r\n", "MOVE", key, "1")
	c.want("-ERR Copying to another database is not allowed in cluster mode\r\n", "COPY", "{a}1", "{a}2", "DB", "1")
	c.want(":7\r\n", "EVAL", "return 7", "0")
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SELECT", "1")
	c.want("+QUEUED\r\n", "CLUSTER", "KEYSLOT", key)
	c.want("+QUEUED\r\n", "GET", key)
	c.want("*3\r\n-ERR SELECT is not allowed in cluster mode\r\n:12182\r\n"+bulk("v"), "EXEC")
	c.want(":1\r\n", "DEL", key)
	myid := c.do("CLUSTER", "MYID")[len("$40\r\n"):][:40]
	c.want("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n"+bulk(host)+":"+port+"\r\n"+bulk(myid)+"*0\r\n", "CLUSTER", "SLOTS")
}

// useClusterClient uses what clients of clusters have besides.
func useClusterClient(t *testing.T, rdb *redis.ClusterClient, nodes int) {
	t.Helper()
	ctx := t.Context()
	slots, err := rdb.ClusterSlots(ctx).Result() //nolint:staticcheck // deprecated, and what most clients ask
	if err != nil || len(slots) != nodes {
		t.Fatalf("CLUSTER SLOTS: %v, %v", slots, err)
	}
	shards, err := rdb.ClusterShards(ctx).Result()
	if err != nil || len(shards) != nodes || shards[0].Nodes[0].Endpoint != "127.0.0.1" || shards[0].Nodes[0].Port == 0 {
		t.Errorf("CLUSTER SHARDS: %v, %v", shards, err)
	}
	var masters atomic.Int64 // they are asked all at once
	err = rdb.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		masters.Add(1)
		return c.Ping(ctx).Err()
	})
	if err != nil || masters.Load() != int64(nodes) {
		t.Errorf("%d masters, %v", masters.Load(), err)
	}
	for i := range 200 { // on all of them, as the client divides them
		key := fmt.Sprint("key:", i)
		if err := rdb.Set(ctx, key, i, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got, err := rdb.Get(ctx, key).Int(); err != nil || got != i {
			t.Fatalf("GET %s: %d, %v", key, got, err)
		}
	}
	txs, err := rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "{tx}a", 1, 0)
		p.Incr(ctx, "{tx}a")
		p.Get(ctx, "{tx}a")
		return nil
	})
	if err != nil || len(txs) != 3 || txs[2].(*redis.StringCmd).Val() != "2" {
		t.Errorf("a transaction: %v, %v", txs, err)
	}
	if err := rdb.SInter(ctx, "foo", "bar").Err(); err == nil || !strings.Contains(err.Error(), "CROSSSLOT") {
		t.Errorf("SINTER of keys of two slots: %v", err)
	}
	if err := rdb.Watch(ctx, func(tx *redis.Tx) error {
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "{tx}a"); return rdb.Incr(ctx, "{tx}a").Err() })
		return err
	}, "{tx}a"); !errors.Is(err, redis.TxFailedErr) {
		t.Errorf("a transaction whose key has changed: %v", err)
	}
	for _, sub := range []*redis.PubSub{rdb.Subscribe(ctx, "channel"), rdb.SSubscribe(ctx, "channel")} {
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		rdb.Publish(ctx, "channel", "plain")
		rdb.SPublish(ctx, "channel", "sharded")
		m, err := sub.ReceiveMessage(ctx)
		if err != nil || m.Channel != "channel" {
			t.Errorf("a message: %v, %v", m, err)
		}
		_ = sub.Close()
	}
	if diff := cmp.Diff(rdb.ClusterInfo(ctx).Val()[:len("cluster_state:ok")], "cluster_state:ok"); diff != "" {
		t.Error(diff)
	}
}

// pythonWith is a python3 that can import a module. The first one in PATH need not be Debian's, which has Debian's packages.
func pythonWith(t *testing.T, module, debian string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import "+module).Run() == nil {
			return python
		}
	}
	return processtest.LookPath(t, "a python3 that imports "+module+", of Debian's "+debian)
}
