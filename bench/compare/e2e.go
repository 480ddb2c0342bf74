package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cashew/bench/kept"
)

// The sides' names among the bench's contenders.
const (
	headName = "cashew"
	baseName = "cashew-base"
)

// compareBench runs the bench with both sides' binaries as its contenders, and prints a table of what differs.
//
// Each round is a run of the bench of its own, so that it starts all processes anew: where a process's memory came to
// lie may make it faster or slower for its whole life, and rounds of the same processes would all tell the same. Who goes
// first takes turns.
func (c *comparison) compareBench(ctx context.Context) error {
	bench := filepath.Join(c.dir, "bench")
	c.logf("building cashew of both sides")
	if _, err := c.output(ctx, c.root, "go", "build", "-o", bench, "./bench"); err != nil {
		return err
	}
	var bins [2]string
	for i, s := range c.sides {
		var err error
		if bins[i], err = c.buildCashew(ctx, s); err != nil {
			return err
		}
	}
	all := new(kept.Result)
	var failed error
	for round := range c.rounds {
		c.logf("bench, round %d of %d", round+1, c.rounds)
		cmd := command(ctx, c.root, append([]string{bench}, c.benchArgs(round, bins[1])...)...)
		cmd.Env = append(os.Environ(), "CASHEW_BENCH_PROXIES="+baseName+"="+bins[0])
		cmd.Stderr = c.stderr
		failed = errors.Join(failed, cmd.Run())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r, err := kept.Read(filepath.Join(c.dir, resultName(round)+".json"))
		if err != nil {
			return errors.Join(failed, err)
		}
		join(all, r, round)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	file := filepath.Join(c.dir, "e2e.json")
	if err := errors.Join(os.WriteFile(file, text, 0o644), c.keep(file)); err != nil {
		return err
	}
	return errors.Join(failed, writeTable(c.stdout, all))
}

// buildCashew builds a side as its own Makefile does, with its flags, and takes the binary away.
func (c *comparison) buildCashew(ctx context.Context, s side) (string, error) {
	cmd := command(ctx, s.dir, "make", "build")
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); name != "MAKEFLAGS" && name != "MAKELEVEL" && name != "MFLAGS" { // of the make that runs us
			cmd.Env = append(cmd.Env, v)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build of %s: %w\n%s", s.name, err, out)
	}
	bin := filepath.Join(c.dir, s.name+".cashew")
	text, err := os.ReadFile(filepath.Join(s.dir, "bin", "cashew"))
	if err != nil {
		return "", err
	}
	return bin, os.WriteFile(bin, text, 0o755)
}

func resultName(round int) string { return fmt.Sprintf("e2e-%d", round) }

// benchArgs are the bench's for one round. System calls are counted once: they hardly vary, and strace takes its time.
func (c *comparison) benchArgs(round int, head string) []string {
	contenders := baseName + "," + headName
	if round%2 == 1 {
		contenders = headName + "," + baseName
	}
	args := []string{
		"-contenders", contenders, "-cashew", head, "-rounds", "1", "-run", c.run,
		"-out", c.dir, "-name", resultName(round), "-syscalls=" + strconv.FormatBool(round == 0),
	}
	return append(args, c.args...)
}

// join adds a run of the bench to all, as a round.
func join(all, r *kept.Result, round int) {
	if round == 0 {
		*all = *r
		all.Samples = nil
	}
	all.Rounds = round + 1
	for _, s := range r.Samples {
		s.Round = round
		all.Samples = append(all.Samples, s)
	}
	if round > 0 {
		all.Warnings = append(all.Warnings, r.Warnings...)
	}
}

// A figure is one that the table has a row of.
type figure struct {
	name       string
	of         func(kept.Sample) float64
	moreIsGood bool
}

