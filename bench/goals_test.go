package main

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// Every goal is about a test that -set goals runs, and every workload of that set is there for a goal.
func TestGoalsAreMeasured(t *testing.T) {
	about := map[string]bool{"idle0": true, "p1-1k-rate25": true} // what idle9900 and p1-1k-rate25-tls1000 are compared with
	for _, g := range goals {
		about[g.workload] = true
		i := slices.IndexFunc(sets[setGoals], func(w workload) bool { return w.Name == g.workload })
		if i < 0 || !slices.Contains(sets[setGoals][i].Tests, g.test) {
			t.Errorf("%s: -set goals has no %s %s", g.about, g.workload, g.test)
		}
	}
	for _, w := range sets[setGoals] {
		if !about[w.Name] {
			t.Errorf("no goal needs %s", w.Name)
		}
	}
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name            string
		b               bar
		figures         []float64
		want            string
		judged, reached bool
	}{
		{"at least", bar{atLeast: true, bound: 0.95}, []float64{0.9, 1, 0.96}, "0.96 (0.90..1.00) reached", true, true},
		{"at least, not", bar{atLeast: true, bound: 0.95}, []float64{0.9}, "0.90 **not reached**", true, false},
		{"at least, as printed", bar{atLeast: true, bound: 0.95}, []float64{0.946}, "0.95 reached", true, true},
		{"at most", bar{bound: 0.85}, []float64{0.5}, "0.50 reached", true, true},
		{"at most, not", bar{bound: 0.85}, []float64{0.5, 0.9, 0.9}, "0.90 (0.50..0.90) **not reached**", true, false},
		{"no bound", bar{}, []float64{17}, "17.00", false, false},
		{"no figure", bar{bound: 1}, nil, none, false, false},
		{"a median of nothing", bar{bound: 1}, []float64{0}, "0.00 reached", true, true},
	}
	for _, tt := range tests {
		if got, judged, reached := tt.b.verdict(tt.figures); got != tt.want || judged != tt.judged || reached != tt.reached {
			t.Errorf("%s: verdict(%v) = %q, %t, %t; want %q, %t, %t", tt.name, tt.figures, got, judged, reached, tt.want, tt.judged, tt.reached)
		}
	}
	for b, want := range map[string]string{bar{bound: 1.1}.wanted(): "≤ 1.10", bar{bound: 40}.wanted(): "≤ 40", bar{atLeast: true, bound: 3}.wanted(): "≥ 3", bar{}.wanted(): none} {
		if b != want {
			t.Errorf("wanted = %q; want %q", b, want)
		}
	}
}

func TestBars(t *testing.T) {
	r := &result{Samples: []sample{
		{Workload: "w", Test: "get", Contender: direct, Round: 0, P50: 0.10, ServerCPU: 8},
		{Workload: "w", Test: "get", Contender: echo, Round: 0, P50: 0.08, ProxyCPU: 5},
		{Workload: "w", Test: "get", Contender: cashew, Round: 0, P50: 0.18, ProxyCPU: 6, PeakRSS: 25_000_000},
		{Workload: "w", Test: "get", Contender: direct, Round: 1, P50: 0.20},
		{Workload: "w", Test: "get", Contender: echo, Round: 1, P50: 0.20},
		{Workload: "w", Test: "get", Contender: cashew, Round: 1, P50: 0.50, ProxyCPU: 9},
		{Workload: "w", Test: "get", Contender: cashew, Round: 2, P50: 0.30, ProxyCPU: 9}, // direct has no such round
		{Workload: "before", Test: "get", Contender: cashew, Round: 0, ProxyCPU: 3},
		{Workload: "before", Test: "get", Contender: cashew, Round: 1, ProxyCPU: 9},
		{Workload: "before", Test: "get", Contender: nutcracker, Round: 0, ProxyCPU: 100},
	}}
	tests := []struct {
		b    bar
		want []float64
	}{
		{hop(1), []float64{1, 1.5}},
		{cpu(echo, 1), []float64{1.2}},
		{cpuOf("before", 1), []float64{1, 2}},
		{memory(1), []float64{25}},
		{cpu(nutcracker, 1), nil},
		{throughput(direct, 1), nil},
	}
	for _, tt := range tests {
		got := tt.b.of(row{r, "w", "get", cashew})
		slices.Sort(got)
		if !slices.EqualFunc(got, tt.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%s: %v; want %v", tt.b.figure, got, tt.want)
		}
	}
}

func TestWriteGoals(t *testing.T) {
	r := testResult()
	r.Order = append(r.Order, "cashew-base")
	for _, s := range r.Samples {
		if s.Contender == cashew {
			s.Contender, s.RPS = "cashew-base", s.RPS/2
			r.Samples = append(r.Samples, s)
		}
	}
	var b strings.Builder
	r.writeGoals(&b)
	for _, want := range []string{
		"| load | test | figure | goal | cashew | cashew-base |\n",
		"| P=1, 100 clients, 1 KiB | p1-1k GET | req/s × direct | ≥ 0.95 | 0.96 reached | 0.48 **not reached** |\n",
		"cashew reached ", "cashew-base reached ", " were not measured.\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	r.Order = []string{direct, nutcracker}
	if r.writeGoals(&b); b.Len() > 0 {
		t.Errorf("goals of nobody: %s", b.String())
	}
}
