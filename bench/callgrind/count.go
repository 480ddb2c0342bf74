package main

import (
	"bytes"
	"context"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/cpu"
)

// suite is one Go benchmark and those of its cases that are counted.
type suite struct {
	pkg   string // below the module's root
	bench string // the benchmark's name behind Benchmark
	n     int    // rounds; twice as many the second time
	cases []string
}

// suites are what is counted, in the order of the figures.
var suites = []suite{
	{"engine", "Round", 1500, []string{
		"get", "set", "ping", "mget-10", "mc-get", "mc-set", "mc-mg",
		"resp3-get", "resp3-set", "cluster-get", "cluster-set", "replicas-get", "replicas-set",
	}},
	{"engine", "Round", 100, []string{
		"get-pipeline-16", "set-pipeline-16", "mget-10-four-servers", "mset-10-four-servers", "del-10-four-servers",
		"mc-get-pipeline-16", "mc-set-pipeline-16", "mc-get-10-four-servers", "mc-mg-10-quiet",
		"resp3-get-pipeline-16", "resp3-set-pipeline-16", "resp3-mget-10-four-servers",
		"cluster-get-pipeline-16", "cluster-set-pipeline-16", "cluster-mget-10-four-servers",
		"replicas-get-pipeline-16", "replicas-mget-10-four-servers", "mget-100-four-servers",
	}},
	{"codec/resp", "ParseCommand", 5000, []string{
		"get-16B", "set-64B", "hset-10-fields", "mget-10", "mget-100", "inline-get", "pipeline-16",
	}},
	{"codec/resp", "ScanReply", 5000, []string{
		"bulk-64B", "status", "array-10x64B", "pipeline-16x64B",
	}},
	{"codec/resp", "AppendCoalesced", 1000, []string{"mget-10", "mget-100"}},
	{"codec/memcached", "ParseCommand", 5000, []string{
		"get-16B", "set-64B", "mg", "pipeline-16",
	}},
	{"codec/memcached", "ScanReply", 5000, []string{
		"value-64B", "stored", "pipeline-16x64B",
	}},
	{"ring", "Dispatch", 10_000, []string{
		"ketama-fnv1a_64", "ketama-xxhash64", "modula-murmur", "one-server",
	}},
	{"ring", "DispatchAll", 5000, []string{"ketama-fnv1a_64"}},
	{"ring", "Hash", 10_000, []string{"fnv1a_64/16B", "xxhash64/16B", "md5/16B"}},
}

// figure is what one round of a benchmark takes.
type figure struct {
	name         string // package, benchmark and case: engine/Round/get
	instructions float64
}

// tree is a checkout.
type tree struct {
	root      string
	goVersion string // go1.26
}

// findTree finds the module that dir is in, and the version of the Go that builds it.
func findTree(ctx context.Context, dir string) (tree, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "env", "GOMOD", "GOVERSION")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return tree{}, fmt.Errorf("go env in %s: %w", dir, err)
	}
	mod, v, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if filepath.Base(mod) != "go.mod" {
		return tree{}, fmt.Errorf("%s is in no module", dir)
	}
	return tree{filepath.Dir(mod), version.Lang(v)}, nil
}

// figures is the file of what was recorded for this machine's architecture and the tree's Go.
func (t tree) figures() string {
	return filepath.Join(t.root, "bench/callgrind/testdata", runtime.GOARCH+"-"+t.goVersion+".txt")
}

// usual says that valgrind shows a program the processor that figures are recorded on: the Go library takes another
// road through its loops over bytes without AVX2.
func usual() bool { return runtime.GOARCH != "amd64" || cpu.X86.HasAVX2 }

