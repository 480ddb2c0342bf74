package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load is what one run of redis-benchmark says of itself. Latencies are in milliseconds.
type load struct {
	command                 string
	rps, p50, p95, p99, max float64
	cpu                     time.Duration // user and system time of redis-benchmark
}

// loadArgv is redis-benchmark's command line. Keys are key:000000000000 and up, which prefill has written.
func loadArgv(w workload, test, addr string) []string {
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

// runLoad runs redis-benchmark to its end, or kills it when ctx ends or when it takes as long as 2,000 requests a second
// would (a proxy that lost a reply leaves it waiting forever).
func runLoad(ctx context.Context, ps *processes, w workload, test, addr string) (load, error) {
	timeout := 30*time.Second + time.Duration(w.Requests)*500*time.Microsecond
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done after %v", timeout))
	defer cancel()
	argv := loadArgv(w, test, addr)
	full := pinned(ps.clientCPU, argv)
	cmd := exec.CommandContext(ctx, full[0], full[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var l load
	if err == nil {
		l, err = parseCSV(&stdout)
	}
	l.command = strings.Join(argv, " ")
	if err != nil {
		said := strings.TrimSpace(stderr.String() + stdout.String())
		return l, fmt.Errorf("redis-benchmark, %s: %w: %s", test, err, said[max(0, len(said)-400):])
	}
	l.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return l, nil
}

// parseCSV finds the one result in what redis-benchmark --csv prints: a line of column names and a line of figures,
// perhaps with warnings around them.
//
// Source: redis 7.0 redis-benchmark.c, showLatencyReport. Redis 6.0 printed no column names and is refused.
func parseCSV(r io.Reader) (load, error) {
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

// prefill writes every key that a run may ask for, with values of size bytes, so that all contenders' GETs hit.
func prefill(ctx context.Context, addr string, keys, size int) error {
	c, err := dial(ctx, addr, 2*time.Minute)
	if err != nil {
		return err
	}
	defer closeQuietly(c)
	value := strings.Repeat("x", size)
	batch := min(max(1<<20/(size+64), 1), 512)
	for from := 0; from < keys; from += batch {
		to := min(from+batch, keys)
		for k := from; k < to; k++ {
			fmt.Fprintf(c.w, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n", k, size, value)
		}
		if err := c.w.Flush(); err != nil {
			return err
		}
		for range to - from {
			line, err := c.line()
			if err != nil {
				return err
			}
			if line != "+OK" {
				return fmt.Errorf("SET is answered %q", line)
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// conn is a client that knows as much of Redis's protocol as the bench itself needs.
type conn struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

// dial connects; everything on the connection must be over after timeout.
func dial(ctx context.Context, addr string, timeout time.Duration) (*conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Now().Add(timeout)); err != nil {
		closeQuietly(nc)
		return nil, err
	}
	return &conn{Conn: nc, r: bufio.NewReaderSize(nc, 64<<10), w: bufio.NewWriterSize(nc, 256<<10)}, nil
}

func (c *conn) line() (string, error) {
	s, err := c.r.ReadString('\n')
	return strings.TrimRight(s, "\r\n"), err
}

// do sends one command and returns a simple string's or a bulk's text; an error reply is an error.
func (c *conn) do(args ...string) (string, error) {
	fmt.Fprintf(c.w, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(c.w, "$%d\r\n%s\r\n", len(a), a)
	}
	if err := c.w.Flush(); err != nil {
		return "", err
	}
	line, err := c.line()
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(line, "+"):
		return line[1:], nil
	case strings.HasPrefix(line, "$"):
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 || n > 1<<20 {
			return "", fmt.Errorf("%s is answered %q", args[0], line)
		}
		body := make([]byte, n+2)
		_, err = io.ReadFull(c.r, body)
		return string(body[:n]), err
	}
	return "", fmt.Errorf("%s is answered %q", args[0], line)
}

// closeQuietly closes what was only read, or written and answered.
func closeQuietly(c io.Closer) { _ = c.Close() }

func ping(ctx context.Context, addr string) error {
	c, err := dial(ctx, addr, time.Second)
	if err != nil {
		return err
	}
	defer closeQuietly(c)
	reply, err := c.do("PING")
	if err == nil && reply != "PONG" {
		err = fmt.Errorf("PING is answered %q", reply)
	}
	return err
}

func flushAll(ctx context.Context, addr string) error {
	c, err := dial(ctx, addr, time.Minute)
	if err != nil {
		return err
	}
	defer closeQuietly(c)
	_, err = c.do("FLUSHALL")
	return err
}

// lookups are counters of redis-server: keys that were looked up and found or not, and SETs executed.
type lookups struct{ hits, misses, sets int64 }

// readLookups adds up the counters of the servers.
func readLookups(ctx context.Context, servers []*process) (lookups, error) {
	var sum lookups
	for _, s := range servers {
		c, err := dial(ctx, s.addr, 10*time.Second)
		if err != nil {
			return sum, err
		}
		for _, section := range []string{"stats", "commandstats"} {
			var info string
			if info, err = c.do("INFO", section); err != nil {
				break
			}
			sum.add(info)
		}
		closeQuietly(c)
		if err != nil {
			return sum, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return sum, nil
}

// add takes its counters from INFO's text.
func (l *lookups) add(info string) {
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
