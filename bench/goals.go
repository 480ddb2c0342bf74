package main

import (
	"fmt"
	"math"
	"strings"
)

// A goal is a bound on one figure of one test: the median over the rounds must keep to it.
type goal struct {
	about          string // the kind of load, in words
	workload, test string
	bar
}

// A bar is what a goal asks of its test.
type bar struct {
	figure  string
	atLeast bool // else at most
	bound   float64
	of      func(r row) []float64 // by round
}

// throughput, cpu, tail and the rest are ratios to another contender in the same round.
func throughput(other string, bound float64) bar {
	return bar{"req/s × " + other, true, bound, against(other, rps)}
}

func cpu(other string, bound float64) bar {
	return bar{"proxy CPU × " + other, false, bound, against(other, proxyCPU)}
}

func servers(bound float64) bar {
	return bar{"servers' CPU × " + direct, false, bound, against(direct, serverCPU)}
}

func tail(other string, bound float64) bar {
	return bar{"p99 × " + other, false, bound, against(other, p99)}
}

func against(other string, field func(sample) float64) func(row) []float64 {
	return func(r row) []float64 { return r.result.ratios(r, other, field) }
}

// memory is in megabytes. A bound of 0 is none: the figure is told and not judged.
func memory(bound float64) bar {
	return bar{"RSS MB", false, bound, func(r row) []float64 {
		return values(r.result.pick(r.workload, r.test, r.contender, peakRSS10))
	}}
}

// hop is what a contender adds to direct's p50, in hops: as long as the echo server takes to answer.
func hop(bound float64) bar {
	return bar{"p50 − direct's, × " + echo, false, bound, func(r row) []float64 {
		added := r.result.pick(r.workload, r.test, r.contender, p50)
		alone := r.result.pick(r.workload, r.test, direct, p50)
		for round := range added {
			if _, ok := alone[round]; !ok {
				delete(added, round)
				continue
			}
			added[round] -= alone[round]
		}
		return pairedRatios(added, r.result.pick(r.workload, r.test, echo, p50))
	}}
}

// cpuOf compares with the contender's own cost in another workload.
func cpuOf(workload string, bound float64) bar {
	return bar{"proxy CPU × " + workload, false, bound, func(r row) []float64 {
		return pairedRatios(r.result.pick(r.workload, r.test, r.contender, proxyCPU), r.result.pick(workload, r.test, r.contender, proxyCPU))
	}}
}

// tailOf compares with the contender's own latency in another workload.
func tailOf(workload string, bound float64) bar {
	return bar{"p99 × " + workload, false, bound, func(r row) []float64 {
		return pairedRatios(r.result.pick(r.workload, r.test, r.contender, p99), r.result.pick(workload, r.test, r.contender, p99))
	}}
}

