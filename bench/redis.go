package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// redis is redis-server under redis-benchmark.
type redis struct{}

func (redis) name() string       { return "redis" }
func (redis) binaries() []string { return []string{"redis-server", "redis-benchmark"} }
func (redis) redis() bool        { return true }

func (redis) serverArgv(port, dir string) []string {
	return []string{"redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir}
}

func (redis) ping(c *conn) error     { return c.expect("*1\r\n$4\r\nPING\r\n", "+PONG") }
func (redis) flushAll(c *conn) error { return c.expect("*1\r\n$8\r\nFLUSHALL\r\n", "+OK") }

func (redis) key(n int) string { return fmt.Sprintf("key:%012d", n) } // redis-benchmark's, without its hash tag

func (redis) setCommand(key, value string) string {
	return fmt.Sprintf("*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(key), key, len(value), value)
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

// loadArgv is redis-benchmark's command line. Keys are key:000000000000 and up, which prefill has written.
func (redis) loadArgv(w workload, test, addr string) []string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic("bench: address " + addr)
	}
	argv := []string{
		"redis-benchmark", "-h", host, "-p", port, "--csv",
		"-c", strconv.Itoa(w.Clients), "-n", strconv.Itoa(w.Requests), "-P", strconv.Itoa(w.Pipeline),
		"-r", strconv.Itoa(w.Keys), "-d", strconv.Itoa(w.ValueBytes),
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

// parseLoad finds the one result in what redis-benchmark --csv prints: a line of column names and a line of figures,
// perhaps with warnings around them.
//
// Source: redis 7.0 redis-benchmark.c, showLatencyReport. Redis 6.0 printed no column names and is refused.
func (redis) parseLoad(_ string, r io.Reader) (load, error) {
	var names []string
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		if !strings.HasPrefix(line, `"`) {
			continue
		}
		fields, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil {
			return load{}, fmt.Errorf("its output %q: %w", line, err)
		}
		if fields[0] == "test" {
			names = fields
			continue
		}
		if len(fields) != len(names) {
			return load{}, fmt.Errorf("its output %q does not fit the columns %q", line, names)
		}
		var l load
		into := map[string]*float64{
			"rps": &l.rps, "p50_latency_ms": &l.p50, "p95_latency_ms": &l.p95, "p99_latency_ms": &l.p99, "max_latency_ms": &l.max,
		}
		for i, name := range names {
			p := into[name]
			if p == nil {
				continue
			}
			if *p, err = strconv.ParseFloat(fields[i], 64); err != nil {
				return load{}, fmt.Errorf("its column %s: %w", name, err)
			}
			delete(into, name)
		}
		for name := range into {
			return load{}, fmt.Errorf("its output has no column %s", name)
		}
		if !(l.rps > 0) {
			return load{}, fmt.Errorf("its output %q: no requests", line)
		}
		return l, nil
	}
	return load{}, errors.Join(errors.New("its output has no result"), sc.Err())
}
