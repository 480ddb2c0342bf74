package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/work"
	"cashew/engine"
	"cashew/near"
	"cashew/stats"
	"cashew/topology"
)

// fakeProxy answers what its fields say.
type fakeProxy struct {
	options   atomic.Pointer[engine.Options]
	snapshots atomic.Int64
	wait      chan struct{} // Snapshot waits until it is closed; nil: no
	snap      stats.Snapshot
	clients   []stats.Client

	mu      sync.Mutex
	slow    []stats.SlowEntry
	askedOf int // n of the last list
}

func (p *fakeProxy) Options() *engine.Options { return p.options.Load() }

func (p *fakeProxy) Snapshot() *stats.Snapshot {
	p.snapshots.Add(1)
	if p.wait != nil {
		<-p.wait
	}
	snap := p.snap
	return &snap
}

func (p *fakeProxy) Clients() []stats.Client { return p.clients }

func (p *fakeProxy) Kill(which func(*stats.Client) bool) (killed int) {
	for i := range p.clients {
		if which(&p.clients[i]) {
			killed++
		}
	}
	return killed
}

func (p *fakeProxy) SlowBlame() []stats.SlowEntry { return p.slow }

func (p *fakeProxy) SlowLog(n int) []stats.SlowEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.askedOf = n
	return p.slow
}

func (p *fakeProxy) SlowLogLen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.slow)
}

func (*fakeProxy) ResumeReads(pool string) bool { return pool == "alpha" }

func (p *fakeProxy) SlowLogReset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = nil
}

func (p *fakeProxy) HotKeys(int) []stats.HotKey {
	return []stats.HotKey{{Pool: "alpha", Key: "hot", Server: "127.0.0.1:1", Addr: "127.0.0.1:1", Requests: 7, Bytes: 9, Writes: 2, Near: 3, Clients: []string{"10.0.0.1", "10.0.0.2"}}}
}

func (p *fakeProxy) BigKeys(int) []stats.HotKey { return nil }

func (p *fakeProxy) Explain(pool string, key []byte) []engine.Place {
	return []engine.Place{{Pool: pool, Key: string(key), Hash: 4294967295, Server: "127.0.0.1:1:1"}}
}

