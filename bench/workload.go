package main

import (
	"fmt"
	"math"
	"strings"
)

// A workload is one load on one set of servers. Its tests run one after the other, since CPU time is told apart by run.
type workload struct {
	Name       string   `json:"name"`
	Protocol   string   `json:"protocol"`
	Servers    int      `json:"servers"` // behind a proxy; direct always talks to one that has all the keys
	Clients    int      `json:"clients"` // that send requests
	Idle       int      `json:"idle,omitempty"`
	Pipeline   int      `json:"pipeline"`
	ValueBytes int      `json:"value_bytes"`
	Keys       int      `json:"keys"`
	Requests   int      `json:"requests"` // of one run
	Tests      []string `json:"tests"`    // "set", "get", "mixed", "multi", "publish", "hgetall" and a number of fields, or "mget" (memcached: "get") and a number of keys

	Fields       int     `json:"fields,omitempty"`         // of the hash at each key; 0: it has a string
	Only         int     `json:"only_keys,omitempty"`      // so many keys, whatever -keys says
	Zipf         float64 `json:"zipf,omitempty"`           // see the generator's -zipf
	Writes       float64 `json:"writes,omitempty"`         // of mixed, how many of 100 set; 0: 20
	Near         string  `json:"near,omitempty"`           // what cashew keeps near; "": nothing
	RESP3        bool    `json:"resp3,omitempty"`          // clients say HELLO 3 first; redis-benchmark alone can
	TLS          bool    `json:"tls,omitempty"`            // clients speak TLS; redis-benchmark alone can
	Handshakes   float64 `json:"handshakes,omitempty"`     // that others make a second meanwhile, over TLS, half of them resuming a session
	Loops        int     `json:"loops,omitempty"`          // cashew's event loops; 0 leaves them to cashew
	Pin          bool    `json:"pin,omitempty"`            // the proxy on as many CPUs as it has loops, the others on others, see placementFor
	Generator    string  `json:"generator,omitempty"`      // ourself, or "" for the protocol's choice
	Rate         float64 `json:"rate,omitempty"`           // requests a second; 0: the next one follows the reply
	RateOfDirect float64 `json:"rate_of_direct,omitempty"` // what Rate is to be, as a part of what direct reaches; see calibrate
}

// Tests of our own generator alone: transactions of a set and a get, and messages to all clients, each of which counts as a request.
const (
	transaction = "multi"
	fanOut      = "publish"
)

// mixed is the test of our own generator that sets now and then and gets otherwise.
const mixed = "mixed"

func (w workload) protocol() protocol {
	for _, p := range protocols {
		if p.name() == w.Protocol {
			return p
		}
	}
	panic("bench: unknown protocol " + w.Protocol)
}

// scaled returns w with its requests times scale, in whole pipelines, and with keys that fit in memory: values never exceed 64 MiB in all
// unless keys of at most 1 KiB do. A smaller scale also takes idle clients away.
func (w workload) scaled(scale float64, keys int) workload {
	w.Requests = max(int(float64(w.Requests)*scale)/w.Pipeline, w.Clients) * w.Pipeline
	if w.Tests[0] == fanOut { // a message is for all
		w.Requests -= w.Requests % (w.Clients * w.Pipeline)
	}
	if w.Idle > 0 && scale < 1 {
		w.Idle = int(math.Ceil(float64(w.Idle) * scale))
	}
	if w.ValueBytes > 1024 {
		keys = min(keys, 64<<20/w.ValueBytes)
	}
	if w.Only > 0 {
		keys = w.Only
	}
	w.Keys = keys
	return w
}

func (w workload) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d clients", strings.ToUpper(strings.Join(w.Tests, " ")), w.Clients)
	if w.Idle > 0 {
		fmt.Fprintf(&b, " and %d idle", w.Idle)
	}
	fmt.Fprintf(&b, ", pipeline %d, %d-byte values, %d keys, %d requests, %d server", w.Pipeline, w.ValueBytes, w.Keys, w.Requests, w.Servers)
	if w.Servers > 1 {
		b.WriteString("s")
	}
	switch {
	case w.Rate > 0:
		fmt.Fprintf(&b, ", %.0f requests a second", w.Rate)
	case w.RateOfDirect > 0:
		fmt.Fprintf(&b, ", at %.0f %% of what direct reaches", 100*w.RateOfDirect)
	}
	if w.Fields > 0 {
		fmt.Fprintf(&b, ", hashes of %d fields", w.Fields)
	}
	if w.Zipf > 0 {
		fmt.Fprintf(&b, ", keys by Zipf's law with %g", w.Zipf)
	}
	if w.Writes > 0 {
		fmt.Fprintf(&b, ", %g %% of them SET", w.Writes)
	}
	if w.Near != "" {
		b.WriteString(", cashew keeps " + w.Near + " near")
	}
	if w.RESP3 {
		b.WriteString(", in RESP3")
	}
	if w.TLS {
		b.WriteString(", over TLS")
	}
	if w.Handshakes > 0 {
		fmt.Fprintf(&b, ", beside %.0f TLS handshakes a second", w.Handshakes)
	}
	if w.Loops > 0 {
		fmt.Fprintf(&b, ", cashew's loops: %d", w.Loops)
	}
	if w.Pin {
		b.WriteString(", pinned")
	}
	if w.Generator != "" {
		b.WriteString(", by " + w.Generator)
	}
	return b.String()
}

// hashTest and a number of fields is the test that asks for whole hashes.
const hashTest = "hgetall"

// cluster says that the servers are one.
func (w workload) cluster() bool { return w.Protocol == redisCluster{}.name() }

// secure says that somebody speaks TLS.
func (w workload) secure() bool { return w.TLS || w.Handshakes > 0 }

// keysOf returns how many keys one request of a test reads: 0 for set and publish, 1 for mixed, of which only some read.
func keysOf(test string) int {
	switch test {
	case "set", fanOut:
		return 0
	case "get", mixed, transaction:
		return 1
	}
	if strings.HasPrefix(test, hashTest) {
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
