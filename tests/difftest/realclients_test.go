//go:build unix

package difftest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// TestGoRedis uses go-redis as applications do. By default it says HELLO 3 and CLIENT SETINFO when it connects.
func TestGoRedis(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes clients that say HELLO, 6.4")
	servers := startRedises(t, 3)
	locked := startRedis(t, "--requirepass", "secret")
	p := startLoops(t, 2,
		pool{name: "open", servers: entries(servers), settings: append([]string{`hash_tag: "{}"`}, spread...)},
		pool{name: "db", servers: entries(servers), settings: append([]string{"redis_db: 4"}, spread...)},
		pool{name: "auth", servers: entries([]*redisServer{locked}), settings: []string{"redis_auth: secret", "redis_db: 2"}},
	)
	for _, c := range []struct {
		name string
		opt  redis.Options
	}{
		{"defaults", redis.Options{Addr: p.addr("open")}},
		{"protocol 2", redis.Options{Addr: p.addr("open"), Protocol: 2}},
		{"protocol 3", redis.Options{Addr: p.addr("open"), Protocol: 3}},
		{"client name", redis.Options{Addr: p.addr("open"), ClientName: "difftest", IdentitySuffix: "x"}},
		{"no identity", redis.Options{Addr: p.addr("open"), DisableIdentity: true}},
		{"database", redis.Options{Addr: p.addr("db"), DB: 4}},
		{"password", redis.Options{Addr: p.addr("auth"), Password: "secret"}},
		{"password, protocol 2", redis.Options{Addr: p.addr("auth"), Password: "secret", Protocol: 2}},
		{"password and database", redis.Options{Addr: p.addr("auth"), Password: "secret", DB: 2}},
		{"user and password", redis.Options{Addr: p.addr("auth"), Username: "default", Password: "secret"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.MaxRetries = -1
			c.opt.PoolSize = 4
			rdb := redis.NewClient(&c.opt)
			defer rdb.Close()
			useGoRedis(t, rdb)
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: p.addr("auth"), Password: "guess", MaxRetries: -1})
		defer rdb.Close()
		if err := rdb.Set(t.Context(), "a", 1, 0).Err(); err == nil {
			t.Error("SET succeeded")
		}
	})
	t.Run("many at once", func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: p.addr("open"), MaxRetries: -1, PoolSize: 20})
		defer rdb.Close()
		errs := make(chan error, 50)
		for id := range cap(errs) {
			go func() { errs <- countUp(t.Context(), rdb, fmt.Sprint("counter:", id)) }()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func countUp(ctx context.Context, rdb *redis.Client, key string) error {
	if err := rdb.Del(ctx, key).Err(); err != nil {
		return err
	}
	for i := range int64(50) {
		n, err := rdb.Incr(ctx, key).Result()
		if err != nil {
			return err
		}
		if n != i+1 {
			return fmt.Errorf("INCR %s = %d; want %d", key, n, i+1)
		}
	}
	return nil
}

func useGoRedis(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	ctx := t.Context()
	check := func(what string, got any, err error, want any) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	pong, err := rdb.Ping(ctx).Result()
	check("PING", pong, err, "PONG")
	n, err := rdb.Del(ctx, "a", "b", "c", "h", "l", "z", "counter").Result()
	if err != nil {
		t.Fatalf("DEL = %d, %v", n, err)
	}
	ok, err := rdb.Set(ctx, "a", "1", time.Hour).Result()
	check("SET", ok, err, "OK")
	a, err := rdb.Get(ctx, "a").Result()
	check("GET", a, err, "1")
	if _, err := rdb.Get(ctx, "missing").Result(); !errors.Is(err, redis.Nil) {
		t.Errorf("GET missing: %v, want redis.Nil", err)
	}
	ok, err = rdb.MSet(ctx, "b", "2", "c", "3").Result()
	check("MSET", ok, err, "OK")
	values, err := rdb.MGet(ctx, "a", "missing", "c", "b").Result()
	check("MGET", values, err, []any{"1", nil, "3", "2"})
	n, err = rdb.Exists(ctx, "a", "b", "c", "missing").Result()
	check("EXISTS", n, err, int64(3))
	n, err = rdb.HSet(ctx, "h", "f", "v", "g", "w").Result()
	check("HSET", n, err, int64(2))
	m, err := rdb.HGetAll(ctx, "h").Result()
	check("HGETALL", m, err, map[string]string{"f": "v", "g": "w"})
	n, err = rdb.RPush(ctx, "l", 1, 2, 3).Result()
	check("RPUSH", n, err, int64(3))
	l, err := rdb.LRange(ctx, "l", 0, -1).Result()
	check("LRANGE", l, err, []string{"1", "2", "3"})
	n, err = rdb.ZAdd(ctx, "z", redis.Z{Score: 1.5, Member: "m"}, redis.Z{Score: 2, Member: "n"}).Result()
	check("ZADD", n, err, int64(2))
	z, err := rdb.ZRangeWithScores(ctx, "z", 0, -1).Result()
	check("ZRANGE", z, err, []redis.Z{{Score: 1.5, Member: "m"}, {Score: 2, Member: "n"}})
	if err := rdb.HGet(ctx, "a", "f").Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
		t.Errorf("HGET of a string: %v, want WRONGTYPE", err)
	}
	v, err := rdb.Eval(ctx, "return {KEYS[1], ARGV[1]}", []string{"k"}, "arg").Result()
	check("EVAL", v, err, []any{"k", "arg"})
	script := redis.NewScript(fmt.Sprintf("-- %d\nreturn redis.call('INCR', KEYS[1])", time.Now().UnixNano()))
	for i := range int64(3) { // the first one falls back from EVALSHA to EVAL
		n, err := script.Run(ctx, rdb, []string{"counter"}).Int64()
		check("script", n, err, i+1)
	}
	var gets []*redis.StringCmd
	_, err = rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 200 {
			p.Set(ctx, fmt.Sprint("p", i), i, 0)
			gets = append(gets, p.Get(ctx, fmt.Sprint("p", i)))
		}
		return nil
	})
	check("pipeline", nil, err, nil)
	for i, get := range gets {
		check("pipelined GET", get.Val(), get.Err(), fmt.Sprint(i))
	}
}

