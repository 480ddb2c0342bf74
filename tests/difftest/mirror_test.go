//go:build unix

package difftest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// mirrored is a pool front before two servers, with the mirror copy before others.
func mirrored(listen, mirror string, redis bool, front, copies []string, settings ...string) string {
	text := fmt.Sprintf("front:\n  listen: %s\n  redis: %v\n  hash: md5\n  distribution: modula\n  mirror: %s\n", listen, redis, mirror)
	for _, line := range settings {
		text += "  " + line + "\n"
	}
	return text + "  servers:\n   - " + strings.Join(front, "\n   - ") + fmt.Sprintf("\ncopy:\n  redis: %v\n  hash: murmur\n  distribution: modula\n  servers:\n   - ", redis) + strings.Join(copies, "\n   - ") + "\n"
}

// mirrorFigures are what is told of a mirror.
type mirrorFigures struct {
	Copies      int64
	Outstanding int64 `json:"outstanding_bytes"`
	Errors      int64
	Lost        int64
	Dropped     map[string]int64
	Skipped     map[string]int64
	Compared    struct{ Same, Settled, Different, Unsettled, Unchecked, Unanswered int64 }
	Differences []struct {
		Command, Prefix string
		Times           int64
		Keys            []string
	}
	Ramp  float64
	Backs int64
	Why   string
}

// frontFigures are what is told of pool front and those beside it.
type frontFigures struct {
	Name   string
	Mirror *mirrorFigures
	Miss   *missFigures
	Dual   *dualFigures `json:"dual_write"`
}

// front is what is told of pool front.
func (s *service) front(t testing.TB) frontFigures {
	t.Helper()
	var snapshot struct{ Pools []frontFigures }
	if err := json.Unmarshal([]byte(s.wantPage(t, "GET", "/pools", 200)), &snapshot); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(snapshot.Pools, func(p frontFigures) bool { return p.Name == "front" })
	if i < 0 {
		t.Fatal("there is no pool front")
	}
	return snapshot.Pools[i]
}

// mirror is what is told of the mirror of pool front.
func (s *service) mirror(t testing.TB) *mirrorFigures {
	t.Helper()
	return s.front(t).Mirror
}

// settled waits until all copies are answered.
func (s *service) settled(t testing.TB) (m *mirrorFigures) {
	t.Helper()
	await(t, "all copies are answered", func() bool {
		m = s.mirror(t)
		return m.Outstanding == 0
	})
	return m
}

// TestMirror: what is written to a pool is written to its mirror in the same order, whatever servers that has, and what can't be copied is
// counted.
func TestMirror(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 5)
	lines := entries(servers)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, mirrored(listen, "copy", true, lines[:2], lines[2:]))
	s.start(t)
	c := dial(t, listen)
	var pipeline []byte
	want := map[string]string{}
	for i := range 500 {
		key := fmt.Sprint("k", i%50)
		switch i % 4 {
		case 0:
			other := fmt.Sprint("k", (i+7)%50)
			pipeline = append(pipeline, command("MSET", key, fmt.Sprint(i), other, fmt.Sprint(i))...)
			want[key], want[other] = fmt.Sprint(i), fmt.Sprint(i)
		case 1:
			pipeline = append(pipeline, command("DEL", key, fmt.Sprint("k", (i+3)%50))...)
			delete(want, key)
			delete(want, fmt.Sprint("k", (i+3)%50))
		case 2:
			pipeline = append(pipeline, command("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", "1", key, fmt.Sprint("e", i))...)
			want[key] = fmt.Sprint("e", i)
		default:
			pipeline = append(pipeline, command("SET", key, fmt.Sprint(i))...)
			want[key] = fmt.Sprint(i)
		}
	}
	go c.send(pipeline)
	c.replies(500)
	m := s.settled(t)
	for name, list := range map[string][]*redisServer{"the pool": servers[:2], "the mirror": servers[2:]} {
		n := 0
		for _, v := range list {
			for _, key := range v.keys(t, 0) {
				n++
				if got := v.do(t, "GET", key); got != bulk(want[key]) {
					t.Errorf("%s has %q for %s; want %q", name, got, key, want[key])
				}
			}
		}
		if n != len(want) {
			t.Errorf("%s has %d keys; want %d", name, n, len(want))
		}
	}
	if m.Copies < 500 || m.Lost+m.Errors != 0 || m.Dropped["budget"]+m.Dropped["memory"]+m.Dropped["unreachable"] != 0 {
		t.Errorf("figures %+v", m)
	}
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SET", "k1", "x")
	c.want("*1\r\n+OK\r\n", "EXEC")
	c.want(":1\r\n", "RPUSH", "list", "x")
	c.want("*2\r\n"+bulk("list")+bulk("x"), "BLPOP", "list", "1")
	if m = s.settled(t); m.Skipped["transaction"] != 1 || m.Skipped["blocking"] != 1 {
		t.Errorf("skipped %v; want a transaction and what may block", m.Skipped)
	}
	if n := s.metrics(t)[`cashew_mirror_copies_total{pool="front"}`]; int64(n) < m.Copies {
		t.Errorf("cashew_mirror_copies_total is %v; want %d", n, m.Copies)
	}
}

