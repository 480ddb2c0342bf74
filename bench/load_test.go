package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// report is what redis-benchmark prints, with a place for a throughput and for the latencies.
const report = "SET: rps=0.0 (overall: -nan) avg_msec=-nan (overall: -nan)\r      \r====== SET ======\n" + `  20000 requests completed in 0.14 seconds
  10 parallel clients
  host configuration "save": 3600 1

Latency by percentile distribution:
0.000% <= 0.055 milliseconds (cumulative count 8)
99.805% <= 2.415 milliseconds (cumulative count 19964)
99.902% <= 2.647 milliseconds (cumulative count 19984)
100.000% <= 2.687 milliseconds (cumulative count 20000)

Cumulative distribution of latencies:
99.999% <= 9.103 milliseconds (cumulative count 1740)

Summary:
  throughput summary: RPS requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.185     0.048     0.175     0.287     0.471     2.687

`

func TestParseRedisBenchmark(t *testing.T) {
	full := strings.Replace(report, "RPS", "148148.14", 1)
	want := load{rps: 148148.14, p50: 0.175, p95: 0.287, p99: 0.471, p999: 2.647, max: 2.687}
	few := want
	few.p999 = 2.687
	tests := []struct {
		name, in string
		want     load
		err      string // part of it; "" for none
	}{
		{name: "set", in: full, want: want},
		{name: "warnings around it", in: "WARNING: Could not fetch server CONFIG\n" + full + "bye", want: want},
		{name: "few requests", in: strings.Replace(full, "99.902% <= 2.647 milliseconds (cumulative count 19984)\n", "", 1), want: few},
		{name: "empty", in: "", err: "no summary"},
		{name: "cut short", in: strings.Split(full, "0.185")[0], err: "no summary"},
		{name: "redis 6.0", in: "99.90% <= 1 milliseconds\n20000.00 requests per second\n", err: "no summary"},
		{name: "another column", in: strings.Replace(full, "p95", "p96", 1), err: "column p96"},
		{name: "not a number", in: strings.Replace(full, "0.471", "fast", 1), err: "column p99"},
		{name: "no throughput", in: strings.Replace(full, "148148.14", "many", 1), err: "throughput"},
		{name: "no requests", in: strings.Replace(full, "148148.14", "0.00", 1), err: "no requests"},
		{name: "NaN", in: strings.Replace(full, "148148.14", "-nan", 1), err: "throughput"},
		{name: "no latency", in: strings.Replace(full, "2.647", "long", 1), err: "latency of long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := redis{}.parseLoad(strings.NewReader(tt.in))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("parseLoad(%q) = %+v, %v; want an error with %q", tt.in, got, err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("parseLoad(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseOurs(t *testing.T) {
	got, err := parseOurs([]byte(`{"rps":1000,"p50_ms":1,"p90_ms":2,"p95_ms":3,"p99_ms":4,"p999_ms":5,"max_ms":6,"requests":2000,"rate":1000,"late":7,"cpu_us":2}` + "\n"))
	if want := (load{rps: 1000, p50: 1, p95: 3, p99: 4, p999: 5, max: 6, late: 7, cpu: 4 * time.Millisecond}); err != nil || got != want {
		t.Errorf("parseOurs = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "{", `{"rps":0}`} {
		if got, err := parseOurs([]byte(bad)); err == nil {
			t.Errorf("parseOurs(%q) = %+v; want an error", bad, got)
		}
	}
}

func TestLoadArgv(t *testing.T) {
	w := workload{Protocol: "redis", Clients: 50, Pipeline: 16, ValueBytes: 64, Keys: 1000, Requests: 20000}
	const ours = "bench load -hold -addr 127.0.0.1:7001 -protocol redis -test "
	lone, idle, rate := w, w, w
	lone.Clients, lone.Pipeline, idle.Idle, rate.Rate = 1, 1, 9, 700.4
	chosen := w
	chosen.Generator = ourself
	tests := []struct {
		w          workload
		test, want string
	}{
		{w, "get", "redis-benchmark -h 127.0.0.1 -p 7001 --precision 3 -c 50 -n 20000 -P 16 -r 1000 -d 64 -t get"},
		{w, "mget3", "redis-benchmark -h 127.0.0.1 -p 7001 --precision 3 -c 50 -n 20000 -P 16 -r 1000 -d 64 mget key:__rand_int__ key:__rand_int__ key:__rand_int__"},
		{w, mixed, ours + "mixed -clients 50 -requests 20000 -pipeline 16 -keys 1000 -size 64"},
		{chosen, "mget3", ours + "mget3 -clients 50 -requests 20000 -pipeline 16 -keys 1000 -size 64"},
		{lone, "get", ours + "get -clients 1 -requests 20000 -pipeline 1 -keys 1000 -size 64"},
		{idle, "get", ours + "get -clients 50 -requests 20000 -pipeline 16 -keys 1000 -size 64 -idle 9"},
		{rate, "get", ours + "get -clients 50 -requests 20000 -pipeline 16 -keys 1000 -size 64 -rate 700"},
	}
	for _, tt := range tests {
		if got := strings.Join(redis{}.loadArgv(tt.w, tt.test, "127.0.0.1:7001"), " "); got != tt.want {
			t.Errorf("loadArgv(%s) = %q; want %q", tt.test, got, tt.want)
		}
	}
}

func TestLookupsAddInfo(t *testing.T) {
	var l lookups
	l.addInfo("# Stats\r\nkeyspace_hits:60\r\nkeyspace_misses:4\r\n")
	l.addInfo("# Commandstats\r\ncmdstat_get:calls=9,usec=1\r\ncmdstat_set:calls=17,usec=21,usec_per_call=1.2\r\n")
	l.addInfo("keyspace_hits:1\r\n")
	if want := (lookups{hits: 61, misses: 4, sets: 17}); l != want {
		t.Errorf("addInfo: %+v; want %+v", l, want)
	}
}

func TestMemcachedLoadArgv(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	w := workload{Protocol: "memcached", Clients: 50, Pipeline: 16, ValueBytes: 64, Keys: 1000, Requests: 20000}
	const ours = "bench load -hold -addr 127.0.0.1:7001 -protocol memcached -test get100 -clients 50 -requests 20000 -pipeline 16 -keys 1000 -size 64"
	if got := strings.Join(memcached{}.loadArgv(w, "get100", "127.0.0.1:7001"), " "); got != ours {
		t.Errorf("loadArgv without memtier_benchmark = %q; want %q", got, ours)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, memtier), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	const theirs = "memtier_benchmark --server=127.0.0.1 --port=7001 --protocol=memcache_text --threads=1 --clients=50 --requests=400 --pipeline=16 " +
		"--data-size=64 --ratio=1:0 --key-prefix=key: --key-minimum=0 --key-maximum=999 --print-percentiles=50,95,99,99.9 --hide-histogram"
	if got := strings.Join(memcached{}.loadArgv(w, "set", "127.0.0.1:7001"), " "); got != theirs {
		t.Errorf("loadArgv with memtier_benchmark = %q; want %q", got, theirs)
	}
	if got := (memcached{}).loadArgv(w, "get100", "127.0.0.1:7001"); got[0] != ourself {
		t.Errorf("loadArgv(get100) = %q; want our own generator", got)
	}
}

func TestParseMemtier(t *testing.T) {
	const table = `Writing results to stdout
ALL STATS
============================================================================================================================
Type         Ops/sec     Hits/sec   Misses/sec    Avg. Latency     p50 Latency     p95 Latency     p99 Latency   p99.9 Latency       KB/sec
----------------------------------------------------------------------------------------------------------------------------
Sets            0.00          ---          ---             ---             ---             ---             ---             ---         0.00
Gets        48123.41     48123.41         0.00         2.06932         1.99900         2.70300         3.58300         4.19100     52000.12
Waits           0.00          ---          ---             ---             ---             ---             ---             ---          ---
Totals      48123.41     48123.41         0.00         2.06932         1.99900         2.70300         3.58300         4.19100     52000.12
`
	got, err := memcached{}.parseLoad(strings.NewReader(table))
	if want := (load{rps: 48123.41, p50: 1.999, p95: 2.703, p99: 3.583, p999: 4.191}); err != nil || got != want {
		t.Errorf("parseLoad = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "connection error\n", strings.ReplaceAll(table, "48123.41", "0.00"), strings.ReplaceAll(table, "48123.41", "fast")} {
		if got, err := (memcached{}).parseLoad(strings.NewReader(bad)); err == nil {
			t.Errorf("parseLoad(%q) = %+v; want an error", bad, got)
		}
	}
}
