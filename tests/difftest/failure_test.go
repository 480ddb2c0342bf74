//go:build unix

package difftest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

const (
	refused  = "-ERR Connection refused\r\n"
	timedOut = "-ERR Connection timed out\r\n"
)

// load is steady traffic of several pipelining clients. Each value names its key, so a reply to another request shows.
type load struct {
	loadKind
	where   map[string]int // which server has which key
	mayFail atomic.Int64   // server whose keys may fail; -1: none

	batches            []atomic.Int64 // of each client
	failures, refusals atomic.Int64

	stop    chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex
	wrong   []string
}

// loadKind is what a load says and hears.
type loadKind struct {
	command func(rng *rand.Rand, keys []string) []string
	bytes   func(dst []byte, args []string) []byte
	read    func(r *bufio.Reader) ([]byte, error)
	replies func(args []string) (want, lost string) // lost, or with many keys what begins like it: a server came back empty
	err     string                                  // how an error begins
	refused string
}

var redisLoad = loadKind{
	command: func(rng *rand.Rand, keys []string) []string {
		k := keys[rng.IntN(len(keys))]
		switch rng.IntN(5) {
		case 0:
			return []string{"SET", k, "value of " + k}
		case 1:
			return []string{"PING"}
		case 2:
			return []string{"MGET", k, keys[rng.IntN(len(keys))], k}
		default:
			return []string{"GET", k}
		}
	},
	bytes: appendCommand,
	read:  readReply,
	replies: func(args []string) (want, lost string) {
		switch args[0] {
		case "SET":
			return "+OK\r\n", "+OK\r\n"
		case "PING":
			return "+PONG\r\n", "+PONG\r\n"
		case "MGET":
			want = fmt.Sprintf("*%d\r\n", len(args)-1)
			for _, k := range args[1:] {
				want += bulk("value of " + k)
			}
			return want, want[:4]
		default:
			return bulk("value of " + args[1]), "$-1\r\n"
		}
	},
	err:     "-ERR ",
	refused: refused,
}

// startLoad runs clients until end. The keys of where are written first.
func startLoad(t testing.TB, addr string, where map[string]int, clients int) *load {
	t.Helper()
	var sets [][]string
	for _, k := range sortedKeys(where) {
		sets = append(sets, []string{"SET", k, "value of " + k})
	}
	wantAll(t, addr, sets, "+OK\r\n")
	return redisLoad.start(t, addr, where, clients)
}

// start runs clients until end.
func (kind loadKind) start(t testing.TB, addr string, where map[string]int, clients int) *load {
	t.Helper()
	l := &load{loadKind: kind, where: where, stop: make(chan struct{}), batches: make([]atomic.Int64, clients)}
	l.mayFail.Store(-1)
	keys := sortedKeys(where)
	for id := range clients {
		c := dial(t, addr)
		l.running.Go(func() { l.client(c, id, keys) })
	}
	return l
}

// client sends batches of commands and checks every reply.
func (l *load) client(c *client, id int, keys []string) {
	rng := newRand(uint64(id))
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		c.renew()
		var commands [][]string
		var b []byte
		for range 40 {
			args := l.command(rng, keys)
			commands = append(commands, args)
			b = l.bytes(b, args)
		}
		if _, err := c.conn.Write(b); err != nil {
			l.report("client %d: write: %v", id, err)
			return
		}
		for _, args := range commands {
			reply, err := l.read(c.r)
			if err != nil {
				l.report("client %d: %s = %q, %v", id, show(args), clip(string(reply)), err)
				return
			}
			l.check(args, string(reply))
		}
		l.batches[id].Add(1)
	}
}

func (l *load) check(args []string, reply string) {
	want, lost := l.replies(args)
	if reply == want {
		return
	}
	touched := false // the server that may fail holds one of the keys
	for _, k := range args[1:] {
		server, ok := l.where[k]
		touched = touched || ok && int64(server) == l.mayFail.Load()
	}
	switch {
	case touched && strings.HasPrefix(reply, l.err):
		l.failures.Add(1)
		if reply == l.refused {
			l.refusals.Add(1)
		}
	case touched && (reply == lost || len(args) > 3 && strings.HasPrefix(reply, lost)):
	default:
		l.report("%s = %q; want %q", show(args), clip(reply), clip(want))
	}
}

