package main

import (
	"maps"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseStrace(t *testing.T) {
	const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.01    0.012345          12      1000           write
 39.99    0.008227          16       500        10 read
  0.00    0.000000           0         7           accept4
------ ----------- ----------- --------- --------- ----------------
100.00    0.020572          13      1507        10 total
`
	got, err := parseStrace([]byte(text))
	if want := map[string]int{"write": 1000, "read": 500, "accept4": 7}; err != nil || !maps.Equal(got, want) {
		t.Errorf("parseStrace = %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "strace: Process 7 attached\n", "% time     seconds  usecs/call     calls    errors syscall\n", " 60.01 0.01 12 many write\n"} {
		if got, err := parseStrace([]byte(bad)); err == nil {
			t.Errorf("parseStrace(%q) = %v; want an error", bad, got)
		}
	}
}

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
