package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// spread is what some figures are together: of many, as bursts give, their mean with two standard errors, else their median with the least and the
// greatest. The zero spread stands for "no figure".
type spread struct {
	middle, min, max float64
	n                int
	twoErrors        float64 // 0: too few to say
}

// manyRounds is from how many figures on a mean says more than a median.
const manyRounds = 20

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	m := v[len(v)/2]
	if len(v)%2 == 0 {
		m = (v[len(v)/2-1] + m) / 2
	}
	s := spread{middle: m, min: v[0], max: v[len(v)-1], n: len(v)}
	if s.n >= manyRounds {
		s.middle, s.twoErrors = meanOf(v)
	}
	return s
}

// meanOf is the mean of values and two standard errors of it.
func meanOf(v []float64) (mean, twoErrors float64) {
	for _, x := range v {
		mean += x
	}
	n := float64(len(v))
	mean /= n
	sum := 0.0
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	return mean, 2 * math.Sqrt(sum/(n-1)/n)
}

// String prints "0.96 (0.81..0.98)", or "0.96 ± 0.02".
func (s spread) String() string {
	if s.n == 0 {
		return none
	}
	switch {
	case s.min == s.max:
		return fmt.Sprintf("%.2f", s.middle)
	case s.n >= manyRounds:
		return fmt.Sprintf("%.2f ± %.2f", s.middle, s.twoErrors)
	}
	return fmt.Sprintf("%.2f (%.2f..%.2f)", s.middle, s.min, s.max)
}

// none is a cell without a figure.
const none = "–"

// pick returns a row's figures by round, without those that could not be had (NaN).
func (r *result) pick(workload, test, contender string, field func(sample) float64) map[int]float64 {
	m := map[int]float64{}
	for _, s := range r.Samples {
		if s.Workload != workload || s.Test != test || s.Contender != contender {
			continue
		}
		if v := field(s); !math.IsNaN(v) {
			m[s.Round] = v
		}
	}
	return m
}

// pairedRatios divides a by b round by round; rounds that lack either are left out.
func pairedRatios(a, b map[int]float64) []float64 {
	var ratios []float64
	for round, v := range a {
		if w, ok := b[round]; ok && w > 0 {
			ratios = append(ratios, v/w)
		}
	}
	slices.Sort(ratios)
	return ratios
}

func values(m map[int]float64) []float64 { return slices.Collect(maps.Values(m)) }