func (l *load) report(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 10 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// more waits until each client has made n batches from the first to the last request, so nothing is in flight that was
// sent before.
func (l *load) more(t testing.TB, n int64) {
	t.Helper()
	for i := range l.batches {
		from := l.batches[i].Load()
		await(t, "the load goes on", func() bool { return l.batches[i].Load() > from+n || l.broken() })
	}
}

func (l *load) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wrong) > 0
}

// end stops the clients and fails the test if any reply was wrong.
func (l *load) end(t testing.TB) {
	t.Helper()
	close(l.stop)
	l.running.Wait()
	for _, w := range l.wrong {
		t.Error(w)
	}
}

func TestServerKilledUnderLoad(t *testing.T) {
	t.Parallel()
	wantCashew(t, "a failed MGET closes the client, 5.5")
	servers := startRedises(t, 4)
	addr := startLoops(t, 2, poolOf(servers, append(spread, "timeout: 5000")...)).addr("p")
	where := owners(t, addr, servers, "key:%d", 100)
	killUnderLoad(t, startLoad(t, addr, where, 6), servers[0].Kill, func() {
		dead := slices.DeleteFunc(sortedKeys(where), func(k string) bool { return where[k] != 0 })
		servers[0].start(t)
		recovered(t, addr, dead[0])
		c := dial(t, addr)
		defer c.close()
		for _, k := range dead { // the server came back empty
			await(t, "every client connection's loop has its server back", func() bool {
				return c.do("SET", k, "value of "+k) == "+OK\r\n"
			})
		}
	})
}

// killUnderLoad takes a server away from l and brings it back, with its keys, twice.
func killUnderLoad(t *testing.T, l *load, kill, revive func()) {
	t.Helper()
	for range 2 {
		l.more(t, 10)
		l.mayFail.Store(0)
		kill()
		from := l.refusals.Load()
		await(t, "refusals", func() bool { return l.refusals.Load() > from || l.broken() })
		l.more(t, 10)
		revive()
		recoveredLoad(t, l)
		l.mayFail.Store(-1) // from here on nothing may fail
		l.more(t, 20)
		if l.broken() {
			break
		}
	}
	l.end(t)
}

// recoveredLoad waits until a whole round of batches had no failure: each of the proxy's loops connects for itself.
func recoveredLoad(t testing.TB, l *load) {
	t.Helper()
	await(t, "the load has no more failures", func() bool {
		failures := l.failures.Load()
		l.more(t, 1)
		return l.failures.Load() == failures || l.broken()
	})
}

// recovered waits until the proxy serves key again.
func recovered(t testing.TB, addr, key string) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	await(t, "requests for "+key+" succeed again", func() bool { return !strings.HasPrefix(c.do("GET", key), "-") })
}

func TestServerDownFromStart(t *testing.T) {
	t.Parallel()
	up, down := startRedis(t), startRedis(t)
	down.Kill()
	servers := []*redisServer{up, down}
	p := startProxy(t,
		pool{name: "alone", servers: entries(servers[1:])},
		pool{name: "both", servers: entries(servers), settings: spread},
		pool{name: "preconnect", servers: entries(servers[1:]), settings: []string{"preconnect: true"}},
	)
	for _, name := range []string{"alone", "preconnect"} {
		c := dial(t, p.addr(name))
		for range 20 {
			c.want(refused, "GET", "a")
			c.want(refused, "SET", "a", "1")
			c.want("+PONG\r\n", "PING")
		}
		c.want(refused, "DEL", "a", "b")
		c.want(refused, "MSET", "a", "1", "b", "2")
		if underTest.name == "cashew" {
			c.want(refused, "MGET", "a", "b")
			c.want(refused, "EXISTS", "a", "b")
		}
	}
	// The server that is up has some of these keys, the other has the rest.
	c := dial(t, p.addr("both"))
	var good, bad []string
	for i := range 40 {
		k := fmt.Sprint("key:", i)
		switch got := c.do("SET", k, "v"); got {
		case "+OK\r\n":
			good = append(good, k)
		case refused:
			bad = append(bad, k)
		default:
			t.Fatalf("SET %s = %q", k, got)
		}
	}
	if len(good) == 0 || len(bad) == 0 {
		t.Fatalf("%d keys are up and %d down, want some of each", len(good), len(bad))
	}
	commands := [][]string{
		{"GET", good[0]}, {"GET", bad[0]}, {"DEL", good[0], bad[0]}, {"PING"}, {"GET", bad[0]}, {"STRLEN", good[1]},
	}
	want := []string{bulk("v"), refused, refused, "+PONG\r\n", refused, ":1\r\n"}
	c.send(stream(commands))
	if diff := diffReplies(commands, want, c.replies(len(want))); diff != "" {
		t.Error(diff)
	}
	down.start(t)
	recovered(t, p.addr("alone"), "a")
	recovered(t, p.addr("both"), bad[0])
	for _, k := range append(good, bad...) {
		c.want("+OK\r\n", "SET", k, "v")
	}
}