// twoPools is a snapshot in which every figure of a kind is another number, so that mixed-up fields show.
func twoPools() stats.Snapshot {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	snap := stats.Snapshot{
		At: start.Add(90 * time.Second), Started: start, Version: "1.2.3", Loops: 2, Worked: []int64{1_500_000, 2_500_000},
		TotalConnections: 30, CurrConnections: 20,
		AuditEvents: 44, AuditSummed: 47, AuditDropped: 45,
		Reload: stats.ReloadStatus{Succeeded: 3, Failed: 1, At: start.Add(time.Second), Err: "bad"},
	}
	for i, name := range []string{"beta", "alpha"} {
		p := stats.Pool{
			Name: name, Protocol: "redis", Listen: "127.0.0.1:22121", Live: 1,
			ClientEOF: 1, ClientErr: 2, ClientConnections: 3, ServerEjects: 4, ForwardError: 5, Fragments: 6,
			ClientsAccepted: 7, ClientsRejected: 8, TLSHandshakes: 41, TLSResumed: 42, TLSFailed: 43, ClientsIdle: 29, LoginsFailed: 30, ClientsRefused: map[string]int64{"not_allowed": 31, "failed_logins": 2}, ClientsMalformed: 9, ClientsForeign: 10, ClientsSlow: 11,
			ClientsOverMemory: 12, ClientsSlowSubscribers: 26, Subscriptions: 27, Messages: 28, FailureMisses: 13, LostKeys: 14, ServerOutOfStep: 15, ClientBlocked: 16, ClientWaiting: 25,
			LocalCommands: 17, RequestBytesFromClients: 18, ReplyBytesToClients: 19, InFlight: 20,
			Routed: map[string]int64{"beta": 50}, Mirror: stats.NewPoolMirror("beta"), Miss: &stats.Tier{Pool: "beta", Asked: 1061, Found: 1062, Filled: 1063, TooLarge: 1064, Overtaken: 1065, AskFailed: 1066, FillFailed: 1067},
			Dual:       &stats.Dual{Pool: "beta", Answer: "both", Both: 1071, OwnOnly: 1072, OtherOnly: 1073, Neither: 1074, Unsent: 1075, Different: 1076, Unheard: 1077, Outstanding: 1078},
			Near:       &near.Tally{Hits: 1068, Misses: 1069, Joined: 1070, Kept: 1071, Overtaken: 1072, TooLarge: 1073, Invalidated: 1074, Dropped: 1075, Stale: 1081, Checked: 1082, Wrong: 1083, Entries: 1076, Bytes: 1077, Most: 1078},
			Refused:    map[string]int64{"keys": 21, "\xff": 1, "\xfe": 2},
			Cluster:    &stats.Cluster{Epoch: 45, Unowned: 46, Applied: 47, Failed: 48},
			Sentinel:   &stats.Sentinel{Sentinels: 49, Unknown: 50, Held: 51, Applied: 52, Failed: 53},
			Discovery:  &stats.Discovery{Up: true, Told: 1054, Known: 1055, Waiting: 1056, Held: 1057, Changed: 1058, Moved: 1059, Refused: 1060, Unkept: true},
			RateLimits: []stats.Limit{{Rule: "batch", Past: "delay", Times: 44, Waited: 1.5}},
			RefusedOf: stats.Refusals{
				{Command: "keys", Library: "redis-py", Version: "5.0.1"}: 20, {Command: "keys"}: 1, {Command: "\xfe", Library: "\xfe"}: 2,
			},
			Profiles: map[string]int64{"resp2": 1, "resp3": 2},
		}
		p.WriteBack.Add(50*time.Microsecond, 10)
		for j, state := range []string{"live", "ejected"} {
			s := stats.Server{
				Name: fmt.Sprintf("s%d", j), PName: fmt.Sprintf("127.0.0.1:%d:1 s%d", j+1, j), Addr: fmt.Sprintf("127.0.0.1:%d", j+1),
				Weight: 1, State: state, Share: float64(1 - j), Tracking: []string{"on", "off"}[j],
				ServerEOF: 1, ServerErr: 2, TimedoutConnections: 3, ServerConnections: 4, ServerEjectedAt: 5_000_000,
				Requests: 6 + int64(100*i), RequestBytes: 7, Responses: 8, ResponseBytes: 9,
				InQueue: 10, InQueueBytes: 11, OutQueue: 12, OutQueueBytes: 13,
				NoReply: 14, Dropped: 15, Failed: 16, Expired: 17, KeyspaceHits: 18, KeyspaceMisses: 19,
				Profiles: map[string]int64{"resp2": 1, "resp3": 3}, Refuses: []string{"resp3"}, Pushes: map[string]int64{"message": 3, "other": 4},
			}
			s.Latency[work.Read].Queue.Add(20*time.Microsecond, 3)
			s.Latency[work.Read].Server.Add(3*time.Millisecond, 2)
			s.Latency[work.Read].Server.Add(time.Hour, 1)
			p.Servers = append(p.Servers, s)
		}
		snap.Pools = append(snap.Pools, p)
	}
	return snap
}

// namedProtocol is all that options are asked for here.
type namedProtocol struct{ codec.Protocol }

func (namedProtocol) Name() string { return "redis" }

// twoPoolsOptions fit twoPools.
func twoPoolsOptions() *engine.Options {
	o := &engine.Options{}
	for _, name := range []string{"beta", "alpha"} {
		p := engine.PoolOptions{Options: topology.Options{
			Name: name, Hash: "fnv1a_64", Distribution: "ketama", Protocol: namedProtocol{},
		}}
		for j := range 2 {
			p.Servers = append(p.Servers, topology.ServerOptions{Name: fmt.Sprintf("s%d", j), Weight: 1})
		}
		o.Pools = append(o.Pools, p)
	}
	return o
}

