package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The sets of -set. Payloads, pipelines, clients, servers, commands and loops would make thousands of combinations;
// the matrix moves one of them at a time, around three base points:
//
//	p1-1k       1 request at a time, 100 clients, 1 KiB, 1 server
//	p16-64      16 requests at a time, 50 clients, 64 bytes, 1 server
//	p1-1k-4s    as the first, 4 servers
//
// A name says what is not as usual: p is the pipeline, then come the size of values, c clients (100 for p1, else 50; 50
// for values above 1 KiB), w percent of writes, s servers (1), l loops (1); resp3 is the version of the protocol, tls is what clients speak it over. What starts with mc is memcached, with near what cashew keeps a part of, with multi transactions, with fanout messages to subscribers. Values of 64 KiB and more are
// asked for by 50 clients, or the load generator alone would hold a hundred megabytes.
const (
	setGoals  = "goals"
	setMatrix = "matrix"
	setScale  = "scale"
)

// sets are what each set runs. Requests are such that direct takes about one second on a small machine; the goals take
// about ten minutes in three rounds, with four contenders.
var sets = map[string][]workload{
	setGoals:  grouped(goalWorkloads),
	setMatrix: grouped(goalWorkloads, matrixWorkloads),
	setScale:  scaleWorkloads(),
}

func setNames() string { return strings.Join(slices.Sorted(maps.Keys(sets)), ", ") }

// grouped is all workloads by protocol, so that each protocol's servers start once.
func grouped(lists ...[]workload) []workload {
	var all []workload
	for _, p := range protocols {
		for _, w := range slices.Concat(lists...) {
			if w.Protocol == p.name() {
				all = append(all, w)
			}
		}
	}
	return all
}

var setGet = []string{"set", "get"}

