// Compare says what a change did: to the Go benchmarks, to the instructions that a request takes, and to what it costs end
// to end.
//
//	go run ./bench/compare BASE [HEAD]      make benchcmp BASE=main
//
// Without HEAD the other side is the tree as it is now, changes that are not committed included. Both sides are built
// first and then run in turn, since a machine's speed drifts by more than a change does.
//
//	WHAT       micro: the Go benchmarks, through benchstat
//	           count: instructions, by valgrind
//	           e2e: the bench, with cashew of both sides
//	           or several of these with commas between (default all; count only where valgrind is in PATH)
//
// micro:
//
//	BENCH      benchmarks to run, a regexp (default .)
//	PKG        packages, as go list takes them (default ./...)
//	COUNT      runs of each side (default 10)
//	BENCHTIME  as -test.benchtime (default 200ms)
//	TAGS       build tags
//	CPU        CPU for taskset to run both sides on (default any)
//
// e2e, by this tree's bench whatever the sides are:
//
//	RUN        workloads, a regexp (default all of the bench's default set)
//	ROUNDS     rounds (default 8, with which a verdict takes all of them; see verdict)
//	ARGS       further flags of the bench, such as "-pin -set matrix"
//
// OUT=DIR keeps what was measured. All is done by one goroutine and the programs that it waits for.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings are the environment.
type settings struct {
	micro, count, e2e bool

	bench, benchtime, tags, cpu string
	pkgs                        []string
	counts                      int // runs of each benchmark

	run    string
	rounds int
	args   []string

	out string
}

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func parseSettings(getenv func(string) string) (settings, error) {
	or := func(name, otherwise string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return otherwise
	}
	s := settings{
		bench: or("BENCH", "."), benchtime: or("BENCHTIME", "200ms"), tags: getenv("TAGS"), cpu: getenv("CPU"),
		pkgs: strings.Fields(or("PKG", "./...")),
		run:  getenv("RUN"), args: strings.Fields(getenv("ARGS")), out: getenv("OUT"),
	}
	what := getenv("WHAT")
	if what == "" {
		what = "micro,e2e"
		_, err := exec.LookPath("valgrind")
		s.count = err == nil
	}
	for part := range strings.SplitSeq(what, ",") {
		switch part {
		case "micro":
			s.micro = true
		case "count":
			s.count = true
		case "e2e":
			s.e2e = true
		default:
			return s, fmt.Errorf("WHAT=%s: want micro, count, e2e, or several of them with commas between", what)
		}
	}
	var err error
	if s.counts, err = strconv.Atoi(or("COUNT", "10")); err != nil || s.counts < 1 {
		return s, fmt.Errorf("COUNT=%s: want a number of runs", getenv("COUNT"))
	}
	if s.rounds, err = strconv.Atoi(or("ROUNDS", "8")); err != nil || s.rounds < 1 {
		return s, fmt.Errorf("ROUNDS=%s: want a number of rounds", getenv("ROUNDS"))
	}
	return s, nil
}

// A side is one of the two trees.
type side struct {
	name string // base or head
	dir  string // of the module
}

// comparison is one run of the program.
type comparison struct {
	settings
	dir            string // removed at the end
	root           string // of this module
	sides          [2]side
	stdout, stderr io.Writer
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	s, err := parseSettings(getenv)
	if err != nil {
		return err
	}
	if len(args) < 1 || len(args) > 2 || args[0] == "" {
		return errors.New("usage: compare BASE [HEAD]      (make benchcmp BASE=main)")
	}
	c := &comparison{settings: s, stdout: stdout, stderr: stderr}
	if c.dir, err = os.MkdirTemp("", "cashew-compare-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	mod, err := c.output(ctx, "", "go", "env", "GOMOD")
	if err != nil {
		return err
	}
	c.root = filepath.Dir(mod)
	c.sides[1] = side{"head", c.root}
	for i, rev := range args {
		name := []string{"base", "head"}[i]
		tree, dir, err := c.checkout(ctx, name, rev)
		if err != nil {
			return err
		}
		defer c.removeTree(ctx, tree)
		c.sides[i] = side{name, dir}
	}
	if s.micro {
		if err := c.compareBenchmarks(ctx); err != nil {
			return err
		}
	}
	if s.count {
		if err := c.compareCounts(ctx); err != nil {
			return err
		}
	}
	if s.e2e {
		return c.compareBench(ctx)
	}
	return nil
}

// checkout makes a tree of a revision, and returns it with the module's directory in it, which may lie deeper.
func (c *comparison) checkout(ctx context.Context, name, rev string) (tree, dir string, err error) {
	commit, err := c.output(ctx, c.root, "git", "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	if err != nil {
		return "", "", fmt.Errorf("no revision %s", rev)
	}
	prefix, err := c.output(ctx, c.root, "git", "rev-parse", "--show-prefix")
	if err != nil {
		return "", "", err
	}
	tree = filepath.Join(c.dir, name)
	_, err = c.output(ctx, c.root, "git", "worktree", "add", "--quiet", "--detach", tree, commit)
	return tree, filepath.Join(tree, prefix), err
}

// removeTree also works when ctx has ended.
func (c *comparison) removeTree(ctx context.Context, tree string) {
	if _, err := c.output(context.WithoutCancel(ctx), c.root, "git", "worktree", "remove", "--force", tree); err != nil {
		c.logf("%v", err)
	}
}

// command is a program that gets SIGTERM when ctx ends, and so can end what it has started itself.
func command(ctx context.Context, dir string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// output runs a program and returns what it prints, without the last newline. What it complains of is in the error.
func (c *comparison) output(ctx context.Context, dir string, argv ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := command(ctx, dir, argv...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, stderr.Bytes())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

func (c *comparison) logf(format string, args ...any) {
	fmt.Fprintf(c.stderr, "compare: "+format+"\n", args...)
}

// keep copies files to OUT, if that is set.
func (c *comparison) keep(files ...string) error {
	if c.out == "" {
		return nil
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(c.out, filepath.Base(file)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
