//go:build unix

package difftest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// doubled is a pool front before some servers, which writes to the pool new, before others, as well, or to none that is alone; settings are of
// both.
func doubled(listen, dual string, redis bool, front, others []string, settings ...string) string {
	both := fmt.Sprintf("  redis: %v\n  distribution: modula\n", redis)
	for _, line := range settings {
		both += "  " + line + "\n"
	}
	text := "front:\n  listen: " + listen + "\n  hash: md5\n" + both + "  servers:\n   - " + strings.Join(front, "\n   - ") + "\n"
	if dual == "" {
		return text
	}
	return strings.Replace(text, "  hash", "  dual_write: "+dual+"\n  hash", 1) + "new:\n  hash: murmur\n" + both + "  servers:\n   - " + strings.Join(others, "\n   - ") + "\n"
}

// dualFigures are what is told of a pool's writes to two.
type dualFigures struct {
	Both        int64 `json:"both"`
	OwnOnly     int64 `json:"own_only"`
	OtherOnly   int64 `json:"other_only"`
	Neither     int64 `json:"neither"`
	Unsent      int64 `json:"unsent"`
	Different   int64 `json:"different"`
	Unheard     int64 `json:"unheard"`
	Outstanding int64 `json:"outstanding"`
}

// doubles are those of pool front.
func (s *service) doubles(t testing.TB) (d dualFigures) {
	t.Helper()
	if d := s.front(t).Dual; d != nil {
		return *d
	}
	t.Fatal("nothing is told of writes to two pools")
	return d
}

// TestDual: what clients write to one pool is in both, whatever servers each has and in the clients' order, and what they read is its own.
func TestDual(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"both", "own", "any"} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			servers := startRedises(t, 5)
			lines := entries(servers)
			s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
			s.configure(t, doubled(listen, "new answer="+answer, true, lines[:2], lines[2:], "commands: +@all"))
			s.start(t)
			c := dial(t, listen)
			var pipeline []byte
			n := 0
			add := func(args ...string) {
				pipeline = append(pipeline, command(args...)...)
				n++
			}
			const script = "return redis.call('APPEND', KEYS[1], ARGV[1])"
			for i := range 800 {
				key, value := fmt.Sprint("k", i%50), fmt.Sprint(i)
				switch i % 8 {
				case 0:
					add("MSET", key, value, fmt.Sprint("k", (i+7)%50), value)
				case 1:
					add("DEL", key, fmt.Sprint("k", (i+3)%50))
				case 2:
					add("EVAL", script, "1", key, value)
				case 3:
					add("MULTI")
					add("APPEND", key, value)
					add("GET", key)
					add("EXEC")
				case 4:
					add("GET", key)
				default:
					add("APPEND", key, value)
				}
			}
			add("SET", "large", strings.Repeat("v", 100_000))
			go c.send(pipeline)
			for i, got := range c.replies(n) {
				if got[0] == '-' {
					t.Fatalf("reply %d is %q", i, got)
				}
			}
			await(t, "the other pool has all", func() bool { return s.doubles(t).Outstanding == 0 })
			if d := s.doubles(t); d.Both < 600 || d.Different+d.OwnOnly+d.OtherOnly+d.Neither+d.Unsent != 0 {
				t.Errorf("%+v", d)
			}
			if own, other := contents(t, servers[:2]), contents(t, servers[2:]); len(own) < 20 || fmt.Sprint(own) != fmt.Sprint(other) {
				t.Errorf("the pool has %d keys and the other %d; want the same, with the same values", len(own), len(other))
			}
			for _, v := range servers[2:] {
				v.do(t, "SET", "k1", "elsewhere")
			}
			c.want("+OK\r\n", "SET", "read", "x")
			c.want(bulk("x"), "GET", "read")
			c.want("+OK\r\n", "FLUSHALL")
			await(t, "it is flushed", func() bool { return len(contents(t, servers)) == 0 })
			c.wantPrefix("-ERR dual_write: WATCH", "WATCH", "a")
			if m := s.metrics(t); m[`cashew_dual_write_total{acknowledged="both",pool="front"}`] < 600 {
				t.Errorf("cashew_dual_write_total is not told")
			}
			s.configure(t, doubled(listen, "", true, lines[:2], lines[2:]))
			s.Signal(syscall.SIGHUP)
			await(t, "the reload is carried out", func() bool { n, _ := s.reloads(t); return n == 1 })
			c.want("+OK\r\n", "SET", "alone", "x")
			if n := len(contents(t, servers[2:])); n != 0 {
				t.Errorf("%d keys are in the other pool, which is written to no more", n)
			}
			s.end(t)
		})
	}
}

// contents are the keys of servers with their values.
func contents(t testing.TB, servers []*redisServer) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, v := range servers {
		for _, key := range v.keys(t, 0) {
			all[key] = v.do(t, "GET", key)
		}
	}
	return all
}

