//go:build unix

package difftest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// routed is a pool front, whose keys that begin with user: or session: are pool users's, with rest: pool rest's, and which keeps all others;
// user:own: is its own again. Only front listens.
type routed struct {
	listen             string
	front, users, rest []string // lines of servers
	memcached          bool
}

func (r *routed) conf(settings ...string) string {
	var b strings.Builder
	for _, p := range []struct {
		name    string
		servers []string
		lines   []string
	}{
		{"front", r.front, append([]string{"listen: " + r.listen, "routes:\n   - users user:* session:*\n   - front user:own:*\n   - rest rest:*"}, settings...)},
		{"users", r.users, nil},
		{"rest", r.rest, nil},
	} {
		if p.servers == nil {
			continue
		}
		fmt.Fprintf(&b, "%s:\n  redis: %v\n  hash: md5\n  distribution: modula\n", p.name, !r.memcached)
		for _, line := range p.lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		fmt.Fprintf(&b, "  servers:\n   - %s\n", strings.Join(p.servers, "\n   - "))
	}
	return b.String()
}

// poolOfKey is the pool that has a key of these tests: 0 for front, 1 for users, 2 for rest.
func poolOfKey(key string) int {
	switch {
	case strings.HasPrefix(key, "user:own:"):
		return 0
	case strings.HasPrefix(key, "user:"), strings.HasPrefix(key, "session:"):
		return 1
	case strings.HasPrefix(key, "rest:"):
		return 2
	}
	return 0
}

// routedPrefixes are those of the tests' keys; the shorter ones and the empty one are nobody's but front's.
var routedPrefixes = []string{"user:", "session:", "user:own:", "rest:", "", "use", "user", "sessions:", "zzz"}

// newRouted starts it before Redis servers: two of front, three of users, one of rest.
func newRouted(t *testing.T, settings ...string) (s *service, r *routed, servers []*redisServer) {
	servers = startRedises(t, 6)
	lines := entries(servers)
	s, r = newService(t), &routed{listen: "127.0.0.1:" + processtest.FreePort(t), front: lines[:2], users: lines[2:5], rest: lines[5:]}
	s.configure(t, r.conf(settings...))
	s.start(t)
	return s, r, servers
}

// wantAtHome wants each key of the servers of these tests to be where the routes say.
func wantAtHome(t *testing.T, servers []*redisServer, db int) (n int) {
	t.Helper()
	for key, server := range whereabouts(t, servers, db) {
		n++
		if pool := []int{0, 0, 1, 1, 1, 2}[server]; pool != poolOfKey(key) {
			t.Errorf("key %q is at server %d, of pool %d; want pool %d", key, server, pool, poolOfKey(key))
		}
	}
	return n
}

