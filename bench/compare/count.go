package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// countNoise is what two counts may differ by without a verdict. Counts of the same code on a busy machine differed by up to
// 1.1 % in whole rounds of the engine, whose maps and schedulers vary, and by less than 0.5 % in the codecs and the ring.
const countNoise = 0.02

// compareCounts counts the instructions of both sides' hot paths, by this tree's bench/callgrind, and prints a table.
func (c *comparison) compareCounts(ctx context.Context) error {
	callgrind := filepath.Join(c.dir, "callgrind")
	if _, err := c.output(ctx, c.root, "go", "build", "-o", callgrind, "./bench/callgrind"); err != nil {
		return err
	}
	var printed [2]string
	for i, s := range c.sides {
		c.logf("instructions, %s", s.name)
		var err error
		if printed[i], err = c.output(ctx, c.dir, callgrind, "-dir", s.dir); err != nil {
			return err
		}
	}
	return writeCounts(c.stdout, printed[0], printed[1])
}

// writeCounts prints a row for each benchmark that callgrind counted on both sides.
func writeCounts(out io.Writer, base, head string) error {
	_, was, err := parseCounts(base)
	if err != nil {
		return err
	}
	names, is, err := parseCounts(head)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("| instructions | base | head | head/base | verdict |\n|---|--:|--:|--:|---|\n")
	for _, name := range names {
		if was[name] == 0 {
			continue
		}
		ratio := is[name] / was[name]
		verdict := "~"
		switch {
		case math.Abs(ratio-1) <= countNoise:
		case ratio < 1:
			verdict = "better"
		default:
			verdict = "WORSE"
		}
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.3f | %s |\n", name, was[name], is[name], ratio, verdict)
	}
	fmt.Fprintf(&b, "\nOf one round, outside the kernel. What differs by at most %v %% may be the same code.\n\n", 100*countNoise)
	_, err = io.WriteString(out, b.String())
	return err
}

// parseCounts reads what callgrind prints: a line for each benchmark, which starts with its name and its count.
func parseCounts(text string) (names []string, counts map[string]float64, err error) {
	counts = map[string]float64{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			return nil, nil, fmt.Errorf("callgrind printed %q: want a name and a count", line)
		}
		if counts[f[0]], err = strconv.ParseFloat(f[1], 64); err != nil {
			return nil, nil, fmt.Errorf("callgrind printed %q: %w", line, err)
		}
		names = append(names, f[0])
	}
	return names, counts, nil
}
