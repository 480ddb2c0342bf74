package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"cashew/bench/generator"
)

// redis is redis-server under redis-benchmark.
type redis struct{}

func (redis) name() string       { return "redis" }
func (redis) binaries() []string { return []string{"redis-server", "redis-benchmark"} }
func (redis) redis() bool        { return true }

func (redis) serverArgv(port, dir string, clients int) []string {
	return []string{
		"redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir,
		"--maxclients", strconv.Itoa(clients),
	}
}

func (redis) ping(c *conn) error     { return c.expect("*1\r\n$4\r\nPING\r\n", "+PONG") }
func (redis) flushAll(c *conn) error { return c.expect("*1\r\n$8\r\nFLUSHALL\r\n", "+OK") }

func (redis) key(n int) string { return fmt.Sprintf("key:%012d", n) } // redis-benchmark's, without its hash tag

func (redis) setCommand(key, value string) string {
	return fmt.Sprintf("*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(key), key, len(value), value)
}

// setHash is what makes the hash at a key, each field of which has that value.
func (w workload) setHash(key, value string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n$4\r\nHSET\r\n$%d\r\n%s\r\n", 2+2*w.Fields, len(key), key)
	for i := range w.Fields {
		field := generator.HashField(i)
		fmt.Fprintf(&b, "$%d\r\n%s\r\n$%d\r\n%s\r\n", len(field), field, len(value), value)
	}
	return b.String()
}

func (redis) setReply() string { return "+OK" }

func (redis) lookups(c *conn) (lookups, error) {
	var l lookups
	for _, section := range []string{"stats", "commandstats"} {
		line, err := c.ask(fmt.Sprintf("*2\r\n$4\r\nINFO\r\n$%d\r\n%s\r\n", len(section), section))
		if err != nil {
			return l, err
		}
		n, err := strconv.Atoi(strings.TrimPrefix(line, "$"))
		if err != nil || n < 0 || n > 1<<20 {
			return l, fmt.Errorf("INFO is answered %q", line)
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, body); err != nil {
			return l, err
		}
		l.addInfo(string(body))
	}
	return l, nil
}

// addInfo takes its counters from INFO's text.
func (l *lookups) addInfo(info string) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "keyspace_hits":
			l.hits += leadingInt(value)
		case "keyspace_misses":
			l.misses += leadingInt(value)
		case "cmdstat_set":
			l.sets += leadingInt(strings.TrimPrefix(value, "calls="))
		}
	}
}

func leadingInt(s string) int64 {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return n
}

// loadArgv is redis-benchmark's command line. Keys are key:000000000000 and up, which prefill has written. Its CSV has no
// percentile above the 99th, so it is asked for the long report.
func (redis) loadArgv(w workload, test, addr string) []string {
	if w.ours(test) {
		return ourArgv(w, test, addr)
	}
	argv := []string{"redis-benchmark", "-s", addr}
	if networkOf(addr) == "tcp" {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			panic("bench: address " + addr)
		}
		argv = []string{"redis-benchmark", "-h", host, "-p", port}
	}
	argv = append(argv, "--precision", "3",
		"-c", strconv.Itoa(w.Clients), "-n", strconv.Itoa(w.Requests), "-P", strconv.Itoa(w.Pipeline),
		"-r", strconv.Itoa(w.Keys), "-d", strconv.Itoa(w.ValueBytes),
	)
	if w.RESP3 {
		argv = append(argv, "-3")
	}
	if n := keysOf(test); n > 1 {
		argv = append(argv, "mget")
		for range n {
			argv = append(argv, "key:__rand_int__")
		}
		return argv
	}
	return append(argv, "-t", test)
}

// parseLoad reads redis-benchmark's report of one test. Lines that end with a carriage return alone are its progress.
//
//	Latency by percentile distribution:
//	99.805% <= 2.415 milliseconds (cumulative count 19964)
//	99.902% <= 2.647 milliseconds (cumulative count 19984)
//	...
//	Summary:
//	  throughput summary: 148148.14 requests per second
//	  latency summary (msec):
//	          avg       min       p50       p95       p99       max
//	        0.185     0.048     0.175     0.287     0.471     2.687
//
// The p99.9 is the first of the first list that is not below, 99.902 % with enough requests: it halves what is left from
// line to line.
//
// Source: redis 7.0 redis-benchmark.c, showLatencyReport. Redis 6.0 printed no summary and is refused.
func (redis) parseLoad(r io.Reader) (load, error) {
	var l load
	var names []string
	sc := bufio.NewScanner(r)
	sc.Split(bufio.ScanWords)
	var words []string
	for sc.Scan() {
		words = append(words, sc.Text())
	}
	if err := sc.Err(); err != nil {
		return l, err
	}
	for i, word := range words {
		rest := words[i+1:]
		switch {
		case l.p999 == 0 && strings.HasSuffix(word, "%") && len(rest) > 2 && rest[0] == "<=" && rest[2] == "milliseconds":
			percent, err := strconv.ParseFloat(strings.TrimSuffix(word, "%"), 64)
			if err != nil || percent < 99.9 {
				continue
			}
			if l.p999, err = strconv.ParseFloat(rest[1], 64); err != nil {
				return l, fmt.Errorf("its output has a latency of %s: %w", rest[1], err)
			}
		case word == "throughput" && len(rest) > 1 && rest[0] == "summary:":
			var err error
			if l.rps, err = strconv.ParseFloat(rest[1], 64); err != nil {
				return l, fmt.Errorf("its throughput: %w", err)
			}
		case word == "(msec):":
			names = rest
		}
	}
	columns := map[string]*float64{"avg": nil, "min": nil, "p50": &l.p50, "p95": &l.p95, "p99": &l.p99, "max": &l.max}
	n := len(columns)
	if len(names) < 2*n {
		return l, errors.New("its output has no summary")
	}
	for i, name := range names[:n] {
		p, known := columns[name]
		if !known {
			return l, fmt.Errorf("its summary has a column %s", name)
		}
		delete(columns, name)
		if p == nil {
			continue
		}
		var err error
		if *p, err = strconv.ParseFloat(names[n+i], 64); err != nil {
			return l, fmt.Errorf("its column %s: %w", name, err)
		}
	}
	if !(l.rps > 0) {
		return l, errors.New("its output: no requests")
	}
	return l, nil
}
