//go:build unix

package difftest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"
)

// service is a proxy as operators run it: with a file that they rewrite, a pid file, a log, a stats port and admin pages.
type service struct {
	*processtest.Process // nil for a daemon
	dir                  string
	admin                string
	stats                string
}

func (s *service) conf() string { return filepath.Join(s.dir, "cashew.yml") }

func (s *service) pidFile() string { return filepath.Join(s.dir, "pid") }

func (s *service) logFile() string { return filepath.Join(s.dir, "log") }

// newService has all but the process.
func newService(t testing.TB) *service {
	t.Helper()
	wantCashew(t, "it can neither reload nor drain")
	return &service{dir: processtest.TempDir(t), admin: "127.0.0.1:" + processtest.FreePort(t), stats: "127.0.0.1:" + processtest.FreePort(t)}
}

// configure writes the file: global settings, which are lines, and pools.
func (s *service) configure(t testing.TB, pools ...string) {
	t.Helper()
	text := "global:\n  loops: 2\n  admin: " + s.admin + "\n  drain_timeout: 20000\n  stats_extended: true\n" + strings.Join(pools, "")
	s.write(t, text)
}

// write replaces the file at once, as a careful tool does.
func (s *service) write(t testing.TB, text string) {
	t.Helper()
	next := s.conf() + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, s.conf()); err != nil {
		t.Fatal(err)
	}
}

func (s *service) args() []string {
	host, port, _ := net.SplitHostPort(s.stats)
	return []string{"-c", s.conf(), "-o", s.logFile(), "-p", s.pidFile(), "-a", host, "-s", port}
}

// start runs it in the foreground, until the test ends.
func (s *service) start(t testing.TB) {
	t.Helper()
	s.Process = processtest.Run(t, underTest.path, s.args()...)
	await(t, "the proxy writes its pid file", func() bool {
		s.WantAlive(t)
		return s.pid() != 0
	})
	s.showLog(t)
}

// startDaemon runs it with -d. A shell outlives the test binary, however that ends, to kill what the pid file names.
func (s *service) startDaemon(t testing.TB) {
	t.Helper()
	guard := exec.Command("sh", "-c", `read -r x; kill -KILL "$(cat "$0")" 2>/dev/null; rm -f "$0"`, s.pidFile())
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal for the tests is not for it
	lifeline, err := guard.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		lifeline.Close()
		guard.Wait()
	})
	if out, err := exec.Command(underTest.path, append([]string{"-d"}, s.args()...)...).CombinedOutput(); err != nil {
		t.Fatalf("cashew -d: %v\n%s", err, out)
	}
	s.showLog(t)
}

func (s *service) showLog(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the proxy's log:\n%s", s.logged())
		}
	})
}

func (s *service) logged() string {
	b, _ := os.ReadFile(s.logFile())
	return string(b)
}

// pid is the one in the pid file, 0 for none.
func (s *service) pid() int {
	b, _ := os.ReadFile(s.pidFile())
	pid, _ := strconv.Atoi(string(b))
	return pid
}

// page asks the admin pages, on a connection of its own.
func (s *service) page(method, path string) (status int, body string, err error) {
	return processtest.Page(method, "http://"+s.admin+path)
}

func (s *service) wantPage(t testing.TB, method, path string, want int) string {
	t.Helper()
	status, body, err := s.page(method, path)
	if err != nil || status != want {
		t.Fatalf("%s %s = %d, %v; want %d\n%s", method, path, status, err, want, body)
	}
	return body
}

// configHash is what tells one configuration in force from another.
func (s *service) configHash(t testing.TB) string {
	t.Helper()
	var c struct{ Hash string }
	if err := json.Unmarshal([]byte(s.wantPage(t, "GET", "/config", 200)), &c); err != nil || c.Hash == "" {
		t.Fatalf("/config has the hash %q, %v", c.Hash, err)
	}
	return c.Hash
}

// metrics are the samples of /metrics, by name and labels as they stand there.
func (s *service) metrics(t testing.TB) map[string]float64 {
	t.Helper()
	samples := map[string]float64{}
	for line := range strings.Lines(s.wantPage(t, "GET", "/metrics", 200)) {
		i := strings.LastIndexByte(line, ' ')
		if n, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64); err == nil && line[0] != '#' {
			samples[line[:i]] = n
		}
	}
	return samples
}

// reloads are the reloads that succeeded and failed so far.
func (s *service) reloads(t testing.TB) (succeeded, failed int) {
	t.Helper()
	m := s.metrics(t)
	return int(m[`cashew_config_reloads_total{result="success"}`]), int(m[`cashew_config_reloads_total{result="failure"}`])
}

// statistics are the stats port's document.
func (s *service) statistics() (doc map[string]json.RawMessage, err error) {
	c, err := net.DialTimeout("tcp", s.stats, patience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	return doc, json.NewDecoder(c).Decode(&doc)
}

// explain tells the address of each key's server by the file.
func (s *service) explain(t testing.TB, pool string, keys []string) map[string]string {
	t.Helper()
	out, err := exec.Command(underTest.path, append([]string{"explain", "-c", s.conf(), "--pool", pool, "--json"}, keys...)...).Output()
	if err != nil {
		t.Fatalf("cashew explain: %v", err)
	}
	var places []struct{ Key, Addr string }
	if err := json.Unmarshal(out, &places); err != nil || len(places) != len(keys) {
		t.Fatalf("cashew explain: %d places for %d keys, %v", len(places), len(keys), err)
	}
	where := map[string]string{}
	for _, p := range places {
		where[p.Key] = p.Addr
	}
	return where
}

// isGone reports whether the process has ended, be it that nobody has asked how.
func isGone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	i := bytes.LastIndexByte(b, ')')
	return err == nil && bytes.HasPrefix(b[i+1:], []byte(" Z"))
}

