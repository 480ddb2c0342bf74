package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/bench/kept"
)

func TestSignTest(t *testing.T) {
	tests := []struct {
		a, b int
		want string // from the binomial distribution's tables
	}{
		{0, 0, "1.0000"},
		{1, 0, "1.0000"},
		{5, 0, "0.0625"},
		{0, 6, "0.0312"},
		{8, 0, "0.0078"},
		{7, 1, "0.0703"},
		{11, 1, "0.0063"},
		{14, 2, "0.0042"},
		{13, 3, "0.0213"},
		{4, 4, "1.0000"},
		{5, 4, "1.0000"},
	}
	for _, tt := range tests {
		if got := fmt.Sprintf("%.4f", signTest(tt.a, tt.b)); got != tt.want {
			t.Errorf("signTest(%d, %d) = %s; want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	faster := []float64{1.01, 1.02, 1.01, 1.03, 1.01, 1.2, 1.01, 1.02}
	tests := []struct {
		name       string
		ratios     []float64
		moreIsGood bool
		want       string
	}{
		{"more requests", faster, true, "better"},
		{"more CPU", faster, false, "WORSE"},
		{"one round the other way", append([]float64{0.9}, faster[1:]...), true, "~"},
		{"too few rounds", faster[:5], true, "~"},
		{"nothing but equal", []float64{1, 1, 1, 1, 1, 1, 1, 1, 1}, true, "~"},
	}
	for _, tt := range tests {
		if got, _, _ := strings.Cut(verdict(tt.ratios, tt.moreIsGood), " "); got != tt.want {
			t.Errorf("%s: verdict(%v) = %q; want %q", tt.name, tt.ratios, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	all := new(kept.Result)
	for round := range 8 {
		r := &kept.Result{
			Rounds: 1, Order: []string{baseName, headName}, Workloads: []kept.Workload{{Name: "p16-64", Protocol: "redis", Tests: []string{"set", "get"}}},
			Warnings: []string{fmt.Sprintf("warning %d", round)},
		}
		if round == 0 {
			r.Syscalls = []kept.Count{
				{Workload: "p16-64", Test: "get", Contender: baseName, PerRequest: 0.4, Instructions: 1000},
				{Workload: "p16-64", Test: "get", Contender: headName, PerRequest: 0.2, Instructions: 900},
			}
		}
		noise := float64(round%3) + 1 // the same for both sides of a round
		r.Samples = []kept.Sample{
			{Workload: "p16-64", Test: "get", Contender: baseName, RPS: 100_000 * noise, ProxyCPU: 1 / noise, P99: 1},
			{Workload: "p16-64", Test: "get", Contender: headName, RPS: 90_000 * noise, ProxyCPU: 0.8 / noise, P99: 1 + 0.1*float64(round%2) - 0.05},
		}
		join(all, r, round)
	}
	var out bytes.Buffer
	if err := writeTable(&out, all); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "| p16") || strings.HasPrefix(line, "**") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	want := []string{
		"| p16-64 GET | req/s | 200000 | 180000 | 0.900 (0.900..0.900) | WORSE (p=0.008) |",
		"| p16-64 GET | p99 ms | 1 | 1 | 1.000 (0.950..1.050) | ~ (p=1.000) |",
		"| p16-64 GET | proxy CPU µs/req | 0.5 | 0.4 | 0.800 (0.800..0.800) | better (p=0.008) |",
		"| p16-64 GET | system calls/req | 0.4 | 0.2 | 0.500 | counted once |",
		"| p16-64 GET | instructions/req | 1000 | 900 | 0.900 | counted once |",
	}
	for round := range 8 {
		want = append(want, fmt.Sprintf("**Warning:** warning %d", round))
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Errorf("rows differ (-want +got):\n%s", d)
	}
}

func TestCounts(t *testing.T) {
	base := "  engine/Round/get  3242.1  3240.0  +0.1%\n  ring/Hash/md5  100.0  -  -\n  old/One  1.0  -  -\n  ring/Hash/fnv  1000.0  -  -\n"
	head := "  engine/Round/get  3000.0  3240.0  -7.4%\n  new/One  5.0  -  -\n  ring/Hash/md5  103.0  -  -\n  ring/Hash/fnv  1015.0  -  -\n"
	var out bytes.Buffer
	if err := writeCounts(&out, base, head); err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(out.String(), "\n\n")
	want := `| instructions | base | head | head/base | verdict |
|---|--:|--:|--:|---|
| engine/Round/get | 3242.1 | 3000.0 | 0.925 | better |
| ring/Hash/md5 | 100.0 | 103.0 | 1.030 | WORSE |
| ring/Hash/fnv | 1000.0 | 1015.0 | 1.015 | ~ |`
	if d := cmp.Diff(want, table); d != "" {
		t.Errorf("table differs (-want +got):\n%s", d)
	}
	for _, bad := range []string{"name", "name many"} {
		if err := writeCounts(io.Discard, bad, head); err == nil {
			t.Errorf("writeCounts of %q: no error", bad)
		}
	}
}

func TestBenchArgs(t *testing.T) {
	c := &comparison{settings: settings{run: "^p16", args: []string{"-pin"}}, dir: "/d"}
	var first []string
	for round := range 4 {
		args := c.benchArgs(round, "/bin/head")
		first = append(first, strings.Split(args[1+slices.Index(args, "-contenders")], ",")[0])
		if counted := slices.Contains(args, "-syscalls=true"); counted != (round == 0) {
			t.Errorf("round %d: %v", round, args)
		}
		if args[len(args)-1] != "-pin" || args[1+slices.Index(args, "-run")] != "^p16" || args[1+slices.Index(args, "-cashew")] != "/bin/head" {
			t.Errorf("round %d: %v", round, args)
		}
	}
	if want := []string{baseName, headName, baseName, headName}; !slices.Equal(first, want) {
		t.Errorf("%v go first; want %v", first, want)
	}
}

func TestParseSettings(t *testing.T) {
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	s, err := parseSettings(env(nil))
	if err != nil || !s.micro || !s.e2e || s.counts != 10 || s.rounds != 8 || !slices.Equal(s.pkgs, []string{"./..."}) {
		t.Errorf("parseSettings of nothing = %+v, %v", s, err)
	}
	s, err = parseSettings(env(map[string]string{"WHAT": "e2e,count", "ARGS": "-pin -set matrix", "ROUNDS": "12"}))
	if err != nil || s.micro || !s.count || !s.e2e || s.rounds != 12 || !slices.Equal(s.args, []string{"-pin", "-set", "matrix"}) {
		t.Errorf("parseSettings = %+v, %v", s, err)
	}
	for _, bad := range []map[string]string{{"WHAT": "all"}, {"WHAT": "micro,"}, {"COUNT": "0"}, {"COUNT": "x"}, {"ROUNDS": "-1"}} {
		if s, err := parseSettings(env(bad)); err == nil {
			t.Errorf("parseSettings(%v) = %+v; want an error", bad, s)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	none := func(string) string { return "" }
	for _, args := range [][]string{nil, {""}, {"a", "b", "c"}, {"no-such-revision"}} {
		if err := run(t.Context(), args, none, io.Discard, io.Discard); err == nil {
			t.Errorf("run(%q): no error", args)
		}
	}
}

// A revision's tree is checked out below the directory of the module, its benchmarks are built there, and it is gone
// from the repository afterwards.
func TestCheckout(t *testing.T) {
	repo := t.TempDir()
	module := filepath.Join(repo, "deeper", "module")
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(module, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = repo
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	write("go.mod", "module m\n\ngo 1.26\n")
	write("fast/x_test.go", "package fast\n\nimport \"testing\"\n\nfunc BenchmarkOld(b *testing.B) { for b.Loop() {} }\n")
	write("plain/x_test.go", "package plain\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n")
	git("init", "--quiet")
	git("add", "-A")
	git("commit", "--quiet", "-m", "one")
	write("fast/x_test.go", "package fast\n\nimport \"testing\"\n\nfunc BenchmarkNew(b *testing.B) { for b.Loop() {} }\n")

	c := &comparison{
		settings: settings{bench: ".", benchtime: "1x", pkgs: []string{"./..."}},
		dir:      t.TempDir(), root: module, stderr: io.Discard,
	}
	tree, dir, err := c.checkout(t.Context(), "base", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		side
		want string
	}{{side{"base", dir}, "BenchmarkOld"}, {side{"head", module}, "BenchmarkNew"}} {
		binaries, err := c.buildBenchmarks(t.Context(), tt.side)
		if err != nil || len(binaries) != 1 {
			t.Fatalf("%s: buildBenchmarks = %v, %v; want one package", tt.name, binaries, err)
		}
		text, err := c.runBenchmarks(t.Context(), binaries[0])
		if err != nil || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %v, printed %q; want %s", tt.name, err, text, tt.want)
		}
	}
	c.removeTree(t.Context(), tree)
	if list := git("worktree", "list"); strings.Contains(list, tree) {
		t.Errorf("still there:\n%s", list)
	}
}