// goalWorkloads are what goals speaks of, nothing else. cashew has one loop: client, proxy and servers share two cores,
// and a second loop on cores that the others also want costs all three.
var goalWorkloads = []workload{
	{Name: "p1-1k", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p16-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 1},
	{Name: "p1-1k-resp3", Protocol: "redis", RESP3: true, Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p16-64-resp3", Protocol: "redis", RESP3: true, Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 1},
	{Name: "tls-p1-1k", Protocol: "redis", TLS: true, Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 320_000, Tests: setGet, Loops: 1},
	{Name: "tls-p16-64", Protocol: "redis", TLS: true, Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 1_500_000, Tests: setGet, Loops: 1},
	{Name: "p128-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 128, ValueBytes: 64, Requests: 600_000, Tests: setGet, Loops: 1},
	{Name: "mget10-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 50_000, Tests: []string{"mget10"}, Loops: 1},
	{Name: "mget100-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 15_000, Tests: []string{"mget100"}, Loops: 1},
	{Name: "p1-1k-4s", Protocol: "redis", Servers: 4, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p1-64k", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 64 << 10, Requests: 20_000, Tests: setGet, Loops: 1},
	{Name: "p1-1m", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 1 << 20, Requests: 1_500, Tests: setGet, Loops: 1},
	// Our own generator keeps what so many connections cost to open out of the figures; idle0 and idle9900 differ by the idle
	// clients alone.
	{Name: "p1-1k-c2000", Protocol: "redis", Servers: 1, Clients: 2000, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1, Generator: ourself},
	{Name: "idle0", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"get"}, Loops: 1, Generator: ourself},
	{Name: "idle9900", Protocol: "redis", Servers: 1, Clients: 100, Idle: 9900, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"get"}, Loops: 1, Generator: ourself},
	// Others who come and go over TLS, and nobody.
	{Name: "p1-1k-rate25", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 100_000, Tests: []string{"get"}, Loops: 1, RateOfDirect: 0.25},
	{Name: "p1-1k-rate25-tls1000", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 100_000, Tests: []string{"get"}, Loops: 1, RateOfDirect: 0.25, Handshakes: 1000},
	{Name: "lone", Protocol: "redis", Servers: 1, Clients: 1, Pipeline: 1, ValueBytes: 1024, Requests: 20_000, Tests: []string{"get"}, Loops: 1},

	// One key that all ask for, and keys of which some are asked for much oftener than others. cashew keeps a part of them.
	{Name: "near-hot-p1-1k", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 160_000, Tests: []string{"get"}, Loops: 1, Only: 1, Near: "64mb", Generator: ourself},
	{Name: "near-hot-p16-1k", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 1024, Requests: 800_000, Tests: []string{"get"}, Loops: 1, Only: 1, Near: "64mb", Generator: ourself},
	{Name: "near-zipf-p1-64", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 64, Requests: 320_000, Tests: []string{mixed}, Loops: 1, Only: 1_000_000, Zipf: 0.99, Writes: 1, Near: "32mb"},
	{Name: "near-zipf-p16-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 1_600_000, Tests: []string{mixed}, Loops: 1, Only: 1_000_000, Zipf: 0.99, Writes: 1, Near: "32mb"},
	{Name: "near-zipf-w10-p16-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 1_200_000, Tests: []string{mixed}, Loops: 1, Only: 1_000_000, Zipf: 0.99, Writes: 10, Near: "32mb"},
	{Name: "near-zipf-w10-p1-64", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 64, Requests: 160_000, Tests: []string{mixed}, Loops: 1, Only: 1_000_000, Zipf: 0.99, Writes: 10, Near: "32mb"},

	// One hash whose hundred fields all ask for, and several keys of a few.
	{Name: "near-hash-p1", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 16, Requests: 60_000, Tests: []string{"hgetall100"}, Loops: 1, Only: 1, Fields: 100, Near: "64mb"},
	{Name: "near-hash-p16", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 16, Requests: 80_000, Tests: []string{"hgetall100"}, Loops: 1, Only: 1, Fields: 100, Near: "64mb"},
	{Name: "near-mget10-p1-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 80_000, Tests: []string{"mget10"}, Loops: 1, Only: 1000, Near: "64mb", Generator: ourself},
	{Name: "near-mget100-p1-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 20_000, Tests: []string{"mget100"}, Loops: 1, Only: 1000, Near: "64mb", Generator: ourself},

	// A request is a transaction; or a message to one subscriber.
	{Name: "multi-p1-64", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 64, Requests: 60_000, Tests: []string{transaction}, Loops: 1},
	{Name: "multi-p16-64", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 150_000, Tests: []string{transaction}, Loops: 1},
	{Name: "fanout-c1000-64", Protocol: "redis", Servers: 1, Clients: 1000, Pipeline: 1, ValueBytes: 64, Requests: 300_000, Tests: []string{fanOut}, Loops: 1},
	{Name: "fanout-p16-c1000-64", Protocol: "redis", Servers: 1, Clients: 1000, Pipeline: 16, ValueBytes: 64, Requests: 1_600_000, Tests: []string{fanOut}, Loops: 1},

	{Name: "unix-p1-1k", Protocol: "redis-unix", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 160_000, Tests: setGet, Loops: 1},
	{Name: "unix-p16-64", Protocol: "redis-unix", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 1},

	{Name: "cluster-p1-1k", Protocol: "redis-cluster", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "cluster-p16-64", Protocol: "redis-cluster", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 1},

	{Name: "mc-p1-1k", Protocol: "memcached", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "mc-p16-64", Protocol: "memcached", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 400_000, Tests: setGet, Loops: 1},
	{Name: "mc-get100-4s", Protocol: "memcached", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 15_000, Tests: []string{"get100"}, Loops: 1},
}

// matrixWorkloads are the rest of the matrix.
var matrixWorkloads = []workload{
	// Around p1-1k.
	{Name: "p1-3", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 3, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p1-64", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 64, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p16-1k-c100", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 16, ValueBytes: 1024, Requests: 300_000, Tests: setGet, Loops: 1},
	{Name: "p128-1k-c100", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 128, ValueBytes: 1024, Requests: 300_000, Tests: setGet, Loops: 1},
	{Name: "p1-1k-c50", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p1-1k-mixed", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{mixed}, Loops: 1},
	{Name: "p1-1k-l2", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 2},
	{Name: "p1-1k-rate30", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 60_000, Tests: []string{"get"}, Loops: 1, RateOfDirect: 0.3},
	{Name: "p1-1k-rate60", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 120_000, Tests: []string{"get"}, Loops: 1, RateOfDirect: 0.6},

	// Around p16-64.
	{Name: "p16-3", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 3, Requests: 500_000, Tests: setGet, Loops: 1},
	{Name: "p16-1k", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 1024, Requests: 300_000, Tests: setGet, Loops: 1},
	{Name: "p16-64k", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64 << 10, Requests: 20_000, Tests: setGet, Loops: 1},
	{Name: "p1-64-c50", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p16-64-c1", Protocol: "redis", Servers: 1, Clients: 1, Pipeline: 16, ValueBytes: 64, Requests: 150_000, Tests: setGet, Loops: 1},
	{Name: "p16-64-c2000", Protocol: "redis", Servers: 1, Clients: 2000, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 1, Generator: ourself},
	{Name: "p16-64-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 1},
	{Name: "p16-64-16s", Protocol: "redis", Servers: 16, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 1},
	{Name: "p16-64-mixed", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 400_000, Tests: []string{mixed}, Loops: 1},
	{Name: "p16-64-l2", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: setGet, Loops: 2},
	{Name: "p16-64-rate60", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 64, Requests: 500_000, Tests: []string{"get"}, Loops: 1, RateOfDirect: 0.6},

	// Around p1-1k-4s.
	{Name: "p1-1k-16s", Protocol: "redis", Servers: 16, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p1-64-4s", Protocol: "redis", Servers: 4, Clients: 100, Pipeline: 1, ValueBytes: 64, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "p1-64k-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64 << 10, Requests: 20_000, Tests: setGet, Loops: 1},
	{Name: "p1-1k-4s-l2", Protocol: "redis", Servers: 4, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 2},
	{Name: "mget10", Protocol: "redis", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 50_000, Tests: []string{"mget10"}, Loops: 1},
	{Name: "mget10-16s", Protocol: "redis", Servers: 16, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 50_000, Tests: []string{"mget10"}, Loops: 1},
	{Name: "mget100-16s", Protocol: "redis", Servers: 16, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 15_000, Tests: []string{"mget100"}, Loops: 1},

	{Name: "mc-p1-3", Protocol: "memcached", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 3, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "mc-p1-64k", Protocol: "memcached", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 64 << 10, Requests: 20_000, Tests: setGet, Loops: 1},
	{Name: "mc-p1-1m", Protocol: "memcached", Servers: 1, Clients: 50, Pipeline: 1, ValueBytes: 1 << 20, Requests: 1_500, Tests: setGet, Loops: 1},
	{Name: "mc-p16-1k", Protocol: "memcached", Servers: 1, Clients: 50, Pipeline: 16, ValueBytes: 1024, Requests: 300_000, Tests: setGet, Loops: 1},
	{Name: "mc-p128-64", Protocol: "memcached", Servers: 1, Clients: 50, Pipeline: 128, ValueBytes: 64, Requests: 400_000, Tests: setGet, Loops: 1},
	{Name: "mc-p1-1k-c2000", Protocol: "memcached", Servers: 1, Clients: 2000, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1, Generator: ourself},
	{Name: "mc-idle9900", Protocol: "memcached", Servers: 1, Clients: 100, Idle: 9900, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"get"}, Loops: 1},
	{Name: "mc-lone", Protocol: "memcached", Servers: 1, Clients: 1, Pipeline: 1, ValueBytes: 1024, Requests: 20_000, Tests: []string{"get"}, Loops: 1},
	{Name: "mc-p1-1k-4s", Protocol: "memcached", Servers: 4, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "mc-p1-1k-16s", Protocol: "memcached", Servers: 16, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 1},
	{Name: "mc-p1-1k-mixed", Protocol: "memcached", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{mixed}, Loops: 1},
	{Name: "mc-p1-1k-l2", Protocol: "memcached", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: setGet, Loops: 2},
	{Name: "mc-p1-1k-rate60", Protocol: "memcached", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 120_000, Tests: []string{"get"}, Loops: 1, RateOfDirect: 0.6},
	{Name: "mc-get10-4s", Protocol: "memcached", Servers: 4, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 50_000, Tests: []string{"get10"}, Loops: 1},
	{Name: "mc-get100-16s", Protocol: "memcached", Servers: 16, Clients: 50, Pipeline: 1, ValueBytes: 64, Requests: 15_000, Tests: []string{"get100"}, Loops: 1},
}

// scaleWorkloads ask whether a request costs the same however many clients and servers there are: from 1 to 10,000
// clients of one server, all active, and from 1 to 100 servers under 100 clients; with one loop and with two, pinned.
// All by the same generator, which keeps connecting out of the figures.
func scaleWorkloads() []workload {
	base := workload{Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Requests: 80_000, Tests: []string{"get"}, Pin: true, Generator: ourself}
	var ws []workload
	for loops := 1; loops <= 2; loops++ {
		w := base
		w.Loops = loops
		for _, w.Clients = range []int{1, 10, 100, 1000, 2000, 10_000} {
			w.Name = fmt.Sprintf("clients%d-l%d", w.Clients, loops)
			w.Requests = base.Requests
			if w.Clients == 1 {
				w.Requests = 20_000
			}
			ws = append(ws, w)
		}
		w.Clients, w.Requests = base.Clients, base.Requests
		for _, w.Servers = range []int{1, 4, 16, 100} {
			w.Name = fmt.Sprintf("servers%d-l%d", w.Servers, loops)
			ws = append(ws, w)
		}
	}
	return ws
}
