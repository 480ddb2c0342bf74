// Command plant proves the simulation: it builds the product with one fault planted in it, and says after how many simulated
// requests the simulation finds that; or which test does, for the few that the simulation cannot see.
//
//	go run ./tests/plant                       the names of all faults (make plants)
//	go run ./tests/plant NAME...               plants these (make plants PLANT=NAME)
//	go run ./tests/plant all                   plants all
//	go run ./tests/plant loop backend          plants those in the files of these folders
//	go run ./tests/plant -wall 60s -jobs 2 all searches for so long, by the clock on the wall, for two at once
//	go run ./tests/plant -sim NAME             has the simulation search although a test is named
//
// Nothing in the tree is changed: the compiler gets the files with the faults as an overlay. The command fails if a fault is not found.
//
// To read: main.go, trial.go, graft.go, plants.go, and of the lists of faults (plants_*.go) what is needed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "plant:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("plant", flag.ContinueOnError)
	wall := flags.Duration("wall", 2*time.Minute, "how long to search for each")
	jobs := flags.Int("jobs", 1, "how many to search for at once")
	sim := flags.Bool("sim", false, "have the simulation search for those, too, that a test is named for")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() == 0 {
		for _, p := range plants {
			fmt.Fprintln(stdout, p.name)
		}
		return nil
	}
	chosen, err := choose(flags.Args())
	if err != nil {
		return err
	}
	if *sim {
		for _, p := range chosen {
			p.by = ""
		}
	}
	dir, err := os.MkdirTemp("", "plant")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is below the system's directory for that
	built, err := build(ctx, dir, chosen)
	if err != nil {
		return err
	}
	return search(ctx, chosen, built, *wall, *jobs, stdout)
}

// choose returns the plants of those names, and those in the files of folders that are named; all: each.
func choose(names []string) (chosen []*trial, err error) {
	for _, name := range names {
		was := len(chosen)
		for _, p := range plants {
			if p.name == name || name == "all" || strings.HasPrefix(p.file, name+"/") {
				chosen = append(chosen, &trial{p, tests[p.name], len(chosen) + 1})
			}
		}
		if len(chosen) == was {
			return nil, fmt.Errorf("no fault is named %q, and none is in a folder of that name", name)
		}
	}
	return chosen, nil
}

// search searches for all that are chosen, and tells of each as it ends.
func search(ctx context.Context, chosen []*trial, built programs, wall time.Duration, jobs int, stdout io.Writer) error {
	var (
		began = time.Now()
		todo  = make(chan *trial)
		all   sync.WaitGroup
		mu    sync.Mutex // guards what follows, and stdout
		sum   summary
	)
	for range jobs {
		all.Go(func() {
			for p := range todo {
				r := p.try(ctx, built[p.pkg()], wall)
				mu.Lock()
				sum.add(p, r)
				fmt.Fprintf(stdout, "%-44s %s\n", p.name, r)
				mu.Unlock()
			}
		})
	}
	for _, p := range chosen {
		if ctx.Err() == nil {
			todo <- p
		}
	}
	close(todo)
	all.Wait()
	fmt.Fprintf(stdout, "%v in %v\n", sum, time.Since(began).Round(time.Second))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(sum.errs...)
}

// summary is what became of plants.
type summary struct {
	all, bySim, soon, byTest int
	errs                     []error // of those that were not found
}

func (s *summary) add(p *trial, r result) {
	s.all++
	switch {
	case r.err != nil:
		s.errs = append(s.errs, fmt.Errorf("%s: %w", p.name, r.err))
	case p.by != "":
		s.byTest++
	default:
		s.bySim++
		if r.after <= time.Minute {
			s.soon++
		}
	}
}

func (s summary) String() string {
	return fmt.Sprintf("found %d of %d: %d by the simulation, of which %d within a minute each, and %d by a test,", s.bySim+s.byTest, s.all, s.bySim,
		s.soon, s.byTest)
}
