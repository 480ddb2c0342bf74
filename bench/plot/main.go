// Plot draws the figures of docs/performance.md from kept results of the bench:
//
//	go run ./bench/plot -out docs/plots bench/results/NAME.json...      make plots
//
// Each result becomes a file for each figure that it has the samples for, NAME-FIGURE.svg:
//
//	throughput-redis, throughput-memcached   requests per second against direct, a bar for each proxy and workload
//	cpu-redis, cpu-memcached                 proxy CPU for each request
//	clients, servers, loops                  proxy CPU for each request over workloads that differ in that alone
//	latency, percentiles                     latency of workloads with a fixed rate
//
// The same result always gives the same bytes, so that a figure changes in git when its figures do.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"cashew/bench/kept"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func init() { plot.DefaultFont, plotter.DefaultFont = sans, sans }

func run(args []string, stderr io.Writer) error {
	fs := flag.NewFlagSet("plot", flag.ContinueOnError)
	fs.SetOutput(stderr)
	out := fs.String("out", filepath.Join("docs", "plots"), "directory for the figures")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return errors.New("no result named")
	}
	for _, file := range fs.Args() {
		if err := drawResult(file, *out, stderr); err != nil {
			return err
		}
	}
	return nil
}

// drawResult writes all figures of a result.
func drawResult(file, dir string, stderr io.Writer) error {
	r, err := kept.Read(file)
	if err != nil {
		return err
	}
	fs := figures(r)
	if len(fs) == 0 {
		return fmt.Errorf("%s: no figure can be drawn of it", file)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(file), ".json")
	for _, f := range fs {
		var svg bytes.Buffer
		if err := f.writeTo(&svg); err != nil {
			return err
		}
		path := filepath.Join(dir, name+"-"+f.name+".svg")
		if err := os.WriteFile(path, svg.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(stderr, "plot:", path)
	}
	return nil
}

// must panics on what gonum says of data that cannot be drawn: no number, or none at all, which figures leaves out.
func must(err error) {
	if err != nil {
		panic("plot: " + err.Error())
	}
}