// count counts all suites, as many at a time as there are processors: the counts do not depend on it.
func count(ctx context.Context, t tree) ([]figure, error) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		return nil, fmt.Errorf("%w (Debian: apt-get install valgrind)", err)
	}
	tmp, err := os.MkdirTemp("", "callgrind-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	built := map[string]string{}
	for _, s := range suites {
		if built[s.pkg] == "" {
			built[s.pkg] = filepath.Join(tmp, strings.ReplaceAll(s.pkg, "/", "-")+".test")
			if err := t.build(ctx, s.pkg, built[s.pkg]); err != nil {
				return nil, err
			}
		}
	}
	rounds := make([]map[string]float64, len(suites))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range suites {
		group.Go(func() (err error) {
			rounds[i], err = s.count(ctx, built[s.pkg], filepath.Join(tmp, strconv.Itoa(i)))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var figures []figure
	for i, s := range suites {
		for _, c := range s.cases {
			if n, ok := rounds[i][c]; ok { // else another tree, which does not have it
				figures = append(figures, figure{s.pkg + "/" + s.bench + "/" + c, n})
			}
		}
	}
	if len(figures) == 0 {
		return nil, fmt.Errorf("%s has none of the benchmarks", t.root)
	}
	return figures, nil
}

// build compiles a package's test binary.
func (t tree) build(ctx context.Context, pkg, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", path, "./"+pkg)
	cmd.Dir = t.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the program is built; and no dynamic linker
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c ./%s: %w: %s", pkg, err, out)
	}
	return nil
}

// count returns the instructions of one round of each case that the binary has: what n rounds more take, divided by n.
func (s suite) count(ctx context.Context, binary, out string) (map[string]float64, error) {
	once, err := s.run(ctx, binary, out+"-once", s.n)
	if err != nil {
		return nil, err
	}
	twice, err := s.run(ctx, binary, out+"-twice", 2*s.n)
	if err != nil {
		return nil, err
	}
	rounds := map[string]float64{}
	for c, n := range twice {
		rounds[c] = float64(n-once[c]) / float64(s.n)
	}
	return rounds, nil
}

// attempts is how often each case runs in a process. callgrind now and then loses what a function that was under way when a
// goroutine was interrupted had counted; so the largest count is taken.
const attempts = 3

// run plays n rounds of each case under callgrind and returns the instructions that it counted, with those that it took
// to set the case up. out begins the names of the files that callgrind writes: one for each attempt, as package testing
// calls BenchmarkResult.String once for each, to print it.
func (s suite) run(ctx context.Context, binary, out string, n int) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute) // it counts instructions: how long they take is the machine's
	defer cancel()
	cmd := exec.CommandContext(ctx, "valgrind", "--tool=callgrind", "--quiet", "--callgrind-out-file="+out,
		"--dump-before=testing.BenchmarkResult.String", "--dump-line=no",
		binary, "-test.run=^$", "-test.cpu=1", "-test.bench="+s.pattern(),
		"-test.count="+strconv.Itoa(attempts), "-test.benchtime="+strconv.Itoa(n)+"x")
	cmd.Dir = filepath.Dir(binary)
	// Without garbage collection, and above all without the signals that preempt goroutines: callgrind crashes at them.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("callgrind of %s/%s: %w: %s%s", s.pkg, s.bench, err, stdout.String(), stderr.String())
	}
	counts := map[string]int64{}
	for i, c := range played(stdout.String(), s.bench) {
		f, err := os.Open(fmt.Sprintf("%s.%d", out, i+1))
		if err != nil {
			return nil, fmt.Errorf("callgrind of %s/%s: %w", s.pkg, s.bench, err)
		}
		n, err := sum(f)
		_ = f.Close()
		counts[c] = max(counts[c], n)
		if err != nil {
			return nil, fmt.Errorf("callgrind of %s/%s: %w", s.pkg, s.bench, err)
		}
	}
	return counts, nil
}

// pattern is what -test.bench wants for the cases: one expression for each level of names.
func (s suite) pattern() string {
	p := "^Benchmark" + s.bench + "$"
	for level := range 1 + strings.Count(s.cases[0], "/") {
		var names []string
		for _, c := range s.cases {
			names = append(names, regexp.QuoteMeta(strings.Split(c, "/")[level]))
		}
		p += "/^(" + strings.Join(names, "|") + ")$"
	}
	return p
}

// played are the cases of a benchmark that a test binary said it ran, in their order.
func played(stdout, bench string) (cases []string) {
	for line := range strings.Lines(stdout) {
		if name, ok := strings.CutPrefix(line, "Benchmark"+bench+"/"); ok {
			cases = append(cases, strings.Fields(name)[0])
		}
	}
	return cases
}
