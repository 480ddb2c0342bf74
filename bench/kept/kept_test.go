package kept

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSpreadOf(t *testing.T) {
	tests := []struct {
		in   []float64
		want Spread
	}{
		{nil, Spread{}},
		{[]float64{0.5}, Spread{0.5, 0.5, 0.5, 1}},
		{[]float64{1, 2, 6}, Spread{2, 1, 6, 3}},
		{[]float64{1, 2, 3, 9}, Spread{2.5, 1, 9, 4}},
	}
	for _, tt := range tests {
		if got := SpreadOf(tt.in); got != tt.want {
			t.Errorf("SpreadOf(%v) = %+v; want %+v", tt.in, got, tt.want)
		}
	}
}

func TestRatios(t *testing.T) {
	// The medians' ratio would be 1; what one round did to both sides must cancel.
	a, b := map[int]float64{0: 10, 1: 20, 2: 30, 3: 1}, map[int]float64{0: 20, 1: 20, 2: 15, 4: 1}
	if got, want := Ratios(a, b), []float64{0.5, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("Ratios(%v, %v) = %v; want %v", a, b, got, want)
	}
}

func TestRows(t *testing.T) {
	r := &Result{
		Workloads: []Workload{{Name: "b", Tests: []string{"set", "get"}}, {Name: "a", Tests: []string{"get"}}},
		Samples: []Sample{
			{Workload: "a", Test: "get", Contender: "x", Round: 0, RPS: 5},
			{Workload: "b", Test: "get", Contender: "x", Round: 1, RPS: 7},
			{Workload: "b", Test: "get", Contender: "x", Round: 2},
			{Workload: "b", Test: "get", Contender: "y", Round: 1, RPS: 8},
		},
	}
	var got []string
	for _, row := range r.Rows() {
		got = append(got, row.Name())
	}
	if want := []string{"b GET", "a GET"}; !slices.Equal(got, want) {
		t.Errorf("Rows() = %v; want %v, without the test that nobody ran", got, want)
	}
	picked := r.Pick(r.Rows()[0], "x", func(s Sample) float64 { return s.RPS })
	if len(picked) != 1 || picked[1] != 7 {
		t.Errorf("Pick = %v; want round 1 alone, since round 2 has no figure", picked)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{"no JSON": "hello", "no samples": "{}"} {
		file := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if r, err := Read(file); err == nil {
			t.Errorf("%s: Read = %+v; want an error", name, r)
		}
	}
}
