//go:build unix

package difftest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// tiered is a pool front before two servers, or one, whose misses are asked of the pool back before one.
func tiered(listen, miss string, redis bool, front []string, back string) string {
	return fmt.Sprintf("front:\n  listen: %s\n  redis: %v\n  hash: md5\n  distribution: modula\n  miss: %s\n", listen, redis, miss) +
		"  servers:\n   - " + strings.Join(front, "\n   - ") + fmt.Sprintf("\nback:\n  redis: %v\n  servers:\n   - %s\n", redis, back)
}

// missFigures are what is told of misses.
type missFigures struct {
	Pool                 string
	Asked, Found, Filled int64
	TooLarge             int64 `json:"too_large"`
	Overtaken            int64
	AskFailed            int64 `json:"ask_failed"`
	FillFailed           int64 `json:"fill_failed"`
}

// misses is what is told of the misses of pool front, once all that was found is filled in, or not.
func (s *service) misses(t testing.TB) (m *missFigures) {
	t.Helper()
	await(t, "what was found is filled in, or not", func() bool {
		if m = s.front(t).Miss; m == nil {
			t.Fatal("nothing is told of misses")
		}
		return m.Found == m.Filled+m.Overtaken+m.TooLarge+m.FillFailed
	})
	return m
}

// TestMissTier: what a pool does not have a client gets from the next one, and the pool keeps it for a while; what its clients write wins.
func TestMissTier(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 3)
	lines := entries(servers)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, tiered(listen, "back ttl=60", true, lines[:2], lines[2]))
	s.start(t)
	where := owners(t, listen, servers[:2], "k%d", 40)
	at := func(key string) *redisServer { return servers[where[key]] }
	for _, key := range []string{"k1", "k2", "k3", "k4"} {
		servers[2].do(t, "SET", key, "back")
		at(key).do(t, "DEL", key)
	}
	c := dial(t, listen)
	c.want(bulk("back"), "GET", "k1")
	s.misses(t)
	if got := at("k1").do(t, "GET", "k1"); got != bulk("back") {
		t.Errorf("the pool's own server has %q; want what the next tier has", got)
	}
	var left int
	if got := at("k1").do(t, "TTL", "k1"); !scans(got, ":%d\r\n", &left) || left < 1 || left > 60 {
		t.Errorf("and for %q s; want 60, less what has passed", got)
	}
	if got := servers[2].do(t, "TTL", "k1"); got != ":-1\r\n" {
		t.Errorf("the next tier's own has the TTL %q; want none", got)
	}
	c.want("$-1\r\n", "GET", "nowhere")
	c.want("*2\r\n"+bulk("back")+"$-1\r\n", "MGET", "k1", "k2")
	c.want(":1\r\n", "RPUSH", "list", "x")
	c.wantPrefix("-WRONGTYPE", "GET", "list")
	go c.send(slices.Concat(command("GET", "k2"), command("SET", "k2", "mine"), command("GET", "k2"), command("GET", "k3"), command("DEL", "k3"), command("EXISTS", "k3")))
	for i, want := range []string{bulk("back"), "+OK\r\n", bulk("mine"), bulk("back"), ":0\r\n", ":0\r\n"} {
		if got := c.reply(); got != want {
			t.Errorf("reply %d is %q; want %q", i, got, want)
		}
	}
	if m := s.misses(t); m.Asked != 4 || m.Found != 3 || m.Filled != 1 || m.Overtaken != 2 || m.AskFailed+m.FillFailed != 0 || m.Pool != "back" {
		t.Errorf("figures %+v", m)
	}
	if got := at("k3").do(t, "EXISTS", "k3"); got != ":0\r\n" {
		t.Errorf("what the client has deleted behind its read is there: %q", got)
	}
	c3 := dial(t, listen)
	c3.wantPrefix("%", "HELLO", "3")
	c3.want("_\r\n", "GET", "nowhere")
	c3.want(bulk("back"), "GET", "k4")
	s.misses(t)
	if got := at("k4").do(t, "GET", "k4"); got != bulk("back") {
		t.Errorf("after a read by a client of RESP3 the pool's own server has %q", got)
	}
	servers[2].do(t, "SET", "large", strings.Repeat("v", 100_000))
	for range 2 {
		c.want(bulk(strings.Repeat("v", 100_000)), "GET", "large")
	}
	if m := s.misses(t); m.TooLarge != 2 {
		t.Errorf("figures %+v; want what is too large twice", m)
	}
	s.configure(t, tiered(listen, "back ttl=1000 max=1mb", true, lines[:2], lines[2]))
	s.Signal(syscall.SIGHUP)
	await(t, "the reload", func() bool { n, _ := s.reloads(t); return n == 1 })
	c.want(bulk(strings.Repeat("v", 100_000)), "GET", "large")
	await(t, "it is kept now", func() bool {
		return servers[0].do(t, "EXISTS", "large") == ":1\r\n" || servers[1].do(t, "EXISTS", "large") == ":1\r\n"
	})
	if n := s.metrics(t)[`cashew_miss_unfilled_total{pool="front",reason="too_large"}`]; n != 2 {
		t.Errorf("cashew_miss_unfilled_total is %v; want 2", n)
	}
	s.end(t)
}

