package main

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestSpread(t *testing.T) {
	tests := []struct {
		in   []float64
		want spread
		text string
	}{
		{nil, spread{}, "–"},
		{[]float64{0.5}, spread{0.5, 0.5, 0.5, 1, 0}, "0.50"},
		{[]float64{3, 1, 2}, spread{2, 1, 3, 3, 0}, "2.00 (1.00..3.00)"},
		{[]float64{4, 1, 2, 3}, spread{2.5, 1, 4, 4, 0}, "2.50 (1.00..4.00)"},
		{[]float64{2, 2, 2}, spread{2, 2, 2, 3, 0}, "2.00"},
		{slices.Repeat([]float64{1, 3}, 10), spread{2, 1, 3, 20, 2 * math.Sqrt(20.0/19/20)}, "2.00 ± 0.46"},
	}
	for _, tt := range tests {
		in := slices.Clone(tt.in)
		got := spreadOf(in)
		if got != tt.want || got.String() != tt.text {
			t.Errorf("spreadOf(%v) = %+v %q; want %+v %q", tt.in, got, got, tt.want, tt.text)
		}
		if !slices.Equal(in, tt.in) {
			t.Errorf("spreadOf changed its argument %v to %v", tt.in, in)
		}
	}
}

func TestPairedRatios(t *testing.T) {
	tests := []struct {
		name string
		a, b map[int]float64
		want []float64
	}{
		// The medians' ratio would be 1; what one round did to both sides must cancel.
		{"paired, not sorted apart", map[int]float64{0: 10, 1: 20, 2: 30}, map[int]float64{0: 20, 1: 20, 2: 15}, []float64{0.5, 1, 2}},
		{"round lost on the left", map[int]float64{1: 3}, map[int]float64{0: 1, 1: 2}, []float64{1.5}},
		{"round lost on the right", map[int]float64{0: 1, 1: 3}, map[int]float64{1: 2}, []float64{1.5}},
		{"no divisor", map[int]float64{0: 1}, map[int]float64{0: 0}, nil},
		{"nobody", nil, nil, nil},
	}
	for _, tt := range tests {
		if got := pairedRatios(tt.a, tt.b); !slices.Equal(got, tt.want) {
			t.Errorf("%s: pairedRatios(%v, %v) = %v; want %v", tt.name, tt.a, tt.b, got, tt.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 999.4: "999", 1000: "1,000", 123456.5: "123,457", 1234567: "1,234,567"} {
		if got := thousands(in); got != want {
			t.Errorf("thousands(%v) = %q; want %q", in, got, want)
		}
	}
}

func testResult() *result {
	w := workload{Name: "p1-1k", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Keys: 1000, Requests: 1000, Tests: []string{"set", "get"}}
	r := &result{
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Commit: "abc", Rounds: 3, System: "Linux 6.1", CPU: "Some CPU", CPUs: 2,
		Placement: "left to the kernel", Versions: map[string]string{"go": "go1.26", "redis-server": "7.0.15"},
		Order: []string{direct, cashew, nutcracker}, Workloads: []workload{w},
		Syscalls: []count{{Workload: w.Name, Test: "get", Contender: cashew, Requests: 100, PerRequest: 2.05}},
	}
	for round, noise := range []float64{1, 0.5, 2} {
		r.Samples = append(r.Samples,
			sample{Workload: w.Name, Test: "get", Contender: direct, Round: round, Requests: 1000, Hits: 1000, RPS: 100_000 * noise, P50: 0.5, P99: 1, ServerCPU: 8 / noise, ClientCPU: 10},
			sample{Workload: w.Name, Test: "get", Contender: cashew, Round: round, Requests: 1000, Hits: 1000, RPS: 96_000 * noise, P50: 0.6, P99: 1.1, P999: 1.5, Go: &goFigures{Mallocs: 0, GCs: 1, PauseMS: 0.25}, ProxyCPU: 6 / noise, ServerCPU: 2 / noise, ClientCPU: 10, ProxyIO: 2, PeakRSS: 20 << 20},
		)
		if round < 2 { // nutcracker failed in the last round
			r.Samples = append(r.Samples, sample{Workload: w.Name, Test: "get", Contender: nutcracker, Round: round, Requests: 1000, Hits: 1000, RPS: 80_000 * noise, P50: 0.6, P99: 1.2, ProxyCPU: 8 / noise, ServerCPU: 1 / noise, ClientCPU: 10, ProxyIO: 4, PeakRSS: 10 << 20})
		}
	}
	return r
}

func TestWriteTables(t *testing.T) {
	r := testResult()
	r.warnf("something")
	var got bytes.Buffer
	if err := r.write(&got, false); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "table.md")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("write differs from %s (-want +got; -update writes it anew):\n%s", golden, d)
	}
	columns := -1
	for line := range strings.Lines(got.String()) {
		if strings.HasPrefix(line, "|") {
			if n := strings.Count(line, "|"); columns >= 0 && n != columns {
				t.Errorf("a row of %d bars in a table of %d: %s", n, columns, line)
			} else {
				columns = n
			}
		} else {
			columns = -1
		}
	}
}

func TestSaveAndRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	r := testResult()
	for name, want := range map[string]string{"": "local-20260102T030405Z.json", "kept": "kept.json", "kept2.json": "kept2.json"} {
		file, err := r.save(dir, name)
		if err != nil || filepath.Base(file) != want {
			t.Fatalf("save(%q) = %q, %v; want %q", name, file, err, want)
		}
		got, err := readResult(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, got); d != "" {
			t.Errorf("read back differs (-want +got):\n%s", d)
		}
	}
}

func TestCheckHits(t *testing.T) {
	get := workload{Name: "w"}
	tests := []struct {
		name    string
		test    string
		samples []sample
		want    string // part of the only warning; "" for none
	}{
		{"all hit", "get", []sample{{Contender: direct, Requests: 100, Hits: 100}, {Contender: cashew, Requests: 100, Hits: 100}}, ""},
		{"rates differ", "get", []sample{{Contender: direct, Requests: 100, Hits: 100}, {Contender: cashew, Requests: 100, Hits: 60, Misses: 40}}, "hit rates differ, do not compare: direct 100.0 %, cashew 60.0 %"},
		{"all miss alike", "get", []sample{{Contender: direct, Requests: 100, Misses: 100}, {Contender: cashew, Requests: 100, Misses: 100}}, "keys are missing"},
		{"not served", "get", []sample{{Contender: direct, Requests: 100, Hits: 100}, {Contender: cashew, Requests: 100, Hits: 50}}, "cashew: the servers looked up 50 keys of 100"},
		{"mget", "mget10", []sample{{Contender: direct, Requests: 10, Hits: 100}}, ""},
		{"mget not served", "mget10", []sample{{Contender: direct, Requests: 10, Hits: 10}}, "looked up 10 keys of 100"},
		{"set", "set", []sample{{Contender: direct, Requests: 10, Sets: 10}}, ""},
		{"set not served", "set", []sample{{Contender: direct, Requests: 10, Sets: 1}}, "executed 1 SETs of 10"},
		{"mixed", mixed, []sample{{Contender: direct, Requests: 10, Hits: 8, Sets: 2}}, ""},
		{"mixed not served", mixed, []sample{{Contender: direct, Requests: 10, Hits: 7, Sets: 2}}, "executed 9 requests of 10"},
		{"no servers", "get", []sample{{Contender: echo, Requests: 10}}, ""},
		{"no samples", "get", nil, ""},
	}
	for _, tt := range tests {
		r := &result{Order: []string{direct, cashew, echo}}
		for _, s := range tt.samples {
			s.Workload, s.Test = get.Name, tt.test
			r.Samples = append(r.Samples, s)
		}
		r.checkHits(get, tt.test)
		got := strings.Join(r.Warnings, "\n")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) || len(r.Warnings) > 1 {
			t.Errorf("%s: warnings %q; want %q", tt.name, got, tt.want)
		}
	}
}
