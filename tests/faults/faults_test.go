//go:build unix

package faults

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cashew/tests/processtest"
)

const (
	timeout      = 300 * time.Millisecond
	retryTimeout = 250 * time.Millisecond

	// recovery bounds how long it takes until all is well after the last fault: the requests in flight expire (twice the
	// timeout), a connection is tried again (half a second at most), and, where servers are ejected, one that flapped
	// stays out for eight times server_retry_timeout and is probed once more; and a machine may be busy.
	recovery = 5*time.Second + 8*retryTimeout

	rssCeiling       = maxMemory + 64<<20 // what the runtime and the program need beside the data
	goroutineCeiling = 30                 // with all clients gone
)

// field is one pool of TestFaults with all that belongs to it.
type field struct {
	pool
	load     *load
	real     []*server
	scripted []*scripted
	conns    int // server_connections
}

// TestFaults runs both protocols before real and scripted servers in one proxy with one loop, and in one with two.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		loops  int
		fields []field
	}{
		{1, []field{
			{pool: pool{name: "redis1", d: redis, servers: make([]string, 1)}, conns: 1},
			{pool: pool{name: "redis4", d: redis, servers: make([]string, 4)}, conns: 2, load: &load{moves: true}},
			{pool: pool{name: "mc4", d: memcached, servers: make([]string, 4)}, conns: 1, load: &load{moves: true}},
			{pool: pool{name: "rscript", d: redis, servers: make([]string, 2)}, conns: 1, load: &load{spoilt: true}},
			{pool: pool{name: "mscript", d: memcached, servers: make([]string, 2)}, conns: 2, load: &load{spoilt: true}},
		}},
		{2, []field{
			{pool: pool{name: "redis1", d: redis, servers: make([]string, 1)}, conns: 2, load: &load{moves: true}},
			{pool: pool{name: "redis4", d: redis, servers: make([]string, 4)}, conns: 1},
			{pool: pool{name: "mc4", d: memcached, servers: make([]string, 4)}, conns: 2},
			{pool: pool{name: "rscript", d: redis, servers: make([]string, 2)}, conns: 2, load: &load{spoilt: true}},
			{pool: pool{name: "mscript", d: memcached, servers: make([]string, 2)}, conns: 1, load: &load{spoilt: true}},
		}},
	} {
		t.Run(fmt.Sprintf("loops %d", c.loops), func(t *testing.T) {
			t.Parallel()
			testFaults(t, c.loops, c.fields)
		})
	}
}

func testFaults(t *testing.T, loops int, fields []field) {
	tl := newTally()
	var pools []pool
	serverConns := 0
	for i := range fields {
		f := &fields[i]
		f.open(t)
		pools = append(pools, f.pool)
		serverConns += 2 * loops * f.conns * len(f.servers) // in each version of Redis's protocol
	}
	p := startProxy(t, loops, pools...)
	processtest.Await(t, processtest.Patience, "the clients that asked whether it is up are gone", func() bool { return tl.settled(p) })
	idle, idleThreads := p.Descriptors(), p.Status("Threads")

	clients := 0
	for i := range fields {
		f := &fields[i]
		f.load.addr, f.load.tally = p.addrs[f.name], tl
		startLoad(f.load, 4, 100*loops+i)
		clients += len(f.load.clients)
	}
	var once sync.Once
	endLoads := func() {
		once.Do(func() {
			for _, f := range fields {
				f.load.end()
			}
		})
	}
	t.Cleanup(endLoads)

	left, round := *durationFlag, 20*time.Second
	if left == 0 {
		left, round = 4*time.Second, 4*time.Second
	}
	var slowest time.Duration
	for n := 0; left > 0 && !tl.broken(); n++ {
		d := min(left, round)
		left -= d
		if err := injectAll(p, loops, n, d, fields, func() { tl.sample(p) }); err != nil {
			t.Fatal(err)
		}
		from := time.Now()
		for _, f := range fields {
			f.recovered(t)
		}
		slowest = max(slowest, time.Since(from))
		for _, f := range fields {
			f.calm(t)
		}
		p.check(t)
		processtest.Await(t, processtest.Patience, fmt.Sprintf("the proxy has at most %d descriptors", idle+serverConns+clients), func() bool {
			return p.Descriptors() <= idle+serverConns+clients
		})
	}
	endLoads()
	tl.sample(p)
	rssMax := max(tl.rssMax, p.Status("VmHWM")<<10)
	tl.rssMax = rssMax
	t.Logf("loops %d, seed %d: %v; recovered in %v at most", loops, *seedFlag, tl, slowest.Round(time.Millisecond))
	tl.check(t)
	if rssMax > rssCeiling && !raceEnabled {
		t.Errorf("the proxy had %d MiB, want at most %d", rssMax>>20, rssCeiling>>20)
	}
	processtest.Await(t, processtest.Patience, fmt.Sprintf("without clients the proxy has at most %d descriptors", idle+serverConns), func() bool {
		return p.Descriptors() <= idle+serverConns
	})
	if threads := p.Status("Threads"); threads > idleThreads+40 {
		t.Errorf("the proxy has %d threads, and had %d at first", threads, idleThreads)
	}
	fds, rss := p.Descriptors(), p.Status("VmRSS")>>10
	if n := p.goroutines(t); n > goroutineCeiling {
		t.Errorf("the proxy has %d goroutines without clients, want at most %d", n, goroutineCeiling)
	} else {
		t.Logf("at the end: %d goroutines, fds %d (%d at the start and %d to servers), RSS %d MiB", n, fds, idle, serverConns, rss)
	}
}