// rig is a Server over a fakeProxy.
type rig struct {
	*Server
	proxy   *fakeProxy
	configs atomic.Int64 // calls of Sources.Config
}

func newRig(change ...func(*Sources)) *rig {
	r := &rig{proxy: &fakeProxy{snap: twoPools()}}
	r.proxy.options.Store(twoPoolsOptions())
	src := Sources{
		Proxy: r.proxy,
		Config: func(o *engine.Options) Config {
			n := r.configs.Add(1)
			return Config{Hash: fmt.Sprintf("hash%d", n), RingHash: map[string]string{"alpha": "ring"}, Config: len(o.Pools)}
		},
	}
	for _, f := range change {
		f(&src)
	}
	r.Server = New(src)
	return r
}

// do asks without a socket.
func (r *rig) do(method, target string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.http.Handler.ServeHTTP(w, req)
	return w
}

// getJSON asks for what must be there.
func getJSON[T any](t *testing.T, r *rig, method, target string) (v T) {
	t.Helper()
	w := r.do(method, target)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s %s: %v in %s", method, target, err, w.Body)
	}
	return v
}

func TestHealthAndReadiness(t *testing.T) {
	for _, c := range []struct {
		name            string
		change          func(*stats.Snapshot)
		ready           int
		reasons         string
		healthy, silent bool
	}{
		{"well", func(*stats.Snapshot) {}, 200, "ok\n", true, false},
		{"draining", func(s *stats.Snapshot) { s.Draining = true }, 503, "draining\n", true, false},
		{"a pool is down", func(s *stats.Snapshot) { s.Pools[1].Live = 0 }, 200, "ok\n", true, false},
		{"a loop hangs", func(s *stats.Snapshot) { s.Silent = 1 }, 503, "the event loops do not answer\n", false, false},
		{"no answer", func(*stats.Snapshot) {}, 503, "the event loops do not answer\n", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				c.change(&r.proxy.snap)
				if c.silent {
					r.proxy.wait = make(chan struct{})
					defer close(r.proxy.wait)
				}
				if w := r.do("GET", "/readyz"); w.Code != c.ready || w.Body.String() != c.reasons {
					t.Errorf("/readyz: %d %q, want %d %q", w.Code, w.Body, c.ready, c.reasons)
				}
				if w := r.do("GET", "/healthz"); (w.Code == 200) != c.healthy {
					t.Errorf("/healthz: %d %q, want healthy %v", w.Code, w.Body, c.healthy)
				}
			})
		})
	}
}

// Whether a pool without a live server counts is for the configuration to say, and for who asks.
func TestReadinessOfPools(t *testing.T) {
	dead := func(s *stats.Snapshot) { s.Pools[1].Live = 0 }
	unknown := func(s *stats.Snapshot) { s.Pools[1].Discovery = &stats.Discovery{} }
	well := func(*stats.Snapshot) {}
	for _, c := range []struct {
		name, query string
		change      func(*stats.Snapshot)
		needsPools  bool
		status      int
		says        string
	}{
		{"another is dead", "?pool=beta", dead, false, 200, "ok\n"},
		{"it is dead", "?pool=alpha", dead, false, 503, "pool alpha: no server is live\n"},
		{"one of them is dead", "?pool=beta&pool=alpha", dead, false, 503, "pool alpha: no server is live\n"},
		{"nobody knows its servers", "?pool=alpha", unknown, false, 503, "pool alpha: no server has been discovered\n"},
		{"there is none", "?pool=gamma", well, false, 404, "pool \"gamma\": there is none\n"},
		{"no name", "?pool=", well, false, 404, "pool \"\": there is none\n"},
		{"all are needed", "", well, true, 200, "ok\n"},
		{"all are needed, one is dead", "", dead, true, 503, "pool alpha: no server is live\n"},
		{"all are needed, one is unknown", "", unknown, true, 503, "pool alpha: no server has been discovered\n"},
		{"all are needed, and asked for is another", "?pool=beta", dead, true, 200, "ok\n"},
		{"draining", "?pool=beta", func(s *stats.Snapshot) { s.Draining = true }, false, 503, "draining\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig()
			c.change(&r.proxy.snap)
			o := twoPoolsOptions()
			o.ReadyNeedsPools = c.needsPools
			r.proxy.options.Store(o)
			if w := r.do("GET", "/readyz"+c.query); w.Code != c.status || w.Body.String() != c.says {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, c.status, c.says)
			}
		})
	}
}

