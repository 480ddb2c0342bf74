//go:build unix

package difftest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"

	"github.com/redis/go-redis/v9"
)

// TestSightOfFailure kills a server under load. The stats port, the metrics and INFO tell of it, and say the same.
func TestSightOfFailure(t *testing.T) {
	t.Parallel()
	s := newService(t)
	servers := startRedises(t, 3)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	pool := "p:\n  listen: " + listen + "\n  redis: true\n  hash: md5\n  distribution: modula\n" +
		"  auto_eject_hosts: true\n  server_failure_limit: 2\n  server_retry_timeout: 600000\n  servers:\n"
	for i, server := range servers {
		pool += "   - " + server.entry(1, fmt.Sprint("s", i)) + "\n"
	}
	s.configure(t, pool)
	s.start(t)
	l := newTraffic(t)
	for i := range 4 {
		c := newLoyal(t, listen)
		l.add(fmt.Sprint("client ", i), func(n int64) error {
			var reply redis.Error // what was in flight to the server that died has an error for a reply
			if err := c.Set(context.Background(), fmt.Sprint("key:", i, ":", n), n, 0).Err(); err != nil && !errors.As(err, &reply) {
				return err
			}
			return nil
		})
	}
	l.round(t)
	servers[1].Kill()
	await(t, "the stats port tells of the ejection", func() bool { return s.figures(t)["server_ejects"] == 1 })
	l.round(t)
	l.wantClean(t)

	c := newLoyal(t, listen)
	const pools = `{pool="p"}`
	await(t, "all three say the same", func() bool { // INFO asks last, and a probe may fail between two of them
		stats, metrics := s.figures(t), s.metrics(t)
		info, err := c.Info(context.Background()).Result()
		if err != nil {
			t.Fatal(err)
		}
		told := parseInfo(info)
		same := stats["server_ejects"] == 1 && metrics["cashew_server_ejects_total"+pools] == 1 && told["server_ejects"] == "1" &&
			stats["live"] == 2 && metrics["cashew_live_servers"+pools] == 2 && told["servers_live"] == "2" &&
			told["forward_error"] == num(stats["forward_error"]) && metrics["cashew_forward_errors_total"+pools] == stats["forward_error"]
		for i := range servers {
			name := fmt.Sprint("s", i)
			line := map[string]string{}
			for _, f := range strings.Split(told[fmt.Sprint("server", i)], ",") {
				k, v, _ := strings.Cut(f, "=")
				line[k] = v
			}
			up, state := 1.0, "live"
			if i == 1 {
				up, state = 0, "ejected"
			}
			of := fmt.Sprintf(`{pool="p",server=%q}`, name)
			same = same && stats[name+".up"] == up && metrics["cashew_server_up"+of] == up && line["state"] == state && line["name"] == name
			for figure, kind := range map[string]string{"server_eof": "eof", "server_err": "err", "server_timedout": "timeout"} {
				n := stats[name+"."+figure]
				same = same && line[strings.TrimPrefix(figure, "server_")] == num(n) &&
					metrics[fmt.Sprintf(`cashew_server_errors_total{kind=%q,pool="p",server=%q}`, kind, name)] == n
			}
			same = same && line["requests"] == num(stats[name+".requests"]) && metrics["cashew_requests_total"+of] == stats[name+".requests"]
		}
		return same
	})
	stats := s.figures(t)
	if stats["s1.server_eof"]+stats["s1.server_err"] < 2 || stats["s1.server_ejected_at"] == 0 {
		t.Errorf("of the dead server: eof %v, err %v, ejected at %v", stats["s1.server_eof"], stats["s1.server_err"], stats["s1.server_ejected_at"])
	}
	for _, name := range []string{"s0", "s2"} {
		if n := stats[name+".server_eof"] + stats[name+".server_err"] + stats[name+".server_ejected_at"]; n != 0 {
			t.Errorf("of %s, which lives: eof, err and ejected at make %v", name, n)
		}
	}
	s.wantPage(t, "GET", "/readyz", 200)
	dead := servers[1].addr
	s.wantBlame(t, dead)
	s.end(t)
}

// wantBlame: of server s1, which is ejected, the pages and the log say why, by the name that it has everywhere, with its address.
func (s *service) wantBlame(t *testing.T, addr string) {
	t.Helper()
	var told struct {
		Pools []struct {
			Servers []struct {
				Name, Addr, State, Why string
				Next                   int64 `json:"next_try_at"`
			}
		}
	}
	if err := json.Unmarshal([]byte(s.wantPage(t, "GET", "/pools", 200)), &told); err != nil {
		t.Fatal(err)
	}
	for _, v := range told.Pools[0].Servers {
		if dead := v.Name == "s1"; dead != (v.State == "ejected") || dead != (v.Why != "") || dead != (v.Next > 0) || dead != (v.Addr == addr) {
			t.Errorf("/pools tells of %+v", v)
		}
	}
	line := regexp.MustCompile(`(?m)server ejected pool=p server=s1 addr=` + regexp.QuoteMeta(addr) + ` why="?.+2 failures in a row"? live=2 retry_after=10m0s$`)
	if !line.MatchString(s.logged()) {
		t.Errorf("the log does not say why: want %s", line)
	}
}

