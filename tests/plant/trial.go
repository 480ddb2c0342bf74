package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// plant is a fault: in a file, old becomes new.
type plant struct{ name, file, old, new string }

// trial is a plant that is searched for.
type trial struct {
	plant
	by     string // the package and the test that find it; "": the simulation
	number int    // of those that are searched for, from 1 on
}

// result is what became of it.
type result struct {
	found string        // what found it
	after time.Duration // so much of the clock on the wall, without what the compiler took
	err   error         // nil: it was found
}

func (r result) String() string {
	if r.err != nil {
		why, _, _ := strings.Cut(r.err.Error(), "\n")
		return why
	}
	return fmt.Sprintf("%s (%.1f s)", r.found, r.after.Seconds())
}

var errNotFound = errors.New("NOT FOUND")

// programs are the tests with faults in them, by package.
type programs map[string]string

// build builds the programs that are needed for all, in dir.
func build(ctx context.Context, dir string, all []*trial) (programs, error) {
	overlay, err := graft(dir, all)
	if err != nil {
		return nil, err
	}
	built := make(programs)
	for _, p := range all {
		pkg := p.pkg()
		if built[pkg] != "" {
			continue
		}
		built[pkg] = filepath.Join(dir, strconv.Itoa(len(built))+".test")
		out, err := exec.CommandContext(ctx, "go", "test", "-c", "-tags=invariants", "-gcflags=-e", "-overlay", overlay, "-o", built[pkg], "./"+pkg).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%s does not compile: %w\n%s", pkg, err, out)
		}
	}
	return built, nil
}

// pkg is the package whose test finds p.
func (p *trial) pkg() string {
	if p.by == "" {
		return "tests/sim"
	}
	pkg, _, _ := strings.Cut(p.by, " ")
	return pkg
}

// try searches for p with its program. What finds it must find nothing without it.
func (p *trial) try(ctx context.Context, program string, wall time.Duration) result {
	_, test, byTest := strings.Cut(p.by, " ")
	// What goes round for ever is found, too: the program ends with a panic.
	args := []string{"-test.v", "-test.timeout=" + (wall + 45*time.Second).String(), "-test.run=^" + test + "$"}
	if !byTest {
		// Short runs with few replies: a fault needs that something happens, rather than that much is said.
		args[2] = "-test.run=^TestSim$"
		args = append(args, "-sim.duration=1000h", "-sim.run=1s", "-sim.pace=100ms", "-sim.shrink=0", "-sim.wall="+wall.String())
		if strings.HasPrefix(p.name, "near-") { // of what is read often
			args = append(args, "-sim.near", "-sim.pace=20ms")
		}
	}
	began := time.Now()
	out, err := p.run(ctx, program, p.number, args...)
	r := result{after: time.Since(began)}
	why := verdict.FindStringSubmatch(out)
	switch {
	case ctx.Err() != nil:
		r.err = ctx.Err()
	case err == nil && byTest && !strings.Contains(out, "=== RUN"):
		r.err = fmt.Errorf("there is no test %s", p.by)
	case err == nil:
		r.err = errNotFound
	case byTest:
		r.found = p.by
		if _, err := p.run(ctx, program, 0, args...); err != nil {
			r.err = fmt.Errorf("%s fails without the fault, too", p.by)
		}
	case why == nil:
		r.err = fmt.Errorf("%w\n%s", err, out)
	default:
		r.found = strings.TrimSpace(why[1])
		if seed := why[2]; seed != "" {
			if _, err := p.run(ctx, program, 0, append(args, "-sim.seed="+seed, "-sim.duration=1s")...); err != nil {
				r.err = fmt.Errorf("seed %s fails without the fault, too", seed)
			}
		}
	}
	return r
}

// run runs a program with the fault of that number in it, and returns what it says.
func (p *trial) run(ctx context.Context, program string, number int, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = p.pkg()
	cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(number))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// verdict is what the simulation says of a failure, with the seed, or the runtime of a panic.
var verdict = regexp.MustCompile(`(?m)(seed (\d+), after \d+ replies: .*|^panic: .*|^fatal error: .*)$`)
