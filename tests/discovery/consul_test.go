//go:build unix

package discovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// catalog answers as a Consul agent does where cashew asks it: with blocking queries, an index and a token. It takes registrations as well.
type catalog struct {
	mu       sync.Mutex
	services []map[string]any // sorted by ID
	index    int
	changed  chan struct{}
}

func (c *catalog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Consul-Token") != "hush" {
		http.Error(w, "Permission denied", http.StatusForbidden)
		return
	}
	switch path := r.URL.Path; {
	case path == "/v1/agent/service/register":
		var s map[string]any
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.change(s["ID"].(string), s)
	case strings.HasPrefix(path, "/v1/agent/service/deregister/"):
		c.change(strings.TrimPrefix(path, "/v1/agent/service/deregister/"), nil)
	case path == "/v1/health/service/redis":
		c.health(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (c *catalog) change(id string, s map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.services = slices.DeleteFunc(c.services, func(s map[string]any) bool { return s["ID"] == id })
	if s != nil {
		c.services = append(c.services, s)
	}
	c.index++
	close(c.changed)
	c.changed = make(chan struct{})
}

// health holds its answer back until there is something newer than the index that is asked with.
func (c *catalog) health(w http.ResponseWriter, r *http.Request) {
	known, _ := strconv.Atoi(r.FormValue("index"))
	wait, _ := time.ParseDuration(r.FormValue("wait"))
	patience := time.After(wait)
	for c.mu.Lock(); known >= c.index; c.mu.Lock() {
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
			continue
		case <-r.Context().Done():
			return
		case <-patience:
			known = -1
		}
	}
	defer c.mu.Unlock()
	all := []any{}
	for _, s := range c.services {
		tags, _ := s["Tags"].([]any)
		if s["Name"] == "redis" && slices.Contains(tags, any(r.FormValue("tag"))) {
			all = append(all, map[string]any{"Node": map[string]any{"Address": "127.0.0.1"}, "Service": s})
		}
	}
	w.Header().Set("X-Consul-Index", strconv.Itoa(c.index))
	_ = json.NewEncoder(w).Encode(all)
}

// TestConsul: instances of a service with a tag are servers, by their IDs or the name in their meta data, in what answers as Consul does and, where there is one, in a real Consul.
func TestConsul(t *testing.T) {
	processtest.Beside(t)
	t.Run("alike", func(t *testing.T) {
		fake := httptest.NewServer(&catalog{index: 1, changed: make(chan struct{})})
		t.Cleanup(fake.Close)
		testConsul(t, strings.TrimPrefix(fake.URL, "http://"))
	})
	t.Run("real", func(t *testing.T) {
		path, err := exec.LookPath("consul")
		if err != nil {
			t.Skip("there is no consul in PATH, and Debian has none")
		}
		port := processtest.FreePort(t)
		c := processtest.New(t, path, "agent", "-dev", "-bind", "127.0.0.1", "-http-port", port, "-dns-port", "-1", "-grpc-port", "-1", "-grpc-tls-port", "-1",
			"-serf-lan-port", processtest.FreePort(t), "-serf-wan-port", processtest.FreePort(t), "-server-port", processtest.FreePort(t))
		c.Up(t, func() bool {
			status, _, err := processtest.Page(http.MethodGet, "http://127.0.0.1:"+port+"/v1/catalog/nodes")
			return err == nil && status == http.StatusOK
		})
		testConsul(t, "127.0.0.1:"+port)
	})
}

func testConsul(t *testing.T, addr string) {
	t.Helper()
	put := func(path string, body any) {
		t.Helper()
		text, _ := json.Marshal(body)
		r, err := http.NewRequest(http.MethodPut, "http://"+addr+path, bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Consul-Token", "hush")
		if status, reply, err := processtest.Do(r); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", path, status, reply, err)
		}
	}
	register := func(id, port string, meta map[string]string) {
		t.Helper()
		n, _ := strconv.Atoi(port)
		put("/v1/agent/service/register", map[string]any{"ID": id, "Name": "redis", "Tags": []string{"cache"}, "Address": "127.0.0.1", "Port": n, "Meta": meta})
	}
	s := startServers(t, 3)
	register("one", s[0], map[string]string{"cashew_name": "a", "cashew_weight": "2"})
	register("b", s[1], nil)
	put("/v1/agent/service/register", map[string]any{"ID": "x", "Name": "redis", "Tags": []string{"queue"}, "Address": "127.0.0.1", "Port": 1})
	p := startProxy(t, "discovery: consul redis cache", "discovery_from: "+addr, "discovery_token: hush", "on_membership: apply", "discovery_settle_msecs: 200")
	p.want(t, s[0], s[1])
	if pools := p.page(t, http.MethodGet, "/pools"); !strings.Contains(pools, fmt.Sprintf(`"name":"a","pname":"127.0.0.1:%s:2"`, s[0])) {
		t.Errorf("the names and weights are others: %s", pools)
	}
	l := startLoad(t, p, 2)
	register("one", s[2], map[string]string{"cashew_name": "a", "cashew_weight": "2"})
	p.await(t, s[2], s[1])
	register("c", s[0], nil)
	p.await(t, s[0], s[1], s[2])
	put("/v1/agent/service/deregister/b", nil)
	p.await(t, s[0], s[2])
	register("c", s[0], map[string]string{"cashew_weight": "much"})
	p.awaitMetric(t, "discovery_refused_total", func(n float64) bool { return n > 0 })
	p.want(t, s[0], s[2])
	l.end(t)
}