// traffic is tasks that are repeated without a break, each on a goroutine of its own. None of them may ever fail.
type traffic struct {
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	rounds []*atomic.Int64 // one for each task

	mu       sync.Mutex
	failed   int
	failures []string // the first few
}

// newTraffic has no tasks yet. They end with the test at the latest.
func newTraffic(t testing.TB) *traffic {
	l := &traffic{}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	t.Cleanup(l.stop)
	return l
}

func (l *traffic) add(name string, round func(n int64) error) {
	done := new(atomic.Int64)
	l.rounds = append(l.rounds, done)
	l.tasks.Go(func() {
		for l.ctx.Err() == nil {
			if err := round(done.Load()); err != nil {
				l.fail(fmt.Sprintf("%s: %s: %v", time.Now().Format(time.StampMilli), name, err))
			}
			done.Add(1)
		}
	})
}

func (l *traffic) fail(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed++; l.failed <= 20 {
		l.failures = append(l.failures, text)
	}
}

// round waits until each task has done all of a round that began after the call.
func (l *traffic) round(t testing.TB) {
	t.Helper()
	for _, done := range l.rounds {
		want := done.Load() + 2
		await(t, "each client goes on", func() bool { return done.Load() >= want })
	}
}

// stop ends the tasks between two rounds.
func (l *traffic) stop() {
	l.cancel()
	l.tasks.Wait()
}

// wantClean stops the load and fails the test if any round failed.
func (l *traffic) wantClean(t testing.TB) {
	t.Helper()
	l.stop()
	if l.failed > 0 {
		t.Errorf("%d rounds failed:\n%s", l.failed, strings.Join(l.failures, "\n"))
	}
}

// loyal is a go-redis client that retries nothing and has one connection for single commands and one for pipelines. It
// counts how often it had to connect again. Every other one speaks RESP3.
type loyal struct {
	*redis.Client
	dials   atomic.Int64
	version int
}

// loyals are how many there were.
var loyals atomic.Int64

func newLoyal(t testing.TB, addr string) *loyal {
	c := &loyal{version: 2 + int(loyals.Add(1)%2)}
	c.Client = redis.NewClient(&redis.Options{
		Addr: addr, Protocol: c.version, MaxRetries: -1, DialerRetries: 1, PoolSize: 1, ConnMaxIdleTime: -1, ReadTimeout: patience, WriteTimeout: patience,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c.dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	})
	t.Cleanup(func() { c.Close() })
	_, err := c.Pipelined(t.Context(), func(pipe redis.Pipeliner) error { return pipe.Ping(t.Context()).Err() })
	if err := errors.Join(err, c.Ping(t.Context()).Err()); err != nil {
		t.Fatal(err)
	}
	c.dials.Store(0)
	return c
}

// checkVersion says whether the connection is still of the version that it was opened with.
func (c *loyal) checkVersion(ctx context.Context) error {
	v, err := c.Do(ctx, "HELLO").Result()
	if err != nil {
		return fmt.Errorf("HELLO: %w", err)
	}
	if _, is := v.(map[any]any); is != (c.version == 3) {
		return fmt.Errorf("HELLO of a client of RESP%d = %v", c.version, v)
	}
	return nil
}

// work is one round: it writes keys that are its own and reads them back, singly, in a pipeline and with one command.
// Keys of settled must have the values that were written; others may have moved since.
func (c *loyal) work(n int64, settled, others []string) error {
	ctx := context.Background()
	if err := c.checkVersion(ctx); err != nil {
		return err
	}
	value := strconv.FormatInt(n, 10)
	if err := c.Set(ctx, settled[0], "first", 0).Err(); err != nil {
		return fmt.Errorf("SET: %w", err)
	}
	if got, err := c.Get(ctx, settled[0]).Result(); err != nil || got != "first" {
		return fmt.Errorf("GET %s = %q, %w; want first", settled[0], got, err)
	}
	pipe := c.Pipeline()
	for _, k := range settled {
		pipe.Set(ctx, k, value, 0)
	}
	for _, k := range others {
		pipe.Set(ctx, k, value, 0)
	}
	var gets []*redis.StringCmd
	for _, k := range settled {
		gets = append(gets, pipe.Get(ctx, k))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	for _, get := range gets {
		if get.Val() != value {
			return fmt.Errorf("%v in a pipeline; want %s", get, value)
		}
	}
	got, err := c.MGet(ctx, settled...).Result()
	if err != nil {
		return fmt.Errorf("MGET: %w", err)
	}
	for i, v := range got {
		if v != value {
			return fmt.Errorf("MGET has %v for %s; want %s", v, settled[i], value)
		}
	}
	for _, k := range others {
		if err := c.Get(ctx, k).Err(); err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("GET %s: %w", k, err)
		}
	}
	return nil
}

// mcWork is the same for memcached.
func mcWork(c *memcache.Client, n int64, keys []string) error {
	value := strconv.FormatInt(n, 10)
	for _, k := range keys {
		if err := c.Set(&memcache.Item{Key: k, Value: []byte(value)}); err != nil {
			return fmt.Errorf("set %s: %w", k, err)
		}
	}
	items, err := c.GetMulti(keys)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	for _, k := range keys {
		if items[k] == nil || string(items[k].Value) != value {
			return fmt.Errorf("get has %v for %s; want %s", items[k], k, value)
		}
	}
	return nil
}

// connectAnew is a round of a client that comes, asks and goes.
func connectAnew(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(command("PING")); err != nil {
		return err
	}
	b := make([]byte, len("+PONG\r\n"))
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "+PONG\r\n" {
		return fmt.Errorf("PING = %q, %w", b, err)
	}
	return nil
}
