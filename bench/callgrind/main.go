// Command callgrind counts the instructions that the hot path takes for a request, and compares them with those that were
// recorded when the code was last known to be as fast as it should be:
//
//	go run ./bench/callgrind            name, instructions, recorded, change; fails beyond 5 % either way (make count)
//	go run ./bench/callgrind -update    records what it counted
//	go run ./bench/callgrind -dir TREE  counts in another checkout, to compare two revisions; fails never
//
// Unlike a time, the count is the same on a busy machine as on a quiet one, to within 0.5 %. It is taken by valgrind's
// callgrind from the Go benchmarks of the engine (whole rounds through sessions and server connections, without system
// calls), the codecs and the ring. A benchmark runs N and 2N times, and what the second takes more, divided by N, is one
// round: setting up cancels. What the Go runtime and package testing do on their own account is left out.
//
// Figures are kept for one architecture and one Go version each, in testdata/GOARCH-goVERSION.txt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
)

// tolerance is how far a count may be from what was recorded, either way: an improvement has to be recorded too, or a later
// loss would hide behind it.
const tolerance = 0.05

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "callgrind:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("callgrind", flag.ContinueOnError)
	update := flags.Bool("update", false, "record what was counted")
	dir := flags.String("dir", ".", "a directory of the tree to count in")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	tree, err := findTree(ctx, *dir)
	if err != nil {
		return err
	}
	counted, err := count(ctx, tree)
	if err != nil {
		return err
	}
	path := tree.figures()
	if *update {
		if !usual() {
			return errors.New("figures are recorded on a processor with AVX2")
		}
		return writeFigures(path, counted)
	}
	recorded, err := readFigures(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := show(stdout, counted, recorded); err != nil {
		return err
	}
	if *dir != "." {
		return nil
	}
	return errors.Join(compare(counted, recorded)...)
}

// show prints a line for each figure.
func show(w io.Writer, counted []figure, recorded map[string]float64) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range counted {
		if was, ok := recorded[f.name]; ok {
			_, _ = fmt.Fprintf(tw, "%s\t%.1f\t%.1f\t%+.1f%%\t\n", f.name, f.instructions, was, 100*(f.instructions/was-1))
		} else {
			_, _ = fmt.Fprintf(tw, "%s\t%.1f\t-\t-\t\n", f.name, f.instructions)
		}
	}
	return tw.Flush()
}

// compare returns an error for each figure that is not what was recorded.
func compare(counted []figure, recorded map[string]float64) (errs []error) {
	for _, f := range counted {
		was, ok := recorded[f.name]
		switch change := f.instructions/was - 1; {
		case !ok:
			errs = append(errs, fmt.Errorf("%s: %.1f instructions, and none recorded", f.name, f.instructions))
		case math.Abs(change) > tolerance:
			errs = append(errs, fmt.Errorf("%s: %.1f instructions; recorded are %.1f, %+.1f%%; if that is meant: "+
				"go run ./bench/callgrind -update", f.name, f.instructions, was, 100*change))
		}
	}
	for name := range recorded {
		if !slices.ContainsFunc(counted, func(f figure) bool { return f.name == name }) {
			errs = append(errs, fmt.Errorf("%s: recorded, and not counted", name))
		}
	}
	return errs
}
