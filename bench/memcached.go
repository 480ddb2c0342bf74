package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
)

// memcached is memcached under memtier_benchmark where that is installed, else under our own load generator, which also
// runs what memtier_benchmark can't: gets of many keys.
type memcached struct{}

const memtier = "memtier_benchmark"

func (memcached) name() string       { return "memcached" }
func (memcached) binaries() []string { return []string{"memcached"} }
func (memcached) redis() bool        { return false }

// serverArgv: one thread, as redis-server has, values of more than a megabyte, and room for all keys of a workload whatever
// was there before.
func (memcached) serverArgv(port, _ string, clients int) []string {
	argv := []string{"memcached", "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "1024", "-I", "2m", "-t", "1", "-c", strconv.Itoa(clients)}
	if isRoot() {
		argv = append(argv, "-u", "nobody") // it refuses to run as root
	}
	return argv
}

func (memcached) ping(c *conn) error     { return c.expect("version\r\n", "VERSION ...") }
func (memcached) flushAll(c *conn) error { return c.expect("flush_all\r\n", "OK") }

func (memcached) key(n int) string { return "key:" + strconv.Itoa(n) }

func (memcached) setCommand(key, value string) string {
	return fmt.Sprintf("set %s 0 0 %d\r\n%s\r\n", key, len(value), value)
}

func (memcached) setReply() string { return "STORED" }

func (memcached) lookups(c *conn) (lookups, error) {
	var l lookups
	counters := map[string]*int64{"get_hits": &l.hits, "get_misses": &l.misses, "cmd_set": &l.sets}
	line, err := c.ask("stats\r\n")
	for ; err == nil && line != "END"; line, err = c.line() {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "STAT" {
			return l, fmt.Errorf("stats is answered %q", line)
		}
		if n := counters[f[1]]; n != nil {
			*n = leadingInt(f[len(f)-1])
		}
	}
	return l, err
}

func (memcached) loadArgv(w workload, test, addr string) []string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic("bench: address " + addr)
	}
	if _, err := exec.LookPath(memtier); err != nil || keysOf(test) > 1 || w.ours(test) {
		return ourArgv(w, test, addr)
	}
	ratio := "0:1"
	if test == "set" {
		ratio = "1:0"
	}
	return []string{
		memtier, "--server=" + host, "--port=" + port, "--protocol=memcache_text", "--threads=1",
		"--clients=" + strconv.Itoa(w.Clients), "--requests=" + strconv.Itoa(max(w.Requests/w.Clients, 1)),
		"--pipeline=" + strconv.Itoa(w.Pipeline), "--data-size=" + strconv.Itoa(w.ValueBytes), "--ratio=" + ratio,
		"--key-prefix=key:", "--key-minimum=0", "--key-maximum=" + strconv.Itoa(w.Keys-1),
		"--print-percentiles=50,95,99,99.9", "--hide-histogram",
	}
}

// parseLoad reads the last table of memtier_benchmark:
//
//	Type         Ops/sec     Hits/sec   Misses/sec    Avg. Latency     p50 Latency     p99 Latency   p99.9 Latency       KB/sec
//	---------------------------------------------------------------------------------------------------------------------------
//	Totals      48123.41     48123.41         0.00         2.06932         1.99900         3.58300         4.19100     52000.12
func (memcached) parseLoad(r io.Reader) (load, error) {
	var l load
	var names []string
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		switch f := strings.Fields(strings.NewReplacer(" Latency", "_Latency").Replace(sc.Text())); {
		case len(f) == 0:
		case f[0] == "Type":
			names = f
		case f[0] == "Totals" && len(f) == len(names):
			for i, name := range names {
				into := map[string]*float64{
					"Ops/sec": &l.rps, "p50_Latency": &l.p50, "p95_Latency": &l.p95, "p99_Latency": &l.p99, "p99.9_Latency": &l.p999,
				}[name]
				if into == nil {
					continue
				}
				var err error
				if *into, err = strconv.ParseFloat(f[i], 64); err != nil {
					return l, fmt.Errorf("its column %s: %w", name, err)
				}
			}
		}
	}
	if !(l.rps > 0 && l.p50 > 0 && l.p99 > 0) {
		return l, errors.Join(errors.New("its output has no totals"), sc.Err())
	}
	return l, nil
}
