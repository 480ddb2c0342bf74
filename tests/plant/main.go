// Command plant proves the simulation: it builds the product with one fault planted in it, and says after how many simulated
// requests the simulation finds that.
//
//	go run ./tests/plant                       the names of all faults (make plants)
//	go run ./tests/plant NAME...               plants these, one after the other (make plants PLANT=NAME)
//	go run ./tests/plant all                   plants all
//	go run ./tests/plant -wall 60s NAME        searches for so long, by the clock on the wall
//
// Nothing in the tree is changed: the compiler gets the file with the fault as an overlay. The command fails if a fault is not found.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
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
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() == 0 {
		for i := range plants {
			fmt.Fprintln(stdout, plants[i].name)
		}
		return nil
	}
	chosen, err := choose(flags.Args())
	if err != nil {
		return err
	}
	lost := 0
	for i := range chosen {
		found, err := chosen[i].try(ctx, *wall)
		if err != nil {
			return err
		}
		if found == "" {
			lost++
			found = fmt.Sprintf("NOT FOUND in %v", *wall)
		}
		fmt.Fprintf(stdout, "%-40s %s\n", chosen[i].name, found)
	}
	if lost > 0 {
		return fmt.Errorf("%d of %d faults were not found", lost, len(chosen))
	}
	return nil
}

func choose(names []string) (chosen []plant, err error) {
	if names[0] == "all" {
		return plants, nil
	}
	for _, name := range names {
		was := len(chosen)
		for i := range plants {
			if plants[i].name == name {
				chosen = append(chosen, plants[i])
			}
		}
		if len(chosen) == was {
			return nil, fmt.Errorf("no fault is named %q", name)
		}
	}
	return chosen, nil
}

// plant is a fault: in a file, old becomes new.
type plant struct{ name, file, old, new string }

// try searches for p, and says how it was found; "": it was not.
func (p *plant) try(ctx context.Context, wall time.Duration) (found string, err error) {
	dir, err := os.MkdirTemp("", "plant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is below the system's directory for that
	overlay, err := p.overlay(dir)
	if err != nil {
		return "", err
	}
	sim := filepath.Join(dir, "sim.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-tags", "invariants", "-overlay", overlay, "-o", sim, "./tests/sim").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s does not compile: %w\n%s", p.name, err, out)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, wall+time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, sim, "-test.run=TestSim$", "-test.v", "-test.timeout=0", "-sim.duration=100h", "-sim.shrink=0", "-sim.wall="+wall.String()).CombinedOutput()
	if err == nil {
		return "", nil
	}
	why := verdict.FindStringSubmatch(string(out))
	if why == nil {
		return "", fmt.Errorf("%s: %w\n%s", p.name, err, out)
	}
	return fmt.Sprintf("%s (%.1f s)", strings.TrimSpace(why[1]), time.Since(began).Seconds()), nil
}

// verdict is what the simulation says of a failure, or the runtime of a panic.
var verdict = regexp.MustCompile(`(?m)(seed \d+, after \d+ replies: .*|^panic: .*|^fatal error: .*)$`)

// overlay writes the file with the fault, and what tells the compiler of it.
func (p *plant) overlay(dir string) (string, error) {
	src, err := os.ReadFile(p.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(src), p.old); n != 1 {
		return "", fmt.Errorf("%s: %s has %d times %q; want once", p.name, p.file, n, p.old)
	}
	changed := filepath.Join(dir, filepath.Base(p.file))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(src), p.old, p.new, 1)), 0o600); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(p.file)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {abs: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}