// TestMirrorShare: a share of the keys is mirrored, always the same ones, by memcached's text as well.
func TestMirrorShare(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 3)
	var lines []string
	for _, v := range servers {
		lines = append(lines, v.entry(1, ""))
	}
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, mirrored(listen, "copy share=25% send=writes", false, lines[:1], lines[1:]))
	s.start(t)
	c := dial(t, listen)
	for round := range 2 {
		for i := range 400 {
			c.expect("STORED\r\n", fmt.Sprintf("set k%d 0 0 1\r\n%d\r\n", i, round))
			c.expect(mcHit(fmt.Sprint("k", i), fmt.Sprint(round)), mcGet(fmt.Sprint("k", i)))
		}
		m := s.settled(t)
		if n := int(m.Copies) / (round + 1); n < 60 || n > 140 || int(m.Copies)%(round+1) != 0 {
			t.Fatalf("after round %d there are %d copies; want about a quarter of 400 in each, and the same", round, m.Copies)
		}
	}
	there := 0
	for i := range 400 {
		for _, v := range servers[1:] {
			if got := v.ask(t, mcGet(fmt.Sprint("k", i))); got == mcHit(fmt.Sprint("k", i), "1") {
				there++
			}
		}
	}
	if want := int(s.settled(t).Copies) / 2; there != want {
		t.Errorf("the mirror has %d keys; want %d", there, want)
	}
}

// TestMirrorStopped: a mirror that takes nothing any more holds up nobody: copies are dropped once its budget is outstanding, and all goes on
// when it does.
func TestMirrorStopped(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	lines := entries(servers)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	const budget = 1 << 20
	s.configure(t, mirrored(listen, fmt.Sprintf("copy budget=%d", budget), true, lines[:1], lines[1:]))
	s.start(t)
	c := dial(t, listen)
	c.want("+OK\r\n", "SET", "k", "before")
	s.settled(t)
	servers[1].Signal(syscall.SIGSTOP)
	value := strings.Repeat("v", 1000)
	pipeline := slices.Concat(slices.Repeat([][]byte{command("SET", "k", value), command("GET", "k")}, 50)...)
	for range 100 {
		c.renew()
		go c.send(pipeline)
		for i, got := range c.replies(100) {
			if want := []string{"+OK\r\n", bulk(value)}[i%2]; got != want {
				t.Fatalf("with a stopped mirror: %q; want %q", clip(got), clip(want))
			}
		}
		if m := s.mirror(t); m.Outstanding > budget {
			t.Fatalf("%d bytes are outstanding; the budget is %d", m.Outstanding, budget)
		}
	}
	m := s.mirror(t)
	if m.Dropped["budget"] == 0 || m.Copies == 0 || m.Copies+m.Dropped["budget"] != 10_001 {
		t.Errorf("%d copies, dropped %v; want 10001 in all, and some of both", m.Copies, m.Dropped)
	}
	servers[1].Signal(syscall.SIGCONT)
	s.settled(t)
	c.want("+OK\r\n", "SET", "k", "after")
	s.settled(t)
	if got := servers[1].do(t, "GET", "k"); got != bulk("after") {
		t.Errorf("the mirror has %q; want what was written after it went on", got)
	}
	c.want("$5\r\nafter\r\n", "GET", "k")
	s.end(t)
}

