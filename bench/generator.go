package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// generateCommand is the argument with which the bench runs itself as a load generator, in a process of its own so that
// its CPU time is the client's:
//
//	bench load -addr 127.0.0.1:11211 -test get -clients 100 -requests 100000 -pipeline 1 -keys 1000 -size 64
//
// It opens all connections and then, on each, sends pipeline requests at once, for random keys, and waits for all their
// replies, until the requests are used up. It runs on one CPU, as redis-benchmark does, with a goroutine a connection,
// and prints one line of JSON.
const generateCommand = "load"

// generated is what it prints. Latencies are in milliseconds, from the write that held a request to its whole reply.
type generated struct {
	RPS float64 `json:"rps"`
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// generator is what the connections share.
type generator struct {
	addr                      string
	keysPerRequest            int // 0 for set
	pipeline, keys, valueSize int
	left                      atomic.Int64 // requests that nobody has begun
	latencies                 histogram
}

func generate(args []string, stdout io.Writer) error {
	g := &generator{}
	fs := flag.NewFlagSet("bench "+generateCommand, flag.ContinueOnError)
	fs.StringVar(&g.addr, "addr", "", "")
	test := fs.String("test", "get", "")
	clients := fs.Int("clients", 1, "")
	requests := fs.Int("requests", 1, "")
	fs.IntVar(&g.pipeline, "pipeline", 1, "")
	fs.IntVar(&g.keys, "keys", 1, "")
	fs.IntVar(&g.valueSize, "size", 1, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *clients < 1 || *requests < 1 || g.pipeline < 1 || g.keys < 1 || g.valueSize < 0 {
		return errors.New("want at least one of everything")
	}
	g.keysPerRequest = keysOf(*test)
	g.left.Store(int64(*requests))

	var conns []net.Conn
	for range *clients {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			return err
		}
		defer closeQuietly(c)
		conns = append(conns, c)
	}
	start := time.Now()
	errs := make([]error, len(conns))
	var running sync.WaitGroup
	for i, c := range conns {
		running.Go(func() { errs[i] = g.run(c, rand.New(rand.NewPCG(uint64(i), uint64(*requests)))) })
	}
	running.Wait()
	elapsed := time.Since(start)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	h := &g.latencies
	return json.NewEncoder(stdout).Encode(generated{
		RPS: float64(*requests) / elapsed.Seconds(), P50: h.quantile(0.5), P95: h.quantile(0.95), P99: h.quantile(0.99), Max: h.quantile(1),
	})
}

// run is one connection.
func (g *generator) run(c net.Conn, random *rand.Rand) error {
	r := bufio.NewReaderSize(c, 64<<10)
	value := strings.Repeat("x", g.valueSize) + "\r\n"
	var batch []byte
	for {
		left := int(g.left.Add(-int64(g.pipeline))) + g.pipeline
		if left <= 0 {
			return nil
		}
		n := min(left, g.pipeline)
		batch = batch[:0]
		for range n {
			batch = g.appendRequest(batch, random, value)
		}
		sent := time.Now()
		if _, err := c.Write(batch); err != nil {
			return err
		}
		for range n {
			if err := g.readReply(r); err != nil {
				return err
			}
			g.latencies.add(time.Since(sent))
		}
	}
}

func (g *generator) appendRequest(b []byte, random *rand.Rand, value string) []byte {
	key := func() {
		b = append(b, " key:"...)
		b = strconv.AppendInt(b, int64(random.IntN(g.keys)), 10)
	}
	if g.keysPerRequest == 0 {
		b = append(b, "set"...)
		key()
		b = append(b, " 0 0 "...)
		b = strconv.AppendInt(b, int64(g.valueSize), 10)
		b = append(b, "\r\n"...)
		return append(b, value...)
	}
	b = append(b, "get"...)
	for range g.keysPerRequest {
		key()
	}
	return append(b, "\r\n"...)
}

// readReply reads one reply. Misses are counted by the servers.
func (g *generator) readReply(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case g.keysPerRequest == 0 && string(line) == "STORED\r\n", g.keysPerRequest > 0 && string(line) == "END\r\n":
			return nil
		case g.keysPerRequest == 0 || !bytes.HasPrefix(line, []byte("VALUE ")):
			return fmt.Errorf("a request is answered %q", line)
		}
		line = bytes.TrimRight(line, "\r\n")
		size := leadingInt(string(line[bytes.LastIndexByte(line, ' ')+1:]))
		if _, err := r.Discard(int(size) + 2); err != nil {
			return err
		}
	}
}

// histogram counts latencies by the microsecond, up to one second; those above count as one second. Its size does not
// depend on the number of requests. Any goroutine may add.
type histogram struct{ counts [1_000_001]atomic.Uint32 }

func (h *histogram) add(d time.Duration) {
	h.counts[min(d.Microseconds(), int64(len(h.counts)-1))].Add(1)
}

// quantile returns the least latency in milliseconds that a share q of all do not exceed.
func (h *histogram) quantile(q float64) float64 {
	total := 0
	for i := range h.counts {
		total += int(h.counts[i].Load())
	}
	seen, latency := 0, 0
	for i := range h.counts {
		n := int(h.counts[i].Load())
		if n == 0 {
			continue
		}
		latency = i
		if seen += n; float64(seen) >= q*float64(total) {
			break
		}
	}
	return float64(latency) / 1000
}