func TestUnixSocketMissing(t *testing.T) {
	t.Parallel()
	p := startProxy(t, pool{name: "p", servers: []string{filepath.Join(processtest.TempDir(t), "none.sock") + ":1"}})
	c := dial(t, p.addr("p"))
	for range 5 {
		c.want("-ERR No such file or directory\r\n", "GET", "a")
		c.want("+PONG\r\n", "PING")
	}
}

// TestTimeout stops a server without closing anything, and lets it go on later.
func TestTimeout(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	addr := startProxy(t, poolOf(servers, append(spread, "timeout: 300")...)).addr("p")
	where := owners(t, addr, servers, "key:%d", 40)
	stopped, live := pick(t, where, 0, 10), pick(t, where, 1, 10)
	c, other := dial(t, addr), dial(t, addr)
	for _, k := range append(stopped, live...) {
		c.want("+OK\r\n", "SET", k, "value of "+k)
	}
	for round := range 2 {
		servers[0].Signal(syscall.SIGSTOP)
		commands := [][]string{
			{"GET", live[0]},
			{"GET", stopped[0]},
			{"GET", live[1]},
			{"PING"},
			{"DEL", stopped[1], live[2]},
			{"GET", live[3]},
			{"GET", stopped[2]},
			{"GET", live[4]},
		}
		want := []string{
			bulk("value of " + live[0]), timedOut, bulk("value of " + live[1]), "+PONG\r\n",
			timedOut, bulk("value of " + live[3]), timedOut, bulk("value of " + live[4]),
		}
		if underTest.name == "cashew" {
			commands = append(commands, []string{"MGET", live[5], stopped[5]}, []string{"GET", live[6]})
			want = append(want, timedOut, bulk("value of "+live[6]))
		}
		from := time.Now()
		c.send(stream(commands))
		for range 10 {
			other.want(bulk("value of "+live[7]), "GET", live[7])
		}
		if diff := diffReplies(commands, want, c.replies(len(want))); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
		if took := time.Since(from); took < 250*time.Millisecond {
			t.Errorf("timed out after %v, want 300ms", took)
		}
		servers[0].Signal(syscall.SIGCONT)
		recovered(t, addr, stopped[3])
		// Replies that came too late must not be taken for those of later requests.
		for i := range 200 {
			k := stopped[3+i%7]
			c.want(bulk("value of "+k), "GET", k)
		}
		c.wantPrefix("", "SET", stopped[1], "value of "+stopped[1])
		c.wantPrefix("", "SET", live[2], "value of "+live[2])
	}
}

// TestIdleClose: a server that closes an idle connection is no business of the clients.
func TestIdleClose(t *testing.T) {
	t.Parallel()
	t.Run("killed", func(t *testing.T) {
		server := startRedis(t)
		addr := startProxy(t, poolOf([]*redisServer{server})).addr("p")
		c := dial(t, addr)
		c.want("+OK\r\n", "SET", "a", "1")
		for range 50 {
			if got := server.do(t, "CLIENT", "KILL", "TYPE", "normal"); got == ":0\r\n" {
				t.Fatal("the proxy had no connection")
			}
			c.want("+PONG\r\n", "PING") // the loop has been round since the server closed
			c.want(bulk("1"), "GET", "a")
		}
	})
	t.Run("timeout", func(t *testing.T) {
		long(t)
		server := startRedis(t, "--timeout", "1")
		addr := startProxy(t, poolOf([]*redisServer{server},
			"auto_eject_hosts: true", "server_failure_limit: 1")).addr("p")
		c := dial(t, addr)
		c.want("+OK\r\n", "SET", "a", "1")
		await(t, "the server closes the idle connection", func() bool {
			return strings.Contains(server.do(t, "INFO", "clients"), "connected_clients:1\r\n")
		})
		c.want("+PONG\r\n", "PING")
		if underTest.name == "cashew" { // nutcracker counts it as a failure, 10.2
			c.want(bulk("1"), "GET", "a")
		}
	})
}