// TestMirrorCompared: what differs between pool and mirror is found, command by command and prefix by prefix, and nothing else is, however much
// is written meanwhile.
func TestMirrorCompared(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	lines := entries(servers)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, mirrored(listen, "copy compare=true", true, lines[:2], lines[2:]))
	s.start(t)
	requests := 20_000
	if testing.Short() {
		requests = 4000
	}
	const clients = 5
	var all sync.WaitGroup
	for i := range clients { // on both loops, all at the same few keys
		c := dial(t, listen)
		all.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for n := 0; n < requests; n += 40 {
				var pipeline []byte
				for range 40 {
					key := fmt.Sprint("hot:", rng.IntN(20))
					if rng.IntN(4) == 0 {
						pipeline = append(pipeline, command("INCR", key)...)
					} else {
						pipeline = append(pipeline, command("GET", key)...)
					}
				}
				c.renew()
				if _, err := c.conn.Write(pipeline); err != nil {
					t.Error(err)
					return
				}
				for range 40 {
					if _, err := readReply(c.r); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	c := dial(t, listen)
	if m := s.mirror(t); m.Compared.Same == 0 || m.Compared.Different != 0 || len(m.Differences) != 0 {
		t.Errorf("after %d requests: %+v, differences %v; want none", clients*requests, m.Compared, m.Differences)
	}
	for i := range 30 {
		c.want("+OK\r\n", "SET", fmt.Sprint("user:", i), "v")
		c.want(":1\r\n", "HSET", fmt.Sprint("cart:", i), "f", "v")
	}
	s.settled(t)
	for i, v := range servers[2:] { // a value, a field and a key are spoilt
		for _, key := range v.keys(t, 0) {
			switch key {
			case "user:3", "user:4":
				v.do(t, "SET", key, "w")
			case "user:5":
				v.do(t, "DEL", key)
			case "cart:6":
				v.do(t, "HSET", key, "f", fmt.Sprint("w", i))
			}
		}
	}
	for i := range 30 {
		c.want(bulk("v"), "GET", fmt.Sprint("user:", i))
		c.want(bulk("v"), "HGET", fmt.Sprint("cart:", i), "f")
	}
	var m *mirrorFigures
	await(t, "the differences are found", func() bool {
		m = s.mirror(t)
		return m.Compared.Different >= 4
	})
	text := fmt.Sprint(m.Differences)
	for _, want := range []string{"{get user: 3 [", "user:3", "user:4", "user:5", "{hget cart: 1 [cart:6]}"} {
		if !strings.Contains(text, want) {
			t.Errorf("differences %s; want %s in them", text, want)
		}
	}
	if m.Compared.Different != 4 || m.Ramp != 0 {
		t.Errorf("%+v; want 4 differences", m)
	}
}

// TestMirrorRamp: the mirror answers reads of a share of the keys, also of what has just been written, until too much differs, or it misses a
// write; then the pool does again, until somebody says otherwise.
func TestMirrorRamp(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	lines := entries(servers)
	s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, mirrored(listen, "copy compare=true ramp=50%", true, lines[:1], lines[1:]))
	s.start(t)
	c := dial(t, listen)
	var pipeline []byte
	for i := range 2000 {
		key := fmt.Sprint("k", i%200)
		pipeline = append(pipeline, slices.Concat(command("SET", key, fmt.Sprint(i)), command("GET", key))...)
	}
	go c.send(pipeline)
	for i, got := range c.replies(4000) {
		if want := bulk(fmt.Sprint(i / 2)); i%2 == 1 && got != want {
			t.Fatalf("read %d gets %q; want what the client has just written, %q", i/2, got, want)
		}
	}
	if m := s.settled(t); m.Ramp != 0.5 || m.Backs != 0 || m.Compared.Same != 2000 {
		t.Fatalf("%+v; want a ramp of half of the keys, and 2000 replies that are the same", m)
	}
	compared := int64(2000)
	who := func() (mirror, pool int) { // at once: which differ shows a moment later
		var gets []byte
		for i := range 200 {
			gets = append(gets, command("GET", fmt.Sprint("k", i))...)
		}
		c.send(gets)
		for _, got := range c.replies(200) {
			if got == bulk("mirror") {
				mirror++
			} else {
				pool++
			}
		}
		compared += 200
		return mirror, pool
	}
	for i := range 200 {
		servers[1].do(t, "SET", fmt.Sprint("k", i), "mirror")
	}
	if mirror, pool := who(); mirror < 60 || pool < 60 {
		t.Errorf("the mirror answers %d of 200 reads, the pool %d; want about half", mirror, pool)
	}
	await(t, "reads go back, as replies differ", func() bool { return s.mirror(t).Backs == 1 })
	if mirror, _ := who(); mirror != 0 {
		t.Errorf("the mirror still answers %d reads", mirror)
	}
	if m := s.mirror(t); m.Ramp != 0 || m.Why != "replies differ too often" || !strings.Contains(s.logged(), "reads go back from the mirror") {
		t.Errorf("%+v; want to be told why", m)
	}
	await(t, "all is compared", func() bool {
		m := s.mirror(t).Compared
		return m.Same+m.Settled+m.Different+m.Unsettled+m.Unchecked+m.Unanswered == compared
	})
	if got := s.wantPage(t, "POST", "/mirror/resume?pool=front", 200); !strings.Contains(got, "true") {
		t.Errorf("POST /mirror/resume says %q", got)
	}
	if mirror, _ := who(); mirror < 60 {
		t.Errorf("after a resume the mirror answers %d reads", mirror)
	}
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SET", "k1", "x")
	c.want("*1\r\n+OK\r\n", "EXEC")
	if mirror, _ := who(); mirror != 0 {
		t.Errorf("after a transaction, which is not mirrored, the mirror answers %d reads", mirror)
	}
}

// TestMirrorHangs: a mirror that answers reads and hangs keeps no client waiting: the pool's timeout holds, and where there is none the pool
// answers; reads are back afterwards.
func TestMirrorHangs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings []string
		want     string
	}{
		"no timeout":         {nil, bulk("1")},
		"the pool's timeout": {[]string{"timeout: 500"}, "-ERR Connection timed out\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := startRedises(t, 2)
			lines := entries(servers)
			s, listen := newService(t), "127.0.0.1:"+processtest.FreePort(t)
			s.configure(t, mirrored(listen, "copy compare=true ramp=100%", true, lines[:1], lines[1:], tt.settings...))
			s.start(t)
			c := dial(t, listen)
			c.want("+OK\r\n", "SET", "k", "1")
			c.want(bulk("1"), "GET", "k")
			s.settled(t)
			servers[1].Signal(syscall.SIGSTOP)
			c.want(tt.want, "GET", "k")
			if m := s.mirror(t); m.Ramp != 0 || m.Backs != 1 || !strings.Contains(m.Why, "has not answered for") || !strings.Contains(s.logged(), "reads go back from the mirror") {
				t.Errorf("%+v; want reads to be back, and to be told why", m)
			}
			c.want("+OK\r\n", "SET", "k", "2")
			c.want(bulk("2"), "GET", "k")
			s.wantPage(t, "POST", "/mirror/resume?pool=front", 200)
			c.want("+OK\r\n", "SET", "k", "3")
			await(t, "reads go back, as a copy is not answered", func() bool { return s.mirror(t).Backs == 2 })
			servers[1].Signal(syscall.SIGCONT)
			s.settled(t)
			s.wantPage(t, "POST", "/mirror/resume?pool=front", 200)
			c.want(bulk("3"), "GET", "k")
			s.end(t)
		})
	}
}

