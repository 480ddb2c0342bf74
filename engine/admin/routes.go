package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"net/url"
	"slices"
	"strconv"
	"time"

	"cashew/engine"
	"cashew/stats"
)

// routes are all endpoints.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	var list []string
	handle := func(pattern string, h http.Handler) {
		mux.Handle(pattern, h)
		list = append(list, pattern)
	}
	get := func(path string, f answerFunc) { handle("GET "+path, answer(f)) }
	post := func(path string, f answerFunc) { handle("POST "+path, answer(f)) }

	handle("GET /metrics", s.metrics())
	handle("GET /healthz", http.HandlerFunc(s.healthz))
	handle("GET /readyz", http.HandlerFunc(s.readyz))
	handle("GET /stats", http.HandlerFunc(s.statsPage))
	get("/pools", s.pools)
	get("/clients", s.clients)
	post("/clients/kill", s.killClient)
	post("/discovery/accept", s.acceptDiscovered)
	get("/slowlog", s.slowLog)
	get("/slowlog/groups", s.slowGroups)
	post("/slowlog/reset", s.resetSlowLog)
	post("/mirror/resume", s.resumeReads)
	get("/hotkeys", s.hotKeys)
	get("/explain", s.explain)
	get("/events", s.events)
	get("/history", func(r *http.Request) (any, error) { return s.history.told(r.FormValue("pool")), nil })
	get("/ring", s.ring)
	get("/config", func(*http.Request) (any, error) { return s.configNow(), nil })
	handle("POST /reload", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(reloadTimeout)) // without it, writeTimeout holds
		answer(s.reload).ServeHTTP(w, r)
	}))
	handle("GET /debug/pprof/", http.HandlerFunc(pprof.Index))
	handle("GET /debug/pprof/profile", http.HandlerFunc(pprof.Profile))
	handle("GET /debug/pprof/trace", http.HandlerFunc(pprof.Trace))
	handle("GET /debug/pprof/symbol", http.HandlerFunc(pprof.Symbol))

	page := s.src.Page
	if page == nil {
		page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			for _, pattern := range list {
				fmt.Fprintln(w, pattern)
			}
		})
	}
	mux.Handle("GET /{$}", page)
	mux.Handle("GET /page/", page) // its parts
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := url.ParseQuery(r.URL.RawQuery); err != nil { // what can't be read would be left out, and more asked for than was meant
			http.Error(w, "the query can't be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// answerFunc returns what JSON shows, or an error whose text is for people. An error that is no httpError is a 503.
type answerFunc func(*http.Request) (any, error)

// httpError is an error with an HTTP status.
type httpError struct {
	status int
	text   string
}

func (e *httpError) Error() string { return e.text }

func failf(status int, format string, args ...any) error {
	return &httpError{status, fmt.Sprintf(format, args...)}
}

// answer writes what f returns as JSON.
func answer(f answerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, v)
	})
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if e := (*httpError)(nil); errors.As(err, &e) {
		status = e.status
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked is gone
}

// list is never null in JSON.
func list[T any](of []T) []T {
	if of == nil {
		return []T{}
	}
	return of
}

// healthz answers 200 while the event loops do, for those who restart what hangs.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	if _, err := s.fresh(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// readyz answers 200 while this proxy should get clients, for those who balance load: while it serves and is not told to stop. That a
// pool has no live server counts where its clients ask, by ?pool=, or ready: pools says so: a pool that is dead is so for every proxy
// of a fleet at once, and a balancer that is told finds none for the clients of the others.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	reasons, err := s.notReady(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if len(reasons) > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		for _, reason := range reasons {
			fmt.Fprintln(w, reason)
		}
		return
	}
	fmt.Fprintln(w, "ok")
}

// notReady says why this proxy should get no clients: none at all or, if r names pools, none of these. The error is of who names
// a pool that there is not.
func (s *Server) notReady(r *http.Request) (reasons []string, err error) {
	named := r.URL.Query()["pool"]
	for _, name := range named {
		if _, err := s.pool(name); err != nil {
			return nil, err
		}
	}
	snap, err := s.fresh(r.Context())
	if err != nil {
		return []string{err.Error()}, nil
	}
	if snap.Draining {
		reasons = append(reasons, "draining")
	}
	all := len(named) == 0 && s.src.Proxy.Options().ReadyNeedsPools
	for i := range snap.Pools {
		switch p := &snap.Pools[i]; {
		case !all && !slices.Contains(named, p.Name):
		case p.Live == 0:
			reasons = append(reasons, fmt.Sprintf("pool %s: no server is live", p.Name))
		case p.Discovery != nil && p.Discovery.Known == 0:
			reasons = append(reasons, fmt.Sprintf("pool %s: no server has been discovered", p.Name))
		}
	}
	return reasons, nil
}

func (s *Server) pools(r *http.Request) (any, error) { return s.snapshot(r.Context()) }