// TestRoutes: keys land where the routes say, whatever command has them, and replies come in the order of commands.
func TestRoutes(t *testing.T) {
	t.Parallel()
	_, r, servers := newRouted(t)
	c := dial(t, r.listen)
	var keys, pairs, want []string
	for i := range 120 {
		key := routedPrefixes[i%len(routedPrefixes)] + fmt.Sprint(i)
		c.want("+OK\r\n", "SET", key, "v "+key)
		keys, pairs, want = append(keys, key), append(pairs, key, "w "+key), append(want, "w "+key)
	}
	if n := wantAtHome(t, servers, 0); n != len(keys) {
		t.Fatalf("the servers have %d keys; want %d", n, len(keys))
	}
	for _, key := range keys {
		c.want(bulk("v "+key), "GET", key)
	}
	c.want("+OK\r\n", append([]string{"MSET"}, pairs...)...)
	wantAtHome(t, servers, 0)
	if got := bulks(t, c.do(append([]string{"MGET"}, keys...)...)); !slices.Equal(got, want) {
		t.Fatalf("MGET = %q; want %q", got, want)
	}
	c.want(fmt.Sprintf(":%d\r\n", len(keys)), append([]string{"EXISTS"}, keys...)...)

	rng := rand.New(rand.NewPCG(1, 2))
	var pipeline []byte
	var replies []string
	count := map[string]int{}
	for range 2000 {
		key := routedPrefixes[rng.IntN(len(routedPrefixes))] + fmt.Sprint("n", rng.IntN(10))
		switch rng.IntN(4) {
		case 0:
			other := routedPrefixes[rng.IntN(len(routedPrefixes))] + fmt.Sprint("n", rng.IntN(10))
			reply := "*2\r\n"
			for _, k := range []string{key, other} {
				if count[k] == 0 {
					reply += "$-1\r\n"
				} else {
					reply += bulk(fmt.Sprint(count[k]))
				}
			}
			pipeline, replies = append(pipeline, command("MGET", key, other)...), append(replies, reply)
		case 1:
			pipeline, replies = append(pipeline, command("PING")...), append(replies, "+PONG\r\n")
		default:
			count[key]++
			pipeline, replies = append(pipeline, command("INCR", key)...), append(replies, fmt.Sprintf(":%d\r\n", count[key]))
		}
	}
	go c.send(pipeline)
	for i, want := range replies {
		if got := c.reply(); got != want {
			t.Fatalf("reply %d = %q; want %q", i, got, want)
		}
	}
	wantAtHome(t, servers, 0)
	for key := range count {
		keys = append(keys, key)
	}
	c.want(fmt.Sprintf(":%d\r\n", len(keys)), append([]string{"DEL"}, keys...)...)
	if n := wantAtHome(t, servers, 0); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// TestRoutesTogether: what needs its keys together is done in one pool, whichever, and refused over two.
func TestRoutesTogether(t *testing.T) {
	t.Parallel()
	const tag = "hash_tag: \"{}\""
	servers := startRedises(t, 6)
	lines := entries(servers)
	s, r := newService(t), &routed{listen: "127.0.0.1:" + processtest.FreePort(t), front: lines[:2], users: lines[2:5], rest: lines[5:]}
	conf := strings.ReplaceAll(r.conf(), "  redis: true\n", "  redis: true\n  "+tag+"\n  databases: 4\n")
	s.configure(t, conf)
	s.start(t)
	c, other := dial(t, r.listen), dial(t, r.listen)
	c.want("+OK\r\n", "SET", "user:{a}1", "v")
	c.want("+OK\r\n", "RENAME", "user:{a}1", "session:{a}2")
	c.wantPrefix("-CROSSSLOT", "RENAME", "session:{a}2", "{a}3") // tags join servers of one pool, not pools
	for _, key := range []string{"user:{a}x", "rest:{a}x", "{a}x"} {
		c.want("+OK\r\n", "MULTI")
		c.want("+QUEUED\r\n", "SET", key, "1")
		c.want("+QUEUED\r\n", "INCR", key)
		c.want("*2\r\n+OK\r\n:2\r\n", "EXEC")

		c.want("+OK\r\n", "WATCH", key)
		other.want(":3\r\n", "INCR", key)
		c.want("+OK\r\n", "MULTI")
		c.want("+QUEUED\r\n", "SET", key, "1")
		c.want("*-1\r\n", "EXEC")
		c.want("+OK\r\n", "WATCH", key)
		c.want("+OK\r\n", "MULTI")
		c.want("+QUEUED\r\n", "SET", key, "1")
		c.want("*1\r\n+OK\r\n", "EXEC")

		c.send(command("BLPOP", key+"list", "0"))
		other.want(":1\r\n", "RPUSH", key+"list", "e")
		if got, want := c.reply(), "*2\r\n"+bulk(key+"list")+bulk("e"); got != want {
			t.Fatalf("BLPOP = %q; want %q", got, want)
		}
		c.want(bulk("1"), "EVAL", "return redis.call('GET', KEYS[1])", "1", key)
	}
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SET", "user:{a}x", "9")
	c.wantPrefix("-CROSSSLOT", "SET", "rest:{a}x", "9")
	c.wantPrefix("-EXECABORT", "EXEC")
	c.want(bulk("1"), "GET", "user:{a}x")
	c.wantPrefix("-CROSSSLOT", "WATCH", "user:{a}x", "{a}x")
	c.want("+OK\r\n", "UNWATCH")
	c.wantPrefix("-CROSSSLOT", "BLPOP", "user:{a}l", "{a}l", "1")
	c.wantPrefix("-", "WAIT", "0", "1") // it would be about the own servers, and say so of all
	c.wantPrefix("%", "HELLO", "3")
	c.want("_\r\n", "GET", "user:none")
	c.want("+OK\r\n", "SELECT", "3")
	for i := range 40 {
		key := routedPrefixes[i%len(routedPrefixes)] + fmt.Sprint(i)
		c.want("+OK\r\n", "SET", key, "three")
	}
	if n := wantAtHome(t, servers, 3); n != 40 {
		t.Errorf("database 3 has %d keys; want 40", n)
	}
}

// TestRoutesMemcached: the same for memcached, in text, with meta commands and in its binary protocol.
func TestRoutesMemcached(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 5)
	var lines []string
	for _, s := range servers {
		lines = append(lines, s.entry(1, ""))
	}
	s, r := newService(t), &routed{listen: "127.0.0.1:" + processtest.FreePort(t), front: lines[:2], users: lines[2:4], rest: lines[4:], memcached: true}
	s.configure(t, r.conf())
	s.start(t)
	c, b := dial(t, r.listen), dial(t, r.listen)
	var keys []string
	for i := range 60 {
		key := routedPrefixes[i%len(routedPrefixes)] + fmt.Sprint(i)
		switch keys = append(keys, key); i % 3 {
		case 0:
			c.expect("STORED\r\n", fmt.Sprintf("set %s 0 0 %d\r\n%s\r\n", key, len(mcValue(key)), mcValue(key)))
		case 1:
			c.expect("HD\r\n", fmt.Sprintf("ms %s %d\r\n%s\r\n", key, len(mcValue(key)), mcValue(key)))
		default:
			b.binWant(0, "", 0x01, strings.Repeat("\x00", 8), key, mcValue(key))
		}
	}
	for i, key := range keys {
		for j, v := range servers {
			want := "END\r\n"
			got := v.ask(t, mcGet(key))
			if got != want && poolOfKey(key) != []int{0, 0, 1, 1, 2}[j] {
				t.Errorf("key %q is at server %d", key, j)
			}
		}
		c.expect(mcHit(key, mcValue(key)), mcGet(key))
		b.binWant(0, mcValue(key), 0x00, "", keys[i], "")
	}
	var want strings.Builder
	for _, key := range keys {
		want.WriteString(mcBlock(key, mcValue(key)))
	}
	c.send([]byte(mcGet(keys...)))
	c.expectAll(want.String()+"END\r\n", "")
	quiet := ""
	for _, key := range keys {
		quiet += "mg " + key + " v q\r\n" + "mg none" + key + " v q\r\n"
	}
	want.Reset()
	for _, key := range keys {
		fmt.Fprintf(&want, "VA %d\r\n%s\r\n", len(mcValue(key)), mcValue(key))
	}
	c.expectAll(want.String()+"MN\r\n", quiet+"mn\r\n")
	for _, key := range keys { // in base64 it is the same key
		name := base64.StdEncoding.EncodeToString([]byte(key))
		c.expect(fmt.Sprintf("VA %d\r\n%s\r\n", len(mcValue(key)), mcValue(key)), "mg "+name+" b v\r\n")
		c.expect("HD\r\n", "ms "+name+" 1 b\r\nx\r\n")
		c.expect(mcHit(key, "x"), mcGet(key))
	}
}