// TestMirrorCluster: a pool's mirror may be a Redis Cluster, and a cluster may have a mirror: both have what is written, also by commands whose
// keys are in several slots.
func TestMirrorCluster(t *testing.T) {
	t.Parallel()
	c, plain := startCluster(t, 3, 0), startRedises(t, 2)
	s, there, back := newService(t), "127.0.0.1:"+processtest.FreePort(t), "127.0.0.1:"+processtest.FreePort(t)
	s.configure(t, fmt.Sprintf("front:\n  listen: %s\n  redis: true\n  mirror: nodes compare=true\n  servers:\n   - %s\n", there, plain[0].entry(1, ""))+
		fmt.Sprintf("nodes:\n  listen: %s\n  redis: true\n  cluster: true\n  mirror: copy\n  servers:\n   - %s\n", back, c.servers[0].addr)+
		fmt.Sprintf("copy:\n  redis: true\n  servers:\n   - %s\n", plain[1].entry(1, "")))
	s.start(t)
	toCluster, fromCluster := dial(t, there), dial(t, back)
	await(t, "the cluster is known", func() bool { return fromCluster.do("SET", "k", "v") == "+OK\r\n" })
	await(t, "it is known on the other loop, too", func() bool {
		before := s.mirror(t).Copies
		toCluster.want("+OK\r\n", "SET", "probe", "v")
		return s.settled(t).Copies > before
	})
	var keys, pairs []string
	for i := range 50 {
		keys, pairs = append(keys, fmt.Sprint("k", i)), append(pairs, fmt.Sprint("k", i), "v")
	}
	toCluster.want("+OK\r\n", append([]string{"MSET"}, pairs...)...)
	toCluster.want(":20\r\n", append([]string{"DEL"}, keys[:20]...)...)
	for _, key := range keys {
		toCluster.wantPrefix("$", "GET", key)
	}
	m := s.settled(t)
	if m.Compared.Same != 50 || m.Errors+m.Lost != 0 {
		t.Errorf("%+v; want 50 replies that are the same", m)
	}
	fromCluster.want("+OK\r\n", append([]string{"MSET"}, pairs...)...)
	fromCluster.want(":10\r\n", append([]string{"UNLINK"}, keys[40:]...)...)
	fromCluster.want("+OK\r\n", "SET", "single", "v")
	await(t, "the cluster's mirror has all", func() bool { return len(plain[1].keys(t, 0)) == 42 })
}
