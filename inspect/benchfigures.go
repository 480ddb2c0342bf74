package inspect

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"cashew/bench/generator"
)

// A benchRun is one address, and what its bursts were.
type benchRun struct {
	Name  string    `json:"name"`
	Addr  string    `json:"addr"`
	RPS   benchMean `json:"requests_per_second"`
	Ratio benchMean `json:"ratio"` // of requests a second to the first address's of the same round
	P50   benchMean `json:"p50_ms"`
	P99   benchMean `json:"p99_ms"`
	Hits  float64   `json:"hits"` // of all keys that were asked for, from 0 to 1; 1 if none was

	load   *generator.Load
	bursts []generator.Figures
}

// A benchMean is a mean, and two standard errors of it: with many bursts, 95 of 100 such intervals hold what is looked for.
type benchMean struct {
	Mean      float64 `json:"mean"`
	TwoErrors float64 `json:"two_standard_errors"`
}

func meanOf(values []float64) benchMean {
	n := float64(len(values))
	m := benchMean{}
	for _, v := range values {
		m.Mean += v / n
	}
	sum := 0.0
	for _, v := range values {
		sum += (v - m.Mean) * (v - m.Mean)
	}
	m.TwoErrors = 2 * math.Sqrt(sum/(n-1)/n)
	return m
}

// String shows as many digits as the error leaves, two of it: 0.862 ± 0.014.
func (m benchMean) String() string {
	digits := 0
	if m.TwoErrors > 0 {
		digits = max(0, 1-int(math.Floor(math.Log10(m.TwoErrors))))
	}
	return fmt.Sprintf("%.*f ± %.*f", min(digits, 4), m.Mean, min(digits, 4), m.TwoErrors)
}

// sum makes figures of the bursts, beside those of first in the same rounds.
func (r *benchRun) sum(first *benchRun) {
	each := func(f func(i int, b generator.Figures) float64) benchMean {
		values := make([]float64, 0, len(r.bursts))
		for i, b := range r.bursts {
			values = append(values, f(i, b))
		}
		return meanOf(values)
	}
	r.RPS = each(func(_ int, b generator.Figures) float64 { return b.RPS })
	r.P50 = each(func(_ int, b generator.Figures) float64 { return b.P50 })
	r.P99 = each(func(_ int, b generator.Figures) float64 { return b.P99 })
	r.Ratio = each(func(i int, b generator.Figures) float64 { return b.RPS / first.bursts[i].RPS })
	hits, asked := 0, 0
	for _, b := range r.bursts {
		hits, asked = hits+b.Hits, asked+b.Hits+b.Misses
	}
	r.Hits = 1
	if asked > 0 {
		r.Hits = float64(hits) / float64(asked)
	}
}

// print writes a table.
func (b *bench) print(w io.Writer, runs []*benchRun) {
	fmt.Fprintf(w, "%s %s, %d clients, %d at once, %d keys of %d bytes; %d bursts of %v each, in turn; means ± two standard errors\n\n",
		b.Protocol, b.Test, b.Clients, b.Pipeline, b.Keys, b.Size, b.Rounds, b.burst)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\trequests/s\t× %s\tp50 ms\tp99 ms\t\n", runs[0].Name)
	for i, r := range runs {
		r.sum(runs[0])
		ratio := "1"
		if i > 0 {
			ratio = r.Ratio.String()
		}
		fmt.Fprintf(t, "%s\t%v\t%s\t%v\t%v\t\n", r.Name, r.RPS, ratio, r.P50, r.P99)
	}
	_ = t.Flush() // as what is printed otherwise
}

const (
	busy    = 0.9  // of a CPU: a generator that has no more to give
	hitsGap = 0.01 // between two addresses that do the same work
)

// warnings are what is wrong with a comparison.
func warnings(runs []*benchRun) (all []string) {
	for _, r := range runs {
		r.sum(runs[0])
		cpu, elapsed := 0.0, 0.0
		for _, b := range r.bursts {
			cpu += b.CPU * float64(b.Requests) / float64(time.Second/time.Microsecond)
			elapsed += b.Elapsed
		}
		if cpu > busy*elapsed {
			all = append(all, fmt.Sprintf("%s: the bench itself used %.0f %% of a CPU, so that the address may bear more than it says", r.Name, 100*cpu/elapsed))
		}
		if math.Abs(r.Hits-runs[0].Hits) > hitsGap {
			all = append(all, fmt.Sprintf("%s found %.1f %% of the keys and %s %.1f %%: they did not do the same work", r.Name, 100*r.Hits, runs[0].Name, 100*runs[0].Hits))
		}
	}
	return all
}