// However many ask, one snapshot is made at a time, and nobody waits longer than answerTimeout.
func TestSnapshotIsSharedAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.proxy.wait = make(chan struct{})
		start := time.Now()
		var all sync.WaitGroup
		for i := range 20 {
			path := []string{"/pools", "/stats", "/metrics", "/healthz", "/readyz"}[i%5]
			all.Go(func() {
				w := r.do("GET", path)
				if wantOK := path == "/metrics"; (w.Code == 200) != wantOK {
					t.Errorf("%s: %d %s", path, w.Code, w.Body)
				}
			})
		}
		all.Wait()
		if n := r.proxy.snapshots.Load(); n != 1 {
			t.Errorf("%d snapshots for concurrent questions, want 1", n)
		}
		if took := time.Since(start); took != answerTimeout {
			t.Errorf("answers came after %v, want %v", took, answerTimeout)
		}
		close(r.proxy.wait)
		synctest.Wait()
		if w := r.do("GET", "/pools"); w.Code != 200 {
			t.Errorf("/pools after the loops came back: %d %s", w.Code, w.Body)
		}
	})
}

func TestPools(t *testing.T) {
	r := newRig()
	got := getJSON[map[string]any](t, r, "GET", "/pools")
	pool := got["pools"].([]any)[1].(map[string]any)
	server := pool["servers"].([]any)[1].(map[string]any)
	latency := server["latency"].(map[string]any)["read"].(map[string]any)
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"loops", got["loops"], 2.0},
		{"started", got["started"], "2026-01-02T03:04:05Z"},
		{"reload", got["reload"], map[string]any{"succeeded": 3.0, "failed": 1.0, "at": "2026-01-02T03:04:06Z", "err": "bad"}},
		{"pool name", pool["name"], "alpha"},
		{"forward_error", pool["forward_error"], 5.0},
		{"refused keys", pool["refused"].(map[string]any)["keys"], 21.0},
		{"state", server["state"], "ejected"},
		{"requests", server["requests"], 106.0},
		{"queue", latency["queue"], map[string]any{
			"count": 3.0, "sum_us": 60.0, "p50_us": 20.0, "p90_us": 20.0, "p99_us": 20.0, "p999_us": 20.0,
			"buckets": []any{[]any{20.0, 3.0}},
		}},
		{"buckets of server", latency["server"].(map[string]any)["buckets"], []any{[]any{3072.0, 2.0}, []any{134217728.0, 1.0}}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("/pools: %s (-want +got):\n%s", c.name, diff)
		}
	}
	if len(server["latency"].(map[string]any)) != int(work.Classes) {
		t.Errorf("/pools: latency has classes %v", server["latency"])
	}
}

func TestClients(t *testing.T) {
	r := newRig()
	r.proxy.clients = []stats.Client{
		{ID: 5, Pool: "alpha", Addr: "127.0.0.1:9", Age: 3 * time.Second, Idle: time.Second, LastCommand: "get"},
		{ID: 6, Pool: "beta"},
	}
	all := getJSON[[]map[string]any](t, r, "GET", "/clients")
	if len(all) != 2 || all[0]["id"] != 5.0 || all[0]["age_us"] != 3e6 || all[0]["idle_us"] != 1e6 || all[0]["last_command"] != "get" {
		t.Errorf("/clients = %v", all)
	}
	if some := getJSON[[]map[string]any](t, r, "GET", "/clients?pool=beta"); len(some) != 1 || some[0]["id"] != 6.0 {
		t.Errorf("/clients?pool=beta = %v", some)
	}
	if none := r.do("GET", "/clients?pool=gamma"); none.Body.String() != "[]\n" {
		t.Errorf("/clients?pool=gamma = %s", none.Body)
	}
	if got := getJSON[map[string]int](t, r, "POST", "/clients/kill?id=6"); got["killed"] != 1 {
		t.Errorf("killing client 6: %v", got)
	}
	if got := getJSON[map[string]int](t, r, "POST", "/clients/kill?id=7"); got["killed"] != 0 {
		t.Errorf("killing client 7: %v", got)
	}
	if w := r.do("POST", "/clients/kill?id=all"); w.Code != 400 {
		t.Errorf("killing client all: %d %s", w.Code, w.Body)
	}
}