// tool runs a client program to its end and returns what it printed.
func tool(t *testing.T, stdin string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, processtest.LookPath(t, name), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestRedisCLI(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 3)
	locked := startRedis(t, "--requirepass", "secret")
	p := startProxy(t,
		poolOf(servers, spread...),
		pool{name: "auth", servers: entries([]*redisServer{locked}), settings: []string{"redis_auth: secret"}},
	)
	_, port, _ := net.SplitHostPort(p.addr("p"))
	_, authPort, _ := net.SplitHostPort(p.addr("auth"))
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        string
	}{
		{"ping", "", []string{"-p", port, "PING"}, "PONG\n"},
		{"set", "", []string{"-p", port, "SET", "a", "some words"}, "OK\n"},
		{"get", "", []string{"-p", port, "GET", "a"}, "some words\n"},
		{"missing", "", []string{"-p", port, "GET", "missing"}, "\n"},
		{"on stdin", "SET b 2\nGET b\nMGET a b missing\nDEL a b\n", []string{"-p", port}, "OK\n2\nsome words\n2\n\n2\n"},
		{"repeat", "", []string{"-p", port, "-r", "3", "PING"}, "PONG\nPONG\nPONG\n"},
		{"auth", "", []string{"-p", authPort, "-a", "secret", "--no-auth-warning", "SET", "a", "1"}, "OK\n"},
		{"eval", "", []string{"-p", port, "EVAL", "return KEYS[1]", "1", "k"}, "k\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := tool(t, c.stdin, "redis-cli", c.args...); got != c.want {
				t.Errorf("redis-cli %s = %q; want %q", strings.Join(c.args, " "), got, c.want)
			}
		})
	}
	t.Run("resp3", func(t *testing.T) {
		wantCashew(t, "it closes clients that say HELLO")
		// Whether the proxy speaks RESP3 or says NOPROTO, the command must be answered.
		if got := tool(t, "", "redis-cli", "-p", port, "-3", "PING"); !strings.Contains(got, "PONG") {
			t.Errorf("redis-cli -3 PING = %q", got)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		wantCashew(t, "it takes no empty line and no ECHO")
		const n = 20_000
		var b bytes.Buffer
		for i := range n {
			b.Write(command("SET", fmt.Sprint("mass:", i), fmt.Sprint("value ", i)))
		}
		got := tool(t, b.String(), "redis-cli", "-p", port, "--pipe")
		if !strings.Contains(got, fmt.Sprintf("errors: 0, replies: %d", n)) {
			t.Errorf("redis-cli --pipe printed %q", got)
		}
		if placed := len(whereabouts(t, servers, 0)); placed != n {
			t.Errorf("%d keys arrived, want %d", placed, n)
		}
	})
}

func TestRedisBenchmark(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	addr := startProxy(t, poolOf(servers, spread...)).addr("p")
	_, port, _ := net.SplitHostPort(addr)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"single", []string{
			"-c", "10", "-t",
			"ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset",
		}},
		{"pipelined", []string{"-c", "20", "-P", "16", "-r", "1000", "-t", "set,get,incr"}},
		{"inline", []string{"-c", "5", "-t", "ping_inline"}},
		{"threads", []string{"-c", "20", "--threads", "2", "-d", "1024", "-t", "set,get"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "inline" {
				wantCashew(t, "no inline commands")
			}
			got := tool(t, "", "redis-benchmark", append([]string{"-p", port, "-q", "-n", "500"}, c.args...)...)
			if !strings.Contains(got, "requests per second") || strings.Contains(strings.ToLower(got), "error") {
				t.Errorf("redis-benchmark printed %q", got)
			}
		})
	}
}
