// Package kept reads what runs of the bench left in bench/results, for the programs that draw it and compare it:
//
//	bench ---> results/NAME.json ---> kept ---> plot      pictures
//	                                     \----> compare   verdicts
//
// It knows the fields that these need and leaves out the rest; report.go of the bench has them all, with their units.
package kept

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The contenders that pass on no request.
const (
	Direct = "direct" // no proxy at all
	Echo   = "echo"   // answers by itself: the least that a hop costs
)

// Workload is one load on one set of servers.
type Workload struct {
	Name       string   `json:"name"`
	Protocol   string   `json:"protocol"`
	Servers    int      `json:"servers"`
	Clients    int      `json:"clients"`
	Pipeline   int      `json:"pipeline"`
	ValueBytes int      `json:"value_bytes"`
	Idle       int      `json:"idle"`  // clients beside the others that send nothing
	Loops      int      `json:"loops"` // of cashew; 0: its default
	Pin        bool     `json:"pin"`   // the proxy on CPUs of its own
	Rate       float64  `json:"rate"`  // requests a second; 0: the next one follows the reply
	Tests      []string `json:"tests"`
}

// Sample is one run of a load generator; a figure that could not be had is 0. CPU times, in µs, and calls are for each request.
type Sample struct {
	Workload  string  `json:"workload"`
	Test      string  `json:"test"`
	Contender string  `json:"contender"`
	Round     int     `json:"round"`
	RPS       float64 `json:"rps"`
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	P999      float64 `json:"p999_ms"`
	ProxyCPU  float64 `json:"proxy_cpu_us"`
	ServerCPU float64 `json:"server_cpu_us"`
	ProxyIO   float64 `json:"proxy_io_calls"`
}

// Count is what was counted of a proxy once and not by round, for each request. 0: could not be had.
type Count struct {
	Workload     string  `json:"workload"`
	Test         string  `json:"test"`
	Contender    string  `json:"contender"`
	PerRequest   float64 `json:"per_request"`  // system calls
	Instructions float64 `json:"instructions"` // outside the kernel
}

// Result is one run of the bench.
type Result struct {
	Commit    string     `json:"commit"`
	Rounds    int        `json:"rounds"`
	CPU       string     `json:"cpu"`
	CPUs      int        `json:"cpus"`
	Placement string     `json:"placement"`
	Order     []string   `json:"contenders"`
	Workloads []Workload `json:"workloads"`
	Samples   []Sample   `json:"samples"`
	Syscalls  []Count    `json:"syscalls"`
	Warnings  []string   `json:"warnings"`
}

// Read reads a result that the bench saved. One without samples is an error: the file is something else.
func Read(file string) (*Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(r.Samples) == 0 {
		return nil, fmt.Errorf("%s: no samples in it: not a result of the bench", file)
	}
	return r, nil
}

// Row is one test of a workload: what the bench's tables have a row of for each contender.
type Row struct {
	Workload Workload
	Test     string
}

// Name is how the bench's tables call a row: "p16-64 GET".
func (r Row) Name() string { return r.Workload.Name + " " + strings.ToUpper(r.Test) }

// Rows returns all tests that have samples, in the order of the workloads.
func (r *Result) Rows() []Row {
	var rows []Row
	for _, w := range r.Workloads {
		for _, test := range w.Tests {
			if slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Workload == w.Name && s.Test == test }) {
				rows = append(rows, Row{w, test})
			}
		}
	}
	return rows
}

// Pick returns a contender's figures of a row by round. Those that could not be had are left out.
func (r *Result) Pick(row Row, contender string, field func(Sample) float64) map[int]float64 {
	m := map[int]float64{}
	for _, s := range r.Samples {
		if s.Workload == row.Workload.Name && s.Test == row.Test && s.Contender == contender {
			if v := field(s); v > 0 {
				m[s.Round] = v
			}
		}
	}
	return m
}

// Ratios divides a by b round by round and returns the quotients in ascending order. A machine's speed drifts, and what a
// round did to both sides cancels. Rounds that lack either are left out.
func Ratios(a, b map[int]float64) []float64 {
	var ratios []float64
	for round, v := range a {
		if w := b[round]; w > 0 {
			ratios = append(ratios, v/w)
		}
	}
	slices.Sort(ratios)
	return ratios
}

// Values returns the figures of all rounds in ascending order.
func Values(m map[int]float64) []float64 {
	var v []float64
	for _, x := range m {
		v = append(v, x)
	}
	slices.Sort(v)
	return v
}

// Spread is a median with the least and the greatest of N figures.
type Spread struct {
	Median, Min, Max float64
	N                int
}

// SpreadOf takes figures in ascending order. Of none, it is the zero Spread.
func SpreadOf(sorted []float64) Spread {
	n := len(sorted)
	if n == 0 {
		return Spread{}
	}
	m := sorted[n/2]
	if n%2 == 0 {
		m = (sorted[n/2-1] + m) / 2
	}
	return Spread{m, sorted[0], sorted[n-1], n}
}