// TestQueries: a query that can't be read is refused, for what is left out of it might ask for more than was meant.
func TestQueries(t *testing.T) {
	r := newRig()
	for _, q := range []string{"/clients?pool=%zz", "/slowlog?n=1;2", "/readyz?pool=a%"} {
		if w := r.do("GET", q); w.Code != 400 || !strings.Contains(w.Body.String(), "the query can't be read") {
			t.Errorf("%s: %d %s", q, w.Code, w.Body)
		}
	}
}

func TestSlowLogAndKeys(t *testing.T) {
	r := newRig()
	if w := r.do("GET", "/slowlog"); w.Body.String() != "[]\n" {
		t.Errorf("empty /slowlog = %s", w.Body)
	}
	r.proxy.slow = []stats.SlowEntry{{ID: 1, Key: "k", Queue: time.Millisecond, ServerTime: time.Second}}
	got := getJSON[[]map[string]any](t, r, "GET", "/slowlog?n=7")
	if len(got) != 1 || got[0]["key"] != "k" || got[0]["queue_us"] != 1e3 || got[0]["server_us"] != 1e6 || r.proxy.askedOf != 7 {
		t.Errorf("/slowlog?n=7 = %v, asked for %d", got, r.proxy.askedOf)
	}
	for _, n := range []string{"0", "-1", "x", "1000000000"} {
		if w := r.do("GET", "/slowlog?n="+n); w.Code != 400 {
			t.Errorf("/slowlog?n=%s: %d %s", n, w.Code, w.Body)
		}
	}
	groups := getJSON[[]map[string]any](t, r, "GET", "/slowlog/groups")
	if len(groups) != 1 || groups[0]["pattern"] != "k" || groups[0]["times"] != 1.0 || groups[0]["waited_us"] != 1e6+1e3 {
		t.Errorf("/slowlog/groups = %v", groups)
	}
	if got := getJSON[[]any](t, r, "GET", "/slowlog/groups?pool=another"); len(got) != 0 {
		t.Errorf("groups of another pool: %v", got)
	}
	if got := getJSON[map[string]int](t, r, "POST", "/slowlog/reset"); got["removed"] != 1 || r.proxy.SlowLogLen() != 0 {
		t.Errorf("/slowlog/reset = %v, %d left", got, r.proxy.SlowLogLen())
	}
	const want = `{"hot":[{"pool":"alpha","key":"hot","server":"127.0.0.1:1","addr":"127.0.0.1:1","requests":7,"bytes":9,"writes":2,"near":3,"clients":["10.0.0.1","10.0.0.2"]}],"big":[]}` + "\n"
	if w := r.do("GET", "/hotkeys?n=3"); w.Body.String() != want {
		t.Errorf("/hotkeys = %s, want %s", w.Body, want)
	}
}

func TestExplain(t *testing.T) {
	r := newRig()
	got := getJSON[[]map[string]any](t, r, "GET", "/explain?pool=alpha&key="+url.QueryEscape("a b\x00"))
	if len(got) != 1 || got[0]["pool"] != "alpha" || got[0]["key"] != "a b\x00" || got[0]["hash"] != 4294967295.0 {
		t.Errorf("/explain = %v", got)
	}
	if w := r.do("GET", "/explain"); w.Code != 400 {
		t.Errorf("/explain without key: %d", w.Code)
	}
	if w := r.do("GET", "/explain?key=a&pool=gamma"); w.Code != 404 {
		t.Errorf("/explain of no pool: %d", w.Code)
	}
}

