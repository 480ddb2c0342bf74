package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const csvHeading = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n"

func TestParseRedisBenchmark(t *testing.T) {
	tests := []struct {
		name, in string
		want     load
		err      string // part of it; "" for none
	}{
		{
			name: "get", in: csvHeading + `"GET","425531.94","0.681","0.128","0.367","2.255","3.959","4.703"` + "\n",
			want: load{rps: 425531.94, p50: 0.367, p95: 2.255, p99: 3.959, max: 4.703},
		},
		{
			name: "custom command", in: csvHeading + `"mget key:__rand_int__ key:__rand_int__","45662.10","0.356","0.040","0.167","1.287","1.863","3.431"`,
			want: load{rps: 45662.10, p50: 0.167, p95: 1.287, p99: 1.863, max: 3.431},
		},
		{
			name: "warnings around it", in: "WARN: could not fetch server CONFIG\r\n" + csvHeading + `"SET","1.00","1","1","2","3","4","5"` + "\r\n\r\nbye",
			want: load{rps: 1, p50: 2, p95: 3, p99: 4, max: 5},
		},
		{
			name: "columns in another order", in: `"test","max_latency_ms","p99_latency_ms","p95_latency_ms","p50_latency_ms","p999","rps"` + "\n" + `"SET","5","4","3","2","9","1"`,
			want: load{rps: 1, p50: 2, p95: 3, p99: 4, max: 5},
		},
		{name: "empty", in: "", err: "no result"},
		{name: "heading alone", in: csvHeading, err: "no result"},
		{name: "redis 6.0", in: `"GET","425531.94"` + "\n", err: "does not fit"},
		{name: "column missing", in: `"test","rps"` + "\n" + `"GET","1.0"`, err: "no column"},
		{name: "not a number", in: csvHeading + `"GET","fast","1","1","1","1","1","1"`, err: "column rps"},
		{name: "no requests", in: csvHeading + `"GET","0.00","0","0","0","0","0","0"`, err: "no requests"},
		{name: "NaN", in: csvHeading + `"GET","-nan","0","0","0","0","0","0"`, err: "rps"},
		{name: "open quote", in: csvHeading + `"GET,"`, err: "its output"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := redis{}.parseLoad("redis-benchmark", strings.NewReader(tt.in))
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

func TestLoadArgv(t *testing.T) {
	w := workload{Clients: 50, Pipeline: 16, ValueBytes: 64, Keys: 1000, Requests: 20000}
	tests := []struct{ test, want string }{
		{"get", "redis-benchmark -h 127.0.0.1 -p 7001 --csv -c 50 -n 20000 -P 16 -r 1000 -d 64 -t get"},
		{"mget3", "redis-benchmark -h 127.0.0.1 -p 7001 --csv -c 50 -n 20000 -P 16 -r 1000 -d 64 mget key:__rand_int__ key:__rand_int__ key:__rand_int__"},
	}
	for _, tt := range tests {
		if got := strings.Join(redis{}.loadArgv(w, tt.test, "127.0.0.1:7001"), " "); got != tt.want {
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

func TestWorkloads(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range workloads {
		if seen[w.Name] {
			t.Errorf("workload %s is there twice", w.Name)
		}
		seen[w.Name] = true
		for _, test := range w.Tests {
			if n := keysOf(test); n < 0 || (n == 0) != (test == "set") {
				t.Errorf("keysOf(%s) = %d", test, n)
			}
		}
		for _, scale := range []float64{0.00001, 0.02, 1, 3} {
			s := w.scaled(scale, 100_000)
			if s.Requests < s.Clients*s.Pipeline {
				t.Errorf("%s at %v: %d requests do not fill %d clients' pipelines", w.Name, scale, s.Requests, s.Clients)
			}
			if s.Keys < 1 || s.Keys*s.ValueBytes > 128<<20 {
				t.Errorf("%s: %d keys of %d bytes", w.Name, s.Keys, s.ValueBytes)
			}
			if n := s.straceRequests(); n < 1 || n > s.Requests {
				t.Errorf("%s at %v: %d of %d requests under strace", w.Name, scale, n, s.Requests)
			}
		}
	}
}

func TestMemcachedLoadArgv(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	w := workload{Clients: 50, Pipeline: 16, ValueBytes: 64, Keys: 1000, Requests: 20000}
	const ours = "bench load -addr 127.0.0.1:7001 -protocol memcached -test get100 -clients 50 -requests 20000 -pipeline 16 -keys 1000 -size 64"
	if got := strings.Join(memcached{}.loadArgv(w, "get100", "127.0.0.1:7001"), " "); got != ours {
		t.Errorf("loadArgv without memtier_benchmark = %q; want %q", got, ours)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, memtier), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	const theirs = "memtier_benchmark --server=127.0.0.1 --port=7001 --protocol=memcache_text --threads=1 --clients=50 --requests=400 --pipeline=16 " +
		"--data-size=64 --ratio=1:0 --key-prefix=key: --key-minimum=0 --key-maximum=999 --print-percentiles=50,95,99 --hide-histogram"
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
Type         Ops/sec     Hits/sec   Misses/sec    Avg. Latency     p50 Latency     p95 Latency     p99 Latency       KB/sec
----------------------------------------------------------------------------------------------------------------------------
Sets            0.00          ---          ---             ---             ---             ---             ---         0.00
Gets        48123.41     48123.41         0.00         2.06932         1.99900         2.70300         3.58300     52000.12
Waits           0.00          ---          ---             ---             ---             ---             ---          ---
Totals      48123.41     48123.41         0.00         2.06932         1.99900         2.70300         3.58300     52000.12
`
	got, err := memcached{}.parseLoad(memtier, strings.NewReader(table))
	if want := (load{rps: 48123.41, p50: 1.999, p95: 2.703, p99: 3.583}); err != nil || got != want {
		t.Errorf("parseLoad = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "connection error\n", strings.ReplaceAll(table, "48123.41", "0.00"), strings.ReplaceAll(table, "48123.41", "fast")} {
		if got, err := (memcached{}).parseLoad(memtier, strings.NewReader(bad)); err == nil {
			t.Errorf("parseLoad(%q) = %+v; want an error", bad, got)
		}
	}
}