// TestHitsAreCounted: the proxy counts the hits and misses that a server counts itself.
func TestHitsAreCounted(t *testing.T) {
	t.Parallel()
	s, server, listen := newService(t), startRedis(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, "p:\n  listen: "+listen+"\n  redis: true\n  servers:\n   - "+server.entry(1, "only")+"\n")
	s.start(t)
	ctx := context.Background()
	for range 2 { // in either version of the protocol
		c := newLoyal(t, listen)
		if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "k", "v", 0)
			p.HSet(ctx, "h", "f", "v")
			for _, key := range []string{"k", "none", "nothing", "k", "k"} {
				p.Get(ctx, key)
				p.Exists(ctx, key)
			}
			p.HGetAll(ctx, "h")
			p.HGetAll(ctx, "none")
			p.LRange(ctx, "nolist", 0, 1).Val() // of this nobody can tell
			return nil
		}); err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
	}
	info := parseInfo(server.do(t, "INFO", "stats"))
	stats := s.figures(t)
	hits, misses := stats["only.keyspace_hits"], stats["only.keyspace_misses"]
	if hits != 14 || misses != 10 || info["keyspace_hits"] != num(hits) || info["keyspace_misses"] != num(misses+2) {
		t.Errorf("%v hits, %v misses; the server says %s and %s, two of them of LRANGE", hits, misses, info["keyspace_hits"], info["keyspace_misses"])
	}
	s.end(t)
}

// TestSlowLogBlame: commands that wait behind slow scripts are in the slow log, and it says that the scripts are to blame.
func TestSlowLogBlame(t *testing.T) {
	t.Parallel()
	s, server, listen := newService(t), startRedis(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, "p:\n  listen: "+listen+"\n  redis: true\n  slowlog_log_slower_than: 20000\n  servers:\n   - "+server.entry(1, "only")+"\n")
	s.start(t)
	rdb := newLoyal(t, listen)
	const busy = `local function now() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end
		local till = now() + 40000 while now() < till do end return 1`
	type group struct {
		Command, Pattern string
		Times            int
		Own              int64 `json:"own_us"`
		Waited           int64 `json:"waited_us"`
		Servers          map[string]int
		Worst            []struct{ Server, Addr string }
	}
	await(t, "the slow log blames the script", func() bool { // a machine that stops for longer than the script takes is to blame itself
		ctx := context.Background()
		if _, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Eval(ctx, busy, []string{"job:17"})
			for i := range 20 {
				p.Get(ctx, fmt.Sprint("user:", i, ":name"))
			}
			return nil
		}); err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		var groups []group
		if err := json.Unmarshal([]byte(s.wantPage(t, "GET", "/slowlog/groups?pool=p", 200)), &groups); err != nil {
			t.Fatal(err)
		}
		if len(groups) != 2 || groups[0].Command != "eval" || groups[1].Times < 20 {
			return false
		}
		script, gets := groups[0], groups[1]
		if script.Pattern != "job:*" || gets.Pattern != "user:*:name" || script.Own < 40_000 || gets.Waited < 20*20_000 || script.Servers["only"] != script.Times ||
			script.Worst[0].Server != "only" || script.Worst[0].Addr != server.addr {
			t.Errorf("groups %+v", groups)
		}
		return true
	})
	s.end(t)
}

// Three requests that time out one after the other are three in the statistics of either proxy. nutcracker's come with a new
// connection each, ours share one.
func TestTimeoutsAreCounted(t *testing.T) {
	t.Parallel()
	kinds := []proxyKind{underTest}
	if underTest.name == "cashew" && hasNutcracker(t) {
		kinds = append(kinds, nutcracker)
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			countTimeouts(t, kind)
		})
	}
}

func countTimeouts(t *testing.T, kind proxyKind) {
	mute, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and requests, and answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	listen, stats := "127.0.0.1:"+processtest.FreePort(t), processtest.FreePort(t)
	conf := filepath.Join(processtest.TempDir(t), "nutcracker.yml")
	text := fmt.Sprintf("p:\n  listen: %s\n  redis: true\n  timeout: 100\n  servers:\n   - %s:1 s\n", listen, mute.Addr())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := kind.path
	if path == "" {
		path = processtest.LookPath(t, kind.name)
	}
	processtest.Run(t, path, "-c", conf, "-v", "4", "-a", "127.0.0.1", "-s", stats, "-i", "1")
	await(t, "the proxy listens", func() bool { return processtest.Listens("tcp", listen) })
	c, err := net.DialTimeout("tcp", listen, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	replies := bufio.NewReader(c)
	for range 3 {
		fmt.Fprint(c, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
		if line, err := replies.ReadString('\n'); !strings.Contains(line, "Connection timed out") {
			t.Fatalf("GET of a server that does not answer: %q, %v; want an error that says timed out", line, err)
		}
	}
	var got float64
	await(t, "three timeouts in the statistics", func() bool {
		s := &service{stats: "127.0.0.1:" + stats}
		got = s.figures(t)["s.server_timedout"]
		return got >= 3
	})
	if got != 3 {
		t.Errorf("server_timedout is %v after three timeouts", got)
	}
}

// figures are what the stats port says of pool p, and of its servers with their names before a dot.
func (s *service) figures(t testing.TB) map[string]float64 {
	t.Helper()
	doc, err := s.statistics()
	if err != nil {
		t.Fatal(err)
	}
	var pool map[string]json.RawMessage
	if err := json.Unmarshal(doc["p"], &pool); err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for name, text := range pool {
		if n, err := strconv.ParseFloat(string(text), 64); err == nil {
			all[name] = n
			continue
		}
		var server map[string]float64
		if err := json.Unmarshal(text, &server); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for figure, n := range server {
			all[name+"."+figure] = n
		}
	}
	return all
}

func num(n float64) string { return strconv.FormatInt(int64(n), 10) }

// parseInfo is INFO's lines by name.
func parseInfo(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			all[name] = value
		}
	}
	return all
}