func TestRing(t *testing.T) {
	type point = [2]uint32
	type picture struct {
		Distribution string
		Span         uint64
		Servers      []struct{ Name, State string }
		Points       []point
		Total        int `json:"total_points"`
	}
	for _, c := range []struct {
		name, distribution string
		servers, ejected   int // the first ones are
		policy             topology.FailurePolicy
		total, points      int
		span               uint64
	}{
		{"ketama", "ketama", 2, 0, topology.Rehash, 320, 320, 1 << 32},
		{"an ejected server", "ketama", 2, 1, topology.Rehash, 160, 160, 1 << 32},
		{"an ejected server that keeps its keys", "ketama", 2, 1, topology.Miss, 320, 320, 1 << 32},
		{"all ejected", "ketama", 2, 2, topology.Rehash, 0, 0, 0},
		{"modula", "modula", 3, 0, topology.Rehash, 3, 3, 3},
		{"sampled", "ketama", 40, 0, topology.Rehash, 6400, 1600, 1 << 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig()
			o := twoPoolsOptions()
			p := &o.Pools[1]
			p.Distribution, p.OnServerFailure, p.Servers = c.distribution, c.policy, nil
			pl := &r.proxy.snap.Pools[1]
			pl.Servers = nil
			for i := range c.servers {
				name, state := fmt.Sprintf("s%02d", i), "live"
				if i < c.ejected {
					state = "ejected"
				}
				p.Servers = append(p.Servers, topology.ServerOptions{Name: name, Weight: 1})
				pl.Servers = append(pl.Servers, stats.Server{Name: name, State: state})
			}
			r.proxy.options.Store(o)

			got := getJSON[picture](t, r, "GET", "/ring?pool=alpha")
			if got.Total != c.total || len(got.Points) != c.points || got.Span != c.span || len(got.Servers) != c.servers {
				t.Errorf("%d points of %d, span %d, %d servers; want %d of %d, %d, %d",
					len(got.Points), got.Total, got.Span, len(got.Servers), c.points, c.total, c.span, c.servers)
			}
			if !slices.IsSortedFunc(got.Points, func(a, b point) int { return int(int64(a[0]) - int64(b[0])) }) {
				t.Error("points are not in order")
			}
			for _, pt := range got.Points {
				if int(pt[1]) >= c.servers || c.policy == topology.Rehash && int(pt[1]) < c.ejected {
					t.Fatalf("point %v leads nowhere", pt)
				}
			}
		})
	}
	r := newRig()
	if w := r.do("GET", "/ring?pool=gamma"); w.Code != 404 {
		t.Errorf("/ring of no pool: %d %s", w.Code, w.Body)
	}
}

// Options are described once, and anew when a reload brought others.
func TestConfig(t *testing.T) {
	r := newRig()
	want := Config{Hash: "hash1", RingHash: map[string]string{"alpha": "ring"}, Config: 2.0}
	for range 2 {
		if diff := cmp.Diff(want, getJSON[Config](t, r, "GET", "/config")); diff != "" {
			t.Errorf("/config (-want +got):\n%s", diff)
		}
	}
	r.proxy.options.Store(twoPoolsOptions())
	if got := getJSON[Config](t, r, "GET", "/config"); got.Hash != "hash2" {
		t.Errorf("/config after a reload: %v", got)
	}
}