// settled says that the proxy's descriptors have not changed for a moment.
func (t *tally) settled(p *proxy) bool {
	n := p.Descriptors()
	time.Sleep(50 * time.Millisecond)
	return p.Descriptors() == n
}

// open starts the field's servers.
func (f *field) open(t *testing.T) {
	t.Helper()
	if f.load == nil {
		f.load = &load{}
	}
	f.load.d, f.load.name, f.load.versions = f.d, f.name, f.d == redis
	if f.load.spoilt {
		for i := range f.servers {
			s := startScripted(t, f.d, faithful)
			f.scripted, f.servers[i] = append(f.scripted, s), s.addr
		}
	} else {
		f.load.loses = true
		f.real = startServers(t, f.d, len(f.servers))
		f.servers = addrs(f.real)
	}
	f.settings = []string{
		"hash: md5", fmt.Sprintf("timeout: %d", timeout.Milliseconds()), fmt.Sprintf("server_connections: %d", f.conns),
		fmt.Sprintf("auto_eject_hosts: %v", f.load.moves), "server_failure_limit: 2",
		fmt.Sprintf("server_retry_timeout: %d", retryTimeout.Milliseconds()),
	}
	if f.conns == 1 { // half of the pools
		f.settings = append(f.settings, "server_integrity_interval: 200")
	}
}

// injectAll injects faults into all servers, pools and the proxy for a time, and returns when all of them are undone. Each round has
// lanes with sources of their own.
func injectAll(p *proxy, loops, round int, d time.Duration, fields []field, sample func()) error {
	stop := make(chan struct{})
	var running sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	lanes := 0
	start := func(tl *tally, f func(l *lane) error) {
		lanes++
		l := &lane{rng: newRand(uint64(1_000_000*loops + 1000*round + lanes)), tally: tl, stop: stop}
		running.Go(func() {
			if err := f(l); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	for _, f := range fields {
		tl := f.load.tally
		for _, s := range f.real {
			start(tl, func(l *lane) error { return inject(l, s, serverFaults[f.d], 50*ms, 700*ms) })
		}
		for _, s := range f.scripted {
			start(tl, func(l *lane) error { return inject(l, s, scriptedFaults, 5*ms, 150*ms) })
		}
		start(tl, func(l *lane) error { return inject(l, f.load, clientFaults, 20*ms, 300*ms) })
	}
	start(fields[0].load.tally, func(l *lane) error { return inject(l, p, proxyFaults, 20*ms, 300*ms) })
	end := time.Now().Add(d)
	for time.Now().Before(end) && !fields[0].load.tally.broken() {
		sample()
		time.Sleep(20 * ms)
	}
	close(stop)
	running.Wait()
	return errors.Join(errs...)
}

// recovered waits until all clients of the pool are served again, by all servers.
func (f *field) recovered(t *testing.T) {
	t.Helper()
	bound := slow(recovery)
	if !f.load.well(bound, 5) {
		t.Errorf("%s: requests still fail %v after the faults: %s", f.name, bound, counts(f.load.tally.errors))
		return
	}
	for i, s := range f.real {
		from := s.served()
		if !processtest.Poll(bound, func() bool { return s.served() > from+5 || f.load.fatal() }) {
			t.Errorf("%s: server %d gets no requests %v after the faults", f.name, i, bound)
		}
	}
}

// calm holds the pool to exact replies. One that ejects may do so whenever the machine is busy.
func (f *field) calm(t *testing.T) {
	t.Helper()
	if f.load.moves {
		return
	}
	if !f.load.setCalm(true) || !f.load.well(slow(recovery), 5) || !f.load.setCalm(false) {
		t.Errorf("%s: no calm after the faults", f.name)
	}
}
