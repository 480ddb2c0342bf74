//go:build unix

package discovery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cashew/tests/processtest"
)

// apiServer answers as Kubernetes's API does where cashew asks it: lists of EndpointSlices with a version, and watches from one, which are gone after
// a while.
type apiServer struct {
	mu      sync.Mutex
	slices  []any
	version int
	oldest  int // version that can be watched from
	changed chan struct{}
	watches int
	watched int // from the version of the last watch on
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer hush":
		http.Error(w, `{"kind":"Status","code":401}`, http.StatusUnauthorized)
	case r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/caches/endpointslices" || r.FormValue("labelSelector") != "kubernetes.io/service-name=redis":
		http.NotFound(w, r)
	case r.FormValue("watch") == "":
		a.mu.Lock()
		defer a.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "EndpointSliceList", "metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": a.slices})
	default:
		a.watch(w, r)
	}
}

func (a *apiServer) watch(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.FormValue("resourceVersion"))
	a.mu.Lock()
	a.watches++
	a.watched = from
	if from < a.oldest {
		a.mu.Unlock()
		http.Error(w, `{"kind":"Status","code":410}`, http.StatusGone)
		return
	}
	fmt.Fprintln(w, `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}`)
	w.(http.Flusher).Flush()
	for a.version <= from {
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		a.mu.Lock()
	}
	a.mu.Unlock()
	fmt.Fprintln(w, `{"type":"MODIFIED","object":{}}`)
}

// set replaces all slices.
func (a *apiServer) set(slices ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slices = slices
	a.version++
	close(a.changed)
	a.changed = make(chan struct{})
}

// awaitWatch waits until somebody watches what there is now.
func (a *apiServer) awaitWatch(t *testing.T) {
	t.Helper()
	processtest.Await(t, patience, "it is watched again", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.watched == a.version
	})
}

// endpointSlice is one of a port, with endpoints of that.
func endpointSlice(port string, endpoints ...any) map[string]any {
	n, _ := strconv.Atoi(port)
	return map[string]any{"addressType": "IPv4", "endpoints": endpoints, "ports": []any{map[string]any{"name": "metrics", "port": 1}, map[string]any{"name": "redis", "port": n}}}
}

// pod is an endpoint on loopback.
func pod(name string, ready, ends bool) map[string]any {
	return map[string]any{
		"addresses": []any{"127.0.0.1"}, "targetRef": map[string]any{"kind": "Pod", "name": name},
		"conditions": map[string]any{"ready": ready, "serving": true, "terminating": ends},
	}
}

// TestKubernetes: endpoints of a service are servers by their pods' names, also while they are not ready; a pod that ends makes room for the next of its
// name; what can't be watched any more is listed anew.
func TestKubernetes(t *testing.T) {
	processtest.Beside(t)
	api := &apiServer{version: 1, changed: make(chan struct{})}
	server := httptest.NewServer(api)
	t.Cleanup(server.CloseClientConnections)
	s := startServers(t, 5)
	api.set(endpointSlice(s[0], pod("redis-0", true, false)), endpointSlice(s[1], pod("redis-1", false, false)))
	p := startProxy(t, "discovery: kubernetes caches/redis:redis", "discovery_from: "+strings.TrimPrefix(server.URL, "http://"), "discovery_token: hush",
		"on_membership: apply", "discovery_settle_msecs: 200")
	p.want(t, s[0], s[1])
	l := startLoad(t, p, 2)
	api.set(endpointSlice(s[0], pod("redis-0", false, true)), endpointSlice(s[2], pod("redis-0", false, false)), endpointSlice(s[1], pod("redis-1", true, false)))
	p.await(t, s[2], s[1])
	api.mu.Lock()
	api.oldest = api.version + 1 // the next watch is refused, and the one after it is not
	api.mu.Unlock()
	api.set(endpointSlice(s[2], pod("redis-0", true, false)), endpointSlice(s[1], pod("redis-1", true, false)), endpointSlice(s[0], pod("redis-2", true, false)))
	p.await(t, s[0], s[1], s[2])
	api.set(endpointSlice(s[2], pod("redis-0", true, false)), endpointSlice(s[0], pod("redis-2", true, false)))
	p.await(t, s[0], s[2])
	p.awaitMetric(t, "discovery_changes_total", func(n float64) bool { return n == 3 })
	for i := range 21 { // it flaps
		api.set(endpointSlice(s[i%3], pod("redis-0", true, false)), endpointSlice(s[0], pod("redis-2", true, false)), endpointSlice(s[1], pod(fmt.Sprint("other-", i), true, false)))
		api.awaitWatch(t)
	}
	place := func(port string) {
		api.set(endpointSlice(port, pod("redis-0", true, false)), endpointSlice(s[0], pod("redis-2", true, false)))
	}
	for _, port := range []string{s[1], s[3]} { // the third, and at most the second that is new
		place(port)
		p.await(t, s[0], port)
	}
	place(s[4])
	p.awaitMetric(t, "discovery_held_servers", func(n float64) bool { return n == 1 })
	p.want(t, s[0], s[3])
	place(s[2]) // where it was a moment ago
	p.await(t, s[0], s[2])
	p.awaitMetric(t, "discovery_held_servers", func(n float64) bool { return n == 0 })
	api.set()
	p.awaitDoubt(t, 2)
	l.end(t)
	p.want(t, s[0], s[2])
	api.mu.Lock()
	defer api.mu.Unlock()
	if api.watches > 50 {
		t.Errorf("it began to watch %d times", api.watches)
	}
}