// known turns 0, which a sample has where a figure could not be had, into NaN.
func known(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

// The figures of a sample.
var (
	rps           = func(s sample) float64 { return known(s.RPS) }
	p50           = func(s sample) float64 { return known(s.P50) }
	p99           = func(s sample) float64 { return known(s.P99) }
	p999          = func(s sample) float64 { return known(s.P999) }
	proxyCPU      = func(s sample) float64 { return known(s.ProxyCPU) }
	serverCPU     = func(s sample) float64 { return known(s.ServerCPU) }
	clientCPU     = func(s sample) float64 { return known(s.ClientCPU) }
	proxyIO       = func(s sample) float64 { return known(s.ProxyIO) }
	proxySwitches = func(s sample) float64 { return known(s.ProxySwitches) }
	peakRSS10     = func(s sample) float64 { return known(float64(s.PeakRSS) / 1e6) }
	late          = func(s sample) float64 { return known(100 * float64(s.Late) / float64(s.Requests)) }
	shaken        = func(s sample) float64 { return known(s.Handshakes) }
	mallocs       = ofGo(func(g goFigures) float64 { return g.Mallocs })
	collections   = ofGo(func(g goFigures) float64 { return g.GCs })
	pauses        = ofGo(func(g goFigures) float64 { return g.PauseMS })
)

func ofGo(field func(goFigures) float64) func(sample) float64 {
	return func(s sample) float64 {
		if s.Go == nil {
			return math.NaN()
		}
		return field(*s.Go)
	}
}

// row is one of a table: a test of a workload by a contender.
type row struct {
	result                    *result
	workload, test, contender string
}

// A column prints its cell of a row, or none.
type column struct {
	name string
	cell func(r row) string
}

// median is a column of medians over the rounds.
func median(name, format string, field func(sample) float64) column {
	return column{name, func(r row) string {
		s := spreadOf(values(r.result.pick(r.workload, r.test, r.contender, field)))
		if s.n == 0 {
			return none
		}
		return fmt.Sprintf(format, s.middle)
	}}
}

// ratio is a column of ratios to what another contender has, paired by round.
func ratio(name, other string, field func(sample) float64) column {
	return column{name + " × " + other, func(r row) string {
		if r.contender == other {
			return none
		}
		return spreadOf(r.result.ratios(r, other, field)).String()
	}}
}

func (r *result) ratios(of row, other string, field func(sample) float64) []float64 {
	return pairedRatios(r.pick(of.workload, of.test, of.contender, field), r.pick(of.workload, of.test, other, field))
}

// counted is a column of what count found.
func counted(name, format string, field func(count) float64) column {
	return column{name, func(r row) string {
		for _, c := range r.result.Syscalls {
			if v := field(c); v > 0 && c.Workload == r.workload && c.Test == r.test && c.Contender == r.contender {
				return fmt.Sprintf(format, v)
			}
		}
		return none
	}}
}

// tables are printed for each protocol. Columns without any figure are left out.
var tables = []struct {
	name    string
	columns []column
}{
	{"throughput and latency", []column{
		{"req/s", func(r row) string {
			return thousands(spreadOf(values(r.result.pick(r.workload, r.test, r.contender, rps))).middle)
		}},
		ratio("req/s", direct, rps), ratio("req/s", nutcracker, rps),
		median("p50 ms", "%.3f", p50), median("p99 ms", "%.3f", p99), median("p99.9 ms", "%.3f", p999),
		ratio("p99", nutcracker, p99), median("sent late %", "%.1f", late), median("handshakes/s", "%.0f", shaken),
	}},
	{"what a request costs", []column{
		median("CPU µs: proxy", "%.2f", proxyCPU), median("servers", "%.2f", serverCPU), median("client", "%.2f", clientCPU),
		ratio("proxy CPU", nutcracker, proxyCPU), ratio("proxy CPU", echo, proxyCPU), ratio("servers' CPU", direct, serverCPU),
		median("read+write", "%.2f", proxyIO), counted("syscalls", "%.2f", func(c count) float64 { return c.PerRequest }),
		median("switches", "%.3f", proxySwitches), counted("instructions", "%.0f", func(c count) float64 { return c.Instructions }),
		median("allocations", "%.4f", mallocs), median("GCs", "%.0f", collections), median("GC pauses ms", "%.2f", pauses),
		median("RSS MB", "%.1f", peakRSS10),
	}},
}

// legend explains the tables' columns.
const legend = "CPU time is user and system, of all servers together. direct always talks to one server, echo to none; stunnel stands before cashew, whose plain port it talks to, and its proxy's CPU is its own alone. " +
	"read+write are system calls of the proxy in the timed runs; syscalls are all of the proxy's but those that open and close " +
	"connections, counted by strace in a run of their own; switches are those of its threads between CPU and not. " +
	"GCs, their pauses and RSS, the proxy's largest, are those of a whole run. redis-benchmark connects within the run, and so its " +
	"figures hold what that costs, 0.1 µs and 0.1 allocations of cashew's a request with 100 clients; our own load generator connects before.\n\n"

// write prints the result in Markdown: what became of the goals and, unless that alone is asked for, a row for each test
// and contender, medians over the rounds.
func (r *result) write(out io.Writer, goalsOnly bool) error {
	var b strings.Builder
	if !goalsOnly {
		for _, p := range protocols {
			for _, t := range tables {
				r.writeTable(&b, p.name()+": "+t.name, r.rows(p), t.columns)
			}
		}
	}
	r.writeGoals(&b)
	fmt.Fprintf(&b, "%s", r.rounds())
	b.WriteString(legend)
	for _, w := range r.Workloads {
		fmt.Fprintf(&b, "- `%s` %s\n", w.Name, w.describe())
	}
	fmt.Fprintf(&b, "\nCommit %s, %s, %s, %d CPUs (%s), placement %s", r.Commit, r.Started.Format(time.DateOnly), r.System, r.CPUs, r.CPU, r.Placement)
	for _, k := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(&b, "; %s: %s", k, r.Versions[k])
	}
	b.WriteString(".\n")
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "\n**Warning:** %s\n", w)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// rows are all of a protocol that have samples.
func (r *result) rows(p protocol) []row {
	var rows []row
	for _, w := range r.Workloads {
		if w.Protocol != p.name() {
			continue
		}
		for _, test := range w.Tests {
			for _, c := range r.Order {
				if len(r.pick(w.Name, test, c, rps)) > 0 {
					rows = append(rows, row{r, w.Name, test, c})
				}
			}
		}
	}
	return rows
}

func (r *result) writeTable(b *strings.Builder, heading string, rows []row, columns []column) {
	head, rule := "| workload | contender |", "|---|---|"
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = "| " + row.workload + " " + strings.ToUpper(row.test) + " | " + row.contender + " |"
	}
	for _, c := range columns {
		var cells []string
		for _, row := range rows {
			cells = append(cells, c.cell(row))
		}
		if !slices.ContainsFunc(cells, func(cell string) bool { return cell != none }) {
			continue
		}
		head += " " + c.name + " |"
		rule += "--:|"
		for i, cell := range cells {
			lines[i] += " " + cell + " |"
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(b, "### %s\n\n%s\n%s\n%s\n\n", heading, head, rule, strings.Join(lines, "\n"))
	}
}

// thousands prints 1234567.8 as 1,234,568.
func thousands(v float64) string {
	s := strconv.FormatInt(int64(math.Round(v)), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rounds says what the figures are.
func (r *result) rounds() string {
	if r.Rounds >= manyRounds {
		return fmt.Sprintf("Means of %d bursts in turn; × are means, with two standard errors, of ratios paired by round. ", r.Rounds)
	}
	return fmt.Sprintf("Medians of %d rounds; × are medians (least..greatest) of ratios paired by round. ", r.Rounds)
}
