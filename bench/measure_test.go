package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseProcNumber(t *testing.T) {
	const text = "Name:\tx VmHWM: 9\nVmHWM:\t   18204 kB\nsyscr: 17\nbad: x\nempty:\n"
	tests := []struct {
		name string
		n    int64
		ok   bool
	}{
		{"VmHWM", 18204, true}, {"syscr", 17, true}, {"bad", 0, false}, {"empty", 0, false}, {"absent", 0, false}, {"sysc", 0, false},
	}
	for _, tt := range tests {
		if n, ok := parseProcNumber([]byte(text), tt.name); n != tt.n || ok != tt.ok {
			t.Errorf("parseProcNumber(%s) = %d, %t; want %d, %t", tt.name, n, ok, tt.n, tt.ok)
		}
	}
}

func TestProcText(t *testing.T) {
	if got := procText([]byte("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n"), "model name"); got != "Some CPU @ 3 GHz" {
		t.Errorf("procText = %q", got)
	}
	for in, want := range map[string]string{"6.18.1-distro\n": "6.18.1", "6.18": "6.18", "": ""} {
		if got := leadingVersion(in); got != want {
			t.Errorf("leadingVersion(%q) = %q; want %q", in, got, want)
		}
	}
}

// The process's CPU clock must see what we burn, and no more than that on every CPU.
func TestCPUTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no such clock on " + runtime.GOOS)
	}
	before, start := cpuTime(os.Getpid()), time.Now()
	for n := 0; time.Since(start) < 30*time.Millisecond; n++ {
	}
	used, elapsed := cpuTime(os.Getpid())-before, time.Since(start)
	if used <= 0 || used > elapsed*time.Duration(runtime.NumCPU())+time.Millisecond {
		t.Errorf("cpuTime grew by %v in %v", used, elapsed)
	}
	if got := cpuTime(1 << 22); got != 0 {
		t.Errorf("cpuTime of no process = %v; want 0", got)
	}
	if peakRSS(os.Getpid()) < 1<<20 {
		t.Errorf("peakRSS = %d bytes", peakRSS(os.Getpid()))
	}
}

// The processes of this test give up their CPU now and then, at the latest when they wait for time to pass.
func TestSwitches(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no such counter on " + runtime.GOOS)
	}
	before := switches(os.Getpid())
	for deadline := time.Now().Add(10 * time.Second); switches(os.Getpid()) <= before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("switches stays at %d", before)
		}
	}
}

func TestParseGoMeter(t *testing.T) {
	const text = `# HELP go_gc_duration_seconds A summary of the wall-time pause.
go_gc_duration_seconds{quantile="1"} 0.003604124
go_gc_duration_seconds_sum 0.005036427
go_gc_duration_seconds_count 4
go_memstats_mallocs_total 1.8262e+06
go_memstats_mallocs_totals 7
`
	got, err := parseGoMeter(strings.NewReader(text))
	if want := (goMeter{mallocs: 1_826_200, gcs: 4, paused: 0.005036427}); err != nil || got != want {
		t.Errorf("parseGoMeter = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", strings.ReplaceAll(text, " 4\n", "\n"), strings.ReplaceAll(text, "mallocs_total ", "mallocs ")} {
		if got, err := parseGoMeter(strings.NewReader(bad)); err == nil {
			t.Errorf("parseGoMeter(%q) = %+v; want an error", bad, got)
		}
	}
}

func TestMetersFill(t *testing.T) {
	m := meters{
		elapsed: 2 * time.Second, proxy: meter{cpu: 8 * time.Millisecond, io: 2000, switches: 100}, servers: meter{cpu: time.Millisecond, io: 10},
		rss: 7, golang: goMeter{mallocs: 500, gcs: 2, paused: 0.001}, knowGolang: true,
	}
	got := sample{Requests: 1000}
	m.fill(&got)
	want := sample{
		Requests: 1000, Elapsed: 2, ProxyCPU: 8, ServerCPU: 1, ProxyIO: 2, ServerIO: 0.01, ProxySwitches: 0.1, PeakRSS: 7,
		Go: &goFigures{Mallocs: 0.5, GCs: 2, PauseMS: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("fill differs (-want +got):\n%s", d)
	}
}
