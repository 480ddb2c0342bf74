package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"cashew/engine/admin/page"
)

// evil is a key that a client chose to be HTML; odd is one with bytes that have no shape.
const (
	evil = `<img src=x onerror="window.injected=1">`
	odd  = "bin:\x00\x1f\u202etxt\ufffd"
)

// object is a JSON object.
type object = map[string]any

// fake answers like the admin address of a proxy. Its clock goes on by a few seconds with each look at /pools, and its
// counters with it, so that ten minutes pass as fast as the page asks.
type fake struct {
	mu      sync.Mutex
	lively  bool // figures that vary, for pictures; else they are the same each second, for assertions
	down    bool // connections are closed without an answer
	rand    *rand.Rand
	at      time.Time
	started time.Time
	steps   int
	seconds float64 // that pass with each look
	reload  object
	drain   bool
	servers []*fakeServer
	errors  float64
	local   float64
	in, out float64
	back    map[int]int64
	work    float64 // of a loop, in seconds
	more    int     // pools, without trouble
}

type fakeServer struct {
	name, addr, state string
	weight            int
	share             float64
	perSecond         float64 // requests
	failPerSecond     float64
	us                float64 // median of the time of a request
	requests, fails   float64
	hits, misses      float64
	queue, server     map[int]int64 // bound in µs to how many
}

func newFake(lively bool) *fake {
	f := &fake{
		lively:  lively,
		seconds: 2,
		rand:    rand.New(rand.NewPCG(1, 2)),
		at:      time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC),
		reload:  object{"succeeded": 3, "failed": 0, "at": "2026-03-14T08:59:03Z", "err": ""},
		back:    map[int]int64{},
		servers: []*fakeServer{},
	}
	f.started = f.at.Add(-53*time.Hour - 11*time.Minute)
	for i, weight := range []int{1, 1, 1, 2, 1, 1, 1, 1} {
		s := &fakeServer{
			name: fmt.Sprintf("cache-%02d", i+1), addr: fmt.Sprintf("10.20.4.%d:6379", 11+i), state: "live", weight: weight,
			perSecond: float64(1000 * (i + 1)), us: float64(180 + 25*i), queue: map[int]int64{}, server: map[int]int64{},
		}
		if lively {
			s.perSecond = float64(weight) * (8200 + 900*f.rand.NormFloat64())
		}
		f.servers = append(f.servers, s)
	}
	if lively {
		f.servers[1].perSecond *= 1.9 // it has the hot key
		f.servers[1].us *= 1.5
		f.servers[5].perSecond, f.servers[5].state = 0, "ejected"
		f.servers[6].state = "trial"
	} else {
		f.servers[7].state, f.servers[7].perSecond = "ejected", 0
		f.servers[0].failPerSecond = 3
	}
	for i, points := 0, f.points(); i < len(points); i++ {
		before := points[(i+len(points)-1)%len(points)][0]
		f.servers[points[i][1]].share += float64(uint32(points[i][0]-before)) / (1 << 32)
	}
	return f
}

// points lays 40 points for each weight of the servers that are not ejected on a ring.
func (f *fake) points() [][2]uint32 {
	random := rand.New(rand.NewPCG(7, 7))
	var list [][2]uint32
	for i, s := range f.servers {
		for range 40 * s.weight {
			v := random.Uint32()
			if s.state != "ejected" {
				list = append(list, [2]uint32{v, uint32(i)})
			}
		}
	}
	slices.SortFunc(list, func(a, b [2]uint32) int { return int(int64(a[0]) - int64(b[0])) })
	return list
}

// step lets a look's seconds pass.
func (f *fake) step() {
	seconds := f.seconds
	f.steps++
	f.at = f.at.Add(time.Duration(seconds) * time.Second)
	swing, spike := 1.0, 1.0
	if f.lively {
		now := float64(f.steps) * seconds
		swing = 1 + 0.12*math.Sin(now/74) + 0.03*f.rand.NormFloat64()
		if now > 344 && now < 372 {
			spike = 5
		}
	}
	for _, s := range f.servers {
		n := s.perSecond * seconds * swing
		s.requests += math.Round(n)
		s.fails += s.failPerSecond * seconds
		s.hits, s.misses = s.hits+math.Round(n*0.9), s.misses+math.Round(n*0.1)
		f.in, f.out = f.in+n*62, f.out+n*418
		f.spread(s, n, spike)
	}
	f.work += 0.25 * seconds * swing
	f.back[10] += 900
	f.back[40] += 100
	f.local += 5 * seconds
	if f.lively {
		f.errors += math.Round(max(0, f.rand.NormFloat64()*spike))
	} else {
		f.errors += 2 * seconds
	}
}