var figures = []figure{
	{"req/s", func(s kept.Sample) float64 { return s.RPS }, true},
	{"p99 ms", func(s kept.Sample) float64 { return s.P99 }, false},
	{"proxy CPU µs/req", func(s kept.Sample) float64 { return s.ProxyCPU }, false},
	{"servers' CPU µs/req", func(s kept.Sample) float64 { return s.ServerCPU }, false},
	{"read+write/req", func(s kept.Sample) float64 { return s.ProxyIO }, false},
}

// significance is the greatest p of a verdict. With the some fifty rows of a table, a smaller one than the customary 0.05 is
// due: at that, every other table would have verdicts on nothing.
const significance = 0.01

// verdict says whether head differs from base by more than noise does, from the quotients head/base of all rounds.
//
// The rule is the sign test: if nothing had changed, each quotient would be above 1 as often as below. p is the chance
// that so many of them or more would come to lie on one side. It holds whatever the noise is like, and asks for all of 8
// rounds, 11 of 12 or 14 of 16.
func verdict(ratios []float64, moreIsGood bool) string {
	above, below := 0, 0
	for _, r := range ratios {
		switch {
		case r > 1:
			above++
		case r < 1:
			below++
		}
	}
	p := signTest(above, below)
	switch {
	case p > significance:
		return fmt.Sprintf("~ (p=%.3f)", p)
	case (above > below) == moreIsGood:
		return fmt.Sprintf("better (p=%.3f)", p)
	}
	return fmt.Sprintf("WORSE (p=%.3f)", p)
}

// signTest is the two-sided chance of a split of a+b fair coins at least as uneven as a to b.
func signTest(a, b int) float64 {
	n := a + b
	chance := math.Pow(0.5, float64(n)) // of exactly i heads, i = 0
	var tail float64
	for i := range min(a, b) + 1 {
		tail += chance
		chance *= float64(n-i) / float64(i+1)
	}
	return min(1, 2*tail)
}

// writeTable prints a row for each figure of each test, in Markdown.
func writeTable(out io.Writer, r *kept.Result) error {
	var b strings.Builder
	b.WriteString("| workload | figure | base | head | head/base | verdict |\n|---|---|--:|--:|--:|---|\n")
	for _, row := range r.Rows() {
		for _, f := range figures {
			base, head := r.Pick(row, baseName, f.of), r.Pick(row, headName, f.of)
			ratios := kept.Ratios(head, base)
			if len(ratios) == 0 {
				continue
			}
			q := kept.SpreadOf(ratios)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %.3f (%.3f..%.3f) | %s |\n", row.Name(), f.name,
				number(kept.SpreadOf(kept.Values(base)).Median), number(kept.SpreadOf(kept.Values(head)).Median),
				q.Median, q.Min, q.Max, verdict(ratios, f.moreIsGood))
		}
		for _, n := range counts {
			if base, head := n.of(counted(r, row, baseName)), n.of(counted(r, row, headName)); base > 0 && head > 0 {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %.3f | counted once |\n", row.Name(), n.name, number(base), number(head), head/base)
			}
		}
	}
	fmt.Fprintf(&b, "\nMedians of %d rounds; head/base is the median (least..greatest) of ratios paired by round. "+
		"A verdict is a sign test with p <= %v, \"~\" no claim: expect one of a hundred rows to be wrong.\n", r.Rounds, significance)
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "\n**Warning:** %s\n", w)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// counts are figures that do not vary by more than a percent or two from one run to the next.
var counts = []struct {
	name string
	of   func(kept.Count) float64
}{
	{"system calls/req", func(c kept.Count) float64 { return c.PerRequest }},
	{"instructions/req", func(c kept.Count) float64 { return c.Instructions }},
}

// counted is what was counted of a contender; zero if nothing was.
func counted(r *kept.Result, row kept.Row, contender string) kept.Count {
	for _, c := range r.Syscalls {
		if c.Workload == row.Workload.Name && c.Test == row.Test && c.Contender == contender {
			return c
		}
	}
	return kept.Count{}
}

// number writes a figure with four digits that count, or all before the point.
func number(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
