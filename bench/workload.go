package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A workload is one load on one set of servers. Its tests run one after the other, since CPU time is told apart by run.
type workload struct {
	Name       string   `json:"name"`
	Protocol   string   `json:"protocol"`
	Servers    int      `json:"servers"` // behind a proxy; direct always talks to one that has all the keys
	Clients    int      `json:"clients"`
	Pipeline   int      `json:"pipeline"`
	ValueBytes int      `json:"value_bytes"`
	Keys       int      `json:"keys"`
	Requests   int      `json:"requests"` // of one run
	Tests      []string `json:"tests"`    // "set", "get", or "mget" (memcached: "get") and a number of keys
}

// workloads are all that we measure. Requests are such that direct takes about one second on a small machine, and
// everything in three rounds less than eight minutes.
var workloads = []workload{
	{Name: "p1-1k", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"set", "get"}},
	{Name: "p16-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: []string{"set", "get"}},
	{Name: "p128-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 128, ValueBytes: 64, Requests: 600_000, Tests: []string{"set", "get"}},
	{Name: "p1-1k-4s", Protocol: "redis", Servers: 4, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"set", "get"}},
	{Name: "p16-64-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: []string{"set", "get"}},
	{Name: "mget10-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 50_000, Tests: []string{"mget10"}},
	{Name: "mget100-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 15_000, Tests: []string{"mget100"}},
	{Name: "conns1000-1k", Protocol: "redis", Servers: 1, Clients: 1000, Pipeline: 1, ValueBytes: 1024, Requests: 60_000, Tests: []string{"set", "get"}},
	{Name: "p1-64k", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 64 << 10, Requests: 20_000, Tests: []string{"set", "get"}},

	{Name: "mc-p1-1k", Protocol: "memcached", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"set", "get"}},
	{Name: "mc-p16-64", Protocol: "memcached", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 400_000, Tests: []string{"set", "get"}},
	{Name: "mc-get100-4s", Protocol: "memcached", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 15_000, Tests: []string{"get100"}},
	{Name: "mc-p1-1k-4s", Protocol: "memcached", Servers: 4, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"set", "get"}},
}

func (w workload) protocol() protocol {
	for _, p := range protocols {
		if p.name() == w.Protocol {
			return p
		}
	}
	panic("bench: unknown protocol " + w.Protocol)
}

// scaled returns w with its requests times scale, and with keys that fit in memory: values never exceed 64 MiB in all
// unless keys of at most 1 KiB do.
func (w workload) scaled(scale float64, keys int) workload {
	w.Requests = max(int(float64(w.Requests)*scale), w.Clients*w.Pipeline)
	if w.ValueBytes > 1024 {
		keys = min(keys, 64<<20/w.ValueBytes)
	}
	w.Keys = keys
	return w
}

func (w workload) describe() string {
	servers := "1 server"
	if w.Servers > 1 {
		servers = fmt.Sprintf("%d servers", w.Servers)
	}
	return fmt.Sprintf("%s: %d clients, pipeline %d, %d-byte values, %d keys, %d requests, %s",
		strings.ToUpper(strings.Join(w.Tests, " ")), w.Clients, w.Pipeline, w.ValueBytes, w.Keys, w.Requests, servers)
}

// keysOf returns how many keys one request of a test reads (0 for set).
func keysOf(test string) int {
	switch test {
	case "set":
		return 0
	case "get":
		return 1
	}
	var n int
	if _, err := fmt.Sscanf(strings.TrimPrefix(test, "m"), "get%d", &n); err != nil || n < 1 {
		panic("bench: unknown test " + test)
	}
	return n
}

// straceRequests is how many requests the run under strace makes: fewer, since strace slows the proxy manyfold, yet
// enough for each client that what a connection costs to open and close does not show.
func (w workload) straceRequests() int {
	return min(w.Requests, max(w.Requests/10, 20*w.Clients))
}

// bench is one run of the program over all its workloads.
type bench struct {
	procs      *processes
	contenders []contender
	rounds     int
	strace     string // path of strace, or "" not to count system calls
	progress   io.Writer
	result     *result
	servers    []*process // all of one protocol
}

// run measures all workloads. A contender that fails is left out of the rest of its workload; run goes on with the
// others and returns the first such failure at the end. It stops at once when ctx ends or when a server fails.
func (b *bench) run(ctx context.Context, ws []workload) error {
	var failed error
	for i, w := range ws {
		if i == 0 || w.Protocol != ws[i-1].Protocol {
			if err := b.startServers(ctx, w.protocol(), ws); err != nil {
				return err
			}
		}
		b.logf("%s  %s", w.Name, w.describe())
		b.result.Workloads = append(b.result.Workloads, w)
		contenderErr, err := b.runWorkload(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		if contenderErr != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", w.Name, contenderErr)
		}
	}
	return failed
}

// startServers ends the servers that run and starts as many of a protocol as the largest of its workloads needs.
func (b *bench) startServers(ctx context.Context, p protocol, ws []workload) (err error) {
	for _, s := range b.servers {
		b.procs.stop(s)
	}
	n := 0
	for _, w := range ws {
		if w.Protocol == p.name() {
			n = max(n, w.Servers)
		}
	}
	b.servers, err = b.procs.startServers(ctx, p, n)
	return err
}

// runWorkload returns a contender's failure and, apart from it, one that leaves nothing to go on with.
func (b *bench) runWorkload(ctx context.Context, w workload) (contenderErr, err error) {
	servers, proto := b.servers[:w.Servers], w.protocol()
	for _, s := range b.servers { // also those of the workload before
		if err := talk(ctx, s.addr, time.Minute, proto.flushAll); err != nil {
			return nil, err
		}
	}
	var runners []runner
	defer func() {
		for _, r := range runners {
			if r.proxy != nil {
				b.procs.stop(r.proxy)
			}
		}
	}()
	drop := func(r runner, err error) {
		if ctx.Err() != nil {
			return
		}
		b.logf("  %s FAILED and is left out of the rest of %s: %v", r.name, w.Name, err)
		b.result.warnf("%s: %s failed: %v", w.Name, r.name, err)
		if contenderErr == nil {
			contenderErr = fmt.Errorf("%s: %w", r.name, err)
		}
		if r.proxy != nil {
			b.procs.stop(r.proxy)
		}
		runners = slices.DeleteFunc(runners, func(x runner) bool { return x.name == r.name })
	}

	for _, c := range b.contenders {
		r := runner{contender: c, addr: servers[0].addr, servers: servers[:1]}
		if c.bin != "" {
			p, conf, err := b.procs.startProxy(ctx, proto, c, servers)
			if err != nil {
				drop(r, err)
				continue
			}
			b.result.keepConf(w.Name, c.name, conf)
			r.proxy, r.addr, r.servers = p, p.addr, servers
		}
		runners = append(runners, r)
		// Through each contender: with several servers, where a key belongs is the proxy's to say.
		if err := prefill(ctx, proto, r.addr, w.Keys, w.ValueBytes); err != nil {
			drop(r, fmt.Errorf("prefill: %w", err))
		}
	}

	warm := w
	warm.Requests = max(w.Requests/20, w.Clients*w.Pipeline)
	for _, r := range slices.Clone(runners) {
		if _, err := b.measure(ctx, warm, w.Tests[0], r); err != nil {
			drop(r, err)
		}
	}
	for round := range b.rounds {
		for _, test := range w.Tests {
			for _, r := range slices.Clone(runners) {
				s, err := b.measure(ctx, w, test, r)
				if err != nil {
					drop(r, err)
					continue
				}
				s.Round = round
				b.result.Samples = append(b.result.Samples, s)
				b.logf("  %-8s round %d  %-10s %9.0f req/s  p50 %.3f  p99 %.3f ms  CPU µs: proxy %.2f, server %.2f, client %.2f",
					test, round+1, r.name, s.RPS, s.P50, s.P99, s.ProxyCPU, s.ServerCPU, s.ClientCPU)
			}
			if err := b.serversAlive(); err != nil {
				return contenderErr, err
			}
			if ctx.Err() != nil {
				return contenderErr, context.Cause(ctx)
			}
		}
	}
	for _, test := range w.Tests {
		b.result.checkHits(w, test)
		for _, r := range slices.Clone(runners) {
			if r.proxy == nil || b.strace == "" {
				continue
			}
			c, err := b.countSyscalls(ctx, w, test, r)
			if err != nil {
				if ctx.Err() != nil {
					return contenderErr, context.Cause(ctx)
				}
				if r.proxy.alive() {
					b.logf("  system calls are not counted: %v", err)
					b.strace = ""
					continue
				}
				drop(r, err)
				continue
			}
			b.result.Syscalls = append(b.result.Syscalls, c)
			b.logf("  %-8s strace   %-10s %.2f system calls per request", test, r.name, c.PerRequest)
		}
	}
	return contenderErr, b.serversAlive()
}

func (b *bench) serversAlive() error {
	for _, s := range b.servers {
		if !s.alive() {
			return fmt.Errorf("%s ended: %w", s.name, s.waitErr)
		}
	}
	return nil
}

func (b *bench) logf(format string, args ...any) {
	fmt.Fprintf(b.progress, format+"\n", args...)
}

// A runner is a contender that is up: where its clients connect to, and the processes that a request meets.
type runner struct {
	contender
	addr    string
	proxy   *process // nil for direct
	servers []*process
}

// measure runs the load generator once and reads the meters of all processes around it.
func (b *bench) measure(ctx context.Context, w workload, test string, r runner) (sample, error) {
	s := sample{Workload: w.Name, Test: test, Contender: r.name, Requests: w.Requests}
	hits0, err := readLookups(ctx, w.protocol(), r.servers)
	if err != nil {
		return s, err
	}
	proxy0, servers0 := readMeter(r.proxy), readMeter(r.servers...)
	if r.proxy != nil {
		resetPeakRSS(r.proxy.pid())
	}
	start := time.Now()
	load, err := runLoad(ctx, b.procs, w, test, r.addr)
	s.Elapsed = time.Since(start).Seconds()
	s.Command = load.command
	if err != nil {
		if r.proxy != nil && !r.proxy.alive() {
			err = fmt.Errorf("%s ended (%w): %w", r.name, r.proxy.waitErr, err)
		}
		return s, err
	}
	perRequest := 1 / float64(w.Requests)
	proxy := readMeter(r.proxy).minus(proxy0)
	servers := readMeter(r.servers...).minus(servers0)
	s.ProxyCPU = float64(proxy.cpu.Nanoseconds()) / 1e3 * perRequest
	s.ServerCPU = float64(servers.cpu.Nanoseconds()) / 1e3 * perRequest
	s.ClientCPU = float64(load.cpu.Nanoseconds()) / 1e3 * perRequest
	s.ProxyIO = float64(proxy.io) * perRequest
	s.ServerIO = float64(servers.io) * perRequest
	if r.proxy != nil {
		s.PeakRSS = peakRSS(r.proxy.pid())
	}
	hits, err := readLookups(ctx, w.protocol(), r.servers)
	if err != nil {
		return s, err
	}
	s.Hits, s.Misses, s.Sets = hits.hits-hits0.hits, hits.misses-hits0.misses, hits.sets-hits0.sets
	s.RPS, s.P50, s.P95, s.P99, s.Max = load.rps, load.p50, load.p95, load.p99, load.max
	return s, nil
}
