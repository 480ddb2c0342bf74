package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// A testBinary has one package's benchmarks.
type testBinary struct {
	dir string // of the package: where it runs
	bin string
}

// compareBenchmarks runs both sides' Go benchmarks in turn and prints what benchstat says of them.
func (c *comparison) compareBenchmarks(ctx context.Context) error {
	c.logf("building the benchmarks")
	var binaries [2][]testBinary
	for i, s := range c.sides {
		var err error
		if binaries[i], err = c.buildBenchmarks(ctx, s); err != nil {
			return err
		}
		if len(binaries[i]) == 0 {
			return fmt.Errorf("no benchmarks on the %s side in %s", s.name, strings.Join(c.pkgs, " "))
		}
	}
	var printed [2]bytes.Buffer
	for round := range c.counts {
		c.logf("benchmarks, round %d of %d", round+1, c.counts)
		for i := range c.sides {
			i := (i + round) % 2 // who goes first takes turns as well
			for _, b := range binaries[i] {
				text, err := c.runBenchmarks(ctx, b)
				if err != nil {
					return err
				}
				printed[i].WriteString(text + "\n")
			}
		}
	}
	var files, named []string
	for i, s := range c.sides {
		file := filepath.Join(c.dir, s.name+".txt")
		if err := os.WriteFile(file, printed[i].Bytes(), 0o644); err != nil {
			return err
		}
		files, named = append(files, file), append(named, s.name+"="+s.name+".txt")
	}
	if err := c.keep(files...); err != nil {
		return err
	}
	text, err := c.output(ctx, c.dir, append([]string{"go", "run", benchstat}, named...)...)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, text)
	return err
}

var hasBenchmark = regexp.MustCompile(`(?m)^func Benchmark`)

// buildBenchmarks makes a test binary of each package of a side that has benchmarks.
func (c *comparison) buildBenchmarks(ctx context.Context, s side) ([]testBinary, error) {
	list := append([]string{"go", "list", "-tags", c.tags, "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}"}, c.pkgs...)
	dirs, err := c.output(ctx, s.dir, list...)
	if err != nil {
		return nil, err
	}
	var binaries []testBinary
	for dir := range strings.FieldsFuncSeq(dirs, func(r rune) bool { return r == '\n' }) {
		found, err := benchmarksIn(dir)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		bin := filepath.Join(c.dir, fmt.Sprintf("%s%d.test", s.name, len(binaries)))
		if _, err := c.output(ctx, dir, "go", "test", "-c", "-tags", c.tags, "-o", bin, "."); err != nil {
			return nil, err
		}
		if _, err := os.Stat(bin); err == nil { // build tags may leave no test
			binaries = append(binaries, testBinary{dir, bin})
		}
	}
	return binaries, nil
}

func benchmarksIn(dir string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return false, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		if hasBenchmark.Match(text) {
			return true, nil
		}
	}
	return false, nil
}

// runBenchmarks runs each of a package's benchmarks once and returns what they print.
func (c *comparison) runBenchmarks(ctx context.Context, b testBinary) (string, error) {
	argv := []string{
		b.bin, "-test.run", "^$", "-test.bench", c.bench, "-test.benchmem", "-test.benchtime", c.benchtime,
		"-test.count", "1", "-test.timeout", "10m",
	}
	if c.cpu != "" {
		argv = append([]string{"taskset", "-c", c.cpu}, argv...)
	}
	return c.output(ctx, b.dir, argv...)
}
