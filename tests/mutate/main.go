// Command mutate proves the tests of the road that a request takes: it makes one mistake at a time in the files on that road,
// and looks whether the tests notice.
//
//	go run ./tests/mutate                    100 mistakes, chosen by seed 1 (make mutate)
//	go run ./tests/mutate -n 20 -seed 7      others, and fewer
//	go run ./tests/mutate -only session.go   those of which file:line contains this
//	go run ./tests/mutate -list              all that could be made
//
// A mistake is a condition negated, a comparison taken for its neighbour, && for ||, a constant in a function one too large, or
// a call or an assignment left out. Nothing in the tree is changed: the compiler gets the other file as an overlay. A mistake
// that does not compile is not one. The tests of the package itself run first and, if those of loop, backend or session notice
// nothing, those of engine and tests/sim, which drive all three; not those of engine that wait for real time or open sockets for long.
//
// What survives is printed with its lines, for a person to read; read.txt keeps what was read and can't be noticed, and why.
// The command fails if fewer than nine of ten are noticed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
)

// goal is what part of the mistakes must be noticed.
const goal = 0.9

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	n := flags.Int("n", 100, "how many mistakes")
	seed := flags.Uint64("seed", 1, "chooses them")
	only := flags.String("only", "", "those of which file:line contains this")
	list := flags.Bool("list", false, "print all mistakes and try none")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	all, err := find(*only)
	if err != nil {
		return err
	}
	if *list {
		for i := range all {
			before, after := all[i].diff()
			fmt.Fprintf(stdout, "%s %s\n  - %s\n  + %s\n", all[i].place(), all[i].kind, before, after)
		}
		return nil
	}
	rand.New(rand.NewPCG(*seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	known, err := readKnown("tests/mutate/read.txt")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	t := &trial{dir: dir, out: stdout, known: known}
	if err := t.unchanged(ctx); err != nil {
		return err
	}
	for i := 0; i < len(all) && t.tried() < *n; i++ {
		if err := t.try(ctx, &all[i]); err != nil {
			return err
		}
	}
	return t.sum()
}

// find returns the mistakes that can be made on the road, those of which file:line contains only.
func find(only string) (all []mutant, err error) {
	for _, file := range road {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%w (it runs in the tree's root, and tests/mutate/trial.go names the files)", err)
		}
		found, err := mutants(file, source)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if strings.Contains(found[i].place(), only) {
				all = append(all, found[i])
			}
		}
	}
	return all, nil
}

// readKnown reads survivors that were read: the line before, a tab, the line after, a tab, why no test can notice.
func readKnown(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	known := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, "\t", 4)
		if len(f) != 4 {
			return nil, fmt.Errorf("%s: %q is not file, line before, line after, reason, with tabs between", path, line)
		}
		known[strings.Join(f[:3], "\t")] = f[3]
	}
	return known, nil
}
