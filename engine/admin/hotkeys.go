package admin

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"cashew/stats"
)

// Metrics of single keys are for whoever asks for them: what is scraped is kept for long, and by others.
const (
	// mostHotKeys is of how many keys of a pool /metrics may tell.
	mostHotKeys = 10
	// hotCandidates is among how many of all pools they are chosen.
	hotCandidates = 1000
)

var descHotClient = describe("hot_key_client", "Always 1; the client is a host that most requests of the key come from; at most four of each.", "pool", "key", "client")

var hotMetrics = []metric[stats.HotKey]{
	counter(describe("hot_key_requests_total", "Requests of the keys that had most since /metrics was last asked, as far as they were sampled.", "pool", "key"), "", func(k *stats.HotKey) int64 { return k.Requests }),
	counter(describe("hot_key_writes_total", "Of those, the ones that write.", "pool", "key"), "", func(k *stats.HotKey) int64 { return k.Writes }),
	counter(describe("hot_key_near_total", "Of those, the ones that were answered with what is kept near.", "pool", "key"), "", func(k *stats.HotKey) int64 { return k.Near }),
}

// hotSeen is how many requests keys had as it was last asked: which are hot now tells the difference.
type hotSeen struct {
	sync.Mutex
	requests map[hotID]int64
}

type hotID struct{ pool, key string }

// choose returns the n keys of each pool that had most requests since it last did, of keys that come with most requests ever first.
func (h *hotSeen) choose(keys []stats.HotKey, n int) (chosen []stats.HotKey) {
	h.Lock()
	defer h.Unlock()
	was := h.requests
	h.requests = make(map[hotID]int64, len(keys))
	since := make(map[hotID]int64, len(keys))
	more := func(k *stats.HotKey) int64 { return since[hotID{label(k.Pool), label(k.Key)}] }
	for i := range keys {
		id := hotID{label(keys[i].Pool), label(keys[i].Key)}
		if _, twice := h.requests[id]; twice { // two that are spelled alike
			continue
		}
		h.requests[id] = keys[i].Requests
		since[id] = keys[i].Requests - was[id]
		if since[id] < 0 { // it was forgotten, and found again
			since[id] = keys[i].Requests
		}
		if since[id] > 0 {
			chosen = append(chosen, keys[i])
		}
	}
	slices.SortStableFunc(chosen, func(a, b stats.HotKey) int { return cmp.Compare(more(&b), more(&a)) })
	had := make(map[string]int)
	return slices.DeleteFunc(chosen, func(k stats.HotKey) bool {
		had[k.Pool]++
		return had[k.Pool] > n
	})
}

// collectHot sends what is known of n hot keys of each pool.
func (s *Server) collectHot(out chan<- prometheus.Metric, n int) {
	keys, err := ask(context.Background(), s, "hottest", func() []stats.HotKey { return s.src.Proxy.HotKeys(hotCandidates) })
	if err != nil {
		return
	}
	for _, k := range s.hot.choose(keys, n) {
		pool, key := label(k.Pool), label(k.Key)
		collect(out, hotMetrics, &k, pool, key)
		for _, host := range k.Clients {
			out <- prometheus.MustNewConstMetric(descHotClient, prometheus.GaugeValue, 1, pool, key, label(host))
		}
	}
}

// metrics is the handler of /metrics.
func (s *Server) metrics() http.Handler {
	plain := s.metricsWith(0)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch hot, err := hotWanted(r); {
		case err != nil:
			writeError(w, err)
		case hot == 0:
			plain.ServeHTTP(w, r)
		default:
			s.metricsWith(hot).ServeHTTP(w, r)
		}
	})
}

// hotWanted is of how many keys a request for /metrics wants to know.
func hotWanted(r *http.Request) (int, error) {
	text := r.FormValue("hotkeys")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > mostHotKeys {
		return 0, failf(http.StatusBadRequest, "hotkeys: a number from 0 to %d is wanted", mostHotKeys)
	}
	return n, nil
}
