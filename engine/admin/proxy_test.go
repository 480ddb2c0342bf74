package admin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"cashew/configs"
	"cashew/embedded"
	"cashew/engine"
	"cashew/stats"
	"cashew/world"
)

var _ Proxy = (*engine.Proxy)(nil)

// startProxy runs a real proxy of one pool before two servers, and a Server over it.
func startProxy(t *testing.T) (r *rig, redis net.Addr) {
	t.Helper()
	servers, err := embedded.Start(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(servers.Stop)
	var conf strings.Builder
	fmt.Fprint(&conf, "alpha:\n  listen: 127.0.0.1:1\n  redis: true\n  slowlog_log_slower_than: 0\n  servers:\n")
	for i, addr := range servers.Addrs() {
		fmt.Fprintf(&conf, "    - %s:1 s%d\n", addr, i)
	}
	f, err := configs.Parse("test.yml", []byte(conf.String()))
	if err != nil {
		t.Fatal(err)
	}
	f.Options.Loops = 2
	f.Options.Pools[0].Listen.Addr = "127.0.0.1:0" // the kernel chooses
	p, err := engine.New(f.Options, world.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &rig{Server: New(Sources{
		Proxy: p,
		Config: func(o *engine.Options) Config {
			all := configs.Effective(o)
			rings, err := configs.RingHashes(o)
			if err != nil {
				t.Error(err)
			}
			return Config{Hash: all.Hash(), RingHash: rings, Config: all}
		},
	})}, p.Addrs()[0]
}

// A real proxy's figures come out of every door, and agree.
func TestRealProxy(t *testing.T) {
	r, redis := startProxy(t)
	nc, err := net.Dial("tcp", redis.String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	const value = "secret-value"
	for i := range 100 {
		fmt.Fprintf(nc, "SET %d:user:key %s\r\n", i, value) // fnv1a would keep those together that differ at their end
		if line, err := in.ReadString('\n'); line != "+OK\r\n" {
			t.Fatalf("SET: %q, %v", line, err)
		}
	}
	fmt.Fprint(nc, "KEYS *\r\n")
	if line, err := in.ReadString('\n'); !strings.HasPrefix(line, "-") {
		t.Fatalf("KEYS: %q, %v", line, err)
	}

	snap := getJSON[struct {
		Pools []struct {
			ClientConnections int64 `json:"client_connections"`
			Refused           map[string]int64
			Servers           []struct {
				Name     string
				Requests int64
			}
		}
	}](t, r, "GET", "/pools")
	byServer := make(map[string]int64)
	total := int64(0)
	for _, s := range snap.Pools[0].Servers {
		byServer[s.Name] = s.Requests
		total += s.Requests
	}
	if total != 100 || snap.Pools[0].ClientConnections != 1 || snap.Pools[0].Refused["keys"] != 1 {
		t.Errorf("/pools: %+v", snap.Pools[0])
	}

	families := scrape(t, r)
	at := serveStats(t, r, "127.0.0.1")
	var doc map[string]any
	if err := json.Unmarshal(readStats(t, at.Network(), at.String(), ""), &doc); err != nil {
		t.Fatal(err)
	}
	pool := doc["alpha"].(map[string]any)
	writes := uint64(0)
	for name, requests := range byServer {
		labels := map[string]string{"pool": "alpha", "server": name}
		if got := find(t, families, "cashew_requests_total", labels).GetCounter().GetValue(); got != float64(requests) {
			t.Errorf("/metrics: %v requests to %s, /pools has %d", got, name, requests)
		}
		if got := pool[name].(map[string]any)["requests"]; got != float64(requests) {
			t.Errorf("stats port: %v requests to %s, /pools has %d", got, name, requests)
		}
		labels["class"] = "write"
		writes += find(t, families, "cashew_request_server_seconds", labels).GetHistogram().GetSampleCount()
	}
	if writes != 100 {
		t.Errorf("/metrics: %d writes in histograms, want 100", writes)
	}

	places := getJSON[[]engine.Place](t, r, "GET", "/explain?key=7:user:key&pool=alpha")
	if len(places) != 1 || byServer[places[0].Name] == 0 {
		t.Errorf("/explain: %+v", places)
	}
	entries := getJSON[[]stats.SlowEntry](t, r, "GET", "/slowlog?n=1000")
	if len(entries) != 100 || entries[0].Command != "set" || !strings.HasSuffix(entries[0].Key, ":user:key") {
		t.Errorf("/slowlog: %d entries, %+v", len(entries), entries[:min(1, len(entries))])
	}
	for _, path := range []string{
		"/pools", "/stats", "/metrics", "/clients", "/slowlog", "/hotkeys", "/config", "/ring?pool=alpha",
		"/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=2",
	} {
		w := r.do("GET", path)
		if w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), value) {
			t.Errorf("%s tells a value", path)
		}
	}

	clients := getJSON[[]stats.Client](t, r, "GET", "/clients")
	if len(clients) != 1 {
		t.Fatalf("/clients: %+v", clients)
	}
	if w := r.do("POST", fmt.Sprintf("/clients/kill?id=%d", clients[0].ID)); w.Body.String() != `{"killed":1}`+"\n" {
		t.Errorf("/clients/kill: %s", w.Body)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) != 0 {
		t.Errorf("a killed client: %q, %v", rest, err)
	}
}