// TestMissWrites: whatever clients read and write at the same time, each reads what it wrote, and nothing that it has deleted comes back by a fill.
func TestMissWrites(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 3)
	lines := entries(servers)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, tiered(listen, "back ttl=600", true, lines[:2], lines[2]))
	s.start(t)
	const clients, keys, rounds = 4, 8, 60
	for i := range clients * keys {
		servers[2].do(t, "SET", fmt.Sprintf("k%d:%d", i/keys, i%keys), "back")
	}
	var wg sync.WaitGroup
	deleted := make([][]string, clients)
	for n := range clients {
		c, r := dial(t, listen), rand.New(rand.NewPCG(uint64(n), 1))
		wg.Go(func() {
			has, gone := map[string]string{}, map[string]bool{}
			for i := range rounds {
				var pipeline []byte
				var want []string
				for j := range 1 + r.IntN(30) {
					key := fmt.Sprintf("k%d:%d", n, r.IntN(keys))
					switch r.IntN(6) {
					case 0:
						has[key], gone[key] = fmt.Sprint(i, ":", j), false
						pipeline, want = append(pipeline, command("SET", key, has[key])...), append(want, "+OK\r\n")
					case 1:
						delete(has, key)
						gone[key] = true
						pipeline, want = append(pipeline, command("DEL", key)...), append(want, "")
					default:
						value, ok := has[key]
						if gone[key] = false; !ok {
							value = "back"
						}
						pipeline, want = append(pipeline, command("GET", key)...), append(want, bulk(value))
					}
				}
				go c.send(pipeline)
				for j, got := range c.replies(len(want)) {
					if want[j] != "" && got != want[j] {
						t.Errorf("client %d, round %d: reply %d is %q; want %q", n, i, j, got, want[j])
					}
				}
			}
			for key, is := range gone {
				if is {
					deleted[n] = append(deleted[n], key)
				}
			}
		})
	}
	wg.Wait()
	if m := s.misses(t); m.Filled == 0 || m.Overtaken == 0 || m.AskFailed+m.FillFailed != 0 {
		t.Errorf("figures %+v; want some of both, and no failure", m)
	}
	for _, key := range slices.Concat(deleted...) {
		for _, v := range servers[:2] {
			if got := v.do(t, "EXISTS", key); got != ":0\r\n" {
				t.Errorf("%s was deleted, and is there", key)
			}
		}
	}
}

// TestMissTierAway: a next tier that hangs, or is gone, costs a client no more than the shorter of both timeouts, and is a miss.
func TestMissTierAway(t *testing.T) {
	t.Parallel()
	for _, of := range []string{"front", "back"} {
		t.Run("timeout of "+of, func(t *testing.T) {
			t.Parallel()
			servers := startRedises(t, 2)
			lines := entries(servers)
			s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
			s.configure(t, strings.Replace(tiered(listen, "back ttl=60", true, lines[:1], lines[1]), of+":\n", of+":\n  timeout: 300\n", 1))
			s.start(t)
			c := dial(t, listen)
			servers[1].do(t, "SET", "k", "back")
			servers[1].Signal(syscall.SIGSTOP)
			c.want("$-1\r\n", "GET", "k")
			c.want("+OK\r\n", "SET", "own", "v")
			go c.send(slices.Concat(command("GET", "k"), command("GET", "own"), command("GET", "k")))
			if got := strings.Join(c.replies(3), ""); got != "$-1\r\n"+bulk("v")+"$-1\r\n" {
				t.Errorf("with a stopped next tier: %q", got)
			}
			servers[1].Signal(syscall.SIGCONT)
			await(t, "it is asked again", func() bool { return c.do("GET", "k") == bulk("back") })
			s.misses(t)
			c.want(":1\r\n", "DEL", "k")
			servers[1].Kill()
			c.want("$-1\r\n", "GET", "k")
			c.want(bulk("v"), "GET", "own")
			servers[1].start(t)
			servers[1].do(t, "SET", "k", "again")
			await(t, "it is asked again", func() bool { return c.do("GET", "k") == bulk("again") })
			if m := s.misses(t); m.AskFailed < 4 {
				t.Errorf("figures %+v; want at least four that could not be asked", m)
			}
		})
	}
}

// TestMissMemcached: get of one key is asked of the next tier, with its flags; what tells of CAS uniques, and several keys, are not.
func TestMissMemcached(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 2)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, tiered(listen, "back ttl=60", false, mcEntries(servers[:1]), servers[1].entry(1, "")))
	s.start(t)
	c := dial(t, listen)
	for _, key := range []string{"a", "b", "c"} {
		servers[1].ask(t, fmt.Sprintf("set %s 7 0 4\r\nback\r\n", key))
	}
	const back = "VALUE a 7 4\r\nback\r\nEND\r\n"
	c.expect("END\r\n", "gets a\r\n")
	c.expect("END\r\n", mcGet("a", "b"))
	c.expect(back, mcGet("a"))
	s.misses(t)
	if got := servers[0].ask(t, mcGet("a")); got != back {
		t.Errorf("the pool's own server has %q; want %q", got, back)
	}
	var left int
	if got := servers[0].ask(t, "mg a t\r\n"); !scans(got, "HD t%d\r\n", &left) || left < 1 || left > 60 {
		t.Errorf("and for %q; want about 60 s", got)
	}
	c.expect("END\r\n", mcGet("nowhere"))
	c.expect("VALUE b 7 4\r\nback\r\nEND\r\n", mcGet("b")+"delete b noreply\r\n")
	c.expectAll("VALUE c 7 4\r\nback\r\nEND\r\nSTORED\r\n", mcGet("c")+"set c 0 0 1\r\nx\r\n")
	if m := s.misses(t); m.Asked != 4 || m.Found != 3 || m.Filled != 1 || m.Overtaken != 2 {
		t.Errorf("figures %+v", m)
	}
	if got := servers[0].ask(t, mcGet("b", "c")); got != mcHit("c", "x") {
		t.Errorf("the pool's own server has %q; want what was written behind the reads", got)
	}
	c.expect("END\r\n", mcGet(strings.Repeat("x", 250)))
}

// scans reads a number out of a reply.
func scans(reply, form string, n *int) bool {
	_, err := fmt.Sscanf(reply, form, n)
	return err == nil
}