// spread counts the durations of n requests: half of them at the server's median, four of ten at twice that, the rest
// later; a tenth of the times in the queue. What is not lively is exact.
func (f *fake) spread(s *fakeServer, n, spike float64) {
	for _, part := range []struct{ share, times float64 }{{.5, 1}, {.4, 2}, {.085, 3.5 * math.Sqrt(spike)}, {.01, 6}, {.005, 20 * spike}} {
		us := s.us * part.times
		if f.lively {
			us *= 1 + 0.06*f.rand.NormFloat64()
			us = math.Pow(1.09, math.Round(math.Log(us)/math.Log(1.09)))
		}
		s.server[int(us)] += int64(n * part.share)
		s.queue[int(us/10)] += int64(n * part.share)
	}
}

// restart is what is left after the proxy ended and came back.
func (f *fake) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = f.at
	f.work = 0
	f.errors, f.local, f.in, f.out, f.back = 0, 0, 0, 0, map[int]int64{}
	for _, s := range f.servers {
		s.requests, s.fails, s.hits, s.misses, s.queue, s.server = 0, 0, 0, 0, map[int]int64{}, map[int]int64{}
	}
}

func (f *fake) with(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// histogram is one in the shape of the admin address. The percentiles since the start are far off on purpose: what the
// page shows is of now.
func histogram(counts map[int]int64) object {
	buckets, count := [][2]int64{}, int64(0)
	for _, us := range slices.Sorted(maps.Keys(counts)) {
		buckets = append(buckets, [2]int64{int64(us), counts[us]})
		count += counts[us]
	}
	return object{"count": count, "sum_us": 1, "p50_us": 1, "p90_us": 1, "p99_us": 1, "p999_us": 1, "buckets": buckets}
}

func (f *fake) pools() object {
	f.step()
	servers, live := []object{}, 0
	for _, s := range f.servers {
		if s.state != "ejected" {
			live++
		}
		depth := int(s.perSecond * s.us / 1e6)
		ejected, next, why := int64(0), int64(0), ""
		if s.state != "live" {
			ejected = f.at.Add(-4 * time.Minute).UnixMicro()
		}
		if s.state == "ejected" {
			next, why = f.at.Add(3*time.Second).UnixMicro(), "dial tcp "+s.addr+": connect: connection refused; 3 failures in a row"
		}
		servers = append(servers, object{
			"name": s.name, "pname": s.addr + ":1", "addr": s.addr, "weight": s.weight, "state": s.state, "share": s.share,
			"server_eof": 0, "server_err": s.fails, "timedout_connections": 0, "server_connections": 4, "server_ejected_at": ejected, "next_try_at": next, "why": why,
			"keyspace_hits": s.hits, "keyspace_misses": s.misses,
			"requests": s.requests, "request_bytes": s.requests * 62, "responses": s.requests, "response_bytes": s.requests * 418,
			"in_queue": depth / 4, "in_queue_bytes": depth * 15, "out_queue": depth, "out_queue_bytes": depth * 62,
			"latency": object{
				"read":  object{"queue": histogram(s.queue), "server": histogram(s.server)},
				"write": object{"queue": histogram(nil), "server": histogram(map[int]int64{100: int64(s.requests / 4)})},
				"other": object{"queue": histogram(nil), "server": histogram(nil)},
			},
		})
	}
	first := object{
		"name": "sessions", "protocol": "redis", "listen": "0.0.0.0:22121", "live": live,
		"client_connections": 1284, "profiles": object{"resp2": 1261, "resp3": 23}, "client_eof": 90233, "client_err": 12, "server_ejects": 2, "forward_error": f.errors,
		"fragments": 0, "clients_accepted": 91517, "client_blocked": 3, "in_flight": 41, "local_commands": f.local,
		"request_bytes_from_clients": math.Round(f.in), "reply_bytes_to_clients": math.Round(f.out),
		"refused": object{"keys": 14, "flushall": 3, evil: 1}, "write_back": histogram(f.back), "servers": servers,
	}
	second := object{
		"name": "pages", "protocol": "memcached", "listen": "/run/cashew/pages.sock", "live": 1,
		"client_connections": 7, "profiles": object{"text": 7}, "server_ejects": 0, "forward_error": 0, "client_blocked": 0, "in_flight": 0, "local_commands": 0,
		"request_bytes_from_clients": 0, "reply_bytes_to_clients": 0, "refused": object{}, "write_back": histogram(nil),
		"servers": []object{{
			"name": "mc-1", "pname": "mc-1:11211:1", "addr": "10.20.5.1:11211", "weight": 1, "state": "live", "share": 1.0, "server_eof": 0, "server_err": 0,
			"timedout_connections": 0, "server_connections": 1, "server_ejected_at": 0, "requests": 0, "in_queue": 0, "out_queue": 0, "latency": object{},
		}},
	}
	pools := []object{second, first}
	for i := range f.more {
		p := maps.Clone(second)
		p["name"] = fmt.Sprint("more-", i)
		pools = append(pools, p)
	}
	return object{
		"at": f.at, "started": f.started, "version": "0.1.0", "loops": 4, "loops_worked_us": []int64{int64(f.work * 1e6), int64(f.work * 2e6), int64(f.work * 1e6), 0}, "draining": f.drain, "total_connections": 91562,
		"curr_connections": 1320, "panics": 0, "reload": f.reload, "pools": pools,
	}
}

// slowlog is folded: scripts that were slow, and what waited behind them.
func (f *fake) slowlog() []object {
	entry := func(ago int, command, key string, keys, server int, name string, queue, serverTime, own, bytes int) object {
		return object{
			"id": 100 - ago, "at": f.at.Add(time.Duration(-ago) * time.Second), "pool": "sessions", "command": command, "key": key, "keys": keys,
			"server": f.servers[server].name, "addr": f.servers[server].addr, "client": fmt.Sprintf("10.9.1.%d:%d", 20+ago%7, 40000+ago*17), "client_name": name,
			"queue_us": queue, "server_us": serverTime, "own_us": own, "waited_us": queue + serverTime - own, "bytes": bytes,
		}
	}
	group := func(pattern string, times int, worst ...object) object {
		own, waited := worst[0]["own_us"].(int), worst[0]["waited_us"].(int)
		return object{
			"pool": "sessions", "command": worst[0]["command"], "pattern": pattern, "times": times, "own_us": own * times, "own_max_us": own, "waited_us": waited * times,
			"waited_max_us": waited, "at": worst[0]["at"], "servers": object{worst[0]["server"].(string): times}, "worst": worst,
		}
	}
	return []object{
		group("job:*", 11, entry(3, "eval", "job:88213", 1, 1, "shop-web", 310, 121400, 121400, 88)),
		group("user:*:profile", 4, entry(19, "mget", "user:1001:profile", 40, 1, "shop-web", 12200, 4150, 4150, 20480), entry(21, "mget", "user:7:profile", 40, 1, "", 100, 4100, 4000, 20480)),
		group("feed:home:*", 2, entry(71, "zrange", "feed:home:77120", 1, 6, "feed", 640, 18650, 3000, 131072)),
		group(evil, 117, entry(44, "get", evil, 1, 3, "", 95, 12800, 20, 512)),
		group(odd, 1, entry(132, "set", odd, 1, 4, evil, 9100, 2300, 10, 5)),
	}
}

func (f *fake) events() []object {
	event := func(ago int, level, pool, server, text, more string) object {
		return object{"at": f.at.Add(time.Duration(-ago) * time.Second), "level": level, "pool": pool, "server": server, "text": text, "more": more}
	}
	return []object{
		event(240, "warn", "sessions", "cache-08", "server ejected", `addr=10.20.4.18:6379 why="connect: connection refused; 3 failures in a row" live=7 retry_after=30s`),
		event(600, "warn", "sessions", "", "closing a client that does not read", "client=10.9.1.20:40000 unread_bytes=8388608"),
		event(1620, "info", "pages", "mc-1", "server answers again and is back in the ring, on trial", "live=1"),
		event(1700, "error", "", "", evil, ""),
		event(190860, "notice", "", "", "cashew 0.1.0 started", ""),
	}
}

// history is what the process has kept of the ten minutes before the first look.
func (f *fake) history(pool string) object {
	samples := []object{}
	for ago := 600; ago > 0 && pool == "sessions"; ago -= 5 {
		level := 26000 + 3000*math.Sin(float64(ago)/70)
		samples = append(samples, object{
			"at": f.at.Add(time.Duration(-ago) * time.Second), "busy": []float64{0.2, 0.4, 0.3, 0},
			"pools": object{pool: object{
				"requests": level, "failures": 0, "errors": 0, "local": 5, "in": 1e6, "out": 1e7, "hits": level * 0.8, "misses": level * 0.2, "classes": []float64{level * 0.8, level * 0.2, 0},
				"queue": object{"p50": 20, "p90": 40, "p99": 90}, "server": object{"p50": 250, "p90": 500, "p99": 1100 + ago}, "write_back": nil, "live": 8,
			}},
		})
	}
	return object{"step_seconds": 5, "samples": samples}
}

func (f *fake) hotkeys() object {
	hot := func(key string, server int, requests int) object {
		return object{"pool": "sessions", "key": key, "server": f.servers[server].name, "requests": requests, "error": requests / 50, "bytes": requests * 400}
	}
	return object{
		"hot": []object{
			hot("user:1001:profile", 1, 918244), hot("config:flags", 1, 402118), hot("cart:88213", 1, 121930), hot(evil, 3, 44120),
			hot("feed:home:77120", 6, 31277), hot(odd, 4, 11032),
			{"pool": "pages", "key": "front", "server": "mc-1", "requests": 5, "bytes": 5},
		},
		"big": []object{hot("feed:home:77120", 6, 3100), hot("export:2026-03", 2, 2210), hot("cart:88213", 1, 221), hot("user:1001:profile", 1, 60)},
	}
}

func (f *fake) clients() []object {
	list := []object{}
	for i := range 120 {
		list = append(list, object{
			"id": i, "pool": "sessions", "addr": fmt.Sprintf("10.9.1.%d:%d", 20+i%7, 40000+i), "name": "shop-web", "lib": "go-redis", "lib_ver": "9.23.0",
			"age_us": 3_600_000_000, "idle_us": 1_000_000 * i, "in_flight": i % 3, "in_bytes": 0, "out_bytes": i * 100, "commands": 1000 + i,
			"last_command": "get", "blocked": i == 119, "protocol": "resp3",
		})
	}
	return list
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		panic(http.ErrAbortHandler)
	}
	var answer any
	switch r.URL.Path {
	case "/pools":
		answer = f.pools()
	case "/slowlog/groups":
		answer = f.slowlog()
		if r.URL.Query().Get("pool") != "sessions" {
			answer = []object{}
		}
	case "/events":
		answer = f.events()
	case "/history":
		answer = f.history(r.URL.Query().Get("pool"))
	case "/hotkeys":
		answer = f.hotkeys()
	case "/clients":
		answer = f.clients()
	case "/ring":
		servers := []object{}
		for _, s := range f.servers {
			servers = append(servers, object{"name": s.name, "share": s.share})
		}
		answer = object{"pool": "sessions", "distribution": "ketama", "span": 1 << 32, "total_points": len(f.points()), "servers": servers, "points": f.points()}
		if r.URL.Query().Get("pool") == "pages" {
			answer = object{"pool": "pages", "distribution": "modula", "span": 1, "total_points": 1, "servers": []object{{"name": "mc-1", "share": 1}}, "points": [][2]int{{0, 0}}}
		}
	case "/explain":
		key := r.URL.Query().Get("key")
		answer = []object{{
			"pool": r.URL.Query().Get("pool"), "key": key, "hashed": "1001", "hash": 2774903135, "hash_name": "fnv1a_64", "distribution": "ketama",
			"point": 2775110012, "server": "10.20.4.12:6379:1", "name": "cache-02", "addr": "10.20.4.12:6379", "reason": "the first point at or after the hash is this server's",
		}}
	case "/config":
		answer = object{
			"hash": "3fa2c1d09be17744", "ring_hash": object{"sessions": "91ab07c2e4d81f30", "pages": "0011223344556677"},
			"config": object{"sessions": object{"listen": "0.0.0.0:22121", "redis_auth": "***", "distribution": "ketama"}},
		}
	default:
		page.Handler().ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}
