package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// bench is one run of the program over all its workloads.
type bench struct {
	procs      *processes
	contenders []contender
	rounds     int
	strace     string // path of strace, or "" not to count system calls
	counter    bool   // this machine counts instructions, and we may ask
	progress   io.Writer
	result     *result
	servers    []*process // all of one protocol
}

// run measures all workloads. A contender that fails is left out of the rest of its workload; run goes on with the
// others and returns the first such failure at the end. It stops at once when ctx ends or when a server fails.
func (b *bench) run(ctx context.Context, ws []workload) error {
	var failed error
	if slices.ContainsFunc(ws, workload.secure) {
		c, err := newCertificate(b.procs.dir)
		if err != nil {
			return err
		}
		b.procs.tls = &c
	}
	for i, w := range ws {
		if i == 0 || w.Protocol != ws[i-1].Protocol {
			if err := b.startServers(ctx, w.protocol(), ws); err != nil {
				return err
			}
		}
		b.logf("%s  %s", w.Name, w.describe())
		contenderErr, err := b.runPlaced(ctx, w)
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
	n, clients := 0, 1000
	for _, w := range ws {
		if w.Protocol == p.name() {
			n, clients = max(n, w.Servers), max(clients, w.Clients+w.Idle)
		}
	}
	b.servers, err = b.procs.startServers(ctx, p, n, clients+100)
	return err
}

// runPlaced is runWorkload on the CPUs that the workload asks for; where they are not, it is left out with a warning.
func (b *bench) runPlaced(ctx context.Context, w workload) (contenderErr, err error) {
	if !w.Pin {
		return b.runWorkload(ctx, w)
	}
	usual := b.procs.place
	cpus, err := usableCPUs()
	var place placement
	if err == nil {
		place, err = placementFor(w.Loops, cpus)
	}
	if err != nil {
		b.result.warnf("%s is left out: %v", w.Name, err)
		return nil, nil //nolint:nilerr // the other workloads may run
	}
	if err := b.put(ctx, place); err != nil {
		return nil, err
	}
	contenderErr, err = b.runWorkload(ctx, w)
	return contenderErr, errors.Join(err, b.put(ctx, usual))
}

// calibrate sets the rate of a workload that has a part of what direct reaches.
func (b *bench) calibrate(ctx context.Context, w *workload) error {
	if w.RateOfDirect == 0 {
		return nil
	}
	// Workloads that differ only in who else is there have the same rate.
	for _, x := range b.result.Workloads {
		if x.RateOfDirect == w.RateOfDirect && x.Protocol == w.Protocol && x.Clients == w.Clients && x.Pipeline == w.Pipeline && x.ValueBytes == w.ValueBytes {
			w.Rate = x.Rate
			return nil
		}
	}
	free := *w
	free.Generator = ourself
	l, err := runLoad(ctx, b.procs, free, w.Tests[0], b.servers[0].addr, window{nothing, nothing})
	if err != nil {
		return fmt.Errorf("direct, to find the rate: %w", err)
	}
	w.Rate = math.Round(w.RateOfDirect * l.rps)
	b.logf("  direct reaches %.0f requests a second; the rate is %.0f", l.rps, w.Rate)
	return nil
}

func nothing() error { return nil }

// runWorkload returns a contender's failure and, apart from it, one that leaves nothing to go on with.
func (b *bench) runWorkload(ctx context.Context, w workload) (contenderErr, err error) {
	proto := w.protocol()
	for _, s := range b.servers { // also those of the workload before
		if err := talk(ctx, s.addr, time.Minute, proto.flushAll); err != nil {
			return nil, err
		}
	}
	if err := prefill(ctx, w, b.servers[0].addr); err != nil {
		return nil, fmt.Errorf("prefill: %w", err)
	}
	if err := b.calibrate(ctx, &w); err != nil {
		return nil, err
	}
	b.result.Workloads = append(b.result.Workloads, w)
	r := &race{bench: b, workload: w}
	defer r.stop()
	for _, step := range []func(context.Context){r.start, r.warm, r.run, r.count} {
		if step(ctx); ctx.Err() != nil {
			return r.failed, context.Cause(ctx)
		}
		if err := b.serversAlive(); err != nil {
			return r.failed, err
		}
	}
	return r.failed, nil
}

// A race is one workload with all contenders that are still in it.
type race struct {
	*bench
	workload workload
	runners  []runner
	failed   error // of the first contender that failed
}

// start starts the proxies and fills the servers.
func (r *race) start(ctx context.Context) {
	w, servers := r.workload, r.servers[:r.workload.Servers]
	for _, c := range r.contenders {
		if !slices.ContainsFunc(w.Tests, func(test string) bool { return c.runs(w, test) }) {
			continue
		}
		x := runner{contender: c, addr: servers[0].addr, tlsAddr: servers[0].tlsAddr, servers: servers[:1]}
		if c.bin != "" {
			p, conf, err := r.procs.startProxy(ctx, w, c, r.behind(c, servers))
			if err != nil {
				r.drop(ctx, x, err)
				continue
			}
			r.result.keepConf(w.Name, c.name, conf)
			x.proxy, x.addr, x.tlsAddr, x.servers = p, p.addr, p.tlsAddr, servers
		}
		if c.name == echo {
			x.servers = nil
		}
		r.runners = append(r.runners, x)
		if len(x.servers) < 2 {
			continue // the one server has the keys
		}
		// Through each contender: where a key belongs is the proxy's to say.
		if err := prefill(ctx, w, x.addr); err != nil {
			r.drop(ctx, x, fmt.Errorf("prefill: %w", err))
		}
	}
}

// behind is what c stands before: the servers, but cashew if it is stunnel, so that both together are TLS before a proxy that has none.
func (r *race) behind(c contender, servers []*process) []*process {
	if c.name == stunnel {
		for _, x := range r.runners {
			if x.isCashew() {
				return []*process{x.proxy}
			}
		}
	}
	return servers
}

// warm loads each contender a little, for connections and buffers to be there.
func (r *race) warm(ctx context.Context) {
	w := r.workload
	w.Requests = max(w.Requests/20, w.Clients*w.Pipeline)
	for _, x := range slices.Clone(r.runners) {
		if _, err := r.measure(ctx, w, w.Tests[0], x); err != nil {
			r.drop(ctx, x, err)
		}
	}
}

// run makes the runs that are timed, the contenders in turn.
func (r *race) run(ctx context.Context) {
	for round := range r.rounds {
		for _, test := range r.workload.Tests {
			for _, x := range slices.Clone(r.runners) {
				if !x.runs(r.workload, test) || ctx.Err() != nil {
					continue
				}
				s, err := r.measure(ctx, r.workload, test, x)
				if err != nil {
					r.drop(ctx, x, err)
					continue
				}
				s.Round = round
				r.result.Samples = append(r.result.Samples, s)
				r.logf("  %-8s round %d  %-10s %9.0f req/s  p50 %.3f  p99 %.3f  p99.9 %.3f ms  CPU µs: proxy %.2f, server %.2f, client %.2f",
					test, round+1, x.name, s.RPS, s.P50, s.P99, s.P999, s.ProxyCPU, s.ServerCPU, s.ClientCPU)
			}
		}
		if r.serversAlive() != nil {
			return
		}
	}
	for _, test := range r.workload.Tests {
		r.result.checkHits(r.workload, test)
	}
}

// count makes the runs that are not timed.
func (r *race) count(ctx context.Context) {
	for _, test := range r.workload.Tests {
		for _, x := range slices.Clone(r.runners) {
			if x.proxy == nil || !x.runs(r.workload, test) || ctx.Err() != nil {
				continue
			}
			if err := r.bench.count(ctx, r.workload, test, x); err != nil {
				r.drop(ctx, x, err)
			}
		}
	}
}

// drop leaves a contender that failed out of the rest of the race.
func (r *race) drop(ctx context.Context, x runner, err error) {
	if ctx.Err() != nil {
		return
	}
	r.logf("  %s FAILED and is left out of the rest of %s: %v", x.name, r.workload.Name, err)
	r.result.warnf("%s: %s failed: %v", r.workload.Name, x.name, err)
	if r.failed == nil {
		r.failed = fmt.Errorf("%s: %w", x.name, err)
	}
	if x.proxy != nil {
		r.procs.stop(x.proxy)
	}
	r.runners = slices.DeleteFunc(r.runners, func(y runner) bool { return y.name == x.name })
}

// stop ends the proxies.
func (r *race) stop() {
	for _, x := range r.runners {
		if x.proxy != nil {
			r.procs.stop(x.proxy)
		}
	}
}

// count has a proxy's system calls and instructions counted, as far as can be.
func (b *bench) count(ctx context.Context, w workload, test string, r runner) error {
	if b.strace == "" && !b.counter {
		return nil
	}
	w.Requests = w.straceRequests()
	c := count{Workload: w.Name, Test: test, Contender: r.name, Requests: w.Requests}
	if b.strace != "" {
		if err := b.countSyscalls(ctx, w, test, r, &c); err != nil {
			return err
		}
	}
	if b.counter {
		if err := b.countInstructions(ctx, w, test, r, &c); err != nil {
			return err
		}
	}
	b.result.Syscalls = append(b.result.Syscalls, c)
	return nil
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
	tlsAddr string   // "": they speak no TLS
	proxy   *process // nil for direct
	servers []*process
}

// target is where w's clients connect to.
func (r runner) target(w workload) string {
	if w.TLS {
		return r.tlsAddr
	}
	return r.addr
}

// measure runs the load generator once and reads the meters of all processes around it.
func (b *bench) measure(ctx context.Context, w workload, test string, r runner) (sample, error) {
	s := sample{Workload: w.Name, Test: test, Contender: r.name, Requests: w.Requests}
	hits0, err := readLookups(ctx, w.protocol(), r.servers)
	if err != nil {
		return s, err
	}
	m := meters{runner: r}
	stop := func() (handshakes, error) { return handshakes{}, nil }
	if w.Handshakes > 0 {
		if stop, err = b.startHandshakes(ctx, w, r.tlsAddr); err != nil {
			return s, err
		}
	}
	load, err := runLoad(ctx, b.procs, w, test, r.target(w), window{
		begin: func() error { return m.begin(ctx) },
		end:   func() error { return m.end(ctx) },
	})
	s.Command = load.command
	h, stopErr := stop()
	if err = errors.Join(err, stopErr); err != nil {
		if r.proxy != nil && !r.proxy.alive() {
			err = fmt.Errorf("%s ended (%w): %w", r.name, r.proxy.waitErr, err)
		}
		return s, err
	}
	hits, err := readLookups(ctx, w.protocol(), r.servers)
	if err != nil {
		return s, err
	}
	s.Hits, s.Misses, s.Sets = hits.hits-hits0.hits, hits.misses-hits0.misses, hits.sets-hits0.sets
	s.RPS, s.P50, s.P95, s.P99, s.P999, s.Max, s.Late = load.rps, load.p50, load.p95, load.p99, load.p999, load.max, load.late
	s.ClientCPU = float64(load.cpu.Nanoseconds()) / 1e3 / float64(w.Requests)
	if h.Done > 0 {
		s.Handshakes, s.Resumed = float64(h.Done)/h.Seconds, float64(h.Resumed)/float64(h.Done)
	}
	m.fill(&s)
	return s, nil
}
