package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// sample is one run of a load generator. A figure that could not be had is 0.
type sample struct {
	Workload      string     `json:"workload"`
	Test          string     `json:"test"`
	Contender     string     `json:"contender"`
	Round         int        `json:"round"`
	Command       string     `json:"command"`
	Requests      int        `json:"requests"`
	Late          int        `json:"late,omitempty"` // requests that the load generator sent more than 1 ms after their time
	Elapsed       float64    `json:"elapsed_s"`
	RPS           float64    `json:"rps"`
	P50           float64    `json:"p50_ms"`
	P95           float64    `json:"p95_ms"`
	P99           float64    `json:"p99_ms"`
	P999          float64    `json:"p999_ms,omitempty"`
	Max           float64    `json:"max_ms"`
	ProxyCPU      float64    `json:"proxy_cpu_us,omitempty"`    // for each request, as all that follow
	ServerCPU     float64    `json:"server_cpu_us,omitempty"`   // of all servers together
	ClientCPU     float64    `json:"client_cpu_us,omitempty"`   // the load generator's
	ProxyIO       float64    `json:"proxy_io_calls,omitempty"`  // read and write system calls
	ServerIO      float64    `json:"server_io_calls,omitempty"` // of all servers together
	ProxySwitches float64    `json:"proxy_switches,omitempty"`  // from one thread to another, of the proxy's
	Go            *goFigures `json:"go,omitempty"`              // cashew's
	PeakRSS       int64      `json:"proxy_rss_bytes,omitempty"` // the largest during the run, not for each request
	Handshakes    float64    `json:"handshakes,omitempty"`      // a second, of the others
	Resumed       float64    `json:"resumed,omitempty"`         // the part of them that resumed a session
	Hits          int64      `json:"keyspace_hits,omitempty"`   // on all servers, during the run
	Misses        int64      `json:"keyspace_misses,omitempty"` //
	Sets          int64      `json:"sets_executed,omitempty"`   //
}

// goFigures are what a proxy's Go runtime did during a run, without what it did to tell us.
type goFigures struct {
	Mallocs float64 `json:"mallocs"`     // objects allocated, for each request
	GCs     float64 `json:"gcs"`         // collections
	PauseMS float64 `json:"gc_pause_ms"` // in which they stopped all goroutines, together
}

// result is everything that one run of the bench found, enough to print its table and to run it again.
type result struct {
	Started   time.Time         `json:"started"`
	Commit    string            `json:"commit"`
	Flags     []string          `json:"flags"`
	Rounds    int               `json:"rounds"`
	System    string            `json:"system"`
	CPU       string            `json:"cpu"`
	CPUs      int               `json:"cpus"`
	Placement string            `json:"placement"` // which process had which CPU
	Versions  map[string]string `json:"versions"`
	Proxies   map[string]string `json:"proxies"` // command lines
	Confs     map[string]string `json:"confs"`   // configuration files by "workload contender"
	Order     []string          `json:"contenders"`
	Workloads []workload        `json:"workloads"`
	Samples   []sample          `json:"samples"`
	Syscalls  []count           `json:"syscalls,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"`
}

func newResult(ctx context.Context, o options, cs []contender, ws []workload, ps *processes) *result {
	r := &result{
		Started: time.Now().UTC().Truncate(time.Second),
		Commit:  commit(ctx),
		Flags: []string{
			"-set", o.set, "-generator", o.generator, "-rounds", strconv.Itoa(o.rounds), "-n", strconv.FormatFloat(o.scale, 'g', -1, 64), "-keys", strconv.Itoa(o.keys),
			"-run", o.run, "-loops", strconv.Itoa(o.loops), "-pin=" + strconv.FormatBool(o.pin),
		},
		Rounds: o.rounds, System: kernel(), CPU: cpuModel(), CPUs: runtime.NumCPU(), Placement: ps.place.String(),
		Versions: map[string]string{"go": runtime.Version()}, Proxies: map[string]string{}, Confs: map[string]string{},
	}
	for _, w := range ws {
		for _, bin := range append(w.protocol().binaries(), w.protocol().loadArgv(w, w.Tests[0], "127.0.0.1:0")[0]) {
			if r.Versions[bin] == "" && bin != ourself {
				r.Versions[bin] = version(ctx, bin, "--version")
			}
		}
	}
	for _, c := range cs {
		r.Order = append(r.Order, c.name)
		if c.bin == "" {
			continue
		}
		if c.name != echo {
			r.Versions[c.name] = version(ctx, c.bin, c.versionFlag())
		}
		c.bin = c.name
		r.Proxies[c.name] = strings.Join(c.argv(launch{conf: "CONF", log: "LOG", pid: "PID", stats: 22222, listen: "ADDR"}), " ")
	}
	return r
}