func (s *Server) clients(r *http.Request) (any, error) {
	all, err := ask(r.Context(), s, "clients", s.src.Proxy.Clients)
	if err != nil {
		return nil, err
	}
	pool := r.FormValue("pool")
	if pool == "" {
		return list(all), nil
	}
	some := []stats.Client{} // all is shared
	for i := range all {
		if all[i].Pool == pool {
			some = append(some, all[i])
		}
	}
	return some, nil
}

func (s *Server) killClient(r *http.Request) (any, error) {
	id, err := strconv.ParseUint(r.FormValue("id"), 10, 64)
	if err != nil {
		return nil, failf(http.StatusBadRequest, "id: a client's number is wanted")
	}
	killed, err := ask(r.Context(), s, fmt.Sprintf("kill %d", id), func() int {
		return s.src.Proxy.Kill(func(c *stats.Client) bool { return c.ID == id })
	})
	if err != nil {
		return nil, err
	}
	return map[string]int{"killed": killed}, nil
}

// maxList is how many entries of a list one may ask for.
const maxList = 100_000

// count is the parameter n.
func count(r *http.Request, otherwise int) (int, error) {
	text := r.FormValue("n")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxList {
		return 0, failf(http.StatusBadRequest, "n: a number from 1 to %d is wanted", maxList)
	}
	return n, nil
}

func (s *Server) slowLog(r *http.Request) (any, error) {
	n, err := count(r, 128)
	if err != nil {
		return nil, err
	}
	entries, err := ask(r.Context(), s, fmt.Sprintf("slowlog %d", n), func() []stats.SlowEntry { return s.src.Proxy.SlowLog(n) })
	return list(entries), err
}

// slowGroups is the slow log by command and pattern of the key.
func (s *Server) slowGroups(r *http.Request) (any, error) {
	entries, err := ask(r.Context(), s, "slowlog groups", s.src.Proxy.SlowBlame)
	if err != nil {
		return nil, err
	}
	groups := list(groupSlow(entries))
	if pool := r.FormValue("pool"); pool != "" {
		groups = slices.DeleteFunc(groups, func(g slowGroup) bool { return g.Pool != pool })
	}
	return groups, nil
}

func (s *Server) resetSlowLog(r *http.Request) (any, error) {
	removed, err := ask(r.Context(), s, "slowlog reset", func() int {
		n := s.src.Proxy.SlowLogLen()
		s.src.Proxy.SlowLogReset()
		return n
	})
	return map[string]int{"removed": removed}, err
}

// keyLists is the answer of /hotkeys.
type keyLists struct {
	Hot []stats.HotKey `json:"hot"` // most requests first
	Big []stats.HotKey `json:"big"` // largest first
}

func (s *Server) hotKeys(r *http.Request) (any, error) {
	n, err := count(r, 20)
	if err != nil {
		return nil, err
	}
	return ask(r.Context(), s, fmt.Sprintf("hotkeys %d", n), func() keyLists {
		return keyLists{list(s.src.Proxy.HotKeys(n)), list(s.src.Proxy.BigKeys(n))}
	})
}

// events are what happened lately, of all pools, newest first.
func (s *Server) events(r *http.Request) (any, error) {
	n, err := count(r, 100)
	if err != nil || s.src.Events == nil {
		return []Event{}, err
	}
	events := s.src.Events()
	return list(events[:min(n, len(events))]), nil
}

func (s *Server) resumeReads(r *http.Request) (any, error) {
	pool := r.FormValue("pool")
	if _, err := s.pool(pool); err != nil {
		return nil, err
	}
	return map[string]bool{"resumed": s.src.Proxy.ResumeReads(pool)}, nil
}

func (s *Server) explain(r *http.Request) (any, error) {
	if !r.URL.Query().Has("key") {
		return nil, failf(http.StatusBadRequest, "key: a key is wanted")
	}
	pool := r.FormValue("pool")
	if _, err := s.pool(pool); pool != "" && err != nil {
		return nil, err
	}
	return list(s.src.Proxy.Explain(pool, []byte(r.FormValue("key")))), nil
}

// pool finds a pool's options.
func (s *Server) pool(name string) (*engine.PoolOptions, error) {
	pools := s.src.Proxy.Options().Pools
	i := slices.IndexFunc(pools, func(p engine.PoolOptions) bool { return p.Name == name })
	if i < 0 {
		return nil, failf(http.StatusNotFound, "pool %q: there is none", name)
	}
	return &pools[i], nil
}

// reloadTimeout is how long a reload may take that waits for a name server.
const reloadTimeout = 5 * time.Minute

func (s *Server) reload(r *http.Request) (any, error) {
	if s.src.Reload == nil {
		return nil, failf(http.StatusBadRequest, "there is no configuration file to load")
	}
	changes, err := s.src.Reload()
	if err != nil {
		return nil, failf(http.StatusBadRequest, "%v", err)
	}
	for _, names := range []*[]string{
		&changes.Added, &changes.Removed, &changes.Changed, &changes.Unchanged, &changes.Notes,
	} {
		*names = list(*names)
	}
	return changes, nil
}