// TestDualMemcached: both pools have what is stored, by the text and the meta commands, and what a CAS unique decides is refused.
func TestDualMemcached(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 3)
	var lines []string
	for _, v := range servers {
		lines = append(lines, v.entry(1, ""))
	}
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, doubled(listen, "new", false, lines[:1], lines[1:]))
	s.start(t)
	c := dial(t, listen)
	for i := range 100 {
		k := fmt.Sprint("k", i)
		c.expect("STORED\r\n", "set "+k+" 0 0 1\r\n1\r\n")
		c.expect("3\r\n", "incr "+k+" 2\r\n")
		c.expect("NOT_STORED\r\n", "add "+k+" 0 0 1\r\nx\r\n")
		c.send([]byte("append " + k + " 0 0 1 noreply\r\n7\r\n"))
		c.expect("HD\r\n", "mg "+k+" T100\r\n")
		c.expect("MN\r\n", "ms "+k+"q 1 q\r\nq\r\nmn\r\n")
		c.expect("SERVER_ERROR dual_write: a CAS unique is of one server\r\n", "cas "+k+" 0 0 1 1\r\nx\r\n")
		c.expect("SERVER_ERROR dual_write: a CAS unique is of one server\r\n", "ms "+k+" 1 C1\r\nx\r\n")
	}
	c.expect("VALUE k1 0 2\r\n37\r\nVALUE k2 0 2\r\n37\r\nEND\r\n", "gat 100 k1 k2\r\n")
	c.expect("DELETED\r\n", "delete k0\r\n")
	for i := range 100 {
		for suffix, value := range map[string]string{"": "37", "q": "q"} {
			k := fmt.Sprint("k", i, suffix)
			want := mcHit(k, value)
			if k == "k0" {
				want = "END\r\n"
			}
			own, other := servers[0].ask(t, mcGet(k)), servers[1].ask(t, mcGet(k))
			if other == "END\r\n" {
				other = servers[2].ask(t, mcGet(k))
			}
			if own != want || other != want {
				t.Errorf("of %s the pool has %q and the other %q; want %q", k, own, other, want)
			}
		}
	}
	if d := s.doubles(t); d.Both != 502 || d.Unheard != 100 || d.Different+d.OwnOnly+d.OtherOnly+d.Neither+d.Unsent != 0 {
		t.Errorf("%+v", d)
	}
	s.end(t)
}

// pusher is a client that appends numbers to a list of its own, and remembers which ones were acknowledged.
type pusher struct {
	key    string
	pushed int
	acked  []int
}

// run pushes until stop, in pipelines. It counts replies that are errors.
func (p *pusher) run(c *client, stop *atomic.Bool) error {
	const n = 20
	for !stop.Load() {
		var pipeline []byte
		for i := range n {
			pipeline = append(pipeline, command("RPUSH", p.key, strconv.Itoa(p.pushed+i))...)
		}
		c.renew()
		if _, err := c.conn.Write(pipeline); err != nil {
			return err
		}
		for range n {
			reply, err := readReply(c.r)
			if err != nil {
				return err
			}
			if reply[0] == ':' {
				p.acked = append(p.acked, p.pushed)
			}
			p.pushed++
		}
	}
	return nil
}

// TestDualFaults: a server of one pool is killed, or stops, under load: what each client was told is true. Acknowledged by the rule both is in
// both pools, by own in the own one, by any in one; and nothing is in a list twice.
func TestDualFaults(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"both", "own", "any"} {
		for side, name := range []string{"own", "other"} {
			for _, fault := range []string{"kill", "stop"} {
				t.Run(answer+", "+fault+" "+name, func(t *testing.T) {
					t.Parallel()
					dualFault(t, answer, side, fault == "kill")
				})
			}
		}
	}
}

// dualFault is one of these.
func dualFault(t *testing.T, answer string, side int, kill bool) {
	var servers []*redisServer
	for range 2 {
		servers = append(servers, startRedis(t, "--appendonly", "yes", "--appendfsync", "always", "--dir", processtest.TempDir(t)))
	}
	lines := entries(servers)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, doubled(listen, "new answer="+answer, true, lines[:1], lines[1:], "timeout: 200"))
	s.start(t)
	var stop atomic.Bool
	var all sync.WaitGroup
	var pushers []*pusher
	for i := range 3 {
		p, c := &pusher{key: fmt.Sprint("list", i)}, dial(t, listen)
		pushers = append(pushers, p)
		all.Go(func() {
			if err := p.run(c, &stop); err != nil {
				t.Errorf("client %s: %v", p.key, err)
			}
		})
	}
	defer all.Wait()
	defer stop.Store(true)
	await(t, "writes are acknowledged by both", func() bool { return s.doubles(t).Both > 200 })
	if kill {
		servers[side].Kill()
	} else {
		servers[side].Pause(t)
	}
	await(t, "a write is not", func() bool { d := s.doubles(t); return d.OwnOnly+d.OtherOnly+d.Neither > 0 })
	if kill {
		servers[side].start(t)
	} else {
		servers[side].Signal(syscall.SIGCONT)
	}
	before := s.doubles(t).Both
	await(t, "writes are acknowledged by both again", func() bool { return s.doubles(t).Both > before+200 })
	stop.Store(true)
	all.Wait()
	await(t, "nothing is outstanding", func() bool { return s.doubles(t).Outstanding == 0 })
	for _, p := range pushers {
		var has [2]map[int]bool
		for i, v := range servers {
			has[i] = p.list(t, v, kill)
		}
		if len(p.acked) < 50 {
			t.Errorf("%d pushes of %s are acknowledged", len(p.acked), p.key)
		}
		for _, n := range p.acked {
			own, other := has[0][n], has[1][n]
			if true := map[string]bool{"both": own && other, "own": own, "any": own || other}[answer]; !true {
				t.Fatalf("%s: %d was acknowledged; the pool has it: %v, the other: %v", p.key, n, own, other)
			}
		}
	}
	s.end(t)
}

// list is what v has of p's list, each number once; ordered: in their order.
func (p *pusher) list(t *testing.T, v *redisServer, ordered bool) map[int]bool {
	t.Helper()
	has := map[int]bool{}
	var numbers []int
	for _, text := range bulks(t, v.do(t, "LRANGE", p.key, "0", "-1")) {
		n, _ := strconv.Atoi(text)
		if has[n] {
			t.Fatalf("%s has %d twice", p.key, n)
		}
		has[n] = true
		numbers = append(numbers, n)
	}
	if ordered && !slices.IsSorted(numbers) {
		t.Errorf("%s is not in the client's order", p.key)
	}
	return has
}
