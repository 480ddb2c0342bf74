//go:build !race

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestInstructions holds the hot path to the instructions that were recorded for this architecture and Go version, within
// 5 % either way.
func TestInstructions(t *testing.T) {
	if testing.Short() {
		t.Skip("runs callgrind for ten seconds and more")
	}
	tree, err := findTree(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := readFigures(tree.figures())
	switch {
	case errors.Is(err, os.ErrNotExist):
		t.Skipf("no figures are recorded in %s", filepath.Base(tree.figures()))
	case err != nil:
		t.Fatal(err)
	case !usual():
		t.Skip("recorded with AVX2, which this processor has not got")
	}
	if _, err := exec.LookPath("valgrind"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("valgrind is not in PATH, and CI=true")
		}
		t.Skip("valgrind is not in PATH")
	}
	counted, err := count(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range compare(counted, recorded) {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	recorded := map[string]float64{"a": 100, "b": 100, "c": 100, "gone": 100}
	errs := compare([]figure{{"a", 104.9}, {"b", 105.1}, {"c", 94.9}, {"new", 1}}, recorded)
	var got []string
	for _, err := range errs {
		name, _, _ := strings.Cut(err.Error(), ":")
		got = append(got, name)
	}
	if want := []string{"b", "c", "new", "gone"}; !slices.Equal(got, want) {
		t.Errorf("compare complains about %v; want %v", got, want)
	}
}

func TestFigures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "testdata", "x.txt")
	if err := writeFigures(path, []figure{{"ring/Dispatch/a", 17}, {"engine/Round/get", 3250.25}}); err != nil {
		t.Fatal(err)
	}
	got, err := readFigures(path)
	if err != nil || len(got) != 2 || got["ring/Dispatch/a"] != 17 || got["engine/Round/get"] != 3250.2 {
		t.Errorf("readFigures = %v, %v", got, err)
	}
	for _, bad := range []string{"get\n", "get x\n", "get 0\n", "get -1\n"} {
		if err := os.WriteFile(path, []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := readFigures(path); err == nil {
			t.Errorf("readFigures of %q = %v; want an error", bad, got)
		}
	}
}

func TestPattern(t *testing.T) {
	s := suite{bench: "Hash", cases: []string{"fnv1a_64/16B", "md5/16B"}}
	if got, want := s.pattern(), "^BenchmarkHash$/^(fnv1a_64|md5)$/^(16B|16B)$"; got != want {
		t.Errorf("pattern = %s; want %s", got, want)
	}
	const out = "goos: linux\nBenchmarkHash/fnv1a_64/16B  \t 2000 \t 1.5 ns/op\nBenchmarkHash/md5/16B \t 2000\nBenchmarkOther/x\nPASS\n"
	if got := played(out, "Hash"); !slices.Equal(got, s.cases) {
		t.Errorf("played = %v; want %v", got, s.cases)
	}
}

func TestSum(t *testing.T) {
	const profile = `version: 1
positions: line
events: Ir

fn=(1) cashew/ring.(*Ring).Dispatch
0 100
+3 20
cfn=(2) testing.(*B).Loop
calls=7 0
0 5000
cfn=(3) runtime.memmove
calls=7 0
0 3000

fn=(2)
0 5000

fn=(3)
0 3000

fn=(4) runtime.findRunnable
0 70000

fn=(5) cashew/ring.BenchmarkDispatch.func1
0 900

fn=(1)
* 1

totals: 79021
`
	if n, err := sum(strings.NewReader(profile)); n != 3121 || err != nil {
		t.Errorf("sum = %d, %v; want 3121", n, err)
	}
	for _, bad := range []string{"", "fn=(1) cashew/ring.f\n0 many\n"} {
		if n, err := sum(strings.NewReader(bad)); err == nil {
			t.Errorf("sum(%q) = %d; want an error", bad, n)
		}
	}
}