func (r *result) keepConf(workload, contender, conf string) { r.Confs[workload+" "+contender] = conf }

func (r *result) warnf(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// version is the first line that a program prints of itself, without what follows the number.
func version(ctx context.Context, argv ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	text := strings.TrimPrefix(strings.TrimSpace(string(out)), "Initializing inetd mode configuration\n") // stunnel, before its version
	line, _, _ := strings.Cut(text, "\n")
	for f := range strings.FieldsSeq(line) {
		if v, ok := strings.CutPrefix(f, "v="); ok { // Redis server v=7.0.15 sha=... malloc=... bits=64 build=...
			return v
		}
	}
	for _, prefix := range []string{"redis-benchmark ", "memcached ", "memtier_benchmark ", "This is "} {
		line = strings.TrimPrefix(line, prefix)
	}
	return line
}

// commit names the sources: HEAD, with "+changes" if the tree differs from it, or "unknown" outside a repository.
func commit(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "--verify", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	c := strings.TrimSpace(string(head))
	if status, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output(); err != nil || len(status) > 0 {
		c += "+changes"
	}
	return c
}

// leadingVersion cuts "6.18.1-distro-name" down to "6.18.1".
func leadingVersion(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		return s
	}
	return s[:end]
}

// procText finds "name : text" in a file like /proc/cpuinfo.
func procText(text []byte, name string) string {
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

// checkHits warns where contenders did not do the same work: GETs that missed more often here than there, or requests
// that never reached a server (a proxy that answers errors is fast).
func (r *result) checkHits(w workload, test string) {
	rates := map[string]float64{}
	for _, name := range r.Order {
		var hits, misses, sets, want float64
		for _, s := range r.Samples {
			if s.Workload == w.Name && s.Test == test && s.Contender == name {
				hits, misses, sets = hits+float64(s.Hits), misses+float64(s.Misses), sets+float64(s.Sets)
				want += float64(s.Requests)
			}
		}
		if want == 0 || test == fanOut || name == echo || w.Near != "" && strings.HasPrefix(name, cashew) { // it need not ask
			continue
		}
		if test == mixed {
			if got := hits + misses + sets; got < 0.99*want {
				r.warnf("%s %s: %s: the servers executed %.0f requests of %.0f", w.Name, test, name, got, want)
			}
		} else if n := keysOf(test); n > 0 {
			want *= float64(n)
			if got := hits + misses; got < 0.99*want {
				r.warnf("%s %s: %s: the servers looked up %.0f keys of %.0f that were asked for", w.Name, test, name, got, want)
			}
			if hits+misses > 0 {
				rates[name] = hits / (hits + misses)
			}
		} else if sets < 0.99*want {
			r.warnf("%s %s: %s: the servers executed %.0f SETs of %.0f", w.Name, test, name, sets, want)
		}
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	var list []string
	for _, name := range r.Order {
		if rate, ok := rates[name]; ok {
			lo, hi = min(lo, rate), max(hi, rate)
			list = append(list, fmt.Sprintf("%s %.1f %%", name, 100*rate))
		}
	}
	switch {
	case hi-lo > 0.005:
		r.warnf("%s %s: hit rates differ, do not compare: %s", w.Name, test, strings.Join(list, ", "))
	case lo < 0.995:
		r.warnf("%s %s: keys are missing: %s", w.Name, test, strings.Join(list, ", "))
	}
}

// save writes the result to dir as name.json, or as local-TIME.json, and returns the path.
func (r *result) save(dir, name string) (string, error) {
	if name == "" {
		name = "local-" + r.Started.Format("20060102T150405Z")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, strings.TrimSuffix(name, ".json")+".json")
	return file, os.WriteFile(file, append(text, '\n'), 0o644)
}

func readResult(file string) (*result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}