func TestReload(t *testing.T) {
	var fail error
	r := newRig(func(s *Sources) {
		s.Reload = func() (engine.Changes, error) { return engine.Changes{Added: []string{"gamma"}}, fail }
	})
	const want = `{"added":["gamma"],"removed":[],"changed":[],"unchanged":[],"notes":[]}` + "\n"
	if w := r.do("POST", "/reload"); w.Code != 200 || w.Body.String() != want {
		t.Errorf("/reload: %d %s, want %s", w.Code, w.Body, want)
	}
	fail = errors.New("line 1\nline 2")
	if w := r.do("POST", "/reload"); w.Code != 400 || w.Body.String() != `{"error":"line 1\nline 2"}`+"\n" {
		t.Errorf("/reload of a bad file: %d %s", w.Code, w.Body)
	}
	if w := r.do("GET", "/reload"); w.Code != 405 {
		t.Errorf("GET /reload: %d", w.Code)
	}
	if w := newRig().do("POST", "/reload"); w.Code != 400 {
		t.Errorf("/reload without a file: %d %s", w.Code, w.Body)
	}
}

// A page of another site that a browser shows can neither post here nor read by a name of its own.
func TestGuard(t *testing.T) {
	reloads := 0
	r := newRig(func(s *Sources) {
		s.Reload = func() (engine.Changes, error) { reloads++; return engine.Changes{}, nil }
	})
	for _, c := range []struct {
		name   string
		header []string
		want   int
	}{
		{"curl", nil, 200},
		{"our page", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"another site", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, old browser", []string{"Origin", "http://evil.example"}, 403},
		{"a sandboxed frame", []string{"Origin", "null"}, 403},
	} {
		before := reloads
		if w := r.do("POST", "/reload", c.header...); w.Code != c.want || (reloads > before) != (c.want == 200) {
			t.Errorf("POST /reload from %s: %d, %d reloads; want %d", c.name, w.Code, reloads-before, c.want)
		}
	}

	addr := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 22223} }
	for _, c := range []struct {
		host  string
		local net.Addr
		want  int
	}{
		{"127.0.0.1:22223", addr("127.0.0.1"), 200},
		{"[::1]:22223", addr("::1"), 200},
		{"[::1]", addr("::1"), 200},
		{"LOCALHOST:22223", addr("127.0.0.1"), 200},
		{"evil.example:22223", addr("127.0.0.1"), 421},
		{"cashew.prod.svc:22223", addr("10.0.0.1"), 200},
		{"whatever", &net.UnixAddr{Name: "/tmp/s", Net: "unix"}, 200},
	} {
		req := httptest.NewRequest("GET", "/pools", nil)
		req.Host = c.host
		req = req.WithContext(context.WithValue(req.Context(), http.LocalAddrContextKey, c.local))
		w := httptest.NewRecorder()
		r.http.Handler.ServeHTTP(w, req)
		if w.Code != c.want {
			t.Errorf("Host %s on %s: %d, want %d", c.host, c.local, w.Code, c.want)
		}
	}
}

func TestPageAndPprof(t *testing.T) {
	r := newRig()
	if w := r.do("GET", "/"); w.Code != 200 || !strings.Contains(w.Body.String(), "GET /metrics\n") {
		t.Errorf("/ without a page: %d %s", w.Code, w.Body)
	}
	r = newRig(func(s *Sources) {
		s.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page "+r.URL.Path) })
	})
	for path, want := range map[string]string{"/": "page /", "/page/page.js": "page /page/page.js"} {
		if w := r.do("GET", path); w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for path, want := range map[string]int{"/nothing": 404, "/debug/pprof/": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/cmdline": 404} {
		if w := r.do("GET", path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// Over sockets: both kinds of address, and the end.
func TestServeAndClose(t *testing.T) {
	path := t.TempDir() + "/admin"
	for _, addr := range []string{"127.0.0.1:0", path} {
		ln, err := Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig()
		served := make(chan error, 1)
		go func() { served <- r.Serve(ln) }()
		client := http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return net.Dial(ln.Addr().Network(), ln.Addr().String())
			},
			DisableKeepAlives: true,
		}}
		resp, err := client.Get("http://127.0.0.1/healthz")
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v %v", addr, resp, err)
		}
		resp.Body.Close()
		if addr == path {
			if _, err := Listen(path); err == nil {
				t.Error("two listeners on one socket")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		r.Close(ctx)
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve on %s: %v", addr, err)
		}
	}
	ln, err := Listen(path) // in the place of a socket that nobody listens on
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}