// TestEject: keys of a dead server move to the others and come back with it; the others' keys stay.
func TestEject(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	var lines []string
	for i, s := range servers {
		lines = append(lines, s.entry(1, fmt.Sprintf("server%d", i)))
	}
	addr := startProxy(t, pool{name: "p", servers: lines, settings: []string{
		"auto_eject_hosts: true", "server_failure_limit: 2", "server_retry_timeout: 700", "timeout: 400", "hash: md5",
	}}).addr("p")
	where := owners(t, addr, servers, "key:%d", 400)
	moved := pick(t, where, 0, 20)
	c := dial(t, addr)
	servers[0].Kill()
	flush(t, servers[1:]...)
	failures := 0
	await(t, "the dead server is ejected", func() bool {
		switch got := c.do("SET", moved[0], "v"); got {
		case "+OK\r\n":
			return true
		case refused, "-ERR Connection reset by peer\r\n", "-ERR Broken pipe\r\n", "-ERR unknown\r\n":
			failures++
		default:
			t.Fatalf("SET = %q", got)
		}
		return false
	})
	if failures == 0 || failures > 10 {
		t.Errorf("ejected after %d failures, want about 2", failures)
	}
	// While it stays dead it may rejoin for a moment, at each server_retry_timeout.
	for k := range where {
		await(t, "keys of the dead server are served", func() bool { return c.do("SET", k, "v") == "+OK\r\n" })
	}
	now := whereabouts(t, servers[1:], 0)
	for k, server := range where {
		if got, ok := now[k]; !ok || server != 0 && got != server-1 {
			t.Errorf("key %s of server %d is on server %d (found: %v) after the ejection of server 0", k, server, got+1, ok)
		}
	}
	servers[0].start(t)
	await(t, "the server's keys return to it", func() bool {
		return c.do("SET", moved[0], "v") == "+OK\r\n" && servers[0].do(t, "EXISTS", moved[0]) == ":1\r\n"
	})
	flush(t, servers...)
	for k := range where {
		c.want("+OK\r\n", "SET", k, "v")
	}
	for k, server := range whereabouts(t, servers, 0) {
		if server != where[k] {
			t.Errorf("key %s is on server %d after all are back, want %d", k, server, where[k])
		}
	}
}

func TestAllEjected(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	addr := startProxy(t, poolOf(servers,
		"auto_eject_hosts: true", "server_failure_limit: 1", "server_retry_timeout: 500", "hash: md5")).addr("p")
	c := dial(t, addr)
	c.want("+OK\r\n", "SET", "a", "1")
	for _, s := range servers {
		s.Kill()
	}
	for i := range 40 {
		c.wantPrefix("-ERR ", "GET", fmt.Sprint("key:", i))
	}
	c.want(refused, "GET", "a")
	c.want("+PONG\r\n", "PING")
	for _, s := range servers {
		s.start(t)
	}
	recovered(t, addr, "a")
	c.want("+OK\r\n", "SET", "a", "2")
}

// TestServerErrorsPass: what a server says of itself reaches the client, and the connection that others share lives on.
func TestServerErrorsPass(t *testing.T) {
	t.Parallel()
	wantCashew(t, "OOM, BUSY and LOADING become Invalid argument, 5.1")
	server := startRedis(t, "--maxmemory", "100kb", "--maxmemory-policy", "noeviction")
	addr := startProxy(t, poolOf([]*redisServer{server})).addr("p")
	commands := [][]string{{"GET", "a"}, {"SET", "a", "1"}, {"PING"}, {"GET", "a"}}
	want := exchange(t, server.addr, commands, whole, nil)
	if !strings.HasPrefix(want[1], "-OOM ") {
		t.Fatalf("the server is not out of memory: %q", want[1])
	}
	if diff := diffReplies(commands, want, exchange(t, addr, commands, whole, nil)); diff != "" {
		t.Error(diff)
	}
}