// TestRoutesFunctions: a function and a script that a client loads are where its keys are, and are gone there when it has them be.
func TestRoutesFunctions(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 5)
	lines := entries(servers)
	for _, own := range [][]string{lines[:2], lines[:1]} {
		s, r := newService(t), &routed{listen: "127.0.0.1:" + processtest.FreePort(t), front: own, users: lines[2:4], rest: lines[4:]}
		s.configure(t, r.conf())
		s.start(t)
		c := dial(t, r.listen)
		c.want(bulk("lib"), "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('put', function(k, a) return redis.call('SET', k[1], a[1]) end)")
		script := "return redis.call('GET', KEYS[1])"
		name := strings.TrimSpace(strings.SplitN(c.do("SCRIPT", "LOAD", script), "\r\n", 3)[1])
		for i := range 20 {
			key := routedPrefixes[i%len(routedPrefixes)] + fmt.Sprint(i)
			c.want("+OK\r\n", "FCALL", "put", "1", key, fmt.Sprint(i))
			c.want(bulk(fmt.Sprint(i)), "EVALSHA", name, "1", key)
		}
		c.want("+OK\r\n", "SCRIPT", "FLUSH")
		c.want("+OK\r\n", "FUNCTION", "DELETE", "lib")
		for i := range 20 {
			key := routedPrefixes[i%len(routedPrefixes)] + fmt.Sprint(i)
			c.wantPrefix("-NOSCRIPT", "EVALSHA", name, "1", key)
			c.want("-ERR Function not found\r\n", "FCALL", "put", "1", key, "x")
		}
		c.want("*0\r\n", "FUNCTION", "LIST")
		s.end(t)
	}
}