// goals are how good cashew is to be where load generator, proxy and servers share two cores.
var goals = func() []goal {
	var gs []goal
	add := func(about, workload string, tests []string, bars ...bar) {
		for _, test := range tests {
			for _, b := range bars {
				gs = append(gs, goal{about, workload, test, b})
			}
		}
	}
	oneByOne := []bar{throughput(direct, 0.95), throughput(nutcracker, 1), cpu(nutcracker, 0.85), cpu(echo, 1.1), tail(nutcracker, 1)}
	pipelined := func(ofNutcracker float64) []bar {
		return []bar{throughput(direct, 1.05), throughput(nutcracker, 2), cpu(nutcracker, ofNutcracker)}
	}
	large := []bar{cpu(nutcracker, 0.8), throughput(direct, 0.6), memory(0)}

	add("P=1, 100 clients, 1 KiB", "p1-1k", setGet, oneByOne...)
	add("P=16, 50 clients, 64 B", "p16-64", []string{"set"}, pipelined(0.45)...)
	add("P=16, 50 clients, 64 B", "p16-64", []string{"get"}, pipelined(0.35)...)
	add("the same in RESP3", "p1-1k-resp3", setGet, throughput(direct, 0.95), cpuOf("p1-1k", 1.03))
	add("the same in RESP3", "p16-64-resp3", setGet, throughput(direct, 1.05), cpuOf("p16-64", 1.03))
	add("the same over TLS", "tls-p1-1k", setGet, cpuOf("p1-1k", 1.25))
	add("the same over TLS", "tls-p16-64", setGet, cpuOf("p16-64", 1.5))
	add("over unix sockets", "unix-p1-1k", setGet, cpuOf("p1-1k", 0.45))
	add("over unix sockets", "unix-p16-64", setGet, cpuOf("p16-64", 0.8))
	add("before a Redis Cluster", "cluster-p1-1k", setGet, cpuOf("p1-1k", 1.05))
	add("before a Redis Cluster", "cluster-p16-64", setGet, cpuOf("p16-64", 1.05))
	add("one hot key, kept near", "near-hot-p1-1k", []string{"get"}, throughput(direct, 0.95), servers(0.05))
	add("one hot key, kept near", "near-hot-p16-1k", []string{"get"}, throughput(direct, 1.2), servers(0.05))
	add("one hot hash of 100 fields, kept near", "near-hash-p1", []string{"hgetall100"}, throughput(direct, 1.9), servers(0.05))
	add("one hot hash of 100 fields, kept near", "near-hash-p16", []string{"hgetall100"}, throughput(direct, 3), servers(0.05))
	add("MGET of keys that are kept near", "near-mget10-p1-64", []string{"mget10"}, throughput(direct, 0), servers(0.05))
	add("MGET of keys that are kept near", "near-mget100-p1-64", []string{"mget100"}, throughput(direct, 0), servers(0.05))
	add("transactions, P=1 and 16", "multi-p1-64", []string{transaction}, throughput(direct, 0))
	add("transactions, P=1 and 16", "multi-p16-64", []string{transaction}, throughput(direct, 0))
	add("messages to 1,000 subscribers", "fanout-c1000-64", []string{fanOut}, throughput(direct, 0))
	add("messages to 1,000 subscribers", "fanout-p16-c1000-64", []string{fanOut}, throughput(direct, 0))
	add("Zipf's keys, 1 % writes, a part kept near", "near-zipf-p1-64", []string{mixed}, throughput(direct, 0.9), servers(0.3))
	add("Zipf's keys, 1 % writes, a part kept near", "near-zipf-p16-64", []string{mixed}, throughput(direct, 0.9), servers(0.3))
	add("Zipf's keys, 10 % writes, a part kept near", "near-zipf-w10-p1-64", []string{mixed}, throughput(direct, 0.8), servers(0.5))
	add("Zipf's keys, 10 % writes, a part kept near", "near-zipf-w10-p16-64", []string{mixed}, throughput(direct, 0.8), servers(0.5))
	add("beside 1,000 TLS handshakes a second", "p1-1k-rate25-tls1000", []string{"get"}, tailOf("p1-1k-rate25", 1.2))
	add("P=128", "p128-64", setGet, throughput(direct, 1.1), throughput(nutcracker, 3))
	add("MGET over 4 servers", "mget10-4s", []string{"mget10"}, cpu(nutcracker, 0.55))
	add("MGET over 4 servers", "mget100-4s", []string{"mget100"}, cpu(nutcracker, 0.4))
	add("4 servers, P=1", "p1-1k-4s", setGet, throughput(direct, 0.75), cpu(nutcracker, 0.85))
	add("64 KiB", "p1-64k", setGet, large...)
	add("1 MiB", "p1-1m", setGet, large...)
	add("memcached, P=1", "mc-p1-1k", setGet, oneByOne...)
	add("memcached, P=16", "mc-p16-64", setGet, pipelined(0.45)...)
	add("memcached, 100 keys", "mc-get100-4s", []string{"get100"}, cpu(nutcracker, 0.25))
	add("2,000 clients", "p1-1k-c2000", setGet, throughput(direct, 1), cpu(nutcracker, 0.7), memory(40))
	add("10,000 clients, 1 % active", "idle9900", []string{"get"}, cpuOf("idle0", 1.3))
	add("servers' CPU, P=1", "p1-1k", setGet, servers(0.2))
	add("lone client", "lone", []string{"get"}, hop(1.3))
	return gs
}()

// wanted prints a goal's bound.
func (b bar) wanted() string {
	switch {
	case b.bound == 0:
		return none
	case b.atLeast:
		return "≥ " + bound(b.bound)
	}
	return "≤ " + bound(b.bound)
}

func bound(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00") }

// verdict of figures by round; judged is false where there are none, or no bound.
func (b bar) verdict(figures []float64) (text string, judged, reached bool) {
	s := spreadOf(figures)
	if s.n == 0 || b.bound == 0 {
		return s.String(), false, false
	}
	// What is printed is what counts.
	m := math.Round(100*s.middle) / 100
	reached = m <= b.bound
	if b.atLeast {
		reached = m >= b.bound
	}
	if reached {
		return s.String() + " reached", true, true
	}
	return s.String() + " **not reached**", true, false
}

// writeGoals prints what became of the goals.
func (r *result) writeGoals(b *strings.Builder) {
	var table strings.Builder
	if r.writeGoalTable(&table); table.Len() > 0 {
		fmt.Fprintf(b, "### goals\n\n%s", table.String())
	}
}

// writeGoalTable prints a row for each goal that was measured and a column for each build of cashew.
func (r *result) writeGoalTable(b *strings.Builder) {
	var builds []string
	for _, c := range r.Order {
		if (contender{name: c}).isCashew() {
			builds = append(builds, c)
		}
	}
	if len(builds) == 0 {
		return
	}
	reached, judged := make([]int, len(builds)), make([]int, len(builds))
	var lines []string
	unknown := 0
	for _, g := range goals {
		line := fmt.Sprintf("| %s | %s %s | %s | %s |", g.about, g.workload, strings.ToUpper(g.test), g.figure, g.wanted())
		measured := false
		for i, c := range builds {
			figures := g.of(row{r, g.workload, g.test, c})
			text, isJudged, isReached := g.verdict(figures)
			if isJudged {
				judged[i]++
			}
			if isReached {
				reached[i]++
			}
			measured = measured || len(figures) > 0
			line += " " + text + " |"
		}
		if !measured {
			unknown++
			continue
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "| load | test | figure | goal | %s |\n|---|---|---|--:|%s\n%s\n\n",
		strings.Join(builds, " | "), strings.Repeat("--:|", len(builds)), strings.Join(lines, "\n"))
	for i, c := range builds {
		fmt.Fprintf(b, "%s reached %d of %d, ", c, reached[i], judged[i])
	}
	fmt.Fprintf(b, "and %d were not measured.\n\n", unknown)
}