// TestRoutesReload: routes and pools come, go and change under load, and no client sees any of it.
func TestRoutesReload(t *testing.T) {
	t.Parallel()
	s, r, servers := newRouted(t)
	lines := entries(servers)
	l := newTraffic(t)
	var clients []*loyal
	for i := range 6 {
		c := newLoyal(t, r.listen)
		clients = append(clients, c)
		movers := []string{fmt.Sprint("user:m", i), fmt.Sprint("session:m", i), fmt.Sprint("rest:m", i), fmt.Sprint("new:m", i)}
		var stays []string
		for j := range 6 {
			stays = append(stays, fmt.Sprintf("stays:%d:%d", i, j))
		}
		l.add(fmt.Sprint("client ", i), func(n int64) error { return c.work(n, stays, movers) })
	}
	whole := r.conf()
	plain := routed{listen: r.listen, front: lines[:2]}
	steps := []string{
		whole,
		strings.ReplaceAll(whole, "session:*", "session:* new:*"),
		strings.ReplaceAll(whole, " session:*", ""),
		strings.ReplaceAll((&routed{listen: r.listen, front: lines[:2], users: lines[2:4], rest: lines[4:]}).conf(), "  hash: md5\n", "  hash: md5\n  timeout: 15000\n"),
		strings.ReplaceAll(plain.conf(), "  routes:\n   - users user:* session:*\n   - front user:own:*\n   - rest rest:*\n", ""),
		strings.ReplaceAll(whole, "rest rest:*", "users rest:*"),
	}
	steps[5] = strings.ReplaceAll(steps[5], "rest:\n  redis", "unused:\n  listen: 127.0.0.1:"+processtest.FreePort(t)+"\n  redis")
	for n := 1; n <= 3*len(steps); n++ {
		s.configure(t, steps[n%len(steps)])
		s.wantPage(t, "POST", "/reload", 200)
		l.round(t)
	}
	l.wantClean(t)
	wantLoyal(t, clients)
	for _, v := range servers {
		flush(t, v)
	}
	s.configure(t, whole)
	s.wantPage(t, "POST", "/reload", 200)
	c := dial(t, r.listen)
	for i := range 90 {
		c.want("+OK\r\n", "SET", routedPrefixes[i%len(routedPrefixes)]+fmt.Sprint(i), "v")
	}
	if n := wantAtHome(t, servers, 0); n != 90 {
		t.Errorf("the servers have %d keys; want 90", n)
	}
	s.end(t)
}

// TestRoutesUpgrade: pools that do not listen go over to another process, and may begin to listen, and end it, by reloads.
func TestRoutesUpgrade(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 6)
	lines := entries(servers)
	s, r := newService(t), &routed{listen: "127.0.0.1:" + processtest.FreePort(t), front: lines[:2], users: lines[2:5], rest: lines[5:]}
	s.configure(t, r.conf())
	s.startDaemon(t)
	l := newTraffic(t)
	c := newLoyal(t, r.listen)
	keys := []string{"user:1", "session:1", "rest:1", "a", "user:own:1", "b"}
	l.add("client", func(n int64) error { return c.work(n, keys, nil) })
	l.round(t)
	old := s.pid()
	if err := upgrade(s); err != nil {
		t.Fatal(err)
	}
	await(t, "the old process is gone", func() bool { return isGone(old) })
	l.round(t)
	users := "127.0.0.1:" + processtest.FreePort(t)
	for range 2 {
		s.configure(t, strings.Replace(r.conf(), "users:\n  redis", "users:\n  listen: "+users+"\n  redis", 1))
		s.wantPage(t, "POST", "/reload", 200)
		u := dial(t, users)
		u.want("+OK\r\n", "SET", "mine", "v")
		u.wantPrefix("$", "GET", "user:1")
		l.round(t)
		s.configure(t, r.conf())
		s.wantPage(t, "POST", "/reload", 200)
		await(t, "nobody listens there any more", func() bool { return !processtest.Listens("tcp", users) })
		u.want(bulk("v"), "GET", "mine")
		l.round(t)
	}
	l.wantClean(t)
	wantLoyal(t, []*loyal{c})
}
